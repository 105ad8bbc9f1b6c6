//! A thousand live tickets go over to a new version of their workflow: rehearsed, begun, killed midway, resumed.
//!
//! `cargo run --release --example migrate_workflow`

mod workflows;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use firstline::desk::{Migrated, MigrationPreview};
use firstline::sqlite::Sqlite;
use firstline::{Actor, Change, Desk, Query, Snapshot, StateKind, TicketId};
use indicatif::{ProgressBar, ProgressStyle};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "\
Migrates 1,000 live tickets of a web shop's returns to a new version of their workflow, in SQLite. The migration runs in
a process of its own, which is killed midway; a second one goes on, and everything is counted.

usage: migrate_workflow [FILE]

  FILE   keep the database here; it must not exist yet (default: a temporary one)";

/// The word by which the program knows that it is its own child.
const CHILD: &str = "--migrate";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [CHILD, file] => migrate(Path::new(file)),
        [] => tempfile::tempdir().map_err(Into::into).and_then(|it| show(&it.path().join("returns.db"))),
        [file] if !file.starts_with('-') => show(Path::new(file)),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What the child does: all of it in one call.
fn migrate(file: &Path) -> Result<()> {
    let desk = Desk::open(file)?;
    let Migrated { crossings, left, .. } =
        desk.setup().migrate(&workflows::plan(), Actor::automation("migration"))?;
    println!("{} tickets went over, {} were left", crossings.tickets, left.tickets);
    Ok(())
}

fn show(file: &Path) -> Result<()> {
    if file.exists() {
        return Err(format!("{} is there already; name a new file", file.display()).into());
    }
    let desk = Desk::open(file)?;
    let tickets = workflows::fill(&desk, &bar("1,000 tickets are opened and worked on", 1_000)?)?;
    let before = histories(&desk)?;

    println!("\nThe dry run of a plan that forgets something:\n");
    println!("{}", desk.setup().rehearse(&workflows::careless_plan())?);
    println!("\nThe dry run of a better one:\n");
    let rehearsal = desk.setup().rehearse(&workflows::plan())?;
    table(&rehearsal);
    if !rehearsal.is_ready() {
        return Err("the plan is not ready".into());
    }

    println!("\nNow for good, in a process of its own.");
    let progress = bar("migrated", tickets.len() as u64)?;
    let mut child = spawn(file)?;
    let third = tickets[tickets.len() / 3];
    while child.try_wait()?.is_none() && !is_over(&desk, third)? {
        progress.set_position(reached(&desk, &tickets)?);
    }
    child.kill()?; // SIGKILL: it cannot tidy up.
    let status = child.wait()?;
    let midway = count(&desk)?;
    progress.abandon();
    println!(
        "Killed ({status}): {midway} tickets are over, {} are not, none is in between.",
        rehearsal.crossings.tickets - midway
    );

    println!("\nThe same once more: it goes on with what is left.");
    let progress = bar("migrated", tickets.len() as u64)?;
    let mut child = spawn(file)?;
    while child.try_wait()?.is_none() {
        progress.set_position(reached(&desk, &tickets)?);
        std::thread::sleep(Duration::from_millis(5));
    }
    if !child.wait()?.success() {
        return Err("the second migration failed".into());
    }
    progress.finish();

    let after = histories(&desk)?;
    prove(&before, &after, rehearsal.crossings.tickets)?;
    let again = desk.setup().migrate(&workflows::plan(), Actor::automation("migration"))?;
    println!("A third time does nothing: {} tickets went over.", again.crossings.tickets);
    Ok(())
}

/// This program again, as the one that migrates.
fn spawn(file: &Path) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?).arg(CHILD).arg(file).stdout(Stdio::null()).spawn()?)
}

fn table(rehearsal: &MigrationPreview) {
    println!("{:>7}  {:<18} {:<18}", "tickets", "from", "to");
    for ((from, to), count) in &rehearsal.crossings.ways {
        println!("{count:>7}  {from:<18} {to:<18}");
    }
    println!("{:>7}  in all", rehearsal.crossings.tickets);
    for (field, count) in &rehearsal.crossings.filled {
        println!("{count:>7}  get a {field}");
    }
}

fn bar(what: &'static str, length: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what))
}

fn is_over(desk: &Desk<Sqlite>, ticket: TicketId) -> Result<bool> {
    Ok(desk.ticket(ticket)?.workflow().version == 2)
}

/// How far the migration is: it takes tickets by age, so that a few looks find the place.
fn reached(desk: &Desk<Sqlite>, tickets: &[TicketId]) -> Result<u64> {
    let (mut low, mut high) = (0, tickets.len());
    while low < high {
        let middle = (low + high) / 2;
        if is_over(desk, tickets[middle])? { low = middle + 1 } else { high = middle }
    }
    Ok(low as u64)
}

type Histories = BTreeMap<TicketId, (Snapshot, Vec<firstline::Event>)>;

/// Every ticket with its history.
fn histories(desk: &Desk<Sqlite>) -> Result<Histories> {
    let (mut histories, mut next) = (Histories::new(), None);
    loop {
        let page = desk.find(Query::oldest().limit(500).after(next))?;
        for ticket in page.tickets {
            let history = desk.records().history(ticket.id())?;
            histories.insert(ticket.id(), (ticket.into_snapshot(), history));
        }
        next = page.next;
        if next.is_none() {
            return Ok(histories);
        }
    }
}

/// How many tickets are on the new version.
fn count(desk: &Desk<Sqlite>) -> Result<usize> {
    Ok(histories(desk)?.values().filter(|(ticket, _)| ticket.workflow().version == 2).count())
}

/// Counts that nothing was lost, and nothing done twice.
fn prove(before: &Histories, after: &Histories, expected: usize) -> Result<()> {
    let mut over = 0;
    for (id, (old, history)) in before {
        let (new, longer) = after.get(id).ok_or("a ticket was lost")?;
        let transfers =
            longer.iter().filter(|event| matches!(event.change, Change::WorkflowMigrated { .. })).count();
        let finished = matches!(old.state.kind(), StateKind::Closed | StateKind::Cancelled);
        let as_it_should = longer.starts_with(history)
            && Snapshot::fold(longer)? == *new
            && new.state == old.state
            && transfers == usize::from(!finished);
        if !as_it_should {
            return Err(format!("{} is not as it should be", new.number).into());
        }
        over += transfers;
    }
    if (before.len(), over) != (after.len(), expected) {
        return Err(format!("{over} tickets of {expected} went over").into());
    }
    let finished = before.len() - over;
    println!(
        "\nCounted: {} tickets as before, {over} of them went over exactly once, {finished} finished ones stayed; every \
         history begins as it was.",
        after.len(),
    );
    Ok(())
}
