//! Messages from the customer's side: what is recorded, and what the sender's standing causes.

use crate::error::Result;
use crate::id::ContactId;
use crate::lifecycle::HoldReason;
use crate::lifecycle::state::{Resolved, State};
use crate::limits;
use crate::policy::{OnResolved, Policy, Standing};
use crate::ticket::action::Action;
use crate::ticket::decision::permissions::reopens;
use crate::ticket::decision::request::Exemption;
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Arrived, Cause, Change, DetailsChange, MessagePart};
use crate::ticket::inbound::InboundMessage;
use crate::ticket::message::Message;
use crate::ticket::people::{ContactRole, Who};
use crate::ticket::personal::{Owner, Personal};
use crate::ticket::snapshot::Snapshot;

impl Snapshot {
    /// Returns the standing of the sender of a message.
    ///
    /// A message without a sender on a ticket without a requester counts as proof: whoever opened the ticket is as
    /// unknown as the sender, so only the thread connects the two.
    ///
    /// A member of a group chat counts as a contact in copy. If the policy does not let those write, a proof still
    /// permits what it permits a stranger.
    pub(crate) fn standing_of_sender(&self, message: &InboundMessage, policy: &Policy) -> Standing {
        if message.machine.is_some() {
            return Standing::Machine;
        }
        let known = message.from.as_ref().and_then(|from| self.standing(&Who::Contact(from.id.clone())));
        let is_member = message.group_chat && message.from.is_some();
        match known.unwrap_or(Standing::Outsider) {
            Standing::Outsider if is_member && (!message.proof || policy.rule_of(Standing::Cc).writes) => {
                Standing::Cc
            }
            Standing::Outsider if message.proof => Standing::OutsiderWithProof,
            Standing::Outsider if message.from.is_none() && self.requester().is_none() => {
                Standing::OutsiderWithProof
            }
            standing => standing,
        }
    }

    /// True if the sender of the message is a contact of this ticket.
    pub(crate) fn has_as_contact(&self, message: &InboundMessage) -> bool {
        message.from.as_ref().is_some_and(|from| self.contacts.contains_key(&from.id))
    }
}

impl Draft {
    /// Adds a message that arrived, with its effects. The actor of the context is its author.
    pub(crate) fn receive(
        &mut self,
        message: &InboundMessage,
        standing: Standing,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        message.channel.iter().try_for_each(|channel| context.policy.check_channel(channel))?;
        for contact in message.from.iter().chain(message.also_to()) {
            context.policy.check_contact_attributes(&contact.attributes)?;
        }
        self.begin_command();
        let mut arrived = message.arrived(self.snapshot());
        let mut words = message.words(self.snapshot());
        if let Some(from) = message.from.as_ref().filter(|from| !self.holds(&from.id, standing)) {
            words = words.with_person(from);
        }
        let (described, details) = self.people_of(message, standing, &mut arrived);
        if standing == Standing::Machine {
            arrived.needs_reply = false;
            arrived.sender = message.from.as_ref().map(|from| from.id.clone());
            let owner = arrived.sender.clone().map(Owner::Contact);
            let owner = owner.unwrap_or_else(|| self.snapshot().owner_of_words(&context.by.who));
            return self.change(context, Change::SignalReceived(arrived), Personal::of(owner, words));
        }
        arrived.from_outside = !standing.is_contact();
        arrived.needs_reply = self.needs_reply(standing, context);
        self.emit_words(context, Change::Received(arrived), words)?;
        self.fire_due(context)?;
        self.message_effect(standing, context)?;
        let before = self.snapshot().version;
        self.described(described, details, context)?;
        if self.snapshot().version > before {
            self.reassess(context)?;
        }
        self.fire_due(context)
    }

    /// Adds a reply of somebody on the customer's side.
    pub(super) fn receive_reply(
        &mut self,
        message: &Message,
        standing: Standing,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        let arrived = Arrived {
            files: message.files.clone(),
            without_text: message.text.is_empty(),
            needs_reply: self.needs_reply(standing, context),
            ..Arrived::default()
        };
        self.emit_words(context, Change::Received(arrived), message.words())
    }

    /// True if the sender of a message is a contact of the ticket, or becomes one.
    fn holds(&self, sender: &ContactId, standing: Standing) -> bool {
        let contacts = &self.snapshot().contacts;
        contacts.contains_key(sender) || (standing.is_contact() && contacts.len() < limits::MAX_ITEMS)
    }

    fn needs_reply(&self, standing: Standing, context: &DecisionContext<'_>) -> bool {
        context.policy.rule_of(standing).answers && !self.state().is_final()
    }

    /// Returns what a message says of its sender and of other recipients. The ids of those who do not become contacts
    /// are added to the facts of the message.
    fn people_of(
        &self,
        message: &InboundMessage,
        standing: Standing,
        arrived: &mut Arrived,
    ) -> (DetailsChange, Personal) {
        let (mut described, mut personal) = (DetailsChange::default(), Personal::default());
        let ticket = self.snapshot();
        let mut room = limits::MAX_ITEMS.saturating_sub(ticket.contacts.len());
        if let Some(from) = message.from.as_ref().filter(|_| standing.is_contact()) {
            let role = ticket.contacts.get(&from.id).copied();
            if self.holds(&from.id, standing) {
                room -= usize::from(role.is_none());
                ticket.describe_contact(from, role.unwrap_or(ContactRole::Cc), &mut described, &mut personal);
            } else {
                *arrived.left_out.entry(MessagePart::Senders).or_default() += 1;
            }
        }
        for other in message.also_to() {
            match ticket.contacts.get(&other.id) {
                Some(role) if standing.is_contact() => {
                    ticket.describe_contact(other, *role, &mut described, &mut personal);
                }
                None if standing.is_contact() && room > 0 => {
                    room -= 1;
                    ticket.describe_contact(other, ContactRole::Cc, &mut described, &mut personal);
                }
                Some(_) => {}
                None => {
                    arrived.also_to.insert(other.id.clone());
                }
            }
        }
        (described, personal)
    }

    /// Applies the effect of a message on the state: it ends a wait for the customer, reopens a resolved ticket, or
    /// stops its closing. Call it only if the action has no step or move.
    pub(super) fn message_effect(&mut self, standing: Standing, context: &DecisionContext<'_>) -> Result<()> {
        let rule = context.policy.rule_of(standing);
        let action = match &self.snapshot().state {
            State::OnHold(hold) if hold.reason == HoldReason::Customer && rule.answers => Action::resume(),
            State::Resolved(_) if reopens(rule, self.snapshot()) => Action::reopen(),
            State::Resolved(Resolved { closes_at: Some(_), .. }) if rule.resolved != OnResolved::Nothing => {
                let stopped = Change::ClosingChanged { closes_at: None };
                return self.change(context, stopped, Personal::default());
            }
            _ => return Ok(()),
        };
        self.step_automatically(&action, context.now, context.by, Cause::Message, Exemption::Message, context)
    }

    /// Plans the closing of a resolved ticket again if a message had stopped it and an agent has acted now.
    pub(super) fn resume_closing(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        let stopped = matches!(&self.snapshot().state, State::Resolved(resolved) if resolved.closing_stopped);
        if !stopped || !matches!(context.by.who, Who::Agent(_)) {
            return Ok(());
        }
        let from = self.now(context);
        match context.policy.verification_period().and_then(|period| from.checked_add_signed(period)) {
            None => Ok(()),
            closes_at => self.change(context, Change::ClosingChanged { closes_at }, Personal::default()),
        }
    }
}
