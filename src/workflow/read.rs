//! From a written text to a definition: every fault of its form is found, not only the first.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::lifecycle::StateKind;

use super::check;
use super::definition::{PassRule, Spot, Status, WorkflowDefinition};
use super::fields;
use super::finding::{Finding, FindingKind, Findings, Place};
use super::source::{self, Node, Source, Written};
use super::transition::Transition;

mod guard;
mod parts;

use parts::{Reader, Table};

/// What was read.
pub(super) struct Reading {
    /// The definition, as far as it could be read. It is whole if there are no errors.
    pub(super) definition: Option<WorkflowDefinition>,
    /// The faults of its form.
    pub(super) findings: Vec<Finding>,
    /// Where its parts stand.
    pub(super) places: Places,
    /// Whether statuses, transitions, guards and rules were all read, so that the graph is worth a check.
    pub(super) whole: bool,
}

/// Where the parts of a definition stand in its text, by path.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    /// Where this part stands: itself, or the nearest part around it whose place is known.
    pub(super) fn of(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(*place);
            }
            if path.is_empty() {
                return None;
            }
            // A list begins where its first item is looked for: `from[0]` may be a text alone.
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }
}

/// A workflow as JSON: the definition as far as it can be read, and everything found in it.
pub(super) fn json(text: &str) -> (Option<WorkflowDefinition>, Vec<Finding>) {
    joined(source::json::read(text.strip_prefix(BOM).unwrap_or(text)))
}

/// A workflow as TOML.
#[cfg(feature = "toml")]
pub(super) fn toml(text: &str) -> (Option<WorkflowDefinition>, Vec<Finding>) {
    joined(source::toml::read(text.strip_prefix(BOM).unwrap_or(text)))
}

/// What some editors put before a text.
const BOM: char = '\u{feff}';

fn joined(source: Source) -> (Option<WorkflowDefinition>, Vec<Finding>) {
    let mut findings = source.findings;
    let Some(root) = source.root else { return (None, findings) };
    let Reading { definition, findings: more, places, whole } = read(&root);
    findings.extend(more);
    if let (true, Some(definition)) = (whole, &definition) {
        findings.extend(check::findings(definition, &fields()));
    }
    for finding in &mut findings {
        finding.place = finding.place.or_else(|| places.of(&finding.path));
    }
    (definition, findings)
}

/// The one description of the written form, for every format.
impl<'de> Deserialize<'de> for WorkflowDefinition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<WorkflowDefinition, D::Error> {
        let reading = read(&Node::read(from)?);
        match reading.definition {
            Some(definition) if reading.findings.is_empty() => Ok(definition),
            _ => Err(D::Error::custom(Findings::new(reading.findings))),
        }
    }
}

const KEYS: &[&str] = &["name", "version", "kinds", "guards", "statuses", "transitions", "rules"];
const STATUS_KEYS: &[&str] = &["name", "state", "default", "reason", "enter", "leave"];
const TRANSITION_KEYS: &[&str] = &["from", "action", "to", "when", "may", "reason"];
const RULE_KEYS: &[&str] = &["every_way_to", "passes"];

/// Reads a definition.
pub(super) fn read(root: &Node) -> Reading {
    let mut reader = Reader::default();
    let mut places = Places::default();
    reader.survey(root, String::new(), &mut places.0);
    let definition = reader.table(root, "", KEYS).map(|table| definition(&mut reader, &table));
    Reading { definition, findings: reader.findings, places, whole: reader.whole }
}

fn definition(reader: &mut Reader, table: &Table<'_>) -> WorkflowDefinition {
    let name = reader.needed(table, "name", "what the workflow is called");
    let name = name.and_then(|node| reader.text(node, "name"));
    // It is refused anyway, but not for an empty name besides.
    let mut definition = WorkflowDefinition::new(name.unwrap_or_else(|| "unnamed".to_owned()));
    if let Some(version) = table.get("version") {
        definition.version = reader.version(version);
    }
    if let Some(kinds) = table.get("kinds") {
        definition.kinds = reader.set(kinds, "kinds");
        reader.not_empty(kinds, "kinds", "every kind");
    }
    if let Some(guards) = table.get("guards") {
        definition.guards = reader.guards(guards);
    }
    let statuses = reader.needed(table, "statuses", "a list of tables with name and state");
    for (path, node) in reader.tables(statuses, "statuses") {
        definition.statuses.extend(status(reader, node, &path));
    }
    let transitions = reader.needed(table, "transitions", "a list of tables with from, action and to");
    for (path, node) in reader.tables(transitions, "transitions") {
        definition.transitions.extend(transition(reader, node, &path));
    }
    for (path, node) in reader.tables(table.get("rules"), "rules") {
        definition.rules.extend(rule(reader, node, &path));
    }
    definition
}

fn status(reader: &mut Reader, node: &Node, path: &str) -> Option<Status> {
    let table = reader.shape(|it| it.table(node, path, STATUS_KEYS))?;
    let name = reader.shape(|it| {
        let node = it.needed(&table, "name", "what the status is called")?;
        it.text(node, &table.path("name"))
    });
    let state = reader.shape(|it| {
        let node = it.needed(&table, "state", "the state that it refines")?;
        it.state(node, &table.path("state"))
    });
    let mut status = Status::new(name.clone().unwrap_or_default(), state.unwrap_or(StateKind::New));
    if let Some(node) = table.get("default") {
        status.default = reader.flag(node, &table.path("default"));
    }
    if let Some(node) = table.get("reason") {
        status.reason = reader.text(node, &table.path("reason")).map(Into::into);
    }
    if let Some(node) = table.get("enter") {
        status.enter = reader.set(node, &table.path("enter"));
    }
    if let Some(node) = table.get("leave") {
        status.leave = reader.set(node, &table.path("leave"));
    }
    (name.is_some() && state.is_some()).then_some(status)
}

fn transition(reader: &mut Reader, node: &Node, path: &str) -> Option<Transition> {
    let table = reader.shape(|it| it.table(node, path, TRANSITION_KEYS))?;
    let from = reader.shape(|it| {
        let node = it.needed(&table, "from", "one status or a list of them")?;
        it.texts(node, &table.path("from"))
    });
    let action = reader.shape(|it| {
        let node = it.needed(&table, "action", "a step of the lifecycle, or move")?;
        it.action(node, &table.path("action"))
    });
    let to = reader.shape(|it| {
        let node = it.needed(&table, "to", "the status to which it leads")?;
        it.text(node, &table.path("to"))
    });
    let when = table.get("when").map(|node| {
        reader.not_empty(node, &table.path("when"), "always");
        reader.shape(|it| it.texts(node, &table.path("when"))).unwrap_or_default()
    });
    let may = table.get("may").map(|node| {
        reader.not_empty(node, &table.path("may"), "everybody whom the lifecycle lets");
        reader.takers(node, &table.path("may"))
    });
    let reason = table.get("reason").is_some_and(|node| reader.flag(node, &table.path("reason")));
    Some(Transition {
        from: from?.into_iter().map(|(_, text)| text).collect(),
        action: action?,
        to: to?,
        when: when.unwrap_or_default().into_iter().map(|(_, text)| text).collect(),
        may: may.unwrap_or_default(),
        reason,
    })
}

fn rule(reader: &mut Reader, node: &Node, path: &str) -> Option<PassRule> {
    let table = reader.shape(|it| it.table(node, path, RULE_KEYS))?;
    let mut spot = |key, what| -> Option<Spot> {
        reader.shape(|it| {
            let node = it.needed(&table, key, what)?;
            it.spot(node, &table.path(key))
        })
    };
    let every_way_to = spot("every_way_to", "a status, or a state as state:closed");
    let passes = spot("passes", "a status, or a state as state:resolved");
    Some(PassRule { every_way_to: every_way_to?, passes: passes? })
}

#[cfg(test)]
mod tests;
