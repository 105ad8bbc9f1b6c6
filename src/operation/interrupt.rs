//! Interrupted decisions.

use crate::error::Error;
use crate::store::Read;

/// The reason for which a decision returned no result.
#[derive(Debug)]
pub enum Interrupt {
    /// The decision needs the answers to these reads first.
    Load(Vec<Read>),
    /// The command is refused; nothing is written.
    Fail(Error),
}

/// Turns an error about a ticket's missing history into a read of that history.
impl From<Error> for Interrupt {
    fn from(error: Error) -> Interrupt {
        match error.missing_history() {
            Some(missing) => Interrupt::Load(vec![Read::whole_history(missing.ticket)]),
            None => Interrupt::Fail(error),
        }
    }
}
