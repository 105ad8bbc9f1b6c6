//! What is measured.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::line::Line;

/// What a target measures. The words are those of the field; what each means here:
///
/// | metric | from | to |
/// |---|---|---|
/// | first reply | opening | first public reply of an agent, or an agent's resolution |
/// | next reply | the requester's oldest unanswered message after the first reply | an agent's public reply or resolution |
/// | periodic update | an agent's public reply | the next one, or the resolution |
/// | resolution | opening | resolved |
/// | requester wait | as resolution, never counting a wait for the customer | |
/// | agent work | as resolution, counting new and active alone | |
/// | closure | opening | closed |
/// | handling | an open ticket comes to the line | it leaves the line, or is resolved |
///
/// Internal notes, and replies of programs, are no replies. Next reply, periodic update and handling have a cycle
/// for each time that it begins; the others have further ones only by
/// [`OnReopen::NewCycle`](super::OnReopen::NewCycle).
///
/// Written as its name: `first_reply`, `handling/second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Metric {
    /// From the opening to the first public reply of an agent.
    FirstReply,
    /// From the requester's oldest unanswered message to the reply.
    NextReply,
    /// From one public reply of an agent to the next.
    PeriodicUpdate,
    /// From the opening to the resolution.
    Resolution,
    /// The part of it in which the requester waits for the desk.
    RequesterWait,
    /// The part of it in which agents can work: new and active.
    AgentWork,
    /// From the opening to the end.
    Closure,
    /// One stay on a line: an operational agreement between the desk's own teams.
    Handling(Line),
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 11] = [
        Metric::FirstReply,
        Metric::NextReply,
        Metric::PeriodicUpdate,
        Metric::Resolution,
        Metric::RequesterWait,
        Metric::AgentWork,
        Metric::Closure,
        Metric::Handling(Line::First),
        Metric::Handling(Line::Second),
        Metric::Handling(Line::Third),
        Metric::Handling(Line::External),
    ];

    /// The name under which it is written and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Metric::FirstReply => "first_reply",
            Metric::NextReply => "next_reply",
            Metric::PeriodicUpdate => "periodic_update",
            Metric::Resolution => "resolution",
            Metric::RequesterWait => "requester_wait",
            Metric::AgentWork => "agent_work",
            Metric::Closure => "closure",
            Metric::Handling(Line::First) => "handling/first",
            Metric::Handling(Line::Second) => "handling/second",
            Metric::Handling(Line::Third) => "handling/third",
            Metric::Handling(Line::External) => "handling/external",
        }
    }
}

/// In words: `first reply`, `handling by the 2nd line`.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Handling(Line::External) => f.pad("handling outside"),
            Metric::Handling(line) => f.pad(&format!("handling by the {line}")),
            one => f.pad(&one.as_str().replace('_', " ")),
        }
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.as_str() == name).ok_or_else(|| {
            Error::invalid("metric", format_args!("{name:?} is not known"))
                .allowing(Metric::ALL.map(Metric::as_str).join(", "))
        })
    }
}

impl TryFrom<String> for Metric {
    type Error = Error;

    fn try_from(name: String) -> Result<Metric> {
        name.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.as_str().to_owned()
    }
}
