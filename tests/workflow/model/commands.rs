//! The commands of a random life: actions and waiting times.

use firstline::lifecycle::StepKind;
use firstline::ticket::people::ContactRole;
use firstline::workflow::{Performer, Transition, Trigger};
use firstline::{Action, Actor, Contact, Line, Snapshot, Who};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// One part of an action.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// A step, to a status or to one that the workflow selects. The last index names an unknown status.
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
    /// One of the transitions from the current status, taken by its own action.
    Way {
        transition: Index,
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
        parts: Vec<Part>,
    },
    /// Fills in the fields that a transition demands.
    Prepare(Index),
    /// Fills in the fields that a transition demands, and takes it as an actor who may.
    Go(Index, Option<i64>),
    Wait(i64),
}

fn part() -> impl Strategy<Value = Part> {
    let hold = || select(vec!["customer", "third_party", "parcel", "another"]);
    let hours = || prop::option::weighted(0.3, 1..200_i64);
    prop_oneof![
        3 => (select(StepKind::ALL.to_vec()), prop::option::of(any::<Index>()), any::<bool>(), hold(), hours(), any::<bool>())
            .prop_map(|(step, to, why, hold, hours, code)| Part::Step { step, to, why, hold, hours, code }),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(to, why)| Part::Move { to, why }),
        8 => (any::<Index>(), any::<bool>(), any::<bool>(), any::<bool>(), hours())
            .prop_map(|(transition, named, why, code, hours)| Part::Way { transition, named, why, code, hours }),
        2 => Just(Part::Reply),
        3 => (0..FIELDS, any::<bool>()).prop_map(|(field, full)| Part::Fill(field, full)),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => (0..ACTORS, part()).prop_map(|(by, part)| Command::Act { by, parts: vec![part] }),
        2 => (0..ACTORS, prop::collection::vec(part(), 2..4))
            .prop_map(|(by, parts)| Command::Act { by, parts }),
        2 => any::<Index>().prop_map(Command::Prepare),
        8 => (any::<Index>(), prop::option::of(1..200_i64)).prop_map(|(transition, hours)| Command::Go(transition, hours)),
        3 => Just(Command::Act { by: 0, parts: vec![Part::Reply] }),
        3 => (1..300_i64).prop_map(Command::Wait),
    ]
}

/// A life: true if the ticket has a requester, and the commands.
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
        3 => Actor::agent("lena").attribute("role", "lead"),
        4 => Actor::agent("mia").attribute("role", vec!["lead".to_owned(), "clerk".to_owned()]),
        5 => Actor::agent("sven").attribute("line", Line::Second.name()),
        6 => Actor::automation("bot"),
        // The attributes of a contact do not make them an agent.
        _ => Actor::contact("boris").attribute("role", "lead").attribute("line", Line::Second.name()),
    }
}

/// True for a contact who is not on the ticket.
pub(crate) fn is_outsider(by: &Actor, ticket: &Snapshot) -> bool {
    matches!(&by.who, Who::Contact(contact) if !ticket.contacts.contains_key(contact))
}

pub(crate) fn fill(field: &str, full: bool, ticket: &Snapshot) -> Action {
    match (field, full) {
        ("category", true) => Action::category(["parcel"]),
        ("category", false) => Action::category::<&str>([]),
        ("tags", true) => Action::tag("vip"),
        ("tags", false) => Action::untag("vip"),
        // Another team each time, because a ticket is not handed over to its own team.
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

/// The number of an actor who may take this transition by the definition, and true if they may do so by hand.
pub(crate) fn performers(transition: &Transition) -> (usize, bool) {
    let number = |performer: &Performer| match performer {
        Performer::Requester => 0,
        Performer::Agent => 2,
        Performer::Automation => 6,
        Performer::Line(_) => 5,
        _ => 4,
    };
    let named: Vec<usize> = match transition.may.is_empty() {
        true if transition.action == Trigger::Move => vec![2],
        true => vec![0, 2],
        false => transition.may.iter().map(number).collect(),
    };
    let by_lifecycle = |it: &&usize| match transition.action {
        Trigger::Step(StepKind::Confirm) => **it == 0,
        Trigger::Step(StepKind::Reopen | StepKind::Cancel) | Trigger::Move => true,
        Trigger::Step(_) => **it != 0,
    };
    match named.iter().find(by_lifecycle) {
        Some(performer) => (*performer, true),
        None => (named[0], false),
    }
}
