//! Agreements made ready for use: calendars compiled, agreements in their order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::agreement::Agreement;
use super::agreements::Agreements;
use super::target::TimeBasis;
use crate::calendar::Calendar;
use crate::condition::Facts;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};

/// One version of the agreements and their calendars, ready for use.
#[derive(Debug)]
pub struct CompiledAgreements {
    hash: Fingerprint,
    calendars: BTreeMap<String, Calendar>,
    /// By position.
    agreements: Vec<Agreement>,
}

impl CompiledAgreements {
    /// Compiles the calendars. The hash is that of the definition.
    pub(crate) fn compile(hash: Fingerprint, definition: &Agreements) -> Result<CompiledAgreements> {
        let compiled = definition.calendars.iter().map(|(name, it)| Ok((name.clone(), it.compile()?)));
        let mut agreements = definition.agreements.clone();
        agreements.sort_by_key(|it| it.position);
        Ok(CompiledAgreements { hash, calendars: compiled.collect::<Result<_>>()?, agreements })
    }

    /// The hash of the agreements.
    pub(crate) fn hash(&self) -> Fingerprint {
        self.hash
    }

    /// The first agreement whose condition holds.
    pub(crate) fn choose(&self, facts: &dyn Facts) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.when.holds(facts))
    }

    /// The agreement of this name.
    pub(crate) fn agreement(&self, name: &str) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.name == name)
    }

    /// The calendar by which a target is measured; `None` for wall time.
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

/// The rules that a decision needs: those in force, each from its date on, and those to which the ticket's clocks
/// are pinned. Cheap to clone.
#[derive(Clone, Default)]
pub struct AgreementSet {
    in_force: Vec<(DateTime<Utc>, Arc<CompiledAgreements>)>,
    pinned: Vec<Arc<CompiledAgreements>>,
}

impl AgreementSet {
    /// No agreements at all.
    pub fn new() -> AgreementSet {
        AgreementSet::default()
    }

    /// Adds rules that hold from an instant on. Versions come in the order of their dates.
    #[must_use]
    pub fn with(mut self, from: DateTime<Utc>, rules: Arc<CompiledAgreements>) -> AgreementSet {
        self.in_force.push((from, rules));
        self
    }

    /// Whether it has the rules of this hash.
    pub(crate) fn has(&self, hash: Fingerprint) -> bool {
        self.find(hash).is_some()
    }

    /// Adds rules to which a clock is pinned.
    pub(crate) fn pin(&mut self, rules: Arc<CompiledAgreements>) {
        if !self.has(rules.hash) {
            self.pinned.push(rules);
        }
    }

    /// The rules in force at an instant, and since when they are.
    pub(crate) fn at(&self, at: DateTime<Utc>) -> Option<&(DateTime<Utc>, Arc<CompiledAgreements>)> {
        self.in_force.iter().rev().find(|(from, _)| *from <= at)
    }

    fn find(&self, hash: Fingerprint) -> Option<&Arc<CompiledAgreements>> {
        self.in_force.iter().map(|(_, rules)| rules).chain(&self.pinned).find(|rules| rules.hash == hash)
    }

    /// The rules of this hash.
    pub(crate) fn of(&self, hash: Fingerprint) -> Result<&Arc<CompiledAgreements>> {
        self.find(hash).ok_or_else(|| {
            let problem = format!("the agreements {hash}, to which a clock is pinned, are not loaded");
            Error::new(ErrorKind::Corrupt, problem)
        })
    }
}

impl fmt::Debug for AgreementSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hashes = self.in_force.iter().map(|(_, rules)| rules).chain(&self.pinned).map(|rules| rules.hash);
        f.debug_tuple("AgreementSet").field(&hashes.collect::<Vec<_>>()).finish()
    }
}
