//! pgbouncer between the program and the server.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use firstline::*;

use crate::server::{Place, connect};

/// Set in the programs that [`programs_behind_one_pooler_get_their_own_answers`] starts, to their number.
pub(crate) const PROGRAM: &str = "FIRSTLINE_TEST_POOLED_PROGRAM";

/// The number of tickets that each program works on.
const TICKETS: u64 = 40;

fn pooler(mode: &str) -> String {
    let url = crate::server::pooler()
        .expect("FIRSTLINE_PGBOUNCER is the URL of a pooler; bash .ci/postgres starts one");
    format!("{url}/{mode}")
}

/// A control: in transaction mode, one connection of a client uses several sessions of the server.
pub(crate) async fn a_pooler_in_transaction_mode_gives_each_transaction_another_session(_: Place) {
    let (one, other) = (connect(&pooler("transaction")).await, connect(&pooler("transaction")).await);
    let session = async |client: &tokio_postgres::Client| -> i32 {
        client.query_typed("SELECT pg_backend_pid()", &[]).await.unwrap()[0].get(0)
    };
    let mut sessions = BTreeSet::new();
    // The other client holds a session in turn, so that the first one gets the remaining one.
    for _ in 0..1_000 {
        if sessions.len() == 2 {
            return;
        }
        other.batch_execute("BEGIN").await.unwrap();
        session(&other).await;
        sessions.insert(session(&one).await);
        other.batch_execute("COMMIT").await.unwrap();
        sessions.insert(session(&one).await);
    }
    panic!("one session of the server: {sessions:?}");
}

/// Regression D3: behind a pooler in transaction mode, 613 of 4,664 answers belonged to another program's statement.
///
/// The programs are processes, because the names of prepared statements differ within one process.
pub(crate) async fn programs_behind_one_pooler_get_their_own_answers(place: Place) {
    for mode in ["transaction", "session"] {
        let programs: Vec<_> = (1..=3)
            .map(|number| {
                Command::new(std::env::current_exe().unwrap())
                    .env(PROGRAM, format!("{number} {} {}", pooler(mode), place.schema))
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for program in programs {
            let done = program.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{mode}: {words}");
        }
        assert_eq!(place.count("ticket").await, i64::try_from(3 * TICKETS).unwrap(), "{mode}");
        let host = place.host().await;
        host.batch_execute(&format!("DROP SCHEMA {} CASCADE", place.schema)).await.unwrap();
    }
}

/// One of the programs. Its statements are prepared in another order than the others', so that equal names would mean
/// different statements.
pub(crate) async fn program(task: &str) {
    let [number, url, schema] = task.split(' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let place = Place { url: url.to_owned(), schema: schema.to_owned() };
    let store = place.options().connections(4).connect(url).await.unwrap();
    std::mem::forget(place); // Its owner drops the schema.
    let desk = store.desk(number);
    if number == "2" {
        desk.count(Query::inbox(), [store::GroupBy::Status]).await.unwrap();
    }
    if number == "3" {
        assert!(desk.ticket("T-1").await.unwrap_err().is_not_found());
    }
    for n in 1..=TICKETS {
        let subject = format!("{number}/{n}");
        let opened = desk.open_ticket(NewTicket::new(&*subject).from(&*subject)).await.unwrap();
        assert_eq!((opened.subject(), opened.number.value), (&*subject, n));
        let anna = Actor::agent("anna");
        let (id, note) = (opened.id(), format!("note of {subject}"));
        let work = async {
            desk.act(id, Action::start(), &anna).await.unwrap();
            desk.act(id, Action::note(&*note), &anna).await.unwrap().ticket
        };
        let reads = async {
            let page = desk.find(Query::oldest().from(&*subject)).await.unwrap();
            assert_eq!(page.tickets.len(), 1);
            assert_eq!(page.tickets[0].subject(), subject);
            let [counts] = desk.count(Query::oldest(), [store::GroupBy::Priority]).await.unwrap();
            assert_eq!(counts.values().sum::<u64>(), n);
        };
        let (worked, ()) = futures_util::future::join(work, reads).await;
        assert_eq!((worked.subject(), worked.version), (&*subject, 3));
        let history = desk.records().history(id).await.unwrap();
        assert_eq!(&Snapshot::fold(&history).unwrap(), worked.snapshot());
        assert_eq!(history[2].personal.text(), Some(&*note));
    }
}

pub(crate) async fn a_pooler_that_cannot_serve_a_desk_is_refused_and_not_busy(place: Place) {
    for (mode, words) in [("statement", "statement pooling mode"), ("nowhere", "no such database")] {
        let error = place.options().connect(&pooler(mode)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage, "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    // Settings of the URL would be lost without a word.
    let with_settings = crate::server::with_options(&pooler("transaction"), "-c synchronous_commit=off");
    let error = place.options().connect(&with_settings).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("does not pass on"), "{error}");
}

/// A command that waits for a lock behind a pooler ends at the acquire timeout too.
pub(crate) async fn locks_behind_a_pooler_have_a_limit(place: Place) {
    let patient = place.store().await.desk("acme");
    let id = patient.open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut host = place.host().await;
    let mut tx = host.transaction().await.unwrap();
    patient.within(&mut tx).act(id, Action::start(), Actor::agent("anna")).await.unwrap();
    let options = place.options().acquire_timeout(std::time::Duration::from_secs(4));
    let pooled = options.connect(&pooler("impatient")).await.unwrap().desk("acme");
    let error = pooled.act(id, Action::start(), Actor::agent("boris")).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("for too long"), "{error:?}");
    tx.rollback().await.unwrap();
    pooled.act(id, Action::start(), Actor::agent("boris")).await.unwrap();
}
