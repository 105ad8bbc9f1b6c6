//! Targets: how long something may take, by which time, and what happens when it takes longer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::duration;
use super::metric::Metric;
use crate::id::TeamId;
use crate::lifecycle::HoldReason;
use crate::limits;
use crate::line::Line;
use crate::priority::{Matrix, Priority};

/// One target of an agreement.
///
/// ```
/// use firstline::sla::{Metric, Reaction, Target};
/// use firstline::{HoldReason, Priority, TimeDelta};
///
/// let target = Target::new(Metric::Resolution)
///     .time(Priority::P1, TimeDelta::hours(4))
///     .time(Priority::P2, TimeDelta::hours(8))
///     .business("office")
///     .pausing([HoldReason::Customer, HoldReason::ThirdParty])
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
#[must_use = "a target binds nobody before it stands in an agreement"]
pub struct Target {
    pub(super) metric: Metric,
    pub(super) time: Times,
    #[serde(default)]
    pub(super) measured: TimeBasis,
    #[serde(default = "customer")]
    pub(super) pauses: BTreeSet<HoldReason>,
    #[serde(default = "usual_warnings")]
    pub(super) warn_at: Vec<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) on_warning: Vec<Reaction>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) on_breach: Vec<Reaction>,
}

fn customer() -> BTreeSet<HoldReason> {
    [HoldReason::Customer].into()
}

fn usual_warnings() -> Vec<u8> {
    vec![50, 75, 90]
}

/// Which time counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "WrittenMeasured")]
pub enum TimeBasis {
    /// All of it, as on the wall clock: the default. Written `"wall"`.
    #[default]
    Wall,
    /// The open hours of the policy's calendar of this name. Written `{ business = "office" }`.
    Business(String),
}

/// [`TimeBasis`] as it is written: apart, so that whoever writes it otherwise is told how.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"wall\", or a calendar of the policy: { business = \"office\" }")]
enum WrittenMeasured {
    Wall(WrittenWall),
    Business(WrittenBusiness),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenWall {
    Wall,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBusiness {
    business: String,
}

impl From<WrittenMeasured> for TimeBasis {
    fn from(written: WrittenMeasured) -> TimeBasis {
        match written {
            WrittenMeasured::Wall(WrittenWall::Wall) => TimeBasis::Wall,
            WrittenMeasured::Business(WrittenBusiness { business }) => TimeBasis::Business(business),
        }
    }
}

/// What a desk does of itself when a warning or a breach is due.
///
/// Written `{ modifier = "VIP" }`, `{ escalate = { team = "payments", line = "second" } }` or
/// `{ notify = "duty manager" }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reaction {
    /// Names this modifier of the priority matrix on the ticket, so that the priority rises and says why.
    Modifier(String),
    /// Hands an open ticket to a team on a line.
    Escalate {
        /// To which team.
        team: TeamId,
        /// On which line it stands.
        line: Line,
    },
    /// Is told to whoever is called so: it stands in the [event](super::Alert::notify). Nothing is sent; that is the
    /// host's part.
    Notify(String),
}

/// How long it may take: one time for all, or one for each priority that has a target at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Times {
    All(TimeDelta),
    By(BTreeMap<Priority, TimeDelta>),
}

impl Target {
    /// A target for this metric, in wall time, pausing while on hold for the customer and for nothing else, with
    /// warnings at 50, 75 and 90 percent. It needs a [`time`](Target::time).
    pub fn new(metric: Metric) -> Target {
        Target {
            metric,
            time: Times::By(BTreeMap::new()),
            measured: TimeBasis::Wall,
            pauses: customer(),
            warn_at: usual_warnings(),
            on_warning: Vec::new(),
            on_breach: Vec::new(),
        }
    }

    /// How long it may take at this priority. Whole seconds. A priority without a time has no target.
    pub fn time(mut self, priority: Priority, time: TimeDelta) -> Target {
        match &mut self.time {
            Times::By(times) => {
                times.insert(priority, time);
            }
            Times::All(_) => self.time = Times::By([(priority, time)].into()),
        }
        self
    }

    /// How long it may take at any priority. Whole seconds.
    pub fn within(mut self, time: TimeDelta) -> Target {
        self.time = Times::All(time);
        self
    }

    /// Counts the open hours of this calendar of the policy.
    pub fn business(mut self, calendar: impl Into<String>) -> Target {
        self.measured = TimeBasis::Business(calendar.into());
        self
    }

    /// Pauses while the ticket is on hold for one of these reasons, and for no other.
    ///
    /// Whatever stands here, [`Metric::RequesterWait`] also pauses for the customer, and [`Metric::AgentWork`] for
    /// any reason.
    pub fn pausing<R: Into<HoldReason>>(mut self, reasons: impl IntoIterator<Item = R>) -> Target {
        self.pauses = reasons.into_iter().map(Into::into).collect();
        self
    }

    /// Warns when so many percent of the time are used up: rising, each from 1 to 99.
    pub fn warn_at(mut self, percentages: impl IntoIterator<Item = u8>) -> Target {
        self.warn_at = percentages.into_iter().collect();
        self
    }

    /// Does this at each warning too.
    pub fn on_warning(mut self, reaction: Reaction) -> Target {
        self.on_warning.push(reaction);
        self
    }

    /// Does this at the breach too.
    pub fn on_breach(mut self, reaction: Reaction) -> Target {
        self.on_breach.push(reaction);
        self
    }

    /// What it measures.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// How long it may take at this priority; `None` if there is no target for it.
    pub fn time_for(&self, priority: Priority) -> Option<TimeDelta> {
        match &self.time {
            Times::All(time) => Some(*time),
            Times::By(times) => times.get(&priority).copied(),
        }
    }

    /// Which time counts.
    pub fn measured(&self) -> &TimeBasis {
        &self.measured
    }

    /// The percentages of which something is told, in their order; 100 is the breach.
    pub(crate) fn percentages(&self) -> impl Iterator<Item = u8> {
        self.warn_at.iter().copied().chain([100])
    }

    /// The reactions at this percentage, 100 being the breach.
    pub(crate) fn reactions(&self, percent: u8) -> &[Reaction] {
        if percent >= 100 { &self.on_breach } else { &self.on_warning }
    }

    /// What is wrong with it, apart from names that only the policy knows.
    pub(super) fn faults(&self, matrix: &Matrix) -> Vec<String> {
        let mut faults = Vec::new();
        let times: Vec<TimeDelta> = match &self.time {
            Times::All(time) => vec![*time],
            Times::By(times) => times.values().copied().collect(),
        };
        if times.is_empty() {
            faults.push("has no time".to_owned());
        }
        let known = matrix.priorities().len();
        if let Times::By(times) = &self.time
            && let Some((priority, _)) = times.last_key_value()
            && usize::from(priority.rank()) > known
        {
            faults.push(format!("has a time for {priority}, where the matrix has P1 to P{known}"));
        }
        faults
            .extend(times.into_iter().filter_map(|time| duration::check(time).err()).map(|e| e.to_string()));
        if self.warn_at.iter().any(|percent| !(1..=99).contains(percent)) {
            faults.push(format!("warns at {:?}, which is not all from 1 to 99 percent", self.warn_at));
        }
        if !self.warn_at.is_sorted_by(|a, b| a < b) {
            faults.push(format!("warns at {:?}, which does not rise", self.warn_at));
        }
        faults.extend(self.pauses.iter().filter_map(pause_fault));
        faults
    }
}

/// What is wrong with a reason to pause for. A desk's own ones are not declared anywhere, so that any name would do;
/// but one that differs from a known reason by no more than case and punctuation would never pause anything.
fn pause_fault(reason: &HoldReason) -> Option<String> {
    let HoldReason::Own(own) = reason else { return None };
    let bare = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let known = HoldReason::KNOWN.iter().find(|known| bare(known.as_str()) == bare(own));
    match (known, limits::name("hold reason", own)) {
        (Some(known), _) => Some(format!(
            "pauses for {own:?}, of which no ticket is on hold; did you mean {:?}?",
            known.as_str()
        )),
        (None, Err(error)) => Some(error.to_string()),
        (None, Ok(())) => None,
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Times::All(time) => to.serialize_str(&duration::written(*time)),
            Times::By(times) => to.collect_map(
                times.iter().map(|(priority, time)| (priority.to_string(), duration::written(*time))),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Times, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a time such as \"4h 30m\", or one for each priority: {\"P1\": \"4h\"}"
        )]
        enum Written {
            All(String),
            By(BTreeMap<String, String>),
        }
        let time = |text: String| duration::read(&text).map_err(de::Error::custom);
        match Written::deserialize(from)? {
            Written::All(text) => time(text).map(Times::All),
            Written::By(times) => times
                .into_iter()
                .map(|(name, text)| Ok((priority(&name).map_err(de::Error::custom)?, time(text)?)))
                .collect::<Result<_, _>>()
                .map(Times::By),
        }
    }
}

/// `P1` as a priority.
fn priority(name: &str) -> crate::error::Result<Priority> {
    let rank = name.strip_prefix('P').and_then(|rank| rank.parse().ok());
    let known = rank.and_then(|rank| Priority::new(rank).ok());
    known.filter(|known| known.to_string() == name).ok_or_else(|| {
        crate::error::Error::invalid("priority", format_args!("{name:?} is not known")).allowing("P1 to P9")
    })
}
