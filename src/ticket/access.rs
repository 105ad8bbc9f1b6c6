//! The access of an actor to tickets: which ones they may read, and of which ones the internal part.

use std::borrow::Cow;

use crate::condition::{Condition, Facts};
use crate::error::{Error, Result};
use crate::id::ContactId;
use crate::policy::{Policy, Readers};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;

/// The tickets that an actor may read, as conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    tickets: Condition,
    /// The condition on the tickets whose internal part the actor sees. These tickets satisfy `tickets` too.
    internal: Condition,
    /// The contact, if they see their own tickets alone.
    only_own: Option<ContactId>,
}

impl Access {
    /// The access to everything.
    pub(crate) const WHOLE: Access =
        Access { tickets: Condition::ALWAYS, internal: Condition::ALWAYS, only_own: None };

    /// Returns the access of an actor under a policy.
    pub(crate) fn of(actor: &Actor, policy: &Policy) -> Access {
        let of_staff = |readers| match policy.visible_to(readers, actor) {
            Some((tickets, internal)) => Access { tickets, internal, only_own: None },
            None => Access::WHOLE,
        };
        match &actor.who {
            Who::Desk => Access::WHOLE,
            Who::Unknown => Access::public(Condition::never()),
            Who::Agent(_) => of_staff(Readers::Agents),
            Who::Automation(_) => of_staff(Readers::Programs),
            Who::Contact(id) => {
                let permitted = policy.visible_to(Readers::Contacts, actor).map(|(tickets, _)| tickets);
                let permitted = permitted.filter(|it| !it.is_never());
                let only_own = permitted.is_none().then(|| id.clone());
                let own = Condition::field("contacts").shares(id.as_str());
                let tickets = Condition::either([own].into_iter().chain(permitted).collect());
                Access { only_own, ..Access::public(tickets) }
            }
        }
    }

    /// Returns the access of an actor who performs an action.
    ///
    /// On which tickets the customer's side may act follows from the table of standings alone, which lets an outsider
    /// with proof write to a ticket that they cannot read.
    pub(crate) fn of_commands(actor: &Actor, policy: &Policy) -> Access {
        match actor.who.is_staff() {
            true => Access::of(actor, policy),
            false => Access::public(Condition::ALWAYS),
        }
    }

    /// True if the actor sees the ticket on which they act. Only the customer's side can act on other tickets.
    pub(crate) fn shows(ticket: &Snapshot, actor: &Actor, policy: &Policy) -> bool {
        actor.who.is_staff() || Access::of(actor, policy).sees(ticket)
    }

    /// Returns the access to the public part of these tickets.
    fn public(tickets: Condition) -> Access {
        Access { tickets, internal: Condition::never(), only_own: None }
    }

    /// True if the actor sees the whole of every ticket.
    pub(crate) fn is_whole(&self) -> bool {
        self.internal == Condition::ALWAYS
    }

    /// Returns the condition on the tickets that the actor sees.
    pub(crate) fn tickets(&self) -> &Condition {
        &self.tickets
    }

    /// Returns the condition on the tickets whose internal part the actor sees.
    pub(crate) fn internal(&self) -> &Condition {
        &self.internal
    }

    /// Returns the contact, if the actor is one who sees their own tickets alone.
    pub(crate) fn only_own(&self) -> Option<&ContactId> {
        self.only_own.as_ref()
    }

    /// True if the actor sees the ticket, or at least its public part.
    pub(crate) fn sees(&self, ticket: &Snapshot) -> bool {
        self.tickets.holds(ticket)
    }

    /// True if the actor sees the internal part of the ticket.
    pub(crate) fn sees_internal(&self, ticket: &Snapshot) -> bool {
        self.internal.holds(ticket)
    }

    /// Returns the same error for a ticket that the actor does not see as for one that does not exist.
    pub(crate) fn check(&self, ticket: &Snapshot) -> Result<()> {
        match self.sees(ticket) {
            true => Ok(()),
            false => Err(Error::not_found(format_args!("ticket {}", ticket.id))),
        }
    }
}

/// The facts of an actor: `actor` is the id, `actor.is` the kind of actor (`agent`, `contact` or `automation`), and
/// `actor.NAME` an attribute.
impl Facts for Actor {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        match field.strip_prefix("actor")? {
            "" => Some(Cow::Owned(Value::from(self.who.to_string()))),
            ".is" => Some(Cow::Owned(Value::from(match self.who {
                Who::Agent(_) => "agent",
                Who::Contact(_) | Who::Unknown => "contact",
                Who::Automation(_) | Who::Desk => "automation",
            }))),
            name => self.attributes.get(name.strip_prefix('.')?).map(Cow::Borrowed),
        }
    }
}
