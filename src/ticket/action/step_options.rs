//! The options of a step.

use serde::{Deserialize, Serialize};

/// The options of a step: its status and its comment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepOptions {
    /// The status after the step; `None` lets the workflow choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// A comment that explains the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl StepOptions {
    pub(super) fn is_empty(&self) -> bool {
        *self == StepOptions::default()
    }
}
