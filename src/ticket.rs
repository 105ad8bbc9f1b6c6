//! Tickets, their actions and their history.
//!
//! [`Ticket<S>`](Ticket) is generic over its state. A store returns a plain `Ticket`: its state is known at run time,
//! and [`Ticket::state`] returns a [`State`]. The state of a `Ticket<state::Resolved>` is known at compile time: the
//! handle has only the steps that the lifecycle accepts from that state, and `state()` returns the state's own type.
//!
//! ```
//! use firstline::{Actor, AnyTicket, Desk, NewTicket, Ticket, state};
//!
//! let desk = Desk::memory();
//! let anna = Actor::agent("anna");
//! let boris = Actor::contact("boris");
//!
//! let ticket: Ticket<state::New> = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
//! let ticket: Ticket<state::Active> = desk.commit(ticket.start(), &anna)?;
//! let ticket: Ticket<state::Resolved> = desk.commit(ticket.resolve("The headset was muted."), &anna)?;
//!
//! // A ticket read from the store has a run-time state. `into_typed` turns it into a typed handle.
//! match desk.ticket(ticket.id())?.into_typed() {
//!     AnyTicket::Resolved(ticket) => {
//!         let closed = desk.commit(ticket.confirm(), &boris)?;
//!         assert!(closed.permitted().actions().contains(&firstline::ActionKind::Note));
//!     }
//!     other => println!("{}", other.permitted()),
//! }
//! # Ok::<(), firstline::Error>(())
//! ```

pub mod action;
pub mod conflict;
pub mod decision;
pub mod event;
pub mod facts;
pub mod hold_end;
pub mod inbound;
pub mod kind;
pub mod message;
pub mod opening;
pub mod people;
pub mod personal;
pub mod snapshot;
pub mod timer;

pub(crate) mod access;
mod import_mark;
mod intervals;
mod missing_history;
pub(crate) mod normal_form;
mod typed;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::{ContactId, DeskId, TicketId};
use crate::lifecycle::state::KnownState;
use crate::lifecycle::{Permitted, Rejection, State};
use crate::policy::Policy;
use crate::sla::{AgreementSet, Metric};
use crate::ticket::action::Action;
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Workflow, WorkflowSet};
use chrono::{DateTime, TimeDelta, Utc};

pub use import_mark::{ImportClocks, ImportMark};
pub use intervals::intervals;
pub use typed::AnyTicket;

/// A ticket at one version.
///
/// `S` is [`State`] if the state is known at run time, or one of the types in [`state`](crate::state) if it is known at
/// compile time.
///
/// The handle is a value: it does not change when the store does. It dereferences to [`Snapshot`], so all fields of the
/// snapshot can be read through it. A step consumes the handle, so that a stale handle cannot be used again. For the
/// same reason `Ticket` is not `Clone`: `ticket.clone()` compiles, but it clones the [`Snapshot`].
///
/// ```compile_fail,E0382
/// # use firstline::{Actor, Desk, NewTicket};
/// # let (desk, anna) = (Desk::memory(), Actor::agent("anna"));
/// let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
/// let active = desk.commit(ticket.start(), &anna)?;
/// let cancelled = desk.commit(ticket.cancel(), &anna)?; // `ticket` is gone: use `active`
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug)]
pub struct Ticket<S = State> {
    snapshot: Arc<Snapshot>,
    workflow: Workflow,
    state: S,
    replayed: bool,
    home: Arc<Home>,
    /// The whole ticket, if the handle shows only its public part.
    behind: Option<Behind>,
}

/// The ticket of which a handle shows the public part. Decisions are about the whole ticket.
struct Behind {
    snapshot: Arc<Snapshot>,
    workflow: Workflow,
}

/// Prints nothing of the ticket.
impl fmt::Debug for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Behind")
    }
}

/// The desk of a ticket's handle, with the policy and the workflows in force when it was read.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// `None` if no desk made the handle.
    pub(crate) desk: Option<DeskId>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) workflows: WorkflowSet,
    /// The agreements to which the open clocks are pinned.
    pub(crate) agreements: Arc<AgreementSet>,
}

/// Tickets are equal if their snapshots, workflows and states are equal. The rest follows from them, except
/// [`replayed`](Ticket::replayed) and the policy in force, which are ignored.
impl<S: PartialEq> PartialEq for Ticket<S> {
    fn eq(&self, other: &Ticket<S>) -> bool {
        (&self.snapshot, &self.workflow, &self.state) == (&other.snapshot, &other.workflow, &other.state)
    }
}

impl<S: Eq> Eq for Ticket<S> {}

impl<S> Ticket<S> {
    /// Returns the ticket's id.
    pub fn id(&self) -> TicketId {
        self.snapshot.id
    }

    /// Returns the state: a [`State`] if it is known only at run time, otherwise the type of that state.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// True if the command that returned this handle repeated an earlier command.
    ///
    /// The handle then shows the ticket as it was after the first command. The stored ticket may have changed since.
    pub fn replayed(&self) -> bool {
        self.replayed
    }

    /// Returns the workflow that the ticket follows.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// Returns the snapshot of the ticket at this version.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the time left on the clock of this metric at an instant, in the time basis of its target: the open hours
    /// of its calendar, or wall time. It is negative after the deadline, and constant while the clock is paused or
    /// after it has ended.
    ///
    /// `None` if the ticket has no clock for the metric, or if the clock is running and the handle does not come from a
    /// desk, which knows its calendar. Nothing is read: a screen can count down from one handle. Changes of the ticket
    /// after it was read, such as the end of a hold, are not known to the handle.
    ///
    /// ```
    /// # use firstline::sla::{Agreement, Metric, Target};
    /// # use firstline::{Desk, NewTicket, Policy, TimeDelta};
    /// # let desk = Desk::memory();
    /// let target = Target::new(Metric::FirstReply).within(TimeDelta::hours(4));
    /// desk.setup().adopt(&Policy::new().agreement(Agreement::new("standard", 1).target(target)))?;
    /// let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let left = |hours| ticket.remaining(Metric::FirstReply, ticket.opened_at + TimeDelta::hours(hours));
    /// assert_eq!((left(1), left(5)), (Some(TimeDelta::hours(3)), Some(TimeDelta::hours(-1))));
    /// assert_eq!(ticket.remaining(Metric::Resolution, ticket.opened_at), None);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn remaining(&self, metric: Metric, now: DateTime<Utc>) -> Option<TimeDelta> {
        let clock = self.snapshot.clock(metric)?;
        if clock.running_since.is_none() {
            return Some(clock.remaining());
        }
        clock.remaining_at(now, &self.home.agreements).ok()
    }

    /// Converts the handle into its snapshot.
    pub fn into_snapshot(self) -> Snapshot {
        Arc::unwrap_or_clone(self.snapshot)
    }

    /// Returns the actions that the ticket accepts now, steps first. The `Display` of [`Permitted`] lists them.
    ///
    /// In a workflow, a step is accepted if one of its transitions is open: its guards hold, and its required fields
    /// are filled. Steps that lack only fields are in [`Permitted::once_filled`]. A handle of the public part names no
    /// fields and no moves.
    pub fn permitted(&self) -> Permitted {
        let (snapshot, workflow) = self.whole();
        let permitted = snapshot.permitted(workflow, &self.home.policy);
        if self.behind.is_some() { permitted.public() } else { permitted }
    }

    /// Checks whether the ticket accepts an action now, without regard to the actor. Returns the rejection, or `None`
    /// if the action is accepted.
    ///
    /// The action is executed on a copy of the ticket, by the same code as in [`Desk::act`](crate::Desk::act). The
    /// rejection lists every reason from the lifecycle and from the ticket's workflow. Input that breaks a rule, such
    /// as an undeclared field, is a reason too: [`RejectionReason::Invalid`](crate::RejectionReason::Invalid). Guards
    /// that depend on the actor are assumed to hold. The ticket is not changed.
    ///
    /// ```
    /// # use firstline::{Action, Desk, NewTicket};
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound"))?;
    /// let no = ticket.why_not(&Action::confirm()).unwrap();
    /// assert_eq!(no.to_string(), "confirm is not accepted while new; accepted here: start, hold, resolve, cancel");
    /// assert!(ticket.why_not(&Action::resolve("unmuted")).is_none());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn why_not(&self, action: &Action) -> Option<Rejection> {
        self.refusal(action, None)
    }

    /// Checks whether this actor may perform an action now. Returns the rejection, or `None` if the action is accepted.
    ///
    /// Like [`why_not`](Ticket::why_not), but also checks that the table of [standings](crate::policy::standing) and
    /// the workflow allow this actor to perform the action. Use it to decide which buttons a screen shows, and to
    /// explain the disabled ones:
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let boris = Actor::contact("boris");
    /// let no = ticket.why_not_by(&Action::move_to("active"), &boris).unwrap();
    /// assert_eq!(no.reasons_in_words(), ["start is for agents and programs"]);
    /// assert!(ticket.why_not_by(&Action::move_to("cancelled"), &boris).is_none());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// If the actor sees only the [public part](Snapshot::public) of the ticket, or the handle shows only this part,
    /// the rejection names no statuses, fields, guards and agents, and no fault of the input that depends on the rest.
    /// If the actor does not see the ticket, the only reason is
    /// [`NotFound`](crate::RejectionReason::NotFound). [`Desk::act`](crate::Desk::act) does the same.
    ///
    /// The check uses the ticket and the policy as they were read. What lies outside of them is checked when the desk
    /// executes the action: the timers that are due by then, other tickets that the action links, and, for
    /// [`Action::undo`], the history. [`Reports::why_not`](crate::desk::Reports::why_not) reads them too.
    pub fn why_not_by(&self, action: &Action, by: &Actor) -> Option<Rejection> {
        self.refusal(action, Some(by))
    }

    /// Returns the contacts who get copies of the desk's replies, by the table of
    /// [standings](crate::policy::standing): by default all contacts of the ticket.
    ///
    /// ```
    /// # use firstline::{ContactRole, Desk, NewTicket};
    /// let request = NewTicket::new("No sound").from("boris").contact("clara", ContactRole::Cc);
    /// let ticket = Desk::memory().open_ticket(request)?;
    /// let recipients: Vec<_> = ticket.recipients().map(|id| id.as_str()).collect();
    /// assert_eq!(recipients, ["boris", "clara"]);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn recipients(&self) -> impl Iterator<Item = &ContactId> {
        self.snapshot.contacts.keys().filter(|id| {
            let standing = self.snapshot.standing(&Who::Contact((*id).clone()));
            standing.is_some_and(|standing| self.home.policy.rule_of(standing).copies)
        })
    }

    fn refusal(&self, action: &Action, by: Option<&Actor>) -> Option<Rejection> {
        let (snapshot, workflow) = self.whole();
        let workflows = self.home.workflows.clone().with(workflow.clone());
        let mut by = by.cloned();
        by.iter_mut().for_each(Actor::normalize);
        let (action, public_only) = (action.normal(), self.behind.is_some());
        snapshot.refusal(&action, by.as_ref(), public_only, &self.home.policy, &workflows)
    }

    fn whole(&self) -> (&Snapshot, &Workflow) {
        match &self.behind {
            Some(Behind { snapshot, workflow }) => (snapshot, workflow),
            None => (&self.snapshot, &self.workflow),
        }
    }
}

/// Dereferences to the [`Snapshot`].
impl<S> Deref for Ticket<S> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Ticket {
    /// Creates a handle from a snapshot and the workflow that the ticket follows. The handle has the default policy and
    /// belongs to no desk.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket, Snapshot, Ticket};
    /// # use firstline::workflow::Workflow;
    /// # let desk = Desk::memory();
    /// # let id = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// let history = desk.records().history(id)?;
    /// let as_it_began = Ticket::new(Snapshot::fold(&history[..1])?, Workflow::simple())?;
    /// assert_eq!(as_it_began.status(), "new");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [invalid](Error::is_invalid) if the ticket follows another workflow.
    pub fn new(snapshot: impl Into<Arc<Snapshot>>, workflow: &Workflow) -> Result<Ticket> {
        let snapshot = snapshot.into();
        match snapshot.workflow_ref() {
            follows if follows == workflow.reference() => {
                let workflows = WorkflowSet::new().with(workflow.clone());
                let (policy, agreements) = (Arc::default(), Arc::default());
                let home = Arc::new(Home { desk: None, policy, workflows, agreements });
                Ok(Ticket::following(workflow.clone(), snapshot, home))
            }
            follows => {
                Err(Error::invalid("workflow", format_args!("{} is not the ticket's", workflow.reference()))
                    .allowing(follows.to_string()))
            }
        }
    }

    /// Creates a handle with the workflow that the ticket follows.
    pub(crate) fn following(workflow: Workflow, snapshot: Arc<Snapshot>, home: Arc<Home>) -> Ticket {
        Ticket { state: snapshot.state.clone(), workflow, snapshot, replayed: false, home, behind: None }
    }

    /// Returns the handle as its contacts see the ticket. In place of its workflow it shows the simple one.
    pub(crate) fn public(self) -> Ticket {
        let (workflow, snapshot) = (Workflow::simple().clone(), Arc::new(self.snapshot.public()));
        let behind = Some(Behind { snapshot: self.snapshot, workflow: self.workflow });
        Ticket { state: snapshot.state.clone(), snapshot, workflow, behind, ..self }
    }

    /// Returns the handle without the links to the tickets for which `keep` returns false.
    pub(crate) fn with_links(mut self, keep: impl Fn(TicketId) -> bool) -> Ticket {
        if !self.snapshot.links.iter().all(|link| keep(link.to)) {
            Arc::make_mut(&mut self.snapshot).links.retain(|link| keep(link.to));
        }
        self
    }

    /// Marks the handle as the result of a repeated command.
    pub(crate) fn repeated(self) -> Ticket {
        Ticket { replayed: true, ..self }
    }
}

impl<S: KnownState> Ticket<S> {
    /// Converts the handle into one with a run-time state.
    pub fn into_untyped(self) -> Ticket {
        let state = self.snapshot.state.clone();
        self.with_state(state)
    }

    /// Converts the handle into one with the compile-time state `S`.
    ///
    /// # Errors
    /// The unchanged ticket if it is in another state.
    pub fn try_from_untyped(ticket: Ticket) -> Result<Ticket<S>, Ticket> {
        match S::from_state(&ticket.state) {
            Some(state) => {
                let state = state.clone();
                Ok(ticket.with_state(state))
            }
            None => Err(ticket),
        }
    }
}

impl<S> Ticket<S> {
    /// Replaces the type of the state.
    fn with_state<T>(self, state: T) -> Ticket<T> {
        let Ticket { snapshot, workflow, replayed, home, behind, .. } = self;
        Ticket { snapshot, workflow, state, replayed, home, behind }
    }
}

/// A typed step that is not committed yet. Pass it to [`Desk::commit`](crate::Desk::commit).
///
/// The step has the desk, the ticket's id, the expected version and the action. Another desk refuses it. `To` is the
/// state after the step. Dropping the step changes nothing.
#[must_use = "a step is not taken until a desk commits it"]
#[derive(Debug)]
pub struct Step<To> {
    /// The desk of the handle, if a desk made it.
    pub(crate) desk: Option<DeskId>,
    pub(crate) ticket: TicketId,
    pub(crate) expected: u64,
    pub(crate) action: Action,
    to: PhantomData<To>,
}

impl<To> Step<To> {
    /// Sets the status that the step leads to. See [`Action::with_status`].
    pub fn with_status(mut self, status: impl Into<String>) -> Step<To> {
        self.action = self.action.with_status(status);
        self
    }

    /// Sets a comment that explains the step. See [`Action::comment`].
    pub fn comment(mut self, comment: impl Into<String>) -> Step<To> {
        self.action = self.action.comment(comment);
        self
    }

    /// Adds an action before the step, such as a reply. Both are committed together or not at all.
    pub fn with(mut self, first: Action) -> Step<To> {
        self.action = first.and(self.action);
        self
    }
}
