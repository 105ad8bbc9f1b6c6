//! The presets and the workflows of two examples: each builds, has only deliberate warnings, and can be walked from its
//! start to an end.

#[path = "../../examples/card_dispute/workflow.rs"]
mod card_dispute;
#[path = "../../examples/retail_return/workflow.rs"]
mod retail_return;
#[path = "presets/walk.rs"]
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use firstline::WorkflowDefinition;
use firstline::workflow::{Picture, preset};
use walk::Random;

const WORKFLOWS: [fn() -> WorkflowDefinition; 5] =
    [preset::simple, preset::itil, preset::problem, retail_return::definition, card_dispute::definition];

#[test]
fn every_workflow_builds_and_its_warnings_are_deliberate() {
    let warnings = |definition: fn() -> WorkflowDefinition| -> Vec<String> {
        let workflow = definition().build().unwrap_or_else(|error| panic!("{error}"));
        let found = workflow.warnings().iter().map(|it| {
            let place = it.path.trim_start_matches("statuses[").trim_end_matches(']');
            let status =
                place.parse().map_or("?", |place: usize| &workflow.definition().statuses[place].name);
            format!("{} at {status}", it.kind)
        });
        found.collect()
    };
    let deliberate: [Vec<String>; 5] = [
        vec![],
        vec!["verification-does-not-close at Post-incident review".to_owned()],
        vec![],
        vec![],
        vec![],
    ];
    assert_eq!(WORKFLOWS.map(warnings), deliberate);
}

/// The number of tickets: enough to take the rarest transition, and to make the report read more than one page.
const TICKETS: u64 = 1_003;

/// Every transition of every workflow is taken, the process map counts it correctly, and every ticket reaches
/// an end.
#[test]
fn every_transition_is_taken_and_every_ticket_reaches_an_end() {
    for definition in WORKFLOWS {
        let definition = definition();
        let workflow = definition.build().unwrap();
        let (desk, mut random) = (walk::desk(&definition), Random(7));
        let (mut taken, mut ends) =
            (BTreeMap::<(String, String), u64>::new(), BTreeMap::<String, u64>::new());
        for _ in 0..TICKETS {
            let ticket = walk::open(&desk, &definition, &mut random);
            let mut at = desk.ticket(ticket.id()).unwrap();
            for _ in 0..300 {
                if at.state().kind().is_final() {
                    break;
                }
                let transition = walk::step(&desk, &workflow, &at, &mut random);
                *taken
                    .entry(
                        transition.unwrap_or_else(|| panic!("{}: stuck at {}", definition.name, at.status())),
                    )
                    .or_default() += 1;
                at = desk.ticket(ticket.id()).unwrap();
            }
            assert!(
                at.state().kind().is_final(),
                "{}: still {} after 300 steps",
                definition.name,
                at.status()
            );
            *ends.entry(at.status().to_owned()).or_default() += 1;
        }
        let process_map = desk.reports().process_map(&workflow).unwrap();
        if let Ok(directory) = std::env::var("PICTURES") {
            let name = definition.name.replace(' ', "_");
            let write = |ending: &str, text: String| {
                std::fs::write(format!("{directory}/{name}{ending}"), text).unwrap()
            };
            write(".svg", Picture::of(&workflow).svg());
            write(".counts.svg", Picture::of(&workflow).counting(&process_map).svg());
            write(".mmd", Picture::of(&workflow).counting(&process_map).mermaid());
            write(".dot", Picture::of(&workflow).counting(&process_map).dot());
        }
        assert_eq!(process_map.tickets(), TICKETS);
        let mut never = BTreeSet::new();
        for (from, status) in workflow.statuses() {
            assert_eq!(
                process_map.tickets_in(from),
                ends.get(&status.name).copied().unwrap_or(0),
                "{}",
                status.name
            );
            for (_, to) in workflow.transitions_from(from) {
                let transition = (status.name.clone(), to.name.clone());
                let count = taken.get(&transition).copied().unwrap_or(0);
                assert_eq!(
                    process_map.transition_count(from, workflow.find(&to.name).unwrap()),
                    count,
                    "{transition:?}"
                );
                if count == 0 {
                    never.insert(transition);
                }
            }
        }
        assert_eq!(never, BTreeSet::new(), "{}: transitions never taken", definition.name);
    }
}

/// An agent who may not pay and names no status is refused. The action does not fall through to the status of a
/// refusal.
#[test]
fn an_agent_without_the_right_to_pay_does_not_decline_by_accident() {
    use firstline::{Action, Actor, Kind, NewTicket};
    for (definition, kind) in
        [(retail_return::definition(), "return"), (card_dispute::definition(), "dispute")]
    {
        let desk = walk::desk(&definition);
        let request = NewTicket::new("Dear").from("boris").kind(Kind::from(kind));
        let request = request.field("price", 900).field("amount", 900).field("grounds", "not received");
        let ticket = desk.open_ticket(request).unwrap().id();
        desk.act(ticket, Action::start(), Actor::agent("anna")).unwrap();
        let solve = || Action::resolve_as("done", "done");
        let refused = desk.act(ticket, solve(), Actor::agent("anna")).unwrap_err();
        assert!(refused.rejection().is_some(), "{refused}");
        let decided = Action::field("verdict", if kind == "return" { "refuse" } else { "decline" });
        let done = desk.act(ticket, decided.and(solve()), Actor::agent("anna")).unwrap();
        assert!(["Refused", "Declined"].contains(&done.ticket.status()), "{}", done.ticket.status());
    }
}

/// The end of a chargeback's hold leads to `Decision`, and not to `Representment`, where an agent would resume it.
#[test]
fn a_silent_merchant_leads_to_the_decision() {
    use firstline::time::TimeDelta;
    use firstline::{Action, Actor, Kind, NewTicket};
    let desk = walk::desk(&card_dispute::definition());
    let request = NewTicket::new("Not mine").kind(Kind::from("dispute")).field("amount", 90);
    let request = request.field("grounds", "not received").field("days_since_posting", 3);
    let ticket = desk.open_ticket(request).unwrap();
    let until = ticket.opened_at + TimeDelta::days(30);
    let charge_back = Action::start().and(Action::hold_until("merchant", until));
    let receipt = desk.act(ticket.id(), charge_back, Actor::agent("anna")).unwrap();
    assert_eq!(receipt.ticket.status(), "Chargeback");
    assert!(desk.tick(until).unwrap().failed.is_empty());
    assert_eq!(desk.ticket(ticket.id()).unwrap().status(), "Decision");
}
