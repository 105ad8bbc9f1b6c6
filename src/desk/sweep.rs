//! The sweep: whatever the clock owes, at one desk or at all of them, done once each.

mod steps;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::context::CommandContext;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, TicketId};
use crate::operation::{Job, JobStep};
use steps::{DuePage, FireDue, ListDue, Place};

pub(super) use steps::Listing;

/// What a sweep did, and what kept it from doing more. Whatever it could not do is still owed: the next sweep goes on.
#[derive(Debug, Default)]
#[must_use = "it says what failed, and whether the sweep came to its end"]
#[non_exhaustive]
pub struct TickReport {
    /// How many timers fired.
    pub fired: usize,
    /// Every ticket that was tried and whose timers could not fire, and why: one that cannot be read, refuses, or is held by
    /// somebody else for too long. It does not stop the others.
    pub failed: Vec<FailedTicket>,
    /// Desks whose other tickets, if they have any, were left for the next sweep: two in a row could not be had, because
    /// somebody holds many of them in one long transaction; or one could not, at each of three desks in a row, and only
    /// these were on the page, so that the sweep looked further on for another desk.
    pub skipped: Vec<DeskId>,
    /// What points to the store, and not to single tickets:
    ///
    /// - What is due could not be listed. The sweep ended there.
    /// - Tickets failed [as a store fails](Error::is_storage), those that cannot be read not counted, at four desks with
    ///   nothing served in between, and the sweep ended there; or at three, and there was no other desk to try.
    /// - The sweep came to its end, nothing was served after the last such failure, and no desk was served but those
    ///   that were put aside later.
    ///
    /// An error of tickets is of the kind of the last such failure, and names its desk and ticket; the failure itself is
    /// in [`failed`](TickReport::failed) like all others. `None` does not mean that all was done: see what failed and what was
    /// put aside.
    pub stopped: Option<Error>,
}

/// A ticket whose timers could not fire.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedTicket {
    /// The desk.
    pub desk: DeskId,
    /// The ticket.
    pub ticket: TicketId,
    /// Why.
    pub error: Error,
}

impl fmt::Display for FailedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ticket {} of desk {}: {}", self.ticket, self.desk.as_str(), self.error)
    }
}

/// So many tickets of a desk in a row, and the desk is put aside: each may wait out the acquire_timeout of a store. One, which an
/// agent holds just now, is no reason.
const DESK_IS_BUSY: usize = 2;

/// So many desks in a row, and it is the store; but one more is tried if there is one, on whatever page.
const STORE_IS_BUSY: usize = 3;

/// It pages through what is due, and a ticket that fails stands in nobody's way.
///
/// No error says whether one ticket is held, all of a desk's, or the whole database. So it is found out: after a
/// failure the other desks of the page come first, and this one again by a ticket from anywhere among its own.
#[derive(Debug)]
pub(super) struct Sweep {
    context: CommandContext,
    limit: usize,
    /// Where the page begins whose tickets are waiting.
    page: Option<Listing>,
    /// Where the next page begins; `None` after the last.
    listing: Option<Listing>,
    /// The page by desks. Those that failed since anything fired are the last of them.
    waiting: VecDeque<(DeskId, VecDeque<TicketId>)>,
    /// What failed once, or was owed nothing, is not tried again for another of its timers.
    tried: HashSet<Place>,
    /// Desks where something fired, and that were not put aside since.
    served: HashSet<DeskId>,
    /// Failures that may be the store's, since something fired at the desk.
    failures: HashMap<DeskId, usize>,
    /// Desks with such failures, since something fired anywhere.
    in_a_row: Vec<DeskId>,
    report: TickReport,
}

impl Sweep {
    pub(super) fn new(context: CommandContext, listing: Listing, limit: usize) -> Sweep {
        Sweep {
            context,
            limit,
            page: None,
            listing: Some(listing),
            waiting: VecDeque::new(),
            tried: HashSet::new(),
            served: HashSet::new(),
            failures: HashMap::new(),
            in_a_row: Vec::new(),
            report: TickReport::default(),
        }
    }

    fn listed(&mut self, page: Result<DuePage>) -> Result<()> {
        let DuePage { places, next } = match page {
            Ok(page) => page,
            Err(error) if error.is_storage() => {
                self.report.stopped = Some(error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.listing = next;
        // A ticket with several due timers lets all of them happen at once.
        let mut listed = HashSet::new();
        let mut desks: HashMap<DeskId, VecDeque<TicketId>> = HashMap::new();
        for place in places {
            let is_left = self.report.skipped.contains(&place.0) || self.tried.contains(&place);
            if !is_left && listed.insert(place.clone()) {
                desks.entry(place.0).or_default().push_back(place.1);
            }
        }
        // Several workers see the same list: each begins at another place of it, lest all of them queue up at every
        // ticket, and the same ticket fails first in every sweep. A desk is drawn, however many tickets it has.
        desks.values_mut().for_each(begin_anywhere);
        self.waiting = desks.into_iter().collect();
        begin_anywhere(&mut self.waiting);
        self.waiting.make_contiguous().sort_by_key(|(desk, _)| self.in_a_row.contains(desk));
        Ok(())
    }

    fn fired(&mut self, (desk, ticket): Place, fired: usize) {
        self.report.fired += fired;
        if fired == 0 {
            // Another worker walks the same page and was here before, so the rest is listed anew from where the page
            // began. This comes to an end, since no ticket is tried twice.
            self.tried.insert((desk.clone(), ticket));
            self.waiting.clear();
            self.listing = self.page.take();
        }
        // The store is well, so what failed before failed by itself.
        self.in_a_row.clear();
        self.failures.remove(&desk);
        self.served.insert(desk);
    }

    fn failed(&mut self, (desk, ticket): Place, error: Error) {
        self.tried.insert((desk.clone(), ticket));
        let may_be_the_stores = may_be_the_stores(&error);
        self.report.failed.push(FailedTicket { desk: desk.clone(), ticket, error });
        if !may_be_the_stores {
            return;
        }
        if !self.in_a_row.contains(&desk) {
            self.in_a_row.push(desk.clone());
        }
        if let Some(at) = self.waiting.iter().position(|(other, _)| *other == desk)
            && let Some((desk, mut tickets)) = self.waiting.remove(at)
        {
            begin_anywhere(&mut tickets);
            self.waiting.push_back((desk, tickets));
        }
        let failures = self.failures.entry(desk.clone()).or_default();
        *failures += 1;
        if *failures >= DESK_IS_BUSY {
            self.skipped(desk);
        }
        let is_other_next = self.waiting.front().is_some_and(|(desk, _)| !self.in_a_row.contains(desk));
        if self.in_a_row.len() > STORE_IS_BUSY {
            self.waiting.clear();
            self.listing = None;
        } else if self.in_a_row.len() == STORE_IS_BUSY && !is_other_next {
            self.in_a_row.clone().into_iter().for_each(|desk| self.skipped(desk));
        }
    }

    fn skipped(&mut self, desk: DeskId) {
        self.waiting.retain(|(other, _)| *other != desk);
        self.served.remove(&desk);
        // There is no other desk on further pages of one desk's timers.
        self.listing = self.listing.take().filter(|it| matches!(it, Listing::Everywhere(_)));
        if !self.report.skipped.contains(&desk) {
            self.report.skipped.push(desk);
        }
    }
}

/// Whether it says nothing of the ticket.
fn may_be_the_stores(error: &Error) -> bool {
    error.is_storage() && error.kind() != ErrorKind::Corrupt
}

fn begin_anywhere<T>(places: &mut VecDeque<T>) {
    if !places.is_empty() {
        let random = RandomState::new().build_hasher().finish() as usize;
        places.rotate_left(random % places.len());
    }
}

impl Job for Sweep {
    type Out = TickReport;

    fn next(&mut self) -> Option<JobStep<Sweep>> {
        while let Some((desk, tickets)) = self.waiting.front_mut() {
            if let Some(ticket) = tickets.pop_front() {
                let desk = desk.clone();
                let place = (desk.clone(), ticket);
                let fire = FireDue { ticket, context: self.context.clone() };
                let step = JobStep::new(fire, move |sweep: &mut Sweep, fired| {
                    match fired {
                        Ok(fired) => sweep.fired(place.clone(), fired),
                        Err(error) => sweep.failed(place.clone(), error),
                    }
                    Ok(())
                });
                return Some(step.at(desk));
            }
            self.waiting.pop_front();
        }
        let listing = self.listing.take()?;
        self.page = Some(listing.clone());
        let list = ListDue { listing, until: self.context.now, limit: self.limit };
        Some(JobStep::new(list, Sweep::listed))
    }

    fn finish(mut self) -> TickReport {
        let is_the_stores =
            self.in_a_row.len() >= STORE_IS_BUSY || (!self.in_a_row.is_empty() && self.served.is_empty());
        if self.report.stopped.is_none() && is_the_stores {
            let last = self.report.failed.iter().rfind(|it| may_be_the_stores(&it.error));
            self.report.stopped = last.map(|it| Error::new(it.error.kind(), it.to_string()));
        }
        self.report
    }
}
