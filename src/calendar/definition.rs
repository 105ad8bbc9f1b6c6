//! Calendar definitions as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Deserializer, Serialize};

use super::date_rule::{DateRule, Holiday};
use super::shift::{self, Shift};

/// The result of adding a duration that is used up exactly at closing time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DueAtClosing {
    /// The closing time, which is the earliest instant at which the duration has passed. If the calendar closes at
    /// 17:00, 16:00 plus 60 minutes is 17:00. Adding zero returns the start unchanged.
    #[default]
    Closing,
    /// The next opening. If the calendar closes at 17:00 and opens at 09:00, 16:00 plus 60 minutes is 09:00 on the next
    /// working day. Adding zero to a closed instant returns the next opening. The result is `None` if the calendar does
    /// not open again.
    NextOpening,
}

/// The part of overnight shifts that a holiday removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HolidayCut {
    /// The shifts that open on the holiday, including their hours on the next date. A shift that opened on the day
    /// before runs to its end.
    #[default]
    Shifts,
    /// Only the calendar day of the holiday, from midnight to midnight. A shift that opened on the day before ends at
    /// the first midnight. A shift of the holiday that crosses midnight starts at the second.
    CalendarDay,
}

/// A calendar as data: time zone, weekly hours, holidays and exceptions.
///
/// Store a calendar in this form. Hours are normalized, and equal definitions serialize to the same bytes, so a
/// definition can be stored under its hash. Only `tz` and `weekly` are required:
///
/// ```
/// use firstline::calendar::CalendarDefinition;
///
/// let definition: CalendarDefinition = serde_json::from_str(r#"{
///     "tz": "Europe/Berlin",
///     "weekly": {"mon": [["09:00", "12:30"], ["13:30", "17:00"]], "fri": [["22:00", "06:00"]]},
///     "holidays": ["2026-04-06", {"date": "12-25", "name": "Christmas Day"}],
///     "exceptions": {"2026-12-24": [["09:00", "12:00"]], "12-31": []},
///     "at_closing": "closing",
///     "holiday_cut": "shifts"
/// }"#)?;
/// let calendar = definition.compile()?;
/// assert_eq!(calendar.definition(), &definition);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The hours of a date come from the first of these that exists: the exception for the date, the annual exception, the
/// holiday for the date, the annual holiday, the weekly hours.
///
/// Deserializing fails on unknown fields, on dates and times that do not exist, and on two exceptions for the same day.
/// Two holidays on the same day are merged and their names joined with commas. Overlapping hours count once. The time
/// zone is looked up by [`compile`](CalendarDefinition::compile).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarDefinition {
    tz: String,
    pub(super) weekly: Weekly,
    #[serde(default, skip_serializing_if = "Holidays::is_empty")]
    pub(super) holidays: Holidays,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "exceptions")]
    pub(super) exceptions: BTreeMap<DateRule, Hours>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) at_closing: DueAtClosing,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) holiday_cut: HolidayCut,
}

/// The source of a date's hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoursSource<'a> {
    Weekly,
    Holiday(&'a str),
    Exception,
}

impl CalendarDefinition {
    /// Creates the definition of a calendar that never opens.
    pub(super) fn closed(tz: &str) -> CalendarDefinition {
        CalendarDefinition {
            tz: tz.to_owned(),
            weekly: Weekly::default(),
            holidays: Holidays::default(),
            exceptions: BTreeMap::new(),
            at_closing: DueAtClosing::default(),
            holiday_cut: HolidayCut::default(),
        }
    }

    /// Returns the IANA name of the time zone.
    pub fn tz(&self) -> &str {
        &self.tz
    }

    /// Returns the shifts that open on this weekday, in order.
    pub fn hours(&self, weekday: Weekday) -> &[Shift] {
        let Weekly { mon, tue, wed, thu, fri, sat, sun } = &self.weekly;
        &[mon, tue, wed, thu, fri, sat, sun][weekday.num_days_from_monday() as usize].0
    }

    /// Returns the holidays: dated ones first, then annual ones.
    pub fn holidays(&self) -> impl Iterator<Item = Holiday> {
        self.holidays.0.iter().map(|(&on, name)| Holiday::on_checked(on, name))
    }

    /// Returns the exceptions with their shifts: dated ones first, then annual ones.
    pub fn exceptions(&self) -> impl Iterator<Item = (DateRule, &[Shift])> {
        self.exceptions.iter().map(|(&on, hours)| (on, &*hours.0))
    }

    /// Returns the rule for durations that are used up exactly at closing time.
    pub fn at_closing(&self) -> DueAtClosing {
        self.at_closing
    }

    /// Returns the part of overnight shifts that holidays remove.
    pub fn holiday_cut(&self) -> HolidayCut {
        self.holiday_cut
    }

    /// Returns the shifts that open on a date and their source.
    ///
    /// With [`HolidayCut::CalendarDay`], the shifts of a holiday are the weekly ones; the caller removes the calendar
    /// day from them.
    pub(super) fn hours_on(&self, date: NaiveDate) -> (HoursSource<'_>, &[Shift]) {
        let dated = DateRule::On(date);
        let annual = DateRule::Every { month: date.month() as u8, day: date.day() as u8 };
        if let Some(hours) = self.exceptions.get(&dated).or_else(|| self.exceptions.get(&annual)) {
            (HoursSource::Exception, &hours.0)
        } else if let Some(name) = self.holiday(date) {
            match self.holiday_cut {
                HolidayCut::Shifts => (HoursSource::Holiday(name), &[]),
                HolidayCut::CalendarDay => (HoursSource::Holiday(name), self.hours(date.weekday())),
            }
        } else {
            (HoursSource::Weekly, self.hours(date.weekday()))
        }
    }

    /// Returns the name of the holiday on this date, even if an exception overrides the holiday.
    pub(super) fn holiday(&self, date: NaiveDate) -> Option<&str> {
        let annual = DateRule::Every { month: date.month() as u8, day: date.day() as u8 };
        self.holidays.0.get(&DateRule::On(date)).or_else(|| self.holidays.0.get(&annual)).map(String::as_str)
    }

    /// Returns the date rules of all holidays and exceptions.
    pub(super) fn date_rules(&self) -> BTreeSet<DateRule> {
        self.holidays.0.keys().chain(self.exceptions.keys()).copied().collect()
    }
}

/// The shifts of a day, in order and without overlaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Shift>")]
pub(super) struct Hours(pub(super) Vec<Shift>);

impl From<Vec<Shift>> for Hours {
    fn from(shifts: Vec<Shift>) -> Hours {
        Hours(shift::union(shifts))
    }
}

impl Hours {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Weekly {
    #[serde(skip_serializing_if = "Hours::is_empty")]
    mon: Hours,
    #[serde(skip_serializing_if = "Hours::is_empty")]
    tue: Hours,
    #[serde(skip_serializing_if = "Hours::is_empty")]
    wed: Hours,
    #[serde(skip_serializing_if = "Hours::is_empty")]
    thu: Hours,
    #[serde(skip_serializing_if = "Hours::is_empty")]
    fri: Hours,
    #[serde(skip_serializing_if = "Hours::is_empty")]
    sat: Hours,
    #[serde(skip_serializing_if = "Hours::is_empty")]
    sun: Hours,
}

impl Weekly {
    pub(super) fn of_mut(&mut self, weekday: Weekday) -> &mut Hours {
        match weekday {
            Weekday::Mon => &mut self.mon,
            Weekday::Tue => &mut self.tue,
            Weekday::Wed => &mut self.wed,
            Weekday::Thu => &mut self.thu,
            Weekday::Fri => &mut self.fri,
            Weekday::Sat => &mut self.sat,
            Weekday::Sun => &mut self.sun,
        }
    }
}

/// Holidays by date rule. If two holidays share a rule, their names are joined with commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Holiday>", into = "Vec<Holiday>")]
pub(super) struct Holidays(BTreeMap<DateRule, String>);

impl Holidays {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, holiday: &Holiday) {
        let names = self.0.entry(holiday.on()).or_default();
        let known = names.split(", ").any(|name| name == holiday.name());
        if !known && !holiday.name().is_empty() {
            if !names.is_empty() {
                names.push_str(", ");
            }
            names.push_str(holiday.name());
        }
    }
}

impl From<Vec<Holiday>> for Holidays {
    fn from(list: Vec<Holiday>) -> Holidays {
        let mut holidays = Holidays::default();
        list.iter().for_each(|holiday| holidays.add(holiday));
        holidays
    }
}

impl From<Holidays> for Vec<Holiday> {
    fn from(holidays: Holidays) -> Vec<Holiday> {
        holidays.0.iter().map(|(&on, name)| Holiday::on_checked(on, name)).collect()
    }
}

/// Deserializes exceptions. A repeated date is an error, because a map would silently keep only one of the two.
fn exceptions<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<DateRule, Hours>, D::Error> {
    struct Visitor;

    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = BTreeMap<DateRule, Hours>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("dates with their hours")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut exceptions = BTreeMap::new();
            while let Some((on, hours)) = map.next_entry::<DateRule, Hours>()? {
                if exceptions.insert(on, hours).is_some() {
                    return Err(serde::de::Error::custom(format!("exceptions: {on} is given twice")));
                }
            }
            Ok(exceptions)
        }
    }

    from.deserialize_map(Visitor)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
