//! The change to the workflow of another kind.
//!
//! A ticket enters another workflow as a new ticket would: it begins at the start of that workflow, and follows its
//! transitions to a status in the state that the ticket has. The actor must be allowed to take each of these
//! transitions now: guards, performers, required fields and comments apply as usual, and so does every rule about the
//! paths of the workflow. The fields that the former status requires on leaving must be filled too.

use crate::error::Result;
use crate::language::Sentence;
use crate::lifecycle::state::{OnHold, State};
use crate::lifecycle::{ActionKind, HoldReason, Rejection, RejectionReason, StateKind, StepKind};
use crate::ticket::decision::request::{Exemption, StepDetails, TransitionRequest};
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Change, MigrationCause};
use crate::ticket::kind::Kind;
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{StatusId, Trigger, Workflow};

impl Draft {
    /// Moves the ticket to the workflow of its new kind, if that is another workflow. A closed or cancelled ticket
    /// keeps its workflow, because its history uses the statuses of that workflow.
    pub(super) fn follow_kind(&mut self, kind: &Kind, context: &DecisionContext<'_>) -> Result<()> {
        let workflow = context.workflows.for_kind(kind.as_str());
        let ticket = self.snapshot();
        if ticket.state.kind().is_final() || workflow.reference().name == ticket.workflow_ref().name {
            return Ok(());
        }
        let request = self.request(Some(context.by), Exemption::Nothing, context)?;
        let status = request.transfer(kind, workflow)?;
        let to = workflow.placement(status);
        let transferred = Change::WorkflowMigrated { to, cause: MigrationCause::Kind };
        self.change(context, transferred, Personal::default())
    }
}

impl<'a> TransitionRequest<'a> {
    /// Returns the status in which the ticket enters another workflow.
    fn transfer(self, kind: &Kind, to: &Workflow) -> Result<StatusId, Rejection> {
        let refused = |reasons| Err(self.rejection(ActionKind::Describe, reasons, Vec::new()));
        let targets = to.statuses_for(&self.ticket.state);
        let Some(preferred) = targets.first() else {
            let state = &self.ticket.state;
            let why = match state.hold_reason() {
                Some(reason) => {
                    Sentence::new("why.no_status_on_hold").name("reason", "hold", reason.as_str())
                }
                None => Sentence::new("why.no_status_for"),
            };
            let why = why.name("kind", "kind", kind.as_str()).text("workflow", to.reference()).name(
                "state",
                "state",
                state.kind().name(),
            );
            return refused(vec![RejectionReason::Other(why)]);
        };
        let name = &to.status(*preferred).name;
        let leave = self.workflow.find(self.ticket.status()).map(|from| &self.workflow.status(from).leave);
        let missing = leave.into_iter().flatten().filter(|field| !self.ticket.has_filled(field));
        let mut reasons: Vec<RejectionReason> = missing
            .map(|field| RejectionReason::Missing { field: field.clone(), to: name.clone() })
            .collect();
        let open = |from, trigger, target| self.hop(to, from, trigger, target).is_ok();
        let reached = paths(to, open);
        match targets.iter().find(|target| reached.iter().any(|(status, _)| status == *target)) {
            Some(target) if reasons.is_empty() => return Ok(*target),
            Some(_) => {}
            None => {
                // The obstacles on the shortest path, whether it is open or not.
                let all = paths(to, |_, _, _| true);
                let path = all.into_iter().find(|(status, _)| status == preferred);
                for (from, trigger, target) in path.map(|(_, path)| path).unwrap_or_default() {
                    let obstacles = self.hop(to, from, trigger, target).err();
                    for reason in obstacles.iter().flat_map(Rejection::all_reasons) {
                        if !reasons.contains(reason) {
                            reasons.push(reason.clone());
                        }
                    }
                }
            }
        }
        refused(reasons)
    }

    /// Checks one transition on the way through another workflow.
    fn hop(self, to: &Workflow, from: StatusId, trigger: Trigger, target: StatusId) -> Result<(), Rejection> {
        let ticket = self.ticket.standing_in(to, from);
        let request = TransitionRequest { ticket: &ticket, workflow: to, ..self };
        let verb = match trigger {
            Trigger::Step(step) => ActionKind::Step(step),
            Trigger::Move => ActionKind::Move,
        };
        let resolves = trigger == Trigger::Step(StepKind::Resolve);
        if resolves && self.ticket.state.kind() != StateKind::Resolved {
            let why = Sentence::new("why.no_solution");
            return Err(Rejection::new(self.ticket.state.kind(), verb, RejectionReason::Other(why)));
        }
        let details = StepDetails {
            // The solution of a resolved ticket is its comment.
            comment: resolves.then_some("resolved"),
            code: self.ticket.resolution_code.as_deref(),
            ..StepDetails::default()
        };
        let edges = to.candidates(from, trigger, Some(target), None);
        request.choose(verb, from, &edges, trigger, details).map(drop)
    }
}

impl Snapshot {
    /// Returns the ticket as it would be in this status of another workflow.
    fn standing_in(&self, workflow: &Workflow, status: StatusId) -> Snapshot {
        let placement = workflow.placement(status).map(Box::new);
        let status = workflow.status(status);
        let state = status.state.plain().unwrap_or_else(|| {
            let reason = status.reason.clone().or_else(|| self.state.hold_reason().cloned());
            State::OnHold(OnHold { reason: reason.unwrap_or(HoldReason::Customer), until: None })
        });
        Snapshot { state, placement, ..self.clone() }
    }
}

/// A transition from one status to another.
type Hop = (StatusId, Trigger, StatusId);

/// Returns the statuses that can be reached from the start of a workflow over open transitions, each with the shortest
/// path to it. The start itself comes first.
fn paths(
    workflow: &Workflow,
    open: impl Fn(StatusId, Trigger, StatusId) -> bool,
) -> Vec<(StatusId, Vec<Hop>)> {
    let mut reached: Vec<(StatusId, Vec<Hop>)> =
        workflow.find(&workflow.start().name).map(|start| (start, Vec::new())).into_iter().collect();
    let mut next = 0;
    while let Some((from, path)) = reached.get(next).cloned() {
        next += 1;
        for trigger in Trigger::all() {
            for edge in workflow.edges(from, trigger) {
                let is_new = reached.iter().all(|(status, _)| *status != edge.to);
                if is_new && open(from, trigger, edge.to) {
                    let mut path = path.clone();
                    path.push((from, trigger, edge.to));
                    reached.push((edge.to, path));
                }
            }
        }
    }
    reached
}
