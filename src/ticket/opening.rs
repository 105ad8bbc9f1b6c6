//! A request for a new ticket.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, RequestKey, TeamId, ThreadKey};
use crate::line::Line;
use crate::priority::{Impact, Urgency};
use crate::ticket::kind::{Channel, Kind};
use crate::ticket::message::Message;
use crate::ticket::people::{Actor, Contact, ContactRole};
use crate::ticket::personal::Owner;
use crate::value::Value;

/// A request for a new ticket. Only the subject is needed; everything else has a stated default.
///
/// ```
/// use firstline::{Channel, Contact, Impact, Kind, NewTicket, Urgency};
///
/// let request = NewTicket::new("Card declined at checkout")
///     .from(Contact::new("customer-77").named("Boris").with("vip", true))
///     .via(Channel::Chat)
///     .saying("It says 3-D Secure failed.")
///     .kind(Kind::Incident)
///     .rated(Impact::LOW, Urgency::HIGH);
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
    #[serde(default = "question")]
    pub(crate) kind: Kind,
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
    pub(crate) thread: Option<ThreadKey>,
    /// Not part of the request itself: whose the text fields are that a follow-up takes over.
    #[serde(skip)]
    pub(crate) field_owners: BTreeMap<String, Owner>,
    /// Not part of the request itself: it is what the request is known by.
    #[serde(skip)]
    pub(crate) key: Option<RequestKey>,
}

fn web_form() -> Channel {
    Channel::WebForm
}

fn question() -> Kind {
    Kind::Question
}

impl NewTicket {
    /// A question by web form, on the 1st line, with the matrix's default impact and urgency.
    pub fn new(subject: impl Into<String>) -> NewTicket {
        NewTicket {
            subject: subject.into(),
            message: None,
            contacts: Vec::new(),
            by: None,
            channel: web_form(),
            kind: question(),
            category: Vec::new(),
            tags: BTreeSet::new(),
            fields: BTreeMap::new(),
            impact: None,
            urgency: None,
            modifiers: BTreeSet::new(),
            team: None,
            line: Line::First,
            assignee: None,
            thread: None,
            field_owners: BTreeMap::new(),
            key: None,
        }
    }

    /// Who asks.
    pub fn from(mut self, requester: impl Into<Contact>) -> NewTicket {
        self.contacts.push((requester.into(), ContactRole::Requester));
        self
    }

    /// Somebody else whom it concerns.
    pub fn concerning(mut self, contact: impl Into<Contact>, part: ContactRole) -> NewTicket {
        self.contacts.push((contact.into(), part));
        self
    }

    /// Who registers it, where that is not the requester: an agent on the telephone, a program.
    pub fn by(mut self, actor: impl Into<Actor>) -> NewTicket {
        self.by = Some(actor.into());
        self
    }

    /// How it came.
    pub fn via(mut self, channel: Channel) -> NewTicket {
        self.channel = channel;
        self
    }

    /// The request in the requester's words.
    pub fn saying(mut self, message: impl Into<Message>) -> NewTicket {
        self.message = Some(message.into());
        self
    }

    /// What it is about. The workflow that [claims](crate::Policy::workflow) this kind is the one that the ticket follows.
    pub fn kind(mut self, kind: Kind) -> NewTicket {
        self.kind = kind;
        self
    }

    /// Category path, from general to special.
    pub fn category<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> NewTicket {
        self.category = path.into_iter().map(Into::into).collect();
        self
    }

    /// A tag.
    pub fn tag(mut self, tag: impl Into<String>) -> NewTicket {
        self.tags.insert(tag.into());
        self
    }

    /// The value of a custom field that the desk's policy declares.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> NewTicket {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// How bad it is, and how soon it must be solved.
    pub fn rated(mut self, impact: Impact, urgency: Urgency) -> NewTicket {
        (self.impact, self.urgency) = (Some(impact), Some(urgency));
        self
    }

    /// A modifier of the priority, by its name in the desk's policy.
    pub fn modifier(mut self, name: impl Into<String>) -> NewTicket {
        self.modifiers.insert(name.into());
        self
    }

    /// The team that gets it, and the line on which the team stands.
    pub fn team(mut self, team: impl Into<TeamId>, line: Line) -> NewTicket {
        (self.team, self.line) = (Some(team.into()), line);
        self
    }

    /// The agent who gets it.
    pub fn assigned_to(mut self, agent: impl Into<AgentId>) -> NewTicket {
        self.assignee = Some(agent.into());
        self
    }

    /// The conversation it belongs to: later messages of the same thread find it.
    pub fn thread(mut self, thread: impl Into<ThreadKey>) -> NewTicket {
        self.thread = Some(thread.into());
        self
    }

    /// Makes the request repeatable: again with the same key, it returns the first result. What belongs to the request, and
    /// how long keys are kept, [`By::once`](crate::By::once) says.
    pub fn once(mut self, key: impl Into<RequestKey>) -> NewTicket {
        self.key = Some(key.into());
        self
    }
}
