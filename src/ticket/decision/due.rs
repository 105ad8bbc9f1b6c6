//! What time owes a ticket: holds that end, silence that closes, warnings and breaches with their reactions.

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

/// What falls due next.
enum Due {
    Migration(DateTime<Utc>, Fingerprint),
    Step(Timer),
    Alert(Box<Clock>, NextAlert),
}

impl Draft {
    /// Lets everything happen that the clock owes this ticket, each at the instant at which it fell due. Every
    /// decision begins with it, so that the outcome does not depend on when somebody last looked.
    pub(super) fn fire_due(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        while let Some(due) = self.next_due(context.now)? {
            match due {
                Due::Migration(since, agreements) => {
                    self.emit(
                        since,
                        &Actor::desk(),
                        Change::PolicyRebound { agreements },
                        Personal::default(),
                    )?;
                }
                Due::Step(timer) => self.step_due(&timer, context)?,
                Due::Alert(clock, alarm) => self.alert(&clock, alarm, context)?,
            }
        }
        Ok(())
    }

    /// Writes into the history what the events so far mean for the clocks. The end of every decision.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut clocks = self.clock_draft.take_changed();
        clocks.retain(|clock| !self.snapshot.clocks.contains(clock));
        if clocks.is_empty() {
            return Ok(());
        }
        let at = self.snapshot.updated_at;
        self.emit(at, &Actor::desk(), Change::Clocked { clocks }, Personal::default())
    }

    /// At one instant new agreements come into force first, then warnings, then steps of the ticket, then
    /// breaches: what happens at the deadline is in time.
    fn next_due(&self, now: DateTime<Utc>) -> Result<Option<Due>> {
        let migration = self.clock_draft.migration(now)?;
        let migration = migration.map(|(since, agreements)| ((since, 0), Due::Migration(since, agreements)));
        let step = timer::of_state(&self.snapshot.state).filter(|timer| timer.due <= now);
        let step = step.map(|timer| ((timer.due, 2), Due::Step(timer)));
        let alarms = self.clock_draft.clocks().iter().filter_map(|clock| {
            let alarm = clock.next.filter(|alarm| alarm.is_due(now))?;
            let place = if alarm.percent >= 100 { 3 } else { 1 };
            Some(((alarm.at, place), Due::Alert(Box::new(clock.clone()), alarm)))
        });
        Ok(alarms.chain(step).chain(migration).min_by_key(|(place, _)| *place).map(|(_, due)| due))
    }

    /// A hold's date was set by somebody who might end the hold; silence is nobody's word but the desk's.
    fn step_due(&mut self, timer: &Timer, context: &DecisionContext<'_>) -> Result<()> {
        let (action, exemption) = match timer.kind {
            TimerKind::HoldEnds => (Action::resume(), Exemption::WordsAndPerformers),
            TimerKind::Silence => (Action::close(), Exemption::Reason),
            // The ticket's state has no such timer.
            TimerKind::Clock => return Ok(()),
        };
        self.go_by_itself(&action, timer.due, &Actor::desk(), Cause::Timer(timer.kind), exemption, context)
    }

    fn alert(&mut self, clock: &Clock, alarm: NextAlert, context: &DecisionContext<'_>) -> Result<()> {
        let reactions = self.clock_draft.measure(clock)?.target.reactions(alarm.percent).to_vec();
        let notify = reactions.iter().filter_map(|reaction| match reaction {
            Reaction::Notify(who) => Some(who.clone()),
            _ => None,
        });
        let alert = Alert {
            metric: clock.metric,
            cycle: clock.cycle,
            percent: alarm.percent,
            revision: clock.revision,
            due: alarm.at,
            notify: notify.collect(),
        };
        let change = if alarm.percent >= 100 { Change::Breached(alert) } else { Change::Warned(alert) };
        self.emit(alarm.at, &Actor::desk(), change, Personal::default())?;
        reactions.iter().try_for_each(|reaction| self.react(reaction, alarm.at, context))
    }

    /// Does what the agreement wants, as far as it is not so already.
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

    /// Computes the priority anew, with these modifiers named. If the policy in force no longer
    /// knows the ticket's inputs, the priority stays as it was: it is not this action that must be refused.
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
        match policy.matrix_in_use().assess(&inputs) {
            Ok(assessment) if assessment != snapshot.assessment => {
                let change = Change::Prioritised { modifiers, assessment: Box::new(assessment) };
                self.emit(at, by, change, Personal::default())
            }
            _ => Ok(()),
        }
    }
}
