//! Business time: when we work, and how much of that lies between two instants.
//!
//! A [`Calendar`] answers in the same few nanoseconds whether the span is an hour or a century, exactly to the
//! nanosecond and over every change of clocks:
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
//! // Asked on Thursday, 24 December 2026 at 11:00 in Berlin, with four working hours to answer in.
//! let asked: DateTime<Utc> = "2026-12-24T10:00:00Z".parse()?;
//! let due = calendar.add(asked, TimeDelta::hours(4)).ok_or("this calendar never opens")?;
//! assert_eq!(due.to_rfc3339(), "2026-12-28T11:00:00+00:00"); // Monday at noon
//! assert_eq!(calendar.between(asked, due), TimeDelta::hours(4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts as open
//! - An instant is open if the wall clock of the zone shows a time inside a shift. Nothing else decides: hours
//!   that clocks skip count for nothing, and hours that they repeat count twice.
//! - Shifts are half-open: the opening minute is in, the closing minute is out. Where they overlap, time counts
//!   once. A shift may cross midnight; it belongs to the date on which it opens.
//! - An exception of a date overrides a holiday, and a holiday overrides the week. A holiday takes away what
//!   *opens* on it, a night shift's hours after midnight included, or, if asked to, the 24 hours of the date:
//!   [`HolidayCut`].
//! - [`add`](Calendar::add) gives the *earliest* instant: a sum that is reached at closing time ends there, not
//!   at the next opening, unless asked to: [`AtClosing`].
//! - A calendar that never opens (again) gives `None`; this is known, not searched for.
//!
//! # Data and compiled form
//! A [`Definition`] is the data: it goes into JSON or TOML and is kept. A [`Calendar`] is compiled from it. That takes
//! a millisecond or two, most of which reads the zone's tables, and a quarter of a millisecond more for each annual
//! holiday: compile once and share it, as a clone is one count of references. A dated holiday takes 60 bytes. A zone
//! that goes on changing its clocks takes 85 KB, and an annual holiday 55 KB, since 400 years of either are laid out:
//! after so many, everything repeats.
//!
//! # Time zones
//! [`Zone`] tells where the data comes from and how it goes on after the last tabulated year.

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

pub use builder::Builder;
pub use compiled::Calendar;
pub use date_rule::{DateRule, Holiday};
pub use definition::{AtClosing, Definition, HolidayCut};
#[cfg(feature = "ics")]
pub use ics::holidays_from_ics;
pub use shift::Shift;
pub use span::{Label, Period, Periods, Span, Spans};
pub use week::{EVERY_DAY, WORKDAYS};
pub use zone::Zone;
