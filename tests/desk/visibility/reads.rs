//! Every read of a view, for every reader and ticket, with a secret in every internal text.

use std::collections::BTreeSet;

use firstline::desk::View;
use firstline::policy::{FieldType, VisibilityRule};
use firstline::priority::Effect;
use firstline::sla::{Agreement, Metric, Target};
use firstline::workflow::{Status, Transition, Workflow};
use firstline::{
    Action, Actor, Condition, Contact, Error, GroupBy, HoldReason, ImportedTicket, ImportedVersion, Line,
    LinkKind, Matrix, Modifier, NewTicket, Policy, Priority, Query, Result, StateKind, StepKind, Ticket,
    TicketId, TimeDelta, WorkflowDefinition,
};

use crate::stage::{AnyStore, Stage, on_each_store};

/// A secret in a text of a ticket.
const SECRET: &str = "sekret";
/// A secret in a name of the policy, which a handle of any ticket prints with `Debug`.
const INSIDE: &str = "insider";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sees {
    Nothing,
    Public,
    Whole,
}
use Sees::{Nothing, Public, Whole};

type AnyView<'a> = View<'a, AnyStore>;

/// The text that a read shows of a ticket: to people, and in a log. `None` if the ticket is not in the answer.
type Shown = Option<(String, String)>;

fn shown(ticket: &Ticket) -> Shown {
    let text = serde_json::to_string(ticket.snapshot()).unwrap();
    let workflow = ticket.workflow().definition().name.clone();
    Some((format!("{text} {} {workflow}", ticket.status()), format!("{ticket:?}")))
}

fn listed<'t>(id: TicketId, tickets: impl IntoIterator<Item = &'t Ticket>) -> Shown {
    let found = tickets.into_iter().find(|ticket| ticket.id() == id);
    found.and_then(shown)
}

fn plain(text: impl std::fmt::Debug) -> Shown {
    let text = format!("{text:?}");
    Some((text.clone(), text))
}

/// A read without an answer shows nothing.
fn unless_missing<T>(answer: Result<T>, show: impl FnOnce(T) -> Shown) -> Shown {
    match answer {
        Ok(answer) => show(answer),
        Err(error) => {
            assert!(error.is_not_found(), "{error}");
            plain(error).filter(|_| false)
        }
    }
}

/// A read by name, as a function of the view and the ticket.
type Read = fn(&AnyView<'_>, TicketId) -> Shown;

/// Every read of a view. A test compares the names with the source.
const READS: &[(&str, Read)] = &[
    ("ticket", |view, id| unless_missing(view.ticket(id), |ticket| shown(&ticket))),
    ("find", |view, id| {
        let query = Query::newest();
        listed(id, &view.find(query).unwrap().tickets)
    }),
    ("count", |view, id| {
        // Each ticket has its own subject.
        let query = Query::newest().matching(Condition::field("subject").contains(subject(id)));
        let [states] = view.count(query, [GroupBy::State]).unwrap();
        (!states.is_empty()).then(|| plain(states)).flatten()
    }),
    ("history", |view, id| {
        unless_missing(view.history(id), |events| {
            plain(events.iter().map(|event| serde_json::to_string(event).unwrap()).collect::<Vec<_>>())
        })
    }),
    ("history_page", |view, id| {
        unless_missing(view.history_page(id, 0, 500), |events| {
            plain(events.iter().map(|event| serde_json::to_string(event).unwrap()).collect::<Vec<_>>())
        })
    }),
    ("links", |view, id| unless_missing(view.links(id, None), plain)),
    ("explain", |view, id| unless_missing(view.explain(id, Metric::Resolution), plain)),
    ("due_soon", |view, id| {
        let due = view.due_soon(TimeDelta::days(900)).unwrap();
        listed(id, due.iter().map(|it| &it.ticket))
    }),
    ("process_map", |view, id| {
        let workflow = Workflow::simple();
        let map = view.process_map(workflow).unwrap();
        let counted: u64 = workflow.statuses().map(|(status, _)| map.tickets_in(status)).sum();
        // Only one ticket of the test follows the simple workflow.
        (counted > 0 && subject(id) == "subject-1").then(|| plain(counted)).flatten()
    }),
];

/// The reads that need the internal part of a ticket.
const INTERNAL_READS: [&str; 3] = ["explain", "due_soon", "process_map"];

fn subject(id: TicketId) -> String {
    let text = id.to_string();
    format!("subject-{}", text.trim_start_matches(|c: char| c != '8').chars().last().unwrap_or('0'))
}

fn policy() -> Policy {
    let workflow = WorkflowDefinition::new("insider-claims")
        .for_kind("claim")
        .status(Status::new("Incoming insider", StateKind::New))
        .status(Status::new("Active insider", StateKind::Active))
        .status(Status::new("Waiting insider", StateKind::OnHold).holding_for("insider-reason"))
        .status(Status::new("Answered insider", StateKind::Resolved))
        .status(Status::new("Done insider", StateKind::Closed))
        .transition(Transition::step(StepKind::Start, "Incoming insider", "Active insider"))
        .transition(Transition::step(StepKind::Hold, "Active insider", "Waiting insider"))
        .transition(Transition::step(StepKind::Resume, "Waiting insider", "Active insider"))
        .transition(Transition::step(StepKind::Resolve, "Active insider", "Answered insider"))
        .transition(Transition::step(StepKind::Reopen, "Answered insider", "Active insider"))
        .transition(Transition::step(StepKind::Close, "Answered insider", "Done insider"));
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4)).warn_at([50]);
    let modifier = Modifier::new("insider-modifier", Effect::Raise(1));
    let of_team = Condition::field("team").matches("actor.teams");
    Policy::new()
        .field("insider-risk", FieldType::choice(["insider-high"]))
        .field("insider-note", FieldType::Text)
        .matrix(Matrix::itil().to_definition().modifier(modifier).build().unwrap())
        .agreement(Agreement::new("insider-agreement", 1).target(target))
        .workflow(workflow)
        .visibility(VisibilityRule::agents().when(Condition::field("actor.role").is("lead")).internal())
        .visibility(VisibilityRule::agents().when(of_team).internal())
        .visibility(VisibilityRule::agents().when(Condition::field("actor.role").is("guest")))
        .visibility(VisibilityRule::programs().when(Condition::field("kind").is("claim")))
        .visibility(
            VisibilityRule::contacts().when(Condition::field("contact.company").matches("actor.company")),
        )
}

/// Opens two tickets of boris with a secret in every internal text: one in the simple workflow, one in a custom
/// workflow.
fn tickets(stage: &Stage) -> [TicketId; 2] {
    stage.desk.setup().adopt(&policy()).unwrap();
    let lead = || Actor::agent("lena").attribute("role", "lead").attribute("sekret", "sekret");
    let ids = ["question", "claim"].map(|kind| {
        let boris = Contact::new("boris").named("Boris").email("sekret@acme.example").phone("sekret 7");
        let request = NewTicket::new("later")
            .kind(kind.into())
            .from(boris.attribute("company", "acme").attribute("sekret", "sekret"))
            .message("It rattles.")
            .category(["sekret", "sekret"])
            .tag("sekret-tag")
            .field("insider-risk", "insider-high")
            .field("insider-note", "sekret")
            .team("sekret-team", Line::Second);
        stage.desk.open_ticket(request).unwrap().id()
    });
    for id in ids {
        let does = |action: Action| {
            let text = format!("{action:?}");
            stage.desk.act(id, action, lead()).unwrap_or_else(|error| panic!("{text}: {error}"));
        };
        does(Action::subject(subject(id)));
        does(Action::note("sekret"));
        does(Action::start().comment("sekret"));
        does(Action::hand_over("sekret-team", Line::Third, "sekret"));
        does(Action::assign("sekret-agent"));
        does(Action::modifier("insider-modifier"));
        does(Action::follow("sekret-agent"));
        does(Action::time_spent(7));
        does(Action::override_priority(Priority::P1, "sekret"));
        does(Action::thread(format!("sekret-{id}")));
        does(Action::hold(HoldReason::from("insider-reason")).comment("sekret"));
        does(Action::resume().comment("sekret"));
        does(Action::reply("Which colour?"));
        stage.later(TimeDelta::hours(1));
        does(Action::tag("sekret-late"));
    }
    let hidden = stage
        .desk
        .open_ticket(NewTicket::new("other").kind("claim".into()).team("other", Line::First))
        .unwrap();
    let link = Action::link(LinkKind::Mentions, hidden.id());
    ids.map(|id| stage.desk.act(id, link.clone(), lead()).unwrap().ticket.id())
}

/// Every reader, and the parts of the two tickets that they see.
fn readers() -> Vec<(Actor, [Sees; 2])> {
    let agent = |name: &str| Actor::agent(name);
    vec![
        (agent("lena").attribute("role", "lead"), [Whole, Whole]),
        (agent("dora").attribute("teams", ["sekret-team"]), [Whole, Whole]),
        (agent("gus").attribute("role", "guest"), [Public, Public]),
        (agent("ben").attribute("teams", ["other"]), [Nothing, Nothing]),
        (agent("sekret-agent"), [Nothing, Nothing]),
        (agent("boris"), [Nothing, Nothing]),
        (Actor::automation("bot"), [Nothing, Public]),
        (Actor::contact("boris"), [Public, Public]),
        (Actor::contact("mia").attribute("company", "acme"), [Public, Public]),
        (Actor::contact("eve").attribute("company", "other"), [Nothing, Nothing]),
        (Actor::contact("eve").attribute("role", "lead"), [Nothing, Nothing]),
        (Actor::contact("sekret-agent"), [Nothing, Nothing]),
        (firstline::Who::Unknown.into(), [Nothing, Nothing]),
        (firstline::Who::Desk.into(), [Whole, Whole]),
    ]
}

#[test]
fn no_read_shows_a_reader_more_than_they_may_see() {
    on_each_store(|stage| {
        let ids = tickets(stage);
        for (reader, expected) in readers() {
            let view = stage.desk.view(&reader);
            for (id, sees) in ids.into_iter().zip(expected) {
                for (name, read) in READS {
                    let place = format!("{}: {name} of {} by {reader:?}", stage.name, subject(id));
                    let answer = read(&view, id);
                    let is_internal = INTERNAL_READS.contains(name);
                    match (sees, answer) {
                        (Nothing, answer) => assert_eq!(answer, None, "{place}"),
                        (Public, answer) if is_internal => assert_eq!(answer, None, "{place}"),
                        (Public, answer) => {
                            let (text, log) = answer.unwrap_or_else(|| panic!("{place}: nothing"));
                            assert!(!text.contains(SECRET) && !text.contains(INSIDE), "{place}: {text}");
                            assert!(!log.contains(SECRET), "{place}: {log}");
                        }
                        (Whole, answer) => {
                            let is_simple = subject(id) == "subject-1";
                            let has = *name != "process_map" || is_simple;
                            assert_eq!(answer.is_some(), has, "{place}");
                            let has_texts = ["ticket", "find", "history", "history_page", "due_soon"];
                            let (text, _) = answer.unwrap_or_default();
                            assert_eq!(text.contains(SECRET), has_texts.contains(name), "{place}: {text}");
                        }
                    }
                }
            }
        }
    });
}

/// A handle and the desk refuse an action without a secret, if the actor does not see the internal part.
#[test]
fn no_refusal_shows_an_actor_more_than_they_may_see() {
    on_each_store(|stage| {
        let ids = tickets(stage);
        let hidden = stage.desk.ticket(3).unwrap().id();
        let mut refused = 0;
        for (actor, expected) in readers() {
            for (id, sees) in ids.into_iter().zip(expected) {
                let place = format!("{} {} by {actor:?}", stage.name, subject(id));
                let Ok(handle) = stage.desk.view(&actor).ticket(id) else { continue };
                let mut shown = vec![format!("{:?} {}", handle.permitted(), handle.permitted())];
                for action in [
                    Action::start(),
                    Action::hold(HoldReason::Customer),
                    Action::resolve("unmuted"),
                    Action::confirm(),
                    Action::close(),
                    Action::reopen(),
                    Action::move_to("Answered"),
                    Action::take(),
                    Action::unlink(LinkKind::Mentions, hidden),
                    Action::hand_over("other", Line::First, "x").and(Action::start()),
                    Action::undo(),
                ] {
                    shown.push(format!("{:?}", handle.why_not(&action)));
                    shown.push(format!("{:?}", handle.why_not_by(&action, &actor)));
                    let attempt = stage.desk.reports().why_not(id, action.clone(), &actor);
                    if !matches!(attempt, Ok(None)) {
                        refused += 1;
                        let error = stage.refuses(id, |desk| desk.act(id, action, &actor));
                        shown.push(format!("{attempt:?} {error} {error:?}"));
                    }
                }
                if sees == Public {
                    for text in shown {
                        assert!(!text.contains(SECRET) && !text.contains(INSIDE), "{place}: {text}");
                    }
                }
            }
        }
        assert!(refused > 60, "{refused}");
    });
}

/// The secrets are there: each internal text of the ticket and of its history is one.
#[test]
fn the_plain_reads_show_every_secret() {
    on_each_store(|stage| {
        let [_, id] = tickets(stage);
        let count = |text: String| (text.matches(SECRET).count(), text.matches(INSIDE).count());
        let ticket = stage.desk.ticket(id).unwrap();
        let (texts, names) = count(serde_json::to_string(ticket.snapshot()).unwrap());
        assert!(texts >= 11 && names >= 8, "{texts} {names}");
        let (texts, names) = count(serde_json::to_string(&stage.history(id)).unwrap());
        assert!(texts >= 25 && names >= 8, "{texts} {names}");
    });
}

/// An imported ticket names the other system and its statuses.
#[test]
fn the_origin_of_an_imported_ticket_is_internal() {
    on_each_store(|stage| {
        let version = |days, by: &Actor| ImportedVersion::new(stage.now() - TimeDelta::days(days), by);
        let lead = Actor::agent("lena");
        let imported = ImportedTicket::new("sekret-desk", "sekret-4711")
            .version(version(9, &Actor::contact("boris")).subject("No sound").from("boris"))
            .version(version(8, &lead).unmapped("sekret-status"));
        let imported = stage.desk.records().import([imported]).unwrap();
        assert_eq!((imported.opened, imported.refused.len()), (1, 0), "{:?}", imported.refused);
        let view = stage.desk.view(Actor::contact("boris"));
        let ticket = view.ticket("T-1").unwrap();
        let history = view.history(ticket.id()).unwrap();
        let text = serde_json::to_string(&(ticket.snapshot(), &history)).unwrap();
        assert!(!text.contains(SECRET), "{text}");
        let whole = serde_json::to_string(&stage.history(ticket.id())).unwrap();
        assert!(whole.contains("sekret-status"), "{whole}");
    });
}

/// A new read of a view fails here until the matrix above covers it.
#[test]
fn the_matrix_covers_every_read_of_a_view() {
    let source = include_str!("../../../src/desk/view.rs");
    let begin = source.find("> View<'a, E> {").unwrap();
    let names = source[begin..].lines().filter_map(|line| line.strip_prefix("    pub fn "));
    let names: BTreeSet<&str> = names.filter_map(|line| line.split(['<', '(']).next()).collect();
    assert!(names.len() >= 9, "{names:?}");
    let covered: BTreeSet<&str> = READS.iter().map(|(name, _)| *name).collect();
    assert_eq!(covered, names);
}

/// The facts that a query of the public may use are the same in the public part, and every other fact is hidden there.
#[test]
fn the_public_facts_are_those_of_the_public_part() {
    use firstline::Facts;
    on_each_store(|stage| {
        let [_, id] = tickets(stage);
        let view = stage.desk.view(Actor::contact("boris"));
        let (whole, public) = (stage.ticket(id), view.ticket(id).unwrap().into_snapshot());
        assert_eq!(public, whole.public());
        let ask = |name: &str| view.find(Query::newest().matching(Condition::field(name).exists()));
        let error: Error = ask("nothing").unwrap_err();
        let text = error.to_string();
        let names = text.split_once("fields: ").unwrap().1;
        let names: Vec<&str> = names.split(", ").collect();
        assert!(names.len() > 15, "{names:?}");
        for name in &names {
            assert!(ask(name).is_ok(), "{name}");
            assert_eq!(public.fact(name), whole.fact(name), "{name}");
        }
        for name in
            ["tags", "team", "assignee", "category", "contact.company", "field.insider-risk", "due_at"]
        {
            assert!(!names.contains(&name) && whole.fact(name).is_some(), "{name}");
            assert_eq!(
                public.fact(name).filter(|value| **value != firstline::Value::List(vec![])),
                None,
                "{name}"
            );
        }
    });
}
