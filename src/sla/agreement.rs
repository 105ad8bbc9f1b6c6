//! Agreements: the targets for a group of tickets, and the handling of their clocks when a ticket or a policy changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::target::{Reaction, Target, TimeBasis};
use crate::calendar::CalendarDefinition;
use crate::condition::{Condition, Fields};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::limits;
use crate::priority::{Matrix, Priority};
use crate::source::Gaps;
use crate::suggest;

/// A set of targets that applies to the tickets that match a condition.
///
/// If several agreements match a ticket, only the one with the lowest position applies. The agreement is chosen when
/// the ticket is opened, and again when its description, priority, assignee, team or line changes and when it is
/// reopened. The condition may use everything in [`ticket::facts`](crate::ticket::facts) except the state.
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
#[must_use = "an agreement has no effect until it is added to a policy"]
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

/// The handling of ended clocks when a ticket is reopened. It applies to clocks that ended because the ticket was
/// resolved, closed or cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnReopen {
    /// The clocks continue from where they stopped. The time in between does not count, except for
    /// [`Metric::Closure`]. The default.
    #[default]
    Continue,
    /// The clocks stay ended, and new cycles begin.
    NewCycle,
    /// The clocks stay ended. Cycles that begin later, such as a next reply, a periodic update or a stay on another
    /// line, are still measured.
    Freeze,
}

/// The handling of an open clock when a change to the ticket, such as a new priority, gives the clock another target.
///
/// If the ticket no longer has a target for the metric, the clock is cancelled. If there is a target again later, the
/// clock continues in the same way; the time without a target is not carried over.
///
/// If the ticket had no agreement before, a new clock begins at the opening of the ticket with
/// [`FromOpening`](OnPriorityChange::FromOpening), and otherwise at the time of the change. A clock for
/// [`Metric::Handling`] always begins at the time of the change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnPriorityChange {
    /// The new target, with its calendar and pauses, is measured from the start of the clock, as if it had always
    /// applied. The default.
    #[default]
    FromOpening,
    /// The elapsed time is carried over. From now on the new target, with its calendar and pauses, is measured.
    CarryElapsed,
    /// The new target is measured from now on, without the elapsed time.
    Restart,
}

/// The handling of an open clock when a changed agreement or calendar comes into force. A new policy with the same
/// agreements and calendars changes no clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnPolicyChange {
    /// The clock keeps the version under which it began. The default.
    #[default]
    Pin,
    /// The clock is measured again from its start under the new version. This happens when the ticket is next changed
    /// or one of its timers is due. Clocks for targets that the new version adds begin at the same time.
    Migrate,
}

impl Agreement {
    /// Creates an agreement that matches all tickets and has no targets yet.
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

    /// Sets the condition that selects the tickets.
    pub fn when(mut self, condition: Condition) -> Agreement {
        self.when = condition;
        self
    }

    /// Adds a target. Each metric may have at most one.
    pub fn target(mut self, target: Target) -> Agreement {
        self.targets.push(target);
        self
    }

    /// Sets the handling of ended clocks when a ticket is reopened.
    pub fn on_reopen(mut self, handling: OnReopen) -> Agreement {
        self.on_reopen = handling;
        self
    }

    /// Sets the handling of open clocks when a change to the ticket gives them another target.
    pub fn on_priority_change(mut self, handling: OnPriorityChange) -> Agreement {
        self.on_priority_change = handling;
        self
    }

    /// Sets the handling of open clocks when a changed agreement or calendar comes into force.
    pub fn on_policy_change(mut self, handling: OnPolicyChange) -> Agreement {
        self.on_policy_change = handling;
        self
    }

    /// True if open clocks migrate to changed agreements.
    pub(crate) fn migrates(&self) -> bool {
        self.on_policy_change == OnPolicyChange::Migrate
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Returns the target for this metric, if it applies at this priority.
    pub fn target_for(&self, metric: Metric, priority: Priority) -> Option<&Target> {
        self.targets.iter().find(|target| target.metric == metric && target.applies_at(priority))
    }
}

/// The parts of a policy that agreements refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) calendars: &'a BTreeMap<String, CalendarDefinition>,
    pub(crate) matrix: &'a Matrix,
    pub(crate) fields: &'a Fields,
    /// The parts that could not be read.
    pub(crate) gaps: &'a Gaps,
}

/// Returns the faults of these agreements and of the calendars, with paths within the policy.
pub(crate) fn faults(agreements: &[Agreement], around: Surroundings<'_>) -> Vec<Diagnostic> {
    let Surroundings { calendars, fields, gaps, .. } = around;
    let mut faults = Vec::new();
    let mut fault = |kind, path: String, problem: String| faults.push(Diagnostic::new(kind, path, problem));
    for (name, calendar) in calendars {
        if let Err(error) = limits::declared_name("calendar name", name) {
            fault(DiagnosticKind::BadName, format!("calendars.{name}"), error.to_string());
        }
        if let Err(error) = crate::calendar::Zone::named(calendar.tz()) {
            fault(DiagnosticKind::BadValue, format!("calendars.{name}.tz"), error.to_string());
        }
    }
    let unread = |path: &str| gaps.touch(&gaps.in_text(path));
    let (mut names, mut positions) = (BTreeSet::new(), BTreeMap::new());
    for (place, agreement) in agreements.iter().enumerate() {
        let name = &agreement.name;
        let at = |key: &str| format!("agreements[{place}].{key}");
        if let Err(error) = limits::declared_name("agreement name", name) {
            fault(DiagnosticKind::BadName, at("name"), error.to_string());
        }
        // A value that could not be read is made up, so it equals no other.
        if !unread(&at("name")) && !names.insert(name) {
            fault(DiagnosticKind::Duplicate, at("name"), format!("agreement {name:?} is defined twice"));
        }
        if !unread(&at("position"))
            && let Some(other) = positions.insert(agreement.position, name)
        {
            let problem = format!(
                "agreements {other:?} and {name:?} both have position {}, but positions must be unique",
                agreement.position
            );
            fault(DiagnosticKind::Duplicate, at("position"), problem);
        }
        for (kind, problem) in agreement.when.diagnose(fields) {
            fault(kind, at("when"), problem);
        }
        if agreement.targets.is_empty() {
            let problem = format!("agreement {name:?} has no targets");
            fault(DiagnosticKind::Incomplete, at("targets"), problem);
        }
        let mut metrics = BTreeSet::new();
        for (number, target) in agreement.targets.iter().enumerate() {
            let part = at(&format!("targets[{number}]"));
            let has_metric = !unread(&format!("{part}.metric"));
            if has_metric && !metrics.insert(target.metric) {
                let problem = format!("agreement {name:?} has a target for {} already", target.metric);
                fault(DiagnosticKind::Duplicate, format!("{part}.metric"), problem);
            }
            for it in target_faults(target, around) {
                let of = if has_metric { format!("{}: ", target.metric) } else { String::new() };
                fault(it.kind, format!("{part}.{}", it.path), format!("{of}{}", it.message));
            }
        }
    }
    faults
}

/// Returns the faults of a target, with paths within it.
fn target_faults(target: &Target, around: Surroundings<'_>) -> Vec<Diagnostic> {
    let mut faults = target.faults(around.matrix, around.fields);
    if let TimeBasis::Business(calendar) = &target.measured
        && !around.calendars.contains_key(calendar)
    {
        let known = || around.calendars.keys().map(String::as_str);
        let names: Vec<&str> = known().collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let unknown = suggest::unknown(calendar, known());
        let problem = format!("the calendar {calendar:?} {unknown}; calendars of the policy: {names}");
        faults.push(Diagnostic::new(DiagnosticKind::UnknownName, "measured.business", problem));
    }
    for (list, reactions) in [("on_warning", &target.on_warning), ("on_breach", &target.on_breach)] {
        for (place, reaction) in reactions.iter().enumerate() {
            let (key, kind, checked) = match reaction {
                Reaction::Modifier(modifier) => {
                    ("modifier", DiagnosticKind::UnknownName, around.matrix.modifier(modifier).map(|_| ()))
                }
                Reaction::Escalate { team, .. } => ("escalate.team", DiagnosticKind::BadName, team.check()),
                Reaction::Notify(recipient) => {
                    ("notify", DiagnosticKind::BadName, limits::declared_name("recipient", recipient))
                }
            };
            if let Err(error) = checked {
                faults.push(Diagnostic::new(kind, format!("{list}[{place}].{key}"), error.to_string()));
            }
        }
    }
    faults
}
