//! The commands of a random life.

use proptest::prelude::*;

/// A random command. Its numbers are reduced when it is played: `n` selects the n-th of the existing tickets.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Open {
        requester: u8,
        thread: Option<u8>,
        vip: bool,
        text: u8,
        key: Option<u8>,
    },
    Receive {
        requester: u8,
        thread: u8,
        text: u8,
        key: Option<u8>,
    },
    /// Any step, or one that the state accepts.
    Step {
        ticket: u8,
        step: u8,
        legal: bool,
        right_actor: bool,
        expected: Expected,
        key: Option<u8>,
    },
    Part {
        ticket: u8,
        part: Part,
        by: u8,
        expected: Expected,
    },
    Both {
        ticket: u8,
        first: Part,
        step: u8,
        by: u8,
    },
    /// Mostly by the actor of the last command.
    Undo {
        ticket: u8,
        by: u8,
    },
    /// Restores a ticket that was cancelled as spam, if there is one.
    NotSpam {
        ticket: u8,
    },
    /// A message of the current requester.
    RequesterMessage {
        ticket: u8,
        text: u8,
    },
    /// Repeats the last action, with its key if it had one.
    Again,
    Advance {
        minutes: u16,
    },
    Tick {
        minutes: u16,
    },
    Adopt {
        policy: u8,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    Any,
    Current,
    Stale,
}

#[derive(Debug, Clone)]
pub(crate) enum Part {
    Reply(u8),
    Note(u8),
    Assign(Option<u8>),
    HandOver(u8),
    Impact(u8),
    Urgency(u8),
    Override(u8),
    Computed,
    Modifier(bool),
    Subject(u8),
    Tag(u8),
    Untag(u8),
    Field(u8),
    Contact(u8, bool),
    RemoveContact(u8),
    Link(u8, u8),
    Unlink(u8, u8),
    Thread(u8),
    TimeSpent(i8),
    Follow(u8),
    Unfollow(u8),
    Take,
    Spam,
    NotSpam,
    Undo,
    Bad(u8),
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => any::<u8>().prop_map(Part::Reply),
        1 => any::<u8>().prop_map(Part::Note),
        1 => any::<Option<u8>>().prop_map(Part::Assign),
        1 => any::<u8>().prop_map(Part::HandOver),
        1 => (1..=4_u8).prop_map(Part::Impact),
        1 => (1..=4_u8).prop_map(Part::Urgency),
        1 => (1..=6_u8).prop_map(Part::Override),
        1 => Just(Part::Computed),
        1 => any::<bool>().prop_map(Part::Modifier),
        1 => any::<u8>().prop_map(Part::Subject),
        2 => any::<u8>().prop_map(Part::Tag),
        1 => any::<u8>().prop_map(Part::Untag),
        2 => any::<u8>().prop_map(Part::Field),
        1 => any::<(u8, bool)>().prop_map(|(who, vip)| Part::Contact(who, vip)),
        1 => any::<u8>().prop_map(Part::RemoveContact),
        2 => any::<(u8, u8)>().prop_map(|(kind, to)| Part::Link(kind, to)),
        1 => any::<(u8, u8)>().prop_map(|(kind, to)| Part::Unlink(kind, to)),
        4 => any::<u8>().prop_map(Part::Thread),
        1 => any::<i8>().prop_map(Part::TimeSpent),
        1 => any::<u8>().prop_map(Part::Follow),
        1 => any::<u8>().prop_map(Part::Unfollow),
        1 => Just(Part::Take),
        1 => Just(Part::Spam),
        2 => Just(Part::NotSpam),
        1 => Just(Part::Undo),
        1 => any::<u8>().prop_map(Part::Bad),
    ]
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![8 => Just(Expected::Any), 2 => Just(Expected::Current), 1 => Just(Expected::Stale)]
}

fn key() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![2 => Just(None), 1 => (0..30_u8).prop_map(Some)]
}

fn open() -> impl Strategy<Value = Command> {
    (any::<u8>(), prop::option::of(0..3_u8), any::<bool>(), any::<u8>(), key())
        .prop_map(|(requester, thread, vip, text, key)| Command::Open { requester, thread, vip, text, key })
}

fn step() -> impl Strategy<Value = Command> {
    let flags = (any::<bool>(), prop::bool::weighted(0.9));
    (any::<u8>(), any::<u8>(), flags, expected(), key()).prop_map(
        |(ticket, step, (legal, right_actor), expected, key)| Command::Step {
            ticket,
            step,
            legal,
            right_actor,
            expected,
            key,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => open(),
        3 => (any::<u8>(), 0..3_u8, any::<u8>(), key()).prop_map(|(requester, thread, text, key)| {
            Command::Receive { requester, thread, text, key }
        }),
        16 => step(),
        8 => (any::<u8>(), part(), any::<u8>(), expected())
            .prop_map(|(ticket, part, by, expected)| Command::Part { ticket, part, by, expected }),
        3 => (any::<u8>(), part(), any::<u8>(), any::<u8>())
            .prop_map(|(ticket, first, step, by)| Command::Both { ticket, first, step, by }),
        6 => any::<(u8, u8)>().prop_map(|(ticket, by)| Command::Undo { ticket, by }),
        2 => any::<u8>().prop_map(|ticket| Command::NotSpam { ticket }),
        3 => any::<(u8, u8)>().prop_map(|(ticket, text)| Command::RequesterMessage { ticket, text }),
        4 => Just(Command::Again),
        // Up to a week, so that some verification periods end and others do not.
        2 => (0..10_000_u16).prop_map(|minutes| Command::Advance { minutes }),
        2 => (0..10_000_u16).prop_map(|minutes| Command::Tick { minutes }),
        1 => any::<u8>().prop_map(|policy| Command::Adopt { policy }),
    ]
}

/// A desk's life: it begins with a ticket and has at least 20 more commands.
pub(crate) fn life() -> impl Strategy<Value = Vec<Command>> {
    (open(), prop::collection::vec(command(), 20..60)).prop_map(|(first, mut life)| {
        life.insert(0, first);
        life
    })
}
