//! The compiled form: open time as a function of UTC, in closed form.
//!
//! # How it works
//! UTC time is cut into pieces wherever the zone's clocks change or the agenda departs from the week. Inside a
//! piece the wall clock runs evenly, so that the open time is that of the week, shifted: no local time is ever
//! turned back into UTC, and skipped or repeated hours need no rule. Each piece knows how much was open before
//! it, so that a question is one search for a piece and one evaluation of the week, whatever the span.
//!
//! The pieces reach from the zone's first change to the last dated entry, and then through 400 years more if the
//! clocks go on changing or a rule is annual. 400 Gregorian years are a whole number of weeks, so that all that
//! comes later is a repetition. (The same before the first change, if a rule is annual.) Nothing is searched for
//! and there is no horizon; whether a calendar ever opens again is known.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};

use super::date_rule::DateRule;
use super::definition::Definition;
use super::index::Index;
use super::overrides::{self, MONDAY, Override};
use super::week::{DAY, WEEK, Week};
use super::zone::{BEGINNING, CYCLE, Zone, days_since_epoch};

/// A stretch of UTC time: open for a while, then closed for a while, then as the week.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// UTC second at which it begins; it ends where the next begins.
    start: i64,
    /// Open seconds of all pieces before it.
    before: i64,
    /// Seconds for which it is open from its start.
    open: u32,
    /// Seconds from its start until the week holds; at least `open`.
    wait: u32,
    /// The second of the week, since Monday 00:00 of the wall clock, at which the week begins to hold.
    phase: u32,
    /// Open seconds of the week before `phase`.
    done: u32,
    /// The date of its start by UTC, if chrono has it, and the second of that date: within a year chrono counts from
    /// a date much faster than it makes one from seconds.
    date: Option<NaiveDate>,
    second: u32,
}

impl Piece {
    /// The second of the week at this many seconds after its start, when the week holds.
    #[inline]
    fn position(&self, elapsed: u64) -> u64 {
        u64::from(self.phase) + elapsed.saturating_sub(u64::from(self.wait))
    }

    /// Seconds from its start to an instant in it.
    #[inline]
    fn elapsed(&self, at: i64) -> u64 {
        (at - self.start) as u64
    }

    /// Open seconds before an instant in it.
    #[inline]
    fn open_before(&self, at: i64, week: &Week) -> i64 {
        let elapsed = self.elapsed(at);
        let at_first = elapsed.min(u64::from(self.open)) as i64;
        self.before + at_first + week.open_before(self.position(elapsed)) - i64::from(self.done)
    }

    /// Seconds from its start until so much is open, if that is so before its end.
    #[inline(always)]
    fn elapsed_at(&self, open: i64, week: &Week) -> Option<i64> {
        let missing = open - self.before;
        let at_first = i64::from(self.open);
        if missing <= at_first {
            return Some(missing);
        }
        let position = week.position_of(missing - at_first + i64::from(self.done))?;
        Some(position - i64::from(self.phase) + i64::from(self.wait))
    }

    /// The instant so many seconds after its start.
    #[inline(always)]
    fn date_time(&self, elapsed: i64) -> Option<DateTime<Utc>> {
        let Some(date) = self.date else { return DateTime::from_timestamp(self.start + elapsed, 0) };
        let seconds = elapsed as u64 + u64::from(self.second);
        let date = date.checked_add_days(Days::new(seconds / DAY as u64))?;
        let time = NaiveTime::from_num_seconds_from_midnight_opt((seconds % DAY as u64) as u32, 0)?;
        Some(date.and_time(time).and_utc())
    }

    /// Closed seconds of all pieces before it, less a number that is the same for all pieces.
    fn closed_before(&self) -> i64 {
        self.start - self.before
    }
}

/// A departure from the week that is going on.
pub(super) struct Ongoing {
    /// The same local time in the years that the table covers, where dates can be looked up.
    pub(super) local: i64,
    /// Seconds for which it goes on.
    pub(super) seconds: i64,
}

/// More seconds than there are instants; fewer can be multiplied without overflow.
const EVER: i64 = 1 << 44;

#[derive(Debug)]
pub(super) struct Timeline {
    week: Week,
    pieces: Box<[Piece]>,
    by_start: Index,
    by_before: Index,
    /// The pieces hold from here; the 400 years from here repeat backwards. `i64::MIN` if the first piece does.
    first: i64,
    /// The pieces hold until here; the 400 years before repeat. `i64::MAX` if the last piece does.
    last: i64,
    /// Open seconds before `last`; [`EVER`] if the last piece has no end.
    last_open: i64,
    /// Open seconds of the 400 years after `first`, and of the 400 years before `last`.
    first_cycle: i64,
    last_cycle: i64,
}

impl Timeline {
    pub(super) fn new(definition: &Definition, zone: &Zone) -> Timeline {
        let week = overrides::week(definition);
        let occasions = definition.occasions();
        let is_annual = occasions.iter().any(|occasion| matches!(occasion, DateRule::Every { .. }));
        let dated = || {
            occasions.iter().filter_map(|occasion| match occasion {
                DateRule::On(date) => Some(days_since_epoch(*date)),
                DateRule::Every { .. } => None,
            })
        };
        // A date reaches into the next one and is up to a day away from UTC's; four days are ample.
        let first_change = zone.changes().next().map_or(zone.settled(), |change| change.at);
        let begin = dated().min().map_or(first_change, |day| first_change.min((day - 4) * DAY));
        let settled = dated().max().map_or(zone.settled(), |day| zone.settled().max((day + 4) * DAY));

        let first = if is_annual { begin - CYCLE } else { i64::MIN };
        let goes_on = is_annual || (zone.repeats() && week.is_mixed());
        let last = if goes_on { settled + CYCLE } else { i64::MAX };
        let start = first.max(BEGINNING);
        let end = if goes_on { last } else { settled + 1 };

        let year_of = |at: i64| overrides::date_of(at.div_euclid(DAY)).map_or(0, |date| date.year());
        let years = if is_annual { year_of(start) - 1..year_of(end) + 2 } else { 0..0 };
        let override_s = overrides::override_s(definition, &overrides::special_days(definition, years));

        let mut pieces = Pieces { week: &week, list: Vec::new() };
        pieces.cut(start, end, zone, &override_s);
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
            last_open: EVER,
            first_cycle: 0,
            last_cycle: 0,
        };
        if is_annual {
            timeline.first_cycle = timeline.within(first + CYCLE) - timeline.within(first);
        }
        if goes_on {
            timeline.last_open = timeline.within(last);
            timeline.last_cycle = timeline.last_open - timeline.within(last - CYCLE);
        }
        timeline
    }

    /// By how many times 400 years an instant lies outside the pieces.
    fn turns(&self, at: i64) -> i64 {
        if at >= self.last {
            (at - (self.last - CYCLE)).div_euclid(CYCLE)
        } else if at < self.first {
            (at - self.first).div_euclid(CYCLE)
        } else {
            0
        }
    }

    // The path of a question is inlined by force, here and in what it calls: that saves a third of its time.
    #[inline(always)]
    fn piece_at(&self, at: i64) -> &Piece {
        &self.pieces[self.by_start.find(&self.pieces, at, |piece| piece.start)]
    }

    /// Open seconds before an instant. Where they are counted from is the same for all instants.
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
        let turns = self.turns(at);
        let cycle = if turns < 0 { self.first_cycle } else { self.last_cycle };
        self.within(at - turns * CYCLE) + turns * cycle
    }

    /// Whether the second that begins at an instant is open.
    pub(super) fn is_open(&self, at: i64) -> bool {
        let at = at - self.turns(at) * CYCLE;
        let piece = self.piece_at(at);
        let elapsed = piece.elapsed(at);
        elapsed < u64::from(piece.open)
            || (elapsed >= u64::from(piece.wait) && self.week.is_open(piece.position(elapsed)))
    }

    /// The end of the open second with this number: the earliest instant before which so many are open.
    /// `None` if there are not so many, or not within the range of instants.
    #[inline(always)]
    pub(super) fn instant_of(&self, open: i64) -> Option<i64> {
        if 0 < open && open <= self.last_open { self.instant_within(open) } else { self.instant_beyond(open) }
    }

    /// The same as chrono's instant.
    #[inline(always)]
    pub(super) fn date_time_of(&self, open: i64) -> Option<DateTime<Utc>> {
        if 0 < open && open <= self.last_open {
            let piece = self.piece_of(open);
            piece.date_time(piece.elapsed_at(open, &self.week)?)
        } else {
            DateTime::from_timestamp(self.instant_beyond(open)?, 0)
        }
    }

    /// The piece before whose end the count is reached: a sum that ends with a piece ends there.
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
        let (cycle, excess) = if open <= 0 {
            (self.first_cycle, open - 1)
        } else {
            (self.last_cycle, open - (self.last_open - self.last_cycle) - 1)
        };
        if cycle == 0 || open > EVER {
            return None;
        }
        let turns = excess.div_euclid(cycle);
        self.instant_within(open - turns * cycle)?.checked_add(turns.checked_mul(CYCLE)?)
    }

    /// The first closed second at or after an instant; `None` if it never closes again.
    pub(super) fn closed_from(&self, at: i64) -> Option<i64> {
        let mut at = at;
        loop {
            let turns = self.turns(at);
            let (cycle, end) =
                if turns < 0 { (self.first_cycle, self.first + CYCLE) } else { (self.last_cycle, self.last) };
            if let Some(closed) = self.closed_within(at - turns * CYCLE).filter(|&closed| closed < end) {
                return Some(closed + turns * CYCLE);
            }
            // Nothing closes before the end of the pieces, or of these 400 years: then it is in the next 400
            // years, or in none of them.
            at = match (turns, cycle) {
                (..0, CYCLE) => self.first,
                (0.., CYCLE) => return None,
                _ if end == i64::MAX => return None,
                _ => end + turns * CYCLE,
            };
        }
    }

    fn closed_within(&self, at: i64) -> Option<i64> {
        // No second between the instant and the last piece with as many closed seconds before it is closed.
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

    /// The end of the piece in which an instant lies, or an earlier instant after it; `None` if it has no end.
    pub(super) fn piece_end(&self, at: i64) -> Option<i64> {
        let turns = self.turns(at);
        let inside = at - turns * CYCLE;
        let end = if turns < 0 { self.first + CYCLE } else { self.last };
        let next = self.by_start.find(&self.pieces, inside, |piece| piece.start) + 1;
        let end = self.pieces.get(next).map_or(end, |next| end.min(next.start));
        (end != i64::MAX).then_some(end + turns * CYCLE)
    }

    /// The departure from the week that is going on at an instant.
    pub(super) fn departure_at(&self, at: i64, zone: &Zone) -> Option<Ongoing> {
        let inside = at - self.turns(at) * CYCLE;
        let piece = self.piece_at(inside);
        let left = i64::from(piece.wait) - piece.elapsed(inside) as i64;
        (left > 0).then(|| Ongoing { local: inside + zone.offset_at(inside), seconds: left })
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.pieces)
            + self.by_start.heap_bytes()
            + self.by_before.heap_bytes()
            + self.week.heap_bytes()
    }
}

/// Pieces in the making.
struct Pieces<'w> {
    week: &'w Week,
    list: Vec<Piece>,
}

impl Pieces<'_> {
    /// Cuts UTC time from `start` to `end`, wherever clocks change or a departure begins.
    fn cut(&mut self, start: i64, end: i64, zone: &Zone, override_s: &[Override]) {
        let mut changes =
            zone.changes().skip_while(|change| change.at <= start).take_while(|change| change.at < end);
        let (mut from, mut offset) = (start, zone.offset_at(start));
        loop {
            let change = changes.next();
            let to = change.map_or(i64::MAX, |change| change.at);
            self.cut_even(from, to, offset, override_s);
            match change {
                Some(change) => (from, offset) = (change.at, change.offset),
                None => return,
            }
        }
    }

    /// Cuts a stretch during which the wall clock runs evenly.
    fn cut_even(&mut self, from: i64, to: i64, offset: i64, override_s: &[Override]) {
        let begun = override_s.partition_point(|override_| override_.start - offset <= from);
        let (ongoing, coming) = override_s.split_at(begun);
        match ongoing.last() {
            // The clocks change in the middle of a departure; what is left of it goes on by the new time.
            Some(override_) if override_.resume - offset > from => {
                self.push(from, override_.open - offset, (override_.resume - offset).min(to), offset);
            }
            _ => self.push_weekly(from, offset),
        }
        for override_ in coming.iter().take_while(|override_| override_.start - offset < to) {
            let Override { start, open, resume } = override_;
            self.push(start - offset, open - offset, (resume - offset).min(to), offset);
        }
    }

    /// A piece that is as the week from its start.
    fn push_weekly(&mut self, start: i64, offset: i64) {
        // Whether the clocks are changed makes no difference to a week that is always or never open.
        let holds = |last: &Piece| last.start + i64::from(last.wait) <= start;
        if self.week.is_mixed() || !self.list.last().is_some_and(holds) {
            self.push(start, start, start, offset);
        }
    }

    /// A piece that is open until `open`, then closed until `resume`.
    fn push(&mut self, start: i64, open: i64, resume: i64, offset: i64) {
        // A departure of more than 68 years makes several pieces.
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
