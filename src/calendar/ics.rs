//! Holidays from iCalendar files ([RFC 5545]).
//!
//! [RFC 5545]: https://www.rfc-editor.org/rfc/rfc5545

use chrono::{Datelike, NaiveDate};
use icalendar::{Calendar as Ics, CalendarComponent, Component, DatePerhapsTime, Event};

use super::date_rule::{DateRule, Holiday};
use crate::error::{Error, Result};

/// The longest event that is taken for a holiday, in days.
const LONGEST: i64 = 366;

/// The holidays of an iCalendar file: its all-day events, named after their summaries.
///
/// An event of several days is as many holidays. One that recurs every year (`RRULE:FREQ=YEARLY`) is an annual
/// holiday, in the years before its first date as well.
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
/// [`Definition`](crate::ErrorKind::Definition) if the text is no iCalendar file, or an event is not one of these:
/// without a date, at a time of day, or with another rule of recurrence. Nothing is left out in silence.
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
    let refused = |problem: &str| {
        Error::definition("iCalendar file", format!("event {name:?} {problem}"))
            .allowing("all-day events, on a date or every year")
    };
    let date = |date: Option<DatePerhapsTime>| match date {
        Some(DatePerhapsTime::Date(date)) => Ok(Some(date)),
        Some(DatePerhapsTime::DateTime(_)) => Err(refused("is at a time of day")),
        None => Ok(None),
    };
    let start = date(event.get_start())?.ok_or_else(|| refused("has no date"))?;
    let end = date(event.get_end())?;
    let days = match (end, event.property_value("DURATION")) {
        (Some(end), _) => (end - start).num_days(),
        (None, None) => 1,
        (None, Some(_)) => return Err(refused("has a duration in place of an end")),
    };
    if !(1..=LONGEST).contains(&days) {
        return Err(refused("does not last from 1 to 366 days"));
    }
    let is_annual = recurs_annually(event, start).map_err(refused)?;
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

/// Whether an event recurs on its day of every year, or not at all.
fn recurs_annually(event: &Event, start: NaiveDate) -> Result<bool, &'static str> {
    let dates = ["RDATE", "EXDATE", "RECURRENCE-ID"];
    let has =
        |name: &str| event.property_value(name).is_some() || event.multi_properties().contains_key(name);
    if dates.into_iter().any(has) {
        return Err("has dates added or left out");
    }
    let Some(rule) = event.property_value("RRULE") else {
        return if has("RRULE") { Err("has several rules of recurrence") } else { Ok(false) };
    };
    let (mut yearly, day) = (false, [("BYMONTH", start.month()), ("BYMONTHDAY", start.day())]);
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("FREQ", "YEARLY")) => yearly = true,
            Some(("INTERVAL", "1")) | Some(("WKST", _)) => {}
            Some((name, value)) if day.iter().any(|(by, n)| *by == name && value.parse() == Ok(*n)) => {}
            _ => return Err("recurs by a rule that is more than every year"),
        }
    }
    if yearly { Ok(true) } else { Err("recurs by a rule that is not every year") }
}
