//! Lines that go dead without a word, and lines that break.

use std::time::{Duration, Instant};

use firstline::operation::async_store::{AsyncStore, AsyncTx};
use firstline::postgres::Postgres;
use firstline::store::{Changes, Handling, Mode, Read, RecordKind, kinds};
use firstline::*;

use crate::proxy::{Cut, Proxy};
use crate::server::Place;

/// An answer is waited for twice as long. A connection must be made in as long, on a machine that is busy too.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than a command may take whose server has vanished, on a machine that is busy.
const SOON: Duration = Duration::from_secs(40);

async fn by_way_of(proxy: &Proxy, place: &Place, connections: usize) -> Postgres {
    place.options().connections(connections).acquire_timeout(PATIENCE).connect(&proxy.url).await.unwrap()
}

fn anna() -> Actor {
    Actor::agent("anna")
}

/// Within such a time as nobody would call for ever.
async fn soon<T>(reply: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(SOON, reply).await.expect("somebody waits for ever")
}

pub(crate) async fn a_server_that_vanishes_is_busy_in_time(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let desk = by_way_of(&proxy, &place, 4).await.desk("acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
    proxy.vanish(true);
    let began = Instant::now();
    let errors = [
        soon(desk.ticket(id)).await.unwrap_err(),
        soon(desk.act(id, Action::start(), anna())).await.unwrap_err(),
        soon(desk.open_ticket(NewTicket::new("No light"))).await.unwrap_err(),
        soon(place.options().acquire_timeout(PATIENCE).connect(&proxy.url)).await.unwrap_err(),
    ];
    println!("a server vanished: {} errors after {:?}", errors.len(), began.elapsed());
    for error in &errors {
        assert!(error.is_retryable() && error.to_string().contains("nothing was written"), "{error:?}");
    }
    // It comes back, and the same desk goes on.
    proxy.vanish(false);
    assert_eq!(soon(desk.act(id, Action::start(), anna())).await.unwrap().ticket.version, 2);
    assert_eq!(place.count("ticket").await, 1);
}

/// What lies between a program and its server may forget connections, of which neither side learns.
pub(crate) async fn connections_that_went_silent_are_not_used_again(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let store = by_way_of(&proxy, &place, 3).await;
    let desk = store.desk("acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
    // On all three connections at once, each of which is asked once: one that is silent would fail.
    let at_once = async || {
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut tx = store.begin(&"acme".into(), Mode::Read).await.unwrap();
            tx.load(&[Read::Ticket(id)]).await.expect("a silent connection was used again");
            all.push(tx);
        }
        for mut tx in all {
            tx.end().await;
        }
    };
    at_once().await;
    assert_eq!(proxy.made(), 3);

    proxy.silence();
    // One waits in vain, and all three are replaced.
    let began = Instant::now();
    assert_eq!(soon(desk.ticket(id)).await.unwrap().version, 1);
    assert!(began.elapsed() >= PATIENCE * 2, "it was not waited for the server's own answer");
    at_once().await;
    assert_eq!(proxy.made(), 6);
}

/// The connection breaks, or goes dead, between a `COMMIT` and the answer to it: it must be found out whether it was
/// written, without a second time and without leaving it out.
pub(crate) async fn a_commit_that_nothing_is_heard_of_is_looked_for(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let desk = by_way_of(&proxy, &place, 4).await.desk("acme");
    let mut opened = 0;
    for cut in [Cut::Before, Cut::After, Cut::Silent] {
        proxy.cut(cut);
        let id = soon(desk.open_ticket(NewTicket::new(format!("{cut:?}")))).await.unwrap().id();
        assert!(proxy.has_cut());
        opened += 1;
        assert_eq!(place.count("ticket").await, opened, "{cut:?}");

        proxy.cut(cut);
        let receipt = soon(desk.act(id, Action::note("seen"), anna())).await.unwrap();
        assert!(proxy.has_cut());
        assert_eq!(receipt.ticket.version, 2, "{cut:?}");
        let history = desk.records().history(id).await.unwrap();
        let notes = history.iter().filter(|it| it.personal.text() == Some("seen")).count();
        assert_eq!((notes, history.len()), (1, 2), "{cut:?}");

        // On a thread, which is claimed by no row, and under a key.
        let message = NewTicket::new("Chat").from("boris").thread(format!("{cut:?}")).message("Hello?");
        proxy.cut(cut);
        let first = soon(desk.receive(message.clone())).await.unwrap();
        opened += 1;
        proxy.cut(cut);
        let second = soon(desk.receive(message.once(format!("{cut:?}")))).await.unwrap();
        assert!(proxy.has_cut());
        assert_eq!((first.opened(), second.opened()), (true, false), "{cut:?}");
        assert_eq!(
            (first.ticket.id(), second.ticket.version),
            (second.ticket.id(), first.ticket.version + 1)
        );
        assert_eq!(place.count("ticket").await, opened, "{cut:?}");
        assert_eq!(desk.ticket(first.ticket.id()).await.unwrap().version, second.ticket.version);
    }
    let last = desk.open_ticket(NewTicket::new("Last")).await.unwrap();
    assert_eq!(last.number.value, opened.unsigned_abs() + 1, "numbers have gaps");
}

/// What somebody else holds is waited for until the server says so, on a connection that stays.
pub(crate) async fn a_server_that_says_why_is_waited_for(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let store = by_way_of(&proxy, &place, 2).await;
    let desk = store.desk("acme");
    let id = desk.open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    tx.load(&[Read::Ticket(id)]).await.unwrap();
    let began = Instant::now();
    let error = soon(desk.act(id, Action::start(), anna())).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("for too long"), "{error:?}");
    assert!(began.elapsed() >= PATIENCE, "{:?}", began.elapsed());
    tx.end().await;
    desk.act(id, Action::start(), anna()).await.unwrap();
    assert_eq!(proxy.made(), 2);
}

/// What is sent at once may wait for several locks, one after another, each for less than the acquire_timeout.
pub(crate) async fn locks_that_are_had_one_after_another_are_no_silence(place: Place) {
    let store = place.options().acquire_timeout(PATIENCE).connect(&place.url).await.unwrap();
    let desk = store.desk("acme");
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push(desk.open_ticket(NewTicket::new("Held")).await.unwrap().id());
    }
    tickets.sort_unstable();
    let mut reads = vec![Read::record(kinds::RECEIPT, "key")];
    reads.extend(tickets.into_iter().map(Read::Ticket));
    reads.push(Read::NextNumber { place: 0 });
    let mut holders = Vec::new();
    for read in &reads {
        let mut holder = store.begin(&"acme".into(), Mode::Write).await.unwrap();
        holder.load(std::slice::from_ref(read)).await.unwrap();
        holders.push(holder);
    }
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    let began = Instant::now();
    let letting_go = async {
        for mut holder in holders {
            tokio::time::sleep(PATIENCE * 2 / 5).await;
            holder.end().await;
        }
    };
    let (answers, ()) = futures_util::future::join(tx.load(&reads), letting_go).await;
    assert_eq!(answers.unwrap().len(), reads.len());
    assert!(began.elapsed() > PATIENCE * 2, "{:?}", began.elapsed());
    tx.end().await;
}

/// Whoever asks for longer waits than the acquire_timeout has them.
pub(crate) async fn a_lock_timeout_in_the_url_has_the_last_word(place: Place) {
    let url = crate::server::with_options(&place.url, "-c lock_timeout=60s");
    let store = place.options().acquire_timeout(PATIENCE).connect(&url).await.unwrap();
    let id = store.desk("acme").open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut holder = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    holder.load(&[Read::Ticket(id)]).await.unwrap();
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    let letting_go = async {
        tokio::time::sleep(PATIENCE * 3).await;
        holder.end().await;
    };
    let (answers, ()) = futures_util::future::join(tx.load(&[Read::Ticket(id)]), letting_go).await;
    answers.unwrap();
    tx.end().await;
}

pub(crate) async fn a_migration_that_nothing_is_heard_of_keeps_nobody_for_ever(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    proxy.cut(Cut::Silent);
    let error = soon(place.options().acquire_timeout(PATIENCE).connect(&proxy.url)).await.unwrap_err();
    assert!(proxy.has_cut() && error.is_retryable(), "{error:?}");
    by_way_of(&proxy, &place, 1).await.desk("acme").open_ticket(NewTicket::new("No sound")).await.unwrap();
}

pub(crate) async fn silence_in_the_hosts_transaction_is_the_hosts(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let desk = by_way_of(&proxy, &place, 1).await.desk("acme");
    let mut host = crate::server::connect(&proxy.url).await;
    let mut tx = host.transaction().await.unwrap();
    desk.within(&mut tx).open_ticket(NewTicket::new("Refund 1")).await.unwrap();
    proxy.silence();
    let within = desk.within(&mut tx);
    let early = tokio::time::timeout(PATIENCE * 10, within.open_ticket(NewTicket::new("Refund 2"))).await;
    assert!(early.is_err(), "{early:?}");
}

/// A claim that nobody answers may be made all the same.
pub(crate) async fn a_claim_that_nothing_is_heard_of_is_unknown(place: Place) {
    const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, Handling::IMPERSONAL);
    let proxy = Proxy::before(&place.url).await;
    let store = by_way_of(&proxy, &place, 1).await;
    let claim = || soon(AsyncStore::claim(&store, WORK, 9, TimeDelta::hours(1)));
    assert!(claim().await.unwrap().is_empty());
    proxy.silence();
    let error = claim().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error:?}");
    assert!(error.to_string().contains("lease"), "{error}");
    assert!(claim().await.unwrap().is_empty());
}
