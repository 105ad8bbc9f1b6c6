//! The presets: each builds, warns of nothing but what is meant so, and can be walked from its start to an end.

use firstline::WorkflowDefinition;
use firstline::workflow::preset;

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
    assert_eq!(
        PRESETS.map(warnings),
        [vec![], vec!["silence-does-not-close at Post-incident review".to_owned()], vec![], vec![], vec![],]
    );
}
