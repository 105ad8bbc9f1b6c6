//! The clocks of imported tickets: they record no alerts of the past, start from a chosen date or never, and
//! ignore versions that repeat a state.

use crate::sla;

use firstline::import::ImportClocks;
use firstline::sla::{Agreement, ClockState, Metric, OnPolicyChange, Reaction, Target};
use firstline::{
    Action, Actor, Change, DateTime, Event, HoldReason, Impact, ImportedTicket, ImportedVersion, Line,
    Policy, Priority, StateKind, TicketId, TimeDelta, Urgency, Utc, state,
};
use sla::{ANNA, BORIS, Bench, hours, instant, minutes, office, resolution, with};

fn version(at: &str) -> ImportedVersion {
    ImportedVersion::new(instant(at), Actor::agent(ANNA))
}

/// An open ticket of a requester.
fn backlog(opened: &str) -> ImportedTicket {
    let opening = ImportedVersion::new(instant(opened), Actor::contact(BORIS));
    ImportedTicket::new("old", "1").version(opening.subject("No sound").from(BORIS).team("first"))
}

/// Eight hours until the resolution. Warnings, a page and an escalation follow.
fn paging() -> Policy {
    let reacting = resolution(hours(8))
        .on_warning(Reaction::Notify("team lead".into()))
        .on_breach(Reaction::Notify("duty manager".into()))
        .on_breach(Reaction::Modifier("out of time".into()))
        .on_breach(Reaction::Escalate { team: "second".into(), line: Line::Second });
    with([reacting, Target::new(Metric::FirstReply).within(hours(1))])
}

fn import(bench: &Bench, ticket: ImportedTicket) -> TicketId {
    let done = bench.desk.records().import([ticket]).unwrap();
    assert!(done.refused.is_empty(), "{:?}", done.refused);
    bench.desk.ticket(1_u64).unwrap().id()
}

fn is_alert(event: &Event) -> bool {
    matches!(event.change, Change::Warned(_) | Change::Breached(_))
}

/// The recorded percentages of a metric.
fn recorded(bench: &Bench, ticket: TicketId, metric: Metric) -> Vec<u8> {
    let alerts = bench.alerts(ticket).into_iter().filter(|alert| alert.metric == metric);
    alerts.map(|alert| alert.percent).collect()
}

fn elapsed(bench: &Bench, ticket: TicketId, metric: Metric) -> TimeDelta {
    bench.desk.reports().explain(ticket, metric).unwrap().elapsed()
}

#[test]
fn a_deadline_before_the_import_is_late_but_records_no_alert() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let id = import(&bench, backlog("2026-01-05T10:00:00Z"));
    bench.pass(minutes(1));
    assert_eq!(bench.tick(), 0);
    // Other changes of the target record no past alerts either.
    bench.act(id, Action::note("Seen."), ANNA);
    bench.act(id, Action::override_priority(Priority::P1, "urgent"), ANNA);
    bench.pass(hours(100));
    bench.tick();
    let ticket = bench.desk.ticket(id).unwrap();
    for metric in [Metric::Resolution, Metric::FirstReply] {
        let clock = ticket.clock(metric).unwrap();
        assert!(clock.is_late(), "{clock}");
        assert_eq!(clock.state, ClockState::Breached);
    }
    assert_eq!(ticket.clock(Metric::Resolution).unwrap().breached_at, Some(instant("2026-01-05T18:00:00Z")));
    assert_eq!((ticket.team.as_ref().unwrap().as_str(), ticket.line), ("first", Line::First));
    assert!(!bench.history(id).iter().any(is_alert));
    bench.check(id);
    // A late resolution misses the target.
    bench.act(id, Action::resolve("done"), ANNA);
    assert_eq!(bench.clock(id, Metric::Resolution).state, ClockState::Missed);
}

/// Regression: an incident of the real log had a stricter priority for a while and missed its target. Nobody
/// recorded the miss, and in the log the incident met its target.
#[test]
fn a_target_revised_in_an_imported_history_replaces_an_unrecorded_breach() {
    let target = Target::new(Metric::Resolution).time(Priority::P1, hours(2)).time(Priority::P5, hours(100));
    let bench = Bench::new(with([target]));
    bench.at("2026-03-02T09:00:00Z");
    let graded = |it: ImportedVersion, impact, urgency| it.impact(impact).urgency(urgency);
    let opening = graded(version("2026-01-05T10:00:00Z").subject("No sound"), Impact::HIGH, Urgency::HIGH);
    let milder = graded(version("2026-01-05T15:00:00Z"), Impact::LOW, Urgency::LOW);
    let resolved = version("2026-01-05T20:00:00Z").status(state::Resolved::default());
    let ticket = ImportedTicket::new("old", "1").version(opening).version(milder).version(resolved);
    let id = import(&bench, ticket);
    let clock = bench.clock(id, Metric::Resolution);
    assert_eq!((clock.state, clock.breached_at, clock.missed_target()), (ClockState::Met, None, None));
    bench.check(id);
}

#[test]
fn only_alerts_due_after_the_import_are_recorded() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T15:00:00Z");
    // Five of eight hours have passed: 50 percent is in the past, and the other alerts are not.
    let id = import(&bench, backlog("2026-03-02T10:00:00Z"));
    bench.pass(hours(10));
    bench.tick();
    assert_eq!(recorded(&bench, id, Metric::Resolution), [75, 90, 100]);
    assert!(recorded(&bench, id, Metric::FirstReply).is_empty());
    assert_eq!(bench.desk.ticket(id).unwrap().team.as_ref().unwrap().as_str(), "second");
    bench.check(id);
}

/// A hold that ended before the import ends at the first tick, and the clock that it resumes is late.
#[test]
fn a_clock_resumed_by_a_timer_records_no_alerts_from_before_the_import() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let until = Some(instant("2026-01-10T08:00:00Z"));
    let waits = backlog("2026-01-05T10:00:00Z").version(
        version("2026-01-05T11:00:00Z").status(state::OnHold { reason: HoldReason::Customer, until }),
    );
    let id = import(&bench, waits);
    assert_eq!(bench.tick(), 1);
    let ticket = bench.desk.ticket(id).unwrap();
    assert_eq!((ticket.state().kind(), Some(ticket.state_since)), (StateKind::Active, until));
    assert!(ticket.clock(Metric::Resolution).unwrap().is_late());
    assert!(!bench.history(id).iter().any(is_alert));
    bench.check(id);
}

/// Regression: if the agreement was adopted after the import, the same ticket had past alerts, or no clocks.
#[test]
fn an_import_before_the_adoption_gives_the_same_clocks() {
    let replied = || {
        let reply = version("2026-01-05T10:30:00Z").message("Is it muted?");
        let hold = state::OnHold { reason: HoldReason::Customer, until: None };
        backlog("2026-01-05T10:00:00Z").version(reply).version(version("2026-01-05T12:00:00Z").status(hold))
    };
    for clocks in [ImportClocks::FromOpening, ImportClocks::From(instant("2026-01-05T11:00:00Z"))] {
        for ticket in [backlog("2026-01-05T10:00:00Z"), replied()] {
            let ticket = ticket.clocks(clocks);
            let (adopted, imported) = (Bench::new(paging()), Bench::new(office()));
            for bench in [&adopted, &imported] {
                bench.at("2026-03-02T09:00:00Z");
            }
            let id = import(&adopted, ticket.clone());
            let same = import(&imported, ticket.clone());
            imported.adopt(paging());
            for (bench, id) in [(&adopted, id), (&imported, same)] {
                bench.pass(hours(1));
                bench.tick();
                bench.act(id, Action::assign(ANNA), ANNA);
                bench.pass(hours(10));
                bench.tick();
                bench.act(id, Action::note("Seen."), ANNA);
            }
            let clocks = |bench: &Bench, id| bench.desk.ticket(id).unwrap().into_snapshot().clocks;
            assert!(!clocks(&adopted, id).is_empty());
            let facts = |bench: &Bench, id| {
                let facts = clocks(bench, id).into_iter();
                let facts = facts.map(|it| {
                    (
                        it.metric,
                        it.state,
                        it.from,
                        it.consumed,
                        it.due_at,
                        it.breached_at,
                        it.ended_at,
                        it.alerted,
                    )
                });
                facts.collect::<Vec<_>>()
            };
            assert_eq!(facts(&imported, same), facts(&adopted, id));
            assert_eq!(imported.alerts(same), adopted.alerts(id));
            imported.check(same);
            adopted.check(id);
        }
    }
}

#[test]
fn an_adoption_after_the_import_records_no_alerts_from_before_it() {
    let bench = Bench::new(office());
    bench.at("2026-03-02T15:00:00Z");
    let id = import(&bench, backlog("2026-03-02T10:00:00Z"));
    // 75 percent are used up at 16:00, when no agreement applies; 90 percent at 17:12.
    bench.at("2026-03-02T17:00:00Z");
    bench.adopt(paging());
    bench.pass(hours(5));
    bench.act(id, Action::note("Seen."), ANNA);
    assert_eq!(recorded(&bench, id, Metric::Resolution), [90, 100]);
    bench.check(id);
}

#[test]
fn clocks_from_a_date_count_nothing_before_it() {
    let go_live = instant("2026-03-02T08:00:00Z");
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let long_ago =
        backlog("2025-03-01T10:00:00Z").version(version("2025-03-02T10:00:00Z").status(state::Active));
    let id = import(&bench, long_ago.clone().clocks(ImportClocks::From(go_live)));
    let clock = bench.clock(id, Metric::Resolution);
    assert_eq!((clock.from, clock.due_at), (go_live, Some(go_live + hours(8))));
    assert!(!clock.is_late());
    // The next import of the ticket keeps the choice.
    let hold = state::OnHold { reason: HoldReason::Customer, until: None };
    let longer = long_ago.version(version("2026-03-02T09:00:00Z").status(hold));
    import(&bench, longer);
    bench.pass(hours(2));
    bench.act(id, Action::resume(), ANNA);
    assert_eq!(bench.clock(id, Metric::Resolution).due_at, Some(go_live + hours(10)));
    let ledger = bench.desk.reports().explain(id, Metric::Resolution).unwrap();
    assert_eq!((ledger.elapsed(), ledger.wall_time()), (hours(1), hours(3)), "{ledger}");
    bench.pass(hours(10));
    bench.tick();
    assert_eq!(recorded(&bench, id, Metric::Resolution), [50, 75, 90, 100]);
    bench.check(id);
}

#[test]
fn clocks_from_a_date_depend_on_when_the_ticket_was_open() {
    let go_live = instant("2026-03-02T08:00:00Z");
    let from = |ticket: ImportedTicket| ticket.clocks(ImportClocks::From(go_live));
    let bench = || {
        let bench = Bench::new(paging());
        bench.at("2026-03-02T12:00:00Z");
        bench
    };
    // Opened after the date: the clocks start at the opening.
    let later = bench();
    let id = import(&later, from(backlog("2026-03-02T10:00:00Z")));
    assert_eq!(later.clock(id, Metric::Resolution).from, instant("2026-03-02T10:00:00Z"));
    // Finished before the date: no clocks.
    let finished = bench();
    let closed =
        backlog("2025-03-02T10:00:00Z").version(version("2025-03-03T10:00:00Z").status(state::Closed));
    let id = import(&finished, from(closed));
    assert!(finished.desk.ticket(id).unwrap().clocks.is_empty());
    // Resolved after the date.
    let resolved = bench();
    let ended = backlog("2025-03-02T10:00:00Z")
        .version(version("2026-03-02T11:00:00Z").status(state::Resolved::default()));
    let id = import(&resolved, from(ended));
    let clock = resolved.clock(id, Metric::Resolution);
    assert_eq!((clock.state, clock.consumed), (ClockState::Met, hours(3)));
    // A version of a later import may be dated before the date.
    let dated = bench();
    let first = backlog("2025-03-02T10:00:00Z");
    let id = import(&dated, from(first.clone()));
    import(&dated, first.version(version("2026-03-01T10:00:00Z").status(state::Active)));
    assert_eq!(dated.clock(id, Metric::Resolution).due_at, Some(go_live + hours(8)));
    assert_eq!(elapsed(&dated, id, Metric::Resolution), hours(4));
    for (bench, id) in [(later, 1_u64), (finished, 1), (resolved, 1), (dated, 1)] {
        bench.check(bench.desk.ticket(id).unwrap().id());
    }
}

#[test]
fn clocks_cannot_start_in_the_future() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let ticket = backlog("2026-01-05T10:00:00Z").clocks(ImportClocks::From(instant("2026-03-02T09:00:01Z")));
    let done = bench.desk.records().import([ticket]).unwrap();
    assert_eq!(
        done.refused[0].1.to_string(),
        "clocks start at 2026-03-02 09:00:01 UTC, which is in the future; allowed: an instant up to \
         2026-03-02 09:00:00 UTC, in UTC"
    );
}

#[test]
fn a_ticket_imported_without_clocks_never_gets_any() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let ticket = backlog("2026-01-05T10:00:00Z").clocks(ImportClocks::Never);
    let id = import(&bench, ticket.clone());
    // Another import, work and other agreements do not change this.
    let longer =
        ticket.clocks(ImportClocks::FromOpening).version(version("2026-01-06T10:00:00Z").team("other"));
    import(&bench, longer);
    bench.act(id, Action::reply("Is it muted?"), ANNA);
    bench.act(id, Action::reply("It was."), BORIS);
    bench.act(id, Action::hand_over("experts", Line::Second, "please"), ANNA);
    bench.adopt(with([resolution(hours(9))]));
    bench.act(id, Action::resolve("done"), ANNA);
    bench.act(id, Action::reopen(), ANNA);
    bench.pass(hours(100));
    assert_eq!(bench.tick(), 0);
    assert!(bench.desk.ticket(id).unwrap().clocks.is_empty());
    assert!(
        !bench.history(id).iter().any(|it| is_alert(it) || matches!(it.change, Change::ClocksUpdated { .. }))
    );
    bench.check(id);
}

/// Regression: the time between two reports of the same resolution counted as running.
#[test]
fn a_state_reported_again_moves_no_interval_and_no_clock() {
    let resolved = || state::Resolved::default();
    let later = Some(instant("2026-02-20T10:00:00Z"));
    let again: [fn(ImportedVersion) -> ImportedVersion; 4] = [
        |it| it.status(state::Resolved::default()),
        |it| it.status(state::Resolved::default()).resolution("Muted by the driver."),
        |it| {
            it.status(state::Resolved {
                closes_at: Some(instant("2026-02-25T10:00:00Z")),
                ..Default::default()
            })
        },
        |it| it.status(state::Resolved::default()).resolution_code("user").message("It was muted."),
    ];
    for again in again {
        let bench = Bench::new(with(
            [Metric::Resolution, Metric::Closure].map(|it| Target::new(it).within(hours(24))),
        ));
        bench.at("2026-02-21T00:00:00Z");
        let ticket = backlog("2026-01-31T10:00:00Z")
            .version(version("2026-02-01T10:00:00Z").status(resolved()).resolution("Muted."))
            .version(again(version("2026-02-20T10:00:00Z")));
        let id = import(&bench, ticket);
        let ticket = bench.desk.ticket(id).unwrap();
        let began = instant("2026-02-01T10:00:00Z");
        assert_eq!((ticket.resolved_at, ticket.state_since), (later, began));
        let intervals = firstline::ticket::intervals(&bench.history(id));
        let found: Vec<_> = intervals.iter().map(|it| (it.state, it.since)).collect();
        assert_eq!(found, [(StateKind::New, began - hours(24)), (StateKind::Resolved, began)]);
        let clock = ticket.clock(Metric::Resolution).unwrap();
        assert_eq!((clock.state, clock.consumed, clock.ended_at), (ClockState::Met, hours(24), Some(began)));
        assert_eq!(elapsed(&bench, id, Metric::Resolution), hours(24));
        // The clock continues where it ended.
        bench.act(id, Action::reopen(), ANNA);
        bench.pass(hours(3));
        bench.tick();
        assert_eq!(elapsed(&bench, id, Metric::Resolution), hours(27));
        bench.check(id);
    }
}

#[test]
fn a_closing_reported_again_moves_no_clock() {
    let bench = Bench::new(with([Target::new(Metric::Closure).within(hours(24))]));
    bench.at("2026-02-21T00:00:00Z");
    let ticket = backlog("2026-02-01T10:00:00Z")
        .version(version("2026-02-01T11:00:00Z").status(state::Resolved::default()))
        .version(version("2026-02-01T12:00:00Z").status(state::Closed))
        .version(version("2026-02-20T10:00:00Z").status(state::Closed));
    let id = import(&bench, ticket);
    let clock = bench.clock(id, Metric::Closure);
    assert_eq!((clock.state, clock.consumed), (ClockState::Met, hours(2)));
    assert_eq!(bench.desk.ticket(id).unwrap().closed_at, Some(instant("2026-02-20T10:00:00Z")));
}

/// A clock that ends at the instant at which a resolution is reported again did not end with the ticket.
#[test]
fn a_clock_that_ends_when_the_resolution_is_reported_again_did_not_end_with_the_ticket() {
    let bench = Bench::new(with([Target::new(Metric::NextReply).within(hours(24))]));
    bench.at("2026-02-21T00:00:00Z");
    let asks =
        ImportedVersion::new(instant("2026-02-01T13:00:00Z"), Actor::contact(BORIS)).message("And now?");
    let resolved = || state::Resolved::default();
    let ticket = backlog("2026-02-01T10:00:00Z")
        .version(version("2026-02-01T11:00:00Z").message("Muted.").status(resolved()))
        .version(asks)
        .version(version("2026-02-01T14:00:00Z").status(resolved()))
        .version(version("2026-02-01T14:00:00Z").message("Now it is not."));
    let id = import(&bench, ticket);
    let clock = bench.clock(id, Metric::NextReply);
    assert_eq!((clock.state, clock.consumed, clock.ended_with_ticket), (ClockState::Met, hours(0), false));
    bench.check(id);
}

/// Regression: the end of a hold and the reactions of a clock counted as work and ended the import.
#[test]
fn timers_and_reactions_between_two_imports_are_not_work() {
    let hold = |until: &str| state::OnHold { reason: HoldReason::ThirdParty, until: Some(instant(until)) };
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let first = backlog("2026-03-02T08:00:00Z")
        .version(version("2026-03-02T08:30:00Z").assigned_to("anna").status(hold("2026-03-02T10:00:00Z")));
    let id = import(&bench, first.clone());
    bench.pass(hours(24));
    assert!(bench.tick() > 0);
    let ticket = bench.desk.ticket(id).unwrap();
    assert_eq!((ticket.state().kind(), ticket.line), (StateKind::Active, Line::Second));
    assert_eq!(ticket.assignee, None);
    assert!(ticket.modifiers.contains("out of time"));

    let more = first.version(version("2026-03-03T08:00:00Z").status(state::Resolved::default()));
    import(&bench, more.clone());
    assert_eq!(bench.desk.ticket(id).unwrap().state().kind(), StateKind::Resolved);
    bench.check(id);
    // The desk closes a resolved ticket by itself, and a timer may expire. Neither is work, but a note is.
    bench.act(id, Action::note("Seen."), ANNA);
    let more = more.version(version("2026-03-03T08:30:00Z").status(state::Closed));
    let done = bench.desk.records().import([more]).unwrap();
    assert!(done.refused[0].1.to_string().contains("changed here"), "{:?}", done.refused);
}

/// The second import finds the same ticket with and without a tick before it.
#[test]
fn an_import_fires_the_timers_due_before_it() {
    let play = |ticks: bool| {
        let bench = Bench::new(paging());
        bench.at("2026-03-02T09:00:00Z");
        let until = Some(instant("2026-03-02T10:00:00Z"));
        let hold = state::OnHold { reason: HoldReason::Customer, until };
        let first = backlog("2026-03-02T08:00:00Z").version(version("2026-03-02T08:30:00Z").status(hold));
        let id = import(&bench, first.clone());
        bench.pass(hours(24));
        if ticks {
            bench.tick();
        }
        import(&bench, first.version(version("2026-03-03T08:30:00Z").status(state::Closed)));
        bench.tick();
        bench.check(id);
        let history = bench.history(id).into_iter();
        let raw = history.filter(|it| !matches!(it.change, Change::ClocksUpdated { .. }));
        let raw: Vec<_> = raw.map(|it| (it.at, it.change)).collect();
        (raw, bench.desk.ticket(id).unwrap().into_snapshot().clocks)
    };
    assert_eq!(play(true), play(false));
}

/// Each instant belongs to one interval, even if the times of a log run backwards.
#[test]
fn times_that_step_back_are_counted_once() {
    let bench = Bench::new(with([resolution(hours(100))]));
    bench.at("2026-03-02T09:00:00Z");
    let at = |hour: u32| version(&format!("2026-03-01T{hour:02}:00:00Z"));
    let hold = state::OnHold { reason: HoldReason::Customer, until: None };
    let ticket = backlog("2026-03-01T00:00:00Z")
        .version(at(10).status(state::Active))
        .version(at(4).status(hold))
        .version(at(12).status(state::Active))
        .version(at(14).status(state::Resolved::default()));
    let id = import(&bench, ticket);
    let intervals = firstline::ticket::intervals(&bench.history(id));
    let found: Vec<_> = intervals.iter().map(|it| (it.state, it.since)).collect();
    let hour = |hour: i64| instant("2026-03-01T00:00:00Z") + hours(hour);
    let expected = [
        (StateKind::New, hour(0)),
        (StateKind::OnHold, hour(4)),
        (StateKind::Active, hour(12)),
        (StateKind::Resolved, hour(14)),
    ];
    assert_eq!(found, expected);
    let ledger = bench.desk.reports().explain(id, Metric::Resolution).unwrap();
    assert_eq!((ledger.elapsed(), ledger.wall_time()), (hours(6), hours(14)), "{ledger}");
    assert_eq!(bench.clock(id, Metric::Resolution).consumed, hours(6));
    bench.check(id);
}

#[test]
fn an_imported_ticket_follows_later_agreements_like_any_other() {
    let policy = |time| {
        let agreement = Agreement::new("it", 1).target(resolution(hours(time)));
        office().agreement(agreement.on_policy_change(OnPolicyChange::Migrate))
    };
    let bench = Bench::new(policy(800));
    bench.at("2026-03-02T09:00:00Z");
    let id = import(&bench, backlog("2026-03-02T08:00:00Z"));
    bench.pass(hours(1));
    bench.adopt(policy(2));
    bench.pass(hours(10));
    bench.act(id, Action::note("Seen."), ANNA);
    let clock = bench.clock(id, Metric::Resolution);
    assert_eq!((clock.target, clock.is_late()), (hours(2), true));
    let due: DateTime<Utc> = instant("2026-03-02T10:00:00Z");
    assert_eq!(bench.alerts(id).last().map(|it| (it.percent, it.due)), Some((100, due)));
    bench.check(id);
}

/// Messages and the last change keep the times of the other system.
#[test]
fn times_of_messages_and_of_the_last_change_are_kept() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let from_boris = |at: &str| ImportedVersion::new(instant(at), Actor::contact(BORIS));
    let ticket = ImportedTicket::new("old", "1")
        .version(from_boris("2024-03-01T10:00:00Z").subject("x").from(BORIS).message("One."))
        .version(version("2024-03-02T11:00:00Z").message("Two."))
        .version(from_boris("2024-03-03T12:00:00Z").message("Three."));
    let id = import(&bench, ticket);
    assert_eq!(bench.desk.ticket(id).unwrap().updated_at, instant("2024-03-03T12:00:00Z"));
    let written: Vec<_> =
        bench.history(id).iter().filter(|it| it.personal.text().is_some()).map(|it| it.at).collect();
    assert_eq!(
        written,
        ["2024-03-01T10:00:00Z", "2024-03-02T11:00:00Z", "2024-03-03T12:00:00Z"].map(instant)
    );
}

#[test]
fn an_unfinished_wait_ends_at_its_planned_end() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let until = instant("2026-03-03T08:00:00Z");
    let hold = state::OnHold { reason: HoldReason::Customer, until: Some(until) };
    let id =
        import(&bench, backlog("2026-03-01T10:00:00Z").version(version("2026-03-01T11:00:00Z").status(hold)));
    bench.pass(hours(48));
    bench.tick();
    let resumed = bench
        .history(id)
        .into_iter()
        .find(|it| matches!(it.change, Change::StateChanged { step: Some(_), .. } if it.at == until));
    assert!(resumed.is_some());
    assert_eq!(bench.desk.ticket(id).unwrap().state_since, until);
}

#[test]
fn a_ticket_closed_before_the_import_is_never_due() {
    let bench = Bench::new(paging());
    bench.at("2026-03-02T09:00:00Z");
    let id = import(
        &bench,
        backlog("2024-03-01T10:00:00Z").version(version("2024-03-09T10:00:00Z").status(state::Closed)),
    );
    bench.pass(TimeDelta::days(30));
    assert_eq!(bench.tick(), 0);
    assert!(!bench.history(id).iter().any(is_alert));
}
