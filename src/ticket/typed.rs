//! Typed steps: one method for each, only where the lifecycle accepts it.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};

use super::{Step, Ticket};
use crate::lifecycle::{Accepts, HoldReason, Permitted, State, state, step};
use crate::ticket::action::Action;

/// A ticket whose state has been looked at: match on it to get the typed handle.
#[derive(Debug, PartialEq, Eq)]
pub enum AnyTicket {
    /// Registered; nobody works on it yet.
    New(Ticket<state::New>),
    /// Being worked on.
    Active(Ticket<state::Active>),
    /// Waiting.
    OnHold(Ticket<state::OnHold>),
    /// Answered; to be verified.
    Resolved(Ticket<state::Resolved>),
    /// Verified, or silently accepted.
    Closed(Ticket<state::Closed>),
    /// Withdrawn or mistaken.
    Cancelled(Ticket<state::Cancelled>),
}

impl Ticket<State> {
    /// Looks at the state and returns the typed handle.
    pub fn into_typed(self) -> AnyTicket {
        let Ticket { snapshot, workflow, state, replayed } = self;
        match state {
            State::New(state) => AnyTicket::New(Ticket { snapshot, workflow, state, replayed }),
            State::Active(state) => AnyTicket::Active(Ticket { snapshot, workflow, state, replayed }),
            State::OnHold(state) => AnyTicket::OnHold(Ticket { snapshot, workflow, state, replayed }),
            State::Resolved(state) => AnyTicket::Resolved(Ticket { snapshot, workflow, state, replayed }),
            State::Closed(state) => AnyTicket::Closed(Ticket { snapshot, workflow, state, replayed }),
            State::Cancelled(state) => AnyTicket::Cancelled(Ticket { snapshot, workflow, state, replayed }),
        }
    }
}

impl AnyTicket {
    /// The handle as one whose state is known at run time.
    pub fn into_untyped(self) -> Ticket {
        match self {
            AnyTicket::New(ticket) => ticket.into_untyped(),
            AnyTicket::Active(ticket) => ticket.into_untyped(),
            AnyTicket::OnHold(ticket) => ticket.into_untyped(),
            AnyTicket::Resolved(ticket) => ticket.into_untyped(),
            AnyTicket::Closed(ticket) => ticket.into_untyped(),
            AnyTicket::Cancelled(ticket) => ticket.into_untyped(),
        }
    }

    /// What the ticket accepts now.
    pub fn permitted(&self) -> Permitted {
        match self {
            AnyTicket::New(ticket) => ticket.permitted(),
            AnyTicket::Active(ticket) => ticket.permitted(),
            AnyTicket::OnHold(ticket) => ticket.permitted(),
            AnyTicket::Resolved(ticket) => ticket.permitted(),
            AnyTicket::Closed(ticket) => ticket.permitted(),
            AnyTicket::Cancelled(ticket) => ticket.permitted(),
        }
    }
}

/// Steps of the lifecycle. Each exists only in the states whose row of the [table](crate::lifecycle) has it; on
/// a ticket in another state, and on one whose state is known only at run time, it does not compile.
impl<S> Ticket<S> {
    fn step<To>(self, action: Action) -> Step<To> {
        Step { ticket: self.snapshot.id, expected: self.snapshot.version, action, to: PhantomData }
    }

    /// Begin to work on it.
    pub fn start(self) -> Step<state::Active>
    where
        S: Accepts<step::Start>,
    {
        self.step(Action::start())
    }

    /// Let it wait for this.
    pub fn hold(self, reason: impl Into<HoldReason>) -> Step<state::OnHold>
    where
        S: Accepts<step::Hold>,
    {
        self.step(Action::hold(reason))
    }

    /// Let it wait for this, and resume by itself at an instant.
    pub fn hold_until(self, reason: impl Into<HoldReason>, until: DateTime<Utc>) -> Step<state::OnHold>
    where
        S: Accepts<step::Hold>,
    {
        self.step(Action::hold_until(reason, until))
    }

    /// Go on with it.
    pub fn resume(self) -> Step<state::Active>
    where
        S: Accepts<step::Resume>,
    {
        self.step(Action::resume())
    }

    /// It is answered: the solution in words.
    pub fn resolve(self, text: impl Into<String>) -> Step<state::Resolved>
    where
        S: Accepts<step::Resolve>,
    {
        self.step(Action::resolve(text))
    }

    /// The requester says that it is solved.
    pub fn confirm(self) -> Step<state::Closed>
    where
        S: Accepts<step::Confirm>,
    {
        self.step(Action::confirm())
    }

    /// Close it without the requester's word.
    pub fn close(self) -> Step<state::Closed>
    where
        S: Accepts<step::Close>,
    {
        self.step(Action::close())
    }

    /// It is not solved.
    pub fn reopen(self) -> Step<state::Active>
    where
        S: Accepts<step::Reopen>,
    {
        self.step(Action::reopen())
    }

    /// Withdraw it.
    pub fn cancel(self) -> Step<state::Cancelled>
    where
        S: Accepts<step::Cancel>,
    {
        self.step(Action::cancel())
    }
}
