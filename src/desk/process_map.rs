//! Counts how the tickets of a desk move through a workflow, one page at a time.

use super::context::CommandContext;
use crate::error::Result;
use crate::operation::{Interrupt, Job, JobStep, Loaded, Operation, OperationLabel};
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Cursor, Mode, Query, Read};
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{ProcessMap, Workflow};

/// Counts the tickets of a desk that follow a workflow, in any state, and their transitions.
#[derive(Debug)]
pub(super) struct Count {
    workflow: Workflow,
    /// The start of the next page; `None` after the last.
    next: Option<Option<Cursor>>,
    counted: ProcessMap,
    context: CommandContext,
}

impl Count {
    pub(super) fn of(workflow: &Workflow, context: CommandContext) -> Count {
        let counted = ProcessMap::new(workflow);
        Count { workflow: workflow.clone(), next: Some(None), counted, context }
    }
}

impl Job for Count {
    type Out = ProcessMap;

    fn next(&mut self) -> Option<JobStep<Count>> {
        let after = self.next.take()?;
        let page = Page { workflow: self.workflow.clone(), after, context: self.context.clone() };
        Some(JobStep::new(page, |job: &mut Count, page| {
            let (counted, next) = page?;
            job.counted.merge(&counted);
            job.next = next.map(Some);
            Ok(())
        }))
    }

    fn finish(self) -> ProcessMap {
        self.counted
    }
}

#[derive(Debug)]
struct Page {
    workflow: Workflow,
    after: Option<Cursor>,
    context: CommandContext,
}

impl Operation for Page {
    type Out = (ProcessMap, Option<Cursor>);

    fn label(&self) -> OperationLabel {
        OperationLabel::new("process_map")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        // Ordered by id, which never changes, so that a ticket which changes meanwhile is counted exactly once.
        let access = self.context.access(loaded)?;
        if access.internal().is_never() {
            return Ok((Commit::default(), (ProcessMap::new(&self.workflow), None)));
        }
        let query = Query::oldest().limit(MAX_PAGE).after(self.after.clone());
        let query = query.matching(access.internal().clone());
        let tickets = loaded.find(&query)?;
        let follows = |it: &&Snapshot| it.workflow_ref().hash == self.workflow.reference().hash;
        let whole_history = |it: &Snapshot| Read::History { ticket: it.id, after: 0, limit: usize::MAX };
        loaded.need(tickets.iter().map(|it| &**it).filter(follows).map(whole_history))?;
        let mut counted = ProcessMap::new(&self.workflow);
        for ticket in tickets.iter().map(|it| &**it).filter(follows) {
            // The history is read later than the ticket and may contain newer events.
            let history = loaded.history(ticket.id, 0, usize::MAX)?;
            let until = history.partition_point(|event| event.version <= ticket.version);
            counted.add(ticket, &history[..until]);
        }
        let full = tickets.len() == query.page_size();
        let next = tickets.last().filter(|_| full).map(|last| query.cursor_of(last));
        Ok((Commit::default(), (counted, next)))
    }
}
