//! Checks the calendar against test vectors: business-time questions with known answers. Without an argument it checks
//! the sample in `sample.jsonl`.
//!
//! ```text
//! cargo run --example check_vectors
//! cargo run --example check_vectors -- FILE
//!
//! FILE  JSON, one case per line, as in the sample; compressed with gzip if its name ends in .gz
//! ```
//!
//! Prints every case that disagrees, and the count for each category. The exit code is 0 if all agree, otherwise 1.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use firstline::calendar::CalendarDefinition;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;
#[path = "../common/help.rs"]
mod help;

const SOURCE: &str = include_str!("main.rs");
const SAMPLE: &str = include_str!("sample.jsonl");

type Problem = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Case {
    id: String,
    category: String,
    calendar: CalendarDefinition,
    #[serde(flatten)]
    question: Question,
    start: DateTime<Utc>,
    expected: Value,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Question {
    /// The instant at which this many open minutes have passed since the start; `null` if they never have.
    Add { minutes: i64 },
    /// The open seconds from the start to the end.
    Between { end: DateTime<Utc> },
}

impl Case {
    fn answer(&self) -> Result<Value, firstline::Error> {
        let calendar = self.calendar.compile()?;
        Ok(match self.question {
            Question::Add { minutes } => match calendar.add(self.start, TimeDelta::minutes(minutes)) {
                Some(due) => Value::from(due.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                None => Value::Null,
            },
            Question::Between { end } => Value::from(calendar.between(self.start, end).num_seconds()),
        })
    }
}

/// Returns true if all cases agree.
fn check(cases: impl BufRead) -> Result<bool, Problem> {
    // For each category: the number of cases that agree, and of all cases.
    let mut categories: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (number, line) in (1..).zip(cases.lines()) {
        let case: Case =
            serde_json::from_str(&line?).map_err(|problem| format!("line {number}: {problem}"))?;
        let answer = case.answer();
        let agrees = answer.as_ref().is_ok_and(|answer| *answer == case.expected);
        if !agrees {
            let answer = answer.map_or_else(|problem| problem.to_string(), |answer| answer.to_string());
            println!("{} ({}): expected {}, got {answer}", case.id, case.category, case.expected);
        }
        let (agree, all) = categories.entry(case.category).or_default();
        *agree += u64::from(agrees);
        *all += 1;
    }
    for (category, (agree, all)) in &categories {
        println!("  {category:<24} {agree:>6} of {all:>6}");
    }
    let (agree, all) = categories.values().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    println!("{agree} of {all} agree");
    Ok(agree == all && all > 0)
}

fn file(path: &str) -> Result<Box<dyn BufRead>, Problem> {
    let file = BufReader::new(File::open(path)?);
    let gzip = Path::new(path).extension().is_some_and(|it| it == "gz");
    Ok(if gzip { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) })
}

fn main() -> ExitCode {
    let (name, outcome) = match &*help::arguments(SOURCE) {
        [] => ("sample.jsonl".to_owned(), check(SAMPLE.as_bytes())),
        [path] => (path.clone(), file(path).and_then(check)),
        more => help::refuse(SOURCE, &format!("one file, not {}", more.len())),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{name}: {problem}");
            ExitCode::FAILURE
        }
    }
}
