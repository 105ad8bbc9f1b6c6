//! What is told of a command while it runs: a span where the feature `tracing` is on, figures where `metrics` is. With
//! neither there is nothing here, and nothing costs anything.

#[cfg(feature = "metrics")]
mod metered;
#[cfg(feature = "tracing")]
mod traced;

use std::future::Future;

use crate::error::{ErrorKind, Result};
use crate::flow::Label;
use crate::id::DeskId;

/// Watches one command.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    #[cfg(feature = "tracing")]
    span: traced::Traced,
    #[cfg(feature = "metrics")]
    meter: metered::Meter,
}

#[cfg_attr(not(any(feature = "tracing", feature = "metrics")), allow(unused_variables))]
impl Watch {
    /// Watches a command at this desk from now on.
    pub(crate) fn begin(desk: &DeskId, label: Label) -> Watch {
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
    pub(crate) fn ended<T>(&self, result: &Result<T>) {
        #[cfg(feature = "tracing")]
        self.span.ended(outcome(result));
        #[cfg(feature = "metrics")]
        self.meter.ended(outcome(result));
    }
}

/// How it ended, in a word.
#[cfg_attr(not(any(feature = "tracing", feature = "metrics")), allow(dead_code))]
fn outcome<T>(result: &Result<T>) -> &'static str {
    let Err(error) = result else { return "ok" };
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
