//! Why a decision did not come to its end.

use crate::error::Error;
use crate::store::Read;

/// Why a decision did not come to its end.
#[derive(Debug)]
pub enum Halt {
    /// These reads must be answered first.
    Need(Vec<Read>),
    /// It is refused; nothing is written.
    Stop(Error),
}

/// A decision that lacks a ticket's history is made again with it.
impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        match error.missing_history() {
            Some(missing) => Halt::Need(vec![Read::whole_history(missing.ticket)]),
            None => Halt::Stop(error),
        }
    }
}
