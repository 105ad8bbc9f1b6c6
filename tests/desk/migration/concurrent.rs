//! A migration while others work on the same tickets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use firstline::ticket::event::TransferCause;
use firstline::workflow::Migration;
use firstline::{Action, Actor, Change, Desk, Kind, NewTicket, Query, Snapshot, TicketId};

use super::world::{first, policy, second};

/// One thread migrates 600 tickets while another writes notes on all of them. As soon as the first batch is over it
/// also starts work on others, which brings them into a status that demands in the new version what they have not.
#[test]
fn work_during_a_migration_loses_nothing() {
    // The control: in one of a few attempts at least, the two met.
    assert!((0..8).any(|_| attempt() > 0), "the two never met");
}

/// How many tickets were moved under the migration's hands.
fn attempt() -> usize {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("desk.db");
    let desk = Desk::open(&file).unwrap();
    desk.setup().adopt(&policy(first())).unwrap();
    let open = |_| {
        let request = NewTicket::new("The lamp flickers").kind(Kind::from("return"));
        desk.open_ticket(request).unwrap().id()
    };
    let tickets: Vec<TicketId> = (0..600).map(open).collect();
    std::thread::sleep(std::time::Duration::from_millis(5));
    desk.setup().adopt(&policy(second())).unwrap();
    let plan =
        Migration::of("returns").from_version(1).to("returns", 2).map("Awaiting parcel", "Parcel on its way");

    let (over, meanwhile) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut done: HashMap<TicketId, (usize, usize)> = HashMap::new();
    let migrated = std::thread::scope(|scope| {
        let migration = scope.spawn(|| {
            let desk = Desk::open(&file).unwrap();
            while meanwhile.load(Ordering::Acquire) < 5 {
                std::thread::yield_now();
            }
            let migrated = desk.setup().migrate(&plan, Actor::automation("migration"));
            over.store(true, Ordering::Release);
            migrated
        });
        let anna = Actor::agent("anna");
        let mut begun = false;
        // From the end, so that the migration meets tickets that were moved after it had looked at them.
        for id in tickets.iter().rev().cycle() {
            if over.load(Ordering::Acquire) {
                break;
            }
            begun = begun || desk.ticket(tickets[0]).unwrap().workflow().version == 2;
            let (notes, starts) = done.entry(*id).or_default();
            if begun {
                *starts += usize::from(desk.act(*id, Action::start(), &anna).is_ok());
            } else {
                *notes += usize::from(desk.act(*id, Action::note("seen"), &anna).is_ok());
            }
            meanwhile.fetch_add(1, Ordering::Release);
        }
        migration.join().unwrap().unwrap()
    });
    let (mut new, mut old) = (0, 0);
    for id in &tickets {
        let (ticket, history) = (desk.ticket(*id).unwrap(), desk.records().history(*id).unwrap());
        assert_eq!(Snapshot::fold(&history).unwrap(), *ticket.snapshot());
        let count = |is: fn(&Change) -> bool| history.iter().filter(|event| is(&event.change)).count();
        let found =
            (count(|it| matches!(it, Change::Noted { .. })), count(|it| matches!(it, Change::Moved { .. })));
        assert_eq!(found, done.get(id).copied().unwrap_or_default(), "work was lost or done twice");
        let transfers =
            count(|it| matches!(it, Change::WorkflowMigrated { cause: TransferCause::Migration, .. }));
        assert_eq!(transfers, usize::from(ticket.workflow().version == 2));
        if transfers == 1 {
            new += 1
        } else {
            old += 1
        }
        assert!(transfers == 1 || ticket.status() == "Inspection", "{} was forgotten", ticket.number);
    }
    assert_eq!((new, old), (migrated.crossings.tickets, migrated.left.tickets));
    assert!(migrated.left.named.iter().all(|it| it.missing == ["category", "field.condition"]));
    assert_eq!(new + old, desk.find(Query::oldest().limit(1000)).unwrap().tickets.len());

    // What is left goes over once it has what is demanded.
    let plan = plan.fill("category", ["returns"]).fill("field.condition", "unknown");
    assert_eq!(desk.setup().migrate(&plan, Actor::automation("migration")).unwrap().crossings.tickets, old);
    old
}
