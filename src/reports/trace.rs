//! Counting a ticket's transitions through its workflow, from its history.

use crate::lifecycle::StateKind;
use crate::ticket::event::{Change, Event};
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Placement, ProcessMap, Workflow};

impl ProcessMap {
    /// Counts a ticket: its current status, and its transitions while it followed this version of the workflow.
    ///
    /// Nothing is counted for the time during which the ticket followed another workflow or version.
    pub fn add<'a>(&mut self, ticket: &Snapshot, history: impl IntoIterator<Item = &'a Event>) {
        if self.is_of(ticket.workflow_ref()) {
            self.count_ticket(ticket.status());
        }
        // The current status, or `None` while the ticket follows another workflow.
        let mut at: Option<String> = None;
        let mut state = StateKind::New;
        for event in history {
            match &event.change {
                Change::Opened(opened) => {
                    state = opened.state.kind();
                    at = self.status_of(opened.placement.as_ref(), state);
                }
                Change::WorkflowMigrated { to, .. } => at = self.status_of(to.as_ref(), state),
                Change::StateChanged { to, status, .. } => {
                    state = to.kind();
                    let to = status.as_deref().unwrap_or(state.name());
                    at = at.map(|from| self.advance(&from, to));
                }
                Change::Undone { before, .. } => {
                    state = before.state.kind();
                    at = self.status_of(before.placement.as_ref(), state);
                }
                Change::StatusChanged { to, .. } => at = at.map(|from| self.advance(&from, to)),
                _ => {}
            }
        }
    }

    /// Counts a transition and returns the status that it leads to.
    fn advance(&mut self, from: &str, to: &str) -> String {
        self.count_transition(from, to);
        to.to_owned()
    }

    fn status_of(&self, placement: Option<&Placement>, state: StateKind) -> Option<String> {
        match placement {
            Some(placement) => self.is_of(&placement.workflow).then(|| placement.status.as_ref().to_owned()),
            None => self.is_of(Workflow::simple().reference()).then(|| state.name().to_owned()),
        }
    }
}
