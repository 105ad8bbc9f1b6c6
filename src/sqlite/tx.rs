//! The reads and writes of one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::{CachedStatement, Connection, Row, ToSql, params};

use super::fault;
use super::row::{self, Columns, Place};
use super::sql::{Bound, Shared};
use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId, DeskId, TeamId, TicketId};
use crate::store::claims::Claim;
use crate::store::commit::{Commit, highest_number};
use crate::store::read::{Answer, DueTicket, DueTimer, Read, number_after};
use crate::store::{
    Claimed, Content, DueRecord, Expected, GroupBy, Index, Query, Record, RecordKind, RecordRange,
    RecordWrite,
};
use crate::ticket::conflict::Conflict;
use crate::ticket::decision::TicketWrite;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::{Timer, TimerKind};

/// The rows of one desk, on a connection with an open transaction.
#[derive(Debug)]
pub(super) struct Rows<'c> {
    pub(super) connection: &'c Connection,
    pub(super) shared: &'c Shared,
    pub(super) desk: &'c DeskId,
}

/// Results of a transaction's reads that save its writes unnecessary work.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The indexed columns of the tickets as they were read. An update skips unchanged ones.
    columns: HashMap<TicketId, Columns>,
    /// Records that were read and have no row in `record_body`.
    inline: HashSet<(RecordKind, String)>,
}

/// The maximum size of a record's facts and personal part together, in bytes, that is stored in `record`. Larger
/// contents get a row in `record_body`.
const MAX_INLINE_BYTES: usize = 800;

impl Rows<'_> {
    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql).map_err(fault)
    }

    fn desk(&self) -> &str {
        self.desk.as_str()
    }

    /// Reads the first row, if there is one.
    fn one<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(parameters).map_err(fault)?;
        rows.next().map_err(fault)?.map(read).transpose()
    }

    /// Reads all rows.
    fn all<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(parameters).map_err(fault)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(fault)? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    fn run(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<usize> {
        self.statement(sql)?.execute(parameters).map_err(fault)
    }

    pub(super) fn answer(&self, read: &Read, memo: &mut Memo) -> Result<Answer> {
        let (desk, sql) = (self.desk(), &self.shared.sql);
        let id = |row: &Row<'_>| row::ticket_id(row, 0);
        Ok(match read {
            Read::Record { kind, key, .. } => {
                let found = self.one(&sql.record, params![desk, kind.code(), key], |row| {
                    self.record(*kind, self.desk, row, memo)
                })?;
                Answer::Record(found.map(Box::new))
            }
            Read::Records(range) => Answer::Records(self.range(range, memo)?),
            Read::CountRecords { kind, index, from, until, limit } => {
                let (sql, bound) = sql.counts(*index, from, until, *limit);
                let count = |row: &Row<'_>| Ok((row.get(0).map_err(fault)?, row::unsigned(row, 1)?));
                Answer::Counts(self.named(&sql, *kind, &bound, count)?)
            }
            Read::DueRecords { kind, until, after, limit } => {
                let limit = row::signed(u64::try_from(*limit).unwrap_or(u64::MAX));
                let (kind, until) = (kind.code(), until.timestamp_micros());
                Answer::DueRecords(match after.as_deref() {
                    None => self.all(&sql.due_records, params![kind, until, limit], due_record)?,
                    Some(DueRecord { due, desk, key }) => {
                        let after = params![kind, until, limit, due.timestamp_micros(), desk.as_str(), key];
                        self.all(&sql.due_records_after, after, due_record)?
                    }
                })
            }
            Read::TicketByNumber(value) => {
                Answer::TicketId(self.one(&sql.number, params![desk, row::signed(*value)], id)?)
            }
            Read::Ticket(id) => {
                let ticket = self.ticket(*id)?;
                if let Some(ticket) = &ticket {
                    memo.columns.insert(*id, Columns::of(ticket));
                }
                Answer::Ticket(ticket)
            }
            Read::NextNumber { place } => {
                let last = self.one(&sql.last_number, params![desk], |row| row::unsigned(row, 0))?;
                Answer::Number(number_after(last.unwrap_or(0), *place))
            }
            Read::History { ticket, after, limit } => {
                let limit = row::signed(u64::try_from(*limit).unwrap_or(u64::MAX));
                let (key, after) = (ticket.as_uuid(), row::signed(*after));
                let parameters = params![desk, key.as_bytes(), after, limit];
                Answer::Events(self.all(&sql.history, parameters, |row| row::event_from(*ticket, row))?)
            }
            Read::DueTimers { until, after, limit } => {
                let limit = row::signed(u64::try_from(*limit).unwrap_or(u64::MAX));
                let until = until.timestamp_micros();
                Answer::DueTimers(match after.as_deref() {
                    None => self.all(&sql.due, params![desk, until, limit], due_timer)?,
                    Some(DueTimer { timer, ticket }) => {
                        let due = timer.due.timestamp_micros();
                        let (kind, subject) = (timer.kind.as_str(), &timer.subject);
                        let ticket = ticket.as_uuid();
                        let after = params![desk, until, limit, due, kind, subject, ticket.as_bytes()];
                        self.all(&sql.due_after, after, due_timer)?
                    }
                })
            }
            Read::Find(query) => Answer::Tickets(self.find(query)?),
            Read::Count { query, by } => Answer::Groups(self.count(query, *by)?),
            Read::DueTickets { until, after, limit } => {
                let limit = row::signed(u64::try_from(*limit).unwrap_or(u64::MAX));
                let until = until.timestamp_micros();
                Answer::DueTickets(match after.as_deref() {
                    None => self.all(&sql.due_tickets, params![until, limit], due_tickets)?,
                    Some(DueTicket { due, desk, ticket }) => {
                        let (due, ticket) = (due.timestamp_micros(), ticket.as_uuid());
                        let after = params![until, limit, due, desk.as_str(), ticket.as_bytes()];
                        self.all(&sql.due_tickets_after, after, due_tickets)?
                    }
                })
            }
        })
    }

    /// Reads a record from a row of `record`, and from `record_body` if the record is large.
    fn record(&self, kind: RecordKind, desk: &DeskId, row: &Row<'_>, memo: &mut Memo) -> Result<Record> {
        let key: String = row.get(0).map_err(fault)?;
        let (facts, personal) = match row.get::<_, Option<Vec<u8>>>(2).map_err(fault)? {
            Some(facts) => {
                memo.inline.insert((kind, key.clone()));
                (facts, row.get(3).map_err(fault)?)
            }
            None => {
                let body = |row: &Row<'_>| {
                    Ok((row.get(0).map_err(fault)?, row.get::<_, Option<Vec<u8>>>(1).map_err(fault)?))
                };
                let body = self.one(&self.shared.sql.body, params![desk.as_str(), kind.code(), key], body)?;
                body.ok_or_else(|| row::corrupt("a large record has no body"))?
            }
        };
        let mut content = Content::new(facts).tried(row.get(8).map_err(fault)?);
        content.personal = personal;
        for (index, column) in Index::ALL.into_iter().zip(4..) {
            if let Some(value) = row.get::<_, Option<String>>(column).map_err(fault)? {
                content = content.indexed(index, value);
            }
        }
        if row.get_ref(7).map_err(fault)? != rusqlite::types::ValueRef::Null {
            content.due = Some(row::instant(row, 7)?);
        }
        Ok(Record { key, version: row::unsigned(row, 1)?, content })
    }

    fn range(&self, range: &RecordRange, memo: &mut Memo) -> Result<Vec<Record>> {
        let (sql, bound) = self.shared.sql.range(range);
        let memo = std::cell::RefCell::new(memo);
        self.named(&sql, range.kind, &bound, |row| {
            self.record(range.kind, self.desk, row, &mut memo.borrow_mut())
        })
    }

    /// Reads all rows of a statement with named parameters about records of this kind.
    fn named<T>(
        &self,
        sql: &str,
        kind: RecordKind,
        bound: &[(&'static str, Bound)],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let (desk, kind) = (self.desk(), kind.code());
        let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":desk", &desk), (":kind", &kind)];
        parameters.extend(bound.iter().map(|(name, value)| (*name, value as &dyn ToSql)));
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(&parameters[..]).map_err(fault)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(fault)? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// True if a record of this kind is due at any desk.
    pub(super) fn is_due(&self, kind: RecordKind, now: DateTime<Utc>) -> Result<bool> {
        let due = params![kind.code(), now.timestamp_micros()];
        Ok(self.one(&self.shared.sql.is_due, due, |_| Ok(()))?.is_some())
    }

    /// Claims due records of all desks.
    pub(super) fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>> {
        let limit = row::signed(u64::try_from(claim.limit).unwrap_or(u64::MAX));
        let (now, until) = (claim.now.timestamp_micros(), claim.leased_until().timestamp_micros());
        self.all(&self.shared.sql.claim, params![claim.kind.code(), now, until, limit], |row| {
            let desk = DeskId::from(row.get::<_, String>(9).map_err(fault)?);
            let record = self.record(claim.kind, &desk, row, &mut Memo::default())?;
            Ok(Claimed { desk, record })
        })
    }

    fn ticket(&self, id: TicketId) -> Result<Option<Arc<Snapshot>>> {
        let Shared { sql, recent } = self.shared;
        let read = |row: &Row<'_>| row::ticket_from(row, recent);
        self.one(&sql.ticket, params![self.desk(), id.as_uuid().as_bytes()], read)
    }

    fn find(&self, query: &Query) -> Result<Vec<Arc<Snapshot>>> {
        let mut found = Vec::new();
        self.each(self.shared.sql.find(query), |row| {
            let ticket = row::ticket_from(row, &self.shared.recent)?;
            if query.matches(&ticket) {
                found.push(ticket);
            }
            Ok(found.len() < query.page_size())
        })?;
        Ok(found)
    }

    /// Counts the tickets of a query by group: from the columns if they decide, else from the tickets one by one.
    fn count(&self, query: &Query, by: GroupBy) -> Result<BTreeMap<String, u64>> {
        let query = query.clone().after(None);
        let mut counts = BTreeMap::new();
        if query.is_decided_by_columns() {
            self.each(self.shared.sql.count(&query, by), |row| {
                counts.insert(row.get(0).map_err(fault)?, row::unsigned(row, 1)?);
                Ok(true)
            })?;
            return Ok(counts);
        }
        self.each(self.shared.sql.find(&query), |row| {
            let ticket = row::ticket_from(row, &self.shared.recent)?;
            for (key, count) in query.count(by, [&*ticket]) {
                *counts.entry(key).or_default() += count;
            }
            Ok(true)
        })?;
        Ok(counts)
    }

    /// Passes the rows of a statement about tickets to a function, until it returns false.
    fn each(
        &self,
        (sql, bound): (String, Vec<(&'static str, Bound)>),
        mut read: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let desk = self.desk();
        let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":desk", &desk)];
        parameters.extend(bound.iter().map(|(name, value)| (*name, value as &dyn ToSql)));
        let mut statement = self.statement(&sql)?;
        let mut rows = statement.query(&parameters[..]).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            if !read(row)? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, commit: Commit, memo: &Memo) -> Result<()> {
        let (desk, sql) = (self.desk(), &self.shared.sql);
        let (tickets, records) = commit.into_parts()?;
        let highest = highest_number(&tickets);
        if highest > 0 {
            self.run(&sql.advance_number, params![desk, row::signed(highest)])?;
        }
        for write in tickets {
            self.write_ticket(write, memo)?;
        }
        records.iter().try_for_each(|write| self.write_record(write, memo))
    }

    fn write_record(&self, write: &RecordWrite, memo: &Memo) -> Result<()> {
        let RecordWrite { kind, key, expected, content } = write;
        let (desk, sql, code) = (self.desk(), &self.shared.sql, kind.code());
        let changed = match content {
            None => match expected {
                Expected::Version(version) | Expected::VersionOrSkip(version) => {
                    self.run(&sql.delete_record, params![desk, code, key, row::signed(*version)])?
                }
                Expected::Any => {
                    self.run(&sql.delete_any_record, params![desk, code, key])?;
                    1
                }
                // Deleting an absent record changes nothing; a record that exists is a conflict.
                Expected::Absent => {
                    usize::from(self.one(&sql.record, params![desk, code, key], |_| Ok(()))?.is_none())
                }
            },
            Some(content) => {
                let inline = fits_inline(content);
                let (facts, personal) = match inline {
                    true => (Some(&content.facts), content.personal.as_ref()),
                    false => (None, None),
                };
                let [i1, i2, i3] = Index::ALL.map(|index| content.index(index));
                let (due, tries) = (content.due.map(|due| due.timestamp_micros()), content.tries);
                match expected {
                    Expected::Absent => self.run(
                        &sql.insert_record,
                        params![desk, code, key, facts, personal, i1, i2, i3, due, tries],
                    )?,
                    Expected::Any => self.run(
                        &sql.put_record,
                        params![desk, code, key, facts, personal, i1, i2, i3, due, tries],
                    )?,
                    Expected::Version(version) | Expected::VersionOrSkip(version) => {
                        let version = row::signed(*version);
                        self.run(
                            &sql.update_record,
                            params![desk, code, key, facts, personal, i1, i2, i3, due, tries, version],
                        )?
                    }
                }
            }
        };
        if changed == 0 {
            return match expected {
                Expected::VersionOrSkip(_) => Ok(()),
                _ => Err(kind.conflict()),
            };
        }
        if let Some(Content { facts, personal, .. }) = content.as_ref().filter(|it| !fits_inline(it)) {
            self.run(&sql.put_body, params![desk, code, key, facts, personal])?;
        } else if *expected != Expected::Absent && !memo.inline.contains(&(*kind, key.clone())) {
            // The previous content may have been large.
            self.run(&sql.delete_body, params![desk, code, key])?;
        }
        Ok(())
    }

    fn write_ticket(&self, write: TicketWrite, memo: &Memo) -> Result<()> {
        let TicketWrite { expected, snapshot, events, timers, .. } = write;
        let (desk, sql, id) = (self.desk(), &self.shared.sql, snapshot.id);
        let key = *id.as_uuid().as_bytes();
        let version = row::signed(snapshot.version);
        for event in &events {
            let (facts, personal) = row::event_to_json(event)?;
            let (version, at) = (row::signed(event.version), event.at.timestamp_micros());
            self.run(&sql.insert_event, params![desk, key, version, at, facts, personal]).or_else(
                |error| {
                    // If the version exists already, another writer was first, and the write of the ticket's row below
                    // reports the conflict. If SQLite has rolled back, further writes would be outside the transaction.
                    let may_continue = !self.connection.is_autocommit()
                        && self.version(id)?.is_some_and(|found| found != expected);
                    if may_continue { Ok(0) } else { Err(error) }
                },
            )?;
        }
        let before = memo.columns.get(&id);
        self.write_contacts(expected, before, &snapshot)?;
        let had_none = expected == 0 || before.is_some_and(|before| !before.has_timers);
        self.write_timers(&timers, had_none, &snapshot)?;
        let columns = Columns::of(&snapshot);
        let number = row::signed(snapshot.number.value);
        let state = snapshot.state.kind().name();
        let Columns { place: Place { open, inbox, team, assignee }, requester, .. } = &columns;
        let (priority, due, opened) = (i64::from(inbox.priority), inbox.due, inbox.opened);
        let (team, assignee) = (team.as_ref().map(TeamId::as_str), assignee.as_ref().map(AgentId::as_str));
        let requester = requester.as_ref().map(ContactId::as_str);
        let was = row::signed(expected);
        // If a statement assigns a column of an index, it writes a page of that index to the log, even if the value is
        // unchanged. So a statement assigns such columns only if one of them has changed.
        let place = |place: &Place| (place.open, place.inbox);
        let moved = before.is_none_or(|before| place(&before.place) != place(&columns.place));
        let written = self.shared.recent.written(snapshot, |facts, personal| match (expected, moved) {
            (0, _) => self.run(
                &sql.insert_ticket,
                params![
                    desk, key, version, facts, personal, state, open, priority, due, opened, team, assignee,
                    requester, number
                ],
            ),
            (_, true) => self.run(
                &sql.update_and_place,
                params![desk, key, version, facts, personal, state, was, open, priority, due, opened],
            ),
            (_, false) => {
                self.run(&sql.update_ticket, params![desk, key, version, facts, personal, state, was])
            }
        });
        match written {
            Ok(1) => {}
            Err(_) if expected == 0 && self.version(id)?.is_some() => return Err(self.stale(id, expected)?),
            Err(error) => return Err(error),
            Ok(_) => return Err(self.stale(id, expected)?),
        }
        let is_owned = |before: &Columns| {
            before.place.team == columns.place.team && before.place.assignee == columns.place.assignee
        };
        if expected > 0 && !before.is_some_and(is_owned) {
            self.run(&sql.update_owner, params![desk, key, team, assignee])?;
        }
        if expected > 0 && before.is_none_or(|before| before.requester != columns.requester) {
            self.run(&sql.update_requester, params![desk, key, requester])?;
        }
        Ok(())
    }

    /// Writes the differences between the contacts before and now, except the requester.
    fn write_contacts(&self, expected: u64, before: Option<&Columns>, snapshot: &Snapshot) -> Result<()> {
        let (desk, sql, key) = (self.desk(), &self.shared.sql, *snapshot.id.as_uuid().as_bytes());
        let stored = match (expected, before) {
            (0, _) => BTreeSet::new(),
            (_, Some(before)) => before.others.clone(),
            (_, None) => {
                self.ticket(snapshot.id)?.map(|ticket| row::other_contacts(&ticket)).unwrap_or_default()
            }
        };
        let now = row::other_contacts(snapshot);
        for removed in stored.difference(&now) {
            self.run(&sql.delete_contact, params![desk, removed.as_str(), key])?;
        }
        for added in now.difference(&stored) {
            self.run(&sql.insert_contact, params![desk, added.as_str(), key])?;
        }
        Ok(())
    }

    /// Replaces the ticket's timers by these. Deletes and inserts only the differences.
    fn write_timers(&self, timers: &[Timer], had_none: bool, snapshot: &Snapshot) -> Result<()> {
        let (desk, sql, key) = (self.desk(), &self.shared.sql, *snapshot.id.as_uuid().as_bytes());
        let armed = if had_none { Vec::new() } else { self.all(&sql.timers_of, params![desk, key], timer)? };
        for removed in armed.iter().filter(|timer| !timers.contains(timer)) {
            self.run(&sql.delete_timer, params![desk, key, removed.kind.as_str(), removed.subject])?;
        }
        for Timer { due, kind, subject } in timers.iter().filter(|timer| !armed.contains(timer)) {
            let (due, by) = (due.timestamp_micros(), row::signed(snapshot.version));
            self.run(&sql.insert_timer, params![desk, key, kind.as_str(), subject, due, by])?;
        }
        Ok(())
    }

    fn version(&self, id: TicketId) -> Result<Option<u64>> {
        Ok(self.ticket(id)?.map(|ticket| ticket.version))
    }

    fn stale(&self, id: TicketId, expected: u64) -> Result<Error> {
        Ok(match self.ticket(id)? {
            Some(found) => Conflict::new(id, expected, found.version, found.state.clone())
                .numbered(found.number.clone())
                .into(),
            None => Error::not_found(format_args!("ticket {id}")),
        })
    }
}

fn timer(row: &Row<'_>) -> Result<Timer> {
    let kind: String = row.get(1).map_err(fault)?;
    let kind = TimerKind::named(&kind).ok_or_else(|| row::corrupt(format!("unknown timer {kind:?}")))?;
    Ok(Timer { due: row::instant(row, 0)?, kind, subject: row.get(2).map_err(fault)? })
}

fn due_timer(row: &Row<'_>) -> Result<DueTimer> {
    Ok(DueTimer { timer: timer(row)?, ticket: row::ticket_id(row, 3)? })
}

fn fits_inline(content: &Content) -> bool {
    content.facts.len() + content.personal.as_ref().map_or(0, Vec::len) <= MAX_INLINE_BYTES
}

fn due_record(row: &Row<'_>) -> Result<DueRecord> {
    let desk: String = row.get(1).map_err(fault)?;
    Ok(DueRecord { due: row::instant(row, 0)?, desk: desk.into(), key: row.get(2).map_err(fault)? })
}

fn due_tickets(row: &Row<'_>) -> Result<DueTicket> {
    let desk: String = row.get(1).map_err(fault)?;
    Ok(DueTicket { due: row::instant(row, 0)?, desk: desk.into(), ticket: row::ticket_id(row, 2)? })
}
