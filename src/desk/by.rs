//! The actor of a command, with its idempotency key and expected version.

use crate::id::RequestKey;
use crate::ticket::people::Actor;

/// The actor of a command, with an optional idempotency key and an optional expected version of the ticket. An
/// [`Actor`] alone converts into it.
///
/// ```
/// use firstline::{Actor, By};
///
/// let anna = Actor::agent("anna");
/// let plain: By = (&anna).into();
/// let safe: By = anna.once("click-4711").expecting(7);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "`By` only describes the actor of a command; pass it to a command"]
pub struct By {
    pub(crate) actor: Actor,
    pub(crate) key: Option<RequestKey>,
    pub(crate) expected: Option<u64>,
}

impl By {
    /// Makes the command idempotent: a second call with the same key and the same request changes nothing and returns
    /// the first result.
    ///
    /// The same key with a different request is refused as [`KeyReused`](crate::ErrorKind::KeyReused). The request
    /// includes the ticket, the action and the actor, but not the [expected](By::expecting) version. It includes every
    /// instant in the action: "in an hour" is a different request a minute later, so compute such an instant once,
    /// before the first call.
    ///
    /// A desk has one set of keys for all its commands. A key is kept for 30 days by default; see
    /// [`Settings::keep_receipts`](crate::desk::Settings::keep_receipts). A command that was refused or failed with a
    /// conflict does not use up its key.
    pub fn once(mut self, key: impl Into<RequestKey>) -> By {
        self.key = Some(key.into());
        self
    }

    /// Makes the command fail with a [conflict](crate::Error::is_conflict) if somebody has edited the ticket since this
    /// version.
    ///
    /// Timers, warnings, breaches, clock updates and the other end of a link are no edits. A form that was opened an hour
    /// ago is therefore not refused because of a warning in the meantime.
    pub fn expecting(mut self, version: u64) -> By {
        self.expected = Some(version);
        self
    }
}

impl From<Actor> for By {
    fn from(actor: Actor) -> By {
        By { actor, key: None, expected: None }
    }
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> By {
        By::from(actor.clone())
    }
}

impl Actor {
    /// Returns this actor with an idempotency key for one command; see [`By::once`].
    pub fn once(&self, key: impl Into<RequestKey>) -> By {
        By::from(self).once(key)
    }

    /// Returns this actor with the version that the ticket must still have; see [`By::expecting`].
    pub fn expecting(&self, version: u64) -> By {
        By::from(self).expecting(version)
    }
}
