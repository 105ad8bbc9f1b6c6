//! The rules of visibility apply to every read of a reader and to every command.

#[path = "visibility/leaks.rs"]
mod leaks;
#[path = "visibility/oracle.rs"]
mod oracle;
#[path = "visibility/reads.rs"]
mod reads;
#[path = "visibility/refusals.rs"]
mod refusals;

use firstline::policy::{FieldType, Standing, VisibilityRule};
use firstline::sla::{Agreement, Metric, Target};
use firstline::ticket::kind::Link;
use firstline::{
    Action, Actor, Condition, ContactRole, Desk, Error, ExternalRef, GroupBy, ImportedTicket,
    ImportedVersion, InboundMessage, Line, LinkKind, NewTicket, Policy, Query, StateKind, ThreadKey,
    TicketId, TicketRef, TimeDelta, Who,
};

use super::stage::{Stage, anna, boris, on_each_store};

fn field(name: &str) -> firstline::condition::Field {
    Condition::field(name)
}

/// Leads see every ticket. Other agents see the tickets of their teams and their own.
fn by_team() -> Policy {
    let own = field("team").matches("actor.teams").or(field("assignee").matches("actor"));
    Policy::new()
        .visibility(VisibilityRule::agents().when(field("actor.role").is("lead")).internal())
        .visibility(VisibilityRule::agents().when(own).internal())
}

fn of_teams<const N: usize>(name: &str, teams: [&str; N]) -> Actor {
    Actor::agent(name).attribute("teams", teams)
}

fn lead() -> Actor {
    Actor::agent("lena").attribute("role", "lead")
}

fn open_for(stage: &Stage, team: &str) -> TicketId {
    let request = NewTicket::new(format!("About {team}")).from("boris").team(team, Line::First);
    stage.desk.open_ticket(request).unwrap().id()
}

/// The tickets that a reader finds, in the order of their opening.
fn found(stage: &Stage, reader: &Actor) -> Vec<TicketId> {
    let page = stage.desk.view(reader).find(Query::oldest()).unwrap();
    page.tickets.iter().map(|ticket| ticket.id()).collect()
}

/// The error without the name of the ticket.
fn without_name(error: &Error, name: &str) -> String {
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains(name), "{error}");
    error.to_string().replace(name, "NAME")
}

#[test]
fn without_rules_staff_sees_everything_and_contacts_see_their_own_tickets() {
    on_each_store(|stage| {
        let of_boris = stage.open();
        let request = NewTicket::new("No light").from("clara").contact("boris", ContactRole::Cc);
        let in_copy = stage.desk.open_ticket(request).unwrap().id();
        let of_eve = stage.desk.open_ticket(NewTicket::new("No heat").from("eve")).unwrap().id();
        let all = [of_boris, in_copy, of_eve];
        for staff in [anna(), Actor::automation("bot"), Actor::from(Who::Desk)] {
            assert_eq!(found(stage, &staff), all, "{staff:?}");
        }
        assert_eq!(found(stage, &boris()), [of_boris, in_copy]);
        assert_eq!(found(stage, &Actor::contact("eve")), [of_eve]);
        for stranger in [Actor::contact("mallory"), Actor::from(Who::Unknown)] {
            assert_eq!(found(stage, &stranger), [], "{stranger:?}");
            assert!(stage.desk.view(&stranger).ticket(of_eve).unwrap_err().is_not_found());
        }
        // Ids are opaque: an id that only looks the same belongs to another person.
        let look_alikes = ["boris ", "Boris", "bоris"].map(Actor::contact);
        for other in &look_alikes {
            assert_eq!(found(stage, other), [], "{other:?}");
            assert!(stage.desk.view(other).ticket(of_boris).unwrap_err().is_not_found(), "{other:?}");
        }
        // An agent with the same id as a contact has no part in the contact's ticket, and vice versa.
        stage.does(of_eve, Action::assign("boris"));
        assert_eq!(found(stage, &boris()), [of_boris, in_copy]);
        // This also holds if a rule adds other tickets.
        let rule = VisibilityRule::contacts().when(field("kind").is("problem"));
        stage.desk.setup().adopt(&Policy::new().visibility(rule)).unwrap();
        assert_eq!(found(stage, &boris()), [of_boris, in_copy]);
        for other in &look_alikes {
            assert_eq!(found(stage, other), [], "{other:?}");
        }
    });
}

#[test]
fn rules_limit_agents_to_the_tickets_of_their_teams() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let [audio, light, none] = [open_for(stage, "audio"), open_for(stage, "light"), stage.open()];
        stage.desk.act(none, Action::assign("carl"), lead()).unwrap();
        assert_eq!(found(stage, &lead()), [audio, light, none]);
        assert_eq!(found(stage, &of_teams("dora", ["audio", "heat"])), [audio]);
        assert_eq!(found(stage, &of_teams("dora", ["audio", "light"])), [audio, light]);
        assert_eq!(found(stage, &Actor::agent("carl")), [none]);
        assert_eq!(found(stage, &of_teams("dora", [])), []);
        assert_eq!(found(stage, &Actor::agent("dora")), [], "without the attribute");
        let text = Actor::agent("dora").attribute("teams", "audio");
        assert_eq!(found(stage, &text), [audio], "one team as a text");
        // Programs have no rules, so they keep the default.
        assert_eq!(found(stage, &Actor::automation("bot")), [audio, light, none]);
        // After a hand-over, the former team no longer sees the ticket.
        stage.desk.act(audio, Action::hand_over("light", Line::First, "the lamp"), lead()).unwrap();
        assert_eq!(found(stage, &of_teams("dora", ["audio"])), []);
    });
}

/// A negated rule must not permit a reader who lacks the attribute.
#[test]
fn an_attribute_that_the_reader_lacks_permits_nothing() {
    on_each_store(|stage| {
        let others = !field("team").matches("actor.barred");
        let policy = Policy::new().visibility(VisibilityRule::agents().when(others).internal());
        stage.desk.setup().adopt(&policy).unwrap();
        let bot = Actor::automation("bot");
        let audio = open_for(stage, "audio");
        let light = open_for(stage, "light");
        assert_eq!(found(stage, &Actor::agent("dora")), []);
        assert!(!stage.desk.act(audio, Action::start(), &bot).unwrap().replayed);
        assert_eq!(found(stage, &Actor::agent("dora").attribute("barred", "audio")), [light]);
        assert_eq!(found(stage, &Actor::agent("dora").attribute("barred", 5)), [], "another type");
    });
}

#[test]
fn a_ticket_that_is_not_visible_is_not_found_like_one_that_does_not_exist() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let imported = ImportedTicket::new("old-desk", "4711").version(
            ImportedVersion::new(stage.now() - TimeDelta::days(9), anna()).subject("x").team("light"),
        );
        stage.desk.records().import([imported]).unwrap();
        let message = InboundMessage::new("No light").from("boris").thread("chat-9");
        let id = stage.desk.receive(message).unwrap().ticket.id();
        let name = |id: &str| ExternalRef { source: "old-desk".into(), id: id.into() };
        let missing: TicketId = "0190ffff-ffff-7000-8000-00000000ffff".parse().unwrap();
        let of = |reference: TicketRef| {
            stage.desk.view(of_teams("dora", ["audio"])).ticket(reference).unwrap_err()
        };
        let pairs: [(TicketRef, String, TicketRef, String); 5] = [
            (id.into(), id.to_string(), missing.into(), missing.to_string()),
            (2.into(), "2".into(), 99.into(), "99".into()),
            ("T-2".into(), "T-2".into(), "T-99".into(), "T-99".into()),
            (name("4711").into(), "4711".into(), name("4712").into(), "4712".into()),
            (
                ThreadKey::from("chat-9").into(),
                "chat-9".into(),
                ThreadKey::from("chat-8").into(),
                "chat-8".into(),
            ),
        ];
        for (hidden, hidden_name, missing, missing_name) in pairs {
            assert!(stage.desk.view(lead()).ticket(hidden.clone()).is_ok(), "{hidden:?}");
            let (hidden, missing) = (of(hidden), of(missing));
            assert_eq!(without_name(&hidden, &hidden_name), without_name(&missing, &missing_name));
        }
        let view = stage.desk.view(of_teams("dora", ["audio"]));
        for (hidden, missing_error) in [
            (view.history(id).unwrap_err(), view.history(missing).unwrap_err()),
            (view.history_page(id, 0, 5).unwrap_err(), view.history_page(missing, 0, 5).unwrap_err()),
            (view.history_page(id, 99, 5).unwrap_err(), view.history_page(missing, 99, 5).unwrap_err()),
            (view.links(id, None).unwrap_err(), view.links(missing, None).unwrap_err()),
            (
                view.explain(id, Metric::Resolution).unwrap_err(),
                view.explain(missing, Metric::Resolution).unwrap_err(),
            ),
        ] {
            let missing = without_name(&missing_error, &missing.to_string());
            assert_eq!(without_name(&hidden, &id.to_string()), missing);
        }
    });
}

#[test]
fn an_agent_cannot_act_on_a_ticket_that_they_do_not_see() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let light = open_for(stage, "light");
        let audio = open_for(stage, "audio");
        let missing: TicketId = "0190ffff-ffff-7000-8000-00000000ffff".parse().unwrap();
        let dora = of_teams("dora", ["audio"]);
        let act = |id, action: Action| stage.desk.act(id, action, &dora).unwrap_err();
        let expected = without_name(&act(missing, Action::start()), &missing.to_string());
        let name = light.to_string();
        for action in [Action::start(), Action::note("x"), Action::undo(), Action::confirm(), Action::tag("")]
        {
            let error = stage.refuses(light, |desk| desk.act(light, action, &dora));
            assert_eq!(without_name(&error, &name), expected);
        }
        // An old version does not reveal that the ticket exists either.
        let stale = dora.expected_version(9);
        assert_eq!(
            without_name(&stage.desk.act(light, Action::start(), stale).unwrap_err(), &name),
            expected
        );
        let step = stage.desk.ticket(light).unwrap().into_typed();
        let firstline::AnyTicket::New(ticket) = step else { panic!("{step:?}") };
        let error = stage.desk.commit(ticket.start(), &dora).unwrap_err();
        assert_eq!(without_name(&error, &name), expected);
        let error = stage.desk.reports().what_if(light, Action::start(), &dora).unwrap_err();
        assert_eq!(without_name(&error, &name), expected);
        // `why_not_by` gives the same answer and permits nothing else.
        let handle = stage.desk.ticket(light).unwrap();
        let why_not = handle.why_not_by(&Action::start(), &dora).unwrap();
        let refusal = stage.desk.act(light, Action::start(), &dora).unwrap_err().to_string();
        assert_eq!(why_not.reasons_in_words(), [refusal]);
        assert!(why_not.permitted.actions().is_empty());
        assert!(handle.why_not_by(&Action::start(), &lead()).is_none());
        // A link also reads the other ticket.
        let link = |to| Action::link(LinkKind::Mentions, to);
        let hidden = stage.refuses(light, |desk| desk.act(audio, link(light), &dora));
        assert_eq!(
            without_name(&hidden, &name),
            without_name(&act(audio, link(missing)), &missing.to_string())
        );
        stage.desk.act(audio, link(light), lead()).unwrap();
        let hidden = stage.refuses(light, |desk| desk.act(audio, link(light), &dora));
        assert_eq!(without_name(&hidden, &name), expected, "an existing link");
        let unlink = |to| act(audio, Action::unlink(LinkKind::Mentions, to));
        let (hidden, missing_error) = (unlink(light).to_string(), unlink(missing).to_string());
        assert_eq!(hidden.replace(&name, "NAME"), missing_error.replace(&missing.to_string(), "NAME"));
        stage.desk.act(audio, Action::start(), &dora).unwrap();
    });
}

/// An outsider with proof may write to a ticket that they cannot read.
#[test]
fn only_the_table_of_standings_decides_what_a_contact_may_write() {
    on_each_store(|stage| {
        let company = VisibilityRule::contacts().when(field("contact.company").matches("actor.company"));
        let writes = Policy::new().standing(Standing::Outsider, |rule| rule.writes = true);
        let id = stage.open();
        let mallory = Actor::contact("mallory");
        let refused = stage.refuses(id, |desk| desk.act(id, Action::reply("x"), &mallory));
        assert!(refused.is_not_found(), "{refused}");
        let thread = |text: &str| InboundMessage::new(text).thread("chat-9");
        let open = stage.desk.receive(thread("No light").from("boris")).unwrap().ticket.id();
        let proven = stage.desk.receive(thread("I saw it too.").from("mallory").with_proof()).unwrap();
        assert_eq!(proven.ticket.id(), open, "written");
        assert!(stage.desk.view(&mallory).ticket(open).unwrap_err().is_not_found(), "and not readable");
        stage.desk.setup().adopt(&writes).unwrap();
        stage.desk.act(id, Action::reply("Me too."), &mallory).unwrap();
        assert!(stage.desk.view(&mallory).ticket(id).unwrap_err().is_not_found());
        // A colleague who may read is still an outsider.
        stage.desk.setup().adopt(&Policy::new().visibility(company)).unwrap();
        let request =
            NewTicket::new("No sound").from(firstline::Contact::new("boris").attribute("company", "acme"));
        let id = stage.desk.open_ticket(request).unwrap().id();
        let manager = Actor::contact("mia").attribute("company", "acme");
        assert!(stage.desk.view(&manager).ticket(id).is_ok());
        assert!(stage.desk.act(id, Action::reply("x"), &manager).unwrap_err().is_rejected());
        assert_eq!(found(stage, &Actor::contact("mia")), [], "without the attribute");
        assert_eq!(found(stage, &boris()).len(), 3, "a contact always sees their own tickets");
    });
}

#[test]
fn links_to_hidden_tickets_are_left_out() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let [audio, light, other] = ["audio", "light", "audio"].map(|team| open_for(stage, team));
        for (from, kind, to) in [
            (audio, LinkKind::CausedBy, light),
            (audio, LinkKind::Mentions, other),
            (light, LinkKind::ChildOf, audio),
            (other, LinkKind::ChildOf, audio),
        ] {
            stage.desk.act(from, Action::link(kind, to), lead()).unwrap();
        }
        let view = stage.desk.view(of_teams("dora", ["audio"]));
        let seen =
            [Link { kind: LinkKind::Mentions, to: other }, Link { kind: LinkKind::ParentOf, to: other }];
        assert_eq!(view.links(audio, None).unwrap(), seen);
        assert_eq!(view.links(audio, Some(seen[0])).unwrap(), seen[1..]);
        assert_eq!(view.links(audio, Some(seen[1])).unwrap(), []);
        assert_eq!(stage.desk.view(lead()).links(audio, None).unwrap(), stage.links(audio));
        let all = stage.links(audio).len();
        assert_eq!(all, 4);
        let page = view.find(Query::oldest()).unwrap();
        for ticket in page.tickets.iter().chain([&view.ticket(audio).unwrap()]) {
            assert!(ticket.links.iter().all(|link| link.to != light), "{:?}", ticket.links);
        }
        let history = serde_json::to_string(&view.history(audio).unwrap()).unwrap();
        assert!(!history.contains(&light.to_string()) && history.contains(&other.to_string()));
    });
}

/// No page of a public history is empty, because an empty page would end the reading and reveal that events are
/// hidden.
#[test]
fn pages_of_a_public_history_are_full() {
    on_each_store(|stage| {
        let id = stage.open();
        for n in 0..3 {
            for _ in 0..130 {
                stage.does(id, Action::note("x"));
            }
            stage.does(id, Action::reply(format!("Reply {n}")));
        }
        stage.does(id, Action::note("x"));
        let view = stage.desk.view(boris());
        let whole = view.history(id).unwrap();
        assert_eq!(whole.len(), 4);
        for limit in [1, 2, 3, 4, 5] {
            let (mut after, mut pages) = (0, Vec::new());
            loop {
                let page = view.history_page(id, after, limit).unwrap();
                let Some(last) = page.last() else { break };
                assert!(page.len() == limit || pages.len() + page.len() == 4, "{limit}: {}", page.len());
                after = last.version;
                pages.extend(page);
            }
            assert_eq!(pages, whole, "{limit}");
        }
        assert!(view.history_page(id, 0, 0).unwrap_err().is_invalid());
    });
}

#[test]
fn a_query_does_not_reveal_internal_facts() {
    on_each_store(|stage| {
        let target = Target::new(Metric::FirstReply).within(TimeDelta::hours(4));
        let policy = Policy::new()
            .field("risk", FieldType::choice(["high", "low"]))
            .agreement(Agreement::new("standard", 1).target(target));
        stage.desk.setup().adopt(&policy).unwrap();
        let request = NewTicket::new("Refund").from("boris").team("fraud", Line::Second).tag("fraud");
        let id = stage.desk.open_ticket(request.field("risk", "high")).unwrap().id();
        let view = stage.desk.view(boris());
        for name in [
            "tags",
            "team",
            "category",
            "field.risk",
            "contact.vip",
            "status",
            "due_at",
            "overdue",
            "hold_reason",
            "updated_at",
            "touched_at",
            "resolution_code",
            "spam",
            "workflow",
            "line",
        ] {
            let query = Query::newest().matching(field(name).exists());
            let error = view.find(query.clone()).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(name), "{error}");
            assert!(!error.to_string().contains("field.risk") || name == "field.risk", "{error}");
            assert!(view.count(query, [GroupBy::State]).unwrap_err().is_invalid());
        }
        for query in [
            Query::inbox(),
            Query::newest().team("fraud"),
            Query::newest().assigned_to("anna"),
            Query::newest().unassigned(),
            Query::newest().followed_by("anna"),
        ] {
            let error = view.find(query).unwrap_err();
            assert!(error.is_invalid(), "{error}");
        }
        for by in [GroupBy::Team, GroupBy::Status, GroupBy::Assignee, GroupBy::Due] {
            assert!(view.count(Query::newest(), [by]).unwrap_err().is_invalid(), "{by:?}");
        }
        for query in [
            Query::newest().matching(field("subject").contains("refund")),
            Query::oldest().state(StateKind::New).from("boris"),
            Query::newest()
                .contact_as("boris", ContactRole::Requester)
                .matching(field("unanswered").is(true)),
            Query::newest().matching(field("opened_at").after(-TimeDelta::days(1))),
        ] {
            let [states] = view.count(query.clone(), [GroupBy::State]).unwrap();
            assert_eq!((view.find(query).unwrap().tickets.len(), states["new"]), (1, 1));
        }
        let of_another = Query::newest().contact("clara");
        assert_eq!(view.find(of_another).unwrap().tickets.len(), 0);
        assert!(view.explain(id, Metric::FirstReply).unwrap_err().is_not_found());
        assert!(view.due_soon(TimeDelta::days(9)).unwrap().is_empty());
        assert_eq!(stage.desk.view(anna()).due_soon(TimeDelta::days(9)).unwrap().len(), 1);
    });
}

/// If a reader sees the internal part of some tickets, internal facts in a query match only these tickets.
#[test]
fn a_reader_of_some_internal_parts_learns_nothing_about_the_others() {
    on_each_store(|stage| {
        let policy = Policy::new()
            .visibility(VisibilityRule::agents())
            .visibility(VisibilityRule::agents().when(field("team").matches("actor.teams")).internal());
        stage.desk.setup().adopt(&policy).unwrap();
        let [audio, light] = ["audio", "light"].map(|team| open_for(stage, team));
        let dora = of_teams("dora", ["audio"]);
        for id in [audio, light] {
            stage.desk.act(id, Action::tag("vip").and(Action::note("x")), &dora).unwrap();
        }
        let view = stage.desk.view(&dora);
        assert_eq!(found(stage, &dora), [audio, light]);
        let ids = |query| -> Vec<TicketId> {
            view.find(query).unwrap().tickets.iter().map(|ticket| ticket.id()).collect()
        };
        assert_eq!(ids(Query::oldest().matching(field("tags").contains("vip"))), [audio]);
        assert_eq!(ids(Query::oldest().matching(!field("tags").contains("vip"))), []);
        assert_eq!(ids(Query::oldest().team("light")), []);
        assert_eq!(ids(Query::inbox()), [audio]);
        let [teams] = view.count(Query::oldest(), [GroupBy::Team]).unwrap();
        assert_eq!(teams.into_iter().collect::<Vec<_>>(), [("audio".to_owned(), 1)]);
        let [states] = view.count(Query::oldest(), [GroupBy::State]).unwrap();
        assert_eq!(states["new"], 2);
        let tags = |id| view.ticket(id).unwrap().tags.len();
        assert_eq!((tags(audio), tags(light)), (1, 0));
        assert_eq!((view.history(audio).unwrap().len(), view.history(light).unwrap().len()), (3, 1));
    });
}

/// A handle that shows only part of a ticket still answers `why_not` for the whole ticket.
#[test]
fn a_public_handle_answers_why_not_like_a_complete_one() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::resolve("unmuted"), Action::tag("x")]);
        let shown = stage.desk.view(boris()).ticket(id).unwrap();
        let whole = stage.desk.ticket(id).unwrap();
        assert_ne!(shown.snapshot(), whole.snapshot());
        for action in
            [Action::confirm(), Action::reopen(), Action::cancel(), Action::note("x"), Action::close()]
        {
            assert_eq!(
                shown.why_not_by(&action, &boris()),
                whole.why_not_by(&action, &boris()),
                "{action:?}"
            );
        }
        assert_eq!(shown.permitted(), whole.permitted());
        assert_eq!(shown.workflow(), firstline::workflow::Workflow::simple());
        let firstline::AnyTicket::Resolved(shown) = shown.into_typed() else { panic!("resolved") };
        assert!(stage.desk.commit(shown.confirm(), boris()).is_ok());
    });
}

#[test]
fn the_rules_are_data_and_survive_files_and_the_store() {
    let policy = by_team().visibility(VisibilityRule::programs()).agent_attribute("role", FieldType::Text);
    let policy = policy.agent_attribute("teams", FieldType::choices(["audio"]));
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy).unwrap()).unwrap(), policy);
    assert!(!serde_json::to_string(&Policy::new()).unwrap().contains("visib"), "defaults are not written");
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy).unwrap();
        let again = Desk::over(stage.store.clone(), "acme");
        assert_eq!(*again.setup().policy().unwrap(), policy);
    });
}

#[cfg(feature = "toml")]
#[test]
fn every_fault_of_the_rules_is_reported_at_once_with_its_position() {
    let text = r#"
        [[visibility]]
        readers = "agents"
        when = { field = "taem", is = "audio" }

        [[visibility]]
        readers = "contacts"
        internal = true

        [[visibility]]
        readers = "agents"
        when = { field = "team", matches = "actor.tems" }

        [[visibility]]
        readers = "contacts"
        when = { field = "contact.company", matches = "actor.compny" }

        [[visibility]]
        readers = "agents"
        when = { field = "opened_at", matches = "actor.role" }

        [[visibility]]
        readers = "programs"
        when = { field = "assignee", matches = "actor.id" }

        [[visibility]]
        readers = "agent"

        [[visibility]]
        readers = "agents"
        wen = "always"

        [[visibility]]
        readers = "agents"
        when = { field = "updated_at", before = "7d ago" }

        [names.contact_attributes]
        company = { type = "text" }
        [names.agent_attributes]
        teams = { type = "choices", choices = ["audio"] }
        role = { type = "text" }
    "#;
    let error = Policy::from_toml(text).unwrap_err();
    let found: Vec<String> = error.diagnostics().unwrap().iter().map(ToString::to_string).collect();
    let all = found.join("\n");
    for (line, words) in [
        (4, r#"the field "taem" is not known (did you mean "team"?)"#),
        (8, "contacts never see the internal part of a ticket"),
        (12, r#"the field "actor.tems" is not known (did you mean "actor.teams"?)"#),
        (16, r#"the field "actor.compny" is not known (did you mean "actor.company"?)"#),
        (20, "opened_at has type instant, but actor.role has type text"),
        (24, r#"the field "actor.id" is not known (did you mean "actor"?)"#),
        (27, r#"did you mean "agents"?"#),
        (31, r#"did you mean "when"?"#),
        (35, "needs the current time, which only queries have"),
    ] {
        let at = format!("line {line}, ");
        assert!(found.iter().any(|it| it.contains(&at) && it.contains(words)), "{line} {words}:\n{all}");
    }
    assert_eq!(found.len(), 9, "{all}");
    let in_code = Policy::new().visibility(VisibilityRule::contacts().internal());
    assert!(in_code.check().unwrap_err().to_string().contains("contacts never see"));
}

#[test]
fn a_reader_with_a_malformed_id_is_invalid() {
    on_each_store(|stage| {
        let id = stage.open();
        assert!(stage.desk.view(Actor::agent("")).ticket(id).unwrap_err().is_invalid());
        assert!(stage.desk.view(Actor::contact("a\nb")).find(Query::newest()).unwrap_err().is_invalid());
    });
}
