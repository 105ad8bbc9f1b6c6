//! The pure opening: a request in, the first event or a refusal out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::lifecycle::state;
use crate::limits;
use crate::policy::Policy;
use crate::priority::Inputs;
use crate::sla::Rulebook;
use crate::ticket::draft::Draft;
use crate::ticket::event::{Change, Event, Opened, Personal};
use crate::ticket::kind::TicketNumber;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Part, Who};
use crate::ticket::snapshot::Snapshot;

impl NewTicket {
    /// Who registers it: whoever was named, else the requester, else the desk itself.
    pub(crate) fn actor(&self) -> Actor {
        if let Some(by) = &self.by {
            return by.clone();
        }
        let requester = self.contacts.iter().find(|(_, part)| *part == Part::Requester);
        requester.map_or_else(Actor::desk, |(contact, _)| Actor::from(Who::Contact(contact.id.clone())))
    }

    /// Decides the opening, purely, under this id and running number, by the policy in force and its agreements.
    ///
    /// # Errors
    /// [invalid](Error::is_invalid) if anything in the request breaks a stated rule or the desk's policy.
    pub fn decide(
        &self,
        id: TicketId,
        number: u64,
        now: DateTime<Utc>,
        policy: &Policy,
        rules: &Rulebook,
    ) -> Result<Draft> {
        let by = self.actor();
        by.check()?;
        self.check(policy)?;
        let mut personal = Personal { subject: Some(self.subject.clone()), ..Personal::default() };
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
        };
        if let Some(message) = &self.message {
            let said = message.personal();
            (personal.text, personal.files) = (said.text, said.files);
            opened.files.clone_from(&message.files);
        }
        for (contact, part) in &self.contacts {
            opened.contacts.insert(contact.id.clone(), *part);
            if !contact.attributes.is_empty() {
                opened.attributes.insert(contact.id.clone(), contact.attributes.clone());
            }
            if !contact.person.is_empty() {
                personal.people.insert(contact.id.clone(), contact.person.clone());
            }
        }
        for (name, value) in &self.fields {
            let is_personal = policy.declared(name)?.is_personal();
            let fields = if is_personal { &mut personal.fields } else { &mut opened.fields };
            fields.insert(name.clone(), value.clone());
        }
        let mut opening = Event {
            ticket: id,
            version: 1,
            at: now,
            by,
            change: Change::Opened(Box::new(opened)),
            personal,
            origin: None,
        };
        self.assess(&mut opening, policy)?;
        let mut draft = Draft::beginning(opening, rules)?;
        draft.settle()?;
        Ok(draft)
    }

    /// Computes the first priority. Conditions may look at anything in the ticket, so it must stand first.
    fn assess(&self, opening: &mut Event, policy: &Policy) -> Result<()> {
        let snapshot = Snapshot::fold([&*opening])?;
        let assessment = policy.matrix_in_use().assess(&Inputs {
            impact: self.impact,
            urgency: self.urgency,
            modifiers: &self.modifiers,
            overridden: None,
            facts: &snapshot,
        })?;
        if let Change::Opened(opened) = &mut opening.change {
            opened.assessment = assessment;
        }
        Ok(())
    }

    fn check(&self, policy: &Policy) -> Result<()> {
        limits::line("subject", &self.subject, limits::MAX_SUBJECT_CHARS)?;
        if let Some(message) = &self.message {
            message.check("message")?;
        }
        limits::count("contacts", self.contacts.len())?;
        let mut requesters = 0;
        let mut named = BTreeSet::new();
        for (contact, part) in &self.contacts {
            contact.check()?;
            requesters += usize::from(*part == Part::Requester);
            if !named.insert(&contact.id) {
                return Err(Error::invalid(
                    "contact",
                    format_args!("{} is named more than once", contact.id),
                )
                .allowing("each person once, as requester, affected or copied"));
            }
        }
        if requesters > 1 {
            return Err(Error::invalid("requester", "is named more than once")
                .allowing("one requester; further people as affected or copied"));
        }
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
