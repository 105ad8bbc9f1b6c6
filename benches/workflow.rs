//! The cost of a workflow from data: validation and compilation, the lookup of a transition compared with the
//! built-in lifecycle table, and a whole decision compared with the same decision on the simple workflow.
//!
//! ```text
//! cargo bench --bench workflow
//! cargo bench --bench workflow -- --quick
//! ```

#[path = "shared/as_data.rs"]
mod as_data;
#[path = "shared/by_hand.rs"]
mod by_hand;
#[path = "shared/measure.rs"]
mod measure;
#[path = "shared/walk.rs"]
mod walk;

use std::hint::black_box;
use std::time::Duration;

use as_data::ByName;
use firstline::desk::Settings;
use firstline::lifecycle::{StateKind, StepKind};
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::ticket::decision::DecisionContext;
use firstline::time::ManualTime;
use firstline::workflow::{Status, Transition, Workflow};
use firstline::{Action, Actor, Condition, NewTicket, Policy, Snapshot, WorkflowDefinition};

use measure::{Lane, Limits, Random, aim, nanos, side_by_side};
use walk::settle;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let limits = Limits { rounds: 300, time: Duration::from_secs(if quick { 2 } else { 8 }) };
    println!("Workflows as data: build a workflow, check a transition, decide an action.");
    println!("cargo bench --bench workflow{}", if quick { " -- --quick" } else { "" });
    build(limits);
    check(limits);
    decide(limits);
}

/// A workflow with this number of statuses. Half of them are work and half are waits. Each work status leads to
/// its wait and back, to the next work status, and to a solution. Some transitions have guards, and some
/// statuses require fields.
fn sized(statuses: usize) -> WorkflowDefinition {
    let mut workflow = WorkflowDefinition::new("sized")
        .guard("dear", Condition::field("field.price").at_least(100))
        .guard("cheap", Condition::field("field.price").less_than(100))
        .status(Status::new("Open", StateKind::New))
        .status(Status::new("Solved", StateKind::Resolved).by_default())
        .status(Status::new("Solved at a price", StateKind::Resolved).enter("field.price"))
        .status(Status::new("Done", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Open", "Work 0"))
        .transition(Transition::step(StepKind::Cancel, "Open", "Withdrawn"))
        .transition(Transition::step(StepKind::Hold, "Open", "Wait 0"))
        .transition(Transition::step(StepKind::Resolve, "Open", "Solved"));
    for step in [StepKind::Close, StepKind::Confirm] {
        workflow = workflow.transition(Transition::step(step, "Solved", "Done").or_from("Solved at a price"));
    }
    workflow = workflow
        .transition(Transition::step(StepKind::Reopen, "Solved", "Work 0").or_from("Solved at a price"));
    let pairs = (statuses - 5) / 2;
    for number in 0..pairs {
        let (work, wait) = (format!("Work {number}"), format!("Wait {number}"));
        workflow = workflow
            .status(Status::new(&work, StateKind::Active).enter("category"))
            .status(Status::new(&wait, StateKind::OnHold))
            .transition(Transition::step(StepKind::Hold, &work, &wait))
            .transition(Transition::step(StepKind::Hold, &wait, &wait))
            .transition(Transition::step(StepKind::Resume, &wait, &work))
            .transition(Transition::step(StepKind::Resolve, &work, "Solved at a price").when("dear"))
            .transition(Transition::step(StepKind::Resolve, &work, "Solved").or_from(&wait))
            .transition(Transition::step(StepKind::Cancel, &work, "Withdrawn").or_from(&wait));
        if number > 0 {
            let before = format!("Work {}", number - 1);
            workflow = workflow.transition(Transition::within(before, &work)).transition(
                Transition::step(StepKind::Hold, format!("Wait {}", number - 1), &wait).when("cheap"),
            );
        }
    }
    if statuses.is_multiple_of(2) {
        workflow = workflow
            .status(Status::new("Second look", StateKind::Active).enter("category"))
            .transition(Transition::within("Work 0", "Second look"))
            .transition(Transition::step(StepKind::Resolve, "Second look", "Solved"));
    }
    assert_eq!(workflow.statuses.len(), statuses);
    workflow
}

fn build(limits: Limits) {
    let [small, large] = [10, 100].map(sized);
    let texts = [&small, &large].map(|it| serde_json::to_string(it).unwrap());
    let built = |it: &WorkflowDefinition| nanos(1, || drop(black_box(black_box(it).build().unwrap())));
    let read = |it: &str| nanos(1, || drop(black_box(Workflow::from_json(black_box(it)).unwrap())));
    let title = format!(
        "Validate and compile: {} transitions of 10 statuses, {} of 100",
        small.transitions.len(),
        large.transitions.len()
    );
    let lanes: Vec<Lane<'_>> = vec![
        ("10 statuses, built in code", Box::new(|| built(&small))),
        ("10 statuses, from JSON", Box::new(|| read(&texts[0]))),
        ("100 statuses, built in code", Box::new(|| built(&large))),
        ("100 statuses, from JSON", Box::new(|| read(&texts[1]))),
    ];
    side_by_side(&title, ("us", 1e3), limits, lanes);
}

fn check(limits: Limits) {
    let steps = walk::steps();
    let names = ByName::steps(&steps);
    let by_name = ByName::new();
    let (simple, large) = (Workflow::simple(), sized(100).build().unwrap());
    let begin = |workflow: &Workflow| workflow.find(&workflow.start().name).unwrap();
    let built_in = || walk::walk(&steps, || StateKind::New, |state, step| settle(state, state.apply(step)));
    let by_hand =
        || walk::walk(&steps, || StateKind::New, |state, step| settle(state, by_hand::take(*state, step)));
    let as_data = |workflow: &Workflow| {
        walk::walk(&steps, || begin(workflow), |status, step| as_data::take(workflow, status, step))
    };
    let named =
        || walk::walk(&names, || StateKind::New.name().to_owned(), |state, step| by_name.take(state, step));
    let taken = built_in().1;
    for (name, other) in [("by hand", by_hand().1), ("as data", as_data(simple).1), ("by name", named().1)] {
        assert_eq!(taken, other, "the table {name} differs");
    }
    let lanes: Vec<Lane<'_>> = vec![
        ("firstline: StateKind::apply", Box::new(|| built_in().0)),
        ("match by hand", Box::new(|| by_hand().0)),
        ("firstline: Workflow::take, simple", Box::new(|| as_data(simple).0)),
        ("firstline: Workflow::take, 100 statuses, guards", Box::new(|| as_data(&large).0)),
        ("a HashMap keyed by names", Box::new(|| named().0)),
    ];
    let ratios = side_by_side(&walk::title(taken), ("ns", 1.0), limits, lanes);
    aim("a workflow's table at most 2.0 times the lifecycle's", ratios[2] <= 2.0);
}

fn decide(limits: Limits) {
    let anna = Actor::agent("anna");
    let own = Policy::new().field("price", FieldType::Integer).workflow(sized(10));
    let plain = Policy::new().field("price", FieldType::Integer);
    let mut random = Random::seeded(11);
    let drawn: Vec<(usize, StepKind)> =
        (0..4_096).map(|_| (random.below(4), random.pick(StepKind::ALL))).collect();
    // Both workflows accept the same steps on the same tickets.
    let accepted: Vec<_> = drawn
        .into_iter()
        .filter(|(place, step)| PATHS[*place].1.accepts(*step) && *step != StepKind::Confirm)
        .collect();
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    for (name, policy) in [("on the simple workflow", &plain), ("on one of 10 statuses", &own)] {
        let tickets = tickets(policy, &anna);
        let cases: Vec<(Snapshot, Action)> =
            accepted.iter().map(|(place, step)| (tickets[*place].clone(), action(*step))).collect();
        let anna = anna.clone();
        lanes.push((
            name,
            Box::new(move || {
                let now = "2026-01-05T12:00:00Z".parse().unwrap();
                let context = DecisionContext::new(now, &anna, policy).unwrap();
                nanos(cases.len(), || {
                    for (ticket, action) in &cases {
                        drop(black_box(black_box(ticket).decide(black_box(action), &context)).unwrap());
                    }
                })
            }),
        ));
    }
    side_by_side("A whole decision, accepted: Snapshot::decide", ("ns", 1.0), limits, lanes);
}

/// The steps that bring a ticket into each open state, and into resolved.
const PATHS: [(&[StepKind], StateKind); 4] = [
    (&[], StateKind::New),
    (&[StepKind::Start], StateKind::Active),
    (&[StepKind::Start, StepKind::Hold], StateKind::OnHold),
    (&[StepKind::Start, StepKind::Resolve], StateKind::Resolved),
];

fn tickets(policy: &Policy, anna: &Actor) -> Vec<Snapshot> {
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let desk = Memory::new().desk(Settings::new("bench").time(time));
    desk.setup().adopt(policy).unwrap();
    let ticket = |(path, _): &(&[StepKind], StateKind)| {
        let request = NewTicket::new("Card declined at checkout").from("boris").category(["payment", "card"]);
        let id = desk.open_ticket(request.field("price", 50)).unwrap().id();
        path.iter().for_each(|step| drop(desk.act(id, action(*step), anna).unwrap()));
        desk.ticket(id).unwrap().into_snapshot()
    };
    PATHS.iter().map(ticket).collect()
}

fn action(step: StepKind) -> Action {
    match step {
        StepKind::Start => Action::start(),
        StepKind::Hold => Action::hold("customer"),
        StepKind::Resume => Action::resume(),
        StepKind::Resolve => Action::resolve("The bank asked for 3-D Secure; it was switched on."),
        StepKind::Confirm => Action::confirm(),
        StepKind::Close => Action::close(),
        StepKind::Reopen => Action::reopen(),
        StepKind::Cancel => Action::cancel(),
    }
}
