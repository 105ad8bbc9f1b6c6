//! A ticket goes over to another version of its workflow: the pure decision.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::id::{AgentId, TeamId};
use crate::lifecycle::{State, StateKind};
use crate::limits;
use crate::policy::Policy;
use crate::ticket::action::Action;
use crate::ticket::decision::{Decision, DecisionContext, Draft};
use crate::ticket::event::{Change, TransferCause};
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;
use crate::workflow::{Catalogue, Migration, StatusId, Workflow};

/// A plan with the workflow to which it leads.
#[derive(Debug, Clone)]
pub(crate) struct Passage {
    pub(crate) plan: Migration,
    pub(crate) to: Workflow,
}

/// Whether a ticket goes over, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// It has no part in it: finished, or on another workflow or version.
    Elsewhere,
    /// Its kind follows another workflow by the policy in force.
    OfAnotherKind,
    /// Its status leads nowhere.
    Unmapped,
    /// It stands in the way.
    Hindered {
        /// To which status it was to go.
        to: StatusId,
        /// The fields that it lacks.
        missing: Vec<String>,
        /// What else is against it.
        why: Option<String>,
    },
    /// It goes.
    Goes {
        /// From which status.
        from: String,
        /// To which status.
        to: StatusId,
        /// Which fields are filled in.
        filled: Vec<String>,
    },
}

impl Passage {
    /// How this ticket fares, as it stands.
    pub(crate) fn crossing(&self, ticket: &Snapshot, in_force: &Catalogue) -> Crossing {
        let follows = ticket.workflow();
        let concerned = !ticket.state.kind().is_final()
            && *follows.name == *self.plan.from
            && self.plan.from_version.is_none_or(|version| version == follows.version)
            && follows.hash != self.to.reference().hash;
        if !concerned {
            return Crossing::Elsewhere;
        }
        if *in_force.for_kind(ticket.kind.as_str()) != self.to {
            return Crossing::OfAnotherKind;
        }
        let Some(to) = self.plan.leads(&self.to, ticket.status(), ticket.state.kind()) else {
            return Crossing::Unmapped;
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
            Crossing::Goes { from: ticket.status().to_owned(), to, filled }
        } else {
            Crossing::Hindered { to, missing, why }
        }
    }

    /// What is wrong with what the plan fills in.
    pub(crate) fn faults_of_fill(plan: &Migration, policy: &Policy) -> Vec<String> {
        let faults = plan.fill.iter().filter_map(|(field, value)| {
            let error = fill(field, value, policy).err()?;
            Some(format!("fill {field:?}: {error}"))
        });
        faults.collect()
    }
}

/// What a fill does to a ticket.
enum Fill {
    ContactRole(Action),
    Team(TeamId),
    Assignee(AgentId),
}

/// What a plan fills in, checked by the policy.
fn fill(field: &str, value: &Value, policy: &Policy) -> Result<Fill> {
    match (field, value) {
        ("category", Value::List(path)) => {
            limits::category(path)?;
            Ok(Fill::ContactRole(Action::Category(path.clone())))
        }
        ("category", other) => {
            Err(Error::invalid("category", format_args!("does not take a {}", other.type_name()))
                .allowing("a list of names, from general to special"))
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
            // A default that counts as empty would leave the demand unmet.
            let empty = match value {
                Value::Text(text) => text.trim().is_empty(),
                Value::List(items) => items.is_empty(),
                _ => false,
            };
            if empty {
                return Err(Error::invalid(field, "would be as empty as before"));
            }
            Ok(Fill::ContactRole(Action::Field { name: name.to_owned(), value: Some(value.clone()) }))
        }
    }
}

impl Passage {
    /// Decides whether a ticket goes over to the other workflow, and how. Timers that are due fire first. Unless the
    /// ticket [goes](Crossing::Goes), the decision shows how it stands and is not to be written.
    pub(crate) fn decide(
        &self,
        ticket: &Snapshot,
        context: &DecisionContext<'_>,
    ) -> Result<(Crossing, Decision)> {
        let mut draft = Draft::begin(ticket.clone(), context)?;
        let crossing = self.crossing(draft.snapshot(), context.workflows);
        if let Crossing::Goes { to, filled, .. } = &crossing {
            for field in filled {
                if let Some(value) = self.plan.fill.get(field) {
                    draft.fill_in(fill(field, value, context.policy)?, context)?;
                }
            }
            let to = self.to.placement(*to);
            let transferred = Change::WorkflowMigrated { to, cause: TransferCause::Migration };
            draft.change(context, transferred, Personal::default())?;
            if !filled.is_empty() {
                // As with any description: a priority that is computed from the field follows it.
                draft.reassess(context)?;
            }
            draft.fire_due(context)?;
        }
        Ok((crossing, draft.finish()?))
    }
}

impl Draft {
    fn fill_in(&mut self, fill: Fill, context: &DecisionContext<'_>) -> Result<()> {
        match fill {
            Fill::ContactRole(part) => self.describe(&part, context),
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

/// Refuses a migration by somebody whose work it is not.
pub(crate) fn may_migrate(by: &Actor) -> Result<()> {
    by.check()?;
    match by.who {
        Who::Contact(_) => {
            Err(Error::invalid("actor", "cannot migrate tickets").allowing("agents and programs"))
        }
        _ => Ok(()),
    }
}

/// How many tickets stand in each status that leads nowhere.
pub(crate) type Unmapped = BTreeMap<(String, StateKind), usize>;
