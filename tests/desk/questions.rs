//! Queries of screens: by numbers, texts, people and times.

use firstline::policy::FieldType;
use firstline::{
    Action, Actor, Condition, Contact, ContactRole, HoldReason, NewTicket, Policy, Query, TicketId,
    TimeDelta, Value,
};

use super::stage::{Stage, anna, boris, on_each_store};

/// The subjects of the tickets that satisfy a condition, the oldest first.
fn found(stage: &Stage, condition: Condition) -> Vec<String> {
    let shown = condition.to_string();
    let page =
        stage.desk.find(Query::oldest().matching(condition)).unwrap_or_else(|e| panic!("{shown}: {e}"));
    page.tickets.iter().map(|ticket| ticket.subject().to_owned()).collect()
}

fn open(stage: &Stage, subject: &str) -> TicketId {
    stage.desk.open_ticket(NewTicket::new(subject).from("boris").message("Help.")).unwrap().id()
}

#[test]
fn a_number_of_another_desk_or_a_date_finds_no_ticket() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().prefix("ACME")).unwrap();
        let ids: Vec<TicketId> = (0..5).map(|_| stage.open()).collect();
        for (text, id) in [("ACME-1", ids[0]), ("acme-5", ids[4]), ("5", ids[4])] {
            assert_eq!(stage.desk.ticket(text).unwrap().id(), id, "{text}");
        }
        for text in [
            "GLOBEX-1",
            "XYZ-1",
            "T-1",
            "2026-01-05",
            "ORDER-77-3",
            "ACME-+2",
            "ACME-01",
            "ACME--1",
            "-1",
            "05",
            "+5",
            " 5",
            "ACME-1 ",
            "018f0000-0000-7000-8000-00000000000-1",
            "018f0000-0000-7000-8000-1",
        ] {
            let found = stage.desk.ticket(text);
            assert!(found.as_ref().is_err_and(|e| e.is_not_found()), "{text:?}: {found:?}");
        }
    });
}

#[test]
fn the_error_for_an_unknown_number_is_short() {
    on_each_store(|stage| {
        for text in ["x".repeat(100_000), format!("{}-1", "x".repeat(100_000))] {
            let error = stage.desk.ticket(&text).unwrap_err();
            assert!(
                error.is_not_found() && error.to_string().len() < 300,
                "{} bytes",
                error.to_string().len()
            );
        }
        stage.open();
        let error = stage.desk.ticket(&format!("{}-1", "x".repeat(100_000))).unwrap_err();
        assert!(error.is_not_found() && error.to_string().len() < 300);
    });
}

#[test]
fn a_name_is_the_same_in_every_unicode_form() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("city", FieldType::Text)).unwrap();
        let request = NewTicket::new("  Cafe\u{301} \u{feff}")
            .from(Contact::new("boris").named("Zoe\u{308} ").attribute("group", "e\u{301}lite"))
            .tag("refund ")
            .tag("Mu\u{308}ll")
            .category(["Zahlung ", "Gebu\u{308}hr"])
            .field("city", " Ko\u{308}ln");
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.does(id, Action::tag("refund").and(Action::tag("M\u{fc}ll ")));
        let ticket = stage.ticket(id);
        assert_eq!(ticket.subject(), "Caf\u{e9}");
        assert_eq!(ticket.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["M\u{fc}ll", "refund"]);
        assert_eq!(ticket.category, ["Zahlung", "Geb\u{fc}hr"]);
        assert_eq!(ticket.field("city"), Some(&Value::from("K\u{f6}ln")));
        assert_eq!(ticket.personal.person(&"boris".into()).unwrap().name.as_deref(), Some("Zo\u{eb}"));
        for condition in [
            Condition::field("tags").contains("Mu\u{308}ll"),
            Condition::field("category").is("Zahlung/Gebu\u{308}hr"),
            Condition::field("field.city").one_of(["Ko\u{308}ln"]),
            Condition::field("contact.group").is("\u{e9}lite "),
        ] {
            assert_eq!(found(stage, condition.clone()).len(), 1, "{condition}");
        }
        stage.does(id, Action::untag(" Mu\u{308}ll"));
        assert_eq!(stage.ticket(id).tags.len(), 1);
        assert!(stage.desk.ticket(id).unwrap().why_not(&Action::untag("refund\u{a0}")).is_none());
    });
}

#[test]
fn emoji_and_every_script_are_kept_unchanged() {
    on_each_store(|stage| {
        let text =
            "Не работает 😊👩🏽\u{200d}💻\u{1F3F4}\u{200D}\u{2620}\u{FE0F}\nمرحبا שלום 你好 ไทย\u{feff} end";
        let subject = "🙈😂 заказ №5 – 你好";
        let request = NewTicket::new(subject)
            .from(Contact::new("клиент-😊").named("Ёжик 🦔"))
            .tag("срочно🔥")
            .message(firstline::Message::new(text).attach("фото📷.png", "image/png", 1, "k"));
        let id = stage.desk.open_ticket(request).unwrap().id();
        let ticket = stage.ticket(id);
        assert_eq!((ticket.subject(), ticket.requester().unwrap().as_str()), (subject, "клиент-😊"));
        assert!(ticket.tags.contains("срочно🔥"));
        let opened = &stage.history(id)[0].personal;
        assert_eq!((opened.text(), opened.files()), (Some(text), &["фото📷.png".to_owned()][..]));
    });
}

#[test]
fn a_story_has_one_line_per_event() {
    on_each_store(|stage| {
        let breaks = ['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}'];
        let text = "a\u{2028}b\u{2029}c\u{85}d\u{b}e\r\nf";
        let id = stage.desk.open_ticket(NewTicket::new("x").from("boris").message(text)).unwrap().id();
        stage.does(id, Action::note(text));
        let story = firstline::Story::of(&stage.history(id)).to_string();
        assert_eq!(story.trim_end_matches('\n').matches(breaks).count(), 1, "{story:?}");
        // Names are put on one line when they are stored.
        for name in ["a\u{2028}b", "a\u{2029}b", "a\u{85}b", "a\nb"] {
            let requests = [
                NewTicket::new(name),
                NewTicket::new("x").tag(name),
                NewTicket::new("x").category([name]),
                NewTicket::new("x").from(name),
                NewTicket::new("x").from(Contact::new("boris").named(name)),
            ];
            for request in requests {
                assert!(stage.desk.open_ticket(request.clone()).is_err(), "{request:?}");
            }
        }
    });
}

#[test]
fn an_invisible_text_is_empty() {
    on_each_store(|stage| {
        for nothing in ["\u{200b}", "\u{2060}\u{ad}", "\u{3164}", "\u{2800} ", "\u{202e}\u{200f}", "\u{fe0f}"]
        {
            let error = stage.desk.open_ticket(NewTicket::new(nothing)).unwrap_err();
            assert!(error.to_string().starts_with("subject is empty"), "{nothing:?}: {error}");
            let request = NewTicket::new("Sound").from("boris");
            assert!(stage.desk.open_ticket(request.clone().tag(nothing)).is_err(), "{nothing:?} as a tag");
            assert!(stage.desk.open_ticket(request.message(nothing)).is_err(), "{nothing:?} as a message");
        }
        stage.desk.open_ticket(NewTicket::new("\u{2764}\u{fe0f}")).unwrap();
    });
}

#[test]
fn names_in_a_policy_and_in_commands_have_the_same_unicode_form() {
    on_each_store(|stage| {
        let error =
            stage.desk.setup().adopt(&Policy::new().field("Gebu\u{308}hr", FieldType::Integer)).unwrap_err();
        assert!(error.to_string().contains("the same name as \"Geb\u{fc}hr\""), "{error}");
        let choice = Policy::new().field("size", FieldType::choice(["gro\u{308}\u{df}er"]));
        assert!(stage.desk.setup().adopt(&choice).is_err());
    });
}

#[test]
fn a_search_ignores_case_in_every_script() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("place", FieldType::Text)).unwrap();
        let pairs = [
            ("Тест Русский", "русск"),
            ("Öffnungszeiten", "öFFNUNG"),
            ("ΑΘΗΝΑ", "αθηνα"),
            ("ΟΔΟΣ 1", "οδος"),
            ("大阪支店", "支店"),
            ("Cafe\u{301} Mu\u{308}nchen", "caf\u{e9} m\u{fc}nchen"),
            ("HAUPTSTRASSE", "hauptstra\u{df}e"),
            ("Hauptstra\u{df}e", "STRASSE"),
            ("\u{130}STANBUL", "istanbul"),
            ("istanbul", "\u{130}STANBUL"),
            ("o\u{fb03}ce", "OFFICE"),
        ];
        for (text, wanted) in pairs {
            let id = stage.desk.open_ticket(NewTicket::new("x").field("place", text)).unwrap().id();
            let both = Condition::field("field.place")
                .contains(wanted)
                .and(Condition::field("field.place").is(text));
            assert_eq!(found(stage, both).len(), 1, "{wanted} in {text}");
            stage.does(id, Action::cancel());
        }
    });
}

#[test]
fn tickets_are_found_by_their_texts() {
    on_each_store(|stage| {
        let id = open(stage, "Parcel lost");
        open(stage, "Lamp broken");
        stage.does(id, Action::resolve_as("found", "It was at the neighbor's."));
        assert_eq!(found(stage, Condition::field("subject").contains("parcel")), ["Parcel lost"]);
        assert_eq!(found(stage, Condition::field("subject").starts_with("LAMP")), ["Lamp broken"]);
        assert_eq!(found(stage, Condition::field("resolution").contains("neighbor")), ["Parcel lost"]);
    });
}

#[test]
fn tickets_are_found_by_the_time_of_opening_change_or_closing() {
    on_each_store(|stage| {
        let old = open(stage, "Old");
        stage.does(old, Action::reply("So.").and(Action::resolve("done")).and(Action::close()));
        stage.later(TimeDelta::days(40));
        let new = open(stage, "New");
        stage.does(new, Action::reply("So.").and(Action::resolve("done")).and(Action::close()));
        let then = stage.now() - TimeDelta::days(30);
        for field in [
            "opened_at",
            "updated_at",
            "touched_at",
            "state_since",
            "resolved_at",
            "closed_at",
            "first_replied_at",
        ] {
            let compare = || Condition::field(field);
            assert_eq!(found(stage, compare().less_than(then)), ["Old"], "{field}");
            assert_eq!(found(stage, compare().at_least(then)), ["New"], "{field}");
            let relative = |text: &str| -> Condition { serde_json::from_str(text).unwrap() };
            let before = relative(&format!(r#"{{"field": "{field}", "before": "30d ago"}}"#));
            let after = relative(&format!(r#"{{"field": "{field}", "after": "30d ago"}}"#));
            assert_eq!(found(stage, before), ["Old"], "{field}");
            assert_eq!(found(stage, after), ["New"], "{field}");
        }
    });
}

#[test]
fn a_relative_time_is_refused_outside_of_queries() {
    let text = r#"{"field": "field.promised", "before": "now"}"#;
    let condition: Condition = serde_json::from_str(text).unwrap();
    on_each_store(|stage| {
        use firstline::sla::{Agreement, Metric, Target};
        let target = Target::new(Metric::Resolution).within(TimeDelta::hours(1));
        let policy = Policy::new().field("promised", FieldType::Instant);
        let agreement = Agreement::new("late", 1).when(condition.clone()).target(target);
        let error = stage.desk.setup().adopt(&policy.clone().agreement(agreement)).unwrap_err();
        assert!(error.to_string().contains("needs the current time, which only queries have"), "{error}");
        stage.desk.setup().adopt(&policy).unwrap();
        let promised = stage.now() + TimeDelta::hours(1);
        stage.desk.open_ticket(NewTicket::new("Promised").field("promised", promised)).unwrap();
        assert_eq!(found(stage, condition.clone()).len(), 0);
        stage.later(TimeDelta::hours(2));
        assert_eq!(found(stage, condition.clone()), ["Promised"]);
    });
}

#[test]
fn a_waiting_ticket_is_found_by_the_reason_and_the_end_of_its_hold() {
    on_each_store(|stage| {
        let soon = stage.now() + TimeDelta::hours(1);
        for (subject, action) in [
            ("For the customer", Action::hold(HoldReason::Customer)),
            ("Until soon", Action::hold_until(HoldReason::Scheduled, soon)),
            ("Active", Action::start()),
        ] {
            let id = open(stage, subject);
            stage.does(id, action);
        }
        let reason = || Condition::field("hold_reason");
        assert_eq!(found(stage, reason().is("customer")), ["For the customer"]);
        assert_eq!(found(stage, Condition::field("hold_until").at_most(soon)), ["Until soon"]);
        assert_eq!(found(stage, reason().missing()), ["Active"]);
    });
}

#[test]
fn a_ticket_is_found_if_the_customer_wrote_last() {
    on_each_store(|stage| {
        let two = ["Waits", "Answered"].map(|subject| {
            let id = open(stage, subject);
            stage.does(id, Action::start());
            stage.does(id, Action::reply("So."));
            id
        });
        stage.later(TimeDelta::minutes(1));
        stage.desk.act(two[0], Action::reply("But no."), boris()).unwrap();
        let since = stage.now();
        stage.later(TimeDelta::minutes(1));
        stage.desk.act(two[0], Action::reply("Really."), boris()).unwrap();
        stage.desk.act(two[1], Action::reply("But yes."), boris()).unwrap();
        stage.does(two[1], Action::reply("Good."));
        stage.does(two[0], Action::note("Looked at it."));
        stage.desk.act(two[0], Action::reply("We will see."), Actor::automation("bot")).unwrap();
        assert_eq!(found(stage, Condition::field("unanswered").is(true)), ["Waits"]);
        assert_eq!(found(stage, Condition::field("unanswered_since").is(since)), ["Waits"]);
        assert_eq!(found(stage, Condition::field("last_speaker").is("automation")), ["Waits"]);
        assert_eq!(found(stage, Condition::field("last_speaker").is("agent")), ["Answered"]);
        stage.does(two[0], Action::resolve("done"));
        assert!(found(stage, Condition::field("unanswered").is(true)).is_empty());
        stage.desk.act(two[0], Action::reply("It is not."), boris()).unwrap();
        assert_eq!(found(stage, Condition::field("unanswered").is(true)), ["Waits"]);
        assert_eq!(found(stage, Condition::field("last_speaker").is("contact")), ["Waits"]);
    });
}

#[test]
fn a_message_stays_unanswered_after_an_undone_or_mistaken_end() {
    on_each_store(|stage| {
        let id = open(stage, "Waits");
        let opened = stage.now();
        let since = || stage.ticket(id).unanswered();
        for (action, back) in
            [(Action::resolve("done"), Action::undo()), (Action::spam(), Action::not_spam())]
        {
            assert_eq!(since(), Some(opened));
            stage.later(TimeDelta::minutes(1));
            stage.does(id, action);
            assert_eq!(since(), None);
            stage.does(id, back);
            assert_eq!(since(), Some(opened));
        }
    });
}

#[test]
fn a_ticket_is_found_by_a_contact_in_copy() {
    on_each_store(|stage| {
        let request = NewTicket::new("Hosting").from("boris").contact("clara", ContactRole::Cc);
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.desk.open_ticket(NewTicket::new("Other").from("clara")).unwrap();
        assert_eq!(found(stage, Condition::field("cc").contains("clara")), ["Hosting"]);
        assert_eq!(found(stage, Condition::field("contacts").contains("clara")), ["Hosting", "Other"]);
        assert!(found(stage, Condition::field("affected").exists()).is_empty());
        stage.desk.act(id, Action::RemoveContact("clara".into()), anna()).unwrap();
        assert_eq!(found(stage, Condition::field("contacts").contains("clara")), ["Other"]);
    });
}

#[test]
fn changes_by_the_desk_alone_leave_a_ticket_untouched() {
    use firstline::sla::{Agreement, Metric, Target};
    on_each_store(|stage| {
        let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4));
        stage
            .desk
            .setup()
            .adopt(&Policy::new().agreement(Agreement::new("usual", 1).target(target)))
            .unwrap();
        let id = open(stage, "Alone");
        let opened = stage.now();
        stage.later(TimeDelta::days(8));
        open(stage, "New");
        assert!(stage.desk.tick(stage.now()).unwrap().fired > 0, "the breach is recorded");
        assert!(stage.ticket(id).updated_at > opened);
        let untouched: Condition =
            serde_json::from_str(r#"{"field": "touched_at", "before": "7d ago"}"#).unwrap();
        assert_eq!(found(stage, untouched.clone()), ["Alone"]);
        assert_eq!(found(stage, Condition::field("overdue").is(true)), ["Alone"]);
        stage.does(id, Action::note("Looked at it."));
        assert!(found(stage, untouched).is_empty());
    });
}
