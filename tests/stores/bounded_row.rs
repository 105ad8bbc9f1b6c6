//! A ticket's row stays small while its history grows, and only decisions that need the history read it.

use crate::sla as clocks;

use std::sync::{Arc, Mutex};

use clocks::{BORIS, hours, instant, minutes, office};
use firstline::desk::Settings;
use firstline::memory::{Memory, MemoryTx};
use firstline::sla::{Agreement, Metric, OnReopen, Target};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::ticket::decision::{DecisionContext, replay};
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, Desk, DeskId, ErrorKind, HoldReason, ImportedTicket, ImportedVersion, NewTicket, Policy,
    Priority, Result, TicketId, TimeDelta, state,
};

/// The reads and writes of one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Work {
    rounds: usize,
    reads: usize,
    /// Reads of a whole history.
    histories: usize,
    events_read: usize,
    events: usize,
    row_bytes: usize,
}

/// A store that counts reads and writes.
#[derive(Clone, Default)]
struct Counting {
    store: Memory,
    work: Arc<Mutex<Work>>,
}

struct CountingTx<'a>(MemoryTx<'a>, &'a Mutex<Work>);

impl Store for Counting {
    type Tx<'a> = CountingTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<CountingTx<'_>> {
        Ok(CountingTx(self.store.begin(desk, mode)?, &self.work))
    }
}

impl Tx for CountingTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let mut work = self.1.lock().unwrap();
        let whole = |read: &&Read| matches!(read, Read::History { after: 0, limit: usize::MAX, .. });
        work.rounds += 1;
        work.reads += reads.len();
        work.histories += reads.iter().filter(whole).count();
        let answers = self.0.load(reads)?;
        let events = |answer: &Answer| if let Answer::Events(events) = answer { events.len() } else { 0 };
        work.events_read += answers.iter().map(events).sum::<usize>();
        Ok(answers)
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let mut work = self.1.lock().unwrap();
        for write in commit.tickets() {
            work.events += write.events.len();
            work.row_bytes += serde_json::to_vec(&write.snapshot).unwrap().len();
        }
        self.0.commit(commit)
    }
}

struct Bench {
    desk: Desk<Counting>,
    store: Counting,
    time: ManualTime,
    anna: Actor,
}

impl Bench {
    fn new(policy: &Policy) -> Bench {
        let (store, time) = (Counting::default(), ManualTime::at(instant("2026-01-05T09:00:00Z")));
        let desk = Desk::over(store.clone(), Settings::new("acme").time(time.clone()));
        desk.setup().adopt(policy).unwrap();
        Bench { desk, store, time, anna: Actor::agent("anna") }
    }

    fn open(&self) -> TicketId {
        let ticket = self.desk.open_ticket(NewTicket::new("No sound").from(BORIS)).unwrap().id();
        self.taken();
        ticket
    }

    /// Acts on a ticket one minute later. Returns the reads and writes of the command.
    fn act(&self, ticket: TicketId, action: Action) -> Work {
        self.time.advance(minutes(1));
        self.desk.act(ticket, action, &self.anna).unwrap();
        self.taken()
    }

    /// Returns the work since the last call.
    fn taken(&self) -> Work {
        std::mem::take(&mut *self.store.work.lock().unwrap())
    }
}

/// A policy with two targets, one of them in office hours. Tickets with the tag `gold` have another agreement with
/// other pauses.
fn policy() -> Policy {
    let resolution = Target::new(Metric::Resolution).business("office");
    let resolution = resolution.time(Priority::P2, hours(2_000)).time(Priority::P3, hours(60_000));
    let usual = Agreement::new("usual", 2)
        .target(Target::new(Metric::FirstReply).within(hours(8)))
        .target(resolution);
    let gold = Agreement::new("gold", 1)
        .when(firstline::Condition::field("tags").contains("gold"))
        .target(Target::new(Metric::Resolution).within(hours(50_000)).pause_on([HoldReason::ThirdParty]));
    office().agreement(usual).agreement(gold)
}

#[test]
fn the_row_size_stays_bounded() {
    const ROUNDS: usize = 10_000;
    let bench = Bench::new(&policy());
    let ticket = bench.open();
    bench.act(ticket, Action::start());
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let held = bench.act(ticket, Action::hold(HoldReason::Customer));
        let resumed = bench.act(ticket, Action::resume());
        rounds.push((held, resumed));
    }
    let sum = |rounds: &[(Work, Work)], of: fn(&Work) -> usize| -> usize {
        rounds.iter().map(|(held, resumed)| of(held) + of(resumed)).sum()
    };
    let (first, last) = (&rounds[..100], &rounds[ROUNDS - 100..]);
    let (before, after) = (sum(first, |it| it.row_bytes), sum(last, |it| it.row_bytes));
    assert!(after * 5 <= before * 6, "200 rows had {before} bytes, and have {after} now");
    // The first hundred rounds fire the warnings of the first reply, so they write more events.
    for work in last.iter().flat_map(|(held, resumed)| [held, resumed]) {
        assert_eq!((work.rounds, work.reads, work.histories, work.events), (1, 2, 0, 2), "{work:?}");
    }
    assert_eq!(sum(&rounds, |it| it.histories), 0);

    // Another calendar and other pauses apply from the opening on, so the history is read once.
    let tagged = bench.act(ticket, Action::tag("gold"));
    assert_eq!((tagged.histories, tagged.rounds), (1, 2));
    let clock = bench.desk.ticket(ticket).unwrap().clock(Metric::Resolution).unwrap().clone();
    // A hold for the customer does not pause this clock.
    assert_eq!(clock.consumed, minutes(2 * ROUNDS as i64 + 2));
    let history = bench.desk.records().history(ticket).unwrap();
    let replayed = replay(&history, &[(instant("2026-01-01T00:00:00Z"), policy())]).unwrap();
    assert_eq!(replayed.iter().find(|it| it.metric == Metric::Resolution), Some(&clock));
    bench.taken();
    assert_eq!(bench.act(ticket, Action::note("again")).histories, 0);
}

#[test]
fn plain_commands_never_read_the_history() {
    let bench = Bench::new(&policy());
    let ticket = bench.open();
    let commands = [
        Action::start(),
        Action::hold(HoldReason::Customer),
        Action::note("a note"),
        Action::resume(),
        Action::reply("an answer"),
        Action::hand_over("experts", firstline::Line::Second, "please"),
        Action::assign("carl"),
        Action::hold(HoldReason::ThirdParty),
        Action::reply("another one"),
        Action::resume(),
        Action::resolve("done"),
        Action::reopen(),
        Action::reply("sorry").and(Action::resolve("done again")),
        Action::reopen(),
    ];
    for command in commands {
        let work = bench.act(ticket, command.clone());
        assert_eq!((work.histories, work.rounds), (0, 1), "{command:?}");
    }
    // Only the duration of the target changes, so the consumed time stays valid without the history.
    let urgent = bench.act(ticket, Action::override_priority(Priority::P2, "urgent"));
    assert_eq!(urgent.histories, 0);
}

#[test]
fn a_repeated_command_reads_only_what_it_returns() {
    let bench = Bench::new(&policy());
    let ticket = bench.open();
    for n in 0..300 {
        bench.act(ticket, Action::note(format!("note {n}")));
    }
    let click = bench.anna.clone().idempotency_key("click-1");
    let first = bench.desk.act(ticket, Action::start(), click.clone()).unwrap();
    bench.taken();
    let again = bench.desk.act(ticket, Action::start(), click.clone()).unwrap();
    assert!(again.replayed && again.ticket == first.ticket && again.events == first.events);
    let work = bench.taken();
    assert_eq!((work.events_read, work.histories), (first.events.len(), 0), "{work:?}");
    // If the ticket has changed since, the first result is folded from the history.
    bench.act(ticket, Action::note("later"));
    let again = bench.desk.act(ticket, Action::start(), click).unwrap();
    assert!(again.replayed && again.ticket == first.ticket && again.events == first.events);
}

#[test]
fn a_decision_without_its_history_reports_it() {
    let (bench, policy) = (Bench::new(&policy()), policy());
    let ticket = bench.open();
    bench.act(ticket, Action::hold(HoldReason::Customer));
    bench.act(ticket, Action::resume());
    let (snapshot, history) =
        (bench.desk.ticket(ticket).unwrap().into_snapshot(), bench.desk.records().history(ticket).unwrap());
    let gold = Action::tag("gold");
    let now = snapshot.updated_at + minutes(1);
    let context = DecisionContext::new(now, &bench.anna, &policy).unwrap();
    let error = snapshot.decide(&gold, &context).unwrap_err();
    assert!(error.is_invalid(), "{error:?}");
    assert_eq!(error.to_string(), format!("the decision needs the history of the ticket {ticket}"));
    assert!(snapshot.decide(&Action::note("a note"), &context).is_ok());

    let decision = snapshot.decide(&gold, &context.clone().history(&history)).unwrap();
    let clock = decision.snapshot.clock(Metric::Resolution).unwrap();
    assert_eq!((clock.consumed, clock.running_since), (minutes(3), Some(now)));
    // A history that does not end at the ticket's version is refused.
    for wrong in [&history[..history.len() - 1], &[]] {
        let error = snapshot.decide(&gold, &context.clone().history(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[test]
fn an_import_reads_all_histories_in_one_round() {
    const TICKETS: usize = 150;
    let bench = Bench::new(&policy());
    let at = |minute| instant("2026-01-05T08:00:00Z") + minutes(minute);
    let version = |minute| ImportedVersion::new(at(minute), Actor::agent("ben"));
    let began = |n: usize| {
        ImportedTicket::new("old", n.to_string())
            .version(version(0).subject("No sound").status(state::Active))
            .version(version(10).status(state::OnHold { reason: HoldReason::ThirdParty, until: None }))
            .version(version(20).status(state::Resolved::default()))
    };
    // The version is dated before the resolution, so the clock is measured from states that the row no longer contains.
    let went_on = |n: usize| began(n).version(version(15).status(state::Active));
    bench.desk.records().import((0..TICKETS).map(began).collect::<Vec<_>>()).unwrap();
    bench.taken();
    let imported = bench.desk.records().import((0..TICKETS).map(went_on).collect::<Vec<_>>()).unwrap();
    assert_eq!((imported.extended, imported.refused.len()), (TICKETS, 0), "{imported:?}");
    let work = bench.taken();
    assert_eq!(work.histories, TICKETS);
    assert!(work.rounds < 10, "{work:?}");
    let ticket = bench.desk.ticket(1_u64).unwrap();
    assert_eq!(ticket.clock(Metric::Resolution).unwrap().consumed, minutes(15));
}

#[test]
fn a_clock_resumes_after_a_resolution_without_the_history() {
    for reopen in [OnReopen::Continue, OnReopen::NewCycle, OnReopen::Freeze] {
        let target = Target::new(Metric::Resolution).within(hours(100));
        let agreement = Agreement::new("usual", 1).on_reopen(reopen).target(target);
        let bench = Bench::new(&Policy::new().agreement(agreement));
        let ticket = bench.open();
        for action in
            [Action::hold(HoldReason::Customer), Action::resume(), Action::resolve("done"), Action::reopen()]
        {
            let work = bench.act(ticket, action.clone());
            assert_eq!(work.histories, 0, "{reopen:?} {action:?}");
        }
        let ticket = bench.desk.ticket(ticket).unwrap();
        let clock = ticket.clock(Metric::Resolution).unwrap();
        let expected = match reopen {
            OnReopen::Continue => (1, minutes(2), Some(ticket.opened_at + hours(100) + minutes(2))),
            OnReopen::NewCycle => (2, TimeDelta::zero(), Some(ticket.opened_at + hours(100) + minutes(4))),
            OnReopen::Freeze => (1, minutes(2), Some(ticket.opened_at + hours(100) + minutes(1))),
            other => panic!("no expectation for {other:?}"),
        };
        assert_eq!((clock.cycle, clock.consumed, clock.due_at), expected, "{reopen:?}");
    }
}
