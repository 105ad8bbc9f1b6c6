//! Queries: filters compared with a naive oracle, and pages that stay complete while tickets change.

use std::collections::BTreeSet;

use firstline::store::query::MAX_PAGE;
use firstline::{
    Action, Condition, Cursor, HoldReason, Impact, Line, NewTicket, Query, Snapshot, StateKind, TicketId,
    TimeDelta, Urgency,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::soak;
use super::stage::{AnyDesk, Stage, anna, on_each_store, stages};

/// All tickets of a query, page by page.
fn all(desk: &AnyDesk, query: &Query, limit: usize) -> Vec<TicketId> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = desk.find(query.clone().limit(limit).after(next.take())).unwrap();
        assert!(page.tickets.len() <= limit);
        found.extend(page.tickets.iter().map(firstline::Ticket::id));
        match page.next {
            // A cursor can be serialised and read back.
            Some(cursor) => next = Some(cursor.to_string().parse::<Cursor>().unwrap()),
            None => return found,
        }
        assert_eq!(page.tickets.len(), limit, "a page with a next one is full");
        assert!(found.len() < 10_000, "the pages never end");
    }
}

#[test]
fn the_inbox_is_ordered_by_priority_then_age_and_holds_open_tickets_only() {
    on_each_store(|stage| {
        let levels = [(3, 3), (1, 1), (2, 2), (1, 1), (2, 2), (3, 1)];
        let ids: Vec<TicketId> = levels
            .iter()
            .map(|(impact, urgency)| {
                stage.later(TimeDelta::minutes(1));
                let rated = (Impact::new(*impact).unwrap(), Urgency::new(*urgency).unwrap());
                stage
                    .desk
                    .open_ticket(NewTicket::new("No sound").impact_and_urgency(rated.0, rated.1))
                    .unwrap()
                    .id()
            })
            .collect();
        let places = |order: &[usize]| order.iter().map(|place| ids[*place]).collect::<Vec<_>>();
        assert_eq!(all(&stage.desk, &Query::inbox(), 2), places(&[1, 3, 2, 4, 5, 0]));
        stage.does(ids[3], Action::resolve("unmuted"));
        stage.does(ids[2], Action::cancel());
        stage.does(ids[4], Action::hold(HoldReason::Customer));
        assert_eq!(all(&stage.desk, &Query::inbox(), 1), places(&[1, 4, 5, 0]));
        assert_eq!(all(&stage.desk, &Query::newest(), 4), places(&[5, 4, 3, 2, 1, 0]));
        assert_eq!(all(&stage.desk, &Query::oldest(), 6), places(&[0, 1, 2, 3, 4, 5]));
    });
}

/// While pages are read, other tickets are opened, closed and change their priority. Unchanged tickets appear exactly
/// once.
#[test]
fn no_unchanged_ticket_is_repeated_or_lost_while_others_change() {
    on_each_store(|stage| {
        let rated = |n: u8| {
            let urgency = Urgency::new(n % 3 + 1).unwrap();
            stage
                .desk
                .open_ticket(NewTicket::new("No sound").impact_and_urgency(Impact::MEDIUM, urgency))
                .unwrap()
                .id()
        };
        let still: BTreeSet<TicketId> = (0..30).map(rated).collect();
        let moving: Vec<TicketId> = (0..30).map(rated).collect();
        let mut seen: Vec<TicketId> = Vec::new();
        let mut next = None;
        for round in 0.. {
            let page = stage.desk.find(Query::inbox().limit(7).after(next)).unwrap();
            seen.extend(page.tickets.iter().map(firstline::Ticket::id));
            next = page.next;
            if next.is_none() {
                break;
            }
            rated(round);
            stage.does(moving[usize::from(round)], Action::Impact(Impact::HIGH));
            stage.does(moving[29 - usize::from(round)], Action::cancel());
        }
        let of_still: Vec<TicketId> = seen.iter().copied().filter(|id| still.contains(id)).collect();
        assert_eq!(of_still.len(), 30, "each once");
        assert_eq!(of_still.into_iter().collect::<BTreeSet<_>>(), still);
    });
}

#[test]
fn an_invalid_query_is_refused() {
    on_each_store(|stage| {
        let _three: Vec<TicketId> = (0..3).map(|_| stage.open()).collect();
        for limit in [0, MAX_PAGE + 1, usize::MAX] {
            let error = stage.desk.find(Query::inbox().limit(limit)).unwrap_err();
            assert_eq!(error.to_string(), format!("limit {limit} is out of range; allowed: 1 to 1000"));
        }
        assert_eq!(stage.desk.find(Query::inbox().limit(MAX_PAGE)).unwrap().tickets.len(), 3);
        let cursor = stage.desk.find(Query::inbox().limit(1)).unwrap().next;
        let error = stage.desk.find(Query::newest().after(cursor)).unwrap_err();
        assert_eq!(error.to_string(), "cursor belongs to a query with another order");
        let misspelt = Query::inbox().matching(Condition::field("stat").is("new"));
        let error = stage.desk.find(misspelt).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("did you mean \"state\"?"), "{error}");
        for text in [
            "",
            "x",
            "n.",
            "n.1",
            "i.1.2.3",
            "i.1.2.3.4",
            "o.\u{0}",
            "i.256.0.0.00000000-0000-0000-0000-000000000000",
        ] {
            let error = text.parse::<Cursor>().unwrap_err();
            assert_eq!(
                error.to_string(),
                "cursor cannot be read; allowed: the `next` cursor of a page of this desk"
            );
        }
    });
}

const PEOPLE: [&str; 3] = ["anna", "ben", "Ольга"];
const TEAMS: [&str; 2] = ["network", "платежи"];

/// A filter as a query and as a simple predicate.
#[derive(Debug, Clone)]
enum Filter {
    State(StateKind),
    Team(&'static str),
    Assignee(&'static str),
    Unassigned,
    Requester(&'static str),
    Tag(&'static str),
    AtLeast(i64),
}

impl Filter {
    fn put_on(&self, query: Query) -> Query {
        match *self {
            Filter::State(state) => query.state(state),
            Filter::Team(team) => query.team(team),
            Filter::Assignee(agent) => query.assigned_to(agent),
            Filter::Unassigned => query.unassigned(),
            Filter::Requester(contact) => query.from(contact),
            Filter::Tag(tag) => query.matching(Condition::field("tags").contains(tag)),
            Filter::AtLeast(rank) => query.matching(Condition::field("priority").at_most(rank)),
        }
    }

    fn holds(&self, ticket: &Snapshot) -> bool {
        match *self {
            Filter::State(state) => ticket.state.kind() == state,
            Filter::Team(team) => ticket.team.as_ref().is_some_and(|it| it.as_str() == team),
            Filter::Assignee(agent) => ticket.assignee.as_ref().is_some_and(|it| it.as_str() == agent),
            Filter::Unassigned => ticket.assignee.is_none(),
            Filter::Requester(contact) => ticket.requester().is_some_and(|it| it.as_str() == contact),
            Filter::Tag(tag) => ticket.tags.contains(tag),
            Filter::AtLeast(rank) => i64::from(ticket.priority().rank()) <= rank,
        }
    }
}

fn filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        select(StateKind::ALL).prop_map(Filter::State),
        select(&TEAMS[..]).prop_map(Filter::Team),
        select(&PEOPLE[..]).prop_map(Filter::Assignee),
        Just(Filter::Unassigned),
        select(&PEOPLE[..]).prop_map(Filter::Requester),
        select(&["a", "b"][..]).prop_map(Filter::Tag),
        (1..=5_i64).prop_map(Filter::AtLeast),
    ]
}

/// Sixty different tickets.
fn crowd(stage: &Stage) -> Vec<Snapshot> {
    for n in 0..60_usize {
        stage.later(TimeDelta::seconds(if n % 4 == 0 { 0 } else { 1 }));
        let level = |n: usize| u8::try_from(n % 3 + 1).unwrap();
        let mut request = NewTicket::new("No sound")
            .impact_and_urgency(Impact::new(level(n)).unwrap(), Urgency::new(level(n / 3)).unwrap());
        if n % 5 != 0 {
            request = request.from(PEOPLE[n % 3]);
        }
        if n % 3 != 0 {
            request = request.team(TEAMS[n % 2], Line::First);
        }
        if n % 4 != 0 {
            request = request.assigned_to(PEOPLE[n / 2 % 3]);
        }
        if n % 2 == 0 {
            request = request.tag(["a", "b"][n / 4 % 2]);
        }
        let id = stage.desk.open_ticket(request).unwrap().id();
        for action in match n / 3 % 6 {
            0 => vec![],
            1 => vec![Action::start()],
            2 => vec![Action::hold(HoldReason::Customer)],
            3 => vec![Action::resolve("unmuted")],
            4 => vec![Action::resolve("unmuted"), Action::close()],
            _ => vec![Action::cancel()],
        } {
            stage.desk.act(id, action, anna()).unwrap();
        }
    }
    let page = stage.desk.find(Query::oldest().limit(MAX_PAGE)).unwrap();
    assert_eq!(page.tickets.len(), 60);
    page.tickets.into_iter().map(firstline::Ticket::into_snapshot).collect()
}

#[test]
fn every_query_finds_the_tickets_of_the_naive_filters() {
    for stage in stages() {
        let crowd = crowd(&stage);
        let strategy = (0..3_usize, prop::collection::vec(filter(), 0..4), 1..40_usize);
        let mut runner = proptest::test_runner::TestRunner::new(soak::fixed(300));
        let found = std::cell::Cell::new(0);
        runner
            .run(&strategy, |(order, filters, limit)| {
                let query = [Query::inbox(), Query::newest(), Query::oldest()][order].clone();
                let query = filters.iter().fold(query, |query, filter| filter.put_on(query));
                // Several states match any of them. Of the other single-valued filters, the last of each kind applies.
                let last = |of: fn(&Filter) -> bool| filters.iter().rev().find(|it| of(it));
                let states: Vec<_> = filters.iter().filter(|it| matches!(it, Filter::State(_))).collect();
                let single = [
                    last(|it| matches!(it, Filter::Team(_))),
                    last(|it| matches!(it, Filter::Assignee(_))),
                    last(|it| matches!(it, Filter::Requester(_))),
                ];
                let every = filters
                    .iter()
                    .filter(|it| matches!(it, Filter::Unassigned | Filter::Tag(_) | Filter::AtLeast(_)));
                let active: Vec<&Filter> = single.into_iter().flatten().chain(every).collect();
                let mut expected: Vec<&Snapshot> = crowd
                    .iter()
                    .filter(|it| {
                        order != 0
                            || matches!(
                                it.state.kind(),
                                StateKind::New | StateKind::Active | StateKind::OnHold
                            )
                    })
                    .filter(|it| states.is_empty() || states.iter().any(|state| state.holds(it)))
                    .filter(|it| active.iter().all(|filter| filter.holds(it)))
                    .collect();
                match order {
                    0 => expected.sort_by_key(|it| (it.priority(), it.opened_at, it.id)),
                    1 => expected.reverse(),
                    _ => {}
                }
                let expected: Vec<TicketId> = expected.into_iter().map(|it| it.id).collect();
                found.set(found.get() + expected.len());
                prop_assert_eq!(all(&stage.desk, &query, limit), expected);
                Ok(())
            })
            .unwrap();
        let found = found.get();
        assert!(found > 1_000, "the filters find too few tickets for a comparison: {found}");
    }
}
