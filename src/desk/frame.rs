//! What every command of a desk carries: the instant, and the way to the policy in force.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Halt, Seen};
use crate::policy::Policy;

/// Policies that were read once, by their hash. A hash never changes its meaning, so nothing is ever stale.
#[derive(Debug, Default)]
pub(super) struct Policies(Mutex<HashMap<Fingerprint, Arc<Policy>>>);

impl Policies {
    fn known(&self, hash: Fingerprint) -> Option<Arc<Policy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    fn learn(&self, hash: Fingerprint, text: &str) -> Result<Arc<Policy>> {
        let policy: Policy = serde_json::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Corrupt, "the stored policy cannot be read").caused_by(e))?;
        let policy = Arc::new(policy);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::clone(&policy));
        Ok(policy)
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
        let Some(adoption) = seen.in_force(DefinitionKind::Policy, self.now)? else {
            return Ok(Arc::clone(&self.default));
        };
        if let Some(policy) = self.policies.known(adoption.hash) {
            return Ok(policy);
        }
        let text = seen.definition(adoption.hash)?.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("the policy {} is adopted but not stored", adoption.hash))
        })?;
        Ok(self.policies.learn(adoption.hash, text)?)
    }
}
