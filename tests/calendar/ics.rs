//! Holidays from iCalendar files.
#![cfg(feature = "ics")]

use chrono::TimeDelta;
use firstline::Calendar;
use firstline::calendar::{EVERY_DAY, Holiday, OpenState, holidays_from_ics};

fn file(events: &[&str]) -> String {
    let events: String =
        events.iter().map(|event| format!("BEGIN:VEVENT\r\nUID:1\r\n{event}\r\nEND:VEVENT\r\n")).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{events}END:VCALENDAR\r\n")
}

fn written(holidays: &[Holiday]) -> Vec<String> {
    holidays.iter().map(|holiday| format!("{} {}", holiday.on(), holiday.name())).collect()
}

#[test]
fn all_day_events_are_holidays() {
    let holidays = holidays_from_ics(&file(&[
        "DTSTART;VALUE=DATE:20260403\r\nDTEND;VALUE=DATE:20260404\r\nSUMMARY:Karfreitag",
        "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Betriebsferien\\, lang",
        "DTSTART;VALUE=DATE:20200612\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYMONTH=6;BYMONTHDAY=12\r\nSUMMARY:День России",
        "DTSTART;VALUE=DATE:20260101",
    ]))
    .unwrap();
    assert_eq!(
        written(&holidays),
        [
            "2026-04-03 Karfreitag",
            "2026-12-24 Betriebsferien, lang",
            "2026-12-25 Betriebsferien, lang",
            "2026-12-26 Betriebsferien, lang",
            "06-12 День России",
            "2026-01-01 ",
        ]
    );
    let calendar = Calendar::builder("Europe/Moscow")
        .hours(EVERY_DAY, "09:00-18:00")
        .holidays(holidays)
        .build()
        .unwrap();
    let noon = "2031-06-12T09:00:00Z".parse().unwrap();
    assert_eq!(calendar.state_at(noon), OpenState::Holiday("День России"));
    assert_eq!(calendar.between(noon, noon + TimeDelta::days(1)), TimeDelta::hours(3));
}

#[test]
fn other_events_are_refused_instead_of_skipped() {
    let cases = [
        ("DTSTART:20260403T090000Z\r\nSUMMARY:Meeting", "\"Meeting\" starts or ends at a time of day"),
        ("SUMMARY:Nothing", "\"Nothing\" has no date"),
        ("DTSTART;VALUE=DATE:20260403\r\nDTEND;VALUE=DATE:20260403", "does not last from 1 to 366 days"),
        ("DTSTART;VALUE=DATE:20260403\r\nDTEND;VALUE=DATE:20290403", "does not last from 1 to 366 days"),
        ("DTSTART;VALUE=DATE:20260403\r\nRRULE:FREQ=WEEKLY", "recurs by a rule"),
        ("DTSTART;VALUE=DATE:20260403\r\nRRULE:FREQ=YEARLY;BYDAY=-1MO", "recurs by a rule"),
        ("DTSTART;VALUE=DATE:20260403\r\nRRULE:FREQ=YEARLY;COUNT=3", "recurs by a rule"),
        (
            "DTSTART;VALUE=DATE:20260403\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20270403",
            "adds, excludes or moves single dates",
        ),
        ("DTSTART;VALUE=DATE:20260403\r\nDURATION:P2D", "has a duration"),
    ];
    for (event, problem) in cases {
        let error = holidays_from_ics(&file(&[event])).expect_err(event);
        assert!(error.is_invalid() && error.to_string().contains(problem), "{event}: {error}");
    }
    for text in ["", "hello", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:cut off"] {
        assert!(holidays_from_ics(text).is_err(), "{text:?}");
    }
}
