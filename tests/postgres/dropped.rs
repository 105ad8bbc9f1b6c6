//! Futures that are dropped before they complete, for example after a cancelled request or a timeout.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use firstline::operation::async_store::{AsyncStore, AsyncTx};
use firstline::store::Mode;
use firstline::*;
use futures_util::future::{Either, join_all, select};

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
    NewTicket::new(name).from("boris").thread(format!("chat {name}")).idempotency_key(name)
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

/// Drops futures after each possible number of polls.
pub(crate) async fn dropped_futures_leave_all_or_nothing(place: Place) {
    let store = place.options().connections(2).connect(&place.url).await.unwrap();
    let desk = store.desk("acme");
    let anna = Actor::agent("anna");
    let mut dropped = 0;
    for round in 0..soak::cases(3) {
        // A new connection needs more polls than one with prepared statements.
        for times in 0.. {
            if let Some(opened) = polled(times, desk.open_ticket(request(&format!("{round}/{times}")))).await
            {
                opened.unwrap();
                break;
            }
            dropped += 1;
        }
        for times in 0.. {
            let name = format!("{round}/{times} to be answered");
            let id = desk.open_ticket(request(&name)).await.unwrap().id();
            if let Some(receipt) = polled(times, desk.act(id, answer(), &anna)).await {
                assert_eq!(receipt.unwrap().ticket.version, 3);
                break;
            }
            dropped += 1;
        }
        // There are only two connections, so one returned with an open transaction would be noticed at once.
        let again = format!("{round}/1");
        assert_eq!(desk.open_ticket(request(&again)).await.unwrap().subject(), again);
    }
    // While both connections are in use, no dropped command is still running.
    let both = [
        store.begin(&"acme".into(), Mode::Read).await.unwrap(),
        store.begin(&"acme".into(), Mode::Read).await.unwrap(),
    ];
    for mut tx in both {
        tx.rollback().await;
    }
    println!("{dropped} futures dropped, {} tickets, 0 torn", whole(&place, &desk).await);
}

/// Inside the host's transaction, nothing rolls back the partial writes of a dropped future at once.
pub(crate) async fn dropped_futures_leave_all_or_nothing_within(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let anna = Actor::agent("anna");
    let mut dropped = 0;
    for round in 0..soak::cases(6) {
        for acts in [false, true] {
            for times in 0.. {
                let name = format!("{round}/{times} {acts}");
                let mut tx = host.transaction().await.unwrap();
                let finished = if acts {
                    let id = desk.within(&mut tx).open_ticket(request(&name)).await.unwrap().id();
                    let acted = polled(times, desk.within(&mut tx).act(id, answer(), &anna)).await;
                    acted.map(|it| drop(it.unwrap())).is_some()
                } else {
                    let opened = polled(times, desk.within(&mut tx).open_ticket(request(&name))).await;
                    opened.map(|it| drop(it.unwrap())).is_some()
                };
                // The transaction continues, and a further command in it works.
                desk.within(&mut tx).open_ticket(request(&format!("{name} again"))).await.unwrap();
                tx.commit().await.unwrap();
                if finished {
                    break;
                }
                dropped += 1;
            }
        }
    }
    println!("{dropped} futures dropped, {} tickets, 0 torn", whole(&place, &desk).await);
}

/// The statement of a dropped future may still wait for a lock. Its connection counts towards the limit.
pub(crate) async fn dropped_futures_do_not_exceed_the_connection_limit(place: Place) {
    // One of the four connections is reserved for reads.
    const WRITING: usize = 3;
    let desk = place.options().connections(4).connect(&place.named_url()).await.unwrap().desk("acme");
    let id = desk.open_ticket(NewTicket::new("Hot")).await.unwrap().id();
    let (mut host, watch) = (place.host().await, place.host().await);
    let mut tx = host.transaction().await.unwrap();
    desk.within(&mut tx).act(id, Action::note("held"), Actor::agent("anna")).await.unwrap();
    let mut before = BTreeSet::new();
    for wave in 0..5 {
        // More commands than connections, so that a permit that is released too early is taken at once.
        let acts = (0..2 * WRITING).map(|n| {
            let note = Action::note(format!("{wave}/{n}"));
            desk.act(id, note, Actor::agent("ben"))
        });
        // Ends when the sessions of the previous wave have been replaced. A cancelled session is not used again.
        let replaced = async {
            loop {
                let waiting = place.lock_waiters(&watch).await;
                assert!(waiting.len() <= WRITING, "{} sessions wait for the ticket", waiting.len());
                if waiting.len() == WRITING && waiting.is_disjoint(&before) {
                    return waiting;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waiting = match select(Box::pin(join_all(acts)), Box::pin(replaced)).await {
            Either::Left((done, _)) => panic!("a command did not wait for the ticket: {done:?}"),
            Either::Right((waiting, _)) => waiting,
        };
        before = waiting;
    }
    // The last dropped commands end too, long before the server's own timeout of ten minutes.
    let ended = tokio::time::timeout(Duration::from_secs(120), place.until_waiting(&watch, 0)).await;
    ended.expect("a dropped command is still waiting");
    // All connections can be used again.
    tx.rollback().await.unwrap();
    let all = (0..8).map(|n| desk.act(id, Action::note(format!("{n}")), Actor::agent("ben")));
    assert!(join_all(all).await.into_iter().all(|it| it.is_ok()));
    assert_eq!(desk.ticket(id).await.unwrap().version, 9);
}
