//! Reads a definition from its written form and reports all faults at once.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::condition::Fields;
use crate::diagnostic::{Diagnostic, Refused, sorted};
use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::source::{self, Gaps, Node, Positions, Source};

use super::build::{fields, guard_fields};
use super::check;
use super::compiled::Workflow;
use super::definition::{MustPass, Status, StatusSelector, WorkflowDefinition};
use super::transition::Transition;

mod guard;
mod parts;

use parts::{Reader, Table};

/// The result of reading.
pub(super) struct Reading {
    /// The definition. Parts that could not be read are replaced by placeholders, so the definition is complete only if
    /// there are no diagnostics.
    pub(super) definition: Option<WorkflowDefinition>,
    /// The faults of the form.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The positions of its parts.
    pub(super) positions: Positions,
    /// The statuses, transitions, guards and rules that could not be read.
    gaps: Gaps,
}

impl Workflow {
    /// Reads a workflow from JSON and checks it as a whole.
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let error = Workflow::from_json(r#"{
    ///     "name": "tiny",
    ///     "statuses": [{"name": "Open", "state": "new"}, {"name": "Done", "state": "closd"}],
    ///     "transitions": []
    /// }"#).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "error[dead-end] line 3, column 18, statuses[0]: no transition leads out of \"Open\", and it is not final\n\
    ///      error[unknown-state] line 3, column 78, statuses[1].state: the state \"closd\" is not known (did you mean \
    ///      \"closed\"?); allowed: new, active, on_hold, resolved, closed, cancelled",
    /// );
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) with all [diagnostics](crate::Error::diagnostics) and
    /// their positions in the text, if one of them is an error.
    pub fn from_json(text: &str) -> Result<Workflow> {
        Workflow::of_reading(json(text))
    }

    /// Reads a workflow from TOML and checks it as a whole. The [module](crate::workflow#the-written-form) lists its
    /// keys.
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let repairs = Workflow::from_toml(r#"
    /// name = "ремонт"
    /// kinds = "repair"
    ///
    /// statuses = [
    ///     { name = "Принят", state = "new" },
    ///     { name = "В работе", state = "active", leave = "field.cost" },
    ///     { name = "Проверка", state = "active" },
    ///     { name = "Готов", state = "resolved" },
    ///     { name = "Выдан", state = "closed" },
    ///     { name = "Отказ", state = "cancelled" },
    /// ]
    ///
    /// transitions = [
    ///     { from = "Принят", action = "start", to = "В работе" },
    ///     { from = "В работе", action = "move", to = "Проверка" },
    ///     { from = "В работе", action = "resolve", to = "Готов", when = "дёшево" },
    ///     { from = "Проверка", action = "resolve", to = "Готов", may = "role:lead" },
    ///     { from = "Готов", action = "reopen", to = "В работе" },
    ///     { from = "Готов", action = "close", to = "Выдан" },
    ///     { from = ["Принят", "В работе"], action = "cancel", to = "Отказ", reason = true },
    /// ]
    ///
    /// [guards]
    /// "дёшево" = { field = "field.cost", at_most = 3000 }
    /// "#)?;
    /// # assert_eq!(repairs.warnings().len(), 0);
    /// assert_eq!(repairs.start().name, "Принят");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`from_json`](Workflow::from_json).
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Workflow> {
        Workflow::of_reading(toml(text))
    }

    fn of_reading(
        (definition, diagnostics): (Option<WorkflowDefinition>, Vec<Diagnostic>),
    ) -> Result<Workflow> {
        let diagnostics = sorted(diagnostics);
        match definition {
            Some(definition) => definition.build_with(diagnostics),
            // A text that could not be read at all has at least one error.
            None => Err(Refused(diagnostics).into()),
        }
    }
}

/// Reads JSON. Returns the definition, if the text is valid JSON, and all diagnostics.
pub(super) fn json(text: &str) -> (Option<WorkflowDefinition>, Vec<Diagnostic>) {
    read_and_check(source::json::read(text))
}

/// Reads TOML. Returns the definition, if the text is valid TOML, and all diagnostics.
#[cfg(feature = "toml")]
pub(super) fn toml(text: &str) -> (Option<WorkflowDefinition>, Vec<Diagnostic>) {
    read_and_check(source::toml::read(text))
}

fn read_and_check(source: Source) -> (Option<WorkflowDefinition>, Vec<Diagnostic>) {
    let mut diagnostics = source.diagnostics;
    let Some(root) = source.root else { return (None, diagnostics) };
    let (definition, more) = read_node(&root, &fields());
    diagnostics.extend(more);
    (definition, diagnostics)
}

/// Reads a definition and checks it as a whole, for a ticket with these fields.
fn read_node(root: &Node, fields: &Fields) -> (Option<WorkflowDefinition>, Vec<Diagnostic>) {
    let Reading { definition, mut diagnostics, positions, gaps } = read(root);
    if let Some(definition) = &definition {
        diagnostics.extend(check::diagnostics(definition, fields, &gaps));
    }
    for diagnostic in &mut diagnostics {
        diagnostic.locate(|path| positions.of(path));
    }
    (definition, diagnostics)
}

impl WorkflowDefinition {
    /// Reads one workflow of a policy and checks it as a whole, for a ticket with these custom fields. `None` accepts
    /// every `field.NAME`.
    pub(crate) fn read(
        node: &Node,
        custom: Option<&Fields>,
    ) -> (Option<WorkflowDefinition>, Vec<Diagnostic>) {
        read_node(node, &custom.map_or_else(fields, |it| guard_fields(it.clone())))
    }
}

/// Every format is read by the same code, so there is one description of the written form.
impl<'de> Deserialize<'de> for WorkflowDefinition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<WorkflowDefinition, D::Error> {
        let reading = read(&Node::read(from)?);
        match reading.definition {
            Some(definition) if reading.diagnostics.is_empty() => Ok(definition),
            _ => Err(D::Error::custom(Refused(sorted(reading.diagnostics)))),
        }
    }
}

const KEYS: &[&str] = &["name", "version", "kinds", "guards", "statuses", "transitions", "rules"];
const STATUS_KEYS: &[&str] = &["name", "state", "default", "reason", "enter", "leave"];
const TRANSITION_KEYS: &[&str] = &["from", "action", "to", "when", "may", "reason"];
const RULE_KEYS: &[&str] = &["every_path_to", "must_pass"];

/// Reads a definition.
pub(super) fn read(root: &Node) -> Reading {
    let (positions, repeated) = root.survey();
    let mut reader = Reader { diagnostics: repeated, ..Reader::default() };
    let definition = reader.table(root, "", KEYS).map(|table| definition(&mut reader, &table));
    Reading { definition, diagnostics: reader.diagnostics, positions, gaps: reader.gaps }
}

fn definition(reader: &mut Reader, table: &Table<'_>) -> WorkflowDefinition {
    let name = reader.required(table, "name", "the name of the workflow");
    let name = name.and_then(|node| reader.text(node, "name"));
    // The missing name is an error already. The placeholder avoids a second one for an empty name.
    let mut definition = WorkflowDefinition::new(name.unwrap_or_else(|| "unnamed".to_owned()));
    if let Some(version) = table.get("version") {
        definition.version = reader.version(version);
    }
    if let Some(kinds) = table.get("kinds") {
        definition.kinds = reader.set(kinds, "kinds").unwrap_or_default();
        reader.not_empty(kinds, "kinds", "every kind");
    }
    if let Some(guards) = table.get("guards") {
        definition.guards = reader.guards(guards);
    }
    let statuses = reader.required(table, "statuses", "a list of tables with name and state");
    for (path, node) in reader.tables(statuses, "statuses") {
        definition.statuses.push(status(reader, node, &path));
    }
    let transitions = reader.required(table, "transitions", "a list of tables with from, action and to");
    for (path, node) in reader.tables(transitions, "transitions") {
        definition.transitions.push(transition(reader, node, &path));
    }
    for (path, node) in reader.tables(table.get("rules"), "rules") {
        definition.rules.push(rule(reader, node, &path));
    }
    definition
}

fn status(reader: &mut Reader, node: &Node, path: &str) -> Status {
    // The placeholder for an unreadable name differs from every other name.
    let (unnamed, any) = (|| format!("?{path}"), StateKind::New);
    let Some(table) = reader.part(path, |it| it.table(node, path, STATUS_KEYS)) else {
        return Status::new(unnamed(), any);
    };
    let at = |key| table.path(key);
    let name = reader.part(&at("name"), |it| {
        let node = it.required(&table, "name", "the name of the status")?;
        it.text(node, &at("name"))
    });
    let state = reader.part(&at("state"), |it| {
        let node = it.required(&table, "state", "the state that it refines")?;
        it.state(node, &at("state"))
    });
    let mut status = Status::new(name.unwrap_or_else(unnamed), state.unwrap_or(any));
    if let Some(node) = table.get("default") {
        status.default = reader.part(&at("default"), |it| it.flag(node, &at("default"))).unwrap_or_default();
    }
    if let Some(node) = table.get("reason") {
        status.reason = reader.part(&at("reason"), |it| it.text(node, &at("reason"))).map(Into::into);
    }
    if let Some(node) = table.get("enter") {
        status.enter = reader.part(&at("enter"), |it| it.set(node, &at("enter"))).unwrap_or_default();
    }
    if let Some(node) = table.get("leave") {
        status.leave = reader.part(&at("leave"), |it| it.set(node, &at("leave"))).unwrap_or_default();
    }
    status
}

fn transition(reader: &mut Reader, node: &Node, path: &str) -> Transition {
    let mut transition = Transition::within("", "");
    let Some(table) = reader.part(path, |it| it.table(node, path, TRANSITION_KEYS)) else {
        return transition;
    };
    let at = |key| table.path(key);
    let from = reader.part(&at("from"), |it| {
        let node = it.required(&table, "from", "one status or a list of them")?;
        it.texts(node, &at("from"))
    });
    let action = reader.part(&at("action"), |it| {
        let node = it.required(&table, "action", "a step of the lifecycle, or move")?;
        it.action(node, &at("action"))
    });
    let to = reader.part(&at("to"), |it| {
        let node = it.required(&table, "to", "the status to which it leads")?;
        it.text(node, &at("to"))
    });
    let plain = |texts: Vec<(&Node, String)>| texts.into_iter().map(|(_, text)| text).collect();
    transition.from = from.map(plain).unwrap_or_default();
    transition.action = action.unwrap_or(transition.action);
    transition.to = to.unwrap_or_default();
    if let Some(node) = table.get("when") {
        reader.not_empty(node, &at("when"), "always");
        let when = reader.part(&at("when"), |it| it.texts(node, &at("when")));
        transition.when = when.map(plain).unwrap_or_default();
    }
    if let Some(node) = table.get("may") {
        reader.not_empty(node, &at("may"), "everybody whom the lifecycle allows");
        transition.may = reader.part(&at("may"), |it| it.performers(node, &at("may"))).unwrap_or_default();
    }
    transition.reason =
        table.get("reason").and_then(|node| reader.flag(node, &at("reason"))).unwrap_or_default();
    transition
}

fn rule(reader: &mut Reader, node: &Node, path: &str) -> MustPass {
    let any = StatusSelector::State(StateKind::New);
    let Some(table) = reader.part(path, |it| it.table(node, path, RULE_KEYS)) else {
        return MustPass { every_path_to: any.clone(), must_pass: any };
    };
    let mut selector = |key, expected| {
        let selector = reader.part(&table.path(key), |it| {
            let node = it.required(&table, key, expected)?;
            it.selector(node, &table.path(key))
        });
        selector.unwrap_or(any.clone())
    };
    let every_path_to = selector("every_path_to", "a status, or a state as state:closed");
    MustPass { every_path_to, must_pass: selector("must_pass", "a status, or a state as state:resolved") }
}

#[cfg(test)]
mod tests;
