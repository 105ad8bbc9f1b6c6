//! The access of an actor to tickets: which ones they may read, and of which ones the internal part.

use std::borrow::Cow;

use crate::condition::{Condition, Facts};
use crate::error::{Error, Result};
use crate::id::ContactId;
use crate::policy::{Policy, Readers, Visible};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;

/// The tickets that an actor may read, as conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    visible: Visible,
    /// The contact, if they see their own tickets alone.
    only_own: Option<ContactId>,
}

impl Access {
    /// The access to everything.
    pub(crate) const WHOLE: Access = Access {
        visible: Visible { tickets: Condition::ALWAYS, internal: Condition::ALWAYS },
        only_own: None,
    };

    /// Returns the access of an actor under a policy.
    pub(crate) fn of(actor: &Actor, policy: &Policy) -> Access {
        let never = Condition::never;
        let of_rules = |readers| policy.visible_to(readers, actor);
        let (visible, only_own) = match &actor.who {
            Who::Desk => return Access::WHOLE,
            Who::Unknown => (Visible { tickets: never(), internal: never() }, None),
            Who::Agent(_) => (of_rules(Readers::Agents).unwrap_or(Access::WHOLE.visible), None),
            Who::Automation(_) => (of_rules(Readers::Programs).unwrap_or(Access::WHOLE.visible), None),
            Who::Contact(id) => {
                let permitted = of_rules(Readers::Contacts).map(|it| it.tickets).filter(|it| !it.is_never());
                let only_own = permitted.is_none().then(|| id.clone());
                let own = Condition::field("contacts").shares(id.as_str());
                let tickets = Condition::either([own].into_iter().chain(permitted).collect());
                (Visible { tickets, internal: never() }, only_own)
            }
        };
        Access { visible, only_own }
    }

    /// True if the actor sees the whole of every ticket.
    pub(crate) fn is_whole(&self) -> bool {
        self.visible.internal == Condition::ALWAYS
    }

    /// Returns the condition on the tickets that the actor sees.
    pub(crate) fn tickets(&self) -> &Condition {
        &self.visible.tickets
    }

    /// Returns the condition on the tickets whose internal part the actor sees.
    pub(crate) fn internal(&self) -> &Condition {
        &self.visible.internal
    }

    /// Returns the contact, if the actor is one who sees their own tickets alone.
    pub(crate) fn only_own(&self) -> Option<&ContactId> {
        self.only_own.as_ref()
    }

    /// True if the actor sees the ticket, or at least its public part.
    pub(crate) fn sees(&self, ticket: &Snapshot) -> bool {
        // A ticket whose internal part is visible is visible too.
        self.visible.tickets.holds(ticket)
    }

    /// True if the actor sees the internal part of the ticket.
    pub(crate) fn sees_internal(&self, ticket: &Snapshot) -> bool {
        self.visible.internal.holds(ticket)
    }
}

impl Snapshot {
    /// Returns the same error as for a missing ticket, if an agent or a program acts on a ticket that they may not see.
    ///
    /// What the customer's side may do follows from the table of standings alone, which lets an outsider with proof write
    /// to a ticket that they cannot read.
    pub(crate) fn check_visible(&self, by: &Actor, policy: &Policy) -> Result<()> {
        match by.who.is_staff() && !Access::of(by, policy).sees(self) {
            true => Err(Error::not_found(format_args!("ticket {}", self.id))),
            false => Ok(()),
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
