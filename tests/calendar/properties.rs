//! Properties of every calendar at every instant, even very distant ones.

use crate::soak;

use chrono::{DateTime, TimeDelta, Utc};
use firstline::Calendar;
use firstline::calendar::{DueAtClosing, EVERY_DAY, HolidayCut, OpenState, WORKDAYS};
use proptest::prelude::*;

/// Calendars of many sorts: some are never open, some never close, some end.
fn calendars() -> Vec<Calendar> {
    let built = [
        Calendar::builder("Europe/Berlin")
            .hours(WORKDAYS, "09:00-12:30, 13:30-17:00")
            .holiday("2026-05-14", "Ascension"),
        Calendar::builder("America/New_York")
            .hours(EVERY_DAY, "22:00-06:00")
            .holiday("12-25", "Christmas")
            .exception("07-04", "10:00-11:11"),
        Calendar::builder("Australia/Lord_Howe").always_open().exception("02-29", ""),
        Calendar::builder("UTC").always_open(),
        Calendar::builder("Asia/Tehran").hours(WORKDAYS, "01:00-01:01"),
        Calendar::builder("Pacific/Apia")
            .exception("2011-12-31", "00:30-23:30")
            .exception("1800-01-01", "08:00-09:00"),
        Calendar::builder("Europe/Berlin"),
        Calendar::builder("Europe/Moscow").exception("06-12", "12:00-12:30"),
        Calendar::builder("Africa/Monrovia")
            .hours(EVERY_DAY, "20:00-04:00")
            .holiday("07-26", "")
            .holiday("9999-12-31", "the last")
            .holiday_cut(HolidayCut::CalendarDay),
    ];
    built.into_iter().map(|builder| builder.build().unwrap()).collect()
}

fn calendar() -> impl Strategy<Value = Calendar> {
    prop::sample::select(calendars())
}

/// Near and distant instants, with and without nanoseconds.
fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    let (first, last) = (DateTime::<Utc>::MIN_UTC.timestamp(), DateTime::<Utc>::MAX_UTC.timestamp());
    let seconds = prop_oneof![
        4 => 1_500_000_000i64..2_000_000_000,
        3 => -3_000_000_000i64..8_000_000_000,
        2 => first..=last,
        1 => prop_oneof![first..first + 1_000_000, last - 1_000_000..=last],
    ];
    let nanos = prop_oneof![2 => Just(0u32), 3 => 0u32..1_000_000_000];
    (seconds, nanos).prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

fn duration() -> impl Strategy<Value = TimeDelta> {
    let seconds = prop_oneof![6 => 0i64..100_000, 3 => 0i64..1_000_000_000, 1 => 0i64..20_000_000_000_000];
    let nanos = prop_oneof![Just(0u32), 0u32..1_000_000_000];
    (seconds, nanos).prop_map(|(seconds, nanos)| TimeDelta::new(seconds, nanos).unwrap())
}

const NANO: TimeDelta = TimeDelta::nanoseconds(1);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(soak::drawn(2_000)))]

    #[test]
    fn adjacent_spans_add_up(calendar in calendar(), a in instant(), b in instant(), c in instant()) {
        prop_assert_eq!(calendar.between(a, b) + calendar.between(b, c), calendar.between(a, c));
        prop_assert_eq!(calendar.between(a, b), -calendar.between(b, a));
        let (a, b) = (a.min(b), a.max(b));
        prop_assert!(calendar.between(a, b) >= TimeDelta::zero() && calendar.between(a, b) <= b - a);
    }

    #[test]
    fn a_sum_is_reached_at_the_earliest_instant(calendar in calendar(), a in instant(), n in duration()) {
        match calendar.add(a, n) {
            Some(due) => {
                prop_assert!(due >= a);
                prop_assert_eq!(calendar.between(a, due), n);
                // A nanosecond earlier, the sum is not reached, unless the duration was zero.
                if due > a {
                    prop_assert!(calendar.between(a, due - NANO) < n);
                }
            }
            None => prop_assert!(calendar.between(a, DateTime::<Utc>::MAX_UTC) < n),
        }
    }

    #[test]
    fn a_difference_ends_at_the_latest_instant(calendar in calendar(), a in instant(), n in duration()) {
        match calendar.subtract(a, n) {
            Some(since) => {
                prop_assert!(since <= a);
                prop_assert_eq!(calendar.between(since, a), n);
                if since < a {
                    prop_assert!(calendar.between(since + NANO, a) < n);
                }
                // Subtracting an added duration returns to the start, or to the end of the closed time that contains
                // it.
                if let Some(due) = calendar.add(a, n) {
                    let back = calendar.subtract(due, n).unwrap();
                    prop_assert!(back >= a && calendar.between(a, back).is_zero());
                }
            }
            None => prop_assert!(calendar.between(DateTime::<Utc>::MIN_UTC, a) < n),
        }
        prop_assert_eq!(calendar.subtract(a, n), calendar.add(a, -n));
    }

    #[test]
    fn a_longer_duration_is_never_reached_sooner(calendar in calendar(), a in instant(), b in instant(), n in duration(), m in duration()) {
        let (n, m) = (n.min(m), n.max(m));
        let (a, b) = (a.min(b), a.max(b));
        let before = |one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>| match (one, other) {
            (Some(one), Some(other)) => one <= other,
            (one, None) => one.is_none_or(|_| true),
            (None, Some(_)) => false,
        };
        prop_assert!(before(calendar.add(a, n), calendar.add(a, m)));
        prop_assert!(before(calendar.add(a, n), calendar.add(b, n)));
    }

    #[test]
    fn next_open_and_next_close_bound_open_time(calendar in calendar(), a in instant()) {
        let end = DateTime::<Utc>::MAX_UTC;
        match calendar.next_open(a) {
            Some(open) => {
                prop_assert!(open >= a && calendar.is_open(open));
                prop_assert!(calendar.between(a, open).is_zero());
                let close = calendar.next_close(a).unwrap_or(end);
                prop_assert_eq!(calendar.between(open, close), close - open);
                prop_assert!(close == end || !calendar.is_open(close));
                prop_assert_eq!(calendar.next_close(open), calendar.next_close(a));
            }
            None => {
                prop_assert!(calendar.between(a, end).is_zero());
                prop_assert_eq!(calendar.next_close(a), None);
            }
        }
        prop_assert_eq!(calendar.state_at(a) == OpenState::Open, calendar.is_open(a));
    }

    #[test]
    fn labelled_spans_cover_the_wall_time(calendar in calendar(), a in instant(), days in 0i64..400, nanos in 0i64..1_000_000_000) {
        let b = a.checked_add_signed(TimeDelta::days(days) + TimeDelta::nanoseconds(nanos)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let spans: Vec<_> = calendar.spans(a, b).collect();
        prop_assert_eq!(spans.iter().map(|span| span.end - span.start).sum::<TimeDelta>(), b - a);
        let open = spans.iter().filter(|span| span.state == OpenState::Open).map(|span| span.end - span.start);
        prop_assert_eq!(open.sum::<TimeDelta>(), calendar.between(a, b));
        prop_assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].state != pair[1].state));
    }

    /// The calendar repeats after 400 years, which are a whole number of weeks.
    #[test]
    fn the_far_future_repeats(calendar in calendar(), a in instant(), b in instant()) {
        let cycle = TimeDelta::days(146_097);
        let settled: DateTime<Utc> = "+10001-01-01T00:00:00Z".parse().unwrap();
        let (a, b) = (a.max(settled), b.max(settled));
        if let (Some(later_a), Some(later_b)) = (a.checked_add_signed(cycle), b.checked_add_signed(cycle)) {
            prop_assert_eq!(calendar.between(a, b), calendar.between(later_a, later_b));
            prop_assert_eq!(calendar.is_open(a), calendar.is_open(later_a));
            prop_assert_eq!(calendar.state_at(a), calendar.state_at(later_a));
        }
    }
}

#[test]
fn the_first_and_last_instants_have_answers() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for calendar in calendars() {
        let all = calendar.between(first, last);
        assert_eq!(calendar.between(last, first), -all);
        for at in [first, last] {
            for n in [TimeDelta::MIN, TimeDelta::MAX, TimeDelta::zero(), NANO, -NANO, all, -all] {
                for answer in [calendar.add(at, n), calendar.subtract(at, n)].into_iter().flatten() {
                    assert!(calendar.between(at, answer).abs() == n.abs());
                }
            }
            assert_eq!(calendar.add(at, TimeDelta::MAX), None);
            assert_eq!(calendar.subtract(at, TimeDelta::MAX), None);
            assert_eq!(
                calendar.next_open(at).is_some(),
                calendar.next_open(at).is_some_and(|open| calendar.is_open(open))
            );
            let _ = (calendar.next_close(at), calendar.state_at(at));
        }
        assert!(calendar.spans(last, first).next().is_none());
        assert!(calendar.periods(last, first).next().is_none());
    }
}

#[test]
fn a_calendar_that_is_never_or_always_open_answers_over_all_time() {
    let never = Calendar::builder("Europe/Berlin").holiday("12-25", "Christmas").build().unwrap();
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    assert_eq!(never.add(first, NANO), None);
    assert_eq!(never.add(first, TimeDelta::zero()), Some(first));
    assert_eq!(never.next_open(first), None);
    let spans: Vec<_> = never.spans(first, last).collect();
    assert_eq!((spans.len(), spans[0].state), (1, OpenState::OffHours));

    let always = Calendar::builder("Europe/Berlin").always_open().build().unwrap();
    assert_eq!(always.next_close(first), None);
    assert_eq!(always.between(first, last), last - first);
    assert_eq!(always.periods(first, last).count(), 1);
}

#[test]
fn a_sum_ends_at_closing_or_at_the_next_opening() {
    let build = |at_closing| {
        let calendar = Calendar::builder("UTC")
            .exception("2026-01-05", "09:00-17:00")
            .exception("2026-01-06", "09:00-17:00");
        calendar.at_closing(at_closing).build().unwrap()
    };
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let (closing, opening) = (build(DueAtClosing::Closing), build(DueAtClosing::NextOpening));
    let start = at("2026-01-05T16:00:00Z");
    let hour = TimeDelta::hours(1);
    assert_eq!(closing.add(start, hour), Some(at("2026-01-05T17:00:00Z")));
    assert_eq!(opening.add(start, hour), Some(at("2026-01-06T09:00:00Z")));
    // The very last closing has no opening after it.
    assert_eq!(closing.add(start, hour * 9), Some(at("2026-01-06T17:00:00Z")));
    assert_eq!(opening.add(start, hour * 9), None);
    assert_eq!(opening.add(at("2026-01-05T17:00:00Z"), TimeDelta::zero()), Some(at("2026-01-06T09:00:00Z")));
    assert_eq!(opening.add(start, TimeDelta::zero()), Some(start));
    assert_eq!(opening.subtract(at("2026-01-06T17:00:00Z"), hour * 8), Some(at("2026-01-06T09:00:00Z")));
}

#[test]
fn a_holiday_closes_its_shifts_or_its_calendar_day() {
    let build = |cut| {
        let calendar =
            Calendar::builder("UTC").hours(EVERY_DAY, "22:00-06:00").holiday("2026-01-06", "Epiphany");
        calendar.holiday_cut(cut).build().unwrap()
    };
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let open = |calendar: &Calendar, from, to| calendar.between(at(from), at(to));
    let (night, morning, next) = ("2026-01-05T22:00:00Z", "2026-01-06T12:00:00Z", "2026-01-07T12:00:00Z");
    let shifts = build(HolidayCut::Shifts);
    assert_eq!(open(&shifts, night, morning), TimeDelta::hours(8));
    assert_eq!(open(&shifts, morning, next), TimeDelta::zero());
    assert_eq!(shifts.state_at(at("2026-01-07T01:00:00Z")), OpenState::Holiday("Epiphany"));
    let day = build(HolidayCut::CalendarDay);
    assert_eq!(open(&day, night, morning), TimeDelta::hours(2));
    // The holiday ends at midnight, so the second half of its night shift is open.
    assert_eq!(open(&day, morning, next), TimeDelta::hours(6));
    assert_eq!(day.next_open(at(morning)), Some(at("2026-01-07T00:00:00Z")));
    assert_eq!(day.state_at(at("2026-01-06T01:00:00Z")), OpenState::Holiday("Epiphany"));
}

#[test]
fn leap_seconds_are_counted_and_clones_can_be_shared() {
    let calendar = Calendar::builder("UTC").hours(EVERY_DAY, "00:00-24:00").build().unwrap();
    let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).unwrap();
    let next = DateTime::from_timestamp(1_483_228_800, 0).unwrap();
    assert_eq!(calendar.between(leap, next), NANO);
    assert_eq!(calendar.add(leap, TimeDelta::zero()), Some(leap));

    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    shared(&calendar);
}
