//! The ticket as of one version: the fold of its events up to there.

mod fold;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::State;
use crate::line::Line;
use crate::priority::{Assessment, Priority};
use crate::sla::{Clock, Metric};
use crate::ticket::event::{Described, ExternalRef};
use crate::ticket::kind::{Channel, Kind, Link, TicketNumber};
use crate::ticket::people::{Contact, ContactRole, Who};
use crate::ticket::personal::{Owner, Personal};
use crate::ticket::timer::{self, Timer};
use crate::value::{Attributes, Value};
use crate::workflow::{Placement, Workflow, WorkflowRef};

/// Everything that is known of a ticket at one version. What stores keep as the ticket's row; it always equals
/// the fold of the ticket's events ([`Snapshot::fold`]).
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
    /// The version: how many events there are.
    pub version: u64,
    /// The running number at the desk.
    pub number: TicketNumber,
    /// What it is about.
    pub kind: Kind,
    /// How it came.
    pub channel: Channel,
    /// The state with what it carries.
    pub state: State,
    /// Its workflow and the status there; `None` while it follows [`simple`](crate::workflow::SIMPLE), whose
    /// statuses are the states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Box<Placement>>,
    /// Since when it is in this state.
    pub state_since: DateTime<Utc>,
    /// The people and what they are to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<ContactId, ContactRole>,
    /// What was last known of these people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<ContactId, Attributes>,
    /// Category path, from general to special.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Custom fields other than text; see [`Personal::field`] for those, and [`Snapshot::field`] for both.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// Modifiers of the priority that were named on the ticket.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub modifiers: BTreeSet<String>,
    /// The priority with its reasons.
    pub assessment: Assessment,
    /// The team that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The line on which that team stands.
    #[serde(default)]
    pub line: Line,
    /// The agent who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<AgentId>,
    /// Its [own](crate::LinkKind::is_own) links to other tickets.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<Link>,
    /// The code of the last resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_code: Option<String>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When the last event happened.
    pub updated_at: DateTime<Utc>,
    /// When an agent first answered publicly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_replied_at: Option<DateTime<Utc>>,
    /// When it was last resolved. A reopening leaves it: it says when, not whether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<DateTime<Utc>>,
    /// When it was last closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
    /// When the next target falls due, if an agreement sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// How often it went from resolved or closed back to work.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopened: u32,
    /// How often it went to another team or line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handed_over: u32,
    /// Messages of contacts, the opening one included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub received: u32,
    /// Public replies of the desk.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replied: u32,
    /// Imported steps that this lifecycle would have refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub irregular: u32,
    /// Whether an imported event is dated before the event that precedes it. The ticket's clocks are then measured from
    /// its whole history at every change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_order: bool,
    /// The other system's status that has no state here, while that is its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped_status: Option<String>,
    /// What it is called in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRef>,
    /// How many versions of the other system's record were taken in, and their fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<(u32, String)>,
    /// The clocks of its targets: the latest cycle of each metric, in the order of metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// The personal part, as it holds now. Stores keep it apart from the facts.
    #[serde(default, skip_serializing_if = "Personal::is_empty")]
    pub personal: Personal,
}

impl Snapshot {
    /// The subject; empty if it was erased.
    pub fn subject(&self) -> &str {
        self.personal.subject().unwrap_or_default()
    }

    /// The status in its workflow; of a ticket that follows none of the desk's own, the name of its state.
    pub fn status(&self) -> &str {
        self.placed.as_ref().map_or(self.state.kind().name(), |placed| &placed.status)
    }

    /// The workflow that it follows.
    pub fn workflow(&self) -> &WorkflowRef {
        self.placed.as_ref().map_or(Workflow::simple().reference(), |placed| &placed.workflow)
    }

    /// The priority.
    pub fn priority(&self) -> Priority {
        self.assessment.priority()
    }

    /// Who asked for it, if anybody is named.
    pub fn requester(&self) -> Option<&ContactId> {
        self.contacts.iter().find(|(_, part)| **part == ContactRole::Requester).map(|(id, _)| id)
    }

    /// Whose the words of this speaker are on this ticket, as it stands.
    pub(crate) fn owner_of_words(&self, by: &Who) -> Owner {
        Owner::of_words(by, self.requester())
    }

    /// Whether what this person says is the requester's word. Where nobody is named as the requester, any contact is.
    pub(crate) fn is_asked_by(&self, who: &Who) -> bool {
        match (who, self.requester()) {
            (Who::Contact(id), Some(requester)) => id == requester,
            (Who::Contact(_), None) => true,
            _ => false,
        }
    }

    /// The clock of this metric: its latest cycle.
    pub fn clock(&self, metric: Metric) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.metric == metric)
    }

    /// The value of a custom field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).or_else(|| self.personal.field(name))
    }

    /// What is news in this about a contact. A former requester stays as somebody affected, unless something else is
    /// said of them.
    pub(crate) fn introduce(
        &self,
        contact: &Contact,
        part: ContactRole,
        described: &mut Described,
        personal: &mut Personal,
    ) {
        let id = &contact.id;
        if let (ContactRole::Requester, Some(former)) =
            (part, self.requester().filter(|former| *former != id))
        {
            described.contacts.entry(former.clone()).or_insert(ContactRole::Affected);
        }
        if self.contacts.get(id) != Some(&part) {
            described.contacts.insert(id.clone(), part);
        }
        if !contact.attributes.is_empty() && self.attributes.get(id) != Some(&contact.attributes) {
            described.attributes.insert(id.clone(), contact.attributes.clone());
        }
        if !contact.person.is_empty() && self.personal.person(id).as_ref() != Some(&contact.person) {
            personal.add_person(id, &contact.person);
        }
    }

    /// What the ticket waits for by the clock, earliest first.
    pub fn timers(&self) -> Vec<Timer> {
        let clocks = self.clocks.iter().filter_map(timer::of_clock);
        let mut timers: Vec<_> = timer::of_state(&self.state).into_iter().chain(clocks).collect();
        timers.sort();
        timers
    }
}

// serde's `skip_serializing_if` hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
