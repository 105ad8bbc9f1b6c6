//! The personal part of events and tickets: texts, names and addresses. Each piece has one owner.
//!
//! The text of a contact belongs to that contact. The text of an agent, a program or the desk belongs to the requester
//! at that time, because it is about the requester. Names and addresses belong to the contact that they identify. A
//! piece keeps its owner if the requester of the ticket changes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::ContactId;
use crate::limits;
use crate::ticket::people::{Contact, Who};
use crate::value::Value;

/// The owner of a personal piece. In JSON it is the contact's id, or the empty string for nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "ContactId")]
#[non_exhaustive]
pub enum Owner {
    /// Nobody. The owner of texts that agents, programs or the desk wrote while the ticket had no requester.
    Nobody,
    /// A contact.
    Contact(ContactId),
}

impl Owner {
    /// Returns the owner of a text that this actor writes on a ticket with this requester.
    pub(crate) fn of_words(by: &Who, requester: Option<&ContactId>) -> Owner {
        match (by, requester) {
            // The text of somebody unknown is about the requester, like that of an agent.
            (Who::Contact(id), _) | (_, Some(id)) => Owner::Contact(id.clone()),
            _ => Owner::Nobody,
        }
    }

    /// Returns the contact; `None` for [`Owner::Nobody`].
    pub fn contact(&self) -> Option<&ContactId> {
        match self {
            Owner::Contact(id) => Some(id),
            Owner::Nobody => None,
        }
    }
}

impl From<ContactId> for Owner {
    fn from(id: ContactId) -> Owner {
        if id.as_str().is_empty() { Owner::Nobody } else { Owner::Contact(id) }
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.contact().map_or("", ContactId::as_str))
    }
}

/// The personal pieces of one owner. In JSON a text without other pieces is a plain string, because most events have
/// only a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, remote = "Self")]
#[non_exhaustive]
pub struct Words {
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The message, the note or the comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The solution, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// The names of the attached files, in the order of the attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Custom fields of type text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// The key of a thread in its stored form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The owner's display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The owner's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The owner's phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl Words {
    /// Creates a value with a text only.
    pub fn text(text: impl Into<String>) -> Words {
        Words { text: Some(text.into()), ..Words::default() }
    }

    /// True if there is no piece.
    pub fn is_empty(&self) -> bool {
        *self == Words::default()
    }

    /// Creates a value with one custom field only.
    pub(crate) fn field(name: impl Into<String>, value: Value) -> Words {
        Words { fields: BTreeMap::from([(name.into(), value)]), ..Words::default() }
    }

    /// Adds the name and the addresses of a contact.
    pub(crate) fn with_person(self, contact: &Contact) -> Words {
        let Contact { name, email, phone, .. } = contact.clone();
        Words { name, email, phone, ..self }
    }

    fn has_person(&self) -> bool {
        self.name.is_some() || self.email.is_some() || self.phone.is_some()
    }

    fn remove_person(&mut self) {
        (self.name, self.email, self.phone) = (None, None, None);
    }

    /// Adds pieces. A piece that exists already is replaced.
    fn extend(&mut self, other: Words) {
        let Words { subject, text, resolution, files, fields, thread, name, email, phone } = other;
        for (here, new) in [
            (&mut self.subject, subject),
            (&mut self.text, text),
            (&mut self.resolution, resolution),
            (&mut self.thread, thread),
            (&mut self.name, name),
            (&mut self.email, email),
            (&mut self.phone, phone),
        ] {
            if new.is_some() {
                *here = new;
            }
        }
        if !files.is_empty() {
            self.files = files;
        }
        self.fields.extend(fields);
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Words {
                text: Some(text),
                subject: None,
                resolution: None,
                thread: None,
                name: None,
                email: None,
                phone: None,
                files,
                fields,
            } if files.is_empty() && fields.is_empty() => to.serialize_str(text),
            // The derived implementation, field by field.
            words => Words::serialize(words, to),
        }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
        struct TextOrFields;

        impl<'de> Visitor<'de> for TextOrFields {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an object of personal pieces")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words::text(text))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Words, E> {
                Ok(Words::text(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Words, A::Error> {
                Words::deserialize(MapAccessDeserializer::new(map))
            }
        }

        from.deserialize_any(TextOrFields)
    }
}

/// The personal part of an event or ticket: texts, names and addresses by owner.
///
/// The personal part of an event has the pieces that the event added. The personal part of a ticket has the current
/// pieces. Each has at most one subject, one text, one resolution and one value of each field, so these can be read
/// without the owner.
///
/// ```
/// use firstline::ticket::personal::Owner;
/// use firstline::{Action, Actor, Contact, ContactRole, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let request = NewTicket::new("No sound").from(Contact::new("boris").named("Boris"));
/// let id = desk.open_ticket(request.contact("eva", ContactRole::Cc))?.id();
/// desk.act(id, Action::reply("Which headset?"), Actor::agent("anna"))?;
/// desk.act(id, Action::reply("Mine hums too."), Actor::contact("eva"))?;
///
/// let history = desk.records().history(id)?;
/// let owners: Vec<_> = history.iter().flat_map(|event| event.personal.owners()).map(|(owner, _)| owner).collect();
/// let (boris, eva) = (Owner::Contact("boris".into()), Owner::Contact("eva".into()));
/// assert_eq!(owners, [&boris, &boris, &eva]); // Anna's reply belongs to Boris, the requester.
/// assert_eq!(history[1].personal.text(), Some("Which headset?"));
///
/// let mut personal = desk.ticket(id)?.snapshot().personal.clone();
/// assert_eq!(serde_json::to_string(&personal).unwrap(), r#"{"boris":{"subject":"No sound","name":"Boris"}}"#);
/// personal.erase(&boris);
/// assert!(personal.is_empty());
/// # Ok::<(), firstline::Error>(())
/// ```
// A list sorted by owner, without empty entries: most parts have one owner, and few have more than two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Personal(Vec<(Owner, Words)>);

impl Personal {
    /// Creates a personal part with the pieces of one owner.
    pub fn of(owner: Owner, words: Words) -> Personal {
        let mut personal = Personal::default();
        personal.add(owner, words);
        personal
    }

    /// True if there is no piece.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the owners with their pieces, sorted by id. [`Owner::Nobody`] comes first.
    pub fn owners(&self) -> impl Iterator<Item = (&Owner, &Words)> {
        self.0.iter().map(|(owner, words)| (owner, words))
    }

    /// Returns the pieces of this owner.
    pub fn words(&self, owner: &Owner) -> Option<&Words> {
        self.place(owner).ok().and_then(|place| self.0.get(place)).map(|(_, words)| words)
    }

    /// Returns the subject.
    pub fn subject(&self) -> Option<&str> {
        self.first(|words| words.subject.as_deref())
    }

    /// Returns the message, the note or the comment.
    pub fn text(&self) -> Option<&str> {
        self.first(|words| words.text.as_deref())
    }

    /// Returns the text of the resolution.
    pub fn resolution(&self) -> Option<&str> {
        self.first(|words| words.resolution.as_deref())
    }

    /// Returns the names of the attached files, in the order of the attachments.
    pub fn files(&self) -> &[String] {
        self.first(|words| Some(&*words.files).filter(|files| !files.is_empty())).unwrap_or_default()
    }

    /// Returns the key of a thread in its stored form.
    pub(crate) fn thread(&self) -> Option<&str> {
        self.first(|words| words.thread.as_deref())
    }

    /// Returns the value of a custom field of type text.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.first(|words| words.fields.get(name))
    }

    /// Returns the custom fields of type text, with their values.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|(_, words)| &words.fields)
    }

    /// Returns the pieces of a contact, if they include a name or an address.
    pub fn person(&self, id: &ContactId) -> Option<&Words> {
        self.words(&Owner::Contact(id.clone())).filter(|words| words.has_person())
    }

    /// Adds the contact's name and addresses, if there is one and any of them differs.
    pub(crate) fn add_changed_person(&mut self, contact: &Contact, known: &Personal) {
        let (new, old) = (Words::default().with_person(contact), known.person(&contact.id));
        let changed =
            old.is_none_or(|old| (&old.name, &old.email, &old.phone) != (&new.name, &new.email, &new.phone));
        if changed {
            self.add(Owner::Contact(contact.id.clone()), new);
        }
    }

    /// Returns the contacts that have a name or an address, each with its name.
    pub(crate) fn people(&self) -> impl Iterator<Item = (&ContactId, Option<&str>)> {
        let named = self.0.iter().filter(|(_, words)| words.has_person());
        named.filter_map(|(owner, words)| Some((owner.contact()?, words.name.as_deref())))
    }

    /// Removes every piece of this owner. The pieces of other owners are unchanged.
    ///
    /// Erasing an owner's pieces from every event and then folding the history gives the same ticket as erasing them
    /// from the folded ticket. The facts and the pieces of other owners are unchanged in both cases.
    pub fn erase(&mut self, owner: &Owner) {
        self.0.retain(|(it, _)| it != owner);
    }

    /// Adds pieces of an owner. A piece that the owner already has is replaced.
    pub fn add(&mut self, owner: Owner, words: Words) {
        if words.is_empty() {
            return;
        }
        match self.place(&owner) {
            Ok(place) => {
                if let Some((_, here)) = self.0.get_mut(place) {
                    here.extend(words);
                }
            }
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (owner, words));
            }
        }
    }

    /// Adds the subject, the fields, the names and the addresses of an event. Names and addresses replace the earlier
    /// ones of the same contact under all owners. The caller clears earlier values of the subject and the fields first.
    pub(crate) fn describe(&mut self, event: &Personal) {
        for (owner, words) in &event.0 {
            if let Some(id) = owner.contact().filter(|_| words.has_person()) {
                self.clear_person(id);
            }
            self.add(
                owner.clone(),
                Words { text: None, files: Vec::new(), resolution: None, ..words.clone() },
            );
        }
    }

    /// Replaces the resolution with the text of an event.
    pub(crate) fn resolve(&mut self, event: &Personal) {
        self.edit(|_, words| words.resolution = None);
        for (owner, words) in &event.0 {
            self.add(owner.clone(), Words { resolution: words.text.clone(), ..Words::default() });
        }
    }

    /// Returns the resolution as the text of an event that repeats it. The owner is unchanged.
    pub(crate) fn resolution_as_text(&self) -> Personal {
        let mut text = Personal::default();
        for (owner, words) in &self.0 {
            text.add(owner.clone(), Words { text: words.resolution.clone(), ..Words::default() });
        }
        text
    }

    /// Removes the text and the file names, which belong to one event.
    pub(crate) fn clear_text(&mut self) {
        self.edit(|_, words| {
            words.text = None;
            words.files.clear();
        });
    }

    /// Puts the subject on one line and cuts it to the length of a ticket's subject.
    pub(crate) fn shorten_subject(&mut self) {
        self.edit(|_, words| {
            let subject = words.subject.take();
            let subject = subject.map(|it| limits::one_line(it, limits::MAX_SUBJECT_CHARS));
            words.subject = subject.filter(|it| !it.is_empty());
        });
    }

    pub(crate) fn clear_subject(&mut self) {
        self.edit(|_, words| words.subject = None);
    }

    pub(crate) fn clear_field(&mut self, name: &str) {
        self.edit(|_, words| drop(words.fields.remove(name)));
    }

    /// Removes the name and the addresses of a contact. The contact's texts are unchanged.
    pub(crate) fn clear_person(&mut self, id: &ContactId) {
        self.edit(|owner, words| {
            if owner.contact() == Some(id) {
                words.remove_person();
            }
        });
    }

    /// Changes the pieces of every owner.
    fn edit(&mut self, mut change: impl FnMut(&Owner, &mut Words)) {
        self.0.retain_mut(|(owner, words)| {
            change(owner, words);
            !words.is_empty()
        });
    }

    fn first<'a, T>(&'a self, piece: impl Fn(&'a Words) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|(_, words)| piece(words))
    }

    /// Returns the index of this owner, or the index to insert them at.
    fn place(&self, owner: &Owner) -> Result<usize, usize> {
        self.0.binary_search_by(|(it, _)| it.cmp(owner))
    }
}

impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.owners())
    }
}

impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Personal, D::Error> {
        struct ByOwner;

        impl<'de> Visitor<'de> for ByOwner {
            type Value = Personal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("personal pieces by owner")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Personal, A::Error> {
                let mut personal = Personal::default();
                while let Some((owner, words)) = map.next_entry()? {
                    if personal.words(&owner).is_some() {
                        return Err(A::Error::custom("an owner is named twice"));
                    }
                    personal.add(owner, words);
                }
                Ok(personal)
            }
        }

        from.deserialize_map(ByOwner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boris() -> Owner {
        Owner::Contact("boris".into())
    }

    #[test]
    fn the_stored_form_is_lean_and_comes_back() {
        let contact = Contact::new("boris").named("Boris");
        let mut personal = Personal::of(boris(), Words { subject: Some("x".to_owned()), ..Words::default() });
        personal.add_changed_person(&contact, &Personal::default());
        personal.add(Owner::Nobody, Words::text("y"));
        personal.add(Owner::Contact("eva".into()), Words::default());
        let json = serde_json::to_string(&personal).unwrap();
        assert_eq!(json, r#"{"":"y","boris":{"subject":"x","name":"Boris"}}"#);
        assert_eq!(serde_json::from_str::<Personal>(&json).unwrap(), personal);
        assert_eq!(personal.person(&"boris".into()).unwrap().name.as_deref(), Some("Boris"));
        assert_eq!(personal.person(&"eva".into()), None);
    }

    #[test]
    fn unusual_json_is_normalised_or_refused() {
        let read = serde_json::from_str::<Personal>;
        let sorted = read(r#"{"b":{"text":"y"},"":{"subject":"x"},"c":{}}"#).unwrap();
        assert_eq!(serde_json::to_string(&sorted).unwrap(), r#"{"":{"subject":"x"},"b":"y"}"#);
        for json in [
            r#"{"b":{"text":"y"},"b":{"subject":"x"}}"#,
            r#"{"b":{"words":"y"}}"#,
            r#"{"b":null}"#,
            r#"{"b":["y"]}"#,
            r#"{"b":1}"#,
            "[]",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
