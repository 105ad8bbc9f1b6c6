//! Draws a week of opening hours in the terminal, and computes when the answer to a question is due.
//!
//! ```text
//! cargo run --example business_hours
//! cargo run --example business_hours -- OPTIONS
//!
//! OPTIONS
//!   --asked INSTANT  when the customer asks; default 2026-12-23T15:20:00Z
//!   --hours HOURS    the opening hours that may pass until the answer; default 6
//! ```

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use firstline::Calendar;
use firstline::calendar::{OpenState, Span, WORKDAYS};

#[path = "common/help.rs"]
mod help;

const SOURCE: &str = include_str!("business_hours.rs");

type Problem = Box<dyn std::error::Error>;

/// The number of minutes that one character of the drawing represents.
const CELL: i32 = 30;

fn shop() -> firstline::Result<Calendar> {
    Calendar::builder("Europe/Berlin")
        .hours(WORKDAYS, "09:00-17:30")
        .breaks(WORKDAYS, "12:30-13:30")
        .hours([chrono::Weekday::Sat], "10:00-14:00")
        .exception("12-24", "09:00-12:00")
        .holiday("12-25", "Christmas Day")
        .holiday("12-26", "Boxing Day")
        .holiday("01-01", "New Year")
        .build()
}

/// The local time of the shop.
fn clock(at: DateTime<Utc>) -> DateTime<chrono_tz::Tz> {
    at.with_timezone(&chrono_tz::Europe::Berlin)
}

fn day_and_time(at: DateTime<Utc>) -> String {
    clock(at).format("%a %d %b %H:%M").to_string()
}

fn duration(open: TimeDelta) -> String {
    match (open.num_hours(), open.num_minutes() % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Prints one line per day: `#` is open and counts, `-` is open, `.` is closed.
fn draw(calendar: &Calendar, asked: DateTime<Utc>, due: Option<DateTime<Utc>>) {
    println!("             0     3     6     9     12    15    18    21    24");
    let midnight = asked - TimeDelta::seconds(i64::from(clock(asked).num_seconds_from_midnight()));
    for day in 0..7 {
        let start = midnight + TimeDelta::days(day);
        let mut line = String::new();
        let mut note = None;
        for cell in 0..24 * 60 / CELL {
            let at = start + TimeDelta::minutes(i64::from(cell * CELL));
            let counts = asked < at + TimeDelta::minutes(CELL.into()) && due.is_none_or(|due| at < due);
            line.push(match calendar.state_at(at) {
                OpenState::Open if counts => '#',
                OpenState::Open => '-',
                OpenState::Holiday(name) => {
                    note = Some(name);
                    '.'
                }
                _ => '.',
            });
        }
        println!(" {}  |{line}| {}", clock(start).format("%a %d %b"), note.unwrap_or_default());
    }
    println!("             # open, counts towards the answer   - open   . closed\n");
}

/// The distinct reasons why the spans are closed.
fn closed(spans: &[Span]) -> String {
    let mut reasons = Vec::new();
    for span in spans {
        let reason = match span.state {
            OpenState::Holiday(name) => name,
            OpenState::Exception => "special hours",
            OpenState::Open | OpenState::OffHours => continue,
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() { "closed".to_owned() } else { format!("closed: {}", reasons.join(", ")) }
}

fn run(asked: DateTime<Utc>, allowed: TimeDelta) -> Result<(), Problem> {
    let calendar = shop()?;
    let due = calendar.add(asked, allowed);
    println!("A shop answers questions within {} of its opening hours.\n", duration(allowed));
    draw(&calendar, asked, due);

    println!("A customer asks on {}.", day_and_time(asked));
    let Some(due) = due else {
        println!("The shop is never open for that long again.");
        return Ok(());
    };
    println!("The answer is due on {}, Berlin time.\n", day_and_time(due));
    println!("How the time passes:");
    let spans: Vec<_> = calendar.spans(asked, due).collect();
    // Consecutive closed spans are one line, with all of their reasons.
    for run in spans.chunk_by(|one, next| one.state != OpenState::Open && next.state != OpenState::Open) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let why = match first.state {
            OpenState::Open => format!("open, {}", duration(last.end - first.start)),
            _ => closed(run),
        };
        println!("  {}  to  {}   {why}", day_and_time(first.start), day_and_time(last.end));
    }
    println!(
        "Open time: {}. Elapsed time: {}.",
        duration(calendar.between(asked, due)),
        duration(due - asked)
    );
    Ok(())
}

fn refuse(option: &str, value: &str, error: &dyn std::fmt::Display) -> ! {
    help::refuse(SOURCE, &format!("{option} {value}: {error}"))
}

fn main() -> Result<(), Problem> {
    let mut asked: DateTime<Utc> = "2026-12-23T15:20:00Z".parse()?;
    let mut hours = 6;
    for pair in help::arguments(SOURCE).chunks(2) {
        match pair {
            [option, value] if option == "--asked" => {
                asked = value.parse().unwrap_or_else(|error| refuse(option, value, &error));
            }
            [option, value] if option == "--hours" => {
                hours = value.parse().unwrap_or_else(|error| refuse(option, value, &error));
            }
            other => help::refuse(SOURCE, &format!("unknown option: {}", other.join(" "))),
        }
    }
    run(asked, TimeDelta::try_hours(hours).ok_or("too many hours")?)
}
