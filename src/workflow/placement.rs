//! Where a ticket stands: in which workflow, and in which status there.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Status, StatusId, Workflow};
use crate::definition::Fingerprint;
use crate::lifecycle::{HoldReason, State};

/// Which workflow a ticket follows: its name, the author's version, and the text itself by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowRef {
    /// The name.
    pub name: Arc<str>,
    /// The author's version.
    pub version: u32,
    /// The hash of the definition.
    pub hash: Fingerprint,
}

/// Where a ticket stands in a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The workflow.
    pub workflow: WorkflowRef,
    /// The status.
    pub status: Arc<str>,
}

/// `returns v2`
impl fmt::Display for WorkflowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.name, self.version)
    }
}

impl Workflow {
    /// The status that is meant for a ticket in this state where none is named: the default, else the first. Of those on
    /// hold only such as wait for the ticket's reason, or for anything.
    pub(crate) fn default_of(&self, state: &State) -> Option<StatusId> {
        let hold = match state {
            State::OnHold(hold) => Some(hold.reason.as_str()),
            _ => None,
        };
        let fits = |status: &Status| {
            let reason = status.reason.as_ref().map(HoldReason::as_str);
            status.state == state.kind() && (reason.is_none() || reason == hold)
        };
        let fitting = self.statuses().filter(|(_, status)| fits(status));
        fitting.min_by_key(|(_, status)| (status.reason.is_none(), !status.default)).map(|(id, _)| id)
    }

    /// Where a ticket stands that is in this status; `None` in [`SIMPLE`](super::SIMPLE), whose statuses are the states.
    pub(crate) fn placement(&self, status: StatusId) -> Option<Placement> {
        let status = self.status(status).name.as_str().into();
        (!self.is_simple()).then(|| Placement { workflow: self.reference().clone(), status })
    }

    /// Where a new ticket stands.
    pub(crate) fn beginning(&self) -> Option<Placement> {
        self.placement(self.0.table.start)
    }
}
