//! The kinds of states and steps, and the run-time check, derived from the table.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    (
        states { $($(#[$state_doc:meta])* $state:ident = $state_words:literal,)* }
        steps { $($(#[$step_doc:meta])* $step:ident = $step_word:literal => $target:ident,)* }
        accepts { $($from:ident: $($accepted:ident)*, $said:literal;)* }
    ) => {
        /// The closed set of states, without what each carries (see [`State`](super::State) for that).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum StateKind { $($(#[$state_doc])* $state,)* }

        impl StateKind {
            /// All states, in the order of a ticket's life.
            pub const ALL: &'static [StateKind] = &[$(StateKind::$state,)*];

            pub(super) const fn words(self) -> &'static str {
                match self { $(StateKind::$state => $state_words,)* }
            }
        }

        /// The steps from state to state.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum StepKind { $($(#[$step_doc])* $step,)* }

        impl StepKind {
            /// All steps, in the order of the table.
            pub const ALL: &'static [StepKind] = &[$(StepKind::$step,)*];

            /// The state to which this step leads, from wherever it is accepted.
            pub const fn target(self) -> StateKind {
                match self { $(StepKind::$step => StateKind::$target,)* }
            }

            const fn word(self) -> &'static str {
                match self { $(StepKind::$step => $step_word,)* }
            }
        }

        /// The accepted steps of a state as a set of bits: what the run-time check looks at.
        const ACCEPTED: [u16; StateKind::ALL.len()] = {
            let mut table = [0; StateKind::ALL.len()];
            $(table[StateKind::$from as usize] = 0 $(| 1 << StepKind::$accepted as u16)*;)*
            table
        };
    };
}

lifecycle!(kinds);

impl StateKind {
    /// Whether this step is accepted in this state.
    #[inline]
    pub const fn accepts(self, step: StepKind) -> bool {
        ACCEPTED[self as usize] & (1 << step as u16) != 0
    }

    /// Takes the step: the state to which it leads.
    ///
    /// # Errors
    /// [`Refused`], which names the state, the step and what would be accepted.
    #[inline]
    pub const fn take(self, step: StepKind) -> Result<StateKind, Refused> {
        if self.accepts(step) { Ok(step.target()) } else { Err(Refused { state: self, step }) }
    }

    /// The steps accepted in this state, in the order of the table.
    pub fn accepted(self) -> impl Iterator<Item = StepKind> {
        StepKind::ALL.iter().copied().filter(move |step| self.accepts(*step))
    }

    /// The name under which it is written and stored: `on_hold`.
    pub const fn name(self) -> &'static str {
        match self {
            StateKind::OnHold => "on_hold",
            one_word => one_word.words(),
        }
    }

    /// Whether no step leads out of this state.
    pub const fn is_final(self) -> bool {
        ACCEPTED[self as usize] == 0
    }

    /// Whether work on a ticket in this state is still to be done: new, active or on hold.
    pub const fn is_open(self) -> bool {
        matches!(self, StateKind::New | StateKind::Active | StateKind::OnHold)
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A step that the table refuses. Two bytes; what is accepted instead is read from the table when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The state that refuses.
    pub state: StateKind,
    /// The step that was tried.
    pub step: StepKind,
}
