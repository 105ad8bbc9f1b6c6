//! Attempts: a command is decided, and nothing is written.

use super::command::Command;
use super::context::CommandContext;
use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::Rejection;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::sla::Clock;
use crate::store::{Commit, Mode};
use crate::ticket::action::Action;
use crate::ticket::decision::TicketWrite;
use crate::ticket::people::Actor;

/// An action that is tried.
#[derive(Debug)]
pub(super) struct Attempt {
    ticket: TicketId,
    action: Action,
    by: Actor,
    context: CommandContext,
}

impl Attempt {
    pub(super) fn new(ticket: TicketId, action: &Action, mut by: Actor, context: CommandContext) -> Attempt {
        by.normalize();
        Attempt { ticket, action: action.normal(), by, context }
    }

    /// Decides the action as the desk would.
    fn decide(&self, loaded: &Loaded) -> Result<TicketWrite, Interrupt> {
        let command = Command::on(self.ticket, &self.action, &self.by, &self.context, loaded)?;
        Ok(command.decide()?.decision)
    }
}

/// Returns the clocks after an action.
#[derive(Debug)]
pub(super) struct WhatIf(pub(super) Attempt);

impl Operation for WhatIf {
    type Out = Vec<Clock>;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("what_if", self.0.ticket)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Clock>), Interrupt> {
        let decision = self.0.decide(loaded)?;
        Ok((Commit::default(), decision.snapshot.clocks.clone()))
    }
}

/// Returns the rejection of an action.
#[derive(Debug)]
pub(super) struct WhyNot(pub(super) Attempt);

impl Operation for WhyNot {
    type Out = Option<Rejection>;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("why_not", self.0.ticket)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Option<Rejection>), Interrupt> {
        let rejection = match self.0.decide(loaded) {
            Ok(_) => None,
            Err(Interrupt::Fail(error)) => match error.rejection() {
                Some(rejection) => Some(rejection.clone()),
                None => return Err(Interrupt::Fail(error)),
            },
            Err(other) => return Err(other),
        };
        Ok((Commit::default(), rejection))
    }
}
