//! Targets: the time allowed for a metric, the time basis, and the reactions to warnings and breaches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::metric::Metric;
use crate::condition::{Facts, Fields, ValueType};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::duration;
use crate::id::TeamId;
use crate::lifecycle::HoldReason;
use crate::limits;
use crate::line::Line;
use crate::priority::{Matrix, Priority};
use crate::value::Value;

/// A target of an agreement: the time allowed for one metric.
///
/// ```
/// use firstline::sla::{Metric, Reaction, Target};
/// use firstline::{HoldReason, Priority, TimeDelta};
///
/// let target = Target::new(Metric::Resolution)
///     .time(Priority::P1, TimeDelta::hours(4))
///     .time(Priority::P2, TimeDelta::hours(8))
///     .business("office")
///     .pause_on([HoldReason::Customer, HoldReason::ThirdParty])
///     .warn_at([75, 90])
///     .on_breach(Reaction::Notify("duty manager".into()));
/// # let written = serde_json::to_string(&target).unwrap();
/// # assert_eq!(serde_json::from_str::<Target>(&written).unwrap(), target);
///
/// let same: Target = toml::from_str(r#"
///     metric = "resolution"
///     time = { P1 = "4h", P2 = "8h" }            # or one for all: time = "8h"
///     measured = { business = "office" }         # without it, wall time
///     pauses = ["customer", "third_party"]
///     warn_at = [75, 90]
///     on_breach = [{ notify = "duty manager" }]
/// "#)?;
/// assert_eq!(same, target);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a target has no effect until it is added to an agreement"]
pub struct Target {
    pub(super) metric: Metric,
    pub(super) time: Times,
    #[serde(default)]
    pub(super) measured: TimeBasis,
    /// The hold reasons that pause the clock; `None` for the default of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pauses: Option<BTreeSet<HoldReason>>,
    #[serde(default = "usual_warnings")]
    pub(super) warn_at: Vec<u8>,
    #[serde(default, with = "durations", skip_serializing_if = "Vec::is_empty")]
    pub(super) warn_before: Vec<TimeDelta>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) on_warning: Vec<Reaction>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) on_breach: Vec<Reaction>,
}

fn usual_warnings() -> Vec<u8> {
    vec![50, 75, 90]
}

/// The time that counts for a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeBasis {
    /// Wall time: all of it counts. The default. Serialized as `"wall"`.
    #[default]
    Wall,
    /// The open hours of the calendar with this name in the policy. Serialized as `{ business = "office" }`.
    Business(String),
}

impl<'de> Deserialize<'de> for TimeBasis {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TimeBasis, D::Error> {
        struct Basis;

        impl<'de> de::Visitor<'de> for Basis {
            type Value = TimeBasis;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"wall\", or a calendar of the policy: { business = \"office\" }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<TimeBasis, E> {
                match name {
                    "wall" => Ok(TimeBasis::Wall),
                    _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<TimeBasis, A::Error> {
                let mut calendar = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "business" || calendar.is_some() {
                        return Err(de::Error::unknown_field(&key, &["business"]));
                    }
                    calendar = Some(map.next_value()?);
                }
                calendar.map(TimeBasis::Business).ok_or_else(|| de::Error::missing_field("business"))
            }
        }

        from.deserialize_any(Basis)
    }
}

/// An automatic action of the desk at a warning or a breach.
///
/// Serialized as `{ modifier = "VIP" }`, `{ escalate = { team = "payments", line = "second" } }` or
/// `{ notify = "duty manager" }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reaction {
    /// Adds this modifier of the priority matrix to the ticket. It raises the priority and is recorded as the reason.
    Modifier(String),
    /// Hands an open ticket over to a team.
    Escalate {
        /// The team.
        team: TeamId,
        /// The line of the team.
        line: Line,
    },
    /// Adds this recipient to the [event](super::Alert::notify). The desk sends nothing; the application notifies the
    /// recipient.
    Notify(String),
}

/// The target times: one for all priorities, one for each priority that has a target, or the custom field that contains
/// the deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Times {
    All(TimeDelta),
    By(BTreeMap<Priority, TimeDelta>),
    Field(String),
}

impl Target {
    /// Creates a target for this metric in wall time. It pauses only while the ticket is on hold for the customer; a
    /// first reply does not pause. It warns at 50, 75 and 90 percent. Set its time with [`time`](Target::time) or
    /// [`within`](Target::within).
    pub fn new(metric: Metric) -> Target {
        Target {
            metric,
            time: Times::By(BTreeMap::new()),
            measured: TimeBasis::Wall,
            pauses: None,
            warn_at: usual_warnings(),
            warn_before: Vec::new(),
            on_warning: Vec::new(),
            on_breach: Vec::new(),
        }
    }

    /// Sets the time allowed at this priority, in whole seconds. A priority without a time has no target.
    pub fn time(mut self, priority: Priority, time: TimeDelta) -> Target {
        match &mut self.time {
            Times::By(times) => {
                times.insert(priority, time);
            }
            Times::All(_) | Times::Field(_) => self.time = Times::By([(priority, time)].into()),
        }
        self
    }

    /// Sets the time allowed at any priority, in whole seconds.
    pub fn within(mut self, time: TimeDelta) -> Target {
        self.time = Times::All(time);
        self
    }

    /// Takes the deadline from this custom field of the ticket, such as a date that was promised to the customer. The
    /// field must have the type [`Instant`](crate::policy::FieldType::Instant).
    ///
    /// The clock starts as usual and counts wall time without pauses, so that the deadline is the instant in the field.
    /// An instant before the start of the clock is already missed, at the start. If the field changes, the target is
    /// revised. While the ticket does not have the field, the target does not apply.
    ///
    /// ```
    /// use firstline::policy::FieldType;
    /// use firstline::sla::{Agreement, Metric, Target};
    /// use firstline::{Desk, NewTicket, Policy, Value};
    ///
    /// let promised = Target::new(Metric::Resolution).due_in_field("promised");
    /// let policy = Policy::new()
    ///     .field("promised", FieldType::Instant)
    ///     .agreement(Agreement::new("promises", 1).target(promised));
    /// let desk = Desk::memory();
    /// desk.setup().adopt(&policy)?;
    ///
    /// let date = "2100-01-07T12:00:00Z".parse()?;
    /// let offer = NewTicket::new("Offer").from("boris").field("promised", Value::Instant(date));
    /// assert_eq!(desk.open_ticket(offer)?.due_at, Some(date));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn due_in_field(mut self, field: impl Into<String>) -> Target {
        self.time = Times::Field(field.into());
        self
    }

    /// Counts only the open hours of this calendar of the policy.
    pub fn business(mut self, calendar: impl Into<String>) -> Target {
        self.measured = TimeBasis::Business(calendar.into());
        self
    }

    /// Sets the hold reasons that pause the clock. The clock does not pause for other reasons. The default is
    /// [`HoldReason::Customer`], and no reason for [`Metric::FirstReply`]: a customer whom nobody has asked anything
    /// waits for the desk.
    ///
    /// Regardless of this setting, [`Metric::RequesterWait`] also pauses while on hold for the customer, and
    /// [`Metric::AgentWork`] while on hold for any reason.
    pub fn pause_on<R: Into<HoldReason>>(mut self, reasons: impl IntoIterator<Item = R>) -> Target {
        self.pauses = Some(reasons.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the percentages of used time at which the desk warns, in ascending order, each from 1 to 99.
    pub fn warn_at(mut self, percentages: impl IntoIterator<Item = u8>) -> Target {
        self.warn_at = percentages.into_iter().collect();
        self
    }

    /// Sets the remaining times at which the desk warns, in whole seconds, in addition to the
    /// [percentages](Target::warn_at). A remaining time that is not shorter than the target has no effect.
    pub fn warn_before(mut self, remaining: impl IntoIterator<Item = TimeDelta>) -> Target {
        self.warn_before = remaining.into_iter().collect();
        self
    }

    /// Adds a reaction to each warning.
    pub fn on_warning(mut self, reaction: Reaction) -> Target {
        self.on_warning.push(reaction);
        self
    }

    /// Adds a reaction to the breach.
    pub fn on_breach(mut self, reaction: Reaction) -> Target {
        self.on_breach.push(reaction);
        self
    }

    /// Returns the metric.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Returns the time allowed at this priority; `None` if there is no target for it, or if the deadline is in a
    /// [field](Target::due_in_field).
    pub fn time_for(&self, priority: Priority) -> Option<TimeDelta> {
        match &self.time {
            Times::All(time) => Some(*time),
            Times::By(times) => times.get(&priority).copied(),
            Times::Field(_) => None,
        }
    }

    /// Returns the name of the calendar whose open hours count; `None` if all time counts.
    pub fn calendar(&self) -> Option<&str> {
        match &self.measured {
            TimeBasis::Wall => None,
            TimeBasis::Business(calendar) => Some(calendar),
        }
    }

    /// Returns the name of the custom field that contains the deadline.
    pub(crate) fn field(&self) -> Option<&str> {
        match &self.time {
            Times::Field(field) => Some(field),
            _ => None,
        }
    }

    /// True if the target applies at this priority.
    pub(super) fn applies_at(&self, priority: Priority) -> bool {
        self.field().is_some() || self.time_for(priority).is_some()
    }

    /// Returns the time allowed to a clock that starts at this instant; `None` if there is no target.
    pub(crate) fn time_from(
        &self,
        from: DateTime<Utc>,
        priority: Priority,
        facts: &dyn Facts,
    ) -> Option<TimeDelta> {
        let Some(field) = self.field() else { return self.time_for(priority) };
        match *facts.fact(&format!("field.{field}"))? {
            Value::Instant(due) => Some((due - from).max(TimeDelta::zero())),
            _ => None,
        }
    }

    /// Returns the remaining times at which the desk warns.
    pub(super) fn warnings_before(&self) -> &[TimeDelta] {
        &self.warn_before
    }

    /// True if the clock pauses while the ticket is on hold for this reason.
    pub(crate) fn pauses_for(&self, reason: &HoldReason) -> bool {
        match &self.pauses {
            Some(reasons) => reasons.contains(reason),
            None => self.metric != Metric::FirstReply && *reason == HoldReason::Customer,
        }
    }

    /// True if both targets pause for the same reasons.
    pub(super) fn pauses_like(&self, other: &Target) -> bool {
        let reasons = |target: &Target| -> BTreeSet<HoldReason> {
            let default = || [HoldReason::Customer].into_iter().filter(|reason| target.pauses_for(reason));
            target.pauses.clone().unwrap_or_else(|| default().collect())
        };
        self.pauses == other.pauses || reasons(self) == reasons(other)
    }

    /// Returns the hold reasons that were set.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = &HoldReason> {
        self.pauses.iter().flatten()
    }

    /// Returns the percentages of all alerts in ascending order; 100 is the breach.
    pub(crate) fn percentages(&self) -> impl Iterator<Item = u8> {
        self.warn_at.iter().copied().chain([100])
    }

    /// Returns the reactions at this percentage; 100 is the breach.
    pub(crate) fn reactions(&self, percent: u8) -> &[Reaction] {
        if percent >= 100 { &self.on_breach } else { &self.on_warning }
    }

    /// Returns the faults of the target, with paths within it. The caller checks its calendar and reactions.
    pub(super) fn faults(&self, matrix: &Matrix, fields: &Fields) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        let mut fault = |kind, path: &str, problem: String| faults.push(Diagnostic::new(kind, path, problem));
        let times: Vec<(String, TimeDelta)> = match &self.time {
            Times::All(time) => vec![("time".to_owned(), *time)],
            Times::By(times) => {
                times.iter().map(|(priority, time)| (format!("time.{priority}"), *time)).collect()
            }
            Times::Field(_) => Vec::new(),
        };
        match self.field() {
            None if times.is_empty() => {
                fault(DiagnosticKind::Incomplete, "time", "the target has no time".to_owned());
            }
            // A field that could not be read may have any type.
            Some(field) if fields.may_have_any_type(&format!("field.{field}")) => {}
            Some(field) if fields.type_of(&format!("field.{field}")) != Some(ValueType::Instant) => {
                let problem =
                    format!("the deadline is in `{field}`, which is not a field of the type instant");
                fault(DiagnosticKind::UnknownName, "time.field", problem);
            }
            Some(_) if self.measured != TimeBasis::Wall || self.pauses.is_some() => {
                let problem = "the deadline is in a field, so the target cannot have a calendar or pauses";
                fault(DiagnosticKind::BadValue, "time.field", problem.to_owned());
            }
            _ => {}
        }
        for (place, left) in self.warn_before.iter().enumerate() {
            if let Err(error) = duration::check(*left) {
                fault(DiagnosticKind::BadValue, &format!("warn_before[{place}]"), error.to_string());
            }
        }
        let known = matrix.priorities().len();
        if let Times::By(times) = &self.time {
            for priority in times.keys().filter(|it| usize::from(it.rank()) > known) {
                let problem =
                    format!("there is a time for {priority}, but the matrix has only P1 to P{known}");
                fault(DiagnosticKind::UnknownName, &format!("time.{priority}"), problem);
            }
        }
        for (path, time) in times {
            if let Err(error) = duration::check(time) {
                fault(DiagnosticKind::BadValue, &path, error.to_string());
            }
        }
        for (place, percent) in self.warn_at.iter().enumerate() {
            let path = format!("warn_at[{place}]");
            if !(1..=99).contains(percent) {
                let problem = format!("a warning at {percent} percent; allowed: 1 to 99");
                fault(DiagnosticKind::BadValue, &path, problem);
            } else if place > 0 && self.warn_at[place - 1] >= *percent {
                let before = self.warn_at[place - 1];
                let problem = format!(
                    "a warning at {percent} percent after {before}; allowed: percentages in ascending order"
                );
                fault(DiagnosticKind::BadValue, &path, problem);
            }
        }
        for problem in self.pauses.iter().flatten().filter_map(pause_fault) {
            fault(DiagnosticKind::UnknownName, "pauses", problem);
        }
        faults
    }
}

/// Returns the fault of a pause reason. The policy compares it with the declared and the predefined reasons.
fn pause_fault(reason: &HoldReason) -> Option<String> {
    // A stored policy would be read back with the predefined reason.
    if matches!(reason, HoldReason::Custom(own) if !matches!(HoldReason::from(own.as_str()), HoldReason::Custom(_)))
    {
        return Some(format!(
            "the hold reason {:?} is predefined; use it instead of one of your own",
            reason.as_str()
        ));
    }
    limits::name("hold reason", reason.as_str()).err().map(|error| error.to_string())
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Times::All(time) => to.serialize_str(&duration::in_hours(*time)),
            Times::By(times) => to.collect_map(
                times.iter().map(|(priority, time)| (priority.to_string(), duration::in_hours(*time))),
            ),
            Times::Field(field) => to.collect_map([("field", field)]),
        }
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Times, D::Error> {
        /// One time.
        struct Time(TimeDelta);

        impl<'de> Deserialize<'de> for Time {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
                time(&String::deserialize(from)?).map(Time)
            }
        }

        struct OneOrMany;

        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = Times;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as \"4h 30m\", one for each priority: { P1 = \"4h\" }, or the field with the \
                             deadline: { field = \"promised\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Times, E> {
                time(text).map(Times::All)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Times, A::Error> {
                let mut times = BTreeMap::new();
                let mut field = None;
                while let Some(key) = map.next_key()? {
                    match key {
                        TimeKey::Field => field = Some(map.next_value()?),
                        TimeKey::Priority(priority) => {
                            let Time(time) = map.next_value()?;
                            if times.insert(priority, time).is_some() {
                                return Err(de::Error::custom(format_args!("{priority} is given twice")));
                            }
                        }
                    }
                }
                match field {
                    None => Ok(Times::By(times)),
                    Some(field) if times.is_empty() => Ok(Times::Field(field)),
                    Some(_) => {
                        Err(de::Error::custom("a time for a priority beside a field; remove one of them"))
                    }
                }
            }
        }

        from.deserialize_any(OneOrMany)
    }
}

/// Parses a time. Days are refused: in business time they have no fixed length.
fn time<E: de::Error>(text: &str) -> Result<TimeDelta, E> {
    if duration::has_days(text) {
        return Err(E::custom(format_args!(
            "{text:?} uses days or weeks, which have no fixed length in business time; write hours, such as \"48h\""
        )));
    }
    duration::parse(text).map_err(E::custom)
}

/// A key of the times of a target: `field`, or a priority such as `P1`.
enum TimeKey {
    Field,
    Priority(Priority),
}

impl<'de> Deserialize<'de> for TimeKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TimeKey, D::Error> {
        match String::deserialize(from)?.as_str() {
            "field" => Ok(TimeKey::Field),
            name => priority(name).map(TimeKey::Priority).map_err(de::Error::custom),
        }
    }
}

/// The serialized form of durations: a list of texts such as `30m`.
mod durations {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::duration;

    pub(super) fn serialize<S: Serializer>(times: &[TimeDelta], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(times.iter().map(|time| duration::in_hours(*time)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<TimeDelta>, D::Error> {
        let times = Vec::<String>::deserialize(from)?;
        times.iter().map(|text| super::time::<D::Error>(text)).collect()
    }
}

/// Parses a priority such as `P1`.
fn priority(name: &str) -> crate::error::Result<Priority> {
    let rank = name.strip_prefix('P').and_then(|rank| rank.parse().ok());
    let known = rank.and_then(|rank| Priority::new(rank).ok());
    known.filter(|known| known.to_string() == name).ok_or_else(|| {
        crate::error::Error::invalid("priority", format_args!("{name:?} is not known")).allowing("P1 to P9")
    })
}
