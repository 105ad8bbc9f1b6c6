//! Groups of tickets, for counts.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::store::cursor::InboxPlace;
use crate::ticket::snapshot::Snapshot;

/// The property by which [`Desk::count`](crate::Desk::count) groups tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupBy {
    /// The state, by its stored name: `on_hold`.
    State,
    /// The status in the workflow. In the simple workflow, it is the name of the state.
    Status,
    /// The team; the empty text for tickets without one.
    Team,
    /// The assigned agent; the empty text for tickets without one.
    Assignee,
    /// The rank of the priority: `1` is the highest.
    Priority,
    /// The channel, by its stored name: `web_form`.
    Channel,
    /// The time until the earliest deadline of the running clocks: `overdue`, within an `hour`, a `day` (24 hours), a
    /// `week` (7 days), `later`, or `none` for tickets without a deadline.
    Due,
}

/// The ends of the groups by due time, from the current time.
const DUE: [(&str, TimeDelta); 4] = [
    ("overdue", TimeDelta::zero()),
    ("hour", TimeDelta::hours(1)),
    ("day", TimeDelta::days(1)),
    ("week", TimeDelta::days(7)),
];

impl GroupBy {
    /// Returns the ends of the groups by due time: each contains the deadlines before its instant, in microseconds
    /// since 1970, that no earlier group contains. Without a current time, nothing is overdue, and nothing is near.
    pub(crate) fn due_ends(now: Option<DateTime<Utc>>) -> impl Iterator<Item = (&'static str, i64)> {
        let end =
            move |after| now.and_then(|now| now.checked_add_signed(after)).map(|it| it.timestamp_micros());
        DUE.into_iter().map(move |(name, after)| (name, end(after).unwrap_or(i64::MIN)))
    }

    /// Returns the group of the ticket.
    pub fn key(self, ticket: &Snapshot, now: Option<DateTime<Utc>>) -> String {
        match self {
            GroupBy::State => ticket.state.kind().name().to_owned(),
            GroupBy::Status => ticket.status().to_owned(),
            GroupBy::Team => ticket.team.as_ref().map_or_else(String::new, |it| it.as_str().to_owned()),
            GroupBy::Assignee => {
                ticket.assignee.as_ref().map_or_else(String::new, |it| it.as_str().to_owned())
            }
            GroupBy::Priority => ticket.priority().rank().to_string(),
            GroupBy::Channel => ticket.channel.as_str().to_owned(),
            GroupBy::Due => match InboxPlace::of(ticket).due {
                i64::MAX => "none",
                due => GroupBy::due_ends(now).find(|(_, end)| due < *end).map_or("later", |(name, _)| name),
            }
            .to_owned(),
        }
    }
}
