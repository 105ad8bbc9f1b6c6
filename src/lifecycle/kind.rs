//! The kinds of states and steps, and the run-time check, generated from the lifecycle table.

use serde::{Deserialize, Serialize};

use crate::language::words_by_name;

macro_rules! kinds {
    (
        states { $($(#[$state_doc:meta])* $state:ident = $state_name:literal,)* }
        steps { $($(#[$step_doc:meta])* $step:ident = $step_name:literal => $target:ident,)* }
        accepts { $($from:ident: $($accepted:ident)*, $summary:literal;)* }
    ) => {
        /// The closed set of states, without their data. [`State`](super::State) has the data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum StateKind { $($(#[$state_doc])* $state,)* }

        impl StateKind {
            /// All states, in the order of a typical ticket's life.
            pub const ALL: &'static [StateKind] = &[$(StateKind::$state,)*];

            /// Returns the name used in stored and serialized data, such as `on_hold`.
            pub const fn name(self) -> &'static str {
                match self { $(StateKind::$state => $state_name,)* }
            }
        }

        /// The steps that change a ticket's state.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum StepKind { $($(#[$step_doc])* $step,)* }

        impl StepKind {
            /// All steps, in the order of the table.
            pub const ALL: &'static [StepKind] = &[$(StepKind::$step,)*];

            /// Returns the state after this step. It is the same from every state that accepts the step.
            pub const fn target(self) -> StateKind {
                match self { $(StepKind::$step => StateKind::$target,)* }
            }

            pub(super) const fn name(self) -> &'static str {
                match self { $(StepKind::$step => $step_name,)* }
            }
        }

        /// The accepted steps of each state as a bit set, indexed by `StateKind`.
        const ACCEPTED: [u16; StateKind::ALL.len()] = {
            let mut table = [0; StateKind::ALL.len()];
            $(table[StateKind::$from as usize] = 0 $(| 1 << StepKind::$accepted as u16)*;)*
            table
        };
    };
}

lifecycle!(kinds);

impl StateKind {
    /// Returns true if this state accepts the step.
    #[inline]
    pub const fn accepts(self, step: StepKind) -> bool {
        ACCEPTED[self as usize] & (1 << step as u16) != 0
    }

    /// Returns the state that this step leads to.
    ///
    /// # Errors
    /// [`StepRefused`] if this state does not accept the step. The message lists the accepted steps.
    #[inline]
    pub const fn apply(self, step: StepKind) -> Result<StateKind, StepRefused> {
        if self.accepts(step) { Ok(step.target()) } else { Err(StepRefused { state: self, step }) }
    }

    /// Returns the steps that this state accepts, in the order of the table.
    pub fn accepted(self) -> impl Iterator<Item = StepKind> {
        StepKind::ALL.iter().copied().filter(move |step| self.accepts(*step))
    }

    /// Returns true if this state accepts no steps.
    pub const fn is_final(self) -> bool {
        ACCEPTED[self as usize] == 0
    }

    /// Returns true if a ticket in this state still needs work: new, active or on hold.
    pub const fn is_open(self) -> bool {
        matches!(self, StateKind::New | StateKind::Active | StateKind::OnHold)
    }
}

words_by_name!(StateKind, "state", |state| state.name());
words_by_name!(StepKind, "step", |step| step.name());

/// A step that the lifecycle does not accept.
///
/// `Display` lists the accepted steps of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepRefused {
    /// The state of the ticket.
    pub state: StateKind,
    /// The step that was refused.
    pub step: StepKind,
}
