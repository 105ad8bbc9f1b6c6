//! Building calendars in code.

use chrono::Weekday;

use super::compiled::Calendar;
use super::date_rule::Holiday;
use super::definition::{AtClosing, Definition, HolidayCut, Hours};
use super::shift::{self, Shift};
use super::week::EVERY_DAY;
use crate::error::{Error, Result};

/// A calendar in the making; see [`Calendar::builder`] and [`Definition::to_builder`].
///
/// Days are written as texts: `"2026-12-25"`, or `"12-25"` for every year. Hours are shifts with commas between
/// them: `"09:00-12:30, 13:30-17:00"`. What is wrong with them is told at the end, by [`build`](Builder::build).
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    definition: Definition,
    breaks: Vec<(Weekday, Result<Shift>)>,
    error: Option<Error>,
}

impl Calendar {
    /// A calendar in the making, for the time zone of this IANA name. It starts closed on all days.
    pub fn builder(tz: &str) -> Builder {
        Builder::new(tz)
    }
}

impl Definition {
    /// A builder that begins with this definition, for adding to it: the holidays of a file, for example.
    ///
    /// ```
    /// use firstline::calendar::{Definition, Holiday};
    ///
    /// let office: Definition = serde_json::from_str(
    ///     r#"{"tz": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "holidays": ["12-25"]}"#,
    /// )?;
    /// let office = office.to_builder().holidays([Holiday::new("2026-04-06".parse()?, "Easter Monday")?]).definition()?;
    /// assert_eq!(office.holidays().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_builder(&self) -> Builder {
        Builder::of(self.clone())
    }
}

impl Builder {
    pub(super) fn new(tz: &str) -> Builder {
        Builder::of(Definition::closed(tz))
    }

    pub(super) fn of(definition: Definition) -> Builder {
        Builder { definition, breaks: Vec::new(), error: None }
    }

    /// Opens these shifts on these weekdays, besides those that are open already.
    pub fn hours(self, days: impl IntoIterator<Item = Weekday>, hours: &str) -> Builder {
        self.try_with(|definition| {
            let hours = shift::parse_hours(hours)?;
            for day in days {
                let open = definition.weekly.of_mut(day);
                *open = Hours::from([&open.0[..], &hours[..]].concat());
            }
            Ok(())
        })
    }

    /// Open day and night, all week.
    pub fn always_open(self) -> Builder {
        self.hours(EVERY_DAY, &Shift::WHOLE_DAY.to_string())
    }

    /// Closes these stretches inside the shifts of these weekdays, such as lunch: `"12:30-13:30"`. The order of
    /// [`hours`](Builder::hours) and breaks makes no difference.
    pub fn breaks(mut self, days: impl IntoIterator<Item = Weekday>, breaks: &str) -> Builder {
        for day in days {
            for pause in breaks.split(',') {
                self.breaks.push((day, pause.trim().parse()));
            }
        }
        self
    }

    /// Closes a day. The name, which may be empty, is what explanations call it.
    pub fn holiday(self, on: &str, name: &str) -> Builder {
        self.try_with(|definition| {
            definition.holidays.add(&Holiday::new(on.parse()?, name)?);
            Ok(())
        })
    }

    /// Closes these days: as read from a file, for example.
    pub fn holidays(mut self, holidays: impl IntoIterator<Item = Holiday>) -> Builder {
        holidays.into_iter().for_each(|holiday| self.definition.holidays.add(&holiday));
        self
    }

    /// Gives a day hours of its own in place of the week's, holiday or not. No hours (`""`) close it.
    pub fn exception(self, on: &str, hours: &str) -> Builder {
        self.try_with(|definition| {
            let on = on.parse()?;
            let hours = Hours(shift::parse_hours(hours)?);
            match definition.exceptions.insert(on, hours) {
                Some(_) => Err(Error::definition("exceptions", format!("{on} is given twice"))),
                None => Ok(()),
            }
        })
    }

    /// Where a sum ends that is reached exactly at closing time.
    pub fn at_closing(mut self, at_closing: AtClosing) -> Builder {
        self.definition.at_closing = at_closing;
        self
    }

    /// What holidays take away from shifts that cross midnight.
    pub fn holiday_cut(mut self, holiday_cut: HolidayCut) -> Builder {
        self.definition.holiday_cut = holiday_cut;
        self
    }

    /// The checked definition, for keeping.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition), for the first thing that was wrong.
    pub fn definition(mut self) -> Result<Definition> {
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

    /// The compiled calendar, with the time zone from the tables compiled into the program.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition), for the first thing that was wrong, or if the time zone is
    /// not known.
    pub fn build(self) -> Result<Calendar> {
        self.definition()?.compile()
    }

    /// Does one step unless an earlier one failed: the first error is the one to tell.
    fn try_with(mut self, step: impl FnOnce(&mut Definition) -> Result<()>) -> Builder {
        if self.error.is_none() {
            self.error = step(&mut self.definition).err();
        }
        self
    }
}
