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

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Stop(error)
    }
}
