//! The presets: each builds, warns of nothing but what is meant so, and can be walked from its start to an end.

#[path = "workflow_presets/walk.rs"]
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use firstline::WorkflowDefinition;
use firstline::workflow::{Picture, preset};
use walk::Random;

const PRESETS: [fn() -> WorkflowDefinition; 5] =
    [preset::simple, preset::itil, preset::problem, preset::retail_return, preset::card_dispute];

#[test]
fn every_preset_builds_and_its_warnings_are_deliberate() {
    let warnings = |preset: fn() -> WorkflowDefinition| -> Vec<String> {
        let workflow = preset().build().unwrap_or_else(|error| panic!("{error}"));
        let found = workflow.warnings().map(|it| {
            let place = it.path.trim_start_matches("statuses[").trim_end_matches(']');
            let status =
                place.parse().map_or("?", |place: usize| &workflow.definition().statuses[place].name);
            format!("{} at {status}", it.kind)
        });
        found.collect()
    };
    let deliberate: [Vec<String>; 5] =
        [vec![], vec!["silence-does-not-close at Post-incident review".to_owned()], vec![], vec![], vec![]];
    assert_eq!(PRESETS.map(warnings), deliberate);
}

/// Enough that the rarest way is taken.
const TICKETS: u64 = 1_000;

/// Every way of every preset is taken, and counted as it was taken; every ticket comes to an end.
#[test]
fn every_preset_is_walked_on_all_of_its_ways_to_an_end() {
    for preset in PRESETS {
        let definition = preset();
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
                let way = walk::step(&desk, &workflow, &at, &mut random);
                *taken
                    .entry(way.unwrap_or_else(|| panic!("{}: stuck at {}", definition.name, at.status())))
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
        let traffic = desk.reports().traffic(&workflow).unwrap();
        if let Ok(directory) = std::env::var("PICTURES") {
            let name = definition.name.replace(' ', "_");
            let write = |ending: &str, text: String| {
                std::fs::write(format!("{directory}/{name}{ending}"), text).unwrap()
            };
            write(".svg", Picture::of(&workflow).svg());
            write(".counts.svg", Picture::of(&workflow).counting(&traffic).svg());
            write(".mmd", Picture::of(&workflow).counting(&traffic).mermaid());
            write(".dot", Picture::of(&workflow).counting(&traffic).dot());
        }
        assert_eq!(traffic.tickets(), TICKETS);
        let mut never = BTreeSet::new();
        for (from, status) in workflow.statuses() {
            assert_eq!(
                traffic.standing(from),
                ends.get(&status.name).copied().unwrap_or(0),
                "{}",
                status.name
            );
            for (_, to) in workflow.onward(from) {
                let way = (status.name.clone(), to.name.clone());
                let count = taken.get(&way).copied().unwrap_or(0);
                assert_eq!(traffic.took(from, workflow.find(&to.name).unwrap()), count, "{way:?}");
                if count == 0 {
                    never.insert(way);
                }
            }
        }
        assert_eq!(never, BTreeSet::new(), "{}: ways that nobody took", definition.name);
    }
}
