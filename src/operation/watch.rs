//! Traces and metrics of commands: one span per command with the feature `tracing`, and counters and a histogram with
//! `metrics`. Without these features there is no code and no cost. Traces and metrics never contain names of people or
//! text that people wrote.
//!
//! # Spans
//!
//! Each command has one span, including its retries. The span's name and target are both `firstline`. Its level is
//! INFO; it is DEBUG for `list_due`, `list_due_tickets`, `list_migrations`, `list_all_migrations`, `find_migrating`,
//! `end_migration`, `list_due_records` and `claim`, so that a sweep with nothing due shows nothing at INFO.
//!
//! | field | |
//! |---|---|
//! | `desk` | the desk's id; absent if the command is about all desks |
//! | `verb` | the name of the command, see below |
//! | `ticket` | the ticket's id, as given by the caller or found by the command; absent if neither names one |
//! | `outcome` | the outcome, see below; set when the command ends |
//!
//! This prints one line per command when it ends, with the time it took (`tracing-subscriber` with the feature `fmt`):
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
//! # Metrics
//!
//! Metrics are recorded with the macros of the crate `metrics`:
//!
//! | metric | labels | |
//! |---|---|---|
//! | `firstline_commands_total` | `verb`, `outcome` | counter: commands that ended |
//! | `firstline_conflicts_total` | `verb` | counter: commands that ended with a stale expected version |
//! | `firstline_retries_total` | `verb` | counter: attempts after the first |
//! | `firstline_store_seconds` | `verb` | histogram: the time of a command outside its decision: waiting for a connection, a lock or the writer, reading, writing. For a write to an async SQLite store it includes the wait until the commit, which may be shared with other commands, is on disk |
//!
//! # Verbs
//!
//! | verb | |
//! |---|---|
//! | `open_ticket`, `receive`, `act`, `commit`, `ticket`, `find`, `count` | the method of `Desk` with the same name |
//! | `tick` | the timers of one ticket, in a sweep of `tick` or of a worker |
//! | `list_due` | a page of the timers that are due at a desk |
//! | `list_due_tickets` | a page of the tickets with due timers at all desks |
//! | `list_migrations`, `list_all_migrations` | the adopted policies, of one desk or of all, whose clocks are still to be migrated |
//! | `find_migrating`, `end_migration` | a page of the tickets whose clocks such a policy may migrate; the end of the migration |
//! | `adopt`, `policy` | `Setup::adopt` or `adopt_from`; `Setup::policy` |
//! | `explain`, `what_if`, `why_not`, `due_soon`, `process_map` | the method of `Desk::reports` with the same name; for `due_soon` a page of it |
//! | `history`, `links` | methods of `Desk::records` |
//! | `import`, `migrate` | a batch of an import; a page or a batch of a migration |
//! | `list_due_records`, `claim` | a page of due records at all desks; a claim of due records at one desk |
//! | `load`, `save` | the methods of [`Engine`](super::Engine) with the same names |
//! | `operation` | an operation outside the crate that has no label of its own |
//!
//! # Outcomes
//!
//! | outcome | |
//! |---|---|
//! | `ok` | the command succeeded |
//! | `replayed` | the command repeated an idempotency key: it did nothing and returned the first result |
//! | `invalid`, `definition`, `rejected`, `not_found`, `conflict`, `key_reused` | the command was refused: the [`ErrorKind`] |
//! | `busy`, `storage`, `unknown`, `schema`, `corrupt` | the store failed: the [`ErrorKind`] |

#[cfg(feature = "metrics")]
mod metered;
#[cfg(feature = "tracing")]
mod traced;

use std::future::Future;

use crate::error::{ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::{Operation, OperationLabel};

/// Traces and measures one command.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    #[cfg(feature = "tracing")]
    span: traced::Traced,
    #[cfg(feature = "metrics")]
    meter: metered::Meter,
}

#[cfg_attr(not(all(feature = "tracing", feature = "metrics")), allow(unused_variables))]
impl Watch {
    /// Starts the span and the measurement of a command at this desk.
    pub(crate) fn begin(desk: &DeskId, label: OperationLabel) -> Watch {
        Watch {
            #[cfg(feature = "tracing")]
            span: traced::Traced::begin(desk, label),
            #[cfg(feature = "metrics")]
            meter: metered::Meter::begin(label.verb),
        }
    }

    /// Creates a watch that records nothing: for a command that another watch records, or that nobody records.
    pub(super) fn unwatched() -> Watch {
        Watch::default()
    }

    /// Runs a function inside the command's span.
    pub(super) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.within(run);
        #[cfg(not(feature = "tracing"))]
        run()
    }

    /// Wraps a future in the command's span.
    pub(super) fn around<'f, T, F>(&self, future: F) -> impl Future<Output = T> + Send + use<'f, T, F>
    where
        F: Future<Output = T> + Send + 'f,
    {
        #[cfg(feature = "tracing")]
        return self.span.around(future);
        #[cfg(not(feature = "tracing"))]
        future
    }

    /// Runs the decision and measures its time. All other time of the command is reported as the store's.
    pub(super) fn deciding<T>(&self, decide: impl FnOnce() -> T) -> T {
        #[cfg(feature = "metrics")]
        return self.meter.deciding(decide);
        #[cfg(not(feature = "metrics"))]
        decide()
    }

    /// Counts a retry.
    pub(super) fn retried(&self) {
        #[cfg(feature = "metrics")]
        self.meter.retried();
    }

    /// Records the outcome of the command.
    pub(crate) fn ended<F: Operation>(&self, result: &Result<F::Out>) {
        #[cfg(any(feature = "tracing", feature = "metrics"))]
        let word = word::<F>(result);
        #[cfg(feature = "tracing")]
        self.span.ended(word, result.as_ref().ok().and_then(F::ticket_of));
        #[cfg(feature = "metrics")]
        self.meter.ended(word);
    }
}

/// Returns the name of the outcome.
#[cfg_attr(not(any(feature = "tracing", feature = "metrics")), allow(dead_code))]
fn word<F: Operation>(result: &Result<F::Out>) -> &'static str {
    let error = match result {
        Ok(out) if F::is_replayed(out) => return "replayed",
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
