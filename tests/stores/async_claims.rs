//! The async driver over a store that logs its calls: the order of locks, retries, and commits without an
//! acknowledgement.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::operation::Engine;
use firstline::operation::async_store::{Async, AsyncStore, AsyncTx};
use firstline::store::kinds::RECEIPT;
use firstline::store::{
    Answer, Changes, Claimed, Commit, Content, DataPolicy, Expected, Lock, Mode, Read, Record, RecordKind,
    RecordWrite, Store, Tx,
};
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, DateTime, Desk, DeskId, Error, ErrorKind, InboundMessage, LinkKind, NewTicket, Policy,
    Query, Receipt, Result, Ticket, TicketId, TimeDelta, Utc, state,
};

use crate::pending_once::PendingOnce;

/// The outcome of a commit.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is written, and the acknowledgement is lost.
    Unheard,
    /// It is not written, and no answer arrives.
    Lost,
    /// It is not written, and another command writes the same version instead.
    Overtaken,
    /// It is written, another command adopts a policy for the following year, and the acknowledgement is lost.
    Outdone,
    /// It is written, a worker claims its work at once, and the acknowledgement is lost.
    Worked,
    /// It fails with a retryable error, and another message opens the thread `chat-9`.
    Beaten,
    /// It is written after a delay.
    Slow,
    /// Before it is written, another command uses the key `k-2` again at this instant.
    Renewed(DateTime<Utc>),
    /// Before it is written, another command deletes the receipt of the key `k-2`.
    Cleared,
}

const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, DataPolicy::IMPERSONAL);

/// A store behind a connection that may fail.
#[derive(Debug, Clone, Default)]
struct Remote(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    memory: Memory,
    log: Mutex<Vec<String>>,
    fates: Mutex<VecDeque<Fate>>,
    /// The number of next `begin` calls that fail with a retryable error.
    down: Mutex<u32>,
    acquire_timeout: u32,
}

struct RemoteTx<'a>(&'a Line, DeskId);

impl Line {
    fn log_call(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    fn desk(&self) -> Desk<Memory> {
        self.memory.desk(settings())
    }

    /// Repeats the request with the key `k-2` on another connection.
    fn renew(&self, now: DateTime<Utc>) -> Result<Receipt> {
        let desk = self.memory.desk(Settings::new("acme").time(ManualTime::at(now)));
        let ticket = desk.ticket("T-2")?.id();
        desk.act(ticket, Action::note("renewed"), Actor::agent("ben").idempotency_key("k-2"))
    }

    fn record(&self, kind: RecordKind, key: &str) -> Option<Record> {
        let mut tx = self.memory.begin(&"acme".into(), Mode::Read).unwrap();
        match tx.load(&[Read::record(kind, key)]).unwrap().remove(0) {
            Answer::Record(found) => found.map(|it| *it),
            other => panic!("{other:?}"),
        }
    }
}

impl AsyncStore for Remote {
    type Tx<'a> = RemoteTx<'a>;

    async fn begin(&self, desk: &DeskId, _: Mode) -> Result<RemoteTx<'_>> {
        PendingOnce::default().await;
        let mut down = self.0.down.lock().unwrap();
        if *down > 0 {
            *down -= 1;
            self.0.log_call("down");
            return Err(Error::new(ErrorKind::Busy, "down"));
        }
        self.0.log_call("begin");
        Ok(RemoteTx(&self.0, desk.clone()))
    }

    async fn wait(&self, tries: u32, _: &Error) -> bool {
        PendingOnce::default().await;
        tries < self.0.acquire_timeout
    }
}

impl AsyncTx for RemoteTx<'_> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        PendingOnce::default().await;
        let locks: BTreeSet<_> = reads.iter().filter_map(Read::lock).map(|(lock, _)| lock).collect();
        let tickets = locks.iter().filter(|lock| matches!(lock, Lock::Ticket(_))).count();
        let number = if locks.contains(&Lock::Numbers) { " and numbers" } else { "" };
        self.0.log_call(format!("lock {tickets}{number}"));
        self.0.memory.begin(&self.1, Mode::Write)?.load(reads)
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        let fate = self.0.fates.lock().unwrap().pop_front();
        self.0.log_call("commit");
        match fate {
            Some(Fate::Renewed(now)) => drop(self.0.renew(now)?),
            Some(Fate::Slow) => std::thread::sleep(std::time::Duration::from_millis(60)),
            Some(Fate::Cleared) => {
                let clear = RecordWrite::delete(RECEIPT, "k-2", Expected::Any);
                self.0.memory.begin(&self.1, Mode::Write)?.commit(Commit::from_iter([clear]))?;
            }
            _ => {}
        }
        if let Some(Fate::Renewed(_) | Fate::Cleared | Fate::Slow) = fate {
            return self.0.memory.begin(&self.1, Mode::Write)?.commit(commit);
        }
        if let None | Some(Fate::Unheard | Fate::Outdone | Fate::Worked) = fate {
            self.0.memory.begin(&self.1, Mode::Write)?.commit(commit)?;
            if let Some(Fate::Outdone) = fate {
                self.0.desk().setup().adopt_from(&Policy::new().prefix("LAST"), year(2028))?;
            }
            if let Some(Fate::Worked) = fate {
                assert_eq!(Store::claim(&self.0.memory, WORK, 9, TimeDelta::hours(1))?.len(), 1);
            }
        } else if let Some(Fate::Beaten) = fate {
            self.0.desk().receive(message("Theirs"))?;
            return Err(Error::new(ErrorKind::Busy, "a deadlock"));
        } else if let (Some(Fate::Overtaken), Some(write)) = (fate, commit.tickets().next()) {
            self.0.desk().act(write.snapshot.id, Action::note("faster"), Actor::agent("ben"))?;
        }
        if fate.is_some() { Err(Error::new(ErrorKind::Unknown, "the connection is lost")) } else { Ok(()) }
    }

    async fn rollback(&mut self) {
        self.0.log_call("leave");
    }
}

fn message(words: &str) -> InboundMessage {
    InboundMessage::new(words).from("boris").thread("chat-9").subject("No sound")
}

fn year(year: i32) -> DateTime<Utc> {
    format!("{year}-01-01T00:00:00Z").parse().unwrap()
}

fn settings() -> Settings {
    Settings::new("acme").time(ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap()))
}

fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

struct Stage {
    line: Arc<Line>,
    desk: Desk<Async<Remote>>,
    tickets: Vec<TicketId>,
}

impl Stage {
    fn with_retries(acquire_timeout: u32) -> Stage {
        let remote = Remote(Arc::new(Line { acquire_timeout, ..Line::default() }));
        let line = Arc::clone(&remote.0);
        let open = |n| line.desk().open_ticket(NewTicket::new(format!("Ticket {n}"))).unwrap().id();
        let mut tickets: Vec<_> = (0..3).map(open).collect();
        tickets.sort();
        Stage { line, desk: Desk::over(Async(remote), settings()), tickets }
    }

    fn fated(&self, fates: &[Fate], down: u32) {
        self.line.fates.lock().unwrap().extend(fates);
        *self.line.down.lock().unwrap() = down;
    }

    /// Returns the calls since the last call of this method.
    fn log(&self) -> String {
        std::mem::take(&mut *self.line.log.lock().unwrap()).join(", ")
    }

    fn note(&self) -> Result<u64> {
        let note = self.desk.act(self.tickets[0], Action::note("seen"), Actor::agent("anna"));
        block_on(note).map(|receipt| receipt.ticket.version)
    }

    /// Returns the authors and texts of the notes on the first ticket.
    fn notes(&self) -> Vec<String> {
        let history = self.line.desk().records().history(self.tickets[0]).unwrap();
        history.iter().filter_map(|it| it.personal.text().map(str::to_owned)).collect()
    }
}

#[test]
fn a_later_lock_is_added_to_the_held_locks() {
    let stage = Stage::with_retries(0);
    let link = Action::link(LinkKind::CauseOf, stage.tickets[1]);
    block_on(stage.desk.act(stage.tickets[0], link, Actor::agent("anna"))).unwrap();
    assert_eq!(stage.log(), "begin, lock 1, lock 1, commit");
}

#[test]
fn an_earlier_lock_restarts_the_transaction() {
    let stage = Stage::with_retries(0);
    let link = Action::link(LinkKind::CauseOf, stage.tickets[0]);
    block_on(stage.desk.act(stage.tickets[2], link, Actor::agent("anna"))).unwrap();
    assert_eq!(stage.log(), "begin, lock 1, leave, begin, lock 2, commit");
    // The numbers are the last lock, so a ticket that is read after it causes a restart too.
    let request = NewTicket::new("No sound").idempotency_key("k");
    block_on(stage.desk.open_ticket(request.clone())).unwrap();
    assert_eq!(stage.log(), "begin, lock 0 and numbers, commit");
    block_on(stage.desk.open_ticket(request)).unwrap();
    assert_eq!(stage.log(), "begin, lock 0 and numbers, leave, begin, lock 1 and numbers, leave");
}

#[test]
fn a_read_only_operation_never_restarts() {
    let stage = Stage::with_retries(0);
    block_on(stage.desk.ticket("T-2")).unwrap();
    assert_eq!(stage.log(), "begin, lock 0 and numbers, lock 1, leave");
}

#[test]
fn an_unacknowledged_commit_is_not_repeated() {
    let stage = Stage::with_retries(3);
    stage.fated(&[Fate::Unheard], 0);
    assert_eq!(stage.note().unwrap(), 2);
    assert_eq!(stage.log(), "begin, lock 1, commit, leave, begin, lock 1, leave");
    assert_eq!(stage.notes(), ["seen"]);
    // The same for a ticket that is opened without a key.
    stage.fated(&[Fate::Unheard], 0);
    let ticket: Ticket<state::New> = block_on(stage.desk.open_ticket(NewTicket::new("No sound"))).unwrap();
    assert_eq!((ticket.number.value, stage.line.desk().find(Query::newest()).unwrap().tickets.len()), (4, 4));
}

/// An adoption writes no ticket, so the driver cannot look for events.
#[test]
fn an_unacknowledged_adoption_is_not_repeated() {
    let stage = Stage::with_retries(3);
    let policy = Policy::new().prefix("NEXT");
    stage.fated(&[Fate::Outdone], 0);
    let adopted = block_on(stage.desk.setup().adopt_from(&policy, year(2027))).unwrap();
    assert_eq!((adopted.version, adopted.from), (1, year(2027)));
    stage.fated(&[Fate::Lost], 0);
    let adopted = block_on(stage.desk.setup().adopt_from(&policy, year(2029))).unwrap();
    assert_eq!((adopted.version, adopted.from), (3, year(2029)));
}

#[test]
fn a_lost_commit_is_retried() {
    let stage = Stage::with_retries(3);
    stage.fated(&[Fate::Lost, Fate::Lost, Fate::Unheard], 0);
    assert_eq!(stage.note().unwrap(), 2);
    assert_eq!(stage.notes(), ["seen"]);
    // An event of another command with the same version is not mistaken for it.
    stage.fated(&[Fate::Overtaken], 0);
    assert_eq!(stage.note().unwrap(), 4);
    assert_eq!(stage.notes(), ["seen", "faster", "seen"]);
}

#[test]
fn a_commit_with_an_undeterminable_outcome_is_unknown() {
    let stage = Stage::with_retries(3);
    let Stage { line, .. } = &stage;
    let unreachable = || {
        block_on(async {
            let mut note =
                Box::pin(stage.desk.act(stage.tickets[0], Action::note("seen"), Actor::agent("anna")));
            // The connection fails after the commit was sent.
            std::future::poll_fn(|context| {
                if line.log.lock().unwrap().last().is_some_and(|it| it == "leave") {
                    *line.down.lock().unwrap() = 100;
                }
                note.as_mut().poll(context)
            })
            .await
        })
    };
    for (fate, written) in [(Fate::Lost, 0), (Fate::Unheard, 1)] {
        stage.fated(&[fate], 0);
        let error = unreachable().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown, "{error:?}");
        assert!(error.is_storage() && !error.is_retryable());
        assert_eq!(stage.notes().len(), written);
        stage.log();
    }
}

#[test]
fn a_busy_operation_is_retried_while_the_store_waits() {
    let stage = Stage::with_retries(3);
    stage.fated(&[], 3);
    assert_eq!(stage.note().unwrap(), 2);
    assert_eq!(stage.log(), "down, down, down, begin, lock 1, commit");
    stage.fated(&[], 4);
    assert!(stage.note().unwrap_err().is_retryable());

    // A store inside the host's transaction does not retry.
    let stage = Stage::with_retries(0);
    stage.fated(&[], 1);
    assert!(stage.note().unwrap_err().is_retryable());
    assert_eq!(stage.log(), "down");
}

/// The first attempt needs a number for a new ticket; the second opens no ticket.
#[test]
fn a_retry_does_not_lock_or_use_a_number_it_no_longer_needs() {
    let stage = Stage::with_retries(3);
    stage.fated(&[Fate::Beaten], 0);
    let receipt = block_on(stage.desk.receive(message("Mine"))).unwrap();
    assert!(!receipt.opened());
    assert_eq!(
        stage.log(),
        "begin, lock 0, lock 0 and numbers, commit, leave, begin, lock 0, lock 1, commit"
    );
    let numbers = [4, stage.line.desk().open_ticket(NewTicket::new("Next")).unwrap().number.value];
    assert_eq!((receipt.ticket.number.value, numbers), (4, [4, 5]));
}

/// About one in 32 commands with a key cleans up. The key determines which.
#[test]
fn a_clean_up_keeps_a_receipt_that_was_renewed_meanwhile() {
    let stage = Stage::with_retries(0);
    let mut now = year(2026);
    for round in 0..400 {
        now += TimeDelta::days(40);
        stage.fated(&[Fate::Renewed(now)], 0);
        let remote = Remote(Arc::clone(&stage.line));
        let desk = Desk::over(Async(remote), Settings::new("acme").time(ManualTime::at(now)));
        let anna = Actor::agent("anna").idempotency_key(format!("k-1-{round}"));
        block_on(desk.act(stage.tickets[0], Action::note(format!("{round}")), anna)).unwrap();
        assert!(stage.line.renew(now).unwrap().replayed, "the command was applied twice in round {round}");
    }
    assert_eq!(stage.line.record(RECEIPT, "k-1-0"), None, "no command cleaned up");
}

#[test]
fn a_concurrent_clean_up_of_an_expired_receipt_is_not_a_conflict() {
    let stage = Stage::with_retries(0);
    stage.line.renew(year(2025)).unwrap();
    stage.fated(&[Fate::Cleared], 0);
    let by = Actor::agent("ben").idempotency_key("k-2");
    let receipt = block_on(stage.desk.act(stage.tickets[1], Action::note("again"), by)).unwrap();
    assert!(!receipt.replayed);
    assert_eq!(stage.line.record(RECEIPT, "k-2").unwrap().version, 1);
}

/// Writes one record under the key `w` with this fate. Returns the result and the version that is stored afterwards.
fn saved(stage: &Stage, fate: Fate, write: RecordWrite) -> (Result<()>, Option<u64>) {
    stage.fated(&[fate], 0);
    let remote = Async(Remote(Arc::clone(&stage.line)));
    let result = block_on(remote.save(&"acme".into(), Commit::from_iter([write])));
    (result, stage.line.record(WORK, "w").map(|it| it.version))
}

#[test]
fn records_that_do_not_prove_the_outcome_are_unknown() {
    let unknown = |(result, version): (Result<()>, Option<u64>)| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown, "{error:?}");
        version
    };
    let due = Content::new(*b"work").due(DateTime::UNIX_EPOCH);
    let put = |expected, content: &Content| RecordWrite::put(WORK, "w", expected, content.clone());
    let stage = Stage::with_retries(3);
    // A worker has already claimed the record, or has finished and deleted it.
    assert_eq!(unknown(saved(&stage, Fate::Worked, put(Expected::Absent, &due))), Some(2));
    let deletion = RecordWrite::delete(WORK, "w", Expected::Version(2));
    assert_eq!(unknown(saved(&stage, Fate::Unheard, deletion)), None);
    assert_eq!(unknown(saved(&stage, Fate::Lost, put(Expected::Absent, &due))), None);
    let anyhow = Content::new(*b"anyhow");
    assert_eq!(unknown(saved(&stage, Fate::Unheard, put(Expected::Any, &anyhow))), Some(1));
    assert_eq!(unknown(saved(&stage, Fate::Lost, put(Expected::Any, &anyhow))), Some(1));
}

#[test]
fn only_lost_records_are_written_again() {
    let put = |expected, words: &str| RecordWrite::put(WORK, "w", expected, Content::new(words));
    let stage = Stage::with_retries(3);
    for (fate, write, version) in [
        (Fate::Lost, put(Expected::Absent, "one"), Some(1)),
        (Fate::Lost, put(Expected::Version(1), "two"), Some(2)),
        (Fate::Unheard, put(Expected::Version(2), "three"), Some(3)),
        (Fate::Lost, RecordWrite::delete(WORK, "w", Expected::Version(3)), None),
        (Fate::Unheard, put(Expected::Absent, "four"), Some(1)),
    ] {
        let (result, stored) = saved(&stage, fate, write.clone());
        result.unwrap();
        assert_eq!(stored, version, "{write:?}");
    }
}

fn claim(stage: &Stage) -> Result<Vec<Claimed>> {
    let remote = Remote(Arc::clone(&stage.line));
    block_on(AsyncStore::claim(&remote, WORK, 9, TimeDelta::hours(1)))
}

fn with_work(stage: &Stage, desks: &[&str]) {
    for desk in desks {
        let due = Content::new(*b"work").due(DateTime::UNIX_EPOCH);
        let commit = Commit::from_iter([RecordWrite::put(WORK, "w", Expected::Absent, due)]);
        stage.line.memory.begin(&(*desk).into(), Mode::Write).unwrap().commit(commit).unwrap();
    }
}

#[test]
fn a_busy_claim_is_retried() {
    let stage = Stage::with_retries(3);
    with_work(&stage, &["acme"]);
    stage.fated(&[], 2);
    assert_eq!(claim(&stage).unwrap().len(), 1);
    // A transaction is not used after its commit.
    assert_eq!(stage.log(), "down, down, begin, lock 0, leave, begin, lock 0, commit");
}

#[test]
fn a_lease_begins_after_waiting_for_another_desk() {
    let stage = Stage::with_retries(0);
    with_work(&stage, &["acme", "beta"]);
    stage.fated(&[Fate::Slow], 0);
    let due: Vec<_> = claim(&stage).unwrap().iter().map(|it| it.record.content.due.unwrap()).collect();
    assert!(due[1] - due[0] >= TimeDelta::milliseconds(60), "{due:?}");
}
