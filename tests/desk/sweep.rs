//! Sweeps despite locked tickets, a busy store or a lost server: a sweep stops soon, reports its outcome, and no desk
//! waits for another desk's failure.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use firstline::desk::{Settings, TickReport};
use firstline::import::ImportClocks;
use firstline::memory::{Memory, MemoryTx};
use firstline::sla::{Agreement, Metric, Target};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::time::{ManualTime, TimeSource};
use firstline::*;

/// A store that refuses to lock some tickets, or fails at every write, and counts its refusals.
#[derive(Clone, Default)]
struct FaultyStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    store: Memory,
    /// Tickets locked by another transaction.
    locked: Mutex<BTreeSet<TicketId>>,
    /// The error of every write, after this number of successful ones.
    write_error: Mutex<Option<(ErrorKind, usize)>>,
    /// The error of every listing of due tickets.
    listing_error: Mutex<Option<ErrorKind>>,
    refusals: AtomicUsize,
    /// The number of pages of tickets that were read.
    pages: AtomicUsize,
    /// The number of write transactions.
    writes: AtomicUsize,
    /// Runs once, before the next write transaction.
    before_next_write: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

struct FaultyTx<'a> {
    tx: MemoryTx<'a>,
    inner: &'a Inner,
    mode: Mode,
}

impl Inner {
    fn refuse<T>(&self, kind: ErrorKind) -> Result<T> {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(kind, "ten seconds later"))
    }
}

impl Store for FaultyStore {
    type Tx<'a> = FaultyTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<FaultyTx<'_>> {
        if mode == Mode::Write {
            let before_next_write = self.0.before_next_write.lock().unwrap().take();
            before_next_write.into_iter().for_each(|happens| happens());
            self.0.writes.fetch_add(1, Ordering::Relaxed);
        }
        if mode == Mode::Write
            && let Some((kind, left)) = &mut *self.0.write_error.lock().unwrap()
        {
            if *left == 0 {
                return self.0.refuse(*kind);
            }
            *left -= 1;
        }
        Ok(FaultyTx { tx: self.0.store.begin(desk, mode)?, inner: &self.0, mode })
    }
}

impl Tx for FaultyTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        for read in reads {
            match read {
                Read::Ticket(id)
                    if self.mode == Mode::Write && self.inner.locked.lock().unwrap().contains(id) =>
                {
                    return self.inner.refuse(ErrorKind::Busy);
                }
                Read::Find(_) => drop(self.inner.pages.fetch_add(1, Ordering::Relaxed)),
                Read::DueTimers { .. } | Read::DueTickets { .. } => {
                    if let Some(kind) = *self.inner.listing_error.lock().unwrap() {
                        return self.inner.refuse(kind);
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

impl FaultyStore {
    /// Opens and resolves tickets that five days of silence will close.
    fn resolved(&self, desk: &str, count: usize) -> Vec<TicketId> {
        let desk = Desk::over(self.clone(), desk);
        let open = |_| {
            let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
            desk.act(id, Action::resolve("unmuted"), Actor::agent("anna")).unwrap();
            id
        };
        (0..count).map(open).collect()
    }

    fn lock_tickets(&self, tickets: &[TicketId]) {
        self.0.locked.lock().unwrap().extend(tickets);
    }

    fn fail_writes(&self, kind: ErrorKind, after: usize) {
        *self.0.write_error.lock().unwrap() = Some((kind, after));
    }

    fn repair(&self) {
        self.0.locked.lock().unwrap().clear();
        *self.0.write_error.lock().unwrap() = None;
        *self.0.listing_error.lock().unwrap() = None;
    }

    fn take_refusals(&self) -> usize {
        self.0.refusals.swap(0, Ordering::Relaxed)
    }

    fn drain(&self) -> TickReport {
        Worker::over(self.clone()).tick(late()).unwrap()
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
fn a_long_transaction_of_one_desk_does_not_stop_the_other_desks() {
    let store = FaultyStore::default();
    // In due order, before and after the ticket of the other desk. Each sweep starts at a random place.
    let acme: Vec<_> = store.resolved("acme", 50);
    store.resolved("beta", 1);
    let more = store.resolved("acme", 49);
    store.lock_tickets(&[acme, more].concat());
    let report = store.drain();
    assert_eq!(report.fired, 1, "{report:?}");
    assert!(report.stopped.is_none(), "beta's ticket shows that the store works: {report:?}");
    assert_eq!(report.skipped, ["acme".into()]);
    assert!(report.failed.iter().all(|it| it.desk.as_str() == "acme" && it.error.is_retryable()));
    assert_eq!((report.failed.len(), store.take_refusals()), (2, 2), "{report:?}");

    // Only one desk has anything due, and its tickets are locked.
    let report = store.drain();
    assert_eq!(
        (report.fired, stopped_by(&report), store.take_refusals()),
        (0, Some(ErrorKind::Busy), 2),
        "{report:?}"
    );
    store.repair();
    assert_eq!(store.drain().fired, 99);
}

#[test]
fn two_desks_with_locked_tickets_do_not_block_a_third() {
    let store = FaultyStore::default();
    for page in [1, 3, 200] {
        store.lock_tickets(&store.resolved("acme", 20));
        store.lock_tickets(&store.resolved("beta", 20));
        store.resolved("gamma", 3);
        let worker = Worker::over(store.clone()).batch(page.try_into().unwrap());
        let report = worker.tick(late()).unwrap();
        assert_eq!(report.fired, 3, "{page} at a time: {report:?}");
        assert!(report.stopped.is_none() && store.take_refusals() <= 4, "{report:?}");
        store.repair();
        assert_eq!(store.drain().fired, 40);
    }
}

#[test]
fn three_desks_with_locked_tickets_do_not_block_a_fourth() {
    let store = FaultyStore::default();
    for page in [1, 3, 20, 200] {
        for desk in ["acme", "beta", "delta"] {
            store.lock_tickets(&store.resolved(desk, 20));
        }
        store.resolved("gamma", 3);
        // For any random order, with gamma on the same page or on the last one.
        for left in (0..3).rev() {
            let worker = Worker::over(store.clone()).batch(page.try_into().unwrap());
            let report = worker.tick(late()).unwrap();
            assert_eq!(report.fired, 3, "{page} at a time: {report:?}");
            assert!(store.take_refusals() <= 6, "{report:?}");
            store.resolved("gamma", if left > 0 { 3 } else { 0 });
        }
        store.repair();
        assert_eq!(store.drain().fired, 60);
    }
}

#[test]
fn a_stopped_sweep_names_the_desk_and_the_ticket() {
    let store = FaultyStore::default();
    let ticket = store.resolved("acme", 1)[0];
    store.fail_writes(ErrorKind::Busy, 0);
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
fn a_sweep_of_a_busy_store_stops_after_a_few_tickets() {
    let store = FaultyStore::default();
    store.resolved("acme", 500);
    for kind in [ErrorKind::Busy, ErrorKind::Storage, ErrorKind::Schema, ErrorKind::Unknown] {
        store.fail_writes(kind, 0);
        for sweep in [|store: &FaultyStore| store.tick("acme"), FaultyStore::drain] {
            let report = sweep(&store);
            assert_eq!((report.fired, stopped_by(&report)), (0, Some(kind)), "{report:?}");
            assert_eq!(store.take_refusals(), 2);
        }
    }
    // With several desks on one page, the sweep knows their number.
    store.repair();
    assert_eq!(store.drain().fired, 500);
    for (n, attempts) in [(1, 2), (2, 4), (3, 3), (4, 4), (5, 4)] {
        store.repair();
        store.resolved(&format!("desk-{n}"), 5);
        store.fail_writes(ErrorKind::Busy, 0);
        let report = store.drain();
        assert_eq!((report.fired, stopped_by(&report)), (0, Some(ErrorKind::Busy)), "{report:?}");
        assert_eq!(store.take_refusals(), attempts, "{n} desks");
    }
}

#[test]
fn a_stopped_sweep_reports_the_timers_fired_before() {
    for kind in [ErrorKind::Busy, ErrorKind::Storage] {
        for all_desks in [true, false] {
            let store = FaultyStore::default();
            for desk in ["acme", "beta", "gamma", "delta"] {
                store.resolved(if all_desks { desk } else { "acme" }, 10);
            }
            store.fail_writes(kind, 7);
            let report = if all_desks { store.drain() } else { store.tick("acme") };
            assert_eq!((report.fired, stopped_by(&report)), (7, Some(kind)), "{report:?}");
            assert!(store.take_refusals() <= 4);
            store.repair();
            assert_eq!(store.drain().fired, 33);
        }
    }
}

#[test]
fn a_failed_listing_is_reported() {
    let store = FaultyStore::default();
    store.resolved("acme", 3);
    *store.0.listing_error.lock().unwrap() = Some(ErrorKind::Schema);
    for report in [store.tick("acme"), store.drain()] {
        assert_eq!((report.fired, stopped_by(&report)), (0, Some(ErrorKind::Schema)), "{report:?}");
        assert!(report.failed.is_empty());
    }
    assert!(
        Desk::over(store, "").tick(late()).unwrap_err().is_invalid(),
        "an invalid desk id reached the store"
    );
}

#[test]
fn one_locked_ticket_skips_no_desk() {
    let store = FaultyStore::default();
    for _ in 0..20 {
        let tickets = store.resolved("acme", 12);
        store.lock_tickets(&tickets[7..8]);
        let report = store.tick("acme");
        assert_eq!((report.fired, report.failed.len()), (11, 1), "{report:?}");
        assert!(report.stopped.is_none() && report.skipped.is_empty(), "{report:?}");
        assert_eq!((report.failed[0].ticket, store.take_refusals()), (tickets[7], 1));
        // If nothing else is due, the sweep cannot distinguish a locked ticket from a busy store.
        assert_eq!(stopped_by(&store.tick("acme")), Some(ErrorKind::Busy));
        store.repair();
        let _ = (store.drain(), store.take_refusals());
    }
}

/// Tickets that another worker finished after the listing cost one write in total, not one each.
#[test]
fn a_sweep_relists_after_another_worker_did_its_work() {
    let store = FaultyStore::default();
    store.resolved("acme", 100);
    let (other, writes_before) = (store.clone(), store.0.writes.load(Ordering::Relaxed));
    *store.0.before_next_write.lock().unwrap() = Some(Box::new(move || assert_eq!(other.drain().fired, 100)));
    let report = store.drain();
    assert_eq!((report.fired, report.failed.len()), (0, 0), "{report:?}");
    assert_eq!(
        store.0.writes.load(Ordering::Relaxed) - writes_before,
        101,
        "100 by the other worker and one without effect"
    );
}

/// Regression: the instant before the first one panicked.
#[test]
fn a_tick_at_the_first_and_the_last_instant_is_served() {
    use firstline::memory::Memory;
    for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let store = Memory::new();
        let desk = store.desk("acme");
        desk.open_ticket(NewTicket::new("No sound")).unwrap();
        assert!(desk.tick(now).unwrap().failed.is_empty());
        assert!(Worker::over(store).tick(now).unwrap().failed.is_empty());
    }
}

/// Every change of the agreements made the next tick read all open and resolved tickets, to look for imported tickets
/// without clocks.
#[test]
fn an_adoption_without_imported_tickets_makes_no_tick_read_all_tickets() {
    let begin: DateTime<Utc> = "2026-03-02T09:00:00Z".parse().unwrap();
    let agreed = |hours| {
        let target = Target::new(Metric::Resolution).within(TimeDelta::hours(hours));
        Policy::new().agreement(Agreement::new("standard", 1).target(target))
    };
    let imported = |end: State, clocks| {
        let at = |minutes| begin - TimeDelta::minutes(minutes);
        let opened = ImportedVersion::new(at(60), Actor::contact("boris")).subject("No sound");
        let ended = ImportedVersion::new(at(30), Actor::agent("anna")).status(end);
        ImportedTicket::new("old", "1").version(opened).version(ended).clocks(clocks)
    };
    let waiting = || imported(state::Active.into(), ImportClocks::FromOpening);
    // The tickets that are imported before the adoption, and between the adoption and the instant that it is for.
    for (before, between, reads) in [
        (None, None, false),
        (Some(waiting()), None, true),
        (None, Some(waiting()), true),
        (None, Some(imported(state::Closed.into(), ImportClocks::FromOpening)), false),
        (None, Some(imported(state::Active.into(), ImportClocks::Never)), false),
    ] {
        for planned in [false, true] {
            let (store, time) = (FaultyStore::default(), ManualTime::at(begin));
            let desk = Desk::over(store.clone(), Settings::new("acme").time(time.clone()));
            desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap();
            let import = |ticket: &Option<ImportedTicket>| {
                let done = desk.records().import(ticket.clone()).unwrap();
                assert!(done.refused.is_empty(), "{:?}", done.refused);
            };
            let pages_of_a_tick = || {
                time.advance(TimeDelta::minutes(5));
                store.0.pages.store(0, Ordering::Relaxed);
                let report = desk.tick(time.now()).unwrap();
                assert!(report.failed.is_empty(), "{report:?}");
                store.0.pages.load(Ordering::Relaxed)
            };
            import(&before);
            let from = begin + TimeDelta::minutes(if planned { 8 } else { 0 });
            desk.setup().adopt_from(&agreed(8), from).unwrap();
            import(&between);
            let name = format!("{before:?} {between:?} {planned}");
            if planned {
                assert_eq!(pages_of_a_tick(), 0, "the policy has not taken effect: {name}");
            }
            // A ticket that is imported under the agreements gets its clocks at once.
            let reads = reads && (planned || between.is_none());
            assert_eq!(pages_of_a_tick() > 0, reads, "{name}");
            if reads {
                let clocks = desk.ticket(2_u64).unwrap().into_snapshot().clocks;
                assert_eq!(clocks.len(), 1, "{name}");
            }
            assert_eq!(pages_of_a_tick(), 0, "the tickets are read once: {name}");
        }
    }
}
