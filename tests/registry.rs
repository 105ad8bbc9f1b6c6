//! Whatever is stored has an entry in the registry: every kind of records, every column, every event.
#![cfg(feature = "sqlite")]

use std::collections::BTreeSet;
use std::path::Path;

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::priority::Effect;
use firstline::sla::{Agreement, Metric, Reaction, Target};
use firstline::sqlite::Sqlite;
use firstline::store::registry::{COLUMNS, EVENTS, EVERY_EVENT, KINDS, TICKET};
use firstline::store::{Erasure, Handling, PersonalData};
use firstline::ticket::personal::Personal;
use firstline::time::ManualTime;
use firstline::*;

#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod server;

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
    if server::url().is_none() {
        assert!(!server::required(), "FIRSTLINE_POSTGRES is the URL of a server");
        return;
    }
    let found: Columns = server::block_on(async {
        let place = server::Place::fresh();
        place.store().await;
        let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = $1";
        let rows = place.host().await.query(sql, &[&place.schema]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    });
    let missing: Vec<_> = found.difference(&registered()).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
    // SQLite alone keeps large records apart.
    assert!(registered().difference(&found).all(|(table, _)| table == "record_body"));
}

/// The names that serde knows of an enum, which it lists when it meets another one.
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

/// An entry that names a field which is not there would say nothing.
#[test]
fn the_fields_that_name_people_are_there() {
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
    let serde_json::Value::Object(fields) = serde_json::to_value(facts).unwrap() else { panic!("no object") };
    fields.into_iter().filter(|(_, value)| value.to_string().contains(word)).map(|(name, _)| name).collect()
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

/// The codes of the kinds that are declared in this text, however its lines are broken.
fn declared_codes(code: &str) -> impl Iterator<Item = String> {
    let declared = code.split("RecordKind::new(").skip(1);
    declared.filter_map(|it| it.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned))
}

#[test]
fn a_kind_whose_declaration_is_broken_over_lines_is_seen() {
    let code = "const A: RecordKind = RecordKind::new(\n    \"first\",\n    \"a\"); RecordKind::new(\"second\", \"b\")";
    assert_eq!(declared_codes(code).collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn every_record_kind_in_the_sources_is_registered_once() {
    fn codes(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // The suite's kinds are in stores that are thrown away.
                if !path.ends_with("conformance") {
                    codes(&path, found);
                }
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.extend(declared_codes(&code));
        }
    }
    let mut found = Vec::new();
    codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    let mut registered: Vec<_> = KINDS.iter().map(|kind| kind.code().to_owned()).collect();
    registered.sort();
    assert_eq!(found, registered);
    let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), KINDS.len());
}

/// Personal data that nobody can erase, or an erasure of nothing, is a mistake in an entry.
#[test]
fn what_is_personal_can_be_erased() {
    let sound = |it: Handling| match it.personal {
        PersonalData::None => it.erasure == Erasure::Nothing,
        PersonalData::PlainId => it.erasure == Erasure::FactStays,
        PersonalData::Key => it.erasure == Erasure::RowGoes,
        PersonalData::PersonalPart => it.erasure == Erasure::PersonalPartGoes,
        _ => false,
    };
    assert!(KINDS.iter().all(|kind| sound(kind.handling())));
    assert!(COLUMNS.iter().filter_map(|it| it.handling).all(sound));
    assert!(EVENTS.iter().all(|it| sound(it.facts())));
}
