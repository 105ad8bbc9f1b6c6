//! Definitions: what a calendar says, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Deserializer, Serialize};

use super::date_rule::{DateRule, Holiday};
use super::shift::{self, Shift};

/// Where a sum of business time ends that is reached exactly when the calendar closes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtClosing {
    /// At the closing time, the earliest instant at which the sum is reached: 60 minutes from 16:00, with hours
    /// until 17:00, end at 17:00. Nothing added is nothing changed.
    #[default]
    Closing,
    /// At the next opening: 60 minutes from 16:00 end on the next day at 09:00. Nothing added to a closed
    /// instant is the next opening. There is none after the last closing of all.
    NextOpening,
}

/// What a holiday takes away from the shifts that cross midnight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayCut {
    /// The shifts that open on the holiday, to their end on the next morning; the night before the holiday goes
    /// on to its end.
    #[default]
    Shifts,
    /// The 24 hours of the date and no more: the night before ends at midnight, and the night that would open on
    /// the holiday is taken up at the midnight after it.
    CalendarDay,
}

/// What a calendar says: zone, weekly hours, holidays and exceptions. It is checked, and not yet compiled.
///
/// This is the form to keep: it is what JSON and TOML hold, equal calendars have equal definitions, and equal
/// definitions are written as the same bytes, so that it can be stored under its hash. Only `tz` and `weekly` must
/// be there:
///
/// ```
/// use firstline::calendar::Definition;
///
/// let definition: Definition = serde_json::from_str(r#"{
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
/// For every date the first of these that is there gives the hours: its exception, the annual exception of its
/// day, its holiday, the annual holiday of its day, the week. Unknown fields, dates and times that do not exist
/// and dates given twice are refused; hours that overlap count once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    tz: String,
    pub(super) weekly: Weekly,
    #[serde(default, skip_serializing_if = "Holidays::is_empty")]
    pub(super) holidays: Holidays,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "exceptions")]
    pub(super) exceptions: BTreeMap<DateRule, Hours>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) at_closing: AtClosing,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) holiday_cut: HolidayCut,
}

/// Why a date has the hours that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground<'a> {
    Weekly,
    Holiday(&'a str),
    Exception,
}

impl Definition {
    /// The definition of a calendar in this zone that never opens.
    pub(super) fn closed(tz: &str) -> Definition {
        Definition {
            tz: tz.to_owned(),
            weekly: Weekly::default(),
            holidays: Holidays::default(),
            exceptions: BTreeMap::new(),
            at_closing: AtClosing::default(),
            holiday_cut: HolidayCut::default(),
        }
    }

    /// The IANA name of the time zone.
    pub fn tz(&self) -> &str {
        &self.tz
    }

    /// The shifts that open on this weekday, in order.
    pub fn hours(&self, weekday: Weekday) -> &[Shift] {
        let Weekly { mon, tue, wed, thu, fri, sat, sun } = &self.weekly;
        &[mon, tue, wed, thu, fri, sat, sun][weekday.num_days_from_monday() as usize].0
    }

    /// The holidays, annual ones after dated ones.
    pub fn holidays(&self) -> impl Iterator<Item = Holiday> {
        self.holidays.0.iter().map(|(&on, name)| Holiday::on_checked(on, name))
    }

    /// The dates with hours of their own, annual ones after dated ones.
    pub fn exceptions(&self) -> impl Iterator<Item = (DateRule, &[Shift])> {
        self.exceptions.iter().map(|(&on, hours)| (on, &*hours.0))
    }

    /// Where a sum ends that is reached at closing time.
    pub fn at_closing(&self) -> AtClosing {
        self.at_closing
    }

    /// What holidays take away from night shifts.
    pub fn holiday_cut(&self) -> HolidayCut {
        self.holiday_cut
    }

    /// The shifts that open on a date, and why these. Of a holiday that takes the calendar day they are the week's:
    /// what is left of them after the day has been cut out of all shifts.
    pub(super) fn day(&self, date: NaiveDate) -> (Ground<'_>, &[Shift]) {
        let dated = DateRule::On(date);
        let annual = DateRule::Every { month: date.month() as u8, day: date.day() as u8 };
        if let Some(hours) = self.exceptions.get(&dated).or_else(|| self.exceptions.get(&annual)) {
            (Ground::Exception, &hours.0)
        } else if let Some(name) = self.holiday(date) {
            match self.holiday_cut {
                HolidayCut::Shifts => (Ground::Holiday(name), &[]),
                HolidayCut::CalendarDay => (Ground::Holiday(name), self.hours(date.weekday())),
            }
        } else {
            (Ground::Weekly, self.hours(date.weekday()))
        }
    }

    /// The name of the holiday on this date, whether or not an exception overrides it.
    pub(super) fn holiday(&self, date: NaiveDate) -> Option<&str> {
        let annual = DateRule::Every { month: date.month() as u8, day: date.day() as u8 };
        self.holidays.0.get(&DateRule::On(date)).or_else(|| self.holidays.0.get(&annual)).map(String::as_str)
    }

    /// Every occasion on which the week may not hold.
    pub(super) fn occasions(&self) -> BTreeSet<DateRule> {
        self.holidays.0.keys().chain(self.exceptions.keys()).copied().collect()
    }
}

/// The hours of a day: shifts in order.
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

/// Holidays by occasion. Two names for one occasion are both kept, as some years two feasts fall on one date.
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

/// Reads exceptions, refusing a date that is there twice: one of the two would be lost in silence.
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
