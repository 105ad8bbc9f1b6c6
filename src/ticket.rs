//! The ticket: a handle whose state the compiler may know, over the fold of its history.
//!
//! [`Ticket<S>`](Ticket) is generic over what is known of its state. `Ticket` alone, as it comes out of a store,
//! knows it at run time: [`Ticket::state`] is a [`State`]. `Ticket<state::Resolved>` knows it at compile time:
//! only the steps that the lifecycle accepts from there exist, and `state()` is that state with its content.
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
//! // Later, from the store: known at run time, typed when you ask.
//! match desk.ticket(ticket.id())?.into_typed() {
//!     AnyTicket::Resolved(ticket) => {
//!         let closed = desk.commit(ticket.confirm(), &boris)?;
//!         assert!(closed.permitted().verbs().contains(&firstline::Verb::Note));
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
pub mod kind;
pub mod message;
pub mod opening;
pub mod people;
pub mod personal;
pub mod snapshot;
pub mod timer;

mod intervals;
mod missing_history;
mod typed;

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::state::KnownState;
use crate::lifecycle::{Permitted, Rejection, State};
use crate::ticket::action::Action;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{Catalogue, Workflow};

pub use intervals::intervals;
pub use missing_history::MissingHistory;
pub use typed::AnyTicket;

/// A ticket as it was at one version. `S` is what is known of its state: [`State`] at run time, or one of the
/// types in [`state`](crate::state) at compile time.
///
/// It is a value: it does not change when the store does. All fields of [`Snapshot`] can be read through it.
/// It is not `Clone`, because a step consumes the handle: whoever holds an old one holds a stale one.
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
}

/// Two handles are the same if the tickets are; one of them may be the [repetition](Ticket::replayed) of the other.
impl<S: PartialEq> PartialEq for Ticket<S> {
    fn eq(&self, other: &Ticket<S>) -> bool {
        (&self.snapshot, &self.workflow, &self.state) == (&other.snapshot, &other.workflow, &other.state)
    }
}

impl<S: Eq> Eq for Ticket<S> {}

impl<S> Ticket<S> {
    /// The id.
    pub fn id(&self) -> TicketId {
        self.snapshot.id
    }

    /// The state: a [`State`] if it is known only at run time, else that state with its content.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Whether the handle came of a command that was a repetition: the ticket as the first one left it, while it may have
    /// gone on since.
    pub fn replayed(&self) -> bool {
        self.replayed
    }

    /// The workflow that it follows: its statuses and the ways between them.
    pub fn followed(&self) -> &Workflow {
        &self.workflow
    }

    /// Everything known of the ticket at this version.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Everything known of the ticket, owned.
    pub fn into_snapshot(self) -> Snapshot {
        Arc::unwrap_or_clone(self.snapshot)
    }

    /// What the ticket accepts now: steps first. Its `Display` lists it.
    pub fn permitted(&self) -> Permitted {
        self.snapshot.permitted(&self.workflow)
    }

    /// Why the lifecycle or the ticket's workflow would refuse this action now, whoever wants it, without attempting it:
    /// every reason; `None` if they would not. Each guard is asked once, and nothing changes.
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
        self.snapshot.refusal(action, None, &self.workflow)
    }

    /// Why this actor could not do this now: also whether it is theirs to do, by the lifecycle and the workflow.
    ///
    /// So a screen knows which buttons to show, and what to say of the others:
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
    /// It is asked of the ticket as it was read. What only the desk knows, such as which fields its policy declares and
    /// what falls due before the action, is asked when it is tried.
    pub fn why_not_by(&self, action: &Action, by: &Actor) -> Option<Rejection> {
        self.snapshot.refusal(action, Some(by), &self.workflow)
    }
}

/// Reads through to the [`Snapshot`].
impl<S> Deref for Ticket<S> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Ticket {
    /// A handle of a ticket that was folded or kept elsewhere, with the workflow that it follows.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket, Snapshot, Ticket};
    /// # use firstline::workflow::Catalogue;
    /// # let desk = Desk::memory();
    /// # let id = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// let history = desk.records().history(id)?;
    /// let as_it_began = Ticket::new(Snapshot::fold(&history[..1])?, &Catalogue::new())?;
    /// assert_eq!(as_it_began.status(), "new");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the catalogue has not the workflow which the ticket follows.
    pub fn new(snapshot: impl Into<Arc<Snapshot>>, workflows: &Catalogue) -> Result<Ticket> {
        let snapshot = snapshot.into();
        let workflow = match &snapshot.placed {
            Some(placed) => workflows.get(&placed.workflow)?,
            None => Workflow::simple(),
        };
        Ok(Ticket::following(workflow.clone(), snapshot))
    }

    pub(crate) fn following(workflow: Workflow, snapshot: Arc<Snapshot>) -> Ticket {
        Ticket { state: snapshot.state.clone(), workflow, snapshot, replayed: false }
    }

    /// The same handle as that of a repetition.
    pub(crate) fn repeated(self) -> Ticket {
        Ticket { replayed: true, ..self }
    }
}

impl<S: KnownState> Ticket<S> {
    /// The handle as one whose state is known at run time.
    pub fn into_untyped(self) -> Ticket {
        Ticket {
            state: self.snapshot.state.clone(),
            workflow: self.workflow,
            snapshot: self.snapshot,
            replayed: self.replayed,
        }
    }

    /// The typed handle, if the ticket is in this state; the ticket back, if it is not.
    pub fn try_from_untyped(ticket: Ticket) -> Result<Ticket<S>, Ticket> {
        match S::from_state(&ticket.state) {
            Some(state) => {
                let state = state.clone();
                let Ticket { workflow, snapshot, replayed, .. } = ticket;
                Ok(Ticket { state, workflow, snapshot, replayed })
            }
            None => Err(ticket),
        }
    }
}

/// One typed step, not yet taken: which ticket, from which version, what, and to which state it leads. Hand it to
/// [`Desk::commit`](crate::Desk::commit).
///
/// It is pure: dropping it changes nothing.
#[must_use = "a step is not taken until a desk commits it"]
#[derive(Debug)]
pub struct Step<To> {
    pub(crate) ticket: TicketId,
    pub(crate) expected: u64,
    pub(crate) action: Action,
    to: PhantomData<To>,
}

impl<To> Step<To> {
    /// The same step, to this status of the ticket's workflow: see [`Action::into_status`].
    pub fn into_status(mut self, status: impl Into<String>) -> Step<To> {
        self.action = self.action.into_status(status);
        self
    }

    /// The same step, with a reason in words: see [`Action::because`].
    pub fn because(mut self, words: impl Into<String>) -> Step<To> {
        self.action = self.action.because(words);
        self
    }

    /// The same step together with something that goes before it, such as a reply; all or nothing.
    pub fn with(mut self, first: Action) -> Step<To> {
        self.action = first.and(self.action);
        self
    }
}
