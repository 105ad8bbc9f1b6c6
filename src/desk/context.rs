//! What every command of a desk carries: the instant, and the way to the definitions it needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::definitions::{Definitions, ReadyPolicy};
use super::lookup::Lookup;
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::Result;
use crate::operation::{Interrupt, Loaded};
use crate::policy::Policy;
use crate::sla::{AgreementSet, Clock};
use crate::ticket::Ticket;
use crate::ticket::decision::DecisionContext;
use crate::ticket::event::Event;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Catalogue, Workflow};

/// By what a decision is made: the policy, its agreements and its workflows, and the ticket's history if it was read.
#[derive(Debug)]
pub(super) struct PolicyContext<'s> {
    pub(super) policy: Arc<Policy>,
    pub(super) rules: AgreementSet,
    pub(super) workflows: Catalogue,
    pub(super) history: Option<&'s [Event]>,
}

impl PolicyContext<'_> {
    pub(super) fn decision<'a>(&'a self, now: DateTime<Utc>, by: &'a Actor) -> DecisionContext<'a> {
        let PolicyContext { policy, rules, workflows, history } = self;
        DecisionContext { now, by, policy, rules, workflows, history: *history }
    }
}

/// What every command carries.
#[derive(Debug, Clone)]
pub(super) struct CommandContext {
    pub(super) now: DateTime<Utc>,
    pub(super) keep_receipts: TimeDelta,
    pub(super) lookup: Lookup,
    pub(super) definitions: Arc<Definitions>,
    pub(super) default: Arc<Policy>,
}

impl CommandContext {
    /// The policy in force: the newest adopted one that holds already, else the default.
    pub(super) fn policy(&self, loaded: &Loaded) -> Result<Arc<Policy>, Interrupt> {
        Ok(match loaded.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => self.definitions.policy(adoption.hash, loaded)?.policy,
            None => Arc::clone(&self.default),
        })
    }

    /// What holds for new tickets. The default policy has neither agreements nor workflows.
    pub(super) fn policy_context(&self, loaded: &Loaded) -> Result<PolicyContext<'static>, Interrupt> {
        self.policy_context_of(loaded.in_force(DefinitionKind::Policy, self.now)?, loaded)
    }

    fn policy_context_of(
        &self,
        in_force: Option<Adoption>,
        loaded: &Loaded,
    ) -> Result<PolicyContext<'static>, Interrupt> {
        Ok(match in_force {
            Some(adoption) => {
                let ReadyPolicy { policy, rules, workflows, .. } =
                    self.definitions.policy(adoption.hash, loaded)?;
                let rules = AgreementSet::new().with(adoption.agreements_from, rules);
                PolicyContext { policy, rules, workflows, history: None }
            }
            None => PolicyContext {
                policy: Arc::clone(&self.default),
                rules: AgreementSet::new(),
                workflows: Catalogue::new(),
                history: None,
            },
        })
    }

    /// The agreements in force, as if they had always been: what imported histories are measured by.
    pub(super) fn rules_for_all_time(&self, loaded: &Loaded) -> Result<AgreementSet, Interrupt> {
        Ok(match loaded.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => {
                let rules = self.definitions.policy(adoption.hash, loaded)?.rules;
                AgreementSet::new().with(DateTime::<Utc>::MIN_UTC, rules)
            }
            None => AgreementSet::new(),
        })
    }

    /// What holds for this ticket: what is in force, and that to which its clocks and its workflow are pinned.
    pub(super) fn policy_context_for<'s>(
        &self,
        ticket: &Snapshot,
        loaded: &'s Loaded,
    ) -> Result<PolicyContext<'s>, Interrupt> {
        let in_force = loaded.in_force(DefinitionKind::Policy, self.now)?;
        self.definitions.need(manifest(in_force).chain(pinned(ticket)), loaded)?;
        let mut policy_context: PolicyContext<'s> = self.policy_context_of(in_force, loaded)?;
        // A flow that only reads may have read the history later than the ticket.
        let until = |events: &[Event]| events.partition_point(|event| event.version <= ticket.version);
        policy_context.history = loaded.read_history(ticket.id)?.map(|events| &events[..until(events)]);
        self.pin(&ticket.clocks, &mut policy_context.rules, loaded)?;
        if ticket.placed.is_some() {
            policy_context.workflows = policy_context.workflows.with(self.workflow_of(ticket, loaded)?);
        }
        Ok(policy_context)
    }

    /// Loads the manifest in force and every definition to which these tickets are pinned, in one round. A page of
    /// tickets begins with it, so that they do not take a round each.
    pub(super) fn need_for<'a>(
        &self,
        tickets: impl IntoIterator<Item = &'a Snapshot>,
        loaded: &Loaded,
    ) -> Result<(), Interrupt> {
        let mut tickets = tickets.into_iter().peekable();
        if tickets.peek().is_none() {
            return Ok(());
        }
        let in_force = loaded.in_force(DefinitionKind::Policy, self.now)?;
        self.definitions.need(manifest(in_force).chain(tickets.flat_map(pinned)), loaded)
    }

    /// The workflow that a ticket follows.
    pub(super) fn workflow_of(&self, ticket: &Snapshot, loaded: &Loaded) -> Result<Workflow, Interrupt> {
        match &ticket.placed {
            Some(placed) => self.definitions.workflow(placed.workflow.hash, loaded),
            None => Ok(Workflow::simple().clone()),
        }
    }

    /// Handles of tickets that were read, with the workflows which they follow.
    pub(super) fn handles(
        &self,
        tickets: impl IntoIterator<Item = Arc<Snapshot>>,
        loaded: &Loaded,
    ) -> Result<Vec<Ticket>, Interrupt> {
        let tickets: Vec<_> = tickets.into_iter().collect();
        self.definitions.need(tickets.iter().filter_map(|ticket| workflow_hash(ticket)), loaded)?;
        tickets.into_iter().map(|it| Ok(Ticket::following(self.workflow_of(&it, loaded)?, it))).collect()
    }

    /// Adds the agreements to which these clocks are pinned.
    pub(super) fn pin<'a>(
        &self,
        clocks: impl IntoIterator<Item = &'a Clock>,
        agreements: &mut AgreementSet,
        loaded: &Loaded,
    ) -> Result<(), Interrupt> {
        let hashes = clocks.into_iter().map(|clock| clock.pinned_to);
        let missing: BTreeSet<_> = hashes.filter(|hash| !agreements.has(*hash)).collect();
        self.definitions.need(missing.iter().map(|hash| (DefinitionKind::Agreements, *hash)), loaded)?;
        for hash in missing {
            agreements.pin(self.definitions.agreements(hash, loaded)?);
        }
        Ok(())
    }
}

fn manifest(in_force: Option<Adoption>) -> impl Iterator<Item = (DefinitionKind, Fingerprint)> {
    in_force.map(|adoption| (DefinitionKind::Policy, adoption.hash)).into_iter()
}

/// The definitions to which a ticket is pinned.
fn pinned(ticket: &Snapshot) -> impl Iterator<Item = (DefinitionKind, Fingerprint)> {
    let clocks = ticket.clocks.iter().map(|clock| (DefinitionKind::Agreements, clock.pinned_to));
    clocks.chain(workflow_hash(ticket))
}

fn workflow_hash(ticket: &Snapshot) -> Option<(DefinitionKind, Fingerprint)> {
    ticket.placed.as_ref().map(|placed| (DefinitionKind::Workflow, placed.workflow.hash))
}
