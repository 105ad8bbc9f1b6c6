//! Typed steps: a method per step, available only in the states that accept the step.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};

use super::{Step, Ticket};
use crate::lifecycle::{Accepts, HoldReason, Permitted, State, state, step};
use crate::ticket::action::Action;

/// A typed handle, with one variant per state. Match on it to get the handle for the current state.
#[derive(Debug, PartialEq, Eq)]
pub enum AnyTicket {
    /// Opened; work has not started.
    New(Ticket<state::New>),
    /// In progress.
    Active(Ticket<state::Active>),
    /// Waiting for somebody or for a date.
    OnHold(Ticket<state::OnHold>),
    /// Solved; the requester may still reopen it.
    Resolved(Ticket<state::Resolved>),
    /// Closed: the solution was confirmed, or nobody objected to it.
    Closed(Ticket<state::Closed>),
    /// Withdrawn, or opened by mistake.
    Cancelled(Ticket<state::Cancelled>),
}

impl Ticket<State> {
    /// Converts the handle into the typed handle of its state.
    pub fn into_typed(self) -> AnyTicket {
        match self.state.clone() {
            State::New(state) => AnyTicket::New(self.with_state(state)),
            State::Active(state) => AnyTicket::Active(self.with_state(state)),
            State::OnHold(state) => AnyTicket::OnHold(self.with_state(state)),
            State::Resolved(state) => AnyTicket::Resolved(self.with_state(state)),
            State::Closed(state) => AnyTicket::Closed(self.with_state(state)),
            State::Cancelled(state) => AnyTicket::Cancelled(self.with_state(state)),
        }
    }
}

impl AnyTicket {
    /// Converts the handle into one with a run-time state.
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

    /// Returns the actions that the ticket accepts now.
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

/// Steps of the lifecycle.
///
/// Each method exists only for the states that have the step in the [table](crate::lifecycle). A call does not compile
/// on a ticket in another state or on a ticket with a run-time state.
impl<S> Ticket<S> {
    fn step<To>(self, action: Action) -> Step<To> {
        let Ticket { snapshot, home, .. } = self;
        Step {
            desk: home.desk.clone(),
            ticket: snapshot.id,
            expected: snapshot.version,
            action,
            to: PhantomData,
        }
    }

    /// Starts work.
    pub fn start(self) -> Step<state::Active>
    where
        S: Accepts<step::Start>,
    {
        self.step(Action::start())
    }

    /// Puts the ticket on hold for this reason.
    pub fn hold(self, reason: impl Into<HoldReason>) -> Step<state::OnHold>
    where
        S: Accepts<step::Hold>,
    {
        self.step(Action::hold(reason))
    }

    /// Puts the ticket on hold for this reason. The ticket resumes by itself at the given instant.
    pub fn hold_until(self, reason: impl Into<HoldReason>, until: DateTime<Utc>) -> Step<state::OnHold>
    where
        S: Accepts<step::Hold>,
    {
        self.step(Action::hold_until(reason, until))
    }

    /// Resumes work after a hold.
    pub fn resume(self) -> Step<state::Active>
    where
        S: Accepts<step::Resume>,
    {
        self.step(Action::resume())
    }

    /// Resolves the ticket. The text states the solution.
    pub fn resolve(self, text: impl Into<String>) -> Step<state::Resolved>
    where
        S: Accepts<step::Resolve>,
    {
        self.step(Action::resolve(text))
    }

    /// Closes the ticket because the requester confirms the solution.
    pub fn confirm(self) -> Step<state::Closed>
    where
        S: Accepts<step::Confirm>,
    {
        self.step(Action::confirm())
    }

    /// Closes the ticket without the requester's confirmation.
    pub fn close(self) -> Step<state::Closed>
    where
        S: Accepts<step::Close>,
    {
        self.step(Action::close())
    }

    /// Reopens the ticket.
    pub fn reopen(self) -> Step<state::Active>
    where
        S: Accepts<step::Reopen>,
    {
        self.step(Action::reopen())
    }

    /// Cancels the ticket.
    pub fn cancel(self) -> Step<state::Cancelled>
    where
        S: Accepts<step::Cancel>,
    {
        self.step(Action::cancel())
    }
}
