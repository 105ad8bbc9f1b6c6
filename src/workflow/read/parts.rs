//! Reads the parts of the written form. A part that cannot be read is reported together with the accepted form.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, DiagnosticKind, Position};
use crate::lifecycle::StateKind;
use crate::source::{Gaps, Node, NodeValue, inner};
use crate::suggest;
use crate::workflow::definition::StatusSelector;
use crate::workflow::transition::{Performer, Trigger};

/// Reads parts and collects diagnostics.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The unreadable parts on which later checks depend.
    pub(super) gaps: Gaps,
}

/// A table and its path. If a key occurs twice, it holds the first value.
pub(super) struct Table<'n> {
    path: String,
    position: Option<Position>,
    values: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Table<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.values.get(key).copied()
    }

    /// Returns the path of a key of this table.
    pub(super) fn path(&self, key: &str) -> String {
        inner(&self.path, key)
    }
}

/// The name of a part at the beginning of a message: the last segment of its path.
fn last_key(path: &str) -> &str {
    match path.rsplit('.').next() {
        None | Some("") => "the workflow",
        Some(last) => last,
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

impl Reader {
    pub(super) fn report(
        &mut self,
        kind: DiagnosticKind,
        path: impl Into<String>,
        position: Option<Position>,
        message: String,
    ) {
        self.diagnostics.push(Diagnostic { position, ..Diagnostic::new(kind, path, message) });
    }

    /// Reads a part on which later checks depend, and records a gap if it cannot be read.
    pub(super) fn part<T>(&mut self, path: &str, read: impl FnOnce(&mut Reader) -> Option<T>) -> Option<T> {
        let found = read(self);
        if found.is_none() {
            self.gaps.add(path);
        }
        found
    }

    pub(super) fn wrong_type(&mut self, node: &Node, path: &str, takes: &str) {
        let message = format!("{} takes {takes}, not {}", last_key(path), node.type_name());
        self.report(DiagnosticKind::WrongType, path, node.position, message);
    }

    /// Reads a table. Keys other than the known ones are reported.
    pub(super) fn table<'n>(&mut self, node: &'n Node, path: &str, known: &[&str]) -> Option<Table<'n>> {
        let NodeValue::Table(entries) = &node.value else {
            self.wrong_type(node, path, &format!("a table with {}", list(known.iter().copied())));
            return None;
        };
        let mut table = Table { path: path.to_owned(), position: node.position, values: BTreeMap::new() };
        for entry in entries {
            let key = entry.key.as_str();
            if known.contains(&key) {
                table.values.entry(key).or_insert(&entry.node);
            } else {
                let unknown = suggest::unknown(key, known.iter().copied());
                let allowed = list(known.iter().copied());
                let message = format!("the key {key:?} {unknown}; allowed here: {allowed}");
                self.report(DiagnosticKind::UnknownKey, table.path(key), entry.position, message);
            }
        }
        Some(table)
    }

    /// Returns the value of a required key, or reports that it is missing.
    pub(super) fn required<'n>(&mut self, table: &Table<'n>, key: &str, what: &str) -> Option<&'n Node> {
        let found = table.get(key);
        if found.is_none() {
            let message = format!("{key} is missing: {what}");
            self.report(DiagnosticKind::MissingKey, table.path.clone(), table.position, message);
        }
        found
    }

    /// Returns the items of a list of tables, each with its path.
    pub(super) fn tables<'n>(&mut self, node: Option<&'n Node>, path: &str) -> Vec<(String, &'n Node)> {
        match node.map(|node| (node, &node.value)) {
            Some((_, NodeValue::List(items))) => {
                items.iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect()
            }
            Some((node, _)) => {
                self.gaps.add(path);
                self.wrong_type(node, path, "a list of tables");
                Vec::new()
            }
            None => {
                // Rules are optional. The other lists are required, and their absence has been reported.
                if path != "rules" {
                    self.gaps.add(path);
                }
                Vec::new()
            }
        }
    }

    pub(super) fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            NodeValue::Text(text) => Some(text.clone()),
            _ => {
                self.wrong_type(node, path, "a text");
                None
            }
        }
    }

    pub(super) fn flag(&mut self, node: &Node, path: &str) -> Option<bool> {
        match node.value {
            NodeValue::Bool(it) => Some(it),
            _ => {
                self.wrong_type(node, path, "true or false");
                None
            }
        }
    }

    /// Reads one text, or a list of texts.
    pub(super) fn texts<'n>(&mut self, node: &'n Node, path: &str) -> Option<Vec<(&'n Node, String)>> {
        match &node.value {
            NodeValue::Text(text) => Some(vec![(node, text.clone())]),
            NodeValue::List(items) => {
                let mut texts = Some(Vec::new());
                for (at, item) in items.iter().enumerate() {
                    match &item.value {
                        NodeValue::Text(text) => {
                            if let Some(texts) = &mut texts {
                                texts.push((item, text.clone()));
                            }
                        }
                        _ => {
                            let message =
                                format!("{} takes a list of texts, not {}", last_key(path), item.type_name());
                            self.report(
                                DiagnosticKind::WrongType,
                                format!("{path}[{at}]"),
                                item.position,
                                message,
                            );
                            texts = None;
                        }
                    }
                }
                texts
            }
            _ => {
                self.wrong_type(node, path, "a text or a list of texts");
                None
            }
        }
    }

    /// Reads a set of texts. Repeated texts are reported.
    pub(super) fn set(&mut self, node: &Node, path: &str) -> Option<BTreeSet<String>> {
        let mut set = BTreeSet::new();
        for (at, (item, text)) in self.texts(node, path)?.into_iter().enumerate() {
            if set.contains(&text) {
                let message = format!("{text:?} is listed twice; remove one of them");
                self.report(DiagnosticKind::DuplicateItem, format!("{path}[{at}]"), item.position, message);
            }
            set.insert(text);
        }
        Some(set)
    }

    /// Reports an empty list. An empty list suggests "nothing", but leaving the key out means "everything".
    pub(super) fn not_empty(&mut self, node: &Node, path: &str, left_out: &str) {
        if matches!(&node.value, NodeValue::List(items) if items.is_empty()) {
            let key = last_key(path);
            let message = format!("{key} is empty; leave the key out if you mean {left_out}");
            self.report(DiagnosticKind::EmptyList, path, node.position, message);
        }
    }

    pub(super) fn version(&mut self, node: &Node) -> u32 {
        let number = match node.value {
            NodeValue::Integer(number) => number,
            _ => {
                self.wrong_type(node, "version", "an integer");
                return 1;
            }
        };
        match u32::try_from(number) {
            Ok(version) if version > 0 => version,
            _ => {
                let message = format!("the version {number} is out of range; allowed: 1 to {}", u32::MAX);
                self.report(DiagnosticKind::BadVersion, "version", node.position, message);
                1
            }
        }
    }

    pub(super) fn state(&mut self, node: &Node, path: &str) -> Option<StateKind> {
        let name = self.text(node, path)?;
        self.state_named(&name, node, path, "")
    }

    fn state_named(&mut self, name: &str, node: &Node, path: &str, before: &str) -> Option<StateKind> {
        let found = StateKind::ALL.iter().copied().find(|state| state.name() == name);
        if found.is_none() {
            let names = || StateKind::ALL.iter().map(|state| state.name());
            let allowed: Vec<String> = names().map(|name| format!("{before}{name}")).collect();
            let unknown = suggest::unknown(name, names());
            let message = format!("the state {name:?} {unknown}; allowed: {}", allowed.join(", "));
            self.report(DiagnosticKind::UnknownState, path, node.position, message);
        }
        found
    }

    pub(super) fn action(&mut self, node: &Node, path: &str) -> Option<Trigger> {
        let name = self.text(node, path)?;
        let found = Trigger::named(&name);
        if found.is_none() {
            let names: Vec<String> = Trigger::all().map(|trigger| trigger.to_string()).collect();
            let names = || names.iter().map(String::as_str);
            let unknown = suggest::unknown(&name, names());
            let message = format!("the action {name:?} {unknown}; allowed: {}", list(names()));
            self.report(DiagnosticKind::UnknownAction, path, node.position, message);
        }
        found
    }

    pub(super) fn performers(&mut self, node: &Node, path: &str) -> Option<Vec<Performer>> {
        let single = matches!(node.value, NodeValue::Text(_));
        let mut performers = Some(Vec::new());
        for (at, (item, name)) in self.texts(node, path)?.into_iter().enumerate() {
            match Performer::named(&name) {
                Ok(performer) => performers.iter_mut().for_each(|it| it.push(performer.clone())),
                Err(unknown) => {
                    let allowed = list(Performer::FORMS.iter().copied());
                    let message = format!("{name:?} {unknown}; allowed in may: {allowed}");
                    let path = if single { path.to_owned() } else { format!("{path}[{at}]") };
                    self.report(DiagnosticKind::UnknownPerformer, path, item.position, message);
                    performers = None;
                }
            }
        }
        performers
    }

    pub(super) fn selector(&mut self, node: &Node, path: &str) -> Option<StatusSelector> {
        let text = self.text(node, path)?;
        match text.strip_prefix(StatusSelector::STATE) {
            Some(state) => {
                self.state_named(state, node, path, StatusSelector::STATE).map(StatusSelector::State)
            }
            None => Some(StatusSelector::Status(text)),
        }
    }
}
