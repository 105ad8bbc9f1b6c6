//! Compares clocks over random histories with a replay, with more frequent ticks, with figures computed from the whole
//! history, and with an oracle that counts second by second.

use crate::soak;

use crate::sla;

#[path = "random/oracle.rs"]
mod oracle;

use std::collections::BTreeMap;

use firstline::import::ImportClocks;
use firstline::reports::SpanKind;
use firstline::sla::{
    Agreement, Clock, ClockState, Metric, OnPolicyChange, OnPriorityChange, OnReopen, Reaction, Target,
};
use firstline::{
    Action, Actor, Change, Condition, DateTime, Event, HoldReason, Impact, ImportedTicket, ImportedVersion,
    Line, NewTicket, Policy, Priority, State, StateKind, TicketId, TimeDelta, Utc, Who, state,
};
use oracle::TimeBasis;
use proptest::prelude::*;
use sla::{ANNA, BORIS, BOT, Bench, hours_of, office};

const NONE: [HoldReason; 0] = [];

#[derive(Debug, Clone)]
enum Op {
    Pass(i64),
    Tick,
    Do(u8),
    Adopt(u8),
}

#[derive(Debug, Clone)]
struct PolicyContext {
    reopen: OnReopen,
    priority: OnPriorityChange,
    policy: OnPolicyChange,
    business: bool,
    reactions: bool,
    sparse: bool,
    seconds: i64,
}

fn context() -> impl Strategy<Value = PolicyContext> {
    let reopen = prop_oneof![Just(OnReopen::Continue), Just(OnReopen::NewCycle), Just(OnReopen::Freeze)];
    let priority = prop_oneof![
        Just(OnPriorityChange::FromOpening),
        Just(OnPriorityChange::CarryElapsed),
        Just(OnPriorityChange::Restart)
    ];
    let policy = prop_oneof![Just(OnPolicyChange::Pin), Just(OnPolicyChange::Migrate)];
    (reopen, priority, policy, any::<bool>(), any::<bool>(), any::<bool>(), 60_i64..30_000).prop_map(
        |(reopen, priority, policy, business, reactions, sparse, seconds)| PolicyContext {
            reopen,
            priority,
            policy,
            business,
            reactions,
            sparse,
            seconds,
        },
    )
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => prop_oneof![Just(0), Just(1), 1_i64..20_000].prop_map(Op::Pass),
        2 => Just(Op::Tick),
        8 => (0_u8..24).prop_map(Op::Do),
        1 => (0_u8..3).prop_map(Op::Adopt),
    ];
    prop::collection::vec(op, 1..40)
}

/// The same agreement in three versions, which differ in calendar and time.
fn policy(context: &PolicyContext, version: u8) -> Policy {
    let mut agreement = Agreement::new(format!("standard {version}"), 1)
        .on_reopen(context.reopen)
        .on_priority_change(context.priority)
        .on_policy_change(context.policy);
    for metric in Metric::ALL {
        let time = |n: i64| TimeDelta::seconds(context.seconds * n / 4 + i64::from(version == 2) * 600);
        let mut target = Target::new(metric)
            .time(Priority::P1, time(1))
            .time(Priority::P2, time(2))
            .time(Priority::P3, time(4))
            .time(Priority::P4, time(4))
            .warn_at([50, 90]);
        if !context.sparse {
            target = target.time(Priority::P5, time(6));
        }
        if context.business {
            target = target.business("office");
        }
        if context.reactions && metric == Metric::Resolution {
            target = target
                .on_warning(Reaction::Notify("anna".into()))
                .on_breach(Reaction::Modifier("out of time".into()))
                .on_breach(Reaction::Escalate { team: "experts".into(), line: Line::Second });
        }
        agreement = agreement.target(target);
    }
    let gold = Agreement::new(format!("gold {version}"), 0)
        .when(Condition::field("tags").contains("gold"))
        .on_reopen(context.reopen)
        .on_priority_change(context.priority)
        .on_policy_change(context.policy);
    let short = |metric| Target::new(metric).within(TimeDelta::seconds(context.seconds / 3)).pause_on(NONE);
    let gold = [Metric::Closure, Metric::NextReply, Metric::Handling(Line::Second)]
        .map(short)
        .into_iter()
        .fold(gold, Agreement::target);
    let calendar = hours_of("UTC", office_hours(version));
    office().calendar("office", calendar.definition()).agreement(agreement).agreement(gold)
}

fn office_hours(version: u8) -> &'static str {
    if version == 1 { "10:00-19:00" } else { "08:00-16:00" }
}

/// The time basis of a clock under [`policy`].
fn measured(context: &PolicyContext, clock: &Clock) -> TimeBasis {
    match clock.agreement.rsplit_once(' ').unwrap() {
        ("gold", _) => {
            TimeBasis { calendar: None, pauses: [].into(), warn_at: vec![50, 75, 90], default_pauses: false }
        }
        (_, version) => TimeBasis {
            calendar: context.business.then(|| hours_of("UTC", office_hours(version.parse().unwrap()))),
            pauses: [HoldReason::Customer].into(),
            warn_at: vec![50, 90],
            default_pauses: true,
        },
    }
}

fn act(n: u8) -> (Action, &'static str) {
    match n {
        0 => (Action::start(), ANNA),
        1 => (Action::hold(HoldReason::Customer), ANNA),
        2 => (Action::hold(HoldReason::ThirdParty), ANNA),
        3 => (Action::resume(), ANNA),
        4 | 5 => (Action::resolve("done"), ANNA),
        6 => (Action::reopen(), ANNA),
        7 => (Action::confirm(), BORIS),
        8 | 9 => (Action::reply("A reply"), ANNA),
        10 | 11 => (Action::reply("A question"), BORIS),
        12 => (Action::reply("A greeting"), BOT),
        13 => (Action::note("A note"), ANNA),
        14 => (Action::override_priority(Priority::P1, "urgent"), ANNA),
        15 => (Action::override_priority(Priority::P5, "not urgent"), ANNA),
        16 => (Action::hand_over("experts", Line::Second, "please"), ANNA),
        17 => (Action::hand_over("desk", Line::First, "please"), ANNA),
        18 => (Action::resolve("by itself"), BOT),
        20 => (Action::ClearOverride, ANNA),
        22 => (Action::tag("gold"), ANNA),
        23 => (Action::untag("gold"), ANNA),
        21 => (Action::hand_over("experts", Line::Second, "at once").and(Action::resolve("done")), ANNA),
        _ => (Action::reply("A reply").and(Action::resolve("done")), ANNA),
    }
}

/// Plays the operations. Those that the ticket refuses have no effect.
fn play(context: &PolicyContext, ops: &[Op], ticking: bool) -> (Bench, TicketId) {
    let bench = Bench::new(policy(context, 0));
    bench.at("2026-01-05T09:00:00Z");
    let ticket = bench.open_as(NewTicket::new("No sound"));
    play_on(&bench, ticket, context, ops, ticking);
    (bench, ticket)
}

fn play_on(bench: &Bench, ticket: TicketId, context: &PolicyContext, ops: &[Op], ticking: bool) {
    for op in ops {
        match op {
            Op::Pass(seconds) => bench.pass(TimeDelta::seconds(*seconds)),
            Op::Tick if ticking => {
                bench.tick();
            }
            Op::Tick => {}
            Op::Do(n) => {
                let (action, by) = act(*n);
                let actor = match by {
                    BORIS => Actor::contact(BORIS),
                    BOT => Actor::automation(BOT),
                    agent => Actor::agent(agent),
                };
                if let Err(error) = bench.desk.act(ticket, action, actor) {
                    // An imported ticket has no contact, and does not exist for people who are not on it.
                    let is_outsider = by == BORIS && bench.desk.ticket(ticket).unwrap().contacts.is_empty();
                    let is_refused = if is_outsider { error.is_not_found() } else { error.is_rejected() };
                    assert!(is_refused, "{error}");
                }
            }
            Op::Adopt(version) => {
                bench.adopt(policy(context, *version));
            }
        }
    }
    bench.tick();
}

/// An imported version: its time, whether it has a reply, and its state, tags and impact.
type Version = (i64, bool, Option<State>, Option<Vec<&'static str>>, Option<Impact>);

/// The versions of another system's ticket. In half of the cases, some times step back.
fn versions() -> impl Strategy<Value = Vec<ImportedVersion>> {
    let hold = |reason| State::from(state::OnHold { reason, until: None });
    let status = prop_oneof![
        2 => Just(None),
        2 => Just(Some(state::Active.into())),
        1 => Just(Some(hold(HoldReason::Customer))),
        1 => Just(Some(hold(HoldReason::ThirdParty))),
        3 => Just(Some(state::Resolved::default().into())),
        1 => Just(Some(state::Closed.into())),
    ];
    let tags = prop_oneof![4 => Just(None), 1 => Just(Some(vec!["gold"])), 1 => Just(Some(Vec::new()))];
    let impact = prop_oneof![4 => Just(None), 1 => Just(Some(Impact::HIGH)), 1 => Just(Some(Impact::LOW))];
    let version = (0_i64..200, any::<bool>(), status, tags, impact);
    (any::<bool>(), prop::collection::vec(version, 1..12)).prop_map(|(in_order, mut versions)| {
        if in_order {
            versions.sort_by_key(|it| it.0);
        }
        let version = |(place, has_reply, status, tags, impact): Version| {
            let at = sla::instant("2026-01-05T08:00:00Z") + TimeDelta::minutes(place * 3);
            let mut version = ImportedVersion::new(at, Actor::agent(ANNA));
            version = status.into_iter().fold(version, |it, status| it.status(status));
            version = tags.into_iter().fold(version, |it, tags| it.tags(tags));
            version = impact.into_iter().fold(version, |it, impact| it.impact(impact));
            if has_reply { version.message("A reply") } else { version }
        };
        versions.into_iter().map(version).collect()
    })
}

/// The clocks of an imported ticket, also from an instant during its history.
fn import_clocks() -> impl Strategy<Value = ImportClocks> {
    let from = |place| ImportClocks::From(sla::instant("2026-01-05T08:00:00Z") + TimeDelta::minutes(place));
    prop_oneof![
        2 => Just(ImportClocks::FromOpening),
        2 => (-10_i64..700).prop_map(from),
        1 => Just(ImportClocks::Never),
    ]
}

fn raw(history: Vec<Event>) -> Vec<(DateTime<Utc>, Change)> {
    let raw = history.into_iter().map(|event| (event.at, event.change));
    raw.filter(|(_, change)| !matches!(change, Change::ClocksUpdated { .. })).collect()
}

/// The state of the ticket during each second from its opening until `until`.
fn states(history: &[Event], until: DateTime<Utc>) -> Vec<(StateKind, Option<HoldReason>)> {
    let opened = history[0].at;
    let (mut state, mut seconds) = ((StateKind::New, None), Vec::new());
    let mut events = history.iter().peekable();
    let mut at = opened;
    while at < until {
        while let Some(event) = events.next_if(|event| event.at <= at) {
            if let Change::StateChanged { to, .. } = &event.change {
                let reason = match to {
                    State::OnHold(hold) => Some(hold.reason.clone()),
                    _ => None,
                };
                state = (to.kind(), reason);
            }
        }
        seconds.push(state.clone());
        at += TimeDelta::seconds(1);
    }
    seconds
}

/// The office hours computed without a calendar: 1 January 1970 was a Thursday.
fn office_is_open(at: i64) -> bool {
    let (day, second) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    (day + 3) % 7 < 5 && (8 * 3_600..16 * 3_600).contains(&second)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: soak::drawn(32), ..ProptestConfig::default() })]

    /// The row is the fold of the events, a replay of the history gives the recorded clocks, and every ledger adds up
    /// to the wall time and to the elapsed time.
    #[test]
    fn a_replay_gives_the_recorded_clocks(context in context(), ops in ops()) {
        let (bench, ticket) = play(&context, &ops, true);
        bench.check(ticket);
        for clock in &bench.desk.ticket(ticket).unwrap().clocks {
            let ledger = bench.desk.reports().explain(ticket, clock.metric).unwrap();
            prop_assert_eq!(ledger.wall_time(), ledger.until - ledger.clock.from, "{}", ledger);
            for pair in ledger.spans.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            // If a change of policy has not been applied by a command yet, the ledger may describe a later cycle.
            if !ledger.clock.state.is_open() {
                prop_assert_eq!(ledger.elapsed(), ledger.clock.consumed, "{}", ledger);
            }
            let text = serde_json::to_string(&ledger).unwrap();
            prop_assert_eq!(serde_json::from_str::<firstline::reports::Ledger>(&text).unwrap(), ledger);
        }
    }

    /// Figures that are extended event by event equal those computed from the whole history.
    #[test]
    fn incremental_figures_equal_those_of_the_whole_history(context in context(), ops in ops()) {
        let (bench, ticket) = play(&context, &ops, true);
        oracle::check(&bench.history(ticket), |clock| measured(&context, clock));
    }

    /// The same for imported tickets that are worked on afterwards.
    #[test]
    fn incremental_figures_of_imports_equal_those_of_the_whole_history(
        context in context(),
        versions in versions(),
        cut in 1_usize..12,
        import_clocks in import_clocks(),
        ops in ops(),
    ) {
        let bench = Bench::new(policy(&context, 0));
        bench.at("2026-03-02T09:00:00Z");
        let ticket = |count: usize| {
            let ticket = ImportedTicket::new("old", "1").clocks(import_clocks);
            versions[..count].iter().cloned().fold(ticket, ImportedTicket::version)
        };
        for count in [cut.min(versions.len()), versions.len()] {
            let imported = bench.desk.records().import([ticket(count)]).unwrap();
            prop_assert!(imported.refused.is_empty(), "{:?}", imported.refused);
        }
        let id = bench.desk.ticket(1_u64).unwrap().id();
        play_on(&bench, id, &context, &ops, true);
        bench.check(id);
        let history = bench.history(id);
        let intervals = firstline::ticket::intervals(&history);
        prop_assert!(intervals.is_sorted_by_key(|it| it.since), "{:?}", intervals);
        for clock in &bench.desk.ticket(id).unwrap().clocks {
            let ledger = bench.desk.reports().explain(id, clock.metric).unwrap();
            prop_assert_eq!(ledger.wall_time(), ledger.until - ledger.clock.from, "{}", ledger);
            for pair in ledger.spans.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from, "{}", ledger);
            }
        }
        // With times that step back, a clock counts the history known when it was recorded. So does a clock that had
        // begun before a later import brought versions dated before its beginning.
        let mut after_import = history.iter().skip_while(|event| !matches!(event.change, Change::Imported(_))).skip(1);
        let early = after_import.any(|it| matches!(import_clocks, ImportClocks::From(from) if it.at < from));
        if history.is_sorted_by_key(|event| event.at) && !early {
            oracle::check(&history, |clock| measured(&context, clock));
            for clock in bench.desk.ticket(id).unwrap().clocks.iter().filter(|it| !it.state.is_open()) {
                let ledger = bench.desk.reports().explain(id, clock.metric).unwrap();
                prop_assert_eq!(ledger.elapsed(), ledger.clock.consumed, "{}", ledger);
            }
        }
    }

    /// More frequent ticks change nothing: the same events happen at the same instants, exactly once.
    #[test]
    fn the_frequency_of_ticks_has_no_effect(context in context(), ops in ops()) {
        let (often, ticket) = play(&context, &ops, true);
        let (rarely, same) = play(&context, &ops, false);
        prop_assert_eq!(raw(often.history(ticket)), raw(rarely.history(same)));
        let clocks = |bench: &Bench, ticket| bench.desk.ticket(ticket).unwrap().into_snapshot().clocks;
        prop_assert_eq!(clocks(&often, ticket), clocks(&rarely, same));
        let mut times = BTreeMap::new();
        for alert in often.alerts(ticket) {
            *times.entry((alert.metric, alert.cycle, alert.percent, alert.revision)).or_insert(0) += 1;
        }
        prop_assert!(times.values().all(|count| *count == 1), "{:?}", times);
    }

    /// Compares elapsed time and breaches with an oracle that counts second by second.
    #[test]
    fn counting_second_by_second_gives_the_same_figures(context in context(), ops in ops()) {
        let context = PolicyContext {
            reopen: OnReopen::Continue,
            priority: OnPriorityChange::FromOpening,
            policy: OnPolicyChange::Pin,
            reactions: false,
            sparse: false,
            ..context
        };
        // The oracle knows one calendar and one agreement.
        let ops: Vec<_> = ops.into_iter().filter(|op| !matches!(op, Op::Do(22) | Op::Adopt(_))).collect();
        let (bench, ticket) = play(&context, &ops, true);
        let (history, now) = (bench.history(ticket), bench.now());
        let row = bench.desk.ticket(ticket).unwrap().into_snapshot();
        let seconds = states(&history, now);
        let opened = history[0].at;
        for clock in &row.clocks {
            let counts = |(state, reason): &(StateKind, Option<HoldReason>)| match (state, clock.metric) {
                (StateKind::New | StateKind::Active, _) => true,
                (StateKind::OnHold, Metric::AgentWork) => false,
                (StateKind::OnHold, Metric::FirstReply) => true,
                (StateKind::OnHold, _) => *reason != Some(HoldReason::Customer),
                (StateKind::Resolved, Metric::Closure) => true,
                _ => false,
            };
            let first = (clock.from - opened).num_seconds();
            let end = clock.ended_at.unwrap_or(now);
            let last = (end - opened).num_seconds();
            let (mut elapsed, mut due) = (0, None);
            for second in first..last {
                if elapsed == clock.target.num_seconds() && due.is_none() {
                    due = Some(second);
                }
                let open = !context.business || office_is_open(opened.timestamp() + second);
                elapsed += i64::from(open && counts(&seconds[second as usize]));
            }
            let ledger = bench.desk.reports().explain(ticket, clock.metric).unwrap();
            let spent = ledger.spans.iter().filter(|span| span.kind == SpanKind::Running);
            let spent: i64 = spent.map(|span| span.wall_time().num_seconds()).sum();
            prop_assert_eq!(spent, elapsed, "{}", ledger);
            let breached = clock.breached_at.map(|at| (at - opened).num_seconds());
            // After a breach of an earlier target, the breach stays.
            let same_target = clock.missed_target().is_none_or(|missed| missed == clock.target);
            if same_target {
                prop_assert_eq!(breached, due, "{} {}", clock, ledger);
            }
            let expected = match (clock.ended_at, breached) {
                (None, None) => vec![ClockState::Running, ClockState::Paused],
                (None, Some(_)) => vec![ClockState::Breached],
                (Some(_), None) => vec![ClockState::Met, ClockState::Cancelled],
                (Some(_), Some(_)) => vec![ClockState::Missed, ClockState::Cancelled],
            };
            prop_assert!(expected.contains(&clock.state), "{}", clock);
        }
        // Only the first public reply of an agent and the agent's resolution count as a response.
        let answer = history.iter().find(|event| match &event.change {
            Change::Replied { .. } => matches!(event.by.who, Who::Agent(_)),
            Change::StateChanged { to, .. } => to.kind() == StateKind::Resolved,
            _ => false,
        });
        let clock = row.clock(Metric::FirstReply).unwrap();
        match answer {
            None => prop_assert_eq!(clock.ended_at, None),
            Some(event) if matches!(event.by.who, Who::Agent(_)) => prop_assert_eq!(clock.ended_at, Some(event.at)),
            Some(_) => {}
        }
    }
}
