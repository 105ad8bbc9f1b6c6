//! The actors and contacts of a ticket.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId};
use crate::language::{InWords, Language, words_by_name};
use crate::limits;
use crate::value::{Attributes, Value};

/// The identity of an actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// An agent of the desk.
    Agent(AgentId),
    /// A contact: the requester or another person on the ticket.
    Contact(ContactId),
    /// A program of the host, by name: a bot, a rule or an integration.
    Automation(String),
    /// The desk itself. It fires timers, and it opens tickets that have no requester and no other actor.
    Desk,
    /// A person on the customer's side who is not known: the sender of a message without a sender's id.
    Unknown,
}

impl Who {
    /// True for agents, programs and the desk itself; false for people on the customer's side.
    pub(crate) const fn is_staff(&self) -> bool {
        !matches!(self, Who::Contact(_) | Who::Unknown)
    }
}

impl InWords for Who {
    fn in_words(&self, language: &Language) -> String {
        match self {
            Who::Agent(id) => id.to_string(),
            Who::Contact(id) => id.to_string(),
            Who::Automation(name) => language.name("machine", name),
            Who::Desk => language.name("who", "desk"),
            Who::Unknown => language.name("who", "unknown"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::english()))
    }
}

/// The actor of a command, with the attributes that policies can use. Every event of the command stores a copy.
///
/// ```
/// use firstline::Actor;
///
/// let anna = Actor::agent("anna").attribute("role", "supervisor");
/// assert_eq!(anna.who.to_string(), "anna");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Actor {
    /// The identity.
    pub who: Who,
    /// The current attributes, for use in policies.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl Actor {
    /// Creates an agent with the host's id.
    pub fn agent(id: impl Into<AgentId>) -> Actor {
        Actor::from(Who::Agent(id.into()))
    }

    /// Creates a contact with the host's id.
    pub fn contact(id: impl Into<ContactId>) -> Actor {
        Actor::from(Who::Contact(id.into()))
    }

    /// Creates a program of the host, by name.
    pub fn automation(name: impl Into<String>) -> Actor {
        Actor::from(Who::Automation(name.into()))
    }

    /// Creates the actor for timers: the desk itself.
    pub(crate) fn desk() -> Actor {
        Actor::from(Who::Desk)
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Actor {
        self.attributes.insert(name.into(), value.into());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        match &self.who {
            Who::Agent(id) => id.check()?,
            Who::Contact(id) => id.check()?,
            Who::Automation(name) => limits::name("automation", name)?,
            Who::Desk | Who::Unknown => {}
        }
        limits::attributes(&self.attributes)
    }
}

impl From<&Actor> for Actor {
    fn from(actor: &Actor) -> Actor {
        actor.clone()
    }
}

impl From<Who> for Actor {
    fn from(who: Who) -> Actor {
        Actor { who, attributes: Attributes::new() }
    }
}

/// A kind of program that writes messages by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Machine {
    /// An automatic reply, such as an out-of-office notice.
    AutoReply,
    /// A report that a message could not be delivered.
    Bounce,
    /// A notification of another system, such as a read receipt or a newsletter.
    Notification,
}

impl Machine {
    /// Returns the stored name. A ticket that a machine's message opens names it as the program that opened it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Machine::AutoReply => "auto_reply",
            Machine::Bounce => "bounce",
            Machine::Notification => "notification",
        }
    }
}

words_by_name!(Machine, "machine", |machine| machine.as_str());

/// A person on a ticket, with the host's current data.
///
/// What a contact's data says is merged into what a ticket knows already. A missing value changes nothing; see
/// [`without`](Contact::without) for removing one.
///
/// The id and the attributes are stored as facts of the event. The name and the addresses are stored in its personal
/// part, which can be erased without breaking the history.
///
/// ```
/// use firstline::Contact;
///
/// let boris = Contact::new("customer-77").named("Борис").attribute("vip", true);
/// assert_eq!(boris.id.as_str(), "customer-77");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Contact {
    /// The host's id.
    pub id: ContactId,
    /// The attributes to set, for use in policies.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The attributes to remove from what a ticket knows of the contact.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<String>,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl Contact {
    /// Creates a contact with the host's id.
    pub fn new(id: impl Into<ContactId>) -> Contact {
        let (attributes, removed) = (Attributes::new(), BTreeSet::new());
        Contact { id: id.into(), attributes, removed, name: None, email: None, phone: None }
    }

    /// Sets the display name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Contact {
        self.name = Some(name.into());
        self
    }

    /// Sets the e-mail address.
    #[must_use]
    pub fn email(mut self, address: impl Into<String>) -> Contact {
        self.email = Some(address.into());
        self
    }

    /// Sets the phone number.
    #[must_use]
    pub fn phone(mut self, number: impl Into<String>) -> Contact {
        self.phone = Some(number.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Contact {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Removes an attribute that a ticket knows of this contact. Attributes that are not named stay as they are.
    ///
    /// A name or an address is removed by an empty text: `Contact::new("boris").phone("")`.
    #[must_use]
    pub fn without(mut self, name: impl Into<String>) -> Contact {
        self.removed.insert(name.into());
        self
    }

    /// Returns this contact with the values of `newer`. A value that `newer` does not mention is unchanged.
    pub(crate) fn merged(&self, newer: &Contact) -> Contact {
        let mut merged = self.clone();
        merged.attributes.retain(|name, _| !newer.removed.contains(name));
        merged.attributes.extend(newer.attributes.clone());
        for (value, new) in [
            (&mut merged.name, &newer.name),
            (&mut merged.email, &newer.email),
            (&mut merged.phone, &newer.phone),
        ] {
            if new.is_some() {
                value.clone_from(new);
            }
            value.take_if(|text| text.is_empty());
        }
        merged
    }

    /// Returns the name, the e-mail address and the phone number.
    pub(crate) fn details(&self) -> [Option<&str>; 3] {
        [self.name.as_deref(), self.email.as_deref(), self.phone.as_deref()]
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.id.check()?;
        limits::attributes(&self.attributes)?;
        limits::count("removed attributes", self.removed.len())?;
        self.removed.iter().try_for_each(|name| limits::name("attribute name", name))?;
        let Contact { name, email, phone, .. } = self;
        for (what, text) in [("contact name", name), ("contact e-mail", email), ("contact phone", phone)] {
            // An empty text removes the value.
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                limits::line(what, text, limits::MAX_NAME_CHARS)?;
            }
        }
        Ok(())
    }
}

impl<T: Into<ContactId>> From<T> for Contact {
    fn from(id: T) -> Contact {
        Contact::new(id)
    }
}

/// The role of a contact on a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContactRole {
    /// Made the request, and may confirm the solution or cancel the ticket.
    Requester,
    /// Is affected by the problem.
    Affected,
    /// Is kept informed.
    Cc,
}

words_by_name!(ContactRole, "role", |role| match role {
    ContactRole::Requester => "requester",
    ContactRole::Affected => "affected",
    ContactRole::Cc => "cc",
});

/// Checks the contacts of a request or of an imported record: each is named once, and at most one is the requester.
pub(crate) fn check_contacts(contacts: &[(Contact, ContactRole)]) -> Result<()> {
    limits::count("contacts", contacts.len())?;
    let mut requesters = 0;
    let mut named = BTreeSet::new();
    for (contact, role) in contacts {
        contact.check()?;
        requesters += usize::from(*role == ContactRole::Requester);
        if !named.insert(&contact.id) {
            let problem = format_args!("{} is named more than once", contact.id);
            return Err(
                Error::invalid("contact", problem).allowing("each person once, as requester, affected or cc")
            );
        }
    }
    if requesters > 1 {
        return Err(Error::invalid("requester", "is named more than once")
            .allowing("one requester; further people as affected or cc"));
    }
    Ok(())
}
