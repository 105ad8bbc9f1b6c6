//! Due timers: the end of a hold, the end of the verification period, and warnings and breaches with their reactions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::definition::Fingerprint;
use crate::error::Result;
use crate::policy::Policy;
use crate::priority::Inputs;
use crate::sla::{Alert, Clock, NextAlert, Reaction};
use crate::ticket::action::Action;
use crate::ticket::decision::request::Exemption;
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Cause, Change};
use crate::ticket::people::Actor;
use crate::ticket::personal::Personal;
use crate::ticket::timer::{self, Timer, TimerKind};

/// An effect that is due.
enum Due {
    Migration(DateTime<Utc>, Fingerprint),
    Step(Timer),
    Alert(Box<Clock>, NextAlert),
}

impl Draft {
    /// Fires everything that is due, each at its due time. Every decision starts with this, so that its outcome does
    /// not depend on the time of the last `tick`, as long as the context has the policy of the due times.
    pub(super) fn fire_due(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        while let Some(due) = self.next_due(context.now)? {
            match due {
                Due::Migration(since, agreements) => {
                    self.measure_import(agreements, context)?;
                    self.emit(
                        since,
                        &Actor::desk(),
                        Change::PolicyRebound { agreements },
                        Personal::default(),
                    )?;
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
        self.emit(at, &Actor::desk(), Change::Clocked { clocks }, Personal::default())
    }

    /// Returns the next due effect. The order within one instant is: new agreements, warnings, steps of the ticket,
    /// breaches. Breaches are last because a step at the deadline itself is in time.
    fn next_due(&self, now: DateTime<Utc>) -> Result<Option<Due>> {
        let migration = self.clock_draft.migration(now)?;
        let migration = migration.or_else(|| self.clock_draft.adoption_after_import(now, &self.snapshot));
        let migration = migration.map(|(since, agreements)| ((since, 0), Due::Migration(since, agreements)));
        let step = timer::of_state(&self.snapshot.state).filter(|timer| timer.due <= now);
        let step = step.map(|timer| ((timer.due, 2), Due::Step(timer)));
        let alerts = self.clock_draft.clocks().iter().filter_map(|clock| {
            let alert = clock.next.filter(|alert| alert.is_due(now))?;
            let place = if alert.percent >= 100 { 3 } else { 1 };
            Some(((alert.at, place), Due::Alert(Box::new(clock.clone()), alert)))
        });
        Ok(alerts.chain(step).chain(migration).min_by_key(|(place, _)| *place).map(|(_, due)| due))
    }

    /// Takes the step of a due timer.
    ///
    /// The end of a hold needs no permission, because an actor set the date. The end of the verification period is a
    /// step of the desk itself, and the workflow must permit it.
    fn step_due(&mut self, timer: &Timer, context: &DecisionContext<'_>) -> Result<()> {
        let (action, exemption) = match timer.kind {
            TimerKind::HoldEnds => (Action::resume(), Exemption::HoldEnd),
            TimerKind::VerificationEnds => (Action::close(), Exemption::VerificationEnd),
            // The ticket's state has no such timer.
            TimerKind::Clock => return Ok(()),
        };
        self.step_automatically(
            &action,
            timer.due,
            &Actor::desk(),
            Cause::Timer(timer.kind),
            exemption,
            context,
        )
    }

    fn alert(&mut self, clock: &Clock, due: NextAlert, context: &DecisionContext<'_>) -> Result<()> {
        let reactions = self.clock_draft.measure(clock)?.target.reactions(due.percent).to_vec();
        let notify = reactions.iter().filter_map(|reaction| match reaction {
            Reaction::Notify(who) => Some(who.clone()),
            _ => None,
        });
        let alert = Alert {
            metric: clock.metric,
            cycle: clock.cycle,
            percent: due.percent,
            revision: clock.revision,
            due: due.at,
            notify: notify.collect(),
        };
        let change = if due.percent >= 100 { Change::Breached(alert) } else { Change::Warned(alert) };
        self.emit(due.at, &Actor::desk(), change, Personal::default())?;
        reactions.iter().try_for_each(|reaction| self.react(reaction, due.at, context))
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
            Reaction::Escalate { team, line } => {
                if self.snapshot.team.as_ref() == Some(team) && self.snapshot.line == *line {
                    return Ok(());
                }
                let to = Change::HandedOver { team: Some(team.clone()), line: *line };
                self.emit(at, &desk, to, Personal::default())?;
                if self.snapshot.assignee.is_some() {
                    self.emit(at, &desk, Change::Assigned { to: None }, Personal::default())?;
                }
            }
            Reaction::Notify(_) => return Ok(()),
        }
        self.reassess_with(modifiers, at, &desk, context.policy)
    }

    /// Computes the priority again, with these modifiers. It stays as it is while the ticket names a modifier that the
    /// policy in force does not have: nobody has decided yet what the ticket is worth without it.
    pub(super) fn reassess_with(
        &mut self,
        modifiers: BTreeSet<String>,
        at: DateTime<Utc>,
        by: &Actor,
        policy: &Policy,
    ) -> Result<()> {
        let snapshot = self.snapshot();
        let inputs = Inputs {
            impact: snapshot.assessment.impact().given(),
            urgency: snapshot.assessment.urgency().given(),
            modifiers: &modifiers,
            overridden: snapshot.assessment.overridden(),
            facts: snapshot,
        };
        let matrix = policy.matrix_in_use();
        let assessment = matrix.assess_within(&inputs);
        if assessment == snapshot.assessment || modifiers.iter().any(|name| matrix.modifier(name).is_err()) {
            return Ok(());
        }
        let change = Change::Prioritised { modifiers, assessment: Box::new(assessment) };
        self.emit(at, by, change, Personal::default())
    }
}
