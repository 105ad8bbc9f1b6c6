//! Complaints about the SLA clocks of other systems, one test each: the second half.

use crate::sla;

use firstline::calendar::EVERY_DAY;
use firstline::reports::SpanKind;
use firstline::sla::{Agreement, ClockState, Metric, OnPriorityChange, OnReopen, Reaction, Target};
use firstline::{Action, Calendar, ErrorKind, HoldReason, Priority, StateKind};
use sla::{
    ANNA, BORIS, BOT, Bench, consumed, due, hours, hours_of, instant, minutes, office, resolution, with,
};

#[test]
fn c11_breaks_split_shifts_and_pauses_depend_on_the_reason() {
    let split = hours_of("UTC", "08:00-12:00, 13:00-15:00, 18:00-20:00");
    let target = resolution(hours(7)).business("split").pause_on([HoldReason::Custom("parcel".into())]);
    let bench = Bench::new(with([target]).calendar("split", split.definition()));
    bench.at("2026-01-05T08:00:00Z");
    let ticket = bench.open();
    assert_eq!(due(&bench, ticket, Metric::Resolution), 11 * 3_600); // 4 + 2 + 1 open hours
    bench.at("2026-01-05T11:00:00Z");
    bench.act(ticket, Action::hold("parcel"), ANNA);
    bench.at("2026-01-05T14:00:00Z");
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA); // The target does not pause for this reason.
    // Three hours pass before the pause, one until 15:00, two from 18:00, and one remains for tomorrow.
    assert_eq!(bench.clock(ticket, Metric::Resolution).due_at, Some(instant("2026-01-06T09:00:00Z")));
    assert_eq!(consumed(&bench, ticket, Metric::Resolution), 3 * 3_600);
    bench.check(ticket);
}

#[test]
fn c12_every_instant_uses_its_own_utc_offset() {
    let night = Calendar::builder("Europe/Berlin").hours(EVERY_DAY, "01:00-05:00").build().unwrap();
    let target = resolution(hours(6)).business("night");
    let bench = Bench::new(with([target]).calendar("night", night.definition()));
    bench.at("2026-03-28T23:00:00Z"); // Midnight in Berlin. At 02:00 the clocks change to 03:00.
    let ticket = bench.open();
    // Three hours in this short night (00:00 to 03:00 UTC), three in the next one (from 23:00 UTC on).
    assert_eq!(due(&bench, ticket, Metric::Resolution), 27 * 3_600);
    bench.at("2026-10-30T12:00:00Z"); // In winter the past figures are the same.
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    let first: Vec<_> = ledger.spans.iter().filter(|it| it.kind == SpanKind::Running).take(2).collect();
    assert_eq!((first[0].wall_time().num_seconds(), first[1].wall_time().num_seconds()), (10_800, 14_400));
    bench.check(ticket);
}

#[test]
fn c13_a_ledger_explains_a_deadline_moved_by_a_holiday() {
    let berlin = Calendar::builder("Europe/Berlin")
        .hours(EVERY_DAY, "09:00-17:00")
        .holiday("01-06", "Epiphany")
        .build()
        .unwrap();
    let bench =
        Bench::new(with([resolution(hours(4)).business("berlin")]).calendar("berlin", berlin.definition()));
    bench.at("2026-01-05T14:00:00Z"); // 15:00 in Berlin
    let ticket = bench.open();
    bench.at("2026-01-07T12:00:00Z");
    let ledger = bench.desk.reports().explain(ticket, Metric::Resolution).unwrap();
    let spans: Vec<_> =
        ledger.spans.iter().map(|it| (it.kind.clone(), it.wall_time().num_seconds())).collect();
    let holiday = SpanKind::Holiday("Epiphany".into());
    assert_eq!(
        spans,
        [
            (SpanKind::Running, 7_200),
            (SpanKind::OffHours, 16 * 3_600),
            (holiday, 8 * 3_600),
            (SpanKind::OffHours, 16 * 3_600),
            (SpanKind::Running, 4 * 3_600),
        ]
    );
    assert_eq!(ledger.clock.breached_at, Some(instant("2026-01-07T10:00:00Z")));
    assert_eq!(
        (ledger.remaining().num_seconds(), ledger.wall_time_remaining().unwrap().num_seconds()),
        (-7_200, -7_200)
    );
    assert!(ledger.to_string().contains("holiday (Epiphany)"), "{ledger}");
    assert!(ledger.to_string().contains("Wed 2026-01-07 11:00:00 CET"), "{ledger}");
}

#[test]
fn c14_notes_programs_and_customers_do_not_count_as_a_response() {
    let bench = Bench::new(with([Target::new(Metric::FirstReply).within(hours(1))]));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    for (action, by) in [
        (Action::note("to myself"), ANNA),
        (Action::reply("We have received your request."), BOT),
        (Action::reply("Anybody there?"), BORIS),
        (Action::assign("anna"), ANNA),
    ] {
        bench.pass(minutes(10));
        bench.act(ticket, action, by);
        assert_eq!(bench.clock(ticket, Metric::FirstReply).state, ClockState::Running);
    }
    bench.pass(minutes(5));
    bench.act(ticket, Action::reply("Is it muted?"), ANNA);
    let clock = bench.clock(ticket, Metric::FirstReply);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Met, 45 * 60));
    bench.check(ticket);
}

#[test]
fn c15_each_warning_is_recorded_once_and_in_business_hours() {
    let bench = Bench::new(with([resolution(hours(4)).business("office").warn_at([50, 75])]));
    bench.at("2026-01-09T15:00:00Z");
    let ticket = bench.open();
    for _ in 0..4 * 24 * 4 {
        bench.pass(minutes(15));
        bench.tick();
    }
    let warnings: Vec<_> = bench.alerts(ticket).iter().map(|it| (it.percent, it.due)).collect();
    let expected = [
        (50, instant("2026-01-12T09:00:00Z")),
        (75, instant("2026-01-12T10:00:00Z")),
        (100, instant("2026-01-12T11:00:00Z")),
    ];
    assert_eq!(warnings, expected);
    bench.check(ticket);
}

#[test]
fn c16_an_overrun_is_exact_because_it_is_computed_from_history() {
    let bench = Bench::new(with([resolution(hours(4)).business("office")]));
    bench.at("2026-01-09T10:00:00Z");
    let ticket = bench.open();
    bench.at("2026-01-09T15:00:00Z");
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA); // The resolution is already an hour late.
    bench.at("2026-01-12T09:00:00Z");
    bench.act(ticket, Action::resume(), ANNA);
    bench.at("2026-01-12T09:30:30Z");
    bench.act(ticket, Action::resolve("done"), ANNA);
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.breached_at), (ClockState::Missed, Some(instant("2026-01-09T14:00:00Z"))));
    assert_eq!(-clock.remaining().num_seconds(), 3_600 + 1_830);
    bench.check(ticket);
}

#[test]
fn c17_a_breach_does_not_change_the_state_of_the_ticket() {
    let bench = Bench::new(with([resolution(hours(1))]));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open();
    bench.act(ticket, Action::start(), ANNA);
    bench.pass(hours(2));
    bench.tick();
    assert_eq!(bench.desk.ticket(ticket).unwrap().state.kind(), StateKind::Active);
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(hours(5));
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!(
        (clock.state, clock.running_since, clock.consumed.num_seconds()),
        (ClockState::Breached, None, 7_200)
    );
    bench.act(ticket, Action::resume(), ANNA);
    bench.pass(hours(1));
    bench.act(ticket, Action::resolve("done"), ANNA);
    let clock = bench.clock(ticket, Metric::Resolution);
    assert_eq!((clock.state, clock.consumed.num_seconds()), (ClockState::Missed, 3 * 3_600));
    assert_eq!(clock.breached_at, Some(instant("2026-01-05T10:00:00Z")));
    bench.check(ticket);
}

#[test]
fn c18_the_agreement_with_the_lowest_position_applies_and_ties_are_refused() {
    let agreement = |name, position, n| Agreement::new(name, position).target(resolution(hours(n)));
    let bench = Bench::new(office().agreement(agreement("a", 2, 8)).agreement(agreement("z", 1, 4)));
    let ticket = bench.open();
    assert_eq!(due(&bench, ticket, Metric::Resolution), 4 * 3_600);
    assert_eq!(bench.clock(ticket, Metric::Resolution).agreement, "z");
    let tie = office().agreement(agreement("a", 1, 8)).agreement(agreement("z", 1, 4));
    let error = bench.desk.setup().adopt(&tie).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    assert!(error.to_string().contains(r#""a" and "z" both have position 1"#), "{error}");
}

#[test]
fn c19_an_edited_calendar_does_not_rewrite_history() {
    let agreement = || Agreement::new("standard", 1).target(resolution(hours(4)).business("office"));
    let bench = Bench::new(office().agreement(agreement()));
    bench.at("2026-01-05T08:00:00Z");
    let (ticket, ended) = (bench.open(), bench.open());
    bench.pass(hours(3));
    bench.act(ended, Action::resolve("done"), ANNA);
    let before = bench.desk.reports().explain(ended, Metric::Resolution).unwrap();
    bench.adopt(
        office().calendar("office", hours_of("UTC", "10:00-12:00").definition()).agreement(agreement()),
    );
    bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(minutes(30));
    bench.act(ticket, Action::resume(), ANNA);
    assert_eq!(due(&bench, ticket, Metric::Resolution), 4 * 3_600 + 1_800);
    assert_eq!(consumed(&bench, ticket, Metric::Resolution), 3 * 3_600);
    assert_eq!(bench.desk.reports().explain(ended, Metric::Resolution).unwrap(), before);
    assert_eq!(before.elapsed().num_seconds(), 3 * 3_600);
    // A clock that starts now uses the new calendar.
    let new = bench.open();
    assert_eq!(bench.clock(new, Metric::Resolution).due_at, Some(instant("2026-01-07T11:30:00Z")));
    for ticket in [ticket, ended, new] {
        bench.check(ticket);
    }
}

#[test]
fn c20_a_target_measured_from_the_opening_includes_the_pauses_since_then() {
    for (how, expected) in [
        (OnPriorityChange::FromOpening, 48 * 3_600 + 4 * 3_600),
        (OnPriorityChange::CarryElapsed, 48 * 3_600 + 4 * 3_600),
        (OnPriorityChange::Restart, 48 * 3_600 + 3_600 + 4 * 3_600),
    ] {
        let target =
            Target::new(Metric::Resolution).time(Priority::P3, hours(100)).time(Priority::P1, hours(4));
        let target = target.on_breach(Reaction::Notify("duty manager".into()));
        let agreement = Agreement::new("standard", 1).target(target).on_priority_change(how);
        let bench = Bench::new(office().agreement(agreement.on_reopen(OnReopen::Freeze)));
        bench.at("2026-01-05T09:00:00Z");
        let ticket = bench.open();
        bench.act(ticket, Action::hold(HoldReason::Customer), ANNA);
        bench.pass(hours(48));
        bench.act(ticket, Action::resume(), ANNA);
        bench.pass(hours(1));
        bench.act(ticket, Action::override_priority(Priority::P1, "urgent"), ANNA);
        bench.tick();
        let clock = bench.clock(ticket, Metric::Resolution);
        assert_eq!((clock.state, clock.breached_at), (ClockState::Running, None), "{how:?}");
        assert_eq!(due(&bench, ticket, Metric::Resolution), expected, "{how:?}");
        bench.check(ticket);
    }
}
