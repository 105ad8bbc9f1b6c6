//! The times of ticks and writes by chance change nothing of what is recorded.
//!
//! The same histories, with reactions, adoptions, imports and holds that end, are played under three regimes: a tick
//! every minute with writes by chance, ticks at random minutes, and one tick at the end. In every second world they
//! meet: agreements are adopted after imports, timers end imported tickets, and commands and timers have the instants
//! of adoptions. These parts of the record are equal:
//!
//! - the instant, the actor and the change of each event, in order. Left out are `Change::ClocksUpdated`, which stores
//!   the clocks after each command or tick, the writes by chance, and the versions that an undoing names;
//! - the ticket at the end, with its clocks. Left out are its id, its version, the instant of its last event, and what
//!   the writes by chance have written.

use std::collections::BTreeSet;

use firstline::{Action, Change, DateTime, TicketId, Utc, Who};
use serde_json::Value;

use super::desk::{CHANCE, Regime, play};
use super::script::{Random, World, busy_world, world};
use super::ticket::Op;
use super::{History, Minute};
use crate::sla::Bench;
use crate::soak;

/// The number of tickets of a desk.
const TICKETS: usize = 10;

/// The part of a ticket's record that must be equal under all regimes.
#[derive(Debug, Clone, PartialEq)]
struct Record {
    events: Vec<(DateTime<Utc>, Who, Change)>,
    ticket: Value,
}

fn record(bench: &Bench, id: TicketId) -> Record {
    bench.check(id);
    let kept = bench.history(id).into_iter().filter(|event| {
        let by_chance = matches!(&event.by.who, Who::Agent(agent) if agent.as_str() == CHANCE);
        !by_chance && !matches!(event.change, Change::ClocksUpdated { .. })
    });
    let events = kept.map(|mut event| {
        if let Change::Undone { versions, .. } = &mut event.change {
            *versions = 0..=0;
        }
        (event.at, event.by.who, event.change)
    });
    let events = events.collect();
    let mut ticket = bench.desk.ticket(id).unwrap().into_snapshot();
    ticket.tags.retain(|tag| !tag.starts_with(CHANCE));
    let mut ticket = serde_json::to_value(ticket).unwrap();
    for written in ["id", "version", "updated_at", "touched_at", "adopted"] {
        ticket.as_object_mut().unwrap().remove(written);
    }
    Record { events, ticket }
}

/// Returns the record of each history under a regime.
fn records(world: &World, histories: &[History], regime: &Regime<'_>) -> Vec<Record> {
    let mut records = vec![None; histories.len()];
    play(world, histories, regime, &mut |bench, number, ticket| {
        records[number] = Some(record(bench, ticket.unwrap()));
    });
    records.into_iter().map(Option::unwrap).collect()
}

/// Draws notes and tags of another agent. None comes between a command and its undoing, because it would forbid that.
/// Tags are added only if no policy is adopted: a change of the description chooses the agreement again.
fn chance_writes(random: &mut Random, world: &World, histories: &[History]) -> Vec<(Minute, usize, Action)> {
    let mut writes = Vec::new();
    for (number, history) in histories.iter().enumerate() {
        let start = history.import.as_ref().map_or(history.opened, |it| it.at);
        let undoes = history.ops.iter().any(|(_, op)| *op == Op::Undo);
        for count in 0..random.below(12) {
            let at = start + random.below(history.end - start);
            let next = history.ops.iter().find(|(minute, op)| *minute > at && !matches!(op, Op::Adopt(_)));
            if next.is_some_and(|(_, op)| *op == Op::Undo) {
                continue;
            }
            let tag = !undoes && world.adoptions.len() == 1 && random.chance(50);
            let write =
                if tag { Action::tag(format!("{CHANCE} {count}")) } else { Action::note("Seen by chance") };
            writes.push((at, number, write));
        }
    }
    writes
}

#[test]
fn the_times_of_ticks_and_writes_by_chance_change_no_record() {
    let (mut reactions, mut writes) = (BTreeSet::new(), 0);
    for number in 0..u64::from(soak::cases(6)) {
        let draw = if number % 2 == 0 { world } else { busy_world };
        let (world, histories) = draw(1_000_000 + number, TICKETS);
        let random = &mut Random::new(number);
        let end = histories.iter().map(|it| it.end).max();
        let at_the_end = Regime { ticks: &|_| false, reactions: true, chance_writes: Vec::new(), end };
        let moments: BTreeSet<Minute> = (0..100).map(|_| end.unwrap() - random.below(12 * 1440)).collect();
        let at_random =
            Regime { ticks: &|minute| moments.contains(&minute), chance_writes: Vec::new(), ..at_the_end };
        let chance_writes = chance_writes(random, &world, &histories);
        writes += chance_writes.len();
        let every_minute = Regime { ticks: &|_| true, chance_writes, ..at_the_end };
        let expected = records(&world, &histories, &at_the_end);
        for (name, regime) in [("at random", at_random), ("every minute", every_minute)] {
            for (ticket, (found, expected)) in
                records(&world, &histories, &regime).into_iter().zip(&expected).enumerate()
            {
                assert_eq!(found, *expected, "desk {number}, ticket {ticket}, ticks {name}");
            }
        }
        for (_, who, change) in expected.into_iter().flat_map(|it| it.events) {
            if who == Who::Desk {
                let name = serde_json::to_value(&change).unwrap()["what"].as_str().unwrap().to_owned();
                reactions.insert(name);
            }
        }
    }
    let expected =
        ["breached", "handed_over", "state_changed", "policy_rebound", "prioritised", "reminded", "warned"];
    assert!(expected.iter().all(|it| reactions.contains(*it)), "{reactions:?}");
    assert!(writes > 50, "{writes}");
}
