//! The SQLite store, end to end in a file.

#![allow(clippy::disallowed_methods)]

use firstline::*;
#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(dir.path().join("a.db")).unwrap();
    let anna = Actor::agent("anna");
    let t = desk.open_ticket(NewTicket::new("Привет").from("boris").saying("hello").once("k1")).unwrap();
    let t2 = desk.open_ticket(NewTicket::new("Привет").from("boris").saying("hello").once("k1")).unwrap();
    assert_eq!(t, t2);
    let id = t.id();
    let t = desk.commit(t.start(), &anna).unwrap();
    let _ = desk.commit(t.resolve("done"), &anna).unwrap();
    let h = desk.records().history(id).unwrap();
    assert_eq!(Snapshot::fold(&h).unwrap(), *desk.ticket("T-1").unwrap().snapshot());
    let r = desk.tick(Utc::now() + TimeDelta::days(6)).unwrap();
    assert_eq!(r.fired, 1);
    assert!(r.failed.is_empty());
    assert_eq!(desk.ticket(id).unwrap().state().to_string(), "closed");
    assert_eq!(desk.find(Query::newest()).unwrap().tickets.len(), 1);
    assert_eq!(desk.find(Query::inbox().team("x")).unwrap().tickets.len(), 0);
}
