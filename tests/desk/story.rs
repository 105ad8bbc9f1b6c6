//! The history as text: every event is one line, without erased words.

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::reports::Story;
use firstline::ticket::event::Event;
use firstline::ticket::people::ContactRole;
use firstline::ticket::personal::Personal;
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, Channel, Contact, Desk, HoldReason, Impact, Kind, Line, LinkKind, Message, NewTicket,
    Policy, Priority, TicketId, TimeDelta,
};

fn desk() -> (Desk<Memory>, ManualTime) {
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
    (desk, time)
}

/// The sentences of the events of one action on a new ticket.
fn sentences(action: Action) -> Vec<String> {
    let (desk, _) = desk();
    let policy = Policy::new().field("order", FieldType::Integer).field("address", FieldType::Text);
    desk.setup().adopt(&policy).unwrap();
    let ticket = NewTicket::new("No sound").from("boris").tag("question");
    let ticket = desk.open_ticket(ticket).unwrap();
    let receipt = desk.act(ticket.id(), action, Actor::agent("anna")).unwrap();
    receipt.events.iter().map(ToString::to_string).collect()
}

#[test]
fn an_action_is_told_in_one_sentence() {
    let until = "2026-01-12T09:00:00Z".parse().unwrap();
    let other = "019b8d00-0000-7000-8000-000000000001".parse::<TicketId>().unwrap();
    for (action, sentence) in [
        (Action::reply("Unmute it."), r#"anna replied: "Unmute it.""#),
        (Action::note("Third today."), r#"anna noted internally: "Third today.""#),
        (Action::start(), "anna began to work on it"),
        (Action::hold(HoldReason::Customer), "anna put it on hold (customer)"),
        (
            Action::hold_until(HoldReason::Scheduled, until),
            "anna put it on hold (scheduled) until 2026-01-12 09:00",
        ),
        (Action::resolve("Unmuted."), r#"anna resolved it: "Unmuted.""#),
        (Action::resolve_as("settings", "Unmuted."), r#"anna resolved it as settings: "Unmuted.""#),
        (Action::cancel().comment("A test."), r#"anna cancelled it: "A test.""#),
        (Action::assign("anna"), "anna took it"),
        (Action::assign("ben"), "anna assigned it to ben"),
        (
            Action::hand_over("audio", Line::Second, "Tried two headsets."),
            r#"anna handed it over to audio, 2nd line: "Tried two headsets.""#,
        ),
        (
            Action::Impact(Impact::HIGH),
            "anna rated it P2: impact high x urgency medium (by default) gives P2",
        ),
        (
            Action::override_priority(Priority::P1, "The boss called."),
            "anna rated it P1: set by hand, instead of P3; impact medium (by default) x urgency medium \
             (by default) gives P3: \"The boss called.\"",
        ),
        (Action::subject("No sound at all"), r#"anna set the subject to "No sound at all""#),
        (Action::Kind(Kind::Incident), "anna set the kind to incident"),
        (Action::category(["audio", "headset"]), "anna set the category to audio / headset"),
        (Action::tag("audio"), "anna tagged it audio"),
        (Action::untag("question"), "anna removed the tag question"),
        (Action::field("order", 4711), "anna set order to 4711"),
        (Action::field("address", "Nevsky 1"), r#"anna set address to "Nevsky 1""#),
        (
            Action::Contact { contact: Contact::new("eva").named("Eva"), role: ContactRole::Cc },
            "anna named Eva as copied",
        ),
        (Action::RemoveContact("boris".into()), "anna removed boris"),
    ] {
        assert_eq!(sentences(action.clone()), [sentence], "{action:?}");
    }

    let (desk, _) = desk();
    let first = desk.open_ticket(NewTicket::new("No sound")).unwrap();
    let second = desk.open_ticket(NewTicket::new("No sound either")).unwrap();
    for action in
        [Action::link(LinkKind::DuplicateOf, first.id()), Action::unlink(LinkKind::DuplicateOf, first.id())]
    {
        let receipt = desk.act(second.id(), action, Actor::agent("anna")).unwrap();
        assert!(receipt.events[0].to_string().ends_with("duplicate of another ticket"));
    }
    assert!(desk.act(second.id(), Action::link(LinkKind::ChildOf, other), Actor::agent("anna")).is_err());
}

#[test]
fn a_hand_over_removes_the_assignee() {
    // An assignment in the same action stays, in either order.
    let hand_over =
        Action::assign("anna").and(Action::hand_over("audio", Line::Second, "Tried two headsets."));
    assert_eq!(sentences(hand_over).len(), 2);
    assert_eq!(sentences(Action::assign("ben").and(Action::unassign()))[1], "anna unassigned it");
}

#[test]
fn the_story_of_a_ticket_has_times_and_names() {
    let (desk, time) = desk();
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("customer-77"));
    let request = NewTicket::new("Нет звука")
        .from(Contact::new("customer-77").named("Борис"))
        .channel(Channel::Chat)
        .message(Message::new("Совсем.").attach("mixer.png", "image/png", 9, "s3://9"));
    let id = desk.open_ticket(request).unwrap().id();
    let later = |minutes| time.advance(TimeDelta::minutes(minutes));
    for (minutes, by, action) in [
        (4, &anna, Action::assign("anna").and(Action::start())),
        (1, &anna, Action::reply("Which headset?").and(Action::hold(HoldReason::Customer))),
        (30, &boris, Action::reply("A cheap one.")),
        (5, &anna, Action::resolve("Another headset.")),
        (5, &boris, Action::reopen()),
        (5, &anna, Action::hold_until(HoldReason::ThirdParty, "2026-01-06T09:00:00Z".parse().unwrap())),
    ] {
        later(minutes);
        desk.act(id, action, by).unwrap();
    }
    later(24 * 60);
    desk.act(id, Action::resolve("The new one came."), &anna).unwrap();
    later(30 * 24 * 60);
    desk.act(id, Action::note("Ask the supplier."), &anna).unwrap();

    let history = desk.records().history(id).unwrap();
    let expected = "\
2026-01-05 09:00  Борис opened T-1 (question, chat, P3): \"Нет звука\" - \"Совсем.\" [mixer.png]
2026-01-05 09:04  anna took it
2026-01-05 09:04  anna began to work on it
2026-01-05 09:05  anna replied: \"Which headset?\"
2026-01-05 09:05  anna put it on hold (customer)
2026-01-05 09:35  Борис wrote: \"A cheap one.\"
2026-01-05 09:35  Борис resumed it by writing
2026-01-05 09:40  anna resolved it: \"Another headset.\"
2026-01-05 09:45  Борис reopened it
2026-01-05 09:50  anna put it on hold (third party) until 2026-01-06 09:00
2026-01-06 09:00  the desk resumed it, because the hold ended
2026-01-06 09:50  anna resolved it: \"The new one came.\"
2026-01-11 09:50  the desk closed it, because nobody objected
2026-02-05 09:50  anna noted internally: \"Ask the supplier.\"
";
    assert_eq!(Story::of(&history).to_string(), expected);
}

#[test]
fn erased_words_and_names_are_not_shown() {
    let (desk, _) = desk();
    let boris = Contact::new("customer-77").named("Boris");
    let file = Message::new("See.").attach("boris.png", "image/png", 9, "s3://9");
    let id = desk.open_ticket(NewTicket::new("No sound").from(boris).message(file)).unwrap().id();
    for action in [
        Action::reply("Dear Boris"),
        Action::subject("Boris hears nothing"),
        Action::hand_over("audio", Line::Second, "Boris tried two."),
    ] {
        desk.act(id, action, Actor::agent("anna")).unwrap();
    }
    let mut history = desk.records().history(id).unwrap();
    assert!(Story::of(&history).to_string().contains("Boris"));
    for event in &mut history {
        event.personal = Personal::default();
    }
    let expected = "\
2026-01-05 09:00  customer-77 opened T-1 (question, web form, P3): (erased) [image/png]
2026-01-05 09:00  anna replied: (erased)
2026-01-05 09:00  anna set the subject to (erased)
2026-01-05 09:00  anna handed it over to audio, 2nd line
";
    assert_eq!(Story::of(&history).to_string(), expected);
}

#[test]
fn a_message_stays_on_one_line_without_control_characters() {
    let sentence = &sentences(Action::reply("First.\r\n\tSecond.\u{1b}[2J\n\n\u{7f}Third."))[0];
    assert_eq!(sentence, r#"anna replied: "First. Second. [2J Third.""#);
}

/// Regression: a text could turn the rest of its line around, so that it read as another sentence.
#[test]
fn a_text_cannot_change_the_direction_of_its_line() {
    let sentence = &sentences(Action::reply("\u{202e}.devlos\u{202c} \u{2067}abc\u{2069}"))[0];
    assert_eq!(sentence, r#"anna replied: ".devlos abc""#);
    let sentence = &sentences(Action::tag("a\u{202e}b"))[0];
    assert!(!sentence.contains('\u{202e}'), "{sentence}");
}

#[test]
fn events_of_imports_have_sentences() {
    for (change, sentence) in [
        (r#"{"what":"state_repeated"}"#, "importer reported its state again"),
        (
            r#"{"what":"status_unmapped","status":"Wartet"}"#,
            r#"importer gave it the status "Wartet", which matches no state"#,
        ),
        (
            r#"{"what":"imported","versions":3,"fingerprint":"00","measured":true,"quiet_until":"2026-01-05T09:00:00Z"}"#,
            "importer imported 3 versions of its record",
        ),
        (
            r#"{"what":"state_changed","from":"closed","to":{"is":"active"}}"#,
            "importer moved it from closed to active",
        ),
        (r#"{"what":"assigned","to":null}"#, "importer unassigned it"),
        (r#"{"what":"handed_over","team":null,"line":"third"}"#, "importer handed it over: 3rd line"),
    ] {
        let json = format!(
            r#"{{"ticket":"019b8d00-0000-7000-8000-000000000001","version":2,"at":"2026-01-05T09:00:00Z",
                 "by":{{"who":{{"automation":"importer"}}}},"change":{change}}}"#
        );
        let event: Event = serde_json::from_str(&json).unwrap();
        assert_eq!(event.to_string(), sentence);
    }
}
