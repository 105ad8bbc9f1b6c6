//! The compiled form of a calendar: open time as a function of UTC, in closed form.
//!
//! # How it works
//! UTC time is cut into pieces at each clock change of the zone and at each override of the weekly hours. Inside a
//! piece the offset from UTC is constant, so the open time is the weekly function, shifted. Local time is never
//! converted to UTC, so skipped and repeated hours need no special case. Each piece stores the open time before it, so
//! a query is one search for a piece and one evaluation of the week. The cost does not depend on the length of the
//! span.
//!
//! The pieces reach from the first clock change or dated entry to the last, and 400 years further if the clocks keep
//! changing or a rule is annual. 400 Gregorian years are a whole number of weeks, so all later time repeats them. With
//! an annual rule, the pieces also cover 400 years before the first of these, and all earlier time repeats those.
//! Queries therefore work for any instant, and the tables show whether a calendar ever opens again.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};

use super::date_rule::DateRule;
use super::definition::CalendarDefinition;
use super::index::Index;
use super::overrides::{self, MONDAY, Override};
use super::week::{DAY, WEEK, Week};
use super::zone::{BEGINNING, CYCLE, Zone, days_since_epoch};

/// An interval of UTC time: first open, then closed, then following the weekly hours. Either of the first two may be
/// empty.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// The UTC second at which the piece starts. It ends at the start of the next piece.
    start: i64,
    /// Open seconds in all earlier pieces.
    before: i64,
    /// Seconds that the piece is open, counted from its start.
    open: u32,
    /// Seconds from the start until the weekly hours apply; at least `open`.
    wait: u32,
    /// The second of the week, counted from Monday 00:00 local time, at which the weekly hours start to apply.
    phase: u32,
    /// Open seconds in the week before `phase`.
    done: u32,
    /// The UTC date of the start, if chrono can represent it. Within a year, adding days to a date is much faster in
    /// chrono than converting seconds to a date.
    date: Option<NaiveDate>,
    /// The second of `date` at which the piece starts.
    second: u32,
}

impl Piece {
    /// Returns the position in the week `elapsed` seconds after the start; `phase` before the weekly hours apply.
    #[inline]
    fn position(&self, elapsed: u64) -> u64 {
        u64::from(self.phase) + elapsed.saturating_sub(u64::from(self.wait))
    }

    /// Returns the seconds from the start to an instant in this piece.
    #[inline]
    fn elapsed(&self, at: i64) -> u64 {
        (at - self.start) as u64
    }

    /// Returns the open seconds before an instant in this piece.
    #[inline]
    fn open_before(&self, at: i64, week: &Week) -> i64 {
        let elapsed = self.elapsed(at);
        let at_first = elapsed.min(u64::from(self.open)) as i64;
        self.before + at_first + week.open_before(self.position(elapsed)) - i64::from(self.done)
    }

    /// Returns the seconds from the start until the total of open seconds is `open`.
    ///
    /// `None` if the weekly hours never open. The end of the piece is not checked.
    #[inline(always)]
    fn elapsed_at(&self, open: i64, week: &Week) -> Option<i64> {
        let remaining = open - self.before;
        let at_first = i64::from(self.open);
        if remaining <= at_first {
            return Some(remaining);
        }
        let position = week.position_of(remaining - at_first + i64::from(self.done))?;
        Some(position - i64::from(self.phase) + i64::from(self.wait))
    }

    /// Returns the instant `elapsed` seconds after the start.
    #[inline(always)]
    fn date_time(&self, elapsed: i64) -> Option<DateTime<Utc>> {
        let Some(date) = self.date else { return DateTime::from_timestamp(self.start + elapsed, 0) };
        let seconds = elapsed as u64 + u64::from(self.second);
        let date = date.checked_add_days(Days::new(seconds / DAY as u64))?;
        let time = NaiveTime::from_num_seconds_from_midnight_opt((seconds % DAY as u64) as u32, 0)?;
        Some(date.and_time(time).and_utc())
    }

    /// Returns the closed seconds before this piece, up to a constant that is the same for all pieces.
    fn closed_before(&self) -> i64 {
        self.start - self.before
    }
}

/// The override in force at an instant.
pub(super) struct ActiveOverride {
    /// The local second, moved by whole 400-year cycles into the years that the pieces cover.
    pub(super) local: i64,
    /// Seconds until the override ends.
    pub(super) seconds: i64,
}

/// A number of seconds beyond the range of instants, small enough to be multiplied without overflow.
const FOREVER: i64 = 1 << 44;

#[derive(Debug)]
pub(super) struct Timeline {
    week: Week,
    pieces: Box<[Piece]>,
    by_start: Index,
    by_before: Index,
    /// The start of the range that the pieces cover. All earlier time repeats the 400 years after it. `i64::MIN` if the
    /// first piece extends backwards without end.
    first: i64,
    /// The end of the range that the pieces cover. All later time repeats the 400 years before it. `i64::MAX` if the
    /// last piece extends forwards without end.
    last: i64,
    /// Open seconds before `last`; [`FOREVER`] if the last piece has no end.
    last_open: i64,
    /// Open seconds in the 400 years after `first`.
    first_cycle: i64,
    /// Open seconds in the 400 years before `last`.
    last_cycle: i64,
}

impl Timeline {
    pub(super) fn new(definition: &CalendarDefinition, zone: &Zone) -> Timeline {
        let week = overrides::week(definition);
        let rules = definition.date_rules();
        let is_annual = rules.iter().any(|rule| matches!(rule, DateRule::Every { .. }));
        let dated = || {
            rules.iter().filter_map(|rule| match rule {
                DateRule::On(date) => Some(days_since_epoch(*date)),
                DateRule::Every { .. } => None,
            })
        };
        // A shift reaches into the next date, and local dates differ from UTC dates by up to a day. Four days cover
        // both.
        let first_change = zone.changes().next().map_or(zone.settled(), |change| change.at);
        let begin = dated().min().map_or(first_change, |day| first_change.min((day - 4) * DAY));
        let settled = dated().max().map_or(zone.settled(), |day| zone.settled().max((day + 4) * DAY));

        let first = if is_annual { begin - CYCLE } else { i64::MIN };
        let repeats = is_annual || (zone.repeats() && week.is_mixed());
        let last = if repeats { settled + CYCLE } else { i64::MAX };
        let start = first.max(BEGINNING);
        let end = if repeats { last } else { settled + 1 };

        let year_of = |at: i64| overrides::date_of(at.div_euclid(DAY)).map_or(0, |date| date.year());
        let years = if is_annual { year_of(start) - 1..year_of(end) + 2 } else { 0..0 };
        let overrides = overrides::for_days(definition, &overrides::special_days(definition, years));

        let mut pieces = PiecesBuilder { week: &week, list: Vec::new() };
        pieces.cut(start, end, zone, &overrides);
        let pieces = pieces.list.into_boxed_slice();
        let by_start = Index::new(&pieces, |piece: &Piece| piece.start);
        let by_before = Index::new(&pieces, |piece: &Piece| piece.before);
        let mut timeline = Timeline {
            week,
            pieces,
            by_start,
            by_before,
            first,
            last,
            last_open: FOREVER,
            first_cycle: 0,
            last_cycle: 0,
        };
        if is_annual {
            timeline.first_cycle = timeline.within(first + CYCLE) - timeline.within(first);
        }
        if repeats {
            timeline.last_open = timeline.within(last);
            timeline.last_cycle = timeline.last_open - timeline.within(last - CYCLE);
        }
        timeline
    }

    /// Returns the number of 400-year cycles to subtract from an instant to bring it into the range of the pieces.
    fn cycles(&self, at: i64) -> i64 {
        if at >= self.last {
            (at - (self.last - CYCLE)).div_euclid(CYCLE)
        } else if at < self.first {
            (at - self.first).div_euclid(CYCLE)
        } else {
            0
        }
    }

    // Forced inlining on the path of `add` and `between` saves a third of their time.
    #[inline(always)]
    fn piece_at(&self, at: i64) -> &Piece {
        &self.pieces[self.by_start.find(&self.pieces, at, |piece| piece.start)]
    }

    /// Returns the open seconds before an instant, counted from a fixed origin.
    #[inline(always)]
    pub(super) fn open_before(&self, at: i64) -> i64 {
        if self.first <= at && at < self.last { self.within(at) } else { self.beyond(at) }
    }

    #[inline(always)]
    fn within(&self, at: i64) -> i64 {
        self.piece_at(at).open_before(at, &self.week)
    }

    #[cold]
    fn beyond(&self, at: i64) -> i64 {
        let cycles = self.cycles(at);
        let open_per_cycle = if cycles < 0 { self.first_cycle } else { self.last_cycle };
        self.within(at - cycles * CYCLE) + cycles * open_per_cycle
    }

    /// Returns true if the second that starts at an instant is open.
    pub(super) fn is_open(&self, at: i64) -> bool {
        let at = at - self.cycles(at) * CYCLE;
        let piece = self.piece_at(at);
        let elapsed = piece.elapsed(at);
        elapsed < u64::from(piece.open)
            || (elapsed >= u64::from(piece.wait) && self.week.is_open(piece.position(elapsed)))
    }

    /// Returns the earliest instant with `open` open seconds before it, which is the end of an open second.
    ///
    /// `None` if the count is never reached, or is reached outside the range of `i64` seconds.
    #[inline(always)]
    pub(super) fn instant_of(&self, open: i64) -> Option<i64> {
        if 0 < open && open <= self.last_open { self.instant_within(open) } else { self.instant_beyond(open) }
    }

    /// Returns the result of [`instant_of`](Timeline::instant_of) as a `DateTime`. `None` outside chrono's range.
    #[inline(always)]
    pub(super) fn date_time_of(&self, open: i64) -> Option<DateTime<Utc>> {
        if 0 < open && open <= self.last_open {
            let piece = self.piece_of(open);
            piece.date_time(piece.elapsed_at(open, &self.week)?)
        } else {
            DateTime::from_timestamp(self.instant_beyond(open)?, 0)
        }
    }

    /// Returns the piece in which the count is reached. A count reached exactly at the end of a piece belongs to that
    /// piece.
    #[inline(always)]
    fn piece_of(&self, open: i64) -> &Piece {
        &self.pieces[self.by_before.find(&self.pieces, open - 1, |piece| piece.before)]
    }

    fn instant_within(&self, open: i64) -> Option<i64> {
        let piece = self.piece_of(open);
        Some(piece.start + piece.elapsed_at(open, &self.week)?)
    }

    #[cold]
    fn instant_beyond(&self, open: i64) -> Option<i64> {
        let (open_per_cycle, excess) = if open <= 0 {
            (self.first_cycle, open - 1)
        } else {
            (self.last_cycle, open - (self.last_open - self.last_cycle) - 1)
        };
        if open_per_cycle == 0 || open > FOREVER {
            return None;
        }
        let cycles = excess.div_euclid(open_per_cycle);
        self.instant_within(open - cycles * open_per_cycle)?.checked_add(cycles.checked_mul(CYCLE)?)
    }

    /// Returns the first closed second at or after an instant. `None` if the calendar never closes again.
    pub(super) fn closed_from(&self, at: i64) -> Option<i64> {
        let mut at = at;
        loop {
            let cycles = self.cycles(at);
            let (open_per_cycle, end) = if cycles < 0 {
                (self.first_cycle, self.first + CYCLE)
            } else {
                (self.last_cycle, self.last)
            };
            if let Some(closed) = self.closed_within(at - cycles * CYCLE).filter(|&closed| closed < end) {
                return Some(closed + cycles * CYCLE);
            }
            // Nothing closes before the end of the pieces or of this cycle. Continue with the next cycle, unless all
            // cycles are open throughout.
            at = match (cycles, open_per_cycle) {
                (..0, CYCLE) => self.first,
                (0.., CYCLE) => return None,
                _ if end == i64::MAX => return None,
                _ => end + cycles * CYCLE,
            };
        }
    }

    fn closed_within(&self, at: i64) -> Option<i64> {
        // Skip to the last piece with the same number of closed seconds before it: nothing closes on the way there.
        let closed = at - self.within(at);
        let later = self.pieces.partition_point(|piece| piece.closed_before() <= closed);
        let piece = self.pieces[later.saturating_sub(1)];
        let elapsed = piece.elapsed(at.max(piece.start)).max(u64::from(piece.open));
        if elapsed < u64::from(piece.wait) {
            return Some(piece.start + elapsed as i64);
        }
        let closed = self.week.closed_from(piece.position(elapsed))?;
        Some(piece.start + i64::from(piece.wait) + closed - i64::from(piece.phase))
    }

    /// Returns the end of the piece that contains an instant, or the end of the 400-year cycle if that comes first.
    ///
    /// `None` if the piece has no end.
    pub(super) fn piece_end(&self, at: i64) -> Option<i64> {
        let cycles = self.cycles(at);
        let inside = at - cycles * CYCLE;
        let end = if cycles < 0 { self.first + CYCLE } else { self.last };
        let next = self.by_start.find(&self.pieces, inside, |piece| piece.start) + 1;
        let end = self.pieces.get(next).map_or(end, |next| end.min(next.start));
        (end != i64::MAX).then_some(end + cycles * CYCLE)
    }

    /// Returns the override in force at an instant.
    pub(super) fn override_at(&self, at: i64, zone: &Zone) -> Option<ActiveOverride> {
        let inside = at - self.cycles(at) * CYCLE;
        let piece = self.piece_at(inside);
        let remaining = i64::from(piece.wait) - piece.elapsed(inside) as i64;
        (remaining > 0).then(|| ActiveOverride { local: inside + zone.offset_at(inside), seconds: remaining })
    }

    /// Returns the size of the heap allocations in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.pieces)
            + self.by_start.heap_bytes()
            + self.by_before.heap_bytes()
            + self.week.heap_bytes()
    }
}

/// A builder for the pieces of a timeline.
struct PiecesBuilder<'w> {
    week: &'w Week,
    list: Vec<Piece>,
}

impl PiecesBuilder<'_> {
    /// Adds the pieces of UTC time from `start` to `end`, cut at each clock change and at each override.
    fn cut(&mut self, start: i64, end: i64, zone: &Zone, overrides: &[Override]) {
        let mut changes =
            zone.changes().skip_while(|change| change.at <= start).take_while(|change| change.at < end);
        let (mut from, mut offset) = (start, zone.offset_at(start));
        loop {
            let change = changes.next();
            let to = change.map_or(i64::MAX, |change| change.at);
            self.cut_constant_offset(from, to, offset, overrides);
            match change {
                Some(change) => (from, offset) = (change.at, change.offset),
                None => return,
            }
        }
    }

    /// Adds the pieces of an interval with a constant offset from UTC.
    fn cut_constant_offset(&mut self, from: i64, to: i64, offset: i64, overrides: &[Override]) {
        let count = overrides.partition_point(|it| it.start - offset <= from);
        let (started, coming) = overrides.split_at(count);
        match started.last() {
            // The clocks change during an override; the rest of the override follows the new local time.
            Some(active) if active.resume - offset > from => {
                self.push(from, active.open - offset, (active.resume - offset).min(to), offset);
            }
            _ => self.push_weekly(from, offset),
        }
        for Override { start, open, resume } in coming.iter().take_while(|next| next.start - offset < to) {
            self.push(start - offset, open - offset, (resume - offset).min(to), offset);
        }
    }

    /// Adds a piece that follows the weekly hours from its start.
    fn push_weekly(&mut self, start: i64, offset: i64) {
        // A clock change has no effect on a week that is always or never open, so no piece is needed.
        let follows_week = |last: &Piece| last.start + i64::from(last.wait) <= start;
        if self.week.is_mixed() || !self.list.last().is_some_and(follows_week) {
            self.push(start, start, start, offset);
        }
    }

    /// Adds a piece that is open until `open`, then closed until `resume`.
    fn push(&mut self, start: i64, open: i64, resume: i64, offset: i64) {
        // 68 years. A longer override becomes several pieces, so that its seconds fit in 32 bits.
        const LONGEST: i64 = i32::MAX as i64;
        let mut start = start;
        loop {
            let wait = (resume - start).min(LONGEST);
            let open = (open - start).clamp(0, wait);
            let phase = (start + wait + offset - MONDAY).rem_euclid(WEEK);
            let before = self.list.last().map_or(0, |last| last.open_before(start, self.week));
            let done = self.week.open_before(phase as u64);
            self.list.push(Piece {
                start,
                before,
                open: open as u32,
                wait: wait as u32,
                phase: phase as u32,
                done: done as u32,
                date: overrides::date_of(start.div_euclid(DAY)),
                second: start.rem_euclid(DAY) as u32,
            });
            start += wait;
            if start >= resume {
                return;
            }
        }
    }
}
