//! A migration while another thread works on the same tickets.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use firstline::desk::Settings;
use firstline::operation::{Engine, Job, Operation};
use firstline::sqlite::{Sqlite, SqliteOptions};
use firstline::store::Mode;
use firstline::ticket::event::MigrationCause;
use firstline::time::ManualTime;
use firstline::workflow::Migration;
use firstline::{
    Action, Actor, Change, Desk, DeskId, Kind, NewTicket, Query, Result, Snapshot, TicketId, TimeDelta,
};

use super::stage::{Counted, monday};
use super::world::{first, policy, second};

const TICKETS: usize = 600;

/// The number of tickets that a migration writes in one transaction.
const BATCH: usize = 100;

/// The number of tickets that are started between the first batch and the second.
const STARTED: usize = 50;

/// A store whose jobs pause after their first step that writes.
#[derive(Debug)]
struct PausingStore {
    store: Sqlite,
    /// Announces the pause, and ends the pause. `None` after it.
    pause: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Engine for PausingStore {
    type Reply<'a, T: Send + 'a> = Result<T>;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        self.store.run(desk, operation)
    }

    fn run_job<J: Job>(&self, desk: &DeskId, mut job: J) -> Result<J::Out> {
        while let Some(step) = job.next() {
            let writes = matches!(step.mode(), Mode::Write);
            let result = self.run(desk, step.clone());
            if let Some((paused, resume)) = writes.then(|| self.pause.lock().unwrap().take()).flatten() {
                paused.send(()).unwrap();
                resume.recv().unwrap();
            }
            step.complete(&mut job, result)?;
        }
        Ok(job.finish())
    }
}

/// One thread migrates 600 tickets while another adds notes to all of them. Between the first batch and the second,
/// the other thread starts work on 50 tickets that are still to be migrated. This moves them into a status whose new
/// version demands fields that they do not have, so the migration has to leave them. Then both threads go on.
#[test]
fn work_during_a_migration_is_neither_lost_nor_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("desk.db");
    // Only a hang can reach this timeout.
    let open = || SqliteOptions::new().acquire_timeout(Duration::from_secs(60)).open(&file).unwrap();
    let (time, ids) = (ManualTime::at(monday()), Counted::default());
    let settings = || Settings::new("acme").time(time.clone()).ids(ids.clone());
    let desk = open().desk(settings());
    desk.setup().adopt(&policy(first())).unwrap();
    let open_ticket = |_| {
        let request = NewTicket::new("The lamp flickers").kind(Kind::from("return"));
        desk.open_ticket(request).unwrap().id()
    };
    let tickets: Vec<TicketId> = (0..TICKETS).map(open_ticket).collect();
    time.advance(TimeDelta::minutes(1));
    desk.setup().adopt(&policy(second())).unwrap();
    let plan =
        Migration::of("returns").from_version(1).to("returns", 2).map("Awaiting parcel", "Parcel on its way");

    let anna = Actor::agent("anna");
    let mut done: HashMap<TicketId, (usize, usize)> = HashMap::new();
    let migrated = std::thread::scope(|scope| {
        // The channels are dropped if this closure panics, which ends the pause.
        let ((begin, may_begin), (paused, is_paused), (resume, may_resume)) =
            (channel(), channel(), channel());
        let (store, settings, plan) = (open(), settings(), &plan);
        let migration = scope.spawn(move || {
            let store = PausingStore { store, pause: Mutex::new(Some((paused, may_resume))) };
            let desk = Desk::over(store, settings);
            may_begin.recv().unwrap();
            desk.setup().migrate(plan, Actor::automation("migration"))
        });

        for (written, id) in tickets.iter().rev().cycle().enumerate() {
            if written == 5 {
                begin.send(()).unwrap();
            }
            if is_paused.try_recv() != Err(TryRecvError::Empty) {
                break;
            }
            desk.act(*id, Action::note("seen"), &anna).unwrap();
            done.entry(*id).or_default().0 += 1;
        }

        let is_old = |id: &&TicketId| desk.ticket(**id).unwrap().workflow_ref().version == 1;
        let still_old: Vec<&TicketId> = tickets.iter().filter(is_old).collect();
        assert_eq!(still_old.len(), TICKETS - BATCH, "the migration pauses after its first batch");
        for id in still_old.into_iter().rev().take(STARTED) {
            desk.act(*id, Action::start(), &anna).unwrap();
            done.entry(*id).or_default().1 += 1;
        }
        resume.send(()).unwrap();

        // In reverse order, so that the migration reaches tickets that were started after its rehearsal.
        for id in tickets.iter().rev().cycle().take_while(|_| !migration.is_finished()) {
            done.entry(*id).or_default().1 += usize::from(desk.act(*id, Action::start(), &anna).is_ok());
        }
        migration.join().unwrap().unwrap()
    });

    let (mut new, mut old) = (0, 0);
    for id in &tickets {
        let (ticket, history) = (desk.ticket(*id).unwrap(), desk.records().history(*id).unwrap());
        assert_eq!(Snapshot::fold(&history).unwrap(), *ticket.snapshot());
        let count = |is: fn(&Change) -> bool| history.iter().filter(|event| is(&event.change)).count();
        let found = (
            count(|it| matches!(it, Change::NoteAdded { .. })),
            count(|it| matches!(it, Change::StateChanged { .. })),
        );
        assert_eq!(found, done.get(id).copied().unwrap_or_default(), "work was lost or done twice");
        let transfers =
            count(|it| matches!(it, Change::WorkflowMigrated { cause: MigrationCause::Migration, .. }));
        assert_eq!(transfers, usize::from(ticket.workflow_ref().version == 2));
        if transfers == 1 {
            new += 1
        } else {
            old += 1
        }
        assert!(transfers == 1 || ticket.status() == "Inspection", "{} was not migrated", ticket.number);
    }
    assert!(old >= STARTED, "only {old} tickets were started before their batch");
    assert_eq!((new, old), (migrated.counts.tickets, migrated.blocked.tickets));
    assert!(migrated.blocked.listed.iter().all(|it| it.missing == ["category", "field.condition"]));
    assert_eq!(new + old, desk.find(Query::oldest().limit(1000)).unwrap().tickets.len());

    // The remaining tickets are migrated once the plan fills in the required fields.
    let plan = plan.fill("category", ["returns"]).fill("field.condition", "unknown");
    assert_eq!(desk.setup().migrate(&plan, Actor::automation("migration")).unwrap().counts.tickets, old);
}
