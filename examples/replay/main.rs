//! Replays an incident log through a desk in SQLite, row by row, and compares the outcome with the log's own figures.
//! Without arguments it replays the six made-up incidents in `sample.csv`.
//!
//! ```text
//! cargo run --example replay
//! cargo run --release --example replay -- LOG.csv.gz [--db FILE]
//! cargo run --release --example replay -- LOG.csv.gz --report FILE
//!
//! LOG.csv.gz     the log, as CSV or gzipped CSV
//! --db FILE      keep the database in this file; a second import adds only what is new
//! --report FILE  import nothing; compute the figures from the tickets in this database
//! ```
//!
//! The real log has 24,918 incidents of an IT company: "Incident management process enriched event log" by Amaral,
//! Fantinato and Peres (UCI Machine Learning Repository, 2018, doi:10.24432/C57S4H, CC BY 4.0). The import does not use
//! its priorities, counts and results; the desk computes them from the other columns.
//!
//! The last line is one JSON object for programs. `seconds` is the time of the import, or with --report the time of
//! reading the tickets.

mod figures;
#[path = "../common/help.rs"]
mod help;
mod log;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use figures::Figures;
use firstline::sqlite::Sqlite;
use firstline::{Desk, ImportedTicket};
use indicatif::{ProgressBar, ProgressIterator, ProgressStyle};
use serde::Serialize;

const SOURCE: &str = include_str!("main.rs");

/// The command line.
#[derive(Default)]
struct Arguments {
    log: Option<PathBuf>,
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
    help::exit_code(run(&arguments()))
}

fn arguments() -> Arguments {
    let mut arguments = Arguments::default();
    let mut words = help::arguments(SOURCE).into_iter();
    while let Some(word) = words.next() {
        let place = match &*word {
            "--db" | "--report" => &mut arguments.database,
            option if option.starts_with('-') => help::refuse(SOURCE, &format!("unknown option: {option}")),
            _ => &mut arguments.log,
        };
        let option = word.starts_with('-');
        let value = if option { words.next() } else { Some(word.clone()) };
        let Some(value) = value else { help::refuse(SOURCE, &format!("{word} needs a file")) };
        if place.replace(value.into()).is_some() {
            help::refuse(SOURCE, "there can be one log and one database");
        }
        arguments.report |= word == "--report";
    }
    arguments
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let path = arguments.database.clone().unwrap_or_else(|| temporary.path().join("replay.db"));
    if arguments.report && !path.exists() {
        return Err(format!("the database {} does not exist", path.display()).into());
    }
    let log = match &arguments.log {
        Some(log) => {
            eprintln!("Reading {}", log.display());
            log::read(log)?
        }
        None => {
            eprintln!("Reading the sample of six made-up incidents");
            log::sample()?
        }
    };
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
            (Some(import(&desk, tickets)?), began.elapsed().as_secs_f64())
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
    println!("\n{figures}");
    if arguments.log.is_none() {
        println!(
            "The two differences are in the sample: its rows have one handover of SAMPLE6 where the log counts two,"
        );
        println!("and the log does not say when SAMPLE5 was resolved.\n");
    }
    println!("{}", serde_json::to_string(&Outcome { figures, seconds, events_per_second })?);
    Ok(())
}

/// Imports the tickets and returns the number of written events.
fn import(desk: &Desk<Sqlite>, tickets: Vec<ImportedTicket>) -> Result<u64, Box<dyn Error>> {
    desk.setup().adopt(&log::policy()?)?;
    let count = tickets.len() as u64;
    let imported = desk.records().import(tickets.into_iter().progress_with(bar("Importing", count)?))?;
    for (name, error) in &imported.refused {
        eprintln!("refused: {}: {error}", name.id);
    }
    eprintln!(
        "Imported: {} opened, {} extended, {} unchanged, {} refused",
        imported.opened,
        imported.extended,
        imported.unchanged,
        imported.refused.len()
    );
    Ok(imported.events as u64)
}

/// A progress bar on standard error.
fn bar(what: &'static str, length: u64) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what))
}
