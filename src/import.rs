//! History from another system, taken in as it happened.
//!
//! What is handed over is a record as it stood, version by version: an [`ImportedTicket`] of
//! [`ImportedVersion`]s. From the difference between each version and the ticket so far come events of the same
//! sort as those of a ticket that lived here, with their own times and actors, and with the
//! [version](crate::ticket::event::Origin) they came from. Nothing is bent into shape:
//!
//! - a step that the [lifecycle](crate::lifecycle) would refuse is applied and marked as
//!   [irregular](crate::ticket::event::Origin::irregular);
//! - a status that has no state here is kept by its name, the state stays, and entering and leaving it are
//!   irregular;
//! - a time that runs backwards stays as it is;
//! - a version that says *resolved* or *closed* again moves the time of the resolution or the closing;
//! - no timer is set that the other system did not have: an imported resolution closes by itself only if the
//!   version says when.
//!
//! The priority alone is this desk's: it is computed from impact and urgency by the policy in force.
//!
//! Importing again is safe. The versions that were taken in are known by a fingerprint, each version's hash
//! chained to that of the one before, so that the same history changes nothing, a longer one continues the
//! ticket, and one that differs is refused. See [`Records::import`](crate::desk::Records::import).

mod opening;
mod replay;
mod version;

use serde::{Deserialize, Serialize};

use crate::definition::{Fingerprint, to_json};
use crate::error::{Error, Result};
use crate::limits;
use crate::policy::Policy;
use crate::ticket::event::ExternalRef;
use crate::time::{DateTime, Utc};

pub(crate) use replay::{begin, go_on, taken};
pub use version::{ImportedStatus, ImportedVersion};

/// A ticket of another system: what it is called there, and its record version by version, the oldest first.
///
/// ```
/// use firstline::{Actor, ImportedTicket, ImportedVersion, state};
///
/// let at = |text: &str| text.parse().unwrap();
/// let opened = ImportedVersion::new(at("2016-02-29T01:16:00Z"), Actor::agent("anna"))
///     .subject("Нет звука")
///     .from("customer-8")
///     .status(state::New);
/// let resolved = ImportedVersion::new(at("2016-02-29T11:29:00Z"), Actor::agent("boris"))
///     .status(state::Resolved::default())
///     .resolution("The headset was muted.");
/// let ticket = ImportedTicket::new("servicenow", "INC0000045").version(opened).version(resolved);
/// assert_eq!(ticket.versions().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "it is not taken in until a desk imports it"]
pub struct ImportedTicket {
    external: ExternalRef,
    versions: Vec<ImportedVersion>,
}

impl ImportedTicket {
    /// A ticket by the other system's name and its id there, as yet without versions.
    pub fn new(source: impl Into<String>, id: impl Into<String>) -> ImportedTicket {
        let external = ExternalRef { source: source.into(), id: id.into() };
        ImportedTicket { external, versions: Vec::new() }
    }

    /// The next version of its record. Versions are told by their order, whatever their times.
    pub fn version(mut self, version: ImportedVersion) -> ImportedTicket {
        self.versions.push(version);
        self
    }

    /// What it is called in the other system.
    pub fn external(&self) -> &ExternalRef {
        &self.external
    }

    /// Its versions, the oldest first.
    pub fn versions(&self) -> &[ImportedVersion] {
        &self.versions
    }

    /// When it was opened, if it has a version at all.
    pub(crate) fn opened_at(&self) -> Option<DateTime<Utc>> {
        self.versions.first().map(|version| version.at)
    }

    /// Everything that can be said against it without knowing what was imported before.
    pub(crate) fn check(&self, now: DateTime<Utc>, policy: &Policy) -> Result<()> {
        limits::name("external source", &self.external.source)?;
        limits::name("external id", &self.external.id)?;
        if self.versions.is_empty() {
            return Err(Error::invalid("history", "is empty").allowing("at least one version"));
        }
        for (number, version) in numbered(&self.versions) {
            version.check(now, policy).map_err(|error| error.within(format_args!("version {number}")))?;
        }
        Ok(())
    }

    /// The fingerprints of its history up to each version.
    pub(crate) fn fingerprints(&self) -> Result<Vec<Fingerprint>> {
        let mut former = None::<Fingerprint>;
        let chained = self.versions.iter().map(|version| {
            let mut link = former.map_or_else(Vec::new, |former| former.as_bytes().to_vec());
            link.extend_from_slice(to_json(version)?.as_bytes());
            Ok(*former.insert(Fingerprint::of(link)))
        });
        chained.collect()
    }
}

/// Versions with their numbers, counted from 1.
fn numbered(versions: &[ImportedVersion]) -> impl Iterator<Item = (u32, &ImportedVersion)> {
    (1..=u32::MAX).zip(versions)
}
