//! The handle for the reports of a desk.

use std::fmt;

use chrono::{SecondsFormat, TimeDelta};

use super::Desk;
use super::attempt::{Attempt, WhatIf, WhyNot};
use super::context::CommandContext;
use super::process_map::Count;
use crate::definition::DefinitionKind;
use crate::duration;
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::lifecycle::Rejection;
use crate::operation::{Engine, Interrupt, Job, JobStep, Loaded, Operation, OperationLabel};
use crate::reports::Ledger;
use crate::sla::{Clock, Metric};
use crate::store::kinds::ADOPTION;
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Cursor, Mode, Query, Read};
use crate::ticket::Ticket;
use crate::ticket::action::Action;
use crate::ticket::decision::Draft;
use crate::ticket::event::Change;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::{ProcessMap, Workflow};

/// The reports of a desk. Returned by [`Desk::reports`].
#[derive(Debug)]
pub struct Reports<'a, E>(pub(super) &'a Desk<E>);

impl<E: Engine> Desk<E> {
    /// Returns the handle for reports: explained clocks, deadlines that are near, and process maps.
    pub fn reports(&self) -> Reports<'_, E> {
        Reports(self)
    }
}

impl<'a, E: Engine> Reports<'a, E> {
    /// Explains a clock of a ticket: returns the time spans of its latest cycle up to now. Each span shows whether it
    /// counted, and the reason.
    ///
    /// ```
    /// # use firstline::sla::{Agreement, Metric, Target};
    /// # use firstline::{Desk, NewTicket, Policy, TimeDelta};
    /// # let desk = Desk::memory();
    /// # let target = Target::new(Metric::Resolution).within(TimeDelta::hours(8));
    /// # desk.setup().adopt(&Policy::new().agreement(Agreement::new("standard", 1).target(target)))?;
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
    /// let ledger = desk.reports().explain(ticket.id(), Metric::Resolution)?;
    /// println!("{ledger}");
    /// assert_eq!(ledger.wall_time(), ledger.until - ticket.opened_at);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [not found](Error::is_not_found): there is no such ticket, or it has no clock for this metric;
    /// - [storage](Error::is_storage).
    pub fn explain(&self, ticket: TicketId, metric: Metric) -> E::Reply<'a, Ledger> {
        let context = self.0.context();
        self.0.engine.run(&self.0.settings.desk, Explain { ticket, metric, context })
    }

    /// Returns the clocks that the ticket would have if `by` performed this action now. Nothing is written.
    ///
    /// For example, `Action::resume()` shows the clocks after the end of a hold, and
    /// `Action::override_priority(Priority::P1, "what if")` those at the highest priority. [`Action::and`] combines the
    /// two.
    ///
    /// ```
    /// # use firstline::sla::{Agreement, Metric, Target};
    /// # use firstline::{Action, Actor, Desk, HoldReason, NewTicket, Policy, Priority, TimeDelta};
    /// # let desk = Desk::memory();
    /// # let target = Target::new(Metric::Resolution);
    /// # let target = target.time(Priority::P1, TimeDelta::hours(4)).time(Priority::P3, TimeDelta::hours(16));
    /// # desk.setup().adopt(&Policy::new().agreement(Agreement::new("standard", 1).target(target)))?;
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
    /// # let anna = Actor::agent("anna");
    /// desk.act(ticket.id(), Action::hold(HoldReason::Customer), &anna)?;
    /// assert_eq!(desk.ticket(ticket.id())?.clocks[0].due_at, None); // nobody knows when the customer will answer
    ///
    /// let urgent = Action::resume().and(Action::override_priority(Priority::P1, "what if"));
    /// let clocks = desk.reports().what_if(ticket.id(), urgent, &anna)?;
    /// assert!(clocks[0].due_at.is_some());
    /// assert_eq!(clocks[0].target, TimeDelta::hours(4));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Desk::act`], if the action would be refused.
    pub fn what_if(
        &self,
        ticket: TicketId,
        action: Action,
        by: impl Into<Actor>,
    ) -> E::Reply<'a, Vec<Clock>> {
        let attempt = Attempt::new(ticket, &action, by.into(), self.0.context());
        self.0.engine.run(&self.0.settings.desk, WhatIf(attempt))
    }

    /// Tries an action without writing anything. Returns the rejection, or `None` if the desk would accept the action from
    /// this actor now.
    ///
    /// [`Ticket::why_not_by`] answers from the handle alone. This method also knows the history, which
    /// [`Action::undo`] depends on, the timers that are due, and linked tickets.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let (anna, ben) = (Actor::agent("anna"), Actor::agent("ben"));
    /// let id = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// desk.act(id, Action::tag("audio"), &anna)?;
    /// assert!(desk.reports().why_not(id, Action::undo(), &anna)?.is_none());
    /// let no = desk.reports().why_not(id, Action::undo(), &ben)?.ok_or("accepted")?;
    /// assert_eq!(no.reasons_in_words(), ["undo is refused: anna has acted since"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Desk::act`] that are not [rejections](Error::is_rejected).
    pub fn why_not(
        &self,
        ticket: TicketId,
        action: Action,
        by: impl Into<Actor>,
    ) -> E::Reply<'a, Option<Rejection>> {
        let attempt = Attempt::new(ticket, &action, by.into(), self.0.context());
        self.0.engine.run(&self.0.settings.desk, WhyNot(attempt))
    }

    /// Returns the running clocks that have at most this much time left, ordered by deadline. Clocks that have passed
    /// their deadline are included and come first.
    ///
    /// Each clock is measured in its own time basis: the open hours of its calendar, or wall time. Paused clocks are
    /// not included. The open tickets are read as they were last written, so call [`tick`](Desk::tick) first to resume
    /// tickets whose holds have ended.
    ///
    /// ```
    /// # use firstline::desk::Settings;
    /// # use firstline::sla::{Agreement, Metric, Target};
    /// # use firstline::memory::Memory;
    /// # use firstline::time::ManualTime;
    /// # use firstline::{NewTicket, Policy, TimeDelta};
    /// # let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    /// # let desk = Memory::new().desk(Settings::new("shop").time(time.clone()));
    /// # let target = Target::new(Metric::FirstReply).within(TimeDelta::hours(4));
    /// # desk.setup().adopt(&Policy::new().agreement(Agreement::new("standard", 1).target(target)))?;
    /// desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// time.advance(TimeDelta::minutes(150));
    /// assert!(desk.reports().due_soon(TimeDelta::hours(1))?.is_empty());
    /// let soon = desk.reports().due_soon(TimeDelta::hours(2))?;
    /// assert_eq!(soon[0].to_string(), "T-1 first reply: 1h 30m left, due 2026-01-05T13:00:00Z");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [storage](Error::is_storage).
    pub fn due_soon(&self, within: TimeDelta) -> E::Reply<'a, Vec<DueSoon>> {
        self.0.engine.run_job(&self.0.settings.desk, FindDueSoon::new(within, self.0.context()))
    }

    /// Counts the tickets in each status of a workflow and the transitions between its statuses.
    ///
    /// Only tickets that follow exactly this version of the workflow are counted, in any state. This reads every ticket
    /// of the desk, and the whole history of those that are counted.
    ///
    /// ```
    /// # use firstline::workflow::Workflow;
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// for subject in ["No sound", "No light", "No heat"] {
    ///     let ticket = desk.open_ticket(NewTicket::new(subject))?;
    ///     desk.act(ticket.id(), Action::resolve("plugged in"), Actor::agent("anna"))?;
    /// }
    /// let simple = Workflow::simple();
    /// let process_map = desk.reports().process_map(simple)?;
    /// let (new, resolved) = (simple.find("new").unwrap(), simple.find("resolved").unwrap());
    /// assert_eq!((process_map.tickets_in(resolved), process_map.transition_count(new, resolved)), (3, 3));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [storage](Error::is_storage).
    pub fn process_map(&self, workflow: &Workflow) -> E::Reply<'a, ProcessMap> {
        self.0.engine.run_job(&self.0.settings.desk, Count::of(workflow, self.0.context()))
    }
}

/// A clock with a near or past deadline, and its ticket.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueSoon {
    /// The ticket.
    pub ticket: Ticket,
    /// The clock.
    pub clock: Clock,
    /// The time left in the time basis of the target; negative if the deadline has passed.
    pub remaining: TimeDelta,
}

/// `T-1 first reply: 1h 30m left, due 2026-01-05T13:00:00Z`.
impl fmt::Display for DueSoon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, word) = if self.remaining < TimeDelta::zero() {
            (-self.remaining, "over")
        } else {
            (self.remaining, "left")
        };
        write!(f, "{} {}: {} {word}", self.ticket.number, self.clock.metric, duration::in_hours(length))?;
        match self.clock.due_at {
            Some(due) => write!(f, ", due {}", due.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
pub(super) struct Explain {
    pub(super) ticket: TicketId,
    pub(super) metric: Metric,
    pub(super) context: CommandContext,
}

impl Operation for Explain {
    type Out = Ledger;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("explain", self.ticket)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.push(Read::Ticket(self.ticket));
        reads.push(Read::whole_history(self.ticket));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Ledger), Interrupt> {
        let access = self.context.access(loaded)?;
        let ticket = self.context.visible(self.ticket, &access, loaded)?;
        if !access.sees_internal(ticket) {
            return Err(self.no_clock(&ticket.public()).into());
        }
        loaded.need([Read::whole_history(self.ticket)])?;
        let mut policy_context = self.context.policy_context_for(ticket, loaded)?;
        let mut history = policy_context.history.unwrap_or_default().to_vec();
        let clocks = history.iter().filter_map(|event| match &event.change {
            Change::ClocksUpdated { clocks } => Some(clocks),
            _ => None,
        });
        self.context.pin(clocks.flatten(), &mut policy_context.agreements, loaded)?;
        let desk = Actor::desk();
        let current =
            Draft::begin(ticket.clone(), &policy_context.decision(self.context.now, &desk))?.finish()?;
        history.extend_from_slice(&current.events);
        let ledger = Ledger::of(
            &current.snapshot,
            &history,
            self.metric,
            self.context.now,
            &policy_context.agreements,
        )?;
        let ledger = ledger.ok_or_else(|| self.no_clock(&current.snapshot))?;
        Ok((Commit::default(), ledger))
    }
}

impl Explain {
    fn no_clock(&self, ticket: &Snapshot) -> Error {
        let existing: Vec<_> = ticket.clocks.iter().map(|clock| clock.metric.to_string()).collect();
        let existing = match existing.is_empty() {
            true => "none, because it has no clocks".to_owned(),
            false => existing.join(", "),
        };
        Error::not_found(format_args!("a clock for the {} of ticket {}", self.metric, ticket.number))
            .allowing(existing)
    }
}

/// Finds the clocks that are due soon, one page of open tickets at a time.
#[derive(Debug)]
pub(super) struct FindDueSoon {
    within: TimeDelta,
    context: CommandContext,
    /// The start of the next page; `None` after the last.
    next: Option<Option<Cursor>>,
    found: Vec<DueSoon>,
}

impl FindDueSoon {
    pub(super) fn new(within: TimeDelta, context: CommandContext) -> FindDueSoon {
        FindDueSoon { within, context, next: Some(None), found: Vec::new() }
    }
}

impl Job for FindDueSoon {
    type Out = Vec<DueSoon>;

    fn next(&mut self) -> Option<JobStep<FindDueSoon>> {
        let after = self.next.take()?;
        let page = DueSoonPage { within: self.within, context: self.context.clone(), after };
        Some(JobStep::new(page, |job: &mut FindDueSoon, page| {
            let (found, next) = page?;
            job.found.extend(found);
            job.next = next.map(Some);
            Ok(())
        }))
    }

    fn finish(mut self) -> Vec<DueSoon> {
        self.found.sort_by_key(|it| (it.clock.due_at, it.ticket.id(), it.clock.metric));
        self.found
    }
}

#[derive(Debug)]
struct DueSoonPage {
    within: TimeDelta,
    context: CommandContext,
    after: Option<Cursor>,
}

impl Operation for DueSoonPage {
    type Out = (Vec<DueSoon>, Option<Cursor>);

    fn label(&self) -> OperationLabel {
        OperationLabel::new("due_soon")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        let access = self.context.access(loaded)?;
        if access.internal().is_never() {
            return Ok((Commit::default(), (Vec::new(), None)));
        }
        let query = Query::inbox().limit(MAX_PAGE).after(self.after.clone());
        let query = query.matching(access.internal().clone());
        let tickets = loaded.find(&query)?;
        let due = || tickets.iter().filter(|ticket| ticket.earliest_deadline().is_some());
        self.context.need_for(due().map(|it| &**it), loaded)?;
        let (mut near, mut clocks) = (Vec::new(), Vec::new());
        for ticket in due() {
            let agreements = self.context.policy_context_for(ticket, loaded)?.agreements;
            for clock in ticket.clocks.iter().filter(|clock| clock.running_since.is_some()) {
                let Some(remaining) =
                    clock.left(self.context.now, &agreements)?.filter(|remaining| *remaining <= self.within)
                else {
                    continue;
                };
                near.push(ticket.clone());
                clocks.push((clock.clone(), remaining));
            }
        }
        let shown = self.context.shown(near, &access, loaded)?.into_iter().zip(clocks);
        let near = shown.map(|(ticket, (clock, remaining))| DueSoon { ticket, clock, remaining }).collect();
        let full = tickets.len() == query.page_size();
        let next = tickets.last().filter(|_| full).map(|last| query.cursor_of(last));
        Ok((Commit::default(), (near, next)))
    }
}
