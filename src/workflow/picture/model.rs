//! The content of a picture: the statuses by state, the routes between them, and the counts.

use std::collections::BTreeMap;

use crate::lifecycle::StateKind;
use crate::workflow::compiled::Workflow;
use crate::workflow::process_map::ProcessMap;
use crate::workflow::table::StatusId;

/// A picture of a workflow, in one of three formats.
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
/// let process_map = ProcessMap::new(simple); // desk.reports().process_map(simple)?, or count it yourself
/// assert!(picture.counting(&process_map).mermaid().contains(r#"s1 -->|"resolve: 0"| s3"#));
/// ```
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) process_map: Option<&'a ProcessMap>,
}

/// All transitions from one status to another.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The label of each transition.
    pub(super) labels: Vec<String>,
    /// The number of tickets that took this route. `None` in a picture without counts.
    pub(super) count: Option<u64>,
}

impl<'a> Picture<'a> {
    /// Creates a picture of this workflow without counts.
    pub fn of(workflow: &'a Workflow) -> Picture<'a> {
        Picture { workflow, process_map: None }
    }

    /// Adds the number of tickets in each status and on each route. Has no effect if the counts are of another workflow
    /// or of another version of this one.
    #[must_use]
    pub fn counting(mut self, process_map: &'a ProcessMap) -> Picture<'a> {
        self.process_map = Some(process_map).filter(|it| it.is_of(self.workflow.reference()));
        self
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.workflow.statuses().map(|(id, status)| (id.index(), status.name.as_str()))
    }

    pub(super) fn state(&self, status: usize) -> StateKind {
        self.workflow.definition().statuses[status].state
    }

    pub(super) fn start(&self) -> usize {
        self.workflow.find(&self.workflow.start().name).map_or(0, StatusId::index)
    }

    /// The states that have a status in this workflow, each with the indexes of its statuses.
    pub(super) fn groups(&self) -> impl Iterator<Item = (StateKind, Vec<usize>)> {
        let all = 0..self.workflow.definition().statuses.len();
        StateKind::ALL.iter().filter_map(move |state| {
            let of_state: Vec<usize> = all.clone().filter(|it| self.state(*it) == *state).collect();
            (!of_state.is_empty()).then_some((*state, of_state))
        })
    }

    /// The number of tickets in a status. `None` in a picture without counts.
    pub(super) fn tickets_in(&self, status: usize) -> Option<u64> {
        let (id, _) = self.workflow.statuses().nth(status)?;
        self.process_map.map(|it| it.tickets_in(id))
    }

    /// All routes, in the order of the definition. Transitions between the same two statuses form one route.
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
                    let count = self.process_map.map(|it| it.transition_count(from, to));
                    routes.push(Route { from: from.index(), to: to.index(), labels: Vec::new(), count });
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

/// The width of a line for a number of tickets. It grows with the logarithm, so that rare routes stay visible next to
/// busy ones.
pub(super) fn width(count: u64, most: u64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    // The loss of precision above 2^53 is invisible.
    1.4 + 4.6 * (count as f64).ln_1p() / (most.max(1) as f64).ln_1p()
}
