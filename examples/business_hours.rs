//! A week of opening hours, drawn in the terminal, and by when a question must be answered.
//!
//! ```text
//! cargo run --example business_hours
//! cargo run --example business_hours -- --asked 2026-12-23T15:20:00Z --hours 6
//! ```

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use firstline::Calendar;
use firstline::calendar::{Label, Span, WORKDAYS};

const HELP: &str = "\
usage: business_hours [--asked INSTANT] [--hours HOURS]

Draws the opening hours of a small shop's support, and shows by when a question must be answered.

  --asked INSTANT  when the customer asks, as 2026-12-23T15:20:00Z (the default)
  --hours HOURS    how many opening hours may pass until the answer (6)";

type Problem = Box<dyn std::error::Error>;

/// A character for each half hour of a day.
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

/// The instant on the shop's wall clock.
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

/// One line a day: `#` open and counting, `-` open, `.` closed.
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
            line.push(match calendar.label_at(at) {
                Label::Open if counts => '#',
                Label::Open => '-',
                Label::Holiday(name) => {
                    note = Some(name);
                    '.'
                }
                _ => '.',
            });
        }
        println!(" {}  |{line}| {}", clock(start).format("%a %d %b"), note.unwrap_or_default());
    }
    println!("             # open, and counting towards the answer   - open   . closed\n");
}

/// What closed spans are called, each reason once.
fn closed(spans: &[Span]) -> String {
    let mut reasons = Vec::new();
    for span in spans {
        let reason = match span.label {
            Label::Holiday(name) => name,
            Label::Exception => "special hours",
            Label::Open | Label::OffHours => continue,
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
        println!("The shop never opens for so long again.");
        return Ok(());
    };
    println!("The answer is due on {}, Berlin time.\n", day_and_time(due));
    println!("How the time goes:");
    let spans: Vec<_> = calendar.spans(asked, due).collect();
    // Nights, holidays and weekends in a row are one line, with all reasons.
    for run in spans.chunk_by(|one, next| one.label != Label::Open && next.label != Label::Open) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let why = match first.label {
            Label::Open => format!("open, {}", duration(last.end - first.start)),
            _ => closed(run),
        };
        println!("  {}  to  {}   {why}", day_and_time(first.start), day_and_time(last.end));
    }
    println!(
        "Together open: {}, in {} on the wall.",
        duration(calendar.between(asked, due)),
        duration(due - asked)
    );
    Ok(())
}

fn main() -> Result<(), Problem> {
    let mut asked: DateTime<Utc> = "2026-12-23T15:20:00Z".parse()?;
    let mut hours = 6;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (&*argument, arguments.next()) {
            ("--asked", Some(value)) => asked = value.parse()?,
            ("--hours", Some(value)) => hours = value.parse()?,
            ("--help" | "-h", _) => {
                println!("{HELP}");
                return Ok(());
            }
            _ => return Err(HELP.into()),
        }
    }
    run(asked, TimeDelta::try_hours(hours).ok_or("too many hours")?)
}
