//! What a migration would do, and what it did.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::id::TicketId;
use crate::ticket::kind::TicketNumber;
use crate::workflow::WorkflowRef;

/// How many tickets that stand in the way are named one by one.
pub const MAX_NAMED: usize = 50;

/// How many of them are told when a report is printed.
const PRINTED: usize = 10;

/// Tickets that go over, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crossings {
    /// How many tickets.
    pub tickets: usize,
    /// How many from which status to which.
    pub ways: BTreeMap<(String, String), usize>,
    /// In how many tickets which field is filled in.
    pub filled: BTreeMap<String, usize>,
}

impl Crossings {
    pub(super) fn add(&mut self, more: Crossings) {
        self.tickets += more.tickets;
        add_each(&mut self.ways, more.ways);
        add_each(&mut self.filled, more.filled);
    }
}

pub(super) fn add_each<K: Ord>(counts: &mut BTreeMap<K, usize>, more: BTreeMap<K, usize>) {
    for (key, count) in more {
        *counts.entry(key).or_default() += count;
    }
}

/// A ticket that cannot go over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// The ticket.
    pub ticket: TicketId,
    /// Its running number.
    pub number: TicketNumber,
    /// The status in which it stands.
    pub status: String,
    /// The status to which it was to go; `None` if its status leads nowhere.
    pub to: Option<String>,
    /// The fields that must be filled in before.
    pub missing: Vec<String>,
    /// What else is against it, in words.
    pub why: Option<String>,
}

/// `T-17 in "Inspection" needs category to enter "Check"`
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.number, self.status)?;
        let Some(to) = &self.to else { return f.write_str(" leads nowhere") };
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

/// Tickets that stand in the way: the first [`MAX_NAMED`], and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacles {
    /// How many there are.
    pub tickets: usize,
    /// The first of them, by age.
    pub named: Vec<Obstacle>,
}

impl Obstacles {
    pub(super) fn push(&mut self, obstacle: Obstacle) {
        self.tickets += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(obstacle);
        }
    }

    pub(super) fn add(&mut self, more: Obstacles) {
        self.tickets += more.tickets;
        self.named.extend(more.named);
        self.named.truncate(MAX_NAMED);
    }
}

impl fmt::Display for Obstacles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = self.named.len().min(PRINTED);
        for (place, obstacle) in self.named[..printed].iter().enumerate() {
            write!(f, "{}{obstacle}", if place > 0 { "\n" } else { "" })?;
        }
        match self.tickets.saturating_sub(printed) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// What a migration would do now: the dry run of a plan. Nothing was written.
///
/// It is also what the error of a refused migration carries: see [`Error::rehearsal`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationPreview {
    /// To which version tickets would go; `None` if the plan's is not in force.
    pub to: Option<WorkflowRef>,
    /// Every fault of the plan, occupied statuses that lead nowhere among them.
    pub faults: Vec<String>,
    /// The tickets that would go over.
    pub crossings: Crossings,
    /// The tickets that stand in the way.
    pub obstacles: Obstacles,
    /// Live tickets that stay, because their kind follows another workflow by the policy in force: how many of which
    /// kind.
    pub staying: BTreeMap<String, usize>,
}

impl MigrationPreview {
    /// Whether the plan has no fault and no ticket stands in the way.
    pub fn is_ready(&self) -> bool {
        self.faults.is_empty() && self.obstacles.tickets == 0
    }

    pub(super) fn into_refusal(self) -> Error {
        // A faulty plan is to be mended; a sound one may be refused by the tickets as they stand.
        let kind = if self.faults.is_empty() { ErrorKind::Rejected } else { ErrorKind::Definition };
        Error::of(kind, Refused(self))
    }
}

/// Counts first, then what speaks against it, one thing a line.
impl fmt::Display for MigrationPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.as_ref().map_or_else(|| "no workflow in force".to_owned(), ToString::to_string);
        let go = if self.crossings.tickets == 1 { "goes" } else { "go" };
        write!(f, "{} {go} over to {to}", tickets(self.crossings.tickets))?;
        write_counts(f, &self.crossings, &self.staying)?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))?;
        match self.obstacles.tickets {
            0 => Ok(()),
            count => write!(f, "\n{} in the way:\n{}", tickets(count), self.obstacles),
        }
    }
}

/// `     160 from "Incoming" to "Registered"`, each on a line of its own; then what was filled in, and who stays.
fn write_counts(
    f: &mut fmt::Formatter<'_>,
    crossings: &Crossings,
    staying: &BTreeMap<String, usize>,
) -> fmt::Result {
    for ((from, to), count) in &crossings.ways {
        write!(f, "\n  {count:>6} from {from:?} to {to:?}")?;
    }
    for (field, count) in &crossings.filled {
        write!(f, "\n  {count:>6} get a {field}")?;
    }
    for (kind, count) in staying {
        write!(f, "\n  {count:>6} of the kind {kind} stay: it follows another workflow")?;
    }
    Ok(())
}

fn tickets(count: usize) -> String {
    if count == 1 { "1 ticket".to_owned() } else { format!("{count} tickets") }
}

/// A refused migration, with its rehearsal.
#[derive(Debug)]
struct Refused(MigrationPreview);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MigrationPreview { faults, obstacles, .. } = &self.0;
        f.write_str("the migration was not begun: ")?;
        f.write_str(&faults.join("\n"))?;
        match obstacles.tickets {
            0 => Ok(()),
            _ if faults.is_empty() => write!(f, "{obstacles}"),
            _ => write!(f, "\n{obstacles}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Error {
    /// What stands against a migration, if this is the refusal of one.
    pub fn rehearsal(&self) -> Option<&MigrationPreview> {
        self.facts::<Refused>().map(|refused| &refused.0)
    }
}

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The tickets that went over.
    pub crossings: Crossings,
    /// Tickets that were moved meanwhile and no longer fitted: they stand as they were. Mend them, or the plan, and
    /// migrate again.
    pub left: Obstacles,
    /// Live tickets that stayed, because their kind follows another workflow: how many of which kind.
    pub staying: BTreeMap<String, usize>,
}

/// As a [`MigrationPreview`] prints itself: counts first, then what was left, one ticket a line.
impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} went over", tickets(self.crossings.tickets))?;
        write_counts(f, &self.crossings, &self.staying)?;
        match self.left.tickets {
            0 => Ok(()),
            count => write!(f, "\n{} left:\n{}", tickets(count), self.left),
        }
    }
}
