//! The state and the workflow status that an imported version sets.

use super::version::ImportedVersion;
use crate::error::{Error, Result};
use crate::lifecycle::state::OnHold;
use crate::lifecycle::{HoldReason, State};
use crate::suggest;
use crate::workflow::{Placement, Workflow};

/// The state that a version sets, and the status in the workflow; no status if the ticket follows no workflow.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) state: State,
    pub(super) placement: Option<Placement>,
}

/// Returns the state and the status that a version sets; `None` if it sets none.
///
/// `placement` is the current status of the ticket, and `workflow` the workflow that it follows now or from this
/// version on.
pub(super) fn target(
    version: &ImportedVersion,
    placement: Option<&Placement>,
    workflow: &Workflow,
) -> Result<Option<Target>> {
    let state = version.state();
    if let Some(name) = &version.workflow_status {
        return named(name, state, version, workflow).map(Some);
    }
    let Some(state) = state else { return Ok(None) };
    let placement = match placement {
        Some(placement) => Some(fitting(&state, placement, workflow)?),
        None => None,
    };
    Ok(Some(Target { state, placement }))
}

/// Returns the placement of a ticket in this state: its current status if that fits, otherwise the default status.
pub(super) fn fitting(state: &State, current: &Placement, workflow: &Workflow) -> Result<Placement> {
    let kept = workflow.find(&current.status).filter(|_| current.workflow == *workflow.reference());
    let kept = kept.filter(|status| workflow.fits(*status, state));
    let status = kept
        .or_else(|| workflow.statuses_for(state).first().copied())
        .and_then(|status| workflow.placement(status));
    status.ok_or_else(|| {
        Error::invalid(
            "status",
            format_args!("{state} has no status in the workflow {}", workflow.reference()),
        )
        .allowing("`workflow_status` with the name of a status")
    })
}

fn named(name: &str, state: Option<State>, version: &ImportedVersion, workflow: &Workflow) -> Result<Target> {
    let names = || workflow.statuses().map(|(_, status)| status.name.as_str());
    let id = workflow.find(name).ok_or_else(|| {
        let unknown = suggest::unknown(name, names());
        Error::invalid("status", format_args!("{name:?} {unknown} in the workflow {}", workflow.reference()))
            .allowing(names().collect::<Vec<_>>().join(", "))
    })?;
    let status = workflow.status(id);
    let state = match state.or_else(|| status.state.plain()) {
        Some(state) => state,
        None => {
            let reason = status.reason.clone().ok_or_else(|| {
                Error::invalid("status", format_args!("{name:?} does not say why the ticket is on hold"))
                    .allowing("the state on hold with a reason, in addition to the name of the status")
            })?;
            State::OnHold(OnHold { reason: HoldReason::from(reason.as_str()), until: None })
        }
    };
    if !workflow.fits(id, &state) {
        let reason = status.reason.as_ref().map(|reason| format!(" for {reason}")).unwrap_or_default();
        return Err(Error::invalid("status", format_args!("{name:?} is not a status for {state}"))
            .allowing(format!("the state {}{reason}, or no state", status.state)));
    }
    version.check_resolution(Some(&state))?;
    Ok(Target { state, placement: workflow.placement(id) })
}
