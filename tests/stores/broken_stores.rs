//! Stores with one fault each. The conformance suite detects each fault by the check that is assigned to it.
#![cfg(feature = "conformance")]

#[path = "broken_stores/faults.rs"]
mod faults;
#[path = "broken_stores/locks.rs"]
mod locks;
#[path = "broken_stores/meeting.rs"]
mod meeting;
#[path = "broken_stores/torn.rs"]
mod torn;

use std::collections::BTreeSet;

use faults::{Broken, Fault};
use firstline::Result;
use firstline::conformance::{self, Candidate, Check, Report};

struct Shop(Fault);

impl Candidate for Shop {
    type Engine = Broken;

    fn create(&self) -> Result<Broken> {
        Ok(Broken::new(self.0))
    }

    fn reopen(&self, store: &Broken) -> Result<Broken> {
        Ok(store.clone())
    }

    fn wait<'a, T: Send + 'a>(&self, reply: Result<T>) -> Result<T> {
        reply
    }

    fn reads_beside_writes(&self) -> bool {
        self.0 == Fault::ReadsLock // The store has one lock, so this is untrue.
    }
}

/// The fault, its check, and other checks that necessarily fail too.
const TABLE: &[(Fault, Check, &[Check])] = {
    use Check as C;
    &[
        // If a commit contains a record twice, the first write is stored.
        (Fault::NotAtomic, C::CommitIsAtomic, &[C::NoDuplicates]),
        // A stale ticket is one reason for which a commit is refused.
        (Fault::IgnoresVersions, C::VersionsAreExpected, &[C::CommitIsAtomic, C::NoDuplicates]),
        (Fault::ForgetsKeys, C::KeyGivesFirstResult, &[C::ConcurrentKeyIsAppliedOnce]),
        (Fault::KeepsReceipts, C::ReceiptsExpire, &[]),
        (Fault::LeaksTickets, C::DesksAreApart, &[]),
        (Fault::LeaksSearches, C::DesksAreApart, &[]),
        (Fault::FoldsCase, C::NamesAreExact, &[]),
        (Fault::PagesByOffset, C::PagesAreStable, &[]),
        (Fault::FindsUnassigned, C::FindFindsAll, &[]),
        (Fault::CountsOnePage, C::TicketsAreCounted, &[]),
        // The due tickets of all desks are derived from the same timers.
        (Fault::KeepsTimers, C::TimersAreReplaced, &[C::DueTicketsAtAllDesks]),
        (Fault::DueAnyhow, C::DueInOrder, &[]),
        (Fault::OwesHere, C::DueTicketsAtAllDesks, &[]),
        (Fault::Milliseconds, C::TimesToTheMicrosecond, &[]),
        (Fault::LosesThreads, C::ThreadsAreRedirected, &[]),
        // A repeated command reads its events by a slice.
        (Fault::LimitsBeforeSlicing, C::HistoryHasNoGaps, &[C::KeyGivesFirstResult]),
        (Fault::LosesEvents, C::RowIsFold, &[C::HistoryHasNoGaps]),
        (Fault::NumbersTwice, C::NumbersCountUp, &[]),
        (
            Fault::TakesNumbers,
            C::DroppedTransactionLeavesNothing,
            &[C::ReadsSeeOneState, C::NumbersCountUp, C::DesksAreApart],
        ),
        (Fault::CountsNumbers, C::NumbersCountUp, &[]),
        (Fault::ClaimsNoAbsence, C::AbsentRecordsAreLocked, &[]),
        (Fault::ClaimsNoKey, C::ConcurrentKeyIsAppliedOnce, &[]),
        // Releasing one lock releases the whole store, so threads, keys, links and versions are not safe either.
        (
            Fault::ClaimsNoNumbers,
            C::NumbersAtOnce,
            &[C::AbsentRecordsAreLocked, C::ConcurrentKeyIsAppliedOnce],
        ),
        (
            Fault::ClaimsNoTickets,
            C::NoUpdateIsLost,
            &[
                C::CommitIsAtomic,
                C::VersionsAreExpected,
                C::NoDuplicates,
                C::CrossingCommandsDoNotDeadlock,
                C::AbsentRecordsAreLocked,
                C::ConcurrentKeyIsAppliedOnce,
                C::TimersFireOnce,
            ],
        ),
        (Fault::FiresTwice, C::TimersFireOnce, &[C::NoDuplicates]),
        (Fault::LosesTimers, C::CommitKeepsEverything, &[C::CommitIsAtomic, C::DueInOrder]),
        (Fault::CutsFacts, C::RecordsComeBack, &[]),
        // A token is a version, and another desk's record has no version at this desk.
        (
            Fault::IgnoresRecordVersions,
            C::RecordVersionsAreExpected,
            &[C::CommitIsAtomic, C::ClaimsGoToOne, C::DesksAreApart, C::CleanUpSkipsRenewedRecords],
        ),
        (Fault::SkipsNothing, C::CleanUpSkipsRenewedRecords, &[]),
        (Fault::IgnoresDescending, C::RecordsInOrder, &[]),
        (Fault::CountsAll, C::RecordsAreCounted, &[]),
        (Fault::RepeatsDue, C::DueRecordsAtAllDesks, &[]),
        (Fault::LeasesForEver, C::ClaimsGoToOne, &[]),
        (Fault::ClaimsWhatIsRead, C::ReadRecordsAreNotClaimed, &[]),
        (Fault::CountsOn, C::ClaimExtremes, &[]),
        (Fault::ClaimsTwice, C::ClaimsAtOnce, &[]),
        (Fault::NoEmoji, C::TextsComeBack, &[]),
        (Fault::Panics, C::ThreadsAreRedirected, &[C::RowIsFold, C::HistoryHasNoGaps]),
        (Fault::Twins, C::NoDuplicates, &[]),
        (Fault::OwesAll, C::DueTicketsAtAllDesks, &[]),
        (Fault::ReadsAnew, C::ReadsSeeOneState, &[]),
        (Fault::ReadsLock, C::ReadsTakeNoLocks, &[]),
        // It takes no shared locks, so a record that was read with one may be claimed.
        (Fault::WaitsInAnyOrder, C::CrossingCommandsDoNotDeadlock, &[C::ReadRecordsAreNotClaimed]),
        // A commit of several tickets is refused when some of them are written already, or is written in parts.
        (Fault::TornWhenLeft, C::AbandonedReplyTearsNothing, &[C::CommitIsAtomic, C::NoDuplicates]),
    ]
};

fn put_to_all(fault: Fault) -> Report {
    match fault {
        Fault::TornWhenLeft => conformance::run(&torn::Shop),
        fault => conformance::run(&Shop(fault)),
    }
}

/// A check without a store that fails it may be unable to fail.
#[test]
fn every_check_has_a_fault() {
    let named: BTreeSet<Check> = TABLE.iter().map(|(_, named, _)| *named).collect();
    let all: BTreeSet<Check> = Check::ALL.iter().copied().collect();
    assert_eq!(all.difference(&named).collect::<Vec<_>>(), Vec::<&Check>::new());
}

#[test]
fn each_fault_is_found_by_its_check() {
    let mut wrong = Vec::new();
    for (fault, named, related) in TABLE {
        let report = put_to_all(*fault);
        let failed: BTreeSet<Check> = report.failed().map(|(check, _)| check).collect();
        let how = report.failed().find(|(check, _)| check == named).map(|(_, how)| how.to_string());
        println!("{fault:?}: {:.160}", how.as_deref().unwrap_or("NOT FOUND"));
        if how.is_none() {
            wrong.push(format!("{fault:?} was not found by {named}"));
        }
        let wordy = report.failed().map(|(_, how)| how.to_string()).find(|how| how.len() > 600);
        wrong.extend(wordy.map(|how| format!("{fault:?} has a report of {} bytes: {how}", how.len())));
        for other in failed.iter().filter(|it| *it != named && !related.contains(it)) {
            wrong.push(format!("{fault:?} was found by {other} too:\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Regression: a check that did not apply to a store was reported as passed.
#[test]
fn a_check_that_does_not_apply_is_reported_as_skipped() {
    let report = conformance::run(&Shop(Fault::None));
    let skipped: Vec<_> = report.skipped().collect();
    assert_eq!(skipped, [(Check::ReadsTakeNoLocks, "one lock serves readers and writers")]);
    assert!(report.outcomes().all(|(check, _)| check != Check::ReadsTakeNoLocks));
    let text = report.to_string();
    assert!(text.contains("reads_take_no_locks: skipped: one lock"), "{text}");
    assert!(text.ends_with(&format!("0 of {} checks failed, 1 skipped", Check::ALL.len() - 1)), "{text}");
}

/// The control: without a fault the same store passes.
#[test]
fn the_same_store_without_a_fault_passes() {
    let report = conformance::run(&Shop(Fault::None));
    assert!(report.passed(), "{report}");
    let names: BTreeSet<&str> = Check::ALL.iter().map(|check| check.name()).collect();
    assert_eq!(names.len(), Check::ALL.len(), "two checks have the same name");
    assert!(Check::ALL.iter().all(|check| Check::named(check.name()) == Some(*check)));
    assert!(Check::ALL.iter().all(|check| check.about().ends_with('.')));
    assert_eq!(Check::named("no such check"), None);
}
