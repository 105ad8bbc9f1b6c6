//! Who may do what to a ticket.

use crate::lifecycle::{StepKind, Verb};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;

/// Who may do this; `None` if the actor may.
pub(crate) fn may(verb: Verb, by: &Actor, ticket: &Snapshot) -> Option<&'static str> {
    let requester = ticket.requester();
    let asks = match &by.who {
        Who::Contact(id) => requester.is_none_or(|requester| requester == id),
        _ => false,
    };
    let works = !matches!(by.who, Who::Contact(_));
    let (allowed, may) = match verb {
        Verb::Step(StepKind::Confirm) => (asks, "the requester"),
        Verb::Step(StepKind::Reopen | StepKind::Cancel) => {
            (asks || works, "the requester, agents and programs")
        }
        // Where a move leads by a step, it is for those for whom that step is; a workflow may say more.
        Verb::Reply | Verb::Move => (true, "everybody"),
        _ => (works, "agents and programs"),
    };
    (!allowed).then_some(may)
}
