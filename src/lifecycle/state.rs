//! The states with their data: one type for each state, and [`State`] for a state known only at run time.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kind::StateKind;
use crate::open_set::open_set;

/// Registered; work has not started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct New;

/// Being worked on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active;

/// Waiting for a stated reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnHold {
    /// The reason for waiting.
    pub reason: HoldReason,
    /// The instant at which the ticket resumes automatically; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// Answered, but not verified yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// The instant at which the ticket closes automatically unless it is reopened; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<DateTime<Utc>>,
    /// True if a message stopped the automatic closing. It is planned again when an agent acts on the ticket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closing_stopped: bool,
}

/// Confirmed by the requester, or closed by an agent or a timer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed;

/// Withdrawn, or opened by mistake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled;

/// The state of a ticket with its data, for states known only at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", try_from = "SerializedState")]
pub enum State {
    /// Registered; work has not started.
    New(New),
    /// Being worked on.
    Active(Active),
    /// Waiting for a stated reason.
    OnHold(OnHold),
    /// Answered, but not verified yet.
    Resolved(Resolved),
    /// Confirmed by the requester, or closed by an agent or a timer.
    Closed(Closed),
    /// Withdrawn, or opened by mistake.
    Cancelled(Cancelled),
}

/// The serialized form of a [`State`].
///
/// For an internally tagged enum, serde buffers all fields until it finds the tag. Reading this flat struct avoids the
/// buffer. Tickets are read more often than anything else, so the cost matters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SerializedState {
    is: StateKind,
    #[serde(default)]
    reason: Option<HoldReason>,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    closes_at: Option<DateTime<Utc>>,
    #[serde(default)]
    closing_stopped: bool,
}

impl TryFrom<SerializedState> for State {
    type Error = String;

    fn try_from(serialized: SerializedState) -> Result<State, String> {
        let SerializedState { is, reason, until, closes_at, closing_stopped } = serialized;
        Ok(match (is, reason, until, closes_at, closing_stopped) {
            (StateKind::OnHold, Some(reason), until, None, false) => State::OnHold(OnHold { reason, until }),
            (StateKind::OnHold, None, ..) => return Err("missing field `reason`".to_owned()),
            (StateKind::Resolved, None, None, closes_at, closing_stopped) => {
                State::Resolved(Resolved { closes_at, closing_stopped })
            }
            (StateKind::New, None, None, None, false) => State::New(New),
            (StateKind::Active, None, None, None, false) => State::Active(Active),
            (StateKind::Closed, None, None, None, false) => State::Closed(Closed),
            (StateKind::Cancelled, None, None, None, false) => State::Cancelled(Cancelled),
            (is, ..) => return Err(format!("the state {} has an unexpected field", is.name())),
        })
    }
}

impl State {
    /// Returns the kind of the state, without its data.
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

    /// Returns the reason for the hold; `None` if the ticket is not on hold.
    pub(crate) fn hold_reason(&self) -> Option<&HoldReason> {
        match self {
            State::OnHold(OnHold { reason, .. }) => Some(reason),
            _ => None,
        }
    }
}

impl StateKind {
    /// Returns the state of this kind with default data; `None` for `OnHold`, which requires a reason.
    pub(crate) fn plain(self) -> Option<State> {
        Some(match self {
            StateKind::New => State::New(New),
            StateKind::Active => State::Active(Active),
            StateKind::OnHold => return None,
            StateKind::Resolved => State::Resolved(Resolved::default()),
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

/// A typed state. The trait is sealed; the six state types implement it.
pub trait KnownState: sealed::Sealed + Sized + Clone + fmt::Debug + Send + Sync + 'static {
    /// The kind of this state.
    const KIND: StateKind;

    /// Returns the typed state if `state` is of this kind.
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
    /// The reason for putting a ticket on hold. The set is open: a desk can add its own reasons.
    ///
    /// ```
    /// use firstline::{Action, HoldReason};
    ///
    /// assert_eq!(HoldReason::from("third_party"), HoldReason::ThirdParty);
    /// assert_eq!(HoldReason::from("parcel"), HoldReason::Custom("parcel".to_owned()));
    /// let wait = Action::hold("parcel");
    /// ```
    HoldReason in "hold" {
        /// The customer's answer. A message from the requester or from another contact of the ticket ends the hold.
        Customer = "customer",
        /// A third party, such as a supplier, a bank or a carrier.
        ThirdParty = "third_party",
        /// The underlying problem ticket.
        Problem = "problem",
        /// A scheduled date.
        Scheduled = "scheduled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_serialization_and_rejects_unexpected_fields() {
        let at = DateTime::from_timestamp(1_767_603_600, 0);
        let states = [
            State::New(New),
            State::Active(Active),
            State::OnHold(OnHold { reason: HoldReason::Customer, until: None }),
            State::OnHold(OnHold { reason: HoldReason::from("parcel"), until: at }),
            State::Resolved(Resolved::default()),
            State::Resolved(Resolved { closes_at: at, closing_stopped: false }),
            State::Resolved(Resolved { closes_at: None, closing_stopped: true }),
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
            ("{\"is\":\"new\",\"reason\":\"customer\"}".to_owned(), "the state new has an unexpected field"),
            (
                format!("{{\"is\":\"active\",\"until\":{instant}}}"),
                "the state active has an unexpected field",
            ),
            (
                format!("{{\"is\":\"resolved\",\"until\":{instant}}}"),
                "the state resolved has an unexpected field",
            ),
            ("{\"is\":\"closed\",\"by\":\"anna\"}".to_owned(), "unknown field `by`"),
            ("{}".to_owned(), "missing field `is`"),
        ] {
            let error = serde_json::from_str::<State>(&wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
