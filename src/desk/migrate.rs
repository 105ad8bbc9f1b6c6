//! The migration of live tickets: rehearsed as a whole, then carried out in batches.

mod leg;
mod report;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::frame::Frame;
use crate::error::{Error, Result};
use crate::flow::Job;
use crate::id::TicketId;
use crate::store::Cursor;
use crate::ticket::decision::migrate::{Passage, Unmapped, may_migrate};
use crate::ticket::people::Actor;
use crate::workflow::{Catalogue, Migration, Workflow, WorkflowDefinition};

pub use report::{Crossings, MAX_NAMED, Migrated, Obstacle, Obstacles, Rehearsal};

use leg::{Leg, Page, Told, Version};
use report::add_each;

/// How many tickets are written at once.
const BATCH: usize = 100;

/// Looks the plan and all tickets over, in three acts: which versions there have been, which tickets there are, and
/// what follows.
#[derive(Debug)]
pub(super) struct Rehearse {
    plan: Arc<Migration>,
    frame: Frame,
    act: Act,
    known: Vec<WorkflowDefinition>,
    in_force: Catalogue,
    passage: Option<Arc<Passage>>,
    unmapped: Unmapped,
    /// Those that would go over, by age.
    going: VecDeque<TicketId>,
    rehearsal: Rehearsal,
}

#[derive(Debug)]
enum Act {
    /// What was in force at this instant.
    Versions(DateTime<Utc>),
    /// The page of tickets after this place.
    Tickets(Option<Cursor>),
    Over,
}

impl Rehearse {
    pub(super) fn new(plan: &Migration, frame: Frame) -> Rehearse {
        Rehearse {
            plan: Arc::new(plan.clone()),
            act: Act::Versions(frame.now),
            frame,
            known: vec![Workflow::simple().definition().clone()],
            in_force: Catalogue::new(),
            passage: None,
            unmapped: Unmapped::new(),
            going: VecDeque::new(),
            rehearsal: Rehearsal::default(),
        }
    }

    fn next_leg(&self) -> Option<Leg> {
        let frame = self.frame.clone();
        match (&self.act, &self.passage) {
            (Act::Versions(at), _) => Some(Leg::Version { at: *at, frame }),
            (Act::Tickets(after), Some(passage)) => {
                Some(Leg::Page { passage: passage.clone(), after: after.clone(), frame })
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

    fn heard_version(&mut self, version: Version) {
        self.learn(version.workflows);
        if let Some(in_force) = version.in_force {
            self.in_force = in_force.0;
            self.rehearsal.faults.extend(Passage::faults_of_fill(&self.plan, &in_force.1));
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
                self.passage = Some(Arc::new(Passage { plan: (*self.plan).clone(), to: to.clone() }));
                self.act = Act::Tickets(None);
            }
            Err(fault) => {
                self.rehearsal.faults.push(fault);
                self.conclude();
            }
        }
    }

    fn heard_page(&mut self, page: Page) {
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

    fn heard(&mut self, told: Told) {
        match told {
            Told::Version(version) => self.heard_version(version),
            Told::Page(page) => self.heard_page(page),
            Told::Batch(_) => {}
        }
    }
}

impl Job for Rehearse {
    type Flow = Leg;
    type Out = Rehearsal;

    fn next(&mut self) -> Option<Leg> {
        self.next_leg()
    }

    fn took(&mut self, result: Result<Told>) -> Result<()> {
        self.heard(result?);
        Ok(())
    }

    fn finish(self) -> Rehearsal {
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
    pub(super) fn new(plan: &Migration, by: Actor, frame: Frame) -> Migrate {
        Migrate { rehearse: Rehearse::new(plan, frame), by, migrated: Migrated::default() }
    }
}

impl Job for Migrate {
    type Flow = Leg;
    type Out = Migrated;

    fn next(&mut self) -> Option<Leg> {
        if let Some(leg) = self.rehearse.next_leg() {
            return Some(leg);
        }
        // No ticket can come to the old version any more, so what the rehearsal found is all there is.
        let going = &mut self.rehearse.going;
        let tickets: Vec<_> = going.drain(..going.len().min(BATCH)).collect();
        let passage = self.rehearse.passage.clone().filter(|_| !tickets.is_empty())?;
        let (by, frame) = (self.by.clone(), self.rehearse.frame.clone());
        Some(Leg::Batch { passage, tickets, by, frame })
    }

    fn took(&mut self, result: Result<Told>) -> Result<()> {
        may_migrate(&self.by)?;
        let told = result.map_err(|error| match self.migrated.crossings.tickets {
            0 => error,
            count => {
                Error::new(error.kind(), format!("the migration stopped after {count} tickets, which stay"))
                    .allowing("to migrate again: it goes on with what is left")
                    .caused_by(error)
            }
        })?;
        if let Told::Batch(found) = told {
            self.migrated.crossings.add(found.crossings);
            self.migrated.left.add(found.obstacles);
            self.migrated.left.add(found.nowhere);
            return Ok(());
        }
        self.rehearse.heard(told);
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

    fn finish(self) -> Migrated {
        self.migrated
    }
}
