//! Counts attempts and outcomes. A run that reaches too few of them proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use firstline::{StateKind, StepKind};

/// A second, simple copy of the design's table.
pub(crate) fn accepts(state: StateKind, step: StepKind) -> bool {
    use StateKind as S;
    use StepKind as P;
    match state {
        S::New => matches!(step, P::Start | P::Hold | P::Resolve | P::Cancel),
        S::Active => matches!(step, P::Hold | P::Resolve | P::Cancel),
        S::OnHold => matches!(step, P::Hold | P::Resume | P::Resolve | P::Cancel),
        S::Resolved => matches!(step, P::Confirm | P::Close | P::Reopen),
        S::Closed | S::Cancelled => false,
    }
}

/// The outcomes that random lives must reach often.
pub(crate) const OUTCOMES: [&str; 18] = [
    "replayed",
    "key reused",
    "conflict",
    "hold ended",
    "closed in silence",
    "message reopened",
    "follow-up opened",
    "link refused",
    "two parts refused",
    "undone",
    "undo refused",
    "link undone",
    "thread key undone",
    "restored from spam",
    "taken",
    "take refused",
    "thread key refused",
    "time refused",
];

pub(crate) fn cells() -> impl Iterator<Item = (StateKind, StepKind)> {
    StateKind::ALL.iter().flat_map(|state| StepKind::ALL.iter().map(|step| (*state, *step)))
}

/// The number of attempts of each step in each state, and of each outcome.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tried: BTreeMap<(StateKind, StepKind), u32>,
    pub(crate) outcomes: BTreeMap<&'static str, u32>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Tally) {
        other.tried.iter().for_each(|(cell, count)| *self.tried.entry(*cell).or_default() += count);
        other
            .outcomes
            .iter()
            .for_each(|(outcome, count)| *self.outcomes.entry(outcome).or_default() += count);
    }

    pub(crate) fn illegal_percent(&self) -> u32 {
        let all: u32 = self.tried.values().sum();
        let illegal = self.tried.iter().filter(|((state, step), _)| !accepts(*state, *step));
        100 * illegal.map(|(_, count)| count).sum::<u32>() / all.max(1)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:10}", "")?;
        StepKind::ALL.iter().try_for_each(|step| write!(f, "{:>10}", step.to_string()))?;
        for state in StateKind::ALL {
            write!(f, "\n{:10}", state.to_string())?;
            for step in StepKind::ALL {
                let mark = if accepts(*state, *step) { "+" } else { "-" };
                write!(f, "{:>9}{mark}", self.tried.get(&(*state, *step)).unwrap_or(&0))?;
            }
        }
        write!(f, "\n{} % of the steps were illegal; {:?}", self.illegal_percent(), self.outcomes)
    }
}
