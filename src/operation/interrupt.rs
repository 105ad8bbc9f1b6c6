//! Why a decision did not come to its end.

use crate::error::Error;
use crate::store::Read;

/// Why a decision did not come to its end.
#[derive(Debug)]
pub enum Interrupt {
    /// These reads must be answered first.
    Load(Vec<Read>),
    /// It is refused; nothing is written.
    Fail(Error),
}

/// A decision that lacks a ticket's history is made again with it.
impl From<Error> for Interrupt {
    fn from(error: Error) -> Interrupt {
        match error.missing_history() {
            Some(missing) => Interrupt::Load(vec![Read::whole_history(missing.ticket)]),
            None => Interrupt::Fail(error),
        }
    }
}
