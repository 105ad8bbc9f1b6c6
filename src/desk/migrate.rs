//! The migration of live tickets: rehearsed as a whole, then carried out in batches.

mod report;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::frame::Frame;
use crate::condition::Condition;
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Job, Seen};
use crate::id::TicketId;
use crate::lifecycle::StateKind;
use crate::policy::Policy;
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Cursor, Mode, Query, Read};
use crate::ticket::draft::Draft;
use crate::ticket::migrate::{Crossing, Passage, Unmapped, may_migrate};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Catalogue, Migration, StatusId, Workflow, WorkflowDefinition};

pub use report::{Crossings, MAX_NAMED, Migrated, Obstacle, Obstacles, Rehearsal};

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
            count => Error::new(error.kind(), format!("the migration stopped after {count} tickets, which stay"))
                .allowing("to migrate again: it goes on with what is left")
                .caused_by(error),
        })?;
        if let Told::Batch(found) = told {
            self.migrated.crossings.add(found.crossings);
            self.migrated.left.add(found.obstacles);
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

/// One leg of the way.
#[derive(Debug)]
pub(super) enum Leg {
    /// Reads which policy held at an instant.
    Version { at: DateTime<Utc>, frame: Frame },
    /// Looks over a page of tickets, claiming nothing.
    Page { passage: Arc<Passage>, after: Option<Cursor>, frame: Frame },
    /// Lets these tickets go over, each decided anew.
    Batch { passage: Arc<Passage>, tickets: Vec<TicketId>, by: Actor, frame: Frame },
}

#[derive(Debug)]
pub(super) enum Told {
    Version(Version),
    Page(Page),
    Batch(Found),
}

/// What held at an instant.
#[derive(Debug)]
pub(super) struct Version {
    /// From when on; `None` if nothing was adopted yet.
    since: Option<DateTime<Utc>>,
    workflows: Vec<WorkflowDefinition>,
    /// Where the instant is now: the workflows and the policy in force.
    in_force: Option<(Catalogue, Arc<Policy>)>,
}

#[derive(Debug)]
pub(super) struct Page {
    found: Found,
    workflows: Vec<WorkflowDefinition>,
    next: Option<Cursor>,
}

/// How some tickets fared.
#[derive(Debug, Default)]
pub(super) struct Found {
    going: Vec<TicketId>,
    drafts: Vec<Draft>,
    crossings: Crossings,
    obstacles: Obstacles,
    staying: BTreeMap<String, usize>,
    unmapped: Unmapped,
}

impl Flow for Leg {
    type Out = Told;

    fn mode(&self) -> Mode {
        match self {
            Leg::Version { .. } | Leg::Page { .. } => Mode::Read,
            Leg::Batch { .. } => Mode::Write,
        }
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        if let Leg::Batch { tickets, frame, .. } = self {
            reads.push(Read::InForce(DefinitionKind::Policy, frame.now));
            reads.extend(tickets.iter().map(|id| Read::Ticket(*id)));
        }
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, Told), Halt> {
        match self {
            Leg::Version { at, frame } => {
                let version = version(*at, frame, seen)?;
                Ok((Commit::default(), Told::Version(version)))
            }
            Leg::Page { passage, after, frame } => {
                let page = page(passage, after.as_ref(), frame, seen)?;
                Ok((Commit::default(), Told::Page(page)))
            }
            Leg::Batch { passage, tickets, by, frame } => {
                seen.need(tickets.iter().map(|id| Read::Ticket(*id)))?;
                let mut found = Found::default();
                for id in tickets {
                    if let Some(ticket) = seen.ticket(*id)? {
                        found.meet(ticket, passage, by, frame, seen)?;
                    }
                }
                let drafts = std::mem::take(&mut found.drafts);
                Ok((Commit::of(drafts), Told::Batch(found)))
            }
        }
    }
}

fn version(at: DateTime<Utc>, frame: &Frame, seen: &Seen) -> Result<Version, Halt> {
    let in_force = match at == frame.now {
        true => {
            let terms = frame.terms(seen)?;
            Some((terms.workflows, terms.policy))
        }
        false => None,
    };
    Ok(match seen.in_force(DefinitionKind::Policy, at)? {
        Some(adoption) => {
            let workflows = frame.version(adoption.hash, seen)?.policy.workflows().to_vec();
            Version { since: Some(adoption.from), workflows, in_force }
        }
        None => Version { since: None, workflows: Vec::new(), in_force },
    })
}

fn page(passage: &Passage, after: Option<&Cursor>, frame: &Frame, seen: &Seen) -> Result<Page, Halt> {
    let plan = &passage.plan;
    let mut follows = Condition::field("workflow").is(plan.from.as_str());
    if let Some(version) = plan.from_version {
        follows = follows.and(Condition::field("workflow_version").is(i64::from(version)));
    }
    // By id, which nothing changes: what happens to tickets meanwhile cannot hide one from the next page.
    let query = Query::oldest().limit(MAX_PAGE).matching(follows).after(after.cloned());
    let live = StateKind::ALL.iter().filter(|state| !state.is_final());
    let query = live.fold(query, |query, state| query.state(*state));
    let tickets = seen.find(&query)?;
    let mut found = Found::default();
    let mut workflows: Vec<WorkflowDefinition> = Vec::new();
    for ticket in tickets {
        let definition = frame.workflow_of(ticket, seen)?;
        if !workflows.contains(definition.definition()) {
            workflows.push(definition.definition().clone());
        }
        found.meet(ticket, passage, &Actor::desk(), frame, seen)?;
    }
    found.drafts.clear();
    let full = tickets.len() == query.page_size();
    let next = tickets.last().filter(|_| full).map(|last| query.place(last));
    Ok(Page { found, workflows, next })
}

impl Found {
    /// Lets a ticket go over, if it can, and counts it.
    fn meet(
        &mut self,
        ticket: &Snapshot,
        passage: &Passage,
        by: &Actor,
        frame: &Frame,
        seen: &Seen,
    ) -> Result<(), Halt> {
        let terms = frame.terms_for(ticket, seen)?;
        let mut draft = Draft::of(ticket.clone(), &terms.rules);
        let crossing = draft.go_over(passage, &terms.moment(frame.now, by))?;
        let now = draft.snapshot();
        let obstacle = |to: Option<StatusId>, missing, why| Obstacle {
            ticket: now.id,
            number: now.number.clone(),
            status: now.status().to_owned(),
            to: to.map(|to| passage.to.status(to).name.clone()),
            missing,
            why,
        };
        match crossing {
            Crossing::Elsewhere => {}
            Crossing::OfAnotherKind => *self.staying.entry(now.kind.as_str().to_owned()).or_default() += 1,
            Crossing::Unmapped => {
                let place = (now.status().to_owned(), now.state.kind());
                *self.unmapped.entry(place).or_default() += 1;
                self.obstacles.push(obstacle(None, Vec::new(), None));
            }
            Crossing::Hindered { to, missing, why } => self.obstacles.push(obstacle(Some(to), missing, why)),
            Crossing::Goes { from, to, filled } => {
                self.going.push(now.id);
                self.crossings.tickets += 1;
                let way = (from, passage.to.status(to).name.clone());
                *self.crossings.ways.entry(way).or_default() += 1;
                for field in filled {
                    *self.crossings.filled.entry(field).or_default() += 1;
                }
                self.drafts.push(draft);
            }
        }
        Ok(())
    }
}
