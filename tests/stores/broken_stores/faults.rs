//! A correct store with one injected fault.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use firstline::memory::{Memory, MemoryTx};
use firstline::store::kinds::{RECEIPT, THREAD};
use firstline::store::{
    Answer, Claimed, Commit, Expected, LockMode, Mode, Query, Read, RecordKind, RecordWrite, Store, Tx, Write,
};
use firstline::{
    Cursor, DateTime, DeskId, Error, ErrorKind, Order, Result, Snapshot, StateKind, TimeDelta, Utc,
};

use super::locks::{Locked, Locks};
use super::meeting::Member;

/// The injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Writes the parts of a commit one after another, and stops at the first that fails.
    NotAtomic,
    IgnoresVersions,
    /// Loses the receipts of actions on tickets.
    ForgetsKeys,
    /// Keeps the old receipt when a later command reuses its key.
    KeepsReceipts,
    /// Reads a ticket that is not at the desk from another desk.
    LeaksTickets,
    LeaksSearches,
    FoldsCase,
    /// Begins the next page at an offset instead of after the cursor.
    PagesByOffset,
    /// Ignores the filter for unassigned tickets.
    FindsUnassigned,
    /// Counts the tickets of one page.
    CountsOnePage,
    /// Keeps the timers of the previous version.
    KeepsTimers,
    DueAnyhow,
    /// Returns the due tickets of this desk only.
    OwesHere,
    /// Keeps timers to the millisecond.
    Milliseconds,
    /// Keeps a thread at its first ticket.
    LosesThreads,
    LimitsBeforeSlicing,
    /// Loses the last event of a commit with more than two.
    LosesEvents,
    NumbersTwice,
    /// Uses up a number as soon as it is read.
    TakesNumbers,
    /// Uses up a number with any commit of the transaction that read it.
    CountsNumbers,
    /// Does not lock absent threads: another command may create one before the commit.
    ClaimsNoAbsence,
    ClaimsNoKey,
    ClaimsNoNumbers,
    /// Does not lock tickets: another command may write one in between, and its write is overwritten.
    ClaimsNoTickets,
    /// The same, only for tickets on hold, so that concurrent sweeps resume them twice.
    FiresTwice,
    /// Stores the timers of only one ticket of a commit.
    LosesTimers,
    /// Truncates the facts of records after 65,535 bytes.
    CutsFacts,
    /// Writes a record regardless of its version.
    IgnoresRecordVersions,
    /// Deletes a record of any version, although it should skip other versions.
    SkipsNothing,
    /// Reads every range in ascending order.
    IgnoresDescending,
    /// Counts all records of a kind, regardless of the range.
    CountsAll,
    /// Begins every page of due records at the first one.
    RepeatsDue,
    /// Leases never end.
    LeasesForEver,
    /// Allows claims of a record that another command has read in order to write it.
    ClaimsWhatIsRead,
    /// Increases tries beyond the largest number that it can read.
    CountsOn,
    /// Claims a record without checking for an earlier claim.
    ClaimsTwice,
    /// Stores only the first 65,536 code points of Unicode.
    NoEmoji,
    /// Panics when a thread is redirected.
    Panics,
    /// Accepts a commit that writes one record twice.
    Twins,
    /// Returns all due tickets, regardless of the limit.
    OwesAll,
    /// Answers each read from the current state, not from one snapshot.
    ReadsAnew,
    /// Lets no command write while another one reads.
    ReadsLock,
    /// Takes locks in the order in which they are requested. In a deadlock, one of the two commands fails with a
    /// storage error.
    WaitsInAnyOrder,
    /// Writes the tickets of a commit one after another, and stops when the future is dropped in between. See `torn`.
    TornWhenLeft,
}

#[derive(Debug, Default)]
struct Notes {
    /// The offset of the next page, by query and end of the page.
    offsets: HashMap<(String, Cursor), usize>,
    /// The highest number in use at each desk.
    taken: HashMap<DeskId, u64>,
    /// The transaction that reads everything; it lives until that transaction ends.
    reader: Weak<()>,
}

#[derive(Debug, Clone)]
pub(crate) struct Broken {
    store: Memory,
    fault: Fault,
    notes: Arc<Mutex<Notes>>,
    locks: Arc<Locks>,
    member: Member,
}

impl Broken {
    pub(crate) fn new(fault: Fault) -> Broken {
        let (notes, locks) = Default::default();
        Broken { store: Memory::new(), fault, notes, locks, member: Member::new() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    fn claim_twice(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let now = self.store.now()?;
        let read = |desk: &DeskId, read| {
            Ok::<_, firstline::Error>(self.store.begin(desk, Mode::Read)?.load(&[read])?.remove(0))
        };
        let list = Read::DueRecords { kind, until: now, after: None, limit };
        let Answer::DueRecords(due) = read(&"claims".into(), list)? else { panic!("no due records") };
        self.member.meet(format!("{kind:?}"));
        let mut all = Vec::new();
        for due in due {
            let Answer::Record(Some(mut record)) = read(&due.desk, Read::record(kind, &*due.key))? else {
                continue;
            };
            let until = now.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC);
            record.version += 1;
            record.content = record
                .content
                .clone()
                .tried(record.content.tries.saturating_add(1))
                .due(DateTime::from_timestamp_micros(until.timestamp_micros()).unwrap());
            let write = RecordWrite::put(kind, due.key, Expected::Any, record.content.clone());
            self.store.begin(&due.desk, Mode::Write)?.commit(Commit::from_iter([write]))?;
            all.push(Claimed { desk: due.desk, record: *record });
        }
        Ok(all)
    }
}

impl Store for Broken {
    type Tx<'a> = BrokenTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<BrokenTx<'_>> {
        if mode == Mode::Write && self.notes().reader.upgrade().is_some() {
            return Err(Error::new(ErrorKind::Storage, "another command reads"));
        }
        let tx = match self.fault {
            Fault::WaitsInAnyOrder => None,
            _ => Some(self.store.begin(desk, mode)?),
        };
        let locked = self.locks.nobody();
        Ok(BrokenTx {
            broken: self,
            desk: desk.clone(),
            tx,
            mode,
            asked: 0,
            let_go: None,
            locked,
            reads: None,
        })
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let claimed = match self.fault {
            Fault::LeasesForEver => {
                self.store.claim(kind, limit, lease.checked_add(&TimeDelta::days(1_000)).unwrap_or(lease))
            }
            Fault::ClaimsTwice => self.claim_twice(kind, limit, lease),
            Fault::CountsOn => {
                let claimed = self.store.claim(kind, limit, lease)?;
                match claimed.iter().any(|it| it.record.content.tries == u32::MAX) {
                    true => Err(Error::new(ErrorKind::Corrupt, "a number of tries is too large")),
                    false => Ok(claimed),
                }
            }
            _ => self.store.claim(kind, limit, lease),
        };
        self.member.claimed();
        claimed
    }
}

pub(crate) struct BrokenTx<'a> {
    broken: &'a Broken,
    desk: DeskId,
    /// `None` if the transaction was released too early.
    tx: Option<MemoryTx<'a>>,
    mode: Mode,
    /// The highest number that was read.
    asked: u64,
    /// The number of claims when the transaction was released too early.
    let_go: Option<u64>,
    locked: Locked,
    /// Present while the transaction keeps others from writing.
    reads: Option<Arc<()>>,
}

fn far() -> DateTime<Utc> {
    DateTime::from_timestamp(9_000_000_000, 0).unwrap()
}

impl<'a> BrokenTx<'a> {
    /// Returns the inner transaction, or begins a new one if it was released.
    fn tx(&mut self) -> Result<&mut MemoryTx<'a>> {
        if self.tx.is_none() {
            self.tx = Some(self.broken.store.begin(&self.desk, self.mode)?);
        }
        Ok(self.tx.as_mut().unwrap())
    }

    /// Reads from another desk.
    fn elsewhere(&mut self, read: &Read) -> Result<Answer> {
        self.tx = None;
        self.broken
            .store
            .begin(&"beta".into(), Mode::Read)?
            .load(std::slice::from_ref(read))
            .map(|it| it[0].clone())
    }

    fn take_numbers(&self) {
        let mut notes = self.broken.notes();
        let taken = notes.taken.entry(self.desk.clone()).or_default();
        *taken = self.asked.max(*taken);
    }

    fn ask(&mut self, read: &Read) -> Result<Answer> {
        Ok(self.tx()?.load(std::slice::from_ref(read))?.remove(0))
    }

    fn find(&mut self, query: Query) -> Result<Vec<Arc<Snapshot>>> {
        match self.ask(&Read::Find(query))? {
            Answer::Tickets(tickets) => Ok(tickets),
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, read: &Read) -> Result<Answer> {
        let fault = self.broken.fault;
        let answer = match (fault, read) {
            (Fault::FoldsCase, Read::Record { kind, key, .. }) if *kind == THREAD => {
                self.ask(&Read::record(THREAD, key.to_lowercase()))?
            }
            (Fault::IgnoresDescending, Read::Records(range)) => {
                let mut range = range.clone();
                range.descending = false;
                self.ask(&Read::Records(range))?
            }
            (Fault::CountsAll, Read::CountRecords { kind, index, limit, .. }) => {
                let (from, until) = (Bound::Unbounded, Bound::Unbounded);
                self.ask(&Read::CountRecords { kind: *kind, index: *index, from, until, limit: *limit })?
            }
            (Fault::RepeatsDue, Read::DueRecords { kind, until, limit, .. }) => {
                self.ask(&Read::DueRecords { kind: *kind, until: *until, after: None, limit: *limit })?
            }
            (Fault::NumbersTwice, Read::NextNumber { .. }) => self.ask(&Read::NextNumber { place: 0 })?,
            (Fault::OwesAll, Read::DueTickets { until, after, .. }) => {
                self.ask(&Read::DueTickets { until: *until, after: after.clone(), limit: usize::MAX })?
            }
            (Fault::ReadsAnew, _) if self.mode == Mode::Read => {
                self.tx = None;
                self.ask(read)?
            }
            (Fault::LimitsBeforeSlicing, Read::History { ticket, after, limit }) => {
                match self.ask(&Read::History { ticket: *ticket, after: 0, limit: *limit })? {
                    Answer::Events(events) => {
                        Answer::Events(events.into_iter().filter(|it| it.version > *after).collect())
                    }
                    other => other,
                }
            }
            (Fault::PagesByOffset, Read::Find(query)) => self.page_by_offset(query)?,
            (Fault::FindsUnassigned, Read::Find(query)) => {
                let asked = query.unassigned_only();
                let plain = match query.order() {
                    Order::Inbox => Query::inbox(),
                    Order::Newest => Query::newest(),
                    _ => Query::oldest(),
                };
                let plain = plain.limit(query.page_size()).after(query.cursor().cloned());
                // The check of pages uses pages of 7. Behave correctly there.
                if asked && query.page_size() == 7 { self.ask(&Read::Find(plain))? } else { self.ask(read)? }
            }
            (Fault::CountsOnePage, Read::Count { query, by }) => {
                let page = self.find(query.clone())?;
                Answer::Groups(query.count(*by, page.iter().map(|ticket| &**ticket)))
            }
            _ => self.ask(read)?,
        };
        Ok(match (fault, read, answer) {
            (Fault::LeaksTickets, Read::Ticket(_), Answer::Ticket(None)) => self.elsewhere(read)?,
            (Fault::LeaksSearches, Read::Find(_), Answer::Tickets(found)) if found.is_empty() => {
                self.elsewhere(read)?
            }
            (Fault::DueAnyhow, _, Answer::DueTimers(mut due)) => {
                due.reverse();
                Answer::DueTimers(due)
            }
            (Fault::OwesHere, _, Answer::DueTickets(mut due_tickets)) => {
                due_tickets.retain(|it| it.desk.as_str() == "beta");
                Answer::DueTickets(due_tickets)
            }
            (
                Fault::TakesNumbers | Fault::CountsNumbers,
                Read::NextNumber { place },
                Answer::Number(next),
            ) => {
                let taken =
                    self.broken.notes().taken.get(&self.desk).map_or(0, |last| last + 1 + u64::from(*place));
                let number = next.max(taken);
                self.asked = self.asked.max(number);
                if fault == Fault::TakesNumbers {
                    self.take_numbers();
                }
                Answer::Number(number)
            }
            (_, _, answer) => answer,
        })
    }

    fn page_by_offset(&mut self, query: &Query) -> Result<Answer> {
        let asked = format!("{:?}", query.clone().after(None));
        let known = query.cursor().cloned();
        let known =
            known.and_then(|cursor| self.broken.notes().offsets.get(&(asked.clone(), cursor)).copied());
        let (begin, found) = match known {
            Some(offset) => {
                let all = self.find(query.clone().after(None).limit(1_000))?;
                (offset, all.into_iter().skip(offset).take(query.page_size()).collect())
            }
            None => (0, self.find(query.clone())?),
        };
        if query.cursor().is_none() || known.is_some() {
            let last = found.last().map(|it| query.cursor_of(it));
            self.broken.notes().offsets.extend(last.map(|last| ((asked, last), begin + found.len())));
        }
        Ok(Answer::Tickets(found))
    }
}

fn records_of(commit: &mut Commit, kind: RecordKind) -> impl Iterator<Item = &mut RecordWrite> {
    commit.writes.iter_mut().filter_map(move |write| match write {
        Write::Record(record) if record.kind == kind => Some(&mut **record),
        _ => None,
    })
}

/// Drops the record writes that satisfy the predicate.
fn drop_records(commit: &mut Commit, holds: impl Fn(&RecordWrite) -> bool) {
    commit.writes.retain(|write| !matches!(write, Write::Record(record) if holds(record)));
}

/// Replaces characters that do not fit into two bytes.
fn plain(text: &mut Option<String>) {
    *text = text.take().map(|it| it.chars().map(|c| if u32::from(c) > 0xffff { '?' } else { c }).collect());
}

impl Tx for BrokenTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        if self.broken.fault == Fault::WaitsInAnyOrder && self.mode == Mode::Write {
            self.tx = None;
            let locks = reads.iter().filter_map(Read::lock).filter(|(_, mode)| *mode == LockMode::Exclusive);
            let member = &self.broken.member;
            locks.map(|(lock, _)| lock).try_for_each(|lock| self.locked.lock(&self.desk, lock, member))?;
        }
        // Only the check for this fault reads so much at once.
        if self.broken.fault == Fault::ReadsLock && self.mode == Mode::Read && reads.len() > 5 {
            let reader = self.reads.insert(Arc::new(()));
            self.broken.notes().reader = Arc::downgrade(reader);
        }
        let reads_a_life = matches!(reads, [Read::Ticket(_), Read::History { after: 0, .. }]);
        let answer = |(place, read): (usize, &Read)| {
            if self.broken.fault == Fault::ReadsAnew && self.mode == Mode::Read && reads_a_life && place == 1
            {
                self.tx = None;
                self.broken.member.wait_for_a_commit();
            }
            self.answer(read)
        };
        let answers = reads.iter().enumerate().map(answer).collect::<Result<Vec<_>>>()?;
        let lets_go = |pair: &(&Read, &Answer)| match pair {
            (Read::Record { kind, .. }, Answer::Record(None)) => match self.broken.fault {
                Fault::ClaimsNoAbsence => *kind == THREAD,
                Fault::ClaimsNoKey => *kind == RECEIPT,
                _ => false,
            },
            (_, Answer::Record(Some(record))) => {
                self.broken.fault == Fault::ClaimsWhatIsRead && record.content.due.is_some()
            }
            (Read::NextNumber { .. }, _) => self.broken.fault == Fault::ClaimsNoNumbers,
            (Read::Ticket(_), Answer::Ticket(Some(ticket))) => match self.broken.fault {
                Fault::ClaimsNoTickets => true,
                Fault::FiresTwice => ticket.state.kind() == StateKind::OnHold,
                _ => false,
            },
            _ => false,
        };
        let released = reads.iter().zip(&answers).find(lets_go).map(|(read, _)| format!("{read:?}"));
        if self.broken.fault == Fault::WaitsInAnyOrder {
            self.tx = None;
            if self.mode == Mode::Write {
                self.broken.member.wait_for_quiet();
            }
        }
        if let Some(place) = released.filter(|_| self.mode == Mode::Write) {
            self.let_go = Some(self.broken.member.claims());
            self.tx = None;
            if self.broken.fault != Fault::ClaimsWhatIsRead {
                self.broken.member.meet(place);
            }
        }
        Ok(answers)
    }

    fn commit(&mut self, mut commit: Commit) -> Result<()> {
        let broken = self.broken;
        match broken.fault {
            Fault::NotAtomic => {
                let last = commit.writes.pop();
                for write in commit.writes {
                    self.tx()?.commit(Commit { writes: vec![write] })?;
                }
                commit = Commit { writes: last.into_iter().collect() };
            }
            Fault::CountsNumbers => self.take_numbers(),
            Fault::LosesTimers => commit.tickets_mut().skip(1).for_each(|it| it.timers.clear()),
            Fault::ClaimsWhatIsRead => {
                if let Some(claims) = self.let_go {
                    self.broken.member.wait_for_more_claims(claims);
                }
            }
            Fault::ClaimsNoTickets | Fault::FiresTwice if self.let_go.is_none() => {}
            Fault::IgnoresVersions | Fault::ClaimsNoTickets | Fault::FiresTwice => {
                for write in commit.tickets_mut() {
                    if let Answer::Ticket(Some(stored)) = self.ask(&Read::Ticket(write.snapshot.id))? {
                        write.expected = stored.version;
                    }
                }
            }
            Fault::ForgetsKeys => {
                // The version before the command follows the request's mark and the ticket id.
                let acts = |it: &RecordWrite| it.content.as_ref().is_some_and(|it| it.facts[32] != 0);
                drop_records(&mut commit, |it| it.kind == RECEIPT && acts(it));
            }
            Fault::KeepsReceipts => {
                drop_records(&mut commit, |it| it.kind == RECEIPT && it.expected != Expected::Absent)
            }
            Fault::FoldsCase => records_of(&mut commit, THREAD).for_each(|it| it.key = it.key.to_lowercase()),
            Fault::CutsFacts => {
                for write in &mut commit.writes {
                    if let Write::Record(record) = write
                        && let Some(content) = &mut record.content
                    {
                        content.facts.truncate(65_535);
                    }
                }
            }
            Fault::IgnoresRecordVersions => {
                for write in &mut commit.writes {
                    if let Write::Record(record) = write {
                        record.expected = Expected::Any;
                    }
                }
            }
            Fault::SkipsNothing => {
                for write in &mut commit.writes {
                    if let Write::Record(record) = write
                        && let Expected::VersionOrSkip(_) = record.expected
                    {
                        record.expected = Expected::Any;
                    }
                }
            }
            Fault::Twins => {
                let mut seen = HashSet::new();
                commit.writes.retain(|write| match write {
                    Write::Record(record) => seen.insert((record.kind, record.key.clone())),
                    _ => true,
                });
            }
            Fault::KeepsTimers => {
                let all = self.ask(&Read::DueTimers { until: far(), after: None, limit: 10_000 })?;
                let Answer::DueTimers(all) = all else { panic!("{all:?}") };
                for write in commit.tickets_mut() {
                    let old =
                        all.iter().filter(|it| it.ticket == write.snapshot.id).map(|it| it.timer.clone());
                    write.timers.extend(old);
                    write.timers.sort();
                    write.timers.dedup();
                }
            }
            Fault::Milliseconds => {
                let timers = commit.tickets_mut().flat_map(|it| &mut it.timers);
                timers.for_each(|it| {
                    it.due -= TimeDelta::microseconds(it.due.timestamp_subsec_micros() as i64 % 1_000)
                });
            }
            Fault::LosesThreads | Fault::Panics => {
                let leads_on = |it: &RecordWrite| it.kind == THREAD && it.expected != Expected::Absent;
                if broken.fault == Fault::Panics && commit.records().any(leads_on) {
                    panic!("a thread is redirected");
                }
                drop_records(&mut commit, leads_on);
            }
            Fault::LosesEvents => {
                commit.tickets_mut().filter(|it| it.events.len() > 2).for_each(|it| drop(it.events.pop()));
            }
            Fault::NoEmoji => {
                for write in commit.tickets_mut() {
                    for (owner, words) in write.snapshot.personal.clone().owners() {
                        let mut words = words.clone();
                        plain(&mut words.subject);
                        write.snapshot.personal.add(owner.clone(), words);
                    }
                }
            }
            _ => {}
        }
        self.tx()?.commit(commit)?;
        self.broken.member.committed();
        Ok(())
    }
}
