//! The contexts of a command: the instant, the settings, and the definitions it needs.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::definitions::{Definitions, ReadyPolicy};
use super::lookup::Lookup;
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::{Interrupt, Loaded};
use crate::policy::Policy;
use crate::sla::{AgreementSet, Clock};
use crate::ticket::action::Action;
use crate::ticket::decision::DecisionContext;
use crate::ticket::event::{Change, Event};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::{Home, Ticket};
use crate::workflow::{Workflow, WorkflowSet};

/// The policy, agreements and workflows for a decision, and the history of the ticket if it was read.
#[derive(Debug)]
pub(super) struct PolicyContext<'s> {
    desk: DeskId,
    pub(super) policy: Arc<Policy>,
    pub(super) agreements: AgreementSet,
    /// The policies of the agreements in the set that are in force one after the other; empty if only one is needed.
    pub(super) policies: Vec<Arc<Policy>>,
    pub(super) workflows: WorkflowSet,
    pub(super) history: Option<&'s [Event]>,
}

impl PolicyContext<'_> {
    /// Returns the home of handles that are made in this context.
    fn home(&self) -> Arc<Home> {
        let (desk, policy) = (Some(self.desk.clone()), Arc::clone(&self.policy));
        let agreements = Arc::new(self.agreements.clone());
        Arc::new(Home { desk, policy, workflows: self.workflows.clone(), agreements })
    }

    pub(super) fn decision<'a>(&'a self, now: DateTime<Utc>, by: &'a Actor) -> DecisionContext<'a> {
        let (agreements, workflows) = (Cow::Borrowed(&self.agreements), Cow::Borrowed(&self.workflows));
        let (policy, policies) = (&*self.policy, &self.policies[..]);
        DecisionContext { now, by, policy, agreements, policies, workflows, history: self.history }
    }

    /// Returns a handle for a ticket of this context.
    pub(super) fn handle(&self, ticket: Arc<Snapshot>) -> Result<Ticket> {
        let workflow = match &ticket.placement {
            Some(placement) => self.workflows.get(&placement.workflow)?,
            None => Workflow::simple(),
        };
        Ok(Ticket::following(workflow.clone(), ticket, self.home()))
    }
}

/// The instant, settings and definitions of a command.
#[derive(Debug, Clone)]
pub(super) struct CommandContext {
    pub(super) desk: DeskId,
    pub(super) now: DateTime<Utc>,
    pub(super) keep_receipts: TimeDelta,
    pub(super) lookup: Lookup,
    pub(super) definitions: Arc<Definitions>,
    pub(super) default: Arc<Policy>,
    /// The reader of a [view](super::View); `None` for the application itself.
    pub(super) reader: Option<Arc<Actor>>,
}

impl CommandContext {
    /// Returns the policy in force: the newest adopted policy that is already in force, or the default policy.
    pub(super) fn policy(&self, loaded: &Loaded) -> Result<Arc<Policy>, Interrupt> {
        Ok(match loaded.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => self.definitions.policy(adoption.hash, loaded)?.policy,
            None => Arc::clone(&self.default),
        })
    }

    /// Returns the context for new tickets. The default policy has no agreements and no workflows.
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
                let ReadyPolicy { policy, agreements, workflows, .. } =
                    self.definitions.policy(adoption.hash, loaded)?;
                let agreements = AgreementSet::new().with(adoption.agreements_from, agreements);
                let (desk, policies) = (self.desk.clone(), Vec::new());
                PolicyContext { desk, policy, agreements, policies, workflows, history: None }
            }
            None => PolicyContext {
                desk: self.desk.clone(),
                policy: Arc::clone(&self.default),
                agreements: AgreementSet::new(),
                policies: Vec::new(),
                workflows: WorkflowSet::new(),
                history: None,
            },
        })
    }

    /// Returns the agreements in force as if they had always been in force. Used to measure imported histories.
    pub(super) fn agreements_for_all_time(&self, loaded: &Loaded) -> Result<AgreementSet, Interrupt> {
        Ok(match loaded.in_force(DefinitionKind::Policy, self.now)? {
            Some(adoption) => {
                let agreements = self.definitions.policy(adoption.hash, loaded)?.agreements;
                AgreementSet::always(agreements)
            }
            None => AgreementSet::new(),
        })
    }

    /// Returns the context for this ticket: the definitions in force, and those to which the ticket is pinned.
    pub(super) fn policy_context_for<'s>(
        &self,
        ticket: &Snapshot,
        loaded: &'s Loaded,
    ) -> Result<PolicyContext<'s>, Interrupt> {
        let in_force = loaded.in_force(DefinitionKind::Policy, self.now)?;
        self.definitions.need(manifest(in_force).chain(pinned(ticket)), loaded)?;
        let mut policy_context: PolicyContext<'s> = self.policy_context_of(in_force, loaded)?;
        // A read-only operation may have read the history later than the ticket.
        let until = |events: &[Event]| events.partition_point(|event| event.version <= ticket.version);
        policy_context.history = loaded.read_history(ticket.id)?.map(|events| &events[..until(events)]);
        self.pin(&ticket.clocks, &mut policy_context.agreements, loaded)?;
        let changed = in_force.is_some_and(|adoption| adoption.from >= ticket.known_since());
        if changed {
            self.add_versions(ticket, &mut policy_context, loaded)?;
        }
        if ticket.placement.is_some() {
            policy_context.workflows = policy_context.workflows.with(self.workflow_of(ticket, loaded)?);
        }
        Ok(policy_context)
    }

    /// True if a version of the agreements can matter to the ticket although another one has replaced it: if an open
    /// clock migrates to every version, or if an imported ticket has no clocks yet.
    fn follows_versions(&self, ticket: &Snapshot, agreements: &AgreementSet) -> Result<bool> {
        if ticket.clocks.is_empty() && ticket.imported.is_some() {
            return Ok(true);
        }
        let mut open = ticket.clocks.iter().filter(|clock| clock.state.is_open());
        open.try_fold(false, |migrates, clock| Ok(migrates || agreements.migrates(clock)?))
    }

    /// Adds the policies that were in force since the ticket's last event, as far as they can matter: all of them if a
    /// timer is due, and those that were adopted since if a clock migrates.
    fn add_versions(
        &self,
        ticket: &Snapshot,
        policy_context: &mut PolicyContext<'_>,
        loaded: &Loaded,
    ) -> Result<(), Interrupt> {
        let since = ticket.known_since();
        let mut versions = loaded.in_force_between(DefinitionKind::Policy, since, self.now)?;
        let is_due = ticket.timers().first().is_some_and(|timer| timer.due <= self.now);
        if !is_due {
            versions.retain(|version| version.from >= since);
            if versions.len() < 2 || !self.follows_versions(ticket, &policy_context.agreements)? {
                return Ok(());
            }
        }
        let hashes = versions.iter().map(|adoption| (DefinitionKind::Policy, adoption.hash));
        self.definitions.need(hashes, loaded)?;
        let mut agreements = AgreementSet::new();
        if is_due && versions.first().is_none_or(|first| first.from >= since) {
            // No policy was adopted before.
            agreements = agreements.with(DateTime::<Utc>::MIN_UTC, self.definitions.no_agreements()?);
            policy_context.policies.push(Arc::clone(&self.default));
        }
        for adoption in versions {
            let ReadyPolicy { policy, agreements: version, .. } =
                self.definitions.policy(adoption.hash, loaded)?;
            agreements = agreements.with(adoption.from, version);
            policy_context.policies.push(policy);
        }
        policy_context.agreements = agreements;
        self.pin(&ticket.clocks, &mut policy_context.agreements, loaded)
    }

    /// Requests the manifest in force and every definition to which these tickets are pinned, in one round of reads.
    /// Call it first for a page of tickets; otherwise each ticket needs its own round.
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

    /// Returns the workflow that a ticket follows.
    pub(super) fn workflow_of(&self, ticket: &Snapshot, loaded: &Loaded) -> Result<Workflow, Interrupt> {
        match &ticket.placement {
            Some(placement) => self.definitions.workflow(placement.workflow.hash, loaded),
            None => Ok(Workflow::simple().clone()),
        }
    }

    /// Returns a handle for this ticket, with its workflow, the agreements of its open clocks and the policy in force.
    pub(super) fn handle(&self, ticket: Arc<Snapshot>, loaded: &Loaded) -> Result<Ticket, Interrupt> {
        let handles = self.handles([ticket], loaded)?;
        Ok(handles
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(ErrorKind::Storage, "a ticket has no handle"))?)
    }

    /// Returns handles for these tickets, with their workflows, the agreements of their open clocks and the policy in
    /// force.
    pub(super) fn handles(
        &self,
        tickets: impl IntoIterator<Item = Arc<Snapshot>>,
        loaded: &Loaded,
    ) -> Result<Vec<Ticket>, Interrupt> {
        let tickets: Vec<_> = tickets.into_iter().collect();
        let in_force = loaded.in_force(DefinitionKind::Policy, self.now)?;
        let open_clocks = || tickets.iter().flat_map(|ticket| &ticket.clocks).filter(|it| it.state.is_open());
        let agreements = open_clocks().map(|clock| (DefinitionKind::Agreements, clock.pinned_to));
        let workflows = tickets.iter().filter_map(|ticket| workflow_hash(ticket));
        self.definitions.need(manifest(in_force).chain(workflows).chain(agreements), loaded)?;
        let mut policy_context = self.policy_context_of(in_force, loaded)?;
        self.pin(open_clocks(), &mut policy_context.agreements, loaded)?;
        let home = policy_context.home();
        let handle = |ticket: Arc<Snapshot>| {
            let workflow = self.workflow_of(&ticket, loaded)?;
            Ok(Ticket::following(workflow, ticket, Arc::clone(&home)))
        };
        tickets.into_iter().map(handle).collect()
    }

    /// Adds the earlier agreements and workflows that the action may need: a correction restores the clocks and the
    /// status, which may be pinned to them.
    pub(super) fn pin_for_correction(
        &self,
        ticket: &Snapshot,
        action: &Action,
        policy_context: &mut PolicyContext<'_>,
        loaded: &Loaded,
    ) -> Result<(), Interrupt> {
        if !action.parts().iter().any(|part| matches!(part, Action::Undo | Action::NotSpam)) {
            return Ok(());
        }
        let history = loaded.history(ticket.id, 0, usize::MAX)?;
        let clocks = history.iter().flat_map(|event| match &event.change {
            Change::ClocksUpdated { clocks } => &clocks[..],
            _ => &[],
        });
        self.pin(clocks, &mut policy_context.agreements, loaded)?;
        let placements = history.iter().filter_map(|event| match &event.change {
            Change::Opened(opened) => opened.placement.as_ref(),
            Change::Undone { before, .. } => before.placement.as_ref(),
            Change::WorkflowMigrated { to, .. } => to.as_ref(),
            _ => None,
        });
        let workflows: BTreeSet<_> = placements.map(|placement| placement.workflow.hash).collect();
        self.definitions.need(workflows.iter().map(|hash| (DefinitionKind::Workflow, *hash)), loaded)?;
        for hash in workflows {
            let workflow = self.definitions.workflow(hash, loaded)?;
            policy_context.workflows = std::mem::take(&mut policy_context.workflows).with(workflow);
        }
        Ok(())
    }

    /// Adds the agreements to which these clocks are pinned to `agreements`.
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

/// Returns the definitions to which a ticket is pinned.
fn pinned(ticket: &Snapshot) -> impl Iterator<Item = (DefinitionKind, Fingerprint)> {
    let clocks = ticket.clocks.iter().map(|clock| (DefinitionKind::Agreements, clock.pinned_to));
    clocks.chain(workflow_hash(ticket))
}

fn workflow_hash(ticket: &Snapshot) -> Option<(DefinitionKind, Fingerprint)> {
    ticket.placement.as_ref().map(|placement| (DefinitionKind::Workflow, placement.workflow.hash))
}
