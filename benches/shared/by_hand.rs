//! The lifecycle without a library: a `match` that returns the crate's own refusal.

use firstline::lifecycle::{StateKind, StepKind, StepRefused};

#[inline]
pub(crate) fn take(state: StateKind, step: StepKind) -> Result<StateKind, StepRefused> {
    use StateKind::{Active, Cancelled, Closed, New, OnHold, Resolved};
    use StepKind::{Cancel, Close, Confirm, Hold, Reopen, Resolve, Resume, Start};
    match (state, step) {
        (New, Start) | (OnHold, Resume) | (Resolved, Reopen) => Ok(Active),
        (New | Active | OnHold, Hold) => Ok(OnHold),
        (New | Active | OnHold, Resolve) => Ok(Resolved),
        (New | Active | OnHold, Cancel) => Ok(Cancelled),
        (Resolved, Confirm | Close) => Ok(Closed),
        _ => Err(StepRefused { state, step }),
    }
}
