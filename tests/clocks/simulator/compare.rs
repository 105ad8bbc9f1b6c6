//! Compares the simulator with the crate over random histories.

use std::collections::BTreeMap;

use firstline::import::ImportClocks;
use firstline::sla::Clock;
use firstline::{Change, DateTime, TicketId, TimeDelta, Utc};

use super::desk::{Regime, instant, play};
use super::script::{World, world};
use super::ticket::{Event, Op};
use super::{History, Minute, Mistake, Point, Simulator, simulate};
use crate::sla::Bench;
use crate::soak;

/// A line of text for each fact. Times are minutes since the opening.
#[derive(Debug, Clone, PartialEq)]
struct Facts(Vec<String>);

fn show(at: Option<Minute>, opened: Minute) -> String {
    at.map_or("-".to_owned(), |it| (it - opened).to_string())
}

fn predicted(simulator: &Simulator<'_>) -> Facts {
    let opened = simulator.history.opened;
    let mut lines = vec![format!("state {:?}", simulator.ticket.state)];
    for clock in &simulator.clocks {
        let runs = simulator.runs(&clock.target, &(simulator.ticket.state, simulator.ticket.reason.clone()));
        let open = clock.ended.is_none();
        let name = format!("{} #{}", clock.metric, clock.cycle);
        lines.push(format!(
            "{name}: {:?} {}m r{} from {} ended {} breached {} missed {} used {}",
            clock.state(runs),
            clock.time,
            clock.revision,
            clock.from - opened,
            show(clock.ended.map(|it| it.0), opened),
            show(clock.breached, opened),
            show(clock.missed, 0),
            clock.used,
        ));
        if simulator.latest(clock.metric).is_none_or(|it| simulator.clocks[it].cycle != clock.cycle) {
            continue;
        }
        lines.push(format!("{name}: agreement {}", clock.agreement));
        if open {
            let deadline = simulator.deadline(clock);
            lines.push(format!("{name}: due {} left {}", show(deadline, opened), clock.time - clock.used));
        }
        for (from, to, kind) in simulator.ledger(clock) {
            lines.push(format!("{name}: {}..{} {kind:?}", from - opened, to - opened));
        }
    }
    for alert in &simulator.alerts {
        let point = match alert.point {
            Point::Percent(percent) => format!("{percent}%"),
            Point::Left(left) => format!("{left}m left"),
        };
        let due = alert.due - opened;
        lines.push(format!("alert {} #{} {point} r{} at {due}", alert.metric, alert.cycle, alert.revision));
    }
    lines.sort();
    Facts(lines)
}

fn recorded(history: &History, bench: &Bench, id: TicketId) -> Facts {
    let opened = instant(history.opened);
    let minutes = |time: TimeDelta| match time.num_seconds() % 60 {
        0 => time.num_minutes().to_string(),
        _ => format!("{}s", time.num_seconds()),
    };
    let show = |at: Option<DateTime<Utc>>| at.map_or("-".to_owned(), |it| minutes(it - opened));
    let ticket = bench.desk.ticket(id).unwrap();
    let mut lines = vec![format!("state {:?}", ticket.state().kind())];
    let mut clocks: Vec<Clock> = Vec::new();
    for event in bench.history(id) {
        match event.change {
            Change::ClocksUpdated { clocks: changed } => {
                for clock in changed {
                    clocks.retain(|it| (it.metric, it.cycle) != (clock.metric, clock.cycle));
                    clocks.push(clock);
                }
            }
            Change::Warned(alert) | Change::Breached(alert) => {
                let point = match alert.left {
                    Some(left) => format!("{}m left", minutes(left)),
                    None => format!("{}%", alert.percent),
                };
                let due = minutes(alert.due - opened);
                lines.push(format!(
                    "alert {} #{} {point} r{} at {due}",
                    alert.metric, alert.cycle, alert.revision
                ));
            }
            _ => {}
        }
    }
    for clock in &clocks {
        let name = format!("{} #{}", clock.metric, clock.cycle);
        let latest = ticket.clock(clock.metric).is_some_and(|it| it.cycle == clock.cycle);
        let ledger = latest.then(|| bench.desk.reports().explain(id, clock.metric).unwrap());
        let used = ledger.as_ref().map_or(clock.consumed, |it| it.elapsed());
        lines.push(format!(
            "{name}: {:?} {}m r{} from {} ended {} breached {} missed {} used {}",
            clock.state,
            minutes(clock.target),
            clock.revision,
            minutes(clock.from - opened),
            show(clock.ended_at),
            show(clock.breached_at),
            clock.missed_target().map_or("-".to_owned(), minutes),
            minutes(used),
        ));
        let Some(ledger) = ledger else { continue };
        lines.push(format!("{name}: agreement {}", clock.agreement));
        if clock.state.is_open() {
            let left = ticket.remaining(clock.metric, bench.now()).map_or("-".to_owned(), minutes);
            lines.push(format!("{name}: due {} left {left}", show(clock.due_at)));
        }
        for span in ledger.spans {
            lines.push(format!(
                "{name}: {}..{} {:?}",
                minutes(span.from - opened),
                minutes(span.to - opened),
                span.kind
            ));
        }
    }
    lines.sort();
    Facts(lines)
}

/// Returns the lines that differ; `None` if the crate and the simulator agree.
fn difference(simulator: &Simulator<'_>, recorded: &Result<Facts, String>) -> Option<String> {
    let predicted = predicted(simulator);
    let recorded = match recorded {
        Ok(recorded) => recorded,
        Err(refused) => return Some(refused.clone()),
    };
    let only = |these: &Facts, those: &Facts, whose: &str| {
        let lines = these.0.iter().filter(|it| !those.0.contains(it));
        lines.map(|it| format!("  {whose} {it}\n")).collect::<String>()
    };
    let text = only(&predicted, recorded, "simulator") + &only(recorded, &predicted, "crate    ");
    // Both are sorted. A line that one of them has twice is a difference too.
    (predicted.0 != recorded.0).then(|| if text.is_empty() { "a line occurs twice".to_owned() } else { text })
}

fn describe(history: &History) -> String {
    let mut text = format!(
        "opened {} by {:?}, import {:?}, policy {}\n",
        instant(history.opened),
        history.opened_by,
        history.import,
        history.initial
    );
    for (number, policy) in history.policies.iter().enumerate() {
        for it in &policy.agreements {
            text += &format!(
                "  policy {number} {} {:?} {:?} {:?} {:?}\n",
                it.name, it.when, it.on_reopen, it.on_priority, it.on_policy
            );
            for target in &it.targets {
                text += &format!("    {target:?}\n");
            }
        }
    }
    for (at, op) in &history.ops {
        text += &format!("  {} {op:?}\n", at - history.opened);
    }
    text + &format!("  {} end\n", history.end - history.opened)
}

/// The number of tickets of a desk.
const TICKETS: usize = 20;

/// Returns the facts that the crate recorded for each history.
fn recorded_facts(world: &World, histories: &[History]) -> Vec<Result<Facts, String>> {
    let mut facts = vec![Err(String::new()); histories.len()];
    let regime = Regime { ticks: &|_| false, reactions: false, chance_writes: Vec::new(), end: None };
    play(world, histories, &regime, &mut |bench, number, ticket| {
        facts[number] = ticket.map(|id| recorded(&histories[number], bench, id));
    });
    facts
}

/// Returns what happens in a history, to make sure that the histories contain everything.
fn features(simulator: &Simulator<'_>) -> Vec<String> {
    let history = simulator.history;
    let mut features: Vec<String> = Vec::new();
    for (_, op) in &history.ops {
        features.push(match op {
            Op::Hold { end: Some(end), .. } => format!("hold that ends as {:?}", end.then),
            Op::Override(_)
            | Op::Gold(_)
            | Op::Plan(_)
            | Op::Promise(_)
            | Op::HandOver(_)
            | Op::Hold { .. } => format!("{op:?}").split(['(', ' ']).next().unwrap().to_owned(),
            Op::Adopt(_) => "adoption".to_owned(),
            _ => format!("{op:?}"),
        });
    }
    features.extend(simulator.timers.iter().map(|event| match event {
        Event::Moved { to, .. } => format!("timer to {to:?}"),
        _ => "reminder".to_owned(),
    }));
    features.extend(history.import.iter().map(|import| match import.clocks {
        ImportClocks::From(_) => "import with clocks from an instant".to_owned(),
        other => format!("import with clocks {other:?}"),
    }));
    for clock in &simulator.clocks {
        let agreement = simulator.agreement_of(clock);
        let runs = simulator.runs(&clock.target, &(simulator.ticket.state, simulator.ticket.reason.clone()));
        features.push(format!("{}", clock.metric));
        features.push(format!("{:?} clock", clock.state(runs)));
        features.push(format!("{:?} reason to choose", agreement.when));
        features.extend(clock.target.calendar.map(|it| format!("calendar {it}")));
        features.extend((clock.target.time == super::Time::Field).then(|| "deadline in a field".to_owned()));
        features.extend(clock.target.pauses.as_ref().map(|_| "own pauses".to_owned()));
        features.extend((clock.cycle > 1).then(|| format!("{:?}, another cycle", agreement.on_reopen)));
        features.extend((clock.revision > 0).then(|| format!("{:?}, another target", agreement.on_priority)));
        features.extend((clock.policy != history.initial).then(|| format!("{:?}", agreement.on_policy)));
        features.extend(simulator.ledger(clock).into_iter().map(|it| {
            let kind = format!("{:?}", it.2);
            format!("span {}", kind.split('(').next().unwrap())
        }));
    }
    features.extend(simulator.alerts.iter().map(|it| match it.point {
        Point::Percent(100) => "breach".to_owned(),
        Point::Percent(_) => "warning by percentage".to_owned(),
        Point::Left(_) => "warning by time left".to_owned(),
    }));
    features
}

/// Every feature, and the number of times that it must at least occur in 300 histories.
const FEATURES: [(&str, usize); 83] = [
    ("Always reason to choose", 380),
    ("Assign(false)", 4),
    ("Assign(true)", 30),
    ("Breached clock", 60),
    ("Cancel", 10),
    ("Cancelled clock", 120),
    ("CarryElapsed, another target", 10),
    ("Close", 10),
    ("Confirm", 10),
    ("Continue, another cycle", 10),
    ("Freeze, another cycle", 10),
    ("FromOpening, another target", 20),
    ("Gold", 30),
    ("Gold reason to choose", 30),
    ("HandOver", 40),
    ("Hold", 40),
    ("Met clock", 180),
    ("Migrate", 10),
    ("Missed clock", 90),
    ("NewCycle, another cycle", 40),
    ("NotSpam", 3),
    ("Note", 30),
    ("Override", 50),
    ("Paused clock", 8),
    ("Pin", 20),
    ("Plan", 10),
    ("Plan reason to choose", 20),
    ("Promise", 60),
    ("Reopen", 30),
    ("Reply(Anna)", 110),
    ("Reply(Boris)", 120),
    ("Reply(Bot)", 30),
    ("ReplyAndResolve", 20),
    ("Resolve(Anna)", 50),
    ("Resolve(Bot)", 30),
    ("Restart, another target", 30),
    ("Resume", 9),
    ("Running clock", 30),
    ("Spam", 10),
    ("Start", 10),
    ("Undo", 60),
    ("Urgent reason to choose", 60),
    ("acceptance", 40),
    ("adoption", 20),
    ("agent work", 40),
    ("assignment", 60),
    ("breach", 190),
    ("calendar 0", 110),
    ("calendar 1", 90),
    ("calendar 2", 40),
    ("calendar 3", 60),
    ("calendar 4", 50),
    ("closure", 40),
    ("deadline in a field", 5),
    ("first reply", 30),
    ("handling by the 1st line", 60),
    ("handling by the 2nd line", 10),
    ("hold that ends as Active", 20),
    ("hold that ends as Closed", 20),
    ("hold that ends as Resolved", 10),
    ("import with clocks FromOpening", 10),
    ("import with clocks Never", 10),
    ("import with clocks from an instant", 9),
    ("next reply", 20),
    ("own pauses", 140),
    ("periodic update", 60),
    ("reminder", 10),
    ("requester wait", 60),
    ("resolution", 30),
    ("span Closed", 40),
    ("span Holiday", 30),
    ("span NoTarget", 4),
    ("span OffHours", 390),
    ("span OnHold", 110),
    ("span Resolved", 40),
    ("span Running", 490),
    ("span SpecialHours", 20),
    ("span Superseded", 20),
    ("timer to Active", 9),
    ("timer to Closed", 10),
    ("timer to Resolved", 10),
    ("warning by percentage", 290),
    ("warning by time left", 140),
];

#[test]
fn a_simulator_that_counts_minutes_agrees() {
    let (mut wrong, mut found) = (Vec::new(), BTreeMap::<String, usize>::new());
    let worlds = u64::from(soak::cases(15));
    for number in 0..worlds {
        let (world, histories) = world(number, TICKETS);
        for (ticket, (history, recorded)) in
            histories.iter().zip(recorded_facts(&world, &histories)).enumerate()
        {
            let simulator = simulate(history, None);
            for feature in features(&simulator) {
                *found.entry(feature).or_default() += 1;
            }
            if let Some(difference) = difference(&simulator, &recorded) {
                wrong.push(format!("desk {number} ticket {ticket}\n{}{difference}", describe(history)));
            }
        }
    }
    let shown: String = wrong.iter().take(6).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {} differ\n{shown}", wrong.len(), worlds * TICKETS as u64);
    for (feature, least) in FEATURES {
        let count = found.get(feature).copied().unwrap_or(0);
        assert!(count >= least, "{feature}: {count} times, expected {least}");
    }
}

/// The comparison notices each of these mistakes of the simulator.
#[test]
fn a_mistaken_simulator_does_not_agree() {
    let (mut unnoticed, mut number) = (Mistake::ALL.to_vec(), 0);
    while !unnoticed.is_empty() && number < 10 {
        let (world, histories) = world(number, TICKETS);
        let recorded = recorded_facts(&world, &histories);
        unnoticed.retain(|mistake| {
            let differs = |(history, recorded): (&History, &Result<Facts, String>)| {
                difference(&simulate(history, Some(*mistake)), recorded).is_some()
            };
            !histories.iter().zip(&recorded).any(differs)
        });
        number += 1;
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
