//! The worker, which fires the due timers of all desks of a database.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};

use super::sweep::{Listing, Sweep, TickReport};
use super::{Desk, PAGE, Settings};
use crate::operation::Engine;

/// Fires the due timers of all desks of a database. A program with many desks can use it instead of a
/// [tick](crate::Desk::tick) for each desk.
///
/// Any number of workers may run, in any number of processes. The due timers of a ticket fire in one transaction, which
/// reads the ticket again, so that each timer fires once. If a worker is killed, every ticket has fired either all of
/// its due timers or none of them, and the next worker fires the rest.
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
/// // A program does this in a loop, with a sleep of a second between rounds:
/// let report = worker.tick(now)?;
/// report.failed.iter().for_each(|it| eprintln!("{it}"));
/// report.stopped.iter().for_each(|error| eprintln!("retrying in the next round: {error}"));
/// # assert_eq!((report.fired, report.failed.len()), (fired, 0));
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a worker does nothing until `tick` is called"]
pub struct Worker<E> {
    /// A desk that is used only for its settings and its cache of definitions.
    desk: Desk<E>,
    batch: NonZeroUsize,
}

impl<E> Worker<E> {
    /// Creates a worker over an engine. The engine must be able to list the timers that are due at all desks, as all
    /// engines of this crate can.
    pub fn over(engine: E) -> Worker<E> {
        Worker { desk: Desk::over(engine, Settings::new("worker")), batch: PAGE }
    }

    /// Sets the number of due timers that are listed at once. Default: 200. Each ticket still has its own transaction.
    pub fn batch(mut self, batch: NonZeroUsize) -> Worker<E> {
        self.batch = batch;
        self
    }
}

impl<E: Engine> Worker<E> {
    /// Fires the timers that are due at `now` at every desk, as [`Desk::tick`] does at one desk. If nothing is due, it
    /// makes two index lookups.
    ///
    /// A ticket that fails does not block the others. A locked ticket costs the time that the store waits for its lock,
    /// by default ten seconds in the SQLite and PostgreSQL stores. To limit these waits:
    ///
    /// - After a failure, the other desks on the same page of the list ([`batch`](Worker::batch)) are tried before the
    ///   remaining tickets of the failing desk.
    /// - After two failures in a row, the desk is [skipped](TickReport::skipped).
    /// - After failures at three desks with no success in between, the sweep tries one more desk, on the same page or
    ///   on a later page. The sweep ends if this desk fails as well, or if no other desk has due timers. The report
    ///   then contains the error as [`stopped`](TickReport::stopped).
    ///
    /// A busy or unavailable store therefore costs at most six waits, or four if the desks are on one page.
    ///
    /// # Errors
    /// None from the store. Failed tickets and the error that stopped the sweep are in the [`TickReport`].
    pub fn tick(&self, now: DateTime<Utc>) -> E::Reply<'_, TickReport> {
        let sweep = Sweep::new(self.desk.context_at(now), Listing::Everywhere(None), self.batch.get());
        self.desk.engine.run_job(&self.desk.settings.desk, sweep)
    }
}
