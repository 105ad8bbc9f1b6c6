//! The snapshot of a ticket at one version: the fold of its events up to that version.

mod fold;
mod public;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::definition::Fingerprint;
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::{State, StateKind};
use crate::line::Line;
use crate::priority::{Assessment, Priority};
use crate::sla::{Clock, Metric};
use crate::ticket::event::{DetailsChange, ExternalRef};
use crate::ticket::hold_end::HoldEnd;
use crate::ticket::import_mark::ImportMark;
use crate::ticket::kind::{Channel, Kind, Link, TicketNumber};
use crate::ticket::people::{Contact, ContactRole, Who};
use crate::ticket::personal::{Owner, Personal, Words};
use crate::ticket::timer::{self, Timer};
use crate::value::{Attributes, Value};
use crate::workflow::{Placement, Workflow, WorkflowRef};

/// The data of a ticket at one version.
///
/// Stores keep the latest snapshot as the ticket's row. It always equals the fold of the ticket's events
/// ([`Snapshot::fold`]).
///
/// ```
/// use firstline::{Action, Actor, Desk, NewTicket, Snapshot};
///
/// let desk = Desk::memory();
/// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
/// desk.act(id, Action::reply("Unmute it.").and(Action::resolve("unmuted")), Actor::agent("anna"))?;
///
/// let history = desk.records().history(id)?;
/// assert_eq!(Snapshot::fold(&history)?, *desk.ticket(id)?.snapshot());
/// let as_it_was = Snapshot::fold(&history[..1])?;
/// assert_eq!(as_it_was.state.to_string(), "new");
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Snapshot {
    /// The id.
    pub id: TicketId,
    /// The version: the number of events.
    pub version: u64,
    /// The running number within the desk.
    pub number: TicketNumber,
    /// The kind.
    pub kind: Kind,
    /// The channel of the request.
    pub channel: Channel,
    /// The state with its data.
    pub state: State,
    /// The workflow and the status there; `None` if the ticket follows [`simple`](crate::workflow::SIMPLE), in which
    /// the states are the statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
    /// The time since which the ticket is in its state and, on hold, has its reason.
    pub state_since: DateTime<Utc>,
    /// The end of the hold with a date; `None` if the ticket resumes without a reminder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_end: Option<HoldEnd>,
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
    /// Custom fields other than text. [`Personal::field`] returns text fields, and [`Snapshot::field`] both.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// The priority modifiers that were added to the ticket.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub modifiers: BTreeSet<String>,
    /// The priority and its reasons.
    pub assessment: Assessment,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The team's line.
    #[serde(default)]
    pub line: Line,
    /// The assigned agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<AgentId>,
    /// The agents who follow the ticket.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub followers: BTreeSet<AgentId>,
    /// The time that agents have recorded, in minutes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub minutes_spent: u32,
    /// The [owned](crate::LinkKind::is_own) links to other tickets.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<Link>,
    /// The code of the last resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_code: Option<String>,
    /// The time of opening.
    pub opened_at: DateTime<Utc>,
    /// The time of the last event.
    pub updated_at: DateTime<Utc>,
    /// The agreements that came into force at the instant of the last event, before it. `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Fingerprint>,
    /// The time of the last event that the desk itself did not cause, if later events are the desk's own: expired
    /// timers, warnings and breaches. Otherwise `None`, and [`Snapshot::touched`] is `updated_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched_at: Option<DateTime<Utc>>,
    /// True if nobody or somebody other than a contact opened the ticket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outbound: bool,
    /// The time of the requester's first message, if the ticket is [outbound](Snapshot::outbound).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<DateTime<Utc>>,
    /// The time of the first reply: the first public reply by an agent, or an agent's resolution without a reply
    /// before. A reply by a program is no reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_replied_at: Option<DateTime<Utc>>,
    /// The time of the last resolution. Reopening the ticket does not clear it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<DateTime<Utc>>,
    /// The time of the last closing. Reopening the ticket does not clear it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
    /// The next deadline: the earliest one of the running clocks that has not passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// The earliest deadline that an open clock has passed, even if the clock is paused now. Like
    /// [`due_at`](Snapshot::due_at), it is as of the last event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<DateTime<Utc>>,
    /// The number of times that the ticket left a finished state (resolved, closed or cancelled) for an open one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopens: u32,
    /// The number of hand-overs to another team or line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handovers: u32,
    /// The number of messages from contacts, including the opening message.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub messages_received: u32,
    /// The number of replies by agents: public replies, and a resolution if it is the first reply. It is 0 exactly if
    /// there is no [first reply](Snapshot::first_replied_at).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replies_sent: u32,
    /// The author of the last public message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_speaker: Option<Who>,
    /// The time of the oldest message of a contact that no agent has answered. An agent's public reply answers it, and
    /// so does the resolution or closing of the ticket. A cancelled ticket keeps it; [`Snapshot::unanswered`] is `None`
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered_since: Option<DateTime<Utc>>,
    /// The number of corrections: commands that were taken back, and times that the ticket was spam and then not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undone: u32,
    /// True if the ticket was cancelled as spam.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spam: bool,
    /// The number of imported steps that the lifecycle of this crate would have refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub irregular: u32,
    /// True if an imported event is dated before its predecessor. The ticket's clocks are then measured from the whole
    /// history at every change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_order: bool,
    /// The current status in the other system, if it maps to no state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped_status: Option<String>,
    /// The ticket's id in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRef>,
    /// The imported versions of the other system's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Box<ImportMark>>,
    /// The clocks: the latest cycle of each metric, in the order of metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// The current personal part. Stores keep it separately from the facts.
    #[serde(default, skip_serializing_if = "Personal::is_empty")]
    pub personal: Personal,
}

impl Snapshot {
    /// Returns the subject; empty if it was erased.
    pub fn subject(&self) -> &str {
        self.personal.subject().unwrap_or_default()
    }

    /// Returns the status in the workflow. In the simple workflow, the status is the name of the state.
    pub fn status(&self) -> &str {
        self.placement.as_ref().map_or(self.state.kind().name(), |placement| &placement.status)
    }

    /// Returns the workflow that the ticket follows.
    pub fn workflow_ref(&self) -> &WorkflowRef {
        self.placement.as_ref().map_or(Workflow::simple().reference(), |placement| &placement.workflow)
    }

    /// Returns the priority.
    pub fn priority(&self) -> Priority {
        self.assessment.priority()
    }

    /// Returns the requester, if the ticket has one.
    pub fn requester(&self) -> Option<&ContactId> {
        self.contacts.iter().find(|(_, role)| **role == ContactRole::Requester).map(|(id, _)| id)
    }

    /// Returns the contacts in a role.
    pub fn contacts_in(&self, role: ContactRole) -> impl Iterator<Item = &ContactId> {
        self.contacts.iter().filter(move |(_, of)| **of == role).map(|(id, _)| id)
    }

    /// Returns the time of the last event that the desk itself did not cause.
    pub fn touched(&self) -> DateTime<Utc> {
        self.touched_at.unwrap_or(self.updated_at)
    }

    /// Returns the time of the oldest message of a contact that waits for an agent's answer.
    pub fn unanswered(&self) -> Option<DateTime<Utc>> {
        self.unanswered_since.filter(|_| self.state.kind() != StateKind::Cancelled)
    }

    /// True if the deadline of an open clock has passed.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.earliest_deadline().is_some_and(|due| due < now)
    }

    /// Returns the owner of a text that this actor writes now.
    pub(crate) fn owner_of_words(&self, by: &Who) -> Owner {
        Owner::of_words(by, self.requester())
    }

    /// True if this actor is the requester. Nobody is, if the ticket has no requester.
    pub(crate) fn is_requester(&self, who: &Who) -> bool {
        matches!((who, self.requester()), (Who::Contact(id), Some(requester)) if id == requester)
    }

    /// Returns the instant since which the requester has waited for the first reply; `None` if no contact opened the
    /// ticket and the requester has not written.
    pub(crate) fn first_asked_at(&self) -> Option<DateTime<Utc>> {
        if self.outbound { self.asked_at } else { Some(self.opened_at) }
    }

    /// Returns the instant since which this desk has known the ticket as it is: the last event, or the last import.
    pub(crate) fn known_since(&self) -> DateTime<Utc> {
        self.imported.as_ref().map_or(self.updated_at, |mark| self.updated_at.max(mark.quiet_until))
    }

    /// Returns the agreements that came into force at [`known_since`](Snapshot::known_since), before the last event or
    /// import.
    pub(crate) fn known_agreements(&self) -> Option<Fingerprint> {
        match self.imported.as_deref() {
            Some(mark) if mark.quiet_until > self.updated_at => mark.adopted,
            Some(mark) if mark.quiet_until == self.updated_at => self.adopted.or(mark.adopted),
            _ => self.adopted,
        }
    }

    /// Returns the earliest deadline, whether it has passed or not.
    pub(crate) fn earliest_deadline(&self) -> Option<DateTime<Utc>> {
        self.overdue_since.into_iter().chain(self.due_at).min()
    }

    /// Returns the latest cycle of this metric's clock.
    pub fn clock(&self, metric: Metric) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.metric == metric)
    }

    /// Returns the value of a custom field of any type.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).or_else(|| self.personal.field(name))
    }

    /// Returns what the ticket knows of a contact.
    pub(crate) fn contact(&self, id: &ContactId) -> Contact {
        let mut contact = Contact::new(id);
        contact.attributes = self.attributes.get(id).cloned().unwrap_or_default();
        if let Some(Words { name, email, phone, .. }) = self.personal.person(id) {
            (contact.name, contact.email, contact.phone) = (name.clone(), email.clone(), phone.clone());
        }
        contact
    }

    /// Adds the differences between the ticket and this contact to a description. Values that the contact does not
    /// mention are unchanged. A replaced requester becomes an affected contact, unless the description already has a
    /// role for them.
    pub(crate) fn describe_contact(
        &self,
        contact: &Contact,
        role: ContactRole,
        described: &mut DetailsChange,
        personal: &mut Personal,
    ) {
        let id = &contact.id;
        if let (ContactRole::Requester, Some(former)) =
            (role, self.requester().filter(|former| *former != id))
        {
            described.contacts.entry(former.clone()).or_insert(ContactRole::Affected);
        }
        if self.contacts.get(id) != Some(&role) {
            described.contacts.insert(id.clone(), role);
        }
        let known = self.contact(id);
        let merged = known.merged(contact);
        if merged.attributes != known.attributes {
            described.attributes.insert(id.clone(), merged.attributes.clone());
        }
        if merged.details() == [None; 3] && known.details() != [None; 3] {
            described.nameless.insert(id.clone());
        } else {
            personal.add_changed_person(&merged, &self.personal);
        }
    }

    /// Returns the timers of the ticket, earliest first.
    pub fn timers(&self) -> Vec<Timer> {
        let clocks = self.clocks.iter().filter_map(timer::of_clock);
        let reminder = self.hold_end.and_then(timer::of_hold_end);
        let mut timers: Vec<_> =
            timer::of_state(&self.state).into_iter().chain(reminder).chain(clocks).collect();
        timers.sort();
        timers
    }
}

// serde's `skip_serializing_if` passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
