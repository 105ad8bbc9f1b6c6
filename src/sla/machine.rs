//! The state machine of a clock: its states, and the steps between them in one table.

use std::fmt;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::language::words_by_name;

/// The state of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// The clock is counting, in the open hours of its calendar if it has one.
    Running,
    /// The clock is not counting, because the state of the ticket pauses it.
    Paused,
    /// The deadline has passed and the target event has not happened. A pause does not change this state.
    Breached,
    /// The target event happened at the deadline or before it.
    Met,
    /// The target event happened after the deadline.
    Missed,
    /// The target no longer applies.
    Cancelled,
}

/// A step from one clock state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ClockStep {
    /// The ticket enters a state that pauses the clock.
    Pause,
    /// The ticket leaves the state that paused the clock.
    Resume,
    /// The deadline passes.
    Breach,
    /// The target event happens in time.
    Meet,
    /// The target event happens after the deadline.
    Miss,
    /// The target no longer applies.
    Cancel,
    /// The clock gets another target.
    Revise,
    /// The clock continues after it was met or cancelled.
    Continue,
    /// The clock continues after it was missed.
    ContinueLate,
}

use ClockState as S;
use ClockStep as T;

/// The transition table: from, step, to.
const TABLE: &[(ClockState, ClockStep, ClockState)] = &[
    (S::Running, T::Pause, S::Paused),
    (S::Running, T::Breach, S::Breached),
    (S::Running, T::Meet, S::Met),
    (S::Running, T::Cancel, S::Cancelled),
    (S::Running, T::Revise, S::Running),
    (S::Paused, T::Resume, S::Running),
    // A target that is set during a pause may have a deadline before the pause.
    (S::Paused, T::Breach, S::Breached),
    (S::Paused, T::Meet, S::Met),
    (S::Paused, T::Cancel, S::Cancelled),
    (S::Paused, T::Revise, S::Running),
    (S::Breached, T::Miss, S::Missed),
    (S::Breached, T::Cancel, S::Cancelled),
    (S::Breached, T::Revise, S::Running),
    (S::Met, T::Continue, S::Running),
    (S::Missed, T::ContinueLate, S::Breached),
    (S::Cancelled, T::Continue, S::Running),
];

impl ClockState {
    /// All clock states.
    pub const ALL: [ClockState; 6] = [S::Running, S::Paused, S::Breached, S::Met, S::Missed, S::Cancelled];

    /// Returns the state after this step; `None` if this state does not accept the step.
    pub(crate) fn apply(self, step: ClockStep) -> Option<ClockState> {
        TABLE.iter().find(|(from, by, _)| *from == self && *by == step).map(|(.., to)| *to)
    }

    /// True if the target event is still pending: running, paused or breached.
    pub const fn is_open(self) -> bool {
        matches!(self, S::Running | S::Paused | S::Breached)
    }
}

words_by_name!(ClockState, "clock", |state| match state {
    S::Running => "running",
    S::Paused => "paused",
    S::Breached => "breached",
    S::Met => "met",
    S::Missed => "missed",
    S::Cancelled => "cancelled",
});

impl fmt::Display for ClockStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            T::Pause => "pause",
            T::Resume => "resume",
            T::Breach => "breach",
            T::Meet => "meet",
            T::Miss => "miss",
            T::Cancel => "cancel",
            T::Revise => "revise",
            T::Continue => "go on",
            T::ContinueLate => "go on late",
        })
    }
}

/// Returns the clock states as a Mermaid state diagram.
///
/// ```
/// let text = firstline::sla::mermaid();
/// assert!(text.contains("Running --> Breached: breach"));
/// ```
pub fn mermaid() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> Running\n");
    for (from, step, to) in TABLE {
        let _ = writeln!(text, "    {from:?} --> {to:?}: {step}");
    }
    for state in [S::Met, S::Missed, S::Cancelled] {
        let _ = writeln!(text, "    {state:?} --> [*]");
    }
    text
}

/// Returns the clock states as a graph in the DOT language of Graphviz.
pub fn dot() -> String {
    let mut text = String::from("digraph {\n");
    for state in ClockState::ALL {
        let shape = if state.is_open() { "ellipse" } else { "doublecircle" };
        let _ = writeln!(text, "    {state:?} [label=\"{state}\" shape={shape}]");
    }
    for (from, step, to) in TABLE {
        let _ = writeln!(text, "    {from:?} -> {to:?} [label=\"{step}\"]");
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_deterministic_and_reaches_every_state() {
        for (n, (from, step, _)) in TABLE.iter().enumerate() {
            assert!(!TABLE[..n].iter().any(|(f, s, _)| f == from && s == step), "{from} {step} twice");
        }
        for state in ClockState::ALL {
            assert!(
                state == S::Running || TABLE.iter().any(|(.., to)| *to == state),
                "{state} is never reached"
            );
            assert!(mermaid().contains(&format!("{state:?}")) && dot().contains(&format!("{state:?}")));
        }
        assert_eq!(S::Met.apply(T::Breach), None);
        assert_eq!(S::Cancelled.apply(T::Meet), None);
    }
}
