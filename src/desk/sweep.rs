//! The sweep: fires every timer that is due, at one desk or at all desks.

mod steps;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::context::CommandContext;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, TicketId};
use crate::lifecycle::StateKind;
use crate::operation::{Job, JobStep};
use crate::store::query::MAX_PAGE;
use crate::store::{Cursor, Query};
use steps::{DeskTicket, DuePage, EndMigration, FindMigrating, FireDue, ListDue, ListMigrations};

pub(super) use steps::Listing;

/// The outcome of a sweep. Timers that could not fire remain due, and the next sweep retries them.
#[derive(Debug, Default)]
#[must_use = "the report contains the tickets that failed and the error that stopped the sweep"]
#[non_exhaustive]
pub struct TickReport {
    /// The number of timers that fired.
    pub fired: usize,
    /// The tickets that were tried and failed, each with its error. A ticket fails if it cannot be read, if its timers
    /// are refused, or if another transaction holds its lock for too long. A failure does not stop the sweep by itself.
    pub failed: Vec<FailedTicket>,
    /// Desks that were skipped: their remaining due tickets, if any, are left for the next sweep.
    ///
    /// A desk is skipped after two of its tickets failed in a row with a store error, for example because a long
    /// transaction locks many of them. Three desks are skipped together if a ticket failed at each of them in a row and
    /// the page has no other desk; the sweep then looks for another desk on later pages.
    pub skipped: Vec<DeskId>,
    /// An error that indicates a problem with the store rather than with single tickets. It is set in these cases:
    ///
    /// - The due tickets could not be listed. This ends the sweep.
    /// - Tickets failed with a [storage error](Error::is_storage) at four desks in a row. This ends the sweep. Three
    ///   desks are enough if the page has no other desk.
    /// - The sweep reached the end of the list, but no ticket succeeded after the last storage error, and every desk
    ///   with a success was skipped later.
    ///
    /// Tickets that are [corrupt](ErrorKind::Corrupt) do not count as storage errors here. Unless listing failed, this
    /// error has the kind of the last storage error and names its desk and ticket; the original error is in
    /// [`failed`](TickReport::failed). `None` does not mean that every timer fired: check `failed` and
    /// [`skipped`](TickReport::skipped) too.
    pub stopped: Option<Error>,
}

/// A ticket with due timers that could not fire.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedTicket {
    /// The desk.
    pub desk: DeskId,
    /// The ticket.
    pub ticket: TicketId,
    /// The error that prevented its timers from firing.
    pub error: Error,
}

impl fmt::Display for FailedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ticket {} of desk {}: {}", self.ticket, self.desk.as_str(), self.error)
    }
}

/// Consecutive failures before a desk is skipped. Each failure may take the full `acquire_timeout` of the store. One
/// failure is not enough, because an agent may be working on that ticket.
const MAX_DESK_FAILURES: usize = 2;

/// Consecutive failing desks that indicate a problem with the store. One more desk is tried if any page has one.
const MAX_FAILING_DESKS: usize = 3;

/// Pages through the due tickets and fires the timers of each. A ticket that fails does not block the others.
///
/// A single error does not show whether one ticket, one desk or the whole database is locked. The sweep finds out by
/// trying: after a failure it tries the other desks of the page, and then a random other ticket of this desk.
#[derive(Debug)]
pub(super) struct Sweep {
    context: CommandContext,
    limit: usize,
    /// The start of the current page.
    page: Option<Listing>,
    /// The start of the next page; `None` after the last.
    listing: Option<Listing>,
    /// The remaining tickets of the page by desk. The desks in `failing_desks` come last.
    waiting: VecDeque<(DeskId, VecDeque<TicketId>)>,
    /// The migrations of clocks, which come before the timers; `None` until they are listed.
    migrations: Option<VecDeque<Migration>>,
    /// Tickets that failed or had nothing due. They are not tried again for another of their timers.
    tried: HashSet<DeskTicket>,
    /// Desks at which a ticket was handled without an error, and that were not skipped later.
    served: HashSet<DeskId>,
    /// The number of store failures per desk since its last success.
    failures: HashMap<DeskId, usize>,
    /// Desks with a store failure since the last success at any desk.
    failing_desks: Vec<DeskId>,
    report: TickReport,
}

/// A migration of the clocks of a desk to a version of the agreements.
#[derive(Debug)]
struct Migration {
    desk: DeskId,
    key: String,
    /// The remaining pages of tickets that may have an open clock.
    pages: VecDeque<Query>,
    /// True if the tickets could not be listed.
    failed: bool,
}

impl Migration {
    /// Returns the first pages: the open tickets, and the resolved ones, whose closure may be measured.
    fn all_pages() -> VecDeque<Query> {
        let queries = [Query::inbox(), Query::newest().state(StateKind::Resolved)];
        queries.map(|query| query.limit(MAX_PAGE)).into()
    }
}

impl Sweep {
    pub(super) fn new(context: CommandContext, listing: Listing, limit: usize) -> Sweep {
        Sweep {
            context,
            limit,
            page: None,
            listing: Some(listing),
            waiting: VecDeque::new(),
            migrations: None,
            tried: HashSet::new(),
            served: HashSet::new(),
            failures: HashMap::new(),
            failing_desks: Vec::new(),
            report: TickReport::default(),
        }
    }

    fn add_page(&mut self, page: Result<DuePage>) -> Result<()> {
        let DuePage { tickets, next } = match page {
            Ok(page) => page,
            Err(error) if error.is_storage() => {
                self.report.stopped = Some(error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.listing = next;
        // All due timers of a ticket fire together, so each ticket is needed once.
        let mut listed = HashSet::new();
        let mut desks: HashMap<DeskId, VecDeque<TicketId>> = HashMap::new();
        for due in tickets {
            let excluded = self.report.skipped.contains(&due.0) || self.tried.contains(&due);
            if !excluded && listed.insert(due.clone()) {
                desks.entry(due.0).or_default().push_back(due.1);
            }
        }
        // Several workers see the same list. Each starts at a random position, so that they do not all wait for the
        // same ticket, and so that a failing ticket is not the first in every sweep. Every desk is equally likely to be
        // the first, regardless of its number of tickets.
        desks.values_mut().for_each(rotate_randomly);
        self.waiting = desks.into_iter().collect();
        rotate_randomly(&mut self.waiting);
        self.waiting.make_contiguous().sort_by_key(|(desk, _)| self.failing_desks.contains(desk));
        Ok(())
    }

    fn add_migrations(&mut self, found: Result<Vec<(DeskId, String)>>) -> Result<()> {
        let found = match found {
            Ok(found) => found,
            Err(error) if error.is_storage() => {
                self.report.stopped = Some(error);
                self.listing = None;
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let migration = |(desk, key)| Migration { desk, key, pages: Migration::all_pages(), failed: false };
        self.migrations = Some(found.into_iter().map(migration).collect());
        Ok(())
    }

    /// Adds the tickets of a page whose clocks migrate.
    fn add_migrating(&mut self, page: Result<(Vec<TicketId>, Option<Cursor>)>) -> Result<()> {
        let Some(migration) = self.migrations.as_mut().and_then(VecDeque::front_mut) else { return Ok(()) };
        let Some(query) = migration.pages.pop_front() else { return Ok(()) };
        match page {
            Ok((tickets, next)) => {
                if next.is_some() {
                    migration.pages.push_front(query.after(next));
                }
                let desk = migration.desk.clone();
                let tried = |ticket: &TicketId| self.tried.contains(&(desk.clone(), *ticket));
                let tickets: VecDeque<_> = tickets.into_iter().filter(|ticket| !tried(ticket)).collect();
                self.waiting.push_back((desk, tickets));
            }
            // The migration is tried again by the next sweep.
            Err(error) if error.is_storage() => {
                migration.pages.clear();
                migration.failed = true;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Returns the next step of the migrations; `None` after the last one.
    fn next_migration(&mut self) -> Option<JobStep<Sweep>> {
        let context = self.context.clone();
        let Some(migrations) = &mut self.migrations else {
            let (listing, limit) = (self.listing.clone()?, self.limit);
            let list = ListMigrations { listing, until: context.now, limit };
            return Some(JobStep::new(list, Sweep::add_migrations));
        };
        while let Some(migration) = migrations.front() {
            let desk = migration.desk.clone();
            if let Some(query) = migration.pages.front().filter(|_| !self.report.skipped.contains(&desk)) {
                let find = FindMigrating { query: query.clone(), context };
                return Some(JobStep::new(find, Sweep::add_migrating).at(desk));
            }
            let has_failed = migration.failed || self.report.failed.iter().any(|it| it.desk == desk);
            let ended = migrations.pop_front()?;
            if !has_failed {
                let end = JobStep::new(EndMigration { key: ended.key }, |_: &mut Sweep, ended| match ended {
                    Err(error) if error.is_storage() => Ok(()),
                    ended => ended,
                });
                return Some(end.at(desk));
            }
        }
        None
    }

    fn record_success(&mut self, (desk, ticket): DeskTicket, fired: usize) {
        self.report.fired += fired;
        let migrates = self.migrations.as_ref().is_some_and(|it| !it.is_empty());
        if fired == 0 && !migrates {
            // Another worker is ahead on the same page, so list the page again from its start. This terminates because
            // the ticket is now in `tried`.
            self.tried.insert((desk.clone(), ticket));
            self.waiting.clear();
            self.listing = self.page.take();
        }
        // The store works, so earlier failures were caused by their tickets.
        self.failing_desks.clear();
        self.failures.remove(&desk);
        self.served.insert(desk);
    }

    fn record_failure(&mut self, (desk, ticket): DeskTicket, error: Error) {
        self.tried.insert((desk.clone(), ticket));
        let is_store_failure = may_be_store_failure(&error);
        self.report.failed.push(FailedTicket { desk: desk.clone(), ticket, error });
        if !is_store_failure {
            return;
        }
        if !self.failing_desks.contains(&desk) {
            self.failing_desks.push(desk.clone());
        }
        if let Some(at) = self.waiting.iter().position(|(other, _)| *other == desk)
            && let Some((desk, mut tickets)) = self.waiting.remove(at)
        {
            rotate_randomly(&mut tickets);
            self.waiting.push_back((desk, tickets));
        }
        let failures = self.failures.entry(desk.clone()).or_default();
        *failures += 1;
        if *failures >= MAX_DESK_FAILURES {
            self.skip_desk(desk);
        }
        let other_desk_is_next =
            self.waiting.front().is_some_and(|(desk, _)| !self.failing_desks.contains(desk));
        if self.failing_desks.len() > MAX_FAILING_DESKS {
            self.waiting.clear();
            self.listing = None;
        } else if self.failing_desks.len() == MAX_FAILING_DESKS && !other_desk_is_next {
            self.failing_desks.clone().into_iter().for_each(|desk| self.skip_desk(desk));
        }
    }

    fn skip_desk(&mut self, desk: DeskId) {
        self.waiting.retain(|(other, _)| *other != desk);
        self.served.remove(&desk);
        // If the sweep is for one desk, no later page has another desk.
        self.listing = self.listing.take().filter(|it| matches!(it, Listing::Everywhere(_)));
        if !self.report.skipped.contains(&desk) {
            self.report.skipped.push(desk);
        }
    }
}

/// True if the error may come from the store rather than from the ticket.
fn may_be_store_failure(error: &Error) -> bool {
    error.is_storage() && error.kind() != ErrorKind::Corrupt
}

/// Rotates a queue by a random number of positions.
fn rotate_randomly<T>(tickets: &mut VecDeque<T>) {
    if !tickets.is_empty() {
        let random = RandomState::new().build_hasher().finish() as usize;
        tickets.rotate_left(random % tickets.len());
    }
}

impl Job for Sweep {
    type Out = TickReport;

    fn next(&mut self) -> Option<JobStep<Sweep>> {
        while let Some((desk, tickets)) = self.waiting.front_mut() {
            if let Some(ticket) = tickets.pop_front() {
                let desk = desk.clone();
                let due = (desk.clone(), ticket);
                let fire = FireDue { ticket, context: self.context.clone() };
                let step = JobStep::new(fire, move |sweep: &mut Sweep, fired| {
                    match fired {
                        Ok(fired) => sweep.record_success(due.clone(), fired),
                        Err(error) => sweep.record_failure(due.clone(), error),
                    }
                    Ok(())
                });
                return Some(step.at(desk));
            }
            self.waiting.pop_front();
        }
        if let Some(step) = self.next_migration() {
            return Some(step);
        }
        let listing = self.listing.take()?;
        self.page = Some(listing.clone());
        let list = ListDue { listing, until: self.context.now, limit: self.limit };
        Some(JobStep::new(list, Sweep::add_page))
    }

    fn finish(mut self) -> TickReport {
        let is_store_problem = self.failing_desks.len() >= MAX_FAILING_DESKS
            || (!self.failing_desks.is_empty() && self.served.is_empty());
        if self.report.stopped.is_none() && is_store_problem {
            let last = self.report.failed.iter().rfind(|it| may_be_store_failure(&it.error));
            self.report.stopped = last.map(|it| Error::new(it.error.kind(), it.to_string()));
        }
        self.report
    }
}
