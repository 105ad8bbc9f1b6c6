//! Ids: of desks and tickets, which are ours, and of people and teams, which are the host's and opaque here.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};

/// The longest id that a host may hand over, in bytes.
pub const MAX_ID_BYTES: usize = 200;

/// Declares an opaque text id. It is built without a check, so that `"anna"` can stand where an id is asked
/// for; the desk checks every id once, when a command enters.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id from the host's text, which is kept as it is.
            pub fn new(id: impl Into<Arc<str>>) -> $name {
                $name(id.into())
            }

            /// The host's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Refuses what no store could keep or find again: nothing, too much, or control characters.
            pub(crate) fn check(&self) -> Result<()> {
                check_id($what, &self.0)
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
    /// One support desk: a tenant. Every key in storage starts with it, and no desk sees another's rows.
    DeskId, "desk id"
}
text_id! {
    /// Somebody who asks: the host's id of a customer, employee or partner.
    ///
    /// Host ids are opaque: a text, a UUID or a number will do.
    ///
    /// ```
    /// use firstline::ContactId;
    ///
    /// assert_eq!(ContactId::from(77).as_str(), "77");
    /// ```
    ContactId, "contact id"
}
text_id! {
    /// Somebody who answers: the host's id of an agent.
    AgentId, "agent id"
}
text_id! {
    /// A team of agents: the host's id.
    TeamId, "team id"
}
text_id! {
    /// What makes a command repeatable without doing it twice: the same key with the same request returns the
    /// first result, with another request it is refused. Chosen by the caller, unique within a desk.
    RequestKey, "idempotency key"
}
text_id! {
    /// What holds the messages of one conversation together: a chat's id, a mail thread's first message id.
    /// Unique within a desk.
    ThreadKey, "thread key"
}

fn check_id(what: &str, id: &str) -> Result<()> {
    let problem = if id.is_empty() {
        "is empty"
    } else if id.len() > MAX_ID_BYTES {
        "is too long"
    } else if id.chars().any(char::is_control) {
        "contains a control character"
    } else {
        return Ok(());
    };
    Err(Error::invalid(what, problem)
        .allowing(format!("1 to {MAX_ID_BYTES} bytes without control characters")))
}

/// One ticket, in every desk and database: a UUID whose order is the order of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(Uuid);

impl TicketId {
    /// The UUID.
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

/// A source of new ids. The default draws version 7 UUIDs, which sort by time.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// An id never given out before, for something that comes into being at `at`.
    fn new_id(&self, at: DateTime<Utc>) -> Uuid;
}

/// The default source of ids: UUID version 7 (RFC 9562), of the given instant and some 60 random bits.
///
/// Within a millisecond, ids sort by the rest of the instant (section 6.2, method 3); at one and the same instant,
/// in the order in which this process drew them (method 2).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

/// The low 62 bits of a UUID, those that are random.
const RANDOM: u128 = (1 << 62) - 1;

/// The last id that was drawn: where and what its random bits were.
static LAST: Mutex<(u128, u128)> = Mutex::new((0, 0));

impl IdSource for RandomIds {
    fn new_id(&self, at: DateTime<Utc>) -> Uuid {
        let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0) & ((1 << 48) - 1);
        let fraction = u128::from(at.timestamp_subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
        let instant = millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62;
        let random = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)).as_u128() & RANDOM;

        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        // A first id leaves half of the range above it, and a step is at most 2^32: at one instant there is room
        // for 2^29 ids before their order, and no more than that, would begin anew.
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
            // Two at the same instant, as on a clock that stands still.
            ids.extend([RandomIds.new_id(at), RandomIds.new_id(at)]);
        }
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        let again = RandomIds.new_id(start);
        assert!(ids.iter().all(|id| *id != again), "an instant that comes again gives new ids");
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
}
