//! Time zones as lists of clock changes.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};

use super::week::DAY;
use crate::error::{Error, Result};
use crate::suggest;

/// The seconds in 400 Gregorian years. Dates and weekdays repeat after 400 years: 146,097 days are 20,871 weeks.
pub(super) const CYCLE: i64 = 146_097 * DAY;

/// A UTC second before all chrono instants, with room for any offset from UTC.
pub(super) const BEGINNING: i64 = -(1 << 43);

/// The data of a time zone: its name and the instants at which its clocks change.
///
/// [`Zone::named`] reads the tables of [chrono-tz](chrono_tz), which are compiled into the program and add about a
/// megabyte; no file is read. These tables end in 2099. If the last 56 years of the tables follow a yearly rule, the
/// rule continues forever, as in the tz database itself. Otherwise the last offset from UTC applies forever.
///
/// Governments change clocks at short notice. For newer data than the compiled-in tables, load the zone from TZif data
/// (feature `tzif`).
///
/// A zone is cheap to clone.
///
/// ```
/// use firstline::calendar::Zone;
///
/// let berlin = Zone::named("Europe/Berlin")?;
/// assert!(berlin.version().is_some_and(|version| version.starts_with("20")));
/// assert!(Zone::named("Europe/Belrin").is_err());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Clone)]
pub struct Zone(Arc<Table>);

struct Table {
    name: String,
    version: Option<String>,
    /// The offset before the first change, in seconds east of UTC.
    initial: i64,
    /// The clock changes, in order.
    changes: Vec<Change>,
    /// The position in `changes` of the first change that repeats every 400 years. `changes.len()` if none repeats.
    repeating: usize,
    /// The UTC second from which the changes repeat, or after which there are none.
    settled: i64,
}

/// A clock change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The instant of the change, in UTC seconds since 1970.
    pub(super) at: i64,
    /// The offset after the change, in seconds east of UTC.
    pub(super) offset: i64,
}

impl Zone {
    /// Returns the zone with this IANA name from the tables compiled into the program.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the tables have no such zone.
    pub fn named(name: &str) -> Result<Zone> {
        let zone: chrono_tz::Tz = name.parse().map_err(|_| {
            let unknown = suggest::unknown(name, chrono_tz::TZ_VARIANTS.iter().map(|it| it.name()));
            Error::definition("time zone", format!("{name:?} {unknown}"))
                .allowing("IANA names such as Europe/Berlin")
        })?;
        let offset_at = |at: i64| {
            let at = DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc();
            i64::from(zone.offset_from_utc_datetime(&at).fix().local_minus_utc())
        };
        let tables = probe(year_start(1800), year_start(2100), offset_at);
        let mut table =
            Table::new(name, Some(chrono_tz::IANA_TZDB_VERSION), offset_at(year_start(1800)), tables);
        table.extend_yearly_rule(2100);
        Ok(Zone(Arc::new(table)))
    }

    /// Creates a zone from its changes. The 400 years that start at `repeating_from` repeat forever.
    #[cfg(feature = "tzif")]
    pub(super) fn with_changes(
        name: &str,
        version: Option<&str>,
        initial: i64,
        changes: Vec<Change>,
        repeating_from: i64,
    ) -> Zone {
        let mut table = Table::new(name, version, initial, changes);
        table.repeat_from(repeating_from);
        Zone(Arc::new(table))
    }

    /// Returns the IANA name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the tz database release of the data, such as `2025b`, if it is known.
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }

    /// Returns the date and time that the clocks of the zone show at an instant. After year 262,000, the time is UTC.
    pub(crate) fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        let offset = TimeDelta::seconds(self.offset_at(at.timestamp()));
        at.naive_utc().checked_add_signed(offset).unwrap_or(at.naive_utc())
    }

    /// Returns the offset at an instant, in seconds east of UTC.
    pub(super) fn offset_at(&self, at: i64) -> i64 {
        let table = &*self.0;
        let cycles =
            if table.repeats() && at >= table.settled { (at - table.settled).div_euclid(CYCLE) } else { 0 };
        let later = table.changes.partition_point(|change| change.at <= at - cycles * CYCLE);
        later.checked_sub(1).map_or(table.initial, |last| table.changes[last].offset)
    }

    /// Returns the changes in order. The iterator is endless if the changes repeat.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        let table = &*self.0;
        let cycles = if table.repeats() { i64::MAX } else { 1 };
        let repeated = (0..cycles).flat_map(move |cycle| {
            let block = table.changes[table.repeating..].iter();
            block.map(move |change| Change { at: change.at + cycle * CYCLE, ..*change })
        });
        table.changes[..table.repeating].iter().copied().chain(repeated)
    }

    /// Returns true if the clocks keep changing forever.
    pub(super) fn repeats(&self) -> bool {
        self.0.repeats()
    }

    /// Returns the UTC second from which the changes repeat every 400 years, or after which there are none.
    pub(super) fn settled(&self) -> i64 {
        self.0.settled
    }
}

impl Table {
    /// Creates a table without repetition. Changes to the same offset are dropped.
    fn new(name: &str, version: Option<&str>, initial: i64, mut changes: Vec<Change>) -> Table {
        let mut offset = initial;
        changes.retain(|change| std::mem::replace(&mut offset, change.offset) != change.offset);
        let (repeating, settled) = (changes.len(), changes.last().map_or(0, |last| last.at));
        Table {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            initial,
            changes,
            repeating,
            settled,
        }
    }

    fn repeats(&self) -> bool {
        self.repeating < self.changes.len()
    }

    /// If the last 56 years before `end` follow a yearly rule, extends the rule forever.
    ///
    /// A rule of the tz database names a day of a month or a weekday of a month. It gives the same days in all years
    /// that start on the same weekday and have the same length. There are 14 such kinds of year, and each occurs within
    /// 28 years. A rule is in force if the last 28 years repeat the 28 years before them. Its next 400 years are then
    /// assembled from years of the same kind, and these 400 years repeat forever.
    fn extend_yearly_rule(&mut self, end: i32) {
        let shift = (year_start(end) - year_start(end - 28)).abs();
        let in_years = |from: i32, to: i32| {
            let (from, to) = (year_start(from), year_start(to));
            self.changes.iter().copied().filter(move |change| (from..to).contains(&change.at))
        };
        let earlier = in_years(end - 56, end - 28).map(|change| Change { at: change.at + shift, ..change });
        if !earlier.eq(in_years(end - 28, end)) {
            return;
        }
        let mut added = Vec::new();
        for year in end..end - 28 + 400 {
            let Some(model) = (end - 28..end).find(|&known| kind_of(known) == kind_of(year)) else {
                return;
            };
            let shift = year_start(year) - year_start(model);
            added.extend(in_years(model, model + 1).map(|change| Change { at: change.at + shift, ..change }));
        }
        self.changes.extend(added);
        self.repeat_from(year_start(end - 28));
    }

    /// Makes the changes from `start` on, which must cover 400 years, repeat forever.
    fn repeat_from(&mut self, start: i64) {
        self.repeating = self.changes.partition_point(|change| change.at < start);
        if self.repeats() {
            self.settled = start;
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zone")
            .field("name", &self.0.name)
            .field("version", &self.0.version)
            .finish_non_exhaustive()
    }
}

/// Returns the UTC second at which a year starts.
pub(super) fn year_start(year: i32) -> i64 {
    NaiveDate::from_ymd_opt(year, 1, 1).map_or(0, days_since_epoch) * DAY
}

/// Returns the number of days since 1970-01-01.
pub(super) fn days_since_epoch(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - 719_163
}

/// Returns the weekday on which a year starts as a number, and true if the year has 366 days.
fn kind_of(year: i32) -> (i64, bool) {
    let start = year_start(year) / DAY;
    (start.rem_euclid(7), year_start(year + 1) / DAY - start == 366)
}

/// Finds all changes of an offset function between two instants.
///
/// chrono-tz publishes no list of changes. Sampling every second day finds all of them, because two changes that cancel
/// each other out are further apart. The closest such pair is six days apart (Noronha in 2000), or three days in the
/// parts of the tz database that chrono-tz omits. Bisection then finds the exact second.
fn probe(from: i64, to: i64, offset_at: impl Fn(i64) -> i64) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut before, mut offset) = (from, offset_at(from));
    while before < to {
        let after = (before + 2 * DAY).min(to);
        let next = offset_at(after);
        if next != offset {
            let (mut low, mut high) = (before, after);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if offset_at(middle) == offset { low = middle } else { high = middle }
            }
            changes.push(Change { at: high, offset: offset_at(high) });
            offset = offset_at(high);
            before = high;
        } else {
            before = after;
        }
    }
    changes
}
