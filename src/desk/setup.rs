//! The handle for a desk's definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Desk;
use super::context::CommandContext;
use super::migrate::{Migrate, Migrated, MigrationPreview, Preview};
use crate::definition::{Adoption, DefinitionKind};
use crate::error::{Error, Result};
use crate::operation::{Engine, Interrupt, Loaded, Operation, OperationLabel};
use crate::policy::{Policy, StoredPolicy};
use crate::sla::Agreement;
use crate::store::kinds;
use crate::store::{Commit, LockMode, Mode};
use crate::ticket::people::Actor;
use crate::time::to_micros;
use crate::workflow::{Migration, WorkflowDefinition};

/// The definitions of a desk: the policy in force, planned policies, and migrations. Returned by [`Desk::setup`].
///
/// ```
/// use firstline::{Desk, NewTicket, Policy};
///
/// let desk = Desk::memory();
/// let policy = Policy::new().prefix("SHOP");
/// assert_eq!(desk.setup().adopt(&policy)?.version, 1);
/// assert_eq!(desk.setup().adopt(&policy)?.version, 1); // the next start changes nothing
/// assert_eq!(desk.open_ticket(NewTicket::new("No sound"))?.number.to_string(), "SHOP-1");
///
/// let error = desk.setup().adopt(&Policy::new().prefix("Web shop!")).unwrap_err();
/// assert!(error.is_invalid());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug)]
pub struct Setup<'a, E>(pub(super) &'a Desk<E>);

impl<E: Engine> Desk<E> {
    /// Returns the handle for the definitions of the desk.
    pub fn setup(&self) -> Setup<'_, E> {
        Setup(self)
    }
}

impl<'a, E: Engine> Setup<'a, E> {
    /// Adopts a policy that takes effect now. Does nothing if the policy is already in force or is the newest planned
    /// policy, so a program can call this at every start.
    ///
    /// # Errors
    /// - [definition](crate::ErrorKind::Definition): the policy is faulty;
    /// - [invalid](Error::is_invalid): another policy is planned for later, or a workflow was changed but its version
    ///   was not increased;
    /// - [storage](Error::is_storage).
    pub fn adopt(&self, policy: &Policy) -> E::Reply<'a, Adoption> {
        self.adopt_at(policy, None)
    }

    /// Adopts a policy that takes effect at the given instant. The instant must not be in the past, because past
    /// decisions do not change.
    ///
    /// # Errors
    /// The errors of [`adopt`](Setup::adopt), and [invalid](Error::is_invalid) if the instant is in the past or before
    /// the start of another adopted version.
    pub fn adopt_from(&self, policy: &Policy, from: DateTime<Utc>) -> E::Reply<'a, Adoption> {
        self.adopt_at(policy, Some(to_micros(from)))
    }

    fn adopt_at(&self, policy: &Policy, from: Option<DateTime<Utc>>) -> E::Reply<'a, Adoption> {
        let context = self.0.context();
        self.0.engine.run(&self.0.settings.desk, Adopt { policy: policy.clone(), from, context })
    }

    /// Returns the policy in force.
    ///
    /// # Errors
    /// [storage](Error::is_storage).
    pub fn policy(&self) -> E::Reply<'a, Arc<Policy>> {
        self.0.engine.run(&self.0.settings.desk, InForce(self.0.context()))
    }

    /// Checks a migration of live tickets without writing. The preview contains the number of tickets by old and new
    /// status, the fields that would be filled in, the faults of the plan, and the tickets that cannot be migrated.
    /// This reads all tickets to which the plan applies.
    ///
    /// # Errors
    /// [storage](Error::is_storage). Faults of the plan are in the [`MigrationPreview`].
    pub fn preview(&self, plan: &Migration) -> E::Reply<'a, MigrationPreview> {
        self.0.engine.run_job(&self.0.settings.desk, Preview::new(plan, self.0.context()))
    }

    /// Migrates live tickets to another version of their workflow, or to another workflow.
    ///
    /// The plan is [checked](Setup::preview) against all tickets first. If it has a fault or a ticket cannot be
    /// migrated, nothing is written. Otherwise the tickets are migrated in batches of 100, one transaction per batch.
    /// Each ticket is checked again, because it may have changed since the first check; a ticket that can no longer be
    /// migrated is left unchanged and [reported](Migrated::blocked).
    ///
    /// If a migration is interrupted, a repeated call continues it. If it is complete, a repeated call does nothing.
    /// The history of each ticket records its migration and the actor.
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
    /// let faults = desk.setup().preview(&plan)?.faults;
    /// assert_eq!(
    ///     faults,
    ///     ["\"Incoming\" (1 ticket) is not mapped to a status of orders v2 that is new; available: \"Registered\""],
    /// );
    /// let plan = plan.map("Incoming", "Registered");
    /// assert!(desk.setup().preview(&plan)?.is_ready());
    /// let done = desk.setup().migrate(&plan, Actor::agent("anna"))?;
    /// assert_eq!(done.to_string(), "1 ticket migrated\n       1 from \"Incoming\" to \"Registered\"");
    /// assert_eq!(desk.ticket(id)?.status(), "Registered");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [definition](crate::ErrorKind::Definition): the plan has faults; the error contains the
    ///   [preview](Error::migration_preview), and nothing was written;
    /// - [rejected](Error::is_rejected): some tickets cannot be migrated; the error contains the preview, and nothing
    ///   was written;
    /// - [invalid](Error::is_invalid): the actor is a contact, or its id is malformed;
    /// - [storage](Error::is_storage): the message contains the number of tickets that were migrated before; they stay
    ///   migrated.
    pub fn migrate(&self, plan: &Migration, by: impl Into<Actor>) -> E::Reply<'a, Migrated> {
        self.0.engine.run_job(&self.0.settings.desk, Migrate::new(plan, by.into(), self.0.context()))
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
        // A program that adopts its policy at every start must not fail while another policy is planned.
        if self.from.is_none()
            && let Some(current) = loaded.in_force(kind, from)?.filter(|current| current.hash == hash)
        {
            return Ok((Commit::default(), current));
        }
        let adoptions = loaded.adoptions(kind, LockMode::Exclusive)?;
        let newest = adoptions.newest()?;
        // Without a given date, any date is accepted: a program must start even if its clock is slightly behind.
        let is_early_enough = |newest: &Adoption| self.from.is_none_or(|from| newest.from <= from);
        if let Some(newest) = newest.filter(|newest| newest.hash == hash && is_early_enough(newest)) {
            return Ok((Commit::default(), newest));
        }
        let earliest = newest.map_or(self.context.now, |newest| newest.from.max(self.context.now));
        if from < earliest {
            let why =
                if earliest > self.context.now { "another version is planned" } else { "it is in the past" };
            return Err(Error::invalid("policy", format_args!("cannot take effect at {from}: {why}"))
                .allowing(format!("{earliest} or later"))
                .into());
        }
        // Imported tickets without clocks get them from the first agreements that apply.
        let (mut agreements_from, mut migrates) = (from, !self.policy.agreements().is_empty());
        if let Some(newest) = newest {
            let before = self.context.definitions.policy(newest.hash, loaded)?;
            check_versions_increase(before.policy.workflows(), self.policy.workflows())?;
            let stored: Vec<_> = before.manifest.parts().collect();
            if before.manifest.agreements == agreements {
                (agreements_from, migrates) = (newest.agreements_from, false);
            } else {
                migrates |= before.policy.agreements().iter().any(Agreement::migrates);
            }
            parts.retain(|part| !stored.contains(&(part.kind, part.hash)));
        }
        let version = newest.map_or(1, |newest| newest.version + 1);
        let adoption = Adoption { version, from, agreements_from, hash };
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
            commit.push(adoptions.archive(outdated, earlier));
        }
        commit.push(adoptions.adopt(&adoption, outdated));
        if migrates {
            commit.push(kinds::migrate_clocks(&adoption));
        }
        Ok((commit, adoption))
    }
}

/// Checks that the version of every changed workflow was increased. Tickets refer to a workflow by name and version.
fn check_versions_increase(before: &[WorkflowDefinition], after: &[WorkflowDefinition]) -> Result<()> {
    for new in after {
        let Some(old) = before.iter().find(|old| old.name == new.name && *old != new) else { continue };
        if new.version <= old.version {
            let problem =
                format_args!("{:?} was changed, but version {} is already in use", new.name, old.version);
            return Err(Error::invalid("workflow", problem)
                .allowing(format!("version {} or later", old.version.saturating_add(1))));
        }
    }
    Ok(())
}

#[derive(Debug)]
struct InForce(CommandContext);

impl Operation for InForce {
    type Out = Arc<Policy>;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("policy")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Arc<Policy>), Interrupt> {
        Ok((Commit::default(), self.0.policy(loaded)?))
    }
}
