//! Messages that arrive from the customer's side.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{ContactId, IdempotencyKey, ThreadKey};
use crate::limits;
use crate::text;
use crate::ticket::event::{Arrived, MessagePart};
use crate::ticket::kind::Channel;
use crate::ticket::message::Message;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Contact, ContactRole, Machine, Who};
use crate::ticket::personal::Words;
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;
use crate::value::Value;

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
/// | `thread` | new keys lead to this ticket from now on, unless a machine wrote | all keys lead to the new ticket |
/// | `from` | name, addresses and attributes are merged into what the ticket knows; if the sender becomes no contact, name and addresses are kept with the message | the requester |
/// | `to`, `cc` | become contacts in copy, if the sender is a contact; otherwise their ids are kept with the message | contacts in copy |
/// | `subject` | kept with the message, if it is another one than the ticket's | the subject |
/// | `channel` | kept with the message, if it is another one than the ticket's | the channel |
/// | `sent_at` | kept with the message | kept with the opening |
/// | `opens` | not used | kind, category, tags, fields and so on |
///
/// # Odd messages
///
/// Every mail and chat message is a request, so no message is refused for what its sender wrote. Oddities are mended:
/// - A text and a subject may be empty; a ticket whose message has no subject gets that of
///   [`opens`](InboundMessage::opens), or none. A text of more than [`MAX_TEXT_BYTES`](limits::MAX_TEXT_BYTES) is cut
///   with the mark "…". NUL becomes U+FFFD.
/// - A subject, a name and an address are put on one line, without invisible characters. A long subject is cut to the
///   length of a ticket's subject, and its event keeps it whole. Other long names are cut.
/// - A file without a name is called "file-1" by its place; a name without a file is dropped.
/// - A thread key may have any length and any character.
///
/// A ticket cannot hold some parts. They are left out, and the event counts them in
/// [`left_out`](crate::ticket::event::Arrived::left_out):
/// - `files`, `recipients`, `thread_keys` and `attributes` above [`MAX_ITEMS`](limits::MAX_ITEMS); the last thread key,
///   which is the mail's own id, is kept;
/// - `recipients` and `senders` whose id is empty, too long or has control characters; without its sender, the message
///   is from somebody unknown;
/// - `senders` who would become contacts of a ticket that has `MAX_ITEMS` contacts; the message itself names them;
/// - `thread_keys` and the names of `attributes` without a visible character.
///
/// A message can be refused only for what your own program sets: a channel, an attribute or a part of
/// [`opens`](InboundMessage::opens) that the policy does not accept; more than `MAX_ITEMS` attributes of a person in
/// all; an [idempotency key](InboundMessage::idempotency_key) or the key of a file that is empty, too long or has
/// control characters; and an idempotency key that was used for another message.
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
    /// The number of parts that were left out, by their kind. Not part of the serialized message.
    #[serde(skip)]
    left_out: BTreeMap<MessagePart, u32>,
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
            left_out: BTreeMap::new(),
            key: None,
        }
    }

    /// Adds a thread key: a chat id, or a message id that the mail names or has itself.
    ///
    /// Several keys may lead to one ticket. If they lead to different tickets, the message goes to an open ticket of
    /// which its sender is a contact; otherwise to an open one where the sender may write, as a member of a group chat
    /// or with a proof; otherwise to a finished one of which the sender is a contact. Among equals the first key
    /// decides, so put the most specific key first. For mail that is `In-Reply-To`, then `References` from the newest,
    /// then the mail's own id.
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
    /// not know yet becomes one. If the policy does not let those write, a [proof](InboundMessage::with_proof) permits
    /// what it permits a stranger.
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
        let subject = limits::storable(std::mem::take(&mut self.subject), limits::MAX_TEXT_BYTES);
        self.subject = limits::one_line(subject, usize::MAX);
        text::normalize(&mut self.subject);
        self.channel = self.channel.take().and_then(|channel| {
            let name = one_line(channel.as_str().to_owned());
            (!name.is_empty()).then(|| Channel::from(name))
        });
        self.mend_files();
        self.mend_people();
        self.opens.iter_mut().for_each(|opens| opens.normalize());
        self.mend_threads();
        self
    }

    fn leave_out(&mut self, part: MessagePart, count: usize) {
        count_left_out(&mut self.left_out, part, count);
    }

    fn mend_files(&mut self) {
        let Message { files, file_names, .. } = &mut self.message;
        let surplus = files.len().saturating_sub(limits::MAX_ITEMS);
        files.truncate(limits::MAX_ITEMS);
        file_names.resize(files.len(), String::new());
        for (place, file) in (1..).zip(file_names) {
            *file = one_line(std::mem::take(file));
            if file.is_empty() {
                *file = format!("file-{place}");
            }
        }
        for file in files {
            file.media_type = one_line(std::mem::take(&mut file.media_type));
            if file.media_type.is_empty() {
                "application/octet-stream".clone_into(&mut file.media_type);
            }
        }
        self.leave_out(MessagePart::Files, surplus);
    }

    fn mend_people(&mut self) {
        let from = self.from.take();
        self.leave_out(MessagePart::Senders, from.iter().filter(|sender| sender.id.check().is_err()).count());
        self.from = from.filter(|sender| sender.id.check().is_ok());
        let mut also_to: Vec<Contact> = Vec::new();
        let mut known: BTreeSet<ContactId> = self.from.iter().map(|sender| sender.id.clone()).collect();
        let mut surplus = 0;
        for contact in std::mem::take(&mut self.also_to) {
            if contact.id.check().is_err() {
                surplus += 1;
            } else if known.insert(contact.id.clone()) {
                if also_to.len() < limits::MAX_ITEMS { also_to.push(contact) } else { surplus += 1 }
            }
        }
        self.also_to = also_to;
        self.leave_out(MessagePart::Recipients, surplus);
        let attributes = self.from.iter_mut().chain(&mut self.also_to).map(mend_contact).sum();
        self.leave_out(MessagePart::Attributes, attributes);
    }

    fn mend_threads(&mut self) {
        let mut seen = BTreeSet::new();
        let mut unusable = 0;
        self.threads.retain(|thread| {
            let is_usable = thread.check().is_ok();
            unusable += usize::from(!is_usable);
            is_usable && seen.insert(thread.clone())
        });
        let surplus = self.threads.len().saturating_sub(limits::MAX_ITEMS);
        if surplus > 0 {
            // The last key is the mail's own id, which its answers name.
            self.threads.drain(limits::MAX_ITEMS - 1..self.threads.len() - 1);
        }
        self.leave_out(MessagePart::ThreadKeys, unusable + surplus);
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

    /// Checks a [mended](InboundMessage::mended) message.
    pub(crate) fn check(&self) -> Result<()> {
        self.key.iter().try_for_each(|key| key.check())?;
        self.from.iter().chain(&self.also_to).try_for_each(Contact::check)?;
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
            left_out: self.left_out.clone(),
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
        let mut described = std::mem::take(&mut request.contacts);
        described.retain(|(contact, _)| !self.from.iter().any(|sender| sender.id == contact.id));
        let sender = self.from.iter().map(|sender| (sender.clone(), ContactRole::Requester));
        // A recipient takes the place of their description. The others fill the room that is left.
        let mut room = limits::MAX_ITEMS.saturating_sub(described.len() + sender.len());
        let mut others = Vec::new();
        let mut surplus = 0;
        for other in &self.also_to {
            let before = described.len();
            described.retain(|(contact, _)| contact.id != other.id);
            if described.len() < before {
                others.push((other.clone(), ContactRole::Cc));
            } else if room > 0 {
                room -= 1;
                others.push((other.clone(), ContactRole::Cc));
            } else {
                surplus += 1;
            }
        }
        request.contacts = sender.chain(others).chain(described).collect();
        request.left_out.clone_from(&self.left_out);
        count_left_out(&mut request.left_out, MessagePart::Recipients, surplus);
        request.by = Some(self.author());
        if let Some(channel) = &self.channel {
            request.channel = channel.clone();
        }
        request.arrived = true;
        request.sent_at = self.sent_at;
        request
    }
}

fn count_left_out(left_out: &mut BTreeMap<MessagePart, u32>, part: MessagePart, count: usize) {
    if count > 0 {
        let counted = left_out.entry(part).or_default();
        *counted = counted.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

fn one_line(text: String) -> String {
    let mut line = limits::one_line(text, limits::MAX_NAME_CHARS);
    text::normalize(&mut line);
    line
}

/// Mends what a message says of a person. Returns the number of attributes that were left out.
fn mend_contact(contact: &mut Contact) -> usize {
    for text in [&mut contact.name, &mut contact.email, &mut contact.phone] {
        // An empty text removes what is known; blanks say nothing.
        if let Some(given) = text.take_if(|text| !text.is_empty()) {
            *text = Some(one_line(given)).filter(|line| !line.is_empty());
        }
    }
    let given = contact.attributes.len() + contact.removed.len();
    let mut surplus = 0;
    let attributes = std::mem::take(&mut contact.attributes).into_iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => Value::Text(limits::storable(text, limits::MAX_TEXT_BYTES)),
            Value::List(items) => {
                surplus += items.len().saturating_sub(limits::MAX_ITEMS);
                let items = items.into_iter().take(limits::MAX_ITEMS).map(one_line);
                Value::List(items.filter(|item| !item.is_empty()).collect())
            }
            other => other,
        };
        (one_line(name), value)
    });
    contact.attributes = attributes.filter(|(name, _)| !name.is_empty()).take(limits::MAX_ITEMS).collect();
    let removed = std::mem::take(&mut contact.removed).into_iter().map(one_line);
    contact.removed = removed.filter(|name| !name.is_empty()).take(limits::MAX_ITEMS).collect();
    contact.normalize();
    surplus + given - contact.attributes.len() - contact.removed.len()
}
