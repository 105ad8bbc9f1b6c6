//! Workflows as data: a company's own statuses over the closed states.
//!
//! The [lifecycle](crate::lifecycle) has six states, on which clocks, reports and the typed API depend. A workflow
//! refines them: it names statuses ("Awaiting parcel", "Fraud check"), each of which belongs to one state, and says
//! which ways lead from one to another, by which action, for whom, under which conditions, and what must be filled in
//! first. It is data: written in code, in JSON or in TOML, checked as a whole when it is built, versioned, and pinned
//! to the tickets that began under it.
//!
//! ```
//! use firstline::workflow::Workflow;
//! use firstline::{Action, Actor, Desk, Kind, NewTicket, Policy};
//!
//! let returns = Workflow::from_json(r#"{
//!     "name": "returns",
//!     "kinds": ["return"],
//!     "statuses": [
//!         {"name": "Requested", "state": "new"},
//!         {"name": "Awaiting parcel", "state": "on_hold", "reason": "customer"},
//!         {"name": "Inspection", "state": "active", "leave": "category"},
//!         {"name": "Refunded", "state": "resolved"},
//!         {"name": "Done", "state": "closed"},
//!         {"name": "Withdrawn", "state": "cancelled"}
//!     ],
//!     "transitions": [
//!         {"from": "Requested", "action": "hold", "to": "Awaiting parcel"},
//!         {"from": "Awaiting parcel", "action": "resume", "to": "Inspection"},
//!         {"from": "Inspection", "action": "resolve", "to": "Refunded"},
//!         {"from": "Refunded", "action": "reopen", "to": "Inspection"},
//!         {"from": "Refunded", "action": "confirm", "to": "Done"},
//!         {"from": "Refunded", "action": "close", "to": "Done"},
//!         {"from": ["Requested", "Awaiting parcel"], "action": "cancel", "to": "Withdrawn", "reason": true}
//!     ]
//! }"#)?;
//!
//! let desk = Desk::memory();
//! desk.setup().adopt(&Policy::new().workflow(&returns))?;
//! let ticket = desk.open_ticket(NewTicket::new("The lamp flickers").from("boris").kind(Kind::from("return")))?;
//! assert_eq!(ticket.status(), "Requested");
//!
//! let anna = Actor::agent("anna");
//! let receipt = desk.act(ticket.id(), Action::hold("customer"), &anna)?;
//! assert_eq!(receipt.ticket.status(), "Awaiting parcel");
//! assert_eq!(receipt.ticket.state().to_string(), "on hold (customer)");
//!
//! desk.act(ticket.id(), Action::resume(), &anna)?;
//! let no = desk.ticket(ticket.id())?.why_not(&Action::resolve("money back")).unwrap();
//! assert_eq!(
//!     no.to_string(),
//!     "resolve to \"Refunded\" needs category to be filled; accepted here: resolve",
//! );
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # The written form
//!
//! The same keys in JSON and TOML. Lists of one may be written as that one: `from = "Requested"`.
//!
//! | where | keys |
//! |---|---|
//! | at the top | `name`; `version`, 1 if left out; `kinds`, none for all that no other workflow claims; `guards`, `statuses`, `transitions`, `rules` |
//! | `guards` | a name of yours, and a [condition](crate::condition) on the [ticket](crate::ticket::facts) or on the actor: `actor` is who acts, `actor.is` what they are, `actor.NAME` an attribute of theirs |
//! | each of `statuses` | `name` and `state` (`new`, `active`, `on_hold`, `resolved`, `closed`, `cancelled`); `default`, `reason`, `enter`, `leave`: see [`Status`] |
//! | each of `transitions` | `from`, `action` (a step, or `move` within one state) and `to`; `when`, `may`, `reason`: see [`Transition`] and [`Taker`] |
//! | each of `rules` | `every_way_to` and `passes`: a status, or a state as `state:resolved` |
//!
//! All guards in `when` must hold, and anybody named in `may` will do. Where one of two guards is enough, write two
//! transitions, or one guard with `any`. Custom fields are called `field.NAME` everywhere.
//!
//! The reason of a hold is an open set: one that is not `customer`, `third_party`, `problem` or `scheduled` is one of
//! your own, so a misspelt one is another reason: that is no fault, and warned of.
//!
//! # Which way an action takes
//!
//! An action that names a status ([`Action::into_status`](crate::Action::into_status)) takes the way that leads there.
//! One that names none takes the first way whose guards hold and which the actor may take, in this order: the ways with
//! guards, as they are written; the way to the state's [default](Status::default) status; the others. A hold looks
//! first at statuses that wait for [its reason](Status::reason), then at those that wait for anything.
//!
//! # What happens by itself
//!
//! - A requester's message resumes or reopens a ticket where the requester has such a way; no field is demanded for it.
//! - A hold with a date ends where there is a way on, whoever may take it; no field is demanded for it.
//! - Silence closes a resolved ticket where `automation` may close it and its obligations are met.
//!
//! Where there is no such way the ticket stays as it is, with the message. A timer that fell due, and a silence that was
//! broken, are over, and the history says why ([`Change::Lapsed`](crate::Change::Lapsed)). The validator warns of each.
//!
//! # Versions
//!
//! A ticket stays on the version under which it began. A [`Migration`] says how live tickets go over to another one.

mod build;
mod catalogue;
mod check;
pub mod definition;
pub mod finding;
pub mod migration;
mod picture;
mod placement;
pub mod preset;
mod read;
mod source;
mod table;
mod traffic;
pub mod transition;

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::condition::Facts;
use crate::error::Result;
use crate::lifecycle::HoldReason;

pub use catalogue::Catalogue;
pub use check::{MAX_GUARDS, MAX_RULES, MAX_STATUSES, MAX_TRANSITIONS};
pub use definition::{PassRule, Spot, Status, WorkflowDefinition};
pub use finding::{Finding, FindingKind, Findings, Place};
pub use migration::Migration;
pub use picture::Picture;
pub use placement::{Placement, WorkflowRef};
pub use table::StatusId;
pub(crate) use table::{Answers, Way};
pub use traffic::Traffic;
pub use transition::{Taker, Transition, Via};

use table::Table;

/// The name of the workflow that every ticket follows for which there is no other: its statuses are the states.
pub const SIMPLE: &str = "simple";

/// A workflow that was checked and made ready for use. Cheap to clone.
#[derive(Clone)]
pub struct Workflow(Arc<Inner>);

struct Inner {
    definition: WorkflowDefinition,
    reference: WorkflowRef,
    table: Table,
    findings: Findings,
}

impl Workflow {
    /// Reads a workflow from JSON and checks it as a whole.
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let error = Workflow::from_json(r#"{
    ///     "name": "tiny",
    ///     "statuses": [
    ///         {"name": "Open", "state": "new"}, {"name": "Answered", "state": "resolvd"}, {"name": "Done", "state": "closed"}
    ///     ],
    ///     "transitions": []
    /// }"#).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "error[unknown-state] line 4, column 73, statuses[1].state: the state \"resolvd\" is not known (did you mean \
    ///      \"resolved\"?); allowed: new, active, on_hold, resolved, closed, cancelled",
    /// );
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) with all [findings](crate::Error::findings) and their places
    /// in the text, if there is an error among them.
    pub fn from_json(text: &str) -> Result<Workflow> {
        Workflow::of_reading(read::json(text))
    }

    /// Reads a workflow from TOML and checks it as a whole. Its keys are told in the [module](self#the-written-form).
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let repairs = Workflow::from_toml(r#"
    /// name = "ремонт"
    /// kinds = "repair"
    ///
    /// statuses = [
    ///     { name = "Принят", state = "new" },
    ///     { name = "В работе", state = "active", leave = "field.cost" },
    ///     { name = "Проверка", state = "active" },
    ///     { name = "Готов", state = "resolved" },
    ///     { name = "Выдан", state = "closed" },
    ///     { name = "Отказ", state = "cancelled" },
    /// ]
    ///
    /// transitions = [
    ///     { from = "Принят", action = "start", to = "В работе" },
    ///     { from = "В работе", action = "move", to = "Проверка" },
    ///     { from = "В работе", action = "resolve", to = "Готов", when = "дёшево" },
    ///     { from = "Проверка", action = "resolve", to = "Готов", may = "role:lead" },
    ///     { from = "Готов", action = "reopen", to = "В работе" },
    ///     { from = "Готов", action = "close", to = "Выдан" },
    ///     { from = ["Принят", "В работе"], action = "cancel", to = "Отказ", reason = true },
    /// ]
    ///
    /// [guards]
    /// "дёшево" = { field = "field.cost", at_most = 3000 }
    /// "#)?;
    /// # assert_eq!(repairs.warnings().count(), 0);
    /// assert_eq!(repairs.start().name, "Принят");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_json`](Workflow::from_json).
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Workflow> {
        Workflow::of_reading(read::toml(text))
    }

    fn of_reading((definition, findings): (Option<WorkflowDefinition>, Vec<Finding>)) -> Result<Workflow> {
        let findings = Findings::new(findings);
        match definition {
            Some(definition) => definition.build_with(findings),
            // What could not be read at all has an error among its findings.
            None => Err(findings.into()),
        }
    }

    /// The workflow whose statuses are the states themselves: what every ticket follows for which there is no other.
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// assert_eq!(Workflow::simple().reference().to_string(), "simple v1");
    /// ```
    pub fn simple() -> &'static Workflow {
        static SIMPLE: LazyLock<Workflow> = LazyLock::new(|| {
            // The table of the lifecycle has no faults; `tests/workflow_presets.rs` builds it like any other.
            let built = preset::simple().build();
            built.unwrap_or_else(|fault| unreachable!("the lifecycle's own table: {fault}"))
        });
        &SIMPLE
    }

    /// What it is called, which version it is, and its hash.
    pub fn reference(&self) -> &WorkflowRef {
        &self.0.reference
    }

    /// What was written.
    pub fn definition(&self) -> &WorkflowDefinition {
        &self.0.definition
    }

    /// What is legal in it, but probably not meant; nothing of one that a desk has read back from its store.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.0.findings.warnings()
    }

    /// The status in which tickets begin.
    pub fn start(&self) -> &Status {
        self.status(self.0.table.start)
    }

    /// The statuses, in their order.
    pub fn statuses(&self) -> impl Iterator<Item = (StatusId, &Status)> {
        let numbered = (0..).map(StatusId);
        numbered.zip(&self.0.definition.statuses)
    }

    /// The status of this name.
    pub fn find(&self, name: &str) -> Option<StatusId> {
        self.0.table.by_name.get(name).copied()
    }

    /// A status by its id. An id of another workflow gives any status of this one.
    ///
    /// ```
    /// # use firstline::workflow::Workflow;
    /// let simple = Workflow::simple();
    /// let id = simple.find("on_hold").unwrap();
    /// assert_eq!(simple.status(id).name, "on_hold");
    /// ```
    pub fn status(&self, id: StatusId) -> &Status {
        let statuses = &self.0.definition.statuses;
        &statuses[id.place().min(statuses.len() - 1)]
    }

    /// Where an action that names no status leads from here, by these facts: the run-time check, a look into a table.
    /// Who may take it and what must be filled in is not asked, nor for what a hold waits.
    ///
    /// ```
    /// use firstline::StepKind;
    /// use firstline::workflow::{Via, Workflow};
    ///
    /// let simple = Workflow::simple();
    /// let active = simple.find("active").unwrap();
    /// let to = simple.take(active, Via::Step(StepKind::Resolve), &());
    /// assert_eq!(to, simple.find("resolved"));
    /// assert_eq!(simple.take(active, Via::Step(StepKind::Confirm), &()), None);
    /// ```
    #[inline]
    pub fn take(&self, from: StatusId, via: Via, facts: &dyn Facts) -> Option<StatusId> {
        self.0.table.take(from, via, facts)
    }

    /// The ways that lead on from a status, and where each leads: what a screen may offer. Two ways may lead to the
    /// same status, by other actions or under other guards. Whether somebody may take one now is asked of the ticket:
    /// see [`Ticket::why_not_by`](crate::Ticket::why_not_by).
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let simple = Workflow::simple();
    /// let ways: Vec<String> = simple
    ///     .onward(simple.find("resolved").unwrap())
    ///     .map(|(way, to)| format!("{} to {}", way.action, to.name))
    ///     .collect();
    /// assert_eq!(ways, ["confirm to closed", "close to closed", "reopen to active"]);
    /// ```
    pub fn onward(&self, from: StatusId) -> impl Iterator<Item = (&Transition, &Status)> {
        let ways = Via::all().flat_map(move |via| self.ways(from, via));
        let transitions = &self.0.definition.transitions;
        ways.map(|way| (&transitions[usize::from(way.transition)], self.status(way.to)))
    }

    /// Whether any way leads out of a status by this action.
    pub fn accepts(&self, from: StatusId, via: Via) -> bool {
        !self.ways(from, via).is_empty()
    }

    /// The ways out of a status by an action, in the order in which they are asked.
    pub(crate) fn ways(&self, from: StatusId, via: Via) -> &[Way] {
        self.0.table.ways(from, via)
    }

    /// The ways by which an action may go that says so much of where it wants to go.
    pub(crate) fn candidates(
        &self,
        from: StatusId,
        via: Via,
        to: Option<StatusId>,
        hold: Option<&HoldReason>,
    ) -> Vec<&Way> {
        let reason = |way: &&Way| self.status(way.to).reason.as_ref();
        let fits = |way: &&Way| {
            to.is_none_or(|to| to == way.to)
                && match (hold, reason(way)) {
                    (Some(wanted), Some(of)) => wanted.as_str() == of.as_str(),
                    _ => true,
                }
        };
        let mut ways: Vec<&Way> = self.ways(from, via).iter().filter(fits).collect();
        if hold.is_some() {
            // Those that wait for just this come first; otherwise the order stays.
            ways.sort_by_key(|way| reason(way).is_none());
        }
        ways
    }

    /// What its guards answer to these facts.
    pub(crate) fn answers<'a>(&'a self, facts: &'a dyn Facts, actor_known: bool) -> Answers<'a> {
        Answers::new(&self.0.table.guards, facts, actor_known)
    }

    /// Whether it is the workflow whose statuses are the states.
    pub(crate) fn is_simple(&self) -> bool {
        self.reference().hash == Workflow::simple().reference().hash
    }
}

impl From<&Workflow> for WorkflowDefinition {
    fn from(workflow: &Workflow) -> WorkflowDefinition {
        workflow.definition().clone()
    }
}

/// Workflows are the same if their definitions are.
impl PartialEq for Workflow {
    fn eq(&self, other: &Workflow) -> bool {
        self.reference().hash == other.reference().hash
    }
}

impl Eq for Workflow {}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Workflow").field(&format_args!("{}", self.reference())).finish()
    }
}
