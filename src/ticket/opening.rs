//! Requests for new tickets.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AgentId, IdempotencyKey, TeamId, ThreadKey};
use crate::line::Line;
use crate::priority::{Impact, Urgency};
use crate::ticket::event::MessagePart;
use crate::ticket::kind::{Channel, Kind};
use crate::ticket::message::Message;
use crate::ticket::people::{Actor, Contact, ContactRole};
use crate::ticket::personal::Owner;
use crate::value::Value;

/// A request for a new ticket. Only the subject is required; everything else has a default.
///
/// ```
/// use firstline::{Channel, Contact, Impact, Kind, NewTicket, Urgency};
///
/// let request = NewTicket::new("Card declined at checkout")
///     .from(Contact::new("customer-77").named("Boris").attribute("vip", true))
///     .channel(Channel::Chat)
///     .message("It says 3-D Secure failed.")
///     .kind(Kind::Incident)
///     .impact_and_urgency(Impact::LOW, Urgency::HIGH);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a request does nothing until a desk opens it"]
pub struct NewTicket {
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) message: Option<Message>,
    #[serde(default)]
    pub(crate) contacts: Vec<(Contact, ContactRole)>,
    #[serde(default)]
    pub(crate) by: Option<Actor>,
    #[serde(default = "web_form")]
    pub(crate) channel: Channel,
    /// The kind; `None` for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Kind>,
    #[serde(default)]
    pub(crate) category: Vec<String>,
    #[serde(default)]
    pub(crate) tags: BTreeSet<String>,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) impact: Option<Impact>,
    #[serde(default)]
    pub(crate) urgency: Option<Urgency>,
    #[serde(default)]
    pub(crate) modifiers: BTreeSet<String>,
    #[serde(default)]
    pub(crate) team: Option<TeamId>,
    #[serde(default)]
    pub(crate) line: Line,
    #[serde(default)]
    pub(crate) assignee: Option<AgentId>,
    #[serde(default)]
    pub(crate) threads: Vec<ThreadKey>,
    /// True if the request is a message that arrived: its texts were mended and may be empty.
    #[serde(skip)]
    pub(crate) arrived: bool,
    /// The instant at which that message was sent.
    #[serde(skip)]
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// The number of parts of that message that were left out, by their kind.
    #[serde(skip)]
    pub(crate) left_out: BTreeMap<MessagePart, u32>,
    /// The owners of the text fields that a follow-up takes over. Not part of the serialized request.
    #[serde(skip)]
    pub(crate) field_owners: BTreeMap<String, Owner>,
    /// The key that makes the request repeatable. Not part of the serialized request.
    #[serde(skip)]
    pub(crate) key: Option<IdempotencyKey>,
}

fn web_form() -> Channel {
    Channel::WebForm
}

impl NewTicket {
    /// Creates a request with this subject.
    ///
    /// Defaults: the kind is question, the channel is web form, the line is the 1st, and the priority matrix supplies
    /// impact and urgency.
    pub fn new(subject: impl Into<String>) -> NewTicket {
        NewTicket {
            subject: subject.into(),
            message: None,
            contacts: Vec::new(),
            by: None,
            channel: web_form(),
            kind: None,
            category: Vec::new(),
            tags: BTreeSet::new(),
            fields: BTreeMap::new(),
            impact: None,
            urgency: None,
            modifiers: BTreeSet::new(),
            team: None,
            line: Line::First,
            assignee: None,
            threads: Vec::new(),
            arrived: false,
            sent_at: None,
            left_out: BTreeMap::new(),
            field_owners: BTreeMap::new(),
            key: None,
        }
    }

    /// Sets the requester.
    pub fn from(mut self, requester: impl Into<Contact>) -> NewTicket {
        self.contacts.push((requester.into(), ContactRole::Requester));
        self
    }

    /// Adds another contact.
    pub fn contact(mut self, contact: impl Into<Contact>, role: ContactRole) -> NewTicket {
        self.contacts.push((contact.into(), role));
        self
    }

    /// Sets the actor who opens the ticket, if that is not the requester: an agent on the phone, or a program.
    pub fn by(mut self, actor: impl Into<Actor>) -> NewTicket {
        self.by = Some(actor.into());
        self
    }

    /// Sets the channel.
    pub fn channel(mut self, channel: Channel) -> NewTicket {
        self.channel = channel;
        self
    }

    /// Sets the message of the requester.
    pub fn message(mut self, message: impl Into<Message>) -> NewTicket {
        self.message = Some(message.into());
        self
    }

    /// Sets the kind. The ticket follows the workflow that [claims](crate::Policy::workflow) this kind.
    pub fn kind(mut self, kind: Kind) -> NewTicket {
        self.kind = Some(kind);
        self
    }

    /// Sets the category path, from general to specific.
    pub fn category<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> NewTicket {
        self.category = path.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> NewTicket {
        self.tags.insert(tag.into());
        self
    }

    /// Sets a custom field. The desk's policy must declare the field.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> NewTicket {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Sets the impact and the urgency.
    pub fn impact_and_urgency(mut self, impact: Impact, urgency: Urgency) -> NewTicket {
        (self.impact, self.urgency) = (Some(impact), Some(urgency));
        self
    }

    /// Adds a priority modifier, by its name in the desk's policy.
    pub fn modifier(mut self, name: impl Into<String>) -> NewTicket {
        self.modifiers.insert(name.into());
        self
    }

    /// Sets the first team and its line.
    pub fn team(mut self, team: impl Into<TeamId>, line: Line) -> NewTicket {
        (self.team, self.line) = (Some(team.into()), line);
        self
    }

    /// Assigns the ticket to an agent.
    pub fn assigned_to(mut self, agent: impl Into<AgentId>) -> NewTicket {
        self.assignee = Some(agent.into());
        self
    }

    /// Adds the key of a thread, the conversation to which the request belongs. Later messages of the thread are added
    /// to this ticket. See [`Action::thread`](crate::Action::thread) for keys that become known later.
    pub fn thread(mut self, thread: impl Into<ThreadKey>) -> NewTicket {
        self.threads.push(thread.into());
        self
    }

    /// Makes the request idempotent: a second request with the same key returns the first result.
    ///
    /// See [`CommandOptions::idempotency_key`](crate::CommandOptions::idempotency_key) for the scope of a key and how
    /// long keys are kept.
    pub fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> NewTicket {
        self.key = Some(key.into());
        self
    }

    /// Returns what was asked, without what the host adds by itself: the attributes of people and the keys of uploaded
    /// files.
    pub(crate) fn asked(&self) -> NewTicket {
        let mut asked = self.clone();
        asked.message = asked.message.map(Message::asked);
        asked.contacts.iter_mut().for_each(|(contact, _)| contact.attributes.clear());
        asked.by.iter_mut().for_each(|by| by.attributes.clear());
        asked
    }
}
