//! Clocks at a desk: their figures, deadlines and alerts. Figures are in seconds.

use crate::sla;

use firstline::sla::{Agreement, ClockState, Metric, OnPriorityChange, OnReopen, Reaction, Target};
use firstline::{Action, HoldReason, Line, Priority, TimeDelta};
use sla::{ANNA, BORIS, Bench, hours, minutes, office};

#[test]
fn a_first_reply_in_time_meets_the_target_and_only_open_hours_count() {
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
    bench.act(ticket, Action::note("an internal note is not an answer"), ANNA);
    assert_eq!(bench.clock(ticket, Metric::FirstReply).state, ClockState::Running);
    bench.act(ticket, Action::reply("Is it muted?"), ANNA);
    let clock = bench.clock(ticket, Metric::FirstReply);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Met, 50 * 60));
    bench.check(ticket);
}

#[test]
fn every_metric_has_its_start_and_its_end() {
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
    open(&[FirstReply, Resolution, RequesterWait, AgentWork, Closure, Assignment, Acceptance, first]);
    bench.pass(minutes(10));
    bench.act(ticket, Action::start(), ANNA);
    bench.pass(minutes(10));
    bench.act(ticket, Action::reply("Which browser?"), ANNA);
    open(&[PeriodicUpdate, Resolution, RequesterWait, AgentWork, Closure, Assignment, first]);
    bench.act(ticket, Action::hold(HoldReason::ThirdParty).and(Action::assign("anna")), ANNA);
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
    assert_eq!((consumed(Assignment), consumed(Acceptance)), (20, 10));
    assert_eq!(consumed(first), 30);
    assert_eq!(consumed(second), 10);
    bench.check(ticket);
}

#[test]
fn warnings_and_breaches_occur_once_each_with_their_reactions() {
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
    bench.pass(minutes(120)); // At the deadline itself the target can still be met.
    assert_eq!(bench.tick(), 2);
    bench.pass(TimeDelta::microseconds(1));
    assert_eq!(bench.tick(), 1);
    assert_eq!(bench.tick(), 0);
    let alerts = bench.alerts(ticket);
    let percentages: Vec<_> = alerts.iter().map(|it| it.percent).collect();
    assert_eq!(percentages, [50, 75, 90, 100]);
    assert_eq!(alerts[0].notify, ["anna"]);
    assert_eq!(alerts[3].due, "2026-01-05T14:00:00Z".parse::<firstline::DateTime<firstline::Utc>>().unwrap());
    let ticket = bench.desk.ticket(ticket).unwrap();
    assert_eq!(ticket.team.as_ref().map(|it| it.as_str()), Some("experts"));
    assert_eq!(ticket.priority(), Priority::P2);
    assert!(ticket.assessment.to_string().contains("\"out of time\" (named) raises it by 1 to P2"));
    assert_eq!(ticket.clock(Metric::Resolution).unwrap().state, ClockState::Breached);
    bench.check(ticket.id());
}

#[test]
fn on_a_change_of_priority_time_counts_from_the_opening_carries_over_or_restarts() {
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
fn a_clock_of_a_reopened_ticket_continues_restarts_or_stays_frozen() {
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

#[test]
fn upcoming_deadlines_and_what_if_are_reported() {
    let target = Target::new(Metric::Resolution).time(Priority::P3, hours(8)).time(Priority::P1, hours(2));
    let bench = Bench::new(office().agreement(Agreement::new("it", 1).target(target.business("office"))));
    bench.at("2026-01-09T10:00:00Z"); // Friday: six open hours remain, plus two on Monday.
    let (ticket, held, late) = (bench.open(), bench.open(), bench.open());
    bench.act(held, Action::hold(HoldReason::Customer), ANNA);
    bench.at("2026-01-09T11:00:00Z");
    let reports = bench.desk.reports();
    let anna = firstline::Actor::agent(ANNA);
    let of = |clocks: Vec<firstline::sla::Clock>| clocks[0].due_at.unwrap();
    assert_eq!(
        of(reports.what_if(held, Action::resume(), &anna).unwrap()),
        sla::instant("2026-01-12T11:00:00Z")
    );
    let urgent = Action::override_priority(Priority::P1, "what if");
    assert_eq!(
        of(reports.what_if(ticket, urgent.clone(), &anna).unwrap()),
        sla::instant("2026-01-09T12:00:00Z")
    );
    assert_eq!(bench.desk.ticket(ticket).unwrap().priority(), Priority::P3); // The ticket is unchanged.
    bench.act(late, urgent, ANNA);
    bench.at("2026-01-09T13:00:00Z");
    bench.tick();
    let soon = |within| {
        let found = reports.due_soon(within).unwrap();
        found.into_iter().map(|it| (it.ticket.id(), it.remaining.num_minutes())).collect::<Vec<_>>()
    };
    assert_eq!(soon(hours(0)), [(late, -60)]);
    assert_eq!(soon(hours(5)), [(late, -60), (ticket, 5 * 60)]); // On Monday at ten, after 69 hours of wall time.
    assert_eq!(soon(minutes(299)), [(late, -60)]);
    let words: Vec<_> = reports.due_soon(hours(5)).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "T-3 resolution: 1h over, due 2026-01-09T12:00:00Z",
            "T-1 resolution: 5h left, due 2026-01-12T10:00:00Z"
        ]
    );
}

#[test]
fn asking_for_a_missing_clock_lists_the_existing_ones() {
    let target = Target::new(Metric::Resolution).within(hours(8));
    let bench = Bench::new(office().agreement(Agreement::new("it", 1).target(target)));
    bench.at("2026-01-09T10:00:00Z");
    let ticket = bench.open();
    let error = bench.desk.reports().explain(ticket, Metric::FirstReply).unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        "a clock for the first reply of ticket T-1 is not known at this desk; allowed: resolution"
    );
}

#[test]
fn a_misspelt_known_hold_reason_is_refused_and_custom_ones_are_accepted() {
    let faults = |reason: HoldReason| {
        let target = Target::new(Metric::Resolution).within(hours(8)).pause_on([reason]);
        office().agreement(Agreement::new("it", 1).target(target)).check().map_err(|error| error.to_string())
    };
    for (reason, meant) in [
        ("third party", "third_party"),
        ("ThirdParty", "third_party"),
        ("third-party", "third_party"),
        ("Customer", "customer"),
    ] {
        let error = faults(HoldReason::from(reason)).unwrap_err();
        assert!(error.contains(&format!("did you mean \"{meant}\"?")), "{error}");
    }
    assert!(faults(HoldReason::Custom("customer".into())).is_err()); // A desk would read this back as the known reason.
    assert!(faults(HoldReason::Custom(String::new())).is_err());
    for own in ["delivery", "parcel", "the bank", "таможня"] {
        assert_eq!(faults(HoldReason::from(own)), Ok(()), "{own}");
    }
}

#[test]
fn all_faults_of_agreements_are_reported_at_once() {
    let bad = Agreement::new("gold", 1)
        .when(firstline::Condition::field("contat.plan").is("gold"))
        .target(Target::new(Metric::Closure))
        .target(Target::new(Metric::Resolution).within(hours(1)).business("ofice").warn_at([90, 50]))
        .target(Target::new(Metric::Resolution).within(TimeDelta::milliseconds(1)).warn_at([0, 100]))
        .target(Target::new(Metric::FirstReply).within(hours(1)).on_breach(Reaction::Modifier("vip".into())));
    let error = office().agreement(bad).agreement(Agreement::new("none", 1)).check().unwrap_err();
    for problem in [
        "contat.plan",
        "closure: the target has no time",
        "resolution: the calendar \"ofice\" is not known (did you mean \"office\"?)",
        "resolution: a warning at 50 percent after 90",
        "agreement \"gold\" has a target for resolution already",
        "is out of range; allowed: whole seconds",
        "a warning at 0 percent; allowed: 1 to 99",
        "\"vip\"",
        "agreement \"none\" has no targets",
        "both have position 1",
    ] {
        assert!(error.to_string().contains(problem), "{problem} is not in: {error}");
    }
    for wrong in [
        r#"{"name":"x","position":1,"targets":[{"metric":"solution","time":"4h"}]}"#,
        r#"{"name":"x","position":1,"targets":[{"metric":"resolution","time":"2d"}]}"#,
        r#"{"name":"x","position":1,"targets":[{"metric":"resolution","time":{"4":"4h"}}]}"#,
        r#"{"name":"x","position":1,"targets":[{"metric":"resolution","time":"4h","pause":[]}]}"#,
        r#"{"name":"x","targets":[{"metric":"resolution","time":"4h"}]}"#,
    ] {
        assert!(serde_json::from_str::<Agreement>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_policy_with_agreements_round_trips_through_json_and_toml() {
    let text = r#"
        [calendars.office]
        tz = "Europe/Berlin"
        weekly = { mon = [["09:00", "17:00"]] }

        [[agreements]]
        name = "standard"
        position = 1
        on_reopen = "new_cycle"

        [[agreements.targets]]
        metric = "resolution"
        time = { P1 = "4h", P2 = "8h 30m" }
        measured = { business = "office" }
        pauses = ["customer", "parcel"]
        on_breach = [{ escalate = { team = "experts", line = "second" } }, { notify = "duty manager" }]
    "#;
    let policy: firstline::Policy = toml::from_str(text).unwrap();
    policy.check().unwrap();
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<firstline::Policy>(&json).unwrap(), policy);
    assert!(json.contains(r#""time":{"P1":"4h","P2":"8h 30m"}"#), "{json}");
}

#[test]
fn imported_history_is_measured_without_a_sweep() {
    use firstline::lifecycle::state;
    use firstline::{Actor, ImportedTicket, ImportedVersion};
    let bench = Bench::new(office().agreement(
        Agreement::new("it", 1).target(Target::new(Metric::Resolution).within(hours(4)).business("office")),
    ));
    bench.at("2026-03-01T00:00:00Z");
    let at = |at: &str| ImportedVersion::new(sla::instant(at), Actor::agent(ANNA));
    let old = |name: &str, resolved: &str| {
        ImportedTicket::new("old", name)
            .version(at("2026-01-05T08:00:00Z").subject("No sound").status(state::Active))
            .version(at(resolved).status(state::Resolved::default()))
    };
    let tickets = [old("1", "2026-01-05T12:00:00Z"), old("2", "2026-01-05T13:00:00Z")];
    let imported = bench.desk.records().import(tickets).unwrap();
    assert!(imported.refused.is_empty(), "{:?}", imported.refused);
    for (number, state, consumed) in [(1_u64, ClockState::Met, 4), (2, ClockState::Missed, 5)] {
        let ticket = bench.desk.ticket(number).unwrap();
        let clock = ticket.clock(Metric::Resolution).unwrap();
        assert_eq!((clock.state, clock.consumed), (state, hours(consumed)));
        assert_eq!(clock.breached_at.is_some(), number == 2);
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_keeps_the_same_clocks_and_finds_the_due_ones() {
    use firstline::desk::Settings;
    use firstline::memory::Memory;
    use firstline::sqlite::Sqlite;
    use firstline::{Actor, NewTicket, Snapshot};

    let target = Target::new(Metric::Resolution)
        .within(hours(4))
        .business("office")
        .on_breach(Reaction::Escalate { team: "experts".into(), line: Line::Second });
    let agreement = Agreement::new("it", 1)
        .target(target)
        .target(Target::new(Metric::NextReply).within(minutes(30)))
        .target(Target::new(Metric::Handling(Line::Second)).within(hours(2)));
    let policy = office().agreement(agreement);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    macro_rules! play {
        ($store:expr) => {{
            let time = firstline::time::ManualTime::at(sla::instant("2026-01-05T08:00:00Z"));
            let desk = $store.desk(Settings::new("acme").time(time.clone()));
            desk.setup().adopt(&policy).unwrap();
            let ticket = desk.open_ticket(NewTicket::new("No sound").from(BORIS)).unwrap().id();
            let (anna, boris) = (Actor::agent(ANNA), Actor::contact(BORIS));
            let mut fired = Vec::new();
            for (action, by) in [
                (Action::reply("Is it muted?"), &anna),
                (Action::reply("No."), &boris),
                (Action::hold(HoldReason::Customer), &anna),
                (Action::resume(), &anna),
                (Action::note("hm"), &anna),
                (Action::resolve("unmuted"), &anna),
            ] {
                time.advance(minutes(45));
                fired.push(desk.tick(firstline::time::TimeSource::now(&time)).unwrap().fired);
                desk.act(ticket, action, by).unwrap();
                time.advance(minutes(20));
            }
            let row = desk.ticket(ticket).unwrap().into_snapshot();
            let history = desk.records().history(ticket).unwrap();
            assert_eq!(Snapshot::fold(&history).unwrap(), row);
            let ledger = desk.reports().explain(ticket, Metric::Resolution).unwrap();
            let changes: Vec<_> = history.into_iter().map(|it| (it.at, it.change)).collect();
            (row.clocks, changes, fired, ledger, row.due_at)
        }};
    }
    let memory = play!(Memory::new());
    assert_eq!(play!(Sqlite::open(&file).unwrap()), memory);
    assert!(memory.2.iter().sum::<usize>() >= 4, "{:?}", memory.2);
}

#[test]
fn a_misspelt_time_basis_is_refused_with_the_correct_form() {
    let read = |measured: &str| {
        let text = format!(r#"{{"metric": "resolution", "time": "4h", "measured": {measured}}}"#);
        serde_json::from_str::<Target>(&text).map_err(|error| error.to_string())
    };
    assert_eq!(read(r#""wall""#).unwrap(), Target::new(Metric::Resolution).within(hours(4)));
    assert_eq!(
        read(r#"{"business": "office"}"#).unwrap(),
        Target::new(Metric::Resolution).within(hours(4)).business("office")
    );
    for wrong in
        [r#""business""#, r#""office""#, r#"{"business": 1}"#, r#"{"business": "a", "b": 1}"#, "null"]
    {
        let error = read(wrong).unwrap_err();
        assert!(
            error.contains(r#"expected "wall", or a calendar of the policy: { business = "office" }"#)
                || error.contains("unknown field `b`, expected `business`")
                || error.contains("invalid type: integer `1`, expected a string"),
            "{error}"
        );
    }
}
