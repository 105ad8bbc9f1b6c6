//! Holidays from iCalendar files ([RFC 5545]).
//!
//! [RFC 5545]: https://www.rfc-editor.org/rfc/rfc5545

use chrono::{Datelike, NaiveDate};
use icalendar::{Calendar as Ics, CalendarComponent, Component, DatePerhapsTime, Event};

use super::date_rule::{DateRule, Holiday};
use crate::error::{Error, Result};

/// The maximum length of an event, in days.
const MAX_DAYS: i64 = 366;

/// Reads the all-day events of an iCalendar file as holidays, named after their summaries.
///
/// An event of several days becomes one holiday for each day, up to 366 days. An event that recurs every year
/// (`RRULE:FREQ=YEARLY`) becomes an annual holiday, which also applies to the years before its first date.
///
/// ```
/// use firstline::calendar::{DateRule, holidays_from_ics};
///
/// let holidays = holidays_from_ics("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\n\
///     RRULE:FREQ=YEARLY\r\nSUMMARY:Christmas Day\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")?;
/// assert_eq!(holidays[0].on(), DateRule::Every { month: 12, day: 25 });
/// assert_eq!(holidays[0].name(), "Christmas Day");
/// # Ok::<(), firstline::Error>(())
/// ```
///
/// # Errors
/// [`Definition`](crate::ErrorKind::Definition) if the text is not an iCalendar file, or if an event
/// - has no date,
/// - starts or ends at a time of day,
/// - has a duration instead of an end date, or does not last from 1 to 366 days,
/// - recurs by any other rule, or adds, excludes or moves single dates.
///
/// No event is skipped without an error.
pub fn holidays_from_ics(text: &str) -> Result<Vec<Holiday>> {
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with("BEGIN:VCALENDAR") {
        return Err(Error::definition("iCalendar file", "does not begin with BEGIN:VCALENDAR"));
    }
    let file: Ics = text.parse().map_err(|problem: String| {
        Error::definition("iCalendar file", "cannot be read").caused_by(problem)
    })?;
    let mut holidays = Vec::new();
    for component in &file.components {
        if let CalendarComponent::Event(event) = component {
            read(event, &mut holidays)?;
        }
    }
    Ok(holidays)
}

fn read(event: &Event, holidays: &mut Vec<Holiday>) -> Result<()> {
    let name = event.get_summary().unwrap_or_default();
    let unsupported = |problem: &str| {
        Error::definition("iCalendar file", format!("event {name:?} {problem}"))
            .allowing("all-day events that occur once or recur every year")
    };
    let date = |date: Option<DatePerhapsTime>| match date {
        Some(DatePerhapsTime::Date(date)) => Ok(Some(date)),
        Some(DatePerhapsTime::DateTime(_)) => Err(unsupported("starts or ends at a time of day")),
        None => Ok(None),
    };
    let start = date(event.get_start())?.ok_or_else(|| unsupported("has no date"))?;
    let end = date(event.get_end())?;
    let days = match (end, event.property_value("DURATION")) {
        (Some(end), _) => (end - start).num_days(),
        (None, None) => 1,
        (None, Some(_)) => return Err(unsupported("has a duration instead of an end date")),
    };
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(unsupported("does not last from 1 to 366 days"));
    }
    let is_annual = recurs_annually(event, start).map_err(unsupported)?;
    for date in start.iter_days().take(days as usize) {
        let on = if is_annual {
            DateRule::Every { month: date.month() as u8, day: date.day() as u8 }
        } else {
            DateRule::On(date)
        };
        holidays.push(Holiday::new(on, name)?);
    }
    Ok(())
}

/// Returns true if an event recurs every year on the same day, false if it does not recur.
///
/// # Errors
/// A description of any other recurrence.
fn recurs_annually(event: &Event, start: NaiveDate) -> Result<bool, &'static str> {
    let dates = ["RDATE", "EXDATE", "RECURRENCE-ID"];
    let has =
        |name: &str| event.property_value(name).is_some() || event.multi_properties().contains_key(name);
    if dates.into_iter().any(has) {
        return Err("adds, excludes or moves single dates");
    }
    let Some(rule) = event.property_value("RRULE") else {
        return if has("RRULE") { Err("has several recurrence rules") } else { Ok(false) };
    };
    let (mut yearly, day) = (false, [("BYMONTH", start.month()), ("BYMONTHDAY", start.day())]);
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("FREQ", "YEARLY")) => yearly = true,
            Some(("INTERVAL", "1")) | Some(("WKST", _)) => {}
            Some((name, value)) if day.iter().any(|(by, n)| *by == name && value.parse() == Ok(*n)) => {}
            _ => return Err("recurs by a rule other than once a year"),
        }
    }
    if yearly { Ok(true) } else { Err("recurs by a rule other than once a year") }
}
