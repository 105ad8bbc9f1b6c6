//! The states of a clock and the steps between them: the crate's second state machine, declared as one table.

use std::fmt;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// What a clock is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It counts (in the open hours of its calendar, if it has one).
    Running,
    /// It does not count: the ticket is in a state that pauses it.
    Paused,
    /// Its deadline has passed, and what it waits for has not happened. A pause changes nothing in that.
    Breached,
    /// What it waited for happened in time: at the deadline or before.
    Met,
    /// What it waited for happened after the deadline.
    Missed,
    /// What it waited for is not wanted any more.
    Cancelled,
}

/// What takes a clock from state to state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClockStep {
    /// The ticket comes to a state that pauses it.
    Pause,
    /// The ticket leaves it.
    Resume,
    /// The deadline passes.
    Breach,
    /// What it waits for happens in time.
    Meet,
    /// What it waits for happens too late.
    Miss,
    /// It is not wanted any more.
    Cancel,
    /// It is given another target.
    Revise,
    /// It goes on after it ended in time, or was cancelled.
    GoOn,
    /// It goes on after it ended too late.
    GoOnLate,
}

use ClockState as S;
use ClockStep as T;

/// The table: from, step, to.
const TABLE: &[(ClockState, ClockStep, ClockState)] = &[
    (S::Running, T::Pause, S::Paused),
    (S::Running, T::Breach, S::Breached),
    (S::Running, T::Meet, S::Met),
    (S::Running, T::Cancel, S::Cancelled),
    (S::Running, T::Revise, S::Running),
    (S::Paused, T::Resume, S::Running),
    // A target that is given while it is paused may have been passed before the pause.
    (S::Paused, T::Breach, S::Breached),
    (S::Paused, T::Meet, S::Met),
    (S::Paused, T::Cancel, S::Cancelled),
    (S::Paused, T::Revise, S::Running),
    (S::Breached, T::Miss, S::Missed),
    (S::Breached, T::Cancel, S::Cancelled),
    (S::Breached, T::Revise, S::Running),
    (S::Met, T::GoOn, S::Running),
    (S::Missed, T::GoOnLate, S::Breached),
    (S::Cancelled, T::GoOn, S::Running),
];

impl ClockState {
    /// All of them.
    pub const ALL: [ClockState; 6] = [S::Running, S::Paused, S::Breached, S::Met, S::Missed, S::Cancelled];

    /// The state to which this step leads; `None` if this state does not accept it.
    pub fn take(self, step: ClockStep) -> Option<ClockState> {
        TABLE.iter().find(|(from, by, _)| *from == self && *by == step).map(|(.., to)| *to)
    }

    /// Whether it still waits for something.
    pub const fn is_open(self) -> bool {
        matches!(self, S::Running | S::Paused | S::Breached)
    }
}

impl fmt::Display for ClockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            S::Running => "running",
            S::Paused => "paused",
            S::Breached => "breached",
            S::Met => "met",
            S::Missed => "missed",
            S::Cancelled => "cancelled",
        })
    }
}

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
            T::GoOn => "go on",
            T::GoOnLate => "go on late",
        })
    }
}

/// The clock's states as a Mermaid state diagram, from the one table.
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

/// The same in Graphviz's DOT language.
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
    fn the_table_is_deterministic_and_every_state_is_reached() {
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
        assert_eq!(S::Met.take(T::Breach), None);
        assert_eq!(S::Cancelled.take(T::Meet), None);
    }
}
