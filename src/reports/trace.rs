//! The way that a ticket went through its workflow, out of its history.

use crate::lifecycle::StateKind;
use crate::ticket::event::{Change, Event};
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Placement, ProcessMap, Workflow};

impl ProcessMap {
    /// Counts a ticket: where it stands, and which ways it took while it followed this version of the workflow.
    pub fn add<'a>(&mut self, ticket: &Snapshot, history: impl IntoIterator<Item = &'a Event>) {
        if self.is_of(ticket.workflow()) {
            self.stands(ticket.status());
        }
        // Where it stands, while it stands in this workflow.
        let mut at: Option<String> = None;
        let mut state = StateKind::New;
        for event in history {
            match &event.change {
                Change::Opened(opened) => {
                    state = opened.state.kind();
                    at = self.place(opened.placed.as_ref(), state);
                }
                Change::WorkflowMigrated { to, .. } => at = self.place(to.as_ref(), state),
                Change::Moved { to, status, .. } => {
                    state = to.kind();
                    let to = status.as_deref().unwrap_or(state.name());
                    at = at.map(|from| self.went(&from, to));
                }
                Change::StatusChanged { to, .. } => at = at.map(|from| self.went(&from, to)),
                _ => {}
            }
        }
    }

    fn went(&mut self, from: &str, to: &str) -> String {
        self.goes(from, to);
        to.to_owned()
    }

    fn place(&self, placed: Option<&Placement>, state: StateKind) -> Option<String> {
        match placed {
            Some(placed) => self.is_of(&placed.workflow).then(|| placed.status.as_ref().to_owned()),
            None => self.is_of(Workflow::simple().reference()).then(|| state.name().to_owned()),
        }
    }
}
