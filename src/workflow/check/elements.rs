//! Checks of the parts one by one: names, lists, fields, and each transition by itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::map::Map;
use super::message::{listed, report, report_two, unknown};
use crate::condition::{Condition, Fields};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::limits;
use crate::suggest;
use crate::workflow::definition::{Status, StatusSelector, WorkflowDefinition};
use crate::workflow::transition::{Transition, Trigger};

/// The maximum number of statuses of a workflow.
pub const MAX_STATUSES: usize = 500;
/// The maximum number of transitions of a workflow. A transition from several statuses counts once for each of them.
pub const MAX_TRANSITIONS: usize = 5_000;
/// The maximum number of guards of a workflow.
pub const MAX_GUARDS: usize = 500;
/// The maximum number of rules of a workflow.
pub const MAX_RULES: usize = 100;

/// The fields that every ticket has and that a status may require, apart from the desk's custom fields.
const TICKET_FIELDS: [&str; 6] = ["category", "tags", "team", "assignee", "requester", "resolution_code"];

/// Reports exceeded limits. The other checks are then skipped, because their cost grows faster than the definition.
pub(super) fn too_many(definition: &WorkflowDefinition) -> Vec<Diagnostic> {
    let edges = definition.transitions.iter().map(|it| it.from.len().max(1)).sum();
    let counts = [
        ("statuses", definition.statuses.len(), MAX_STATUSES),
        ("transitions", edges, MAX_TRANSITIONS),
        ("guards", definition.guards.len(), MAX_GUARDS),
        ("rules", definition.rules.len(), MAX_RULES),
    ];
    let mut found = Vec::new();
    for (what, count, most) in counts.into_iter().filter(|(_, count, most)| count > most) {
        report(
            &mut found,
            DiagnosticKind::LimitExceeded,
            what,
            format!("there are {count}; allowed: up to {most}"),
        );
    }
    let mut lists = vec![("kinds".to_owned(), definition.kinds.len())];
    for (place, it) in definition.statuses.iter().enumerate() {
        lists.push((format!("statuses[{place}].enter"), it.enter.len()));
        lists.push((format!("statuses[{place}].leave"), it.leave.len()));
    }
    for (place, it) in definition.transitions.iter().enumerate() {
        lists.push((format!("transitions[{place}].when"), it.when.len()));
        lists.push((format!("transitions[{place}].may"), it.may.len()));
    }
    let most = limits::MAX_ITEMS;
    for (path, count) in lists.into_iter().filter(|(_, count)| *count > most) {
        report(
            &mut found,
            DiagnosticKind::LimitExceeded,
            path,
            format!("there are {count}; allowed: up to {most}"),
        );
    }
    found
}

pub(super) fn check(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let definition = map.definition;
    name("name", &definition.name, found);
    if definition.version == 0 {
        report(found, DiagnosticKind::BadVersion, "version", "the version is 0; the first version is 1");
    }
    for kind in &definition.kinds {
        name("kinds", kind, found);
    }
    guards(map, found);
    statuses(map, found);
    for (number, transition) in definition.transitions.iter().enumerate() {
        ElementCheck { map, path: format!("transitions[{number}]"), found }.transition(transition);
    }
    never_together(map, found);
    duplicates(map, found);
    for (number, rule) in definition.rules.iter().enumerate() {
        for (key, selector) in [("every_path_to", &rule.every_path_to), ("must_pass", &rule.must_pass)] {
            if let StatusSelector::Status(name) = selector {
                ElementCheck { map, path: format!("rules[{number}].{key}"), found }.status(name);
            }
        }
    }
}

fn name(path: &str, text: &str, found: &mut Vec<Diagnostic>) {
    if let Err(error) = limits::declared_name("the name", text) {
        report(found, DiagnosticKind::BadName, path, error.to_string());
    }
}

fn guards(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let fields = map.fields;
    for (guard, condition) in &map.definition.guards {
        let path = format!("guards.{guard}");
        name(&path, guard, found);
        let unknown = condition.unknown_fields(fields);
        for field in &unknown {
            let meant = suggest::unknown(field, fields.names());
            let message = format!("the field {field:?} {meant}; fields: {fields}");
            report(found, DiagnosticKind::UnknownField, &path, message);
        }
        // Comparisons are checked against the field types only if all fields are known.
        let faults = condition.faults(unknown.is_empty().then_some(fields));
        if unknown.is_empty() && faults.is_empty() {
            if !condition.can_hold(fields, &map.budget) {
                let mut message =
                    "the condition can never hold, so no transition with this guard is ever taken".to_owned();
                if *condition != !Condition::ALWAYS {
                    message = format!("{message}: {condition}");
                }
                report(found, DiagnosticKind::NeverHolds, &path, message);
            } else if !(!condition.clone()).can_hold(fields, &map.budget) {
                let message = "the condition always holds; remove the guard";
                report(found, DiagnosticKind::AlwaysHolds, &path, message);
            }
        }
        for fault in faults {
            report(found, DiagnosticKind::BadCondition, &path, fault);
        }
    }
}

/// Reports transitions whose guards exclude each other.
fn never_together(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let mut reported: BTreeSet<usize> = BTreeSet::new();
    let bad: BTreeSet<String> = found
        .iter()
        .filter(|it| it.kind.is_error())
        .filter_map(|it| it.path.strip_prefix("guards.").map(str::to_owned))
        .collect();
    for edge in &map.edges {
        let when = &edge.transition.when;
        let is_sound = !map.may_be_open(edge) && !when.iter().any(|it| bad.contains(it));
        if !is_sound || map.guard_of(edge).can_hold(&map.fields_in(edge.from), &map.budget) {
            continue;
        }
        if reported.insert(edge.place.0) {
            let guards = listed(when.iter().map(String::as_str));
            let message = match when.len() {
                1 => format!("the guard {guards} never holds in the status {:?}", map.name(edge.from)),
                _ => {
                    format!("the guards {guards} never hold together in the status {:?}", map.name(edge.from))
                }
            };
            let path = format!("transitions[{}].when", edge.place.0);
            report(found, DiagnosticKind::NeverHolds, path, message);
        }
    }
}

/// The built-in reason that the author of a custom reason probably meant. `third party` counts as `third_party`.
fn likely_reason(reason: &HoldReason) -> Option<&'static str> {
    let HoldReason::Custom(own) = reason else { return None };
    suggest::nearest(&own.replace(' ', "_"), HoldReason::KNOWN.iter().map(HoldReason::as_str))
}

fn statuses(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let definition = map.definition;
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut normalized: HashMap<String, usize> = HashMap::new();
    let mut defaults: BTreeMap<StateKind, &str> = BTreeMap::new();
    for (place, status) in definition.statuses.iter().enumerate() {
        let path = format!("statuses[{place}]");
        let at = |key: &str| format!("{path}.{key}");
        name(&at("name"), &status.name, found);
        if status.name.starts_with(StatusSelector::STATE) {
            let message =
                format!("{:?} begins with `{}`, which marks a state", status.name, StatusSelector::STATE);
            report(found, DiagnosticKind::BadName, at("name"), message);
        }
        if let Some(first) = seen.insert(&status.name, place) {
            let before = format!("another status has the name {:?} already: ", status.name);
            let halves = [before, String::new()];
            let other = format!("statuses[{first}].name");
            report_two(found, DiagnosticKind::DuplicateStatus, at("name"), halves, other);
        } else {
            let key = status.name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(other) = normalized.insert(key, place) {
                let other = &definition.statuses[other].name;
                let message = format!("{:?} and {other:?} differ only in case or spaces", status.name);
                report(found, DiagnosticKind::SimilarNames, at("name"), message);
            }
        }
        if let (Some(reason), false) = (&status.reason, status.state == StateKind::OnHold)
            && map.has_state[place]
        {
            let message =
                format!("only a status on hold has a reason ({reason}); this one is {}", status.state);
            report(found, DiagnosticKind::ReasonWithoutHold, at("reason"), message);
        }
        if let Some(reason) = &status.reason {
            name(&at("reason"), reason.as_str(), found);
            if let Some(meant) = likely_reason(reason) {
                let message = format!("{:?} is a custom reason; did you mean {meant:?}?", reason.as_str());
                report(found, DiagnosticKind::SimilarReason, at("reason"), message);
            }
        }
        if status.default
            && map.has_state[place]
            && let Some(other) = defaults.insert(status.state, &status.name)
        {
            let message = format!("{other:?} is the default of the state {} already", status.state);
            report(found, DiagnosticKind::MultipleDefaults, at("default"), message);
        }
        required_fields(status, map.has_state[place], map.fields, &path, found);
    }
    start(map, found);
    if map.gaps.cover("statuses") || map.has_state.contains(&false) {
        return;
    }
    if !definition.statuses.iter().any(|it| it.state == StateKind::Closed) {
        let message = "there is no status in the state closed, so no ticket can be closed";
        report(found, DiagnosticKind::NoEnd, "statuses", message);
    }
}

fn start(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let definition = map.definition;
    let new_statuses: Vec<_> = definition.statuses.iter().filter(|it| it.state == StateKind::New).collect();
    let Some(start) = map.start else {
        // A status that could not be read may be the start, or the default of the state new.
        if map.is_whole.contains(&false) || map.gaps.cover("statuses") {
            return;
        }
        return match new_statuses.is_empty() {
            true => {
                let message = "there is no status in the state new, in which every ticket begins";
                report(found, DiagnosticKind::NoStart, "statuses", message);
            }
            false => {
                let names = listed(new_statuses.iter().map(|it| it.name.as_str()));
                let message =
                    format!("the start status is ambiguous: {names}; mark one with `default = true`");
                report(found, DiagnosticKind::AmbiguousStart, "statuses", message);
            }
        };
    };
    if !definition.statuses[start].enter.is_empty() {
        let message = "every ticket begins here, and a new request is never refused; require the field on leaving instead";
        report(found, DiagnosticKind::RequiredAtStart, format!("statuses[{start}].enter"), message);
    }
}

/// Checks required fields. A resolution code is given with the resolution, so it cannot be required earlier.
fn required_fields(
    status: &Status,
    has_state: bool,
    fields: &Fields,
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    let resolved = status.state == StateKind::Resolved;
    let sides = [
        ("enter", &status.enter, resolved || status.state == StateKind::Closed),
        ("leave", &status.leave, resolved),
    ];
    for (side, required, has_code) in sides {
        for field in required {
            let path = format!("{path}.{side}");
            let known =
                || TICKET_FIELDS.into_iter().chain(fields.names().filter(|it| it.starts_with("field.")));
            let declared = field.starts_with("field.") && fields.knows(field);
            if !TICKET_FIELDS.contains(&field.as_str()) && !declared {
                let allowed = known().collect::<Vec<_>>().join(", ");
                let own = if fields.is_open("field.x") { ", field.NAME" } else { "" };
                let meant = suggest::unknown(field, known());
                let message =
                    format!("the field {field:?} {meant}; fields that can be required: {allowed}{own}");
                report(found, DiagnosticKind::UnknownField, path, message);
            } else if field == "resolution_code" && !has_code && has_state {
                let message = "the step that resolves a ticket sets the resolution code; require it on entering a \
                               status in the state resolved or closed";
                report(found, DiagnosticKind::CannotBeFilled, path, message);
            }
        }
        if side == "leave" && !required.is_empty() && status.state.is_final() && has_state {
            let message = format!("no step leads out of the state {}", status.state);
            report(found, DiagnosticKind::CannotBeFilled, format!("{path}.leave"), message);
        }
    }
}

/// Checks one part of the definition.
struct ElementCheck<'a, 'm> {
    map: &'m Map<'a>,
    path: String,
    found: &'m mut Vec<Diagnostic>,
}

impl<'a> ElementCheck<'a, '_> {
    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn report(&mut self, kind: DiagnosticKind, path: String, message: String) {
        report(self.found, kind, path, message);
    }

    /// Looks up a status. `self.path` is the path of the name itself.
    fn status(&mut self, name: &str) -> Option<usize> {
        self.status_at(name, self.path.clone())
    }

    fn status_at(&mut self, name: &str, path: String) -> Option<usize> {
        let statuses: &'a [Status] = self.map.statuses();
        let found = statuses.iter().position(|it| it.name == name);
        // The name may be that of a status whose name could not be read.
        if found.is_none() && !self.map.lacks_names() {
            let known = || statuses.iter().map(|it| it.name.as_str());
            let message = unknown(("status", "statuses"), name, known, self.found);
            self.report(DiagnosticKind::UnknownStatus, path, message);
        }
        found
    }

    fn transition(&mut self, transition: &Transition) {
        if transition.from.is_empty() {
            let message = "the transition has no source; name at least one status".to_owned();
            self.report(DiagnosticKind::EmptyList, self.at("from"), message);
        }
        self.repeated("from", transition.from.iter().map(|it| format!("{it:?}")));
        self.repeated("when", transition.when.iter().map(|it| format!("{it:?}")));
        self.repeated("may", transition.may.iter().map(|it| format!("\"{it}\"")));
        for (nth, guard) in transition.when.iter().enumerate() {
            let guards = &self.map.definition.guards;
            if !guards.contains_key(guard) && !self.map.gaps.cover("guards") {
                let known = || guards.keys().map(String::as_str);
                let message = unknown(("guard", "guards"), guard, known, self.found);
                self.report(DiagnosticKind::UnknownGuard, self.at(&format!("when[{nth}]")), message);
            }
        }
        // A resume may be limited to the requester: a message resumes the ticket.
        if let Trigger::Step(step) = transition.action
            && step != StepKind::Resume
            && !transition.has_permitted_performer()
            && !self.map.gaps.cover(&self.at("action"))
        {
            let allowed = if step == StepKind::Confirm { "the requester" } else { "agents and programs" };
            let message = format!("{step} is for {allowed}, so none of these performers may take it");
            self.report(DiagnosticKind::NoPermittedPerformer, self.at("may"), message);
        }
        let to = self.status_at(&transition.to, self.at("to"));
        for (nth, from) in transition.from.iter().enumerate() {
            let path = self.at(&format!("from[{nth}]"));
            if let (Some(from), Some(to)) = (self.status_at(from, path.clone()), to)
                && self.map.is_whole[from]
                && self.map.is_whole[to]
                && !self.map.gaps.cover(&self.at("action"))
            {
                let statuses = self.map.statuses();
                self.edge(&statuses[from], &statuses[to], transition.action, path);
            }
        }
    }

    fn repeated(&mut self, key: &str, names: impl Iterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for (nth, name) in names.enumerate() {
            if seen.contains(&name) {
                let message = format!("{name} is listed twice");
                self.report(DiagnosticKind::DuplicateItem, self.at(&format!("{key}[{nth}]")), message);
            }
            seen.insert(name);
        }
    }

    /// Checks an edge against the lifecycle.
    fn edge(&mut self, from: &Status, to: &Status, trigger: Trigger, path: String) {
        let description = format!("{trigger} from {:?} to {:?}", from.name, to.name);
        match trigger {
            Trigger::Step(step) if !from.state.accepts(step) => {
                let accepted = from.state.accepted().map(|it| it.to_string()).collect::<Vec<_>>().join(", ");
                let accepted = if accepted.is_empty() { "no step, only a move".to_owned() } else { accepted };
                let message = format!(
                    "{description}: the state {} does not accept {trigger}; it accepts: {accepted}",
                    from.state
                );
                self.report(DiagnosticKind::ForbiddenByState, path, message);
            }
            Trigger::Step(step) if step.target() != to.state => {
                let available = listed(
                    self.map
                        .statuses()
                        .iter()
                        .filter(|it| it.state == step.target())
                        .map(|it| it.name.as_str()),
                );
                let message = format!(
                    "{description}: {trigger} leads to the state {}, but {:?} is {}; statuses that are {}: {available}",
                    step.target(),
                    to.name,
                    to.state,
                    step.target(),
                );
                self.report(DiagnosticKind::WrongTarget, path, message);
            }
            Trigger::Move if from.state != to.state => {
                let steps: Vec<String> = StepKind::ALL
                    .iter()
                    .filter(|step| from.state.accepts(**step) && step.target() == to.state)
                    .map(ToString::to_string)
                    .collect();
                let instead =
                    if steps.is_empty() { "no step leads there".to_owned() } else { steps.join(" or ") };
                let message = format!(
                    "{description}: a move keeps the state, but this one goes from {} to {}; use instead: {instead}",
                    from.state, to.state,
                );
                self.report(DiagnosticKind::MoveBetweenStates, path, message);
            }
            Trigger::Move if to.reason.is_some() && to.reason != from.reason => {
                let waits =
                    |it: &Status| it.reason.as_ref().map_or("anything".to_owned(), ToString::to_string);
                let message = format!(
                    "{description}: a move keeps the hold reason, but this one goes from waiting for {} to waiting for {}; \
                     use instead: hold",
                    waits(from),
                    waits(to),
                );
                self.report(DiagnosticKind::MoveBetweenStates, path, message);
            }
            Trigger::Move if from.name == to.name => {
                self.report(DiagnosticKind::MoveToItself, path, format!("{description} changes nothing"));
            }
            _ => {}
        }
    }
}

/// Reports transitions that are defined twice for overlapping performers.
fn duplicates(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    type Same<'a> = (&'a str, Trigger, &'a str, BTreeSet<&'a str>);
    let mut seen: HashMap<Same<'_>, Vec<(usize, &Transition)>> = HashMap::new();
    for (number, transition) in map.definition.transitions.iter().enumerate() {
        if map.gaps.touch(&format!("transitions[{number}]")) {
            continue;
        }
        let when: BTreeSet<&str> = transition.when.iter().map(String::as_str).collect();
        let froms: HashSet<&str> = transition.from.iter().map(String::as_str).collect();
        let mut reported = false;
        for from in &transition.from {
            if !froms.contains(from.as_str()) {
                continue;
            }
            let same = seen.entry((from, transition.action, &transition.to, when.clone())).or_default();
            if let Some((other, _)) =
                same.iter().find(|(other, it)| *other != number && it.overlaps(transition))
                && !reported
            {
                reported = true;
                let before = format!(
                    "{} from {from:?} to {:?} is defined already: ",
                    transition.action, transition.to
                );
                let path = format!("transitions[{number}]");
                let other = format!("transitions[{other}]");
                let halves = [before, String::new()];
                report_two(found, DiagnosticKind::DuplicateTransition, path, halves, other);
            }
            same.push((number, transition));
        }
    }
}
