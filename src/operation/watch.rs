//! What is told of commands while they run: a span each where the feature `tracing` is on, figures where `metrics` is.
//! With neither there is nothing here, and nothing costs anything. Never what people wrote or are called.
//!
//! # Spans
//!
//! Each command is one span, called `firstline`, of the target `firstline`, however often it is tried. Its level is INFO,
//! and DEBUG for the listings of a sweep, which are all that one with nothing due does.
//!
//! | field | |
//! |---|---|
//! | `desk` | the desk's id; none for what is about all desks |
//! | `verb` | what it is, see below |
//! | `ticket` | the ticket's id: that which the caller named, or the one that came out; none if neither is |
//! | `outcome` | how it ended, see below; it is there once it has |
//!
//! One line a command, as it ends, with the time that it took (`tracing-subscriber` with the feature `fmt`):
//!
//! ```
//! use tracing_subscriber::fmt::format::FmtSpan;
//!
//! tracing_subscriber::fmt().with_span_events(FmtSpan::CLOSE).init();
//! firstline::Desk::memory().open_ticket(firstline::NewTicket::new("No sound"))?;
//! // ... INFO firstline{desk=main verb="open_ticket" ticket=01a2... outcome="ok"}: firstline: close time.busy=...
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # Figures
//!
//! By the facade of the crate `metrics`:
//!
//! | figure | labels | |
//! |---|---|---|
//! | `firstline_commands_total` | `verb`, `outcome` | counter: commands that ended |
//! | `firstline_conflicts_total` | `verb` | counter: those whose expected version was stale |
//! | `firstline_retries_total` | `verb` | counter: attempts after the first |
//! | `firstline_store_seconds` | `verb` | histogram: what of a command's time was not the decision's: waiting for a connection, a claim or the writer, reading, writing. Of a write to an awaited SQLite it is all until the commit that it shares with others is on the disk |
//!
//! # Verbs
//!
//! | verb | |
//! |---|---|
//! | `open_ticket`, `receive`, `act`, `commit`, `ticket`, `find` | the desk's, of the same name |
//! | `tick` | the timers of one ticket, in a sweep of `tick` or of a worker |
//! | `list_due` | a page of what is due at a desk |
//! | `list_owed` | a page of what is due at all desks |
//! | `adopt`, `in_force` | of `Desk::setup`; `in_force` is the policy |
//! | `explain`, `what_if`, `look_ahead`, `process_map` | of `Desk::reports`; `look_ahead` is a page of what is due soon |
//! | `history`, `links` | of `Desk::records` |
//! | `import`, `migrate` | a batch of an import; a page or a batch of a migration |
//! | `list_due_records`, `claim` | a page of due records at all desks; a claim of those of one desk |
//! | `load`, `save` | the flows of these names |
//! | `flow` | a flow of yours that has no label |
//!
//! # Outcomes
//!
//! | outcome | |
//! |---|---|
//! | `ok` | it was done |
//! | `replayed` | it was a repetition, by its idempotency key, and nothing was done: the first one's result |
//! | `invalid`, `definition`, `rejected`, `not_found`, `conflict`, `key_reused` | refused: the [`ErrorKind`] |
//! | `busy`, `storage`, `unknown`, `schema`, `corrupt` | the store failed: the [`ErrorKind`] |

#[cfg(feature = "metrics")]
mod metered;
#[cfg(feature = "tracing")]
mod traced;

use std::future::Future;

use crate::error::{ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::{Operation, OperationLabel};

/// Watches one command.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    #[cfg(feature = "tracing")]
    span: traced::Traced,
    #[cfg(feature = "metrics")]
    meter: metered::Meter,
}

#[cfg_attr(not(all(feature = "tracing", feature = "metrics")), allow(unused_variables))]
impl Watch {
    /// Watches a command at this desk from now on.
    pub(crate) fn begin(desk: &DeskId, label: OperationLabel) -> Watch {
        Watch {
            #[cfg(feature = "tracing")]
            span: traced::Traced::begin(desk, label),
            #[cfg(feature = "metrics")]
            meter: metered::Meter::begin(label.verb),
        }
    }

    /// Where somebody else watches, or nobody.
    pub(super) fn nobody() -> Watch {
        Watch::default()
    }

    /// Runs this inside the command's span.
    pub(super) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.within(run);
        #[cfg(not(feature = "tracing"))]
        run()
    }

    /// The future inside the command's span.
    pub(super) fn around<'f, T, F>(&self, future: F) -> impl Future<Output = T> + Send + use<'f, T, F>
    where
        F: Future<Output = T> + Send + 'f,
    {
        #[cfg(feature = "tracing")]
        return self.span.around(future);
        #[cfg(not(feature = "tracing"))]
        future
    }

    /// Runs the decision. What remains of the command's time is the store's.
    pub(super) fn deciding<T>(&self, decide: impl FnOnce() -> T) -> T {
        #[cfg(feature = "metrics")]
        return self.meter.deciding(decide);
        #[cfg(not(feature = "metrics"))]
        decide()
    }

    /// It is tried once more.
    pub(super) fn retried(&self) {
        #[cfg(feature = "metrics")]
        self.meter.retried();
    }

    /// It is over.
    pub(crate) fn ended<F: Operation>(&self, result: &Result<F::Out>) {
        #[cfg(any(feature = "tracing", feature = "metrics"))]
        let (word, outcome) = (word::<F>(result), result.as_ref().map(F::outcome).unwrap_or_default());
        #[cfg(feature = "tracing")]
        self.span.ended(word, outcome.ticket);
        #[cfg(feature = "metrics")]
        self.meter.ended(word);
    }
}

/// How it ended, in a word.
#[cfg_attr(not(any(feature = "tracing", feature = "metrics")), allow(dead_code))]
fn word<F: Operation>(result: &Result<F::Out>) -> &'static str {
    let error = match result {
        Ok(out) if F::outcome(out).replayed => return "replayed",
        Ok(_) => return "ok",
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Definition => "definition",
        ErrorKind::Rejected => "rejected",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::KeyReused => "key_reused",
        ErrorKind::Busy => "busy",
        ErrorKind::Storage => "storage",
        ErrorKind::Unknown => "unknown",
        ErrorKind::Schema => "schema",
        ErrorKind::Corrupt => "corrupt",
    }
}
