//! Business time: adding working hours to an instant, and measuring them between two instants.
//!
//! [`Calendar::add`] and [`Calendar::between`] take a few nanoseconds, whether the span is an hour or a century.
//! Results are exact to the nanosecond, across every clock change:
//!
//! ```
//! use firstline::Calendar;
//! use firstline::calendar::WORKDAYS;
//! use firstline::time::{DateTime, TimeDelta, Utc};
//!
//! let calendar = Calendar::builder("Europe/Berlin")
//!     .hours(WORKDAYS, "09:00-17:00")
//!     .breaks(WORKDAYS, "12:30-13:00")
//!     .holiday("12-25", "Christmas Day")
//!     .exception("12-24", "09:00-12:00")
//!     .build()?;
//!
//! // A question arrives on Thursday, 24 December 2026 at 11:00 in Berlin. The answer is due in four working hours.
//! let asked: DateTime<Utc> = "2026-12-24T10:00:00Z".parse()?;
//! let due = calendar.add(asked, TimeDelta::hours(4)).ok_or("this calendar never opens")?;
//! assert_eq!(due.to_rfc3339(), "2026-12-28T11:00:00+00:00"); // Monday at noon
//! assert_eq!(calendar.between(asked, due), TimeDelta::hours(4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts as open
//! - An instant is open if the wall clock of the zone shows a time inside a shift. Hours that a clock change skips do
//!   not count, and hours that it repeats count twice.
//! - Shifts are half-open: the opening minute is included, the closing minute is not. Time in overlapping shifts counts
//!   once. A shift may cross midnight; it belongs to the date on which it opens.
//! - An exception for a date overrides a holiday, and a holiday overrides the weekly hours. By default a holiday
//!   removes the shifts that *open* on it, including their hours after midnight. [`HolidayCut`] can make it remove the
//!   24 hours of the date instead.
//! - [`add`](Calendar::add) returns the *earliest* matching instant. If the duration is used up exactly at closing
//!   time, the result is the closing time. [`DueAtClosing`] can make it the next opening instead.
//! - If a calendar never opens again, the methods that look for an opening return `None` at once.
//!
//! # Definitions and compiled calendars
//! A [`CalendarDefinition`] is plain data for JSON or TOML. A [`Calendar`] is compiled from it. Compiling takes one or
//! two milliseconds, mostly to read the zone's tables, plus a quarter of a millisecond for each annual holiday. Compile
//! once and share the calendar: a clone only increments a reference count.
//!
//! A dated holiday takes 60 bytes. A zone that keeps changing its clocks takes 85 KB and an annual holiday 55 KB,
//! because both are expanded over 400 years, the period of the Gregorian calendar.
//!
//! # Time zones
//! See [`Zone`] for the source of the data, and for the clock changes after the last year of the tables.

mod builder;
mod compiled;
mod date_rule;
mod definition;
#[cfg(feature = "ics")]
mod ics;
mod index;
mod overrides;
mod shift;
mod span;
mod timeline;
#[cfg(feature = "tzif")]
mod tzif;
mod week;
mod zone;

pub use builder::CalendarBuilder;
pub use compiled::Calendar;
pub use date_rule::{DateRule, Holiday};
pub use definition::{CalendarDefinition, DueAtClosing, HolidayCut};
#[cfg(feature = "ics")]
pub use ics::holidays_from_ics;
pub use shift::Shift;
pub use span::{OpenState, Span};
pub use week::{EVERY_DAY, WORKDAYS};
pub use zone::Zone;
