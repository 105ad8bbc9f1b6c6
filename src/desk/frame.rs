//! What every command of a desk carries: the instant, and the way to the definitions it needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::definitions::{Definitions, ReadyPolicy};
use super::lookup::Lookup;
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::Result;
use crate::flow::{Halt, Seen};
use crate::policy::Policy;
use crate::sla::{Clock, Rulebook};
use crate::ticket::Ticket;
use crate::ticket::decision::Moment;
use crate::ticket::event::Event;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Catalogue, Workflow};

/// By what a decision is made: the policy, its agreements and its workflows, and the ticket's history if it was read.
#[derive(Debug)]
pub(super) struct Terms<'s> {
    pub(super) policy: Arc<Policy>,
    pub(super) rules: Rulebook,
    pub(super) workflows: Catalogue,
    pub(super) history: Option<&'s [Event]>,
}

impl Terms<'_> {
    pub(super) fn moment<'a>(&'a self, now: DateTime<Utc>, by: &'a Actor) -> Moment<'a> {
        let Terms { policy, rules, workflows, history } = self;
        Moment { now, by, policy, rules, workflows, history: *history }
    }
}

/// What every command carries.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) now: DateTime<Utc>,
    pub(super) keep_receipts: TimeDelta,
    pub(super) lookup: Lookup,
    pub(super) definitions: Arc<Definitions>,
    pub(super) default: Arc<Policy>,
}

impl Frame {
    /// The policy in force: the newest adopted one that holds already, else the default.
    pub(super) fn policy(&self, seen: &Seen) -> Result<Arc<Policy>, Halt> {
        Ok(match seen.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => self.definitions.policy(adoption.hash, seen)?.policy,
            None => Arc::clone(&self.default),
        })
    }

    /// What holds for new tickets. The default policy has neither agreements nor workflows.
    pub(super) fn terms(&self, seen: &Seen) -> Result<Terms<'static>, Halt> {
        self.terms_of(seen.in_force(DefinitionKind::Policy, self.now)?, seen)
    }

    fn terms_of(&self, in_force: Option<Adoption>, seen: &Seen) -> Result<Terms<'static>, Halt> {
        Ok(match in_force {
            Some(adoption) => {
                let ReadyPolicy { policy, rules, workflows, .. } =
                    self.definitions.policy(adoption.hash, seen)?;
                let rules = Rulebook::new().with(adoption.agreements_from, rules);
                Terms { policy, rules, workflows, history: None }
            }
            None => Terms {
                policy: Arc::clone(&self.default),
                rules: Rulebook::new(),
                workflows: Catalogue::new(),
                history: None,
            },
        })
    }

    /// The agreements in force, as if they had always been: what imported histories are measured by.
    pub(super) fn rules_for_all_time(&self, seen: &Seen) -> Result<Rulebook, Halt> {
        Ok(match seen.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => {
                let rules = self.definitions.policy(adoption.hash, seen)?.rules;
                Rulebook::new().with(DateTime::<Utc>::MIN_UTC, rules)
            }
            None => Rulebook::new(),
        })
    }

    /// What holds for this ticket: what is in force, and that to which its clocks and its workflow are pinned.
    pub(super) fn terms_for<'s>(&self, ticket: &Snapshot, seen: &'s Seen) -> Result<Terms<'s>, Halt> {
        let in_force = seen.in_force(DefinitionKind::Policy, self.now)?;
        self.definitions.need(manifest(in_force).chain(pinned(ticket)), seen)?;
        let mut terms: Terms<'s> = self.terms_of(in_force, seen)?;
        // A flow that only reads may have read the history later than the ticket.
        let until = |events: &[Event]| events.partition_point(|event| event.version <= ticket.version);
        terms.history = seen.read_history(ticket.id)?.map(|events| &events[..until(events)]);
        self.pin(&ticket.clocks, &mut terms.rules, seen)?;
        if ticket.placed.is_some() {
            terms.workflows = terms.workflows.with(self.workflow_of(ticket, seen)?);
        }
        Ok(terms)
    }

    /// Loads the manifest in force and every definition to which these tickets are pinned, in one round. A page of
    /// tickets begins with it, so that they do not take a round each.
    pub(super) fn need_for<'a>(
        &self,
        tickets: impl IntoIterator<Item = &'a Snapshot>,
        seen: &Seen,
    ) -> Result<(), Halt> {
        let mut tickets = tickets.into_iter().peekable();
        if tickets.peek().is_none() {
            return Ok(());
        }
        let in_force = seen.in_force(DefinitionKind::Policy, self.now)?;
        self.definitions.need(manifest(in_force).chain(tickets.flat_map(pinned)), seen)
    }

    /// The workflow that a ticket follows.
    pub(super) fn workflow_of(&self, ticket: &Snapshot, seen: &Seen) -> Result<Workflow, Halt> {
        match &ticket.placed {
            Some(placed) => self.definitions.workflow(placed.workflow.hash, seen),
            None => Ok(Workflow::simple().clone()),
        }
    }

    /// Handles of tickets that were read, with the workflows which they follow.
    pub(super) fn handles(
        &self,
        tickets: impl IntoIterator<Item = Arc<Snapshot>>,
        seen: &Seen,
    ) -> Result<Vec<Ticket>, Halt> {
        let tickets: Vec<_> = tickets.into_iter().collect();
        self.definitions.need(tickets.iter().filter_map(|ticket| workflow_hash(ticket)), seen)?;
        tickets.into_iter().map(|it| Ok(Ticket::following(self.workflow_of(&it, seen)?, it))).collect()
    }

    /// Adds the agreements to which these clocks are pinned.
    pub(super) fn pin<'a>(
        &self,
        clocks: impl IntoIterator<Item = &'a Clock>,
        rulebook: &mut Rulebook,
        seen: &Seen,
    ) -> Result<(), Halt> {
        let hashes = clocks.into_iter().map(|clock| clock.pinned_to);
        let missing: BTreeSet<_> = hashes.filter(|hash| !rulebook.has(*hash)).collect();
        self.definitions.need(missing.iter().map(|hash| (DefinitionKind::Agreements, *hash)), seen)?;
        for hash in missing {
            rulebook.pin(self.definitions.agreements(hash, seen)?);
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
