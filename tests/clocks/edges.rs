//! Clocks at the edges: imports, hand-overs, and targets that are added and removed. Figures are in seconds.

use crate::sla;

use firstline::reports::SpanKind;
use firstline::sla::{
    Agreement, ClockState, Metric, OnPolicyChange, OnPriorityChange, OnReopen, Reaction, Target,
};
use firstline::{
    Action, Actor, Change, Condition, ImportedTicket, ImportedVersion, InboundMessage, Line, Priority,
    TimeDelta, lifecycle::state,
};
use sla::{ANNA, BORIS, BOT, Bench, consumed, hours, instant, minutes, office, resolution, with};

fn version(at: &str) -> ImportedVersion {
    ImportedVersion::new(instant(at), Actor::agent(ANNA))
}

#[test]
fn an_imported_history_continues_after_the_policy_changed() {
    let bench = Bench::new(with([resolution(hours(4))]));
    bench.at("2026-03-01T00:00:00Z");
    let first = ImportedTicket::new("old", "1")
        .version(version("2026-02-01T08:00:00Z").subject("No sound").status(state::Active));
    bench.desk.records().import([first.clone()]).unwrap();
    bench.adopt(with([resolution(hours(6))]));
    let more = first.version(version("2026-02-01T13:00:00Z").status(state::Resolved::default()));
    let imported = bench.desk.records().import([more]).unwrap();
    assert!(imported.refused.is_empty(), "{:?}", imported.refused);
    let ticket = bench.desk.ticket(1_u64).unwrap();
    let clock = ticket.clock(Metric::Resolution).unwrap();
    assert_eq!((clock.state, clock.target), (ClockState::Missed, hours(4)));
}

#[test]
fn an_imported_version_without_changes_moves_no_clock() {
    let bench = Bench::new(with([resolution(hours(4))]));
    bench.at("2026-03-01T00:00:00Z");
    let ticket = ImportedTicket::new("old", "1")
        .version(version("2026-02-01T08:00:00Z").subject("No sound").status(state::Active))
        .version(version("2026-02-01T13:00:00Z").status(state::Active));
    bench.desk.records().import([ticket]).unwrap();
    let id = bench.desk.ticket(1_u64).unwrap().id();
    let policies = [(firstline::DateTime::<firstline::Utc>::MIN_UTC, with([resolution(hours(4))]))];
    let replayed = firstline::ticket::decision::replay(&bench.history(id), &policies).unwrap();
    assert_eq!(bench.desk.ticket(id).unwrap().clocks, replayed);
    bench.tick();
    assert_eq!(bench.clock(id, Metric::Resolution).breached_at, Some(instant("2026-02-01T12:00:00Z")));
}

#[test]
fn a_first_reply_after_the_resolution_is_not_due_again_when_the_ticket_is_reopened() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1))]));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::resolve("by itself"), BOT);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reply("It fixed itself."), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reopen(), BORIS);
    assert!(!bench.clock(ticket, Metric::FirstReply).state.is_open());
    bench.check(ticket);
}

#[test]
fn a_finished_stay_on_a_line_does_not_continue_when_the_ticket_returns() {
    let (first, second) = (Metric::Handling(Line::First), Metric::Handling(Line::Second));
    let bench = Bench::new(with([first, second].map(|it| Target::new(it).within(hours(10)))));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::hand_over("experts", Line::Second, "please"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::hand_over("desk", Line::First, "done"), ANNA);
    bench.pass(hours(2));
    bench.act(ticket, Action::resolve("done"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::hand_over("experts", Line::Second, "look again"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::reopen(), BORIS);
    bench.pass(minutes(30));
    bench.act(ticket, Action::resolve("done"), ANNA);
    let clock = bench.clock(ticket, second);
    assert_eq!((clock.cycle, clock.consumed), (2, minutes(30)));
    bench.check(ticket);
}

#[test]
fn a_target_that_was_removed_for_a_while_applies_again() {
    for (how, used, left) in [
        (OnPriorityChange::FromOpening, 3, 5),
        (OnPriorityChange::CarryElapsed, 1, 7),
        (OnPriorityChange::Restart, 0, 8),
    ] {
        let target = Target::new(Metric::Resolution).time(Priority::P3, hours(8));
        let bench =
            Bench::new(office().agreement(Agreement::new("it", 1).target(target).on_priority_change(how)));
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        bench.pass(hours(1));
        bench.act(ticket, Action::override_priority(Priority::P5, "by mistake"), ANNA);
        assert_eq!(bench.clock(ticket, Metric::Resolution).state, ClockState::Cancelled);
        bench.pass(hours(2));
        bench.act(ticket, Action::override_priority(Priority::P3, "as it was"), ANNA);
        let clock = bench.clock(ticket, Metric::Resolution);
        assert_eq!((clock.state, clock.consumed), (ClockState::Running, hours(used)), "{how:?}");
        assert_eq!(clock.due_at, Some(bench.now() + hours(left)), "{how:?}");
        bench.pass(minutes(30));
        let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
        assert_eq!(ledger.wall_time(), minutes(210), "{ledger}");
        assert_eq!(ledger.elapsed(), hours(used) + minutes(30), "{ledger}");
        bench.check(ticket);
    }
}

#[test]
fn a_breach_between_two_parts_of_one_command_is_recorded() {
    let target = Target::new(Metric::Resolution).time(Priority::P3, hours(8)).time(Priority::P1, hours(2));
    let bench = Bench::new(with([target.warn_at([])]));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(3));
    bench.act(
        ticket,
        Action::override_priority(Priority::P1, "urgent").and(Action::resolve("unmuted")),
        ANNA,
    );
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.breached_at), (ClockState::Missed, Some(instant("2026-01-05T12:00:00Z"))));
    assert_eq!(bench.alerts(ticket).len(), 1);
    bench.check(ticket);
}

#[test]
fn attributes_that_come_with_a_message_apply_at_once() {
    let gold = Agreement::new("gold", 0)
        .when(Condition::field("contact.plan").is("gold"))
        .target(resolution(hours(1)).warn_at([]));
    let bench = Bench::new(with([resolution(hours(8))]).agreement(gold));
    bench.at("2026-01-05T10:00:00Z");
    let message = |text: &str, contact: firstline::Contact| {
        InboundMessage::new(text).from(contact).thread("t").subject("No sound")
    };
    let plain = firstline::Contact::new(BORIS);
    let ticket = bench.desk.receive(message("Help", plain.clone())).unwrap().ticket.id();
    bench.pass(hours(2));
    bench.desk.receive(message("Help!", plain.attribute("plan", "gold"))).unwrap();
    assert_eq!(bench.alerts(ticket).len(), 1);
    assert_eq!(bench.clock(ticket, Metric::Resolution).state, ClockState::Breached);
    bench.check(ticket);
}

#[test]
fn reactions_that_hand_a_ticket_back_and_forth_terminate() {
    let there = |line: Line| Reaction::Escalate { team: "experts".into(), line };
    let only = |name: &str, position, line: &str, metric, to| {
        Agreement::new(name, position)
            .when(Condition::field("line").is(line))
            .target(Target::new(metric).within(hours(1)).on_warning(there(to)).on_breach(there(to)))
    };
    for how in [OnPolicyChange::Pin, OnPolicyChange::Migrate] {
        let policy = office()
            .agreement(
                only("a", 1, "first", Metric::Resolution, Line::Second)
                    .on_policy_change(how)
                    .on_reopen(OnReopen::Continue),
            )
            .agreement(only("b", 2, "second", Metric::FirstReply, Line::First).on_policy_change(how));
        let bench = Bench::new(policy);
        bench.at("2026-01-05T10:00:00Z");
        let ticket = bench.open();
        bench.pass(TimeDelta::days(30));
        bench.tick();
        assert_eq!(bench.tick(), 0);
        let moves =
            bench.history(ticket).into_iter().filter(|it| matches!(it.change, Change::HandedOver { .. }));
        assert!(moves.count() <= 8);
        bench.check(ticket);
    }
}

#[test]
fn clocks_do_not_overflow_at_the_end_of_time() {
    let target = resolution(hours(10 * 366 * 24));
    for target in [target.clone(), target.business("office")] {
        let bench = Bench::new(with([target]));
        bench.time.set(firstline::DateTime::<firstline::Utc>::MAX_UTC - TimeDelta::days(400));
        let ticket = bench.open();
        bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
        bench.pass(TimeDelta::days(399));
        bench.tick();
        bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
        bench.act(ticket, Action::resolve("at last"), ANNA);
        assert!(consumed(&bench, ticket, Metric::Resolution) > 0);
    }
}

#[test]
fn a_time_for_an_unknown_priority_is_refused() {
    let read =
        |text: &str| serde_json::from_str::<Target>(&format!(r#"{{"metric": "closure", "time": {text}}}"#));
    assert!(read(r#"{"P1": "4h"}"#).is_ok());
    for wrong in [r#"{"P01": "4h"}"#, r#"{"P+1": "4h"}"#, r#"{"P0": "4h"}"#, r#"{"P10": "4h"}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let target =
        Target::new(Metric::Closure).time(Priority::P1, hours(1)).time(Priority::new(7).unwrap(), hours(9));
    let error = with([target]).check().unwrap_err().to_string();
    assert!(error.contains("P7") && error.contains("P1 to P5"), "{error}");
}

#[test]
fn a_policy_version_that_no_ticket_used_leaves_no_trace() {
    let policy = |time| {
        let target = resolution(time).on_breach(Reaction::Modifier("out of time".into()));
        office().agreement(Agreement::new("it", 1).target(target).on_policy_change(OnPolicyChange::Migrate))
    };
    let bench = Bench::new(policy(hours(2)));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(1));
    bench.adopt(policy(hours(9)));
    bench.pass(hours(2));
    bench.adopt(policy(hours(2)));
    bench.tick();
    bench.check(ticket);
}

#[test]
fn a_migration_adds_the_new_targets() {
    let policy = |more: &[Metric]| {
        let agreement = Agreement::new("it", 1).target(resolution(hours(8)));
        let agreement = agreement.on_policy_change(OnPolicyChange::Migrate);
        office().agreement(
            more.iter().fold(agreement, |it, metric| it.target(Target::new(*metric).within(hours(1)))),
        )
    };
    let bench = Bench::new(policy(&[]));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(minutes(30));
    bench.adopt(policy(&[Metric::AgentWork]));
    bench.act(ticket, Action::note("hm"), ANNA);
    assert_eq!(bench.clock(ticket, Metric::AgentWork).due_at, Some(instant("2026-01-05T11:00:00Z")));
    bench.check(ticket);
}

#[test]
fn a_migration_without_targets_ends_although_older_clocks_are_pinned() {
    let pinned =
        Agreement::new("pinned", 2).target(Target::new(Metric::Handling(Line::First)).within(hours(9)));
    let followed = Agreement::new("followed", 1)
        .when(Condition::field("tags").contains("gold"))
        .target(resolution(hours(8)))
        .on_policy_change(OnPolicyChange::Migrate);
    let bench = Bench::new(office().agreement(pinned).agreement(followed));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::tag("gold"), ANNA);
    bench.pass(hours(1));
    bench.adopt(office());
    for note in ["one", "two"] {
        bench.act(ticket, Action::note(note), ANNA);
        assert_eq!(bench.clock(ticket, Metric::Resolution).state, ClockState::Cancelled);
    }
    bench.act(ticket, Action::tag("silver"), ANNA);
    let migrations =
        bench.history(ticket).into_iter().filter(|it| matches!(it.change, Change::PolicyRebound { .. }));
    assert_eq!(migrations.count(), 1);
    bench.check(ticket);
}

#[test]
fn a_ledger_labels_the_hours_before_opening_as_off_hours() {
    let target = Target::new(Metric::Resolution).time(Priority::P3, hours(8)).time(Priority::P1, hours(2));
    let agreement = Agreement::new("it", 1).target(target.business("office"));
    let bench = Bench::new(office().agreement(agreement.on_priority_change(OnPriorityChange::CarryElapsed)));
    bench.at("2026-01-05T06:00:00Z"); // before opening
    let ticket = bench.open();
    bench.pass(hours(1));
    bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
    bench.pass(hours(2));
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    let spans: Vec<_> = ledger.spans.iter().map(|span| (&span.kind, span.wall_time())).collect();
    assert_eq!(spans, [(&SpanKind::OffHours, hours(2)), (&SpanKind::Running, hours(1))]);
}

#[test]
fn a_clock_without_its_target_stays_ended_when_the_ticket_is_reopened() {
    let target = Target::new(Metric::Resolution).time(Priority::P3, hours(8));
    let bench = Bench::new(with([target]));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.pass(hours(1));
    bench.act(ticket, Action::override_priority(Priority::P5, "not urgent"), ANNA);
    let ended = bench.clock(ticket, Metric::Resolution);
    bench.pass(hours(1));
    bench.act(ticket, Action::resolve("done"), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::reopen(), BORIS);
    assert_eq!(bench.clock(ticket, Metric::Resolution), ended);
    bench.check(ticket);
}

#[test]
fn a_stored_clock_of_an_impossible_duration_is_refused() {
    let bench = Bench::new(with([resolution(hours(1))]));
    let ticket = bench.open();
    let clock = serde_json::to_string(&bench.clock(ticket, Metric::Resolution)).unwrap();
    for length in ["9000000000000000", "[-9000000000000000,5]"] {
        let huge = clock.replace(r#""target":3600"#, &format!(r#""target":{length}"#));
        assert_ne!(huge, clock);
        assert!(serde_json::from_str::<firstline::sla::Clock>(&huge).is_err());
    }
}

/// Regression: the recorded instant of the migration was the date of the newest policy, although its agreements
/// had been in force before.
#[test]
fn a_change_of_only_the_prefix_does_not_move_the_migration() {
    let policy = |time| {
        let agreement = Agreement::new("it", 1).target(resolution(hours(time)));
        office().agreement(agreement.on_policy_change(OnPolicyChange::Migrate))
    };
    let bench = Bench::new(policy(800));
    bench.at("2026-01-05T10:00:00Z");
    let ticket = bench.open();
    bench.at("2026-01-10T00:00:00Z");
    bench.adopt(policy(900));
    bench.at("2026-03-01T00:00:00Z");
    bench.adopt(policy(900).prefix("B"));
    bench.adopt(policy(900).prefix("C"));
    bench.at("2026-03-02T00:00:00Z");
    bench.act(ticket, Action::note("hm"), ANNA);
    let history = bench.history(ticket);
    let migrated: Vec<_> = history
        .iter()
        .filter(|it| matches!(it.change, Change::PolicyRebound { .. }))
        .map(|it| it.at)
        .collect();
    assert_eq!(migrated, [instant("2026-01-10T00:00:00Z")]);
    bench.check(ticket);
}

/// Regression: the import treated more than 32 clock events as work on the ticket.
#[test]
fn many_warnings_between_two_imports_do_not_end_the_import() {
    let bench = Bench::new(with([resolution(hours(4)).warn_at(21..=60)]));
    bench.at("2026-02-02T08:01:00Z");
    // One batch reads all of its tickets together, not each in its own round.
    let first: Vec<_> = (0..100)
        .map(|n| {
            let created = version("2026-02-02T08:00:00Z").subject("No sound").status(state::Active);
            ImportedTicket::new("old", n.to_string()).version(created)
        })
        .collect();
    bench.desk.records().import(first.clone()).unwrap();
    bench.at("2026-03-01T00:00:00Z");
    bench.tick();
    let id = bench.desk.ticket(1_u64).unwrap().id();
    assert!(bench.history(id).len() > 34);
    let resolved = || version("2026-02-02T16:00:00Z").status(state::Resolved::default());
    let imported =
        bench.desk.records().import(first.into_iter().map(move |it| it.version(resolved()))).unwrap();
    assert!(imported.refused.is_empty(), "{:?}", imported.refused);
    assert_eq!(imported.extended, 100);
    bench.check(id);
}
