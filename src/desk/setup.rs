//! The handle for a desk's definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Desk;
use super::context::CommandContext;
use super::migrate::{Migrate, Migrated, MigrationPreview, Rehearse};
use crate::definition::{Adoption, DefinitionKind};
use crate::error::{Error, Result};
use crate::operation::{Engine, Interrupt, Loaded, Operation, OperationLabel};
use crate::policy::{Policy, StoredPolicy};
use crate::store::kinds;
use crate::store::{Commit, LockMode, Mode};
use crate::ticket::people::Actor;
use crate::time::to_micros;
use crate::workflow::{Migration, WorkflowDefinition};

/// A desk's definitions: what holds, and what is to hold from when. Made by [`Desk::setup`].
///
/// ```
/// use firstline::{Desk, NewTicket, Policy};
///
/// let desk = Desk::memory();
/// let policy = Policy::new().prefix("SHOP");
/// assert_eq!(desk.setup().adopt(&policy)?.version, 1);
/// assert_eq!(desk.setup().adopt(&policy)?.version, 1); // at the next start: nothing changed
/// assert_eq!(desk.open_ticket(NewTicket::new("No sound"))?.number.to_string(), "SHOP-1");
///
/// let error = desk.setup().adopt(&Policy::new().prefix("Web shop!")).unwrap_err();
/// assert!(error.is_invalid());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug)]
pub struct Setup<'a, E>(pub(super) &'a Desk<E>);

impl<E: Engine> Desk<E> {
    /// The desk's definitions: its policy, and which holds from when.
    pub fn setup(&self) -> Setup<'_, E> {
        Setup(self)
    }
}

impl<'a, E: Engine> Setup<'a, E> {
    /// Lets a policy hold from now on. If it is the newest one already, or is planned as that, nothing happens, so
    /// that a program may say so at every start.
    ///
    /// # Errors
    /// A [definition error](crate::ErrorKind::Definition) if the policy is faulty; [invalid](Error::is_invalid) if
    /// another one is planned for later, or if a workflow was changed and kept its version.
    pub fn adopt(&self, policy: &Policy) -> E::Reply<'a, Adoption> {
        self.adopt_at(policy, None)
    }

    /// Lets a policy hold from an instant on, which must not be past: what was decided stays decided.
    ///
    /// # Errors
    /// As [`adopt`](Setup::adopt), and [invalid](Error::is_invalid) if the instant lies in the past or before one
    /// from which another version holds.
    pub fn adopt_from(&self, policy: &Policy, from: DateTime<Utc>) -> E::Reply<'a, Adoption> {
        self.adopt_at(policy, Some(to_micros(from)))
    }

    fn adopt_at(&self, policy: &Policy, from: Option<DateTime<Utc>>) -> E::Reply<'a, Adoption> {
        let context = self.0.context();
        self.0.engine.run(&self.0.settings.desk, Adopt { policy: policy.clone(), from, context })
    }

    /// The policy in force.
    ///
    /// # Errors
    /// A storage error.
    pub fn policy(&self) -> E::Reply<'a, Arc<Policy>> {
        self.0.engine.run(&self.0.settings.desk, InForce(self.0.context()))
    }

    /// What a migration of live tickets would do now: how many tickets go from where to where, which fields are filled
    /// in, every fault of the plan, and which tickets stand in the way. Reads all tickets that it concerns, and writes
    /// nothing.
    ///
    /// # Errors
    /// A storage error. What is wrong with the plan is in the [`MigrationPreview`].
    pub fn rehearse(&self, plan: &Migration) -> E::Reply<'a, MigrationPreview> {
        self.0.engine.work(&self.0.settings.desk, Rehearse::new(plan, self.0.context()))
    }

    /// Lets live tickets go over to another version of their workflow, or to another workflow. It is
    /// [rehearsed](Setup::rehearse) first, and nothing is written if anything stands against it; then tickets go over a
    /// hundred at a time, each batch in a transaction of its own and each ticket decided anew, because it may have
    /// moved meanwhile. One that no longer fits is left as it is and [reported](Migrated::left).
    ///
    /// A migration that was cut off goes on where it stopped when it is called again, and does nothing when all is
    /// done. The history of each ticket says that it went over, and by whom.
    ///
    /// ```
    /// use firstline::workflow::{Migration, Status, Transition};
    /// use firstline::{Actor, Desk, NewTicket, Policy, StateKind, StepKind, WorkflowDefinition};
    ///
    /// let workflow = |version, first: &str| {
    ///     WorkflowDefinition::new("orders")
    ///         .version(version)
    ///         .status(Status::new(first, StateKind::New))
    ///         .status(Status::new("Answered", StateKind::Resolved))
    ///         .status(Status::new("Done", StateKind::Closed))
    ///         .transition(Transition::step(StepKind::Resolve, first, "Answered"))
    ///         .transition(Transition::step(StepKind::Close, "Answered", "Done"))
    ///         .transition(Transition::step(StepKind::Reopen, "Answered", "At work"))
    ///         .status(Status::new("At work", StateKind::Active))
    ///         .transition(Transition::step(StepKind::Resolve, "At work", "Answered"))
    /// };
    /// let desk = Desk::memory();
    /// desk.setup().adopt(&Policy::new().workflow(workflow(1, "Incoming")))?;
    /// let id = desk.open_ticket(NewTicket::new("Where is my lamp?"))?.id();
    /// desk.setup().adopt(&Policy::new().workflow(workflow(2, "Registered")))?;
    ///
    /// let plan = Migration::of("orders").from_version(1).to("orders", 2);
    /// let faults = desk.setup().rehearse(&plan)?.faults;
    /// assert_eq!(
    ///     faults,
    ///     ["\"Incoming\" (1 ticket) is not mapped to a status of orders v2 that is new; available: \"Registered\""],
    /// );
    /// let plan = plan.map("Incoming", "Registered");
    /// assert!(desk.setup().rehearse(&plan)?.is_ready());
    /// let done = desk.setup().migrate(&plan, Actor::agent("anna"))?;
    /// assert_eq!(done.to_string(), "1 ticket went over\n       1 from \"Incoming\" to \"Registered\"");
    /// assert_eq!(desk.ticket(id)?.status(), "Registered");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// A [definition error](crate::ErrorKind::Definition) if the plan has faults, [rejected](Error::is_rejected) if
    /// tickets stand in the way: either carries its [rehearsal](Error::rehearsal), and nothing was written.
    /// [invalid](Error::is_invalid) if the actor is a contact. A storage error says how many tickets had gone over;
    /// these stay.
    pub fn migrate(&self, plan: &Migration, by: impl Into<Actor>) -> E::Reply<'a, Migrated> {
        self.0.engine.work(&self.0.settings.desk, Migrate::new(plan, by.into(), self.0.context()))
    }
}

#[derive(Debug)]
struct Adopt {
    policy: Policy,
    from: Option<DateTime<Utc>>,
    context: CommandContext,
}

impl Operation for Adopt {
    type Out = Adoption;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("adopt")
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Adoption), Interrupt> {
        self.policy.check()?;
        let StoredPolicy { manifest, mut parts } = self.policy.to_stored()?;
        let hash = manifest.hash;
        let agreements = parts.iter().find(|it| it.kind == DefinitionKind::Agreements).map(|it| it.hash);
        let kind = DefinitionKind::Policy;
        let from = self.from.unwrap_or(self.context.now);
        // A program that adopts its policy at every start may do so while another one is planned.
        if self.from.is_none()
            && let Some(held) = loaded.in_force(kind, from)?.filter(|held| held.hash == hash)
        {
            return Ok((Commit::default(), held));
        }
        let adoptions = loaded.adoptions(kind, LockMode::Exclusive)?;
        let newest = adoptions.newest()?;
        // Where no date is said, any date will do: a clock that is a little behind must not stop a program's start.
        let holds = |newest: &Adoption| self.from.is_none_or(|from| newest.from <= from);
        if let Some(newest) = newest.filter(|newest| newest.hash == hash && holds(newest)) {
            return Ok((Commit::default(), newest));
        }
        let earliest = newest.map_or(self.context.now, |newest| newest.from.max(self.context.now));
        if from < earliest {
            let why = if earliest > self.context.now { "another version is planned" } else { "that is past" };
            return Err(Error::invalid("policy", format_args!("cannot hold from {from} on: {why}"))
                .allowing(format!("an instant from {earliest} on"))
                .into());
        }
        let mut agreements_from = from;
        if let Some(newest) = newest {
            let before = self.context.definitions.policy(newest.hash, loaded)?;
            versions_rise(before.policy.workflows(), self.policy.workflows())?;
            let stored: Vec<_> = before.manifest.parts().collect();
            if before.manifest.agreements == agreements {
                agreements_from = newest.agreements_from;
            }
            parts.retain(|part| !stored.contains(&(part.kind, part.hash)));
        }
        let version = newest.map_or(1, |newest| newest.version + 1);
        let adoption = Adoption { kind, version, from, agreements_from, hash };
        let texts: BTreeMap<_, _> =
            parts.into_iter().chain([manifest]).map(|it| (it.hash, it.text)).collect();
        loaded.need(texts.keys().copied().map(kinds::definition))?;
        let mut commit = Commit::new();
        for (hash, text) in &texts {
            if loaded.definition(*hash)?.is_none() {
                commit.push(kinds::define(*hash, text));
            }
        }
        let outdated = adoptions.outdated(self.context.now)?;
        if outdated > 0 {
            let earlier = loaded.record(kinds::ADOPTION, kinds::earlier_adoptions(kind))?;
            commit.push(adoptions.skipped(outdated, earlier));
        }
        commit.push(adoptions.adopt(&adoption, outdated));
        Ok((commit, adoption))
    }
}

/// A changed workflow has a greater version than the one before it: tickets say by name and version what they follow.
fn versions_rise(before: &[WorkflowDefinition], after: &[WorkflowDefinition]) -> Result<()> {
    for new in after {
        let Some(old) = before.iter().find(|old| old.name == new.name && *old != new) else { continue };
        if new.version <= old.version {
            let problem = format_args!("{:?} was changed, and version {} is taken", new.name, old.version);
            return Err(Error::invalid("workflow", problem)
                .allowing(format!("a version from {} on", old.version.saturating_add(1))));
        }
    }
    Ok(())
}

#[derive(Debug)]
struct InForce(CommandContext);

impl Operation for InForce {
    type Out = Arc<Policy>;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("in_force")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Arc<Policy>), Interrupt> {
        Ok((Commit::default(), self.0.policy(loaded)?))
    }
}
