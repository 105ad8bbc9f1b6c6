//! Who gives a command, and under which conditions it counts.

use crate::id::RequestKey;
use crate::ticket::people::Actor;

/// Who gives a command, with what makes it safe to repeat and safe against others. An [`Actor`] alone will do.
///
/// ```
/// use firstline::{Actor, By};
///
/// let anna = Actor::agent("anna");
/// let plain: By = (&anna).into();
/// let safe: By = anna.once("click-4711").expecting(7);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says who gives a command, and gives none"]
pub struct By {
    pub(crate) actor: Actor,
    pub(crate) key: Option<RequestKey>,
    pub(crate) expected: Option<u64>,
}

impl By {
    /// Makes the command repeatable: again with the same key and request it returns the first result.
    ///
    /// The actor is part of the request, the [expected](By::expecting) version is not. Every instant is part of it too: "until in an hour" is another request a minute later, and refused as
    /// [`KeyReused`](crate::ErrorKind::KeyReused); fix such an instant before the first try. A desk has one set of keys for
    /// all its commands, and keeps them for as long as its [settings](crate::desk::Settings::keep_receipts) say, 30 days at
    /// first. A command that was refused, or lost to a conflict, uses up no key.
    pub fn once(mut self, key: impl Into<RequestKey>) -> By {
        self.key = Some(key.into());
        self
    }

    /// Lets the command count only if the ticket still has this version.
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
    /// The actor with an idempotency key for one command: see [`By::once`].
    pub fn once(&self, key: impl Into<RequestKey>) -> By {
        By::from(self).once(key)
    }

    /// The actor with the version that a ticket must still have: see [`By::expecting`].
    pub fn expecting(&self, version: u64) -> By {
        By::from(self).expecting(version)
    }
}
