//! Complaints about the clocks and timers of other systems, as cases from the field.

use crate::sla;

use firstline::lifecycle::state;
use firstline::policy::FieldType;
use firstline::sla::{Agreement, ClockState, Metric, Reaction, Target};
use firstline::{
    Action, Actor, Change, Condition, ExternalRef, HoldReason, ImportedTicket, ImportedVersion, NewTicket,
    Policy, Priority, Query, Snapshot, StateKind, TicketId, TimeDelta, Value,
};
use sla::{ANNA, BORIS, BOT, Bench, hours, instant, minutes, office, with};

fn promises(targets: &[(Metric, i64)]) -> Policy {
    with(targets.iter().map(|(metric, time)| Target::new(*metric).within(minutes(*time))))
}

fn bench(policy: Policy) -> Bench {
    let bench = Bench::new(policy);
    bench.at("2026-01-05T09:00:00Z");
    bench
}

fn ticket(bench: &Bench, id: TicketId) -> Snapshot {
    bench.desk.ticket(id).unwrap().into_snapshot()
}

/// glpi PR#9267: after a reopening, the time in the closed state counted against the resolution.
#[test]
fn time_in_the_closed_state_does_not_count_for_the_resolution() {
    let bench = bench(promises(&[(Metric::Resolution, 120)]));
    bench.pass(TimeDelta::days(3));
    let version = |at: &str, by: Actor| ImportedVersion::new(instant(at), by);
    let anna = || Actor::agent(ANNA);
    let old = ImportedTicket::new("old", "1")
        .version(version("2026-01-06T09:00:00Z", Actor::contact(BORIS)).subject("No heat").from(BORIS))
        .version(version("2026-01-06T09:30:00Z", anna()).status(state::Resolved::default()))
        .version(version("2026-01-06T09:40:00Z", anna()).status(state::Closed))
        .version(version("2026-01-07T12:00:00Z", anna()).status(state::Active))
        .version(version("2026-01-07T12:20:00Z", anna()).status(state::Resolved::default()));
    assert_eq!(bench.desk.records().import([old]).unwrap().opened, 1);
    let found = bench.desk.ticket(ExternalRef { source: "old".into(), id: "1".into() }).unwrap();
    let clock = found.clock(Metric::Resolution).unwrap();
    assert_eq!((clock.consumed, clock.state), (minutes(50), ClockState::Met));
}

/// osTicket#1684: the agent answered, the customer did not reply, and the ticket became overdue.
#[test]
fn a_ticket_that_waits_for_the_customer_is_never_overdue() {
    let bench = bench(promises(&[(Metric::FirstReply, 60), (Metric::Resolution, 240)]));
    let id = bench.open();
    bench.pass(minutes(30));
    bench.act(id, Action::reply("Is it muted?").and(Action::hold(HoldReason::Customer)), ANNA);
    bench.pass(TimeDelta::days(90));
    bench.tick();
    let found = ticket(&bench, id);
    assert!(found.clocks.iter().all(|clock| !clock.is_late()));
    assert_eq!((found.due_at, found.overdue_since), (None, None));
    assert!(bench.desk.reports().due_soon(TimeDelta::days(30)).unwrap().is_empty());
}

/// cerb#1524: with several unanswered messages, the response time counted from the newest.
#[test]
fn the_response_time_counts_from_the_oldest_unanswered_message() {
    let bench = bench(promises(&[(Metric::FirstReply, 10_000), (Metric::NextReply, 10_000)]));
    let id = bench.open();
    let day = |text: &str, by: &str| {
        bench.pass(TimeDelta::days(1));
        bench.act(id, Action::reply(text), by);
    };
    day("Any news?", BORIS);
    day("Any news?", BORIS);
    day("Yes.", ANNA);
    assert_eq!(bench.clock(id, Metric::FirstReply).consumed, TimeDelta::days(3));
    assert!(ticket(&bench, id).clock(Metric::NextReply).is_none());
    day("And?", BORIS);
    day("Hello?", BORIS);
    day("Paid.", ANNA);
    assert_eq!(bench.clock(id, Metric::NextReply).consumed, TimeDelta::days(2));
}

/// fivetran/dbt_zendesk PR#273, fazer-ai/chatwoot#655: the desk writes first, without a request.
#[test]
fn a_message_of_the_desk_does_not_count_as_a_customer_message() {
    let bench = bench(promises(&[(Metric::FirstReply, 60), (Metric::NextReply, 60)]));
    let outbound =
        NewTicket::new("Your server moves").from(BORIS).by(Actor::agent(ANNA)).message("We move it.");
    let id = bench.desk.open_ticket(outbound).unwrap().id();
    assert_eq!(ticket(&bench, id).messages_received, 0);
    bench.pass(TimeDelta::days(2));
    bench.tick();
    assert!(ticket(&bench, id).clocks.iter().all(|clock| !clock.is_late()));
}

/// "Time to SLA: negotiation date", django-helpdesk#148, osTicket: a date that was promised to this customer.
#[test]
fn a_promised_date_is_due() {
    let promised = Target::new(Metric::Resolution)
        .due_in_field("promised")
        .warn_at([])
        .warn_before([minutes(30)])
        .on_warning(Reaction::Notify("anna".into()));
    let policy = Policy::new()
        .field("promised", FieldType::Instant)
        .agreement(Agreement::new("promises", 1).target(promised));
    let bench = bench(policy);
    let date = instant("2026-01-07T12:00:00Z");
    let promised = |date| Action::field("promised", Value::Instant(date));
    let id = bench.desk.open_ticket(NewTicket::new("Offer").from(BORIS)).unwrap().id();
    assert_eq!(ticket(&bench, id).due_at, None);
    bench.act(id, promised(date), ANNA);
    assert_eq!(ticket(&bench, id).due_at, Some(date));
    // A hold does not move a promised date.
    bench.act(id, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(hours(1));
    bench.act(id, Action::resume(), ANNA);
    assert_eq!(ticket(&bench, id).due_at, Some(date));
    bench.at("2026-01-07T12:00:01Z");
    bench.tick();
    let alerts: Vec<_> = bench.alerts(id).iter().map(|it| (it.left, it.due)).collect();
    assert_eq!(alerts, [(Some(minutes(30)), instant("2026-01-07T11:30:00Z")), (None, date)]);
    // A new date makes a new target.
    bench.act(id, promised(instant("2026-01-09T12:00:00Z")), ANNA);
    let clock = bench.clock(id, Metric::Resolution);
    assert_eq!((clock.due_at, clock.breached_at), (Some(instant("2026-01-09T12:00:00Z")), Some(date)));
    bench.act(id, Action::Field { name: "promised".into(), value: None }, ANNA);
    assert_eq!(bench.clock(id, Metric::Resolution).state, ClockState::Cancelled);
    bench.check(id);
}

#[test]
fn a_faulty_deadline_in_a_field_is_refused() {
    let faults = |target: Target| {
        let agreement = Agreement::new("promises", 1).target(target);
        office().field("colour", FieldType::Text).agreement(agreement).check().unwrap_err().to_string()
    };
    for field in ["promised", "colour"] {
        let error = faults(Target::new(Metric::Resolution).due_in_field(field));
        assert!(error.contains("which is not a field of the type instant"), "{error}");
    }
    let policy = |target: Target| {
        let agreement = Agreement::new("promises", 1).target(target.due_in_field("promised"));
        office().field("promised", FieldType::Instant).agreement(agreement)
    };
    for target in [
        Target::new(Metric::Resolution).business("office"),
        Target::new(Metric::Resolution).pause_on([HoldReason::Customer]),
    ] {
        let error = policy(target).check().unwrap_err().to_string();
        assert!(error.contains("cannot have a calendar or pauses"), "{error}");
    }
    let whole = policy(Target::new(Metric::Resolution).warn_before([minutes(30), hours(2)]));
    whole.check().unwrap();
    let json = serde_json::to_string(&whole).unwrap();
    assert!(json.contains(r#""time":{"field":"promised"}"#), "{json}");
    assert!(json.contains(r#""warn_before":["30m","2h"]"#), "{json}");
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), whole);
    assert_eq!(toml::from_str::<Policy>(&toml::to_string(&whole).unwrap()).unwrap(), whole);
}

#[test]
fn warnings_by_time_left_are_recorded_once_among_the_percentages() {
    let target = Target::new(Metric::Resolution)
        .time(Priority::P3, hours(10))
        .time(Priority::P5, hours(100))
        .warn_at([50, 90])
        .warn_before([hours(1), hours(4), hours(20)]);
    let bench = bench(with([target]));
    let id = bench.open();
    bench.pass(hours(11));
    bench.tick();
    let recorded = || bench.alerts(id).iter().map(|it| (it.percent, it.left)).collect::<Vec<_>>();
    // 20 hours are longer than the target. At 90 percent, one hour is left.
    let expected = [(50, None), (60, Some(hours(4))), (90, None), (90, Some(hours(1))), (100, None)];
    assert_eq!(recorded(), expected);
    bench.act(id, Action::override_priority(Priority::P5, "planned"), ANNA);
    bench.pass(hours(100));
    bench.tick();
    assert_eq!(
        recorded()[5..],
        [
            (50, None),
            (80, Some(hours(20))),
            (90, None),
            (96, Some(hours(4))),
            (99, Some(hours(1))),
            (100, None)
        ]
    );
    bench.check(id);
}

/// frappe/helpdesk#1542: the status "replied" met both the response and the resolution target.
#[test]
fn a_reply_meets_only_the_reply_target() {
    let bench = bench(promises(&[(Metric::FirstReply, 60), (Metric::Resolution, 600)]));
    let id = bench.open();
    bench.act(id, Action::reply("I look.").and(Action::hold(HoldReason::Customer)), ANNA);
    assert_eq!(bench.clock(id, Metric::FirstReply).state, ClockState::Met);
    assert_eq!(bench.clock(id, Metric::Resolution).state, ClockState::Paused);
}

/// frappe/helpdesk#1607: a first response was still due on a resolved ticket.
#[test]
fn a_resolved_ticket_needs_no_first_reply() {
    let bench = bench(promises(&[(Metric::FirstReply, 60)]));
    for by in [ANNA, BOT] {
        let id = bench.open();
        bench.act(id, Action::resolve("emptied"), by);
        bench.pass(TimeDelta::days(1));
        bench.tick();
        let clock = bench.clock(id, Metric::FirstReply);
        assert!(!clock.state.is_open() && !clock.is_late(), "{clock}");
    }
}

/// frappe/helpdesk#1598: a ticket to which no agreement applies could not be edited.
#[test]
fn a_ticket_without_an_agreement_can_be_edited() {
    let gold = Agreement::new("gold", 1)
        .when(Condition::field("contact.plan").is("gold"))
        .target(Target::new(Metric::Resolution).within(hours(1)));
    let bench = bench(office().agreement(gold));
    let id = bench.open();
    let all =
        Action::tag("x").and(Action::assign(ANNA)).and(Action::reply("So.")).and(Action::resolve("said"));
    bench.act(id, all, ANNA);
    assert!(ticket(&bench, id).clocks.is_empty() && ticket(&bench, id).due_at.is_none());
}

/// osTicket#3648: tickets opened by staff had no agreement.
#[test]
fn a_ticket_opened_by_staff_has_the_same_resolution_target() {
    let agreement = Agreement::new("phone and web", 1)
        .when(Condition::field("category").starts_with("network"))
        .target(Target::new(Metric::Resolution).within(hours(1)));
    let bench = bench(office().agreement(agreement));
    let asked = || NewTicket::new("No net").from(BORIS).category(["network", "wifi"]);
    let own = bench.desk.open_ticket(asked()).unwrap();
    let staff = bench.desk.open_ticket(asked().by(Actor::agent(ANNA))).unwrap();
    assert_eq!(own.due_at, staff.due_at);
    assert!(own.due_at.is_some());
}

/// agenthive.co "SLA pause auditor": agents park tickets as waiting for the customer to stop the clock.
#[test]
fn a_reply_during_the_pause_ends_it() {
    let bench = bench(promises(&[(Metric::Resolution, 600)]));
    let id = bench.open();
    bench.act(id, Action::hold(HoldReason::Customer), ANNA);
    bench.pass(minutes(60));
    bench.act(id, Action::reply("I am here."), BORIS);
    bench.pass(minutes(30));
    assert_eq!(bench.desk.reports().explain(id, Metric::Resolution).unwrap().elapsed(), minutes(30));
}

/// frappe/helpdesk#2050, chatwoot PR#6409, zammad#4785: resolutions, tickets resolved, and programs in response times.
#[test]
fn resolved_three_times_is_one_ticket_reopened_twice() {
    let bench = bench(Policy::new());
    let id = bench.desk.open_ticket(NewTicket::new("No sound").from(BORIS).message("Help.")).unwrap().id();
    bench.act(id, Action::reply("We got it."), BOT);
    for n in 0..3 {
        bench.pass(minutes(10));
        bench.act(id, Action::reply("Try.").and(Action::resolve("try")), ANNA);
        if n < 2 {
            bench.pass(minutes(10));
            bench.act(id, Action::reply("No."), BORIS);
        }
    }
    let found = ticket(&bench, id);
    assert_eq!((found.reopens, found.messages_received, found.replies_sent), (2, 3, 3));
    assert_eq!(found.first_replied_at, Some(found.opened_at + minutes(10)));
    assert_eq!(found.resolved_at, Some(found.opened_at + minutes(50)));
}

/// chatwoot#10159: cancelled spam is neither unanswered nor late.
#[test]
fn a_cancelled_ticket_needs_no_reply() {
    let bench = bench(promises(&[(Metric::FirstReply, 60), (Metric::Resolution, 60)]));
    let id = bench.open();
    bench.pass(minutes(29));
    bench.act(id, Action::cancel(), ANNA);
    bench.pass(TimeDelta::days(9));
    assert_eq!(bench.tick(), 0);
    let clocks = ticket(&bench, id).clocks;
    assert!(clocks.iter().all(|it| it.state == ClockState::Cancelled && !it.is_late()));
    assert!(bench.desk.find(Query::inbox()).unwrap().tickets.is_empty());
}

/// osTicket#1803, frappe/helpdesk#2210, itflow PR#667: the customer does not answer for days.
#[test]
fn a_wait_for_the_customer_ends_in_a_resolution_after_a_reminder() {
    let bench = bench(promises(&[(Metric::Resolution, 600)]));
    let begin = bench.now();
    let (reminder, end) = (begin + TimeDelta::days(3), begin + TimeDelta::days(7));
    let wait = || Action::reply("Which headset?").and(Action::hold_until(HoldReason::Customer, end));
    let (resolves, closes, answered) = (bench.open(), bench.open(), bench.open());
    bench.act(resolves, wait().then_resolve().remind_at(reminder), ANNA);
    bench.act(closes, wait().then_close(), ANNA);
    bench.act(answered, wait().then_close().remind_at(reminder), ANNA);
    bench.pass(TimeDelta::days(2));
    bench.act(answered, Action::reply("The blue one."), BORIS);
    bench.pass(TimeDelta::days(30));
    bench.tick();
    let events = |id| {
        let history = bench.history(id).into_iter();
        let timed = history.filter_map(|event| match event.change {
            Change::Reminded => Some((event.at, "reminded".to_owned())),
            Change::StateChanged { to, .. } => Some((event.at, to.kind().to_string())),
            _ => None,
        });
        timed.collect::<Vec<_>>()
    };
    let change = |at, text: &str| (at, text.to_owned());
    assert_eq!(
        events(resolves),
        [
            change(begin, "on hold"),
            change(reminder, "reminded"),
            change(end, "resolved"),
            change(end + TimeDelta::days(5), "closed"),
        ]
    );
    assert_eq!(events(closes), [change(begin, "on hold"), change(end, "resolved"), change(end, "closed")]);
    assert_eq!(events(answered)[1..], [change(begin + TimeDelta::days(2), "active")]);
    assert_eq!(ticket(&bench, answered).timers(), []);
    assert_eq!(bench.clock(resolves, Metric::Resolution).ended_at, Some(end));
    [resolves, closes, answered].iter().for_each(|id| bench.check(*id));
}

#[test]
fn a_faulty_end_of_a_hold_is_refused() {
    let bench = bench(Policy::new());
    let id = bench.open();
    let end = bench.now() + TimeDelta::days(7);
    let wait = || Action::hold_until(HoldReason::Customer, end);
    for wrong in [
        Action::hold(HoldReason::Customer).then_resolve(),
        Action::note("no hold").then_close(),
        wait().remind_at(bench.now()),
        wait().remind_at(end),
    ] {
        let error = bench.desk.act(id, wrong, Actor::agent(ANNA)).unwrap_err();
        assert!(error.is_invalid(), "{error}");
    }
    assert_eq!(ticket(&bench, id).version, 1);
}

/// newgentdigital/kloey#9: the silence must not count while the customer waits for an answer.
#[test]
fn silence_does_not_close_the_ticket_of_a_customer_who_waits() {
    let bench = bench(Policy::new());
    let id = bench.open();
    bench.act(id, Action::resolve("unmuted"), ANNA);
    bench.pass(TimeDelta::days(4));
    bench.act(id, Action::reply("Still nothing."), BORIS);
    bench.pass(TimeDelta::days(30));
    bench.tick();
    assert_eq!(ticket(&bench, id).state.kind(), StateKind::Active);
}

/// oban#1300, oban-py#17, #32, oban#1488: the machine was down for a week, and two workers start again at the
/// same time.
#[cfg(feature = "sqlite")]
#[test]
fn timers_that_are_a_week_late_fire_once_with_their_due_instants() {
    use firstline::desk::Settings;
    use firstline::sqlite::Sqlite;
    use firstline::time::ManualTime;
    let dir = tempfile::tempdir().unwrap();
    let begin = instant("2026-01-05T09:00:00Z");
    let (path, time) = (dir.path().join("desk.db"), ManualTime::at(begin));
    let desk = Sqlite::open(&path).unwrap().desk(Settings::new("acme").time(time.clone()));
    let ids: Vec<_> = (1..=40)
        .map(|n| {
            let id = desk.open_ticket(NewTicket::new(format!("{n}")).from(BORIS)).unwrap().id();
            let wait = Action::hold_until(HoldReason::Scheduled, begin + minutes(n));
            desk.act(id, wait, Actor::agent(ANNA)).unwrap();
            id
        })
        .collect();
    let now = begin + TimeDelta::days(7);
    let fired: usize = std::thread::scope(|scope| {
        let drain = || firstline::Worker::over(Sqlite::open(&path).unwrap()).tick(now).unwrap().fired;
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(drain)).collect();
        workers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(fired, 40);
    for (n, id) in (1..).zip(ids) {
        let found = desk.ticket(id).unwrap();
        assert_eq!((found.state.kind(), found.state_since), (StateKind::Active, begin + minutes(n)));
    }
}
