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

/// The table. Hands it to a macro that derives something from it: the kinds of states and steps, or the typed steps.
macro_rules! lifecycle {
    ($derive:ident) => {
        $derive! {
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
    };
}

mod accepts;
pub mod diagram;
mod kind;
pub mod rejection;
pub mod state;

pub use accepts::{Accepts, step};
pub use kind::{Refused, StateKind, StepKind};
pub use rejection::{Permitted, Reason, Rejection, Verb};
pub use state::{HoldReason, State};
