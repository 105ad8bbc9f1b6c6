//! A real history through the desk: 24,918 incidents of an IT company, row by row, into SQLite.
//!
//! `cargo run --release --example replay -- incident_event_log.csv.gz --db replay.db`
//!
//! The log is the "Incident management process enriched event log" of Amaral, Fantinato and Peres (UCI Machine
//! Learning Repository, 2018, doi:10.24432/C57S4H, CC BY 4.0). What the log says of priorities, reopenings,
//! reassignments and times is kept from the import and compared with what the desk makes of the rest.

#[path = "../../tests/common/data.rs"]
mod data;
mod figures;
mod log;

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use figures::Figures;
use firstline::sqlite::Sqlite;
use firstline::{Desk, ImportedTicket};
use indicatif::{ProgressBar, ProgressIterator, ProgressStyle};
use serde::Serialize;

const HELP: &str = "\
Replays the UCI log of 24,918 ServiceNow incidents through a desk in SQLite.

usage: replay FILE.csv[.gz] [--db FILE]
       replay --report FILE [FILE.csv[.gz]]

  FILE.csv[.gz]   the log, doi:10.24432/C57S4H
  --db FILE       keep the database here (default: a temporary one); importing again adds only what is new
  --report FILE   import nothing: compute the figures from the tickets in this database; the log is read only for
                  what should come out, and need not be named if it lies where the tests look for it

The last line is one JSON object. `seconds` is the time of the import, or with --report that of reading the tickets.";

/// What the command line asks for.
struct Arguments {
    log: PathBuf,
    database: Option<PathBuf>,
    report: bool,
}

#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    figures: Figures,
    seconds: f64,
    events_per_second: f64,
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let Some(arguments) = arguments(words) else {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn arguments(words: Vec<OsString>) -> Option<Arguments> {
    let (mut log, mut database, mut report) = (None, None, false);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--db" || word == "--report" {
            report = word == "--report";
            if database.replace(PathBuf::from(words.next()?)).is_some() {
                return None;
            }
        } else if log.replace(PathBuf::from(word)).is_some() {
            return None;
        }
    }
    let known = || data::file("uci-incident-event-log/incident_event_log.csv.gz").filter(|_| report);
    Some(Arguments { log: log.or_else(known)?, database, report })
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let path = arguments.database.clone().unwrap_or_else(|| temporary.path().join("replay.db"));
    if arguments.report && !path.exists() {
        return Err(format!("there is no database {}", path.display()).into());
    }
    eprintln!("Reading {}", arguments.log.display());
    let log = log::read(&arguments.log)?;
    let desk = Sqlite::open(&path)?.desk("replay");
    let (tickets, expected): (Vec<_>, Vec<_>) = log
        .into_iter()
        .map(|incident| {
            let name = incident.ticket.external().clone();
            (incident.ticket, (name, incident.expected))
        })
        .unzip();

    let (imported, import_took) = match arguments.report {
        true => (None, 0.0),
        false => {
            let began = Instant::now();
            (Some(import(&desk, tickets, &path)?), began.elapsed().as_secs_f64())
        }
    };
    let began = Instant::now();
    let count = expected.len() as u64;
    let figures = figures::of(&desk, expected.into_iter().progress_with(bar("Comparing", count)?))?;
    let (events, seconds) = match imported {
        Some(events) => (events, import_took),
        None => (figures.events, began.elapsed().as_secs_f64()),
    };
    #[allow(clippy::cast_precision_loss)] // Far below 2^52 events.
    let events_per_second = if seconds > 0.0 { (events as f64 / seconds).round() } else { 0.0 };
    let seconds = (seconds * 1000.0).round() / 1000.0;
    println!("{}", serde_json::to_string(&Outcome { figures, seconds, events_per_second })?);
    Ok(())
}

/// Imports the tickets and gives the number of events written.
fn import(desk: &Desk<Sqlite>, tickets: Vec<ImportedTicket>, path: &Path) -> Result<u64, Box<dyn Error>> {
    desk.setup().adopt(&log::policy()?)?;
    let count = tickets.len() as u64;
    let imported = desk.records().import(tickets.into_iter().progress_with(bar("Importing", count)?))?;
    for (name, error) in &imported.refused {
        eprintln!("refused: {}: {error}", name.id);
    }
    eprintln!(
        "{}: {} opened, {} extended, {} unchanged, {} refused",
        path.display(),
        imported.opened,
        imported.extended,
        imported.unchanged,
        imported.refused.len()
    );
    Ok(imported.events as u64)
}

/// A bar on standard error.
fn bar(what: &'static str, length: u64) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what))
}
