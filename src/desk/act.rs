//! The operations that perform an action or a typed step on a ticket.

use std::marker::PhantomData;

use super::command::{Command, DecidedCommand};
use super::command_options::CommandOptions;
use super::context::CommandContext;
use super::receipt::{Receipt, Repeatable};
use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, TicketId};
use crate::lifecycle::state::KnownState;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::kinds::ADOPTION;
use crate::store::{Commit, Read};
use crate::ticket::access::Access;
use crate::ticket::action::Action;
use crate::ticket::conflict::Conflict;
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::{Step, Ticket};

/// Performs an action on a ticket.
#[derive(Debug)]
pub(super) struct Act {
    ticket: TicketId,
    action: Action,
    by: CommandOptions,
    context: CommandContext,
    repeatable: Repeatable,
}

impl Act {
    pub(super) fn new(
        verb: &str,
        ticket: TicketId,
        mut action: Action,
        mut by: CommandOptions,
        context: CommandContext,
    ) -> Act {
        action.normalize();
        by.actor.normalize();
        // The request is serialized from the flat list of parts: a deeply nested action could overflow the stack.
        let repeatable = Repeatable::new(verb, Some(ticket), &by.actor.who, by.key.clone(), || {
            let parts: Vec<Action> = action.parts().into_iter().map(Action::asked).collect();
            Fingerprint::of_json(&("act", ticket, parts, &by.actor.who))
        });
        Act { ticket, action, by, context, repeatable }
    }

    fn command<'l>(&'l self, loaded: &'l Loaded) -> Result<Command<'l>, Interrupt> {
        Command::on(self.ticket, &self.action, &self.by.actor, &self.context, loaded)
    }

    /// Checks that the actor, who has performed the command, still sees the ticket, or saw it right before or right
    /// after the command: a hand-over can be repeated.
    fn check_replay(&self, receipt: &Receipt, loaded: &Loaded) -> Result<(), Interrupt> {
        let access = Access::of_commands(&self.by.actor, &*self.context.policy(loaded)?);
        let current = loaded.ticket(self.ticket)?;
        if current.is_some_and(|it| access.sees(it)) || access.sees(receipt.ticket.snapshot()) {
            return Ok(());
        }
        let before = receipt.ticket.version.saturating_sub(receipt.events.len() as u64);
        let before = loaded.history(self.ticket, 0, usize::try_from(before).unwrap_or(usize::MAX))?;
        Ok(access.check(&Snapshot::fold(before)?)?)
    }
}

impl Operation for Act {
    type Out = Receipt;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("act", self.ticket)
    }

    fn ticket_of(receipt: &Receipt) -> Option<TicketId> {
        Some(receipt.ticket.id())
    }

    fn is_replayed(receipt: &Receipt) -> bool {
        receipt.replayed
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.repeatable.read(&self.context));
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.push(Read::Ticket(self.ticket));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Receipt), Interrupt> {
        let first = match self.repeatable.first_result(loaded, &self.context) {
            Err(Interrupt::Fail(error)) if error.kind() == ErrorKind::KeyReused => {
                // Whoever does not see the ticket learns nothing of the commands on it.
                self.command(loaded)?.shown()?;
                return Err(error.into());
            }
            first => first?,
        };
        if let Some(receipt) = first {
            self.check_replay(&receipt, loaded)?;
            return Ok((Commit::default(), receipt));
        }
        let command = self.command(loaded)?;
        let ticket = command.ticket;
        let expected = self.by.expected.filter(|expected| *expected != ticket.version);
        let mut conflict = expected.map_or(Ok(None), |expected| conflict(ticket, expected, loaded))?;
        if command.access.sees_internal(ticket)
            && let Some(conflict) = conflict.take()
        {
            return Err(Interrupt::Fail(conflict.into()));
        }
        let shown = command.shown();
        let DecidedCommand { decision, others, records, policy_context } = command.decide()?;
        // Only an actor who may perform the action learns the version and the public part of the state.
        if let Some(conflict) = conflict {
            shown?;
            let state = ticket.state.public();
            return Err(Interrupt::Fail(Conflict { state, ..conflict }.into()));
        }
        let receipt = Receipt::of(&decision, &policy_context)?;
        let mut commit = Commit::of([decision].into_iter().chain(others));
        commit.extend(records);
        self.repeatable.add_receipt(&mut commit, &receipt, loaded, &self.context)?;
        Ok((commit, receipt))
    }
}

/// Returns a conflict if somebody has edited the ticket since this version. The events of the desk itself and links are
/// no edits, so the result does not depend on whether due timers have fired yet.
fn conflict(ticket: &Snapshot, expected: u64, loaded: &Loaded) -> Result<Option<Conflict>, Interrupt> {
    let missed =
        ticket.version.checked_sub(expected).map(|missed| usize::try_from(missed).unwrap_or(usize::MAX));
    let edited = match missed {
        Some(missed) => loaded.history(ticket.id, expected, missed)?.iter().any(Event::is_edit),
        None => true, // The ticket has no such version yet.
    };
    let conflict = || Conflict::new(ticket.id, expected, ticket.version, ticket.state.clone());
    Ok(edited.then(|| conflict().numbered(ticket.number.clone())))
}

/// Commits one typed step.
#[derive(Debug)]
pub(super) struct CommitStep<To> {
    /// The desk of the handle that made the step, if a desk made it.
    desk: Option<DeskId>,
    act: Act,
    to: PhantomData<To>,
}

impl<To> CommitStep<To> {
    pub(super) fn new(step: Step<To>, by: CommandOptions, context: CommandContext) -> CommitStep<To> {
        let by = by.expected_version(step.expected);
        let Step { desk, ticket, action, .. } = step;
        CommitStep { desk, act: Act::new("commit", ticket, action, by, context), to: PhantomData }
    }
}

impl<To: KnownState> Operation for CommitStep<To> {
    type Out = Ticket<To>;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("commit", self.act.ticket)
    }

    fn ticket_of(ticket: &Ticket<To>) -> Option<TicketId> {
        Some(ticket.id())
    }

    fn is_replayed(ticket: &Ticket<To>) -> bool {
        ticket.replayed()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.act.needs(reads);
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Ticket<To>), Interrupt> {
        if let Some(desk) = self.desk.as_ref().filter(|desk| **desk != self.act.context.desk) {
            let problem = format_args!("belongs to the desk {desk}, not to {}", self.act.context.desk);
            return Err(Error::invalid("step", problem).allowing("a step of a ticket of this desk").into());
        }
        let (commit, receipt) = self.act.decide(loaded)?;
        let ticket = Ticket::try_from_untyped(receipt.ticket).map_err(|ticket| {
            Error::invalid("step", format_args!("left the ticket {} instead of {}", ticket.state(), To::KIND))
        })?;
        Ok((commit, ticket))
    }
}
