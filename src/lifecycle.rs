//! The one lifecycle of a ticket, declared once.
//!
//! The table in this file yields three things that therefore cannot disagree: the typed steps (an illegal step
//! does not compile), the run-time check ([`StateKind::take`]) and the graph ([`diagram`]).
//!
//! | from \ step | start | hold | resume | resolve | confirm | close | reopen | cancel |
//! |---|---|---|---|---|---|---|---|---|
//! | New | Active | OnHold | | Resolved | | | | Cancelled |
//! | Active | | OnHold | | Resolved | | | | Cancelled |
//! | OnHold | | OnHold (new reason) | Active | Resolved | | | | Cancelled |
//! | Resolved | | | | | Closed | Closed | Active | |
//! | Closed, Cancelled | final | | | | | | | |
//!
//! ```
//! use firstline::lifecycle::{StateKind, StepKind};
//!
//! assert_eq!(StateKind::New.take(StepKind::Resolve), Ok(StateKind::Resolved)); // answered at once
//! let refused = StateKind::Active.take(StepKind::Confirm).unwrap_err();
//! assert_eq!(refused.to_string(), "confirm is not accepted while active; accepted here: hold, resolve, cancel");
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

pub mod diagram;
pub mod rejection;
pub mod state;

pub use rejection::{Permitted, Reason, Rejection, Verb};
pub use state::{HoldReason, State};

/// Declares states, steps and what accepts what, and derives everything that depends on them.
macro_rules! lifecycle {
    (
        states { $($(#[$state_doc:meta])* $state:ident = $state_words:literal,)* }
        steps { $($(#[$step_doc:meta])* $step:ident = $step_word:literal => $target:ident,)* }
        accepts { $($from:ident: $($accepted:ident)*, $said:literal;)* }
    ) => {
        /// The closed set of states, without what each carries (see [`State`] for that).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum StateKind { $($(#[$state_doc])* $state,)* }

        impl StateKind {
            /// All states, in the order of a ticket's life.
            pub const ALL: &'static [StateKind] = &[$(StateKind::$state,)*];

            const fn words(self) -> &'static str {
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

        /// Markers of the steps, for the compiler: see [`Accepts`].
        pub mod step {
            $($(#[$step_doc])* #[derive(Debug, Clone, Copy)] pub struct $step;)*
        }

        /// The state accepts the step: the table, for the compiler. Implemented by the table alone.
        ///
        /// ```compile_fail,E0277
        /// use firstline::{Ticket, state};
        ///
        /// fn too_early(ticket: Ticket<state::Active>) {
        ///     let _ = ticket.confirm(); // not resolved yet: does not compile
        /// }
        /// ```
        #[diagnostic::on_unimplemented(
            message = "a ticket in state `{Self}` does not accept the step `{Step}`",
            label = "this step is not accepted in `{Self}`",
            $(note = $said,)*
            note = "for a state known only at run time use `desk.act`, or `into_typed` and match on the state"
        )]
        pub trait Accepts<Step>: state::KnownState {}

        // The compiler would list them in its own words, of which the notes above are the better ones.
        $($(#[diagnostic::do_not_recommend] impl Accepts<step::$accepted> for state::$from {})*)*

        /// What the compiler's message says of each state.
        #[cfg(test)]
        const SAID: &[(StateKind, &str)] = &[$((StateKind::$from, $said),)*];
    };
}

lifecycle! {
    states {
        /// Registered; nobody works on it yet.
        New = "new",
        /// Being worked on.
        Active = "active",
        /// Waiting, with a reason: the customer, a third party, a problem, a date.
        OnHold = "on hold",
        /// Answered; to be verified.
        Resolved = "resolved",
        /// Verified, or silently accepted. Final.
        Closed = "closed",
        /// Withdrawn or mistaken. Final.
        Cancelled = "cancelled",
    }
    steps {
        /// Somebody begins to work on it.
        Start = "start" => Active,
        /// It waits; again with another reason if it waits already.
        Hold = "hold" => OnHold,
        /// The wait is over.
        Resume = "resume" => Active,
        /// It is answered.
        Resolve = "resolve" => Resolved,
        /// The requester says that it is solved.
        Confirm = "confirm" => Closed,
        /// An agent, or the end of the verification period, closes it.
        Close = "close" => Closed,
        /// The requester or an agent says that it is not solved.
        Reopen = "reopen" => Active,
        /// It is withdrawn.
        Cancel = "cancel" => Cancelled,
    }
    accepts {
        New: Start Hold Resolve Cancel, "`New` accepts: start, hold, resolve, cancel";
        Active: Hold Resolve Cancel, "`Active` accepts: hold, resolve, cancel";
        OnHold: Hold Resume Resolve Cancel, "`OnHold` accepts: hold, resume, resolve, cancel";
        Resolved: Confirm Close Reopen, "`Resolved` accepts: confirm, close, reopen";
        Closed: , "`Closed` is final: it accepts no step";
        Cancelled: , "`Cancelled` is final: it accepts no step";
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{step} is not accepted while {state}; {}", Permitted::steps(*.state))]
pub struct Refused {
    /// The state that refuses.
    pub state: StateKind,
    /// The step that was tried.
    pub step: StepKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_message_lists_the_steps_of_the_table() {
        assert_eq!(SAID.len(), StateKind::ALL.len());
        for (state, said) in SAID {
            let steps: Vec<String> = state.accepted().map(|step| step.to_string()).collect();
            let expected = match state.is_final() {
                true => format!("`{state:?}` is final: it accepts no step"),
                false => format!("`{state:?}` accepts: {}", steps.join(", ")),
            };
            assert_eq!(*said, expected);
        }
    }
}
