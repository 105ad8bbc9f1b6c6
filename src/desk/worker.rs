//! The sweep over all desks of a database.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};

use super::sweep::{Listing, Sweep, TickReport};
use super::{Desk, PAGE, Settings};
use crate::operation::Engine;

/// Serves the clock for all desks of a database: a program that has many need not list them and
/// [tick](crate::Desk::tick) each.
///
/// Any number of workers may run, in any number of processes. What a ticket is owed happens in one transaction in
/// which the ticket is looked at anew, so that each timer fires once, and a worker that is killed leaves whole tickets
/// done and the others to the next.
///
/// ```
/// use firstline::desk::Settings;
/// use firstline::memory::Memory;
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
/// let worker = Worker::over(store);
/// let now = "2026-02-05T09:00:00Z".parse()?; // `Utc::now()`
/// # for fired in [2, 0] {
/// // In a program, in a `loop`:
/// let report = worker.drain(now)?;
/// report.failed.iter().for_each(|it| eprintln!("{it}"));
/// report.stopped.iter().for_each(|error| eprintln!("the next round goes on: {error}"));
/// // and a second of sleep.
/// # assert_eq!((report.fired, report.failed.len()), (fired, 0));
/// # }
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

impl<E> Worker<E> {
    /// A worker over an engine that can tell what is due at all desks, as those of this crate can.
    pub fn over(engine: E) -> Worker<E> {
        Worker { desk: Desk::over(engine, Settings::new("worker")), batch: PAGE }
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
    /// A ticket that fails stands in nobody's way. One that cannot be had costs the time for which the store waits for it,
    /// about ten seconds in those of this crate; so the others of its desk come after those of the other desks on the
    /// same page of the list ([`batch`](Worker::batch)), and after the second in a row they are
    /// [put aside](TickReport::skipped). If three desks cannot be served, with nothing served in between, the sweep tries
    /// one more, on whatever page it is; after the fourth, or if there is none, it ends and says what
    /// [stopped](TickReport::stopped) it. So a store that is busy or gone costs at most six such waits, and four where the
    /// desks are on one page.
    ///
    /// # Errors
    /// None that a store gives: what failed and what stopped the sweep is in [`TickReport`], beside what was done.
    pub fn drain(&self, now: DateTime<Utc>) -> E::Reply<'_, TickReport> {
        let sweep = Sweep::new(self.desk.context_at(now), Listing::Everywhere(None), self.batch.get());
        self.desk.engine.work(&self.desk.settings.desk, sweep)
    }
}
