//! Desks that do the same in every run: the bench sets their clock, and their ids come from a seed.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use firstline::desk::Settings;
use firstline::id::IdSource;
use firstline::sqlite::{Durability, Sqlite, SqliteOptions};
use firstline::time::{DateTime, ManualTime, Utc};
use firstline::{Channel, Contact, Desk, Impact, Kind, Line, NewTicket, Urgency};

/// Version 7 UUIDs from a seed.
#[derive(Debug, Default)]
pub(crate) struct SeededIds(AtomicU64);

impl IdSource for SeededIds {
    fn new_id(&self, at: DateTime<Utc>) -> uuid::Uuid {
        let drawn = self.0.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&scattered(drawn).to_le_bytes());
        uuid::Builder::from_unix_timestamp_millis(at.timestamp_millis() as u64, &random).into_uuid()
    }
}

/// Distinct numbers without order (splitmix).
pub(crate) fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A desk in this file, and its clock.
pub(crate) fn desk_in(file: &Path, durability: Durability) -> (Desk<Sqlite>, ManualTime) {
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let store = SqliteOptions::new().durability(durability).open(file).unwrap();
    (store.desk(Settings::new("main").time(time.clone()).ids(SeededIds::default())), time)
}

/// The request with this number: a person with name and address, a few sentences, a category, a tag.
pub(crate) fn request(number: usize) -> NewTicket {
    const SUBJECTS: [&str; 4] =
        ["Card declined at checkout", "Parcel has not arrived", "Не приходит письмо", "No sound"];
    const LEVELS: [(Impact, Urgency); 4] = [
        (Impact::HIGH, Urgency::HIGH),
        (Impact::MEDIUM, Urgency::HIGH),
        (Impact::MEDIUM, Urgency::MEDIUM),
        (Impact::LOW, Urgency::LOW),
    ];
    let customer = scattered(number as u64) % 5_000;
    let (impact, urgency) = LEVELS[number % 4];
    let request = NewTicket::new(SUBJECTS[number / 4 % 4])
        .from(
            Contact::new(format!("customer-{customer}"))
                .named("Boris Example")
                .email(format!("boris{customer}@example.org"))
                .attribute("vip", number.is_multiple_of(10)),
        )
        .channel(if number.is_multiple_of(2) { Channel::Chat } else { Channel::Email })
        .kind(Kind::Incident)
        .impact_and_urgency(impact, urgency)
        .category(["payment", "card"])
        .tag("checkout")
        .message(
            "It says that the bank did not confirm the payment. I tried twice, with two cards. What now?",
        );
    if number.is_multiple_of(3) { request.team("payments", Line::First) } else { request }
}
