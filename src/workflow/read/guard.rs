//! Reads guards. Conditions are parsed by the condition module.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::parts::Reader;
use crate::condition::{Condition, MAX_DEPTH};
use crate::workflow::diagnostic::DiagnosticKind;
use crate::workflow::source::{Node, NodeValue};

impl Reader {
    /// Reads all guards. A guard that cannot be read is replaced by one that always holds.
    pub(super) fn guards(&mut self, node: &Node) -> BTreeMap<String, Condition> {
        let mut guards = BTreeMap::new();
        let NodeValue::Table(entries) = &node.value else {
            self.gaps.add("guards");
            self.wrong_type(node, "guards", "a table of conditions by name");
            return guards;
        };
        for entry in entries {
            let path = format!("guards.{}", entry.key);
            let condition = self.part(&path, |it| it.condition(&entry.node, &path, MAX_DEPTH));
            guards.entry(entry.key.clone()).or_insert(condition.unwrap_or(Condition::ALWAYS));
        }
        guards
    }

    /// Reads one condition. Faults in its parts are reported one by one, each at its own position.
    fn condition(&mut self, node: &Node, path: &str, left: usize) -> Option<Condition> {
        let before = self.diagnostics.len();
        if let (NodeValue::Table(entries), true) = (&node.value, left > 1) {
            for entry in entries {
                match (entry.key.as_str(), &entry.node.value) {
                    ("not", _) => drop(self.condition(&entry.node, path, left - 1)),
                    ("all" | "any", NodeValue::List(parts)) => {
                        for part in parts {
                            self.condition(part, path, left - 1);
                        }
                    }
                    (_, NodeValue::Date(date)) => {
                        let message = format!(
                            "a condition takes a date as {{ date = \"2026-01-05\" }} and a point in time as \
                             {{ instant = \"2026-01-05T09:00:00Z\" }}, not {date} alone"
                        );
                        self.report(DiagnosticKind::BadCondition, path, entry.node.place, message);
                    }
                    _ => {}
                }
            }
        }
        if self.diagnostics.len() > before {
            return None;
        }
        match serde_json::from_value(plain(node)) {
            Ok(condition) => Some(condition),
            Err(error) => {
                self.report(DiagnosticKind::BadCondition, path, node.place, error.to_string());
                None
            }
        }
    }
}

/// Returns the value without positions.
fn plain(node: &Node) -> Value {
    match &node.value {
        NodeValue::Text(text) => Value::from(text.as_str()),
        NodeValue::Bool(it) => Value::from(*it),
        NodeValue::Integer(it) => match (i64::try_from(*it), u64::try_from(*it)) {
            (Ok(number), _) => Value::from(number),
            (_, Ok(number)) => Value::from(number),
            _ => Value::from(*it as f64),
        },
        NodeValue::List(items) => items.iter().map(plain).collect(),
        NodeValue::Table(entries) => {
            // If a key occurs twice, the first value counts.
            let entries = entries.iter().rev().map(|entry| (entry.key.clone(), plain(&entry.node)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        NodeValue::Number(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        NodeValue::Date(date) => Value::from(date.as_str()),
        NodeValue::Null => Value::Null,
    }
}
