//! A transaction: its locks, reads and writes, on any connection.

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
use super::tx_control::TxControl;
use super::wire::Wire;
use crate::codec;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, TicketId};
use crate::operation::async_store::AsyncTx;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read, number_after};
use crate::store::{
    Changes, Claimed, Cursor, Expected, GroupBy, Lock, LockMode, Mode, Query, RecordKind, RecordWrite,
};
use crate::ticket::conflict::Conflict;
use crate::ticket::snapshot::Snapshot;

/// The maximum number of rows that a search fetches at once.
const BATCH: usize = 2_000;

/// A transaction in PostgreSQL, on a pooled connection or inside the host's transaction.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) shared: &'a Shared,
    pub(super) desk: DeskId,
    pub(super) mode: Mode,
    pub(super) control: &'a TxControl,
    pub(super) state: State,
    /// The locks held, with their modes.
    held: BTreeMap<Lock, LockMode>,
    /// The tickets that were read, in the version that was read.
    tickets: HashMap<TicketId, Arc<Snapshot>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has been sent.
    New,
    /// A statement has been sent, so the transaction may be open.
    Open,
    /// The transaction has ended.
    Over,
}

/// A statement that is prepared on its connection.
struct Prepared<'s, W: Wire>(W::Ready, Statement<'s>);

impl<W: Wire> Prepared<'_, W> {
    async fn send(&self, wire: &W) -> Result<Vec<W::Row>, Fault> {
        wire.send(&self.0, &self.1).await
    }
}

impl<'a> Work<'a> {
    pub(super) fn new(shared: &'a Shared, desk: &DeskId, mode: Mode, control: &'a TxControl) -> Work<'a> {
        Work {
            shared,
            desk: desk.clone(),
            mode,
            control,
            state: State::New,
            held: BTreeMap::new(),
            tickets: HashMap::new(),
        }
    }

    fn error(&self, fault: Fault) -> Error {
        if self.control.own { fault.into_error() } else { fault.into_error_within() }
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

    /// Returns the locks that are not yet held, or not in a mode that is strong enough.
    fn more_locks(&self, locks: impl Iterator<Item = (Lock, LockMode)>) -> BTreeMap<Lock, LockMode> {
        let mut more: BTreeMap<Lock, LockMode> = BTreeMap::new();
        for (lock, mode) in locks {
            if self.held.get(&lock).is_none_or(|held| *held < mode) {
                let strongest = more.entry(lock).or_insert(mode);
                *strongest = mode.max(*strongest);
            }
        }
        more
    }

    /// Returns the script that begins the transaction, unless it has begun, and takes these locks.
    fn beginning(&self, locks: Option<String>) -> Option<String> {
        let begin = self.control.begin.as_deref().filter(|_| self.state == State::New).map(str::to_owned);
        match (begin, locks) {
            (Some(begin), Some(locks)) => Some(begin + "; " + &locks),
            (begin, locks) => begin.or(locks),
        }
    }

    /// Handles a failure of the [`beginning`](Work::beginning). `before` is the state before it was sent.
    fn not_begun<W: Wire>(&mut self, wire: &W, before: State, fault: Fault) -> Error {
        if before == State::New && self.control.own && fault.is_failed_verification() {
            // Later transactions prepare no statements. The command is tried again.
            wire.session_is_shared();
            return self.error(Fault::other_session());
        }
        // Our savepoint may not exist, and we must not roll back to an older one. If only a lock failed, our savepoint
        // exists.
        if before == State::New && !self.control.own && !fault.is_lock_failure() {
            self.state = State::Over;
        }
        self.error(fault)
    }

    /// A statement for a time when no transaction is open, so that the session is not verified.
    fn unprepared<'s, W: Wire>(wire: &W, statement: Statement<'s>) -> Prepared<'s, W> {
        Prepared(wire.unprepared(), statement)
    }

    /// Answers the reads in one round trip. Each search takes at least one more, and so does the first use of a
    /// statement on a connection. The locks are taken first, in their order.
    pub(super) async fn load<W: Wire>(&mut self, wire: &W, reads: &[Read]) -> Result<Vec<Answer>> {
        let writes = self.mode == Mode::Write;
        let more =
            if writes { self.more_locks(reads.iter().filter_map(Read::lock)) } else { BTreeMap::new() };
        let keys = more.iter().filter(|(lock, _)| **lock < Lock::Numbers);
        let numbers = more.iter().filter(|(lock, _)| **lock == Lock::Numbers);
        // A command that reads only the history of a ticket locks the ticket too.
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

        // All statements are prepared before any is sent, so that they are executed in the order in which they are
        // sent.
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
        // Report the first failure. The later ones only follow from it.
        begun.transpose().map_err(|fault| self.not_begun(wire, before, fault))?;
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
                Read::Count { query, by } => Answer::Groups(self.count(wire, query, *by).await?),
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
                after = Some(query.cursor_of(&ticket));
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

    /// Counts the tickets of a query by group: from the columns if they decide, else from the tickets, page by page.
    async fn count<W: Wire>(&self, wire: &W, query: &Query, by: GroupBy) -> Result<BTreeMap<String, u64>> {
        let query = query.clone().after(None).limit(BATCH);
        let mut counts = BTreeMap::new();
        if query.is_decided_by_columns() {
            let statement = self.shared.sql.count(&self.desk, &query, by);
            let Some(statement) = self.ready(wire, statement).await? else { return Ok(counts) };
            for row in statement.send(wire).await.map_err(|fault| self.error(fault))? {
                counts.insert(row.text(0)?.to_owned(), row.unsigned(1)?);
            }
            return Ok(counts);
        }
        let mut page = query.clone();
        loop {
            let found = self.find(wire, &page).await?;
            for (key, count) in query.count(by, found.iter().map(|ticket| &**ticket)) {
                *counts.entry(key).or_default() += count;
            }
            match found.last().filter(|_| found.len() == BATCH) {
                Some(last) => page = query.clone().after(query.cursor_of(last)),
                None => return Ok(counts),
            }
        }
    }

    pub(super) async fn commit<W: Wire>(&mut self, wire: &W, commit: Commit) -> Result<()> {
        // Records with an expected version are locked before they are written. Usually the operation has already read
        // them and so locked them.
        let unread = self.more_locks(locks_of(&commit));
        let begin = self.beginning(self.shared.sql.locks(&self.desk, unread.iter()));
        let (tickets, records) = commit.into_parts()?;
        let expected: Vec<_> = tickets.iter().map(|it| (it.snapshot.id, it.expected)).collect();
        let versions: Vec<_> = records.iter().filter_map(version_of).collect();
        let statement = self.shared.write(&self.desk, tickets, records, &self.tickets)?;
        let Some(statement) = self.ready(wire, Some(statement)).await? else { return Ok(()) };
        let before = std::mem::replace(&mut self.state, State::Open);
        wire.claiming(unread.len());
        if let Some(begin) = begin {
            // The operation writes something that it has not read and so has not locked.
            wire.script(&begin).await.map_err(|fault| self.not_begun(wire, before, fault))?;
        }
        let (written, ended) = join(statement.send(wire), wire.script(self.control.commit)).await;
        let own = self.control.own;
        if own && ended.is_ok() {
            self.state = State::Over; // After a failed statement, `COMMIT` rolls back.
        }
        let fault = match (written, ended) {
            (Ok(_), Ok(())) => {
                self.state = State::Over;
                return Ok(());
            }
            (Err(fault), _) if own && fault.has_no_answer() => return Err(fault.into_unknown()),
            (Ok(_), Err(fault)) if own && fault.commit_is_uncertain() => return Err(fault.into_unknown()),
            (Err(fault), _) | (Ok(_), Err(fault)) => fault,
        };
        self.rollback(wire).await;
        if !fault.is_mismatch() {
            return Err(self.error(fault));
        }
        if let Some(stale) = self.stale(wire, &expected).await? {
            return Err(stale);
        }
        if let Some(stale) = self.stale_record(wire, &versions).await? {
            return Err(stale);
        }
        let stale_snapshot = !own && self.reads_from_snapshot(wire).await;
        Err(self.error(if stale_snapshot { fault.into_serialization_failure() } else { fault }))
    }

    /// True if the host's transaction reads from a snapshot, so that it does not see later changes to rows that it
    /// locks.
    async fn reads_from_snapshot<W: Wire>(&self, wire: &W) -> bool {
        let level = Statement::new("SELECT current_setting('transaction_isolation')", Vec::new());
        let Ok(Some(level)) = self.ready(wire, Some(level)).await else { return false };
        let rows = level.send(wire).await.unwrap_or_default();
        rows.first().is_some_and(|row| row.text(0).is_ok_and(|level| level != "read committed"))
    }

    /// Returns the error for a ticket with an unexpected version, if that is why the commit failed.
    async fn stale<W: Wire>(&self, wire: &W, expected: &[(TicketId, u64)]) -> Result<Option<Error>> {
        let ids: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
        let Some(statement) = self.shared.sql.tickets(&self.desk, &ids, Mode::Read) else { return Ok(None) };
        let mut found = HashMap::new();
        for row in Self::unprepared(wire, statement).send(wire).await.map_err(|fault| self.error(fault))? {
            let ticket = ticket_from(&row, &self.shared.recent)?;
            found.insert(ticket.id, ticket);
        }
        for (id, expected) in expected {
            match found.remove(id) {
                Some(found) if found.version != *expected => {
                    return Ok(Some(
                        Conflict::new(*id, *expected, found.version, found.state.clone())
                            .numbered(found.number.clone())
                            .into(),
                    ));
                }
                None if *expected > 0 => return Ok(Some(Error::not_found(format_args!("ticket {id}")))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Returns the error for a record with an unexpected version, if that is why the commit failed.
    async fn stale_record<W: Wire>(
        &self,
        wire: &W,
        versions: &[(RecordKind, String, Option<u64>)],
    ) -> Result<Option<Error>> {
        for (kind, key, expected) in versions {
            let read = self.shared.sql.read(&self.desk, &Read::record(*kind, key.as_str()), Mode::Read);
            let Some(statement) = read else { continue };
            let rows =
                Self::unprepared(wire, statement).send(wire).await.map_err(|fault| self.error(fault))?;
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
        let begin = self.control.begin.as_deref();
        let before = std::mem::replace(&mut self.state, State::Open);
        let (begun, rows, ended) = join3(
            OptionFuture::from(begin.map(|sql| wire.script(sql))),
            statement.send(wire),
            wire.script(self.control.commit),
        )
        .await;
        let own = self.control.own;
        if own && ended.is_ok() {
            self.state = State::Over; // After a failed statement, `COMMIT` rolls back.
        }
        begun.transpose().map_err(|fault| match own && fault.has_no_answer() {
            true => fault.into_unknown_claim(),
            false => self.not_begun(wire, before, fault),
        })?;
        let rows = rows.map_err(|fault| match own && fault.has_no_answer() {
            true => fault.into_unknown_claim(),
            false => self.error(fault),
        })?;
        ended.map_err(|fault| match own && fault.commit_is_uncertain() {
            true => fault.into_unknown_claim(),
            false => self.error(fault),
        })?;
        self.state = State::Over;
        rows.iter().map(claimed).collect()
    }

    /// Returns the time of the server's clock.
    pub(super) async fn now<W: Wire>(&mut self, wire: &W) -> Result<DateTime<Utc>> {
        let Some(statement) = self.ready(wire, Some(self.shared.sql.now())).await? else {
            return Err(Self::no_clock());
        };
        let begin = self.beginning(None);
        let before = std::mem::replace(&mut self.state, State::Open);
        let begin = OptionFuture::from(begin.as_deref().map(|sql| wire.script(sql)));
        let (begun, rows) = join(begin, statement.send(wire)).await;
        begun.transpose().map_err(|fault| self.not_begun(wire, before, fault))?;
        let rows = rows.map_err(|fault| self.error(fault))?;
        rows.first().ok_or_else(Self::no_clock)?.integer(0).and_then(codec::instant)
    }

    fn no_clock() -> Error {
        Error::new(ErrorKind::Storage, "the database server returned no time")
    }

    pub(super) async fn rollback<W: Wire>(&mut self, wire: &W) {
        let open = std::mem::replace(&mut self.state, State::Over) == State::Open;
        let Some(leave) = self.control.leave.filter(|_| open) else { return };
        // If this fails, the connection is broken and the transaction is lost. On the store's own connection
        // sending it is enough, because later statements are executed after it.
        let left = wire.script(leave);
        let _ = if self.control.own { left.now_or_never() } else { Some(left.await) };
    }
}

/// Returns the locks that a commit needs: one for each record with an expected version, except for kinds that never
/// change.
fn locks_of(commit: &Commit) -> impl Iterator<Item = (Lock, LockMode)> {
    let known = |it: &&RecordWrite| version_of(it).is_some() && it.kind.changes() != Changes::Never;
    commit.records().filter(known).map(|it| (Lock::Record(it.kind, it.key.clone()), LockMode::Exclusive))
}

/// Returns the version that the write expects to be stored, if it expects one. An inner `None` means that it expects no
/// record.
fn version_of(write: &RecordWrite) -> Option<(RecordKind, String, Option<u64>)> {
    let version = match write.expected {
        Expected::Absent => None,
        Expected::Version(version) => Some(version),
        Expected::VersionOrSkip(_) | Expected::Any => return None,
    };
    Some((write.kind, write.key.clone(), version))
}

/// A transaction on a pooled connection. It is rolled back if it is dropped while open.
#[derive(Debug)]
pub struct PostgresTx<'a> {
    pub(super) work: Work<'a>,
    pub(super) connection: Option<PgConnection>,
}

impl PostgresTx<'_> {
    fn closed() -> Error {
        Error::new(ErrorKind::Storage, "the transaction has ended")
    }

    pub(super) async fn now(&mut self) -> Result<DateTime<Utc>> {
        let connection = self.connection.as_ref().ok_or_else(Self::closed)?;
        self.work.now(connection).await
    }

    pub(super) async fn claim(
        &mut self,
        kind: RecordKind,
        limit: usize,
        lease: TimeDelta,
    ) -> Result<Vec<Claimed>> {
        let connection = self.connection.as_ref().ok_or_else(Self::closed)?;
        self.work.claim(connection, kind, limit, lease).await
    }
}

impl AsyncTx for PostgresTx<'_> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let connection = self.connection.as_ref().ok_or_else(Self::closed)?;
        self.work.load(connection, reads).await
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        let connection = self.connection.as_ref().ok_or_else(Self::closed)?;
        self.work.commit(connection, commit).await
    }

    async fn rollback(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.work.rollback(&connection).await;
            connection.give_back();
        }
    }
}

impl Drop for PostgresTx<'_> {
    fn drop(&mut self) {
        match self.connection.take() {
            Some(connection) if self.work.state == State::Open => connection.abandon(),
            Some(connection) => connection.give_back(),
            None => {}
        }
    }
}
