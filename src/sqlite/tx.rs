//! One transaction: what it reads and what it writes.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, Row, ToSql, params};

use super::Shared;
use super::fault;
use super::row::{self, Columns, Place};
use crate::definition::{Adoption, DefinitionKind};
use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId, DeskId, TeamId, TicketId};
use crate::store::commit::{Commit, KeptReceipt, TicketWrite, highest_number};
use crate::store::query::Query;
use crate::store::read::{Answer, DueTimer, Owed, Read, number_after};
use crate::ticket::conflict::Conflict;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::{Timer, TimerKind};

/// The rows of one desk, seen through a connection on which a transaction is open.
#[derive(Debug)]
pub(super) struct Rows<'c> {
    pub(super) connection: &'c Connection,
    pub(super) shared: &'c Shared,
    pub(super) desk: &'c DeskId,
}

/// What a transaction remembers from its reads.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The indexed columns of the tickets as they were read, so that an update leaves alone what has not changed.
    columns: HashMap<TicketId, Columns>,
}

impl Rows<'_> {
    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql).map_err(fault)
    }

    fn desk(&self) -> &str {
        self.desk.as_str()
    }

    /// The first row, if there is one.
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

    /// All rows.
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
            Read::Receipt(key) => {
                let receipt = self.one(&sql.receipt, params![desk, key.as_str()], |row| {
                    Ok(Box::new(KeptReceipt {
                        key: key.clone(),
                        request: row::fingerprint(row, 0)?,
                        ticket: row::ticket_id(row, 1)?,
                        before: row::unsigned(row, 2)?,
                        after: row::unsigned(row, 3)?,
                        expires: row::instant(row, 4)?,
                    }))
                });
                Answer::Receipt(receipt?)
            }
            Read::Thread(key) => Answer::Id(self.one(&sql.thread, params![desk, key.as_str()], id)?),
            Read::External(name) => {
                Answer::Id(self.one(&sql.external, params![desk, name.source, name.id], id)?)
            }
            Read::Number(value) => {
                Answer::Id(self.one(&sql.number, params![desk, row::signed(*value)], id)?)
            }
            Read::InForce(kind, at) => Answer::Adoption(self.adoption(*kind, at.timestamp_micros())?),
            Read::Newest(kind) => Answer::Adoption(self.adoption(*kind, i64::MAX)?),
            Read::Definition(hash) => {
                let text = |row: &Row<'_>| row.get(0).map_err(fault);
                Answer::Definition(self.one(&sql.definition, params![desk, hash.as_bytes()], text)?)
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
            Read::Due { until, after, limit } => {
                let limit = row::signed(u64::try_from(*limit).unwrap_or(u64::MAX));
                let until = until.timestamp_micros();
                Answer::Due(match after.as_deref() {
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
            Read::Owed { until, after, limit } => {
                let limit = row::signed(u64::try_from(*limit).unwrap_or(u64::MAX));
                let until = until.timestamp_micros();
                Answer::Owed(match after.as_deref() {
                    None => self.all(&sql.owed, params![until, limit], owed)?,
                    Some(Owed { due, desk, ticket }) => {
                        let (due, ticket) = (due.timestamp_micros(), ticket.as_uuid());
                        let after = params![until, limit, due, desk.as_str(), ticket.as_bytes()];
                        self.all(&sql.owed_after, after, owed)?
                    }
                })
            }
        })
    }

    fn adoption(&self, kind: DefinitionKind, at: i64) -> Result<Option<Adoption>> {
        self.one(&self.shared.sql.in_force, params![self.desk(), kind.as_str(), at], |row| {
            Ok(Adoption {
                kind,
                version: row::unsigned(row, 0)?,
                from: row::instant(row, 1)?,
                hash: row::fingerprint(row, 2)?,
            })
        })
    }

    fn ticket(&self, id: TicketId) -> Result<Option<Arc<Snapshot>>> {
        let Shared { sql, recent } = self.shared;
        let read = |row: &Row<'_>| row::ticket_from(row, recent);
        self.one(&sql.ticket, params![self.desk(), id.as_uuid().as_bytes()], read)
    }

    fn find(&self, query: &Query) -> Result<Vec<Arc<Snapshot>>> {
        let (sql, bound) = self.shared.sql.find(query);
        let desk = self.desk();
        let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":desk", &desk)];
        parameters.extend(bound.iter().map(|(name, value)| (*name, value as &dyn ToSql)));
        let mut statement = self.statement(&sql)?;
        let mut rows = statement.query(&parameters[..]).map_err(fault)?;
        let mut found = Vec::new();
        while found.len() < query.page_size()
            && let Some(row) = rows.next().map_err(fault)?
        {
            let ticket = row::ticket_from(row, &self.shared.recent)?;
            if query.matches(&ticket) {
                found.push(ticket);
            }
        }
        Ok(found)
    }

    pub(super) fn write(&self, commit: Commit, memo: &Memo) -> Result<()> {
        let (desk, sql) = (self.desk(), &self.shared.sql);
        let Commit { tickets, threads, definitions, adoptions, receipt, forget_receipts_before } = commit;
        let highest = highest_number(&tickets);
        if highest > 0 {
            self.run(&sql.advance_number, params![desk, row::signed(highest)])?;
        }
        for write in tickets {
            self.write_ticket(write, memo)?;
        }
        for (key, ticket) in &threads {
            self.run(&sql.put_thread, params![desk, key.as_str(), ticket.as_uuid().as_bytes()])?;
        }
        for (hash, text) in &definitions {
            self.run(&sql.put_definition, params![desk, hash.as_bytes(), text])?;
        }
        for Adoption { kind, version, from, hash } in &adoptions {
            let (version, from) = (row::signed(*version), from.timestamp_micros());
            self.run(&sql.insert_adoption, params![desk, kind.as_str(), version, from, hash.as_bytes()])?;
        }
        if let Some(before) = forget_receipts_before {
            self.run(&sql.forget_receipts, params![desk, before.timestamp_micros()])?;
        }
        if let Some(KeptReceipt { key, request, ticket, before, after, expires }) = &receipt {
            let (before, after) = (row::signed(*before), row::signed(*after));
            let (ticket, expires) = (ticket.as_uuid(), expires.timestamp_micros());
            let receipt =
                params![desk, key.as_str(), request.as_bytes(), ticket.as_bytes(), before, after, expires];
            self.run(&sql.put_receipt, receipt)?;
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
                    // A version that is taken already means that somebody was faster; the row below says by how much.
                    // But where SQLite rolled back everything, to go on is to write outside of the transaction.
                    let goes_on = !self.connection.is_autocommit()
                        && self.version(id)?.is_some_and(|found| found != expected);
                    if goes_on { Ok(0) } else { Err(error) }
                },
            )?;
        }
        let before = memo.columns.get(&id);
        let had_none = expected == 0 || before.is_some_and(|before| !before.waits);
        self.write_timers(&timers, had_none, &snapshot)?;
        let columns = Columns::of(&snapshot);
        let (number, external) = (row::signed(snapshot.number.value), snapshot.external.clone());
        let state = snapshot.state.kind().name();
        let Columns { place: Place { open, inbox, team, assignee }, requester, .. } = &columns;
        let (priority, due, opened) = (i64::from(inbox.priority), inbox.due, inbox.opened);
        let (team, assignee) = (team.as_ref().map(TeamId::as_str), assignee.as_ref().map(AgentId::as_str));
        let requester = requester.as_ref().map(ContactId::as_str);
        let was = row::signed(expected);
        // An index costs a page of the write-ahead log as soon as a statement names one of its columns, changed or
        // not. So these are named only where something changed.
        let moved = before.is_none_or(|before| before.place != columns.place);
        let (source, external) = external.map(|it| (it.source, it.id)).unzip();
        let written = self.shared.recent.written(snapshot, |facts, personal| match (expected, moved) {
            (0, _) => self.run(
                &sql.insert_ticket,
                params![
                    desk, key, version, facts, personal, state, open, priority, due, opened, team, assignee,
                    requester, number, source, external
                ],
            ),
            (_, true) => self.run(
                &sql.update_and_place,
                params![
                    desk, key, version, facts, personal, state, was, open, priority, due, opened, team,
                    assignee
                ],
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
        if expected > 0 && before.is_none_or(|before| before.requester != columns.requester) {
            self.run(&sql.update_requester, params![desk, key, requester])?;
        }
        Ok(())
    }

    /// Leaves exactly these timers, touching only what differs.
    fn write_timers(&self, timers: &[Timer], had_none: bool, snapshot: &Snapshot) -> Result<()> {
        let (desk, sql, key) = (self.desk(), &self.shared.sql, *snapshot.id.as_uuid().as_bytes());
        let armed = if had_none { Vec::new() } else { self.all(&sql.timers_of, params![desk, key], timer)? };
        for gone in armed.iter().filter(|timer| !timers.contains(timer)) {
            self.run(&sql.delete_timer, params![desk, key, gone.kind.as_str(), gone.subject])?;
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
            Some(found) => Conflict::new(id, expected, found.version, found.state.clone()).into(),
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

fn owed(row: &Row<'_>) -> Result<Owed> {
    let desk: String = row.get(1).map_err(fault)?;
    Ok(Owed { due: row::instant(row, 0)?, desk: desk.into(), ticket: row::ticket_id(row, 2)? })
}
