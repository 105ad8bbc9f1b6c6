//! Two logs through the import: a sample, and a real log of 24,918 incidents. The results of the desk are
//! compared with those of the log.
//!
//! The real log is `uci-incident-event-log/incident_event_log.csv.gz` of the test data (doi:10.24432/C57S4H). Without
//! it, its test is reported as ignored, and fails if `CI` is true.

use crate::data;

#[path = "../../examples/replay/figures.rs"]
mod figures;
#[path = "../../examples/replay/log.rs"]
mod log;

use figures::Figures;
use firstline::Desk;
use libtest_mimic::{Failed, Trial};

const LOG: &str = "uci-incident-event-log/incident_event_log.csv.gz";

/// The figures of the whole log, from an analysis of its rows without this crate.
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
    made_sla_matches: 24_901,
    events: 154_321,
    clock_events: 24_918,
};

/// The figures of the sample, counted by hand.
const SAMPLE: Figures = Figures {
    incidents: 6,
    rows: 27,
    priority_matches: 27,
    refused_changes: 1, // SAMPLE5 is closed without having been resolved.
    refused_incidents: 1,
    reopen_count_matches: 6,
    reassignment_count_matches: 5, // The log counts two for SAMPLE6, and its rows have one.
    resolved_at_matches: 5,        // The log does not know when SAMPLE5 was resolved.
    closed_at_matches: 6,
    made_sla_matches: 6,
    events: 42, // 36 changes, and one record of the import for each incident.
    clock_events: 6,
};

fn replayed(incidents: Vec<log::Incident>, expected_figures: &Figures) -> Result<(), Failed> {
    let desk = Desk::memory();
    desk.setup().adopt(&log::policy()?)?;
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
            "{} events were written, {} are stored",
            imported.events,
            figures.events + figures.clock_events
        )
        .into());
    }
    if figures == *expected_figures {
        Ok(())
    } else {
        Err(format!("{figures:#?}\nexpected {expected_figures:#?}").into())
    }
}

pub(crate) fn trials() -> [Trial; 2] {
    let sample = Trial::test("sample", || replayed(log::sample()?, &SAMPLE));
    let whole = match data::file(LOG) {
        Some(path) => Trial::test("whole_log", move || replayed(log::read(&path)?, &WHOLE)),
        None => Trial::test("whole_log", || Err(format!("no {LOG}: set FIRSTLINE_DATA").into()))
            .with_ignored_flag(!data::required()),
    };
    [sample, whole]
}
