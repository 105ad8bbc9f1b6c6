//! Random walks of tickets through a workflow, at a whole desk.

use std::collections::BTreeSet;

use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::workflow::{Performer, Transition, Trigger, Workflow};
use firstline::{
    Action, Actor, Desk, HoldReason, Kind, Line, NewTicket, Policy, Priority, StepKind, Ticket, Value,
    WorkflowDefinition,
};

/// A small random generator with the same numbers in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A desk that follows this workflow, with the custom fields of all workflows.
pub(crate) fn desk(workflow: &WorkflowDefinition) -> Desk<Memory> {
    let policy = Policy::new()
        .field("root_cause", FieldType::Text)
        .field("workaround", FieldType::Text)
        .field("price", FieldType::Integer)
        .field("days_since_delivery", FieldType::Integer)
        .field("condition", FieldType::Text)
        .field("amount", FieldType::Integer)
        .field("days_since_posting", FieldType::Integer)
        .field("grounds", FieldType::Text)
        .field("verdict", FieldType::Text)
        .workflow(workflow.clone());
    let desk = Desk::memory();
    desk.setup().adopt(&policy).unwrap();
    desk
}

/// Opens a ticket of the workflow's kind. Some guards hold for it and some do not.
pub(crate) fn open(desk: &Desk<Memory>, workflow: &WorkflowDefinition, random: &mut Random) -> Ticket {
    let kind = workflow.kinds.iter().next().map_or("incident", String::as_str);
    let ticket = desk.open_ticket(NewTicket::new("Walk").from("boris").kind(Kind::from(kind))).unwrap();
    let number = |value: usize| i64::try_from(value).unwrap();
    let mut facts = Action::field("price", number(random.below(900)))
        .and(Action::field("days_since_delivery", number(random.below(60))))
        .and(Action::field("amount", number(random.below(90))))
        .and(Action::field("days_since_posting", number(random.below(200))))
        .and(Action::field("grounds", if random.below(3) == 0 { "fraud" } else { "not received" }));
    if random.below(3) == 0 {
        let verdict = if workflow.name == "card dispute" { "decline" } else { "refuse" };
        facts = facts.and(Action::field("verdict", verdict));
    }
    if random.below(4) == 0 {
        facts = facts.and(Action::override_priority(Priority::P1, "everything is down"));
    }
    if random.below(3) == 0 {
        facts = facts.and(Action::hand_over("network", Line::Second, "It is the network."));
    }
    desk.act(ticket.id(), facts, Actor::agent("anna")).unwrap();
    desk.ticket(ticket.id()).unwrap()
}

/// Takes one open transition from the ticket's status, selected at random. Returns `None` if no transition is open.
pub(crate) fn step(
    desk: &Desk<Memory>,
    workflow: &Workflow,
    ticket: &Ticket,
    random: &mut Random,
) -> Option<(String, String)> {
    let here = workflow.find(ticket.status()).unwrap();
    let mut transitions: Vec<(&Transition, _)> = workflow.transitions_from(here).collect();
    while !transitions.is_empty() {
        let (transition, to) = transitions.swap_remove(random.below(transitions.len()));
        let leave = &workflow.status(here).leave;
        let fields: BTreeSet<&String> = leave.iter().chain(&to.enter).collect();
        let missing = fields.into_iter().filter(|field| ticket.fact_of(field).is_none());
        let filled = missing.filter_map(|field| match field.as_str() {
            "category" => Some(Action::category(["mail"])),
            "team" => Some(Action::hand_over("network", Line::Second, "It is the network.")),
            "resolution_code" => None,
            other => Some(Action::field(other.strip_prefix("field.").unwrap(), "known")),
        });
        let reason = to.reason.clone().unwrap_or(HoldReason::Customer);
        let go = match transition.action {
            Trigger::Move => Action::move_to(&to.name),
            Trigger::Step(StepKind::Start) => Action::start(),
            Trigger::Step(StepKind::Hold) => Action::hold(reason),
            Trigger::Step(StepKind::Resume) => Action::resume(),
            Trigger::Step(StepKind::Resolve) => Action::resolve_as("done", "done"),
            Trigger::Step(StepKind::Confirm) => Action::confirm(),
            Trigger::Step(StepKind::Close) => Action::close(),
            Trigger::Step(StepKind::Reopen) => Action::reopen(),
            Trigger::Step(StepKind::Cancel) => Action::cancel(),
        };
        let go = if transition.action == Trigger::Move { go } else { go.with_status(&to.name) };
        let go = if transition.reason { go.comment("it must be") } else { go };
        let action = filled.chain([go]).reduce(Action::and).unwrap();
        if desk.act(ticket.id(), action, performer_of(transition)).is_ok() {
            return Some((ticket.status().to_owned(), to.name.clone()));
        }
    }
    None
}

/// An actor who may take a transition.
fn performer_of(transition: &Transition) -> Actor {
    let only =
        |performer: &Performer| !transition.may.is_empty() && transition.may.iter().all(|it| it == performer);
    if transition.action == Trigger::Step(StepKind::Confirm) || only(&Performer::Requester) {
        Actor::contact("boris")
    } else if only(&Performer::Automation) {
        Actor::automation("night shift")
    } else {
        let roles = ["incident_manager", "lead", "warehouse", "risk"].map(str::to_owned);
        Actor::agent("anna").attribute("role", Value::List(roles.into()))
    }
}

/// Gives the value of a ticket's field as text.
trait FactOf {
    fn fact_of(&self, field: &str) -> Option<String>;
}

impl FactOf for Ticket {
    fn fact_of(&self, field: &str) -> Option<String> {
        firstline::Facts::fact(&**self, field).map(|it| it.to_string())
    }
}
