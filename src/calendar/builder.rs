//! The calendar builder.

use chrono::Weekday;

use super::compiled::Calendar;
use super::date_rule::Holiday;
use super::definition::{CalendarDefinition, DueAtClosing, HolidayCut, Hours};
use super::shift::{self, Shift};
use super::week::EVERY_DAY;
use crate::error::{Error, Result};

/// A builder for a [`Calendar`] or its [`CalendarDefinition`].
///
/// Start with [`Calendar::builder`] or [`CalendarDefinition::to_builder`]. A day is a string: `"2026-12-25"`, or
/// `"12-25"` for every year. Hours are comma-separated shifts: `"09:00-12:30, 13:30-17:00"`. Malformed input is
/// reported by [`build`](CalendarBuilder::build) and [`definition`](CalendarBuilder::definition).
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct CalendarBuilder {
    definition: CalendarDefinition,
    breaks: Vec<(Weekday, Result<Shift>)>,
    error: Option<Error>,
}

impl Calendar {
    /// Returns a builder for a calendar in the time zone with this IANA name, closed on all days.
    pub fn builder(tz: &str) -> CalendarBuilder {
        CalendarBuilder::new(tz)
    }
}

impl CalendarDefinition {
    /// Returns a builder that starts from this definition, for example to add holidays from a file.
    ///
    /// ```
    /// use firstline::calendar::{CalendarDefinition, Holiday};
    ///
    /// let office: CalendarDefinition = serde_json::from_str(
    ///     r#"{"tz": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "holidays": ["12-25"]}"#,
    /// )?;
    /// let office = office.to_builder().holidays([Holiday::new("2026-04-06".parse()?, "Easter Monday")?]).definition()?;
    /// assert_eq!(office.holidays().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_builder(&self) -> CalendarBuilder {
        CalendarBuilder::of(self.clone())
    }
}

impl CalendarBuilder {
    pub(super) fn new(tz: &str) -> CalendarBuilder {
        CalendarBuilder::of(CalendarDefinition::closed(tz))
    }

    pub(super) fn of(definition: CalendarDefinition) -> CalendarBuilder {
        CalendarBuilder { definition, breaks: Vec::new(), error: None }
    }

    /// Adds shifts to these weekdays.
    pub fn hours(self, days: impl IntoIterator<Item = Weekday>, hours: &str) -> CalendarBuilder {
        self.try_with(|definition| {
            let hours = shift::parse_hours(hours)?;
            for day in days {
                let open = definition.weekly.of_mut(day);
                *open = Hours::from([&open.0[..], &hours[..]].concat());
            }
            Ok(())
        })
    }

    /// Opens the calendar around the clock, all week.
    pub fn always_open(self) -> CalendarBuilder {
        self.hours(EVERY_DAY, &Shift::WHOLE_DAY.to_string())
    }

    /// Adds breaks, such as `"12:30-13:30"` for lunch, inside the shifts of these weekdays.
    ///
    /// Breaks apply to all [`hours`](CalendarBuilder::hours), including those added later.
    pub fn breaks(mut self, days: impl IntoIterator<Item = Weekday>, breaks: &str) -> CalendarBuilder {
        for day in days {
            for pause in breaks.split(',') {
                self.breaks.push((day, pause.trim().parse()));
            }
        }
        self
    }

    /// Adds a holiday. The name, which may be empty, appears in [`OpenState::Holiday`](super::OpenState::Holiday).
    pub fn holiday(self, on: &str, name: &str) -> CalendarBuilder {
        self.try_with(|definition| {
            definition.holidays.add(&Holiday::new(on.parse()?, name)?);
            Ok(())
        })
    }

    /// Adds holidays, such as those read from a file.
    pub fn holidays(mut self, holidays: impl IntoIterator<Item = Holiday>) -> CalendarBuilder {
        holidays.into_iter().for_each(|holiday| self.definition.holidays.add(&holiday));
        self
    }

    /// Replaces the hours of a day. An exception overrides the weekly hours and any holiday; `""` closes the day.
    ///
    /// A second exception for the same day is an error.
    pub fn exception(self, on: &str, hours: &str) -> CalendarBuilder {
        self.try_with(|definition| {
            let on = on.parse()?;
            let hours = Hours(shift::parse_hours(hours)?);
            match definition.exceptions.insert(on, hours) {
                Some(_) => Err(Error::definition("exceptions", format!("{on} is given twice"))),
                None => Ok(()),
            }
        })
    }

    /// Sets the result of [`Calendar::add`] if the duration is used up exactly at closing time.
    pub fn at_closing(mut self, at_closing: DueAtClosing) -> CalendarBuilder {
        self.definition.at_closing = at_closing;
        self
    }

    /// Sets which part of an overnight shift a holiday removes.
    pub fn holiday_cut(mut self, holiday_cut: HolidayCut) -> CalendarBuilder {
        self.definition.holiday_cut = holiday_cut;
        self
    }

    /// Returns the definition, which can be stored. The time zone is looked up when the definition is compiled.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if a day, shift or break is invalid. Only the first problem is
    /// reported.
    pub fn definition(mut self) -> Result<CalendarDefinition> {
        for (day, pause) in std::mem::take(&mut self.breaks) {
            self = self.try_with(|definition| {
                let hours = definition.weekly.of_mut(day);
                hours.0 = shift::without(&hours.0, pause?)?;
                Ok(())
            });
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.definition),
        }
    }

    /// Compiles the calendar, using the time zone tables built into the program.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if a day, shift or break is invalid, or if the time zone is
    /// unknown. Only the first problem is reported.
    pub fn build(self) -> Result<Calendar> {
        self.definition()?.compile()
    }

    /// Applies a change to the definition, unless an earlier change failed. Only the first error is kept.
    fn try_with(mut self, change: impl FnOnce(&mut CalendarDefinition) -> Result<()>) -> CalendarBuilder {
        if self.error.is_none() {
            self.error = change(&mut self.definition).err();
        }
        self
    }
}
