//! The actor of a command, with its idempotency key and expected version.

use crate::id::IdempotencyKey;
use crate::ticket::people::Actor;

/// The actor of a command, with an optional idempotency key and an optional expected version of the ticket. An
/// [`Actor`] alone converts into it.
///
/// ```
/// use firstline::{Actor, CommandOptions};
///
/// let anna = Actor::agent("anna");
/// let plain: CommandOptions = (&anna).into();
/// let safe: CommandOptions = anna.idempotency_key("click-4711").expected_version(7);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "`CommandOptions` only describes the actor of a command; pass it to a command"]
pub struct CommandOptions {
    pub(crate) actor: Actor,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) expected: Option<u64>,
}

impl CommandOptions {
    /// Makes the command idempotent: a second call with the same key and the same request changes nothing and returns
    /// the first result.
    ///
    /// The same key with a different request is refused as [`KeyReused`](crate::ErrorKind::KeyReused). The request
    /// includes the ticket, the action and the actor, but not the [expected](CommandOptions::expected_version) version.
    /// It includes every instant in the action: "in an hour" is a different request a minute later, so compute such an
    /// instant once, before the first call.
    ///
    /// [`IdempotencyKey::with_digest`] replaces this comparison by a digest of your own. It still includes the ticket
    /// and the actor.
    ///
    /// An actor who sees the ticket neither now nor right before or after the command gets
    /// [not found](crate::Error::is_not_found), whatever the key.
    ///
    /// A desk has one set of keys for all its commands. A key is kept for 30 days by default; see
    /// [`Settings::keep_receipts`](crate::desk::Settings::keep_receipts). A command that was refused or failed with a
    /// conflict does not use up its key.
    pub fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> CommandOptions {
        self.key = Some(key.into());
        self
    }

    /// Makes the command fail with a [conflict](crate::Error::is_conflict) if somebody has edited the ticket since this
    /// version.
    ///
    /// Timers, warnings, breaches, clock updates, recorded time, followers and links are no edits. A form that was
    /// opened an hour ago is therefore not refused because of a warning in the meantime.
    pub fn expected_version(mut self, version: u64) -> CommandOptions {
        self.expected = Some(version);
        self
    }
}

impl From<Actor> for CommandOptions {
    fn from(actor: Actor) -> CommandOptions {
        CommandOptions { actor, key: None, expected: None }
    }
}

impl From<&Actor> for CommandOptions {
    fn from(actor: &Actor) -> CommandOptions {
        CommandOptions::from(actor.clone())
    }
}

impl Actor {
    /// Returns this actor with an idempotency key for one command; see [`CommandOptions::idempotency_key`].
    pub fn idempotency_key(&self, key: impl Into<IdempotencyKey>) -> CommandOptions {
        CommandOptions::from(self).idempotency_key(key)
    }

    /// Returns this actor with the version that the ticket must still have; see [`CommandOptions::expected_version`].
    pub fn expected_version(&self, version: u64) -> CommandOptions {
        CommandOptions::from(self).expected_version(version)
    }
}
