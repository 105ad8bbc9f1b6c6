//! The pure opening: a request in, the first event or a refusal out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::state;
use crate::limits;
use crate::policy::Policy;
use crate::priority::Inputs;
use crate::sla::AgreementSet;
use crate::ticket::decision::{Decision, Draft};
use crate::ticket::event::{Change, Event, Opened};
use crate::ticket::kind::TicketNumber;
use crate::ticket::message::Message;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Contact, ContactRole, Who, check_contacts};
use crate::ticket::personal::{Owner, Personal, Words};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;
use crate::workflow::Catalogue;

impl NewTicket {
    /// Who registers it: whoever was named, else the requester, else the desk itself.
    pub(crate) fn actor(&self) -> Actor {
        self.by.clone().unwrap_or_else(|| self.speaker())
    }

    /// Whose words it carries: the requester's, whoever types them; where nobody asks, those of who registers it.
    pub(crate) fn speaker(&self) -> Actor {
        match self.requester() {
            Some(Contact { id, attributes, .. }) => {
                Actor { who: Who::Contact(id.clone()), attributes: attributes.clone() }
            }
            None => self.by.clone().unwrap_or_else(Actor::desk),
        }
    }

    pub(crate) fn requester(&self) -> Option<&Contact> {
        self.contacts.iter().find(|(_, part)| *part == ContactRole::Requester).map(|(contact, _)| contact)
    }

    /// The same request, where it says nothing, as the ticket that it follows up: nobody has to say it again.
    /// Fields that the policy in force no longer takes are left behind.
    pub(crate) fn following_up(&self, finished: &Snapshot, policy: &Policy) -> NewTicket {
        let mut request = self.clone();
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
            let taken = words.fields.keys().filter(|name| !self.fields.contains_key(*name));
            request.field_owners.extend(taken.map(|name| (name.clone(), owner.clone())));
        }
        request
    }

    /// Whose the words of the request are: the requester's, whoever types them; where nobody asks, those of the
    /// contact who registers it.
    fn owner(&self, by: &Actor) -> Owner {
        match self.requester() {
            Some(requester) => Owner::Contact(requester.id.clone()),
            None => Owner::of_words(&by.who, None),
        }
    }

    /// Decides the opening, purely, under this id and running number, by the policy in force, its agreements and its
    /// workflows.
    ///
    /// # Errors
    /// [invalid](crate::Error::is_invalid) if anything in the request breaks a stated rule or the desk's policy.
    pub fn decide(
        &self,
        id: TicketId,
        number: u64,
        now: DateTime<Utc>,
        policy: &Policy,
        rules: &AgreementSet,
        workflows: &Catalogue,
    ) -> Result<Decision> {
        self.draft(id, number, now, policy, rules, workflows)?.finish()
    }

    /// The opening as a draft, to which more can be added.
    pub(crate) fn draft(
        &self,
        id: TicketId,
        number: u64,
        now: DateTime<Utc>,
        policy: &Policy,
        rules: &AgreementSet,
        workflows: &Catalogue,
    ) -> Result<Draft> {
        let by = self.actor();
        by.check()?;
        self.check(policy)?;
        let mut opened = Opened {
            number: TicketNumber { prefix: policy.number_prefix().into(), value: number },
            kind: self.kind.as_str().into(),
            channel: self.channel.as_str().into(),
            state: state::New.into(),
            resolution_code: None,
            contacts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            category: self.category.clone(),
            tags: self.tags.clone(),
            fields: BTreeMap::new(),
            modifiers: self.modifiers.clone(),
            assessment: policy.matrix_in_use().assess(&Inputs {
                impact: self.impact,
                urgency: self.urgency,
                modifiers: &self.modifiers,
                ..Inputs::default()
            })?,
            team: self.team.clone(),
            line: self.line,
            assignee: self.assignee.clone(),
            files: Vec::new(),
            external: None,
            placed: workflows.for_kind(self.kind.as_str()).beginning(),
        };
        let owner = self.owner(&by);
        let subject = Words { subject: Some(self.subject.clone()), ..Words::default() };
        let fields = self.fields.iter();
        let fields =
            fields.map(|(name, value)| (name, value, self.field_owners.get(name).unwrap_or(&owner).clone()));
        let mut personal = opened.tell(self.message.as_ref(), &self.contacts, fields, &owner, policy)?;
        personal.add(owner.clone(), subject);
        let opening = Event {
            ticket: id,
            version: 1,
            at: now,
            by,
            change: Change::Opened(Box::new(opened)),
            personal,
            origin: None,
        };
        Draft::opening(opening, policy, rules)
    }

    fn check(&self, policy: &Policy) -> Result<()> {
        limits::line("subject", &self.subject, limits::MAX_SUBJECT_CHARS)?;
        if let Some(message) = &self.message {
            message.check("message")?;
        }
        check_contacts(&self.contacts)?;
        limits::name("kind", self.kind.as_str())?;
        limits::name("channel", self.channel.as_str())?;
        limits::category(&self.category)?;
        limits::count("tags", self.tags.len())?;
        self.tags.iter().try_for_each(|tag| limits::name("tag", tag))?;
        self.fields.iter().try_for_each(|(name, value)| policy.check_field(name, value))?;
        self.team.iter().try_for_each(|id| id.check())?;
        self.assignee.iter().try_for_each(|id| id.check())?;
        self.thread.iter().try_for_each(|id| id.check())?;
        self.key.iter().try_for_each(|id| id.check())
    }
}

impl Opened {
    /// Puts words, people and fields where each belongs: facts here, the rest into the personal part that is
    /// returned. The message is the owner's; each field names its own.
    pub(crate) fn tell<'a>(
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
        for (Contact { id, attributes, person }, part) in contacts {
            self.contacts.insert(id.clone(), *part);
            if !attributes.is_empty() {
                self.attributes.insert(id.clone(), attributes.clone());
            }
            if !person.is_empty() {
                personal.add_person(id, person);
            }
        }
        for (name, value, owner) in fields {
            if policy.declared(name)?.is_personal() {
                personal.add(owner, Words::field(name, value.clone()));
            } else {
                self.fields.insert(name.clone(), value.clone());
            }
        }
        Ok(personal)
    }
}

impl Draft {
    /// A draft of a ticket that begins with this opening. Conditions of modifiers may look at anything in the ticket,
    /// so it must stand before they are asked; where there are none, the priority is computed already.
    pub(crate) fn opening(mut event: Event, policy: &Policy, rules: &AgreementSet) -> Result<Draft> {
        if !policy.matrix_in_use().modifiers().is_empty() {
            let snapshot = Snapshot::fold([&event])?;
            if let Change::Opened(opened) = &mut event.change {
                opened.assessment = policy.matrix_in_use().assess(&Inputs {
                    impact: opened.assessment.impact().given(),
                    urgency: opened.assessment.urgency().given(),
                    modifiers: &snapshot.modifiers,
                    overridden: None,
                    facts: &snapshot,
                })?;
            }
        }
        Draft::beginning(event, rules)
    }
}
