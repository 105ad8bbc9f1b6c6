//! Checks the calendar against vectors: questions with their one right answer.
//!
//! ```text
//! cargo run --release --example check_vectors -- FILE.jsonl.gz
//! ```

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use firstline::calendar::Definition;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;

const HELP: &str = "\
usage: check_vectors FILE.jsonl.gz

Checks firstline's business time against the vectors of a file: JSON, one case a line, gzip.
Prints every case that disagrees, and last `N of M agree`. Exits with 0 if all agree, otherwise with 1.";

type Problem = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Case {
    id: String,
    category: String,
    calendar: Definition,
    #[serde(flatten)]
    question: Question,
    start: DateTime<Utc>,
    expected: Value,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Question {
    Add { minutes: i64 },
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

fn check(path: &str) -> Result<bool, Problem> {
    let (mut agree, mut all) = (0, 0);
    for line in BufReader::new(MultiGzDecoder::new(File::open(path)?)).lines() {
        let line = line?;
        all += 1;
        let case: Case = serde_json::from_str(&line).map_err(|problem| format!("line {all}: {problem}"))?;
        match case.answer() {
            Ok(answer) if answer == case.expected => agree += 1,
            Ok(answer) => {
                println!("{} ({}): expected {}, got {answer}", case.id, case.category, case.expected);
            }
            Err(problem) => println!("{} ({}): {problem}", case.id, case.category),
        }
    }
    println!("{agree} of {all} agree");
    Ok(agree == all && all > 0)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &*arguments {
        [help] if help == "--help" || help == "-h" => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        [path] => match check(path) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(problem) => {
                eprintln!("{path}: {problem}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("{HELP}");
            ExitCode::from(2)
        }
    }
}
