//! The week's open time as a function: how much of it has passed, and when so much has passed.

use super::index::Index;

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
    /// Open stretches in order, without overlaps. The first begins at 0 and may be empty, so that every
    /// position has a stretch that begins at or before it.
    stretches: Box<[Stretch]>,
    by_start: Index,
    by_before: Index,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: u32,
    seconds: u32,
    /// Open seconds of the week before it.
    before: u32,
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
        let mut stretches = Vec::with_capacity(parts.len() + 1);
        let mut total = 0;
        if parts.first().is_none_or(|&(start, _)| start > 0) {
            stretches.push(Stretch { start: 0, seconds: 0, before: 0 });
        }
        for (start, end) in parts {
            stretches.push(Stretch {
                start: start as u32,
                seconds: (end - start) as u32,
                before: total as u32,
            });
            total += end - start;
        }
        let by_start = Index::new(stretches.len(), |i| i64::from(stretches[i].start));
        let by_before = Index::new(stretches.len(), |i| i64::from(stretches[i].before));
        Week { total, stretches: stretches.into_boxed_slice(), by_start, by_before }
    }

    /// Open seconds of one week.
    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// Whether the week has both open and closed time.
    pub(super) fn is_mixed(&self) -> bool {
        0 < self.total && self.total < WEEK
    }

    #[inline]
    fn stretch_at(&self, in_week: u32) -> Stretch {
        self.stretches[self.by_start.find(i64::from(in_week), |i| i64::from(self.stretches[i].start))]
    }

    /// Open seconds from the first Monday to `position`.
    #[inline]
    pub(super) fn open_before(&self, position: u64) -> i64 {
        let (weeks, in_week) = split(position);
        let stretch = self.stretch_at(in_week);
        weeks * self.total + i64::from(stretch.before + stretch.seconds.min(in_week - stretch.start))
    }

    /// Whether the second that begins at `position` is open.
    pub(super) fn is_open(&self, position: u64) -> bool {
        let (_, in_week) = split(position);
        let stretch = self.stretch_at(in_week);
        in_week - stretch.start < stretch.seconds
    }

    /// The end of the `open`th open second after the first Monday; `None` if the week is closed or `open` is not
    /// above 0.
    #[inline]
    pub(super) fn position_of(&self, open: i64) -> Option<i64> {
        if self.total == 0 || open <= 0 {
            return None;
        }
        // Counted from the second before, so that a sum which ends with a stretch ends there and not at the next.
        let (weeks, in_week) = ((open - 1) / self.total, (open - 1) % self.total);
        let stretch = self.stretches[self.by_before.find(in_week, |i| i64::from(self.stretches[i].before))];
        Some(weeks * WEEK + i64::from(stretch.start) + in_week + 1 - i64::from(stretch.before))
    }

    /// The first closed second at or after `position`; `None` if the week is never closed.
    pub(super) fn closed_from(&self, position: u64) -> Option<i64> {
        if self.total == WEEK {
            return None;
        }
        let (weeks, in_week) = split(position);
        let stretch = self.stretch_at(in_week);
        let end = stretch.start + stretch.seconds;
        let closed = match i64::from(end.max(in_week)) {
            // The night from Sunday to Monday goes on in the next week's first stretch.
            WEEK => WEEK + self.stretches.first().map_or(0, |first| i64::from(first.seconds)),
            closed => closed,
        };
        Some(weeks * WEEK + closed)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.stretches) + self.by_start.heap_bytes() + self.by_before.heap_bytes()
    }
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
