//! Random workflow definitions: raw ones, with valid names and a random graph, and ones repaired by the findings of
//! the validator.

use firstline::lifecycle::{StateKind, StepKind};
use firstline::workflow::{DiagnosticKind, Performer, Status, StatusSelector, Transition, Trigger};
use firstline::{Condition, HoldReason, Line, WorkflowDefinition};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

/// The guards of every definition. [`crate::model::naive`] evaluates each independently.
pub(crate) const GUARDS: [&str; 7] = ["dear", "noted", "sorted", "marked", "pressing", "lead", "by agent"];

/// Fields that statuses demand.
const DEMANDS: [&str; 7] = ["category", "tags", "team", "assignee", "requester", "field.price", "field.note"];

fn performers() -> Vec<Performer> {
    vec![
        Performer::Requester,
        Performer::Agent,
        Performer::Automation,
        Performer::Line(Line::Second),
        Performer::Role("lead".to_owned()),
        Performer::Role("clerk".to_owned()),
    ]
}

#[derive(Debug, Clone)]
struct RawStatus {
    state: StateKind,
    reason: Option<&'static str>,
    default: bool,
    enter: Vec<&'static str>,
    leave: Vec<&'static str>,
    code: (bool, bool),
    /// A transition to an active status, if there is one, for messages and timers.
    options: Option<RawTransition>,
}

#[derive(Debug, Clone)]
struct RawTransition {
    from: Index,
    also_from: Option<Index>,
    to: Index,
    trigger: Index,
    when: Vec<&'static str>,
    may: Vec<Performer>,
    reason: bool,
}

fn raw_status() -> impl Strategy<Value = RawStatus> {
    use StateKind::{Active, Cancelled, Closed, New, OnHold, Resolved};
    let state = prop_oneof![
        1 => Just(New), 4 => Just(Active), 4 => Just(OnHold), 3 => Just(Resolved), 3 => Just(Closed), 1 => Just(Cancelled)
    ];
    let reason = prop::option::of(select(vec!["customer", "third_party", "parcel"]));
    let demands = || prop_oneof![3 => Just(Vec::new()), 1 => subsequence(DEMANDS.to_vec(), 1..3)];
    let code = (prop::bool::weighted(0.25), prop::bool::weighted(0.1));
    let options = prop::option::weighted(0.7, raw_transition());
    (state, reason, any::<bool>(), demands(), demands(), code, options).prop_map(
        |(state, reason, default, enter, leave, code, options)| RawStatus {
            state,
            reason,
            default,
            enter,
            leave,
            code,
            options,
        },
    )
}

fn raw_transition() -> impl Strategy<Value = RawTransition> {
    let when = prop_oneof![3 => Just(Vec::new()), 2 => subsequence(GUARDS.to_vec(), 1..3)];
    let may = prop_oneof![3 => Just(Vec::new()), 2 => subsequence(performers(), 1..3)];
    let also = prop::option::weighted(0.2, any::<Index>());
    (any::<Index>(), also, any::<Index>(), any::<Index>(), when, may, prop::bool::weighted(0.2)).prop_map(
        |(from, also_from, to, trigger, when, may, reason)| RawTransition {
            from,
            also_from,
            to,
            trigger,
            when,
            may,
            reason,
        },
    )
}

/// The triggers that lead from one state to another.
fn triggers(from: StateKind, to: StateKind, itself: bool) -> Vec<Trigger> {
    let mut triggers: Vec<Trigger> = StepKind::ALL
        .iter()
        .filter(|step| from.accepts(**step) && step.target() == to)
        .map(|step| Trigger::Step(*step))
        .collect();
    if from == to && !itself {
        triggers.push(Trigger::Move);
    }
    triggers
}

fn transition(trigger: Trigger, from: &str, to: &str) -> Transition {
    match trigger {
        Trigger::Step(step) => Transition::step(step, from, to),
        Trigger::Move => Transition::within(from, to),
    }
}

fn assemble(
    raw: Vec<RawStatus>,
    transitions: Vec<RawTransition>,
    rules: Vec<(Index, Index, bool, bool)>,
) -> WorkflowDefinition {
    let mut definition = WorkflowDefinition::new("random");
    let (mut defaults, mut start) = (Vec::new(), None);
    for (place, raw) in raw.iter().enumerate() {
        let mut status = Status::new(format!("{}{place}", raw.state.name()), raw.state);
        status.default = raw.default && !defaults.contains(&raw.state);
        if status.default {
            defaults.push(raw.state);
        }
        if raw.state == StateKind::OnHold {
            status.reason = raw.reason.map(HoldReason::from);
        }
        if raw.state == StateKind::New && start.is_none() {
            start = Some(place);
        } else {
            status.enter.extend(raw.enter.iter().map(ToString::to_string));
        }
        if !raw.state.is_final() {
            status.leave.extend(raw.leave.iter().map(ToString::to_string));
        }
        if raw.code.0 && matches!(raw.state, StateKind::Resolved | StateKind::Closed) {
            status.enter.insert("resolution_code".to_owned());
        }
        if raw.code.1 && raw.state == StateKind::Resolved {
            status.leave.insert("resolution_code".to_owned());
        }
        definition = definition.status(status);
    }
    let mut of_new = definition.statuses.iter_mut().filter(|it| it.state == StateKind::New);
    if let Some(first) = of_new.next() {
        of_new.for_each(|it| it.default = false);
        (first.default, first.enter) = (true, Default::default());
    }
    for (name, condition) in [
        ("dear", Condition::field("field.price").at_least(100)),
        ("noted", Condition::field("field.note").exists()),
        ("sorted", Condition::field("category").exists()),
        ("marked", Condition::field("tags").contains("vip")),
        ("pressing", Condition::field("priority").at_most(3)),
        ("lead", Condition::field("actor.role").is("lead")),
        ("by agent", Condition::field("actor.is").is("agent")),
    ] {
        definition = definition.guard(name, condition);
    }
    let of_active = |it: &usize| raw[*it].state == StateKind::Active;
    let active: Vec<usize> = (0..raw.len()).filter(of_active).collect();
    for (from, raw) in raw.iter().enumerate() {
        let Some(options) =
            raw.options.as_ref().filter(|_| !active.is_empty() && raw.state != StateKind::Active)
        else {
            continue;
        };
        let to = *options.to.get(&active);
        let Some(trigger) = triggers(raw.state, StateKind::Active, false).first().copied() else { continue };
        let mut made = transition(trigger, &definition.statuses[from].name, &definition.statuses[to].name);
        made.when = options.when.iter().map(ToString::to_string).collect();
        (made.may, made.reason) = (options.may.clone(), options.reason);
        definition = definition.transition(made);
    }
    for raw in transitions {
        let statuses = &definition.statuses;
        let (from, to) = (raw.from.index(statuses.len()), raw.to.index(statuses.len()));
        let triggers = triggers(statuses[from].state, statuses[to].state, from == to);
        if triggers.is_empty() {
            continue;
        }
        let trigger = *raw.trigger.get(&triggers);
        let mut made = transition(trigger, &statuses[from].name, &statuses[to].name);
        if let Some(also) = raw.also_from.map(|it| it.index(statuses.len()))
            && also != from
            && self::triggers(statuses[also].state, statuses[to].state, also == to).contains(&trigger)
        {
            made = made.or_from(&statuses[also].name);
        }
        made.when = raw.when.iter().map(ToString::to_string).collect();
        (made.may, made.reason) = (raw.may, raw.reason);
        definition = definition.transition(made);
    }
    for (to, passes, state, other_state) in rules {
        let selector = |place: Index, of_state: bool| {
            let status = place.get(&definition.statuses);
            if of_state {
                StatusSelector::State(status.state)
            } else {
                StatusSelector::Status(status.name.clone())
            }
        };
        let (to, passes) = (selector(to, state), selector(passes, other_state));
        definition = definition.every_path_to(to, passes);
    }
    definition
}

/// Definitions with a start, an end and valid names. Their graph is random.
pub(crate) fn raw(statuses: usize, rules: usize) -> impl Strategy<Value = WorkflowDefinition> {
    drawn(statuses, rules, None)
}

fn drawn(
    statuses: usize,
    rules: usize,
    last_but_one: Option<StateKind>,
) -> impl Strategy<Value = WorkflowDefinition> {
    let all = prop::collection::vec(raw_status(), usize::from(last_but_one.is_some())..statuses - 1);
    let transitions = prop::collection::vec(raw_transition(), 1..3 * statuses);
    let rule = (any::<Index>(), any::<Index>(), any::<bool>(), any::<bool>());
    (raw_status(), all, raw_status(), transitions, prop::collection::vec(rule, 0..=rules)).prop_map(
        move |(mut first, mut middle, mut last, transitions, rules)| {
            (first.state, last.state) = (StateKind::New, StateKind::Closed);
            if let (Some(state), Some(status)) = (last_but_one, middle.last_mut()) {
                status.state = state;
            }
            assemble([vec![first], middle, vec![last]].concat(), transitions, rules)
        },
    )
}

/// Definitions repaired by the findings of the validator, which accepts nearly all of them.
pub(crate) fn repaired() -> impl Strategy<Value = WorkflowDefinition> {
    drawn(12, 1, Some(StateKind::Resolved)).prop_map(repair)
}

/// Removes each part that the validator finds faulty, or adds a transition out of it.
fn repair(mut definition: WorkflowDefinition) -> WorkflowDefinition {
    // Each round removes a fault or a faulty element, so 200 rounds are always enough.
    for _ in 0..200 {
        let mut findings = definition.check();
        findings.retain(|it| it.is_error());
        let Some(fault) = findings.first() else { break };
        let (list, place) = place_of(&fault.path);
        let mut of_ways: Vec<_> =
            findings.iter().filter(|it| place_of(&it.path).0 == "transitions").collect();
        if !of_ways.is_empty() {
            // In reverse order, so that the earlier indexes stay valid.
            of_ways.sort_by_key(|it| std::cmp::Reverse(place_of(&it.path).1));
            of_ways.dedup_by_key(|it| place_of(&it.path).1);
            for fault in of_ways {
                let place = place_of(&fault.path).1;
                if fault.kind == DiagnosticKind::Ambiguous {
                    definition.transitions[place].when = vec![GUARDS[place % GUARDS.len()].to_owned()];
                } else {
                    definition.transitions.remove(place);
                }
            }
            continue;
        }
        match (list, fault.kind) {
            ("rules", _) => drop(definition.rules.remove(place)),
            (_, DiagnosticKind::Unreachable) => {
                let to = definition.statuses[place].clone();
                let reached = |it: &&Status| {
                    it.name != to.name
                        && !findings.iter().any(|other| {
                            other.kind == DiagnosticKind::Unreachable
                                && definition.statuses.iter().position(|at| at.name == it.name)
                                    == other.path.trim_matches(|it: char| !it.is_ascii_digit()).parse().ok()
                        })
                        && !triggers(it.state, to.state, false).is_empty()
                };
                let from = definition.statuses.iter().find(reached).cloned();
                match from {
                    Some(from) => {
                        let triggers = triggers(from.state, to.state, false);
                        let trigger = triggers[place % triggers.len()];
                        let mut made = transition(trigger, &from.name, &to.name);
                        made.when = vec![GUARDS[place % GUARDS.len()].to_owned()];
                        definition.transitions.push(made);
                    }
                    None => remove_status(&mut definition, place),
                }
            }
            (_, DiagnosticKind::DeadEnd | DiagnosticKind::Trap | DiagnosticKind::OnlyGuarded)
                if close_all_resolved(&mut definition) => {}
            (_, DiagnosticKind::DeadEnd | DiagnosticKind::Trap | DiagnosticKind::OnlyGuarded) => {
                let from = definition.statuses[place].clone();
                let ends = definition.statuses.iter().filter(|it| it.state.is_final());
                let mut transitions = ends.flat_map(|to| {
                    triggers(from.state, to.state, false).into_iter().rev().map(move |trigger| (trigger, to))
                });
                let options = transitions
                    .next()
                    .map(|(trigger, to)| transition(trigger, &from.name, &to.name))
                    .or_else(|| {
                        let resolved = definition.statuses.iter().find(|it| it.state == StateKind::Resolved);
                        let trigger = if from.state.is_open() { StepKind::Resolve } else { StepKind::Reopen };
                        resolved
                            .filter(|_| from.state.is_open())
                            .map(|to| transition(Trigger::Step(trigger), &from.name, &to.name))
                    });
                match options {
                    Some(options) => {
                        definition.transitions.retain(|it| {
                            it.action != options.action
                                || !it.from.contains(&from.name)
                                || !it.when.is_empty()
                        });
                        definition.transitions.push(options);
                    }
                    None => remove_status(&mut definition, place),
                }
            }
            (_, DiagnosticKind::CannotBeFilled) => {
                definition.statuses[place].enter.insert("resolution_code".to_owned());
            }
            _ => remove_status(&mut definition, place),
        }
    }
    definition
}

/// The list and index that a path names: `transitions[2].to` is the third of `transitions`.
fn place_of(path: &str) -> (&str, usize) {
    let (list, rest) = path.split_once('[').unwrap_or((path, "0]"));
    (list, rest.split(']').next().and_then(|it| it.parse().ok()).unwrap_or(0))
}

/// Adds a closing transition to every resolved status that has none. Returns true if there was one without.
fn close_all_resolved(definition: &mut WorkflowDefinition) -> bool {
    let closed = definition.statuses.iter().find(|it| it.state == StateKind::Closed).cloned();
    let Some(closed) = closed else { return false };
    let resolved = definition.statuses.iter().filter(|it| it.state == StateKind::Resolved);
    let lacking = resolved.filter(|from| {
        let sure = |it: &&Transition| it.when.is_empty() && it.from.contains(&from.name);
        !definition.transitions.iter().filter(sure).any(|it| it.to.starts_with("closed"))
    });
    let transitions: Vec<Transition> =
        lacking.map(|from| transition(Trigger::Step(StepKind::Close), &from.name, &closed.name)).collect();
    let any = !transitions.is_empty();
    definition.transitions.extend(transitions);
    any
}

fn remove_status(definition: &mut WorkflowDefinition, place: usize) {
    if definition.statuses.len() < 2 {
        return;
    }
    let gone = definition.statuses.remove(place).name;
    definition.transitions.retain(|it| it.to != gone);
    definition.transitions.iter_mut().for_each(|it| it.from.retain(|from| *from != gone));
    definition.transitions.retain(|it| !it.from.is_empty());
    definition.rules.clear();
}
