//! The pure decision about a request for a new ticket.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::{ContactId, TicketId};
use crate::lifecycle::state;
use crate::limits;
use crate::policy::Policy;
use crate::priority::AssessmentInputs;
use crate::sla::AgreementSet;
use crate::ticket::decision::Draft;
use crate::ticket::event::{Change, Event, Opened};
use crate::ticket::import_mark::ImportClocks;
use crate::ticket::kind::{Kind, TicketNumber};
use crate::ticket::message::Message;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Contact, ContactRole, Who, check_contacts};
use crate::ticket::personal::{Owner, Personal, Words};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;
use crate::workflow::WorkflowSet;

impl NewTicket {
    /// Returns the actor who opens the ticket: the one that was set, otherwise the requester, otherwise the desk
    /// itself.
    pub(crate) fn actor(&self) -> Actor {
        match (&self.by, self.requester()) {
            (Some(by), _) => by.clone(),
            (None, Some(Contact { id, attributes, .. })) => {
                Actor { who: Who::Contact(id.clone()), attributes: attributes.clone() }
            }
            (None, None) => Actor::desk(),
        }
    }

    fn chosen_kind(&self) -> &Kind {
        self.kind.as_ref().unwrap_or(&Kind::Question)
    }

    pub(crate) fn requester(&self) -> Option<&Contact> {
        self.contacts.iter().find(|(_, role)| *role == ContactRole::Requester).map(|(contact, _)| contact)
    }

    /// Returns the request as a follow-up of a finished ticket by its requester.
    ///
    /// Contacts with what is known of them and tags are copied from the finished ticket, as far as there is room. Kind,
    /// category, team with its line, and custom fields are copied if the request has none. Values that the policy in
    /// force refuses are not copied.
    pub(crate) fn following_up(&self, finished: &Snapshot, policy: &Policy) -> NewTicket {
        let mut request = self.clone();
        let known = |id: &ContactId| {
            let mut contact = finished.contact(id);
            contact.attributes.retain(|name, value| policy.check_contact_attribute(name, value).is_ok());
            contact
        };
        for (contact, _) in &mut request.contacts {
            *contact = known(&contact.id).merged(contact);
        }
        for (id, role) in &finished.contacts {
            let is_new = request.contacts.iter().all(|(contact, _)| contact.id != *id);
            if is_new && request.contacts.len() < limits::MAX_ITEMS {
                request.contacts.push((known(id), *role));
            }
        }
        let room = limits::MAX_ITEMS.saturating_sub(request.tags.len());
        request.tags.extend(finished.tags.difference(&self.tags).take(room).cloned());
        if request.kind.is_none() && policy.check_kind(&finished.kind).is_ok() {
            request.kind = Some(finished.kind.as_str().into());
        }
        if request.category.is_empty() {
            request.category.clone_from(&finished.category);
        }
        if request.team.is_none() {
            (request.team, request.line) = (finished.team.clone(), finished.line);
        }
        for (name, value) in finished.fields.iter().chain(finished.personal.fields()) {
            if policy.check_field(name, value).is_ok() {
                request.fields.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        for (owner, words) in finished.personal.owners() {
            let copied = words.fields.keys().filter(|name| !self.fields.contains_key(*name));
            request.field_owners.extend(copied.map(|name| (name.clone(), owner.clone())));
        }
        request
    }

    /// Returns the owner of the texts of the request: the requester, even if somebody else opens the ticket. Without a
    /// requester, the owner is the contact who opens the ticket, or nobody if no contact opens it.
    fn owner(&self, by: &Actor) -> Owner {
        match self.requester() {
            Some(requester) => Owner::Contact(requester.id.clone()),
            None => Owner::of_words(&by.who, None),
        }
    }

    /// Returns the opening as a draft, to which further events can be added.
    pub(crate) fn draft(
        &self,
        id: TicketId,
        number: u64,
        now: DateTime<Utc>,
        policy: &Policy,
        agreements: &AgreementSet,
        workflows: &WorkflowSet,
    ) -> Result<Draft> {
        let by = self.actor();
        by.check()?;
        self.check(policy)?;
        let mut opened = Opened {
            number: TicketNumber { prefix: policy.number_prefix().into(), value: number },
            kind: self.chosen_kind().as_str().into(),
            channel: self.channel.as_str().into(),
            state: state::New.into(),
            resolution_code: None,
            contacts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            category: self.category.clone(),
            tags: self.tags.clone(),
            fields: BTreeMap::new(),
            modifiers: self.modifiers.clone(),
            assessment: policy.priority_matrix().assess(&AssessmentInputs {
                impact: self.impact,
                urgency: self.urgency,
                modifiers: &self.modifiers,
                ..AssessmentInputs::default()
            })?,
            team: self.team.clone(),
            line: self.line,
            assignee: self.assignee.clone(),
            files: Vec::new(),
            sent_at: self.sent_at,
            left_out: self.left_out.clone(),
            external: None,
            placement: workflows.for_kind(self.chosen_kind().as_str()).initial_placement(),
        };
        let owner = self.owner(&by);
        let subject = Some(self.subject.clone()).filter(|subject| !subject.is_empty());
        let subject = Words { subject, ..Words::default() };
        let fields = self.fields.iter();
        let fields =
            fields.map(|(name, value)| (name, value, self.field_owners.get(name).unwrap_or(&owner).clone()));
        let mut personal =
            opened.set_contents(self.message.as_ref(), &self.contacts, fields, &owner, policy)?;
        personal.add(owner.clone(), subject);
        let opening = Event {
            ticket: id,
            version: 1,
            at: now,
            by,
            change: Change::Opened(Box::new(opened)),
            personal,
            origin: None,
            continues: false,
            mirrored: false,
            adopted: None,
        };
        Draft::opening(opening, policy, agreements, ImportClocks::default())
    }

    fn check(&self, policy: &Policy) -> Result<()> {
        if !self.arrived {
            limits::line("subject", &self.subject, limits::MAX_SUBJECT_CHARS)?;
            self.message.iter().try_for_each(|message| message.check("message"))?;
        }
        check_contacts(&self.contacts)?;
        limits::name("kind", self.chosen_kind().as_str())?;
        policy.check_kind(self.chosen_kind())?;
        limits::name("channel", self.channel.as_str())?;
        policy.check_channel(&self.channel)?;
        for (contact, _) in &self.contacts {
            policy.check_contact_attributes(&contact.attributes)?;
        }
        limits::category(&self.category)?;
        limits::count("tags", self.tags.len())?;
        self.tags.iter().try_for_each(|tag| limits::name("tag", tag))?;
        self.fields.iter().try_for_each(|(name, value)| policy.check_field(name, value))?;
        self.team.iter().try_for_each(|id| id.check())?;
        self.assignee.iter().try_for_each(|id| id.check())?;
        limits::count("thread keys", self.threads.len())?;
        self.threads.iter().try_for_each(|id| id.check())?;
        self.key.iter().try_for_each(|id| id.check())
    }
}

impl Opened {
    /// Stores the facts of the message, the contacts and the fields in `self`, and returns their personal part. `owner`
    /// owns the text of the message; each field has its own owner.
    pub(crate) fn set_contents<'a>(
        &mut self,
        message: Option<&Message>,
        contacts: &[(Contact, ContactRole)],
        fields: impl IntoIterator<Item = (&'a String, &'a Value, Owner)>,
        owner: &Owner,
        policy: &Policy,
    ) -> Result<Personal> {
        let mut personal = Personal::default();
        if let Some(message) = message {
            personal.add(owner.clone(), message.words());
            self.files.clone_from(&message.files);
        }
        for (contact, role) in contacts {
            let contact = &Contact::new(&contact.id).merged(contact);
            let Contact { id, attributes, .. } = contact;
            self.contacts.insert(id.clone(), *role);
            if !attributes.is_empty() {
                self.attributes.insert(id.clone(), attributes.clone());
            }
            personal.add_changed_person(contact, &Personal::default());
        }
        for (name, value, owner) in fields {
            let field_type = policy.declared(name)?;
            if field_type.is_personal() {
                personal.add(owner, Words::field(name, value.clone()));
            } else {
                self.fields.insert(name.clone(), field_type.kept(value));
            }
        }
        Ok(personal)
    }
}

impl Draft {
    /// Returns a draft of a ticket that begins with this event.
    ///
    /// If the matrix has modifiers, the priority is computed again: their conditions can test any fact of the ticket,
    /// so the ticket must exist before they are evaluated.
    pub(crate) fn opening(
        mut event: Event,
        policy: &Policy,
        agreements: &AgreementSet,
        import_clocks: ImportClocks,
    ) -> Result<Draft> {
        if !policy.priority_matrix().modifiers().is_empty() {
            let snapshot = Snapshot::fold([&event])?;
            if let Change::Opened(opened) = &mut event.change {
                opened.assessment = policy.priority_matrix().assess(&AssessmentInputs {
                    impact: opened.assessment.given_impact(),
                    urgency: opened.assessment.given_urgency(),
                    modifiers: &snapshot.modifiers,
                    manual_priority: None,
                    facts: &snapshot,
                })?;
            }
        }
        Draft::beginning(event, agreements, import_clocks)
    }
}
