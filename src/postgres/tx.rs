//! One transaction: what it claims, reads and writes, on whatever connection.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::{OptionFuture, join, join_all, join3, join4};

use super::answer::{Meanings, answer, claimed, ticket_from};
use super::connection::PgConnection;
use super::driver::{Columns, Statement};
use super::fault::Fault;
use super::sql::Shared;
use super::wire::Wire;
use crate::codec;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, TicketId};
use crate::operation::async_store::AsyncTx;
use crate::store::commit::{Commit, TicketWrite};
use crate::store::query::Query;
use crate::store::read::{Answer, Read, number_after};
use crate::store::{Changes, Claimed, Cursor, Expected, Lock, LockMode, Mode, RecordKind, RecordWrite};
use crate::ticket::conflict::Conflict;
use crate::ticket::snapshot::Snapshot;

/// How many rows a search takes at most in one go.
const BATCH: usize = 2_000;

/// How a transaction begins and ends.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) begin: Option<&'static str>,
    pub(super) commit: &'static str,
    /// Ends it without writing, after a failed statement too.
    pub(super) leave: Option<&'static str>,
    /// Whether the end of it is the end of the transaction: what is committed then is safe.
    pub(super) own: bool,
}

/// A transaction in PostgreSQL, on a connection of its own or inside the host's. Made by a desk's engine.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) shared: &'a Shared,
    pub(super) desk: DeskId,
    pub(super) mode: Mode,
    pub(super) door: &'static Door,
    pub(super) state: State,
    /// What is locked, and how firmly.
    held: BTreeMap<Lock, LockMode>,
    /// The tickets as they were read.
    tickets: HashMap<TicketId, Arc<Snapshot>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was sent.
    New,
    /// Something was sent, and the transaction may be open.
    Open,
    /// It has ended.
    Over,
}

/// A statement, ready on its connection.
struct Prepared<'s, W: Wire>(W::Ready, Statement<'s>);

impl<W: Wire> Prepared<'_, W> {
    async fn send(&self, wire: &W) -> Result<Vec<W::Row>, Fault> {
        wire.send(&self.0, &self.1).await
    }
}

impl<'a> Work<'a> {
    pub(super) fn new(shared: &'a Shared, desk: &DeskId, mode: Mode, door: &'static Door) -> Work<'a> {
        Work {
            shared,
            desk: desk.clone(),
            mode,
            door,
            state: State::New,
            held: BTreeMap::new(),
            tickets: HashMap::new(),
        }
    }

    fn error(&self, fault: Fault) -> Error {
        if self.door.own { fault.into_error() } else { fault.into_error_within() }
    }

    async fn ready<'s, W: Wire>(
        &self,
        wire: &W,
        statement: Option<Statement<'s>>,
    ) -> Result<Option<Prepared<'s, W>>> {
        match statement {
            Some(statement) => {
                let ready = wire.ready(&statement).await.map_err(|fault| self.error(fault))?;
                Ok(Some(Prepared(ready, statement)))
            }
            None => Ok(None),
        }
    }

    /// What these reads lock beyond what is locked already.
    fn more_locks(&self, locks: impl Iterator<Item = (Lock, LockMode)>) -> BTreeMap<Lock, LockMode> {
        let mut more: BTreeMap<Lock, LockMode> = BTreeMap::new();
        for (lock, mode) in locks {
            if self.held.get(&lock).is_none_or(|held| *held < mode) {
                let firmest = more.entry(lock).or_insert(mode);
                *firmest = mode.max(*firmest);
            }
        }
        more
    }

    /// The script that begins the transaction, if nothing has begun it, and takes these locks.
    fn beginning(&self, locks: Option<String>) -> Option<String> {
        let begin = self.door.begin.filter(|_| self.state == State::New).map(str::to_owned);
        match (begin, locks) {
            (Some(begin), Some(locks)) => Some(begin + "; " + &locks),
            (begin, locks) => begin.or(locks),
        }
    }

    /// The [`beginning`](Work::beginning) failed, before which the state was this.
    fn not_begun(&mut self, before: State, fault: Fault) -> Error {
        // Perhaps there is no savepoint of ours to go back to, and an older one's must not be gone back to. If a lock
        // could not be had, there is.
        if before == State::New && !self.door.own && !fault.is_about_a_lock() {
            self.state = State::Over;
        }
        self.error(fault)
    }

    /// Answers the reads in one round trip. First it takes the locks in their order.
    pub(super) async fn load<W: Wire>(&mut self, wire: &W, reads: &[Read]) -> Result<Vec<Answer>> {
        let writes = self.mode == Mode::Write;
        let more =
            if writes { self.more_locks(reads.iter().filter_map(Read::lock)) } else { BTreeMap::new() };
        let keys = more.iter().filter(|(lock, _)| **lock < Lock::Numbers);
        let numbers = more.iter().filter(|(lock, _)| **lock == Lock::Numbers);
        // Tickets of which only the history is asked for are locked with the others.
        let mut ids: Vec<TicketId> = reads
            .iter()
            .filter_map(|read| match read {
                Read::Ticket(id) => Some(*id),
                Read::History { ticket, .. } if writes => Some(*ticket),
                _ => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();

        // Everything is prepared before anything is sent, so that the order of sending is the order of execution.
        let begin = self.beginning(self.shared.sql.locks(&self.desk, keys));
        let numbers = self.shared.sql.locks(&self.desk, numbers);
        let tickets = self.ready(wire, self.shared.sql.tickets(&self.desk, &ids, self.mode)).await?;
        let mut others = Vec::with_capacity(reads.len());
        for read in reads {
            others.push(self.ready(wire, self.shared.sql.read(&self.desk, read, self.mode)).await?);
        }
        let before = std::mem::replace(&mut self.state, State::Open);
        wire.claiming(more.len());
        let (begun, tickets, numbers, others) = join4(
            OptionFuture::from(begin.as_deref().map(|sql| wire.script(sql))),
            OptionFuture::from(tickets.as_ref().map(|it| it.send(wire))),
            OptionFuture::from(numbers.as_deref().map(|sql| wire.script(sql))),
            join_all(others.iter().map(|it| OptionFuture::from(it.as_ref().map(|it| it.send(wire))))),
        )
        .await;
        // The first that failed says why; those after it only that something did.
        begun.transpose().map_err(|fault| self.not_begun(before, fault))?;
        let tickets = tickets.transpose().map_err(|fault| self.error(fault))?;
        numbers.transpose().map_err(|fault| self.error(fault))?;
        self.held.extend(more);
        for row in tickets.iter().flatten() {
            let ticket = ticket_from(row, &self.shared.recent)?;
            self.tickets.insert(ticket.id, ticket);
        }
        let mut answers = Vec::with_capacity(reads.len());
        for (read, rows) in reads.iter().zip(others) {
            let rows = rows.transpose().map_err(|fault| self.error(fault))?.unwrap_or_default();
            answers.push(match read {
                Read::Ticket(id) => Answer::Ticket(self.tickets.get(id).cloned()),
                Read::Find(query) => Answer::Tickets(self.find(wire, query).await?),
                Read::NextNumber { place } => {
                    let last = rows.first().map_or(Ok(0), |row| row.unsigned(0))?;
                    Answer::Number(number_after(last, *place))
                }
                read => answer(read, &rows)?,
            });
        }
        Ok(answers)
    }

    async fn find<W: Wire>(&self, wire: &W, query: &Query) -> Result<Vec<Arc<Snapshot>>> {
        let mut found = Vec::new();
        let mut after: Option<Cursor> = query.cursor().cloned();
        let mut batch = query.page_size();
        loop {
            let statement = self.shared.sql.find(&self.desk, query, after.as_ref(), batch);
            let Some(statement) = self.ready(wire, statement).await? else { return Ok(found) };
            let rows = statement.send(wire).await.map_err(|fault| self.error(fault))?;
            let last = rows.len() < batch;
            for row in rows {
                let ticket = ticket_from(&row, &self.shared.recent)?;
                after = Some(query.place(&ticket));
                if query.matches(&ticket) {
                    found.push(ticket);
                    if found.len() == query.page_size() {
                        return Ok(found);
                    }
                }
            }
            if last {
                return Ok(found);
            }
            batch = (batch * 4).min(BATCH);
        }
    }

    pub(super) async fn commit<W: Wire>(&mut self, wire: &W, commit: Commit) -> Result<()> {
        // What is written is locked too. Whoever decides reads it first as a rule, so that nothing is left to lock.
        let unread = self.more_locks(locks_of(&commit));
        let begin = self.beginning(self.shared.sql.locks(&self.desk, unread.iter()));
        let (tickets, records) = commit.into_parts()?;
        let expected: Vec<_> = tickets.iter().map(|it| (it.snapshot.id, it.expected)).collect();
        let versions: Vec<_> = records.iter().filter_map(version_of).collect();
        let waits_as_before = |write: &TicketWrite| match self.tickets.get(&write.snapshot.id) {
            Some(before) => before.timers() == write.timers,
            None => write.expected == 0 && write.timers.is_empty(),
        };
        let statement = self.shared.write(&self.desk, tickets, records, waits_as_before)?;
        let Some(statement) = self.ready(wire, Some(statement)).await? else { return Ok(()) };
        let before = std::mem::replace(&mut self.state, State::Open);
        wire.claiming(unread.len());
        if let Some(begin) = begin {
            // A commit of somebody who has read nothing, or not all.
            wire.script(&begin).await.map_err(|fault| self.not_begun(before, fault))?;
        }
        let (written, ended) = join(statement.send(wire), wire.script(self.door.commit)).await;
        let own = self.door.own;
        if own && ended.is_ok() {
            self.state = State::Over; // A failed statement makes the end of it a rollback.
        }
        let fault = match (written, ended) {
            (Ok(_), Ok(())) => {
                self.state = State::Over;
                return Ok(());
            }
            (Err(fault), _) if own && fault.is_unheard() => return Err(fault.into_unknown()),
            (Ok(_), Err(fault)) if own && fault.leaves_open() => return Err(fault.into_unknown()),
            (Err(fault), _) | (Ok(_), Err(fault)) => fault,
        };
        self.end(wire).await;
        if !fault.is_mismatch() {
            return Err(self.error(fault));
        }
        if let Some(stale) = self.stale(wire, &expected).await? {
            return Err(stale);
        }
        if let Some(stale) = self.stale_record(wire, &versions).await? {
            return Err(stale);
        }
        let unseen = !own && self.is_strict(wire).await;
        Err(self.error(if unseen { fault.of_what_is_not_seen() } else { fault }))
    }

    /// Whether the host's transaction sees everything as it was when it began, however firmly it is claimed since.
    async fn is_strict<W: Wire>(&self, wire: &W) -> bool {
        let level = Statement::new("SELECT current_setting('transaction_isolation')", Vec::new());
        let Ok(Some(level)) = self.ready(wire, Some(level)).await else { return false };
        let rows = level.send(wire).await.unwrap_or_default();
        rows.first().is_some_and(|row| row.text(0).is_ok_and(|level| level != "read committed"))
    }

    /// Whose version is not the expected one, if it is that.
    async fn stale<W: Wire>(&self, wire: &W, expected: &[(TicketId, u64)]) -> Result<Option<Error>> {
        let ids: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
        let Some(statement) = self.ready(wire, self.shared.sql.tickets(&self.desk, &ids, Mode::Read)).await?
        else {
            return Ok(None);
        };
        let mut found = HashMap::new();
        for row in statement.send(wire).await.map_err(|fault| self.error(fault))? {
            let ticket = ticket_from(&row, &self.shared.recent)?;
            found.insert(ticket.id, ticket);
        }
        for (id, expected) in expected {
            match found.remove(id) {
                Some(found) if found.version != *expected => {
                    return Ok(Some(
                        Conflict::new(*id, *expected, found.version, found.state.clone()).into(),
                    ));
                }
                None if *expected > 0 => return Ok(Some(Error::not_found(format_args!("ticket {id}")))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The error for a record whose version is not the expected one, if it is that.
    async fn stale_record<W: Wire>(
        &self,
        wire: &W,
        versions: &[(RecordKind, String, Option<u64>)],
    ) -> Result<Option<Error>> {
        for (kind, key, expected) in versions {
            let read = self.shared.sql.read(&self.desk, &Read::record(*kind, key.as_str()), Mode::Read);
            let Some(statement) = self.ready(wire, read).await? else { continue };
            let rows = statement.send(wire).await.map_err(|fault| self.error(fault))?;
            let found = rows.first().map(|row| row.unsigned(1)).transpose()?;
            if found != *expected {
                return Ok(Some(kind.conflict()));
            }
        }
        Ok(None)
    }

    /// Claims due records of any desk, and ends the transaction.
    pub(super) async fn claim<W: Wire>(
        &mut self,
        wire: &W,
        kind: RecordKind,
        limit: usize,
        lease: TimeDelta,
    ) -> Result<Vec<Claimed>> {
        let statement = Some(self.shared.sql.claim(kind, limit, lease));
        let Some(statement) = self.ready(wire, statement).await? else { return Ok(Vec::new()) };
        // By itself the statement is a transaction of its own. In the host's it needs a savepoint to go back to.
        let begin = self.door.begin.filter(|_| !self.door.own);
        let before = std::mem::replace(&mut self.state, State::Open);
        let (begun, rows, ended) = join3(
            OptionFuture::from(begin.map(|sql| wire.script(sql))),
            statement.send(wire),
            OptionFuture::from(begin.map(|_| wire.script(self.door.commit))),
        )
        .await;
        begun.transpose().map_err(|fault| self.not_begun(before, fault))?;
        let rows = rows.map_err(|fault| match self.door.own && fault.leaves_open() {
            true => fault.into_unknown_claim(),
            false => self.error(fault),
        })?;
        ended.transpose().map_err(|fault| self.error(fault))?;
        self.state = State::Over;
        rows.iter().map(claimed).collect()
    }

    /// The server's clock.
    pub(super) async fn now<W: Wire>(&self, wire: &W) -> Result<DateTime<Utc>> {
        let Some(statement) = self.ready(wire, Some(self.shared.sql.now())).await? else {
            return Err(Self::no_clock());
        };
        let rows = statement.send(wire).await.map_err(|fault| self.error(fault))?;
        rows.first().ok_or_else(Self::no_clock)?.integer(0).and_then(codec::instant)
    }

    fn no_clock() -> Error {
        Error::new(ErrorKind::Storage, "the database server did not say what time it is")
    }

    pub(super) async fn end<W: Wire>(&mut self, wire: &W) {
        let open = std::mem::replace(&mut self.state, State::Over) == State::Open;
        let Some(leave) = self.door.leave.filter(|_| open) else { return };
        // A connection on which this fails is broken, and the transaction gone with it. On one of ours it is enough to
        // have sent it, because whatever is sent next comes after it.
        let left = wire.script(leave);
        let _ = if self.door.own { left.now_or_never() } else { Some(left.await) };
    }
}

/// What a commit locks: the records whose version it expects.
fn locks_of(commit: &Commit) -> impl Iterator<Item = (Lock, LockMode)> {
    let known = |it: &&RecordWrite| version_of(it).is_some() && it.kind.changes() != Changes::Never;
    commit.records().filter(known).map(|it| (Lock::Record(it.kind, it.key.clone()), LockMode::Exclusive))
}

/// The version that must be stored, if the write says one.
fn version_of(write: &RecordWrite) -> Option<(RecordKind, String, Option<u64>)> {
    let version = match write.expected {
        Expected::Absent => None,
        Expected::Version(version) => Some(version),
        Expected::VersionOrSkip(_) | Expected::Any => return None,
    };
    Some((write.kind, write.key.clone(), version))
}

/// A transaction of the pool's: dropped while it is open, it is rolled back.
#[derive(Debug)]
pub struct PostgresTx<'a> {
    pub(super) work: Work<'a>,
    pub(super) line: Option<PgConnection>,
}

impl PostgresTx<'_> {
    fn closed() -> Error {
        Error::new(ErrorKind::Storage, "the transaction is over")
    }

    pub(super) async fn now(&mut self) -> Result<DateTime<Utc>> {
        let line = self.line.as_ref().ok_or_else(Self::closed)?;
        self.work.now(line).await
    }

    pub(super) async fn claim(
        &mut self,
        kind: RecordKind,
        limit: usize,
        lease: TimeDelta,
    ) -> Result<Vec<Claimed>> {
        let line = self.line.as_ref().ok_or_else(Self::closed)?;
        self.work.claim(line, kind, limit, lease).await
    }
}

impl AsyncTx for PostgresTx<'_> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let line = self.line.as_ref().ok_or_else(Self::closed)?;
        self.work.load(line, reads).await
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        let line = self.line.as_ref().ok_or_else(Self::closed)?;
        self.work.commit(line, commit).await
    }

    async fn end(&mut self) {
        if let Some(line) = self.line.take() {
            self.work.end(&line).await;
            line.give_back();
        }
    }
}

impl Drop for PostgresTx<'_> {
    fn drop(&mut self) {
        match self.line.take() {
            Some(line) if self.work.state == State::Open => line.abandon(),
            Some(line) => line.give_back(),
            None => {}
        }
    }
}
