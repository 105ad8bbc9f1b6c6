//! Due timers: the end of a hold, the end of the verification period, and warnings and breaches with their reactions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::policy::Policy;
use crate::priority::AssessmentInputs;
use crate::sla::{Alert, Clock, NextAlert, Reaction};
use crate::ticket::action::Action;
use crate::ticket::decision::request::Exemption;
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Cause, Change};
use crate::ticket::missing_history::MissingHistory;
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::Personal;
use crate::ticket::timer::{self, Timer, TimerKind};

/// The number of hand-overs by reactions in a row after which reactions hand the ticket over no more.
const MAX_ESCALATIONS: usize = 4;

/// An effect that is due.
enum Due {
    /// The next version of the policy comes into force.
    Policy(DateTime<Utc>),
    Step(Timer),
    Alert(Box<Clock>, NextAlert),
}

impl Draft {
    /// Fires everything that is due, each at its due time and under the definitions in force then. Every decision
    /// starts with this, so that its outcome does not depend on the time of the last `tick`.
    pub(super) fn fire_due(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        while let Some(due) = self.next_due(context.now)? {
            match due {
                Due::Policy(since) => {
                    if let Some(agreements) = self.clock_draft.enter_next_version(&self.snapshot)? {
                        self.measure_import(agreements, context)?;
                        let change = Change::PolicyRebound { agreements };
                        self.emit(since, &Actor::desk(), change, Personal::default())?;
                    }
                }
                Due::Step(timer) => self.step_due(&timer, context)?,
                Due::Alert(clock, alert) => self.alert(&clock, alert, context)?,
            }
        }
        Ok(())
    }

    /// Adds an event with the clocks that changed in this draft. Every decision ends with this.
    pub(super) fn record_clocks(&mut self) -> Result<()> {
        let mut clocks = self.clock_draft.take_changed();
        clocks.retain(|clock| !self.snapshot.clocks.contains(clock));
        if clocks.is_empty() {
            return Ok(());
        }
        let at = self.snapshot.updated_at;
        self.emit(at, &Actor::desk(), Change::ClocksUpdated { clocks }, Personal::default())
    }

    /// Returns the next due effect. The order within one instant is: warnings, steps of the ticket, policies, breaches.
    /// A policy follows what was due until its adoption, because a tick may have fired that before the adoption.
    /// Breaches are last because a step at the deadline itself is in time.
    fn next_due(&self, now: DateTime<Utc>) -> Result<Option<Due>> {
        let policy = self.clock_draft.next_version().filter(|from| *from <= now);
        let policy = policy.map(|from| ((from, 2), Due::Policy(from)));
        let reminder = self.snapshot.hold_end.and_then(timer::of_hold_end);
        let steps = timer::of_state(&self.snapshot.state).into_iter().chain(reminder);
        let steps = steps.filter(|timer| timer.due <= now).map(|timer| ((timer.due, 1), Due::Step(timer)));
        let alerts = self.clock_draft.clocks().iter().filter_map(|clock| {
            let alert = clock.next.filter(|alert| alert.is_due(now))?;
            let place = if alert.percent >= 100 { 3 } else { 0 };
            Some(((alert.at, place), Due::Alert(Box::new(clock.clone()), alert)))
        });
        Ok(alerts.chain(steps).chain(policy).min_by_key(|(place, _)| *place).map(|(_, due)| due))
    }

    /// Takes the step of a due timer.
    ///
    /// The end of a hold needs no permission, because an actor set the date. The end of the verification period is a
    /// step of the desk itself, and the workflow must permit it.
    fn step_due(&mut self, timer: &Timer, context: &DecisionContext<'_>) -> Result<()> {
        let cause = Cause::Timer(timer.kind);
        let (action, exemption) = match timer.kind {
            TimerKind::HoldEnds => match self.snapshot.hold_end.map_or(StateKind::Active, |end| end.then) {
                StateKind::Resolved => (Action::resolve("no answer"), Exemption::VerificationEnd),
                StateKind::Closed => {
                    let (resolve, exemption) = (Action::resolve("no answer"), Exemption::VerificationEnd);
                    self.step_automatically(&resolve, timer.due, &Actor::desk(), cause, exemption, context)?;
                    if self.state() != StateKind::Resolved {
                        return Ok(());
                    }
                    (Action::close(), exemption)
                }
                _ => (Action::resume(), Exemption::HoldEnd),
            },
            TimerKind::VerificationEnds => (Action::close(), Exemption::VerificationEnd),
            TimerKind::Reminder => {
                return self.emit(timer.due, &Actor::desk(), Change::Reminded, Personal::default());
            }
            // The ticket's state has no such timer.
            TimerKind::Clock => return Ok(()),
        };
        self.step_automatically(&action, timer.due, &Actor::desk(), cause, exemption, context)
    }

    fn alert(&mut self, clock: &Clock, due: NextAlert, context: &DecisionContext<'_>) -> Result<()> {
        let reactions = self.clock_draft.measure(clock)?.target.reactions(due.percent).to_vec();
        let notify = reactions.iter().filter_map(|reaction| match reaction {
            Reaction::Notify(who) => Some(who.clone()),
            _ => None,
        });
        let escalates = reactions.iter().any(|reaction| self.is_escalation(reaction));
        let escalation_stopped = escalates && self.is_passed_around(clock, context)?;
        let alert = Alert {
            metric: clock.metric,
            cycle: clock.cycle,
            percent: due.percent,
            left: due.left,
            revision: clock.revision,
            due: due.at,
            notify: notify.collect(),
            escalation_stopped,
        };
        let change = if due.percent >= 100 { Change::Breached(alert) } else { Change::Warned(alert) };
        self.emit(due.at, &Actor::desk(), change, Personal::default())?;
        let reactions = reactions.iter().filter(|it| !(escalation_stopped && self.is_escalation(it)));
        let reactions: Vec<&Reaction> = reactions.collect();
        reactions.into_iter().try_for_each(|reaction| self.react(reaction, due.at, context))
    }

    /// True if the reaction would hand the ticket over.
    fn is_escalation(&self, reaction: &Reaction) -> bool {
        let ticket = &self.snapshot;
        matches!(reaction, Reaction::Escalate { team, line } if ticket.state.kind().is_open()
            && (ticket.team.as_ref() != Some(team) || ticket.line != *line))
    }

    /// True if reactions alone have handed the ticket over so often that they stop. The history is needed only if the
    /// clock began again or its target was changed, because otherwise each reaction has happened at most once.
    fn is_passed_around(&self, clock: &Clock, context: &DecisionContext<'_>) -> Result<bool> {
        if clock.cycle == 1 && clock.revision == 0 {
            return Ok(false);
        }
        let history = context.history.ok_or_else(|| MissingHistory::of(self.snapshot.id))?;
        let by_desk = history.iter().chain(&self.events).rev().take_while(|event| event.by.who == Who::Desk);
        let hand_overs = by_desk.filter(|event| matches!(event.change, Change::HandedOver { .. }));
        Ok(hand_overs.take(MAX_ESCALATIONS).count() == MAX_ESCALATIONS)
    }

    /// Applies a reaction unless the ticket already satisfies it or is finished.
    fn react(&mut self, reaction: &Reaction, at: DateTime<Utc>, context: &DecisionContext<'_>) -> Result<()> {
        if !self.snapshot.state.kind().is_open() {
            return Ok(());
        }
        let (desk, mut modifiers) = (Actor::desk(), self.snapshot.modifiers.clone());
        match reaction {
            Reaction::Modifier(name) => {
                modifiers.insert(name.clone());
            }
            Reaction::Escalate { .. } if !self.is_escalation(reaction) => return Ok(()),
            Reaction::Escalate { team, line } => {
                let to = Change::HandedOver { team: Some(team.clone()), line: *line };
                self.emit(at, &desk, to, Personal::default())?;
                if self.snapshot.assignee.is_some() {
                    self.emit(at, &desk, Change::Assigned { to: None }, Personal::default())?;
                }
            }
            Reaction::Notify(_) => return Ok(()),
        }
        self.reassess_with(modifiers, at, &desk, context.policy_of(self.clock_draft.reached()))
    }

    /// Computes the priority again, with these modifiers. It stays as it is while the ticket names a modifier that the
    /// policy in force does not have, unless the modifiers change: nobody has decided yet what the ticket is worth
    /// without it.
    pub(super) fn reassess_with(
        &mut self,
        modifiers: BTreeSet<String>,
        at: DateTime<Utc>,
        by: &Actor,
        policy: &Policy,
    ) -> Result<()> {
        let snapshot = self.snapshot();
        let inputs = AssessmentInputs {
            impact: snapshot.assessment.given_impact(),
            urgency: snapshot.assessment.given_urgency(),
            modifiers: &modifiers,
            manual_priority: snapshot.assessment.manual_priority(),
            facts: snapshot,
        };
        let matrix = policy.priority_matrix();
        let assessment = matrix.assess_within(&inputs);
        let is_unknown = |name: &String| matrix.modifier(name).is_err();
        if modifiers == snapshot.modifiers
            && (assessment == snapshot.assessment || modifiers.iter().any(is_unknown))
        {
            return Ok(());
        }
        let change = Change::Prioritised { modifiers, assessment: Box::new(assessment) };
        self.emit(at, by, change, Personal::default())
    }
}
