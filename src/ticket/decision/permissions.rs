//! The permissions of the lifecycle, and the standing of a speaker on a ticket.

use crate::lifecycle::{ActionKind, StepKind};
use crate::policy::{OnResolved, Policy, Standing, StandingRule};
use crate::ticket::people::{Actor, ContactRole, Who};
use crate::ticket::snapshot::Snapshot;

impl Snapshot {
    /// Returns what an actor is to this ticket; `None` for agents, programs and the desk itself.
    ///
    /// ```
    /// use firstline::policy::Standing;
    /// use firstline::{ContactRole, Desk, NewTicket, Who};
    ///
    /// let request = NewTicket::new("No sound").from("boris").contact("clara", ContactRole::Cc);
    /// let ticket = Desk::memory().open_ticket(request)?;
    /// assert_eq!(ticket.standing(&Who::Contact("boris".into())), Some(Standing::Requester));
    /// assert_eq!(ticket.standing(&Who::Contact("clara".into())), Some(Standing::Cc));
    /// assert_eq!(ticket.standing(&Who::Contact("mallory".into())), Some(Standing::Outsider));
    /// assert_eq!(ticket.standing(&Who::Agent("anna".into())), None);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn standing(&self, who: &Who) -> Option<Standing> {
        let role = match who {
            Who::Contact(id) => self.contacts.get(id),
            Who::Unknown => None,
            Who::Agent(_) | Who::Automation(_) | Who::Desk => return None,
        };
        Some(match role {
            Some(ContactRole::Requester) => Standing::Requester,
            Some(ContactRole::Affected) => Standing::Affected,
            Some(ContactRole::Cc) => Standing::Cc,
            None => Standing::Outsider,
        })
    }
}

/// True if a message of a speaker with this rule reopens the ticket, if it is resolved.
pub(crate) fn reopens(rule: &StandingRule, ticket: &Snapshot) -> bool {
    match &rule.resolved {
        OnResolved::Reopen => true,
        OnResolved::ReopenIf(condition) => condition.holds(ticket),
        OnResolved::Nothing | OnResolved::StopClosing => false,
    }
}

/// True if the lifecycle accepts the kind from this actor in the ticket's state. A reply of a contact who may follow up
/// is kept on a finished ticket.
pub(crate) fn accepted(kind: ActionKind, by: Option<&Actor>, ticket: &Snapshot, policy: &Policy) -> bool {
    let state = ticket.state.kind();
    let kept = || {
        let standing = by.and_then(|by| ticket.standing(&by.who));
        standing.is_some_and(|standing| policy.rule_of(standing).follows_up)
    };
    kind.accepted_in(state) || (kind == ActionKind::Reply && state.is_final() && kept())
}

/// Returns the actors that may do this; `None` if the actor may.
pub(crate) fn may(kind: ActionKind, by: &Actor, ticket: &Snapshot, policy: &Policy) -> Option<Vec<String>> {
    let right: fn(&StandingRule, &Snapshot) -> bool = match kind {
        ActionKind::Step(StepKind::Confirm | StepKind::Cancel) => |rule, _| rule.decides,
        ActionKind::Step(StepKind::Reopen) => reopens,
        // A move that takes a step is checked as that step. The workflow may restrict moves further.
        // Everybody who writes may take back a command of their own.
        ActionKind::Reply | ActionKind::Move | ActionKind::Undo => |rule, _| rule.writes,
        _ => |_, _| false,
    };
    if kind == ActionKind::TimeSpent {
        return if matches!(by.who, Who::Agent(_)) { None } else { Some(vec!["agent".to_owned()]) };
    }
    // Staff does not confirm its own solution.
    let staff_may = kind != ActionKind::Step(StepKind::Confirm);
    let allowed = match ticket.standing(&by.who) {
        Some(standing) => right(policy.rule_of(standing), ticket),
        None => staff_may,
    };
    if allowed {
        return None;
    }
    let with_right = [Standing::Requester, Standing::Affected, Standing::Cc, Standing::Outsider]
        .into_iter()
        .filter(|standing| right(policy.rule_of(*standing), ticket))
        .map(Standing::name);
    let staff: &[&str] = if staff_may { &["agent", "automation"] } else { &[] };
    Some(with_right.chain(staff.iter().copied()).map(str::to_owned).collect())
}
