//! Messages that arrive from the customer's side.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{IdempotencyKey, ThreadKey};
use crate::limits;
use crate::text;
use crate::ticket::event::Arrived;
use crate::ticket::kind::Channel;
use crate::ticket::message::Message;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Contact, ContactRole, Machine, Who};
use crate::ticket::personal::Words;
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;

/// A message that arrived: a mail, a chat message or a form. [`Desk::receive`](crate::Desk::receive) adds it to the
/// ticket of its thread, or opens a ticket.
///
/// ```
/// use firstline::{Channel, Contact, InboundMessage, Kind, NewTicket};
///
/// let mail = InboundMessage::new("It says 3-D Secure failed.")
///     .from(Contact::new("customer-77").named("Boris").email("boris@example.org"))
///     .cc("customer-78")
///     .channel(Channel::Email)
///     .subject("Card declined")
///     .thread("<a1@mail.example>") // the mail to which it replies
///     .thread("<b7@mail.example>") // its own id
///     .opens(NewTicket::new("(no subject)").kind(Kind::Incident).tag("shop"));
/// ```
///
/// # The use of each part
///
/// | part | the message goes to a ticket | the message opens a ticket |
/// |---|---|---|
/// | text, files | kept with the message | kept with the opening |
/// | `thread` | new keys lead to this ticket from now on | all keys lead to the new ticket |
/// | `from` | name, addresses and attributes are merged into what the ticket knows | the requester |
/// | `to`, `cc` | become contacts in copy, if the sender is a contact; otherwise their ids are kept with the message | contacts in copy |
/// | `subject` | kept with the message, if it is another one than the ticket's | the subject |
/// | `channel` | kept with the message, if it is another one than the ticket's | the channel |
/// | `sent_at` | kept with the message | kept with the opening |
/// | `opens` | not used | kind, category, tags, fields and so on |
///
/// Every mail and chat message is a request, so oddities are mended and not refused. A text and a subject may be empty;
/// a ticket whose message has no subject gets that of [`opens`](InboundMessage::opens), or none. NUL becomes U+FFFD. A
/// long subject is cut to the length of a ticket's subject with the mark "…", and its event keeps it whole. A text of
/// more than [`MAX_TEXT_BYTES`](limits::MAX_TEXT_BYTES) is cut with this mark. A file without a name is called "file-1"
/// by its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a message has no effect until a desk receives it"]
pub struct InboundMessage {
    #[serde(default)]
    message: Message,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) threads: Vec<ThreadKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Contact>,
    /// The other recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also_to: Vec<Contact>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) group_chat: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<Machine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) proof: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens: Option<Box<NewTicket>>,
    /// The key that makes the message repeatable. Not part of the serialized message.
    #[serde(skip)]
    pub(crate) key: Option<IdempotencyKey>,
}

impl InboundMessage {
    /// Creates a message with this text, or with a text and files.
    pub fn new(message: impl Into<Message>) -> InboundMessage {
        InboundMessage {
            message: message.into(),
            threads: Vec::new(),
            from: None,
            also_to: Vec::new(),
            group_chat: false,
            channel: None,
            subject: String::new(),
            machine: None,
            sent_at: None,
            proof: false,
            opens: None,
            key: None,
        }
    }

    /// Adds a thread key: a chat id, or a message id that the mail names or has itself.
    ///
    /// Several keys may lead to one ticket. If they lead to different tickets, the first one that leads to a ticket
    /// that is not finished decides, so put the most specific key first. For mail that is `In-Reply-To`, then
    /// `References` from the newest, then the mail's own id.
    pub fn thread(mut self, thread: impl Into<ThreadKey>) -> InboundMessage {
        self.threads.push(thread.into());
        self
    }

    /// Sets the sender. A message without a sender comes from somebody unknown.
    pub fn from(mut self, sender: impl Into<Contact>) -> InboundMessage {
        self.from = Some(sender.into());
        self
    }

    /// Adds another person to whom the message was sent. Leave out the addresses of the desk itself.
    pub fn to(mut self, recipient: impl Into<Contact>) -> InboundMessage {
        self.also_to.push(recipient.into());
        self
    }

    /// Adds a person who got a copy of the message. Leave out the addresses of the desk itself.
    pub fn cc(self, recipient: impl Into<Contact>) -> InboundMessage {
        self.to(recipient)
    }

    /// Declares that the thread is a group chat. Its members count as contacts in copy: a sender whom the ticket does
    /// not know yet becomes one.
    pub fn group_chat(mut self) -> InboundMessage {
        self.group_chat = true;
        self
    }

    /// Sets the channel. Without one, it is the channel of the ticket.
    pub fn channel(mut self, channel: Channel) -> InboundMessage {
        self.channel = Some(channel);
        self
    }

    /// Sets the subject.
    pub fn subject(mut self, subject: impl Into<String>) -> InboundMessage {
        self.subject = subject.into();
        self
    }

    /// Declares that a machine wrote the message: it has no effect. On a ticket it is kept as a signal; otherwise it
    /// opens a ticket, in the name of the machine.
    pub fn written_by(mut self, machine: Machine) -> InboundMessage {
        self.machine = Some(machine);
        self
    }

    /// Sets the instant at which the message was sent, as its sender's system says. The desk dates the event by its own
    /// clock, and keeps this instant beside it.
    pub fn sent_at(mut self, at: DateTime<Utc>) -> InboundMessage {
        self.sent_at = Some(to_micros(at));
        self
    }

    /// Declares that the message proves that its sender saw the conversation: it holds a reply token of the desk, or it
    /// answers a message id that the desk made. The message of a stranger is then added to the ticket and marked.
    pub fn with_proof(mut self) -> InboundMessage {
        self.proof = true;
        self
    }

    /// Describes the ticket that the message opens if it goes to none: kind, category, tags, fields, impact, urgency,
    /// modifiers, team, assignee and further contacts. The subject and the channel of this description are used if the
    /// message has none.
    pub fn opens(mut self, ticket: NewTicket) -> InboundMessage {
        self.opens = Some(Box::new(ticket));
        self
    }

    /// Makes the message idempotent: a second message with the same key returns the first result.
    ///
    /// The same key with another message is refused as [`KeyReused`](crate::ErrorKind::KeyReused). What the host adds
    /// by itself may differ: the attributes of people, the keys of uploaded files, and `sent_at`.
    pub fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> InboundMessage {
        self.key = Some(key.into());
        self
    }
}

impl InboundMessage {
    /// Returns the message without oddities, in the form in which it is stored.
    pub(crate) fn mended(mut self) -> InboundMessage {
        let words = std::mem::take(&mut self.message.text);
        if !words.trim().is_empty() {
            self.message.text = limits::storable(words, limits::MAX_TEXT_BYTES);
        }
        self.subject = limits::storable(self.subject, limits::MAX_TEXT_BYTES);
        text::normalize(&mut self.subject);
        if !text::is_visible(&self.subject) {
            self.subject.clear();
        }
        let name = |text: String| limits::one_line(text, limits::MAX_NAME_CHARS);
        for (place, file) in (1..).zip(&mut self.message.file_names) {
            *file = name(std::mem::take(file));
            if file.trim().is_empty() {
                *file = format!("file-{place}");
            }
        }
        for file in &mut self.message.files {
            file.media_type = name(std::mem::take(&mut file.media_type));
            if file.media_type.trim().is_empty() {
                "application/octet-stream".clone_into(&mut file.media_type);
            }
        }
        for contact in self.from.iter_mut().chain(&mut self.also_to) {
            for text in [&mut contact.name, &mut contact.email, &mut contact.phone] {
                // An empty text removes what is known; blanks say nothing.
                if let Some(given) = text.take_if(|text| !text.is_empty()) {
                    *text = Some(name(given)).filter(|line| !line.trim().is_empty());
                }
            }
        }
        self.message.normalize();
        self.from.iter_mut().chain(&mut self.also_to).for_each(Contact::normalize);
        self.opens.iter_mut().for_each(|opens| opens.normalize());
        let mut threads: Vec<ThreadKey> = Vec::new();
        for thread in std::mem::take(&mut self.threads) {
            if !threads.contains(&thread) {
                threads.push(thread);
            }
        }
        self.threads = threads;
        let mut also_to: Vec<Contact> = Vec::new();
        for contact in std::mem::take(&mut self.also_to) {
            let known = self.from.iter().chain(&also_to).any(|it| it.id == contact.id);
            if !known {
                also_to.push(contact);
            }
        }
        self.also_to = also_to;
        self
    }

    /// Returns what was asked, without what the host adds by itself: the basis of the fingerprint.
    pub(crate) fn asked(&self) -> InboundMessage {
        let mut asked = self.clone();
        asked.message = asked.message.asked();
        asked.sent_at = None;
        asked.from.iter_mut().chain(&mut asked.also_to).for_each(|contact| contact.attributes.clear());
        asked.opens = asked.opens.map(|opens| Box::new(opens.asked()));
        asked
    }

    pub(crate) fn check(&self) -> Result<()> {
        limits::count("thread keys", self.threads.len())?;
        self.threads.iter().try_for_each(|thread| thread.check())?;
        self.key.iter().try_for_each(|key| key.check())?;
        limits::count("recipients", self.also_to.len())?;
        self.from.iter().chain(&self.also_to).try_for_each(Contact::check)?;
        self.channel.iter().try_for_each(|channel| limits::name("channel", channel.as_str()))?;
        self.message.check_files()?;
        let Some(opens) = &self.opens else { return Ok(()) };
        let refuse = |part: &str, instead: &str| {
            let problem = format_args!("is set in the description of the ticket that a message opens");
            Err(Error::invalid(part, problem).allowing(instead.to_owned()))
        };
        if opens.message.is_some() {
            return refuse("message", "the text in `InboundMessage::new`");
        }
        if opens.by.is_some() {
            return refuse("actor", "`InboundMessage::from` with the sender");
        }
        if opens.requester().is_some() {
            return refuse("requester", "`InboundMessage::from` with the sender");
        }
        if !opens.threads.is_empty() {
            return refuse("thread key", "`InboundMessage::thread`");
        }
        if opens.key.is_some() {
            return refuse("idempotency key", "`InboundMessage::once`");
        }
        Ok(())
    }

    /// Returns the author of the message.
    pub(crate) fn author(&self) -> Actor {
        match (self.machine, &self.from) {
            (Some(machine), _) => Actor::automation(machine.as_str()),
            (None, Some(Contact { id, attributes, .. })) => {
                Actor { who: Who::Contact(id.clone()), attributes: attributes.clone() }
            }
            (None, None) => Actor::from(Who::Unknown),
        }
    }

    /// Returns the recipients other than the desk and the sender.
    pub(crate) fn also_to(&self) -> &[Contact] {
        &self.also_to
    }

    /// Returns the facts of the message on a ticket.
    pub(crate) fn arrived(&self, ticket: &Snapshot) -> Arrived {
        Arrived {
            files: self.message.files.clone(),
            machine: self.machine,
            without_text: self.message.text.is_empty(),
            channel: self.channel.clone().filter(|channel| channel.as_str() != ticket.channel.as_str()),
            sent_at: self.sent_at,
            ..Arrived::default()
        }
    }

    /// Returns the personal part of the message on a ticket.
    pub(crate) fn words(&self, ticket: &Snapshot) -> Words {
        let subject = Some(&self.subject).filter(|it| !it.is_empty() && *it != ticket.subject());
        Words { subject: subject.cloned(), ..self.message.words() }
    }

    /// Returns the request for the ticket that the message opens.
    pub(crate) fn opening(&self) -> NewTicket {
        let mut request = self.opens.as_deref().cloned().unwrap_or_else(|| NewTicket::new(""));
        if !self.subject.is_empty() {
            request.subject.clone_from(&self.subject);
        }
        request.message = Some(self.message.clone());
        let sender = self.from.iter().map(|sender| (sender.clone(), ContactRole::Requester));
        let others = self.also_to.iter().map(|other| (other.clone(), ContactRole::Cc));
        let mut contacts: Vec<_> = sender.chain(others).collect();
        for (contact, role) in std::mem::take(&mut request.contacts) {
            if contacts.iter().all(|(it, _)| it.id != contact.id) {
                contacts.push((contact, role));
            }
        }
        request.contacts = contacts;
        request.by = Some(self.author());
        if let Some(channel) = &self.channel {
            request.channel = channel.clone();
        }
        request.arrived = true;
        request.sent_at = self.sent_at;
        request
    }
}
