//! The ticket lifecycle: one table of states and steps.
//!
//! The table is declared once, in this file. Three things are generated from it and therefore always agree: the typed
//! steps (an illegal step does not compile), the run-time check ([`StateKind::apply`]) and the graph ([`diagram`]).
//!
//! | from \ step | start | hold | resume | resolve | confirm | close | reopen | cancel |
//! |---|---|---|---|---|---|---|---|---|
//! | New | Active | OnHold | | Resolved | | | | Cancelled |
//! | Active | | OnHold | | Resolved | | | | Cancelled |
//! | OnHold | | OnHold (new reason) | Active | Resolved | | | | Cancelled |
//! | Resolved | | | | | Closed | Closed | Active | |
//! | Closed, Cancelled | final | | | | | | | |
//!
//! Closed and Cancelled are final for steps. Two corrections lead out of them, which are no steps:
//! [`Action::undo`](crate::Action::undo) takes back the actor's own last command, and
//! [`Action::not_spam`](crate::Action::not_spam) takes back a cancellation as spam.
//!
//! ```
//! use firstline::lifecycle::{StateKind, StepKind};
//!
//! assert_eq!(StateKind::New.apply(StepKind::Resolve), Ok(StateKind::Resolved)); // answered at once
//! let refused = StateKind::Active.apply(StepKind::Confirm).unwrap_err();
//! assert_eq!(refused.to_string(), "confirm is not accepted while active; accepted here: hold, resolve, cancel");
//! ```

/// Passes the lifecycle table to `$derive!`, a macro that generates code from it.
macro_rules! lifecycle {
    ($derive:ident) => {
        $derive! {
            states {
                /// Registered; work has not started.
                New = "new",
                /// Being worked on.
                Active = "active",
                /// Waiting for a stated reason: the customer, a third party, a problem or a date.
                OnHold = "on_hold",
                /// Answered, but not verified yet.
                Resolved = "resolved",
                /// Confirmed by the requester, or closed by an agent or a timer. Final.
                Closed = "closed",
                /// Withdrawn, or opened by mistake. Final.
                Cancelled = "cancelled",
            }
            steps {
                /// Work on the ticket starts.
                Start = "start" => Active,
                /// The ticket is put on hold. On a ticket already on hold, this replaces the reason.
                Hold = "hold" => OnHold,
                /// The hold ends and work continues.
                Resume = "resume" => Active,
                /// The ticket is answered.
                Resolve = "resolve" => Resolved,
                /// The requester confirms the solution.
                Confirm = "confirm" => Closed,
                /// An agent closes the ticket, or its verification period ends.
                Close = "close" => Closed,
                /// The requester or an agent reports that the solution did not work.
                Reopen = "reopen" => Active,
                /// The ticket is withdrawn.
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
pub use kind::{StateKind, StepKind, StepRefused};
pub use rejection::{ActionKind, Permitted, Rejection, RejectionReason};
pub use state::{HoldReason, State};
