//! JSON with positions. `serde_json` parses the text, and each raw value is a slice of the text, which gives its
//! position.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::Lines;
use super::{BOM, Diagnostic, Entry, MAX_DEPTH, Node, NodeValue, Source, number, syntax, too_deep};

/// Parses a text.
pub(crate) fn read(text: &str) -> Source {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    let lines = Lines::of(text);
    let reader = Reader { lines: &lines };
    let root = match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => reader.node(raw.get(), MAX_DEPTH),
        Err(error) => Err(syntax(lines.position_in(error.line(), error.column()), message(&error))),
    };
    match root {
        Ok(root) => Source { root: Some(root), diagnostics: Vec::new() },
        Err(diagnostic) => Source { root: None, diagnostics: vec![diagnostic] },
    }
}

/// The message without its line and column, because the diagnostic has them already.
fn message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

struct Reader<'t> {
    lines: &'t Lines<'t>,
}

impl<'t> Reader<'t> {
    /// Converts a value with valid syntax. Decoding can still fail on an unpaired surrogate.
    fn node(&self, raw: &'t str, left: usize) -> Result<Node, Diagnostic> {
        let position = self.lines.position_of(raw);
        let value = match raw.as_bytes().first() {
            Some(b'"') => NodeValue::Text(self.parse(raw)?),
            Some(b't' | b'f') => NodeValue::Bool(self.parse(raw)?),
            Some(b'n') => NodeValue::Null,
            Some(b'[' | b'{') if left <= 1 => return Err(syntax(position, too_deep())),
            Some(b'[') => {
                let items: Vec<&RawValue> = self.parse(raw)?;
                let items = items.into_iter().map(|item| self.node(item.get(), left - 1));
                NodeValue::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let Entries(entries) = self.parse(raw)?;
                let entries = entries.into_iter().map(|(key, value)| {
                    Ok(Entry {
                        key: self.parse(key.get())?,
                        position: Some(self.lines.position_of(key.get())),
                        node: self.node(value.get(), left - 1)?,
                    })
                });
                NodeValue::Table(entries.collect::<Result<_, _>>()?)
            }
            _ => number(raw),
        };
        Ok(Node { position: Some(position), value })
    }

    fn parse<T: Deserialize<'t>>(&self, raw: &'t str) -> Result<T, Diagnostic> {
        serde_json::from_str(raw).map_err(|error| syntax(self.lines.position_of(raw), message(&error)))
    }
}

/// All keys and values of an object, including repeated keys.
struct Entries<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Entries<'t> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entries<'t>, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(&'de RawValue, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }

        from.deserialize_map(Pairs).map(Entries)
    }
}
