//! The steps of a migration: read an adopted policy, check a page of tickets, migrate a batch of tickets.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::report::{BlockedTicket, BlockedTickets, MigrationCounts};
use crate::condition::Condition;
use crate::definition::DefinitionKind;
use crate::desk::context::CommandContext;
use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::StateKind;
use crate::operation::{Interrupt, Loaded, Needs, Operation, OperationLabel};
use crate::policy::Policy;
use crate::store::kinds::ADOPTION;
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Cursor, Mode, Query, Read};
use crate::ticket::decision::TicketWrite;
use crate::ticket::decision::migrate::{MigrationOutcome, MigrationTask, Unmapped};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{StatusId, WorkflowDefinition, WorkflowSet};

/// Reads the policy that was in force at an instant.
#[derive(Debug)]
pub(super) struct ReadVersion {
    pub(super) at: DateTime<Utc>,
    pub(super) context: CommandContext,
}

/// Checks a page of tickets. Takes no locks.
#[derive(Debug)]
pub(super) struct CheckPage {
    pub(super) task: Arc<MigrationTask>,
    pub(super) after: Option<Cursor>,
    pub(super) context: CommandContext,
}

/// Migrates these tickets. Each is decided again, because it may have changed since the preview.
#[derive(Debug)]
pub(super) struct MigrateBatch {
    pub(super) task: Arc<MigrationTask>,
    pub(super) tickets: Vec<TicketId>,
    pub(super) by: Actor,
    pub(super) context: CommandContext,
}

/// The policy that was in force at an instant.
#[derive(Debug)]
pub(super) struct Version {
    /// The instant at which the policy came into force; `None` if no policy was in force.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) workflows: Vec<WorkflowDefinition>,
    /// The workflows and the policy in force; `None` if the instant is in the past.
    pub(super) in_force: Option<(WorkflowSet, Arc<Policy>)>,
}

#[derive(Debug)]
pub(super) struct Page {
    pub(super) found: Found,
    pub(super) workflows: Vec<WorkflowDefinition>,
    pub(super) next: Option<Cursor>,
}

/// The results of checking or migrating some tickets.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) migratable: Vec<TicketId>,
    decisions: Vec<TicketWrite>,
    pub(super) counts: MigrationCounts,
    pub(super) blocked: BlockedTickets,
    pub(super) staying: BTreeMap<String, usize>,
    pub(super) unmapped: Unmapped,
    /// The tickets that `unmapped` counts.
    pub(super) unmapped_tickets: BlockedTickets,
}

impl Operation for ReadVersion {
    type Out = Version;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("migrate")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Version), Interrupt> {
        let ReadVersion { at, context } = self;
        let in_force = match *at == context.now {
            true => {
                let policy_context = context.policy_context(loaded)?;
                Some((policy_context.workflows, policy_context.policy))
            }
            false => None,
        };
        let version = match loaded.in_force(DefinitionKind::Policy, *at)? {
            Some(adoption) => {
                let workflows = context.definitions.workflows_of(adoption.hash, loaded)?;
                let workflows = workflows.iter().map(|it| it.definition().clone()).collect();
                Version { since: Some(adoption.from), workflows, in_force }
            }
            None => Version { since: None, workflows: Vec::new(), in_force },
        };
        Ok((Commit::default(), version))
    }
}

impl Operation for CheckPage {
    type Out = Page;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("migrate")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Page), Interrupt> {
        let CheckPage { task, after, context } = self;
        let plan = &task.plan;
        let mut follows = Condition::field("workflow").is(plan.from.as_str());
        if let Some(version) = plan.from_version {
            follows = follows.and(Condition::field("workflow_version").is(i64::from(version)));
        }
        // Ordered by id, which never changes, so that a ticket which changes meanwhile is not missed.
        let query = Query::oldest().limit(MAX_PAGE).matching(follows).after(after.clone());
        let live = StateKind::ALL.iter().filter(|state| !state.is_final());
        let query = live.fold(query, |query, state| query.state(*state));
        let tickets = loaded.find(&query)?;
        context.need_for(tickets.iter().map(|it| &**it), loaded)?;
        let (mut found, mut needs) = (Found::default(), Needs::default());
        let mut workflows: Vec<WorkflowDefinition> = Vec::new();
        for ticket in tickets {
            let definition = context.workflow_of(ticket, loaded)?;
            if !workflows.contains(definition.definition()) {
                workflows.push(definition.definition().clone());
            }
            needs.keep(found.add(ticket, task, &Actor::desk(), context, loaded))?;
        }
        needs.answered(loaded)?;
        found.decisions.clear();
        let full = tickets.len() == query.page_size();
        let next = tickets.last().filter(|_| full).map(|last| query.cursor_of(last));
        Ok((Commit::default(), Page { found, workflows, next }))
    }
}

impl Operation for MigrateBatch {
    type Out = Found;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("migrate")
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.extend(self.tickets.iter().map(|id| Read::Ticket(*id)));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Found), Interrupt> {
        let MigrateBatch { task, tickets, by, context } = self;
        loaded.need(tickets.iter().map(|id| Read::Ticket(*id)))?;
        let tickets = tickets.iter().map(|id| loaded.ticket(*id)).collect::<Result<Vec<_>, _>>()?;
        context.need_for(tickets.iter().copied().flatten(), loaded)?;
        let (mut found, mut needs) = (Found::default(), Needs::default());
        for ticket in tickets.into_iter().flatten() {
            needs.keep(found.add(ticket, task, by, context, loaded))?;
        }
        needs.answered(loaded)?;
        let decisions = std::mem::take(&mut found.decisions);
        Ok((Commit::of(decisions), found))
    }
}

impl Found {
    /// Decides the migration of a ticket and counts the result.
    fn add(
        &mut self,
        ticket: &Snapshot,
        task: &MigrationTask,
        by: &Actor,
        context: &CommandContext,
        loaded: &Loaded,
    ) -> Result<(), Interrupt> {
        let policy_context = context.policy_context_for(ticket, loaded)?;
        let (outcome, decision) = task.decide(ticket, &policy_context.decision(context.now, by))?;
        let now = &decision.snapshot;
        let blocked = |to: Option<StatusId>, missing, why| BlockedTicket {
            ticket: now.id,
            number: now.number.clone(),
            status: now.status().to_owned(),
            to: to.map(|to| task.to.status(to).name.clone()),
            missing,
            why,
        };
        match outcome {
            MigrationOutcome::NotConcerned => {}
            MigrationOutcome::OtherKind => {
                *self.staying.entry(now.kind.as_str().to_owned()).or_default() += 1
            }
            MigrationOutcome::Unmapped => {
                let status = (now.status().to_owned(), now.state.kind());
                *self.unmapped.entry(status).or_default() += 1;
                self.unmapped_tickets.push(blocked(None, Vec::new(), None));
            }
            MigrationOutcome::Blocked { to, missing, why } => {
                self.blocked.push(blocked(Some(to), missing, why))
            }
            MigrationOutcome::Ready { from, to, filled } => {
                self.migratable.push(now.id);
                self.counts.tickets += 1;
                let statuses = (from, task.to.status(to).name.clone());
                *self.counts.by_status.entry(statuses).or_default() += 1;
                for field in filled {
                    *self.counts.filled.entry(field).or_default() += 1;
                }
                self.decisions.push(decision);
            }
        }
        Ok(())
    }
}
