//! Ids of desks, tickets, people and teams.
//!
//! Ticket ids are UUIDs created by this crate. All other ids are opaque strings chosen by the host application.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::text::{ends_a_line, is_visible};

/// The maximum length of the id of a desk, agent or team, in bytes.
pub const MAX_ID_BYTES: usize = 200;

/// The maximum length of a contact id or an idempotency key, in bytes. Mail addresses fit: a line of a mail has up to
/// 998 bytes (RFC 5322).
pub const MAX_KEY_BYTES: usize = 1_000;

/// Declares an opaque text id. Construction does not check the text, so that `"anna"` converts into an id. The desk
/// checks each id once, when it receives a command.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Creates the id. The text is kept unchanged and is checked when a command uses it.
            pub fn new(id: impl Into<Arc<str>>) -> $name {
                $name(id.into())
            }

            /// Returns the text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Checks that the text can be the text of such an id.
            pub(crate) fn check(&self) -> Result<()> {
                let check: fn(&str) -> Result<()> = $check;
                check(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> $name {
                $name(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> $name {
                $name(id.into())
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> $name {
                $name(id.to_string().into())
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> $name {
                $name(id.to_string().into())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> $name {
                id.clone()
            }
        }
    };
}

text_id! {
    /// The id of a support desk, which is a tenant. Every storage key starts with it. A desk cannot access the rows of
    /// another desk.
    DeskId, |id| check_id("desk id", id, MAX_ID_BYTES)
}
text_id! {
    /// The host's id of a contact: a customer, employee or partner who requests support.
    ///
    /// Ids are opaque. They can be created from text, UUIDs and numbers.
    ///
    /// ```
    /// use firstline::ContactId;
    ///
    /// assert_eq!(ContactId::from(77).as_str(), "77");
    /// ```
    ContactId, |id| check_id("contact id", id, MAX_KEY_BYTES)
}
text_id! {
    /// The host's id of a support agent.
    AgentId, |id| check_id("agent id", id, MAX_ID_BYTES)
}
text_id! {
    /// The host's id of a team of agents.
    TeamId, |id| check_id("team id", id, MAX_ID_BYTES)
}
text_id! {
    /// The id of a conversation, such as a chat id or the id of the first message in a mail thread.
    ///
    /// It groups the messages of the conversation. Each key leads to one ticket of a desk; several may lead to the
    /// same. A key has at least one visible character, and may have any length: mail programs write long ids and broken
    /// ones. The desk stores a digest of a key that is longer than [`MAX_KEY_BYTES`] or has control characters.
    ThreadKey, |key| match is_visible(key) {
        true => Ok(()),
        false => Err(Error::invalid("thread key", "is empty").allowing("at least one visible character")),
    }
}

impl ThreadKey {
    /// True if the key fits into a store's key as it is.
    pub(crate) fn is_storable(&self) -> bool {
        check_id("thread key", &self.0, MAX_KEY_BYTES).is_ok()
    }
}

/// An idempotency key, which makes a command safe to repeat.
///
/// The same key with the same request returns the first result. The same key with a different request is an error.
/// The caller chooses the key. Within a desk, each key must belong to one request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    key: Arc<str>,
    digest: Option<Arc<str>>,
}

impl IdempotencyKey {
    /// Creates the key. The text is kept unchanged and is checked when a command uses it.
    pub fn new(key: impl Into<Arc<str>>) -> IdempotencyKey {
        IdempotencyKey { key: key.into(), digest: None }
    }

    /// Sets the caller's own digest of the request, such as a hash of the bytes that the client sent. Two calls of the
    /// same person with the same key and digest are the same request, even if they differ in everything else but the
    /// method of the desk and the ticket. A call with another digest or with none, or by somebody else, is refused as
    /// [`KeyReused`](crate::ErrorKind::KeyReused).
    ///
    /// The person is the actor of a command, the opener of a ticket, and the sender of a message. Their attributes may
    /// differ.
    ///
    /// Use it if a repeated request does not arrive equal, for example because the host fills in parts of it.
    ///
    /// ```
    /// use firstline::{Desk, IdempotencyKey, NewTicket};
    ///
    /// let desk = Desk::memory();
    /// let key = || IdempotencyKey::new("form-4711").with_digest("sha256:9f86d0");
    /// let first = desk.open_ticket(NewTicket::new("No sound (received 09:00)").idempotency_key(key()))?;
    /// let again = desk.open_ticket(NewTicket::new("No sound (received 09:01)").idempotency_key(key()))?;
    /// assert!(again.replayed() && again.id() == first.id());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn with_digest(mut self, digest: impl Into<Arc<str>>) -> IdempotencyKey {
        self.digest = Some(digest.into());
        self
    }

    /// Returns the text of the key.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// Returns the caller's digest of the request.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Checks that the texts are not empty, not too long and free of control characters.
    pub(crate) fn check(&self) -> Result<()> {
        check_id("idempotency key", &self.key, MAX_KEY_BYTES)?;
        self.digest.iter().try_for_each(|digest| check_id("request digest", digest, MAX_KEY_BYTES))
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

impl From<&str> for IdempotencyKey {
    fn from(key: &str) -> IdempotencyKey {
        IdempotencyKey::new(key)
    }
}

impl From<String> for IdempotencyKey {
    fn from(key: String) -> IdempotencyKey {
        IdempotencyKey::new(key)
    }
}

impl From<Uuid> for IdempotencyKey {
    fn from(key: Uuid) -> IdempotencyKey {
        IdempotencyKey::new(key.to_string())
    }
}

impl From<i64> for IdempotencyKey {
    fn from(key: i64) -> IdempotencyKey {
        IdempotencyKey::new(key.to_string())
    }
}

impl From<&IdempotencyKey> for IdempotencyKey {
    fn from(key: &IdempotencyKey) -> IdempotencyKey {
        key.clone()
    }
}

fn check_id(what: &str, id: &str, max: usize) -> Result<()> {
    let problem = if id.is_empty() {
        "is empty"
    } else if id.len() > max {
        "is too long"
    } else if id.chars().any(|c| c.is_control() || ends_a_line(c)) {
        "contains a control character"
    } else if !is_visible(id) {
        "has no visible character"
    } else {
        return Ok(());
    };
    Err(Error::invalid(what, problem).allowing(format!("1 to {max} bytes without control characters")))
}

/// The globally unique id of a ticket. With the default [`IdSource`], ids sort by the time of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(Uuid);

impl TicketId {
    /// Returns the UUID.
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for TicketId {
    fn from(id: Uuid) -> TicketId {
        TicketId(id)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for TicketId {
    type Err = Error;

    fn from_str(text: &str) -> Result<TicketId> {
        text.parse().map(TicketId).map_err(|e| Error::invalid("ticket id", "is not a UUID").caused_by(e))
    }
}

/// A source of new ids. The default creates version 7 UUIDs, which sort by time.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// Returns a new unique id for an object created at `at`.
    fn new_id(&self, at: DateTime<Utc>) -> Uuid;
}

/// The default source of ids: version 7 UUIDs (RFC 9562) from the given instant and about 60 random bits.
///
/// Within a millisecond, ids sort by the fraction of the millisecond (section 6.2, method 3). For the same instant, ids
/// sort in the order in which this process created them (method 2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RandomIds;

/// A mask for the random bits of a UUID: its lowest 62 bits.
const RANDOM: u128 = (1 << 62) - 1;

/// The last id: the bits above the random bits, and the random bits.
static LAST: Mutex<(u128, u128)> = Mutex::new((0, 0));

impl IdSource for RandomIds {
    fn new_id(&self, at: DateTime<Utc>) -> Uuid {
        let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0) & ((1 << 48) - 1);
        let fraction = u128::from(at.timestamp_subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
        let instant = millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62;
        let random = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)).as_u128() & RANDOM;

        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        // The first id of an instant is in the lower half of the range, and an increment is at most 2^32. So at least
        // 2^29 ids of one instant are in order before the bits wrap around. Wrapping affects only the order.
        let low = match *last {
            (before, low) if before == instant => (low + 1 + (random >> 30)) & RANDOM,
            _ => random >> 1,
        };
        *last = (instant, low);
        Uuid::from_u128(instant | low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_opened_in_the_same_millisecond_sort_in_the_order_of_opening() {
        let start: DateTime<Utc> = "2026-01-05T09:00:00.123Z".parse().unwrap();
        let mut ids = Vec::new();
        for micros in 0..500 {
            let at = start + chrono::TimeDelta::microseconds(micros);
            // Two ids for the same instant.
            ids.extend([RandomIds.new_id(at), RandomIds.new_id(at)]);
        }
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        let again = RandomIds.new_id(start);
        assert!(ids.iter().all(|id| *id != again), "a repeated instant gives new ids");
    }

    #[test]
    fn an_id_is_a_version_7_uuid_of_its_instant() {
        for at in ["1970-01-01T00:00:00Z", "2026-01-05T09:00:00.999999Z", "2199-12-31T23:59:59Z"] {
            let at: DateTime<Utc> = at.parse().unwrap();
            let id = RandomIds.new_id(at);
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            let (seconds, nanos) = id.get_timestamp().map(|it| it.to_unix()).unwrap();
            assert_eq!(i64::try_from(seconds).unwrap(), at.timestamp());
            assert_eq!(nanos / 1_000_000, at.timestamp_subsec_millis());
        }
    }

    #[test]
    fn ids_are_drawn_at_any_time() {
        for at in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::UNIX_EPOCH] {
            assert_ne!(RandomIds.new_id(at), RandomIds.new_id(at));
        }
        let now: DateTime<Utc> = "2026-01-05T09:00:00Z".parse().unwrap();
        let later = now + chrono::TimeDelta::milliseconds(1);
        assert!(RandomIds.new_id(now) < RandomIds.new_id(later), "they sort by time");
    }
}
