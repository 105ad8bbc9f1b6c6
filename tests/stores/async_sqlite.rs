//! The async SQLite store: one thread writes, commands share commits, and each caller gets its own result.
#![cfg(feature = "tokio")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use firstline::operation::{Engine, Interrupt, Loaded, Operation};
use firstline::sqlite::{AsyncSqlite, Sqlite, SqliteOptions};
use firstline::store::{Commit, Mode};
use firstline::time::{ManualTime, TimeDelta};
use firstline::*;
use futures_util::future::join;

use crate::gate::{Gated, Passing, closed_gate};

fn opened(dir: &tempfile::TempDir) -> (Sqlite, AsyncSqlite) {
    // Only a hang can reach this timeout.
    let options = SqliteOptions::new().acquire_timeout(Duration::from_secs(600));
    let store = options.open(dir.path().join("support.db")).unwrap();
    let awaited = store.clone().into_async().unwrap();
    (store, awaited)
}

/// Checks that every row is the fold of its history. Returns the subjects.
fn checked(store: &Sqlite) -> Vec<String> {
    let desk = store.desk("main");
    let (mut next, mut subjects) = (None, Vec::new());
    loop {
        let page = desk.find(Query::oldest().limit(500).after(next)).unwrap();
        for ticket in page.tickets {
            let history = desk.records().history(ticket.id()).unwrap();
            assert_eq!(&Snapshot::fold(&history).unwrap(), ticket.snapshot());
            subjects.push(ticket.subject().to_owned());
        }
        next = page.next;
        if next.is_none() {
            return subjects;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_each_get_their_own_result() {
    let dir = tempfile::tempdir().unwrap();
    let (store, awaited) = opened(&dir);
    let desk = awaited.desk("main");
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let desk = desk.clone();
        callers.spawn(async move {
            let anna = Actor::agent(format!("agent-{caller}"));
            for n in 0..10 {
                let subject = format!("{caller}/{n}");
                let ticket = desk.open_ticket(NewTicket::new(&*subject)).await.unwrap();
                assert_eq!(ticket.subject(), subject);
                // A refusal in the middle of a group affects only its caller and writes nothing.
                let both = Action::note("half").and(Action::confirm());
                assert!(desk.act(ticket.id(), both, &anna).await.unwrap_err().is_rejected());
                let receipt = desk.act(ticket.id(), Action::assign(anna_of(caller)), &anna).await.unwrap();
                assert_eq!(receipt.ticket.version, 2, "the refused note was written");
                assert_eq!(desk.ticket(ticket.id()).await.unwrap(), receipt.ticket);
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    let mut subjects = checked(&store);
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 320);
}

fn anna_of(caller: usize) -> String {
    format!("agent-{caller}")
}

/// Many commands on one ticket: a stale expected version is a conflict, also inside one group.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_inside_a_group_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (_, awaited) = opened(&dir);
    let desk = awaited.desk("main");
    let id = desk.open_ticket(NewTicket::new("Hot")).await.unwrap().id();
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..50 {
        let desk = desk.clone();
        callers.spawn(async move {
            desk.act(id, Action::tag(format!("{n}")), Actor::agent("anna").expected_version(1)).await
        });
    }
    let results = callers.join_all().await;
    assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1);
    assert!(results.iter().flat_map(|it| it.as_ref().err()).all(Error::is_conflict));
    assert_eq!(desk.ticket(id).await.unwrap().version, 2);
}

/// Polls the future once, as if its caller then dropped it.
fn poll_once<F: Future>(call: &mut Pin<Box<F>>) -> Poll<F::Output> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_dropped_future_leaves_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, awaited) = opened(&dir);
    let (main, desk) = (DeskId::new("main"), awaited.desk("main"));
    // Never polled: nothing happens.
    drop(desk.open_ticket(NewTicket::new("unpolled")));
    let request = |when: &str, n: usize| {
        let name = format!("{when} {n}");
        NewTicket::new(&*name).from("boris").thread(&*name).idempotency_key(&*name)
    };
    for n in 0..50 {
        // Dropped in the queue, behind a command that is running.
        let (gate, pause) = closed_gate();
        let mut other = Box::pin(awaited.run(&main, Passing(gate, Mode::Write)));
        assert!(poll_once(&mut other).is_pending());
        pause.until_reached();
        let mut call = Box::pin(desk.open_ticket(request("queued", n)));
        assert!(poll_once(&mut call).is_pending());
        drop(call);
        pause.end();

        // Dropped while it is running.
        let (gate, pause) = closed_gate();
        let gated = Desk::over(Gated::new(awaited.clone(), gate), "main");
        let mut call = Box::pin(gated.open_ticket(request("decided", n)));
        assert!(poll_once(&mut call).is_pending());
        pause.until_reached();
        drop(call);
        pause.end();

        // Dropped at any moment.
        let mut call = Box::pin(desk.open_ticket(request("any time", n)));
        assert!(matches!(poll_once(&mut call), Poll::Pending | Poll::Ready(Ok(_))));
    }
    let last: Ticket<_> = block_on(desk.open_ticket(NewTicket::new("last"))).unwrap();
    // All commands enqueued before have finished: each is stored completely or not at all.
    let subjects = checked(&store);
    let count = |when: &str| subjects.iter().filter(|it| it.starts_with(when)).count();
    assert_eq!((count("unpolled"), count("queued"), count("decided")), (0, 0, 50));
    assert_eq!(last.number.value, subjects.len() as u64, "numbers have a gap");
    let stored = |table: &str| -> i64 {
        let raw = rusqlite::Connection::open(dir.path().join("support.db")).unwrap();
        raw.query_row(&format!("SELECT count(*) FROM firstline_{table}"), [], |row| row.get(0)).unwrap()
    };
    let kept = subjects.len() as i64 - 1;
    assert_eq!((stored("record WHERE kind = 't'"), stored("record WHERE kind = 'r'")), (kept, kept));
}

/// The first poll enqueues the command. It is written even if the future is never polled again.
#[test]
fn the_first_poll_enqueues_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let (store, awaited) = opened(&dir);
    let desk = awaited.desk("main");
    let mut call = Box::pin(desk.open_ticket(NewTicket::new("No sound")));
    assert!(poll_once(&mut call).is_pending());
    // A later command is behind it in the queue.
    assert_eq!(block_on(desk.open_ticket(NewTicket::new("Later"))).unwrap().number.value, 2);
    assert_eq!(store.desk("main").ticket("T-1").unwrap().subject(), "No sound");
}

#[tokio::test]
async fn reads_do_not_wait_for_the_writer_and_workers_run() {
    let dir = tempfile::tempdir().unwrap();
    let (_, awaited) = opened(&dir);
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let settings = desk::Settings::new("acme").time(time.clone());
    let desk = awaited.desk(settings.clone());
    let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris")).await.unwrap();
    desk.act(ticket.id(), Action::resolve("unmuted"), Actor::agent("anna")).await.unwrap();
    let (gate, pause) = closed_gate();
    let gated = Desk::over(Gated::new(awaited.clone(), gate), settings);
    let mut writing = Box::pin(gated.act(ticket.id(), Action::note("meanwhile"), Actor::agent("anna")));
    assert!(poll_once(&mut writing).is_pending());
    pause.until_reached();
    // The writer thread is in the middle of its transaction until the pause ends.
    assert_eq!(desk.find(Query::newest()).await.unwrap().tickets[0].version, 2);
    assert!(poll_once(&mut writing).is_pending());
    pause.end();
    assert_eq!(writing.await.unwrap().ticket.version, 3);

    let week = firstline::time::TimeSource::now(&time) + TimeDelta::days(7);
    assert_eq!(Worker::over(awaited.clone()).tick(week).await.unwrap().fired, 1);
    assert_eq!(desk.tick(week).await.unwrap().fired, 0);
}

/// Jobs with many transactions work like single commands, and other commands run in between.
#[tokio::test]
async fn imports_and_adoptions_work_async() {
    let dir = tempfile::tempdir().unwrap();
    let (store, awaited) = opened(&dir);
    let desk = awaited.desk("main");
    assert_eq!(desk.setup().adopt(&Policy::new().prefix("SHOP")).await.unwrap().version, 1);
    let at = "2016-02-29T01:16:00Z".parse().unwrap();
    let tickets = (0..500).map(move |n: u32| {
        let version = ImportedVersion::new(at, Actor::agent("anna")).subject(format!("Old {n}"));
        ImportedTicket::new("old", n.to_string()).version(version)
    });
    let records = desk.records();
    let (imported, beside) =
        tokio::join!(records.import(tickets), desk.open_ticket(NewTicket::new("Beside the import")));
    assert_eq!((imported.unwrap().opened, &*beside.unwrap().number.prefix), (500, "SHOP"));
    assert_eq!(checked(&store).len(), 501);
}

#[test]
fn reading_outside_a_runtime_is_an_error_not_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (_, awaited) = opened(&dir);
    let desk = awaited.desk("main");
    let mut reading = pin!(desk.find(Query::newest()));
    match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => {
            assert!(error.is_storage() && error.to_string().contains("tokio"), "{error}")
        }
        other => panic!("{other:?}"),
    }
}

struct Panics;

impl Operation for Panics {
    type Out = ();

    fn mode(&self) -> Mode {
        Mode::Write
    }

    fn decide(&self, _: &Loaded) -> std::result::Result<(Commit, ()), Interrupt> {
        panic!("deliberate panic of this test's operation")
    }
}

#[tokio::test]
async fn a_panicking_command_does_not_affect_others() {
    let dir = tempfile::tempdir().unwrap();
    let (store, awaited) = opened(&dir);
    let desk = awaited.desk("main");
    let main = DeskId::new("main");
    let (before, panicked, after) = tokio::join!(
        desk.open_ticket(NewTicket::new("before")),
        awaited.run(&main, Panics),
        desk.open_ticket(NewTicket::new("after")),
    );
    assert!(panicked.unwrap_err().to_string().contains("panicked"));
    assert_eq!((before.unwrap().subject(), after.unwrap().subject()), ("before", "after"));
    assert_eq!(checked(&store), ["before", "after"]);
}

/// Panics when the writer thread leaves a span with a number in this range.
#[cfg(feature = "tracing")]
struct PanicsOnLeaving(std::ops::Range<u32>, std::sync::atomic::AtomicU32);

#[cfg(feature = "tracing")]
impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for PanicsOnLeaving {
    fn on_exit(&self, _: &tracing::span::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        let writes = std::thread::current().name() == Some("firstline writer");
        if writes && self.0.contains(&self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            panic!("deliberate panic of this test's subscriber");
        }
    }
}

/// Regression: the error said that nothing was written, but the savepoint was already released and everything was.
#[tokio::test]
#[cfg(feature = "tracing")]
async fn a_command_that_panics_after_writing_leaves_nothing_behind() {
    use tracing_subscriber::layer::SubscriberExt;

    // The spans that panic: of the first command in a group, of the second, or of the second and then of the first when
    // each runs alone.
    for (spans, refused) in [(0..0, None), (0..1, Some("one")), (1..2, None), (1..3, Some("one"))] {
        let dir = tempfile::tempdir().unwrap();
        let (store, awaited) = opened(&dir);
        let desk = awaited.desk("main");
        let panics = tracing_subscriber::registry().with(PanicsOnLeaving(spans.clone(), 0.into()));
        let _subscriber = tracing::subscriber::set_default(panics);
        // While this lock is held, the three commands queue up and form one group.
        let hold = rusqlite::Connection::open(dir.path().join("support.db")).unwrap();
        hold.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (one, two, three, ()) = tokio::join!(
            desk.open_ticket(NewTicket::new("one")),
            desk.open_ticket(NewTicket::new("two")),
            desk.open_ticket(NewTicket::new("three")),
            async { hold.execute_batch("ROLLBACK").unwrap() },
        );
        let there = checked(&store);
        for (subject, answer) in [("one", one), ("two", two), ("three", three)] {
            assert_eq!(answer.is_ok(), Some(subject) != refused, "{spans:?}: {answer:?}");
            assert_eq!(
                answer.is_ok(),
                there.iter().any(|it| it == subject),
                "{spans:?}: {answer:?} {there:?}"
            );
        }
    }
}

/// Regression: a host could not know when the thread had closed the file, so that it could be copied or deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_has_finished_its_commands_and_released_the_file() {
    for blocking_too in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (store, awaited) = opened(&dir);
        let blocking = blocking_too.then_some(store);
        let desk = awaited.desk("main");
        desk.open_ticket(NewTicket::new("0")).await.unwrap();
        let (gate, pause) = closed_gate();
        let (desk_id, reads) = (DeskId::new("main"), awaited.clone());
        let slow = tokio::spawn(async move { reads.run(&desk_id, Passing(gate, Mode::Read)).await });
        pause.until_reached();
        // Many commands are enqueued and not awaited, and many reads run.
        let mut writing = Vec::new();
        for n in 1..50 {
            let mut call = Box::pin({
                let desk = desk.clone();
                async move { desk.open_ticket(NewTicket::new(format!("{n}"))).await }
            });
            let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(!matches!(polled, Poll::Ready(Err(_))));
            writing.push(polled.is_pending().then_some(call));
        }
        let mut reading = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let desk = desk.clone();
            reading.spawn(async move { desk.find(Query::oldest()).await });
        }
        let mut closing = Box::pin(join(awaited.clone().close(), awaited.clone().close()));
        assert!(poll_once(&mut closing).is_pending(), "the store is closed while a read is running");
        pause.end();
        closing.await;
        let left = || std::fs::read_dir(&dir).unwrap().map(|it| it.unwrap().file_name()).collect::<Vec<_>>();
        assert_eq!(left() == ["support.db"], !blocking_too, "{:?}", left());
        slow.await.unwrap().unwrap();
        for call in writing.into_iter().flatten() {
            call.await.unwrap();
        }
        for answer in reading.join_all().await {
            assert!(answer.is_ok() || answer.unwrap_err().to_string().contains("closed"));
        }
        // Every clone is closed now. Closing again has no effect.
        let error = desk.open_ticket(NewTicket::new("Late")).await.unwrap_err();
        assert!(error.is_storage() && error.to_string().contains("closed; nothing was written"), "{error}");
        assert!(desk.ticket(1).await.unwrap_err().to_string().contains("closed"));
        awaited.close().await;
        let after =
            blocking.unwrap_or_else(|| SqliteOptions::new().open(dir.path().join("support.db")).unwrap());
        assert_eq!(checked(&after).len(), 50);
        after.desk("main").open_ticket(NewTicket::new("Later")).unwrap();
    }
}
