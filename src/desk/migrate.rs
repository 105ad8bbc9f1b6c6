//! The migration of live tickets to another workflow: first a preview of all tickets, then batches of writes.

mod report;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::context::CommandContext;
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::operation::{Job, JobStep};
use crate::store::Cursor;
use crate::ticket::decision::migrate::{MigrationTask, Unmapped, may_migrate};
use crate::ticket::people::Actor;
use crate::workflow::{Migration, Workflow, WorkflowDefinition, WorkflowSet};

pub use report::{BlockedTicket, BlockedTickets, MAX_LISTED, Migrated, MigrationCounts, MigrationPreview};

use report::add_each;
use steps::{CheckPage, Found, MigrateBatch, Page, ReadVersion, Version};

/// The number of tickets per transaction.
const BATCH: usize = 100;

/// Checks a plan against all tickets without writing. It reads the adopted policies, newest first, then the tickets,
/// page by page, and then collects the faults of the plan.
#[derive(Debug)]
pub(super) struct Preview {
    plan: Arc<Migration>,
    context: CommandContext,
    phase: Phase,
    known: Vec<WorkflowDefinition>,
    in_force: WorkflowSet,
    task: Option<Arc<MigrationTask>>,
    unmapped: Unmapped,
    /// The tickets that would be migrated, ordered by id.
    migratable: VecDeque<TicketId>,
    result: MigrationPreview,
}

/// The progress of a preview.
#[derive(Debug)]
enum Phase {
    /// Read the policy that was in force at this instant.
    Versions(DateTime<Utc>),
    /// Read the page of tickets after this cursor.
    Tickets(Option<Cursor>),
    Done,
}

/// The next read of a preview.
enum NextRead {
    Version(ReadVersion),
    Page(CheckPage),
}

impl Preview {
    pub(super) fn new(plan: &Migration, context: CommandContext) -> Preview {
        Preview {
            plan: Arc::new(plan.clone()),
            phase: Phase::Versions(context.now),
            context,
            known: vec![Workflow::simple().definition().clone()],
            in_force: WorkflowSet::new(),
            task: None,
            unmapped: Unmapped::new(),
            migratable: VecDeque::new(),
            result: MigrationPreview::default(),
        }
    }

    fn next_read(&self) -> Option<NextRead> {
        let context = self.context.clone();
        match (&self.phase, &self.task) {
            (Phase::Versions(at), _) => Some(NextRead::Version(ReadVersion { at: *at, context })),
            (Phase::Tickets(after), Some(task)) => {
                Some(NextRead::Page(CheckPage { task: task.clone(), after: after.clone(), context }))
            }
            _ => None,
        }
    }

    fn add_workflows(&mut self, definitions: impl IntoIterator<Item = WorkflowDefinition>) {
        for definition in definitions {
            if !self.known.contains(&definition) {
                self.known.push(definition);
            }
        }
    }

    fn add_version(&mut self, version: Version) {
        self.add_workflows(version.workflows);
        if let Some(in_force) = version.in_force {
            self.in_force = in_force.0;
            self.result.faults.extend(MigrationTask::faults_of_fill(&self.plan, &in_force.1));
        }
        // This skips a policy that was replaced at the instant of its adoption. If tickets follow one of its workflows,
        // `add_page` adds that workflow.
        let before = version.since.and_then(|since| since.checked_sub_signed(TimeDelta::microseconds(1)));
        match before {
            Some(before) => self.phase = Phase::Versions(before),
            None => self.find_target(),
        }
    }

    /// Finds the target workflow, now that all versions are known.
    fn find_target(&mut self) {
        match self.plan.target(&self.in_force, &self.known) {
            Ok(to) => {
                self.result.to = Some(to.reference().clone());
                self.task = Some(Arc::new(MigrationTask { plan: (*self.plan).clone(), to: to.clone() }));
                self.phase = Phase::Tickets(None);
            }
            Err(fault) => {
                self.result.faults.push(fault);
                self.collect_faults();
            }
        }
    }

    fn add_page(&mut self, page: Page) {
        self.add_workflows(page.workflows);
        self.migratable.extend(page.found.migratable);
        self.result.counts.add(page.found.counts);
        self.result.blocked.add(page.found.blocked);
        add_each(&mut self.result.staying, page.found.staying);
        add_each(&mut self.unmapped, page.found.unmapped);
        match page.next {
            Some(next) => self.phase = Phase::Tickets(Some(next)),
            None => self.collect_faults(),
        }
    }

    fn collect_faults(&mut self) {
        self.phase = Phase::Done;
        let to = self.task.as_ref().map(|task| &task.to);
        let faults = &mut self.result.faults;
        faults.extend(self.plan.faults(&self.known, to));
        if let Some(to) = to {
            let unmapped = &self.unmapped;
            faults.extend(
                unmapped.iter().map(|((status, state), tickets)| {
                    self.plan.unmapped_message(to, status, *state, *tickets)
                }),
            );
        }
    }
}

impl Job for Preview {
    type Out = MigrationPreview;

    fn next(&mut self) -> Option<JobStep<Preview>> {
        Some(match self.next_read()? {
            NextRead::Version(read) => JobStep::new(read, |job: &mut Preview, version| {
                job.add_version(version?);
                Ok(())
            }),
            NextRead::Page(check) => JobStep::new(check, |job: &mut Preview, page| {
                job.add_page(page?);
                Ok(())
            }),
        })
    }

    fn finish(self) -> MigrationPreview {
        self.result
    }
}

/// The migration: first a preview. If it has no fault and no blocked ticket, the tickets are then migrated in batches.
#[derive(Debug)]
pub(super) struct Migrate {
    preview: Preview,
    by: Actor,
    migrated: Migrated,
}

impl Migrate {
    pub(super) fn new(plan: &Migration, by: Actor, context: CommandContext) -> Migrate {
        Migrate { preview: Preview::new(plan, context), by, migrated: Migrated::default() }
    }
}

impl Migrate {
    /// Checks that the actor may migrate, and adds the number of migrated tickets to the error of a failed step.
    fn check_step<T>(&self, result: Result<T>) -> Result<T> {
        may_migrate(&self.by)?;
        result.map_err(|error| match self.migrated.counts.tickets {
            0 => error,
            count => Error::new(
                error.kind(),
                format!("the migration stopped after {count} tickets, which stay migrated"),
            )
            .allowing("to migrate again, which continues with the remaining tickets")
            .caused_by(error),
        })
    }

    /// Returns the refusal if the preview is complete and has a fault or a blocked ticket.
    fn check_preview(&mut self) -> Result<()> {
        if !matches!(self.preview.phase, Phase::Done) {
            return Ok(());
        }
        let result = std::mem::take(&mut self.preview.result);
        if !result.is_ready() {
            return Err(result.into_refusal());
        }
        self.migrated.staying = result.staying;
        Ok(())
    }

    fn add_batch(&mut self, batch: Found) {
        self.migrated.counts.add(batch.counts);
        self.migrated.blocked.add(batch.blocked);
        self.migrated.blocked.add(batch.unmapped_tickets);
    }
}

impl Job for Migrate {
    type Out = Migrated;

    fn next(&mut self) -> Option<JobStep<Migrate>> {
        match self.preview.next_read() {
            Some(NextRead::Version(read)) => Some(JobStep::new(read, |job: &mut Migrate, version| {
                job.preview.add_version(job.check_step(version)?);
                job.check_preview()
            })),
            Some(NextRead::Page(check)) => Some(JobStep::new(check, |job: &mut Migrate, page| {
                job.preview.add_page(job.check_step(page)?);
                job.check_preview()
            })),
            None => {
                // No new ticket can follow the old version, so the preview has found all the tickets.
                let migratable = &mut self.preview.migratable;
                let tickets: Vec<_> = migratable.drain(..migratable.len().min(BATCH)).collect();
                let task = self.preview.task.clone().filter(|_| !tickets.is_empty())?;
                let (by, context) = (self.by.clone(), self.preview.context.clone());
                let batch = MigrateBatch { task, tickets, by, context };
                Some(JobStep::new(batch, |job: &mut Migrate, batch| {
                    let batch = job.check_step(batch)?;
                    job.add_batch(batch);
                    Ok(())
                }))
            }
        }
    }

    fn finish(self) -> Migrated {
        self.migrated
    }
}
