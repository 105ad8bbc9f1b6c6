//! Restarts of the server. It is stopped as by a crash and started again, repeatedly, while clients work. No
//! acknowledged command is lost, and none is applied twice.
//!
//! This is a separate test target, so that no other test uses the server while it is down. `FIRSTLINE_POSTGRES_RESTART`
//! is the command that restarts the server of `FIRSTLINE_POSTGRES`; `bash .ci/postgres COMMAND` sets both. Without them
//! the tests are ignored, or fail if `CI` is true.

#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod server;
#[cfg(feature = "postgres")]
#[path = "common/soak.rs"]
mod soak;

#[cfg(feature = "postgres")]
mod restarts {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::Duration;

    use firstline::postgres::Postgres;
    use firstline::*;

    use super::server::{Place, block_on, with_options};
    use super::soak;

    const CLIENTS: usize = 8;

    /// The number of commands that each client completes before each restart, and after the last one.
    const EACH: u32 = 5;

    /// The results that a client received: notes on tickets, and opened tickets. Unknown outcomes are separate.
    #[derive(Debug, Default)]
    struct Received {
        notes: Vec<String>,
        opened: Vec<String>,
        unknown: u32,
        failed: u32,
    }

    /// The results of all clients, compared with the stored tickets.
    #[derive(Debug, Default)]
    struct Found {
        acknowledged: usize,
        lost: usize,
        twice: Vec<String>,
        unknown: u32,
        failed: u32,
    }

    /// The state that the clients share with the test.
    #[derive(Debug, Default)]
    struct Progress {
        acknowledged: [AtomicU32; CLIENTS],
        stop: AtomicBool,
    }

    impl Progress {
        fn acknowledged(&self) -> [u32; CLIENTS] {
            self.acknowledged.each_ref().map(|it| it.load(Ordering::Relaxed))
        }
    }

    async fn client(
        desk: Desk<Postgres>,
        n: usize,
        tickets: Vec<TicketId>,
        progress: Arc<Progress>,
    ) -> Received {
        let mut received = Received::default();
        let anna = Actor::agent("anna");
        for round in 0.. {
            if progress.stop.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("{n}/{round}");
            let note = Action::note(name.as_str());
            // Commands with and without keys, on own and shared tickets, and on threads that all clients begin at once.
            let ticket = tickets[(n + round) % 4];
            let opens = round % 4 == 1;
            let result = match round % 4 {
                0 => desk.act(ticket, note, &anna).await.map(drop),
                1 => desk.open_ticket(NewTicket::new(name.as_str())).await.map(drop),
                2 => desk.act(ticket, note, anna.idempotency_key(name.as_str())).await.map(drop),
                _ => {
                    let chat = format!("chat {round}");
                    let message =
                        InboundMessage::new(name.as_str()).from("boris").subject(chat.as_str()).thread(chat);
                    desk.receive(message).await.map(drop)
                }
            };
            if result.is_ok() {
                progress.acknowledged[n].fetch_add(1, Ordering::Relaxed);
            }
            match result {
                Ok(()) if opens => received.opened.push(name),
                Ok(()) => received.notes.push(name),
                Err(error) if error.kind() == ErrorKind::Unknown => received.unknown += 1,
                Err(error) if error.is_retryable() => received.failed += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        received
    }

    /// Runs clients on connections with these settings while the server is restarted repeatedly.
    async fn restart_repeatedly(place: &Place, settings: &str, restart: &str, restarts: u32) -> Found {
        // The shared tickets are opened with a durable connection, so that they cannot be lost.
        let (safe, mut tickets) = (place.store().await.desk("acme"), Vec::new());
        for n in 0..4 {
            tickets.push(safe.open_ticket(NewTicket::new(format!("Hot {n}"))).await.unwrap().id());
        }
        let url = with_options(&place.url, settings);
        let desk = place.options().connect(&url).await.unwrap().desk("acme");
        let progress = Arc::new(Progress::default());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| tokio::spawn(client(desk.clone(), n, tickets.clone(), Arc::clone(&progress))))
            .collect();
        let all_go_on = async || {
            let before = progress.acknowledged();
            let waits =
                || progress.acknowledged().iter().zip(before).any(|(now, before)| *now < before + EACH);
            while waits() && clients.iter().all(|it| !it.is_finished()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        for _ in 0..restarts {
            all_go_on().await;
            let command = restart.to_owned();
            let run = move || std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
            assert!(tokio::task::spawn_blocking(run).await.unwrap().success(), "{restart}");
        }
        all_go_on().await;
        progress.stop.store(true, Ordering::Relaxed);
        let mut received = Vec::new();
        for client in clients {
            received.push(client.await.unwrap());
        }
        compare(&desk, received).await
    }

    async fn compare(desk: &Desk<Postgres>, received: Vec<Received>) -> Found {
        let mut found = Found::default();
        let (mut notes, mut subjects): (BTreeMap<String, u32>, BTreeMap<String, u32>) = Default::default();
        let (mut next, mut numbers) = (None, Vec::new());
        loop {
            let page = desk.find(Query::oldest().limit(1_000).after(next)).await.unwrap();
            for ticket in &page.tickets {
                let history = desk.records().history(ticket.id()).await.unwrap();
                assert_eq!(
                    Snapshot::fold(&history).unwrap(),
                    *ticket.snapshot(),
                    "the row differs from the fold of its history"
                );
                for words in history.iter().filter_map(|it| it.personal.text().map(str::to_owned)) {
                    *notes.entry(words).or_default() += 1;
                }
                *subjects.entry(ticket.subject().to_owned()).or_default() += 1;
                numbers.push(ticket.number.value);
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "numbers have gaps");
        let all = notes.iter().chain(&subjects);
        found.twice = all.filter(|(_, count)| **count > 1).map(|(name, _)| name.clone()).collect();
        for Received { notes: words, opened, unknown, failed } in received {
            found.acknowledged += words.len() + opened.len();
            found.lost += words.iter().filter(|it| !notes.contains_key(*it)).count();
            found.lost += opened.iter().filter(|it| !subjects.contains_key(*it)).count();
            found.unknown += unknown;
            found.failed += failed;
        }
        found
    }

    pub(crate) fn acknowledged_commands_survive_restarts_exactly_once(restart: &str) {
        let (place, restarts) = (Place::fresh(), soak::cases(2));
        let found = block_on(restart_repeatedly(&place, "-c synchronous_commit=on", restart, restarts));
        println!("{restarts} restarts: {found:?}");
        assert!(found.lost == 0 && found.twice.is_empty(), "{found:?}");
        // A restart interrupts one command of each client. The command waits for the server and is then retried or
        // found.
        assert_eq!((found.unknown, found.failed), (0, 0), "{found:?}");
    }

    /// The control: a server that acknowledges commits before they are on disk loses some, and the same test detects
    /// it. The server writes its log several times a second and loses nothing if it stops just then, so it is restarted
    /// until it has lost something.
    pub(crate) fn a_server_that_acknowledges_too_early_is_detected(restart: &str) {
        for attempt in 1.. {
            let place = Place::fresh();
            let found = block_on(restart_repeatedly(&place, "-c synchronous_commit=off", restart, 1));
            println!("the control that acknowledges too early: {found:?}");
            if found.lost > 0 {
                return;
            }
            assert!(attempt < 100, "this test does not detect lost commands: {found:?}");
        }
    }
}

fn main() {
    let mut trials = Vec::new();
    #[cfg(feature = "postgres")]
    {
        let restart = std::env::var("FIRSTLINE_POSTGRES_RESTART").ok().filter(|_| server::url().is_some());
        let left_out = restart.is_none() && !server::required();
        // The tests run one after the other, because they share one server.
        type Test = fn(&str);
        static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let tests: [(&str, Test); 2] = [
            (
                "acknowledged_commands_survive_restarts_exactly_once",
                restarts::acknowledged_commands_survive_restarts_exactly_once,
            ),
            (
                "a_server_that_acknowledges_too_early_is_detected",
                restarts::a_server_that_acknowledges_too_early_is_detected,
            ),
        ];
        trials.extend(tests.map(|(name, test)| {
            let restart = restart.clone();
            let trial = libtest_mimic::Trial::test(name, move || {
                let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let restart =
                    restart.ok_or("no FIRSTLINE_POSTGRES_RESTART: `bash .ci/postgres COMMAND` sets it")?;
                test(&restart);
                Ok(())
            });
            trial.with_ignored_flag(left_out)
        }));
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), std::mem::take(&mut trials)).exit()
}
