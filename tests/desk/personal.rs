//! What people wrote and are called stands apart from the facts, in everything that is kept.

use firstline::policy::FieldType;
use firstline::{
    Action, Contact, ContactRole, HoldReason, Line, Message, NewTicket, Policy, Priority, Snapshot, TicketId,
};
use serde_json::Value as Json;

use super::stage::{Stage, anna, boris, on_each_store};

/// Words that only a person can have said, each in its place. Every one begins so.
const MARK: &str = "секрет-";

fn secret(place: &str) -> String {
    format!("{MARK}{place}")
}

/// A life in which everything personal that a ticket can carry is said.
fn life(stage: &Stage) -> TicketId {
    let policy = Policy::new().field("address", FieldType::Text).field("order", FieldType::Integer);
    stage.desk.setup().adopt(&policy).unwrap();
    let person = |place: &str| {
        Contact::new("boris")
            .named(secret(&format!("{place}-name")))
            .email(secret(&format!("{place}-email")))
            .phone(secret(&format!("{place}-phone")))
    };
    let file = |place: &str| {
        Message::new(secret(place)).attach(secret(&format!("{place}-file")), "image/png", 1, "s3://1")
    };
    let request = NewTicket::new(secret("subject"))
        .from(person("opening"))
        .saying(file("opening"))
        .field("address", secret("field"))
        .field("order", 4711);
    let id = stage.desk.open_ticket(request).unwrap().id();
    for action in [
        Action::Subject(secret("corrected")),
        Action::reply(file("reply")),
        Action::note(file("note")),
        Action::field("address", secret("field-changed")),
        Action::hand_over("network", Line::Second, secret("hand-over")),
        Action::override_priority(Priority::P1, secret("override")),
        Action::Contact { contact: person("added"), role: ContactRole::Requester },
        Action::hold(HoldReason::Customer),
        Action::resolve_as("muted", secret("resolution")),
        Action::reopen().because(secret("reopened")),
    ] {
        stage.does(id, action);
    }
    stage.desk.act(id, Action::reply(file("message")), boris()).unwrap();
    stage.does(id, Action::cancel().because(secret("cancelled")));
    id
}

/// An object without its personal part, as text.
fn facts_of(json: &Json) -> String {
    let mut facts = json.clone();
    facts.as_object_mut().unwrap().remove("personal");
    facts.to_string()
}

#[test]
fn no_fact_of_a_history_holds_a_word_that_a_person_said() {
    on_each_store(|stage| {
        let id = life(stage);
        let mut personal = String::new();
        for event in stage.history(id) {
            let json = serde_json::to_value(&event).unwrap();
            assert!(!facts_of(&json).contains(MARK), "{}", facts_of(&json));
            personal.push_str(&json["personal"].to_string());
        }
        // The control: every secret was said, and stands in the personal parts.
        let places = [
            "subject",
            "corrected",
            "opening",
            "opening-file",
            "opening-name",
            "opening-email",
            "opening-phone",
            "reply",
            "reply-file",
            "note",
            "note-file",
            "field",
            "field-changed",
            "hand-over",
            "override",
            "added-name",
            "added-email",
            "added-phone",
            "resolution",
            "reopened",
            "message",
            "message-file",
            "cancelled",
        ];
        for place in places {
            assert!(personal.contains(&format!("\"{}\"", secret(place))), "{place} was lost");
        }
        let row = serde_json::to_value(stage.ticket(id)).unwrap();
        assert!(!facts_of(&row).contains(MARK), "{}", facts_of(&row));
        assert!(row["personal"].to_string().contains(MARK));
    });
}

/// A history whose personal parts are gone still folds, to the same facts. Found while writing this suite: whether
/// the opening counted as a message hung on its words, so that erasing them changed the count.
#[test]
fn facts_do_not_depend_on_the_personal_part() {
    on_each_store(|stage| {
        let id = life(stage);
        let mut history = stage.history(id);
        for event in &mut history {
            event.personal = serde_json::from_str("{}").unwrap();
        }
        let erased = serde_json::to_value(Snapshot::fold(&history).unwrap()).unwrap();
        let whole = serde_json::to_value(stage.ticket(id)).unwrap();
        assert_eq!(facts_of(&erased), facts_of(&whole));
    });
}

/// A custom field whose type changed from text to something else moves from the one part to the other.
#[test]
fn a_field_that_changes_its_type_stands_in_one_part_only() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("size", FieldType::Text)).unwrap();
        let id = stage.opened_and([Action::field("size", "large")]);
        stage
            .desk
            .setup()
            .adopt(&Policy::new().field("size", FieldType::choice(["large", "small"])))
            .unwrap();
        stage.does(id, Action::field("size", "small"));
        let ticket = stage.ticket(id);
        assert_eq!(ticket.field("size"), Some(&"small".into()));
        assert!(ticket.personal.fields().next().is_none() && ticket.fields.len() == 1);
        stage.desk.act(id, Action::Field { name: "size".to_owned(), value: None }, anna()).unwrap();
        assert_eq!(stage.ticket(id).field("size"), None);
    });
}
