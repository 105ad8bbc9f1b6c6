//! Events: the append-only history of a ticket.
//!
//! Every event stores its facts separately from its personal data. The facts ([`Change`], [`Actor`]) are ids, numbers
//! and names from the desk's own definitions. Texts that people wrote, their names and their addresses are in
//! [`Personal`]. Erasure removes the personal data and leaves every fact, every clock and every report unchanged.

mod public;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::definition::Fingerprint;
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::{RejectionReason, State, StateKind, StepKind};
use crate::line::Line;
use crate::priority::Assessment;
use crate::sla::{Alert, Clock};
use crate::ticket::hold_end::HoldEnd;
use crate::ticket::import_mark::ImportMark;
use crate::ticket::kind::{Channel, Kind, Link, TicketNumber};
use crate::ticket::people::{Actor, ContactRole, Machine, Who};
use crate::ticket::personal::Personal;
use crate::ticket::timer::TimerKind;
use crate::value::{Attributes, Value};
use crate::workflow::Placement;

/// One event in the history of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Event {
    /// The ticket.
    pub ticket: TicketId,
    /// The ticket's version after this event: 1 for the opening, then without gaps.
    pub version: u64,
    /// The instant of the event.
    pub at: DateTime<Utc>,
    /// The actor, with the attributes that they had then.
    pub by: Actor,
    /// The change.
    pub change: Change,
    /// The personal part: texts, names and addresses.
    #[serde(default, skip_serializing_if = "Personal::is_empty")]
    pub personal: Personal,
    /// The origin of an event that was imported from another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// True if the command that wrote the event before this one also wrote this event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// True if the event changes a link, and a command on the ticket at the other end wrote it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// The agreements that came into force at the instant of the event, before it. `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Fingerprint>,
}

impl Event {
    /// True if somebody edited the ticket: a person or a program acted on it, or a message came in.
    ///
    /// These are no edits: timers, warnings and clock updates; a machine's message, recorded time, followers and thread
    /// keys, which have no effect on the ticket; links, which a command on another ticket can write.
    pub(crate) fn is_edit(&self) -> bool {
        match self.change {
            Change::Opened(_)
            | Change::Received { .. }
            | Change::Replied { .. }
            | Change::NoteAdded { .. } => true,
            Change::Linked(_)
            | Change::Unlinked(_)
            | Change::TimeSpent { .. }
            | Change::Followed { .. }
            | Change::Unfollowed { .. }
            | Change::ThreadAdded
            | Change::SignalReceived(_) => false,
            _ => self.by.who != Who::Desk,
        }
    }
}

/// The facts of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// The ticket was opened.
    Opened(Box<Opened>),
    /// Somebody on the customer's side sent a message.
    Received(Arrived),
    /// A machine sent a message, such as an out-of-office notice. It has no effect.
    SignalReceived(Arrived),
    /// The desk sent a public reply.
    Replied {
        /// The files of the reply.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Attachment>,
    },
    /// An internal note was added.
    NoteAdded {
        /// The files of the note.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Attachment>,
    },
    /// The state changed, or only its data, such as the hold reason.
    StateChanged {
        /// The former state.
        from: StateKind,
        /// The new state with its data.
        to: State,
        /// The step; `None` if the lifecycle has no such step, which occurs only in imported history.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepKind>,
        /// The cause.
        #[serde(default, skip_serializing_if = "Cause::is_action")]
        cause: Cause,
        /// The resolution code from the desk's own list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The status that was entered; `None` if the ticket follows the simple workflow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Arc<str>>,
    },
    /// The status changed within the same state.
    StatusChanged {
        /// The former status.
        from: Arc<str>,
        /// The new status.
        to: Arc<str>,
    },
    /// The ticket changed to another workflow, or to another version of its workflow. The state is unchanged.
    WorkflowMigrated {
        /// The new workflow and the status there; `None` for [`simple`](crate::workflow::SIMPLE).
        to: Option<Placement>,
        /// The cause.
        cause: MigrationCause,
    },
    /// A timer was removed without its step. The workflow refused the step of the timer, or it refused to reopen a
    /// resolved ticket for a message. The ticket stays in its status.
    TimerExpired {
        /// The timer.
        timer: TimerKind,
        /// The refused step.
        step: StepKind,
        /// The status of the ticket at the time.
        status: Arc<str>,
        /// Every reason for the refusal.
        reasons: Vec<RejectionReason>,
    },
    /// The automatic closing of a resolved ticket was stopped by a message, or planned again because an agent acted.
    ClosingChanged {
        /// The new instant of the closing; `None` if it was stopped.
        closes_at: Option<DateTime<Utc>>,
    },
    /// The ticket was assigned to an agent, or its assignment was removed.
    Assigned {
        /// The agent; `None` if the assignment was removed.
        to: Option<AgentId>,
    },
    /// The ticket was handed over to another team or line.
    HandedOver {
        /// The new team.
        team: Option<TeamId>,
        /// The team's line.
        line: Line,
    },
    /// The description changed. Absent values are unchanged.
    DetailsChanged(Box<DetailsChange>),
    /// The priority or its inputs changed.
    Prioritised {
        /// The modifiers on the ticket.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        modifiers: BTreeSet<String>,
        /// The priority and its reasons.
        assessment: Box<Assessment>,
    },
    /// A clock reached a warning percentage of its target.
    Warned(Alert),
    /// A clock passed its deadline.
    Breached(Alert),
    /// The clocks that changed since the previous `ClocksUpdated` event.
    ClocksUpdated {
        /// The new values of the changed clocks. Several cycles of one metric are each listed, in order.
        clocks: Vec<Clock>,
    },
    /// The clocks changed to another version of the agreements.
    PolicyRebound {
        /// The hash of that version.
        agreements: Fingerprint,
    },
    /// It was set what happens when the date of the hold is reached.
    HoldEndSet(HoldEnd),
    /// The reminder of a hold was due. The desk sends nothing.
    Reminded,
    /// The agent recorded the time that they had worked on the ticket.
    TimeSpent {
        /// The minutes. Negative for the correction of an earlier entry.
        minutes: i32,
    },
    /// An agent became a follower of the ticket.
    Followed {
        /// The follower.
        agent: AgentId,
    },
    /// An agent is no longer a follower.
    Unfollowed {
        /// The former follower.
        agent: AgentId,
    },
    /// The key of a thread was added. The personal part has the key.
    ThreadAdded,
    /// The ticket was linked to another ticket.
    Linked(Link),
    /// A link was removed.
    Unlinked(Link),
    /// The last command of the actor was taken back. The ticket is as it was before that command, and the thread keys
    /// of the command are released. Links and clocks have events of their own.
    Undone {
        /// The versions of the events of the command.
        versions: RangeInclusive<u64>,
        /// The time of the command.
        commanded_at: DateTime<Utc>,
        /// The ticket before the command. Its texts are the personal part of the event.
        before: Box<Opened>,
        /// The time of the last resolution before the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resolved_at: Option<DateTime<Utc>>,
        /// The time of the last closing before the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed_at: Option<DateTime<Utc>>,
        /// The time of the oldest unanswered message before the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unanswered_since: Option<DateTime<Utc>>,
        /// The number of reopenings before the command.
        #[serde(default)]
        reopens: u32,
        /// The number of hand-overs before the command.
        #[serde(default)]
        handovers: u32,
        /// The time of the first reply before the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_replied_at: Option<DateTime<Utc>>,
        /// The number of replies before the command.
        #[serde(default)]
        replies_sent: u32,
        /// The end of the hold before the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hold_end: Option<HoldEnd>,
        /// The recorded time before the command, in minutes.
        #[serde(default, skip_serializing_if = "is_zero")]
        minutes_spent: u32,
        /// The followers before the command.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        followers: BTreeSet<AgentId>,
        /// The status name of another system before the command, if it maps to no state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unmapped_status: Option<String>,
    },
    /// Imported history reported the current state again. The state and its clocks continue. If the ticket is resolved
    /// or closed, the time of the resolution or closing becomes the time of this event.
    StateRepeated,
    /// Imported history has a status that maps to no state. The state is unchanged, and the status name is kept.
    StatusUnmapped {
        /// The status name in the other system.
        status: String,
    },
    /// Marks the end of an import.
    Imported(Box<ImportMark>),
}

// serde's `skip_serializing_if` passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The cause of a change to another workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MigrationCause {
    /// The ticket's kind changed, and the new kind follows another workflow.
    Kind,
    /// The desk migrated its tickets.
    Migration,
}

impl Change {
    /// Returns the link that the change adds or removes. True if it adds it.
    pub(crate) fn changed_link(&self) -> Option<(Link, bool)> {
        match self {
            Change::Linked(link) => Some((*link, true)),
            Change::Unlinked(link) => Some((*link, false)),
            _ => None,
        }
    }

    /// True if a timer caused the change.
    pub(crate) fn is_by_timer(&self) -> bool {
        matches!(
            self,
            Change::Warned(_)
                | Change::Breached(_)
                | Change::PolicyRebound { .. }
                | Change::Reminded
                | Change::TimerExpired { .. }
                | Change::StateChanged { cause: Cause::Timer(_), .. }
        )
    }
}

/// The facts of a message that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Arrived {
    /// The files of the message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// The kind of machine that wrote the message; `None` if a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// The sender whose machine wrote the message. A person who writes is the actor of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<ContactId>,
    /// True if the sender was no contact of the ticket, but proved that they had seen the conversation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub from_outside: bool,
    /// True if this message needs a reply of the desk. Most messages do, so only `false` is stored.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub needs_reply: bool,
    /// True if the message arrived without a text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_text: bool,
    /// The channel, if it is another one than that of the ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The instant at which it was sent, as the sender's system said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime<Utc>>,
    /// Other people to whom it was sent, who are no contacts of the ticket.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub also_to: BTreeSet<ContactId>,
    /// The number of parts that the ticket could not hold, by their kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<MessagePart, u32>,
}

/// A kind of part of a message that a ticket may be unable to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessagePart {
    /// An attribute of a person.
    Attributes,
    /// A file.
    Files,
    /// A person to whom the message was sent.
    Recipients,
    /// The person who sent it.
    Senders,
    /// A thread key.
    ThreadKeys,
}

impl MessagePart {
    /// Returns the entry of a language with the count of these parts.
    pub(crate) fn entry(self) -> &'static str {
        match self {
            MessagePart::Attributes => "left_out.attributes",
            MessagePart::Files => "left_out.files",
            MessagePart::Recipients => "left_out.recipients",
            MessagePart::Senders => "left_out.senders",
            MessagePart::ThreadKeys => "left_out.thread_keys",
        }
    }
}

impl Default for Arrived {
    fn default() -> Arrived {
        Arrived {
            files: Vec::new(),
            machine: None,
            sender: None,
            from_outside: false,
            needs_reply: true,
            without_text: false,
            channel: None,
            sent_at: None,
            also_to: BTreeSet::new(),
            left_out: BTreeMap::new(),
        }
    }
}

/// The facts of an opened ticket, or of a ticket as it was before a command that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Opened {
    /// The running number.
    pub number: TicketNumber,
    /// The kind.
    pub kind: Kind,
    /// The channel of the request.
    pub channel: Channel,
    /// The first state: new, except in imported history.
    pub state: State,
    /// The resolution code, if imported history begins resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_code: Option<String>,
    /// The contacts and their roles.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<ContactId, ContactRole>,
    /// The attributes of the contacts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<ContactId, Attributes>,
    /// The category path, from general to specific.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Custom fields other than text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// The priority modifiers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub modifiers: BTreeSet<String>,
    /// The priority and its reasons.
    pub assessment: Assessment,
    /// The first team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The first line.
    #[serde(default)]
    pub line: Line,
    /// The first agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<AgentId>,
    /// The files of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// The instant at which the opening message was sent, as the sender's system said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime<Utc>>,
    /// The number of parts of the opening message that the ticket could not hold, by their kind, as in
    /// [`Arrived::left_out`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<MessagePart, u32>,
    /// The ticket's id in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRef>,
    /// The workflow and its first status; `None` if the ticket follows the simple workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

/// A changed description. Values that are `None` or empty are unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetailsChange {
    /// The new kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// True if the subject was set. Its text is in the personal part.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub subject: bool,
    /// The new channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The new category path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Vec<String>>,
    /// Tags added.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags_added: BTreeSet<String>,
    /// Tags removed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags_removed: BTreeSet<String>,
    /// Fields set, other than text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// Text fields set. Their values are in the personal part.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub text_fields: BTreeSet<String>,
    /// Fields cleared, of any type.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub fields_cleared: BTreeSet<String>,
    /// Contacts added, or given another role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<ContactId, ContactRole>,
    /// Contacts removed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub contacts_removed: BTreeSet<ContactId>,
    /// The attributes of contacts whose attributes changed: all that are known now.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<ContactId, Attributes>,
    /// Contacts whose name and addresses were removed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub nameless: BTreeSet<ContactId>,
}

/// The cause of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// An action of an actor.
    #[default]
    Action,
    /// A message of a contact.
    Message,
    /// A timer that fell due.
    Timer(TimerKind),
    /// The ticket is spam.
    Spam,
    /// The ticket is not spam after all.
    NotSpam,
}

impl Cause {
    fn is_action(&self) -> bool {
        *self == Cause::Action
    }
}

/// A file of a message. The host stores the content; the ticket stores the type, the size and the host's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Attachment {
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The host's key for the content.
    pub key: String,
}

/// The id of a ticket in another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalRef {
    /// The name of the other system.
    pub source: String,
    /// The ticket's id in that system.
    pub id: String,
}

/// The origin of an imported event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The version of the other system's record, counted from 1.
    pub version: u32,
    /// True if the lifecycle of this crate would have refused the step. The import applied it nevertheless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irregular: bool,
    /// The name of the status in the other system, if the version gave one. Only the event that sets or repeats the
    /// status has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}
