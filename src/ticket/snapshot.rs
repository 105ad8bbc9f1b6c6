//! The ticket as of one version: the fold of its events up to there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::{State, StateKind};
use crate::line::Line;
use crate::priority::{Assessment, Priority};
use crate::sla::{self, Clock, Leg, Metric};
use crate::ticket::event::{Change, Described, Event, ExternalRef, Opened, Personal};
use crate::ticket::kind::{Channel, Kind, Link, TicketNumber};
use crate::ticket::people::{Contact, Part, Who};
use crate::ticket::timer::{self, Timer, TimerKind};
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
    pub contacts: BTreeMap<ContactId, Part>,
    /// What was last known of these people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<ContactId, Attributes>,
    /// Category path, from general to special.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Custom fields other than text; see [`Personal::fields`] for those, and [`Snapshot::field`] for both.
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
    /// Links to other tickets.
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
    /// The other system's status that has no state here, while that is its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped_status: Option<String>,
    /// What it is called in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRef>,
    /// How many versions of the other system's record were taken in, and their fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<(u32, String)>,
    /// Which state it was in from when on, since the opening: what its clocks are measured by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub course: Vec<Leg>,
    /// The clocks of its targets: the latest cycle of each metric, in the order of metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// The personal part, as it holds now. Stores keep it apart from the facts.
    #[serde(default, skip_serializing_if = "Personal::is_empty")]
    pub personal: Personal,
}

impl Snapshot {
    /// Folds a whole history.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the events are not one ticket's, in order and without gaps, from its opening on.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Snapshot> {
        let mut events = events.into_iter();
        let first = events.next().ok_or_else(|| corrupt("has no events"))?;
        let Change::Opened(opened) = &first.change else {
            return Err(corrupt("does not begin with its opening"));
        };
        let mut snapshot = Snapshot::opened(first, opened);
        events.try_for_each(|event| snapshot.apply(event)).map(|()| snapshot)
    }

    fn opened(event: &Event, opened: &Opened) -> Snapshot {
        let mut personal = event.personal.clone();
        personal.text = None;
        personal.files.clear();
        // Whether there were words beside the subject is personal and may be erased; that a contact asked is a fact.
        let received = u32::from(matches!(event.by.who, Who::Contact(_)));
        let state_kind = opened.state.kind();
        Snapshot {
            id: event.ticket,
            version: event.version,
            number: opened.number.clone(),
            kind: opened.kind.clone(),
            channel: opened.channel.clone(),
            state: opened.state.clone(),
            placed: opened.placed.clone().map(Box::new),
            state_since: event.at,
            contacts: opened.contacts.clone(),
            attributes: opened.attributes.clone(),
            category: opened.category.clone(),
            tags: opened.tags.clone(),
            fields: opened.fields.clone(),
            modifiers: opened.modifiers.clone(),
            assessment: opened.assessment.clone(),
            team: opened.team.clone(),
            line: opened.line,
            assignee: opened.assignee.clone(),
            links: BTreeSet::new(),
            resolution_code: opened.resolution_code.clone(),
            opened_at: event.at,
            updated_at: event.at,
            first_replied_at: None,
            resolved_at: (state_kind == StateKind::Resolved).then_some(event.at),
            closed_at: (state_kind == StateKind::Closed).then_some(event.at),
            due_at: None,
            reopened: 0,
            handed_over: 0,
            received,
            replied: 0,
            irregular: event.origin.map_or(0, |origin| origin.irregular.into()),
            unmapped_status: None,
            external: opened.external.clone(),
            imported: None,
            course: vec![Leg::new(event.at, &opened.state)],
            clocks: Vec::new(),
            personal,
        }
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the event is not the next one of this ticket.
    pub fn apply(&mut self, event: &Event) -> Result<()> {
        if event.ticket != self.id || Some(event.version) != self.version.checked_add(1) {
            return Err(corrupt(format_args!("has version {} after {}", event.version, self.version)));
        }
        match &event.change {
            Change::Opened(_) => return Err(corrupt("is opened twice")),
            Change::Received { .. } => bump(&mut self.received, true),
            Change::Replied { .. } => {
                bump(&mut self.replied, true);
                if matches!(event.by.who, Who::Agent(_)) {
                    self.first_replied_at.get_or_insert(event.at);
                }
            }
            Change::Noted { .. } => {}
            Change::Moved { from, to, code, status, .. } => {
                self.placed(status.as_ref())?;
                self.moved(*from, to, code.as_deref(), event);
            }
            Change::Passed { to, .. } => self.placed(Some(to))?,
            Change::Transferred { to, .. } => self.placed = to.clone().map(Box::new),
            Change::Lapsed { timer, .. } => self.lapsed(*timer),
            Change::Assigned { to } => self.assignee.clone_from(to),
            Change::HandedOver { team, line } => {
                self.team.clone_from(team);
                self.line = *line;
                bump(&mut self.handed_over, true);
            }
            Change::Described(described) => self.described(described, &event.personal),
            Change::Prioritised { modifiers, assessment } => {
                self.modifiers.clone_from(modifiers);
                self.assessment.clone_from(assessment.as_ref());
            }
            Change::Warned(_) | Change::Breached(_) | Change::Migrated { .. } => {}
            Change::Clocked { clocks } => {
                for clock in clocks {
                    sla::keep_latest(&mut self.clocks, clock.clone());
                }
                let counting = self.clocks.iter().filter(|clock| clock.running_since.is_some());
                self.due_at = counting.filter_map(|clock| clock.due_at).min();
            }
            Change::Linked(link) => {
                self.links.insert(*link);
            }
            Change::Unlinked(link) => {
                self.links.remove(link);
            }
            Change::Restamped => {
                self.stamp(event.at);
                if let Some(leg) = self.course.last_mut() {
                    leg.since = event.at;
                }
            }
            Change::StatusUnmapped { status } => self.unmapped_status = Some(status.clone()),
            Change::Imported { versions, fingerprint } => {
                self.imported = Some((*versions, fingerprint.clone()))
            }
        }
        bump(&mut self.irregular, event.origin.is_some_and(|origin| origin.irregular));
        self.version = event.version;
        self.updated_at = event.at;
        Ok(())
    }

    fn moved(&mut self, from: StateKind, to: &State, code: Option<&str>, event: &Event) {
        self.state.clone_from(to);
        self.state_since = event.at;
        self.course.push(Leg::new(event.at, to));
        self.unmapped_status = None;
        bump(&mut self.reopened, !from.is_open() && to.kind().is_open());
        if to.kind() == StateKind::Resolved {
            self.resolution_code = code.map(str::to_owned);
            self.personal.resolution.clone_from(&event.personal.text);
        }
        self.stamp(event.at);
    }

    /// Enters a status of its workflow.
    fn placed(&mut self, status: Option<&Arc<str>>) -> Result<()> {
        match (&mut self.placed, status) {
            (Some(placed), Some(status)) => placed.status = Arc::clone(status),
            (None, None) => {}
            (Some(_), None) => return Err(corrupt("moves without a status, though it follows a workflow")),
            (None, Some(_)) => return Err(corrupt("has a status, though it follows no workflow")),
        }
        Ok(())
    }

    /// The timer of its state is over, and nothing came of it.
    fn lapsed(&mut self, timer: TimerKind) {
        match (&mut self.state, timer) {
            (State::OnHold(hold), TimerKind::HoldEnds) => hold.until = None,
            (State::Resolved(resolved), TimerKind::Silence) => resolved.closes_at = None,
            _ => {}
        }
    }

    fn stamp(&mut self, at: DateTime<Utc>) {
        match self.state.kind() {
            StateKind::Resolved => self.resolved_at = Some(at),
            StateKind::Closed => self.closed_at = Some(at),
            _ => {}
        }
    }

    fn described(&mut self, described: &Described, personal: &Personal) {
        let Described { kind, channel, category, tagged, untagged, fields, emptied, .. } = described;
        if let Some(kind) = kind {
            self.kind.clone_from(kind);
        }
        if let Some(channel) = channel {
            self.channel.clone_from(channel);
        }
        if let Some(category) = category {
            self.category.clone_from(category);
        }
        self.tags.extend(tagged.iter().cloned());
        self.tags.retain(|tag| !untagged.contains(tag));
        for name in emptied.iter().chain(fields.keys()).chain(personal.fields.keys()) {
            self.fields.remove(name);
            self.personal.fields.remove(name);
        }
        self.fields.extend(fields.clone());
        self.personal.fields.extend(personal.fields.clone());
        for id in &described.removed {
            self.contacts.remove(id);
            self.attributes.remove(id);
            self.personal.people.remove(id);
        }
        self.contacts.extend(described.contacts.iter().map(|(id, part)| (id.clone(), *part)));
        self.attributes.extend(described.attributes.clone());
        self.personal.people.extend(personal.people.clone());
        if let Some(subject) = &personal.subject {
            self.personal.subject = Some(subject.clone());
        }
    }

    /// The subject; empty if it was erased.
    pub fn subject(&self) -> &str {
        self.personal.subject.as_deref().unwrap_or_default()
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
        self.contacts.iter().find(|(_, part)| **part == Part::Requester).map(|(id, _)| id)
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
        self.fields.get(name).or_else(|| self.personal.fields.get(name))
    }

    /// What is news in this about a contact. A former requester stays as somebody affected, unless something else is
    /// said of them.
    pub(crate) fn introduce(
        &self,
        contact: &Contact,
        part: Part,
        described: &mut Described,
        personal: &mut Personal,
    ) {
        let id = &contact.id;
        if let (Part::Requester, Some(former)) = (part, self.requester().filter(|former| *former != id)) {
            described.contacts.entry(former.clone()).or_insert(Part::Affected);
        }
        if self.contacts.get(id) != Some(&part) {
            described.contacts.insert(id.clone(), part);
        }
        if !contact.attributes.is_empty() && self.attributes.get(id) != Some(&contact.attributes) {
            described.attributes.insert(id.clone(), contact.attributes.clone());
        }
        if !contact.person.is_empty() && self.personal.people.get(id) != Some(&contact.person) {
            personal.people.insert(id.clone(), contact.person.clone());
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

/// Counts what happened. A count from a foreign row may stand at its end.
fn bump(count: &mut u32, happened: bool) {
    *count = count.saturating_add(happened.into());
}

fn corrupt(problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the stored history of the ticket {problem}"))
}
