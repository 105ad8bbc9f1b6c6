//! The sweep: whatever the clock owes, at one desk or at all of them, done once each.

mod leg;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::frame::Frame;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::Job;
use crate::id::{DeskId, TicketId};
use leg::{Leg, LegOut, Place};

pub(super) use leg::Listing;

/// What a sweep did, and what kept it from doing more. Whatever it could not do is still owed: the next sweep goes on.
#[derive(Debug, Default)]
#[must_use = "it says what failed, and whether the sweep came to its end"]
#[non_exhaustive]
pub struct Swept {
    /// How many timers fired.
    pub fired: usize,
    /// Tickets whose timers could not fire, and why: one that cannot be read, refuses, or is held by somebody else for
    /// too long. It does not stop the others.
    pub failed: Vec<Unfired>,
    /// Desks whose other tickets were left for the next sweep, because two in a row could not be had: somebody holds many
    /// of them, in one long transaction.
    pub put_aside: Vec<DeskId>,
    /// Why the sweep ended before its end: what is due could not be listed, or ticket after ticket failed in a way that
    /// is more likely the store's than the tickets' ([`Error::is_storage`]), and nothing fired that would show the store to
    /// be well. `None` if all was done, or failed, or was put aside.
    pub stopped: Option<Error>,
}

/// A ticket whose timers could not fire.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unfired {
    /// The desk.
    pub desk: DeskId,
    /// The ticket.
    pub ticket: TicketId,
    /// Why.
    pub error: Error,
}

impl fmt::Display for Unfired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ticket {} of desk {}: {}", self.ticket, self.desk.as_str(), self.error)
    }
}

/// So many tickets of a desk in a row, and the desk is put aside: each may wait out the patience of a store. One, which an
/// agent holds just now, is no reason.
const DESK_IS_BUSY: usize = 2;

/// So many desks in a row, and it is the store. Two will do if nothing is due at others and nothing fired.
const STORE_IS_BUSY: usize = 3;

/// It pages through what is due, and a ticket that fails stands in nobody's way.
///
/// No error says whether one ticket is held, all of a desk's, or the whole database. So it is found out: after a
/// failure the other desks come first, and this one again by a ticket from anywhere among its own.
#[derive(Debug)]
pub(super) struct Sweep {
    frame: Frame,
    page: usize,
    /// Where the next page begins; `None` after the last.
    listing: Option<Listing>,
    waiting: VecDeque<Place>,
    firing: Option<Place>,
    /// What failed once is not tried again for another of its timers.
    tried: HashSet<Place>,
    desks: HashMap<DeskId, Standing>,
    /// Where tickets failed in a row, with none that fired in between, in a way that may be the store's.
    in_a_row: Vec<DeskId>,
    /// The last of them, as long as it is open whose failure it is.
    suspect: Option<Unfired>,
    over: bool,
    swept: Swept,
}

/// How a desk fares in this sweep.
#[derive(Debug, Default)]
struct Standing {
    served: bool,
    /// Failures in a row that may be the store's.
    in_a_row: usize,
}

impl Sweep {
    pub(super) fn new(frame: Frame, listing: Listing, page: usize) -> Sweep {
        Sweep {
            frame,
            page,
            listing: Some(listing),
            waiting: VecDeque::new(),
            firing: None,
            tried: HashSet::new(),
            desks: HashMap::new(),
            in_a_row: Vec::new(),
            suspect: None,
            over: false,
            swept: Swept::default(),
        }
    }

    /// Whether some desk was served, and still is.
    fn is_well(&self) -> bool {
        self.desks.values().any(|it| it.served && it.in_a_row < DESK_IS_BUSY)
    }

    fn listed(&mut self, places: Vec<Place>) {
        // A ticket with several due timers lets all of them happen at once.
        let mut listed = HashSet::new();
        let is_aside = |desk: &DeskId| self.swept.put_aside.contains(desk);
        let places = places.into_iter().filter(|place| !is_aside(&place.0) && !self.tried.contains(place));
        self.waiting = places.filter(|place| listed.insert(place.clone())).collect();
        // Several workers see the same list: each begins at another place of it, lest all of them queue up at every
        // ticket, and the same ticket fails first in every sweep.
        begin_anywhere(&mut self.waiting);
    }

    fn fired(&mut self, (desk, _): Place, fired: usize) {
        self.swept.fired += fired;
        // The store is well, so what failed before failed by itself.
        self.swept.failed.extend(self.suspect.take());
        self.in_a_row.clear();
        self.desks.insert(desk, Standing { served: true, in_a_row: 0 });
    }

    fn failed(&mut self, place: Place, error: Error) {
        self.tried.insert(place.clone());
        let (desk, ticket) = place;
        let may_be_the_stores = error.is_storage() && error.kind() != ErrorKind::Corrupt;
        let unfired = Unfired { desk: desk.clone(), ticket, error };
        if !may_be_the_stores {
            self.swept.failed.push(unfired);
            return;
        }
        self.swept.failed.extend(self.suspect.replace(unfired));
        if !self.in_a_row.contains(&desk) {
            self.in_a_row.push(desk.clone());
        }
        let standing = self.desks.entry(desk.clone()).or_default();
        standing.in_a_row += 1;
        let (mut its_own, others): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|(other, _)| *other == desk);
        self.waiting = others;
        if standing.in_a_row < DESK_IS_BUSY {
            begin_anywhere(&mut its_own);
            self.waiting.append(&mut its_own);
        } else {
            self.swept.put_aside.push(desk);
            // There is no other desk on further pages of one desk's timers.
            self.listing = self.listing.take().filter(|it| matches!(it, Listing::Everywhere(_)));
        }
        let are_all =
            self.listing.is_none() && self.waiting.iter().all(|(desk, _)| self.in_a_row.contains(desk));
        let enough = if are_all && !self.is_well() { 2 } else { STORE_IS_BUSY };
        self.over = self.in_a_row.len() >= enough;
    }
}

fn begin_anywhere(places: &mut VecDeque<Place>) {
    if !places.is_empty() {
        let random = RandomState::new().build_hasher().finish() as usize;
        places.rotate_left(random % places.len());
    }
}

impl Job for Sweep {
    type Flow = Leg;
    type Out = Swept;

    fn next(&mut self) -> Option<Leg> {
        if self.over {
            return None;
        }
        self.firing = self.waiting.pop_front();
        match &self.firing {
            Some((_, ticket)) => Some(Leg::Fire { ticket: *ticket, frame: self.frame.clone() }),
            None => {
                let listing = self.listing.clone()?;
                Some(Leg::List { listing, until: self.frame.now, limit: self.page })
            }
        }
    }

    fn desk(&self) -> Option<&DeskId> {
        self.firing.as_ref().map(|(desk, _)| desk)
    }

    fn took(&mut self, result: Result<LegOut>) -> Result<()> {
        match (result, self.firing.take()) {
            (Ok(LegOut::Listed(places, next)), _) => {
                self.listing = next;
                self.listed(places);
            }
            (Ok(LegOut::Fired(fired)), Some(place)) => self.fired(place, fired),
            (Ok(LegOut::Fired(_)), None) => {}
            (Err(error), Some(place)) => self.failed(place, error),
            (Err(error), None) if error.is_storage() => {
                self.over = true;
                self.swept.stopped = Some(error);
            }
            (Err(error), None) => return Err(error),
        }
        Ok(())
    }

    fn finish(self) -> Swept {
        let is_well = self.is_well();
        let Sweep { mut swept, suspect, over, .. } = self;
        match suspect {
            Some(Unfired { ticket, error, .. }) if swept.stopped.is_none() && (over || !is_well) => {
                swept.stopped = Some(error.within(format_args!("ticket {ticket}")));
            }
            suspect => swept.failed.extend(suspect),
        }
        swept
    }
}
