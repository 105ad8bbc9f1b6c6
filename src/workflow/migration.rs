//! Migration plans: how live tickets move to another version of their workflow, or to another workflow.
//!
//! A changed workflow is a new version, and live tickets stay on the old one. A [`Migration`] maps each occupied status
//! to a status of the new version. A desk can [preview](crate::desk::Setup::preview) a plan without writing anything,
//! and then [migrate](crate::desk::Setup::migrate) the tickets.
//!
//! - The state never changes, so clocks, reports and typed handles are unaffected. A status may be mapped only to a
//!   status of the same state. A status that exists in the new version with the same name and state needs no mapping.
//! - All tickets of a status move to the same status. If a status was split, map it to one of the parts; then move
//!   single tickets on with [`Action::move_to`](crate::Action::move_to).
//! - The fields that the new status requires on entering must be filled in. The plan can [fill](Migration::fill) the
//!   empty ones; it never overwrites a value.
//! - A ticket migrates only if the policy in force assigns its kind to the new workflow. Other tickets stay, and the
//!   report counts them.
//! - Closed and cancelled tickets stay on their version permanently, because their history uses its statuses. Resolved
//!   tickets migrate, because they may be reopened.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compiled::Workflow;
use super::definition::WorkflowDefinition;
use super::preset::SIMPLE;
use super::table::StatusId;
use super::workflow_set::WorkflowSet;
use crate::lifecycle::StateKind;
use crate::suggest;
use crate::value::Value;

/// A plan for moving live tickets to another workflow, or to another version of the same workflow.
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
    /// The version that tickets leave. `None`: every version except the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_version: Option<u32>,
    /// The target workflow. It must be in force, or be [`simple`](SIMPLE).
    pub to: String,
    /// The version of the target, which guards against applying the plan to a later version. `None`: the version in
    /// force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<u32>,
    /// Old status to new status, for statuses that changed their name or state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses: BTreeMap<String, String>,
    /// Values for fields that a status requires on entering, used if the ticket's field is empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fill: BTreeMap<String, Value>,
}

impl Migration {
    /// Plans to move all live tickets of a workflow to its version in force.
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

    /// Moves only tickets of this version.
    #[must_use]
    pub fn from_version(mut self, version: u32) -> Migration {
        self.from_version = Some(version);
        self
    }

    /// Moves tickets to this workflow, in this version.
    #[must_use]
    pub fn to(mut self, workflow: impl Into<String>, version: u32) -> Migration {
        (self.to, self.to_version) = (workflow.into(), Some(version));
        self
    }

    /// Maps a status to another status of the same state.
    #[must_use]
    pub fn map(mut self, from: impl Into<String>, to: impl Into<String>) -> Migration {
        self.statuses.insert(from.into(), to.into());
        self
    }

    /// Sets the value of a field that a status requires on entering, for tickets whose field is empty.
    ///
    /// `category` takes a list of names, from general to specific; `assignee` and `team` take the host's id;
    /// `field.NAME` takes a value of the field's type.
    #[must_use]
    pub fn fill(mut self, field: impl Into<String>, value: impl Into<Value>) -> Migration {
        self.fill.insert(field.into(), value.into());
        self
    }

    /// The new status of a ticket that has this status now. `None` if there is no mapping to the same state.
    pub(crate) fn new_status(&self, to: &Workflow, status: &str, state: StateKind) -> Option<StatusId> {
        let name = self.statuses.get(status).map_or(status, String::as_str);
        to.find(name).filter(|id| to.status(*id).state == state)
    }

    /// The target workflow, if it is in force.
    ///
    /// # Errors
    /// The workflow or its version is unknown or not in force.
    pub(crate) fn target<'a>(
        &self,
        in_force: &'a WorkflowSet,
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

    /// Returns the faults of the plan itself. `known` holds all definitions that the desk has ever adopted.
    pub(crate) fn faults(&self, known: &[WorkflowDefinition], to: Option<&Workflow>) -> Vec<String> {
        let mut faults = Vec::new();
        let versions: BTreeSet<u32> =
            known.iter().filter(|it| it.name == self.from).map(|it| it.version).collect();
        let matches = |it: &&WorkflowDefinition| {
            it.name == self.from && self.from_version.is_none_or(|version| version == it.version)
        };
        let mut sources: Vec<&WorkflowDefinition> = known.iter().filter(matches).collect();
        match self.from_version {
            _ if versions.is_empty() => faults.push(unknown_workflow(&self.from, known)),
            Some(version) if sources.is_empty() => faults.push(format!(
                "{} v{version} is not known; known versions: {}",
                self.from,
                versions.iter().map(|it| format!("v{it}")).collect::<Vec<_>>().join(", "),
            )),
            _ => {}
        }
        let Some(to) = to else { return faults };
        let had_sources = !sources.is_empty();
        sources.retain(|it| *it != to.definition());
        if had_sources && sources.is_empty() && self.from_version.is_some() {
            faults.push(format!("the plan moves {} to itself", to.reference()));
            return faults;
        }
        for (old, new) in &self.statuses {
            self.check_pair(old, new, &sources, to, &mut faults);
        }
        self.check_fills(to, &mut faults);
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
                "{old:?} is {} and {new:?} is {}: a migration cannot change the state",
                old_state.name(),
                new_state.name(),
            ));
        } else if new_state.is_final() && states.contains(&new_state) {
            let state = new_state.name();
            faults.push(format!("{old:?} is {state}: finished tickets stay on their version"));
        }
    }

    /// A value for a field that no status requires is reported as a mistake.
    fn check_fills(&self, to: &Workflow, faults: &mut Vec<String>) {
        let required: BTreeSet<&str> = to
            .definition()
            .statuses
            .iter()
            .filter(|it| !it.state.is_final())
            .flat_map(|it| it.enter.iter().map(String::as_str))
            .collect();
        for field in self.fill.keys().filter(|it| !required.contains(it.as_str())) {
            let hint = suggest::nearest(field, required.iter().copied());
            let hint = hint.map_or_else(String::new, |hint| format!(" (did you mean {hint:?}?)"));
            faults.push(format!(
                "fill {field:?}: no status of {} requires it on entering{hint}",
                to.reference()
            ));
        }
    }

    /// The message for a status that has tickets and no mapping.
    pub(crate) fn unmapped_message(
        &self,
        to: &Workflow,
        status: &str,
        state: StateKind,
        tickets: usize,
    ) -> String {
        let of_state =
            || to.definition().statuses.iter().filter(|it| it.state == state).map(|it| it.name.as_str());
        let hint = suggest::nearest(status, of_state());
        let hint = hint.map_or_else(String::new, |hint| format!(" (did you mean {hint:?}?)"));
        let available: Vec<String> = of_state().map(|name| format!("{name:?}")).collect();
        let available = if available.is_empty() { "none".to_owned() } else { available.join(", ") };
        let tickets = if tickets == 1 { "1 ticket".to_owned() } else { format!("{tickets} tickets") };
        let (to, state) = (to.reference(), state.name());
        format!(
            "{status:?} ({tickets}) is not mapped to a status of {to} that is {state}{hint}; available: {available}"
        )
    }
}

fn unknown_workflow(name: &str, known: &[WorkflowDefinition]) -> String {
    let names = known.iter().map(|it| it.name.as_str());
    format!("the workflow {name:?} {}", suggest::unknown(name, names))
}
