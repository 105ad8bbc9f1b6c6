//! The plan of a migration: how live tickets go over to another version of their workflow, or to another workflow.
//!
//! A workflow that changed is a new version, and live tickets stay on theirs until somebody says where each occupied
//! status leads. That is said here, as data; a desk [rehearses](crate::desk::Setup::rehearse) it, which writes nothing,
//! and then [carries it out](crate::desk::Setup::migrate).
//!
//! - The state never changes, so clocks, reports and typed handles are as before: a status may only be mapped to one of
//!   the same state. A status that the new version has too, under the same name and for the same state, needs no word.
//! - All tickets of a status come into one: where a status was split, into that part which you name; whoever knows
//!   better then moves single ones on with [`Action::move_to`](crate::Action::move_to).
//! - What the new status demands on entering must be filled in, or is [filled](Migration::fill) by the plan where it is
//!   empty. What a ticket has is never overwritten.
//! - Tickets go over whose kind follows the new workflow by the policy in force. Others stay, and are counted.
//! - Finished tickets, closed or cancelled, stay on their version for ever: their history is told in its words.
//!   Resolved ones go over, since they may be reopened.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use super::compiled::Workflow;
use super::definition::WorkflowDefinition;
use super::preset::SIMPLE;
use super::table::StatusId;
use crate::lifecycle::StateKind;
use crate::suggest;
use crate::value::Value;

/// How live tickets go over from one workflow to another, or from one version to the next.
///
/// ```
/// use firstline::workflow::Migration;
///
/// let plan = Migration::of("returns")
///     .from_version(1)
///     .to("returns", 2)
///     .map("Awaiting parcel", "Parcel on its way")
///     .fill("category", ["returns"])
///     .fill("field.condition", "unknown");
///
/// let written: Migration = serde_json::from_str(r#"{
///     "from": "returns", "from_version": 1, "to": "returns", "to_version": 2,
///     "statuses": {"Awaiting parcel": "Parcel on its way"},
///     "fill": {"category": ["returns"], "field.condition": "unknown"}
/// }"#).unwrap();
/// assert_eq!(written, plan);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Migration {
    /// The workflow that tickets leave.
    pub from: String,
    /// Its version; without it, every version but the one to which they go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_version: Option<u32>,
    /// The workflow to which they go. It must be in force, or be [`simple`](SIMPLE).
    pub to: String,
    /// Its version, so that a plan cannot meet a later one by mistake; without it, the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<u32>,
    /// From status to status, where the name or the state is another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses: BTreeMap<String, String>,
    /// What is filled in where a status demands it on entering and the ticket has nothing there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fill: BTreeMap<String, Value>,
}

impl Migration {
    /// All live tickets of this workflow that are not on its version in force go over to that.
    pub fn of(workflow: impl Into<String>) -> Migration {
        let from = workflow.into();
        Migration {
            to: from.clone(),
            from,
            from_version: None,
            to_version: None,
            statuses: BTreeMap::new(),
            fill: BTreeMap::new(),
        }
    }

    /// Only those of this version.
    #[must_use]
    pub fn from_version(mut self, version: u32) -> Migration {
        self.from_version = Some(version);
        self
    }

    /// To this workflow in this version.
    #[must_use]
    pub fn to(mut self, workflow: impl Into<String>, version: u32) -> Migration {
        (self.to, self.to_version) = (workflow.into(), Some(version));
        self
    }

    /// Tickets in one status come into another of the same state.
    #[must_use]
    pub fn map(mut self, from: impl Into<String>, to: impl Into<String>) -> Migration {
        self.statuses.insert(from.into(), to.into());
        self
    }

    /// Where a ticket comes into a status that demands this field on entering, and has nothing there, it gets this:
    /// `category` takes a list of names, from general to special; `assignee` and `team` the host's id; `field.NAME`
    /// a value of the field's type.
    #[must_use]
    pub fn fill(mut self, field: impl Into<String>, value: impl Into<Value>) -> Migration {
        self.fill.insert(field.into(), value.into());
        self
    }

    /// Where a ticket comes that stands in this status.
    pub(crate) fn leads(&self, to: &Workflow, status: &str, state: StateKind) -> Option<StatusId> {
        let name = self.statuses.get(status).map_or(status, String::as_str);
        to.find(name).filter(|id| to.status(*id).state == state)
    }

    /// The workflow to which tickets go, if it is in force.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub(crate) fn target<'a>(
        &self,
        in_force: &'a Catalogue,
        known: &[WorkflowDefinition],
    ) -> Result<&'a Workflow, String> {
        let simple = (self.to == SIMPLE).then(Workflow::simple);
        let Some(target) = in_force.named(&self.to).or(simple) else {
            return Err(match known.iter().any(|it| it.name == self.to) {
                true => format!("the workflow {:?} is not in force: adopt a policy with it first", self.to),
                false => unknown_workflow(&self.to, known),
            });
        };
        match self.to_version {
            Some(version) if version != target.reference().version => {
                Err(format!("{} v{version} is not in force, but {} is", self.to, target.reference()))
            }
            _ => Ok(target),
        }
    }

    /// What is wrong with the plan itself, by all definitions that there have been.
    pub(crate) fn faults(&self, known: &[WorkflowDefinition], to: Option<&Workflow>) -> Vec<String> {
        let mut faults = Vec::new();
        let versions: BTreeSet<u32> =
            known.iter().filter(|it| it.name == self.from).map(|it| it.version).collect();
        let wanted = |it: &&WorkflowDefinition| {
            it.name == self.from && self.from_version.is_none_or(|version| version == it.version)
        };
        let mut sources: Vec<&WorkflowDefinition> = known.iter().filter(wanted).collect();
        match self.from_version {
            _ if versions.is_empty() => faults.push(unknown_workflow(&self.from, known)),
            Some(version) if sources.is_empty() => faults.push(format!(
                "{} v{version} is not known; there is {}",
                self.from,
                versions.iter().map(|it| format!("v{it}")).collect::<Vec<_>>().join(", "),
            )),
            _ => {}
        }
        let Some(to) = to else { return faults };
        let there_were = !sources.is_empty();
        sources.retain(|it| *it != to.definition());
        if there_were && sources.is_empty() && self.from_version.is_some() {
            faults.push(format!("{} is to go over to itself", to.reference()));
            return faults;
        }
        for (old, new) in &self.statuses {
            self.check_pair(old, new, &sources, to, &mut faults);
        }
        self.check_demands(to, &mut faults);
        faults
    }

    fn check_pair(
        &self,
        old: &str,
        new: &str,
        sources: &[&WorkflowDefinition],
        to: &Workflow,
        faults: &mut Vec<String>,
    ) {
        let here = sources.iter().flat_map(|it| &it.statuses);
        let states: BTreeSet<StateKind> =
            here.clone().filter(|it| it.name == old).map(|it| it.state).collect();
        let new_state = to.find(new).map(|id| to.status(id).state);
        if states.is_empty() && !sources.is_empty() {
            let unknown = suggest::unknown(old, here.map(|it| it.name.as_str()));
            let version = self.from_version.map_or_else(String::new, |version| format!(" v{version}"));
            faults.push(format!("the status {old:?} of {}{version} {unknown}", self.from));
        }
        let Some(new_state) = new_state else {
            let names = to.definition().statuses.iter().map(|it| it.name.as_str());
            faults.push(format!("the status {new:?} of {} {}", to.reference(), suggest::unknown(new, names)));
            return;
        };
        if let Some(old_state) = states.first().filter(|_| !states.contains(&new_state)) {
            faults.push(format!(
                "{old:?} is {} and {new:?} is {}: a migration leaves the state as it is",
                old_state.name(),
                new_state.name(),
            ));
        } else if new_state.is_final() && states.contains(&new_state) {
            let state = new_state.name();
            faults.push(format!("{old:?} is {state}: finished tickets stay on their version"));
        }
    }

    /// Only what a status demands is filled in, so a fill for anything else is a slip.
    fn check_demands(&self, to: &Workflow, faults: &mut Vec<String>) {
        let demanded: BTreeSet<&str> = to
            .definition()
            .statuses
            .iter()
            .filter(|it| !it.state.is_final())
            .flat_map(|it| it.enter.iter().map(String::as_str))
            .collect();
        for field in self.fill.keys().filter(|it| !demanded.contains(it.as_str())) {
            let meant = suggest::nearest(field, demanded.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean {meant:?}?)"));
            faults.push(format!(
                "fill {field:?}: no status of {} demands it on entering{meant}",
                to.reference()
            ));
        }
    }

    /// What is to be said of a status in which tickets stand and that leads nowhere.
    pub(crate) fn unmapped(&self, to: &Workflow, status: &str, state: StateKind, tickets: usize) -> String {
        let of_state =
            || to.definition().statuses.iter().filter(|it| it.state == state).map(|it| it.name.as_str());
        let meant = suggest::nearest(status, of_state());
        let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean {meant:?}?)"));
        let there: Vec<String> = of_state().map(|name| format!("{name:?}")).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        let tickets = if tickets == 1 { "1 ticket".to_owned() } else { format!("{tickets} tickets") };
        let (to, state) = (to.reference(), state.name());
        format!(
            "{status:?} with {tickets} leads to no status of {to} that is {state}{meant}; there is {there}"
        )
    }
}

fn unknown_workflow(name: &str, known: &[WorkflowDefinition]) -> String {
    let names = known.iter().map(|it| it.name.as_str());
    format!("the workflow {name:?} {}", suggest::unknown(name, names))
}
