//! Faults of the clocks that the comparison with the simulator has found, one test each.

use crate::sla;

use firstline::policy::FieldType;
use firstline::sla::{Agreement, ClockState, Metric, OnPolicyChange, OnPriorityChange, OnReopen, Target};
use firstline::{Action, Condition, HoldReason, NewTicket, Policy, Priority, StateKind, TicketId};
use sla::{ANNA, BORIS, BOT, Bench, hours, minutes, office, resolution, with};

/// A ticket at a desk with this policy.
fn opened(policy: Policy) -> (Bench, TicketId) {
    let bench = Bench::new(policy);
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    (bench, ticket)
}

/// An agreement for tickets with the tag `gold`, which precedes the others.
fn gold() -> Agreement {
    Agreement::new("gold", 0).when(Condition::field("tags").contains("gold"))
}

/// The same with a target of another metric.
fn gold_without_it() -> Agreement {
    gold().target(Target::new(Metric::Closure).within(hours(100)))
}

fn percentages(bench: &Bench, ticket: TicketId) -> Vec<u8> {
    bench.alerts(ticket).iter().map(|alert| alert.percent).collect()
}

#[test]
fn undoing_a_command_keeps_what_a_timer_did_before_the_command() {
    let (bench, ticket) = opened(with([Target::new(Metric::NextReply).within(hours(1))]));
    bench.act(ticket, Action::resolve("done"), ANNA);
    bench.act(ticket, Action::reply("It is not."), BORIS);
    let end = bench.now() + minutes(30);
    bench.act(ticket, Action::hold_until(HoldReason::ThirdParty, end).then_resolve(), ANNA);
    bench.pass(hours(2)); // No tick resolves the ticket in between.
    bench.act(ticket, Action::tag("late"), ANNA);
    bench.act(ticket, Action::undo(), ANNA);
    let clock = bench.clock(ticket, Metric::NextReply);
    assert_eq!((clock.state, clock.ended_at), (ClockState::Cancelled, Some(end)));
    bench.check(ticket);
}

#[test]
fn a_warning_by_time_left_is_recorded_with_a_percentage_of_the_same_instant() {
    let target = Target::new(Metric::Resolution)
        .time(Priority::P3, minutes(80))
        .time(Priority::P4, minutes(120))
        .warn_at([50])
        .warn_before([minutes(60)]);
    let (bench, ticket) = opened(with([target]));
    let opening = bench.now();
    bench.pass(minutes(30));
    bench.act(ticket, Action::override_priority(Priority::P4, "not urgent"), ANNA);
    bench.pass(minutes(40));
    bench.tick();
    let alerts = bench.alerts(ticket);
    let alerts: Vec<_> = alerts.iter().map(|it| (it.left, (it.due - opening).num_minutes())).collect();
    assert_eq!(alerts, [(Some(minutes(60)), 20), (None, 60), (Some(minutes(60)), 60)]);
    bench.check(ticket);
}

#[test]
fn an_undone_command_records_only_the_highest_percentage_that_was_passed() {
    let (bench, ticket) = opened(with([resolution(minutes(100))]).agreement(gold_without_it()));
    bench.pass(minutes(10));
    bench.act(ticket, Action::tag("gold"), ANNA);
    bench.pass(minutes(85));
    bench.act(ticket, Action::undo(), ANNA);
    bench.tick();
    assert_eq!(percentages(&bench, ticket), [90]);
    bench.check(ticket);
}

#[test]
fn a_reopening_records_only_the_highest_percentage_that_was_passed() {
    let (bench, ticket) = opened(with([Target::new(Metric::Assignment).within(minutes(40))]));
    bench.act(ticket, Action::resolve("by itself"), BOT);
    bench.act(ticket, Action::assign(ANNA), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reopen(), ANNA); // The ticket has an agent, so the clock does not continue.
    bench.pass(hours(1));
    bench.act(ticket, Action::unassign().and(Action::resolve("again")), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reopen(), ANNA);
    bench.pass(minutes(1));
    bench.tick();
    assert!(percentages(&bench, ticket).len() <= 1, "{:?}", bench.alerts(ticket));
    bench.check(ticket);
}

#[test]
fn a_clock_that_lost_its_target_at_the_resolution_does_not_continue_at_the_reopening() {
    let target = Target::new(Metric::Resolution).time(Priority::P3, hours(4));
    let (bench, ticket) = opened(with([target]));
    bench.pass(hours(1));
    let urgent = Action::override_priority(Priority::P1, "urgent");
    bench.act(ticket, urgent.and(Action::resolve("done")), ANNA);
    let resolved = bench.now();
    bench.pass(hours(1));
    bench.act(ticket, Action::reply("It is not."), BORIS);
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.ended_at), (ClockState::Cancelled, Some(resolved)));
    bench.check(ticket);
}

#[test]
fn a_first_reply_that_lost_its_target_does_not_continue_at_the_reopening() {
    let first_reply = Target::new(Metric::FirstReply).within(hours(1));
    let (bench, ticket) = opened(with([first_reply]).agreement(gold_without_it()));
    bench.pass(minutes(10));
    bench.act(ticket, Action::tag("gold"), ANNA);
    let cancelled = bench.now();
    bench.pass(minutes(10));
    bench.act(ticket, Action::resolve("by itself"), BOT);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reopen(), ANNA);
    assert_eq!(bench.clock(ticket, Metric::FirstReply).ended_at, Some(cancelled));
    bench.check(ticket);
}

#[test]
fn the_number_of_a_cycle_is_not_used_again_after_its_command_was_undone() {
    let standard = Agreement::new("standard", 1).target(resolution(hours(8))).on_reopen(OnReopen::NewCycle);
    let (bench, ticket) = opened(office().agreement(standard));
    bench.act(ticket, Action::resolve("done"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::reopen(), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::undo(), ANNA);
    assert_eq!(bench.clock(ticket, Metric::Resolution).cycle, 1);
    bench.act(ticket, Action::reopen(), ANNA);
    assert_eq!(bench.clock(ticket, Metric::Resolution).cycle, 3);
    bench.check(ticket);
}

#[test]
fn a_policy_that_ends_the_last_open_clock_starts_the_clocks_that_it_adds() {
    let policy = |metric| {
        let target = Target::new(metric).within(hours(8));
        office().agreement(gold().target(target).on_policy_change(OnPolicyChange::Migrate))
    };
    let bench = Bench::new(policy(Metric::Acceptance));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open_as(NewTicket::new("No sound").tag("gold"));
    bench.pass(hours(1));
    bench.adopt(policy(Metric::Resolution));
    bench.pass(minutes(1));
    bench.tick(); // Without a command, which would choose the agreement again.
    let states = bench.desk.ticket(ticket).unwrap().into_snapshot().clocks;
    let states: Vec<_> = states.iter().map(|it| (it.metric, it.state)).collect();
    let expected = [(Metric::Resolution, ClockState::Running), (Metric::Acceptance, ClockState::Cancelled)];
    assert_eq!(states, expected);
    bench.check(ticket);
}

#[test]
fn the_time_of_an_undone_reopening_counts_in_the_clock_and_in_its_ledger() {
    let (bench, ticket) = opened(with([resolution(hours(8))]));
    bench.pass(minutes(60));
    bench.act(ticket, Action::resolve("done"), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reopen(), ANNA);
    bench.pass(minutes(30));
    bench.act(ticket, Action::undo(), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reopen(), ANNA);
    bench.pass(minutes(10));
    let used = minutes(60 + 30 + 10);
    let found = bench.desk.ticket(ticket).unwrap();
    assert_eq!(found.remaining(Metric::Resolution, bench.now()), Some(hours(8) - used));
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    assert_eq!(ledger.elapsed(), used);
    bench.check(ticket);
}

#[test]
fn a_date_instead_of_a_duration_counts_the_time_on_hold_as_well() {
    let policy = |target: Target| {
        let standard = Agreement::new("standard", 1).target(target);
        office()
            .field("promised", FieldType::Instant)
            .agreement(standard.on_policy_change(OnPolicyChange::Migrate))
    };
    let (bench, ticket) = opened(policy(resolution(hours(8))));
    let promised = bench.now() + hours(5);
    let value = Some(promised.into());
    bench.act(ticket, Action::Field { name: "promised".to_owned(), value }, ANNA);
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(hours(2));
    bench.adopt(policy(Target::new(Metric::Resolution).due_in_field("promised")));
    bench.pass(hours(1));
    bench.tick();
    assert_eq!(bench.clock(ticket, Metric::Resolution).due_at, Some(promised));
    let left = bench.desk.ticket(ticket).unwrap().remaining(Metric::Resolution, bench.now());
    assert_eq!(left, Some(hours(2)));
    bench.check(ticket);
}

#[test]
fn a_ledger_shows_no_restart_that_was_undone() {
    let time = |agreement: Agreement, of: i64| {
        agreement.target(
            Target::new(Metric::Resolution).time(Priority::P1, hours(of)).time(Priority::P3, hours(of + 1)),
        )
    };
    let standard = time(Agreement::new("standard", 1), 8).on_priority_change(OnPriorityChange::CarryElapsed);
    let gold = time(gold(), 4).on_priority_change(OnPriorityChange::Restart);
    let (bench, ticket) = opened(office().agreement(standard).agreement(gold));
    bench.pass(hours(1));
    bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::tag("gold"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::undo(), ANNA);
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    assert_eq!((ledger.elapsed(), ledger.clock.consumed), (hours(3), hours(3)), "{ledger}");
    bench.check(ticket);
}

#[test]
fn a_ledger_follows_the_targets_that_were_not_undone() {
    let standard = Agreement::new("standard", 1).on_priority_change(OnPriorityChange::CarryElapsed);
    let times = Target::new(Metric::Resolution).time(Priority::P1, hours(8)).time(Priority::P3, hours(9));
    let gold = gold().target(resolution(hours(4)).business("office"));
    let (bench, ticket) = opened(office().agreement(standard.target(times)).agreement(gold));
    bench.at("2026-01-05T20:00:00Z");
    bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
    bench.act(ticket, Action::tag("gold"), ANNA); // It measures the office hours from the opening.
    bench.pass(hours(1));
    bench.act(ticket, Action::undo(), ANNA);
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    assert_eq!((ledger.elapsed(), ledger.clock.consumed), (hours(11), hours(11)), "{ledger}");
    bench.check(ticket);
}

#[test]
fn a_ticket_that_is_not_spam_still_ends_its_hold_as_set() {
    let (bench, ticket) = opened(with([resolution(hours(8))]));
    let end = bench.now() + hours(1);
    bench.act(ticket, Action::hold_until(HoldReason::Customer, end).then_close(), ANNA);
    bench.act(ticket, Action::spam(), ANNA);
    bench.act(ticket, Action::not_spam(), ANNA);
    bench.pass(hours(2));
    bench.tick();
    assert_eq!(bench.desk.ticket(ticket).unwrap().state().kind(), StateKind::Closed);
    bench.check(ticket);
}
