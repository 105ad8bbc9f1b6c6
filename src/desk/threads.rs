//! The thread keys that a command adds or releases.

use std::collections::{BTreeMap, BTreeSet};

use super::context::CommandContext;
use crate::error::Error;
use crate::id::{ThreadKey, TicketId};
use crate::lifecycle::ActionKind;
use crate::operation::{Interrupt, Loaded};
use crate::store::kinds::{self, THREAD};
use crate::store::{Expected, Read, RecordWrite};
use crate::ticket::action::Action;
use crate::ticket::decision::permissions::may;
use crate::ticket::decision::{DecisionContext, TicketWrite};
use crate::ticket::event::Change;
use crate::ticket::snapshot::Snapshot;

/// The thread keys in an action.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// The keys that lead to no ticket, each with its stored form.
    pub(super) new: BTreeMap<ThreadKey, String>,
    /// A key that leads to another ticket.
    taken: Option<ThreadKey>,
}

impl Threads {
    /// Returns the keys in the action. None are read if the actor may not add any.
    pub(super) fn of_action(
        context: &CommandContext,
        ticket: &Snapshot,
        action: &Action,
        DecisionContext { by, policy, .. }: &DecisionContext<'_>,
        loaded: &Loaded,
    ) -> Result<Threads, Interrupt> {
        let mut threads = Threads::default();
        if may(ActionKind::Describe, by, ticket, policy).is_some() {
            return Ok(threads);
        }
        let keys = action.parts().into_iter().filter_map(|part| match part {
            // The decision refuses the other keys.
            Action::Thread(key) if key.check().is_ok() => Some((key, context.lookup.thread(key))),
            _ => None,
        });
        let keys: BTreeMap<&ThreadKey, String> = keys.collect();
        loaded.need(keys.values().map(|stored| Read::record(THREAD, stored.as_str())))?;
        for (key, stored) in keys {
            match loaded.record(THREAD, stored.as_str())? {
                None => drop(threads.new.insert(key.clone(), stored)),
                Some(record) if kinds::ticket_of(THREAD, record)? == ticket.id => {}
                Some(_) => threads.taken = Some(key.clone()),
            }
        }
        Ok(threads)
    }

    /// Returns the writes of the new keys.
    pub(super) fn add_to(self, ticket: TicketId) -> Result<Vec<RecordWrite>, Error> {
        match self.taken {
            Some(key) => Err(taken(&key)),
            None => {
                Ok(self.new.into_values().map(|key| kinds::point_to(THREAD, key, None, ticket)).collect())
            }
        }
    }
}

/// Returns the writes that release the thread keys of the command that a decision takes back. A key that leads to
/// another ticket by now is kept.
pub(super) fn released(decision: &TicketWrite, loaded: &Loaded) -> Result<Vec<RecordWrite>, Interrupt> {
    let ticket = decision.snapshot.id;
    let versions = decision.events.iter().find_map(|event| match &event.change {
        Change::Undone { versions, .. } => Some(versions),
        _ => None,
    });
    let Some(versions) = versions else { return Ok(Vec::new()) };
    let command = loaded.history(ticket, 0, usize::MAX)?.iter().filter(|it| versions.contains(&it.version));
    let keys: BTreeSet<&str> = command.filter_map(|event| event.personal.thread()).collect();
    loaded.need(keys.iter().map(|key| Read::record(THREAD, *key)))?;
    let mut writes = Vec::new();
    for key in keys {
        if let Some(record) = loaded.record(THREAD, key)?
            && kinds::ticket_of(THREAD, record)? == ticket
        {
            writes.push(RecordWrite::delete(THREAD, key, Expected::Version(record.version)));
        }
    }
    Ok(writes)
}

/// Returns the error for a thread key that leads to another ticket. The actor may not see that ticket, so the error
/// does not name it.
pub(super) fn taken(thread: &ThreadKey) -> Error {
    Error::invalid("thread", format_args!("{thread} already belongs to another ticket"))
        .allowing("`receive`, which continues that ticket or opens a follow-up, or another thread")
}
