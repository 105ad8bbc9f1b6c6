//! The lifecycle as data: a table of firstline's, and one keyed by names, as one writes it in an afternoon.

use std::collections::HashMap;
use std::hint::black_box;

use firstline::lifecycle::{StateKind, StepKind};
use firstline::workflow::{StatusId, Trigger, Workflow};

/// Takes a step by the workflow's table.
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

/// A machine whose states and steps are called by their names.
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

    /// The same steps by name.
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
