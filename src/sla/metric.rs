//! The metrics that a target can measure.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, EnumAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::language::words_by_name;
use crate::line::Line;
use crate::suggest;

/// The metric of a target:
///
/// | metric | from | to |
/// |---|---|---|
/// | first reply | opening by a contact, or the first message of the requester | the first public reply of an agent, or an agent's resolution |
/// | next reply | the requester's oldest unanswered message after the first reply | an agent's reply or resolution |
/// | periodic update | an agent's public reply | the next one |
/// | resolution | opening | resolved |
/// | requester wait | as resolution, without the time on hold for the customer | |
/// | agent work | as resolution, without any time on hold | |
/// | closure | opening | closed |
/// | assignment | opening without an agent | the first assignment to an agent, or an agent's resolution |
/// | acceptance | opening | the ticket leaves the state new |
/// | handling | an open ticket enters the line | the ticket leaves the line, is resolved or is closed |
///
/// The [rules](super#start-and-end) have the details, and the cases in which a clock is cancelled.
///
/// Internal notes and replies of programs do not count as replies. Next reply, periodic update and handling start a new
/// cycle each time they begin. The other metrics start another cycle only with
/// [`OnReopen::NewCycle`](super::OnReopen::NewCycle).
///
/// Serialized as its name, such as `first_reply` or `handling/second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
#[non_exhaustive]
pub enum Metric {
    /// The time from the requester's first message, usually the opening, to the first reply of an agent.
    FirstReply,
    /// The time from the requester's oldest unanswered message to the reply.
    NextReply,
    /// The time from one public reply of an agent to the next.
    PeriodicUpdate,
    /// The time from the opening to the resolution.
    Resolution,
    /// The part of the resolution time in which the requester waits for the desk.
    RequesterWait,
    /// The part of the resolution time in which agents can work: new and active.
    AgentWork,
    /// The time from the opening to the closure.
    Closure,
    /// The time from the opening to the first assignment to an agent.
    Assignment,
    /// The time from the opening until the ticket leaves the state new.
    Acceptance,
    /// One stay on a line, for operational agreements between the desk's own teams.
    Handling(Line),
}

impl Metric {
    /// All metrics.
    pub const ALL: [Metric; 13] = [
        Metric::FirstReply,
        Metric::NextReply,
        Metric::PeriodicUpdate,
        Metric::Resolution,
        Metric::RequesterWait,
        Metric::AgentWork,
        Metric::Closure,
        Metric::Assignment,
        Metric::Acceptance,
        Metric::Handling(Line::First),
        Metric::Handling(Line::Second),
        Metric::Handling(Line::Third),
        Metric::Handling(Line::External),
    ];

    /// Returns the name in the serialized form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Metric::FirstReply => "first_reply",
            Metric::NextReply => "next_reply",
            Metric::PeriodicUpdate => "periodic_update",
            Metric::Resolution => "resolution",
            Metric::RequesterWait => "requester_wait",
            Metric::AgentWork => "agent_work",
            Metric::Closure => "closure",
            Metric::Assignment => "assignment",
            Metric::Acceptance => "acceptance",
            Metric::Handling(Line::First) => "handling/first",
            Metric::Handling(Line::Second) => "handling/second",
            Metric::Handling(Line::Third) => "handling/third",
            Metric::Handling(Line::External) => "handling/external",
        }
    }
}

words_by_name!(Metric, "metric", |metric| metric.as_str());

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.as_str() == name).ok_or_else(|| {
            Error::invalid(
                "metric",
                format_args!("{name:?} {}", suggest::unknown(name, Metric::ALL.iter().map(|it| it.as_str()))),
            )
            .allowing(Metric::ALL.map(Metric::as_str).join(", "))
        })
    }
}

/// The names in the order of [`Metric::ALL`].
const NAMES: &[&str] = &{
    let mut names = [""; Metric::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Metric::ALL[at].as_str();
        at += 1;
    }
    names
};

/// A metric is read as an enum, so that a reader of definitions knows its names.
impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Metric, D::Error> {
        struct Name;

        impl<'de> Visitor<'de> for Name {
            type Value = Metric;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a metric")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> std::result::Result<Metric, E> {
                name.parse().map_err(E::custom)
            }

            fn visit_enum<A: EnumAccess<'de>>(self, name: A) -> std::result::Result<Metric, A::Error> {
                let (name, rest) = name.variant::<String>()?;
                rest.unit_variant()?;
                self.visit_str(&name)
            }
        }

        from.deserialize_enum("metric", NAMES, Name)
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.as_str().to_owned()
    }
}
