//! The lifecycle table as trait implementations, so that the compiler checks steps.

use super::state;

macro_rules! typed {
    (
        states { $($(#[$state_doc:meta])* $state:ident = $state_words:literal,)* }
        steps { $($(#[$step_doc:meta])* $step:ident = $step_word:literal => $target:ident,)* }
        accepts { $($from:ident: $($accepted:ident)*, $summary:literal;)* }
    ) => {
        /// Marker types for the steps, used as the parameter of [`Accepts`].
        pub mod step {
            $($(#[$step_doc])* #[derive(Debug, Clone, Copy)] pub struct $step;)*
        }

        /// A state that accepts the step `Step`.
        ///
        /// All implementations are generated from the lifecycle table.
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
            $(note = $summary,)*
            note = "for a state known only at run time use `desk.act`, or `into_typed` and match on the state"
        )]
        pub trait Accepts<Step>: state::KnownState {}

        // Without `do_not_recommend`, the compiler would also list these implementations. The notes above are clearer.
        $($(#[diagnostic::do_not_recommend] impl Accepts<step::$accepted> for state::$from {})*)*

        /// The note in the compiler's message for each state.
        #[cfg(test)]
        const NOTES: &[(crate::lifecycle::kind::StateKind, &str)] =
            &[$((crate::lifecycle::kind::StateKind::$from, $summary),)*];
    };
}

lifecycle!(typed);

#[cfg(test)]
mod tests {
    use super::NOTES;
    use crate::lifecycle::kind::StateKind;

    #[test]
    fn the_compilers_message_lists_the_steps_of_the_table() {
        assert_eq!(NOTES.len(), StateKind::ALL.len());
        for (state, note) in NOTES {
            let steps: Vec<String> = state.accepted().map(|step| step.to_string()).collect();
            let expected = match state.is_final() {
                true => format!("`{state:?}` is final: it accepts no step"),
                false => format!("`{state:?}` accepts: {}", steps.join(", ")),
            };
            assert_eq!(*note, expected);
        }
    }
}
