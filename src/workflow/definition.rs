//! A workflow as data: statuses, transitions, guards, obligations and rules, as somebody wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::transition::Transition;
use crate::condition::Condition;
use crate::lifecycle::{HoldReason, StateKind};

/// A workflow as it is written: in code, as here, or in TOML or JSON. It says nothing of whether it is sound;
/// [`build`](WorkflowDefinition::build) checks it as a whole and gives a [`Workflow`](super::Workflow).
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
    /// What it is called at the desk.
    pub name: String,
    /// The author's version, from 1. A changed workflow needs a greater one: live tickets stay on theirs.
    pub version: u32,
    /// Which kinds of tickets follow it; with none, all those that no other workflow claims.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<String>,
    /// Conditions on the ticket and the actor, by the name under which refusals speak of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub guards: BTreeMap<String, Condition>,
    /// The statuses, in the order in which pictures and lists show them.
    pub statuses: Vec<Status>,
    /// The ways from status to status.
    pub transitions: Vec<Transition>,
    /// What must lie on every way to somewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<MustPass>,
}

impl WorkflowDefinition {
    /// A workflow without statuses yet, in its first version, for every kind.
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

    /// The author's version, from 1.
    #[must_use]
    pub fn version(mut self, version: u32) -> WorkflowDefinition {
        self.version = version;
        self
    }

    /// Tickets of this kind follow it.
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

    /// Names a condition. It may look at all that the ticket has (see [`ticket::facts`](crate::ticket::facts)), and
    /// at `actor`, `actor.is` and `actor.NAME`: who acts, what they are, and their attributes.
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

    /// Demands that every way from the start to a place pass another.
    ///
    /// ```
    /// # use firstline::StateKind;
    /// # use firstline::workflow::{self, StatusSelector};
    /// let itil = workflow::preset::itil()
    ///     .every_way_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved));
    /// assert!(itil.build().is_ok());
    /// ```
    #[must_use]
    pub fn every_way_to(mut self, to: StatusSelector, passes: StatusSelector) -> WorkflowDefinition {
        self.rules.push(MustPass { every_way_to: to, passes });
        self
    }
}

/// A named step of work. It belongs to one [`State`](crate::State), on which alone clocks and reports depend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// What it is called, in any language.
    pub name: String,
    /// The state that it refines.
    pub state: StateKind,
    /// Whether an action that names no status leads to this one, where several of its state could be meant.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Of a status on hold: what it waits for. With it, only a hold for this reason leads here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
    /// The fields that must be filled before a ticket enters it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub enter: BTreeSet<String>,
    /// The fields that must be filled before a ticket leaves it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub leave: BTreeSet<String>,
}

impl Status {
    /// A status that refines this state.
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

    /// The one meant by an action that names none.
    #[must_use]
    pub fn by_default(mut self) -> Status {
        self.default = true;
        self
    }

    /// What it waits for.
    #[must_use]
    pub fn holding_for(mut self, reason: impl Into<HoldReason>) -> Status {
        self.reason = Some(reason.into());
        self
    }

    /// A field that must be filled before a ticket enters it: `category`, `assignee`, `team`, `requester`,
    /// `resolution_code` or `field.NAME`.
    #[must_use]
    pub fn enter(mut self, field: impl Into<String>) -> Status {
        self.enter.insert(field.into());
        self
    }

    /// A field that must be filled before a ticket leaves it.
    #[must_use]
    pub fn leave(mut self, field: impl Into<String>) -> Status {
        self.leave.insert(field.into());
        self
    }
}

/// A demand on the graph: every way from the start to one place passes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MustPass {
    /// Where the ways lead.
    pub every_way_to: StatusSelector,
    /// What lies on each.
    pub passes: StatusSelector,
}

/// A place in a workflow: one status, by its name, or all of a state, as `state:closed`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusSelector {
    /// One status.
    Status(String),
    /// Every status of a state.
    State(StateKind),
}

impl StatusSelector {
    /// What marks a state, so that a status may be called like one.
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
