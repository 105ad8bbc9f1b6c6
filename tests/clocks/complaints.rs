//! Complaints about the SLA clocks of other systems, one test each: the first half. Figures are in seconds.

use crate::sla;

use firstline::sla::{Agreement, ClockState, Metric, OnPolicyChange, Target};
use firstline::{Action, Condition, HoldReason, Priority, TimeDelta};
use sla::{ANNA, BORIS, Bench, consumed, due, hours, hours_of, instant, minutes, office, resolution, with};

#[test]
fn c01_a_hold_counts_as_a_pause_even_if_a_resolution_ends_it() {
    let bench = Bench::new(with([resolution(hours(2))]));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(1));
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(TimeDelta::days(180));
    bench.act(ticket, Action::resolve("no answer"), ANNA);
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Met, 3_600));
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    assert_eq!(ledger.wall_time().num_seconds(), 3_600 + 180 * 86_400);
    assert_eq!(ledger.elapsed().num_seconds(), 3_600);
    bench.check(ticket);
}

#[test]
fn c02_a_pause_is_measured_by_the_clocks_own_calendar() {
    let bench = Bench::new(with([resolution(hours(4)).business("office")]));
    bench.at("2026-01-09T07:00:00Z"); // Friday, an hour before opening
    let ticket = bench.open();
    bench.at("2026-01-09T09:00:00Z");
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    assert_eq!(bench.clock(ticket, Metric::Resolution).due_at, None);
    assert_eq!(consumed(&bench, ticket, Metric::Resolution), 3_600);
    bench.at("2026-01-12T06:00:00Z"); // Monday, before opening
    bench.act(ticket, Action::resume(), ANNA);
    // Three hours remain, and Monday opens at eight.
    assert_eq!(bench.clock(ticket, Metric::Resolution).due_at, Some(instant("2026-01-12T11:00:00Z")));
    assert_eq!(due(&bench, ticket, Metric::Resolution), 3 * 86_400 + 4 * 3_600);
    bench.check(ticket);
}

#[test]
fn c03_pauses_survive_a_change_of_priority_or_agreement() {
    let target = Target::new(Metric::Resolution).time(Priority::P3, hours(8)).time(Priority::P1, hours(4));
    let gold = Agreement::new("gold", 0)
        .when(Condition::field("tags").contains("gold"))
        .target(resolution(hours(3)));
    let bench = Bench::new(with([target]).agreement(gold));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(1));
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(hours(2));
    bench.act(ticket, Action::resume(), ANNA);
    bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
    assert_eq!(due(&bench, ticket, Metric::Resolution), (4 + 2) * 3_600);
    assert_eq!(consumed(&bench, ticket, Metric::Resolution), 3_600);
    bench.act(ticket, Action::tag("gold"), ANNA);
    assert_eq!(due(&bench, ticket, Metric::Resolution), (3 + 2) * 3_600);
    assert_eq!(bench.clock(ticket, Metric::Resolution).agreement, "gold");
    bench.check(ticket);
}

#[test]
fn c04_update_targets_and_the_first_reply_target_are_separate() {
    let bench = Bench::new(with([
        Target::new(Metric::FirstReply).within(hours(1)),
        Target::new(Metric::NextReply).within(minutes(10)),
        Target::new(Metric::PeriodicUpdate).within(hours(24)),
    ]));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    bench.pass(minutes(5));
    bench.act(ticket, Action::reply("Hello?"), BORIS); // The first reply also answers this message.
    assert_eq!(due(&bench, ticket, Metric::FirstReply), 3_600);
    assert_eq!(bench.desk.ticket(ticket).unwrap().clocks.len(), 1);
    bench.pass(minutes(30));
    bench.act(ticket, Action::reply("Is it muted?"), ANNA);
    assert_eq!(consumed(&bench, ticket, Metric::FirstReply), 35 * 60);
    bench.act(ticket, Action::reply("No."), BORIS);
    bench.pass(minutes(4));
    bench.act(ticket, Action::reply("Now?"), BORIS); // The next reply counts from the oldest unanswered message.
    bench.pass(minutes(4));
    bench.act(ticket, Action::reply("We look into it."), ANNA);
    assert_eq!(consumed(&bench, ticket, Metric::NextReply), 8 * 60);
    bench.pass(hours(20)); // Everything is answered, so nothing breaches.
    bench.tick();
    let clock = bench.clock(ticket, Metric::NextReply);
    assert_eq!((clock.state, clock.breached_at), (ClockState::Met, None));
    bench.check(ticket);
}

#[test]
fn c05_a_reply_and_a_step_in_one_command_are_both_counted() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1)), resolution(hours(4))]));
    bench.at("2026-01-05T09:00:00Z");
    let (ticket, other) = (bench.open(), bench.open());
    bench.pass(minutes(20));
    bench.act(ticket, Action::reply("Unmute it.").and(Action::resolve("unmuted")), ANNA);
    bench.act(other, Action::reply("Is it muted?").and(Action::hold(HoldReason::Customer)), ANNA);
    for (ticket, second) in [(ticket, ClockState::Met), (other, ClockState::Paused)] {
        let first = bench.clock(ticket, Metric::FirstReply);
        assert_eq!((first.state, first.consumed.num_seconds()), (ClockState::Met, 1_200));
        let clock = bench.clock(ticket, Metric::Resolution);
        assert_eq!((clock.state, clock.consumed.num_seconds()), (second, 1_200));
        bench.check(ticket);
    }
}

#[test]
fn c06_clocks_follow_a_reopening_another_agreement_and_an_edited_calendar() {
    let agreement = |name, position| Agreement::new(name, position).on_policy_change(OnPolicyChange::Migrate);
    let paid = || {
        agreement("paid", 1)
            .when(Condition::field("tags").contains("paid"))
            .target(resolution(hours(4)).business("office"))
    };
    let bench = Bench::new(office().agreement(paid()));
    bench.at("2026-01-05T08:00:00Z");
    let ticket = bench.open_as(firstline::NewTicket::new("No sound").tag("paid"));
    bench.pass(hours(1));
    bench.act(ticket, Action::resolve("unmuted"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::reply("Still nothing."), BORIS);
    assert_eq!(due(&bench, ticket, Metric::Resolution), 5 * 3_600); // The resolved hour does not count.
    // The office now opens at ten, so the first hour was not working time.
    let late = hours_of("UTC", "10:00-16:00");
    bench.adopt(office().calendar("office", late.definition()).agreement(paid()));
    bench.act(ticket, Action::note("a look"), ANNA);
    assert_eq!(due(&bench, ticket, Metric::Resolution), 6 * 3_600);
    bench.act(ticket, Action::Untag("paid".into()), ANNA);
    assert_eq!(bench.clock(ticket, Metric::Resolution).state, ClockState::Cancelled);
    assert_eq!(bench.desk.ticket(ticket).unwrap().due_at, None);
    assert_eq!(bench.desk.ticket(ticket).unwrap().timers(), []);
    bench.check(ticket);
}

#[test]
fn c07_business_hours_apply() {
    let bench = Bench::new(with([
        Target::new(Metric::FirstReply).within(hours(2)),
        resolution(hours(2)).business("office"),
    ]));
    bench.at("2026-01-09T15:00:00Z");
    let ticket = bench.open();
    assert_eq!(due(&bench, ticket, Metric::FirstReply), 2 * 3_600);
    assert_eq!(due(&bench, ticket, Metric::Resolution), 3_600 + (16 + 48) * 3_600 + 3_600);
    // Reports count the same hours.
    bench.at("2026-01-12T08:30:00Z");
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    assert_eq!(ledger.elapsed().num_seconds(), 5_400);
    bench.check(ticket);
}

#[test]
fn c08_no_reply_is_due_after_the_resolution() {
    let bench = Bench::new(with([
        Target::new(Metric::FirstReply).within(hours(1)),
        Target::new(Metric::NextReply).within(hours(1)),
        Target::new(Metric::PeriodicUpdate).within(hours(1)),
    ]));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::reply("Is it muted?"), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reply("Yes!"), BORIS);
    bench.pass(minutes(10));
    bench.act(ticket, Action::resolve("unmuted"), ANNA);
    bench.pass(hours(30));
    bench.tick();
    let clock = bench.clock(ticket, Metric::NextReply);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Met, 600));
    assert_eq!(bench.clock(ticket, Metric::PeriodicUpdate).state, ClockState::Cancelled);
    assert_eq!(bench.alerts(ticket), []);
    bench.check(ticket);
}

#[test]
fn c09_a_late_reply_between_two_ticks_is_recorded_as_a_breach() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1)).warn_at([])]));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(3));
    bench.act(ticket, Action::reply("Sorry for the wait."), ANNA); // Nobody ticked.
    bench.tick();
    let clock = bench.clock(ticket, Metric::FirstReply);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Missed, 3 * 3_600));
    let alerts = bench.alerts(ticket);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].percent, alerts[0].due), (100, instant("2026-01-05T10:00:00Z")));
    assert_eq!(clock.breached_at, Some(alerts[0].due));
    let breach =
        bench.history(ticket).into_iter().find(|it| matches!(it.change, firstline::Change::Breached(_)));
    assert_eq!(breach.unwrap().at, alerts[0].due);
    bench.check(ticket);
}

#[test]
fn c10_the_deadline_itself_is_in_time_and_no_time_is_rounded() {
    for (late, state) in [(0, ClockState::Met), (1, ClockState::Missed)] {
        let bench = Bench::new(with([Target::new(Metric::FirstReply).within(TimeDelta::seconds(90))]));
        bench.at("2026-01-05T09:00:00.25Z");
        let ticket = bench.open();
        bench.pass(TimeDelta::seconds(90) + TimeDelta::microseconds(late));
        bench.tick();
        bench.act(ticket, Action::reply("Here."), ANNA);
        let clock = bench.clock(ticket, Metric::FirstReply);
        assert_eq!(clock.state, state, "{late} microseconds late");
        assert_eq!(clock.consumed, TimeDelta::seconds(90) + TimeDelta::microseconds(late));
        assert_eq!(clock.breached_at.is_some(), late > 0);
        bench.check(ticket);
    }
}
