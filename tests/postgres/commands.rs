//! Single commands.

use firstline::desk::Settings;
use firstline::operation::async_store::{AsyncStore, AsyncTx};
use firstline::postgres::Postgres;
use firstline::store::kinds::THREAD;
use firstline::store::{Answer, Commit, Content, Expected, Mode, Read, RecordWrite};
use firstline::ticket::decision::DecisionContext;
use firstline::time::ManualTime;
use firstline::*;
use futures_util::future::{Either, join_all, select};

use crate::server::Place;

pub(crate) async fn the_same_methods_work_async(place: Place) {
    let store = place.store().await;
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let desk = store.desk(Settings::new("acme").time(time.clone()));
    let anna = Actor::agent("anna");
    let ticket = desk.open_ticket(NewTicket::new("Нет звука").from("борис")).await.unwrap();
    let id = ticket.id();
    let ticket = desk.commit(ticket.start(), &anna).await.unwrap();
    let ticket = desk.commit(ticket.resolve("unmuted"), &anna).await.unwrap();
    assert!(desk.act(id, Action::start(), &anna).await.unwrap_err().is_rejected());
    assert_eq!(desk.tick(ticket.updated_at + TimeDelta::days(6)).await.unwrap().fired, 1);
    let closed = desk.ticket("T-1").await.unwrap();
    assert_eq!((closed.state().kind(), closed.subject()), (StateKind::Closed, "Нет звука"));
    let history = desk.records().history(id).await.unwrap();
    assert_eq!(Snapshot::fold(&history).unwrap(), *closed.snapshot());

    // Another program finds the ticket in the same state.
    let again = place.store().await.desk(Settings::new("acme").time(time));
    assert_eq!(again.ticket(id).await.unwrap(), closed);
    assert_eq!(again.find(Query::newest().from("борис")).await.unwrap().tickets, [closed]);
    // `tokio::spawn` requires `Send` futures.
    let spawned =
        tokio::spawn(async move { again.open_ticket(NewTicket::new("More")).await.unwrap().number.value });
    assert_eq!(spawned.await.unwrap(), 2);
}

pub(crate) async fn concurrent_commands_with_one_key_open_one_ticket(place: Place) {
    let desk = place.store().await.desk("acme");
    let request = NewTicket::new("No sound").from("boris").idempotency_key("form-4711");
    let opened = join_all((0..8).map(|_| desk.open_ticket(request.clone()))).await;
    let tickets: Vec<Ticket<state::New>> = opened.into_iter().map(Result::unwrap).collect();
    assert!(tickets.windows(2).all(|pair| pair[0] == pair[1]), "{tickets:?}");
    let error = desk.open_ticket(NewTicket::new("No light").idempotency_key("form-4711")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyReused);

    let id = tickets[0].id();
    let click = Actor::agent("anna").idempotency_key("click-1");
    let receipts = join_all((0..8).map(|_| desk.act(id, Action::start(), click.clone()))).await;
    let receipts: Vec<Receipt> = receipts.into_iter().map(Result::unwrap).collect();
    assert_eq!(receipts.iter().filter(|it| !it.replayed).count(), 1);
    assert!(receipts.iter().all(|it| it.ticket.version == 2 && it.events == receipts[0].events));
    assert_eq!((place.count("ticket").await, place.count("event").await), (1, 2));
}

async fn stored(store: &Postgres, id: TicketId) -> Snapshot {
    let mut tx = store.begin(&"acme".into(), Mode::Read).await.unwrap();
    let answers = tx.load(&[Read::Ticket(id)]).await.unwrap();
    tx.rollback().await;
    match &answers[..] {
        [Answer::Ticket(Some(ticket))] => (**ticket).clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_stale_commit_is_a_conflict_and_writes_nothing(place: Place) {
    let store = place.store().await;
    let desk = store.desk("acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
    desk.act(id, Action::start(), Actor::agent("anna")).await.unwrap();
    let snapshot = stored(&store, id).await;
    let history = desk.records().history(id).await.unwrap();
    // An expected version behind the stored one, one ahead, and 0. In the first and last case, the event is already
    // stored too.
    for (expected, version) in [(1, 2), (3, 4), (0, 1)] {
        let mut ticket = snapshot.clone();
        ticket.version = version;
        let mut event = history[1].clone();
        event.version = version;
        let (anna, policy) = (Actor::agent("anna"), Policy::new());
        let context = DecisionContext::new(snapshot.updated_at, &anna, &policy).unwrap();
        let mut write = snapshot.decide(&Action::note("late"), &context).unwrap();
        (write.expected, write.snapshot, write.events) = (expected, ticket, vec![event]);
        write.timers.clear();
        let mut commit = Commit::from_iter([write]);
        commit.push(RecordWrite::put(THREAD, "chat-9", Expected::Absent, Content::new(*b"it")));
        let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
        let error = tx.commit(commit).await.unwrap_err();
        let conflict = error.conflict().unwrap_or_else(|| panic!("{expected}: {error:?}"));
        assert_eq!((conflict.expected, conflict.found), (expected, 2));
    }
    assert_eq!(stored(&store, id).await, snapshot);
    assert_eq!((place.count("event").await, place.count("record").await), (2, 0));
    let late = desk.act(id, Action::cancel(), Actor::agent("ben").expected_version(1)).await.unwrap_err();
    assert!(late.is_conflict());
}

pub(crate) async fn desks_are_apart(place: Place) {
    let store = place.store().await;
    let (acme, other) = (store.desk("acme"), store.desk("other"));
    let id = acme.open_ticket(NewTicket::new("Secret").thread("t").idempotency_key("k")).await.unwrap().id();
    assert!(other.ticket(id).await.unwrap_err().is_not_found());
    assert!(other.ticket(1).await.unwrap_err().is_not_found());
    assert!(other.records().history(id).await.unwrap_err().is_not_found());
    assert!(other.act(id, Action::start(), Actor::agent("eve")).await.unwrap_err().is_not_found());
    assert!(other.find(Query::newest()).await.unwrap().tickets.is_empty());
    let theirs = other
        .receive(InboundMessage::new("").thread("t").idempotency_key("k").subject("Mine"))
        .await
        .unwrap();
    assert!(theirs.opened() && theirs.ticket.id() != id && theirs.ticket.number.value == 1);
}

pub(crate) async fn a_filtering_search_finds_all(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut wanted = Vec::new();
    for n in 0..120 {
        let id = desk.open_ticket(NewTicket::new(format!("Question {n}"))).await.unwrap().id();
        if n % 29 == 0 {
            desk.act(id, Action::tag("rare"), Actor::agent("anna")).await.unwrap();
            wanted.push(id);
        }
    }
    let rare = Condition::field("tags").contains("rare");
    for (query, reversed) in [(Query::oldest(), false), (Query::newest(), true), (Query::inbox(), false)] {
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let page = desk.find(query.clone().matching(rare.clone()).limit(2).after(next)).await.unwrap();
            found.extend(page.tickets.iter().map(Ticket::id));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        if reversed {
            found.reverse();
        }
        assert_eq!(found, wanted, "{query:?}");
    }
}

pub(crate) async fn text_with_nul_is_not_found(place: Place) {
    let desk = place.store().await.desk("acme");
    desk.open_ticket(NewTicket::new("No sound").from("boris").message("a\u{fffe} tab\t")).await.unwrap();
    let name = ExternalRef { source: "a\0b".into(), id: "c".into() };
    assert!(desk.ticket(name).await.unwrap_err().is_not_found());
    assert!(desk.find(Query::newest().from("a\0b")).await.unwrap().tickets.is_empty());
    assert!(desk.ticket(u64::MAX).await.unwrap_err().is_not_found());
}

pub(crate) async fn an_unreadable_row_is_reported(place: Place) {
    let desk = place.store().await.desk("acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
    let spoil = format!("UPDATE {}.ticket SET facts = '{{\"id\":7}}'", place.schema);
    place.host().await.batch_execute(&spoil).await.unwrap();
    assert_eq!(desk.ticket(id).await.unwrap_err().kind(), ErrorKind::Corrupt);
    let error = desk.act(id, Action::start(), Actor::agent("anna")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // Without tables, the error names what is missing, and nothing panics.
    place.host().await.batch_execute(&format!("DROP SCHEMA {} CASCADE", place.schema)).await.unwrap();
    assert_eq!(desk.ticket(id).await.unwrap_err().kind(), ErrorKind::Schema);
}

pub(crate) async fn connection_failures_are_explained(place: Place) {
    let nobody = Postgres::connect("postgres://u@127.0.0.1:1/db").await.unwrap_err();
    assert!(nobody.is_retryable() && nobody.to_string().contains("cannot be reached"), "{nobody}");
    let mut elsewhere: Vec<&str> = place.url.split('/').collect();
    *elsewhere.last_mut().unwrap() = "no_such_database";
    let error = Postgres::connect(&elsewhere.join("/")).await.unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("does not exist"), "{error}");
    let error = Postgres::connect("mysql://secret@host").await.unwrap_err();
    assert!(error.is_invalid() && !error.to_string().contains("secret"), "{error}");

    // Outside a runtime there is an error, not a panic.
    let (options, url) = (place.options(), place.url.clone());
    let outside = std::thread::spawn(move || futures_util::FutureExt::now_or_never(options.connect(&url)));
    let error = outside.join().unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("tokio"), "{error}");
}

/// A writer that has locked a ticket blocks neither reads of it nor writes to other tickets.
pub(crate) async fn a_read_does_not_wait_for_writers(place: Place) {
    let store = place.options().connections(3).connect(&place.named_url()).await.unwrap();
    let desk = store.desk("acme");
    let held = desk.open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let free = desk.open_ticket(NewTicket::new("Free")).await.unwrap().id();
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    tx.load(&[Read::Ticket(held), Read::NextNumber { place: 0 }]).await.unwrap();
    let anna = Actor::agent("anna");
    assert_eq!(desk.ticket(held).await.unwrap().version, 1);
    assert_eq!(desk.find(Query::inbox()).await.unwrap().tickets.len(), 2);
    assert_eq!(desk.act(free, Action::start(), &anna).await.unwrap().ticket.version, 2);
    let mut waiting = Box::pin(desk.act(held, Action::start(), &anna));
    let watch = place.host().await;
    match select(&mut waiting, Box::pin(place.until_waiting(&watch, 1))).await {
        Either::Left((done, _)) => panic!("a write did not wait for the lock: {done:?}"),
        Either::Right(_) => tx.rollback().await,
    }
    assert_eq!(waiting.await.unwrap().ticket.version, 2);
}

/// A lock that is held for too long is an error within the limit, without retries.
pub(crate) async fn a_command_does_not_wait_forever(place: Place) {
    let store = place.store().await;
    let id = store.desk("acme").open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut tx = store.begin(&"acme".into(), Mode::Write).await.unwrap();
    tx.load(&[Read::Ticket(id)]).await.unwrap();
    let impatient = crate::server::with_options(&place.url, "-c lock_timeout=200ms");
    let desk = place.options().connections(1).connect(&impatient).await.unwrap().desk("acme");
    let error = desk.act(id, Action::start(), Actor::agent("anna")).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("for too long"), "{error}");
    assert!(!AsyncStore::wait(&store, 0, &error).await, "the store retries after this error");
    // The only connection is idle again and has no open transaction.
    desk.open_ticket(NewTicket::new("Free")).await.unwrap();
    tx.rollback().await;
    desk.act(id, Action::start(), Actor::agent("anna")).await.unwrap();
}

/// An import writes many tickets in one transaction, and repeating it changes nothing.
pub(crate) async fn an_import_is_applied_once(place: Place) {
    let desk = place.store().await.desk("acme");
    let at =
        |minute: i64| "2016-03-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute);
    let ticket = move |n: i64, versions: i64| {
        let version =
            |v: i64| ImportedVersion::new(at(n + v), Actor::agent("anna")).subject(format!("Вопрос {n}.{v}"));
        (0..versions).map(version).fold(ImportedTicket::new("old", format!("№ {n}")), ImportedTicket::version)
    };
    let batch = std::num::NonZeroUsize::new(1_000).unwrap();
    let first = desk.records().import_in_batches(batch, (0..1_000).map(move |n| ticket(n, 2))).await.unwrap();
    assert_eq!((first.opened, first.refused.len()), (1_000, 0), "{:?}", first.refused.first());
    let longer = move |n| ticket(n, if n % 2 == 0 { 3 } else { 2 });
    let again = desk.records().import((0..1_010).map(longer)).await.unwrap();
    assert_eq!((again.opened, again.extended, again.unchanged), (10, 500, 500));
    let found = desk.ticket(ExternalRef { source: "old".into(), id: "№ 8".into() }).await.unwrap();
    assert_eq!(found.subject(), "Вопрос 8.2");
    let history = desk.records().history(found.id()).await.unwrap();
    assert_eq!(Snapshot::fold(&history).unwrap(), *found.snapshot());
    assert_eq!(place.count("ticket").await, 1_010);
}
