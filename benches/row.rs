//! The cost of a command on a ticket with a long history, and the size of its row in SQLite.
//!
//! ```text
//! cargo bench --bench row              # 10,000 rounds
//! cargo bench --bench row -- 1000      # your number of rounds
//! ```
//!
//! One series of rounds holds and resumes a ticket with two targets. The other links other tickets to it. The
//! bench compares the first hundred rounds with the last hundred. Syncs are off, because they would hide the
//! difference.

#[path = "shared/desk.rs"]
#[allow(dead_code)]
mod desk;
#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use desk::desk_in;
use firstline::calendar::WORKDAYS;
use firstline::sla::{Agreement, Metric, Target};
use firstline::sqlite::{Durability, Sqlite};
use firstline::ticket::kind::Link;
use firstline::time::{ManualTime, TimeDelta};
use firstline::{Action, Actor, Calendar, Desk, HoldReason, LinkKind, NewTicket, Policy, TicketId};
use measure::{aim, median, nanos};

/// The number of rounds at the start, and at the end, that are compared.
const COMPARED: usize = 100;

fn policy() -> Policy {
    let office = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00").build().unwrap();
    let agreement = Agreement::new("standard", 1)
        .target(Target::new(Metric::FirstReply).within(TimeDelta::hours(8)))
        .target(Target::new(Metric::Resolution).within(TimeDelta::hours(40)).business("office"));
    Policy::new().calendar("office", office.definition()).agreement(agreement)
}

/// A desk with one ticket.
struct Bench {
    desk: Desk<Sqlite>,
    time: ManualTime,
    ticket: TicketId,
    anna: Actor,
    _place: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (desk, time) = desk_in(&place.path().join("row.db"), Durability::Normal);
        desk.setup().adopt(&policy()).unwrap();
        let anna = Actor::agent("anna");
        let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        desk.act(ticket, Action::start(), &anna).unwrap();
        Bench { desk, time, ticket, anna, _place: place }
    }

    fn act(&self, ticket: TicketId, action: Action) {
        self.time.advance(TimeDelta::seconds(1));
        self.desk.act(ticket, action, &self.anna).unwrap();
    }

    fn row_bytes(&self) -> usize {
        serde_json::to_vec(self.desk.ticket(self.ticket).unwrap().snapshot()).unwrap().len()
    }

    /// Plays the rounds with the given number of commands each, and prints the first and the last rounds.
    fn play(&self, title: &str, rounds: usize, commands: usize, round: impl Fn(usize)) {
        let mut times = Vec::with_capacity(rounds);
        let mut first_bytes = 0;
        for number in 0..rounds {
            times.push(nanos(commands, || round(number)));
            if number + 1 == COMPARED {
                first_bytes = self.row_bytes();
            }
        }
        let (first, last) = (&times[..COMPARED], &times[rounds - COMPARED..]);
        let (first, last) = (median(first.to_vec()) / 1e3, median(last.to_vec()) / 1e3);
        let last_bytes = self.row_bytes();
        let bytes_ratio = last_bytes as f64 / first_bytes as f64;
        println!("\n{title}, {rounds} rounds");
        println!("{:<24} {:>12} {:>12} {:>8}", "", "first 100", "last 100", "ratio");
        println!("{:<24} {first:>12.1} {last:>12.1} {:>8.2}", "us per command", last / first);
        println!("{:<24} {first_bytes:>12} {last_bytes:>12} {bytes_ratio:>8.2}", "row bytes");
        aim("both at most 1.2 times as large", last <= first * 1.2 && bytes_ratio <= 1.2);
    }
}

fn main() {
    let rounds = std::env::args().find_map(|it| it.parse().ok()).unwrap_or(10_000).max(2 * COMPARED);
    let bench = Bench::new();
    bench.play("hold and resume", rounds, 2, |_| {
        bench.act(bench.ticket, Action::hold(HoldReason::Customer));
        bench.act(bench.ticket, Action::resume());
    });

    let bench = Bench::new();
    let others: Vec<_> = (0..rounds)
        .map(|_| bench.desk.open_ticket(NewTicket::new("No sound here").from("carl")).unwrap().id())
        .collect();
    bench.play("links from other tickets", rounds, 1, |number| {
        let link = Link { kind: LinkKind::DuplicateOf, to: bench.ticket };
        bench.act(others[number], Action::Link(link));
    });
}
