//! Stores with one fault each, and the conformance suite finds out all of them, by the check named for the fault.
#![cfg(feature = "conformance")]

#[path = "broken_stores/faults.rs"]
mod faults;
#[path = "broken_stores/locks.rs"]
mod locks;
#[path = "broken_stores/torn.rs"]
mod torn;

use std::collections::BTreeSet;

use faults::{Broken, Fault};
use firstline::Result;
use firstline::conformance::{self, Candidate, Check, Report};

struct Shop(Fault);

impl Candidate for Shop {
    type Engine = Broken;

    fn fresh(&self) -> Result<Broken> {
        Ok(Broken::new(self.0))
    }

    fn again(&self, store: &Broken) -> Result<Broken> {
        Ok(store.clone())
    }

    fn wait<'a, T: Send + 'a>(&self, reply: Result<T>) -> Result<T> {
        reply
    }

    fn reads_beside_writes(&self) -> bool {
        false
    }
}

/// The fault, the check that is named for it, and checks that cannot but meet it too.
const TABLE: &[(Fault, Check, &[Check])] = {
    use Check as C;
    &[
        // Of a record that is in a commit twice the first one is written.
        (Fault::NotAtomic, C::CommitIsAtomic, &[C::NothingIsThereTwice]),
        // A stale ticket is one of the things for which a commit is refused.
        (Fault::IgnoresVersions, C::VersionsAreExpected, &[C::CommitIsAtomic, C::NothingIsThereTwice]),
        (Fault::ForgetsKeys, C::KeyGivesFirstResult, &[C::KeyAtOnceHappensOnce]),
        (Fault::KeepsReceipts, C::ReceiptsExpire, &[]),
        (Fault::LeaksTickets, C::DesksAreApart, &[]),
        (Fault::LeaksSearches, C::DesksAreApart, &[]),
        (Fault::FoldsCase, C::NamesAreExact, &[]),
        (Fault::PagesByOffset, C::PagesAreStable, &[]),
        (Fault::FindsUnassigned, C::FindFindsAll, &[]),
        // What is owed at all desks comes from the same timers.
        (Fault::KeepsTimers, C::TimersAreReplaced, &[C::OwedAtAllDesks]),
        (Fault::DueAnyhow, C::DueInOrder, &[]),
        (Fault::OwesHere, C::OwedAtAllDesks, &[]),
        (Fault::Milliseconds, C::TimesToTheMicrosecond, &[]),
        (Fault::LosesThreads, C::ThreadsLeadOn, &[]),
        // A repeated command reads its events by a slice.
        (Fault::LimitsBeforeSlicing, C::HistoryHasNoGaps, &[C::KeyGivesFirstResult]),
        (Fault::LosesEvents, C::RowIsFold, &[C::HistoryHasNoGaps]),
        (Fault::NumbersTwice, C::NumbersCountUp, &[]),
        (
            Fault::TakesNumbers,
            C::DroppedTransactionLeavesNothing,
            &[C::ReadingClaimsNothing, C::NumbersCountUp, C::DesksAreApart],
        ),
        (Fault::CountsNumbers, C::NumbersCountUp, &[]),
        (Fault::ClaimsNoAbsence, C::AbsenceIsClaimed, &[]),
        (Fault::ClaimsNoKey, C::KeyAtOnceHappensOnce, &[]),
        // Whoever lets go of one thing lets go of all: then threads, keys, links and versions are not safe either.
        (Fault::ClaimsNoNumbers, C::NumbersAtOnce, &[C::AbsenceIsClaimed, C::KeyAtOnceHappensOnce]),
        (
            Fault::ClaimsNoTickets,
            C::NoUpdateIsLost,
            &[
                C::CommitIsAtomic,
                C::VersionsAreExpected,
                C::NothingIsThereTwice,
                C::CrossingCommandsEnd,
                C::AbsenceIsClaimed,
                C::KeyAtOnceHappensOnce,
                C::TimersFireOnce,
            ],
        ),
        (Fault::FiresTwice, C::TimersFireOnce, &[C::NothingIsThereTwice]),
        (Fault::LosesTimers, C::CommitKeepsEverything, &[C::CommitIsAtomic, C::DueInOrder]),
        (Fault::CutsFacts, C::RecordsComeBack, &[]),
        // A token is a version, and another desk's record has none here.
        (
            Fault::IgnoresRecordVersions,
            C::RecordVersionsAreExpected,
            &[C::CommitIsAtomic, C::ClaimsGoToOne, C::DesksAreApart, C::CleanUpSkipsWhatIsRenewed],
        ),
        (Fault::SkipsNothing, C::CleanUpSkipsWhatIsRenewed, &[]),
        (Fault::IgnoresDescending, C::RecordsInOrder, &[]),
        (Fault::CountsAll, C::RecordsAreCounted, &[]),
        (Fault::RepeatsDue, C::DueRecordsAtAllDesks, &[]),
        (Fault::LeasesForEver, C::ClaimsGoToOne, &[]),
        (Fault::ClaimsWhatIsRead, C::ReadRecordsAreNotClaimed, &[]),
        (Fault::CountsOn, C::ClaimsAtTheEnds, &[]),
        (Fault::ClaimsTwice, C::ClaimsAtOnce, &[]),
        (Fault::NoEmoji, C::TextsComeBack, &[]),
        (Fault::Panics, C::ThreadsLeadOn, &[C::RowIsFold, C::HistoryHasNoGaps]),
        (Fault::Twins, C::NothingIsThereTwice, &[]),
        (Fault::OwesAll, C::OwedAtAllDesks, &[]),
        (Fault::ReadsAnew, C::ReadingClaimsNothing, &[]),
        // It takes no shared locks, so that a record which is read in that mode may be claimed.
        (Fault::WaitsInAnyOrder, C::CrossingCommandsEnd, &[C::ReadRecordsAreNotClaimed]),
        // A commit of several tickets is refused when some of them are written already.
        (Fault::TornWhenLeft, C::AbandonedReplyTearsNothing, &[C::CommitIsAtomic]),
    ]
};

fn put_to_all(fault: Fault) -> Report {
    match fault {
        Fault::TornWhenLeft => conformance::run(&torn::Shop),
        fault => conformance::run(&Shop(fault)),
    }
}

/// A check for which nobody knows a store that fails it may be one that cannot fail.
#[test]
fn every_check_has_a_fault_that_is_named_for_it() {
    let named: BTreeSet<Check> = TABLE.iter().map(|(_, named, _)| *named).collect();
    let all: BTreeSet<Check> = Check::ALL.iter().copied().collect();
    assert_eq!(all.difference(&named).collect::<Vec<_>>(), Vec::<&Check>::new());
}

#[test]
fn each_fault_is_found_by_the_check_named_for_it() {
    let mut wrong = Vec::new();
    for (fault, named, related) in TABLE {
        let report = put_to_all(*fault);
        let failed: BTreeSet<Check> = report.failed().map(|(check, _)| check).collect();
        let how = report.failed().find(|(check, _)| check == named).map(|(_, how)| how.to_string());
        println!("{fault:?}: {:.160}", how.as_deref().unwrap_or("NOT FOUND"));
        if how.is_none() {
            wrong.push(format!("{fault:?} was not found by {named}"));
        }
        let wordy = report.failed().map(|(_, how)| how.to_string()).find(|how| how.len() > 500);
        wrong.extend(wordy.map(|how| format!("{fault:?} was told with {} bytes: {how}", how.len())));
        for other in failed.iter().filter(|it| *it != named && !related.contains(it)) {
            wrong.push(format!("{fault:?} was found by {other} too:\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The control: without a fault the same store passes.
#[test]
fn the_same_store_without_a_fault_passes() {
    let report = conformance::run(&Shop(Fault::None));
    assert!(report.passed(), "{report}");
    let names: BTreeSet<&str> = Check::ALL.iter().map(|check| check.name()).collect();
    assert_eq!(names.len(), Check::ALL.len(), "two checks have one name");
    assert!(Check::ALL.iter().all(|check| Check::named(check.name()) == Some(*check)));
    assert!(Check::ALL.iter().all(|check| check.about().ends_with('.')));
    assert_eq!(Check::named("no such check"), None);
}
