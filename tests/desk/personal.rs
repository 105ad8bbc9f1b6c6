//! Personal text and names are stored apart from the facts.

use firstline::policy::FieldType;
use firstline::{
    Action, Contact, ContactRole, HoldReason, Line, Message, NewTicket, Policy, Priority, Snapshot, TicketId,
};
use serde_json::Value as Json;

use super::stage::{Stage, anna, boris, on_each_store};

/// The prefix of all personal words in these tests. Each word also names its field.
const MARK: &str = "секрет-";

fn secret(place: &str) -> String {
    format!("{MARK}{place}")
}

/// Builds a ticket with every kind of personal value.
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
        .message(file("opening"))
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
        Action::reopen().comment(secret("reopened")),
    ] {
        stage.does(id, action);
    }
    stage.desk.act(id, Action::reply(file("message")), boris()).unwrap();
    stage.does(id, Action::cancel().comment(secret("cancelled")));
    id
}

/// A JSON object without its personal part, as text.
fn facts_of(json: &Json) -> String {
    let mut facts = json.clone();
    facts.as_object_mut().unwrap().remove("personal");
    facts.to_string()
}

#[test]
fn no_fact_of_a_history_contains_personal_words() {
    on_each_store(|stage| {
        let id = life(stage);
        let mut personal = String::new();
        for event in stage.history(id) {
            let json = serde_json::to_value(&event).unwrap();
            assert!(!facts_of(&json).contains(MARK), "{}", facts_of(&json));
            personal.push_str(&json["personal"].to_string());
        }
        // Every word was stored in a personal part.
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

/// A history without its personal parts still folds to the same facts. Regression: the opening
/// counted as a message only if it had a text, so erasing the text changed the count.
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

/// A custom field that changes from text to another type moves between the parts.
#[test]
fn a_field_that_changes_its_type_is_in_one_part_only() {
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
