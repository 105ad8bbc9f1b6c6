//! Agreements: which targets bind for which tickets, and what becomes of them when things change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::target::{Reaction, Target, TimeBasis};
use crate::calendar::Definition;
use crate::condition::{Condition, Fields};
use crate::limits;
use crate::priority::{Matrix, Priority};

/// An agreement: for the tickets of its condition its targets bind.
///
/// Of the agreements whose condition holds for a ticket, the one with the lowest position counts, alone. It is
/// chosen at the opening, and anew when what the ticket is about changes. The condition may look at everything
/// in [`ticket::facts`](crate::ticket::facts) but the state.
///
/// ```
/// use firstline::sla::{Agreement, Metric, Target};
/// use firstline::{Condition, Priority, TimeDelta};
///
/// let gold = Agreement::new("gold", 1)
///     .when(Condition::field("contact.plan").is("gold"))
///     .target(Target::new(Metric::FirstReply).within(TimeDelta::minutes(30)));
///
/// let same: Agreement = serde_json::from_str(r#"{
///     "name": "gold", "position": 1,
///     "when": {"field": "contact.plan", "is": "gold"},
///     "targets": [{"metric": "first_reply", "time": "30m"}]
/// }"#).unwrap();
/// assert_eq!(gold, same);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "an agreement binds nobody before it stands in a policy"]
pub struct Agreement {
    pub(super) name: String,
    pub(super) position: u32,
    #[serde(default = "always")]
    pub(super) when: Condition,
    pub(super) targets: Vec<Target>,
    #[serde(default)]
    pub(crate) on_reopen: OnReopen,
    #[serde(default)]
    pub(crate) on_priority_change: OnPriorityChange,
    #[serde(default)]
    pub(crate) on_policy_change: OnPolicyChange,
}

fn always() -> Condition {
    Condition::ALWAYS
}

/// What becomes of clocks that ended with a resolution when the ticket is reopened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReopen {
    /// They go on where they stopped; the time in between does not count. The default.
    #[default]
    Continue,
    /// They stay as they ended, and new ones begin.
    NewCycle,
    /// They stay as they ended. What comes to be owed anew (a next reply, an update, a stay on another line) is
    /// measured.
    Freeze,
}

/// What becomes of a running clock when the ticket's priority, or another of its facts, gives it another target.
///
/// Where there is no target any more, it is cancelled; a target that comes back binds it again in the same way, the
/// time without one not being carried. A clock that comes late, because the ticket had no agreement before, begins at
/// the ticket's opening with [`FromOpening`](OnPriorityChange::FromOpening), else at once; handling always at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPriorityChange {
    /// The new target is measured from the clock's beginning, with the new target's calendar and its pauses, as if
    /// it had held all along. The default.
    #[default]
    FromOpening,
    /// What has elapsed stays elapsed; from now on the new target's time counts.
    CarryElapsed,
    /// The new target begins now.
    Restart,
}

/// What becomes of a running clock when a changed agreement or calendar comes into force. A policy
/// with the same agreements and calendars changes no clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPolicyChange {
    /// It keeps to the version under which it began. The default.
    #[default]
    Pin,
    /// It is measured anew by the new version, when the ticket is next changed or one of its timers falls due. What
    /// the new version promises beside it begins then too.
    Migrate,
}

impl Agreement {
    /// An agreement for all tickets, without targets yet.
    pub fn new(name: impl Into<String>, position: u32) -> Agreement {
        Agreement {
            name: name.into(),
            position,
            when: Condition::ALWAYS,
            targets: Vec::new(),
            on_reopen: OnReopen::default(),
            on_priority_change: OnPriorityChange::default(),
            on_policy_change: OnPolicyChange::default(),
        }
    }

    /// For which tickets.
    pub fn when(mut self, condition: Condition) -> Agreement {
        self.when = condition;
        self
    }

    /// One more target; each metric may have one.
    pub fn target(mut self, target: Target) -> Agreement {
        self.targets.push(target);
        self
    }

    /// What happens on reopening.
    pub fn on_reopen(mut self, what: OnReopen) -> Agreement {
        self.on_reopen = what;
        self
    }

    /// What happens when another target comes to bind.
    pub fn on_priority_change(mut self, what: OnPriorityChange) -> Agreement {
        self.on_priority_change = what;
        self
    }

    /// What happens to running clocks when a changed agreement or calendar comes into force.
    pub fn on_policy_change(mut self, what: OnPolicyChange) -> Agreement {
        self.on_policy_change = what;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The target of this metric, if there is one for this priority.
    pub fn target_for(&self, metric: Metric, priority: Priority) -> Option<&Target> {
        self.targets.iter().find(|target| target.metric == metric && target.time_for(priority).is_some())
    }
}

/// Everything that is wrong with these agreements.
pub(crate) fn faults(
    agreements: &[Agreement],
    calendars: &BTreeMap<String, Definition>,
    matrix: &Matrix,
    fields: &Fields,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, calendar) in calendars {
        if let Err(error) = limits::name("calendar name", name) {
            faults.push(error.to_string());
        }
        if let Err(error) = crate::calendar::Zone::named(calendar.tz()) {
            faults.push(format!("calendar {name:?}: {error}"));
        }
    }
    let (mut names, mut positions) = (BTreeSet::new(), BTreeMap::new());
    for agreement in agreements {
        let name = &agreement.name;
        if let Err(error) = limits::name("agreement name", name) {
            faults.push(error.to_string());
        }
        if !names.insert(name) {
            faults.push(format!("agreement {name:?} is there twice"));
        }
        if let Some(other) = positions.insert(agreement.position, name) {
            faults.push(format!(
                "agreements {other:?} and {name:?} both have position {}; which one comes first?",
                agreement.position
            ));
        }
        if let Err(error) = agreement.when.check(fields) {
            faults.push(format!("agreement {name:?}: {error}"));
        }
        if agreement.targets.is_empty() {
            faults.push(format!("agreement {name:?} has no targets"));
        }
        let mut metrics = BTreeSet::new();
        for target in &agreement.targets {
            let mut fault =
                |problem: String| faults.push(format!("agreement {name:?}, {}: {problem}", target.metric));
            if !metrics.insert(target.metric) {
                fault("is there twice".to_owned());
            }
            if let TimeBasis::Business(calendar) = &target.measured
                && !calendars.contains_key(calendar)
            {
                let known = calendars.keys().map(String::as_str);
                fault(format!("the calendar {calendar:?} {}", crate::suggest::unknown(calendar, known)));
            }
            for reaction in target.on_warning.iter().chain(&target.on_breach) {
                match reaction {
                    Reaction::Modifier(modifier) => {
                        if let Err(error) = matrix.modifier(modifier) {
                            fault(error.to_string());
                        }
                    }
                    Reaction::Escalate { team, .. } => {
                        if let Err(error) = team.check() {
                            fault(error.to_string());
                        }
                    }
                    Reaction::Notify(who) => {
                        if let Err(error) = limits::name("whom to notify", who) {
                            fault(error.to_string());
                        }
                    }
                }
            }
            target.faults(matrix).into_iter().for_each(fault);
        }
    }
    faults
}
