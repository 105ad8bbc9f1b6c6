//! Compiled agreements, sorted by position, with compiled calendars.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::agreement::Agreement;
use super::agreements::Agreements;
use super::clock::Clock;
use super::target::TimeBasis;
use crate::calendar::Calendar;
use crate::condition::Facts;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};

/// One version of the agreements of a policy, with compiled calendars.
#[derive(Debug)]
pub(crate) struct CompiledAgreements {
    hash: Fingerprint,
    calendars: BTreeMap<String, Calendar>,
    /// Sorted by position.
    agreements: Vec<Agreement>,
}

impl CompiledAgreements {
    /// Compiles a definition. `hash` is the hash of the definition.
    pub(crate) fn compile(hash: Fingerprint, definition: &Agreements) -> Result<CompiledAgreements> {
        let compiled = definition.calendars.iter().map(|(name, it)| Ok((name.clone(), it.compile()?)));
        let mut agreements = definition.agreements.clone();
        agreements.sort_by_key(|it| it.position);
        Ok(CompiledAgreements { hash, calendars: compiled.collect::<Result<_>>()?, agreements })
    }

    /// Returns the hash of the definition.
    pub(crate) fn hash(&self) -> Fingerprint {
        self.hash
    }

    /// Returns the first agreement with a condition that holds for these facts.
    pub(crate) fn choose(&self, facts: &dyn Facts) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.when.holds(facts))
    }

    /// Returns the agreement with this name.
    pub(crate) fn agreement(&self, name: &str) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.name == name)
    }

    /// Returns the calendar of a time basis; `None` for wall time.
    pub(super) fn calendar(&self, measured: &TimeBasis) -> Result<Option<&Calendar>> {
        match measured {
            TimeBasis::Wall => Ok(None),
            TimeBasis::Business(name) => self.calendars.get(name).map(Some).ok_or_else(|| {
                Error::new(
                    ErrorKind::Corrupt,
                    format!("the agreements {} have no calendar {name:?}", self.hash),
                )
            }),
        }
    }
}

/// The versions of the agreements that a decision needs: the versions in force, each with the instant from which it
/// applies, and the versions to which the ticket's clocks are pinned. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct AgreementSet {
    in_force: Vec<(DateTime<Utc>, Arc<CompiledAgreements>)>,
    pinned: Vec<Arc<CompiledAgreements>>,
}

impl AgreementSet {
    /// Creates a set without agreements.
    pub(crate) fn new() -> AgreementSet {
        AgreementSet::default()
    }

    /// Creates a set with a version that has always been in force. Used to measure imported histories.
    pub(crate) fn always(agreements: Arc<CompiledAgreements>) -> AgreementSet {
        AgreementSet::new().with(DateTime::<Utc>::MIN_UTC, agreements)
    }

    /// Returns a set in which the last of the first `reached` versions has always been in force. Clocks may still be
    /// pinned to the other versions.
    pub(crate) fn as_if_always(&self, reached: usize) -> AgreementSet {
        let last = reached.checked_sub(1).and_then(|last| self.get(last));
        let set = last.map_or_else(AgreementSet::new, |(_, version)| AgreementSet::always(version.clone()));
        set.pinned_to(self)
    }

    /// Adds every version of another set. Clocks may be pinned to them.
    #[must_use]
    pub(crate) fn pinned_to(mut self, other: &AgreementSet) -> AgreementSet {
        let versions = other.in_force.iter().map(|(_, version)| version).chain(&other.pinned);
        versions.for_each(|version| self.pin(Arc::clone(version)));
        self
    }

    /// Adds a version that is in force from an instant on. Versions must be added in ascending order of that instant.
    #[must_use]
    pub(crate) fn with(mut self, from: DateTime<Utc>, agreements: Arc<CompiledAgreements>) -> AgreementSet {
        self.in_force.push((from, agreements));
        self
    }

    /// True if the set contains the version with this hash.
    pub(crate) fn has(&self, hash: Fingerprint) -> bool {
        self.find(hash).is_some()
    }

    /// Adds a version to which a clock is pinned.
    pub(crate) fn pin(&mut self, agreements: Arc<CompiledAgreements>) {
        if !self.has(agreements.hash) {
            self.pinned.push(agreements);
        }
    }

    /// Returns the version in force at an instant, and the instant from which it applies.
    pub(crate) fn at(&self, at: DateTime<Utc>) -> Option<&(DateTime<Utc>, Arc<CompiledAgreements>)> {
        self.count_until(at).checked_sub(1).and_then(|last| self.get(last))
    }

    /// Returns the number of versions that have come into force until an instant, inclusive.
    pub(crate) fn count_until(&self, at: DateTime<Utc>) -> usize {
        self.in_force.iter().rposition(|(from, _)| *from <= at).map_or(0, |last| last + 1)
    }

    /// Returns the number of versions that have come into force before an instant.
    pub(crate) fn count_before(&self, at: DateTime<Utc>) -> usize {
        self.in_force.iter().rposition(|(from, _)| *from < at).map_or(0, |last| last + 1)
    }

    /// Returns the number of versions that have come into force before an instant. If `adopted` came into force at the
    /// instant itself, the versions up to its last adoption are included.
    pub(crate) fn count_known(&self, at: DateTime<Utc>, adopted: Option<Fingerprint>) -> usize {
        let last = self.in_force.iter().rposition(|version| came_into_force(version, at, adopted));
        last.map_or_else(|| self.count_before(at), |last| last + 1)
    }

    /// The same for an event of a history, of which `reached` versions had come into force before the event. A version
    /// can be adopted several times at one instant; the first adoption that the history allows is the event's.
    pub(crate) fn count_known_after(
        &self,
        reached: usize,
        at: DateTime<Utc>,
        adopted: Option<Fingerprint>,
    ) -> usize {
        let mut later = self.in_force.iter().enumerate().skip(reached.saturating_sub(1));
        let next = later.find(|(_, version)| came_into_force(version, at, adopted));
        next.map_or_else(|| self.count_before(at), |(place, _)| place + 1)
    }

    /// Returns the last of the first `reached` versions if it came into force at this instant.
    pub(crate) fn adopted_at(&self, at: DateTime<Utc>, reached: usize) -> Option<Fingerprint> {
        let last = reached.checked_sub(1).and_then(|last| self.get(last));
        last.filter(|(from, _)| *from == at).map(|(_, version)| version.hash)
    }

    /// Returns a version by its place, and the instant from which it is in force.
    pub(crate) fn get(&self, place: usize) -> Option<&(DateTime<Utc>, Arc<CompiledAgreements>)> {
        self.in_force.get(place)
    }

    /// Returns the place of the first version with this hash after the first `reached` versions.
    pub(crate) fn place_of(&self, hash: Fingerprint, reached: usize) -> Option<usize> {
        let later = self.in_force.iter().enumerate().skip(reached);
        later
            .map(|(place, (_, version))| (place, version))
            .find(|(_, it)| it.hash == hash)
            .map(|(place, _)| place)
    }

    /// True if the clock's agreement migrates to new versions.
    pub(crate) fn migrates(&self, clock: &Clock) -> Result<bool> {
        let agreement = self.of(clock.pinned_to)?.agreement(&clock.agreement);
        Ok(agreement.is_some_and(Agreement::migrates))
    }

    fn find(&self, hash: Fingerprint) -> Option<&Arc<CompiledAgreements>> {
        self.in_force
            .iter()
            .map(|(_, version)| version)
            .chain(&self.pinned)
            .find(|version| version.hash == hash)
    }

    /// Returns the version with this hash.
    pub(crate) fn of(&self, hash: Fingerprint) -> Result<&Arc<CompiledAgreements>> {
        self.find(hash).ok_or_else(|| {
            let problem = format!("the agreements {hash}, to which a clock is pinned, are not loaded");
            Error::new(ErrorKind::Corrupt, problem)
        })
    }
}

/// True if this is the version with the hash `adopted`, and it came into force at this instant.
fn came_into_force(
    (from, version): &(DateTime<Utc>, Arc<CompiledAgreements>),
    at: DateTime<Utc>,
    adopted: Option<Fingerprint>,
) -> bool {
    *from == at && Some(version.hash) == adopted
}

impl fmt::Debug for AgreementSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hashes =
            self.in_force.iter().map(|(_, version)| version).chain(&self.pinned).map(|version| version.hash);
        f.debug_tuple("AgreementSet").field(&hashes.collect::<Vec<_>>()).finish()
    }
}
