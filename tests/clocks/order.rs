//! The order of adoptions, imports, commands and timers: a tick changes nothing, and neither do equal instants.

use crate::sla;

use firstline::import::ImportClocks;
use firstline::lifecycle::State;
use firstline::sla::{Agreement, Clock, ClockState, Metric, OnPolicyChange, OnReopen, Target};
use firstline::{
    Action, Actor, Change, Condition, DateTime, HoldReason, ImportedTicket, ImportedVersion, NewTicket,
    Policy, StateKind, TicketId, Utc, state,
};
use sla::{ANNA, BORIS, Bench, hours, instant, minutes, office, resolution, with};

const START: &str = "2026-03-02T09:00:00Z";

/// Everything that is recorded of a ticket, apart from the stored clocks of each command: its events, its clocks with
/// their verdicts, and their ledgers.
#[derive(Debug, PartialEq)]
struct Record {
    events: Vec<(DateTime<Utc>, Change)>,
    clocks: Vec<Clock>,
    ledgers: Vec<String>,
}

fn record(bench: &Bench, id: TicketId) -> Record {
    bench.check(id);
    let events = bench.history(id).into_iter().map(|event| (event.at, event.change));
    let events = events.filter(|(_, change)| !matches!(change, Change::ClocksUpdated { .. }));
    let clocks = bench.desk.ticket(id).unwrap().into_snapshot().clocks;
    let explain = |clock: &Clock| bench.desk.reports().explain(id, clock.metric).unwrap().to_string();
    Record { events: events.collect(), ledgers: clocks.iter().map(explain).collect(), clocks }
}

/// An open ticket of another system, and the same ticket in a state that a timer ends.
fn imported(state: Option<State>) -> ImportedTicket {
    let opened = ImportedVersion::new(instant("2026-03-02T08:00:00Z"), Actor::contact(BORIS));
    let ticket = ImportedTicket::new("old", "1").version(opened.subject("No sound").from(BORIS));
    match state {
        Some(state) => {
            let at = instant("2026-03-02T08:30:00Z");
            ticket.version(ImportedVersion::new(at, Actor::agent(ANNA)).status(state))
        }
        None => ticket,
    }
}

fn import(bench: &Bench, ticket: ImportedTicket) -> TicketId {
    let done = bench.desk.records().import([ticket]).unwrap();
    assert!(done.refused.is_empty(), "{:?}", done.refused);
    bench.desk.ticket(1_u64).unwrap().id()
}

fn resolved_until(closes_at: &str) -> State {
    state::Resolved { closes_at: Some(instant(closes_at)), ..Default::default() }.into()
}

fn held_until(until: &str) -> State {
    state::OnHold { reason: HoldReason::Customer, until: Some(instant(until)) }.into()
}

fn agreed() -> Policy {
    with([
        resolution(hours(8)).warn_at([50]),
        Target::new(Metric::FirstReply).within(hours(1)),
        Target::new(Metric::Closure).within(hours(3)),
    ])
}

/// Regression: an imported ticket that a timer closed got clocks or none, depending on the tick.
#[test]
fn an_imported_ticket_closed_by_a_timer_before_the_first_adoption_gets_no_clocks_whenever_the_tick_comes() {
    for clocks in [ImportClocks::FromOpening, ImportClocks::From(instant("2026-03-02T08:10:00Z"))] {
        let play = |tick_before: bool, write: bool| {
            let bench = Bench::new(office());
            bench.at(START);
            let id = import(&bench, imported(Some(resolved_until("2026-03-02T10:00:00Z"))).clocks(clocks));
            bench.pass(hours(2));
            if tick_before {
                bench.tick();
            }
            bench.adopt(agreed());
            if write {
                bench.pass(minutes(1));
                bench.act(id, Action::note("Seen."), ANNA);
            }
            bench.pass(hours(2));
            bench.tick();
            record(&bench, id)
        };
        let expected = play(true, false);
        assert!(expected.clocks.is_empty());
        assert_eq!(play(false, false), expected);
        for tick_before in [true, false] {
            assert!(play(tick_before, true).clocks.is_empty());
        }
    }
}

/// Regression: a ticket that was imported before the first adoption had no clocks until somebody wrote.
#[test]
fn the_first_adoption_starts_the_clocks_of_imported_tickets_without_a_command() {
    let states = [
        None,
        Some(state::Active.into()),
        Some(held_until("2026-03-02T10:00:00Z")),
        Some(held_until("2026-03-09T10:00:00Z")),
        Some(resolved_until("2026-03-09T10:00:00Z")),
    ];
    for (adopt_from, written) in [(false, false), (false, true), (true, false), (true, true)] {
        for state in &states {
            let play = |tick_before: bool, tick_after: bool| {
                let bench = Bench::new(office());
                bench.at(START);
                if adopt_from {
                    let from = bench.now() + hours(2);
                    bench.desk.setup().adopt_from(&agreed(), from).unwrap();
                    bench.adopted.borrow_mut().push((from, agreed()));
                }
                let id = import(&bench, imported(state.clone()));
                bench.pass(hours(2));
                if tick_before {
                    bench.tick();
                }
                if !adopt_from {
                    bench.adopt(agreed());
                }
                bench.pass(minutes(1));
                if tick_after {
                    bench.tick();
                }
                if written {
                    bench.pass(minutes(1));
                    bench.act(id, Action::note("Seen."), ANNA);
                }
                bench.pass(hours(20));
                bench.tick();
                record(&bench, id)
            };
            let expected = play(false, false);
            assert!(!expected.clocks.is_empty());
            for (before, after) in [(true, false), (false, true), (true, true)] {
                assert_eq!(play(before, after), expected, "{state:?}, ticks {before} and {after}");
            }
        }
    }
}

/// The agreements of the standard ticket, which migrate.
fn within(time: i64) -> Policy {
    let agreement = Agreement::new("standard", 1)
        .target(resolution(hours(time)))
        .target(Target::new(Metric::Closure).within(hours(40)));
    office().agreement(agreement.on_policy_change(OnPolicyChange::Migrate).on_reopen(OnReopen::Continue))
}

fn target_of(bench: &Bench, id: TicketId) -> firstline::TimeDelta {
    bench.clock(id, Metric::Resolution).target
}

fn adoptions(bench: &Bench, id: TicketId) -> usize {
    let history = bench.history(id);
    history.iter().filter(|it| matches!(it.change, Change::PolicyRebound { .. })).count()
}

/// Regression: a policy was applied after the command as well if both had the same instant.
#[test]
fn a_policy_is_not_applied_again_after_a_command_at_the_instant_of_its_adoption() {
    let reopens = [Action::reopen(), Action::reopen().and(Action::tag("again"))];
    for later in [minutes(0), minutes(1)] {
        for reopen in &reopens {
            let bench = Bench::new(within(8));
            bench.at(START);
            let id = bench.open();
            bench.pass(hours(1));
            bench.act(id, Action::resolve("done"), ANNA);
            bench.pass(hours(1));
            bench.adopt(within(2));
            bench.pass(later);
            // The clock of the resolution had ended at the adoption, so it keeps its target.
            bench.act(id, reopen.clone(), ANNA);
            bench.pass(minutes(1));
            bench.tick();
            bench.act(id, Action::note("Seen."), ANNA);
            assert_eq!((target_of(&bench, id), adoptions(&bench, id)), (hours(8), 1), "{later}");
            bench.check(id);
        }
    }
}

#[test]
fn a_policy_adopted_after_a_command_at_one_instant_is_applied_once() {
    for (between, expected) in [(false, 1), (true, 2)] {
        let bench = Bench::new(within(8));
        bench.at(START);
        let id = bench.open();
        bench.act(id, Action::note("Before."), ANNA);
        bench.adopt(within(4));
        if between {
            bench.act(id, Action::note("Between."), ANNA);
            bench.tick();
        }
        bench.adopt(within(2));
        bench.tick();
        bench.act(id, Action::note("After."), ANNA);
        bench.tick();
        bench.act(id, Action::note("After."), ANNA);
        bench.pass(minutes(1));
        bench.tick();
        bench.act(id, Action::note("Later."), ANNA);
        // Without a command between them, the first policy was never in force.
        assert_eq!((target_of(&bench, id), adoptions(&bench, id)), (hours(2), expected));
        bench.check(id);
    }
}

/// A policy that is adopted again after another one, all at one instant, is applied each time.
#[test]
fn the_same_policy_adopted_again_at_one_instant_is_applied_in_order() {
    let bench = Bench::new(within(8));
    bench.at(START);
    let id = bench.open();
    bench.pass(hours(1));
    for time in [4, 8, 4] {
        bench.adopt(within(time));
        bench.act(id, Action::note("Seen."), ANNA);
        assert_eq!(target_of(&bench, id), hours(time));
    }
    bench.pass(minutes(1));
    bench.tick();
    bench.act(id, Action::note("Later."), ANNA);
    assert_eq!((target_of(&bench, id), adoptions(&bench, id)), (hours(4), 3));
    bench.check(id);
}

/// Regression: a replay applied the last adoption of a policy to a command before it, if the same policy was adopted
/// twice at one instant.
#[test]
fn a_replay_agrees_if_a_policy_returns_at_the_instant_of_its_adoption() {
    // Each policy has its own agreement and hours, so that a clock shows the policy under which it began.
    let named = |name: &str, time| {
        let agreement = Agreement::new(name, 1).target(resolution(hours(time)));
        let urgent = Agreement::new(format!("urgent {name}"), 0).target(resolution(hours(1)));
        office().agreement(agreement).agreement(urgent.when(Condition::field("tags").contains("urgent")))
    };
    let bench = Bench::new(named("first", 8));
    bench.at(START);
    let id = bench.open();
    for (name, time) in [("second", 4), ("first", 8), ("second", 4), ("first", 8)] {
        bench.adopt(named(name, time));
        for action in [Action::tag("urgent"), Action::untag("urgent")] {
            bench.act(id, action, ANNA);
            bench.check(id);
        }
        assert_eq!(bench.clock(id, Metric::Resolution).agreement, name);
    }
    bench.adopt(named("second", 4));
    bench.check(id);
    bench.pass(minutes(1));
    bench.tick();
    bench.check(id);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Adopt,
    Command,
    Tick,
    Import,
}

/// All orders of these steps.
fn orders(steps: &[At]) -> Vec<Vec<At>> {
    if steps.is_empty() {
        return vec![Vec::new()];
    }
    let first = |place: usize| {
        let mut rest = steps.to_vec();
        let step = rest.remove(place);
        orders(&rest).into_iter().map(move |order| [vec![step], order].concat())
    };
    (0..steps.len()).flat_map(first).collect()
}

/// Plays these steps at one instant, at which a timer is due too. `apart` is the time between two steps.
fn play(order: &[At], apart: firstline::TimeDelta) -> (Bench, TicketId, Option<TicketId>) {
    let bench = Bench::new(within(8));
    bench.at("2026-03-02T07:00:00Z");
    let id = bench.open_as(NewTicket::new("No sound"));
    let due = instant("2026-03-02T10:00:00Z");
    bench.act(id, Action::hold_until(HoldReason::ThirdParty, due).then_resolve(), ANNA);
    bench.time.set(due);
    let mut other = None;
    for step in order {
        match step {
            At::Adopt => bench.adopt(within(2)),
            At::Command => drop(bench.act(id, Action::reopen().and(Action::tag("again")), ANNA)),
            At::Tick => drop(bench.tick()),
            At::Import => {
                let done = bench.desk.records().import([imported(None)]).unwrap();
                assert!(done.refused.is_empty());
                other = Some(bench.desk.ticket(2_u64).unwrap().id());
            }
        }
        bench.pass(apart);
    }
    bench.time.set(due + minutes(1));
    bench.tick();
    bench.act(id, Action::note("Seen."), ANNA);
    for id in [Some(id), other].into_iter().flatten() {
        bench.check(id);
    }
    (bench, id, other)
}

/// The order of steps at one instant is the order in which they happened, as if a moment passed between them. Ticks
/// change nothing.
#[test]
fn steps_at_one_instant_have_the_effects_of_their_order() {
    for order in orders(&[At::Adopt, At::Command, At::Tick, At::Import]) {
        let facts = |(bench, id, other): &(Bench, TicketId, Option<TicketId>)| {
            let clocks = |id: TicketId| {
                let clocks = bench.desk.ticket(id).unwrap().into_snapshot().clocks;
                clocks
                    .into_iter()
                    .map(|it| (it.metric, it.state, it.target, it.pinned_to))
                    .collect::<Vec<_>>()
            };
            (clocks(*id), adoptions(bench, *id), other.map(clocks), other.map(|it| adoptions(bench, it)))
        };
        let at_once = play(&order, minutes(0));
        let apart = play(&order, firstline::TimeDelta::microseconds(1));
        assert_eq!(facts(&at_once), facts(&apart), "{order:?}");
        let place = |step| order.iter().position(|it| *it == step).unwrap();
        // The hold ends as resolved at the instant, so the clock has ended at the adoption unless it was reopened.
        let reopened = place(At::Command) < place(At::Adopt);
        let expected = if reopened { hours(2) } else { hours(8) };
        assert_eq!(target_of(&at_once.0, at_once.1), expected, "{order:?}");
        let without: Vec<At> = order.iter().copied().filter(|it| *it != At::Tick).collect();
        let (found, expected) = (play(&without, minutes(0)), &at_once);
        assert_eq!(record(&found.0, found.1), record(&expected.0, expected.1), "{order:?}");
    }
}

/// Regression: a replay knew the agreements of an import only if no policy was adopted before it.
#[test]
fn a_replay_agrees_for_imports_before_at_and_after_an_adoption() {
    let hold = held_until("2026-03-02T08:40:00Z");
    for first in [office(), within(3), agreed()] {
        for moment in -1..=2 {
            for finished in [false, true] {
                let bench = Bench::new(first.clone());
                bench.at(START);
                let ticket = imported(Some(hold.clone()));
                let before = |bench: &Bench| {
                    import(bench, ticket.clone());
                };
                if moment < 0 {
                    before(&bench);
                    bench.pass(hours(1));
                } else if moment == 0 {
                    bench.pass(hours(1));
                    before(&bench);
                }
                bench.adopt(within(5));
                if moment == 1 {
                    before(&bench);
                } else if moment == 2 {
                    bench.pass(hours(1));
                    before(&bench);
                }
                let id = bench.desk.ticket(1_u64).unwrap().id();
                bench.check(id);
                bench.tick();
                bench.pass(hours(1));
                bench.tick();
                bench.check(id);
                // A second import, under the next agreements.
                bench.adopt(within(1));
                let end = if finished { state::Closed.into() } else { State::from(state::Active) };
                let last = ImportedVersion::new(instant("2026-03-02T08:50:00Z"), Actor::agent(ANNA));
                let done = bench.desk.records().import([ticket.clone().version(last.status(end))]).unwrap();
                assert!(done.refused.is_empty(), "{:?}", done.refused);
                bench.check(id);
                bench.adopt(within(6));
                bench.pass(hours(5));
                bench.tick();
                bench.act(id, Action::note("Seen."), ANNA);
                bench.check(id);
                let ended = bench.desk.ticket(id).unwrap().state().kind() == StateKind::Closed;
                assert_eq!(ended, finished);
                let clock = bench.clock(id, Metric::Resolution);
                assert_eq!(
                    clock.state == ClockState::Met || clock.state == ClockState::Missed,
                    finished,
                    "{clock}"
                );
            }
        }
    }
}
