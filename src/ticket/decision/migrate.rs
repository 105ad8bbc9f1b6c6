//! The pure decision about migrating a ticket to another workflow or another version of its workflow.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::id::{AgentId, TeamId};
use crate::lifecycle::{State, StateKind};
use crate::limits;
use crate::policy::Policy;
use crate::ticket::action::Action;
use crate::ticket::decision::{DecisionContext, Draft, TicketWrite};
use crate::ticket::event::{Change, MigrationCause};
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;
use crate::workflow::{Migration, StatusId, Workflow, WorkflowSet};

/// A migration plan together with the target workflow.
#[derive(Debug, Clone)]
pub(crate) struct MigrationTask {
    pub(crate) plan: Migration,
    pub(crate) to: Workflow,
}

/// The outcome of a migration for one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MigrationOutcome {
    /// The plan does not concern the ticket: the ticket is finished, or it follows another workflow or version.
    NotConcerned,
    /// The ticket's kind follows another workflow under the policy in force.
    OtherKind,
    /// The plan maps the ticket's status to no status.
    Unmapped,
    /// The ticket cannot be migrated yet.
    Blocked {
        /// The target status.
        to: StatusId,
        /// The required fields that the ticket lacks and the plan does not fill in.
        missing: Vec<String>,
        /// Another obstacle, as text.
        why: Option<String>,
    },
    /// The ticket can be migrated.
    Ready {
        /// The current status.
        from: String,
        /// The target status.
        to: StatusId,
        /// The fields that the plan fills in.
        filled: Vec<String>,
    },
}

impl MigrationTask {
    /// Returns the outcome of the plan for this ticket.
    pub(crate) fn outcome(&self, ticket: &Snapshot, in_force: &WorkflowSet) -> MigrationOutcome {
        let follows = ticket.workflow_ref();
        let concerned = !ticket.state.kind().is_final()
            && *follows.name == *self.plan.from
            && self.plan.from_version.is_none_or(|version| version == follows.version)
            && follows.hash != self.to.reference().hash;
        if !concerned {
            return MigrationOutcome::NotConcerned;
        }
        if *in_force.for_kind(ticket.kind.as_str()) != self.to {
            return MigrationOutcome::OtherKind;
        }
        let Some(to) = self.plan.new_status(&self.to, ticket.status(), ticket.state.kind()) else {
            return MigrationOutcome::Unmapped;
        };
        let status = self.to.status(to);
        let lacking = status.enter.iter().filter(|field| !ticket.has_filled(field)).cloned();
        let (filled, missing): (Vec<_>, Vec<_>) =
            lacking.partition(|field| self.plan.fill.contains_key(field));
        let why = match (&ticket.state, &status.reason) {
            (State::OnHold(hold), Some(reason)) if hold.reason.as_str() != reason.as_str() => {
                Some(format!("waits for {}, and {:?} is for {reason}", hold.reason, status.name))
            }
            _ => None,
        };
        if missing.is_empty() && why.is_none() {
            MigrationOutcome::Ready { from: ticket.status().to_owned(), to, filled }
        } else {
            MigrationOutcome::Blocked { to, missing, why }
        }
    }

    /// Returns the faults in the plan's values to fill in.
    pub(crate) fn faults_of_fill(plan: &Migration, policy: &Policy) -> Vec<String> {
        let faults = plan.fill.iter().filter_map(|(field, value)| {
            let error = fill(field, value, policy).err()?;
            Some(format!("fill {field:?}: {error}"))
        });
        faults.collect()
    }
}

/// A value that a plan fills in.
enum Fill {
    Description(Action),
    Team(TeamId),
    Assignee(AgentId),
}

/// Parses a value that a plan fills in, and checks it against the policy.
fn fill(field: &str, value: &Value, policy: &Policy) -> Result<Fill> {
    match (field, value) {
        ("category", Value::List(path)) => {
            limits::category(path)?;
            Ok(Fill::Description(Action::Category(path.clone())))
        }
        ("category", other) => {
            Err(Error::invalid("category", format_args!("does not take a {}", other.type_name()))
                .allowing("a list of names, from general to specific"))
        }
        ("assignee", Value::Text(agent)) => {
            let agent = AgentId::new(agent.as_str());
            agent.check()?;
            Ok(Fill::Assignee(agent))
        }
        ("team", Value::Text(team)) => {
            let team = TeamId::new(team.as_str());
            team.check()?;
            Ok(Fill::Team(team))
        }
        ("assignee" | "team", other) => {
            Err(Error::invalid(field, format_args!("does not take a {}", other.type_name()))
                .allowing("an id"))
        }
        (field, value) => {
            let Some(name) = field.strip_prefix("field.") else {
                return Err(Error::invalid(field, "cannot be filled in by a plan")
                    .allowing("category, assignee, team, field.NAME"));
            };
            policy.check_field(name, value)?;
            // The status requires a value that is not empty.
            let empty = match value {
                Value::Text(text) => text.trim().is_empty(),
                Value::List(items) => items.is_empty(),
                _ => false,
            };
            if empty {
                return Err(Error::invalid(field, "is filled in with an empty value"));
            }
            Ok(Fill::Description(Action::Field { name: name.to_owned(), value: Some(value.clone()) }))
        }
    }
}

impl MigrationTask {
    /// Decides the migration of a ticket. Due timers fire first.
    ///
    /// If the outcome is not [`Ready`](MigrationOutcome::Ready), the decision contains only the effects of the timers
    /// and must not be written.
    pub(crate) fn decide(
        &self,
        ticket: &Snapshot,
        context: &DecisionContext<'_>,
    ) -> Result<(MigrationOutcome, TicketWrite)> {
        let mut draft = Draft::begin(ticket.clone(), context)?;
        let outcome = self.outcome(draft.snapshot(), &context.workflows);
        if let MigrationOutcome::Ready { to, filled, .. } = &outcome {
            for field in filled {
                if let Some(value) = self.plan.fill.get(field) {
                    draft.fill_in(fill(field, value, context.policy)?, context)?;
                }
            }
            let to = self.to.placement(*to);
            let migrated = Change::WorkflowMigrated { to, cause: MigrationCause::Migration };
            draft.change(context, migrated, Personal::default())?;
            if !filled.is_empty() {
                // The priority may be computed from a field that was filled in.
                draft.reassess(context)?;
            }
            draft.fire_due(context)?;
        }
        Ok((outcome, draft.finish()?))
    }
}

impl Draft {
    fn fill_in(&mut self, fill: Fill, context: &DecisionContext<'_>) -> Result<()> {
        match fill {
            Fill::Description(part) => self.describe(&part, context),
            Fill::Assignee(agent) => {
                self.change(context, Change::Assigned { to: Some(agent) }, Personal::default())
            }
            Fill::Team(team) => {
                let to = Change::HandedOver { team: Some(team), line: self.snapshot().line };
                self.change(context, to, Personal::default())
            }
        }
    }
}

/// Refuses a migration by a contact.
pub(crate) fn may_migrate(by: &Actor) -> Result<()> {
    by.check()?;
    match by.who {
        Who::Contact(_) | Who::Unknown => {
            Err(Error::invalid("actor", "cannot migrate tickets").allowing("agents and programs"))
        }
        _ => Ok(()),
    }
}

/// The number of tickets in each status that the plan maps to no status.
pub(crate) type Unmapped = BTreeMap<(String, StateKind), usize>;
