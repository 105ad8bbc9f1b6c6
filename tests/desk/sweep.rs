//! A sweep that meets what it cannot have: a long transaction, a store that is busy, a server that is gone. It gives up
//! soon, tells what it did, and no desk waits for another's trouble.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use firstline::desk::TickReport;
use firstline::memory::{Memory, MemoryTx};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::*;

/// A store that refuses to claim some tickets, or everything, and counts how often it was asked in vain.
#[derive(Clone, Default)]
struct Trouble(Arc<Inner>);

#[derive(Default)]
struct Inner {
    store: Memory,
    /// Held by somebody else's transaction.
    held: Mutex<BTreeSet<TicketId>>,
    /// What any attempt to write meets, and after how many that succeed.
    broken: Mutex<Option<(ErrorKind, usize)>>,
    /// What any listing meets.
    unlisted: Mutex<Option<ErrorKind>>,
    in_vain: AtomicUsize,
    /// Transactions that were to write.
    writes: AtomicUsize,
    /// Happens once, before the next of them.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

struct TroubledTx<'a> {
    tx: MemoryTx<'a>,
    inner: &'a Inner,
    mode: Mode,
}

impl Inner {
    fn refused<T>(&self, kind: ErrorKind) -> Result<T> {
        self.in_vain.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(kind, "ten seconds later"))
    }
}

impl Store for Trouble {
    type Tx<'a> = TroubledTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<TroubledTx<'_>> {
        if mode == Mode::Write {
            let meanwhile = self.0.meanwhile.lock().unwrap().take();
            meanwhile.into_iter().for_each(|happens| happens());
            self.0.writes.fetch_add(1, Ordering::Relaxed);
        }
        if mode == Mode::Write
            && let Some((kind, still)) = &mut *self.0.broken.lock().unwrap()
        {
            if *still == 0 {
                return self.0.refused(*kind);
            }
            *still -= 1;
        }
        Ok(TroubledTx { tx: self.0.store.begin(desk, mode)?, inner: &self.0, mode })
    }
}

impl Tx for TroubledTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        for read in reads {
            match read {
                Read::Ticket(id)
                    if self.mode == Mode::Write && self.inner.held.lock().unwrap().contains(id) =>
                {
                    return self.inner.refused(ErrorKind::Busy);
                }
                Read::Due { .. } | Read::DueTickets { .. } => {
                    if let Some(kind) = *self.inner.unlisted.lock().unwrap() {
                        return self.inner.refused(kind);
                    }
                }
                _ => {}
            }
        }
        self.tx.load(reads)
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        self.tx.commit(commit)
    }
}

impl Trouble {
    /// So many tickets at a desk that a silence of five days closes.
    fn resolved(&self, desk: &str, count: usize) -> Vec<TicketId> {
        let desk = Desk::over(self.clone(), desk);
        let open = |_| {
            let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
            desk.act(id, Action::resolve("unmuted"), Actor::agent("anna")).unwrap();
            id
        };
        (0..count).map(open).collect()
    }

    fn holds(&self, tickets: &[TicketId]) {
        self.0.held.lock().unwrap().extend(tickets);
    }

    fn breaks(&self, kind: ErrorKind, after: usize) {
        *self.0.broken.lock().unwrap() = Some((kind, after));
    }

    fn is_well_again(&self) {
        self.0.held.lock().unwrap().clear();
        *self.0.broken.lock().unwrap() = None;
        *self.0.unlisted.lock().unwrap() = None;
    }

    fn in_vain(&self) -> usize {
        self.0.in_vain.swap(0, Ordering::Relaxed)
    }

    fn drain(&self) -> TickReport {
        Worker::over(self.clone()).drain(late()).unwrap()
    }

    fn tick(&self, desk: &str) -> TickReport {
        Desk::over(self.clone(), desk).tick(late()).unwrap()
    }
}

fn late() -> DateTime<Utc> {
    "2100-01-01T00:00:00Z".parse().unwrap()
}

fn stopped_by(report: &TickReport) -> Option<ErrorKind> {
    report.stopped.as_ref().map(Error::kind)
}

#[test]
fn one_desks_long_transaction_ended_the_worker_for_all_desks() {
    let store = Trouble::default();
    // Due before and after the others, in every sweep of them at another place.
    let acme: Vec<_> = store.resolved("acme", 50);
    store.resolved("beta", 1);
    let more = store.resolved("acme", 49);
    store.holds(&[acme, more].concat());
    let report = store.drain();
    assert_eq!(report.fired, 1, "{report:?}");
    assert!(report.stopped.is_none(), "beta's ticket shows the store to be well: {report:?}");
    assert_eq!(report.skipped, ["acme".into()]);
    assert!(report.failed.iter().all(|it| it.desk.as_str() == "acme" && it.error.is_retryable()));
    assert_eq!((report.failed.len(), store.in_vain()), (2, 2), "{report:?}");

    // Now there is but one desk with anything due, and it cannot be had.
    let report = store.drain();
    assert_eq!(
        (report.fired, stopped_by(&report), store.in_vain()),
        (0, Some(ErrorKind::Busy), 2),
        "{report:?}"
    );
    store.is_well_again();
    assert_eq!(store.drain().fired, 99);
}

#[test]
fn two_desks_that_are_held_keep_no_other_waiting() {
    let store = Trouble::default();
    for page in [1, 3, 200] {
        store.holds(&store.resolved("acme", 20));
        store.holds(&store.resolved("beta", 20));
        store.resolved("gamma", 3);
        let worker = Worker::over(store.clone()).batch(page.try_into().unwrap());
        let report = worker.drain(late()).unwrap();
        assert_eq!(report.fired, 3, "{page} at a time: {report:?}");
        assert!(report.stopped.is_none() && store.in_vain() <= 4, "{report:?}");
        store.is_well_again();
        assert_eq!(store.drain().fired, 40);
    }
}

#[test]
fn three_desks_that_are_held_kept_all_others_waiting() {
    let store = Trouble::default();
    for page in [1, 3, 20, 200] {
        for desk in ["acme", "beta", "delta"] {
            store.holds(&store.resolved(desk, 20));
        }
        store.resolved("gamma", 3);
        // Whatever is drawn, and whether gamma is on the same page or on the last.
        for left in (0..3).rev() {
            let worker = Worker::over(store.clone()).batch(page.try_into().unwrap());
            let report = worker.drain(late()).unwrap();
            assert_eq!(report.fired, 3, "{page} at a time: {report:?}");
            assert!(store.in_vain() <= 6, "{report:?}");
            store.resolved("gamma", if left > 0 { 3 } else { 0 });
        }
        store.is_well_again();
        assert_eq!(store.drain().fired, 60);
    }
}

#[test]
fn what_stopped_a_sweep_did_not_say_whose_failure_it_was() {
    let store = Trouble::default();
    let ticket = store.resolved("acme", 1)[0];
    store.breaks(ErrorKind::Busy, 0);
    for report in [store.tick("acme"), store.drain()] {
        assert_eq!((report.failed.len(), report.failed[0].ticket), (1, ticket), "{report:?}");
        assert_eq!(stopped_by(&report), Some(ErrorKind::Busy));
        assert_eq!(
            report.stopped.unwrap().to_string(),
            format!("ticket {ticket} of desk acme: ten seconds later")
        );
    }
}

#[test]
fn a_tick_over_a_busy_store_waited_for_it_at_each_of_500_tickets() {
    let store = Trouble::default();
    store.resolved("acme", 500);
    for kind in [ErrorKind::Busy, ErrorKind::Storage, ErrorKind::Schema, ErrorKind::Unknown] {
        store.breaks(kind, 0);
        for sweep in [|store: &Trouble| store.tick("acme"), Trouble::drain] {
            let report = sweep(&store);
            assert_eq!((report.fired, stopped_by(&report)), (0, Some(kind)), "{report:?}");
            assert_eq!(store.in_vain(), 2);
        }
    }
    // Several desks: all on one page, so that it is known how many they are.
    store.is_well_again();
    assert_eq!(store.drain().fired, 500);
    for (n, attempts) in [(1, 2), (2, 4), (3, 3), (4, 4), (5, 4)] {
        store.is_well_again();
        store.resolved(&format!("desk-{n}"), 5);
        store.breaks(ErrorKind::Busy, 0);
        let report = store.drain();
        assert_eq!((report.fired, stopped_by(&report)), (0, Some(ErrorKind::Busy)), "{report:?}");
        assert_eq!(store.in_vain(), attempts, "{n} desks");
    }
}

#[test]
fn what_fired_before_the_store_broke_was_lost_with_the_error() {
    for kind in [ErrorKind::Busy, ErrorKind::Storage] {
        for all_desks in [true, false] {
            let store = Trouble::default();
            for desk in ["acme", "beta", "gamma", "delta"] {
                store.resolved(if all_desks { desk } else { "acme" }, 10);
            }
            store.breaks(kind, 7);
            let report = if all_desks { store.drain() } else { store.tick("acme") };
            assert_eq!((report.fired, stopped_by(&report)), (7, Some(kind)), "{report:?}");
            assert!(store.in_vain() <= 4);
            store.is_well_again();
            assert_eq!(store.drain().fired, 33);
        }
    }
}

#[test]
fn a_listing_that_fails_is_told_beside_what_fired_before_it() {
    let store = Trouble::default();
    store.resolved("acme", 3);
    *store.0.unlisted.lock().unwrap() = Some(ErrorKind::Schema);
    for report in [store.tick("acme"), store.drain()] {
        assert_eq!((report.fired, stopped_by(&report)), (0, Some(ErrorKind::Schema)), "{report:?}");
        assert!(report.failed.is_empty());
    }
    assert!(Desk::over(store, "").tick(late()).unwrap_err().is_invalid(), "that no store was asked");
}

#[test]
fn a_ticket_that_is_held_alone_puts_no_desk_aside() {
    let store = Trouble::default();
    for _ in 0..20 {
        let tickets = store.resolved("acme", 12);
        store.holds(&tickets[7..8]);
        let report = store.tick("acme");
        assert_eq!((report.fired, report.failed.len()), (11, 1), "{report:?}");
        assert!(report.stopped.is_none() && report.skipped.is_empty(), "{report:?}");
        assert_eq!((report.failed[0].ticket, store.in_vain()), (tickets[7], 1));
        // Alone, nothing shows whether it is the ticket or the store.
        assert_eq!(stopped_by(&store.tick("acme")), Some(ErrorKind::Busy));
        store.is_well_again();
        let _ = (store.drain(), store.in_vain());
    }
}

/// What another worker does between a page and its first ticket is not looked at ticket by ticket.
#[test]
fn most_looks_of_several_workers_were_in_vain() {
    let store = Trouble::default();
    store.resolved("acme", 100);
    let (other, looks) = (store.clone(), store.0.writes.load(Ordering::Relaxed));
    *store.0.meanwhile.lock().unwrap() = Some(Box::new(move || assert_eq!(other.drain().fired, 100)));
    let report = store.drain();
    assert_eq!((report.fired, report.failed.len()), (0, 0), "{report:?}");
    assert_eq!(
        store.0.writes.load(Ordering::Relaxed) - looks,
        101,
        "a hundred of the other's, and one in vain"
    );
}
