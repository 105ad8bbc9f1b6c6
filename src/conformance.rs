//! What a store has to do, as checks that any store can be put to: blocking or awaiting, this crate's or yours.
//!
//! Say by a [`Candidate`] how to get a fresh store and how to wait for its replies; [`run`] does the rest and reports
//! by name. Each of the checks finds one sort of mistake; together they are what the [port](crate::store) promises.
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
//!     fn fresh(&self) -> Result<Memory> {
//!         Ok(Memory::new())
//!     }
//!     fn again(&self, store: &Memory) -> Result<Memory> {
//!         Ok(store.clone())
//!     }
//!     fn wait<'a, T: Send + 'a>(&self, reply: Result<T>) -> Result<T> {
//!         reply // or `runtime.block_on(reply)`
//!     }
//!     fn reads_beside_writes(&self) -> bool {
//!         false // it is behind one lock; leave this out if readers and writers of yours do not wait for each other
//!     }
//! }
//!
//! let report = conformance::run(&InMemory);
//! assert!(report.passed(), "{report}");
//! ```
//!
//! With one test a check, for `libtest-mimic`: `Check::ALL.iter().map(|check| Trial::test(check.name(), ...))` and
//! [`Check::run`].
//!
//! The suite never panics, and a store that does has failed the check. Against a store that waits for ever it waits
//! with it. It takes less than a second in memory; where a commit syncs a slow disk, some seconds.

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
        /// One thing that a store must do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[doc = $doc])+ $check,)*
        }

        impl Check {
            /// All checks, in the order in which they are run.
            pub const ALL: &[Check] = &[$(Check::$check),*];

            /// The name, in the form of a test's.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Check::$check => $name,)*
                }
            }

            /// What is checked, in a sentence or two.
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
    /// Every part of a commit is there afterwards, as it was given, through another handle too.
    CommitKeepsEverything = "commit_keeps_everything" by commits::keep_everything;
    /// A commit that is refused for one of its parts has written none of them.
    CommitIsAtomic = "commit_is_atomic" by commits::are_atomic;
    /// A ticket is written only at its expected version, and the conflict says which it has.
    VersionsAreExpected = "versions_are_expected" by commits::expect_versions;
    /// Of two tickets with one id or one running number the second is refused, and so is a commit with one record twice.
    NothingIsThereTwice = "nothing_is_there_twice" by commits::write_nothing_twice;
    /// A transaction that ends without a commit has changed nothing, taken no number, and stands in nobody's way.
    DroppedTransactionLeavesNothing = "dropped_transaction_leaves_nothing" by commits::leave_nothing_when_dropped;
    /// A command whose reply nobody hears out has happened whole or not at all.
    AbandonedReplyTearsNothing = "abandoned_reply_tears_nothing" by together::abandoned;
    /// What is merely read is of one state, claims nothing, and takes no number.
    ReadingClaimsNothing = "reading_claims_nothing" by together::reading;
    /// A ticket's row is the fold of its history, whatever happened to it.
    RowIsFold = "row_is_fold" by lives::fold;
    /// A history has one event a version, and any slice of it is what lies between.
    HistoryHasNoGaps = "history_has_no_gaps" by lives::history;
    /// Running numbers count up from 1 without gaps, several of one transaction one after another, and what is asked for
    /// in vain is the next one's.
    NumbersCountUp = "numbers_count_up" by lives::numbers;
    /// A thread leads to its ticket, and elsewhere once it was led elsewhere.
    ThreadsLeadOn = "threads_lead_on" by lives::threads;
    /// The same key with the same request gives the first result; with another request it is refused.
    KeyGivesFirstResult = "key_gives_first_result" by keys::first_result;
    /// A receipt counts until it expires; then the key is free.
    ReceiptsExpire = "receipts_expire" by keys::expiry;
    /// A record comes back as it was written, small or large, and is gone once it is deleted.
    RecordsComeBack = "records_come_back" by records::come_back;
    /// A record is written only if what is stored is what the write expects, and every write raises its version by one.
    RecordVersionsAreExpected = "record_versions_are_expected" by records::expect_versions;
    /// A write of a version or nothing changes another version neither alone nor beside a command that writes it.
    CleanUpSkipsWhatIsRenewed = "clean_up_skips_what_is_renewed" by records::clean_up;
    /// Ranges of records come in the order of their keys or of an index key, either way, and no page loses or repeats one.
    RecordsInOrder = "records_in_order" by records::in_order;
    /// Records are counted by an index key.
    RecordsAreCounted = "records_are_counted" by records::counted;
    /// Due records of all desks come by instant, desk and key, each once, page by page.
    DueRecordsAtAllDesks = "due_records_at_all_desks" by records::due;
    /// A claimed record goes to one claimant, comes back when the lease ends, and its old token counts no more.
    ClaimsGoToOne = "claims_go_to_one" by records::claims;
    /// A record that a command has read in order to write is not claimed before the command ends.
    ReadRecordsAreNotClaimed = "read_records_are_not_claimed" by records::held;
    /// A record that was tried as often as can be counted is claimed like any other, and a lease ends with the calendar.
    ClaimsAtTheEnds = "claims_at_the_ends" by records::claims_at_the_ends;
    /// However many claim at once, no record is claimed twice under one lease, and none is left out.
    ClaimsAtOnce = "claims_at_once" by records::claims_at_once;
    /// No desk sees or touches another's rows, whatever ids, numbers, keys and cursors it asks with.
    DesksAreApart = "desks_are_apart" by desks::apart;
    /// Desks, threads and keys are told apart by every byte of their names.
    NamesAreExact = "names_are_exact" by desks::exact;
    /// A ticket's timers are those of its last commit: none is left over, none fires twice.
    TimersAreReplaced = "timers_are_replaced" by clock::replaced;
    /// Due timers come by instant, kind, subject and ticket, and no page of them loses or repeats one.
    DueInOrder = "due_in_order" by clock::due;
    /// What is owed at all desks comes by instant, desk and ticket, each once, page by page.
    OwedAtAllDesks = "owed_at_all_desks" by clock::due_tickets;
    /// Instants are kept to the microsecond, in any year.
    TimesToTheMicrosecond = "times_to_the_microsecond" by clock::micros;
    /// Every order and every filter finds what a look at all tickets finds.
    FindFindsAll = "find_finds_all" by pages::find;
    /// Pages lose and repeat no ticket, also if others are opened between one page and the next.
    PagesAreStable = "pages_are_stable" by pages::stable;
    /// Texts come back as they were written: any script, any sign, a mebibyte; NUL is refused before it is written.
    TextsComeBack = "texts_come_back" by texts::come_back;
    /// However many work on one ticket at once, no change is lost.
    NoUpdateIsLost = "no_update_is_lost" by together::hot;
    /// Commands that want the same tickets the other way round wait for each other in turn, not for ever.
    CrossingCommandsEnd = "crossing_commands_end" by together::crossing;
    /// However many say the first word of one thread at once, one ticket is opened: absence is locked too.
    AbsenceIsClaimed = "absence_is_claimed" by together::absence;
    /// However often one request with one key comes in at once, it happens once.
    KeyAtOnceHappensOnce = "key_at_once_happens_once" by together::key;
    /// However many open tickets at once, no number is given twice and none left out.
    NumbersAtOnce = "numbers_at_once" by together::numbers;
    /// However many sweep at once, each timer fires once.
    TimersFireOnce = "timers_fire_once" by together::timers;
}

impl Check {
    /// The check of this name.
    pub fn named(name: &str) -> Option<Check> {
        Check::ALL.iter().copied().find(|check| check.name() == name)
    }

    /// Puts the candidate to this check, in a fresh store.
    ///
    /// # Errors
    /// What the store did instead of what it should.
    pub fn run<C: Candidate>(self, candidate: &C) -> Result<(), CheckFailure> {
        let checked = catch_unwind(AssertUnwindSafe(|| self.on(&Scene::new(candidate)?)));
        checked.unwrap_or_else(|panic| Err(CheckFailure::panicked(panic.as_ref())))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Puts the candidate to all checks, each in a fresh store.
pub fn run<C: Candidate>(candidate: &C) -> Report {
    Report { outcomes: Check::ALL.iter().map(|check| (*check, check.run(candidate))).collect() }
}

/// What came of the checks, by name. As text it is a line a check.
#[derive(Debug)]
#[must_use = "it says whether the store passed"]
pub struct Report {
    outcomes: Vec<(Check, Result<(), CheckFailure>)>,
}

impl Report {
    /// Whether all checks passed.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// The checks that failed, and how.
    pub fn failed(&self) -> impl Iterator<Item = (Check, &CheckFailure)> {
        self.outcomes.iter().filter_map(|(check, outcome)| Some((*check, outcome.as_ref().err()?)))
    }

    /// Every check with its outcome, in the order of [`Check::ALL`].
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
        write!(f, "{} of {} checks failed", self.failed().count(), self.outcomes.len())
    }
}
