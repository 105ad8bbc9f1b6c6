//! Every column and event that is stored has an entry in the registry.

use std::collections::BTreeSet;

use super::*;
use crate::desk::Settings;
use crate::memory::Memory;
use crate::priority::Effect;
use crate::sla::{Agreement, Metric, Reaction, Target};
use crate::sqlite::Sqlite;
use crate::ticket::personal::Personal;
use crate::time::ManualTime;
use crate::{
    Action, Actor, Change, DateTime, Event, ImportedTicket, ImportedVersion, Matrix, Modifier, NewTicket,
    Policy, Snapshot, TimeDelta, Utc,
};

type Columns = BTreeSet<(String, String)>;

fn registered() -> Columns {
    let columns = COLUMNS.iter().flat_map(|it| it.columns.iter().map(|column| (it.table, *column)));
    columns.map(|(table, column)| (table.to_owned(), column.to_owned())).collect()
}

fn in_sqlite() -> Columns {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    Sqlite::open(&file).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    let sql = "SELECT substr(it.name, 11), info.name FROM sqlite_master AS it, pragma_table_info(it.name) AS info \
               WHERE it.type = 'table' AND it.name LIKE 'firstline\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn every_column_in_sqlite_is_registered_once() {
    assert_eq!(in_sqlite(), registered());
    assert_eq!(COLUMNS.iter().map(|it| it.columns.len()).sum::<usize>(), registered().len());
}

#[cfg(feature = "postgres")]
#[test]
fn every_column_in_postgresql_is_registered() {
    let Some(url) = std::env::var("FIRSTLINE_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        let in_ci = std::env::var("CI").is_ok_and(|it| it == "true");
        assert!(!in_ci, "in CI, set FIRSTLINE_POSTGRES to the URL of a server");
        return;
    };
    let schema = format!("firstline_test_{}_registry", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found: Columns = runtime.block_on(async {
        crate::postgres::PostgresOptions::new().schema(&schema).connect(&url).await.unwrap();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = $1";
        let rows = client.query(sql, &[&schema]).await.unwrap();
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    });
    let missing: Vec<_> = found.difference(&registered()).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Only SQLite stores large records separately.
    assert!(registered().difference(&found).all(|(table, _)| table == "record_body"));
}

/// The variant names of an enum, taken from serde's error about an unknown one.
fn names_of_changes() -> BTreeSet<String> {
    let error = serde_json::from_str::<Change>(r#"{"what":"unheard_of"}"#).unwrap_err().to_string();
    let names = error.split('`').skip(1).step_by(2).map(str::to_owned);
    names.filter(|name| name != "unheard_of").collect()
}

#[test]
fn every_event_is_registered_once() {
    let registered: BTreeSet<String> = EVENTS.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(names_of_changes(), registered);
    assert_eq!(registered.len(), EVENTS.len());
}

/// Every field named by an entry exists.
#[test]
fn the_fields_that_name_people_exist() {
    let fields_of = |error: serde_json::Error| -> BTreeSet<String> {
        error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
    };
    for entry in EVENTS.iter().filter(|it| !it.plain.is_empty()) {
        let unknown = format!(r#"{{"what":"{}","unheard_of":1}}"#, entry.name);
        let known = fields_of(serde_json::from_str::<Change>(&unknown).unwrap_err());
        for field in entry.plain {
            let field = field.split('.').next().unwrap();
            assert!(known.contains(field), "{} has no {field}, but {known:?}", entry.name);
        }
    }
    let known = fields_of(serde_json::from_str::<Snapshot>(r#"{"unheard_of":1}"#).unwrap_err());
    assert!(TICKET.plain.iter().all(|field| known.contains(*field)), "{known:?}");
    let known = fields_of(serde_json::from_str::<Event>(r#"{"unheard_of":1}"#).unwrap_err());
    assert!(EVERY_EVENT.plain.iter().all(|field| known.contains(field.split('.').next().unwrap())));
}

/// The fields of an event's facts, or of a ticket, that contain a word.
fn fields_with(word: &str, facts: &impl serde::Serialize) -> BTreeSet<String> {
    let facts = serde_json::to_value(facts).unwrap();
    let fields = facts.as_object().unwrap().iter();
    fields.filter(|(_, value)| value.to_string().contains(word)).map(|(name, _)| name.clone()).collect()
}

/// Found by review: the entries lacked whom a warning is for, the status of another system, and an opening's modifiers.
#[test]
fn words_that_may_name_a_person_are_only_in_registered_fields() {
    let person = |what: &str| format!("{what} of Mx Example");
    let now: DateTime<Utc> = "2026-01-05T09:00:00Z".parse().unwrap();
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4)).warn_at([50]);
    let target =
        target.on_warning(Reaction::Notify(person("head"))).on_breach(Reaction::Notify(person("boss")));
    let matrix = Matrix::itil().to_definition();
    let matrix = matrix.modifier(Modifier::new(person("opening"), Effect::Raise(1)));
    let matrix = matrix.modifier(Modifier::new(person("ticket"), Effect::Raise(1)));
    let policy = Policy::new().agreement(Agreement::new("it", 1).target(target));
    let time = ManualTime::at(now);
    let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
    desk.setup().adopt(&policy.matrix(matrix.build().unwrap())).unwrap();
    let request = NewTicket::new("No sound").from(person("id").as_str()).modifier(person("opening"));
    let request =
        request.tag(person("tag")).category([person("folder")]).assigned_to(person("aide").as_str());
    let id = desk.open_ticket(request).unwrap().id();
    desk.act(id, Action::assign(person("helper").as_str()), Actor::agent("anna")).unwrap();
    desk.act(id, Action::tag(person("mark")), Actor::agent("anna")).unwrap();
    desk.act(id, Action::modifier(person("ticket")), Actor::agent("anna")).unwrap();
    time.advance(TimeDelta::hours(5));
    assert_eq!(desk.tick(now + TimeDelta::hours(5)).unwrap().fired, 2);
    let at = |hours| ImportedVersion::new(now - TimeDelta::hours(hours), Actor::agent("anna"));
    let old = ImportedTicket::new(person("system"), "1").version(at(9).subject("Old"));
    let old = old.version(at(8).unmapped(person("waits for the answer")));
    assert_eq!(desk.records().import([old]).unwrap().opened, 1);

    let mut met = BTreeSet::new();
    for number in [1_u64, 2] {
        let ticket = desk.ticket(number).unwrap();
        let mut facts = ticket.snapshot().clone();
        facts.personal = Personal::default();
        for field in fields_with("Mx Example", &facts) {
            assert!(TICKET.plain.contains(&&*field), "a ticket's {field}");
        }
        for event in desk.records().history(ticket.id()).unwrap() {
            let what = serde_json::to_value(&event.change).unwrap()["what"].as_str().unwrap().to_owned();
            let entry = EVENTS.iter().find(|entry| entry.name == what).unwrap();
            assert!(entry.personal_part || event.personal.is_empty(), "{what} has a personal part");
            for field in fields_with("Mx Example", &event.change) {
                assert!(
                    entry.plain.iter().any(|it| it.split('.').next() == Some(&*field)),
                    "{what}: {field}"
                );
                met.insert(format!("{what}.{field}"));
            }
        }
    }
    for control in ["warned.notify", "breached.notify", "status_unmapped.status", "opened.assessment"] {
        assert!(met.contains(control), "{met:?}");
    }
}

/// Personal data without an erasure, or an erasure without personal data, is a mistake in the entry.
#[test]
fn personal_data_can_be_erased() {
    let sound = |it: DataPolicy| match it.personal {
        PersonalData::None => it.erasure == Erasure::Nothing,
        PersonalData::PlainId => it.erasure == Erasure::KeepFacts,
        PersonalData::Key => it.erasure == Erasure::RemoveRow,
        PersonalData::PersonalPart => it.erasure == Erasure::RemovePersonalPart,
    };
    assert!(crate::store::kinds::ALL.iter().all(|kind| sound(kind.data_policy())));
    assert!(COLUMNS.iter().filter_map(|it| it.data_policy).all(sound));
    assert!(EVENTS.iter().all(|it| sound(it.facts())));
}
