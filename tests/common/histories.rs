//! Synthetic histories of another system, and a desk to import them.

use firstline::desk::Settings;
#[cfg(not(feature = "sqlite"))]
use firstline::memory::Memory;
use firstline::ticket::event::Origin;
use firstline::time::ManualTime;
use firstline::*;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An instant on 1 March 2016.
pub(crate) fn minute(minute: i64) -> DateTime<Utc> {
    at("2016-03-01T00:00:00Z") + TimeDelta::minutes(minute)
}

pub(crate) fn settings() -> Settings {
    Settings::new("acme").time(ManualTime::at(at("2026-01-05T09:00:00Z")))
}

/// SQLite if it is compiled in, otherwise the memory store, so that these tests also run without default features.
#[cfg(feature = "sqlite")]
pub(crate) type Engine = firstline::sqlite::Sqlite;
#[cfg(not(feature = "sqlite"))]
pub(crate) type Engine = Memory;

#[cfg(feature = "sqlite")]
pub(crate) fn desk() -> Desk<Engine> {
    firstline::sqlite::SqliteOptions::new().in_memory().unwrap().desk(settings())
}

#[cfg(not(feature = "sqlite"))]
pub(crate) fn desk() -> Desk<Engine> {
    Memory::new().desk(settings())
}

pub(crate) fn version(at: i64) -> ImportedVersion {
    ImportedVersion::new(minute(at), Actor::agent("anna"))
}

pub(crate) fn ticket(id: &str, versions: impl IntoIterator<Item = ImportedVersion>) -> ImportedTicket {
    versions.into_iter().fold(ImportedTicket::new("old", id), ImportedTicket::version)
}

pub(crate) fn external(id: &str) -> ExternalRef {
    ExternalRef { source: "old".into(), id: id.into() }
}

/// Imports one ticket, checks that its row is the fold of its history, and returns both.
pub(crate) fn imported(desk: &Desk<Engine>, ticket: ImportedTicket) -> (Ticket, Vec<Event>) {
    let name = ticket.external().clone();
    let done = desk.records().import([ticket]).unwrap();
    assert!(done.refused.is_empty(), "{:?}", done.refused);
    look(desk, name)
}

pub(crate) fn look(desk: &Desk<Engine>, name: ExternalRef) -> (Ticket, Vec<Event>) {
    let ticket = desk.ticket(name).unwrap();
    let history = desk.records().history(ticket.id()).unwrap();
    assert_eq!(Snapshot::fold(&history).unwrap(), *ticket);
    (ticket, history)
}

/// The steps of the events, without the mark at the end: the original version, the name, and whether the step is
/// irregular.
pub(crate) fn steps(history: &[Event]) -> Vec<(u32, String, bool)> {
    let steps = history.iter().filter(|event| !matches!(event.change, Change::Imported(_)));
    steps
        .map(|event| {
            let Origin { version, irregular, .. } = event.origin.clone().unwrap();
            let name = match &event.change {
                Change::StateChanged { from, to, step, .. } => format!("{from} -> {} {step:?}", to.kind()),
                other => serde_json::to_value(other).unwrap()["what"].as_str().unwrap().to_owned(),
            };
            (version, name, irregular)
        })
        .collect()
}

pub(crate) fn story() -> Vec<ImportedVersion> {
    vec![
        version(0)
            .subject("No sound")
            .from("boris")
            .team("audio")
            .impact(Impact::HIGH)
            .urgency(Urgency::HIGH),
        version(5).status(state::Active).assigned_to("anna"),
        version(9).status(state::Resolved::default()).resolution("It was muted.").resolution_code("user"),
        version(90).status(state::Closed),
    ]
}
