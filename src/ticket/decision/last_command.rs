//! The places in a history that corrections take back.

use std::ops::Range;

use crate::ticket::event::{Cause, Change, Event};

/// Returns the place of the last command on the ticket, which is never empty. Events of clocks, messages of machines,
/// and links that a command on another ticket has changed do not count.
pub(crate) fn last_command(history: &[Event]) -> Option<Range<usize>> {
    let counts = |event: &Event| match event.change {
        Change::ClocksUpdated { .. }
        | Change::Warned(_)
        | Change::Breached(_)
        | Change::PolicyRebound { .. }
        | Change::SignalReceived(_) => false,
        _ => !event.mirrored,
    };
    let last = history.iter().rposition(counts)?;
    let first = history[..=last].iter().rposition(|event| !event.continues)?;
    let end = history[first + 1..].iter().position(|event| !event.continues);
    Some(first..end.map_or(history.len(), |after| first + 1 + after))
}

/// Returns the place of the event that cancelled the ticket as spam.
pub(super) fn spam(history: &[Event]) -> Option<usize> {
    history.iter().rposition(|event| matches!(event.change, Change::StateChanged { cause: Cause::Spam, .. }))
}

/// Returns the place of the first event that the correction at this place takes back; `None` if the event there is no
/// correction.
pub(super) fn taken_back(history: &[Event], place: usize) -> Option<usize> {
    match &history.get(place)?.change {
        Change::Undone { versions, .. } => {
            history.iter().position(|event| event.version == *versions.start())
        }
        Change::StateChanged { cause: Cause::NotSpam, .. } => spam(&history[..place]),
        _ => None,
    }
}
