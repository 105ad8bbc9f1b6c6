//! Ways in which a reader could learn something of a ticket that they do not see, or see one that is not theirs.

use firstline::policy::{FieldType, VisibilityRule};
use firstline::sla::{Agreement, Metric, Target};
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Actor, Contact, ExternalRef, ImportedTicket, ImportedVersion, LinkKind, NewTicket, Policy, Query,
    RejectionReason, StateKind, StepKind, ThreadKey, TicketId, TimeDelta, WorkflowDefinition,
};

use super::{by_team, field, found, lead, of_teams, open_for};
use crate::stage::{Stage, anna, boris, on_each_store};

fn of_contacts(stage: &Stage, name: &str, value: impl Into<firstline::Value>) -> TicketId {
    let contact = Contact::new("boris").attribute(name, value);
    stage.desk.open_ticket(NewTicket::new("No sound").from(contact)).unwrap().id()
}

#[test]
fn a_rejection_for_a_customer_names_no_status_guard_field_or_agent() {
    on_each_store(|stage| {
        let workflow = WorkflowDefinition::new("claims")
            .for_kind("claim")
            .status(Status::new("Received", StateKind::New))
            .status(Status::new("With the fraud team", StateKind::Resolved).leave("field.verdict"))
            .status(Status::new("Paid", StateKind::Closed))
            .status(Status::new("Looked at again", StateKind::Active))
            .transition(Transition::step(StepKind::Resolve, "Received", "With the fraud team"))
            .transition(Transition::step(StepKind::Reopen, "With the fraud team", "Looked at again"))
            .transition(Transition::step(StepKind::Resolve, "Looked at again", "With the fraud team"))
            .transition(Transition::step(StepKind::Close, "With the fraud team", "Paid"));
        let policy = Policy::new().workflow(workflow).field("verdict", FieldType::Text);
        stage.desk.setup().adopt(&policy).unwrap();
        let request = NewTicket::new("Refund").kind("claim".into()).from("boris");
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.does(id, Action::assign("carl"));
        stage.does(id, Action::resolve("We look into it."));
        let handle = stage.desk.view(boris()).ticket(id).unwrap();
        let is_public = |text: String| {
            for secret in ["fraud", "Paid", "Looked", "verdict", "carl"] {
                assert!(!text.contains(secret), "{text}");
            }
        };
        is_public(format!("{:?}", handle.permitted()));
        assert!(handle.permitted().once_filled().is_empty());
        for action in [
            Action::confirm(),
            Action::reopen(),
            Action::cancel(),
            Action::close(),
            Action::take(),
            Action::move_to("Pay"),
        ] {
            is_public(format!("{:?}", handle.why_not(&action)));
            is_public(format!("{:?}", handle.why_not_by(&action, &Actor::agent("ben"))));
            let no = handle.why_not_by(&action, &boris()).unwrap_or_else(|| panic!("{action:?} is accepted"));
            assert_eq!((&no.status, no.ways.len(), no.permitted.once_filled().len()), (&None, 0, 0));
            is_public(format!("{no} {no:?}"));
            let error = stage.refuses(id, |desk| desk.act(id, action.clone(), boris()));
            assert!(error.is_rejected(), "{error}");
            is_public(format!("{error} {error:?}"));
            assert_eq!(error.rejection(), Some(&no));
            let of_report = stage.desk.reports().why_not(id, action, boris()).unwrap();
            assert_eq!(of_report.as_ref(), error.rejection());
        }
        let no = handle.why_not_by(&Action::close(), &boris()).unwrap();
        assert_eq!(no.reasons_in_words(), ["close is for agents and programs"]);
        let no = handle.why_not_by(&Action::confirm(), &boris()).unwrap();
        assert_eq!(no.reasons_in_words(), ["confirm is refused: the desk does not permit it now"]);
        // Agents who see the whole ticket get every reason.
        let whole = stage.desk.ticket(id).unwrap().why_not_by(&Action::reopen(), &anna()).unwrap();
        assert!(whole.to_string().contains("verdict"), "{whole}");
    });
}

#[test]
fn a_team_with_a_similar_name_is_another_team() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let decomposed = "Bu\u{308}ro";
        let [audio, bureau] = ["audio", decomposed].map(|team| open_for(stage, team));
        for other in ["audio ", "Audio", "B\u{fc}ro"] {
            let dora = of_teams("dora", [other]);
            assert_eq!(found(stage, &dora), [], "{other:?}");
            let text = Actor::agent("dora").attribute("teams", other);
            assert_eq!(found(stage, &text), [], "{other:?}");
            for id in [audio, bureau] {
                assert!(stage.desk.act(id, Action::start(), &dora).unwrap_err().is_not_found(), "{other:?}");
                let handle = stage.desk.ticket(id).unwrap();
                assert!(handle.why_not_by(&Action::start(), &dora).is_some(), "{other:?}");
            }
        }
        let own = of_teams("dora", [decomposed]);
        assert_eq!(found(stage, &own), [bureau]);
        assert_eq!(stage.desk.ticket(bureau).unwrap().why_not_by(&Action::start(), &own), None);
        stage.desk.act(bureau, Action::start(), &own).unwrap();
        // The handle reads the names of attributes as `act` does.
        let spaced = Actor::agent("dora").attribute(" teams ", ["audio"]);
        assert_eq!(stage.desk.ticket(audio).unwrap().why_not_by(&Action::start(), &spaced), None);
        stage.desk.act(audio, Action::start(), &spaced).unwrap();
    });
}

/// Attributes of contacts are names, not ids: the desk keeps them in the normal form.
#[test]
fn attributes_of_readers_match_attributes_of_contacts_in_the_normal_form() {
    on_each_store(|stage| {
        let rule = VisibilityRule::contacts().when(field("contact.company").matches("actor.company"));
        let by_name = VisibilityRule::agents().when(field("contact.company").matches("actor"));
        stage.desk.setup().adopt(&Policy::new().visibility(rule).visibility(by_name)).unwrap();
        let id = of_contacts(stage, "company", "Bu\u{308}ro ");
        for company in ["B\u{fc}ro", "Bu\u{308}ro", " B\u{fc}ro "] {
            let mia = Actor::contact("mia").attribute("company", company);
            assert_eq!(found(stage, &mia), [id], "{company:?}");
        }
        assert_eq!(found(stage, &Actor::agent("B\u{fc}ro")), [id]);
        // An id that only looks the same is somebody else's.
        assert_eq!(found(stage, &Actor::agent("B\u{fc}ro ")), []);
    });
}

#[test]
fn a_thread_of_a_hidden_ticket_does_not_reveal_its_id() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let [audio, light] = ["audio", "light"].map(|team| open_for(stage, team));
        stage.desk.act(light, Action::thread("chat-9"), lead()).unwrap();
        let dora = of_teams("dora", ["audio"]);
        let error = stage.refuses(audio, |desk| desk.act(audio, Action::thread("chat-9"), &dora));
        assert!(error.is_invalid() && !format!("{error:?}").contains(&light.to_string()), "{error:?}");
        let error = stage.desk.open_ticket(NewTicket::new("x").thread("chat-9").by(&dora)).unwrap_err();
        assert!(error.is_invalid() && !format!("{error:?}").contains(&light.to_string()), "{error:?}");
    });
}

#[test]
fn undoing_an_internal_command_stays_internal() {
    on_each_store(|stage| {
        let id = stage.open();
        stage.does(id, Action::tag("impatient"));
        stage.later(TimeDelta::minutes(1));
        stage.does(id, Action::undo());
        let view = stage.desk.view(boris());
        assert_eq!(view.history(id).unwrap().len(), 1);
        assert_eq!(view.history_page(id, 1, 5).unwrap(), []);
        // A command that the customer saw is seen to be undone, on whichever page it is.
        stage.does(id, Action::resolve("unmuted"));
        stage.does(id, Action::undo());
        let seen = view.history(id).unwrap();
        assert_eq!(seen.len(), 3, "{seen:#?}");
        let resolved = seen[1].version;
        assert_eq!(view.history_page(id, resolved, 1).unwrap(), seen[2..]);
    });
}

#[test]
fn the_name_in_another_system_finds_nothing_for_the_customer() {
    on_each_store(|stage| {
        let version =
            ImportedVersion::new(stage.now() - TimeDelta::days(9), boris()).subject("x").from("boris");
        stage.desk.records().import([ImportedTicket::new("jira", "SEC-17").version(version)]).unwrap();
        let id = stage.desk.ticket(1).unwrap().id();
        stage.does(id, Action::thread("incident-room-4"));
        let view = stage.desk.view(boris());
        assert!(view.ticket(id).is_ok());
        let name = |id: &str| ExternalRef { source: "jira".into(), id: id.into() };
        let [own, other] = ["SEC-17", "SEC-18"].map(|id| view.ticket(name(id)).unwrap_err().to_string());
        assert_eq!(own.replace("SEC-17", "SEC-18"), other);
        let [own, other] = ["incident-room-4", "incident-room-5"]
            .map(|key| view.ticket(ThreadKey::from(key)).unwrap_err().to_string());
        assert_eq!(own.replace("room-4", "room-5"), other);
        assert!(stage.desk.view(anna()).ticket(name("SEC-17")).is_ok());
        assert!(stage.desk.view(anna()).ticket(ThreadKey::from("incident-room-4")).is_ok());
    });
}

#[test]
fn a_value_of_another_type_permits_nothing_in_a_negation() {
    on_each_store(|stage| {
        let of = |rule| Policy::new().visibility(VisibilityRule::agents().when(rule));
        stage.desk.setup().adopt(&of(!field("actor.level").matches("actor.barred"))).unwrap();
        let id = stage.open();
        let dora = |level: i64| Actor::agent("dora").attribute("level", level);
        assert_eq!(found(stage, &dora(5).attribute("barred", ["5"])), []);
        assert_eq!(found(stage, &dora(5).attribute("barred", 5)), []);
        assert_eq!(found(stage, &dora(5).attribute("barred", 6)), [id]);
        // The attributes of contacts are not declared, so they can have any type.
        stage.desk.setup().adopt(&of(!field("contact.company_id").matches("actor.company_id"))).unwrap();
        let [number, text] = [of_contacts(stage, "company_id", 5), of_contacts(stage, "company_id", "5")];
        let list = of_contacts(stage, "company_id", ["5", "6"]);
        let date = of_contacts(stage, "company_id", firstline::Value::Bool(true));
        let reader = |value: firstline::Value| Actor::agent("dora").attribute("company_id", value);
        assert_eq!(found(stage, &reader("5".into())), [id]);
        assert_eq!(found(stage, &reader("7".into())), [id, text, list]);
        assert_eq!(found(stage, &reader(["6"].into())), [id, text]);
        assert_eq!(found(stage, &reader(5.into())), [id]);
        assert_eq!(found(stage, &reader(7.into())), [id, number]);
        assert_eq!(found(stage, &reader(firstline::Value::Bool(false))), [id, date]);
    });
}

#[test]
fn empty_texts_have_nothing_in_common() {
    on_each_store(|stage| {
        let rule = field("contact.company").matches("actor.company");
        let policy = Policy::new()
            .visibility(VisibilityRule::contacts().when(rule.clone()))
            .visibility(VisibilityRule::agents().when(!rule));
        stage.desk.setup().adopt(&policy).unwrap();
        of_contacts(stage, "company", "");
        for empty in ["", " "] {
            let mia = Actor::contact("mia").attribute("company", empty);
            assert_eq!(found(stage, &mia), [], "{empty:?}");
            let agent = Actor::agent("dora").attribute("company", empty);
            assert_eq!(found(stage, &agent), [], "an empty attribute decides nothing: {empty:?}");
        }
    });
}

#[test]
fn a_compound_action_is_refused_alike_for_a_hidden_ticket_and_a_missing_one() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let [audio, light] = ["audio", "light"].map(|team| open_for(stage, team));
        let missing: TicketId = "0190ffff-ffff-7000-8000-00000000ffff".parse().unwrap();
        let dora = of_teams("dora", ["audio"]);
        stage.desk.act(audio, Action::start(), &dora).unwrap();
        for kind in [LinkKind::Mentions, LinkKind::MentionedBy] {
            for linked in [false, true] {
                if linked {
                    stage.desk.act(audio, Action::link(kind, light), lead()).unwrap();
                }
                let parts: [&dyn Fn(TicketId) -> Action; 5] = [
                    &|to| Action::link(kind, to),
                    &|to| Action::unlink(kind, to),
                    &|to| Action::start().and(Action::link(kind, to)),
                    &|to| Action::link(kind, to).and(Action::unlink(kind, to)),
                    &|to| Action::unlink(kind, to).and(Action::start()),
                ];
                for (number, action) in parts.iter().enumerate() {
                    let refused = |to: TicketId| {
                        let error = stage.refuses(audio, |desk| desk.act(audio, action(to), &dora));
                        error.to_string().replace(&to.to_string(), "OTHER")
                    };
                    assert_eq!(refused(light), refused(missing), "{kind:?} {linked} {number}");
                }
            }
        }
    });
}

#[test]
fn a_handle_does_not_know_the_links_that_it_does_not_show() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let [audio, light] = ["audio", "light"].map(|team| open_for(stage, team));
        stage.desk.act(audio, Action::link(LinkKind::Mentions, light), lead()).unwrap();
        let dora = of_teams("dora", ["audio"]);
        let handle = stage.desk.view(&dora).ticket(audio).unwrap();
        let unlink = Action::unlink(LinkKind::Mentions, light);
        let error = stage.refuses(audio, |desk| desk.act(audio, unlink.clone(), &dora));
        assert_eq!(handle.why_not_by(&unlink, &dora).as_ref(), error.rejection());
        assert!(error.is_rejected(), "{error}");
    });
}

#[test]
fn many_linked_tickets_do_not_keep_a_restricted_reader_from_the_deadlines() {
    on_each_store(|stage| {
        let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4));
        let policy = by_team().agreement(Agreement::new("standard", 1).target(target));
        stage.desk.setup().adopt(&policy).unwrap();
        for _ in 0..70 {
            let [audio, light] = ["audio", "light"].map(|team| open_for(stage, team));
            stage.desk.act(audio, Action::link(LinkKind::Mentions, light), lead()).unwrap();
        }
        let due = stage.desk.view(of_teams("dora", ["audio"])).due_soon(TimeDelta::days(9)).unwrap();
        assert_eq!(due.len(), 70);
        assert!(due.iter().all(|it| it.ticket.links.is_empty()));
    });
}

#[test]
fn many_hidden_events_do_not_keep_the_customer_from_the_next_public_one() {
    on_each_store(|stage| {
        let id = stage.open();
        for _ in 0..33 {
            stage.does(id, Action::All(vec![Action::time_spent(1); 200]));
        }
        stage.does(id, Action::reply("Which colour?"));
        let view = stage.desk.view(boris());
        let whole = view.history(id).unwrap();
        assert_eq!(whole.len(), 2);
        assert_eq!(view.history_page(id, 1, 1).unwrap(), whole[1..]);
    });
}

#[test]
fn more_hidden_links_than_a_page_do_not_end_the_list_of_links() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let id = open_for(stage, "audio");
        let mut mentions: Vec<TicketId> = (0..510).map(|_| open_for(stage, "light")).collect();
        let last = open_for(stage, "audio");
        mentions.push(last);
        for some in mentions.chunks(180) {
            let links = some.iter().map(|other| Action::link(LinkKind::MentionedBy, *other));
            stage.desk.act(id, Action::All(links.collect()), lead()).unwrap();
        }
        let seen = stage.desk.view(of_teams("dora", ["audio"])).links(id, None).unwrap();
        assert_eq!(seen.iter().map(|link| link.to).collect::<Vec<_>>(), [last]);
    });
}

#[test]
fn why_not_knows_the_threads_of_other_tickets() {
    on_each_store(|stage| {
        let [one, other] = [stage.open(), stage.open()];
        stage.does(other, Action::thread("chat-9"));
        let taken = Action::thread("chat-9");
        let error = stage.refuses(one, |desk| desk.act(one, taken.clone(), anna()));
        let no = stage.desk.reports().why_not(one, taken.clone(), anna()).unwrap_err();
        assert_eq!(no.to_string(), error.to_string());
        assert!(stage.desk.reports().what_if(one, taken.clone(), anna()).unwrap_err().is_invalid());
        assert_eq!(stage.desk.reports().why_not(other, taken, anna()).unwrap(), None);
    });
}

#[test]
fn the_rejection_of_a_hidden_ticket_does_not_reveal_its_state() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let id = open_for(stage, "light");
        let dora = of_teams("dora", ["audio"]);
        let refused = || stage.desk.ticket(id).unwrap().why_not_by(&Action::close(), &dora).unwrap();
        let open = refused();
        assert_eq!(open.reasons, [RejectionReason::NotFound { ticket: id }]);
        assert_eq!(open.to_string(), stage.desk.act(id, Action::close(), &dora).unwrap_err().to_string());
        stage.desk.act(id, Action::cancel(), lead()).unwrap();
        assert_eq!(refused(), open);
    });
}

#[test]
fn a_reader_of_one_team_finds_pages_and_counts_like_one_of_several() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let only = VisibilityRule::agents().when(field("team").matches("actor.teams")).internal();
        stage.desk.setup().adopt(&Policy::new().visibility(only)).unwrap();
        let [audio, _, again] = ["audio", "light", "audio"].map(|team| open_for(stage, team));
        let one = of_teams("dora", ["audio"]);
        let several = of_teams("dora", ["audio", "heat"]);
        for reader in [&one, &several] {
            assert_eq!(found(stage, reader), [audio, again]);
            let view = stage.desk.view(reader);
            assert_eq!(view.find(Query::oldest().team("light")).unwrap().tickets.len(), 0);
            assert_eq!(view.find(Query::oldest().team("audio")).unwrap().tickets.len(), 2);
            let [teams] = view.count(Query::newest(), [firstline::GroupBy::Team]).unwrap();
            assert_eq!(teams.into_iter().collect::<Vec<_>>(), [("audio".to_owned(), 2)]);
        }
    });
}

#[test]
fn declared_attributes_are_checked_like_fields() {
    let rule = |when| VisibilityRule::agents().when(when);
    let digits = r#"{"names": {"agent_attributes": {"grade": {"type": "decimal", "fraction_digits": 200}}}}"#;
    let nobody: [&str; 0] = [];
    for (policy, expected) in [
        (Policy::new().agent_attribute("is", FieldType::Bool), "an attribute cannot be named \"is\""),
        (Policy::new().contact_attribute("is", FieldType::Bool), "an attribute cannot be named \"is\""),
        (Policy::new().agent_attribute("teams ", FieldType::Text), "has blanks at the ends"),
        (Policy::new().contact_attribute("Bu\u{308}ro", FieldType::Text), "letters in several characters"),
        (
            Policy::new().agent_attribute("role", FieldType::choice(nobody)),
            "attribute `role` needs at least one choice",
        ),
        (serde_json::from_str(digits).unwrap(), "attribute `grade`: fraction_digits takes 0 to 18"),
        (
            Policy::new().visibility(rule(field("team").shares(nobody))),
            "team shares needs at least one value",
        ),
        (
            Policy::new()
                .visibility(rule(field("team").matches("actor.teams").and(field("actor.is").is("contact")))),
            "actor.is is never \"contact\"",
        ),
        (
            Policy::new().visibility(rule(
                field("team").matches("actor.teams").and(field("spam").is(true)).and(field("spam").is(false)),
            )),
            "can never hold",
        ),
    ] {
        let error = policy.check().expect_err(expected);
        assert!(error.to_string().contains(expected), "{error} does not contain {expected}");
    }
}

/// A conflict was checked before the actor, and showed the number, the version and the whole state to anybody.
#[test]
fn a_conflict_shows_a_stranger_nothing_and_a_customer_the_public_state() {
    on_each_store(|stage| {
        let id = stage.desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        stage.does(id, Action::hold("fraud"));
        let reply =
            |by: Actor| stage.desk.act(id, Action::reply("And?"), by.expected_version(1)).unwrap_err();
        let stranger = reply(Actor::contact("eve"));
        assert!(stranger.is_not_found() && !stranger.to_string().contains("fraud"), "{stranger}");
        let customer = reply(boris());
        let conflict = customer.conflict().unwrap_or_else(|| panic!("{customer}"));
        assert_eq!((conflict.expected, conflict.found), (1, 2));
        assert!(!format!("{customer} {customer:?}").contains("fraud"), "{customer}");
        assert!(reply(anna()).to_string().contains("fraud"));
    });
}
