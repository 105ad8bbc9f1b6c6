//! The position of a ticket: its workflow and its status.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::definition::Fingerprint;

/// A reference to the workflow that a ticket follows.
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

/// The position of a ticket in a workflow.
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
