//! Commands inside the host's transaction.

use firstline::operation::Engine;
use firstline::operation::async_store::{AsyncStore, AsyncTx};
use firstline::store::{Commit, Content, Expected, Mode, Read, RecordWrite, kinds};
use firstline::*;
use futures_util::future::join_all;

use crate::claims::{clients, sound};
use crate::server::Place;
use crate::soak;

pub(crate) async fn the_hosts_transaction_commits_both_or_neither(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    host.batch_execute("CREATE TEMPORARY TABLE refund (cents bigint)").await.unwrap();
    let anna = Actor::agent("anna");

    let mut tx = host.transaction().await.unwrap();
    tx.execute("INSERT INTO refund VALUES (1)", &[]).await.unwrap();
    let id = desk
        .within(&mut tx)
        .open_ticket(NewTicket::new("Refund 1").from("boris").thread("refund-1"))
        .await
        .unwrap()
        .id();
    // A refused command writes nothing, and the transaction continues.
    let both = Action::note("seen").and(Action::confirm());
    assert!(desk.within(&mut tx).act(id, both, &anna).await.unwrap_err().is_rejected());
    desk.within(&mut tx).act(id, Action::start(), &anna).await.unwrap();
    let message = InboundMessage::new("When?").from("boris").thread("refund-1").subject("Refund");
    assert!(!desk.within(&mut tx).receive(message).await.unwrap().opened());
    assert_eq!(desk.within(&mut tx).ticket("T-1").await.unwrap().id(), id);
    assert!(desk.ticket(id).await.unwrap_err().is_not_found(), "the ticket is visible before the commit");
    tx.commit().await.unwrap();
    assert_eq!(sound(&desk).await[&id].len(), 3);

    let mut tx = host.transaction().await.unwrap();
    tx.execute("INSERT INTO refund VALUES (2)", &[]).await.unwrap();
    let lost = desk.within(&mut tx).open_ticket(NewTicket::new("Refund 2")).await.unwrap();
    assert_eq!(lost.number.value, 2);
    tx.rollback().await.unwrap();
    assert!(desk.ticket(lost.id()).await.unwrap_err().is_not_found());
    let refunds: i64 = host.query_one("SELECT count(*) FROM refund", &[]).await.unwrap().get(0);
    assert_eq!(refunds, 1);
    // The next ticket gets the number of the one that was rolled back.
    assert_eq!(desk.open_ticket(NewTicket::new("Refund 3")).await.unwrap().number.value, 2);
}

pub(crate) async fn a_command_that_fails_midway_leaves_nothing_behind(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let schema = &place.schema;
    let fails = format!(
        "CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
         CREATE TRIGGER fails BEFORE INSERT ON {schema}.record FOR EACH ROW EXECUTE FUNCTION {schema}.fail()"
    );
    host.batch_execute(&fails).await.unwrap();
    let mut tx = host.transaction().await.unwrap();
    let error =
        desk.within(&mut tx).open_ticket(NewTicket::new("Refund 1").idempotency_key("k")).await.unwrap_err();
    assert!(error.is_storage(), "{error}");
    assert!(desk.within(&mut tx).find(Query::newest()).await.unwrap().tickets.is_empty());
    assert_eq!(desk.within(&mut tx).open_ticket(NewTicket::new("Refund 2")).await.unwrap().number.value, 1);
    tx.commit().await.unwrap();
    assert_eq!(desk.ticket("T-1").await.unwrap().subject(), "Refund 2");
    // The same in the store's own transaction.
    assert!(
        desk.open_ticket(NewTicket::new("Refund 3").idempotency_key("k")).await.unwrap_err().is_storage()
    );
    assert_eq!(sound(&desk).await.len(), 1);
}

/// Links in all directions again, each in a host's transaction. They wait for each other and do not deadlock.
pub(crate) async fn crossing_links_in_hosts_transactions(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut tickets = Vec::new();
    for n in 0..4 {
        tickets.push(desk.open_ticket(NewTicket::new(format!("{n}"))).await.unwrap().id());
    }
    let rounds = soak::cases(10);
    let done = clients(|n| {
        let (desk, tickets, url) = (desk.clone(), tickets.clone(), place.url.clone());
        async move {
            let mut host = crate::server::connect(&url).await;
            let mut done = 0_u32;
            for round in 0..rounds {
                let (from, to) =
                    (tickets[((n + round) % 4) as usize], tickets[((n * 3 + round * 2 + 1) % 4) as usize]);
                let mut tx = host.transaction().await.unwrap();
                let link = Action::link(LinkKind::DuplicateOf, to).and(Action::note(format!("{n}/{round}")));
                match desk.within(&mut tx).act(from, link, Actor::agent("anna")).await {
                    Ok(_) => done += 1,
                    // A deadlock would be a retryable error.
                    Err(error) => assert!(error.is_rejected() || error.is_invalid(), "{error:?}"),
                }
                tx.commit().await.unwrap();
            }
            done
        }
    })
    .await;
    let events: usize = sound(&desk).await.values().map(Vec::len).sum();
    println!("{} links in hosts' transactions, {events} events", done.iter().sum::<u32>());
    assert!(done.iter().sum::<u32>() > 0);
}

/// After a dropped future, a failed transaction must not roll back to the future's savepoint and continue: the host's
/// later writes would be lost silently.
pub(crate) async fn an_aborted_transaction_stays_aborted(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    host.batch_execute("CREATE TEMPORARY TABLE refund (cents bigint)").await.unwrap();
    let mut tx = host.transaction().await.unwrap();
    {
        let engine = desk.within(&mut tx);
        let mut opening = Box::pin(engine.open_ticket(NewTicket::new("Refund 1")));
        // Polled once: the savepoint is set, and the future is dropped.
        assert!(futures_util::FutureExt::now_or_never(&mut opening).is_none());
    }
    tx.execute("INSERT INTO refund VALUES (1)", &[]).await.unwrap();
    assert!(tx.execute("INSERT INTO no_such_table VALUES (1)", &[]).await.is_err());
    let error = desk.within(&mut tx).open_ticket(NewTicket::new("Refund 2")).await.unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("already failed"), "{error}");
    assert!(tx.execute("SELECT 1", &[]).await.is_err(), "the failed transaction continued");
}

/// The savepoint and the first locks are sent as one message. If a lock fails, the savepoint exists and is used.
pub(crate) async fn a_failed_lock_leaves_the_hosts_transaction_usable(place: Place) {
    let store = place.store().await;
    let desk = store.desk("acme");
    let mut other = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    other.load(&[Read::record(kinds::THREAD, "chat-9")]).await.unwrap();
    let mut host = place.host().await;
    host.batch_execute("CREATE TEMPORARY TABLE refund (cents bigint)").await.unwrap();
    let mut tx = host.transaction().await.unwrap();
    tx.batch_execute("SET LOCAL lock_timeout = '200ms'; INSERT INTO refund VALUES (1)").await.unwrap();
    let message = || InboundMessage::new("").from("boris").thread("chat-9").subject("Refund");
    let error = desk.within(&mut tx).receive(message()).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("for too long"), "{error:?}");
    tx.execute("INSERT INTO refund VALUES (2)", &[]).await.unwrap();
    desk.within(&mut tx).open_ticket(NewTicket::new("Another")).await.unwrap();
    other.rollback().await;
    assert!(desk.within(&mut tx).receive(message()).await.unwrap().opened());
    tx.commit().await.unwrap();
    let refunds: i64 = host.query_one("SELECT count(*) FROM refund", &[]).await.unwrap().get(0);
    assert_eq!((refunds, sound(&desk).await.len()), (2, 2));
}

pub(crate) async fn commands_of_one_transaction_take_turns(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let mut tx = host.transaction().await.unwrap();
    {
        let within = desk.within(&mut tx);
        let opened = join_all((0..6).map(|n| within.open_ticket(NewTicket::new(format!("{n}"))))).await;
        let numbers: Vec<u64> = opened.into_iter().map(|it| it.unwrap().number.value).collect();
        assert_eq!(numbers, (1..=6).collect::<Vec<_>>());
    }
    tx.commit().await.unwrap();
    assert_eq!(sound(&desk).await.len(), 6);
}

/// Any command may delete expired receipts, even one inside a host's long transaction.
pub(crate) async fn clean_up_in_a_hosts_transaction_delays_no_other_command(place: Place) {
    let impatient = crate::server::with_options(&place.url, "-c lock_timeout=200ms");
    let store = place.options().connect(&impatient).await.unwrap();
    let desk = DeskId::new("acme");
    let expired =
        |key: &str| RecordWrite::put(kinds::RECEIPT, key, Expected::Absent, Content::new(*b"expired"));
    let commit = Commit::from_iter(["a", "b"].map(expired));
    store.begin(&desk, Mode::Write).await.unwrap().commit(commit).await.unwrap();
    let forget =
        || Commit::from_iter(["a", "b"].map(|key| RecordWrite::delete(kinds::RECEIPT, key, Expected::Any)));
    let mut host = place.host().await;
    let mut tx = host.transaction().await.unwrap();
    store.within(&mut tx).save(&desk, forget()).await.unwrap();
    store.begin(&desk, Mode::Write).await.unwrap().commit(forget()).await.unwrap();
    tx.rollback().await.unwrap();
    let count = format!("SELECT count(*) FROM {}.record", place.schema);
    assert_eq!(host.query_one(&count, &[]).await.unwrap().get::<_, i64>(0), 2);
    store.begin(&desk, Mode::Write).await.unwrap().commit(forget()).await.unwrap();
    assert_eq!(host.query_one(&count, &[]).await.unwrap().get::<_, i64>(0), 0);
}
