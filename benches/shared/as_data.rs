//! The lifecycle as data: a workflow table of firstline, and a simple map keyed by names.

use std::collections::HashMap;
use std::hint::black_box;

use firstline::lifecycle::{StateKind, StepKind};
use firstline::workflow::{StatusId, Trigger, Workflow};

/// Takes a step by the table of the workflow.
#[inline]
pub(crate) fn take(workflow: &Workflow, status: &mut StatusId, step: StepKind) -> bool {
    match workflow.take(*status, Trigger::Step(step), &()) {
        Some(to) => {
            *status = to;
            true
        }
        None => {
            black_box((*status, step));
            false
        }
    }
}

/// A machine with named states and steps.
pub(crate) struct ByName(HashMap<String, HashMap<String, String>>);

impl ByName {
    pub(crate) fn new() -> ByName {
        let mut table: HashMap<String, HashMap<String, String>> = HashMap::new();
        for state in StateKind::ALL {
            let row = table.entry(state.name().to_owned()).or_default();
            for step in state.accepted() {
                row.insert(step.to_string(), step.target().name().to_owned());
            }
        }
        ByName(table)
    }

    /// The same steps as names.
    pub(crate) fn steps(steps: &[StepKind]) -> Vec<&'static str> {
        let names: Vec<&'static str> = StepKind::ALL.iter().map(|it| &*it.to_string().leak()).collect();
        steps.iter().map(|step| names[*step as usize]).collect()
    }

    #[inline]
    pub(crate) fn take(&self, state: &mut String, step: &str) -> bool {
        match self.0.get(state).and_then(|row| row.get(step)) {
            Some(to) => {
                state.clone_from(to);
                true
            }
            None => {
                black_box((state.as_str(), step));
                false
            }
        }
    }
}
