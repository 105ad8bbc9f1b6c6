//! A span a command: desk, verb, ticket and outcome; never what people wrote or are called.

use std::future::Future;

use tracing::field::{Empty, display};
use tracing::{Instrument, Span, info_span};

use crate::flow::Label;
use crate::id::DeskId;

#[derive(Debug)]
pub(super) struct Traced(Span);

impl Default for Traced {
    fn default() -> Traced {
        Traced(Span::none())
    }
}

impl Traced {
    pub(super) fn begin(desk: &DeskId, Label { verb, ticket }: Label) -> Traced {
        let span = info_span!("firstline", %desk, verb, ticket = Empty, outcome = Empty);
        if let Some(ticket) = ticket {
            span.record("ticket", display(ticket));
        }
        Traced(span)
    }

    pub(super) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        self.0.in_scope(run)
    }

    pub(super) fn around<F: Future>(&self, future: F) -> tracing::instrument::Instrumented<F> {
        future.instrument(self.0.clone())
    }

    pub(super) fn ended(&self, outcome: &'static str) {
        self.0.record("outcome", outcome);
    }
}
