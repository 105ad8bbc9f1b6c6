//! Reads the log: its rows become versions of imported tickets, and its own results are kept apart for the comparison.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use csv::StringRecord;
use firstline::calendar::{DueAtClosing, WORKDAYS};
use firstline::lifecycle::state;
use firstline::sla::{Agreement, Metric, Target};
use firstline::{
    Actor, Calendar, Channel, DateTime, HoldReason, Impact, ImportedTicket, ImportedVersion, Matrix, Policy,
    Priority, TimeDelta, Urgency, Utc,
};

/// The name of the source in external references.
pub(crate) const SOURCE: &str = "servicenow";

/// One incident: the ticket for the import, and the results for the comparison.
pub(crate) struct Incident {
    pub(crate) ticket: ImportedTicket,
    pub(crate) expected: Expected,
}

/// The results in the log's own columns. The import does not use them.
#[derive(Default)]
pub(crate) struct Expected {
    /// The rank of the priority in each row.
    pub(crate) priorities: Vec<u8>,
    /// The number of times that the incident was reopened, as of the last row.
    pub(crate) reopened: u32,
    /// The number of times that the incident was reassigned, as of the last row.
    pub(crate) reassigned: u32,
    /// The time of the resolution; `None` if the log does not contain it.
    pub(crate) resolved_at: Option<DateTime<Utc>>,
    /// The time of the closure; `None` if the log does not contain it.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// True if the agreed time was met, as of the last row.
    pub(crate) made_sla: bool,
}

/// The policy behind the log: three impacts, three urgencies and four priorities. High impact with low urgency does not
/// occur in the log. The agreement is not in the log either; these times, in these service hours, explain most of its
/// `made_sla` column.
pub(crate) fn policy() -> firstline::Result<Policy> {
    let levels = ["high", "medium", "low"];
    let row = |priorities: [&'static str; 3]| levels.into_iter().zip(priorities);
    let matrix = Matrix::define()
        .impacts(levels)
        .urgencies(levels)
        .priorities(["critical", "high", "moderate", "low"])
        .row("high", row(["critical", "high", "moderate"]))
        .row("medium", row(["high", "moderate", "low"]))
        .row("low", row(["moderate", "low", "low"]))
        .default_impact("medium")
        .default_urgency("medium")
        .build()?;
    // A deadline at closing time moves to the next opening.
    let hours = Calendar::builder("UTC")
        .hours(WORKDAYS, "14:00-23:00")
        .at_closing(DueAtClosing::NextOpening)
        .build()?;
    let target = [(Priority::P1, 4), (Priority::P2, 8), (Priority::P3, 62), (Priority::P4, 134)]
        .into_iter()
        .fold(Target::new(Metric::Closure), |target, (priority, hours)| {
            target.time(priority, TimeDelta::hours(hours))
        })
        .business("service hours")
        .pause_on::<HoldReason>([]);
    let policy = Policy::new().prefix("INC").matrix(matrix).calendar("service hours", hours.definition());
    Ok(policy.agreement(Agreement::new("closure", 1).target(target)))
}

/// The log that comes with this example: six made-up incidents.
pub(crate) fn sample() -> Result<Vec<Incident>, Box<dyn Error>> {
    incidents(include_bytes!("sample.csv").as_slice())
}

/// Reads the log from a CSV file, which is gzipped if its name ends in `.gz`.
pub(crate) fn read(path: &Path) -> Result<Vec<Incident>, Box<dyn Error>> {
    let file = BufReader::new(File::open(path).map_err(|error| format!("{}: {error}", path.display()))?);
    match path.extension().is_some_and(|extension| extension == "gz") {
        true => incidents(flate2::read::MultiGzDecoder::new(file)),
        false => incidents(file),
    }
}

fn incidents(csv: impl Read) -> Result<Vec<Incident>, Box<dyn Error>> {
    let mut csv = csv::Reader::from_reader(csv);
    let columns = Columns::of(csv.headers()?)?;
    let mut incidents = Vec::new();
    let mut rows: Vec<StringRecord> = Vec::new();
    for row in csv.records() {
        let row = row?;
        // The rows of an incident are consecutive.
        if rows.last().is_some_and(|last| last.get(columns.number) != row.get(columns.number)) {
            incidents.push(columns.incident(std::mem::take(&mut rows))?);
        }
        rows.push(row);
    }
    if !rows.is_empty() {
        incidents.push(columns.incident(rows)?);
    }
    Ok(incidents)
}

macro_rules! columns {
    ($($name:ident)*) => {
        /// The position of each column.
        struct Columns { $($name: usize,)* }

        impl Columns {
            fn of(headers: &StringRecord) -> Result<Columns, String> {
                let place = |name| {
                    headers.iter().position(|it| it == name).ok_or_else(|| format!("the log has no column {name}"))
                };
                Ok(Columns { $($name: place(stringify!($name))?,)* })
            }
        }
    };
}

columns! {
    number sys_mod_count sys_updated_at sys_updated_by incident_state contact_type caller_id category subcategory
    impact urgency assignment_group assigned_to
    opened_at made_sla priority reopen_count reassignment_count resolved_at closed_at
}

impl Columns {
    fn incident(&self, mut rows: Vec<StringRecord>) -> Result<Incident, Box<dyn Error>> {
        // The sort is stable: rows with the same count keep the order of the file.
        rows.sort_by_cached_key(|row| row[self.sys_mod_count].parse::<u32>().unwrap_or(u32::MAX));
        let mut ticket = ImportedTicket::new(SOURCE, &rows[0][self.number]);
        let mut expected = Expected::default();
        for (place, row) in rows.iter().enumerate() {
            let mut at = instant(&row[self.sys_updated_at])?;
            // The first row is written some minutes after the call, but the clocks start at the call. If the first row
            // is already resolved or closed, its own time is kept, because it is the time of that end.
            if place == 0 && !matches!(&row[self.incident_state], "Resolved" | "Closed") {
                at = instant(&row[self.opened_at])?.min(at);
            }
            ticket = ticket.version(self.version(row, at)?);
            expected.priorities.push(level(&row[self.priority])?);
            expected.made_sla = row[self.made_sla].parse()?;
            expected.reopened = row[self.reopen_count].parse()?;
            expected.reassigned = row[self.reassignment_count].parse()?;
            expected.resolved_at = known(&row[self.resolved_at]).map(instant).transpose()?;
            expected.closed_at = known(&row[self.closed_at]).map(instant).transpose()?;
        }
        Ok(Incident { ticket, expected })
    }

    fn version(&self, row: &StringRecord, at: DateTime<Utc>) -> Result<ImportedVersion, Box<dyn Error>> {
        let column = |place: usize| known(&row[place]);
        let mut version = ImportedVersion::new(at, Actor::agent(&row[self.sys_updated_by]))
            .subject(&row[self.number]) // The log has no subjects.
            .channel(channel(&row[self.contact_type]))
            .category([column(self.category), column(self.subcategory)].into_iter().flatten())
            .impact(Impact::new(level(&row[self.impact])?)?)
            .urgency(Urgency::new(level(&row[self.urgency])?)?);
        version = match column(self.assignment_group) {
            Some(group) => version.team(group),
            None => version.no_team(),
        };
        version = match column(self.assigned_to) {
            Some(agent) => version.assigned_to(agent),
            None => version.unassigned(),
        };
        if let Some(caller) = column(self.caller_id) {
            version = version.from(caller);
        }
        let on_hold = |reason| state::OnHold { reason, until: None };
        Ok(match &row[self.incident_state] {
            "New" => version.status(state::New),
            "Active" => version.status(state::Active),
            "Awaiting User Info" => version.status(on_hold(HoldReason::Customer)),
            "Awaiting Vendor" => version.status(on_hold(HoldReason::ThirdParty)),
            "Awaiting Problem" => version.status(on_hold(HoldReason::Problem)),
            "Awaiting Evidence" => version.status(on_hold(HoldReason::from("evidence"))),
            "Resolved" => version.status(state::Resolved::default()),
            "Closed" => version.status(state::Closed),
            unmapped => version.unmapped(unmapped),
        })
    }
}

/// The log writes `?` for an unknown value.
fn known(value: &str) -> Option<&str> {
    (value != "?").then_some(value)
}

/// The rank in front of the name: `2 - Medium`.
fn level(value: &str) -> Result<u8, Box<dyn Error>> {
    let rank = value.split(' ').next().unwrap_or_default();
    rank.parse().map_err(|_| format!("{value:?} has no rank").into())
}

/// An instant like `29/2/2016 01:16`. The log names no time zone; UTC is assumed.
fn instant(value: &str) -> Result<DateTime<Utc>, Box<dyn Error>> {
    let local = chrono::NaiveDateTime::parse_from_str(value, "%d/%m/%Y %H:%M");
    Ok(local.map_err(|error| format!("{value:?}: {error}"))?.and_utc())
}

fn channel(contact_type: &str) -> Channel {
    match contact_type {
        "Phone" => Channel::Phone,
        "Email" => Channel::Email,
        "Self service" => Channel::WebForm,
        own => Channel::from(own),
    }
}
