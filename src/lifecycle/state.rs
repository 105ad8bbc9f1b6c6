//! The states with what each carries: one type a state, and [`State`], which is any of them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kind::StateKind;
use crate::open_set::open_set;

/// Registered; nobody works on it yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct New;

/// Being worked on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active;

/// Waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnHold {
    /// What it waits for.
    pub reason: HoldReason,
    /// When it resumes by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// Answered; to be verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// When silence closes it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<DateTime<Utc>>,
}

/// Verified, or silently accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed;

/// Withdrawn or mistaken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled;

/// The state of a ticket with what it carries: the one type for a state known only at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", try_from = "Written")]
pub enum State {
    /// Registered; nobody works on it yet.
    New(New),
    /// Being worked on.
    Active(Active),
    /// Waiting, with a reason.
    OnHold(OnHold),
    /// Answered; to be verified.
    Resolved(Resolved),
    /// Verified, or silently accepted.
    Closed(Closed),
    /// Withdrawn or mistaken.
    Cancelled(Cancelled),
}

/// A state as it is written. Read in this form because serde keeps a copy of everything in a tagged enum until it
/// has met the tag, and a ticket is read more often than anything else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    is: StateKind,
    #[serde(default)]
    reason: Option<HoldReason>,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    closes_at: Option<DateTime<Utc>>,
}

impl TryFrom<Written> for State {
    type Error = String;

    fn try_from(written: Written) -> Result<State, String> {
        Ok(match written {
            Written { is: StateKind::OnHold, reason: Some(reason), until, closes_at: None } => {
                State::OnHold(OnHold { reason, until })
            }
            Written { is: StateKind::OnHold, reason: None, .. } => {
                return Err("missing field `reason`".to_owned());
            }
            Written { is: StateKind::Resolved, reason: None, until: None, closes_at } => {
                State::Resolved(Resolved { closes_at })
            }
            Written { is: StateKind::New, reason: None, until: None, closes_at: None } => State::New(New),
            Written { is: StateKind::Active, reason: None, until: None, closes_at: None } => {
                State::Active(Active)
            }
            Written { is: StateKind::Closed, reason: None, until: None, closes_at: None } => {
                State::Closed(Closed)
            }
            Written { is: StateKind::Cancelled, reason: None, until: None, closes_at: None } => {
                State::Cancelled(Cancelled)
            }
            Written { is, .. } => return Err(format!("the state {} carries something else", is.name())),
        })
    }
}

impl State {
    /// The state without what it carries.
    pub const fn kind(&self) -> StateKind {
        match self {
            State::New(_) => StateKind::New,
            State::Active(_) => StateKind::Active,
            State::OnHold(_) => StateKind::OnHold,
            State::Resolved(_) => StateKind::Resolved,
            State::Closed(_) => StateKind::Closed,
            State::Cancelled(_) => StateKind::Cancelled,
        }
    }

    /// The reason of the hold, while on hold.
    pub(crate) fn hold_reason(&self) -> Option<&HoldReason> {
        match self {
            State::OnHold(OnHold { reason, .. }) => Some(reason),
            _ => None,
        }
    }
}

impl StateKind {
    /// The state of this kind, if it carries nothing that has to be said.
    pub(crate) fn plain(self) -> Option<State> {
        Some(match self {
            StateKind::New => State::New(New),
            StateKind::Active => State::Active(Active),
            StateKind::OnHold => return None,
            StateKind::Resolved => State::Resolved(Resolved { closes_at: None }),
            StateKind::Closed => State::Closed(Closed),
            StateKind::Cancelled => State::Cancelled(Cancelled),
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::OnHold(OnHold { reason, until: None }) => write!(f, "on hold ({reason})"),
            State::OnHold(OnHold { reason, until: Some(until) }) => {
                write!(
                    f,
                    "on hold ({reason}) until {}",
                    until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
                )
            }
            other => other.kind().fmt(f),
        }
    }
}

/// One of the six types of state: implemented here and nowhere else.
pub trait KnownState: sealed::Sealed + Sized + Clone + fmt::Debug + Send + Sync + 'static {
    /// Which one.
    const KIND: StateKind;

    /// This state out of any, if it is the one.
    fn from_state(state: &State) -> Option<&Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! known {
    ($($name:ident)*) => {$(
        impl sealed::Sealed for $name {}

        impl KnownState for $name {
            const KIND: StateKind = StateKind::$name;

            fn from_state(state: &State) -> Option<&$name> {
                match state {
                    State::$name(it) => Some(it),
                    _ => None,
                }
            }
        }

        impl From<$name> for State {
            fn from(state: $name) -> State {
                State::$name(state)
            }
        }
    )*};
}

known! { New Active OnHold Resolved Closed Cancelled }

open_set! {
    /// What a ticket on hold waits for. An open set: a desk may have reasons of its own.
    ///
    /// ```
    /// use firstline::{Action, HoldReason};
    ///
    /// assert_eq!(HoldReason::from("third_party"), HoldReason::ThirdParty);
    /// assert_eq!(HoldReason::from("parcel"), HoldReason::Own("parcel".to_owned()));
    /// let wait = Action::hold("parcel");
    /// ```
    HoldReason {
        /// The customer's answer. A message of the requester ends this wait.
        Customer = "customer" "customer",
        /// Somebody outside: a supplier, a bank, a carrier.
        ThirdParty = "third_party" "third party",
        /// The problem behind it.
        Problem = "problem" "problem",
        /// A date.
        Scheduled = "scheduled" "scheduled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_is_written_and_carries_nothing_else() {
        let at = DateTime::from_timestamp(1_767_603_600, 0);
        let states = [
            State::New(New),
            State::Active(Active),
            State::OnHold(OnHold { reason: HoldReason::Customer, until: None }),
            State::OnHold(OnHold { reason: HoldReason::from("parcel"), until: at }),
            State::Resolved(Resolved { closes_at: None }),
            State::Resolved(Resolved { closes_at: at }),
            State::Closed(Closed),
            State::Cancelled(Cancelled),
        ];
        for state in states {
            let written = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<State>(&written).unwrap(), state, "{written}");
        }
        let instant = "\"2026-01-05T09:00:00Z\"";
        for (wrong, why) in [
            ("{\"is\":\"on_hold\"}".to_owned(), "missing field `reason`"),
            ("{\"is\":\"new\",\"reason\":\"customer\"}".to_owned(), "the state new carries something else"),
            (format!("{{\"is\":\"active\",\"until\":{instant}}}"), "the state active carries something else"),
            (
                format!("{{\"is\":\"resolved\",\"until\":{instant}}}"),
                "the state resolved carries something else",
            ),
            ("{\"is\":\"closed\",\"by\":\"anna\"}".to_owned(), "unknown field `by`"),
            ("{}".to_owned(), "missing field `is`"),
        ] {
            let error = serde_json::from_str::<State>(&wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
