//! The end of a hold with a date.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::lifecycle::StateKind;
use crate::lifecycle::state::{OnHold, State};
use crate::time::to_micros;

/// The effect of reaching the date of a hold: the next state, and a reminder before it. Set by
/// [`Action::then_resolve`](crate::Action::then_resolve), [`then_close`](crate::Action::then_close) and
/// [`remind_at`](crate::Action::remind_at).
///
/// ```
/// use firstline::desk::Settings;
/// use firstline::memory::Memory;
/// use firstline::time::{ManualTime, TimeDelta, TimeSource};
/// use firstline::{Action, Actor, HoldReason, NewTicket, StateKind};
///
/// let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
/// let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
/// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
/// let (reminder, end) = (time.now() + TimeDelta::days(3), time.now() + TimeDelta::days(7));
/// let wait = Action::hold_until(HoldReason::Customer, end).then_resolve().remind_at(reminder);
/// desk.act(id, Action::reply("Which headset is it?").and(wait), Actor::agent("anna"))?;
///
/// desk.tick(end)?;
/// assert_eq!(desk.ticket(id)?.state().kind(), StateKind::Resolved);
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldEnd {
    /// The state that follows: active, resolved or closed.
    pub then: StateKind,
    /// The instant of the reminder. It is absent after the reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<DateTime<Utc>>,
}

impl Default for HoldEnd {
    /// Returns the usual end: the ticket resumes, without a reminder.
    fn default() -> HoldEnd {
        HoldEnd { then: StateKind::Active, remind_at: None }
    }
}

impl HoldEnd {
    /// Checks the end of a hold, and rounds the reminder down to whole microseconds.
    pub(crate) fn check(self, state: &State, now: DateTime<Utc>) -> Result<HoldEnd> {
        let invalid = |problem: String| Err(Error::invalid("end of the hold", problem));
        let State::OnHold(OnHold { until: Some(until), .. }) = state else {
            return invalid("needs a ticket on hold until a date".to_owned());
        };
        if !matches!(self.then, StateKind::Active | StateKind::Resolved | StateKind::Closed) {
            return invalid(format!("cannot be {}; allowed: active, resolved, closed", self.then));
        }
        let remind_at = self.remind_at.map(to_micros);
        match remind_at.filter(|at| *at <= now || at >= until) {
            Some(at) => invalid(format!("has a reminder at {at}, which is not between {now} and {until}")),
            None => Ok(HoldEnd { remind_at, ..self }),
        }
    }
}
