//! The thread keys that a command adds.

use std::collections::BTreeSet;

use super::context::CommandContext;
use crate::error::Error;
use crate::id::{ThreadKey, TicketId};
use crate::operation::{Interrupt, Loaded};
use crate::store::kinds::{self, THREAD};
use crate::store::{Read, RecordWrite};
use crate::ticket::action::Action;

impl CommandContext {
    /// Returns the writes of the thread keys that the action adds.
    pub(super) fn new_threads(
        &self,
        ticket: TicketId,
        action: &Action,
        loaded: &Loaded,
    ) -> Result<Vec<RecordWrite>, Interrupt> {
        let keys = action.parts().into_iter().filter_map(|part| match part {
            Action::Thread(key) => Some((self.lookup.thread(key), key)),
            _ => None,
        });
        let keys: BTreeSet<_> = keys.collect();
        loaded.need(keys.iter().map(|(stored, _)| Read::record(THREAD, stored.as_str())))?;
        let mut writes = Vec::new();
        for (stored, key) in keys {
            match loaded.record(THREAD, stored.as_str())? {
                None => writes.push(kinds::point_to(THREAD, stored, None, ticket)),
                Some(record) if kinds::ticket_of(THREAD, record)? == ticket => {}
                Some(_) => return Err(taken(key).into()),
            }
        }
        Ok(writes)
    }
}

/// Returns the error for a thread key that leads to another ticket. The actor may not see that ticket, so the error does
/// not name it.
pub(super) fn taken(thread: &ThreadKey) -> Error {
    Error::invalid("thread", format_args!("{thread} already belongs to another ticket"))
        .allowing("`receive`, which continues that ticket or opens a follow-up, or another thread")
}
