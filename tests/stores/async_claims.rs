//! The awaiting driver over a store that tells how it was used: claims in one order, and what becomes of a commit whose end
//! was not heard of.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::operation::async_store::{Async, AsyncStore, AsyncTx};
use firstline::operation::{Engine, Save};
use firstline::store::kinds::RECEIPT;
use firstline::store::{
    Answer, Changes, Claimed, Commit, Content, Expected, Handling, Lock, Mode, Read, Record, RecordKind,
    RecordWrite, Store, Tx,
};
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, DateTime, Desk, DeskId, Error, ErrorKind, LinkKind, NewTicket, Policy, Query, Receipt,
    Result, Ticket, TicketId, TimeDelta, Utc, state,
};

/// What becomes of a commit.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is written, and nobody hears of it.
    Unheard,
    /// It is not written, and nobody hears of it.
    Lost,
    /// It is lost, and somebody else writes the version that it would have written.
    Overtaken,
    /// It is written, somebody else plans a policy for the year after, and nobody hears of it.
    Outdone,
    /// It is written, a worker claims the work in it at once, and nobody hears of it.
    Worked,
    /// It fails for the moment, and somebody else's message opens the thread `chat-9`.
    Beaten,
    /// It is written after a while.
    Slow,
    /// Before it is written somebody else uses the key `k-2` again at this instant.
    Renewed(DateTime<Utc>),
    /// Before it is written somebody else deletes the receipt of the key `k-2`.
    Cleared,
}

const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, Handling::IMPERSONAL);

/// A store at the other end of a line that may go dead.
#[derive(Debug, Clone, Default)]
struct Remote(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    memory: Memory,
    log: Mutex<Vec<String>>,
    fates: Mutex<VecDeque<Fate>>,
    /// How many of the next beginnings fail for the moment.
    down: Mutex<u32>,
    acquire_timeout: u32,
}

struct RemoteTx<'a>(&'a Line, DeskId);

impl Line {
    fn said(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    fn desk(&self) -> Desk<Memory> {
        self.memory.desk(settings())
    }

    /// The same request with the key `k-2`, made on another connection.
    fn renew(&self, now: DateTime<Utc>) -> Result<Receipt> {
        let desk = self.memory.desk(Settings::new("acme").time(ManualTime::at(now)));
        let ticket = desk.ticket("T-2")?.id();
        desk.act(ticket, Action::note("renewed"), Actor::agent("ben").once("k-2"))
    }

    fn record(&self, kind: RecordKind, key: &str) -> Option<Record> {
        let mut tx = self.memory.begin(&"acme".into(), Mode::Read).unwrap();
        match tx.load(&[Read::record(kind, key)]).unwrap().remove(0) {
            Answer::Record(found) => found.map(|it| *it),
            other => panic!("{other:?}"),
        }
    }
}

/// Polled once in vain, as anything that is awaited may be.
struct Later(bool);

impl Future for Later {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl AsyncStore for Remote {
    type Tx<'a> = RemoteTx<'a>;

    async fn begin(&self, desk: &DeskId, _: Mode) -> Result<RemoteTx<'_>> {
        Later(false).await;
        let mut down = self.0.down.lock().unwrap();
        if *down > 0 {
            *down -= 1;
            self.0.said("down");
            return Err(Error::new(ErrorKind::Busy, "down"));
        }
        self.0.said("begin");
        Ok(RemoteTx(&self.0, desk.clone()))
    }

    async fn wait(&self, tries: u32, _: &Error) -> bool {
        Later(false).await;
        tries < self.0.acquire_timeout
    }
}

impl AsyncTx for RemoteTx<'_> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        Later(false).await;
        let locks: BTreeSet<_> = reads.iter().filter_map(Read::lock).map(|(lock, _)| lock).collect();
        let tickets = locks.iter().filter(|lock| matches!(lock, Lock::Ticket(_))).count();
        let number = if locks.contains(&Lock::Numbers) { " and numbers" } else { "" };
        self.0.said(format!("lock {tickets}{number}"));
        self.0.memory.begin(&self.1, Mode::Write)?.load(reads)
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        let fate = self.0.fates.lock().unwrap().pop_front();
        self.0.said("commit");
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
        if fate.is_some() { Err(Error::new(ErrorKind::Unknown, "the line is dead")) } else { Ok(()) }
    }

    async fn end(&mut self) {
        self.0.said("leave");
    }
}

fn message(words: &str) -> NewTicket {
    NewTicket::new("No sound").from("boris").thread("chat-9").message(words)
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
    fn with_patience(acquire_timeout: u32) -> Stage {
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

    /// How the store was used since the last time.
    fn log(&self) -> String {
        std::mem::take(&mut *self.line.log.lock().unwrap()).join(", ")
    }

    fn note(&self) -> Result<u64> {
        let note = self.desk.act(self.tickets[0], Action::note("seen"), Actor::agent("anna"));
        block_on(note).map(|receipt| receipt.ticket.version)
    }

    /// Who noted what on the first ticket.
    fn notes(&self) -> Vec<String> {
        let history = self.line.desk().records().history(self.tickets[0]).unwrap();
        history.iter().filter_map(|it| it.personal.text().map(str::to_owned)).collect()
    }
}

#[test]
fn what_comes_later_in_the_order_is_claimed_beside_what_is_held() {
    let stage = Stage::with_patience(0);
    let link = Action::link(LinkKind::CauseOf, stage.tickets[1]);
    block_on(stage.desk.act(stage.tickets[0], link, Actor::agent("anna"))).unwrap();
    assert_eq!(stage.log(), "begin, lock 1, lock 1, commit");
}

#[test]
fn what_came_earlier_in_the_order_is_claimed_anew_with_all_the_rest() {
    let stage = Stage::with_patience(0);
    let link = Action::link(LinkKind::CauseOf, stage.tickets[0]);
    block_on(stage.desk.act(stage.tickets[2], link, Actor::agent("anna"))).unwrap();
    assert_eq!(stage.log(), "begin, lock 1, leave, begin, lock 2, commit");
    // A number comes last: what is read of a ticket after it begins anew too.
    let request = NewTicket::new("No sound").once("k");
    block_on(stage.desk.open_ticket(request.clone())).unwrap();
    assert_eq!(stage.log(), "begin, lock 0 and numbers, commit");
    block_on(stage.desk.open_ticket(request)).unwrap();
    assert_eq!(stage.log(), "begin, lock 0 and numbers, leave, begin, lock 1 and numbers, leave");
}

#[test]
fn what_only_reads_gives_nothing_up() {
    let stage = Stage::with_patience(0);
    block_on(stage.desk.ticket("T-2")).unwrap();
    assert_eq!(stage.log(), "begin, lock 0 and numbers, lock 1, leave");
}

#[test]
fn a_commit_that_arrived_unheard_is_not_done_twice() {
    let stage = Stage::with_patience(3);
    stage.fated(&[Fate::Unheard], 0);
    assert_eq!(stage.note().unwrap(), 2);
    assert_eq!(stage.log(), "begin, lock 1, commit, leave, begin, lock 1, leave");
    assert_eq!(stage.notes(), ["seen"]);
    // The same for a ticket that is opened, without any key.
    stage.fated(&[Fate::Unheard], 0);
    let ticket: Ticket<state::New> = block_on(stage.desk.open_ticket(NewTicket::new("No sound"))).unwrap();
    assert_eq!((ticket.number.value, stage.line.desk().find(Query::newest()).unwrap().tickets.len()), (4, 4));
}

/// It has no ticket whose events could be looked for.
#[test]
fn an_adoption_that_arrived_unheard_is_not_made_twice() {
    let stage = Stage::with_patience(3);
    let policy = Policy::new().prefix("NEXT");
    stage.fated(&[Fate::Outdone], 0);
    let adopted = block_on(stage.desk.setup().adopt_from(&policy, year(2027))).unwrap();
    assert_eq!((adopted.version, adopted.from), (1, year(2027)));
    stage.fated(&[Fate::Lost], 0);
    let adopted = block_on(stage.desk.setup().adopt_from(&policy, year(2029))).unwrap();
    assert_eq!((adopted.version, adopted.from), (3, year(2029)));
}

#[test]
fn a_commit_that_was_lost_is_made_again() {
    let stage = Stage::with_patience(3);
    stage.fated(&[Fate::Lost, Fate::Lost, Fate::Unheard], 0);
    assert_eq!(stage.note().unwrap(), 2);
    assert_eq!(stage.notes(), ["seen"]);
    // Somebody else's event in its place is not taken for it.
    stage.fated(&[Fate::Overtaken], 0);
    assert_eq!(stage.note().unwrap(), 4);
    assert_eq!(stage.notes(), ["seen", "faster", "seen"]);
}

#[test]
fn a_commit_of_which_nothing_can_be_learnt_is_reported_as_unknown() {
    let stage = Stage::with_patience(3);
    let Stage { line, .. } = &stage;
    let unreachable = || {
        block_on(async {
            let mut note =
                Box::pin(stage.desk.act(stage.tickets[0], Action::note("seen"), Actor::agent("anna")));
            // The line goes dead after the commit was sent.
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
fn what_fails_for_the_moment_is_tried_as_often_as_the_store_is_patient() {
    let stage = Stage::with_patience(3);
    stage.fated(&[], 3);
    assert_eq!(stage.note().unwrap(), 2);
    assert_eq!(stage.log(), "down, down, down, begin, lock 1, commit");
    stage.fated(&[], 4);
    assert!(stage.note().unwrap_err().is_retryable());

    // Inside somebody else's transaction there is no acquire_timeout.
    let stage = Stage::with_patience(0);
    stage.fated(&[], 1);
    assert!(stage.note().unwrap_err().is_retryable());
    assert_eq!(stage.log(), "down");
}

/// The first attempt wants a number for a new ticket, the second has none to open.
#[test]
fn a_number_that_an_earlier_attempt_wanted_is_neither_claimed_nor_used_up() {
    let stage = Stage::with_patience(3);
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

/// About one in 32 commands with a key cleans up, and which one follows from its request.
#[test]
fn a_clean_up_of_expired_receipts_keeps_one_that_was_renewed_meanwhile() {
    let stage = Stage::with_patience(0);
    let mut now = year(2026);
    for round in 0..400 {
        now += TimeDelta::days(40);
        stage.fated(&[Fate::Renewed(now)], 0);
        let remote = Remote(Arc::clone(&stage.line));
        let desk = Desk::over(Async(remote), Settings::new("acme").time(ManualTime::at(now)));
        let anna = Actor::agent("anna").once(format!("k-1-{round}"));
        block_on(desk.act(stage.tickets[0], Action::note(format!("{round}")), anna)).unwrap();
        assert!(stage.line.renew(now).unwrap().replayed, "the command was done twice in round {round}");
    }
    assert_eq!(stage.line.record(RECEIPT, "k-1-0"), None, "no command cleaned up");
}

#[test]
fn a_command_whose_expired_receipt_is_cleaned_up_meanwhile_is_no_conflict() {
    let stage = Stage::with_patience(0);
    stage.line.renew(year(2025)).unwrap();
    stage.fated(&[Fate::Cleared], 0);
    let by = Actor::agent("ben").once("k-2");
    let receipt = block_on(stage.desk.act(stage.tickets[1], Action::note("again"), by)).unwrap();
    assert!(!receipt.replayed);
    assert_eq!(stage.line.record(RECEIPT, "k-2").unwrap().version, 1);
}

/// What becomes of one write under the key `w` that has this fate: the result, and the version that is stored then.
fn saved(stage: &Stage, fate: Fate, write: RecordWrite) -> (Result<()>, Option<u64>) {
    stage.fated(&[fate], 0);
    let remote = Async(Remote(Arc::clone(&stage.line)));
    let result = block_on(remote.run(&"acme".into(), Save(Commit::from_iter([write]))));
    (result, stage.line.record(WORK, "w").map(|it| it.version))
}

#[test]
fn records_of_which_it_cannot_be_known_whether_they_were_written_are_unknown() {
    let unknown = |(result, version): (Result<()>, Option<u64>)| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown, "{error:?}");
        version
    };
    let due = Content::new(*b"work").due(DateTime::UNIX_EPOCH);
    let put = |expected, content: &Content| RecordWrite::put(WORK, "w", expected, content.clone());
    let stage = Stage::with_patience(3);
    // A worker has it already, or has done and deleted it.
    assert_eq!(unknown(saved(&stage, Fate::Worked, put(Expected::Absent, &due))), Some(2));
    let deletion = RecordWrite::delete(WORK, "w", Expected::Version(2));
    assert_eq!(unknown(saved(&stage, Fate::Unheard, deletion)), None);
    assert_eq!(unknown(saved(&stage, Fate::Lost, put(Expected::Absent, &due))), None);
    let anyhow = Content::new(*b"anyhow");
    assert_eq!(unknown(saved(&stage, Fate::Unheard, put(Expected::Any, &anyhow))), Some(1));
    assert_eq!(unknown(saved(&stage, Fate::Lost, put(Expected::Any, &anyhow))), Some(1));
}

#[test]
fn records_that_were_lost_are_written_again_and_those_that_arrived_are_not() {
    let put = |expected, words: &str| RecordWrite::put(WORK, "w", expected, Content::new(words));
    let stage = Stage::with_patience(3);
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
fn a_claim_that_fails_for_the_moment_is_tried_again() {
    let stage = Stage::with_patience(3);
    with_work(&stage, &["acme"]);
    stage.fated(&[], 2);
    assert_eq!(claim(&stage).unwrap().len(), 1);
    // A transaction is not used after its commit.
    assert_eq!(stage.log(), "down, down, begin, lock 0, leave, begin, lock 0, commit");
}

#[test]
fn the_lease_at_one_desk_does_not_begin_before_another_was_waited_for() {
    let stage = Stage::with_patience(0);
    with_work(&stage, &["acme", "beta"]);
    stage.fated(&[Fate::Slow], 0);
    let due: Vec<_> = claim(&stage).unwrap().iter().map(|it| it.record.content.due.unwrap()).collect();
    assert!(due[1] - due[0] >= TimeDelta::milliseconds(60), "{due:?}");
}
