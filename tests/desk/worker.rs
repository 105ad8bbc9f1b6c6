//! The sweep over all desks: each timer fires once, at its own desk, for any number of workers.

use std::num::NonZeroUsize;

use firstline::*;

use crate::stage;

use stage::{AnyDesk, Stage, anna, monday, on_each_store};

/// A ticket that closes after five days of silence.
fn resolved(desk: &AnyDesk) -> TicketId {
    let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
    desk.act(id, Action::resolve("unmuted"), anna()).unwrap();
    id
}

fn closings(desk: &AnyDesk, ticket: TicketId) -> usize {
    let history = desk.records().history(ticket).unwrap();
    history
        .iter()
        .filter(|event| matches!(&event.change, Change::StateChanged { to, .. } if to.kind() == StateKind::Closed))
        .count()
}

fn desks(stage: &Stage) -> Vec<AnyDesk> {
    ["acme-2", "beta", "гамма"].map(|name| stage.other_desk(name)).to_vec()
}

#[test]
fn all_desks_are_drained_in_batches_of_any_size() {
    for batch in [1, 2, 3, 200] {
        on_each_store(|stage| {
            let desks = desks(stage);
            let tickets: Vec<_> =
                desks.iter().flat_map(|desk| (0..3).map(move |_| (desk, resolved(desk)))).collect();
            let worker = Worker::over(stage.store.clone()).batch(NonZeroUsize::new(batch).unwrap());
            let due = monday() + TimeDelta::days(5);
            assert_eq!(worker.tick(due - TimeDelta::microseconds(1)).unwrap().fired, 0);
            let drained = worker.tick(due).unwrap();
            assert_eq!((drained.fired, drained.failed.len()), (9, 0), "{}", stage.name);
            for (desk, ticket) in tickets {
                assert_eq!(desk.ticket(ticket).unwrap().closed_at, Some(due));
                assert_eq!(closings(desk, ticket), 1);
            }
            assert_eq!(worker.tick(due).unwrap().fired, 0);
        });
    }
}

#[test]
fn each_timer_fires_once_for_any_number_of_workers() {
    on_each_store(|stage| {
        let desks = desks(stage);
        let tickets: Vec<_> =
            desks.iter().flat_map(|desk| (0..40).map(move |_| (desk, resolved(desk)))).collect();
        let due = monday() + TimeDelta::days(5);
        let fired: usize = std::thread::scope(|scope| {
            let drain = || {
                let worker = Worker::over(stage.store.clone());
                scope.spawn(move || worker.tick(due).unwrap().fired)
            };
            let workers: Vec<_> = (0..4).map(|_| drain()).collect();
            workers.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(fired, 120, "{}", stage.name);
        assert!(tickets.into_iter().all(|(desk, ticket)| closings(desk, ticket) == 1));
    });
}

/// A worker for all desks may run concurrently with the ticks of a single desk.
#[test]
fn a_worker_and_a_desks_tick_share_the_work() {
    on_each_store(|stage| {
        let desks = desks(stage);
        for desk in &desks {
            resolved(desk);
        }
        let due = monday() + TimeDelta::days(5);
        assert_eq!(desks[1].tick(due).unwrap().fired, 1);
        assert_eq!(Worker::over(stage.store.clone()).tick(due).unwrap().fired, 2);
    });
}

#[test]
#[cfg(feature = "sqlite")]
fn an_unreadable_ticket_does_not_block_the_others() {
    use firstline::desk::Settings;
    use firstline::sqlite::Sqlite;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = Sqlite::open(&file).unwrap();
    let time = time::ManualTime::at(monday());
    let resolved = |name: &str| {
        let desk = store.desk(Settings::new(name).time(time.clone()));
        let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        desk.act(id, Action::resolve("unmuted"), anna()).unwrap();
        id
    };
    let broken = resolved("acme");
    for _ in 0..4 {
        resolved("beta");
    }
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute("UPDATE firstline_ticket SET facts = '{' WHERE desk = 'acme'", []).unwrap();
    let worker = Worker::over(store.clone()).batch(NonZeroUsize::MIN);
    for fired in [4, 0] {
        let drained = worker.tick(monday() + TimeDelta::days(5)).unwrap();
        assert_eq!(drained.fired, fired);
        let [failed] = &drained.failed[..] else { panic!("{drained:?}") };
        assert_eq!(
            (failed.desk.as_str(), failed.ticket, failed.error.kind()),
            ("acme", broken, ErrorKind::Corrupt)
        );
    }
    // A failure of the store, not of a ticket, stops the sweep.
    resolved("beta");
    raw.execute_batch("ALTER TABLE firstline_event RENAME TO away").unwrap();
    let report = worker.tick(monday() + TimeDelta::days(5)).unwrap();
    assert_eq!((report.fired, report.failed.len()), (0, 2), "{report:?}");
    assert_eq!(report.stopped.map(|error| error.kind()), Some(ErrorKind::Storage));
    raw.execute_batch("ALTER TABLE away RENAME TO firstline_event").unwrap();
    assert_eq!(worker.tick(monday() + TimeDelta::days(5)).unwrap().fired, 1);
}
