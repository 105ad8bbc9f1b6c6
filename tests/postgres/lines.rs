//! Connections that go silent, and connections that break.

use std::time::{Duration, Instant};

use firstline::operation::async_store::{AsyncStore, AsyncTx};
use firstline::postgres::Postgres;
use firstline::store::{Changes, DataPolicy, Mode, Read, RecordKind, kinds};
use firstline::*;

use crate::proxy::{Cut, Proxy};
use crate::server::Place;

/// The acquire timeout. The limit for an answer is twice as long. Opening a connection must not take longer, even on a
/// busy machine.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The time after which a command is considered hung. No command needs this much, even if its server has
/// vanished.
const SOON: Duration = Duration::from_secs(600);

async fn by_way_of(proxy: &Proxy, place: &Place, connections: usize) -> Postgres {
    place.options().connections(connections).acquire_timeout(TIMEOUT).connect(&proxy.url).await.unwrap()
}

fn anna() -> Actor {
    Actor::agent("anna")
}

/// Returns the result, or panics if it does not arrive within [`SOON`].
async fn soon<T>(reply: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(SOON, reply).await.expect("the command hangs")
}

pub(crate) async fn a_vanished_server_is_busy_within_the_limit(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let desk = by_way_of(&proxy, &place, 4).await.desk("acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
    proxy.vanish(true);
    let began = Instant::now();
    let errors = [
        soon(desk.ticket(id)).await.unwrap_err(),
        soon(desk.act(id, Action::start(), anna())).await.unwrap_err(),
        soon(desk.open_ticket(NewTicket::new("No light"))).await.unwrap_err(),
        soon(place.options().acquire_timeout(TIMEOUT).connect(&proxy.url)).await.unwrap_err(),
    ];
    println!("a server vanished: {} errors after {:?}", errors.len(), began.elapsed());
    for error in &errors {
        assert!(error.is_retryable() && error.to_string().contains("nothing was written"), "{error:?}");
    }
    // The server comes back, and the same desk continues.
    proxy.vanish(false);
    assert_eq!(soon(desk.act(id, Action::start(), anna())).await.unwrap().ticket.version, 2);
    assert_eq!(place.count("ticket").await, 1);
}

/// A network device between program and server may forget connections without telling either side.
pub(crate) async fn silent_connections_are_not_reused(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let store = by_way_of(&proxy, &place, 3).await;
    let desk = store.desk("acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
    // One transaction on each of the three connections at once. A silent connection would fail.
    let at_once = async || {
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut tx = store.begin(&"acme".into(), Mode::Read).await.unwrap();
            tx.load(&[Read::Ticket(id)]).await.expect("a silent connection was reused");
            all.push(tx);
        }
        for mut tx in all {
            tx.rollback().await;
        }
    };
    at_once().await;
    assert_eq!(proxy.made(), 3);

    proxy.silence();
    // One command reaches its limit, and all three connections are replaced.
    let began = Instant::now();
    assert_eq!(soon(desk.ticket(id)).await.unwrap().version, 1);
    assert!(began.elapsed() >= TIMEOUT * 2, "the command did not wait for the server's own answer");
    at_once().await;
    assert_eq!(proxy.made(), 6);
}

/// The connection breaks or goes silent between a `COMMIT` and its answer. The store must find out if the commit took
/// effect, so that the command is applied exactly once.
pub(crate) async fn the_store_looks_for_an_unacknowledged_commit(place: Place) {
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

        // A thread and a key are locked by advisory locks, not by rows.
        let message = InboundMessage::new("Hello?").from("boris").thread(format!("{cut:?}")).subject("Chat");
        proxy.cut(cut);
        let first = soon(desk.receive(message.clone())).await.unwrap();
        opened += 1;
        proxy.cut(cut);
        let second = soon(desk.receive(message.idempotency_key(format!("{cut:?}")))).await.unwrap();
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

/// A command that waits for a lock receives the server's timeout error, and its connection is kept.
pub(crate) async fn the_servers_own_error_is_awaited(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let store = by_way_of(&proxy, &place, 2).await;
    let desk = store.desk("acme");
    let id = desk.open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    tx.load(&[Read::Ticket(id)]).await.unwrap();
    let began = Instant::now();
    let error = soon(desk.act(id, Action::start(), anna())).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("for too long"), "{error:?}");
    assert!(began.elapsed() >= TIMEOUT, "{:?}", began.elapsed());
    tx.rollback().await;
    desk.act(id, Action::start(), anna()).await.unwrap();
    assert_eq!(proxy.made(), 2);
}

/// One message may wait for several locks, one after another, each for much less than the acquire timeout and all
/// together for more than the limit for an answer that waits for one lock.
pub(crate) async fn waiting_for_several_locks_is_not_a_vanished_server(place: Place) {
    const TIMEOUT: Duration = Duration::from_secs(8);
    let store = place.options().acquire_timeout(TIMEOUT).connect(&place.url).await.unwrap();
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
            tokio::time::sleep(TIMEOUT * 3 / 10).await;
            holder.rollback().await;
        }
    };
    let (answers, ()) = futures_util::future::join(tx.load(&reads), letting_go).await;
    assert_eq!(answers.unwrap().len(), reads.len());
    assert!(began.elapsed() > TIMEOUT * 2, "{:?}", began.elapsed());
    tx.rollback().await;
}

/// A `lock_timeout` in the URL may be longer than the acquire timeout.
pub(crate) async fn a_lock_timeout_in_the_url_overrides_the_acquire_timeout(place: Place) {
    let url = crate::server::with_options(&place.url, "-c lock_timeout=60s");
    let store = place.options().acquire_timeout(TIMEOUT).connect(&url).await.unwrap();
    let id = store.desk("acme").open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut holder = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    holder.load(&[Read::Ticket(id)]).await.unwrap();
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    let letting_go = async {
        tokio::time::sleep(TIMEOUT * 3).await;
        holder.rollback().await;
    };
    let (answers, ()) = futures_util::future::join(tx.load(&[Read::Ticket(id)]), letting_go).await;
    answers.unwrap();
    tx.rollback().await;
}

pub(crate) async fn an_unanswered_migration_fails_within_the_limit(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    proxy.cut(Cut::Silent);
    let error = soon(place.options().acquire_timeout(TIMEOUT).connect(&proxy.url)).await.unwrap_err();
    assert!(proxy.has_cut() && error.is_retryable(), "{error:?}");
    by_way_of(&proxy, &place, 1).await.desk("acme").open_ticket(NewTicket::new("No sound")).await.unwrap();
}

pub(crate) async fn the_hosts_transaction_has_no_limit_for_answers(place: Place) {
    let proxy = Proxy::before(&place.url).await;
    let desk = by_way_of(&proxy, &place, 1).await.desk("acme");
    let mut host = crate::server::connect(&proxy.url).await;
    let mut tx = host.transaction().await.unwrap();
    desk.within(&mut tx).open_ticket(NewTicket::new("Refund 1")).await.unwrap();
    proxy.silence();
    let within = desk.within(&mut tx);
    let early = tokio::time::timeout(TIMEOUT * 10, within.open_ticket(NewTicket::new("Refund 2"))).await;
    assert!(early.is_err(), "{early:?}");
}

/// A claim without an answer may still have taken effect.
pub(crate) async fn an_unanswered_claim_is_unknown(place: Place) {
    const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, DataPolicy::IMPERSONAL);
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
