//! Clocks over a desk: what is measured, when it is due, what is told. Figures in seconds.

mod sla;

use firstline::sla::{Agreement, ClockState, Metric, OnPriorityChange, OnReopen, Reaction, Target};
use firstline::{Action, HoldReason, Line, Priority, TimeDelta};
use sla::{ANNA, BORIS, Bench, hours, minutes, office};

#[test]
fn a_first_reply_in_time_is_met_and_counts_open_hours_alone() {
    let bench = Bench::new(
        office().agreement(
            Agreement::new("standard", 1)
                .target(Target::new(Metric::FirstReply).within(hours(1)).business("office")),
        ),
    );
    bench.at("2026-01-09T15:30:00Z"); // Friday, half an hour before closing
    let ticket = bench.open();
    assert_eq!(bench.clock(ticket, Metric::FirstReply).due_at, Some("2026-01-12T08:30:00Z".parse().unwrap()));
    bench.at("2026-01-12T08:20:00Z");
    bench.act(ticket, Action::note("an internal note answers nobody"), ANNA);
    assert_eq!(bench.clock(ticket, Metric::FirstReply).state, ClockState::Running);
    bench.act(ticket, Action::reply("Is it muted?"), ANNA);
    let clock = bench.clock(ticket, Metric::FirstReply);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Met, 50 * 60));
    bench.check(ticket);
}

#[test]
fn every_metric_has_its_beginning_and_its_end() {
    let agreement = Metric::ALL
        .into_iter()
        .fold(Agreement::new("all", 1), |it, metric| it.target(Target::new(metric).within(hours(100))));
    let bench = Bench::new(office().agreement(agreement));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    let open = |metrics: &[Metric]| {
        let clocks = bench.desk.ticket(ticket).unwrap().into_snapshot().clocks;
        let open: Vec<_> = clocks.iter().filter(|it| it.state.is_open()).map(|it| it.metric).collect();
        assert_eq!(open, metrics);
    };
    use Metric::*;
    let (first, second) = (Handling(Line::First), Handling(Line::Second));
    open(&[FirstReply, Resolution, RequesterWait, AgentWork, Closure, first]);
    bench.pass(minutes(10));
    bench.act(ticket, Action::start(), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reply("Which browser?"), ANNA);
    open(&[PeriodicUpdate, Resolution, RequesterWait, AgentWork, Closure, first]);
    bench.act(ticket, Action::hold(HoldReason::ThirdParty), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reply("Firefox"), BORIS);
    open(&[NextReply, PeriodicUpdate, Resolution, RequesterWait, AgentWork, Closure, first]);
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::hand_over("browsers", Line::Second, "Firefox"), ANNA);
    open(&[NextReply, PeriodicUpdate, Resolution, RequesterWait, AgentWork, Closure, second]);
    bench.act(ticket, Action::resume(), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reply("Update it.").and(Action::resolve("update")), ANNA);
    open(&[Closure]);
    bench.pass(minutes(10));
    bench.act(ticket, Action::confirm(), BORIS);
    open(&[]);
    let consumed = |metric| bench.clock(ticket, metric).consumed.num_minutes();
    assert_eq!(consumed(FirstReply), 20);
    assert_eq!(consumed(NextReply), 10);
    assert_eq!(consumed(Resolution), 40);
    assert_eq!(consumed(RequesterWait), 40);
    assert_eq!(consumed(AgentWork), 30);
    assert_eq!(consumed(Closure), 50);
    assert_eq!(consumed(first), 30);
    assert_eq!(consumed(second), 10);
    bench.check(ticket);
}

#[test]
fn warnings_and_breaches_are_told_once_each_with_their_reactions() {
    let target = Target::new(Metric::Resolution)
        .within(hours(4))
        .on_warning(Reaction::Notify("anna".into()))
        .on_breach(Reaction::Modifier("out of time".into()))
        .on_breach(Reaction::Escalate { team: "experts".into(), line: Line::Second });
    let bench = Bench::new(office().agreement(Agreement::new("standard", 1).target(target)));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(minutes(119));
    assert_eq!(bench.tick(), 0);
    bench.pass(minutes(1));
    assert_eq!(bench.tick(), 1);
    assert_eq!(bench.tick(), 0);
    bench.pass(minutes(120)); // the deadline itself: may still be met
    assert_eq!(bench.tick(), 2);
    bench.pass(TimeDelta::microseconds(1));
    assert_eq!(bench.tick(), 1);
    assert_eq!(bench.tick(), 0);
    let told = bench.alerts(ticket);
    let percentages: Vec<_> = told.iter().map(|it| it.percent).collect();
    assert_eq!(percentages, [50, 75, 90, 100]);
    assert_eq!(told[0].notify, ["anna"]);
    assert_eq!(told[3].due, "2026-01-05T14:00:00Z".parse::<firstline::DateTime<firstline::Utc>>().unwrap());
    let ticket = bench.desk.ticket(ticket).unwrap();
    assert_eq!(ticket.team.as_ref().map(|it| it.as_str()), Some("experts"));
    assert_eq!(ticket.priority(), Priority::P2);
    assert!(ticket.assessment.to_string().contains("\"out of time\" (named) raises it by 1 to P2"));
    assert_eq!(ticket.clock(Metric::Resolution).unwrap().state, ClockState::Breached);
    bench.check(ticket.id());
}

#[test]
fn a_change_of_priority_counts_from_the_opening_carries_or_restarts() {
    for (how, due) in [
        (OnPriorityChange::FromOpening, "2026-01-05T12:00:00Z"),
        (OnPriorityChange::CarryElapsed, "2026-01-05T12:00:00Z"),
        (OnPriorityChange::Restart, "2026-01-05T13:00:00Z"),
    ] {
        let target =
            Target::new(Metric::Resolution).time(Priority::P3, hours(8)).time(Priority::P1, hours(2));
        let bench =
            Bench::new(office().agreement(Agreement::new("it", 1).target(target).on_priority_change(how)));
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        bench.pass(hours(1));
        bench.act(ticket, Action::override_priority(Priority::P1, "the chairman"), ANNA);
        let clock = bench.clock(ticket, Metric::Resolution);
        assert_eq!(clock.due_at, Some(due.parse().unwrap()), "{how:?}");
        assert_eq!(clock.revision, 1);
        bench.check(ticket);
    }
}

#[test]
fn a_reopened_ticket_continues_begins_anew_or_stays_frozen() {
    for (how, cycle, state, consumed) in [
        (OnReopen::Continue, 1, ClockState::Running, 3_600),
        (OnReopen::NewCycle, 2, ClockState::Running, 0),
        (OnReopen::Freeze, 1, ClockState::Met, 3_600),
    ] {
        let target = Target::new(Metric::Resolution).within(hours(8));
        let bench = Bench::new(office().agreement(Agreement::new("it", 1).target(target).on_reopen(how)));
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        bench.pass(hours(1));
        bench.act(ticket, Action::resolve("unmuted"), ANNA);
        bench.pass(hours(2));
        bench.act(ticket, Action::reply("Still nothing."), BORIS);
        let clock = bench.clock(ticket, Metric::Resolution);
        assert_eq!(
            (clock.cycle, clock.state, clock.consumed.num_seconds()),
            (cycle, state, consumed),
            "{how:?}"
        );
        bench.check(ticket);
    }
}
