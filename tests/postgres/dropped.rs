//! Futures that are dropped before they complete, for example after a cancelled request or a timeout.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use firstline::*;

use crate::claims::sound;
use crate::server::Place;
use crate::soak;

/// Polls a future `times` times and then drops it.
async fn polled<T>(times: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

fn request(name: &str) -> NewTicket {
    NewTicket::new(name).from("boris").thread(format!("chat {name}")).once(name)
}

/// Returns the number of tickets, after checking that there are as many threads and receipts.
async fn whole(place: &Place, desk: &Desk<firstline::postgres::Postgres>) -> usize {
    let histories = sound(desk).await;
    let resolved = histories.values().filter(|it| it.len() > 1).count() as i64;
    let (tickets, timers) = (place.count("ticket").await, place.count("timer").await);
    let (threads, receipts) =
        (place.count("record WHERE kind = 't'").await, place.count("record WHERE kind = 'r'").await);
    assert_eq!((tickets, threads), (receipts, receipts), "torn");
    assert_eq!(timers, resolved, "torn");
    assert!(histories.values().all(|it| matches!(it.len(), 1 | 3)), "torn");
    histories.len()
}

fn answer() -> Action {
    Action::reply("Unmute it.").and(Action::resolve("answered"))
}

pub(crate) async fn dropped_futures_leave_all_or_nothing(place: Place) {
    let desk = place.options().connections(2).connect(&place.url).await.unwrap().desk("acme");
    let anna = Actor::agent("anna");
    let (mut dropped, mut finished) = (0, 0);
    for round in 0..soak::cases(3) {
        // A new connection needs more polls than one with prepared statements.
        for times in 0..40 {
            let name = format!("{round}/{times}");
            match polled(times, desk.open_ticket(request(&name))).await {
                Some(opened) => {
                    let id = opened.unwrap().id();
                    finished += 1;
                    match polled(times / 3, desk.act(id, answer(), &anna)).await {
                        Some(receipt) => assert_eq!(receipt.unwrap().ticket.version, 3),
                        None => dropped += 1,
                    }
                }
                None => dropped += 1,
            }
        }
        // There are only two connections, so one returned with an open transaction would be noticed at once.
        let again = format!("{round}/1");
        assert_eq!(desk.open_ticket(request(&again)).await.unwrap().subject(), again);
    }
    let tickets = whole(&place, &desk).await;
    println!("{dropped} futures dropped, {finished} tickets opened at once, {tickets} in all, 0 torn");
    assert!(dropped > 20 && finished > 5, "{dropped} dropped, {finished} finished");
}

/// Inside the host's transaction, nothing rolls back the partial writes of a dropped future at once.
pub(crate) async fn dropped_futures_leave_all_or_nothing_within(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let anna = Actor::agent("anna");
    let (mut dropped, mut finished, mut refused) = (0, 0, 0);
    for round in 0..soak::cases(6) {
        for times in 0..10 {
            let name = format!("{round}/{times}");
            let mut tx = host.transaction().await.unwrap();
            match polled(times, desk.within(&mut tx).open_ticket(request(&name))).await {
                Some(opened) => {
                    let id = opened.unwrap().id();
                    finished += 1;
                    dropped += u32::from(
                        polled(times / 2, desk.within(&mut tx).act(id, answer(), &anna)).await.is_none(),
                    );
                }
                None => dropped += 1,
            }
            // The transaction continues, and a further command in it works.
            match desk.within(&mut tx).open_ticket(request(&format!("{name} again"))).await {
                Ok(_) => {}
                Err(error) => panic!("{error:?}"),
            }
            match tx.commit().await {
                Ok(()) => {}
                Err(_) => refused += 1,
            }
        }
    }
    let tickets = whole(&place, &desk).await;
    println!("{dropped} futures dropped, {finished} tickets opened at once, {tickets} in all, 0 torn");
    assert!(
        dropped > 20 && finished > 5 && refused == 0,
        "{dropped} dropped, {finished} finished, {refused}"
    );
}

/// Returns the number of server sessions with this application name, and the number of active ones.
async fn backends(host: &tokio_postgres::Client, name: &str) -> (i64, i64) {
    let count = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity WHERE application_name = $1";
    let row = host.query_one(count, &[&name]).await.unwrap();
    (row.get(0), row.get(1))
}

/// The statement of a dropped future may still wait for a lock. Its connection counts towards the limit.
pub(crate) async fn dropped_futures_do_not_exceed_the_connection_limit(place: Place) {
    let name = format!("{} dropped", place.schema);
    let url = format!("{}?application_name={}", place.url, name.replace(' ', "%20"));
    let desk = place.options().connections(4).connect(&url).await.unwrap().desk("acme");
    let id = desk.open_ticket(NewTicket::new("Hot")).await.unwrap().id();
    let (mut host, watch) = (place.host().await, place.host().await);
    let mut tx = host.transaction().await.unwrap();
    desk.within(&mut tx).act(id, Action::note("held"), Actor::agent("anna")).await.unwrap();
    let mut most = 0;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let dropping = async {
        // More lanes than connections, so that a permit that is released too early is taken at once.
        let lanes = (0..6).map(|lane| {
            let desk = &desk;
            async move {
                for n in 0..5 {
                    let act = desk.act(id, Action::note(format!("{lane}/{n}")), Actor::agent("ben"));
                    let dropped = tokio::time::timeout(Duration::from_millis(100), act).await;
                    assert!(dropped.is_err(), "{dropped:?}");
                }
            }
        });
        futures_util::future::join_all(lanes).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let watching = async {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            most = most.max(backends(&watch, &name).await.0);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    futures_util::future::join(dropping, watching).await;
    assert!((1..=4).contains(&most), "{most} connections, with a limit of 4");
    // No session still waits for the locked ticket, long before the server's own timeout.
    let began = Instant::now();
    while backends(&watch, &name).await.1 > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "a dropped command is still waiting");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // All connections are idle again.
    tx.rollback().await.unwrap();
    let all = (0..8).map(|n| desk.act(id, Action::note(format!("{n}")), Actor::agent("ben")));
    assert!(futures_util::future::join_all(all).await.into_iter().all(|it| it.is_ok()));
    assert_eq!(desk.ticket(id).await.unwrap().version, 9);
    println!("30 waiting futures dropped, {most} connections at most");
}
