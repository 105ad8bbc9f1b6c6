//! Calendar definitions: reading, writing and refusals.

use chrono::{TimeDelta, Weekday};
use firstline::calendar::{CalendarDefinition, DateRule, EVERY_DAY, Holiday, Shift, WORKDAYS, Zone};
use firstline::{Calendar, ErrorKind};

fn read(json: &str) -> Result<CalendarDefinition, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_faulty_definition_is_refused_and_the_error_names_the_problem() {
    let cases = [
        (r#"{"weekly": {}}"#, "missing field `tz`"),
        (r#"{"tz": "UTC"}"#, "missing field `weekly`"),
        (r#"{"tz": "UTC", "weekly": {"monday": []}}"#, "unknown field `monday`"),
        (r#"{"tz": "UTC", "weekly": {}, "holyday": []}"#, "unknown field `holyday`"),
        (r#"{"tz": "UTC", "weekly": {"mon": [], "mon": []}}"#, "duplicate field `mon`"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["09:00", "09:00"]]}}"#, "a shift opens and closes at 09:00"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["00:00", "00:00"]]}}"#, "00:00-24:00 for the whole day"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["24:00", "06:00"]]}}"#, "cannot open at 24:00"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["9:00", "17:00"]]}}"#, "\"9:00\" is not a time of day"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["09:00", "24:01"]]}}"#, "\"24:01\" is not a time of day"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["09:60", "17:00"]]}}"#, "\"09:60\" is not a time of day"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["+9:00", "17:00"]]}}"#, "not a time of day"),
        (r#"{"tz": "UTC", "weekly": {"mon": [["09:00", "17:00", "18:00"]]}}"#, "trailing characters"),
        (r#"{"tz": "UTC", "weekly": {}, "holidays": ["2026-02-29"]}"#, "\"2026-02-29\" is not a date"),
        (r#"{"tz": "UTC", "weekly": {}, "holidays": ["02-30"]}"#, "\"02-30\" is not a date"),
        (r#"{"tz": "UTC", "weekly": {}, "holidays": ["0000-01-01"]}"#, "\"0000-01-01\" is not a date"),
        (r#"{"tz": "UTC", "weekly": {}, "holidays": ["2026-1-1"]}"#, "\"2026-1-1\" is not a date"),
        (r#"{"tz": "UTC", "weekly": {}, "holidays": ["12345-01-01"]}"#, "is not a date"),
        (r#"{"tz": "UTC", "weekly": {}, "holidays": [{"date": "2026-01-01"}]}"#, "missing field `name`"),
        (r#"{"tz": "UTC", "weekly": {}, "exceptions": {"someday": []}}"#, "\"someday\" is not a date"),
        (r#"{"tz": "UTC", "weekly": {}, "exceptions": {"12-24": [], "12-24": []}}"#, "12-24 is given twice"),
        (r#"{"tz": "UTC", "weekly": {}, "at_closing": "tomorrow"}"#, "unknown variant `tomorrow`"),
    ];
    for (json, problem) in cases {
        let error = read(json).expect_err(json);
        assert!(error.contains(problem), "{json}\n  got      {error}\n  expected {problem}");
    }
    assert!(read(r#"{"tz": "UTC", "weekly": {}}"#).is_ok());
}

#[test]
fn a_builder_reports_the_first_problem() {
    let office = || Calendar::builder("UTC").hours(WORKDAYS, "09:00-17:00");
    let cases = [
        (office().hours(WORKDAYS, "09:00"), "\"09:00\" is not a shift"),
        (office().holiday("yesterday", "x").exception("never", ""), "\"yesterday\" is not a date"),
        (
            office().exception("2026-12-24", "").exception("2026-12-24", "09:00-10:00"),
            "2026-12-24 is given twice",
        ),
        (office().breaks(WORKDAYS, "17:00-18:00"), "17:00-18:00 is not inside a shift"),
        (office().breaks(EVERY_DAY, "12:00-13:00"), "12:00-13:00 is not inside a shift"),
        (
            Calendar::builder("UTC").hours(EVERY_DAY, "22:00-06:00").breaks(EVERY_DAY, "23:30-24:00"),
            "ends at midnight",
        ),
    ];
    for (builder, problem) in cases {
        let error = builder.build().expect_err(problem);
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.to_string().contains(problem), "{error}");
    }
    for zone in ["", "Europe/Belrin", "europe/berlin", "CEST", "../UTC"] {
        let error = Calendar::builder(zone).build().expect_err(zone);
        assert!(
            error.is_invalid() && error.to_string().contains(&format!("{zone:?} is not known")),
            "{error}"
        );
    }
    let error = office().definition().unwrap().compile_in(&Zone::named("Asia/Tokyo").unwrap()).unwrap_err();
    assert!(error.to_string().contains("\"UTC\", not for \"Asia/Tokyo\""), "{error}");
}

#[test]
fn definitions_of_equal_meaning_are_equal() {
    let one = read(
        r#"{"tz": "UTC", "weekly": {"mon": [["13:00", "17:00"], ["09:00", "12:00"], ["11:00", "13:00"]], "tue": []},
            "holidays": ["2026-12-25", "2026-01-01", "2026-12-25"], "exceptions": {}}"#,
    )
    .unwrap();
    let other = Calendar::builder("UTC")
        .hours([Weekday::Mon], "09:00-17:00")
        .holiday("2026-01-01", "")
        .holiday("2026-12-25", "");
    let other = other.definition().unwrap();
    assert_eq!(one, other);
    let json = serde_json::to_string(&one).unwrap();
    assert_eq!(
        json,
        r#"{"tz":"UTC","weekly":{"mon":[["09:00","17:00"]]},"holidays":["2026-01-01","2026-12-25"]}"#
    );
    assert_eq!(json, serde_json::to_string(&other).unwrap());
    assert_eq!(read(&json).unwrap(), one);
    let night =
        |close| read(&format!(r#"{{"tz": "UTC", "weekly": {{"mon": [["18:00", "{close}"]]}}}}"#)).unwrap();
    assert_eq!(night("00:00"), night("24:00"));
}

#[test]
fn toml_and_json_give_the_same_definition() {
    let toml = r#"
        tz = "Europe/Berlin"
        at_closing = "next_opening"
        holidays = ["2026-04-06", { date = "12-25", name = "Weihnachten" }]
        [weekly]
        mon = [["09:00", "12:30"], ["13:30", "17:00"]]
        [exceptions]
        "12-24" = [["09:00", "12:00"]]
        "2026-12-31" = []
    "#;
    let definition: CalendarDefinition = toml::from_str(toml).unwrap();
    let again: CalendarDefinition = toml::from_str(&toml::to_string(&definition).unwrap()).unwrap();
    assert_eq!(definition, again);
    let json: CalendarDefinition =
        serde_json::from_str(&serde_json::to_string(&definition).unwrap()).unwrap();
    assert_eq!(definition, json);
    assert_eq!(definition.hours(Weekday::Mon).len(), 2);
    assert_eq!(
        definition.holidays().map(|holiday| holiday.name().to_owned()).collect::<Vec<_>>(),
        ["", "Weihnachten"]
    );
    assert_eq!(definition.exceptions().count(), 2);
}

#[test]
fn breaks_are_cut_out_of_shifts() {
    let calendar =
        Calendar::builder("UTC").breaks(WORKDAYS, "12:30-13:30, 16:00-17:00").hours(WORKDAYS, "09:00-17:00");
    let definition = calendar.definition().unwrap();
    let shifts: Vec<String> = definition.hours(Weekday::Wed).iter().map(Shift::to_string).collect();
    assert_eq!(shifts, ["09:00-12:30", "13:30-16:00"]);
    let night = Calendar::builder("UTC")
        .hours(WORKDAYS, "20:00-04:00")
        .breaks(WORKDAYS, "22:00-22:30")
        .definition()
        .unwrap();
    let shifts: Vec<String> = night.hours(Weekday::Fri).iter().map(Shift::to_string).collect();
    assert_eq!(shifts, ["20:00-22:00", "22:30-04:00"]);
    assert!(night.hours(Weekday::Fri)[1].crosses_midnight());
}

#[test]
fn two_holidays_on_one_date_keep_both_names() {
    let named = |name| Holiday::new("2008-05-01".parse().unwrap(), name).unwrap();
    let list = [named("Labour Day"), named("Ascension Day"), named("Labour Day"), named("")];
    let definition = Calendar::builder("Europe/Berlin").holidays(list).definition().unwrap();
    assert_eq!(
        definition.holidays().map(|holiday| holiday.name().to_owned()).collect::<Vec<_>>(),
        ["Labour Day, Ascension Day"]
    );
    assert!(Holiday::new(DateRule::Every { month: 13, day: 1 }, "").is_err());
}

#[test]
fn odd_definitions_compile_to_correct_and_small_calendars() {
    let mut builder =
        Calendar::builder("Europe/Berlin").hours(EVERY_DAY, "08:00-20:00").exception("9999-12-31", "");
    for (month, days) in [(1, 31), (7, 31)] {
        for day in 1..=days {
            builder = builder.exception(&format!("{month:02}-{day:02}"), "10:00-11:00, 12:00-13:00");
        }
    }
    let calendar = builder.build().unwrap();
    let year =
        calendar.between("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(year, TimeDelta::hours(62 * 2 + 303 * 12));

    // A hundred years of the same exception compile to one override of the week. The override is longer than any
    // segment, and the clocks change in the middle of it.
    let first: chrono::NaiveDate = "1950-01-01".parse().unwrap();
    let at = |text: &str| text.parse().unwrap();
    for (hours, open) in [("00:00-24:00", true), ("", false)] {
        let week = if open { "08:00-08:30" } else { "00:00-24:00" };
        let builder = Calendar::builder("Europe/Berlin").hours(EVERY_DAY, week);
        let days = first.iter_days().take(36_525);
        let calendar =
            days.fold(builder, |builder, day| builder.exception(&day.to_string(), hours)).build().unwrap();
        let within = calendar.between(at("1960-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"));
        assert_eq!(within, if open { TimeDelta::days(29_220) } else { TimeDelta::zero() });
        let after = calendar.between(at("2050-01-01T00:00:00Z"), at("2050-01-11T00:00:00Z"));
        assert_eq!(after, if open { TimeDelta::minutes(300) } else { TimeDelta::days(10) });
        assert_eq!(calendar.next_close(at("1999-06-01T00:00:00Z")).is_some(), open);
        assert_eq!(
            calendar.next_open(at("1999-06-01T00:00:00Z")),
            Some(at(if open { "1999-06-01T00:00:00Z" } else { "2049-12-31T23:00:00Z" }))
        );
    }

    // The memory of a calendar of the usual size.
    let mut usual = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00");
    for year in 2020..2040 {
        for day in ["01-01", "04-03", "05-01", "05-14", "10-03", "12-25", "12-26"] {
            usual = usual.holiday(&format!("{year}-{day}"), "");
        }
    }
    let bytes = usual.build().unwrap().compiled_bytes();
    assert!(bytes < 150_000, "{bytes} bytes");
}

#[test]
fn a_builder_extends_a_definition_and_leaves_the_original_unchanged() {
    let definition: CalendarDefinition = serde_json::from_str(
        r#"{"tz": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]},
            "holidays": [{"date": "12-25", "name": "Christmas Day"}], "exceptions": {"2026-12-24": []},
            "at_closing": "next_opening", "holiday_cut": "calendar_day"}"#,
    )
    .unwrap();
    assert_eq!(definition.to_builder().definition().unwrap(), definition);
    let more =
        definition.to_builder().hours([Weekday::Tue], "10:00-12:00").breaks([Weekday::Mon], "12:00-13:00");
    let more = more.definition().unwrap();
    assert_eq!((more.hours(Weekday::Mon).len(), more.hours(Weekday::Tue).len()), (2, 1));
    assert!(definition.to_builder().exception("2026-12-24", "09:00-10:00").build().is_err());
}
