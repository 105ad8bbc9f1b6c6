//! Faults in the clocks of a desk, one test each.

use crate::sla;

use firstline::priority::Effect;
use firstline::sla::{
    Agreement, Clock, ClockState, Metric, OnPolicyChange, OnPriorityChange, Reaction, Target,
};
use firstline::{
    Action, Actor, Change, Condition, HoldReason, Line, Matrix, Modifier, NewTicket, Policy, Priority,
    Snapshot, TicketId, TimeDelta,
};
use sla::{ANNA, BORIS, BOT, Bench, hours, instant, minutes, office, resolution, with};

/// A policy in which the modifier `late` has this effect.
fn late(effect: Effect) -> Policy {
    let matrix = Matrix::itil().to_definition().modifier(Modifier::new("late", effect)).build().unwrap();
    let target = resolution(hours(4)).on_breach(Reaction::Modifier("late".into()));
    Policy::new().matrix(matrix).agreement(Agreement::new("standard", 1).target(target))
}

fn facts(bench: &Bench, ticket: TicketId) -> (Snapshot, Vec<String>) {
    let history = bench.history(ticket).into_iter();
    let changes = history.filter(|event| !matches!(event.change, Change::ClocksUpdated { .. }));
    let mut snapshot = bench.desk.ticket(ticket).unwrap().into_snapshot();
    // Events that only record clocks are grouped by command.
    snapshot.version = 0;
    (snapshot, changes.map(|event| format!("{} {:?} {:?}", event.at, event.by.who, event.change)).collect())
}

fn percentages(bench: &Bench, ticket: TicketId) -> Vec<u8> {
    bench.alerts(ticket).iter().map(|alert| alert.percent).collect()
}

/// Runs the same commands with a tick every ten minutes and with a tick at the end.
fn under_both_regimes(
    first: &Policy,
    play: impl Fn(&Bench, TicketId, &dyn Fn(i64)),
) -> (Snapshot, Vec<String>) {
    let run = |ticks: bool| {
        let bench = Bench::new(first.clone());
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        let pass = |n: i64| {
            for _ in 0..n / 10 {
                bench.pass(minutes(10));
                if ticks {
                    bench.tick();
                }
            }
        };
        play(&bench, ticket, &pass);
        bench.tick();
        bench.check(ticket);
        // Only the ids differ.
        let (mut snapshot, changes) = facts(&bench, ticket);
        snapshot.id = TicketId::from(uuid::Uuid::nil());
        (snapshot, changes)
    };
    let (often, once) = (run(true), run(false));
    assert_eq!(often, once);
    often
}

#[test]
fn b01_a_reaction_uses_the_matrix_in_force_when_it_was_due() {
    let (ticket, _) = under_both_regimes(&late(Effect::Raise(1)), |bench, _, pass| {
        pass(5 * 60);
        bench.adopt(late(Effect::Raise(2)));
        pass(60);
    });
    assert_eq!(ticket.priority(), Priority::P2);
}

#[test]
fn b01_an_unknown_modifier_of_a_reaction_is_recorded() {
    let (ticket, _) = under_both_regimes(&late(Effect::Raise(1)), |bench, _, pass| {
        pass(60);
        bench.adopt(office());
        pass(5 * 60);
    });
    assert!(ticket.modifiers.contains("late"));
    assert_eq!(ticket.priority(), Priority::P3);
}

fn migrating(time: i64) -> Policy {
    let agreement = Agreement::new("standard", 1).on_policy_change(OnPolicyChange::Migrate);
    office().agreement(agreement.target(resolution(hours(time))))
}

#[test]
fn b05_clocks_migrate_without_a_command() {
    let bench = Bench::new(migrating(100));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(1));
    bench.adopt(migrating(4));
    for _ in 0..48 {
        bench.pass(hours(1));
        bench.tick();
    }
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.target), (ClockState::Breached, hours(4)));
    assert_eq!(clock.breached_at, Some(instant("2026-01-05T14:00:00Z")));
    assert_eq!(bench.desk.reports().due_soon(hours(1)).unwrap().len(), 1);
    bench.check(ticket);
}

#[test]
fn b05_a_worker_migrates_the_clocks_of_every_desk() {
    use firstline::desk::Settings;
    use firstline::memory::Memory;
    use firstline::time::ManualTime;
    let (store, time) = (Memory::new(), ManualTime::at(instant("2026-01-05T10:00:00Z")));
    let desks = ["acme", "beta"].map(|name| store.desk(Settings::new(name).time(time.clone())));
    for desk in &desks {
        desk.setup().adopt(&migrating(100)).unwrap();
        for _ in 0..3 {
            desk.open_ticket(NewTicket::new("No sound").from(BORIS)).unwrap();
        }
    }
    time.advance(hours(1));
    for desk in &desks {
        desk.setup().adopt(&migrating(8)).unwrap();
    }
    let worker = firstline::Worker::over(store);
    // A policy takes effect after a tick at the instant of its adoption.
    assert_eq!(worker.tick(instant("2026-01-05T11:00:00Z")).unwrap().fired, 0);
    let report = worker.tick(instant("2026-01-05T11:00:01Z")).unwrap();
    assert_eq!((report.fired, report.failed.len()), (6, 0));
    for desk in &desks {
        for number in 1..=3_u64 {
            assert_eq!(desk.ticket(number).unwrap().clocks[0].target, hours(8));
        }
    }
    let again = worker.tick(instant("2026-01-05T11:00:02Z")).unwrap();
    assert_eq!((again.fired, again.failed.len()), (0, 0));
}

#[test]
fn b05_an_intermediate_version_leaves_the_same_trace() {
    let (ticket, changes) = under_both_regimes(&migrating(100), |bench, _, pass| {
        pass(60);
        bench.adopt(migrating(2));
        pass(120);
        bench.adopt(migrating(50));
        pass(60);
    });
    assert_eq!(changes.iter().filter(|it| it.contains("PolicyRebound")).count(), 2);
    let clock = ticket.clock(Metric::Resolution).unwrap();
    assert_eq!((clock.target, clock.breached_at), (hours(50), Some(instant("2026-01-05T12:00:00Z"))));
}

#[test]
fn b07_a_target_that_begins_now_is_taken_from_the_agreements_in_force() {
    let policy = |time| {
        let gold = Agreement::new("gold", 1).when(Condition::field("tags").contains("gold"));
        office()
            .agreement(gold.target(resolution(hours(time))))
            .agreement(Agreement::new("standard", 2).target(resolution(hours(1_000))))
    };
    let bench = Bench::new(policy(2));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(5));
    bench.adopt(policy(500));
    bench.pass(hours(5));
    bench.act(ticket, Action::tag("gold"), ANNA);
    bench.tick();
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.target, clock.breached_at), (hours(500), None));
    bench.check(ticket);
}

#[test]
fn b07_a_pinned_ticket_gets_no_target_that_a_newer_version_adds() {
    let bench = Bench::new(with([resolution(hours(100))]));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(5));
    bench.adopt(with([resolution(hours(90)), Target::new(Metric::Closure).within(hours(2))]));
    bench.act(ticket, Action::assign("anna"), ANNA);
    let clocks = bench.desk.ticket(ticket).unwrap().into_snapshot().clocks;
    assert_eq!(
        clocks.iter().map(|it| (it.metric, it.target)).collect::<Vec<_>>(),
        [(Metric::Resolution, hours(100))]
    );
    bench.check(ticket);
}

fn by_priority() -> Policy {
    with([Target::new(Metric::Resolution)
        .time(Priority::P1, hours(2))
        .time(Priority::P2, hours(7))
        .time(Priority::P3, hours(8))
        .time(Priority::P5, hours(100))])
}

#[test]
fn b08_a_new_target_records_only_the_highest_percentage_that_it_has_passed() {
    let bench = Bench::new(by_priority());
    bench.at("2026-01-05T10:00:00Z");
    let (breached, warned) = (bench.open(), bench.open());
    bench.pass(hours(3));
    bench.act(breached, Action::override_priority(Priority::P1, "the director"), ANNA);
    assert_eq!(percentages(&bench, breached), [100]);
    bench.pass(minutes(150)); // 5.5 of 7 hours
    let bench_warned = bench.act(warned, Action::override_priority(Priority::P2, "more urgent"), ANNA);
    drop(bench_warned);
    assert_eq!(percentages(&bench, warned), [50, 75]); // 50 percent of eight hours, then 75 percent of seven
    bench.check(breached);
    bench.check(warned);
}

#[test]
fn b08_no_percentage_is_recorded_twice_unless_the_deadline_becomes_later() {
    let bench = Bench::new(by_priority());
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(minutes(250));
    bench.tick();
    bench.act(ticket, Action::override_priority(Priority::P2, "a slip"), ANNA);
    bench.pass(minutes(1));
    bench.act(ticket, Action::override_priority(Priority::P3, "back"), ANNA);
    bench.tick();
    assert_eq!(percentages(&bench, ticket), [50]);
    // The deadline is later now, so 50 percent is recorded again when it is reached.
    bench.act(ticket, Action::override_priority(Priority::P5, "planned"), ANNA);
    bench.pass(hours(60));
    bench.tick();
    assert_eq!(percentages(&bench, ticket), [50, 50]);
    bench.check(ticket);
}

#[test]
fn b08_a_reopened_ticket_and_a_changed_policy_repeat_no_percentage() {
    let bench = Bench::new(migrating(8));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(minutes(250));
    bench.tick();
    bench.adopt(migrating(7));
    bench.tick();
    bench.adopt(migrating(8));
    bench.tick();
    bench.act(ticket, Action::resolve("done"), ANNA);
    bench.act(ticket, Action::reopen(), ANNA);
    bench.tick();
    assert_eq!(percentages(&bench, ticket), [50]);
    bench.check(ticket);
}

#[test]
fn b09_no_hold_pauses_a_first_reply_by_default() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1))]));
    bench.at("2026-01-05T10:00:00Z");
    for reason in [HoldReason::Customer, HoldReason::ThirdParty, HoldReason::from("parcel")] {
        let ticket = bench.open();
        bench.act(ticket, Action::hold(reason), ANNA);
        bench.pass(hours(50));
        bench.act(ticket, Action::reply("Is it muted?"), ANNA);
        let clock = bench.clock(ticket, Metric::FirstReply);
        assert_eq!((clock.state, clock.consumed), (ClockState::Missed, hours(50)));
        bench.check(ticket);
    }
}

#[test]
fn b10_no_reply_is_due_before_the_customer_writes() {
    let replies = [Metric::FirstReply, Metric::NextReply].map(|metric| Target::new(metric).within(hours(1)));
    let bench = Bench::new(with(replies.into_iter().chain([resolution(hours(100))])));
    bench.at("2026-01-05T10:00:00Z");
    let outbound = |by: Actor| {
        let request = NewTicket::new("Your server moves").from(BORIS).by(by).message("We move it.");
        bench.desk.open_ticket(request).unwrap().id()
    };
    let (informed, asked) = (outbound(Actor::agent(ANNA)), outbound(Actor::automation(BOT)));
    bench.pass(hours(48));
    bench.tick();
    bench.act(asked, Action::reply("When?"), BORIS);
    bench.pass(minutes(30));
    bench.act(asked, Action::reply("On Friday."), ANNA);
    bench.act(informed, Action::reply("It is done."), ANNA);
    bench.pass(minutes(30));
    bench.act(informed, Action::reply("It is slow now."), BORIS);
    bench.pass(hours(2));
    bench.tick();
    let clocks = |ticket| bench.desk.ticket(ticket).unwrap().into_snapshot().clocks;
    let state = |clock: &Clock| (clock.metric, clock.state, clock.consumed);
    let of = |ticket| clocks(ticket).iter().map(state).collect::<Vec<_>>();
    assert_eq!(of(asked)[0], (Metric::FirstReply, ClockState::Met, minutes(30)));
    assert_eq!(of(informed)[0], (Metric::NextReply, ClockState::Breached, TimeDelta::zero()));
    assert!(clocks(informed).iter().any(|it| it.metric == Metric::Resolution));
    assert_eq!(bench.alerts(informed).iter().filter(|it| it.percent == 100).count(), 1);
    bench.check(informed);
    bench.check(asked);
}

#[test]
fn b11_replies_and_the_first_reply_have_one_definition() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1))]));
    bench.at("2026-01-05T10:00:00Z");
    let acts: [(Action, &str); 6] = [
        (Action::reply("We received it."), BOT),
        (Action::note("hm"), ANNA),
        (Action::reply("Is it muted?"), ANNA),
        (Action::resolve("unmuted"), ANNA),
        (Action::resolve("unmuted"), BOT),
        (Action::reply("Unmute it.").and(Action::resolve("unmuted")), ANNA),
    ];
    for (action, by) in acts {
        let ticket = bench.open();
        bench.pass(minutes(1));
        bench.act(ticket, action.clone(), by);
        let found = bench.desk.ticket(ticket).unwrap().into_snapshot();
        let met = found.clock(Metric::FirstReply).unwrap().state == ClockState::Met;
        let first = found.first_replied_at;
        assert_eq!((first.is_some(), found.replies_sent > 0), (met, met), "{action:?}");
        assert_eq!(first, met.then(|| bench.now()), "{action:?}");
        bench.check(ticket);
    }
}

#[test]
fn b12_two_lines_that_escalate_to_each_other_stop() {
    let to = |team: &str, line| Reaction::Escalate { team: team.into(), line };
    let target = |line| Target::new(Metric::Handling(line)).within(minutes(10)).warn_at([]);
    let pair = [
        target(Line::First).on_breach(to("experts", Line::Second)),
        target(Line::Second).on_breach(to("desk", Line::First)),
    ];
    let of_line = |name: &str, position, line: &str| {
        Agreement::new(name, position)
            .when(Condition::field("line").is(line))
            .on_priority_change(OnPriorityChange::Restart)
    };
    let restarting = |to: Reaction| resolution(minutes(10)).warn_at([]).on_breach(to);
    let policies = [
        with(pair),
        office()
            .agreement(of_line("a", 1, "first").target(restarting(to("experts", Line::Second))))
            .agreement(of_line("b", 2, "second").target(restarting(to("desk", Line::First)))),
    ];
    for policy in policies {
        let bench = Bench::new(policy);
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        bench.pass(TimeDelta::days(30));
        bench.tick();
        let history = bench.history(ticket);
        assert!(history.len() < 50, "{} events", history.len());
        let handed_over = history.iter().filter(|it| matches!(it.change, Change::HandedOver { .. })).count();
        assert_eq!(handed_over, 4);
        assert!(bench.alerts(ticket).last().unwrap().escalation_stopped);
        // After an agent has acted, reactions hand the ticket over again.
        bench.act(ticket, Action::hand_over("third", Line::Third, "look"), ANNA);
        bench.act(ticket, Action::hand_over("desk", Line::First, "back"), ANNA);
        bench.pass(hours(1));
        bench.tick();
        assert!(bench.history(ticket).len() > history.len() + 4);
        bench.check(ticket);
    }
}

#[test]
fn b13_a_breach_stays_on_the_clock() {
    let bench = Bench::new(by_priority());
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::override_priority(Priority::P1, "the director"), ANNA);
    bench.pass(hours(3));
    bench.tick();
    bench.act(ticket, Action::override_priority(Priority::P3, "not so urgent"), ANNA);
    let open = bench.clock(ticket, Metric::Resolution);
    assert_eq!(open.breached_at, Some(instant("2026-01-05T12:00:00Z")));
    assert_eq!(open.due_at, Some(instant("2026-01-05T18:00:00Z")));
    bench.act(ticket, Action::resolve("done"), ANNA);
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.is_late()), (ClockState::Missed, true));
    assert_eq!((clock.target, clock.missed_target()), (hours(8), Some(hours(2))));
    bench.check(ticket);
}

#[test]
fn b14_the_due_instant_of_a_ticket_is_the_next_deadline() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1)), resolution(hours(8))]));
    bench.at("2026-01-05T10:00:00Z");
    let (late, early) = (bench.open(), bench.open());
    let due = |ticket| {
        let ticket = bench.desk.ticket(ticket).unwrap();
        (ticket.due_at, ticket.overdue_since)
    };
    let (one, eight) = (instant("2026-01-05T11:00:00Z"), instant("2026-01-05T18:00:00Z"));
    assert_eq!(due(late), (Some(one), None));
    bench.act(early, Action::reply("Yes?"), ANNA);
    bench.pass(hours(2));
    bench.tick();
    assert_eq!(due(late), (Some(eight), Some(one)));
    // The overdue ticket is still first in the inbox.
    let inbox = bench.desk.find(firstline::Query::inbox()).unwrap().tickets;
    assert_eq!(inbox.iter().map(|it| it.id()).collect::<Vec<_>>(), [late, early]);
    bench.act(late, Action::reply("Sorry."), ANNA);
    assert_eq!(due(late), (Some(eight), None));
    bench.pass(hours(8));
    bench.tick();
    assert_eq!(due(late), (None, Some(eight)));
    bench.check(late);
}

#[test]
fn b15_a_smaller_matrix_does_not_freeze_tickets() {
    let small = || {
        let matrix = Matrix::define()
            .impacts(["high", "low"])
            .urgencies(["high", "low"])
            .priorities(["urgent", "normal"])
            .row("high", [("high", "urgent"), ("low", "normal")])
            .row("low", [("high", "normal"), ("low", "normal")])
            .default_impact("low")
            .default_urgency("low");
        Policy::new().matrix(matrix.build().unwrap())
    };
    let modifiers = ["late", "loud"].map(|name| Modifier::new(name, Effect::Raise(1)));
    let large = Matrix::itil().to_definition();
    let large = modifiers.into_iter().fold(large, |matrix, it| matrix.modifier(it)).build().unwrap();
    let bench = Bench::new(Policy::new().matrix(large.clone()));
    let ticket = bench.open();
    let three = firstline::Impact::new(3).unwrap();
    bench.act(
        ticket,
        Action::Impact(three).and(Action::modifier("late")).and(Action::modifier("loud")),
        ANNA,
    );
    bench.adopt(small());
    bench.act(ticket, Action::Urgency(firstline::Urgency::HIGH), ANNA);
    let found = || bench.desk.ticket(ticket).unwrap().into_snapshot();
    assert_eq!(found().priority(), Priority::P2);
    let text = found().assessment.to_string();
    assert!(text.contains("given as 3, which the matrix does not have"), "{text}");
    bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
    bench.act(ticket, Action::Modifier { name: "late".into(), on: false }, ANNA);
    // New values must be in the matrix.
    for wrong in
        [Action::Impact(three), Action::modifier("late"), Action::override_priority(Priority::P3, "x")]
    {
        assert!(bench.desk.act(ticket, wrong, Actor::agent(ANNA)).unwrap_err().is_invalid());
    }
    // A larger matrix uses the original values again.
    bench.adopt(Policy::new().matrix(large).prefix("B"));
    bench.act(ticket, Action::ClearOverride, ANNA);
    assert_eq!(found().assessment.impact(), three);
    assert_eq!(found().assessment.steps().count(), 1);
}

#[test]
fn b21_an_adoption_between_two_commands_of_one_instant_is_replayed() {
    let gold = |time| {
        let gold = Agreement::new("gold", 1).when(Condition::field("tags").contains("gold"));
        office().agreement(gold.target(resolution(hours(time))))
    };
    for before in [false, true] {
        let bench = Bench::new(gold(2));
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        bench.pass(hours(1));
        if before {
            bench.act(ticket, Action::tag("gold"), ANNA);
        }
        bench.adopt(gold(4));
        bench.act(ticket, Action::tag("gold").and(Action::note("hm")), ANNA);
        let target = bench.clock(ticket, Metric::Resolution).target;
        assert_eq!(target, if before { hours(2) } else { hours(4) });
        bench.check(ticket);
    }
}

/// The agreements that were replaced last do not tell if a clock migrates: a reopened clock may be older.
#[test]
fn a_reopened_clock_of_an_earlier_version_migrates_without_a_command() {
    let bench = Bench::new(migrating(100));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::resolve("unmuted"), ANNA);
    let pinned = |time| with([resolution(hours(time))]);
    bench.pass(hours(1));
    bench.adopt(pinned(100));
    bench.pass(hours(1));
    bench.act(ticket, Action::reopen(), ANNA);
    bench.pass(hours(1));
    bench.adopt(pinned(50));
    bench.pass(hours(1));
    assert_eq!(bench.tick(), 1);
    assert_eq!(bench.clock(ticket, Metric::Resolution).target, hours(50));
    bench.check(ticket);
}
