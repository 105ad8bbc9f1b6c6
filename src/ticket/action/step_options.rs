//! Where an action leads, and why: the status that it names, and its reason in words.

use serde::{Deserialize, Serialize};

/// Where a step leads, and why it is taken, as far as somebody says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepOptions {
    /// The status to which it leads; where none is named, the workflow says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl StepOptions {
    pub(super) fn is_empty(&self) -> bool {
        *self == StepOptions::default()
    }
}
