//! Time zones from TZif data: compared with the compiled-in tables, beyond them, and read from a directory.
#![cfg(feature = "tzif")]

use chrono::{DateTime, TimeDelta, Utc};
use firstline::calendar::{CalendarDefinition, EVERY_DAY, Zone};
use firstline::{Calendar, ErrorKind};

fn office(tz: &str) -> CalendarDefinition {
    Calendar::builder(tz).hours(EVERY_DAY, "01:30-04:00").definition().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A TZif file of version 2: a table of UTC instants at which the local time type changes, and a footer.
fn tzif(changes: &[(i64, u8)], types: &[(i32, bool)], footer: &str) -> Vec<u8> {
    let block = |wide: bool| {
        let mut bytes = b"TZif2".to_vec();
        bytes.extend([0; 15]);
        let changes = if wide { changes } else { &[] };
        for count in [0, 0, 0, changes.len(), types.len(), 4] {
            bytes.extend((count as u32).to_be_bytes());
        }
        changes.iter().for_each(|(at, _)| bytes.extend(at.to_be_bytes()));
        bytes.extend(changes.iter().map(|(_, kind)| *kind));
        for (offset, is_dst) in types {
            bytes.extend(offset.to_be_bytes());
            bytes.extend([u8::from(*is_dst), 0]);
        }
        bytes.extend(b"LST\0");
        bytes
    };
    [block(false), block(true), format!("\n{footer}\n").into_bytes()].concat()
}

#[test]
fn the_footer_rule_applies_for_ever() {
    // Clocks showed UTC until 2020 and follow the European rule since then.
    let table = [(at("2020-01-01T00:00:00Z").timestamp(), 1)];
    let bytes = tzif(&table, &[(0, false), (3600, false)], "LST-1LDT-2,M3.5.0,M10.5.0/3");
    let zone = Zone::from_tzif("Europe/Berlin", Some("2026f"), &bytes).unwrap();
    assert_eq!(zone.version(), Some("2026f"));
    let calendar = office("Europe/Berlin").compile_in(&zone).unwrap();
    let hours = |from: &str| calendar.between(at(from), at(from) + TimeDelta::days(1)).num_minutes();
    assert_eq!(hours("2019-03-31T00:00:00Z"), 150);
    for spring in
        ["2026-03-28T22:00:00Z", "2099-03-28T22:00:00Z", "2150-03-28T22:00:00Z", "+12026-03-28T22:00:00Z"]
    {
        assert_eq!(hours(spring), 90, "{spring}");
    }
    for autumn in ["2026-10-24T22:00:00Z", "2150-10-24T22:00:00Z", "+12026-10-24T22:00:00Z"] {
        assert_eq!(hours(autumn), 210, "{autumn}");
    }
    // The compiled-in tables continue by the same rule.
    let compiled_in = office("Europe/Berlin").compile().unwrap();
    let (from, to) = (at("2021-01-01T00:00:00Z"), at("+200000-06-01T00:00:00Z"));
    assert_eq!(calendar.between(from, to), compiled_in.between(from, to));
}

#[test]
fn bytes_that_are_not_tzif_data_are_refused() {
    for bytes in [&b""[..], b"TZif", b"2026-01-01", &[0xff; 200]] {
        let error = Zone::from_tzif("Europe/Berlin", None, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.to_string().contains("not TZif data"), "{error}");
    }
    // A table that continues beyond 2100 has no rule for the time after it.
    let late = [(at("2150-01-01T00:00:00Z").timestamp(), 1)];
    let error = Zone::from_tzif("X", None, &tzif(&late, &[(0, false), (3600, false)], "LST-1")).unwrap_err();
    assert!(error.to_string().contains("no fixed rule"), "{error}");
}

#[test]
fn a_directory_is_read_and_names_cannot_leave_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("Europe")).unwrap();
    std::fs::write(directory.path().join("Europe/Berlin"), tzif(&[], &[(3600, false)], "LST-1")).unwrap();
    std::fs::write(directory.path().join("secret"), "no zone").unwrap();
    let zones = Zone::from_directory(directory.path().join("Europe"), "Berlin").unwrap();
    assert_eq!(zones.version(), None);
    std::fs::write(directory.path().join("tzdata.zi"), "# version 2026f\n# more\n").unwrap();
    let zone = |name| Zone::from_directory(directory.path(), name);
    assert_eq!(zone("Europe/Berlin").unwrap().version(), Some("2026f"));
    for outside in ["../secret", "/etc/passwd", "Europe/../secret", "", "Europe//Berlin", "Europe/Berlin/"] {
        let error = zone(outside).unwrap_err();
        assert!(error.to_string().contains("is not a time zone name"), "{outside}: {error}");
    }
    assert!(zone("Europe/Paris").unwrap_err().to_string().contains("is not in"));
    assert!(zone("secret").unwrap_err().to_string().contains("not TZif data"));
    assert_eq!(zone("Europe").unwrap_err().kind(), ErrorKind::Storage);
}
