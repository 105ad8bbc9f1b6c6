//! A thousand live tickets migrate to a new version of their workflow, in SQLite: previewed, started, killed midway,
//! and resumed. The migration runs in its own process, so that the process can be killed.
//!
//! ```text
//! cargo run --example migrate_workflow
//! cargo run --example migrate_workflow -- FILE   # keeps the database in a new file
//! ```

#[path = "../common/help.rs"]
mod help;
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

const SOURCE: &str = include_str!("main.rs");

/// The argument that starts this program as the process that migrates.
const CHILD: &str = "--migrate";

fn main() -> ExitCode {
    let arguments = help::arguments(SOURCE);
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [CHILD, file] => migrate(Path::new(file)),
        [] => tempfile::tempdir().map_err(Into::into).and_then(|it| show(&it.path().join("returns.db"))),
        [file] if !file.starts_with('-') => show(Path::new(file)),
        _ => help::refuse(SOURCE, &format!("unknown arguments: {}", arguments.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The work of the child: one call migrates all tickets.
fn migrate(file: &Path) -> Result<()> {
    let desk = Desk::open(file)?;
    let Migrated { counts, blocked, .. } =
        desk.setup().migrate(&workflows::plan(), Actor::automation("migration"))?;
    println!("{} tickets were migrated, {} were not", counts.tickets, blocked.tickets);
    Ok(())
}

fn show(file: &Path) -> Result<()> {
    if file.exists() {
        return Err(format!("{} exists already; name a new file", file.display()).into());
    }
    let desk = Desk::open(file)?;
    let tickets = workflows::fill(&desk, &bar("Opening 1,000 tickets", 1_000)?)?;
    let before = histories(&desk)?;

    println!("The preview of an incomplete plan changes nothing and lists the problems:\n");
    println!("{}", desk.setup().preview(&workflows::careless_plan())?);
    println!("\nThe preview of the complete plan:\n");
    let preview = desk.setup().preview(&workflows::plan())?;
    table(&preview);
    if !preview.is_ready() {
        return Err("the plan is not ready".into());
    }

    println!("\nThe real migration starts, in its own process.");
    let progress = bar("Migrating", tickets.len() as u64)?;
    let mut child = spawn(file)?;
    let third = tickets[tickets.len() / 3];
    while child.try_wait()?.is_none() && !is_migrated(&desk, third)? {
        progress.set_position(reached(&desk, &tickets)?);
    }
    child.kill()?; // SIGKILL: the process cannot clean up.
    let status = child.wait()?;
    let midway = count(&desk)?;
    progress.abandon();
    println!(
        "Killed midway ({status}): {midway} tickets are migrated, {} are not, none is half migrated.",
        preview.counts.tickets - midway
    );

    println!("\nA second process migrates the rest.");
    let progress = bar("Migrating", tickets.len() as u64)?;
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
    verify(&before, &after, preview.counts.tickets)?;
    let again = desk.setup().migrate(&workflows::plan(), Actor::automation("migration"))?;
    println!("A third migration has nothing to do: {} tickets.", again.counts.tickets);
    Ok(())
}

/// Starts this program as the process that migrates.
fn spawn(file: &Path) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?).arg(CHILD).arg(file).stdout(Stdio::null()).spawn()?)
}

fn table(preview: &MigrationPreview) {
    println!("{:>7}  {:<18} {:<18}", "tickets", "from", "to");
    for ((from, to), count) in &preview.counts.by_status {
        println!("{count:>7}  {from:<18} {to:<18}");
    }
    println!("{:>7}  in total", preview.counts.tickets);
    for (field, count) in &preview.counts.filled {
        println!("{count:>7}  get a {field}");
    }
}

fn bar(what: &'static str, length: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what))
}

fn is_migrated(desk: &Desk<Sqlite>, ticket: TicketId) -> Result<bool> {
    Ok(desk.ticket(ticket)?.workflow_ref().version == 2)
}

/// The number of migrated tickets. The migration goes by age, so a binary search finds it.
fn reached(desk: &Desk<Sqlite>, tickets: &[TicketId]) -> Result<u64> {
    let (mut low, mut high) = (0, tickets.len());
    while low < high {
        let middle = (low + high) / 2;
        if is_migrated(desk, tickets[middle])? { low = middle + 1 } else { high = middle }
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

/// The number of tickets on the new version.
fn count(desk: &Desk<Sqlite>) -> Result<usize> {
    Ok(histories(desk)?.values().filter(|(ticket, _)| ticket.workflow_ref().version == 2).count())
}

/// Checks that no ticket is lost, and that no ticket was migrated twice.
fn verify(before: &Histories, after: &Histories, expected: usize) -> Result<()> {
    let mut over = 0;
    for (id, (old, history)) in before {
        let (new, longer) = after.get(id).ok_or("a ticket was lost")?;
        let transfers =
            longer.iter().filter(|event| matches!(event.change, Change::WorkflowMigrated { .. })).count();
        let finished = matches!(old.state.kind(), StateKind::Closed | StateKind::Cancelled);
        let is_expected = longer.starts_with(history)
            && Snapshot::fold(longer)? == *new
            && new.state == old.state
            && transfers == usize::from(!finished);
        if !is_expected {
            return Err(format!("{} differs from the expected ticket", new.number).into());
        }
        over += transfers;
    }
    if (before.len(), over) != (after.len(), expected) {
        return Err(format!("{over} tickets of {expected} were migrated").into());
    }
    let finished = before.len() - over;
    println!(
        "\nChecked: there are {} tickets, as before. {over} of them were migrated exactly once. {finished} finished \
         tickets were left alone. Every history still begins with its old events.",
        after.len(),
    );
    Ok(())
}
