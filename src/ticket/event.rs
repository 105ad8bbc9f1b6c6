//! What happened: the history of a ticket, which only grows.
//!
//! Every event keeps facts and personal words apart. The facts ([`Change`], [`Actor`]) are ids, numbers and names
//! of the desk's own definitions; everything a person wrote or is called stands in [`Personal`]. Erasure removes
//! the latter and leaves every fact, every clock and every report as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::definition::Fingerprint;
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::{Reason, State, StateKind, StepKind};
use crate::line::Line;
use crate::priority::Assessment;
use crate::sla::{Alert, Clock};
use crate::ticket::kind::{Channel, Kind, Link, TicketNumber};
use crate::ticket::people::{Actor, ContactRole};
use crate::ticket::personal::Personal;
use crate::ticket::timer::TimerKind;
use crate::value::{Attributes, Value};
use crate::workflow::Placement;

/// One thing that happened to a ticket: what, when, who, and in whose words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Event {
    /// The ticket.
    pub ticket: TicketId,
    /// The ticket's version after this event: 1 for the opening, then without gaps.
    pub version: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it, with what was known of them then.
    pub by: Actor,
    /// What changed.
    pub change: Change,
    /// The personal part: words, names, addresses.
    #[serde(default, skip_serializing_if = "Personal::is_empty")]
    pub personal: Personal,
    /// Where it came from, when it was imported from another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// The facts of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// It was registered.
    Opened(Box<Opened>),
    /// A contact wrote or spoke.
    Received {
        /// What came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Attachment>,
    },
    /// The desk answered, publicly.
    Replied {
        /// What went with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Attachment>,
    },
    /// An internal note.
    Noted {
        /// What was attached.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Attachment>,
    },
    /// It went from one state to another, or to the same one with another content.
    Moved {
        /// From.
        from: StateKind,
        /// To, with what the state carries.
        to: State,
        /// The step taken; `None` where the lifecycle knows no such step (imported history only).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepKind>,
        /// What brought it about.
        #[serde(default, skip_serializing_if = "Cause::is_action")]
        cause: Cause,
        /// The code of the resolution, of the desk's own list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The status that it entered, where it follows a workflow of the desk's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Arc<str>>,
    },
    /// It passed from one status of its workflow to another of the same state.
    StatusChanged {
        /// From.
        from: Arc<str>,
        /// To.
        to: Arc<str>,
    },
    /// It went over to another workflow, or to another version of its own. The state stays.
    WorkflowMigrated {
        /// To which workflow and status; `None` for [`simple`](crate::workflow::SIMPLE).
        to: Option<Placement>,
        /// What brought it about.
        cause: TransferCause,
    },
    /// The workflow refused the step of a timer. The ticket stays in its status, and the timer is removed.
    TimerExpired {
        /// The timer.
        timer: TimerKind,
        /// The refused step.
        step: StepKind,
        /// The status of the ticket at the time.
        status: Arc<str>,
        /// Every reason for the refusal.
        reasons: Vec<Reason>,
    },
    /// It was given to an agent, or to nobody.
    Assigned {
        /// To whom.
        to: Option<AgentId>,
    },
    /// It went to another team or line.
    HandedOver {
        /// To which team.
        team: Option<TeamId>,
        /// On which line that team stands.
        line: Line,
    },
    /// Its description changed. What is absent stayed as it was.
    Described(Box<Described>),
    /// Its priority, or what the priority is computed from, changed.
    Prioritised {
        /// The modifiers named on the ticket.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        modifiers: BTreeSet<String>,
        /// The priority with its reasons.
        assessment: Box<Assessment>,
    },
    /// A clock reached a percentage of its target at which the agreement wants a warning.
    Warned(Alert),
    /// A clock passed its deadline.
    Breached(Alert),
    /// What the events since the last of this sort mean for the ticket's clocks: those that changed, as they are now.
    Clocked {
        /// The clocks; of several cycles of a metric each, in order.
        clocks: Vec<Clock>,
    },
    /// Its clocks changed over to another version of the agreements.
    PolicyRebound {
        /// The hash of that version.
        agreements: Fingerprint,
    },
    /// It was linked with another ticket.
    Linked(Link),
    /// A link was taken away.
    Unlinked(Link),
    /// Imported history says again that it is in the state in which it is: the time of that state moves.
    StateRedated,
    /// Imported history names a status that has no state here. The state stays; the name is kept.
    StatusUnmapped {
        /// The other system's name of the status.
        status: String,
    },
    /// Imported history was taken in up to here.
    Imported {
        /// How many versions of the other system's record.
        versions: u32,
        /// A fingerprint of those versions: a second import must begin with the same.
        fingerprint: String,
    },
}

/// Why a ticket went over to another workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferCause {
    /// Its kind changed, and the new kind follows another.
    Kind,
    /// The desk migrated its tickets.
    Migration,
}

impl Change {
    /// Whether it is what a timer brought about.
    pub(crate) fn is_by_timer(&self) -> bool {
        matches!(
            self,
            Change::Warned(_)
                | Change::Breached(_)
                | Change::TimerExpired { .. }
                | Change::Moved { cause: Cause::Timer(_), .. }
        )
    }
}

/// The facts of an opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// The running number.
    pub number: TicketNumber,
    /// What it is about.
    pub kind: Kind,
    /// How it came.
    pub channel: Channel,
    /// The state in which it begins: new, but for imported history.
    pub state: State,
    /// The code of its resolution, of imported history that begins resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_code: Option<String>,
    /// The people and what they are to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<ContactId, ContactRole>,
    /// What was known of these people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<ContactId, Attributes>,
    /// Category path, from general to special.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Custom fields other than text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// The modifiers named on it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub modifiers: BTreeSet<String>,
    /// The priority with its reasons.
    pub assessment: Assessment,
    /// The first team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The line on which it begins.
    #[serde(default)]
    pub line: Line,
    /// The first agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<AgentId>,
    /// What came with the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// What it is called in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRef>,
    /// Its workflow and the first status there, where it follows one of the desk's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Placement>,
}

/// A changed description. What is `None` or empty stayed as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Described {
    /// The new kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Whether the subject was set. Its words are in the personal part.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub subject: bool,
    /// The corrected channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The new category path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Vec<String>>,
    /// Tags put on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tagged: BTreeSet<String>,
    /// Tags taken off.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub untagged: BTreeSet<String>,
    /// Fields set, other than text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// Text fields set. Their values are in the personal part.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub text_fields: BTreeSet<String>,
    /// Fields emptied, of any type.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub emptied: BTreeSet<String>,
    /// Contacts added, or given another part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<ContactId, ContactRole>,
    /// Contacts taken away.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<ContactId>,
    /// What is now known of contacts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<ContactId, Attributes>,
}

/// What brought a move about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// Somebody's action.
    #[default]
    Action,
    /// A message of the requester.
    Message,
    /// A timer that fell due.
    Timer(TimerKind),
}

impl Cause {
    fn is_action(&self) -> bool {
        *self == Cause::Action
    }
}

/// A file that came with a message: what it is, and where the host keeps it. The content stays with the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The host's key of the content.
    pub key: String,
}

/// What a ticket is called in another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalRef {
    /// The other system's name.
    pub source: String,
    /// Its id there.
    pub id: String,
}

/// Where an imported event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The version of the other system's record, counted from 1.
    pub version: u32,
    /// The lifecycle of this crate would have refused the step; it was applied as it happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irregular: bool,
}
