//! Time zones: when the wall clock's distance from UTC changes.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};

use super::week::DAY;
use crate::error::{Error, Result};

/// The Gregorian calendar repeats exactly after 400 years, weekdays included: 146,097 days are 20,871 weeks.
pub(super) const CYCLE: i64 = 146_097 * DAY;

/// Whole numbers of seconds that chrono's instants cannot leave, with room for any distance from UTC.
pub(super) const BEGINNING: i64 = -(1 << 43);

/// A time zone as data: a name, and the instants at which its clocks change.
///
/// By default it comes from the tables of [chrono-tz](chrono_tz), which are compiled in: no file is read, and the
/// program grows by about a megabyte. The tables end in 2099. A rule that has held for 56 years by then is carried on
/// for ever, as the tz database itself does; otherwise the last distance from UTC stays. Where fresher data matters,
/// as governments change their clocks at short notice, take the zone from TZif data instead (feature `tzif`).
///
/// Cheap to clone.
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
    /// Seconds east of UTC before the first change.
    initial: i64,
    /// When the clocks change, and the seconds east of UTC from then on.
    changes: Vec<Change>,
    /// The first change of the last 400 years in `changes`, which repeat for ever; the number of changes if
    /// nothing repeats.
    repeating: usize,
    /// From this instant on the changes repeat, or there are none.
    settled: i64,
}

/// A change of clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// UTC seconds.
    pub(super) at: i64,
    /// Seconds east of UTC from then on.
    pub(super) offset: i64,
}

impl Zone {
    /// The zone of this IANA name, from the tables compiled into the program.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the tables do not know the name.
    pub fn named(name: &str) -> Result<Zone> {
        let zone: chrono_tz::Tz = name.parse().map_err(|_| {
            Error::definition("time zone", format!("{name:?} is not known"))
                .allowing("IANA names such as Europe/Berlin")
        })?;
        let offset_at = |at: i64| {
            let at = DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc();
            i64::from(zone.offset_from_utc_datetime(&at).fix().local_minus_utc())
        };
        let tables = probe(year_start(1800), year_start(2100), offset_at);
        let mut table =
            Table::new(name, Some(chrono_tz::IANA_TZDB_VERSION), offset_at(year_start(1800)), tables);
        table.carry_on(2100);
        Ok(Zone(Arc::new(table)))
    }

    /// The zone with these changes, of which the 400 years from `repeating_from` on repeat for ever.
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

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The release of the tz database that the data comes from, such as `2025b`, if the source tells.
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }

    /// The wall clock's distance from UTC at an instant, in seconds to the east.
    pub(super) fn offset_at(&self, at: i64) -> i64 {
        let table = &*self.0;
        let cycles =
            if table.repeats() && at >= table.settled { (at - table.settled).div_euclid(CYCLE) } else { 0 };
        let later = table.changes.partition_point(|change| change.at <= at - cycles * CYCLE);
        later.checked_sub(1).map_or(table.initial, |last| table.changes[last].offset)
    }

    /// The changes, in order and without end if they repeat.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        let table = &*self.0;
        let cycles = if table.repeats() { i64::MAX } else { 1 };
        let repeated = (0..cycles).flat_map(move |cycle| {
            let block = table.changes[table.repeating..].iter();
            block.map(move |change| Change { at: change.at + cycle * CYCLE, ..*change })
        });
        table.changes[..table.repeating].iter().copied().chain(repeated)
    }

    /// Whether the clocks go on changing for ever.
    pub(super) fn repeats(&self) -> bool {
        self.0.repeats()
    }

    /// The instant from which on the changes repeat every 400 years, or never come again.
    pub(super) fn settled(&self) -> i64 {
        self.0.settled
    }
}

impl Table {
    /// A zone whose last change is final. Changes that change nothing are dropped.
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

    /// Carries a yearly rule on for ever, if the last 56 years before `end` follow one.
    ///
    /// The rules of the tz database name days of a month or weekdays of a month, so that they fall on the same
    /// days in all years that begin on the same weekday and are of the same length. Every such kind of year
    /// occurs within 28 years. A rule is believed in when 28 years went as the 28 years before them; then 400
    /// years, put together from years of the same kind, are all that can ever happen.
    fn carry_on(&mut self, end: i32) {
        let moved = (year_start(end) - year_start(end - 28)).abs();
        let in_years = |from: i32, to: i32| {
            let (from, to) = (year_start(from), year_start(to));
            self.changes.iter().copied().filter(move |change| (from..to).contains(&change.at))
        };
        let earlier = in_years(end - 56, end - 28).map(|change| Change { at: change.at + moved, ..change });
        if !earlier.eq(in_years(end - 28, end)) {
            return;
        }
        let mut added = Vec::new();
        for year in end..end - 28 + 400 {
            let Some(alike) = (end - 28..end).find(|&known| kind_of(known) == kind_of(year)) else {
                return;
            };
            let moved = year_start(year) - year_start(alike);
            added.extend(in_years(alike, alike + 1).map(|change| Change { at: change.at + moved, ..change }));
        }
        self.changes.extend(added);
        self.repeat_from(year_start(end - 28));
    }

    /// Declares that the changes from this instant on, which cover 400 years, repeat for ever.
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

/// The UTC second at which a year begins.
pub(super) fn year_start(year: i32) -> i64 {
    NaiveDate::from_ymd_opt(year, 1, 1).map_or(0, days_since_epoch) * DAY
}

/// Days since 1970-01-01.
pub(super) fn days_since_epoch(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - 719_163
}

/// The weekday on which a year begins, and whether it has 366 days.
fn kind_of(year: i32) -> (i64, bool) {
    let start = year_start(year) / DAY;
    (start.rem_euclid(7), year_start(year + 1) / DAY - start == 366)
}

/// All changes of a function from instants to distances from UTC.
///
/// chrono-tz publishes no list of changes. A look at every second day finds them all, because changes that undo
/// each other are never so close together (the closest are six days apart, of Noronha in 2000; in the parts of the tz
/// database that chrono-tz leaves out, three), and halving finds the second.
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
