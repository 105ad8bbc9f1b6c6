//! What a picture shows: the statuses of a workflow in their groups, the ways between them, and counts.

use std::collections::BTreeMap;

use crate::lifecycle::StateKind;
use crate::workflow::compiled::Workflow;
use crate::workflow::process_map::ProcessMap;
use crate::workflow::table::StatusId;

/// A picture of a workflow, to be written in one of three forms.
///
/// ```
/// use firstline::workflow::{Picture, ProcessMap, Workflow};
///
/// let simple = Workflow::simple();
/// let picture = Picture::of(simple);
/// assert!(picture.mermaid().contains(r#"s1 -->|"resolve"| s3"#));
/// assert!(picture.dot().contains(r#"s1 -> s3 [label="resolve""#));
/// assert!(picture.svg().starts_with("<svg"));
///
/// let process_map = ProcessMap::new(simple); // desk.reports().traffic(simple)?, or counted by yourself
/// assert!(picture.counting(&process_map).mermaid().contains(r#"s1 -->|"resolve: 0"| s3"#));
/// ```
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) process_map: Option<&'a ProcessMap>,
}

/// All ways from one status to another.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) from: usize,
    pub(super) to: usize,
    /// What takes them, one in a line.
    pub(super) labels: Vec<String>,
    /// How many tickets went.
    pub(super) count: Option<u64>,
}

impl<'a> Picture<'a> {
    /// The picture of this workflow, without counts.
    pub fn of(workflow: &'a Workflow) -> Picture<'a> {
        Picture { workflow, process_map: None }
    }

    /// With counts: how many tickets stand in each status and went each way. Those of another workflow, or of another
    /// version of this one, are not shown.
    #[must_use]
    pub fn counting(mut self, process_map: &'a ProcessMap) -> Picture<'a> {
        self.process_map = Some(process_map).filter(|it| it.is_of(self.workflow.reference()));
        self
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.workflow.statuses().map(|(id, status)| (id.place(), status.name.as_str()))
    }

    pub(super) fn state(&self, status: usize) -> StateKind {
        self.workflow.definition().statuses[status].state
    }

    pub(super) fn start(&self) -> usize {
        self.workflow.find(&self.workflow.start().name).map_or(0, StatusId::place)
    }

    /// The states that have a status here, each with its statuses.
    pub(super) fn groups(&self) -> impl Iterator<Item = (StateKind, Vec<usize>)> {
        let all = 0..self.workflow.definition().statuses.len();
        StateKind::ALL.iter().filter_map(move |state| {
            let of_state: Vec<usize> = all.clone().filter(|it| self.state(*it) == *state).collect();
            (!of_state.is_empty()).then_some((*state, of_state))
        })
    }

    /// How many tickets stand in a status.
    pub(super) fn standing(&self, status: usize) -> Option<u64> {
        let (id, _) = self.workflow.statuses().nth(status)?;
        self.process_map.map(|it| it.standing(id))
    }

    /// All ways, those between the same two statuses as one, in the order in which they are written.
    pub(super) fn routes(&self) -> Vec<Route> {
        let mut places = BTreeMap::new();
        let mut routes: Vec<Route> = Vec::new();
        for transition in &self.workflow.definition().transitions {
            let mut label = transition.action.to_string();
            if !transition.when.is_empty() {
                label.push_str(&format!(" [{}]", transition.when.join(", ")));
            }
            if !transition.may.is_empty() {
                let may: Vec<String> = transition.may.iter().map(ToString::to_string).collect();
                label.push_str(&format!(" ({})", may.join(", ")));
            }
            let Some(to) = self.workflow.find(&transition.to) else { continue };
            for from in transition.from.iter().filter_map(|it| self.workflow.find(it)) {
                let place = *places.entry((from, to)).or_insert_with(|| {
                    let count = self.process_map.map(|it| it.took(from, to));
                    routes.push(Route { from: from.place(), to: to.place(), labels: Vec::new(), count });
                    routes.len() - 1
                });
                if !routes[place].labels.contains(&label) {
                    routes[place].labels.push(label.clone());
                }
            }
        }
        routes
    }
}

/// A line's width for so many tickets: by the logarithm, so that rare ways stay visible beside busy ones.
pub(super) fn width(count: u64, most: u64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    // Counts beyond 2^53 would lose their last digits, which no eye sees.
    1.4 + 4.6 * (count as f64).ln_1p() / (most.max(1) as f64).ln_1p()
}
