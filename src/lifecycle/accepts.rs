//! The table for the compiler: which state accepts which step.

use super::state;

macro_rules! typed {
    (
        states { $($(#[$state_doc:meta])* $state:ident = $state_words:literal,)* }
        steps { $($(#[$step_doc:meta])* $step:ident = $step_word:literal => $target:ident,)* }
        accepts { $($from:ident: $($accepted:ident)*, $said:literal;)* }
    ) => {
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
        const SAID: &[(crate::lifecycle::kind::StateKind, &str)] = &[$((crate::lifecycle::kind::StateKind::$from, $said),)*];
    };
}

lifecycle!(typed);

#[cfg(test)]
mod tests {
    use super::SAID;
    use crate::lifecycle::kind::StateKind;

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
