//! Computes business time from the command line: the open time between two instants, and the instant at which a given
//! open time has passed. Without arguments it answers a few questions about the calendar in `office.json`.
//!
//! ```text
//! cargo run --example business_time
//! cargo run --example business_time -- --calendar CALENDAR.json < QUESTIONS
//! ```
//!
//! With a calendar it reads one question per line and prints one answer per line. Instants are written like
//! 2026-01-05T16:00:00Z.
//!
//! ```text
//! START,END       the open time from START to END in whole seconds; negative if END is before START
//! START,+MINUTES  the instant at which this many open minutes have passed since START, or `never`
//! ```
//!
//! It stops with exit code 2 at the first line that is not a question.

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use firstline::Calendar;
use firstline::calendar::CalendarDefinition;
#[path = "../common/help.rs"]
mod help;

const SOURCE: &str = include_str!("main.rs");
const OFFICE: &str = include_str!("office.json");

/// The sample: each question in words and as a line. The office is one hour ahead of UTC in winter.
const QUESTIONS: [(&str, &str); 5] = [
    (
        "How many seconds is the office open on Monday 7 December?",
        "2026-12-07T00:00:00Z,2026-12-08T00:00:00Z",
    ),
    ("A question arrives on Wednesday at 11:30. When have 90 minutes passed?", "2026-12-09T10:30:00Z,+90"),
    ("And from Friday at 14:30?", "2026-12-11T13:30:00Z,+90"),
    ("And from Christmas Eve at 11:00?", "2026-12-24T10:00:00Z,+90"),
    ("How many seconds is the office open at Christmas?", "2026-12-25T00:00:00Z,2026-12-27T00:00:00Z"),
];

fn calendar(json: &str) -> Result<Calendar, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str::<CalendarDefinition>(json)?.compile()?)
}

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
    let refused = || format!("{minutes:?} is not a number of minutes");
    if !minutes.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let minutes = minutes.parse().ok().and_then(TimeDelta::try_minutes).ok_or_else(refused)?;
    Ok(match calendar.add(start, minutes) {
        Some(due) => due.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => "never".to_owned(),
    })
}

fn sample() -> Result<(), String> {
    let office = calendar(OFFICE).map_err(|problem| format!("office.json: {problem}"))?;
    for (words, question) in QUESTIONS {
        println!("{words}\n  {question}\n  = {}\n", answer(&office, question)?);
    }
    Ok(())
}

fn questions(path: &str) -> Result<(), String> {
    let json = std::fs::read_to_string(path).map_err(|problem| format!("{path}: {problem}"))?;
    let calendar = calendar(&json).map_err(|problem| format!("{path}: {problem}"))?;
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
    let outcome = match &*help::arguments(SOURCE) {
        [] => sample(),
        [option, path] if option == "--calendar" => questions(path),
        other => help::refuse(SOURCE, &format!("unknown arguments: {}", other.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
