//! A desk's policy: the definitions by which it decides, as versioned data.
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
//! The same can be written in a file, in JSON, TOML or whatever else serde reads; what is not there has the value that
//! [`Policy::new`] gives it, and a name that is not known is refused:
//!
//! ```
//! use firstline::Policy;
//!
//! let policy: Policy = toml::from_str(r#"
//!     prefix = "SHOP"
//!     verification = 259200                        # seconds of silence after which a resolved ticket closes
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
//!     when = { field = "kind", is = "incident" }   # without it, for every ticket
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
//! The forms in detail: [`Definition`] for calendars, [`Agreement`], [`Target`](crate::sla::Target) and
//! [`Reaction`](crate::sla::Reaction), [`Condition`](crate::Condition), [`MatrixDefinition`](crate::MatrixDefinition)
//! for the matrix.

mod fields;
mod manifest;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::calendar::Definition;
use crate::error::{Error, Result};
use crate::limits;
use crate::priority::Matrix;
use crate::sla::{self, Agreement};
use crate::suggest;
use crate::value::Value;
use crate::workflow::WorkflowDefinition;

pub(crate) use manifest::{Manifest, StoredPolicy};

/// How a desk decides: numbering, verification, custom fields, priority, calendars and agreements.
///
/// It is data: a desk [adopts](crate::desk::Setup::adopt) it from a date on, and a changed one is a new version. What
/// is wrong with it is refused when it is adopted, or earlier by [`Policy::check`].
///
/// A policy is stored in parts, each under its own hash: the agreements with their calendars, the matrix, the custom
/// fields and each workflow. Policies share the parts in which they are equal, and a change of one part leaves the
/// others as they are. A ticket follows the version of the workflow under which it began, until it is migrated. Its clocks
/// follow the version of the agreements under which they began, unless the agreement says
/// [`Migrate`](crate::sla::OnPolicyChange::Migrate). So a new prefix, field or matrix writes nothing to any ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    prefix: String,
    #[serde(with = "seconds")]
    verification: Option<TimeDelta>,
    fields: BTreeMap<String, FieldType>,
    matrix: Matrix,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    calendars: BTreeMap<String, Definition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agreements: Vec<Agreement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workflows: Vec<WorkflowDefinition>,
}

impl Default for Policy {
    /// See [`Policy::new`].
    fn default() -> Policy {
        Policy {
            prefix: "T".to_owned(),
            verification: Some(TimeDelta::days(5)),
            fields: BTreeMap::new(),
            matrix: Matrix::itil(),
            calendars: BTreeMap::new(),
            agreements: Vec::new(),
            workflows: Vec::new(),
        }
    }
}

impl Policy {
    /// The policy of a desk that declares nothing: numbers like `T-1`, silent closing five days after the
    /// resolution, no custom fields, the 3x3 matrix of ITIL.
    pub fn new() -> Policy {
        Policy::default()
    }

    /// What stands before the running number: up to 20 letters, digits, `-`, `_` or `.`, or nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Policy {
        self.prefix = prefix.into();
        self
    }

    /// How long after the resolution silence closes the ticket; `None` if it never does. Whole seconds.
    #[must_use]
    pub fn verification(mut self, period: Option<TimeDelta>) -> Policy {
        self.verification = period;
        self
    }

    /// Declares a custom field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, field_type: FieldType) -> Policy {
        self.fields.insert(name.into(), field_type);
        self
    }

    /// The matrix, with its modifiers, from which priorities are computed.
    #[must_use]
    pub fn matrix(mut self, matrix: Matrix) -> Policy {
        self.matrix = matrix;
        self
    }

    /// Adds a calendar, by the name under which targets count by it. Its definition comes from
    /// [`Builder::definition`](crate::calendar::Builder::definition), from a file, or from a
    /// [`Calendar`](crate::Calendar::definition). It is compiled with the time zones that are built into the program.
    #[must_use]
    pub fn calendar(mut self, name: impl Into<String>, calendar: &Definition) -> Policy {
        self.calendars.insert(name.into(), calendar.clone());
        self
    }

    /// Adds an agreement.
    #[must_use]
    pub fn agreement(mut self, agreement: Agreement) -> Policy {
        self.agreements.push(agreement);
        self
    }

    /// Checks the policy as a whole.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) for a prefix with other characters or more of
    /// them, a verification period that is not of whole seconds, not positive or over ten years, a field without a proper name or
    /// with no choices, or a modifier whose condition names what no ticket has. What is wrong with
    /// agreements and calendars is told all at once: two of one name or position, a calendar, a modifier or a field
    /// that is not there, a target without a time or given twice, a time for a priority that the matrix has not, percentages that do not rise from 1 to 99.
    pub fn check(&self) -> Result<()> {
        let fault = |problem: String| Err(Error::definition("policy", problem));
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.prefix.chars().count() > 20 || !self.prefix.chars().all(plain) {
            return fault(format!(
                "prefix {:?} is not of up to 20 letters, digits, `-`, `_` or `.`",
                self.prefix
            ));
        }
        if let Some(period) = self.verification
            && !(TimeDelta::seconds(1)..=TimeDelta::days(3653)).contains(&period)
        {
            return fault(format!(
                "the verification period of {} seconds is not between one second and ten years; use none for never",
                period.num_seconds()
            ));
        }
        if let Some(period) = self.verification.filter(|period| period.subsec_nanos() != 0) {
            return fault(format!("the verification period of {period} is not of whole seconds"));
        }
        for (name, field_type) in &self.fields {
            if let Err(error) = limits::name("field name", name) {
                return fault(error.to_string());
            }
            if let FieldType::Choice { choices } | FieldType::Choices { choices } = field_type
                && (choices.is_empty()
                    || choices.iter().any(|choice| limits::name("choice", choice).is_err()))
            {
                return fault(format!("field `{name}` needs choices, each with a name"));
            }
        }
        self.matrix.check_conditions(&self.known_to_modifiers())?;
        match sla::faults(&self.agreements, &self.calendars, &self.matrix, &self.known_to_agreements()) {
            faults if faults.is_empty() => {}
            faults => return fault(faults.join("; ")),
        }
        match self.faults_of_workflows() {
            faults if faults.is_empty() => Ok(()),
            faults => fault(faults.join("\n")),
        }
    }

    /// The calendars, by name.
    pub fn calendars(&self) -> &BTreeMap<String, Definition> {
        &self.calendars
    }

    /// The agreements, as they were added.
    pub fn agreements(&self) -> &[Agreement] {
        &self.agreements
    }

    pub(crate) fn number_prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn verification_period(&self) -> Option<TimeDelta> {
        self.verification
    }

    /// The matrix in use.
    pub fn matrix_in_use(&self) -> &Matrix {
        &self.matrix
    }

    /// Checks a value for a custom field.
    pub(crate) fn check_field(&self, name: &str, value: &Value) -> Result<()> {
        let field_type = self.declared(name)?;
        limits::value(&format!("field `{name}`"), value)?;
        if field_type.accepts(value) {
            return Ok(());
        }
        // A long text is personal and says no more than its beginning: errors end up in logs.
        let mut shown: String = value.to_string().chars().take(60).collect();
        if shown.len() < value.to_string().len() {
            shown.push('…');
        }
        Err(Error::invalid(
            &format!("field `{name}`"),
            format_args!("does not take \"{shown}\" ({})", value.type_name()),
        )
        .allowing(field_type.in_words()))
    }

    /// The type of a custom field, or a refusal that names the declared ones.
    pub(crate) fn declared(&self, name: &str) -> Result<&FieldType> {
        self.fields.get(name).ok_or_else(|| {
            let declared: Vec<_> = self.fields.keys().map(String::as_str).collect();
            let allowed =
                if declared.is_empty() { "none is declared".to_owned() } else { declared.join(", ") };
            let meant = suggest::nearest(name, self.fields.keys().map(String::as_str));
            let hint = meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
            let problem = format_args!("is not declared in the desk's policy{hint}").to_string();
            Error::invalid(&format!("field `{name}`"), problem).allowing(allowed)
        })
    }
}

/// The type of a custom field.
///
/// Text may tell of a person and is kept with the personal part of the ticket; the other types are facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
#[non_exhaustive]
pub enum FieldType {
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// Yes or no.
    Bool,
    /// A calendar date.
    Date,
    /// An instant.
    Instant,
    /// One of these texts.
    Choice {
        /// Which.
        choices: BTreeSet<String>,
    },
    /// Any of these texts.
    Choices {
        /// Which.
        choices: BTreeSet<String>,
    },
}

impl FieldType {
    /// One of these texts.
    pub fn choice<S: Into<String>>(choices: impl IntoIterator<Item = S>) -> FieldType {
        FieldType::Choice { choices: choices.into_iter().map(Into::into).collect() }
    }

    /// Any of these texts.
    pub fn choices<S: Into<String>>(choices: impl IntoIterator<Item = S>) -> FieldType {
        FieldType::Choices { choices: choices.into_iter().map(Into::into).collect() }
    }

    /// Whether values of this type are kept with the personal part.
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
            FieldType::Bool => "yes or no".to_owned(),
            FieldType::Date => "a date".to_owned(),
            FieldType::Instant => "an instant".to_owned(),
            FieldType::Choice { choices } => format!("one of: {}", listed(choices)),
            FieldType::Choices { choices } => format!("a list of: {}", listed(choices)),
        }
    }
}

/// A span in whole seconds.
mod seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(super) fn serialize<S: Serializer>(span: &Option<TimeDelta>, to: S) -> Result<S::Ok, S::Error> {
        span.map(|span| span.num_seconds()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeDelta>, D::Error> {
        Option::<i64>::deserialize(from)?
            .map(|seconds| {
                TimeDelta::try_seconds(seconds).ok_or_else(|| de::Error::custom("too many seconds"))
            })
            .transpose()
    }
}
