//! Reads a language from its written form and reports all faults at once.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Draft, Language};
use crate::diagnostic::{Diagnostic, DiagnosticKind, Refused, sorted};
use crate::error::Result;
use crate::source::{self, Node, NodeValue, Source};
use crate::suggest;

/// The key that names the language whose entries are used where the text has none.
const BASED_ON: &str = "based_on";

impl Language {
    /// Reads a language from JSON: groups of entries. With `"based_on": "english"` or `"russian"`, the text has only
    /// the entries that differ. Otherwise it must have all of them.
    ///
    /// ```
    /// use firstline::StateKind;
    /// use firstline::language::{InWords, Language};
    ///
    /// let ours = Language::from_json(r#"{"based_on": "russian", "state": {"resolved": "выполнена"}}"#)?;
    /// assert_eq!(StateKind::Resolved.in_words(&ours), "выполнена");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) with all [diagnostics](crate::Error::diagnostics) and their
    /// positions: missing, unknown and misspelt entries and placeholders, wrong plural forms, and a form of instants
    /// that cannot be printed.
    pub fn from_json(text: &str) -> Result<Language> {
        Language::of_source(source::json::read(text))
    }

    /// Reads a language from TOML.
    ///
    /// ```
    /// use firstline::language::Language;
    ///
    /// let error = Language::from_toml("based_on = \"russian\"\n[state]\nresolvd = \"выполнена\"\n").unwrap_err();
    /// assert!(error.to_string().contains("line 3, column 11, state.resolvd"));
    /// ```
    ///
    /// # Errors
    /// As for [`from_json`](Language::from_json).
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Language> {
        Language::of_source(source::toml::read(text))
    }

    fn of_source(source: Source) -> Result<Language> {
        let mut found = source.diagnostics;
        let language = source.root.as_ref().and_then(|root| {
            let (places, twice) = root.survey();
            found.extend(twice);
            let read = read(root).map_err(|Refused(more)| found.extend(more));
            found.iter_mut().for_each(|it| it.locate(|path| places.of(path)));
            read.ok()
        });
        match language {
            Some(language) if found.is_empty() => Ok(language),
            _ => Err(Refused(sorted(found)).into()),
        }
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Language, D::Error> {
        read(&Node::read(from)?).map_err(D::Error::custom)
    }
}

fn read(root: &Node) -> Result<Language, Refused> {
    let wrong_type = |node: &Node, path: &str, wanted: &str| {
        let message = format!("takes {wanted}, not {}", node.type_name());
        Diagnostic { position: node.position, ..Diagnostic::new(DiagnosticKind::WrongType, path, message) }
    };
    let NodeValue::Table(groups) = &root.value else {
        return Err(Refused(vec![wrong_type(root, "", "groups of entries")]));
    };
    let mut draft = Draft { entries: BTreeMap::new(), found: Vec::new() };
    let mut is_based = false;
    for entry in groups.iter().filter(|it| it.key == BASED_ON) {
        is_based = true;
        match &entry.node.value {
            NodeValue::Text(name) if name == "english" => draft.entries = (*Language::english().0).clone(),
            NodeValue::Text(name) if name == "russian" => draft.entries = (*Language::russian().0).clone(),
            NodeValue::Text(name) => {
                let message =
                    format!("the language {name:?} {}", suggest::unknown(name, ["english", "russian"]));
                draft.found.push(Diagnostic::new(DiagnosticKind::UnknownName, BASED_ON, message));
            }
            _ => draft.found.push(wrong_type(&entry.node, BASED_ON, "the name of a language")),
        }
    }
    for group in groups.iter().filter(|it| it.key != BASED_ON) {
        let NodeValue::Table(entries) = &group.node.value else {
            draft.found.push(wrong_type(&group.node, &group.key, "a table of entries"));
            continue;
        };
        for entry in entries {
            let path = source::inner(&group.key, &entry.key);
            match &entry.node.value {
                NodeValue::Text(text) => draft.set(&path, text),
                _ => draft.found.push(wrong_type(&entry.node, &path, "a text")),
            }
        }
    }
    if !is_based {
        draft.check_complete();
    }
    draft.finish()
}
