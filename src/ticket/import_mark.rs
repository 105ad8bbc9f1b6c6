//! The mark that an import leaves on a ticket.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::definition::Fingerprint;

/// The SLA clocks that an imported ticket gets.
///
/// The choice of the first import of a ticket also applies to its later imports and to the work at this desk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportClocks {
    /// The clocks count from the opening of the ticket in the other system, as if the agreements in force had always
    /// been in force.
    #[default]
    FromOpening,
    /// The clocks count from this instant, or from the opening if the ticket was opened later. What happened before
    /// starts, stops and misses no clock. The instant must not be in the future.
    From(DateTime<Utc>),
    /// The ticket never gets clocks.
    Never,
}

impl ImportClocks {
    pub(crate) fn is_from_opening(&self) -> bool {
        *self == ImportClocks::FromOpening
    }
}

/// The state of the imports of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ImportMark {
    /// The number of versions of the other system's record that were imported.
    pub versions: u32,
    /// A fingerprint of those versions. A later import must begin with the same versions.
    pub fingerprint: String,
    /// The clocks of the ticket.
    #[serde(default, skip_serializing_if = "ImportClocks::is_from_opening")]
    pub clocks: ImportClocks,
    /// True if the imported history was measured. It is measured by the import, or when agreements are adopted later.
    pub measured: bool,
    /// Deadlines and warnings that were due at this instant or earlier are recorded in the clocks, but cause no events
    /// and no reactions. It is the time of the import, or of the later adoption of the first agreements.
    pub quiet_until: DateTime<Utc>,
    /// The agreements that came into force at the instant `quiet_until`, before the import. `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Fingerprint>,
}
