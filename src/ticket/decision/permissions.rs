//! The permissions of the lifecycle.

use crate::lifecycle::{StepKind, Verb};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;

/// Returns a description of who may do this; `None` if the actor may.
pub(crate) fn may(verb: Verb, by: &Actor, ticket: &Snapshot) -> Option<&'static str> {
    let requester = ticket.requester();
    let is_requester = match &by.who {
        Who::Contact(id) => requester.is_none_or(|requester| requester == id),
        _ => false,
    };
    let is_staff = !matches!(by.who, Who::Contact(_));
    let (allowed, may) = match verb {
        Verb::Step(StepKind::Confirm) => (is_requester, "the requester"),
        Verb::Step(StepKind::Reopen | StepKind::Cancel) => {
            (is_requester || is_staff, "the requester, agents and programs")
        }
        // A move that takes a step is checked as that step. The workflow may restrict moves further.
        // Everybody may take back a command of their own.
        Verb::Reply | Verb::Move | Verb::Undo => (true, "everybody"),
        _ => (is_staff, "agents and programs"),
    };
    (!allowed).then_some(may)
}
