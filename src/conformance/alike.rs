//! Reports the first difference between two tickets or histories, instead of printing both.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::failure::{CheckFailure, Checked, same};

/// Fails with the first field that differs, unless both values are equal.
pub(super) fn alike<T: PartialEq + Serialize + fmt::Debug>(
    what: impl fmt::Display,
    found: T,
    wanted: T,
) -> Checked {
    if found == wanted {
        return Ok(());
    }
    let as_json = |it: &T| serde_json::to_value(it).unwrap_or_default();
    let (left, right) = (as_json(&found), as_json(&wanted));
    match difference(String::new(), &left, &right) {
        Some((path, found, wanted)) if path.is_empty() => {
            Err(CheckFailure::new(what, brief(wanted), brief(found)))
        }
        Some((path, found, wanted)) => {
            let path = path.trim_start_matches('.');
            Err(CheckFailure::new(format_args!("{what}: `{path}`"), brief(wanted), brief(found)))
        }
        // The values differ only in fields that are not serialized.
        None => same(what, found, wanted),
    }
}

/// Returns the path of the first difference, with the value on each side.
fn difference<'v>(
    path: String,
    found: &'v Value,
    wanted: &'v Value,
) -> Option<(String, &'v Value, &'v Value)> {
    match (found, wanted) {
        _ if found == wanted => None,
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let [found, wanted] = [left, right].map(|it| it.get(name).unwrap_or(&Value::Null));
                difference(format!("{path}.{name}"), found, wanted)
            })
        }
        (Value::Array(left), Value::Array(right)) => (0..left.len().max(right.len())).find_map(|n| {
            let [found, wanted] = [left, right].map(|it| it.get(n).unwrap_or(&Value::Null));
            difference(format!("{path}[{n}]"), found, wanted)
        }),
        _ => Some((path, found, wanted)),
    }
}

/// A short form of a value. Tickets and events are shown by their id, ticket, number and version.
fn brief(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Object(fields) => {
            let names = ["id", "ticket", "number", "version"].into_iter();
            let known = names.filter_map(|name| Some(format!("{name} {}", fields.get(name)?)));
            let known: Vec<_> = known.collect();
            if known.is_empty() { cut(value) } else { known.join(", ") }
        }
        Value::Array(values) if values.len() > 1 => format!("{} of them", values.len()),
        _ => cut(value),
    }
}

fn cut(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
