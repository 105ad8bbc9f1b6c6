//! The week's open time as a function: how much of it has passed, and when so much has passed.

use chrono::Weekday;

/// Monday to Friday.
pub const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// Monday to Sunday.
pub const EVERY_DAY: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;
/// Seconds of a week.
pub(super) const WEEK: i64 = 7 * DAY;

/// The weekly hours, as seconds since a Monday's local midnight, repeated without end.
///
/// All positions are counted from one Monday 00:00 of the wall clock and are never negative.
#[derive(Debug)]
pub(super) struct Week {
    /// Open seconds of a week.
    total: i64,
    /// 2^64 divided by `total`, rounded up: a multiplication by it is a division by `total`, rounded down, of numbers
    /// below 2^64 / `total`, which is more than 2^44.
    reciprocal: u64,
    /// Open stretches in order, without overlaps, after an empty one at the beginning of the week: every second of
    /// the week has a last stretch that begins at or before it.
    stretches: Box<[Stretch]>,
    /// For each 17 minutes of the week, the one stretch that has a part of it: no search is needed. With an empty
    /// stretch where there is none, and [`CROWDED`] where there are several.
    by_time: Box<[Stretch]>,
    /// For each 17 minutes of the week's open time, where in the week they are.
    by_open: Box<[Place]>,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: u32,
    seconds: u32,
    /// Open seconds of the week before it.
    before: u32,
}

/// Where a short part of the week's open time is: in one stretch, or the end of one and the beginning of the next.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Closed seconds of the week before it.
    closed: u32,
    /// The open second of the week with which the next stretch begins.
    edge: u32,
    /// Closed seconds between the two stretches, or [`CROWDED`] if there are more than two.
    gap: u32,
}

/// Slots are `1 << SLOT` seconds wide.
const SLOT: u32 = 10;

/// More stretches than a slot has room for. No stretch or gap is as long.
const CROWDED: u32 = u32::MAX;

impl Stretch {
    /// Open seconds before a second of the week that this stretch alone is near to.
    #[inline]
    fn open_before(&self, in_week: u32) -> i64 {
        i64::from(self.before + in_week.saturating_sub(self.start).min(self.seconds))
    }

    fn end(self) -> u32 {
        self.start + self.seconds
    }
}

impl Week {
    /// The week with these open intervals, which may overlap and reach into the next week.
    pub(super) fn new(intervals: impl Iterator<Item = (i64, i64)>) -> Week {
        let mut parts: Vec<(i64, i64)> = Vec::new();
        for (start, end) in intervals {
            parts.push((start, end.min(WEEK)));
            if end > WEEK {
                parts.push((0, end - WEEK));
            }
        }
        let parts = union(parts);
        let mut stretches = vec![Stretch { start: 0, seconds: 0, before: 0 }];
        let mut total = 0;
        for (start, end) in parts {
            stretches.push(Stretch {
                start: start as u32,
                seconds: (end - start) as u32,
                before: total as u32,
            });
            total += end - start;
        }
        let by_time = slots(WEEK).map(|at| stretch_near(&stretches, at)).collect();
        let by_open = slots(total).map(|at| place_of(&stretches, at)).collect();
        let reciprocal = (u64::MAX / total.max(1) as u64).saturating_add(1);
        Week { total, reciprocal, stretches: stretches.into_boxed_slice(), by_time, by_open }
    }

    /// Whether the week has both open and closed time.
    pub(super) fn is_mixed(&self) -> bool {
        0 < self.total && self.total < WEEK
    }

    /// Open seconds from the first Monday to `position`.
    #[inline]
    pub(super) fn open_before(&self, position: u64) -> i64 {
        let (weeks, in_week) = split(position);
        let slot = &self.by_time[(in_week >> SLOT) as usize];
        let in_week = if slot.seconds != CROWDED { slot.open_before(in_week) } else { self.crowded(in_week) };
        weeks * self.total + in_week
    }

    #[cold]
    fn crowded(&self, in_week: u32) -> i64 {
        self.stretch_at(in_week).open_before(in_week)
    }

    /// The last stretch that begins at or before a second of the week.
    fn stretch_at(&self, in_week: u32) -> Stretch {
        self.stretches[self.stretches.partition_point(|stretch| stretch.start <= in_week).saturating_sub(1)]
    }

    /// Whether the second that begins at `position` is open.
    pub(super) fn is_open(&self, position: u64) -> bool {
        let (_, in_week) = split(position);
        let slot = self.by_time[(in_week >> SLOT) as usize];
        let stretch = if slot.seconds != CROWDED { slot } else { self.stretch_at(in_week) };
        stretch.start <= in_week && in_week < stretch.end()
    }

    /// The end of the `open`th open second after the first Monday; `None` if the week is closed. `open` is from 1
    /// to 2^44, which is more than all time.
    #[inline]
    pub(super) fn position_of(&self, open: i64) -> Option<i64> {
        // Counted from the second before, so that a sum which ends with a stretch ends there and not at the next.
        let weeks = ((u128::from(open as u64 - 1) * u128::from(self.reciprocal)) >> 64) as i64;
        let in_week = (open - 1 - weeks * self.total) as u32;
        let place = self.by_open.get((in_week >> SLOT) as usize)?;
        let closed = match place.gap {
            CROWDED => self.closed_before_open(in_week),
            gap => place.closed + if in_week < place.edge { 0 } else { gap },
        };
        Some(weeks * WEEK + i64::from(in_week) + 1 + i64::from(closed))
    }

    /// Closed seconds of the week before an open second of it.
    #[cold]
    fn closed_before_open(&self, open: u32) -> u32 {
        closed_before(&self.stretches, self.stretches.partition_point(|stretch| stretch.before <= open))
    }

    /// The first closed second at or after `position`; `None` if the week is never closed.
    pub(super) fn closed_from(&self, position: u64) -> Option<i64> {
        if self.total == WEEK {
            return None;
        }
        let (weeks, in_week) = split(position);
        let closed = match i64::from(self.stretch_at(in_week).end().max(in_week)) {
            // The night from Sunday to Monday goes on in the next week's first stretch.
            WEEK => WEEK + i64::from(self.stretch_at(0).end()),
            closed => closed,
        };
        Some(weeks * WEEK + closed)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.stretches) + size_of_val(&*self.by_time) + size_of_val(&*self.by_open)
    }
}

/// The beginnings of the slots up to `end`.
fn slots(end: i64) -> impl Iterator<Item = u32> {
    (0..end as u32).step_by(1 << SLOT)
}

/// The stretch that has a part of the slot which begins at this second of the week.
fn stretch_near(stretches: &[Stretch], at: u32) -> Stretch {
    let passed = stretches.partition_point(|stretch| stretch.end() <= at);
    let reaching = stretches.partition_point(|stretch| stretch.start < at + (1 << SLOT));
    match stretches.get(passed..reaching).unwrap_or_default() {
        [] => {
            let before = stretches[..passed].last().map_or(0, |last| last.before + last.seconds);
            Stretch { start: at, seconds: 0, before }
        }
        [stretch] => *stretch,
        [..] => Stretch { start: at, seconds: CROWDED, before: 0 },
    }
}

/// The place of the slot which begins at this open second of the week.
fn place_of(stretches: &[Stretch], at: u32) -> Place {
    let begun = stretches.partition_point(|stretch| stretch.before <= at);
    let closed = closed_before(stretches, begun);
    let within = stretches[begun..].iter().take_while(|stretch| stretch.before < at + (1 << SLOT)).count();
    match within {
        0 => Place { closed, edge: at, gap: 0 },
        1 => {
            Place { closed, edge: stretches[begun].before, gap: closed_before(stretches, begun + 1) - closed }
        }
        _ => Place { closed, edge: at, gap: CROWDED },
    }
}

/// Closed seconds of the week before the last of so many stretches.
fn closed_before(stretches: &[Stretch], begun: usize) -> u32 {
    stretches[..begun].last().map_or(0, |stretch| stretch.start - stretch.before)
}

/// Whole weeks, and seconds of the week.
#[inline]
fn split(position: u64) -> (i64, u32) {
    ((position / WEEK as u64) as i64, (position % WEEK as u64) as u32)
}

/// The same times as sorted intervals that neither touch nor overlap; empty ones are dropped.
pub(super) fn union(mut intervals: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    intervals.retain(|(start, end)| start < end);
    intervals.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::with_capacity(intervals.len());
    for (start, end) in intervals {
        match joined.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => joined.push((start, end)),
        }
    }
    joined
}
