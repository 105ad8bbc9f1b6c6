//! One span per command, with its desk, verb, ticket and outcome.

use std::future::Future;

use tracing::field::{Empty, display};
use tracing::{Instrument, Span, debug_span, info_span};

use crate::id::{DeskId, TicketId};
use crate::operation::OperationLabel;

#[derive(Debug)]
pub(super) struct Traced {
    span: Span,
    /// True if the label named the ticket.
    has_ticket: bool,
}

impl Default for Traced {
    fn default() -> Traced {
        Traced { span: Span::none(), has_ticket: false }
    }
}

impl Traced {
    pub(super) fn begin(
        desk: &DeskId,
        OperationLabel { verb, ticket, quiet, everywhere }: OperationLabel,
    ) -> Traced {
        let (desk, id) = ((!everywhere).then(|| display(desk)), ticket.map(display));
        // The default target would be the path of this private module.
        let span = match quiet {
            true => debug_span!(target: "firstline", "firstline", desk, verb, ticket = id, outcome = Empty),
            false => info_span!(target: "firstline", "firstline", desk, verb, ticket = id, outcome = Empty),
        };
        Traced { span, has_ticket: ticket.is_some() }
    }

    pub(super) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        self.span.in_scope(run)
    }

    pub(super) fn around<F: Future>(&self, future: F) -> tracing::instrument::Instrumented<F> {
        future.instrument(self.span.clone())
    }

    pub(super) fn ended(&self, outcome: &'static str, ticket: Option<TicketId>) {
        if let Some(ticket) = ticket.filter(|_| !self.has_ticket) {
            self.span.record("ticket", display(ticket));
        }
        self.span.record("outcome", outcome);
    }
}
