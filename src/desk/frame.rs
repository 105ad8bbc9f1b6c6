//! What every command of a desk carries: the instant, and the way to the policies it needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Halt, Seen};
use crate::policy::Policy;
use crate::sla::{Clock, Rulebook, Rules};
use crate::ticket::snapshot::Snapshot;

/// A policy with its agreements made ready for use.
#[derive(Debug, Clone)]
struct Known {
    policy: Arc<Policy>,
    rules: Arc<Rules>,
}

/// Policies that were read once, by their hash. A hash never changes its meaning, so nothing is ever stale.
#[derive(Debug, Default)]
pub(super) struct Policies(Mutex<HashMap<Fingerprint, Known>>);

impl Policies {
    fn known(&self, hash: Fingerprint) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    fn learn(&self, hash: Fingerprint, text: &str) -> Result<Known> {
        let policy: Policy = serde_json::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Corrupt, "the stored policy cannot be read").caused_by(e))?;
        let rules = Arc::new(policy.rules_under(hash)?);
        let known = Known { policy: Arc::new(policy), rules };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, known.clone());
        Ok(known)
    }
}

/// What every command carries.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) now: DateTime<Utc>,
    pub(super) keep_receipts: TimeDelta,
    pub(super) policies: Arc<Policies>,
    pub(super) default: Arc<Policy>,
}

impl Frame {
    /// The policy in force: the newest adopted one that holds already, else the default.
    pub(super) fn policy(&self, seen: &Seen) -> Result<Arc<Policy>, Halt> {
        Ok(match seen.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => self.version(adoption.hash, seen)?.policy,
            None => Arc::clone(&self.default),
        })
    }

    /// The agreements in force. The default policy has none.
    pub(super) fn rules(&self, seen: &Seen) -> Result<Rulebook, Halt> {
        Ok(match seen.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => Rulebook::new().with(adoption.from, self.version(adoption.hash, seen)?.rules),
            None => Rulebook::new(),
        })
    }

    /// The agreements in force, as if they had always been: what imported histories are measured by.
    pub(super) fn rules_for_all_time(&self, seen: &Seen) -> Result<Rulebook, Halt> {
        Ok(match seen.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => {
                let rules = self.version(adoption.hash, seen)?.rules;
                Rulebook::new().with(DateTime::<Utc>::MIN_UTC, rules)
            }
            None => Rulebook::new(),
        })
    }

    /// The agreements in force, and those to which a ticket's clocks are pinned.
    pub(super) fn rules_for(&self, ticket: &Snapshot, seen: &Seen) -> Result<Rulebook, Halt> {
        let mut rulebook = self.rules(seen)?;
        self.pin(&ticket.clocks, &mut rulebook, seen)?;
        Ok(rulebook)
    }

    /// Adds the agreements to which clocks are pinned.
    pub(super) fn pin(&self, clocks: &[Clock], rulebook: &mut Rulebook, seen: &Seen) -> Result<(), Halt> {
        for clock in clocks {
            rulebook.pin(self.version(clock.policy, seen)?.rules);
        }
        Ok(())
    }

    fn version(&self, hash: Fingerprint, seen: &Seen) -> Result<Known, Halt> {
        if let Some(known) = self.policies.known(hash) {
            return Ok(known);
        }
        let text = seen.definition(hash)?.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("the policy {hash} is referred to but not stored"))
        })?;
        Ok(self.policies.learn(hash, text)?)
    }
}
