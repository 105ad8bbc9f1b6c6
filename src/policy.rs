//! The policy of a desk: versioned definitions that determine its decisions.
//!
//! ```
//! use firstline::{Policy, TimeDelta};
//! use firstline::policy::FieldType;
//!
//! let policy = Policy::new()
//!     .prefix("SHOP")
//!     .verification(Some(TimeDelta::days(3)))
//!     .field("order", FieldType::Integer)
//!     .field("delivery", FieldType::choice(["courier", "post", "pick-up"]));
//! policy.check()?;
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! A policy can also be read from a file, with [`Policy::from_json`] or `Policy::from_toml`. These report every fault
//! of the file at once, each with its line and column and a suggestion. A missing key has the value from
//! [`Policy::new`]. A policy is also serde data, for other self-describing formats:
//!
//! ```
//! use firstline::Policy;
//!
//! let policy: Policy = toml::from_str(r#"
//!     prefix = "SHOP"
//!     verification = "3 days"                      # then a resolved ticket closes automatically; or "never"
//!
//!     [fields.order]
//!     type = "integer"
//!
//!     [calendars.office]
//!     tz = "Europe/Berlin"
//!     holidays = ["2026-04-06", { date = "12-25", name = "Christmas Day" }]
//!     exceptions = { "2026-12-24" = [["09:00", "12:00"]] }
//!     [calendars.office.weekly]
//!     mon = [["09:00", "12:30"], ["13:00", "17:00"]]
//!     fri = [["09:00", "12:30"]]
//!
//!     [[agreements]]
//!     name = "standard"
//!     position = 1
//!     when = { field = "kind", is = "incident" }   # without `when`, for every ticket
//!     [[agreements.targets]]
//!     metric = "first_reply"
//!     time = "1h 30m"
//!     measured = { business = "office" }
//! "#)?;
//! policy.check()?;
//! # assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy)?)?, policy);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Times are written with their units: `"8h"`, `"1h 30m"`, `"90s"`, `"5 days"`. The times of targets take no days,
//! because a day has no fixed length in business time.
//!
//! These types document their serialized forms: [`CalendarDefinition`] for calendars, [`Agreement`],
//! [`Target`](crate::sla::Target), [`Reaction`](crate::sla::Reaction), [`Condition`],
//! [`VisibilityRule`], and [`MatrixDefinition`](crate::MatrixDefinition) for the matrix.

mod check;
mod fields;
mod manifest;
mod names;
mod read;
pub mod standing;
mod visibility;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::calendar::CalendarDefinition;
use crate::condition::{Condition, Facts, ValueType};
use crate::decimal::Decimal;
use crate::duration;
use crate::error::{Error, Result};
use crate::limits;
use crate::priority::Matrix;
use crate::sla::Agreement;
use crate::suggest;
use crate::text;
use crate::value::Value;
use crate::workflow::WorkflowDefinition;

pub(crate) use fields::PUBLIC;
pub(crate) use manifest::{Manifest, StoredPolicy};
pub(crate) use standing::Standings;
pub use standing::{OnResolved, Standing, StandingRule};
pub(crate) use visibility::Readers;
pub use visibility::VisibilityRule;

/// The policy of a desk: numbering, verification, custom fields, priority, calendars, agreements, workflows,
/// standings and visibility.
///
/// A policy is data. A desk [adopts](crate::desk::Setup::adopt) it, and each changed policy is a new version. Adoption
/// rejects a faulty policy; [`Policy::check`] reports the faults earlier.
///
/// A policy is stored in parts: the agreements with their calendars, the matrix, the custom fields and each workflow.
/// Each part is stored under its own hash. Policies share equal parts, and a change to one part does not affect the
/// others. A ticket keeps the version of the workflow under which it was opened until it is migrated. Its clocks keep
/// the version of the agreements under which they started, unless the agreement has
/// [`Migrate`](crate::sla::OnPolicyChange::Migrate). A new prefix, field or matrix therefore writes nothing to any
/// ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct Policy {
    prefix: String,
    #[serde(with = "duration::or_never")]
    verification: Option<TimeDelta>,
    #[serde(with = "duration::zero_is_never", skip_serializing_if = "is_a_day")]
    undo: TimeDelta,
    fields: BTreeMap<String, FieldType>,
    #[serde(skip_serializing_if = "DeclaredNames::is_empty")]
    names: DeclaredNames,
    matrix: Matrix,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    calendars: BTreeMap<String, CalendarDefinition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agreements: Vec<Agreement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workflows: Vec<WorkflowDefinition>,
    #[serde(rename = "standing", skip_serializing_if = "Standings::is_empty")]
    standings: Standings,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    visibility: Vec<VisibilityRule>,
}

impl Default for Policy {
    /// Returns the same policy as [`Policy::new`].
    fn default() -> Policy {
        Policy {
            prefix: "T".to_owned(),
            verification: Some(TimeDelta::days(5)),
            undo: a_day(),
            fields: BTreeMap::new(),
            names: DeclaredNames::default(),
            matrix: Matrix::itil(),
            calendars: BTreeMap::new(),
            agreements: Vec::new(),
            workflows: Vec::new(),
            standings: Standings::default(),
            visibility: Vec::new(),
        }
    }
}

impl Policy {
    /// Creates the default policy: numbers like `T-1`, a verification period of five days, the 3x3 matrix of ITIL, and
    /// no custom fields, calendars, agreements or workflows.
    pub fn new() -> Policy {
        Policy::default()
    }

    /// Sets the prefix of ticket numbers: up to 20 letters, digits, `-`, `_` or `.`. It may be empty.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Policy {
        self.prefix = prefix.into();
        self
    }

    /// Sets the verification period, in whole seconds.
    ///
    /// A resolved ticket closes automatically after this period if nobody reopens it. With `None`, it never does.
    #[must_use]
    pub fn verification(mut self, period: Option<TimeDelta>) -> Policy {
        self.verification = period;
        self
    }

    /// Sets the period in which an actor may take back their own last command with
    /// [`Action::undo`](crate::Action::undo), in whole seconds. Default: one day. With zero, nobody may.
    ///
    /// In a file: `undo = "1h"`, or `"never"` for zero.
    #[must_use]
    pub fn undo_within(mut self, period: TimeDelta) -> Policy {
        self.undo = period;
        self
    }

    /// Declares a custom field. Declaring a field again replaces its type.
    ///
    /// The values of custom fields are internal, and so are the statuses of workflows: neither is in the
    /// [public form](crate::Event::public) of an event or in a [public story](crate::Story::public). A customer portal
    /// that shows some of them reads them from the [ticket](crate::Snapshot::field) and chooses which.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, field_type: FieldType) -> Policy {
        self.fields.insert(name.into(), field_type);
        self
    }

    /// Sets the priority matrix and its modifiers.
    #[must_use]
    pub fn matrix(mut self, matrix: Matrix) -> Policy {
        self.matrix = matrix;
        self
    }

    /// Adds a calendar. Targets refer to it by its name.
    ///
    /// Pass a [`Calendar`](crate::Calendar), or a definition from a builder or a file. The calendar is compiled with
    /// the time zone data built into the program.
    #[must_use]
    pub fn calendar(mut self, name: impl Into<String>, calendar: impl Into<CalendarDefinition>) -> Policy {
        self.calendars.insert(name.into(), calendar.into());
        self
    }

    /// Adds an agreement.
    #[must_use]
    pub fn agreement(mut self, agreement: Agreement) -> Policy {
        self.agreements.push(agreement);
        self
    }

    /// Changes a row of the table of standings.
    ///
    /// ```
    /// use firstline::{Condition, Policy};
    /// use firstline::policy::{OnResolved, Standing};
    ///
    /// let policy = Policy::new()
    ///     .standing(Standing::Affected, |rule| rule.decides = true)
    ///     .standing(Standing::Requester, |rule| {
    ///         rule.resolved = OnResolved::ReopenIf(Condition::field("kind").is("incident"));
    ///     });
    /// policy.check()?;
    /// assert!(policy.rule_of(Standing::Affected).decides);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn standing(mut self, standing: Standing, change: impl FnOnce(&mut StandingRule)) -> Policy {
        let mut rule = self.standings.rule(standing).clone();
        change(&mut rule);
        self.standings.set(standing, rule);
        self
    }

    /// Returns a row of the table of standings.
    pub fn rule_of(&self, standing: Standing) -> &StandingRule {
        self.standings.rule(standing)
    }

    /// Adds a rule of visibility.
    #[must_use]
    pub fn visibility(mut self, rule: VisibilityRule) -> Policy {
        self.visibility.push(rule);
        self
    }

    /// Returns the tickets that a reader with these facts sees by the rules, and those whose internal part the reader
    /// sees, as conditions. `None` if there is no rule for this kind of readers.
    pub(crate) fn visible_to(&self, readers: Readers, reader: &dyn Facts) -> Option<(Condition, Condition)> {
        visibility::visible_to(&self.visibility, readers, reader, || self.known_to_standings())
    }

    /// Returns the calendars by name.
    pub fn calendars(&self) -> &BTreeMap<String, CalendarDefinition> {
        &self.calendars
    }

    /// Returns the agreements, in the order in which they were added.
    pub fn agreements(&self) -> &[Agreement] {
        &self.agreements
    }

    pub(crate) fn number_prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn undo_period(&self) -> TimeDelta {
        self.undo
    }

    pub(crate) fn verification_period(&self) -> Option<TimeDelta> {
        self.verification
    }

    /// Returns the priority matrix.
    pub fn priority_matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Checks the value of a custom field: the field must be declared, and the value must match its type.
    pub(crate) fn check_field(&self, name: &str, value: &Value) -> Result<()> {
        let field_type = self.declared(name)?;
        limits::value(&format!("field `{name}`"), value)?;
        if field_type.accepts(value) {
            return Ok(());
        }
        let shown = text::excerpt(&value.to_string());
        Err(Error::invalid(
            &format!("field `{name}`"),
            format_args!("does not take \"{shown}\" ({})", value.type_name()),
        )
        .allowing(field_type.in_words()))
    }

    /// Returns the type of a custom field, or an error that lists the declared fields.
    pub(crate) fn declared(&self, name: &str) -> Result<&FieldType> {
        self.fields.get(name).ok_or_else(|| {
            let declared: Vec<_> = self.fields.keys().map(String::as_str).collect();
            let allowed = if declared.is_empty() {
                "none: the policy declares no fields".into()
            } else {
                declared.join(", ")
            };
            let nearest = suggest::nearest(name, self.fields.keys().map(String::as_str));
            let hint = nearest.map_or_else(String::new, |nearest| format!(" (did you mean `{nearest}`?)"));
            let problem = format_args!("is not declared in the desk's policy{hint}").to_string();
            Error::invalid(&format!("field `{name}`"), problem).allowing(allowed)
        })
    }
}

/// The declared names. An empty set accepts any name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeclaredNames {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    kinds: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    channels: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    hold_reasons: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    resolution_codes: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    contact_attributes: BTreeMap<String, FieldType>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    agent_attributes: BTreeMap<String, FieldType>,
}

impl DeclaredNames {
    fn is_empty(&self) -> bool {
        *self == DeclaredNames::default()
    }
}

/// The type of a custom field.
///
/// Free text can describe a person, so it is stored with the personal part of the ticket. The other types are facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", try_from = "WrittenFieldType")]
#[non_exhaustive]
pub enum FieldType {
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Bool,
    /// A calendar date.
    Date,
    /// A point in time.
    Instant,
    /// One of the listed texts.
    Choice {
        /// The allowed texts.
        choices: BTreeSet<String>,
    },
    /// Any number of the listed texts.
    Choices {
        /// The allowed texts.
        choices: BTreeSet<String>,
    },
    /// An exact decimal number, such as an amount of money.
    Decimal {
        /// The maximum number of digits after the point, from 0 to 18. The default in a file is 2.
        fraction_digits: u8,
    },
}

/// The serialized form of a field type. It is read as a struct, so that each fault has its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "field")]
struct WrittenFieldType {
    #[serde(rename = "type")]
    name: FieldTypeName,
    choices: Option<BTreeSet<String>>,
    fraction_digits: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FieldTypeName {
    Text,
    Integer,
    Bool,
    Date,
    Instant,
    Choice,
    Choices,
    Decimal,
}

impl TryFrom<WrittenFieldType> for FieldType {
    type Error = Error;

    fn try_from(written: WrittenFieldType) -> Result<FieldType> {
        if written.fraction_digits.is_some() && !matches!(written.name, FieldTypeName::Decimal) {
            return Err(Error::definition("field", "only the type decimal has fraction_digits"));
        }
        let field_type = match (written.name, written.choices) {
            (FieldTypeName::Choice, Some(choices)) => return Ok(FieldType::Choice { choices }),
            (FieldTypeName::Choices, Some(choices)) => return Ok(FieldType::Choices { choices }),
            (FieldTypeName::Choice | FieldTypeName::Choices, None) => {
                return Err(Error::definition("field", "choices are missing: a list of texts"));
            }
            (_, Some(_)) => {
                return Err(Error::definition("field", "only the types choice and choices have choices"));
            }
            (FieldTypeName::Text, None) => FieldType::Text,
            (FieldTypeName::Integer, None) => FieldType::Integer,
            (FieldTypeName::Bool, None) => FieldType::Bool,
            (FieldTypeName::Date, None) => FieldType::Date,
            (FieldTypeName::Instant, None) => FieldType::Instant,
            (FieldTypeName::Decimal, None) => {
                FieldType::Decimal { fraction_digits: written.fraction_digits.unwrap_or(2) }
            }
        };
        Ok(field_type)
    }
}

impl FieldType {
    /// Creates a field type for one of these texts.
    pub fn choice<S: Into<String>>(choices: impl IntoIterator<Item = S>) -> FieldType {
        FieldType::Choice { choices: choices.into_iter().map(Into::into).collect() }
    }

    /// Creates a field type for any number of these texts.
    pub fn choices<S: Into<String>>(choices: impl IntoIterator<Item = S>) -> FieldType {
        FieldType::Choices { choices: choices.into_iter().map(Into::into).collect() }
    }

    /// Returns the type of the values of this field type.
    fn value_type(&self) -> ValueType {
        match self {
            FieldType::Text | FieldType::Choice { .. } => ValueType::Text,
            FieldType::Integer => ValueType::Integer,
            FieldType::Decimal { .. } => ValueType::Decimal,
            FieldType::Bool => ValueType::Bool,
            FieldType::Date => ValueType::Date,
            FieldType::Instant => ValueType::Instant,
            FieldType::Choices { .. } => ValueType::List,
        }
    }

    /// Creates a field type for an exact decimal number with at most this many digits after the point.
    ///
    /// ```
    /// use firstline::{Action, Actor, Condition, Decimal, Desk, NewTicket, Policy, Query};
    /// use firstline::policy::FieldType;
    ///
    /// let desk = Desk::memory();
    /// desk.setup().adopt(&Policy::new().field("amount", FieldType::decimal(2)))?;
    /// let refund = NewTicket::new("Refund").field("amount", "1234.50".parse::<Decimal>()?);
    /// let id = desk.open_ticket(refund)?.id();
    ///
    /// let large = Condition::field("field.amount").at_least(1000);
    /// assert_eq!(desk.find(Query::newest().matching(large))?.tickets.len(), 1);
    ///
    /// let action = Action::field("amount", "0.005".parse::<Decimal>()?);
    /// let error = desk.act(id, action, Actor::agent("anna")).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "field `amount` does not take \"0.005\" (decimal); allowed: a decimal number (`Decimal`) with at most 2 digits after the point",
    /// );
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn decimal(fraction_digits: u8) -> FieldType {
        FieldType::Decimal { fraction_digits }
    }

    /// Returns the value as a field of this type keeps it: a decimal field keeps a whole number as a decimal.
    pub(crate) fn kept(&self, value: &Value) -> Value {
        match (self, value) {
            (FieldType::Decimal { .. }, Value::Integer(whole)) => {
                Decimal::try_from(*whole).map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        }
    }

    /// Returns true if values of this type are stored with the personal part of the ticket.
    pub(crate) fn is_personal(&self) -> bool {
        *self == FieldType::Text
    }

    fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (FieldType::Text, Value::Text(_))
            | (FieldType::Integer, Value::Integer(_))
            | (FieldType::Bool, Value::Bool(_))
            | (FieldType::Date, Value::Date(_))
            | (FieldType::Instant, Value::Instant(_)) => true,
            (FieldType::Decimal { .. }, Value::Integer(whole)) => Decimal::try_from(*whole).is_ok(),
            (FieldType::Decimal { fraction_digits }, Value::Decimal(it)) => {
                it.fraction_digits() <= *fraction_digits
            }
            (FieldType::Choice { choices }, Value::Text(text)) => choices.contains(text),
            (FieldType::Choices { choices }, Value::List(items)) => {
                items.iter().all(|it| choices.contains(it))
            }
            _ => false,
        }
    }

    fn in_words(&self) -> String {
        let listed = |choices: &BTreeSet<String>| choices.iter().cloned().collect::<Vec<_>>().join(", ");
        match self {
            FieldType::Text => "a text".to_owned(),
            FieldType::Integer => "a whole number".to_owned(),
            FieldType::Decimal { fraction_digits } => {
                format!("a decimal number (`Decimal`) with at most {fraction_digits} digits after the point")
            }
            FieldType::Bool => "yes or no".to_owned(),
            FieldType::Date => "a date".to_owned(),
            FieldType::Instant => "an instant".to_owned(),
            FieldType::Choice { choices } => format!("one of: {}", listed(choices)),
            FieldType::Choices { choices } => format!("a list of: {}", listed(choices)),
        }
    }
}

/// The default undo period.
fn a_day() -> TimeDelta {
    TimeDelta::days(1)
}

fn is_a_day(period: &TimeDelta) -> bool {
    *period == a_day()
}
