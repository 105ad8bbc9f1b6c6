//! Texts of one line are stored without characters that nobody sees and that turn the text around, by whatever way
//! they come in. Messages are kept as they were sent.

use std::collections::BTreeSet;

use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::{
    Action, Actor, Channel, Contact, ContactRole, HoldReason, ImportedTicket, ImportedVersion,
    InboundMessage, Kind, Matrix, Message, Modifier, NewTicket, Policy, TicketId, Value, state,
};

use super::stage::{Stage, anna, on_each_store};

/// The word "shop" with invisible characters and changes of direction.
const DIRTY: &str = "\u{202e}sh\u{200b}\u{34f}o\u{2067}p\u{fe0f}\u{3164}\u{2069}\u{202c}\u{feff}\u{200e}";
const CLEAN: &str = "shop";

/// A way for a text to come in.
enum Door {
    Action(Action),
    Opening(NewTicket),
    Mail(InboundMessage),
    Import(ImportedVersion),
    /// Not a text of one line; the reason is for the reader.
    No(&'static str),
}

use Door::No;

const ID: Door = No("an id of the host");
const BODY: Door = No("a text of several lines, kept as it was sent");
const CHOICE: Door = No("not a text");
const INNER: Door = No("has its own line");

fn with(contact: Contact) -> Door {
    Door::Action(Action::Contact { contact, role: ContactRole::Cc })
}

fn request() -> NewTicket {
    NewTicket::new("x").from("boris")
}

/// The door for a variant or a field. A new one does not pass without a line here.
fn door(of: &str, name: &str) -> Door {
    let eva = || Contact::new("eva");
    let file = || Message::new("x").attach(DIRTY, "image/png", 1, "key");
    let version = || ImportedVersion::new(super::stage::monday(), anna()).subject("x").status(state::New);
    match (of, name) {
        ("Action", "Subject") => Door::Action(Action::subject(DIRTY)),
        ("Action", "Kind") => Door::Action(Action::Kind(Kind::Custom(DIRTY.to_owned()))),
        ("Action", "Category") => Door::Action(Action::category(["a", DIRTY])),
        ("Action", "Tag") => Door::Action(Action::tag(DIRTY)),
        ("Action", "Untag") => {
            Door::Action(Action::tag(CLEAN).and(Action::tag("other")).and(Action::untag("other")))
        }
        ("Action", "Field") => Door::Action(Action::field(DIRTY, DIRTY)),
        ("Action", "Modifier") => Door::Action(Action::Modifier { name: DIRTY.to_owned(), on: true }),
        ("Action", "Hold") => Door::Action(Action::hold(HoldReason::Custom(DIRTY.to_owned()))),
        ("Action", "Resolve") => Door::Action(Action::resolve_as(DIRTY, "x")),
        ("Action", "Reply" | "Note") | ("InboundMessage" | "NewTicket" | "ImportedVersion", "message") => {
            INNER
        }
        ("Action", "Contact" | "All") => INNER,
        ("ImportedVersion", "note" | "contacts" | "by") => INNER,
        ("NewTicket", "contacts" | "by") | ("InboundMessage", "from" | "also_to" | "opens") => INNER,
        ("Action", "Start" | "Resume" | "Confirm" | "Close" | "Reopen" | "Cancel" | "Move") => {
            No("the status is one of the workflow's; a comment is kept as it was written")
        }
        ("Action", "OverridePriority" | "HandOver") => BODY,
        ("Action", "Assign" | "RemoveContact" | "Thread" | "Follow" | "Unfollow") => ID,
        (
            "Action",
            "HoldEnd" | "Spam" | "NotSpam" | "Undo" | "Take" | "Impact" | "Urgency" | "ClearOverride"
            | "TimeSpent" | "Link" | "Unlink",
        ) => CHOICE,

        ("NewTicket", "subject") => Door::Opening(NewTicket::new(DIRTY).from("boris")),
        ("NewTicket", "channel") => Door::Opening(request().channel(Channel::Custom(DIRTY.to_owned()))),
        ("NewTicket", "kind") => Door::Opening(request().kind(Kind::Custom(DIRTY.to_owned()))),
        ("NewTicket", "category") => Door::Opening(request().category([DIRTY])),
        ("NewTicket", "tags") => Door::Opening(request().tag(DIRTY)),
        ("NewTicket", "fields") => Door::Opening(request().field(DIRTY, DIRTY)),
        ("NewTicket", "modifiers") => Door::Opening(request().modifier(DIRTY)),
        ("NewTicket", "impact" | "urgency" | "line" | "arrived" | "sent_at" | "left_out") => CHOICE,
        ("NewTicket", "team" | "assignee" | "threads" | "key" | "field_owners") => ID,

        ("InboundMessage", "subject") => Door::Mail(InboundMessage::new("x").subject(DIRTY)),
        ("InboundMessage", "channel") => {
            Door::Mail(InboundMessage::new("x").channel(Channel::Custom(DIRTY.to_owned())))
        }
        ("InboundMessage", "threads" | "key") => ID,
        ("InboundMessage", "group_chat" | "machine" | "sent_at" | "proof" | "left_out") => CHOICE,

        ("Contact", "name") => with(eva().named(DIRTY)),
        ("Contact", "email") => with(eva().email(DIRTY)),
        ("Contact", "phone") => Door::Mail(InboundMessage::new("x").from(eva().phone(DIRTY)).cc("otto")),
        ("Contact", "attributes") => with(eva().attribute(DIRTY, DIRTY)),
        ("Contact", "removed") => {
            let known =
                Action::Contact { contact: eva().attribute("x", 1).named(CLEAN), role: ContactRole::Cc };
            let removed = Action::Contact { contact: eva().without("x\u{200b}"), role: ContactRole::Cc };
            Door::Action(known.and(removed))
        }
        ("Contact", "id") => ID,

        ("Message", "file_names") => Door::Action(Action::reply(file())),
        ("Message", "files") => {
            Door::Mail(InboundMessage::new(Message::new("x").attach("a", DIRTY, 1, "key")).from("boris"))
        }
        ("Message", "text") => BODY,

        ("ImportedVersion", "subject") => Door::Import(version().subject(DIRTY)),
        ("ImportedVersion", "channel") => Door::Import(version().channel(Channel::Custom(DIRTY.to_owned()))),
        ("ImportedVersion", "kind") => Door::Import(version().kind(Kind::Custom(DIRTY.to_owned()))),
        ("ImportedVersion", "category") => Door::Import(version().category([DIRTY])),
        ("ImportedVersion", "tags") => Door::Import(version().tags([DIRTY])),
        ("ImportedVersion", "fields") => Door::Import(version().field(DIRTY, Some(DIRTY))),
        ("ImportedVersion", "label") => Door::Import(version().label(DIRTY)),
        ("ImportedVersion", "status") => {
            Door::Import(ImportedVersion::new(super::stage::monday(), anna()).subject("x").unmapped(DIRTY))
        }
        ("ImportedVersion", "workflow_status" | "modifiers" | "resolution_code" | "fields_cleared") => {
            No("one of the policy's names")
        }
        ("ImportedVersion", "team" | "assignee" | "agent") => ID,
        ("ImportedVersion", _) => CHOICE,
        _ => panic!("{of}: {name} is new; does a text of one line come in here?"),
    }
}

/// The variants of an enum or the fields of a struct in the source.
fn declared(source: &'static str, declaration: &str) -> BTreeSet<&'static str> {
    let body = source.split_once(declaration).unwrap().1.split_once("\n}").unwrap().0;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.map(|line| {
        ["pub(super) ", "pub(crate) ", "pub "]
            .iter()
            .fold(line, |it, public| it.strip_prefix(public).unwrap_or(it))
    });
    let name = |line: &'static str| line.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    lines.filter_map(name).filter(|name| !name.is_empty()).collect()
}

fn is_unwanted(c: char) -> bool {
    DIRTY.contains(c) && !CLEAN.contains(c)
}

fn adopt(stage: &Stage) {
    let modifier = Modifier::new(CLEAN, Effect::Raise(1));
    let matrix = Matrix::itil().to_definition().modifier(modifier).build().unwrap();
    stage.desk.setup().adopt(&Policy::new().field(CLEAN, FieldType::Text).matrix(matrix)).unwrap();
}

fn enter(stage: &Stage, door: Door, number: usize) -> Option<TicketId> {
    match door {
        Door::Action(action) => Some(stage.opened_and([action])),
        Door::Opening(request) => Some(stage.desk.open_ticket(request).unwrap().id()),
        Door::Mail(mail) => Some(stage.desk.receive(mail).unwrap().ticket.id()),
        Door::Import(version) => {
            let external = firstline::ExternalRef { source: "old".into(), id: number.to_string() };
            let ticket = ImportedTicket::new("old", number.to_string()).version(version);
            let report = stage.desk.records().import([ticket]).unwrap();
            assert!(report.refused.is_empty(), "{:?}", report.refused);
            Some(stage.desk.ticket(external).unwrap().id())
        }
        Door::No(reason) => {
            assert!(!reason.is_empty());
            None
        }
    }
}

/// Regression: names and subjects were stored with invisible characters and changes of direction.
#[test]
fn every_text_of_one_line_is_stored_without_what_nobody_sees() {
    let types = [
        ("Action", include_str!("../../src/ticket/action.rs"), "pub enum Action {"),
        ("NewTicket", include_str!("../../src/ticket/opening.rs"), "pub struct NewTicket {"),
        ("InboundMessage", include_str!("../../src/ticket/inbound.rs"), "pub struct InboundMessage {"),
        ("Contact", include_str!("../../src/ticket/people.rs"), "pub struct Contact {"),
        ("Message", include_str!("../../src/ticket/message.rs"), "pub struct Message {"),
        ("ImportedVersion", include_str!("../../src/import/version.rs"), "pub struct ImportedVersion {"),
    ];
    on_each_store(|stage| {
        adopt(stage);
        let mut entered = 0;
        for (of, source, declaration) in types {
            let names = declared(source, declaration);
            assert!(names.len() > 2, "{of} {names:?}");
            for name in names {
                let Some(id) = enter(stage, door(of, name), entered) else { continue };
                entered += 1;
                let stored = format!(
                    "{}{}",
                    serde_json::to_string(&stage.ticket(id)).unwrap(),
                    serde_json::to_string(&stage.history(id)).unwrap()
                );
                assert!(!stored.contains(is_unwanted), "{of}.{name} is stored as it came in: {stored:?}");
                assert!(stored.contains(CLEAN), "{of}.{name} is lost: {stored}");
            }
        }
        assert!(entered > 30, "{entered}");
    });
}

/// The name of a program is a name too, and words of several lines are nobody's names.
#[test]
fn a_message_is_kept_as_it_was_sent_and_the_name_of_a_program_is_not() {
    on_each_store(|stage| {
        let id = stage.open();
        stage.desk.act(id, Action::reply(DIRTY), Actor::automation(DIRTY)).unwrap();
        let event = stage.history(id).pop().unwrap();
        assert_eq!((event.personal.text(), event.by), (Some(DIRTY), Actor::automation(CLEAN)));
    });
}

#[test]
fn arabic_hebrew_persian_and_emoji_are_kept_in_names() {
    on_each_store(|stage| {
        for text in [
            "لا صوت 12",
            "אין צליל, abc",
            "می\u{200c}خواهم",
            "👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        ] {
            let request = NewTicket::new(text).from(Contact::new("boris").named(text)).tag(text);
            let ticket = stage.desk.open_ticket(request).unwrap();
            let name = ticket.personal.person(&"boris".into()).and_then(|it| it.name.clone());
            assert_eq!((ticket.subject(), name.as_deref()), (text, Some(text)));
            assert!(ticket.tags.contains(text));
        }
    });
}

/// Regression: characters that nobody sees were kept in names, so that equal names were different.
#[test]
fn a_name_has_no_character_that_nobody_sees() {
    on_each_store(|stage| {
        let invisible = [
            "\u{ad}",
            "\u{34f}",
            "\u{61c}",
            "\u{115f}",
            "\u{1160}",
            "\u{17b4}",
            "\u{180b}",
            "\u{180e}",
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{200c}\u{200d}",
            "\u{2060}",
            "\u{206f}",
            "\u{2800}",
            "\u{3164}",
            "\u{fe00}",
            "\u{fe0e}",
            "\u{fe0f}",
            "\u{ffa0}",
            "\u{fff9}",
            "\u{1d173}",
            "\u{e0001}",
            "\u{e0061}",
            "\u{e0100}",
            "\u{e01f0}",
        ];
        for name in ["shop", "caf\u{e9}s", "\u{43c}\u{438}\u{440}", "\u{56fe}a\u{4e66}", "12"] {
            for unseen in invisible {
                let mut dirty: String =
                    name.chars().flat_map(|c| [c.to_string(), unseen.to_owned()]).collect();
                if name.starts_with('\u{56fe}') && matches!(unseen, "\u{fe00}" | "\u{e0100}") {
                    dirty = format!("{unseen}{name}"); // Chinese characters have variants.
                }
                let ticket =
                    stage.desk.open_ticket(NewTicket::new(dirty.as_str()).tag(dirty.as_str())).unwrap();
                assert_eq!(ticket.subject(), name, "{dirty:?}");
                assert!(ticket.tags.contains(name), "{dirty:?}");
            }
        }
        for (dirty, clean) in [
            ("\u{645}\u{200c}\u{200c}\u{200d}\u{6cc}", "\u{645}\u{200c}\u{6cc}"),
            ("\u{645}\u{200c} \u{6cc}\u{200c}", "\u{645} \u{6cc}"),
            ("\u{1f469}\u{200d}x \u{1f469}\u{200d}", "\u{1f469}x \u{1f469}"),
            ("\u{1f469}\u{200d}\u{200b}\u{1f467}", "\u{1f469}\u{200d}\u{1f467}"),
            ("\u{2764}\u{fe0f}\u{fe0f}", "\u{2764}\u{fe0f}"),
            ("\u{1f3f4}\u{e0068}\u{e0069} x", "\u{1f3f4} x"),
            ("1\u{fe0f} 1\u{fe0f}\u{20e3}", "1 1\u{fe0f}\u{20e3}"),
        ] {
            assert_eq!(stage.desk.open_ticket(NewTicket::new(dirty)).unwrap().subject(), clean, "{dirty:?}");
        }
    });
}

/// Regression: a text that was copied from an office program was refused as the value of a field, because it had
/// vertical tabs, form feeds or other separators of lines. A message with the same text was accepted.
#[test]
fn a_text_from_an_office_program_is_a_value() {
    let pasted = "one\u{b}two\u{c}three\u{85}four\u{2028}five\u{2029}six\r\nseven\reight\u{7}\u{b}";
    let stored = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\u{7}";
    on_each_store(|stage| {
        adopt(stage);
        let contact = || Contact::new("eva").attribute("address", pasted);
        let version = ImportedVersion::new(super::stage::monday(), anna()).subject("x").status(state::New);
        let doors = [
            Door::Action(Action::field(CLEAN, pasted)),
            Door::Opening(request().field(CLEAN, pasted)),
            Door::Mail(
                InboundMessage::new("x").from("boris").opens(NewTicket::new("x").field(CLEAN, pasted)),
            ),
            Door::Import(version.field(CLEAN, Some(pasted))),
        ];
        for (number, door) in doors.into_iter().enumerate() {
            let id = enter(stage, door, number).unwrap();
            assert_eq!(stage.ticket(id).personal.field(CLEAN), Some(&Value::from(stored)), "door {number}");
        }
        let people = [
            with(contact()),
            Door::Opening(request().contact(contact(), ContactRole::Cc)),
            Door::Mail(InboundMessage::new("x").from("boris").cc(contact())),
        ];
        for (number, door) in people.into_iter().enumerate() {
            let id = enter(stage, door, number).unwrap();
            let known = stage.ticket(id).attributes[&"eva".into()].clone();
            assert_eq!(known["address"], Value::from(stored), "door {number}");
        }
    });
}

/// PostgreSQL cannot store NUL.
#[test]
fn nul_is_refused_in_fields_and_attributes() {
    on_each_store(|stage| {
        adopt(stage);
        let id = stage.opened_and([Action::field(CLEAN, "one\n\ttwo\r\n")]);
        let error = stage.refuses(id, |desk| desk.act(id, Action::field(CLEAN, "a\0b"), anna()));
        assert_eq!(error.to_string(), "field `shop` contains a NUL character; allowed: text without NUL");
        let contact = Contact::new("eva").attribute("city", "a\0");
        let role = ContactRole::Cc;
        let error = stage.refuses(id, |desk| desk.act(id, Action::Contact { contact, role }, anna()));
        assert_eq!(error.to_string(), "attribute `city` contains a NUL character; allowed: text without NUL");
    });
}
