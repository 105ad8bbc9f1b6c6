//! The preview of a migration, and its result.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::id::TicketId;
use crate::ticket::kind::TicketNumber;
use crate::workflow::WorkflowRef;

/// The maximum number of blocked tickets that a report lists. Further tickets are only counted.
pub const MAX_LISTED: usize = 50;

/// The maximum number of blocked tickets that `Display` prints.
const PRINTED: usize = 10;

/// The counts of migrated tickets, or of tickets that would be migrated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationCounts {
    /// The number of tickets.
    pub tickets: usize,
    /// The number of tickets by old and new status.
    pub by_status: BTreeMap<(String, String), usize>,
    /// The number of tickets in which a field is filled in, by field.
    pub filled: BTreeMap<String, usize>,
}

impl MigrationCounts {
    pub(super) fn add(&mut self, more: MigrationCounts) {
        self.tickets += more.tickets;
        add_each(&mut self.by_status, more.by_status);
        add_each(&mut self.filled, more.filled);
    }
}

pub(super) fn add_each<K: Ord>(counts: &mut BTreeMap<K, usize>, more: BTreeMap<K, usize>) {
    for (key, count) in more {
        *counts.entry(key).or_default() += count;
    }
}

/// A ticket that cannot be migrated, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockedTicket {
    /// The ticket.
    pub ticket: TicketId,
    /// Its running number.
    pub number: TicketNumber,
    /// Its current status.
    pub status: String,
    /// The new status; `None` if the plan has none for the current status.
    pub to: Option<String>,
    /// The fields that must be filled in first.
    pub missing: Vec<String>,
    /// Any other reason, in words.
    pub why: Option<String>,
}

/// `T-17 in "Inspection" needs category to enter "Check"`
impl fmt::Display for BlockedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.number, self.status)?;
        let Some(to) = &self.to else { return f.write_str(" has no new status") };
        if !self.missing.is_empty() {
            write!(f, " needs {} to enter {to:?}", self.missing.join(", "))?;
        }
        match &self.why {
            Some(why) if self.missing.is_empty() => write!(f, " {why}"),
            Some(why) => write!(f, ", and {why}"),
            None => Ok(()),
        }
    }
}

/// The tickets that cannot be migrated: their number, and the first [`MAX_LISTED`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockedTickets {
    /// The number of tickets.
    pub tickets: usize,
    /// At most [`MAX_LISTED`] of them, in the order in which they were found.
    pub listed: Vec<BlockedTicket>,
}

impl BlockedTickets {
    pub(super) fn push(&mut self, blocked: BlockedTicket) {
        self.tickets += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(blocked);
        }
    }

    pub(super) fn add(&mut self, more: BlockedTickets) {
        self.tickets += more.tickets;
        self.listed.extend(more.listed);
        self.listed.truncate(MAX_LISTED);
    }
}

impl fmt::Display for BlockedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = self.listed.len().min(PRINTED);
        for (place, blocked) in self.listed[..printed].iter().enumerate() {
            write!(f, "{}{blocked}", if place > 0 { "\n" } else { "" })?;
        }
        match self.tickets.saturating_sub(printed) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// The result of a dry run of a migration plan. Nothing was written.
///
/// The error of a refused migration contains it too: see [`Error::migration_preview`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationPreview {
    /// The workflow version to which tickets would be migrated; `None` if the plan's target is not in force.
    pub to: Option<WorkflowRef>,
    /// The faults of the plan. They include every status that has tickets but no new status.
    pub faults: Vec<String>,
    /// The counts of the tickets that would be migrated.
    pub counts: MigrationCounts,
    /// The tickets that cannot be migrated.
    pub blocked: BlockedTickets,
    /// The live tickets that are not migrated because the policy in force assigns their kind to another workflow: their
    /// number by kind.
    pub staying: BTreeMap<String, usize>,
}

impl MigrationPreview {
    /// True if the plan has no fault and no ticket blocks the migration.
    pub fn is_ready(&self) -> bool {
        self.faults.is_empty() && self.blocked.tickets == 0
    }

    pub(super) fn into_refusal(self) -> Error {
        // A faulty plan must be corrected. A plan without faults is rejected only because of the current tickets.
        let kind = if self.faults.is_empty() { ErrorKind::Rejected } else { ErrorKind::Definition };
        Error::of(kind, Refused(self))
    }
}

/// Prints the counts, then the faults and the blocked tickets, one per line.
impl fmt::Display for MigrationPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.as_ref().map_or_else(|| "no workflow in force".to_owned(), ToString::to_string);
        write!(f, "{} would migrate to {to}", tickets(self.counts.tickets))?;
        write_counts(f, &self.counts, &self.staying)?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))?;
        match self.blocked.tickets {
            0 => Ok(()),
            count => write!(f, "\n{} cannot migrate:\n{}", tickets(count), self.blocked),
        }
    }
}

/// Writes one line per pair of statuses, such as `     160 from "Incoming" to "Registered"`, then one per filled field,
/// then one per kind that stays.
fn write_counts(
    f: &mut fmt::Formatter<'_>,
    counts: &MigrationCounts,
    staying: &BTreeMap<String, usize>,
) -> fmt::Result {
    for ((from, to), count) in &counts.by_status {
        write!(f, "\n  {count:>6} from {from:?} to {to:?}")?;
    }
    for (field, count) in &counts.filled {
        write!(f, "\n  {count:>6} with {field} filled in")?;
    }
    for (kind, count) in staying {
        write!(f, "\n  {count:>6} of kind {kind} stay, because this kind follows another workflow")?;
    }
    Ok(())
}

fn tickets(count: usize) -> String {
    if count == 1 { "1 ticket".to_owned() } else { format!("{count} tickets") }
}

/// The refusal of a migration, with its preview.
#[derive(Debug)]
struct Refused(MigrationPreview);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MigrationPreview { faults, blocked, .. } = &self.0;
        f.write_str("the migration was refused: ")?;
        f.write_str(&faults.join("\n"))?;
        match blocked.tickets {
            0 => Ok(()),
            _ if faults.is_empty() => write!(f, "{blocked}"),
            _ => write!(f, "\n{blocked}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Error {
    /// Returns the preview of a refused migration; `None` for any other error.
    pub fn migration_preview(&self) -> Option<&MigrationPreview> {
        self.facts::<Refused>().map(|refused| &refused.0)
    }
}

/// The result of a migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The counts of the tickets that were migrated.
    pub counts: MigrationCounts,
    /// Tickets that changed during the migration and could no longer be migrated. They are unchanged. Correct them or
    /// the plan, and migrate again.
    pub blocked: BlockedTickets,
    /// The live tickets that were not migrated because their kind follows another workflow: their number by kind.
    pub staying: BTreeMap<String, usize>,
}

/// Prints the counts like a [`MigrationPreview`], then the tickets that were not migrated, one per line.
impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} migrated", tickets(self.counts.tickets))?;
        write_counts(f, &self.counts, &self.staying)?;
        match self.blocked.tickets {
            0 => Ok(()),
            count => write!(f, "\n{} not migrated:\n{}", tickets(count), self.blocked),
        }
    }
}
