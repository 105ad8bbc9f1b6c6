//! The server is stopped at once, as by a crash, and started anew, again and again while clients work: nothing that was
//! acknowledged is lost, and nothing is done twice.
//!
//! A test target of its own, so that no other test meets the server while it is down. `FIRSTLINE_POSTGRES_RESTART` is the
//! command that restarts the server of `FIRSTLINE_POSTGRES`; `bash .ci/postgres COMMAND` sets both. Where they are missing
//! the test is reported as ignored, and fails if `CI` is true.

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

    use firstline::*;

    use super::server::{Place, block_on};
    use super::soak;

    const CLIENTS: u32 = 8;

    /// What a client was told: notes on tickets, and tickets opened. What it was left in the dark about is apart.
    #[derive(Debug, Default)]
    struct Told {
        notes: Vec<(TicketId, String)>,
        opened: Vec<String>,
        unknown: Vec<String>,
        failed: u32,
    }

    async fn client(
        desk: Desk<store::postgres::Postgres>,
        n: u32,
        tickets: Vec<TicketId>,
        stop: Arc<AtomicBool>,
    ) -> Told {
        let mut told = Told::default();
        let anna = Actor::agent("anna");
        for round in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("{n}/{round}");
            // With a key and without, to tickets of one's own and to those of all.
            let ticket = tickets[((n + round) % 4) as usize];
            let result = match round % 3 {
                0 => desk.act(ticket, Action::note(name.as_str()), &anna).await.map(drop),
                1 => desk.open_ticket(NewTicket::new(name.as_str())).await.map(drop),
                _ => desk.act(ticket, Action::note(name.as_str()), anna.once(name.as_str())).await.map(drop),
            };
            match result {
                Ok(()) if round % 3 == 1 => told.opened.push(name),
                Ok(()) => told.notes.push((ticket, name)),
                Err(error) if error.kind() == ErrorKind::Unknown => told.unknown.push(name),
                Err(error) if error.is_retryable() => told.failed += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        told
    }

    pub(crate) fn nothing_acknowledged_is_lost_or_done_twice(restart: &str) {
        let place = Place::fresh();
        let restarts = soak::cases(2);
        block_on(async {
            let desk = place.store().await.desk("acme");
            let mut tickets = Vec::new();
            for n in 0..4 {
                tickets.push(desk.open_ticket(NewTicket::new(format!("Hot {n}"))).await.unwrap().id());
            }
            let stop = Arc::new(AtomicBool::new(false));
            let clients: Vec<_> = (0..CLIENTS)
                .map(|n| tokio::spawn(client(desk.clone(), n, tickets.clone(), Arc::clone(&stop))))
                .collect();
            let done = AtomicU32::new(0);
            for _ in 0..restarts {
                tokio::time::sleep(Duration::from_millis(700)).await;
                let command = restart.to_owned();
                let run = move || std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
                assert!(tokio::task::spawn_blocking(run).await.unwrap().success(), "{restart}");
                done.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            stop.store(true, Ordering::Relaxed);
            let mut told = Vec::new();
            for client in clients {
                told.push(client.await.unwrap());
            }
            check(&desk, told, restarts).await;
        });
    }

    async fn check(desk: &Desk<store::postgres::Postgres>, told: Vec<Told>, restarts: u32) {
        let (mut notes, mut subjects): (BTreeMap<String, u32>, BTreeMap<String, u32>) = Default::default();
        let (mut next, mut numbers) = (None, Vec::new());
        loop {
            let page = desk.find(Query::oldest().limit(1_000).after(next)).await.unwrap();
            for ticket in &page.tickets {
                let history = desk.records().history(ticket.id()).await.unwrap();
                assert_eq!(
                    Snapshot::fold(&history).unwrap(),
                    *ticket.snapshot(),
                    "the row is not its history"
                );
                for note in history.iter().skip(1).filter_map(|it| it.personal.text.clone()) {
                    *notes.entry(note).or_default() += 1;
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
        let twice = notes.iter().chain(&subjects).find(|(_, count)| **count > 1);
        assert!(twice.is_none(), "{twice:?} was done twice");
        let (mut acknowledged, mut unknown, mut failed) = (0, 0, 0);
        for client in told {
            for (_, name) in &client.notes {
                assert!(notes.contains_key(name), "{name} is lost");
            }
            for name in &client.opened {
                assert!(subjects.contains_key(name), "{name} is lost");
            }
            acknowledged += client.notes.len() + client.opened.len();
            unknown += client.unknown.len();
            failed += client.failed;
        }
        println!(
            "{restarts} restarts: {acknowledged} acknowledged, 0 lost, 0 done twice; {unknown} left unknown, {failed} failed"
        );
        assert!(
            acknowledged > 100 && notes.len() + subjects.len() >= acknowledged,
            "{acknowledged} is too little"
        );
    }
}

fn main() {
    let mut trials = Vec::new();
    #[cfg(feature = "postgres")]
    {
        let restart = std::env::var("FIRSTLINE_POSTGRES_RESTART").ok().filter(|_| server::url().is_some());
        let left_out = restart.is_none() && !server::required();
        let trial = libtest_mimic::Trial::test("nothing_acknowledged_is_lost_or_done_twice", move || {
            let restart =
                restart.ok_or("no FIRSTLINE_POSTGRES_RESTART: `bash .ci/postgres COMMAND` sets it")?;
            restarts::nothing_acknowledged_is_lost_or_done_twice(&restart);
            Ok(())
        });
        trials.push(trial.with_ignored_flag(left_out));
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), std::mem::take(&mut trials)).exit()
}
