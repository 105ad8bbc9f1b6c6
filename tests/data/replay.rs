//! A real log of 24,918 incidents through the import: what the desk makes of it against what the log says.
//!
//! The log is `uci-incident-event-log/incident_event_log.csv.gz` of the test data (doi:10.24432/C57S4H). Where it
//! is absent the test is reported as ignored, and fails if `CI` is true.

use crate::data;

#[path = "../../examples/replay/figures.rs"]
mod figures;
#[path = "../../examples/replay/log.rs"]
mod log;

use std::path::Path;

use figures::Figures;
use firstline::Desk;
use libtest_mimic::{Failed, Trial};

const LOG: &str = "uci-incident-event-log/incident_event_log.csv.gz";

/// The figures of the whole log, found by an analysis of its rows that knows nothing of this crate.
const WHOLE: Figures = Figures {
    incidents: 24_918,
    rows: 141_712,
    priority_matches: 141_712,
    refused_changes: 33,
    refused_incidents: 31,
    reopen_count_matches: 24_917,
    reassignment_count_matches: 24_824,
    resolved_at_matches: 23_362,
    closed_at_matches: 24_918,
    made_sla_matches: 24_893,
    events: 154_321,
    clock_events: 24_918,
};

fn whole_log(path: &Path) -> Result<(), Failed> {
    let desk = Desk::memory();
    desk.setup().adopt(&log::policy()?)?;
    let incidents = log::read(path)?;
    let (tickets, expected): (Vec<_>, Vec<_>) = incidents
        .into_iter()
        .map(|it| {
            let name = it.ticket.external().clone();
            (it.ticket, (name, it.expected))
        })
        .unzip();
    let imported = desk.records().import(tickets)?;
    if let Some((name, error)) = imported.refused.first() {
        return Err(format!("{} was refused: {error}", name.id).into());
    }
    let figures = figures::of(&desk, expected)?;
    if figures.events + figures.clock_events != imported.events as u64 {
        return Err(format!(
            "{} events were written, {} are there",
            imported.events,
            figures.events + figures.clock_events
        )
        .into());
    }
    if figures == WHOLE { Ok(()) } else { Err(format!("{figures:#?}\nexpected {WHOLE:#?}").into()) }
}

pub(crate) fn trial() -> Trial {
    let trial = match data::file(LOG) {
        Some(path) => Trial::test("whole_log", move || whole_log(&path)),
        None => Trial::test("whole_log", || Err(format!("no {LOG}: set FIRSTLINE_DATA").into()))
            .with_ignored_flag(!data::required()),
    };
    trial
}
