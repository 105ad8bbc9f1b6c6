//! One version of a foreign record: what it says, and whether that can be kept.

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
use crate::ticket::kind::{Channel, Kind};
use crate::ticket::message::Message;
use crate::ticket::people::{Actor, Contact, ContactRole, check_contacts};
use crate::time::{DateTime, Utc, to_micros};
use crate::value::Value;

/// A foreign record as it stood in one version. What a version does not say stays as it was.
///
/// In the first version, what is not said has a stated default: a question by the channel `unknown`, new, on the
/// 1st line, with no team, no agent, no subject, and the matrix's default impact and urgency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a version belongs to an imported ticket"]
pub struct ImportedVersion {
    pub(super) at: DateTime<Utc>,
    pub(super) by: Actor,
    // Absent fields are left out of the JSON, because the fingerprint is made of it: a field added to this
    // struct later must not change the fingerprints of histories that do not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<ImportedStatus>,
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
    pub(super) fields: BTreeMap<String, Option<Value>>,
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

/// The status of a foreign record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportedStatus {
    /// It means this state.
    Known(State),
    /// It has no state here: the other system's name of it.
    Unmapped(String),
}

/// Who has the ticket. That nobody has it is a value too, other than not saying.
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
    /// A version written at this instant by this actor, in which nothing changed yet.
    pub fn new(at: DateTime<Utc>, by: impl Into<Actor>) -> ImportedVersion {
        ImportedVersion {
            at: to_micros(at),
            by: by.into(),
            status: None,
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
            impact: None,
            urgency: None,
            modifiers: None,
            team: None,
            line: None,
            assignee: None,
        }
    }

    /// The state that its status means: [`state::Active`](crate::state::Active),
    /// [`state::OnHold`](crate::state::OnHold) with its reason, …
    pub fn status(mut self, state: impl Into<State>) -> ImportedVersion {
        self.status = Some(ImportedStatus::Known(state.into()));
        self
    }

    /// A status that has no state here, by the other system's name.
    pub fn unmapped(mut self, status: impl Into<String>) -> ImportedVersion {
        self.status = Some(ImportedStatus::Unmapped(status.into()));
        self
    }

    /// The resolution in words, of a version that says *resolved*.
    pub fn resolution(mut self, text: impl Into<String>) -> ImportedVersion {
        self.resolution = Some(text.into());
        self
    }

    /// The code of the resolution, of a version that says *resolved*.
    pub fn resolution_code(mut self, code: impl Into<String>) -> ImportedVersion {
        self.resolution_code = Some(code.into());
        self
    }

    /// What the actor said in public: of a contact a message received, of anybody else a reply. In the first
    /// version, the request itself.
    pub fn saying(mut self, message: impl Into<Message>) -> ImportedVersion {
        self.message = Some(message.into());
        self
    }

    /// What the actor noted internally.
    pub fn noting(mut self, note: impl Into<Message>) -> ImportedVersion {
        self.note = Some(note.into());
        self
    }

    /// The subject.
    pub fn subject(mut self, subject: impl Into<String>) -> ImportedVersion {
        self.subject = Some(subject.into());
        self
    }

    /// Who asks. A former requester stays as somebody affected.
    pub fn from(mut self, requester: impl Into<Contact>) -> ImportedVersion {
        self.contacts.push((requester.into(), ContactRole::Requester));
        self
    }

    /// Somebody else whom it concerns.
    pub fn concerning(mut self, contact: impl Into<Contact>, part: ContactRole) -> ImportedVersion {
        self.contacts.push((contact.into(), part));
        self
    }

    /// How it came.
    pub fn via(mut self, channel: Channel) -> ImportedVersion {
        self.channel = Some(Channel::from(channel.as_str()));
        self
    }

    /// What it is about.
    pub fn kind(mut self, kind: Kind) -> ImportedVersion {
        self.kind = Some(Kind::from(kind.as_str()));
        self
    }

    /// Category path, from general to special; empty for none.
    pub fn category<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> ImportedVersion {
        self.category = Some(path.into_iter().map(Into::into).collect());
        self
    }

    /// All its tags.
    pub fn tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> ImportedVersion {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// The value of a custom field that the desk's policy declares; `None` if it is empty.
    pub fn field(mut self, name: impl Into<String>, value: Option<impl Into<Value>>) -> ImportedVersion {
        self.fields.insert(name.into(), value.map(Into::into));
        self
    }

    /// How bad it is.
    pub fn impact(mut self, impact: Impact) -> ImportedVersion {
        self.impact = Some(impact);
        self
    }

    /// How soon it must be solved.
    pub fn urgency(mut self, urgency: Urgency) -> ImportedVersion {
        self.urgency = Some(urgency);
        self
    }

    /// All modifiers of the priority that are named on it.
    pub fn modifiers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> ImportedVersion {
        self.modifiers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The team that has it.
    pub fn team(mut self, team: impl Into<TeamId>) -> ImportedVersion {
        self.team = Some(Holder::Is(team.into()));
        self
    }

    /// No team has it.
    pub fn no_team(mut self) -> ImportedVersion {
        self.team = Some(Holder::Nobody);
        self
    }

    /// The line on which it is.
    pub fn line(mut self, line: Line) -> ImportedVersion {
        self.line = Some(line);
        self
    }

    /// The agent who has it.
    pub fn assigned_to(mut self, agent: impl Into<AgentId>) -> ImportedVersion {
        self.assignee = Some(Holder::Is(agent.into()));
        self
    }

    /// No agent has it.
    pub fn unassigned(mut self) -> ImportedVersion {
        self.assignee = Some(Holder::Nobody);
        self
    }

    /// The requester that it names.
    pub(super) fn requester(&self) -> Option<&ContactId> {
        self.contacts.iter().find(|(_, part)| *part == ContactRole::Requester).map(|(contact, _)| &contact.id)
    }

    /// The state it says, in its one spelling: a reason of one's own called "customer" is the known one.
    pub(super) fn state(&self) -> Option<State> {
        match &self.status {
            Some(ImportedStatus::Known(State::OnHold(OnHold { reason, until }))) => {
                let reason = HoldReason::from(reason.as_str());
                Some(State::OnHold(OnHold { reason, until: until.map(to_micros) }))
            }
            Some(ImportedStatus::Known(State::Resolved(Resolved { closes_at }))) => {
                Some(State::Resolved(Resolved { closes_at: closes_at.map(to_micros) }))
            }
            Some(ImportedStatus::Known(state)) => Some(state.clone()),
            Some(ImportedStatus::Unmapped(_)) | None => None,
        }
    }

    /// Everything that can be said against it by itself.
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
            match value {
                Some(value) => policy.check_field(name, value)?,
                None => policy.declared(name).map(|_| ())?,
            }
        }
        let matrix = policy.matrix_in_use();
        // The highest level of each scale is in every matrix, so that only what is given can be refused.
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
        let resolves = self.state().is_some_and(|state| state.kind() == StateKind::Resolved);
        if !resolves && (self.resolution.is_some() || self.resolution_code.is_some()) {
            return Err(Error::invalid("resolution", "is told of a version that is not resolved")
                .allowing("a resolution together with the status resolved"));
        }
        self.resolution.iter().try_for_each(|text| limits::text("resolution", text))?;
        self.resolution_code.iter().try_for_each(|code| limits::name("resolution code", code))
    }
}
