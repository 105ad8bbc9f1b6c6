//! Repeated imports: each history is imported once, and a faulty history does not stop the others.

use crate::histories;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use firstline::desk::{Imported, Settings};
use firstline::memory::{Memory, MemoryTx};
use firstline::sla::{Agreement, Metric, OnPolicyChange, Target};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::time::{ManualTime, TimeSource};
use firstline::*;
use histories::*;

fn counts(imported: &Imported) -> (usize, usize, usize, usize) {
    (imported.opened, imported.extended, imported.unchanged, imported.refused.len())
}

#[test]
fn importing_again_changes_nothing() {
    let desk = desk();
    let first = desk.records().import([ticket("1", story()), ticket("2", story())]).unwrap();
    assert_eq!((counts(&first), first.events), ((2, 0, 0, 0), 12));
    let before = look(&desk, external("1"));
    let again = desk.records().import([ticket("1", story()), ticket("2", story())]).unwrap();
    assert_eq!((counts(&again), again.events), ((0, 0, 2, 0), 0));
    assert_eq!(look(&desk, external("1")), before);
    // The repetition used no running numbers.
    assert_eq!(desk.open_ticket(NewTicket::new("New")).unwrap().number.value, 3);
}

#[test]
fn a_longer_history_continues_with_the_same_events_as_one_import() {
    let whole = desk();
    let (_, expected) = imported(&whole, ticket("1", story()));
    let parts = desk();
    let done = parts.records().import([ticket("1", story().into_iter().take(2))]).unwrap();
    assert_eq!(counts(&done), (1, 0, 0, 0));
    let done = parts.records().import([ticket("1", story())]).unwrap();
    assert_eq!((counts(&done), done.events), ((0, 1, 0, 0), 3));
    let (_, history) = look(&parts, external("1"));
    assert_eq!(steps(&history), steps(&expected));
}

#[test]
fn a_history_that_differs_from_the_imported_one_is_refused() {
    let desk = desk();
    let before = imported(&desk, ticket("1", story()));
    let mut other = story();
    other[1] = version(6).status(state::Active);
    other.push(version(99).status(state::Active));
    let shorter = story().into_iter().take(2);
    for different in [ticket("1", other), ticket("1", shorter)] {
        let done = desk.records().import([different]).unwrap();
        assert_eq!((counts(&done), done.events), ((0, 0, 0, 1), 0));
        assert_eq!(
            done.refused[0].1.to_string(),
            "history differs from the imported one; allowed: a history that begins with the same 4 versions"
        );
    }
    assert_eq!(look(&desk, external("1")), before);
}

#[test]
fn a_ticket_changed_since_its_import_is_not_continued() {
    let desk = desk();
    let (ticket_before, _) = imported(&desk, ticket("1", story().into_iter().take(2)));
    desk.act(ticket_before.id(), Action::note("Mine now."), Actor::agent("anna")).unwrap();
    let before = look(&desk, external("1"));
    let done = desk.records().import([ticket("1", story())]).unwrap();
    assert!(done.refused[0].1.to_string().contains("changed here"), "{}", done.refused[0].1);
    assert_eq!(look(&desk, external("1")), before);
    // Without new versions, nothing is refused.
    let done = desk.records().import([ticket("1", story().into_iter().take(2))]).unwrap();
    assert_eq!(counts(&done), (0, 0, 1, 0));
}

#[test]
fn a_faulty_ticket_does_not_stop_the_others() {
    let desk = desk();
    let faulty = [
        ticket("no versions", []),
        ticket(
            "future",
            [version(0), ImportedVersion::new(at("2030-01-01T00:00:00Z"), Actor::agent("anna"))],
        ),
        ticket("subject", [version(0), version(1).subject(" ")]),
        ticket("field", [version(0).field("unknown", Some(1))]),
        ticket("impact", [version(0).impact(Impact::new(9).unwrap())]),
        ticket("modifier", [version(0), version(1).modifiers(["unknown"])]),
        ticket("actor", [ImportedVersion::new(minute(0), Actor::agent(""))]),
        ticket("resolution", [version(0).resolution("Solved.")]),
        ticket("requesters", [version(0).from("a").from("b")]),
        ticket("", [version(0)]),
    ];
    let names: Vec<_> = faulty.iter().map(|it| it.external().id.clone()).collect();
    let good = |n: usize| ticket(&format!("good {n}"), story());
    let mixed: Vec<_> = faulty.into_iter().enumerate().flat_map(|(n, bad)| [bad, good(n)]).collect();
    let done = desk.records().import_in_batches(NonZeroUsize::new(7).unwrap(), mixed).unwrap();
    assert_eq!(counts(&done), (10, 0, 0, 10));
    assert_eq!(done.refused.iter().map(|(name, _)| name.id.clone()).collect::<Vec<_>>(), names);
    assert!(done.refused.iter().all(|(_, error)| error.is_invalid()), "{:?}", done.refused);
    assert!(done.refused[2].1.to_string().starts_with("version 2: subject is empty; allowed: "));
    for n in 0..10 {
        // The faulty tickets used no running numbers.
        assert_eq!(look(&desk, external(&format!("good {n}"))).0.number.value, n + 1);
    }
}

#[test]
fn a_reference_listed_twice_in_a_batch_is_imported_once() {
    let desk = desk();
    let beginning = || ticket("1", story().into_iter().take(2));
    let different = ticket("1", [version(0).subject("Another")]);
    let faulty = ticket("1", [version(0).subject("")]);
    let twice = [faulty, beginning(), beginning(), different, ticket("1", story()), ticket("1", story())];
    let done = desk.records().import(twice).unwrap();
    assert_eq!(counts(&done), (1, 1, 2, 2));
    let (_, history) = look(&desk, external("1"));
    assert_eq!(done.events, history.len());
    let whole = imported(&self::desk(), ticket("1", story())).1;
    assert_eq!(steps(&history), steps(&whole));

    // The same for a ticket that is stored already.
    let longer = || ticket("1", story().into_iter().chain([version(99).status(state::Active)]));
    let done = desk.records().import([ticket("1", story()), longer(), longer(), beginning()]).unwrap();
    assert_eq!(counts(&done), (0, 1, 2, 1));
}

/// A memory store that counts its loads and commits, and fails at one of its commits.
#[derive(Debug, Clone, Default)]
struct CountingStore {
    memory: Memory,
    loads: Arc<AtomicUsize>,
    commits: Arc<AtomicUsize>,
    fails_at: Option<usize>,
}

struct CountingTx<'a>(MemoryTx<'a>, &'a CountingStore);

impl Store for CountingStore {
    type Tx<'a> = CountingTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<CountingTx<'_>> {
        Ok(CountingTx(self.memory.begin(desk, mode)?, self))
    }
}

impl Tx for CountingTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.1.loads.fetch_add(1, Relaxed);
        self.0.load(reads)
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        match self.1.fails_at {
            Some(at) if self.1.commits.fetch_add(1, Relaxed) == at => {
                Err(Error::new(ErrorKind::Busy, "busy"))
            }
            _ => self.0.commit(commit),
        }
    }
}

fn ten_tickets(length: usize) -> Vec<ImportedTicket> {
    (0..10).map(|n| ticket(&n.to_string(), story().into_iter().take(length))).collect()
}

#[test]
fn a_storage_error_stops_the_import_and_a_repetition_continues() {
    let three = NonZeroUsize::new(3).unwrap();
    let store = CountingStore { fails_at: Some(2), ..CountingStore::default() };
    let desk = Desk::over(store.clone(), settings());
    let error = desk.records().import_in_batches(three, ten_tickets(4)).unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().starts_with("the import stopped after 6 tickets"), "{error}");
    let done = desk.records().import_in_batches(three, ten_tickets(4)).unwrap();
    assert_eq!(counts(&done), (4, 0, 6, 0));
    for n in 0..10 {
        let ticket = desk.ticket(external(&n.to_string())).unwrap();
        assert_eq!(ticket.number.value, n + 1);
    }
}

#[test]
fn a_batch_takes_few_loads() {
    let store = CountingStore::default();
    let desk = Desk::over(store.clone(), settings());
    for (length, rounds) in [(2, 2), (2, 2), (4, 3)] {
        store.loads.store(0, Relaxed);
        desk.records().import(ten_tickets(length)).unwrap();
        assert_eq!(store.loads.load(Relaxed), rounds, "histories of {length}");
    }
}

/// Regression: the second mention of a person replaced the first, and the ticket had no requester.
#[test]
fn a_person_named_twice_in_one_version_is_refused() {
    let twice = version(0).subject("No sound").from("boris").contact("boris", ContactRole::Cc);
    let done = desk().records().import([ticket("1", [twice])]).unwrap();
    let message = done.refused[0].1.to_string();
    assert!(message.starts_with("version 1: contact boris is named more than once"), "{message}");
}

/// The first version is valid, so the ticket is refused only during the import.
#[test]
fn a_ticket_refused_halfway_takes_no_number() {
    let desk = desk();
    let crowd = |version: ImportedVersion, from: usize| {
        (from..from + 150).fold(version, |version, n| {
            version.contact(Contact::new(format!("contact {n}")), ContactRole::Affected)
        })
    };
    let bad = || ticket("bad", [crowd(version(0), 0), crowd(version(1), 1_000)]);
    let imported = desk
        .records()
        .import([bad(), ticket("1", [version(0)]), bad(), ticket("2", [version(0)]), bad()])
        .unwrap();
    assert_eq!((imported.opened, imported.refused.len()), (2, 3), "{imported:?}");
    // Both were opened at the same instant, so their order follows their ids, which tests in other threads draw too.
    let mut numbers: Vec<_> =
        desk.find(Query::oldest()).unwrap().tickets.iter().map(|it| it.number.value).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(desk.open_ticket(NewTicket::new("Next")).unwrap().number.value, 3);
}

/// A desk an hour after the beginning of the histories, whose clock can be moved, with a first import of ticket "1".
fn desk_with_import(first: Option<&Policy>) -> (Desk<Memory>, ManualTime) {
    let time = ManualTime::at(minute(60));
    let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
    if let Some(policy) = first {
        desk.setup().adopt(policy).unwrap();
    }
    let done = desk.records().import([ticket("1", [version(0).from("boris").subject("No sound")])]).unwrap();
    assert_eq!(counts(&done), (1, 0, 0, 0));
    (desk, time)
}

#[test]
fn an_import_is_continued_after_any_adoptions_with_and_without_a_tick() {
    let policy = |name: &str, on| {
        let target = Target::new(Metric::Resolution).within(TimeDelta::hours(20));
        Policy::new().agreement(Agreement::new(name, 1).on_policy_change(on).target(target))
    };
    let (migrates, pins) = (OnPolicyChange::Migrate, OnPolicyChange::Pin);
    let cases = [
        (Some(policy("one", migrates)), vec![policy("two", pins), policy("three", pins)]),
        (None, vec![policy("one", pins), Policy::new()]),
        (None, vec![policy("one", migrates), policy("two", migrates), Policy::new()]),
    ];
    for (first, later) in cases {
        let outcomes = [false, true].map(|ticks| {
            let (desk, time) = desk_with_import(first.as_ref());
            for next in &later {
                time.advance(TimeDelta::hours(1));
                if ticks {
                    assert_eq!(desk.tick(time.now()).unwrap().failed.len(), 0);
                }
                desk.setup().adopt(next).unwrap();
            }
            time.advance(TimeDelta::hours(1));
            let resolved = version(61).status(state::Resolved::default());
            let again = ticket("1", [version(0).from("boris").subject("No sound"), resolved]);
            let done = desk.records().import([again]).unwrap();
            assert!(done.refused.is_empty(), "{:?}", done.refused);
            assert_eq!(counts(&done), (0, 1, 0, 0));
            let ticket = desk.ticket(external("1")).unwrap();
            let history = desk.records().history(ticket.id()).unwrap();
            assert_eq!(Snapshot::fold(&history).unwrap(), *ticket.snapshot());
            (ticket.state().kind(), ticket.clocks.clone())
        });
        assert_eq!(outcomes[0], outcomes[1], "a tick changes nothing");
    }
}
