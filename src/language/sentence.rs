//! A sentence of the table with its values, which can be stored and printed in every language.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{InWords, Language};
use crate::text;

/// An entry of the table with its values. `Display` prints it in English.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    entry: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, Value>,
}

/// A value of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Value {
    /// A name of the host, or a number.
    Text(String),
    /// An entry of the table: its group and its name.
    Name(String, String),
    /// A duration in seconds.
    Seconds(i64),
    /// Other sentences.
    List(Vec<Sentence>),
}

impl Sentence {
    /// Creates the sentence of this entry.
    pub(crate) fn new(entry: &str) -> Sentence {
        Sentence { entry: entry.to_owned(), values: BTreeMap::new() }
    }

    /// Adds a name of the host, or a number.
    pub(crate) fn text(self, name: &str, value: impl Display) -> Sentence {
        self.with(name, Value::Text(value.to_string()))
    }

    /// Adds a name that the table has words for.
    pub(crate) fn name(self, name: &str, group: &str, value: &str) -> Sentence {
        self.with(name, Value::Name(group.to_owned(), value.to_owned()))
    }

    /// Adds a duration.
    pub(crate) fn duration(self, name: &str, value: TimeDelta) -> Sentence {
        self.with(name, Value::Seconds(value.num_seconds()))
    }

    /// Adds other sentences.
    pub(crate) fn list(self, name: &str, sentences: Vec<Sentence>) -> Sentence {
        self.with(name, Value::List(sentences))
    }

    fn with(mut self, name: &str, value: Value) -> Sentence {
        self.values.insert(name.to_owned(), value);
        self
    }
}

impl InWords for Sentence {
    fn in_words(&self, language: &Language) -> String {
        let words = |value: &Value| match value {
            Value::Text(text) => text::shown(text).into_owned(),
            Value::Name(group, name) => language.name(group, &text::shown(name)),
            Value::Seconds(seconds) => {
                language.duration(TimeDelta::try_seconds(*seconds).unwrap_or_default())
            }
            Value::List(list) => list.iter().map(|it| it.in_words(language)).collect::<Vec<_>>().join(", "),
        };
        let values: Vec<(&str, String)> =
            self.values.iter().map(|(name, it)| (name.as_str(), words(it))).collect();
        let values: Vec<(&str, &dyn Display)> =
            values.iter().map(|(name, it)| (*name, it as &dyn Display)).collect();
        language.say(&self.entry, &values)
    }
}

impl Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::english()))
    }
}
