//! The text of an entry, with its plural forms and placeholders.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use crate::suggest;
use crate::text::{ends_a_line, reorders};

/// The text of an entry: one form, or one for each plural form of the language, written `{n} ticket | {n} tickets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase(Vec<Template>);

/// A text with placeholders, such as `{who} replied`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
}

/// The number that chooses the plural form. A form need not print it.
const NUMBER: &str = "n";

impl Phrase {
    /// Parses the text of an entry.
    ///
    /// # Errors
    /// The text or a form of it is blank, a brace has no partner, or a character breaks the line or changes the
    /// direction of the text. The error is the problem in words.
    pub(super) fn parse(text: &str) -> Result<Phrase, String> {
        let is_refused = |c: &char| c.is_control() || ends_a_line(*c) || reorders(*c);
        if let Some(found) = text.chars().find(is_refused) {
            return Err(format!("the text contains the control character {found:?}"));
        }
        text.split(" | ").map(Template::parse).collect::<Result<_, _>>().map(Phrase)
    }

    /// Returns the number of forms.
    pub(super) fn forms(&self) -> usize {
        self.0.len()
    }

    /// Returns the plural form with this index. A phrase with one form has it for every number.
    pub(super) fn form(&self, index: usize) -> &Template {
        self.0.get(index).unwrap_or(&self.0[0])
    }

    /// Returns each difference in the use of placeholders and forms from the English entry. A phrase without a model
    /// has neither.
    pub(super) fn differences(&self, model: Option<&Phrase>) -> Vec<String> {
        let wanted: BTreeSet<&str> = model.iter().flat_map(|model| model.form(0).names()).collect();
        let takes_number = wanted.contains(NUMBER) || model.is_some_and(|model| model.forms() > 1);
        let mut problems = BTreeSet::new();
        if self.forms() > 1 && !takes_number {
            problems.insert("the entry has no plural forms, so \" | \" cannot be in its text".to_owned());
        }
        for form in &self.0 {
            let names: BTreeSet<&str> = form.names().collect();
            for name in names.iter().filter(|name| !wanted.contains(*name)) {
                if takes_number && *name == NUMBER {
                    continue;
                }
                let unknown = suggest::unknown(name, wanted.iter().copied());
                problems.insert(format!("the placeholder {{{name}}} {unknown}"));
            }
            // `one ticket` need not print the number, but a text for all numbers must.
            let is_optional = |name: &str| name == NUMBER && self.forms() > 1;
            let missing = wanted.iter().filter(|name| !names.contains(*name) && !is_optional(name));
            problems.extend(missing.map(|name| format!("the placeholder {{{name}}} is missing")));
        }
        problems.into_iter().collect()
    }
}

impl Template {
    fn parse(text: &str) -> Result<Template, String> {
        if text.trim().is_empty() {
            return Err("the text is empty".to_owned());
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let name = after.strip_prefix('{').and_then(|after| after.split_once('}'));
            let Some((name, after)) = name.filter(|(name, _)| !name.contains('{')) else {
                return Err(format!(
                    "a brace without a partner at {after:?}; a placeholder is written {{name}}"
                ));
            };
            pieces.push(Piece::Value(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Template(pieces))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Returns the text with the values in the place of the placeholders.
    pub(super) fn fill(&self, values: &[(&str, &dyn Display)]) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(name) => {
                let value = values.iter().find(|(it, _)| it == name);
                value.map_or_else(|| format!("{{{name}}}"), |(_, value)| value.to_string())
            }
        };
        self.0.iter().map(piece).collect()
    }
}

impl Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(place, form)| write!(f, "{}{form}", if place == 0 { "" } else { " | " }))
    }
}

impl Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Value(name) => write!(f, "{{{name}}}"),
        })
    }
}
