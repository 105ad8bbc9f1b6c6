//! The migration of live tickets: rehearsed as a whole, then carried out in batches.

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
use crate::workflow::{Catalogue, Migration, Workflow, WorkflowDefinition};

pub use report::{Crossings, MAX_NAMED, Migrated, MigrationPreview, Obstacle, Obstacles};

use report::add_each;
use steps::{CheckPage, Found, MigrateBatch, Page, ReadVersion, Version};

/// How many tickets are written at once.
const BATCH: usize = 100;

/// Looks the plan and all tickets over, in three acts: which versions there have been, which tickets there are, and
/// what follows.
#[derive(Debug)]
pub(super) struct Rehearse {
    plan: Arc<Migration>,
    context: CommandContext,
    act: Act,
    known: Vec<WorkflowDefinition>,
    in_force: Catalogue,
    passage: Option<Arc<MigrationTask>>,
    unmapped: Unmapped,
    /// Those that would go over, by age.
    going: VecDeque<TicketId>,
    rehearsal: MigrationPreview,
}

#[derive(Debug)]
enum Act {
    /// What was in force at this instant.
    Versions(DateTime<Utc>),
    /// The page of tickets after this place.
    Tickets(Option<Cursor>),
    Over,
}

/// What a rehearsal reads next.
enum Reading {
    Version(ReadVersion),
    Page(CheckPage),
}

impl Rehearse {
    pub(super) fn new(plan: &Migration, context: CommandContext) -> Rehearse {
        Rehearse {
            plan: Arc::new(plan.clone()),
            act: Act::Versions(context.now),
            context,
            known: vec![Workflow::simple().definition().clone()],
            in_force: Catalogue::new(),
            passage: None,
            unmapped: Unmapped::new(),
            going: VecDeque::new(),
            rehearsal: MigrationPreview::default(),
        }
    }

    fn next_read(&self) -> Option<Reading> {
        let context = self.context.clone();
        match (&self.act, &self.passage) {
            (Act::Versions(at), _) => Some(Reading::Version(ReadVersion { at: *at, context })),
            (Act::Tickets(after), Some(passage)) => {
                Some(Reading::Page(CheckPage { passage: passage.clone(), after: after.clone(), context }))
            }
            _ => None,
        }
    }

    fn learn(&mut self, definitions: impl IntoIterator<Item = WorkflowDefinition>) {
        for definition in definitions {
            if !self.known.contains(&definition) {
                self.known.push(definition);
            }
        }
    }

    fn add_version(&mut self, version: Version) {
        self.learn(version.workflows);
        if let Some(in_force) = version.in_force {
            self.in_force = in_force.0;
            self.rehearsal.faults.extend(MigrationTask::faults_of_fill(&self.plan, &in_force.1));
        }
        // A version that held for no time at all is not found so; tickets that follow one bring its workflow along.
        let before = version.since.and_then(|since| since.checked_sub_signed(TimeDelta::microseconds(1)));
        match before {
            Some(before) => self.act = Act::Versions(before),
            None => self.choose(),
        }
    }

    /// All versions are known: which is meant, and is it there?
    fn choose(&mut self) {
        match self.plan.target(&self.in_force, &self.known) {
            Ok(to) => {
                self.rehearsal.to = Some(to.reference().clone());
                self.passage = Some(Arc::new(MigrationTask { plan: (*self.plan).clone(), to: to.clone() }));
                self.act = Act::Tickets(None);
            }
            Err(fault) => {
                self.rehearsal.faults.push(fault);
                self.conclude();
            }
        }
    }

    fn add_page(&mut self, page: Page) {
        self.learn(page.workflows);
        self.going.extend(page.found.going);
        self.rehearsal.crossings.add(page.found.crossings);
        self.rehearsal.obstacles.add(page.found.obstacles);
        add_each(&mut self.rehearsal.staying, page.found.staying);
        add_each(&mut self.unmapped, page.found.unmapped);
        match page.next {
            Some(next) => self.act = Act::Tickets(Some(next)),
            None => self.conclude(),
        }
    }

    fn conclude(&mut self) {
        self.act = Act::Over;
        let to = self.passage.as_ref().map(|passage| &passage.to);
        let faults = &mut self.rehearsal.faults;
        faults.extend(self.plan.faults(&self.known, to));
        if let Some(to) = to {
            let unmapped = &self.unmapped;
            faults.extend(
                unmapped
                    .iter()
                    .map(|((status, state), tickets)| self.plan.unmapped(to, status, *state, *tickets)),
            );
        }
    }
}

impl Job for Rehearse {
    type Out = MigrationPreview;

    fn next(&mut self) -> Option<JobStep<Rehearse>> {
        Some(match self.next_read()? {
            Reading::Version(read) => JobStep::new(read, |job: &mut Rehearse, version| {
                job.add_version(version?);
                Ok(())
            }),
            Reading::Page(check) => JobStep::new(check, |job: &mut Rehearse, page| {
                job.add_page(page?);
                Ok(())
            }),
        })
    }

    fn finish(self) -> MigrationPreview {
        self.rehearsal
    }
}

/// The migration: a rehearsal, and if nothing stands against it, batch by batch what it found.
#[derive(Debug)]
pub(super) struct Migrate {
    rehearse: Rehearse,
    by: Actor,
    migrated: Migrated,
}

impl Migrate {
    pub(super) fn new(plan: &Migration, by: Actor, context: CommandContext) -> Migrate {
        Migrate { rehearse: Rehearse::new(plan, context), by, migrated: Migrated::default() }
    }
}

impl Migrate {
    /// The result of a step, or its error with what was migrated before it.
    fn unless_stopped<T>(&self, result: Result<T>) -> Result<T> {
        may_migrate(&self.by)?;
        result.map_err(|error| match self.migrated.crossings.tickets {
            0 => error,
            count => {
                Error::new(error.kind(), format!("the migration stopped after {count} tickets, which stay"))
                    .allowing("to migrate again: it goes on with what is left")
                    .caused_by(error)
            }
        })
    }

    /// Ends the migration if the rehearsal is over and found a fault.
    fn unless_refused(&mut self) -> Result<()> {
        if !matches!(self.rehearse.act, Act::Over) {
            return Ok(());
        }
        let rehearsal = std::mem::take(&mut self.rehearse.rehearsal);
        if !rehearsal.is_ready() {
            return Err(rehearsal.into_refusal());
        }
        self.migrated.staying = rehearsal.staying;
        Ok(())
    }

    fn add_batch(&mut self, batch: Found) {
        self.migrated.crossings.add(batch.crossings);
        self.migrated.left.add(batch.obstacles);
        self.migrated.left.add(batch.nowhere);
    }
}

impl Job for Migrate {
    type Out = Migrated;

    fn next(&mut self) -> Option<JobStep<Migrate>> {
        match self.rehearse.next_read() {
            Some(Reading::Version(read)) => Some(JobStep::new(read, |job: &mut Migrate, version| {
                job.rehearse.add_version(job.unless_stopped(version)?);
                job.unless_refused()
            })),
            Some(Reading::Page(check)) => Some(JobStep::new(check, |job: &mut Migrate, page| {
                job.rehearse.add_page(job.unless_stopped(page)?);
                job.unless_refused()
            })),
            None => {
                // No ticket can come to the old version any more, so what the rehearsal found is all there is.
                let going = &mut self.rehearse.going;
                let tickets: Vec<_> = going.drain(..going.len().min(BATCH)).collect();
                let passage = self.rehearse.passage.clone().filter(|_| !tickets.is_empty())?;
                let (by, context) = (self.by.clone(), self.rehearse.context.clone());
                let batch = MigrateBatch { passage, tickets, by, context };
                Some(JobStep::new(batch, |job: &mut Migrate, batch| {
                    let batch = job.unless_stopped(batch)?;
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
