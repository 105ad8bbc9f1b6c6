//! Compares the calendar with test vectors: questions with known answers.
//!
//! The vectors are `sla-vectors/*.jsonl.gz` of the test data. If there are none, the test is reported as ignored, or
//! fails if `CI` is true.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use firstline::calendar::CalendarDefinition;
use flate2::read::MultiGzDecoder;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::data;

fn files() -> Vec<PathBuf> {
    let directory = std::fs::read_dir(data::path("sla-vectors"));
    let files = directory.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    files.filter(|path| path.to_string_lossy().ends_with(".jsonl.gz")).collect()
}

fn is_right(case: &Value) -> Result<bool, Failed> {
    let calendar: CalendarDefinition = serde_json::from_value(case["calendar"].clone())?;
    let calendar = calendar.compile()?;
    let instant = |field: &str| case[field].as_str().unwrap_or_default().parse::<DateTime<Utc>>();
    let start = instant("start")?;
    let answer = match case["op"].as_str() {
        Some("add") => {
            let minutes = case["minutes"].as_i64().ok_or("minutes")?;
            let due = calendar.add(start, TimeDelta::minutes(minutes));
            due.map_or(Value::Null, |due| due.to_rfc3339_opts(SecondsFormat::AutoSi, true).into())
        }
        Some("between") => calendar.between(start, instant("end")?).num_seconds().into(),
        _ => return Err(format!("op {}", case["op"]).into()),
    };
    Ok(answer == case["expected"])
}

/// One trial for each category.
fn categories(path: PathBuf) -> Result<Vec<Trial>, Failed> {
    let mut categories: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in BufReader::new(MultiGzDecoder::new(File::open(path)?)).lines() {
        let case: Value = serde_json::from_str(&line?)?;
        categories.entry(case["category"].as_str().unwrap_or_default().to_owned()).or_default().push(case);
    }
    let trial = |(category, cases): (String, Vec<Value>)| {
        Trial::test(format!("vectors::{category}"), move || {
            let mut wrong = Vec::new();
            for case in &cases {
                if !is_right(case)? {
                    wrong.push(case["id"].to_string());
                }
            }
            if wrong.is_empty() { Ok(()) } else { Err(format!("wrong: {}", wrong.join(" ")).into()) }
        })
    };
    Ok(categories.into_iter().map(trial).collect())
}

pub(crate) fn trials() -> Result<Vec<Trial>, Failed> {
    let mut all = Vec::new();
    for path in files() {
        all.extend(categories(path)?);
    }
    if all.is_empty() {
        let missing = || Err("no vectors: set FIRSTLINE_DATA".into());
        all.push(Trial::test("vectors", missing).with_ignored_flag(!data::required()));
    }
    Ok(all)
}
