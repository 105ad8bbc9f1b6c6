//! Translates commands into calls of the crate: their numbers select texts, people, tickets and policies.

use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::ticket::action::StepOptions;
use firstline::ticket::kind::Link;
use firstline::{
    Action, Actor, CommandOptions, Condition, Contact, HoldReason, Impact, Line, LinkKind, Matrix, Modifier,
    Policy, Priority, Snapshot, StepKind, TimeDelta, Urgency,
};

use super::command::{Expected, Part};
use super::world::World;

pub(crate) const WORDS: [&str; 5] =
    ["No sound", "Нет звука", "«Тишина» — снова", "👩‍👧 не слышит", "it's % _ ' \""];
pub(crate) const PEOPLE: [&str; 3] = ["boris", "Ольга", "a stranger"];
pub(crate) const LINKS: [LinkKind; 4] =
    [LinkKind::ParentOf, LinkKind::ChildOf, LinkKind::DuplicateOf, LinkKind::CauseOf];

pub(crate) fn pick<T: Copy>(from: &[T], n: u8) -> T {
    from[usize::from(n) % from.len()]
}

pub(crate) fn policy(n: u8) -> Policy {
    let vip = Modifier::new("VIP", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
    let press = Modifier::new("press", Effect::AtLeast(Priority::P2));
    let matrix = Matrix::itil().to_definition().modifier(vip).modifier(press).build().unwrap();
    let days = [Some(1), Some(5), None][usize::from(n) % 3];
    Policy::new()
        .prefix(["T", "ЗАЯВКА", ""][usize::from(n) % 3])
        .verification(days.map(TimeDelta::days))
        .matrix(matrix)
        .field("note", FieldType::Text)
        .field("way", FieldType::choice(["post", "почта"]))
}

impl World {
    pub(crate) fn step(&self, step: StepKind, n: u8) -> Action {
        let word = pick(&WORDS, n);
        match step {
            StepKind::Start => Action::start(),
            StepKind::Hold if n.is_multiple_of(2) => Action::hold_until(
                HoldReason::Scheduled,
                self.stages[0].now() + TimeDelta::minutes(i64::from(n) * 40 - 60),
            ),
            StepKind::Hold => Action::hold(pick(&["customer", "third_party", "посылка"], n)),
            StepKind::Resume => Action::resume(),
            StepKind::Resolve => Action::resolve_as("код", word),
            StepKind::Confirm => Action::confirm(),
            StepKind::Close => Action::close(),
            StepKind::Reopen => Action::Reopen(StepOptions {
                comment: (n.is_multiple_of(2)).then(|| word.to_owned()),
                status: None,
            }),
            StepKind::Cancel => Action::cancel(),
        }
    }

    pub(crate) fn part(&self, part: &Part) -> Action {
        let word = |n: u8| pick(&WORDS, n).to_owned();
        let link = |kind, to| Link { kind: pick(&LINKS, kind), to: pick(&self.tickets, to) };
        match *part {
            Part::Reply(n) => Action::reply(word(n)),
            Part::Note(n) => Action::note(word(n)),
            Part::Assign(to) => Action::Assign(to.map(|n| pick(&["anna", "Бен"], n).into())),
            Part::HandOver(n) => Action::hand_over(
                pick(&["network", "платежи"], n),
                pick(&[Line::First, Line::Second], n / 2),
                word(n),
            ),
            Part::Impact(n) => Action::Impact(Impact::new(n).unwrap()),
            Part::Urgency(n) => Action::Urgency(Urgency::new(n).unwrap()),
            Part::Override(n) => Action::override_priority(Priority::new(n).unwrap(), word(n)),
            Part::Computed => Action::ClearOverride,
            Part::Modifier(on) => Action::Modifier { name: "press".to_owned(), on },
            Part::Subject(n) => Action::Subject(word(n)),
            Part::Tag(n) => Action::tag(word(n)),
            Part::Untag(n) => Action::Untag(word(n)),
            Part::Field(n) if n.is_multiple_of(4) => Action::Field { name: "note".to_owned(), value: None },
            Part::Field(n) => Action::field(
                pick(&["note", "way", "undeclared"], n),
                pick(&["post", "почта", "carrier pigeon"], n / 3),
            ),
            Part::Contact(who, vip) => Action::Contact {
                contact: Contact::new(pick(&PEOPLE, who)).attribute("vip", vip),
                role: if vip { firstline::ContactRole::Requester } else { firstline::ContactRole::Cc },
            },
            Part::RemoveContact(who) => Action::RemoveContact(pick(&PEOPLE, who).into()),
            Part::Link(kind, to) => Action::Link(link(kind, to)),
            Part::Unlink(kind, to) => Action::Unlink(link(kind, to)),
            // Some of these keys are keys of messages and openings.
            Part::Thread(n) => Action::thread(format!("chat-{}", n % 30)),
            Part::TimeSpent(minutes) => Action::time_spent(minutes.into()),
            Part::Follow(n) => Action::follow(pick(&["anna", "Бен"], n)),
            Part::Unfollow(n) => Action::unfollow(pick(&["anna", "Бен"], n)),
            Part::Take => Action::take(),
            Part::Spam => Action::spam(),
            Part::NotSpam => Action::not_spam(),
            Part::Undo => Action::undo(),
            Part::Bad(n) => {
                [Action::tag("\0"), Action::reply(""), Action::modifier("?"), Action::All(vec![])]
                    [usize::from(n) % 4]
                    .clone()
            }
        }
    }
}

pub(crate) fn actor(n: u8) -> Actor {
    if n.is_multiple_of(2) {
        Actor::agent(pick(&["anna", "anna", "Бен"], n / 2))
    } else {
        Actor::contact(pick(&PEOPLE, n / 2))
    }
}

pub(crate) fn versioned(by: &Actor, ticket: &Snapshot, expected: Expected) -> CommandOptions {
    match expected {
        Expected::Any => by.into(),
        Expected::Current => by.expected_version(ticket.version),
        Expected::Stale => by.expected_version(ticket.version - 1),
    }
}
