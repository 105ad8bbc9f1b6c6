//! A sound store, spoilt in one way or another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use firstline::memory::{Memory, MemoryTx};
use firstline::store::{Answer, Commit, Hold, Mode, Query, Read, Store, Tx};
use firstline::{Cursor, DateTime, DeskId, Order, Result, Snapshot, StateKind, ThreadKey, TimeDelta, Utc};

use super::locks::{Locked, Locks};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Writes the parts of a commit one after another, and stops at the first that fails.
    NotAtomic,
    IgnoresVersions,
    /// Loses the receipts of what is done to tickets.
    ForgetsKeys,
    KeepsReceipts,
    /// A ticket that is not at the desk is read from another.
    LeaksTickets,
    LeaksSearches,
    FoldsCase,
    /// The next page begins so many tickets further on.
    PagesByOffset,
    /// Overlooks that nobody is to have the tickets.
    FindsUnassigned,
    /// Leaves the timers of the version before.
    KeepsTimers,
    DueAnyhow,
    /// Knows what is owed at this desk alone.
    OwesHere,
    /// Keeps timers to the millisecond.
    Milliseconds,
    /// Leaves a thread where it led first.
    LosesThreads,
    LimitsBeforeSlicing,
    /// Loses the last of more than two events.
    LosesEvents,
    NumbersTwice,
    /// A number is taken as soon as it is read.
    TakesNumbers,
    /// A number is taken by whatever commits in the transaction in which it was read.
    CountsNumbers,
    /// A thread that was not there may be when something is written.
    ClaimsNoAbsence,
    ClaimsNoKey,
    ClaimsNoNumbers,
    /// Others may write a ticket that was read in order to write it, and are overwritten.
    ClaimsNoTickets,
    /// The same with tickets on hold alone, so that whoever sweeps at once wakes them twice.
    FiresTwice,
    /// Keeps the timers of one ticket in a commit.
    LosesTimers,
    /// Any definition is the newest one.
    DefinitionsByKind,
    NewestIsInForce,
    /// Keeps no more than the first 65,536 signs of Unicode.
    NoEmoji,
    /// Panics when a thread leads on.
    Panics,
    /// Takes in a second ticket of one name elsewhere, without the name.
    Namesakes,
    /// Gives all that is owed, however little was asked for.
    OwesAll,
    /// Answers one read after another, each as things are by then.
    ReadsAnew,
    /// Lets several write at once, each of whom claims in the order of asking and keeps what it has. Of two that wait for
    /// each other one is told that the store failed.
    WaitsInAnyOrder,
    /// Writes the tickets of a commit one after another, and is left in between. See `torn`.
    TornWhenLeft,
}

#[derive(Debug, Default)]
struct Notes {
    /// By the query and where its page ended.
    offsets: HashMap<(String, Cursor), usize>,
    newest: Option<String>,
    /// The highest number that counts as taken at a desk.
    taken: HashMap<DeskId, u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Broken {
    store: Memory,
    fault: Fault,
    notes: Arc<Mutex<Notes>>,
    locks: Arc<Locks>,
}

impl Broken {
    pub(crate) fn new(fault: Fault) -> Broken {
        Broken { store: Memory::new(), fault, notes: Arc::default(), locks: Arc::default() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }
}

impl Store for Broken {
    type Tx<'a> = BrokenTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<BrokenTx<'_>> {
        let tx = match self.fault {
            Fault::WaitsInAnyOrder => None,
            _ => Some(self.store.begin(desk, mode)?),
        };
        let locked = self.locks.nobody();
        Ok(BrokenTx { broken: self, desk: desk.clone(), tx, mode, asked: 0, let_go: false, locked })
    }
}

pub(crate) struct BrokenTx<'a> {
    broken: &'a Broken,
    desk: DeskId,
    /// `None` where it has let go of what it should hold.
    tx: Option<MemoryTx<'a>>,
    mode: Mode,
    /// The highest number that was asked for.
    asked: u64,
    let_go: bool,
    locked: Locked,
}

fn far() -> DateTime<Utc> {
    DateTime::from_timestamp(9_000_000_000, 0).unwrap()
}

impl<'a> BrokenTx<'a> {
    /// The transaction underneath, begun anew where it was let go.
    fn tx(&mut self) -> Result<&mut MemoryTx<'a>> {
        if self.tx.is_none() {
            self.tx = Some(self.broken.store.begin(&self.desk, self.mode)?);
        }
        Ok(self.tx.as_mut().unwrap())
    }

    /// An answer at another desk.
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
            (Fault::FoldsCase, Read::Thread(key)) => self.ask(&Read::Thread(folded(key)))?,
            (Fault::NumbersTwice, Read::NextNumber { .. }) => self.ask(&Read::NextNumber { place: 0 })?,
            (Fault::OwesAll, Read::Owed { until, after, .. }) => {
                self.ask(&Read::Owed { until: *until, after: after.clone(), limit: usize::MAX })?
            }
            (Fault::ReadsAnew, _) if self.mode == Mode::Read => {
                self.tx = None;
                std::thread::sleep(Duration::from_millis(1));
                self.ask(read)?
            }
            (Fault::NewestIsInForce, Read::InForce(kind, _)) => self.ask(&Read::Newest(*kind))?,
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
                // A query does not tell a store that nobody is to have the tickets, but by what it matches.
                let asked = format!("{query:?}").contains("unassigned: true");
                let plain = match query.order() {
                    Order::Inbox => Query::inbox(),
                    Order::Newest => Query::newest(),
                    Order::Oldest => Query::oldest(),
                };
                let plain = plain.limit(query.page_size()).after(query.cursor().cloned());
                // In the pages of the check of pages it does as it should.
                if asked && query.page_size() == 7 { self.ask(&Read::Find(plain))? } else { self.ask(read)? }
            }
            _ => self.ask(read)?,
        };
        Ok(match (fault, read, answer) {
            (Fault::LeaksTickets, Read::Ticket(_), Answer::Ticket(None)) => self.elsewhere(read)?,
            (Fault::LeaksSearches, Read::Find(_), Answer::Tickets(found)) if found.is_empty() => {
                self.elsewhere(read)?
            }
            (Fault::DueAnyhow, _, Answer::Due(mut due)) => {
                due.reverse();
                Answer::Due(due)
            }
            (Fault::OwesHere, _, Answer::Owed(mut owed)) => {
                owed.retain(|it| it.desk.as_str() == "beta");
                Answer::Owed(owed)
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
            (Fault::DefinitionsByKind, _, Answer::Definition(Some(_))) => {
                Answer::Definition(self.broken.notes().newest.clone())
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
            let last = found.last().map(|it| query.place(it));
            self.broken.notes().offsets.extend(last.map(|last| ((asked, last), begin + found.len())));
        }
        Ok(Answer::Tickets(found))
    }
}

fn folded(key: &ThreadKey) -> ThreadKey {
    key.as_str().to_lowercase().into()
}

/// What a database makes of it that keeps two bytes a sign.
fn plain(text: &mut Option<String>) {
    *text = text.take().map(|it| it.chars().map(|c| if u32::from(c) > 0xffff { '?' } else { c }).collect());
}

impl Tx for BrokenTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        if self.broken.fault == Fault::WaitsInAnyOrder && self.mode == Mode::Write {
            self.tx = None;
            let claims = reads.iter().filter_map(Read::claim).filter(|(_, hold)| *hold == Hold::Exclusive);
            claims.map(|(claim, _)| claim).try_for_each(|claim| self.locked.claim(&self.desk, claim))?;
        }
        let answers = reads.iter().map(|read| self.answer(read)).collect::<Result<Vec<_>>>()?;
        let lets_go = reads.iter().zip(&answers).any(|pair| match pair {
            (Read::Thread(_), Answer::Id(None)) => self.broken.fault == Fault::ClaimsNoAbsence,
            (Read::Receipt(_), Answer::Receipt(None)) => self.broken.fault == Fault::ClaimsNoKey,
            (Read::NextNumber { .. }, _) => self.broken.fault == Fault::ClaimsNoNumbers,
            (Read::Ticket(_), Answer::Ticket(Some(ticket))) => match self.broken.fault {
                Fault::ClaimsNoTickets => true,
                Fault::FiresTwice => ticket.state.kind() == StateKind::OnHold,
                _ => false,
            },
            _ => false,
        });
        if self.broken.fault == Fault::WaitsInAnyOrder {
            self.tx = None;
            std::thread::sleep(Duration::from_millis(1));
        }
        if lets_go && self.mode == Mode::Write {
            self.let_go = true;
            self.tx = None;
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(answers)
    }

    fn commit(&mut self, mut commit: Commit) -> Result<()> {
        let broken = self.broken;
        match broken.fault {
            Fault::NotAtomic => {
                let Commit { tickets, threads, definitions, adoptions, receipt, forget_receipts_before } =
                    commit;
                let first = Commit { threads, definitions, ..Commit::default() };
                self.tx()?.commit(first)?;
                for ticket in tickets {
                    self.tx()?.commit(Commit { tickets: vec![ticket], ..Commit::default() })?;
                }
                commit = Commit { adoptions, receipt, forget_receipts_before, ..Commit::default() };
            }
            Fault::CountsNumbers => self.take_numbers(),
            Fault::LosesTimers => commit.tickets.iter_mut().skip(1).for_each(|it| it.timers.clear()),
            Fault::ClaimsNoTickets | Fault::FiresTwice if !self.let_go => {}
            Fault::IgnoresVersions | Fault::ClaimsNoTickets | Fault::FiresTwice => {
                for write in &mut commit.tickets {
                    if let Answer::Ticket(Some(stored)) = self.ask(&Read::Ticket(write.snapshot.id))? {
                        write.expected = stored.version;
                    }
                }
            }
            Fault::ForgetsKeys => commit.receipt = commit.receipt.filter(|it| it.before == 0),
            Fault::KeepsReceipts => commit.forget_receipts_before = None,
            Fault::FoldsCase => commit.threads.iter_mut().for_each(|(key, _)| *key = folded(key)),
            Fault::KeepsTimers => {
                let all = self.ask(&Read::Due { until: far(), after: None, limit: 10_000 })?;
                let Answer::Due(all) = all else { panic!("{all:?}") };
                for write in &mut commit.tickets {
                    let old =
                        all.iter().filter(|it| it.ticket == write.snapshot.id).map(|it| it.timer.clone());
                    write.timers.extend(old);
                    write.timers.sort();
                    write.timers.dedup();
                }
            }
            Fault::Milliseconds => {
                let timers = commit.tickets.iter_mut().flat_map(|it| &mut it.timers);
                timers.for_each(|it| {
                    it.due -= TimeDelta::microseconds(it.due.timestamp_subsec_micros() as i64 % 1_000)
                });
            }
            Fault::LosesThreads | Fault::Panics => {
                let mut kept = Vec::new();
                for (key, id) in commit.threads {
                    match self.ask(&Read::Thread(key.clone()))? {
                        Answer::Id(None) => kept.push((key, id)),
                        _ if broken.fault == Fault::Panics => panic!("a thread leads on"),
                        _ => {}
                    }
                }
                commit.threads = kept;
            }
            Fault::LosesEvents => {
                commit
                    .tickets
                    .iter_mut()
                    .filter(|it| it.events.len() > 2)
                    .for_each(|it| drop(it.events.pop()));
            }
            Fault::DefinitionsByKind => {
                let mut notes = broken.notes();
                notes.newest = commit.definitions.last().map(|it| it.1.clone()).or(notes.newest.take());
            }
            Fault::Namesakes => {
                if let [write] = &mut commit.tickets[..]
                    && let Some(name) = &write.snapshot.external
                    && self.ask(&Read::External(name.clone()))? != Answer::Id(None)
                {
                    write.snapshot.external = None;
                }
            }
            Fault::NoEmoji => {
                for write in &mut commit.tickets {
                    plain(&mut write.snapshot.personal.subject);
                }
            }
            _ => {}
        }
        self.tx()?.commit(commit)
    }
}
