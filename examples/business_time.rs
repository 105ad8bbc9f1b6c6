//! Business time at the command line: reads questions, prints answers.
//!
//! ```text
//! printf '%s\n' '2026-01-05T16:00:00Z,+60' '2026-01-05T16:00:00Z,2026-01-06T10:00:00Z' |
//!     cargo run --release --example business_time -- --calendar office.json
//! ```

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use firstline::Calendar;
use firstline::calendar::Definition;

const HELP: &str = "\
usage: business_time --calendar CALENDAR.json < QUESTIONS

Reads one question a line and prints one answer a line. Instants are UTC, as 2026-01-05T16:00:00Z.

  START,END       open time from START to END, in whole seconds; negative if END is before START
  START,+MINUTES  the instant at which so many open minutes have passed since START, or `never`

The calendar is a JSON object, for example
  {\"tz\": \"Europe/Berlin\", \"weekly\": {\"mon\": [[\"09:00\", \"17:00\"]]}, \"holidays\": [\"2026-12-25\"],
   \"exceptions\": {\"2026-12-24\": [[\"09:00\", \"12:00\"]]}}

Stops with exit code 2 at the first line that is not a question.";

/// The answer to one line.
fn answer(calendar: &Calendar, line: &str) -> Result<String, String> {
    let instant = |text: &str| {
        let at = DateTime::parse_from_rfc3339(text).map_err(|problem| format!("{text:?}: {problem}"))?;
        Ok::<_, String>(at.with_timezone(&Utc))
    };
    let (start, to) = line.split_once(',').ok_or("expected START,END or START,+MINUTES")?;
    let start = instant(start.trim())?;
    let Some(minutes) = to.trim().strip_prefix('+') else {
        return Ok(calendar.between(start, instant(to.trim())?).num_seconds().to_string());
    };
    let refused = || format!("{minutes:?} is no number of minutes");
    if !minutes.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let minutes = minutes.parse().ok().and_then(TimeDelta::try_minutes).ok_or_else(refused)?;
    Ok(match calendar.add(start, minutes) {
        Some(due) => due.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => "never".to_owned(),
    })
}

fn run(path: &str) -> Result<(), String> {
    let in_file = |problem: &dyn std::fmt::Display| format!("{path}: {problem}");
    let json = std::fs::read_to_string(path).map_err(|problem| in_file(&problem))?;
    let definition: Definition = serde_json::from_str(&json).map_err(|problem| in_file(&problem))?;
    let calendar = definition.compile().map_err(|problem| in_file(&problem))?;
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let at_line = |problem: String| format!("line {number}: {problem}");
        let line = line.map_err(|problem| at_line(problem.to_string()))?;
        match answer(&calendar, &line) {
            Ok(answer) => writeln!(out, "{answer}").map_err(|problem| problem.to_string())?,
            Err(problem) => {
                out.flush().map_err(|problem| problem.to_string())?;
                return Err(at_line(problem));
            }
        }
    }
    out.flush().map_err(|problem| problem.to_string())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--help" | "-h"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        ["--calendar", path] => match run(path) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!("{HELP}");
            ExitCode::from(2)
        }
    }
}
