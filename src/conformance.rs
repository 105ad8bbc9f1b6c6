//! A conformance suite for stores: blocking or async, this crate's or your own.
//!
//! Implement [`Candidate`] to create a fresh store and to wait for its replies. [`run`] then runs every check and
//! reports the outcomes by name. Each check finds one kind of mistake; together they cover the requirements of the
//! [storage interface](crate::store).
//!
//! ```
//! use firstline::conformance::{self, Candidate};
//! use firstline::memory::Memory;
//! use firstline::Result;
//!
//! struct InMemory;
//!
//! impl Candidate for InMemory {
//!     type Engine = Memory; // your store here
//!     fn create(&self) -> Result<Memory> {
//!         Ok(Memory::new())
//!     }
//!     fn reopen(&self, store: &Memory) -> Result<Memory> {
//!         Ok(store.clone())
//!     }
//!     fn wait<'a, T: Send + 'a>(&self, reply: Result<T>) -> Result<T> {
//!         reply // an async store: `runtime.block_on(reply)`
//!     }
//!     fn reads_beside_writes(&self) -> bool {
//!         false // one lock serves readers and writers; the default is `true`
//!     }
//! }
//!
//! let report = conformance::run(&InMemory);
//! assert!(report.passed(), "{report}");
//! ```
//!
//! To make each check its own test with `libtest-mimic`, map [`Check::ALL`] to `Trial::test(check.name(), ...)` and
//! call [`Check::run`] in each. Mark the ones that [`Check::skipped_for`] names as ignored.
//!
//! The suite never panics: a panic in the store fails the check. There is no timeout: a store that blocks
//! forever blocks the suite. A run takes less than a second in memory, and several seconds if each commit syncs a slow
//! disk.

mod alike;
mod candidate;
mod clock;
mod commits;
mod desks;
mod failure;
mod keys;
mod lives;
mod pages;
mod records;
mod scene;
mod texts;
mod together;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use scene::Scene;

pub use candidate::Candidate;
pub use failure::CheckFailure;

macro_rules! checks {
    ($($(#[doc = $doc:literal])+ $check:ident = $name:literal by $module:ident::$function:ident;)*) => {
        /// A requirement that a store must meet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[doc = $doc])+ $check,)*
        }

        impl Check {
            /// All checks, in the order in which they run.
            pub const ALL: &[Check] = &[$(Check::$check),*];

            /// Returns the name, in the form of a test name (`row_is_fold`).
            pub const fn name(self) -> &'static str {
                match self {
                    $(Check::$check => $name,)*
                }
            }

            /// Returns a description of the check, in a sentence or two.
            pub fn about(self) -> &'static str {
                match self {
                    $(Check::$check => concat!($($doc),+).trim_start(),)*
                }
            }

            fn on<C: Candidate>(self, scene: &Scene<'_, C>) -> Result<(), CheckFailure> {
                match self {
                    $(Check::$check => $module::$function(scene),)*
                }
            }
        }
    };
}

checks! {
    /// Every part of a commit is stored unchanged and is visible through another handle.
    CommitKeepsEverything = "commit_keeps_everything" by commits::keep_everything;
    /// If one part of a commit is refused, nothing of the commit is written.
    CommitIsAtomic = "commit_is_atomic" by commits::are_atomic;
    /// A ticket is written only at its expected version; the conflict reports the stored version.
    VersionsAreExpected = "versions_are_expected" by commits::expect_versions;
    /// A second ticket with the same id or running number is refused, and so is a commit that writes one record twice.
    NoDuplicates = "no_duplicates" by commits::write_nothing_twice;
    /// A transaction that ends without a commit changes nothing, uses no number and releases its locks.
    DroppedTransactionLeavesNothing = "dropped_transaction_leaves_nothing" by commits::leave_nothing_when_dropped;
    /// A command with an abandoned reply is applied completely or not at all.
    AbandonedReplyTearsNothing = "abandoned_reply_tears_nothing" by together::abandoned;
    /// A read-only operation sees one state and uses no number.
    ReadsSeeOneState = "reads_see_one_state" by together::reading;
    /// A read-only operation locks nothing: another command writes while it is under way.
    ReadsTakeNoLocks = "reads_take_no_locks" by together::reading_beside;
    /// A ticket's row always equals the fold of its history.
    RowIsFold = "row_is_fold" by lives::fold;
    /// A history has exactly one event per version, and every slice of it returns exactly the events in its range.
    HistoryHasNoGaps = "history_has_no_gaps" by lives::history;
    /// Running numbers count up from 1 without gaps, also within one transaction; an unused number goes to the next
    /// opening.
    NumbersCountUp = "numbers_count_up" by lives::numbers;
    /// A thread refers to its ticket, and to another ticket after it is redirected.
    ThreadsAreRedirected = "threads_are_redirected" by lives::threads;
    /// The same key with the same request returns the first result; with another request it is refused.
    KeyGivesFirstResult = "key_gives_first_result" by keys::first_result;
    /// A receipt is valid until it expires; then its key can be used again.
    ReceiptsExpire = "receipts_expire" by keys::expiry;
    /// A record of any size is read back unchanged, and is gone once it is deleted.
    RecordsComeBack = "records_come_back" by records::come_back;
    /// A record is written only if the stored version is the expected one, and every write raises its version by one.
    RecordVersionsAreExpected = "record_versions_are_expected" by records::expect_versions;
    /// A write with `VersionOrSkip` skips every other version, even while another command writes the record.
    CleanUpSkipsRenewedRecords = "clean_up_skips_renewed_records" by records::clean_up;
    /// Ranges of records are ordered by key or by an index key, ascending or descending, and pages neither lose nor
    /// repeat one.
    RecordsInOrder = "records_in_order" by records::in_order;
    /// Records are counted by an index key.
    RecordsAreCounted = "records_are_counted" by records::counted;
    /// Due records of all desks are ordered by instant, desk and key, and pages neither lose nor repeat one.
    DueRecordsAtAllDesks = "due_records_at_all_desks" by records::due;
    /// A record is claimed by one worker at a time; after its lease it can be claimed again, and the old token is
    /// refused.
    ClaimsGoToOne = "claims_go_to_one" by records::claims;
    /// A record that a command has read in order to write cannot be claimed until the command ends.
    ReadRecordsAreNotClaimed = "read_records_are_not_claimed" by records::held;
    /// A record with the largest number of tries can still be claimed, and a very long lease ends at the last
    /// representable instant.
    ClaimExtremes = "claim_extremes" by records::claim_extremes;
    /// With many workers claiming at once, every record is claimed exactly once under one lease.
    ClaimsAtOnce = "claims_at_once" by records::claims_at_once;
    /// No desk reads or writes another desk's rows, even with the same ids, numbers, keys and cursors.
    DesksAreApart = "desks_are_apart" by desks::apart;
    /// Names of desks, threads and keys are compared byte by byte.
    NamesAreExact = "names_are_exact" by desks::exact;
    /// A ticket has exactly the timers of its last commit, and each of them fires once.
    TimersAreReplaced = "timers_are_replaced" by clock::replaced;
    /// Due timers are ordered by instant, kind, subject and ticket, and pages neither lose nor repeat one.
    DueInOrder = "due_in_order" by clock::due;
    /// Due tickets of all desks are ordered by instant, desk and ticket, and pages neither lose nor repeat one.
    DueTicketsAtAllDesks = "due_tickets_at_all_desks" by clock::due_tickets;
    /// Instants are stored to the microsecond, in any year.
    TimesToTheMicrosecond = "times_to_the_microsecond" by clock::micros;
    /// Every combination of order and filter returns the same tickets as a scan of all tickets.
    FindFindsAll = "find_finds_all" by pages::find;
    /// Tickets are counted by every group, for every combination of order and filter.
    TicketsAreCounted = "tickets_are_counted" by pages::count;
    /// Pages neither lose nor repeat a ticket, also if tickets are opened between two pages.
    PagesAreStable = "pages_are_stable" by pages::stable;
    /// Texts of any script and up to one mebibyte are read back unchanged; NUL is refused before it is written.
    TextsComeBack = "texts_come_back" by texts::come_back;
    /// With many concurrent commands on one ticket, no change is lost.
    NoUpdateIsLost = "no_update_is_lost" by together::hot;
    /// Commands that lock the same tickets in opposite order do not deadlock.
    CrossingCommandsDoNotDeadlock = "crossing_commands_do_not_deadlock" by together::crossing;
    /// With many concurrent first messages in one thread, one ticket is opened: a missing record is locked too.
    AbsentRecordsAreLocked = "absent_records_are_locked" by together::absence;
    /// With many concurrent copies of one request under one key, it is applied once.
    ConcurrentKeyIsAppliedOnce = "concurrent_key_is_applied_once" by together::key;
    /// With many concurrent openings, every number is used once and none is skipped.
    NumbersAtOnce = "numbers_at_once" by together::numbers;
    /// With many concurrent sweeps, each timer fires once.
    TimersFireOnce = "timers_fire_once" by together::timers;
}

impl Check {
    /// Returns the check with this name.
    pub fn named(name: &str) -> Option<Check> {
        Check::ALL.iter().copied().find(|check| check.name() == name)
    }

    /// Returns the reason for which this check does not apply to the candidate; `None` if it applies.
    ///
    /// ```
    /// use firstline::conformance::Check;
    /// # use firstline::conformance::Candidate;
    /// # use firstline::memory::Memory;
    /// # use firstline::Result;
    /// # struct InMemory;
    /// # impl Candidate for InMemory {
    /// #     type Engine = Memory;
    /// #     fn create(&self) -> Result<Memory> { Ok(Memory::new()) }
    /// #     fn reopen(&self, store: &Memory) -> Result<Memory> { Ok(store.clone()) }
    /// #     fn wait<'a, T: Send + 'a>(&self, reply: Result<T>) -> Result<T> { reply }
    /// #     fn reads_beside_writes(&self) -> bool { false }
    /// # }
    ///
    /// assert_eq!(Check::ReadsTakeNoLocks.skipped_for(&InMemory), Some("one lock serves readers and writers"));
    /// assert_eq!(Check::RowIsFold.skipped_for(&InMemory), None);
    /// ```
    pub fn skipped_for<C: Candidate>(self, candidate: &C) -> Option<&'static str> {
        let skipped = self == Check::ReadsTakeNoLocks && !candidate.reads_beside_writes();
        skipped.then_some("one lock serves readers and writers")
    }

    /// Runs this check on a fresh store of the candidate. Does nothing if the check is
    /// [skipped](Check::skipped_for) for it.
    ///
    /// # Errors
    /// The first requirement that the store did not meet. A panic of the store is reported in the same way.
    pub fn run<C: Candidate>(self, candidate: &C) -> Result<(), CheckFailure> {
        if self.skipped_for(candidate).is_some() {
            return Ok(());
        }
        let checked = catch_unwind(AssertUnwindSafe(|| self.on(&Scene::new(candidate)?)));
        checked.unwrap_or_else(|panic| Err(CheckFailure::panicked(panic.as_ref())))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Runs all checks that apply to the candidate, each on a fresh store.
pub fn run<C: Candidate>(candidate: &C) -> Report {
    let (mut outcomes, mut skipped) = (Vec::new(), Vec::new());
    for check in Check::ALL {
        match check.skipped_for(candidate) {
            Some(reason) => skipped.push((*check, reason)),
            None => outcomes.push((*check, check.run(candidate))),
        }
    }
    Report { outcomes, skipped }
}

/// The outcomes of all checks. Its text form has one line per check and a summary.
#[derive(Debug)]
#[must_use = "the report holds the failures; check `passed`"]
pub struct Report {
    outcomes: Vec<(Check, Result<(), CheckFailure>)>,
    skipped: Vec<(Check, &'static str)>,
}

impl Report {
    /// True if no check failed. Skipped checks do not count.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Returns the checks that failed, each with its failure.
    pub fn failed(&self) -> impl Iterator<Item = (Check, &CheckFailure)> {
        self.outcomes.iter().filter_map(|(check, outcome)| Some((*check, outcome.as_ref().err()?)))
    }

    /// Returns the checks that do not apply to the candidate, each with the reason.
    pub fn skipped(&self) -> impl Iterator<Item = (Check, &'static str)> {
        self.skipped.iter().copied()
    }

    /// Returns every check that ran with its outcome, in the order of [`Check::ALL`].
    pub fn outcomes(&self) -> impl Iterator<Item = (Check, Result<(), &CheckFailure>)> {
        self.outcomes.iter().map(|(check, outcome)| (*check, outcome.as_ref().copied()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (check, outcome) in &self.outcomes {
            match outcome {
                Ok(()) => writeln!(f, "{check}: passed")?,
                Err(failure) => writeln!(f, "{check}: FAILED: {failure}")?,
            }
        }
        for (check, reason) in &self.skipped {
            writeln!(f, "{check}: skipped: {reason}")?;
        }
        let (failed, run, skipped) = (self.failed().count(), self.outcomes.len(), self.skipped.len());
        write!(f, "{failed} of {run} checks failed, {skipped} skipped")
    }
}
