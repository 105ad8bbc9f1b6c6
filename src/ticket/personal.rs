//! What people wrote and are called: the personal part of events and tickets. Each piece has one owner.
//!
//! Words of a contact belong to that contact. Words of an agent, a program or the desk belong to the ticket's
//! requester at that time, because they are about the requester. Names and addresses belong to the contact whom they
//! name. A piece keeps its owner, whoever becomes the requester later.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::ContactId;
use crate::ticket::people::{Person, Who};
use crate::value::Value;

/// Whose a personal piece is. In JSON the contact's id; the empty text for nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "ContactId")]
#[non_exhaustive]
pub enum Owner {
    /// Nobody: the desk's words on a ticket that had no requester.
    Nobody,
    /// This contact.
    Contact(ContactId),
}

impl Owner {
    /// Whose the words of this speaker are on a ticket of this requester.
    pub(crate) fn of_words(by: &Who, requester: Option<&ContactId>) -> Owner {
        match (by, requester) {
            (Who::Contact(id), _) | (_, Some(id)) => Owner::Contact(id.clone()),
            _ => Owner::Nobody,
        }
    }

    /// The contact, if there is one.
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

/// The personal pieces of one owner. A text alone is a plain string in JSON, because most events have no more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, remote = "Self")]
#[non_exhaustive]
pub struct Words {
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The message, the note or the reason given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The resolution in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Names of attached files, in the order of the attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Custom fields of type text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// The owner's name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The owner's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The owner's telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl Words {
    /// A text alone.
    pub fn text(text: impl Into<String>) -> Words {
        Words { text: Some(text.into()), ..Words::default() }
    }

    /// Whether there is no piece.
    pub fn is_empty(&self) -> bool {
        *self == Words::default()
    }

    /// One custom field alone.
    pub(crate) fn field(name: impl Into<String>, value: Value) -> Words {
        Words { fields: BTreeMap::from([(name.into(), value)]), ..Words::default() }
    }

    fn of_person(Person { name, email, phone }: Person) -> Words {
        Words { name, email, phone, ..Words::default() }
    }

    fn names_anybody(&self) -> bool {
        self.name.is_some() || self.email.is_some() || self.phone.is_some()
    }

    fn forget_person(&mut self) {
        (self.name, self.email, self.phone) = (None, None, None);
    }

    /// Adds pieces. One that is here already is replaced.
    fn extend(&mut self, other: Words) {
        let Words { subject, text, resolution, files, fields, name, email, phone } = other;
        for (here, new) in [
            (&mut self.subject, subject),
            (&mut self.text, text),
            (&mut self.resolution, resolution),
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
                name: None,
                email: None,
                phone: None,
                files,
                fields,
            } if files.is_empty() && fields.is_empty() => to.serialize_str(text),
            // The derived one, field by field.
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

/// The personal part: everything that people wrote or are called, by owner. Of an event, what was said in it; of a
/// ticket, what of it holds now.
///
/// Readers who do not ask whose a piece is need not look at owners: a part has one subject, one text, one resolution
/// and one value of each field.
///
/// ```
/// use firstline::ticket::personal::Owner;
/// use firstline::{Action, Actor, Contact, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let id = desk.open_ticket(NewTicket::new("No sound").from(Contact::new("boris").named("Boris")))?.id();
/// desk.act(id, Action::reply("Which headset?"), Actor::agent("anna"))?;
/// desk.act(id, Action::reply("Mine hums too."), Actor::contact("eva"))?;
///
/// let history = desk.records().history(id)?;
/// let owners: Vec<_> = history.iter().flat_map(|event| event.personal.owners()).map(|(owner, _)| owner).collect();
/// let (boris, eva) = (Owner::Contact("boris".into()), Owner::Contact("eva".into()));
/// assert_eq!(owners, [&boris, &boris, &eva]); // Anna's words are about Boris, who asks.
/// assert_eq!(history[1].personal.text(), Some("Which headset?"));
///
/// let mut personal = desk.ticket(id)?.snapshot().personal.clone();
/// assert_eq!(serde_json::to_string(&personal).unwrap(), r#"{"boris":{"subject":"No sound","name":"Boris"}}"#);
/// personal.erase(&boris);
/// assert!(personal.is_empty());
/// # Ok::<(), firstline::Error>(())
/// ```
// A sorted list without empty words: a part seldom has more than two owners, and most have one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Personal(Vec<(Owner, Words)>);

impl Personal {
    /// The pieces of one owner alone.
    pub fn of(owner: Owner, words: Words) -> Personal {
        let mut personal = Personal::default();
        personal.add(owner, words);
        personal
    }

    /// Whether there is nothing personal.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The owners with their pieces, in the order of ids. Nobody comes first.
    pub fn owners(&self) -> impl Iterator<Item = (&Owner, &Words)> {
        self.0.iter().map(|(owner, words)| (owner, words))
    }

    /// The pieces of this owner.
    pub fn words(&self, owner: &Owner) -> Option<&Words> {
        self.place(owner).ok().and_then(|place| self.0.get(place)).map(|(_, words)| words)
    }

    /// The subject.
    pub fn subject(&self) -> Option<&str> {
        self.first(|words| words.subject.as_deref())
    }

    /// The message, the note or the reason given.
    pub fn text(&self) -> Option<&str> {
        self.first(|words| words.text.as_deref())
    }

    /// The resolution in words.
    pub fn resolution(&self) -> Option<&str> {
        self.first(|words| words.resolution.as_deref())
    }

    /// Names of attached files, in the order of the attachments.
    pub fn files(&self) -> &[String] {
        self.first(|words| Some(&*words.files).filter(|files| !files.is_empty())).unwrap_or_default()
    }

    /// The value of a custom field of type text.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.first(|words| words.fields.get(name))
    }

    /// The custom fields of type text, with their values.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|(_, words)| &words.fields)
    }

    /// Name and addresses of a contact, if any is known.
    pub fn person(&self, id: &ContactId) -> Option<Person> {
        let words = self.words(&Owner::Contact(id.clone())).filter(|words| words.names_anybody())?;
        Some(Person { name: words.name.clone(), email: words.email.clone(), phone: words.phone.clone() })
    }

    /// The contacts of whom a name or an address is known, with the name.
    pub(crate) fn people(&self) -> impl Iterator<Item = (&ContactId, Option<&str>)> {
        let named = self.0.iter().filter(|(_, words)| words.names_anybody());
        named.filter_map(|(owner, words)| Some((owner.contact()?, words.name.as_deref())))
    }

    /// Removes every piece of this owner. Pieces of others stay.
    ///
    /// Folding a history from which an owner's pieces were erased gives the ticket with the same pieces erased: the
    /// facts and everybody else's pieces are as before.
    pub fn erase(&mut self, owner: &Owner) {
        self.0.retain(|(it, _)| it != owner);
    }

    /// Adds pieces of an owner. A piece that the owner has already is replaced.
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

    /// Adds the name and addresses of a contact.
    pub(crate) fn add_person(&mut self, id: &ContactId, person: &Person) {
        self.add(Owner::Contact(id.clone()), Words::of_person(person.clone()));
    }

    /// Adds the subject, fields, names and addresses of an event. Names and addresses replace those of the same contact, whoever
    /// gave them. Earlier values of the subject and the fields must be cleared before.
    pub(crate) fn describe(&mut self, event: &Personal) {
        for (owner, words) in &event.0 {
            if let Some(id) = owner.contact().filter(|_| words.names_anybody()) {
                self.clear_person(id);
            }
            self.add(
                owner.clone(),
                Words { text: None, files: Vec::new(), resolution: None, ..words.clone() },
            );
        }
    }

    /// Replaces the resolution by the text of an event.
    pub(crate) fn resolve(&mut self, event: &Personal) {
        self.edit(|_, words| words.resolution = None);
        for (owner, words) in &event.0 {
            self.add(owner.clone(), Words { resolution: words.text.clone(), ..Words::default() });
        }
    }

    /// The resolution as the text of an event that says it again. Its owner stays.
    pub(crate) fn resolution_as_text(&self) -> Personal {
        let mut text = Personal::default();
        for (owner, words) in &self.0 {
            text.add(owner.clone(), Words { text: words.resolution.clone(), ..Words::default() });
        }
        text
    }

    /// Removes text and file names: they belong to one event.
    pub(crate) fn clear_text(&mut self) {
        self.edit(|_, words| {
            words.text = None;
            words.files.clear();
        });
    }

    pub(crate) fn clear_subject(&mut self) {
        self.edit(|_, words| words.subject = None);
    }

    pub(crate) fn clear_field(&mut self, name: &str) {
        self.edit(|_, words| drop(words.fields.remove(name)));
    }

    /// Removes the name and addresses of a contact. Their words stay.
    pub(crate) fn clear_person(&mut self, id: &ContactId) {
        self.edit(|owner, words| {
            if owner.contact() == Some(id) {
                words.forget_person();
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

    /// Where this owner is, or where they would be inserted.
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
        let person = Person { name: Some("Boris".to_owned()), ..Person::default() };
        let mut personal = Personal::of(boris(), Words { subject: Some("x".to_owned()), ..Words::default() });
        personal.add_person(&"boris".into(), &person);
        personal.add(Owner::Nobody, Words::text("y"));
        personal.add(Owner::Contact("eva".into()), Words::default());
        let json = serde_json::to_string(&personal).unwrap();
        assert_eq!(json, r#"{"":"y","boris":{"subject":"x","name":"Boris"}}"#);
        assert_eq!(serde_json::from_str::<Personal>(&json).unwrap(), personal);
        assert_eq!(personal.person(&"boris".into()), Some(person));
        assert_eq!(personal.person(&"eva".into()), None);
    }

    #[test]
    fn other_spellings_are_read_as_one_or_refused() {
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
