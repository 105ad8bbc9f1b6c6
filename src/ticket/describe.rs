//! Describing a ticket: what it is about, whom it concerns, and the desk's own fields.

use crate::error::Result;
use crate::limits;
use crate::ticket::action::Action;
use crate::ticket::draft::{Draft, Moment};
use crate::ticket::event::{Change, Described, Personal};
use crate::ticket::people::{Contact, Part};

impl Draft {
    /// Changes what the ticket says of itself. What is so already is no event.
    pub(super) fn describe(&mut self, part: &Action, moment: &Moment<'_>) -> Result<()> {
        let mut described = Described::default();
        let mut personal = Personal::default();
        let snapshot = self.snapshot();
        match part {
            Action::Subject(subject) => {
                limits::line("subject", subject, limits::MAX_SUBJECT_CHARS)?;
                personal.subject = Some(subject.clone());
            }
            Action::Kind(kind) => {
                limits::name("kind", kind.as_str())?;
                described.kind = Some(kind.as_str().into()).filter(|kind| *kind != snapshot.kind);
            }
            Action::Category(path) => {
                limits::category(path)?;
                described.category = Some(path.clone()).filter(|path| *path != snapshot.category);
            }
            Action::Tag(tag) => {
                limits::name("tag", tag)?;
                if !snapshot.tags.contains(tag) {
                    limits::count("tags", snapshot.tags.len() + 1)?;
                    described.tagged.insert(tag.clone());
                }
            }
            Action::Untag(tag) => described.untagged.extend(snapshot.tags.get(tag).cloned()),
            Action::Field { name, value: None } => {
                moment.policy.declared(name)?;
                described.emptied.extend(snapshot.field(name).map(|_| name.clone()));
            }
            Action::Field { name, value: Some(value) } => {
                moment.policy.check_field(name, value)?;
                if snapshot.field(name) != Some(value) {
                    let personal_field = moment.policy.declared(name)?.is_personal();
                    let fields = if personal_field { &mut personal.fields } else { &mut described.fields };
                    fields.insert(name.clone(), value.clone());
                }
            }
            Action::Contact { contact, part } => {
                contact.check()?;
                let known = snapshot.contacts.contains_key(&contact.id);
                limits::count("contacts", snapshot.contacts.len() + usize::from(!known))?;
                let former = snapshot.requester().filter(|former| **former != contact.id);
                if let (Part::Requester, Some(former)) = (part, former) {
                    described.contacts.insert(former.clone(), Part::Affected);
                }
                introduce(contact, *part, &mut described, &mut personal);
            }
            Action::RemoveContact(id) => {
                described.removed.extend(snapshot.contacts.contains_key(id).then(|| id.clone()))
            }
            _ => {}
        }
        if described == Described::default() && personal.is_empty() {
            return Ok(()); // It is so already.
        }
        self.change(moment, Change::Described(Box::new(described)), personal)
    }

    /// Renews what is known of a contact of this ticket, where it came with a message. What was left out stays.
    pub(crate) fn acquaint(&mut self, contact: &Contact, moment: &Moment<'_>) -> Result<()> {
        contact.check()?;
        let Contact { id, attributes, person } = contact;
        let snapshot = self.snapshot();
        let mut described = Described::default();
        let mut personal = Personal::default();
        if !snapshot.contacts.contains_key(id) {
            return Ok(());
        }
        if !attributes.is_empty() && snapshot.attributes.get(id) != Some(attributes) {
            described.attributes.insert(id.clone(), attributes.clone());
        }
        if !person.is_empty() && snapshot.personal.people.get(id) != Some(person) {
            personal.people.insert(id.clone(), person.clone());
        }
        if described == Described::default() && personal.is_empty() {
            return Ok(());
        }
        self.change(moment, Change::Described(Box::new(described)), personal)?;
        self.reassess(moment)
    }
}

/// Puts a contact's facts and personal part where each belongs.
fn introduce(contact: &Contact, part: Part, described: &mut Described, personal: &mut Personal) {
    described.contacts.insert(contact.id.clone(), part);
    if !contact.attributes.is_empty() {
        described.attributes.insert(contact.id.clone(), contact.attributes.clone());
    }
    if !contact.person.is_empty() {
        personal.people.insert(contact.id.clone(), contact.person.clone());
    }
}
