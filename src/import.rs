//! Import of ticket history from another system.
//!
//! An [`ImportedTicket`] contains the versions of a record in the other system, as [`ImportedVersion`]s. The import
//! compares each version with the ticket so far and writes the differences as events. These are ordinary events with
//! their original times and actors, and with the [version](crate::ticket::event::Origin) that they came from.
//!
//! The import does not correct history:
//!
//! - a step that the [lifecycle](crate::lifecycle) does not accept is applied and marked as
//!   [irregular](crate::ticket::event::Origin::irregular);
//! - a status without a matching state is stored by name and the state stays the same; the changes to and from this
//!   status are irregular;
//! - times are kept even if a version is older than the one before it. The older version then replaces what was known
//!   of the time from its date on, so that no time is counted twice;
//! - a version that repeats the status starts, stops and moves nothing. If the status is *resolved* or *closed*, it
//!   updates the time of the resolution or closing;
//! - a version with a [label](ImportedVersion::label) is in the history even if it changes nothing;
//! - the import adds no timers: an imported resolution closes automatically only if the version gives the time.
//!
//! A version may name a [status of the desk's own workflow](ImportedVersion::workflow_status).
//!
//! # Clocks
//! By default, the clocks of a ticket are measured as if the agreements in force had always been in force. A ticket may
//! therefore be late. The import triggers no warning and no reaction: warnings and breaches that were due before the
//! import are recorded in the clocks, without events. The same holds if the first agreements are adopted after the
//! import: the next tick or command then measures the history of each ticket that is not closed or cancelled by then.
//! [`ImportedTicket::clocks`] chooses other clocks for a ticket, or none.
//!
//! # Priority and repetition
//! The priority is not imported. The policy in force computes it from the impact, the urgency and the modifiers.
//!
//! An import can be repeated. A ticket stores the number of its imported versions and their fingerprint, a hash chained
//! over all of them. Importing the same history again changes nothing, a longer history continues the ticket, and a
//! different history is rejected. See [`Records::import`](crate::desk::Records::import).

mod opening;
mod placing;
mod replay;
mod version;

use serde::{Deserialize, Serialize};

use crate::definition::{Fingerprint, to_json};
use crate::error::{Error, Result};
use crate::limits;
use crate::policy::Policy;
use crate::ticket::event::ExternalRef;
use crate::time::{DateTime, Utc, to_micros};

pub use crate::ticket::ImportClocks;
pub(crate) use replay::{ImportContext, begin, go_on, taken};
pub use version::ImportedVersion;

/// A ticket of another system: its id there, and the versions of its record, oldest first.
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
#[must_use = "a ticket has no effect until a desk imports it"]
pub struct ImportedTicket {
    external: ExternalRef,
    #[serde(default, skip_serializing_if = "ImportClocks::is_from_opening")]
    clocks: ImportClocks,
    versions: Vec<ImportedVersion>,
}

impl ImportedTicket {
    /// Creates a ticket without versions, from the name of the other system and the ticket's id there.
    pub fn new(source: impl Into<String>, id: impl Into<String>) -> ImportedTicket {
        let external = ExternalRef { source: source.into(), id: id.into() };
        ImportedTicket { external, clocks: ImportClocks::default(), versions: Vec::new() }
    }

    /// Adds the next version of the record. Versions are applied in this order, regardless of their times.
    pub fn version(mut self, version: ImportedVersion) -> ImportedTicket {
        self.versions.push(version);
        self
    }

    /// Sets the SLA clocks that the ticket gets. By default they count from its opening in the other system. This has
    /// no effect on a ticket that was imported before.
    ///
    /// ```
    /// use firstline::import::ImportClocks;
    /// use firstline::{DateTime, ImportedTicket, Utc};
    ///
    /// let go_live: DateTime<Utc> = "2026-01-05T08:00:00Z".parse()?;
    /// let ticket = ImportedTicket::new("servicenow", "INC0000045").clocks(ImportClocks::From(go_live));
    /// # let _ = ticket;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clocks(mut self, clocks: ImportClocks) -> ImportedTicket {
        self.clocks = match clocks {
            ImportClocks::From(from) => ImportClocks::From(to_micros(from)),
            other => other,
        };
        self
    }

    /// Returns the other system and the ticket's id there.
    pub fn external(&self) -> &ExternalRef {
        &self.external
    }

    /// Returns the versions, oldest first.
    pub fn versions(&self) -> &[ImportedVersion] {
        &self.versions
    }

    /// Returns the time of the first version; `None` without versions.
    pub(crate) fn opened_at(&self) -> Option<DateTime<Utc>> {
        self.versions.first().map(|version| version.at)
    }

    /// Puts the names and short texts of the versions into the normal form.
    pub(crate) fn normalize(&mut self) {
        self.versions.iter_mut().for_each(ImportedVersion::normalize);
    }

    /// Checks everything that does not depend on an earlier import of the ticket.
    pub(crate) fn check(&self, now: DateTime<Utc>, policy: &Policy) -> Result<()> {
        limits::name("external source", &self.external.source)?;
        limits::name("external id", &self.external.id)?;
        if self.versions.is_empty() {
            return Err(Error::invalid("history", "is empty").allowing("at least one version"));
        }
        if let ImportClocks::From(from) = self.clocks
            && from > now
        {
            return Err(Error::invalid("clocks", format_args!("start at {from}, which is in the future"))
                .allowing(format!("an instant up to {now}, in UTC")));
        }
        for (number, version) in numbered(&self.versions) {
            version.check(now, policy).map_err(|error| error.within(format_args!("version {number}")))?;
        }
        Ok(())
    }

    /// Returns one fingerprint for each version. Each covers the history up to that version.
    pub(crate) fn fingerprints(&self) -> Result<Vec<Fingerprint>> {
        let mut previous = None::<Fingerprint>;
        let chained = self.versions.iter().map(|version| {
            let mut link = previous.map_or_else(Vec::new, |previous| previous.as_bytes().to_vec());
            link.extend_from_slice(to_json(version)?.as_bytes());
            Ok(*previous.insert(Fingerprint::of(link)))
        });
        chained.collect()
    }
}

/// Returns the versions with their numbers, counted from 1.
fn numbered(versions: &[ImportedVersion]) -> impl Iterator<Item = (u32, &ImportedVersion)> {
    (1..=u32::MAX).zip(versions)
}
