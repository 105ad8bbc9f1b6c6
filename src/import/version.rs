//! A version of an imported record, and its validation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId, TeamId};
use crate::lifecycle::state::{OnHold, Resolved};
use crate::lifecycle::{HoldReason, State, StateKind};
use crate::limits;
use crate::line::Line;
use crate::policy::Policy;
use crate::priority::{Impact, Urgency};
use crate::text;
use crate::ticket::kind::{Channel, Kind};
use crate::ticket::message::Message;
use crate::ticket::normal_form::{normalize_names, normalize_values};
use crate::ticket::people::{Actor, Contact, ContactRole, check_contacts};
use crate::time::{DateTime, Utc, to_micros};
use crate::value::Value;

/// One version of a record in another system. Values that a version does not set stay the same.
///
/// In the first version, missing values have defaults: a question through the channel `unknown`, in the state new, on
/// the 1st line, without team, agent and subject, and with the matrix's default impact and urgency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a version has no effect until it is added to an imported ticket"]
pub struct ImportedVersion {
    pub(super) at: DateTime<Utc>,
    pub(super) by: Actor,
    // The fingerprint is computed from the JSON. Absent fields must be skipped, so that a field added to this struct
    // later does not change the fingerprints of histories that do not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<ImportedStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) workflow_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resolution: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resolution_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Message>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<Message>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) contacts: Vec<(Contact, ContactRole)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) fields: BTreeMap<String, Value>,
    // Not a field without a value, because TOML has none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) fields_cleared: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) impact: Option<Impact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) urgency: Option<Urgency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modifiers: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) team: Option<Holder<TeamId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) assignee: Option<Holder<AgentId>>,
}

/// The status of an imported record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ImportedStatus {
    /// A status that maps to this state.
    Known(State),
    /// A status without a matching state, by its name in the other system.
    Unmapped(String),
}

/// The team or agent of a ticket. `Nobody` removes the current one; an absent value keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Holder<T> {
    Is(T),
    Nobody,
}

impl<T> Holder<T> {
    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Holder::Is(holder) => Some(holder),
            Holder::Nobody => None,
        }
    }
}

impl ImportedVersion {
    /// Creates a version without changes, written by this actor at this instant.
    pub fn new(at: DateTime<Utc>, by: impl Into<Actor>) -> ImportedVersion {
        ImportedVersion {
            at: to_micros(at),
            by: by.into(),
            status: None,
            workflow_status: None,
            label: None,
            resolution: None,
            resolution_code: None,
            message: None,
            note: None,
            subject: None,
            contacts: Vec::new(),
            channel: None,
            kind: None,
            category: None,
            tags: None,
            fields: BTreeMap::new(),
            fields_cleared: BTreeSet::new(),
            impact: None,
            urgency: None,
            modifiers: None,
            team: None,
            line: None,
            assignee: None,
        }
    }

    /// Sets the state that the status of the record maps to, such as [`state::Active`](crate::state::Active) or
    /// [`state::OnHold`](crate::state::OnHold) with a reason.
    pub fn status(mut self, state: impl Into<State>) -> ImportedVersion {
        self.status = Some(ImportedStatus::Known(state.into()));
        self
    }

    /// Sets the status in the desk's own workflow, by its name. The workflow is the one for the ticket's kind, and the
    /// ticket follows it from this version on.
    ///
    /// The status determines the state. [`status`](ImportedVersion::status) is only needed for data of the state: the
    /// reason of a hold if the status has none, or a date. The transitions, guards and required fields of the workflow
    /// are not checked, because they did not apply in the other system.
    ///
    /// ```
    /// use firstline::workflow::preset;
    /// use firstline::{Actor, Desk, ExternalRef, ImportedTicket, ImportedVersion, Policy};
    ///
    /// # let at = |text: &str| text.parse().unwrap();
    /// # let desk = Desk::memory();
    /// desk.setup().adopt(&Policy::new().workflow(preset::itil()))?;
    /// let opened = ImportedVersion::new(at("2016-02-29T01:16:00Z"), Actor::agent("anna"));
    /// let waits = ImportedVersion::new(at("2016-03-01T09:00:00Z"), Actor::agent("anna"))
    ///     .workflow_status("Awaiting third party")
    ///     .label("Wartet auf Lieferanten");
    /// desk.records().import([ImportedTicket::new("old-desk", "7").version(opened).version(waits)])?;
    ///
    /// let ticket = desk.ticket(ExternalRef { source: "old-desk".into(), id: "7".into() })?;
    /// assert_eq!(ticket.status(), "Awaiting third party");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn workflow_status(mut self, name: impl Into<String>) -> ImportedVersion {
        self.workflow_status = Some(name.into());
        self
    }

    /// Sets the name that the status of this version has in the other system, for the history. It is stored with the
    /// event that sets the status, as [`Origin::label`](crate::ticket::event::Origin::label). A version with a label is
    /// in the history even if its status is that of the version before.
    ///
    /// The version must also have a [`status`](ImportedVersion::status), a
    /// [`workflow_status`](ImportedVersion::workflow_status) or an [`unmapped`](ImportedVersion::unmapped) status.
    pub fn label(mut self, label: impl Into<String>) -> ImportedVersion {
        self.label = Some(label.into());
        self
    }

    /// Sets a status without a matching state, by its name in the other system.
    pub fn unmapped(mut self, status: impl Into<String>) -> ImportedVersion {
        self.status = Some(ImportedStatus::Unmapped(status.into()));
        self
    }

    /// Sets the text of the resolution. The version must have the status *resolved*.
    pub fn resolution(mut self, text: impl Into<String>) -> ImportedVersion {
        self.resolution = Some(text.into());
        self
    }

    /// Sets the code of the resolution. The version must have the status *resolved*.
    pub fn resolution_code(mut self, code: impl Into<String>) -> ImportedVersion {
        self.resolution_code = Some(code.into());
        self
    }

    /// Adds a public message from the actor. In the first version, this is the request.
    ///
    /// A message from a contact is imported as a received message, and a message from any other actor as a reply.
    pub fn message(mut self, message: impl Into<Message>) -> ImportedVersion {
        self.message = Some(message.into());
        self
    }

    /// Adds an internal note from the actor.
    pub fn note(mut self, note: impl Into<Message>) -> ImportedVersion {
        self.note = Some(note.into());
        self
    }

    /// Sets the subject.
    pub fn subject(mut self, subject: impl Into<String>) -> ImportedVersion {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the requester. The previous requester stays on the ticket as an affected contact.
    pub fn from(mut self, requester: impl Into<Contact>) -> ImportedVersion {
        self.contacts.push((requester.into(), ContactRole::Requester));
        self
    }

    /// Adds a contact with this role.
    pub fn contact(mut self, contact: impl Into<Contact>, role: ContactRole) -> ImportedVersion {
        self.contacts.push((contact.into(), role));
        self
    }

    /// Sets the channel.
    pub fn channel(mut self, channel: Channel) -> ImportedVersion {
        self.channel = Some(Channel::from(channel.as_str()));
        self
    }

    /// Sets the kind.
    pub fn kind(mut self, kind: Kind) -> ImportedVersion {
        self.kind = Some(Kind::from(kind.as_str()));
        self
    }

    /// Sets the category path, from general to specific. An empty path removes the category.
    pub fn category<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> ImportedVersion {
        self.category = Some(path.into_iter().map(Into::into).collect());
        self
    }

    /// Replaces all tags with these.
    pub fn tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> ImportedVersion {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a custom field, which the desk's policy must declare. `None` clears the field.
    pub fn field(mut self, name: impl Into<String>, value: Option<impl Into<Value>>) -> ImportedVersion {
        let name = name.into();
        match value {
            Some(value) => {
                self.fields_cleared.remove(&name);
                self.fields.insert(name, value.into());
            }
            None => {
                self.fields.remove(&name);
                self.fields_cleared.insert(name);
            }
        }
        self
    }

    /// Sets the impact.
    pub fn impact(mut self, impact: Impact) -> ImportedVersion {
        self.impact = Some(impact);
        self
    }

    /// Sets the urgency.
    pub fn urgency(mut self, urgency: Urgency) -> ImportedVersion {
        self.urgency = Some(urgency);
        self
    }

    /// Replaces the priority modifiers named on the ticket with these.
    pub fn modifiers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> ImportedVersion {
        self.modifiers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the team.
    pub fn team(mut self, team: impl Into<TeamId>) -> ImportedVersion {
        self.team = Some(Holder::Is(team.into()));
        self
    }

    /// Removes the team.
    pub fn no_team(mut self) -> ImportedVersion {
        self.team = Some(Holder::Nobody);
        self
    }

    /// Sets the line.
    pub fn line(mut self, line: Line) -> ImportedVersion {
        self.line = Some(line);
        self
    }

    /// Sets the assigned agent.
    pub fn assigned_to(mut self, agent: impl Into<AgentId>) -> ImportedVersion {
        self.assignee = Some(Holder::Is(agent.into()));
        self
    }

    /// Removes the assigned agent.
    pub fn unassigned(mut self) -> ImportedVersion {
        self.assignee = Some(Holder::Nobody);
        self
    }

    /// Returns the requester named in the version.
    pub(super) fn requester(&self) -> Option<&ContactId> {
        self.contacts.iter().find(|(_, role)| *role == ContactRole::Requester).map(|(contact, _)| &contact.id)
    }

    /// Returns the state, normalized: times are in microseconds, and a custom hold reason with a known name, such as
    /// "customer", becomes the known reason.
    pub(super) fn state(&self) -> Option<State> {
        match &self.status {
            Some(ImportedStatus::Known(State::OnHold(OnHold { reason, until }))) => {
                let reason = HoldReason::from(reason.as_str());
                Some(State::OnHold(OnHold { reason, until: until.map(to_micros) }))
            }
            Some(ImportedStatus::Known(State::Resolved(resolved))) => {
                let closes_at = resolved.closes_at.map(to_micros);
                Some(State::Resolved(Resolved { closes_at, ..resolved.clone() }))
            }
            Some(ImportedStatus::Known(state)) => Some(state.clone()),
            Some(ImportedStatus::Unmapped(_)) | None => None,
        }
    }

    /// Puts the names and short texts into the normal form.
    pub(super) fn normalize(&mut self) {
        self.by.normalize();
        self.message.iter_mut().chain(&mut self.note).for_each(Message::normalize);
        self.subject.iter_mut().chain(&mut self.resolution_code).for_each(text::normalize);
        self.contacts.iter_mut().for_each(|(contact, _)| contact.normalize());
        self.category.iter_mut().flatten().for_each(text::normalize);
        self.tags.iter_mut().chain(&mut self.modifiers).for_each(normalize_names);
        self.workflow_status.iter_mut().chain(&mut self.label).for_each(text::normalize);
        if let Some(ImportedStatus::Unmapped(status)) = &mut self.status {
            text::normalize(status);
        }
        normalize_values(&mut self.fields);
        normalize_names(&mut self.fields_cleared);
    }

    /// Checks the version on its own, without the rest of the history.
    pub(super) fn check(&self, now: DateTime<Utc>, policy: &Policy) -> Result<()> {
        if self.at > now {
            return Err(Error::invalid("time", format_args!("{} is in the future", self.at))
                .allowing(format!("an instant up to {now}, in UTC")));
        }
        self.by.check()?;
        self.check_status()?;
        if let Some(message) = &self.message {
            message.check("message")?;
        }
        if let Some(note) = &self.note {
            note.check("note")?;
        }
        if let Some(subject) = &self.subject {
            limits::line("subject", subject, limits::MAX_SUBJECT_CHARS)?;
        }
        check_contacts(&self.contacts)?;
        self.channel.iter().try_for_each(|channel| limits::name("channel", channel.as_str()))?;
        self.kind.iter().try_for_each(|kind| limits::name("kind", kind.as_str()))?;
        self.category.iter().try_for_each(|path| limits::category(path))?;
        if let Some(tags) = &self.tags {
            limits::count("tags", tags.len())?;
            tags.iter().try_for_each(|tag| limits::name("tag", tag))?;
        }
        for (name, value) in &self.fields {
            policy.check_field(name, value)?;
            if self.fields_cleared.contains(name) {
                return Err(Error::invalid("field", format_args!("{name} is both set and cleared")));
            }
        }
        self.fields_cleared.iter().try_for_each(|name| policy.declared(name).map(|_| ()))?;
        let matrix = policy.priority_matrix();
        // Every matrix has level 1 of each scale, so the check can fail only for a level that the version sets.
        matrix.cell(self.impact.unwrap_or(Impact::HIGH), self.urgency.unwrap_or(Urgency::HIGH))?;
        self.modifiers.iter().flatten().try_for_each(|name| matrix.modifier(name).map(|_| ()))?;
        self.team.iter().filter_map(Holder::get).try_for_each(|team| team.check())?;
        self.assignee.iter().filter_map(Holder::get).try_for_each(|agent| agent.check())
    }

    fn check_status(&self) -> Result<()> {
        match &self.status {
            Some(ImportedStatus::Unmapped(status)) => limits::name("unmapped status", status)?,
            Some(ImportedStatus::Known(State::OnHold(hold))) => {
                limits::name("hold reason", hold.reason.as_str())?;
            }
            _ => {}
        }
        let unmapped = matches!(self.status, Some(ImportedStatus::Unmapped(_)));
        if unmapped && self.workflow_status.is_some() {
            return Err(Error::invalid("status", "is both unmapped and a status of the workflow")
                .allowing("one of them"));
        }
        if let Some(label) = &self.label {
            limits::name("label", label)?;
            if self.status.is_none() && self.workflow_status.is_none() {
                return Err(Error::invalid("label", "is set on a version without a status")
                    .allowing("a label only together with a status"));
            }
        }
        // The workflow determines the state of a status of its own.
        if self.workflow_status.is_none() || self.state().is_some() {
            self.check_resolution(self.state().as_ref())?;
        }
        self.resolution.iter().try_for_each(|text| limits::text("resolution", text))?;
        self.resolution_code.iter().try_for_each(|code| limits::name("resolution code", code))
    }

    /// Refuses a resolution on a version whose state is not resolved.
    pub(super) fn check_resolution(&self, state: Option<&State>) -> Result<()> {
        let resolves = state.is_some_and(|state| state.kind() == StateKind::Resolved);
        if !resolves && (self.resolution.is_some() || self.resolution_code.is_some()) {
            return Err(Error::invalid("resolution", "is set on a version that is not resolved")
                .allowing("a resolution only together with the status resolved"));
        }
        Ok(())
    }
}
