//! Workflow definitions: statuses, transitions, guards and rules as their author wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::transition::Transition;
use crate::condition::Condition;
use crate::lifecycle::{HoldReason, StateKind};

/// A workflow as written: in code, as below, or in TOML or JSON.
///
/// A definition is not checked until [`build`](WorkflowDefinition::build), which checks it as a whole and returns a
/// [`Workflow`](super::Workflow).
///
/// ```
/// use firstline::workflow::{Status, Transition};
/// use firstline::{Condition, StateKind, StepKind, WorkflowDefinition};
///
/// let returns = WorkflowDefinition::new("returns")
///     .for_kind("request")
///     .status(Status::new("Requested", StateKind::New))
///     .status(Status::new("Awaiting parcel", StateKind::OnHold).holding_for("customer"))
///     .status(Status::new("Inspection", StateKind::Active).enter("category"))
///     .status(Status::new("Refunded", StateKind::Resolved))
///     .status(Status::new("Done", StateKind::Closed))
///     .guard("cheap", Condition::field("field.price").at_most(20))
///     .transition(Transition::step(StepKind::Hold, "Requested", "Awaiting parcel"))
///     .transition(Transition::step(StepKind::Resolve, "Requested", "Refunded").when("cheap"))
///     .transition(Transition::step(StepKind::Resume, "Awaiting parcel", "Inspection"))
///     .transition(Transition::step(StepKind::Resolve, "Inspection", "Refunded").with_reason())
///     .transition(Transition::step(StepKind::Reopen, "Refunded", "Inspection"))
///     .transition(Transition::step(StepKind::Close, "Refunded", "Done"))
///     .transition(Transition::step(StepKind::Confirm, "Refunded", "Done"));
/// let workflow = returns.build()?;
/// assert_eq!(workflow.start().name, "Requested");
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WorkflowDefinition {
    /// The name of the workflow at the desk.
    pub name: String,
    /// The author's version, from 1. A changed workflow needs a higher version; live tickets stay on the old one.
    pub version: u32,
    /// The kinds of tickets that follow this workflow. Empty: every kind that no other workflow claims.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<String>,
    /// Conditions on the ticket and the actor, by name. Rejections show the name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub guards: BTreeMap<String, Condition>,
    /// The statuses, in the order in which pictures and lists show them.
    pub statuses: Vec<Status>,
    /// The transitions between statuses.
    pub transitions: Vec<Transition>,
    /// Statuses or states that every path to a target must pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<MustPass>,
}

impl WorkflowDefinition {
    /// Creates a workflow with version 1 and no statuses, for every kind that no other workflow claims.
    pub fn new(name: impl Into<String>) -> WorkflowDefinition {
        WorkflowDefinition {
            name: name.into(),
            version: 1,
            kinds: BTreeSet::new(),
            guards: BTreeMap::new(),
            statuses: Vec::new(),
            transitions: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Sets the author's version, from 1.
    #[must_use]
    pub fn version(mut self, version: u32) -> WorkflowDefinition {
        self.version = version;
        self
    }

    /// Adds a kind of tickets that follow this workflow.
    #[must_use]
    pub fn for_kind(mut self, kind: impl Into<String>) -> WorkflowDefinition {
        self.kinds.insert(kind.into());
        self
    }

    /// Adds a status.
    #[must_use]
    pub fn status(mut self, status: Status) -> WorkflowDefinition {
        self.statuses.push(status);
        self
    }

    /// Adds a named condition.
    ///
    /// The condition may use every fact of the ticket (see [`ticket::facts`](crate::ticket::facts)), and `actor` (the
    /// actor's id), `actor.is` (the kind of actor) and `actor.NAME` (an attribute of the actor).
    #[must_use]
    pub fn guard(mut self, name: impl Into<String>, condition: Condition) -> WorkflowDefinition {
        self.guards.insert(name.into(), condition);
        self
    }

    /// Adds a transition.
    #[must_use]
    pub fn transition(mut self, transition: Transition) -> WorkflowDefinition {
        self.transitions.push(transition);
        self
    }

    /// Requires every path from the start to `to` to pass `must_pass`.
    ///
    /// ```
    /// # use firstline::StateKind;
    /// # use firstline::workflow::{self, StatusSelector};
    /// let itil = workflow::preset::itil()
    ///     .every_path_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved));
    /// assert!(itil.build().is_ok());
    /// ```
    #[must_use]
    pub fn every_path_to(mut self, to: StatusSelector, must_pass: StatusSelector) -> WorkflowDefinition {
        self.rules.push(MustPass { every_path_to: to, must_pass });
        self
    }
}

/// A named stage of work. It belongs to one [`State`](crate::State); clocks and reports depend on the state alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The name, in any language.
    pub name: String,
    /// The state that this status refines.
    pub state: StateKind,
    /// True if this is the target of actions that name no status. At most one status of each state may be the default.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// The hold reason of a status on hold. If set, only a hold for this reason leads here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
    /// Fields that must be filled before a ticket enters this status.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub enter: BTreeSet<String>,
    /// Fields that must be filled before a ticket leaves this status, except to be cancelled.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub leave: BTreeSet<String>,
}

impl Status {
    /// Creates a status that refines `state`.
    pub fn new(name: impl Into<String>, state: StateKind) -> Status {
        Status {
            name: name.into(),
            state,
            default: false,
            reason: None,
            enter: BTreeSet::new(),
            leave: BTreeSet::new(),
        }
    }

    /// Makes this the target of actions that name no status.
    #[must_use]
    pub fn by_default(mut self) -> Status {
        self.default = true;
        self
    }

    /// Sets the hold reason.
    #[must_use]
    pub fn holding_for(mut self, reason: impl Into<HoldReason>) -> Status {
        self.reason = Some(reason.into());
        self
    }

    /// Adds a field that must be filled before a ticket enters this status: `category`, `tags`, `assignee`, `team`,
    /// `requester`, `resolution_code` or `field.NAME`.
    #[must_use]
    pub fn enter(mut self, field: impl Into<String>) -> Status {
        self.enter.insert(field.into());
        self
    }

    /// Adds a field that must be filled before a ticket leaves this status.
    #[must_use]
    pub fn leave(mut self, field: impl Into<String>) -> Status {
        self.leave.insert(field.into());
        self
    }
}

/// A rule about the graph: every path from the start to one place passes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MustPass {
    /// The end of the paths.
    pub every_path_to: StatusSelector,
    /// The place that each of these paths must pass.
    pub must_pass: StatusSelector,
}

/// One status by its name, or every status of a state, written as `state:closed`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusSelector {
    /// One status.
    Status(String),
    /// Every status of a state.
    State(StateKind),
}

impl StatusSelector {
    /// The prefix of a state. It allows a status to have the same name as a state.
    pub(super) const STATE: &'static str = "state:";
}

impl fmt::Display for StatusSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusSelector::Status(name) => f.write_str(name),
            StatusSelector::State(state) => write!(f, "{}{}", StatusSelector::STATE, state.name()),
        }
    }
}

impl Serialize for StatusSelector {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
