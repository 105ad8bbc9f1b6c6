//! A cache of tickets parsed from recently read or written rows.
//!
//! Parsing a row costs several times as much as fetching it, and a desk reads the same tickets often, such as the first
//! page of an inbox. The cache compares the texts of the row, so a hit always equals a freshly parsed ticket, even
//! if another program wrote the row.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use super::{ticket_from_json, ticket_to_json};
use crate::error::Result;
use crate::id::TicketId;
use crate::ticket::snapshot::Snapshot;

/// The maximum text size of a generation in bytes, about 700 tickets. There are two generations.
const GENERATION: usize = 512 * 1024;

/// The cache of parsed tickets.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Generations>);

/// Two generations of tickets. A hit in the old generation moves the ticket to the young one. When the young generation
/// exceeds [`GENERATION`], it becomes the old one, and the previous old one is dropped.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<TicketId, Kept>,
    old: HashMap<TicketId, Kept>,
    /// The text size of the young generation in bytes, including replaced entries.
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    facts: String,
    personal: Option<String>,
    ticket: Arc<Snapshot>,
}

impl Recent {
    /// Returns the ticket for a row with these texts, from the cache or parsed.
    pub(crate) fn ticket(&self, id: TicketId, facts: &str, personal: Option<&str>) -> Result<Arc<Snapshot>> {
        if let Some(found) = self.generations(|it| it.find(id, facts, personal)) {
            return Ok(found);
        }
        let ticket = Arc::new(ticket_from_json(facts, personal)?);
        let kept = Kept {
            facts: facts.to_owned(),
            personal: personal.map(str::to_owned),
            ticket: Arc::clone(&ticket),
        };
        self.generations(|it| it.keep(id, kept));
        Ok(ticket)
    }

    /// Passes the texts of a ticket's row to `write` and caches the ticket if `write` succeeds. The entry is valid even
    /// if the transaction is not committed, because a lookup compares the texts.
    pub(crate) fn written<T>(
        &self,
        ticket: Snapshot,
        write: impl FnOnce(&str, Option<&str>) -> Result<T>,
    ) -> Result<T> {
        let (facts, personal, ticket) = ticket_to_json(ticket)?;
        debug_assert!(
            ticket_from_json(&facts, personal.as_deref()).is_ok_and(|read| read == ticket),
            "the stored texts must parse to the same ticket: {facts} {personal:?}"
        );
        let out = write(&facts, personal.as_deref())?;
        self.generations(|it| it.keep(ticket.id, Kept { facts, personal, ticket: Arc::new(ticket) }));
        Ok(out)
    }

    fn generations<T>(&self, work: impl FnOnce(&mut Generations) -> T) -> T {
        // A panic can leave the cache incomplete but not wrong: missing tickets are parsed again.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    fn find(&mut self, id: TicketId, facts: &str, personal: Option<&str>) -> Option<Arc<Snapshot>> {
        let is = |kept: &Kept| kept.facts == facts && kept.personal.as_deref() == personal;
        if let Some(kept) = self.young.get(&id) {
            return is(kept).then(|| Arc::clone(&kept.ticket));
        }
        let kept = self.old.remove(&id).filter(is)?;
        let ticket = Arc::clone(&kept.ticket);
        self.keep(id, kept);
        Some(ticket)
    }

    fn keep(&mut self, id: TicketId, kept: Kept) {
        self.bytes += kept.facts.len() + kept.personal.as_ref().map_or(0, String::len);
        self.young.insert(id, kept);
        if self.bytes > GENERATION {
            self.bytes = 0;
            self.old = mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// A ticket with this number and the texts of its row.
    fn texts(number: u128) -> (TicketId, String, Option<String>, Snapshot) {
        let id = Uuid::from_u128(number);
        let facts = format!(
            r#"{{"id": "{id}", "version": 1, "number": {{"prefix": "T", "value": {number}}}, "kind": "incident",
            "channel": "chat", "state": {{"is": "new"}}, "state_since": "2026-01-05T09:00:00Z",
            "assessment": {{"impact": {{"level": 1, "name": "high"}}, "urgency": {{"level": 1, "name": "high"}}, "cell": 1}},
            "opened_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"}}"#
        );
        let ticket = ticket_from_json(&facts, Some(r#"{"boris": {"subject": "No sound"}}"#)).unwrap();
        let (facts, personal, ticket) = ticket_to_json(ticket).unwrap();
        (ticket.id, facts, personal, ticket)
    }

    fn found(
        recent: &Recent,
        (id, facts, personal, _): &(TicketId, String, Option<String>, Snapshot),
    ) -> bool {
        recent.generations(|it| it.find(*id, facts, personal.as_deref())).is_some()
    }

    #[test]
    fn a_changed_text_of_the_same_ticket_is_parsed() {
        let recent = Recent::default();
        let (id, facts, personal, ticket) = texts(1);
        assert_eq!(*recent.ticket(id, &facts, personal.as_deref()).unwrap(), ticket);
        let other = facts.replace("\"version\":1", "\"version\":7");
        assert_eq!(recent.ticket(id, &other, personal.as_deref()).unwrap().version, 7);
        let without_personal = recent.ticket(id, &facts, None).unwrap();
        assert_eq!(without_personal.subject(), "");
        assert!(recent.ticket(id, "{}", None).is_err());
        assert_eq!(*recent.ticket(id, &facts, personal.as_deref()).unwrap(), ticket);
    }

    #[test]
    fn a_written_ticket_is_found_and_shared() {
        let recent = Recent::default();
        let known = texts(1);
        recent.written(known.3.clone(), |_, _| Ok(())).unwrap();
        assert!(found(&recent, &known));
        let again = || recent.ticket(known.0, &known.1, known.2.as_deref()).unwrap();
        assert!(Arc::ptr_eq(&again(), &again()));
    }

    #[test]
    fn read_tickets_stay_and_others_are_dropped() {
        let recent = Recent::default();
        let (often, once) = (texts(1), texts(2));
        for known in [&often, &once] {
            recent.written(known.3.clone(), |_, _| Ok(())).unwrap();
        }
        let mut others = 0;
        for number in 3.. {
            if others > 3 * GENERATION {
                break;
            }
            let other = texts(number);
            others += other.1.len();
            recent.written(other.3, |_, _| Ok(())).unwrap();
            assert!(found(&recent, &often));
            let kept = recent.generations(|it| {
                it.young.values().chain(it.old.values()).map(|it| it.facts.len()).sum::<usize>()
            });
            assert!(kept < 2 * GENERATION + 10_000, "{kept} bytes are kept");
        }
        assert!(!found(&recent, &once));
    }
}
