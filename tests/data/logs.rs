//! Two real logs through the import: the time in each state, the clocks and the labels against the rows.
//!
//! They are `helpdesk-italian/helpdesk.csv.gz` (doi:10.4121/uuid:0c60edf1-6f83-4e75-9367-4c63b3e9d5bb) and
//! `bpi2013-closed-problems/bpi2013_closed_problems.csv.gz` (doi:10.4121/uuid:c2c3b154-ab26-4b31-a0e8-8f2350ddac11) of
//! the test data. Without them, the tests are reported as ignored, and fail if `CI` is true.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use firstline::sla::{Agreement, Metric, Target};
use firstline::workflow::{Status, Transition};
use firstline::{
    Actor, DateTime, Desk, Event, HoldReason, ImportedTicket, ImportedVersion, Policy, Snapshot, State,
    StateKind, StepKind, TimeDelta, Utc, WorkflowDefinition, state, ticket,
};
use flate2::read::MultiGzDecoder;
use libtest_mimic::{Failed, Trial};

use crate::data;

/// A row of a log.
struct Row {
    at: DateTime<Utc>,
    label: String,
    by: String,
}

/// Reads the rows of each case, in the order of the file.
fn cases(
    file: &Path,
    [case, at, by]: [&str; 3],
    form: &str,
    label: impl Fn(&dyn Fn(&str) -> String) -> String,
) -> Result<Vec<(String, Vec<Row>)>, Failed> {
    let mut csv = csv::Reader::from_reader(MultiGzDecoder::new(File::open(file)?));
    let headers = csv.headers()?.clone();
    let mut cases: Vec<(String, Vec<Row>)> = Vec::new();
    for row in csv.records() {
        let row = row?;
        let column = |name: &str| {
            let place = headers.iter().position(|it| it == name).expect("a column of the log");
            row[place].to_owned()
        };
        let at = NaiveDateTime::parse_from_str(&column(at), form)?.and_utc();
        let next = Row { at, label: label(&column), by: column(by) };
        match cases.last_mut() {
            Some((name, rows)) if *name == column(case) => rows.push(next),
            _ => cases.push((column(case), vec![next])),
        }
    }
    Ok(cases)
}

fn check(
    what: &str,
    found: impl std::fmt::Debug + PartialEq,
    expected: impl std::fmt::Debug,
) -> Result<(), Failed> {
    let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
    if found == expected { Ok(()) } else { Err(format!("{what}: {found}, expected {expected}").into()) }
}

/// Compares the labels in the history with those of the rows.
fn check_labels(history: &[Event], rows: &[Row]) -> Result<(), Failed> {
    let origins = history.iter().filter_map(|event| event.origin.as_ref());
    let labels: Vec<_> = origins.filter_map(|it| Some((it.version, it.label.as_deref()?))).collect();
    let expected: Vec<_> = (1_u32..).zip(rows.iter().map(|row| row.label.as_str())).collect();
    check("labels", labels, expected)
}

/// The time in each state, until the last row.
fn times(
    states: impl IntoIterator<Item = (StateKind, DateTime<Utc>)>,
    until: DateTime<Utc>,
) -> BTreeMap<&'static str, i64> {
    let states: Vec<_> = states.into_iter().collect();
    let ends = states.iter().skip(1).map(|it| it.1).chain([until]);
    let mut times = BTreeMap::new();
    for ((state, since), end) in states.iter().zip(ends) {
        *times.entry(state.name()).or_insert(0) += (end - *since).num_seconds();
    }
    times.retain(|_, seconds| *seconds != 0);
    times
}

/// The states of the Italian log's activities.
fn italian_state(activity: &str) -> State {
    let hold = |reason| state::OnHold { reason, until: None }.into();
    match activity {
        "Insert ticket" | "Assign seriousness" => state::New.into(),
        "Wait" => hold(HoldReason::Customer),
        "Require upgrade" => hold(HoldReason::ThirdParty),
        "Create SW anomaly" => hold(HoldReason::Problem),
        "Resolve ticket" | "RESOLVED" | "VERIFIED" | "INVALID" | "DUPLICATE" => {
            state::Resolved::default().into()
        }
        "Closed" => state::Closed.into(),
        _ => state::Active.into(),
    }
}

/// For all 4,580 tickets, the time in each state, the resolution clock and the labels agree with the rows.
fn italian(file: &Path) -> Result<(), Failed> {
    let cases =
        cases(file, ["Case ID", "Complete Timestamp", "Resource"], "%Y/%m/%d %H:%M:%S%.f", |column| {
            column("Activity")
        })?;
    let desk = Desk::memory();
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(80)).pause_on::<HoldReason>([]);
    desk.setup().adopt(&Policy::new().agreement(Agreement::new("all", 1).target(target)))?;
    let tickets: Vec<_> = cases
        .iter()
        .map(|(name, rows)| {
            rows.iter().fold(ImportedTicket::new("italian", name), |ticket, row| {
                let version = ImportedVersion::new(row.at, Actor::agent(row.by.as_str()));
                ticket.version(version.status(italian_state(&row.label)).label(&row.label))
            })
        })
        .collect();
    let imported = desk.records().import(tickets)?;
    check("refused", imported.refused.len(), 0)?;
    check("opened", imported.opened, 4_580)?;
    let mut labels = 0;
    for (number, (name, rows)) in (1_u64..).zip(&cases) {
        let found = desk.ticket(number)?;
        let history = desk.records().history(found.id())?;
        check_labels(&history, rows)?;
        labels += rows.len();
        let until = rows.last().ok_or("a case without rows")?.at;
        let of_rows = times(rows.iter().map(|row| (italian_state(&row.label).kind(), row.at)), until);
        let of_history = times(
            ticket::intervals(&history).into_iter().map(|interval| (interval.state, interval.since)),
            until,
        );
        check(name, &of_history, &of_rows)?;
        let ledger = desk.reports().explain(found.id(), Metric::Resolution)?;
        let open: i64 = ["new", "active", "on_hold"].iter().filter_map(|state| of_rows.get(state)).sum();
        // The clock of an open ticket runs on after the last row.
        let after = if found.state().kind().is_open() { (ledger.until - until).num_seconds() } else { 0 };
        check(name, ledger.elapsed().num_seconds(), open + after)?;
    }
    check("labels", labels, 21_348)
}

/// The log's statuses, each with its state.
fn problem_workflow() -> WorkflowDefinition {
    let (queued, assigned, progress) =
        ("Queued/Awaiting Assignment", "Accepted/Assigned", "Accepted/In Progress");
    let (wait, done, closed, cancelled) =
        ("Accepted/Wait", "Completed", "Completed/Closed", "Completed/Cancelled");
    WorkflowDefinition::new("vinst")
        .status(Status::new(queued, StateKind::New))
        .status(Status::new(progress, StateKind::Active).by_default())
        .status(Status::new(assigned, StateKind::Active))
        .status(Status::new(wait, StateKind::OnHold).holding_for("wait"))
        .status(Status::new(done, StateKind::Resolved))
        .status(Status::new(closed, StateKind::Closed))
        .status(Status::new(cancelled, StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, queued, progress))
        .transition(Transition::within(progress, assigned))
        .transition(Transition::within(assigned, progress))
        .transition(Transition::step(StepKind::Hold, progress, wait))
        .transition(Transition::step(StepKind::Resume, wait, progress))
        .transition(Transition::step(StepKind::Resolve, progress, done))
        .transition(Transition::step(StepKind::Reopen, done, progress))
        .transition(Transition::step(StepKind::Confirm, done, closed))
        .transition(Transition::step(StepKind::Close, done, closed))
        .transition(Transition::step(StepKind::Cancel, queued, cancelled))
}

/// After each of the 6,660 rows, the problem is in the workflow status that the row names.
fn problems(file: &Path) -> Result<(), Failed> {
    let cases = cases(
        file,
        ["case:concept:name", "time:timestamp", "org:resource"],
        "%Y-%m-%d %H:%M:%S+00:00",
        |column| format!("{}/{}", column("concept:name"), column("lifecycle:transition")),
    )?;
    let unmatched = "Unmatched/Unmatched";
    let desk = Desk::memory();
    desk.setup().adopt(&Policy::new().workflow(problem_workflow()))?;
    let tickets: Vec<_> = cases
        .iter()
        .map(|(name, rows)| {
            rows.iter().fold(ImportedTicket::new("vinst", name), |ticket, row| {
                let version = ImportedVersion::new(row.at, Actor::agent(row.by.as_str())).label(&row.label);
                ticket.version(match row.label.as_str() {
                    label if label == unmatched => version.unmapped(label),
                    label => version.workflow_status(label),
                })
            })
        })
        .collect();
    let imported = desk.records().import(tickets)?;
    if let Some((name, error)) = imported.refused.first() {
        return Err(format!("{} was refused: {error}", name.id).into());
    }
    let mut rows_seen = 0;
    for (number, (name, rows)) in (1_u64..).zip(&cases) {
        let history = desk.records().history(desk.ticket(number)?.id())?;
        check_labels(&history, rows)?;
        let (opening, later) = history.split_first().ok_or("a ticket without a history")?;
        let (mut snapshot, mut later) = (Snapshot::fold([opening])?, later.iter().peekable());
        for (version, row) in (1_u32..).zip(rows) {
            while let Some(event) =
                later.next_if(|it| it.origin.as_ref().is_none_or(|origin| origin.version <= version))
            {
                snapshot.apply(event)?;
            }
            let status = snapshot.unmapped_status.as_deref().unwrap_or(snapshot.status());
            check(name, status, &row.label)?;
            rows_seen += 1;
        }
    }
    check("rows", rows_seen, 6_660)
}

fn trial(name: &str, file: &'static str, test: fn(&Path) -> Result<(), Failed>) -> Trial {
    let path: Option<PathBuf> = data::file(file);
    let missing = path.is_none();
    let run = move || match path {
        Some(path) => test(&path),
        None => Err(format!("no {file}: set FIRSTLINE_DATA").into()),
    };
    Trial::test(name, run).with_ignored_flag(missing && !data::required())
}

pub(crate) fn trials() -> [Trial; 2] {
    [
        trial("italian_log", "helpdesk-italian/helpdesk.csv.gz", italian),
        trial("problem_log", "bpi2013-closed-problems/bpi2013_closed_problems.csv.gz", problems),
    ]
}
