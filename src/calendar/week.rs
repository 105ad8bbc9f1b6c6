//! The weekly hours: the open time before a position in the week, and the inverse function.

use chrono::Weekday;

/// Monday to Friday.
pub const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// Monday to Sunday.
pub const EVERY_DAY: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;
/// Seconds in a week.
pub(super) const WEEK: i64 = 7 * DAY;

/// The weekly hours, repeated forever.
///
/// A position is a number of local seconds since a fixed Monday 00:00. Positions are never negative.
#[derive(Debug)]
pub(super) struct Week {
    /// Open seconds in a week.
    total: i64,
    /// 2^64 / `total`, rounded up. For `n` below 2^64 / `total`, which exceeds 2^44, the product of `n` and
    /// `reciprocal`, shifted right by 64 bits, is `n / total` rounded down.
    reciprocal: u64,
    /// Open intervals in order, without overlaps. The first is empty and starts at 0, so that every second of the week
    /// has a stretch that starts at or before it.
    stretches: Box<[Stretch]>,
    /// For each slot of the week, the stretch that overlaps it, so that no search is needed. The entry is an empty
    /// stretch if none overlaps the slot, and is marked [`CROWDED`] if several do.
    by_time: Box<[Stretch]>,
    /// For each slot of the open time, its place in the week.
    by_open: Box<[Place]>,
}

/// An open interval of the week.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// The second of the week at which it starts.
    start: u32,
    /// The length in seconds.
    seconds: u32,
    /// Open seconds in the week before it.
    before: u32,
}

/// The place in the week of a slot of open time, which lies in one stretch or in two adjacent ones.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Closed seconds in the week before the slot.
    closed: u32,
    /// The number of the open second at which the second stretch starts.
    edge: u32,
    /// Closed seconds between the two stretches; 0 if there is one stretch, [`CROWDED`] if there are more than two.
    gap: u32,
}

/// Each slot is `1 << SLOT` seconds long, about 17 minutes.
const SLOT: u32 = 10;

/// Marks a slot with too many stretches for direct look-up. It is greater than the length of any stretch or gap.
const CROWDED: u32 = u32::MAX;

impl Stretch {
    /// Returns the open seconds in the week before `in_week`, if no other stretch starts between this one and
    /// `in_week`.
    #[inline]
    fn open_before(&self, in_week: u32) -> i64 {
        i64::from(self.before + in_week.saturating_sub(self.start).min(self.seconds))
    }

    fn end(self) -> u32 {
        self.start + self.seconds
    }
}

impl Week {
    /// Creates a week from open intervals, which may overlap and may reach into the next week.
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
        let by_time = slots(WEEK).map(|at| stretch_in_slot(&stretches, at)).collect();
        let by_open = slots(total).map(|at| place_of(&stretches, at)).collect();
        let reciprocal = (u64::MAX / total.max(1) as u64).saturating_add(1);
        Week { total, reciprocal, stretches: stretches.into_boxed_slice(), by_time, by_open }
    }

    /// Returns true if the week has both open and closed time.
    pub(super) fn is_mixed(&self) -> bool {
        0 < self.total && self.total < WEEK
    }

    /// Returns the open seconds from the first Monday to `position`.
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

    /// Returns the last stretch that starts at or before a second of the week.
    fn stretch_at(&self, in_week: u32) -> Stretch {
        self.stretches[self.stretches.partition_point(|stretch| stretch.start <= in_week).saturating_sub(1)]
    }

    /// Returns true if the second that starts at `position` is open.
    pub(super) fn is_open(&self, position: u64) -> bool {
        let (_, in_week) = split(position);
        let slot = self.by_time[(in_week >> SLOT) as usize];
        let stretch = if slot.seconds != CROWDED { slot } else { self.stretch_at(in_week) };
        stretch.start <= in_week && in_week < stretch.end()
    }

    /// Returns the end of the `open`th open second after the first Monday. `None` if the week is never open.
    ///
    /// `open` must be from 1 to 2^44, which exceeds the range of instants.
    #[inline]
    pub(super) fn position_of(&self, open: i64) -> Option<i64> {
        // Subtract 1 to find the open second itself: its end is never the start of the next stretch.
        let weeks = ((u128::from(open as u64 - 1) * u128::from(self.reciprocal)) >> 64) as i64;
        let in_week = (open - 1 - weeks * self.total) as u32;
        let place = self.by_open.get((in_week >> SLOT) as usize)?;
        let closed = match place.gap {
            CROWDED => self.closed_before_open(in_week),
            gap => place.closed + if in_week < place.edge { 0 } else { gap },
        };
        Some(weeks * WEEK + i64::from(in_week) + 1 + i64::from(closed))
    }

    /// Returns the closed seconds in the week before an open second, given by its number.
    #[cold]
    fn closed_before_open(&self, open: u32) -> u32 {
        closed_before(&self.stretches, self.stretches.partition_point(|stretch| stretch.before <= open))
    }

    /// Returns the first closed second at or after `position`. `None` if the week is never closed.
    pub(super) fn closed_from(&self, position: u64) -> Option<i64> {
        if self.total == WEEK {
            return None;
        }
        let (weeks, in_week) = split(position);
        let closed = match i64::from(self.stretch_at(in_week).end().max(in_week)) {
            // Open to the end of Sunday: the first stretch of the next week continues this one.
            WEEK => WEEK + i64::from(self.stretch_at(0).end()),
            closed => closed,
        };
        Some(weeks * WEEK + closed)
    }

    /// Returns the size of the heap allocations in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.stretches) + size_of_val(&*self.by_time) + size_of_val(&*self.by_open)
    }
}

/// Returns the starts of the slots up to `end`.
fn slots(end: i64) -> impl Iterator<Item = u32> {
    (0..end as u32).step_by(1 << SLOT)
}

/// Returns the stretch that overlaps the slot starting at a second of the week; see [`Week::by_time`].
fn stretch_in_slot(stretches: &[Stretch], at: u32) -> Stretch {
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

/// Returns the place of the slot that starts at an open second of the week.
fn place_of(stretches: &[Stretch], at: u32) -> Place {
    let started = stretches.partition_point(|stretch| stretch.before <= at);
    let closed = closed_before(stretches, started);
    let within = stretches[started..].iter().take_while(|stretch| stretch.before < at + (1 << SLOT)).count();
    match within {
        0 => Place { closed, edge: at, gap: 0 },
        1 => Place {
            closed,
            edge: stretches[started].before,
            gap: closed_before(stretches, started + 1) - closed,
        },
        _ => Place { closed, edge: at, gap: CROWDED },
    }
}

/// Returns the closed seconds in the week before the last of the first `started` stretches.
fn closed_before(stretches: &[Stretch], started: usize) -> u32 {
    stretches[..started].last().map_or(0, |stretch| stretch.start - stretch.before)
}

/// Splits a position into whole weeks and the second of the week.
#[inline]
fn split(position: u64) -> (i64, u32) {
    ((position / WEEK as u64) as i64, (position % WEEK as u64) as u32)
}

/// Sorts intervals, joins those that touch or overlap, and drops empty ones.
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
