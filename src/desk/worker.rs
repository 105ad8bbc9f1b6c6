//! The sweep over all desks of a database.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::tick::{TickFlow, TickOut};
use super::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Engine, Flow, Halt, Job, Label, Seen};
use crate::id::{DeskId, TicketId};
use crate::store::{Commit, Mode, Owed, Read};

/// How many tickets are listed at once, if not said.
const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// Serves the clock for all desks of a database: a program that has many need not list them and
/// [tick](crate::Desk::tick) each.
///
/// Any number of workers may run, in any number of processes. What a ticket is owed happens in one transaction in
/// which the ticket is looked at anew, so that each timer fires once, and a worker that is killed leaves whole tickets
/// done and the others to the next.
///
/// ```
/// use firstline::desk::Settings;
/// use firstline::store::memory::Memory;
/// use firstline::time::{ManualTime, TimeDelta};
/// use firstline::{Action, Actor, NewTicket, Worker};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, time) = (Memory::new(), ManualTime::at("2026-01-05T09:00:00Z".parse()?));
/// for name in ["acme", "beta"] {
///     let desk = store.desk(Settings::new(name).time(time.clone()));
///     let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
///     desk.act(ticket.id(), Action::resolve("unmuted"), Actor::agent("anna"))?;
/// }
///
/// // In a program: `loop { worker.drain(Utc::now())?; sleep(a second) }`.
/// let worker = Worker::over(store);
/// let drained = worker.drain("2026-02-05T09:00:00Z".parse()?)?;
/// assert_eq!((drained.fired, drained.failed.len()), (2, 0));
/// assert_eq!(worker.drain("2026-02-05T09:00:00Z".parse()?)?.fired, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a worker does nothing until it drains"]
pub struct Worker<E> {
    /// A desk that lends its settings and keeps the policies that were read. Nothing happens at it.
    desk: Desk<E>,
    batch: NonZeroUsize,
}

/// What a worker did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Drained {
    /// How many timers fired.
    pub fired: usize,
    /// Tickets whose timers could not fire, and why: one that cannot be read, or that somebody else holds for too long.
    /// It does not stop the others.
    pub failed: Vec<(DeskId, TicketId, Error)>,
}

impl<E> Worker<E> {
    /// A worker over an engine that can tell what is due at all desks, as those of this crate can.
    pub fn over(engine: E) -> Worker<E> {
        Worker { desk: Desk::over(engine, Settings::new("worker")), batch: BATCH }
    }

    /// Lists so many tickets at once; 200 if not said. Each is a transaction of its own all the same.
    pub fn batch(mut self, batch: NonZeroUsize) -> Worker<E> {
        self.batch = batch;
        self
    }
}

impl<E: Engine> Worker<E> {
    /// Lets everything happen, at every desk, that the clock owes at `now`, as [`Desk::tick`] does at one. With
    /// nothing due it is one question to an index.
    ///
    /// # Errors
    /// [storage](Error::is_storage), which ends it: what was done stays done, and the next call goes on. A ticket that
    /// cannot be read, refuses, or is held by somebody else is in [`Drained::failed`]; only if several in a row are
    /// [busy](ErrorKind::Busy), the store is.
    pub fn drain(&self, now: DateTime<Utc>) -> E::Reply<'_, Drained> {
        let drain = Drain {
            frame: self.desk.frame_at(now),
            batch: self.batch.get(),
            waiting: VecDeque::new(),
            last: None,
            firing: None,
            exhausted: false,
            busy: 0,
            drained: Drained::default(),
        };
        self.desk.engine.work(&self.desk.settings.desk, drain)
    }
}

/// It pages through what is due in its order, so that a ticket which fails stands in nobody's way.
#[derive(Debug)]
struct Drain {
    frame: Frame,
    batch: usize,
    waiting: VecDeque<(DeskId, TicketId)>,
    last: Option<Owed>,
    firing: Option<(DeskId, TicketId)>,
    exhausted: bool,
    /// How many tickets in a row were busy.
    busy: usize,
    drained: Drained,
}

/// So many tickets in a row are busy, each for as long as a store has patience, only where the store is.
const STORE_IS_BUSY: usize = 3;

impl Drain {
    /// Whether the error lies in the ticket. What lies in the store would meet every other ticket too.
    fn failed_by_itself(&mut self, error: &Error) -> bool {
        self.busy = if error.is_retryable() { self.busy + 1 } else { 0 };
        match error.kind() {
            ErrorKind::Corrupt => true,
            ErrorKind::Busy => self.busy < STORE_IS_BUSY,
            _ => !error.is_storage(),
        }
    }
}

impl Job for Drain {
    type Flow = Leg;
    type Out = Drained;

    fn next(&mut self) -> Option<Leg> {
        self.firing = self.waiting.pop_front();
        let frame = self.frame.clone();
        match &self.firing {
            Some((_, ticket)) => Some(Leg::Fire(TickFlow::Fire { ticket: *ticket, frame })),
            None if self.exhausted => None,
            None => Some(Leg::List { until: frame.now, after: self.last.clone(), limit: self.batch }),
        }
    }

    fn desk(&self) -> Option<&DeskId> {
        self.firing.as_ref().map(|(desk, _)| desk)
    }

    fn took(&mut self, result: Result<LegOut>) -> Result<()> {
        match (result, self.firing.take()) {
            (Ok(LegOut::Listed(owed)), _) => {
                self.exhausted = owed.len() < self.batch;
                self.last = owed.last().cloned().or(self.last.take());
                // A ticket with several due timers lets all of them happen at once.
                let mut listed = HashSet::new();
                let places = owed.into_iter().map(|it| (it.desk, it.ticket));
                self.waiting = places.filter(|place| listed.insert(place.clone())).collect();
                // Several workers see the same list: each begins at another place of it, lest all of them queue up
                // at every ticket.
                if let Some(length) = NonZeroUsize::new(self.waiting.len()) {
                    let random = RandomState::new().build_hasher().finish() as usize;
                    self.waiting.rotate_left(random % length);
                }
            }
            (Ok(LegOut::Fired(fired)), _) => {
                self.busy = 0;
                self.drained.fired += fired;
            }
            (Err(error), Some((desk, ticket))) if self.failed_by_itself(&error) => {
                self.drained.failed.push((desk, ticket, error));
            }
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }

    fn finish(self) -> Drained {
        self.drained
    }
}

/// One leg of the way.
#[derive(Debug)]
enum Leg {
    /// Lists what is due, claiming nothing.
    List { until: DateTime<Utc>, after: Option<Owed>, limit: usize },
    /// Lets happen what one ticket is owed.
    Fire(TickFlow),
}

#[derive(Debug)]
enum LegOut {
    Listed(Vec<Owed>),
    Fired(usize),
}

impl Flow for Leg {
    type Out = LegOut;

    fn label(&self) -> Label {
        match self {
            Leg::List { .. } => Label::new("list_owed"),
            Leg::Fire(fire) => fire.label(),
        }
    }

    fn mode(&self) -> Mode {
        match self {
            Leg::List { .. } => Mode::Read,
            Leg::Fire(fire) => fire.mode(),
        }
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        if let Leg::Fire(fire) = self {
            fire.needs(reads);
        }
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, LegOut), Halt> {
        match self {
            Leg::List { until, after, limit } => {
                let owed = seen.owed(*until, after.as_ref(), *limit)?;
                Ok((Commit::default(), LegOut::Listed(owed.to_vec())))
            }
            Leg::Fire(fire) => {
                let (commit, out) = fire.decide(seen)?;
                let fired = match out {
                    TickOut::Fired(fired) => fired,
                    TickOut::Listed(_) => 0,
                };
                Ok((commit, LegOut::Fired(fired)))
            }
        }
    }
}
