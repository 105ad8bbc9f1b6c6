//! Concurrent commands.

use std::collections::{BTreeMap, BTreeSet};

use firstline::desk::Settings;
use firstline::operation::Engine;
use firstline::operation::async_store::{AsyncStore, AsyncTx};
use firstline::postgres::Postgres;
use firstline::store::{Changes, Commit, Content, DataPolicy, Expected, Mode, Read, RecordKind, RecordWrite};
use firstline::time::{ManualTime, SystemClock, TimeSource};
use firstline::*;
use futures_util::future::join_all;

use crate::server::Place;
use crate::soak;

const CLIENTS: u32 = 8;

/// Runs eight clients at the same time, each in its own task.
pub(crate) async fn clients<T, F>(client: impl Fn(u32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks = (0..CLIENTS).map(|n| tokio::spawn(client(n)));
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Checks that each row is the fold of its history and that no history has gaps. Returns the histories.
pub(crate) async fn sound(desk: &Desk<Postgres>) -> BTreeMap<TicketId, Vec<Event>> {
    let mut all = BTreeMap::new();
    let mut next = None;
    loop {
        let page = desk.find(Query::oldest().limit(1_000).after(next)).await.unwrap();
        for ticket in &page.tickets {
            let history = desk.records().history(ticket.id()).await.unwrap();
            assert!(history.iter().map(|it| it.version).eq(1..=history.len() as u64), "versions have gaps");
            assert_eq!(Snapshot::fold(&history).unwrap(), *ticket.snapshot());
            all.insert(ticket.id(), history);
        }
        next = page.next;
        if next.is_none() {
            return all;
        }
    }
}

async fn open(desk: &Desk<Postgres>, count: usize) -> Vec<TicketId> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(desk.open_ticket(NewTicket::new(format!("Ticket {n}"))).await.unwrap().id());
    }
    ids
}

pub(crate) async fn hot_tickets_lose_no_update(place: Place) {
    let desk = place.store().await.desk("acme");
    let tickets = open(&desk, 4).await;
    let rounds = soak::cases(20);
    let acknowledged = clients(|n| {
        let (desk, tickets) = (desk.clone(), tickets.clone());
        async move {
            let mut notes = Vec::new();
            for round in 0..rounds {
                let ticket = tickets[((n + round) % 4) as usize];
                let note = format!("{n}/{round}");
                let both = Action::note(note.as_str()).and(Action::tag(format!("{}", n)));
                let receipt = desk.act(ticket, both, Actor::agent("anna")).await.unwrap();
                notes.push((ticket, receipt.ticket.version, note));
            }
            notes
        }
    })
    .await;
    let histories = sound(&desk).await;
    let mut notes = 0;
    for (ticket, version, note) in acknowledged.into_iter().flatten() {
        let recent = histories[&ticket][..version as usize].iter().rev().take(2);
        assert!(recent.filter_map(|it| it.personal.text()).any(|it| it == note), "{note} is lost");
        notes += 1;
    }
    assert_eq!(notes, CLIENTS * rounds);
    let stored: usize = histories.values().map(Vec::len).sum();
    let tags = histories.len() * CLIENTS as usize;
    println!("{notes} notes on 4 tickets by {CLIENTS} clients, {stored} events");
    assert!(stored <= 4 + notes as usize + tags, "a command was applied twice");
}

/// Links between the same tickets in all directions would deadlock if commands did not lock tickets in a fixed order.
pub(crate) async fn crossing_links_do_not_deadlock(place: Place) {
    let desk = place.store().await.desk("acme");
    let tickets = open(&desk, 4).await;
    let rounds = soak::cases(20);
    let done = clients(|n| {
        let (desk, tickets) = (desk.clone(), tickets.clone());
        async move {
            let mut done = 0_u32;
            for round in 0..rounds {
                let (from, to) = (n + round, n * 3 + round * 2 + 1);
                let (from, to) = (tickets[(from % 4) as usize], tickets[(to % 4) as usize]);
                for action in [Action::link(LinkKind::CauseOf, to), Action::unlink(LinkKind::CauseOf, to)] {
                    match desk.act(from, action, Actor::agent("anna")).await {
                        Ok(_) => done += 1,
                        Err(error) => assert!(error.is_rejected() || error.is_invalid(), "{error:?}"),
                    }
                }
            }
            done
        }
    })
    .await;
    let histories = sound(&desk).await;
    let done: u32 = done.into_iter().sum();
    println!("{done} links added and removed by {CLIENTS} clients");
    // A missing link can always be added, so at least one command succeeds.
    assert!(done > 0);
    // A link is stored at both tickets or at neither.
    for ticket in histories.keys() {
        for link in desk.records().links(*ticket, None).await.unwrap() {
            let inverse = ticket::kind::Link { kind: link.kind.inverse(), to: *ticket };
            assert!(desk.records().links(link.to, None).await.unwrap().contains(&inverse));
        }
    }
}

/// The absence of a thread must be locked too.
pub(crate) async fn one_thread_key_opens_one_ticket(place: Place) {
    let desk = place.store().await.desk("acme");
    let rounds = soak::cases(20);
    let mut opened = BTreeSet::new();
    let mut attached = 0;
    for round in 0..rounds {
        let receipts = clients(|n| {
            let desk = desk.clone();
            let message = InboundMessage::new(format!("{n}"))
                .from("boris")
                .thread(format!("chat-{round}"))
                .subject("Chat");
            async move { desk.receive(message).await.unwrap() }
        })
        .await;
        for receipt in receipts {
            if receipt.opened() {
                assert!(opened.insert(receipt.ticket.id()));
            } else {
                attached += 1;
            }
        }
        assert_eq!(opened.len() as u32, round + 1, "round {round}");
    }
    println!("{rounds} threads: {} opened, {attached} attached", opened.len());
    assert_eq!(attached, rounds * (CLIENTS - 1));
    assert_eq!(sound(&desk).await.len() as u32, rounds);
}

pub(crate) async fn numbers_have_no_gaps_or_duplicates(place: Place) {
    let desk = place.store().await.desk("acme");
    let each = soak::cases(10);
    let numbers = clients(|_| {
        let desk = desk.clone();
        async move {
            let mut numbers = Vec::new();
            for n in 0..each {
                // A refused command uses no number.
                assert!(desk.open_ticket(NewTicket::new("")).await.unwrap_err().is_invalid());
                numbers.push(desk.open_ticket(NewTicket::new(format!("{n}"))).await.unwrap().number.value);
            }
            numbers
        }
    })
    .await;
    let mut numbers = numbers.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=u64::from(CLIENTS * each)).collect::<Vec<_>>());
}

pub(crate) async fn one_of_many_adoptions_wins(place: Place) {
    let store = place.store().await;
    let policies = |n: u32| Policy::new().prefix(format!("P{n}"));
    let adopted = clients(|n| {
        let desk = store.desk("acme");
        async move {
            // Another command runs at the same time.
            desk.open_ticket(NewTicket::new("No sound")).await.unwrap();
            desk.setup().adopt(&policies(n)).await
        }
    })
    .await;
    // A clock that is slightly behind may plan an instant that is too early. The error names this case.
    let versions: BTreeSet<u64> =
        adopted.iter().filter_map(|it| it.as_ref().ok()).map(|it| it.version).collect();
    let refused = adopted.iter().filter_map(|it| it.as_ref().err());
    assert!(refused.clone().all(Error::is_invalid), "{adopted:?}");
    let host = place.host().await;
    let count = format!("SELECT version FROM {}.record WHERE kind = 'a'", place.schema);
    let count: i64 = host.query_one(&count, &[]).await.unwrap().get(0);
    assert!(versions.into_iter().eq(1..=u64::try_from(count).unwrap()), "{adopted:?}");
    assert_eq!(count as usize + refused.count(), CLIENTS as usize);
}

/// A host's transaction may lock a due record for a long time. Claims skip the record, and find due records by an
/// index.
pub(crate) async fn a_claim_skips_locked_records(place: Place) {
    const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, DataPolicy::IMPERSONAL);
    let store = place.store().await;
    let desk = DeskId::new("acme");
    let due = Content::new(*b"work").due(DateTime::UNIX_EPOCH);
    let write = |n: u32| RecordWrite::put(WORK, format!("{n:05}"), Expected::Absent, due.clone());
    let save = |commit: Commit| store.save(&desk, commit);
    save((0..3).map(write).collect()).await.unwrap();
    let mut host = place.host().await;
    let mut tx = host.transaction().await.unwrap();
    let change = RecordWrite::put(WORK, "00001", Expected::Version(1), due.clone().tried(7));
    let within = store.within(&mut tx);
    within.save(&desk, Commit::from_iter([change])).await.unwrap();
    // A claim that waited for the lock would never return.
    let claimed = AsyncStore::claim(&store, WORK, 9, TimeDelta::hours(1)).await.unwrap();
    let mut keys: Vec<_> = claimed.iter().map(|it| &*it.record.key).collect();
    keys.sort();
    assert_eq!(keys, ["00000", "00002"]);
    tx.commit().await.unwrap();
    let rest = AsyncStore::claim(&store, WORK, 9, TimeDelta::hours(1)).await.unwrap();
    assert_eq!((rest.len(), rest[0].record.version, rest[0].record.content.tries), (1, 3, 8));
    // Rows that are due later do not slow a claim down, because the instant is a condition of the index.
    let later = Content::new(*b"work").due("2100-01-01T00:00:00Z".parse().unwrap());
    let write = |n: u32| RecordWrite::put(WORK, format!("{n:05}"), Expected::Absent, later.clone());
    save((10..5_000).map(write).collect()).await.unwrap();
    let schema = &place.schema;
    host.batch_execute(&format!("ANALYZE {schema}.record")).await.unwrap();
    let plan = format!(
        "EXPLAIN SELECT 1 FROM {schema}.record WHERE kind = 'test.work' \
         AND due <= (extract(epoch FROM statement_timestamp()) * 1000000)::bigint ORDER BY due LIMIT 9"
    );
    let plan = host.query(&plan, &[]).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    assert!(
        plan.iter().any(|it| it.contains("Index Cond") && it.contains("statement_timestamp")),
        "{plan:?}"
    );
}

pub(crate) async fn due_timers_fire_once_in_concurrent_sweeps(place: Place) {
    let store = place.store().await;
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let desk = store.desk(Settings::new("acme").time(time));
    let tickets = open(&desk, 40).await;
    for id in &tickets {
        desk.act(*id, Action::resolve("unmuted"), Actor::agent("anna")).await.unwrap();
    }
    let late = "2026-02-05T09:00:00Z".parse().unwrap();
    let ticked = clients(|_| {
        let desk = desk.clone();
        async move { desk.tick(late).await.unwrap() }
    })
    .await;
    assert!(ticked.iter().all(|it| it.failed.is_empty()), "{ticked:?}");
    assert_eq!(ticked.iter().map(|it| it.fired).sum::<usize>(), tickets.len());
    assert_eq!(place.count("timer").await, 0);
    assert!(sound(&desk).await.values().all(|history| history.len() == 3));
}

/// A host's transaction may lock a ticket for a long time. The due timers of other tickets still fire.
pub(crate) async fn a_locked_ticket_does_not_block_a_worker(place: Place) {
    let impatient = crate::server::with_options(&place.url, "-c lock_timeout=200ms");
    let store = place.options().connect(&impatient).await.unwrap();
    let desk = store.desk("acme");
    let tickets = open(&desk, 12).await;
    let until = SystemClock.now() + time::TimeDelta::seconds(60);
    for id in &tickets {
        desk.act(*id, Action::hold_until(HoldReason::Scheduled, until), Actor::agent("anna")).await.unwrap();
    }
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    // The two tickets are on different pages, with a page between them, so that the failures are never consecutive.
    tx.load(&[Read::Ticket(tickets[1]), Read::Ticket(tickets[11])]).await.unwrap();
    let worker = Worker::over(store.clone()).batch(std::num::NonZeroUsize::new(5).unwrap());
    let report = worker.tick(until).await.unwrap();
    assert_eq!((report.fired, report.failed.len()), (10, 2));
    assert!(report.stopped.is_none() && report.skipped.is_empty(), "{report:?}");
    let held = [tickets[1], tickets[11]];
    assert!(report.failed.iter().all(|it| held.contains(&it.ticket) && it.error.is_retryable()));
    tx.rollback().await;
    assert_eq!(worker.tick(until).await.unwrap().fired, 2);
}

/// A long transaction that locks many tickets of one desk does not affect other desks.
pub(crate) async fn a_long_transaction_at_one_desk_does_not_delay_other_desks(place: Place) {
    let impatient = crate::server::with_options(&place.url, "-c lock_timeout=200ms");
    let store = place.options().connect(&impatient).await.unwrap();
    let until = SystemClock.now() + time::TimeDelta::seconds(60);
    let mut held = Vec::new();
    for (name, count) in [("acme", 50), ("beta", 1), ("acme", 49)] {
        let desk = store.desk(name);
        for id in open(&desk, count).await {
            let hold = Action::hold_until(HoldReason::Scheduled, until);
            desk.act(id, hold, Actor::agent("anna")).await.unwrap();
            held.extend((name == "acme").then_some(Read::Ticket(id)));
        }
    }
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    tx.load(&held).await.unwrap();
    let worker = Worker::over(store.clone());
    let report = worker.tick(until).await.unwrap();
    assert!(report.fired == 1 && report.stopped.is_none(), "{report:?}");
    assert_eq!((report.failed.len(), &report.skipped[..]), (2, &["acme".into()][..]));
    let report = store.desk("acme").tick(until).await.unwrap();
    assert!(report.fired == 0 && report.stopped.is_some_and(|error| error.is_retryable()));
    tx.rollback().await;
    assert_eq!(worker.tick(until).await.unwrap().fired, 99);
}

/// Commands that wait for one ticket leave connections for reads at every desk.
pub(crate) async fn commands_waiting_for_one_ticket_do_not_block_reads(place: Place) {
    let store = place.options().connections(8).connect(&place.named_url()).await.unwrap();
    let (acme, other) = (store.desk("acme"), store.desk("other"));
    let hot = acme.open_ticket(NewTicket::new("Hot")).await.unwrap().id();
    other.open_ticket(NewTicket::new("Quiet")).await.unwrap();
    let mut host = place.host().await;
    let mut tx = host.transaction().await.unwrap();
    acme.within(&mut tx).act(hot, Action::note("held"), Actor::agent("anna")).await.unwrap();
    let waiting: Vec<_> = (0..40)
        .map(|n| {
            let acme = acme.clone();
            tokio::spawn(
                async move { acme.act(hot, Action::note(format!("{n}")), Actor::agent("ben")).await },
            )
        })
        .collect();
    // Two of the eight connections are reserved for reads. All others wait for the ticket, and a read that waited for
    // one of them would never return.
    place.until_waiting(&place.host().await, 6).await;
    for _ in 0..10 {
        assert_eq!(other.find(Query::newest()).await.unwrap().tickets.len(), 1);
        assert_eq!(acme.ticket(hot).await.unwrap().version, 1);
    }
    assert!(
        waiting.iter().all(|it| !it.is_finished()),
        "a waiting command finished although the ticket is locked"
    );
    tx.rollback().await.unwrap();
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    assert_eq!(acme.ticket(hot).await.unwrap().version, 41);
}
