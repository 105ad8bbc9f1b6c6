//! What may happen in a random life: who does what, and how long nobody does anything.

use firstline::lifecycle::StepKind;
use firstline::ticket::people::ContactRole;
use firstline::workflow::{Performer, Transition, Trigger};
use firstline::{Action, Actor, Contact, Line, Snapshot};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Something that somebody does.
#[derive(Debug, Clone)]
pub(crate) enum Doing {
    /// A step, to a status or to where the workflow says; the last index may name one that is not there.
    Step {
        step: StepKind,
        to: Option<Index>,
        why: bool,
        hold: &'static str,
        hours: Option<i64>,
        code: bool,
    },
    Move {
        to: Index,
        why: bool,
    },
    /// One of the ways that lead on from here, taken by its own action.
    Way {
        way: Index,
        named: bool,
        why: bool,
        code: bool,
        hours: Option<i64>,
    },
    Reply,
    Fill(usize, bool),
}

#[derive(Debug, Clone)]
pub(crate) enum Command {
    Act {
        by: usize,
        doings: Vec<Doing>,
    },
    /// What is lacking on the way on is filled in.
    Prepare(Index),
    /// One of the ways that lead on from here, prepared, and by somebody who may.
    Go(Index, Option<i64>),
    Wait(i64),
}

fn doing() -> impl Strategy<Value = Doing> {
    let hold = || select(vec!["customer", "third_party", "parcel", "another"]);
    let hours = || prop::option::weighted(0.3, 1..200_i64);
    prop_oneof![
        3 => (select(StepKind::ALL.to_vec()), prop::option::of(any::<Index>()), any::<bool>(), hold(), hours(), any::<bool>())
            .prop_map(|(step, to, why, hold, hours, code)| Doing::Step { step, to, why, hold, hours, code }),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(to, why)| Doing::Move { to, why }),
        8 => (any::<Index>(), any::<bool>(), any::<bool>(), any::<bool>(), hours())
            .prop_map(|(way, named, why, code, hours)| Doing::Way { way, named, why, code, hours }),
        2 => Just(Doing::Reply),
        3 => (0..FIELDS, any::<bool>()).prop_map(|(field, full)| Doing::Fill(field, full)),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => (0..ACTORS, doing()).prop_map(|(by, doing)| Command::Act { by, doings: vec![doing] }),
        2 => (0..ACTORS, prop::collection::vec(doing(), 2..4))
            .prop_map(|(by, doings)| Command::Act { by, doings }),
        2 => any::<Index>().prop_map(Command::Prepare),
        8 => (any::<Index>(), prop::option::of(1..200_i64)).prop_map(|(way, hours)| Command::Go(way, hours)),
        3 => Just(Command::Act { by: 0, doings: vec![Doing::Reply] }),
        3 => (1..300_i64).prop_map(Command::Wait),
    ]
}

/// A life: whether somebody is named as the requester, and what happens.
pub(crate) fn life() -> impl Strategy<Value = (bool, Vec<Command>)> {
    (prop::bool::weighted(0.8), prop::collection::vec(command(), 1..30))
}

pub(crate) const ACTORS: usize = 8;
pub(crate) const FIELDS: usize = 7;

pub(crate) fn actor(number: usize) -> Actor {
    match number {
        0 => Actor::contact("boris"),
        1 => Actor::contact("carol"),
        2 => Actor::agent("anna"),
        3 => Actor::agent("lena").with("role", "lead"),
        4 => Actor::agent("mia").with("role", vec!["lead".to_owned(), "clerk".to_owned()]),
        5 => Actor::agent("sven").with("line", Line::Second.name()),
        6 => Actor::automation("bot"),
        // The attributes of a contact make no agent of one.
        _ => Actor::contact("boris").with("role", "lead").with("line", Line::Second.name()),
    }
}

pub(crate) fn fill(field: &str, full: bool, ticket: &Snapshot) -> Action {
    match (field, full) {
        ("category", true) => Action::category(["parcel"]),
        ("category", false) => Action::category::<&str>([]),
        ("tags", true) => Action::tag("vip"),
        ("tags", false) => Action::untag("vip"),
        // Each time another one: the team that has a ticket cannot be given it.
        ("team", _) => Action::hand_over(format!("team-{}", ticket.version), Line::Second, "as it stands"),
        ("assignee", true) => Action::assign("anna"),
        ("assignee", false) => Action::unassign(),
        ("requester", true) => {
            Action::Contact { contact: Contact::new("boris"), role: ContactRole::Requester }
        }
        ("requester", false) => Action::RemoveContact("boris".into()),
        ("field.price", true) => {
            Action::field("price", 50 + 100 * i64::try_from(ticket.version % 2).unwrap())
        }
        ("field.price", false) => Action::Field { name: "price".to_owned(), value: None },
        ("field.note", true) => Action::field("note", "seen"),
        _ => Action::Field { name: "note".to_owned(), value: None },
    }
}

/// Somebody who may take this way, by the words of the definition, and whether by hand.
pub(crate) fn takers(way: &Transition) -> (usize, bool) {
    let number = |taker: &Performer| match taker {
        Performer::Requester => 0,
        Performer::Agent => 2,
        Performer::Automation => 6,
        Performer::Line(_) => 5,
        _ => 4,
    };
    let named: Vec<usize> = match way.may.is_empty() {
        true if way.action == Trigger::Move => vec![2],
        true => vec![0, 2],
        false => way.may.iter().map(number).collect(),
    };
    let by_lifecycle = |it: &&usize| match way.action {
        Trigger::Step(StepKind::Confirm) => **it == 0,
        Trigger::Step(StepKind::Reopen | StepKind::Cancel) | Trigger::Move => true,
        Trigger::Step(_) => **it != 0,
    };
    match named.iter().find(by_lifecycle) {
        Some(taker) => (*taker, true),
        None => (named[0], false),
    }
}
