//! What every command of a desk carries: the instant, and the way to the policies it needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Halt, Seen};
use crate::policy::Policy;
use crate::sla::{Clock, Rulebook, Rules};
use crate::store::Read;
use crate::ticket::Ticket;
use crate::ticket::decision::Moment;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Catalogue, Workflow, WorkflowDefinition};

/// A policy with its agreements made ready for use.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) policy: Arc<Policy>,
    rules: Arc<Rules>,
    workflows: Catalogue,
}

/// Policies and workflows that were read once, by their hash. A hash never changes its meaning, so nothing is ever
/// stale.
#[derive(Debug, Default)]
pub(super) struct Policies {
    known: Mutex<HashMap<Fingerprint, Known>>,
    workflows: Mutex<HashMap<Fingerprint, Workflow>>,
}

impl Policies {
    fn known(&self, hash: Fingerprint) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    fn learn(&self, hash: Fingerprint, text: &str) -> Result<Known> {
        let policy: Policy = serde_json::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Corrupt, "the stored policy cannot be read").caused_by(e))?;
        let rules = Arc::new(policy.rules_under(hash)?);
        let workflows = policy.adopted_catalogue()?;
        // Tickets are pinned to the workflow, so it is asked for by its own hash too, and need not be made ready twice.
        let own = workflows.in_force().iter().map(|it| (it.reference().hash, it.clone()));
        self.workflows.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
        let known = Known { policy: Arc::new(policy), rules, workflows };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, known.clone());
        Ok(known)
    }

    fn workflow(&self, hash: Fingerprint) -> Option<Workflow> {
        self.workflows.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    fn learn_workflow(&self, hash: Fingerprint, text: &str) -> Result<Workflow> {
        let unreadable = || Error::new(ErrorKind::Corrupt, "the stored workflow cannot be read");
        let definition: WorkflowDefinition =
            serde_json::from_str(text).map_err(|e| unreadable().caused_by(e))?;
        let workflow = definition.build_adopted().map_err(|e| unreadable().caused_by(e))?;
        self.workflows.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, workflow.clone());
        Ok(workflow)
    }
}

/// By what a decision is made: the policy, its agreements and its workflows.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) policy: Arc<Policy>,
    pub(super) rules: Rulebook,
    pub(super) workflows: Catalogue,
}

impl Terms {
    pub(super) fn moment<'a>(&'a self, now: DateTime<Utc>, by: &'a Actor) -> Moment<'a> {
        Moment { now, by, policy: &self.policy, rules: &self.rules, workflows: &self.workflows }
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

    /// What holds for new tickets. The default policy has neither agreements nor workflows.
    pub(super) fn terms(&self, seen: &Seen) -> Result<Terms, Halt> {
        Ok(match seen.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => {
                let Known { policy, rules, workflows } = self.version(adoption.hash, seen)?;
                Terms { policy, rules: Rulebook::new().with(adoption.from, rules), workflows }
            }
            None => Terms {
                policy: Arc::clone(&self.default),
                rules: Rulebook::new(),
                workflows: Catalogue::new(),
            },
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

    /// What holds for this ticket: what is in force, and that to which its clocks and its workflow are pinned.
    pub(super) fn terms_for(&self, ticket: &Snapshot, seen: &Seen) -> Result<Terms, Halt> {
        let mut terms = self.terms(seen)?;
        self.pin(&ticket.clocks, &mut terms.rules, seen)?;
        if ticket.placed.is_some() {
            terms.workflows = terms.workflows.with(self.workflow_of(ticket, seen)?);
        }
        Ok(terms)
    }

    /// The workflow that a ticket follows.
    pub(super) fn workflow_of(&self, ticket: &Snapshot, seen: &Seen) -> Result<Workflow, Halt> {
        let Some(placed) = &ticket.placed else { return Ok(Workflow::simple().clone()) };
        let hash = placed.workflow.hash;
        if let Some(known) = self.policies.workflow(hash) {
            return Ok(known);
        }
        let text = seen.definition(hash)?.ok_or_else(|| {
            let problem = format!("the workflow {} is referred to but not stored", placed.workflow);
            Error::new(ErrorKind::Corrupt, problem)
        })?;
        Ok(self.policies.learn_workflow(hash, text)?)
    }

    /// Handles of tickets that were read, with the workflows which they follow.
    pub(super) fn handles(
        &self,
        tickets: impl IntoIterator<Item = Arc<Snapshot>>,
        seen: &Seen,
    ) -> Result<Vec<Ticket>, Halt> {
        let tickets: Vec<_> = tickets.into_iter().collect();
        let hashes = tickets.iter().filter_map(|it| Some(it.placed.as_ref()?.workflow.hash));
        let unknown = hashes.filter(|hash| self.policies.workflow(*hash).is_none());
        seen.need(unknown.map(Read::Definition))?;
        tickets.into_iter().map(|it| Ok(Ticket::following(self.workflow_of(&it, seen)?, it))).collect()
    }

    /// Adds the agreements to which clocks are pinned.
    pub(super) fn pin(&self, clocks: &[Clock], rulebook: &mut Rulebook, seen: &Seen) -> Result<(), Halt> {
        for clock in clocks {
            rulebook.pin(self.version(clock.policy, seen)?.rules);
        }
        Ok(())
    }

    pub(super) fn version(&self, hash: Fingerprint, seen: &Seen) -> Result<Known, Halt> {
        if let Some(known) = self.policies.known(hash) {
            return Ok(known);
        }
        let text = seen.definition(hash)?.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("the policy {hash} is referred to but not stored"))
        })?;
        Ok(self.policies.learn(hash, text)?)
    }
}
