//! Searches, compared with a scan of all tickets.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::Candidate;
use super::failure::{CheckFailure, Checked, same};
use super::scene::{ACME, Scene, anna, edited, later, monday, opening};
use crate::condition::Condition;
use crate::decimal::Decimal;
use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::StateKind;
use crate::lifecycle::state::{Active, Cancelled, Closed, New, Resolved};
use crate::line::Line;
use crate::priority::{Impact, Urgency};
use crate::store::{GroupBy, Query, TicketWrite};
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::ContactRole;
use crate::ticket::snapshot::Snapshot;

/// The n-th of a set of tickets that vary in every field that a query can filter or sort by.
fn varied(n: u64) -> Result<TicketWrite> {
    let rank = |from: u64| u8::try_from(from % 3 + 1).unwrap_or(1);
    let mut request = NewTicket::new(format!("Request {n}"))
        .impact_and_urgency(Impact::new(rank(n))?, Urgency::new(rank(n / 3))?);
    request = match n % 3 {
        0 => request.from("boris"),
        1 => request.from("Ольга"),
        _ => request,
    };
    request = match n % 5 {
        0 => request.team("network", Line::First),
        1 | 2 => request.team("платежи", Line::Second),
        _ => request,
    };
    request = if n.is_multiple_of(2) { request.assigned_to("anna") } else { request };
    request = match n % 4 {
        1 => request.contact("clara", ContactRole::Cc),
        2 => request.contact("clara", ContactRole::Affected),
        3 if !n.is_multiple_of(3) => request.contact("boris", ContactRole::Affected),
        _ => request,
    };
    request = if n.is_multiple_of(7) { request.tag("refund") } else { request };
    let amount = Decimal::new((n * 125) as i64 - 3_000, 2)?;
    // Several tickets share an instant, and instants do not follow the order of ids.
    let at = later(((n * 37) % 11) as i64);
    edited(opening(n, &request, at)?, |opened| {
        opened.fields.insert("amount".to_owned(), amount.into());
        opened.state = match n % 6 {
            0 => Resolved::default().into(),
            1 => Closed.into(),
            2 => Cancelled.into(),
            3 => Active.into(),
            _ => New.into(),
        };
    })
}

fn fill<C: Candidate>(scene: &Scene<'_, C>, numbers: impl Iterator<Item = u64>) -> Checked<Vec<Snapshot>> {
    let tickets: Vec<TicketWrite> = numbers.map(varied).collect::<Result<_>>()?;
    let snapshots = tickets.iter().map(|it| it.snapshot.clone()).collect();
    scene.put(ACME, tickets.into_iter().collect())?;
    Ok(snapshots)
}

/// Evaluates a query by scanning all tickets.
fn naive(all: &[Snapshot], query: &Query) -> Vec<TicketId> {
    let mut found: Vec<_> =
        all.iter().filter(|it| query.matches(it)).map(|it| (query.cursor_of(it), it.id)).collect();
    found.sort();
    found.retain(|(place, _)| query.cursor().is_none_or(|cursor| place > cursor));
    found.into_iter().map(|(_, id)| id).take(query.page_size()).collect()
}

fn filters() -> Vec<fn(Query) -> Query> {
    vec![
        |it| it,
        |it| it.state(StateKind::New),
        |it| it.state(StateKind::Active).state(StateKind::Closed),
        |it| it.state(StateKind::OnHold),
        |it| it.team("network"),
        |it| it.team("платежи").state(StateKind::New),
        |it| it.team("Network"),
        |it| it.assigned_to("anna"),
        |it| it.unassigned(),
        |it| it.unassigned().team("network"),
        |it| it.assigned_to("anna").unassigned(),
        |it| it.from("Ольга"),
        |it| it.from("ольга"),
        |it| it.from("boris").assigned_to("anna").team("платежи"),
        |it| it.matching(Condition::field("tags").contains("refund")),
        |it| it.contact("boris"),
        |it| it.contact("clara").unassigned(),
        |it| it.contact_as("clara", ContactRole::Cc).team("network"),
        |it| it.contact_as("boris", ContactRole::Requester),
        |it| it.contact_as("boris", ContactRole::Affected).state(StateKind::New),
        |it| it.matching(Condition::field("opened_at").before(TimeDelta::seconds(5))),
        |it| it.matching(Condition::field("opened_at").after(TimeDelta::seconds(5))),
        |it| it.matching(Condition::field("opened_at").at_most(later(3))),
        |it| {
            it.matching(
                Condition::field("field.amount")
                    .at_least(10)
                    .and(Condition::field("field.amount").less_than(20)),
            )
        },
        |it| it.matching(Condition::field("overdue").is(true)),
        |it| it.matching(Condition::field("due_at").before(TimeDelta::hours(1))),
        |it| it.team("nul\0").from("nul\0"),
        |it| it.contact("nul\0"),
    ]
}

fn orders() -> [Query; 3] {
    [Query::inbox(), Query::newest(), Query::oldest()]
}

pub(super) fn find<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let all = fill(scene, 1..=60)?;
    for order in orders() {
        for filter in filters() {
            for limit in [1, 7, 1_000] {
                let query = filter(order.clone()).at(monday()).limit(limit);
                let found = scene.find(ACME, query.clone())?;
                let ids = found.iter().map(|it| it.id).collect();
                same(format_args!("{query:?}"), ids, naive(&all, &query))?;
                for ticket in found {
                    let written = all.iter().find(|it| it.id == ticket.id);
                    same("a ticket in a search", Some(&*ticket), written)?;
                }
            }
        }
    }
    // A page after every possible ticket.
    for order in orders() {
        for ticket in &all {
            let query = order.clone().limit(5).after(order.cursor_of(ticket));
            let ids = scene.find(ACME, query.clone())?.iter().map(|it| it.id).collect();
            same(format_args!("{query:?}"), ids, naive(&all, &query))?;
        }
    }
    Ok(())
}

pub(super) fn count<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let all = fill(scene, 1..=60)?;
    let groups = [
        GroupBy::State,
        GroupBy::Status,
        GroupBy::Team,
        GroupBy::Assignee,
        GroupBy::Priority,
        GroupBy::Channel,
        GroupBy::Due,
    ];
    for order in orders() {
        for filter in filters() {
            // The limit and the cursor have no effect.
            let query = filter(order.clone()).at(monday()).limit(1).after(order.cursor_of(&all[30]));
            for by in groups {
                let mut expected = BTreeMap::new();
                for ticket in all.iter().filter(|it| query.matches(it)) {
                    *expected.entry(by.key(ticket, query.now())).or_insert(0) += 1;
                }
                let counts = scene.count(ACME, query.clone(), by)?;
                same(format_args!("{query:?} by {by:?}"), counts, expected)?;
            }
        }
    }
    // A second desk has its own counts, and a ticket that changes its contacts is counted by the new ones.
    same(
        "the counts of another desk",
        scene.count("other", Query::newest(), GroupBy::State)?,
        BTreeMap::new(),
    )?;
    let desk = scene.desk(ACME);
    let boris = Query::newest().contact("boris");
    let before: u64 = scene.count(ACME, boris.clone(), GroupBy::State)?.values().sum();
    let added =
        all.iter().find(|it| !it.contacts.contains_key(&"boris".into()) && !it.state.kind().is_final());
    let Some(added) = added else { return Err(CheckFailure::new("a ticket", "one without boris", "none")) };
    let action = Action::Contact { contact: "boris".into(), role: ContactRole::Cc };
    scene.wait(desk.act(added.id, action, anna()))?;
    let after: u64 = scene.count(ACME, boris.clone(), GroupBy::State)?.values().sum();
    same("the tickets of a contact who was added to one", after, before + 1)?;
    scene.wait(desk.act(added.id, Action::RemoveContact("boris".into()), anna()))?;
    let removed: u64 = scene.count(ACME, boris, GroupBy::State)?.values().sum();
    same("the tickets of a contact who was removed from one", removed, before)
}

pub(super) fn stable<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    // Every third id exists from the start; the others are added between pages.
    let mut all = fill(scene, (1..=30).map(|n| n * 3))?;
    let known: BTreeSet<TicketId> = all.iter().map(|it| it.id).collect();
    for (turn, order) in (0..).zip(orders()) {
        for filter in [filters()[0], |it: Query| it.unassigned()] {
            let query = filter(order.clone()).limit(4);
            let wanted: Vec<TicketId> = naive(&all, &query.clone().limit(1_000));
            let wanted: Vec<TicketId> = wanted.into_iter().filter(|id| known.contains(id)).collect();
            let (mut seen, mut after) = (Vec::new(), None);
            for page in 0..100 {
                let found = scene.find(ACME, query.clone().after(after.take()))?;
                after = found.last().map(|it| query.cursor_of(it));
                seen.extend(found.iter().map(|it| it.id));
                if after.is_none() {
                    break;
                }
                // Add two tickets at scattered positions.
                let free = |n: &u64| !n.is_multiple_of(3) && all.iter().all(|it| it.number.value != *n);
                let new: Vec<u64> =
                    (1..=90).map(|n| (n * 41 + page * 7 + turn) % 90 + 1).filter(free).take(2).collect();
                all.extend(fill(scene, new.into_iter().collect::<BTreeSet<_>>().into_iter())?);
            }
            let once: BTreeSet<_> = seen.iter().collect();
            same("tickets that were on two pages", seen.len() - once.len(), 0)?;
            seen.retain(|id| known.contains(id));
            same(format_args!("pages of {query:?}, without tickets added later"), seen, wanted)?;
        }
    }
    Ok(())
}
