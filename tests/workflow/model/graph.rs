//! A second opinion on the validator's graph findings: it walks every path without a repeated status, which is exact
//! for small graphs and shares no algorithm with the validator.

use std::collections::BTreeSet;

use firstline::WorkflowDefinition;
use firstline::lifecycle::StepKind;
use firstline::workflow::{DiagnosticKind, Performer, Status, StatusSelector, Transition, Trigger};
use firstline::{HoldReason, StateKind};
use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};
use proptest::prelude::*;

/// True if a transition from this status counts.
type Counts<'a> = &'a dyn Fn(&Status, &Transition) -> bool;

pub(crate) struct Paths<'a> {
    definition: &'a WorkflowDefinition,
    /// A deliberate mistake: guards are ignored.
    ignores_guards: bool,
}

impl<'a> Paths<'a> {
    pub(crate) fn of(definition: &'a WorkflowDefinition, ignores_guards: bool) -> Paths<'a> {
        Paths { definition, ignores_guards }
    }

    fn place(&self, name: &str) -> usize {
        self.definition.statuses.iter().position(|it| it.name == name).unwrap()
    }

    /// Calls back with every path from a status that repeats none, over the transitions that count.
    fn each(&self, from: usize, counts: Counts<'_>, see: &mut dyn FnMut(&[usize])) {
        self.extend_path(&mut vec![from], counts, see);
    }

    fn extend_path(&self, path: &mut Vec<usize>, counts: Counts<'_>, see: &mut dyn FnMut(&[usize])) {
        see(path);
        let at = &self.definition.statuses[*path.last().unwrap()];
        let mut next = BTreeSet::new();
        for transition in self.definition.transitions.iter().filter(|it| counts(at, it)) {
            if transition.from.contains(&at.name) {
                next.insert(self.place(&transition.to));
            }
        }
        for to in next {
            if !path.contains(&to) {
                path.push(to);
                self.extend_path(path, counts, see);
                path.pop();
            }
        }
    }

    fn reached(&self, from: usize, counts: Counts<'_>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        self.each(from, counts, &mut |path| {
            reached.insert(*path.last().unwrap());
        });
        reached
    }

    fn ends(&self, from: usize, counts: Counts<'_>) -> bool {
        self.reached(from, counts).iter().any(|it| self.definition.statuses[*it].state.is_final())
    }

    fn start(&self) -> usize {
        let of_new = || self.definition.statuses.iter().filter(|it| it.state == StateKind::New);
        let start = of_new().find(|it| it.default).or(of_new().next()).unwrap();
        self.place(&start.name)
    }

    /// True if the transition leaves the status for certain. A requester can resume only with a message, so the ticket
    /// must wait for the customer and no other transition may take precedence over this one.
    fn can_leave_by(&self, from: &Status, transition: &Transition) -> bool {
        let resume = Trigger::Step(StepKind::Resume);
        if transition.action != resume || transition.may != [Performer::Requester] {
            return true;
        }
        let to = &self.definition.statuses[self.place(&transition.to)];
        let elsewhere = self.definition.transitions.iter().any(|other| {
            let theirs = other.may.is_empty() || other.may.contains(&Performer::Requester);
            let before = !other.when.is_empty() || !to.default;
            other.action == resume
                && other.from.contains(&from.name)
                && theirs
                && other.to != transition.to
                && before
        });
        from.reason == Some(HoldReason::Customer) && !elsewhere
    }

    fn statuses_of(&self, selector: &StatusSelector) -> BTreeSet<usize> {
        let is = |place: &usize| match selector {
            StatusSelector::Status(name) => self.definition.statuses[*place].name == *name,
            StatusSelector::State(state) => self.definition.statuses[*place].state == *state,
        };
        (0..self.definition.statuses.len()).filter(is).collect()
    }

    /// Compares all graph findings of the validator. The path of every finding names its status or rule.
    pub(crate) fn compare(&self) -> Result<(), TestCaseError> {
        let found = |kinds: &[DiagnosticKind]| -> BTreeSet<usize> {
            let findings = self.definition.check();
            let number = |path: &str| path.split(['[', ']']).nth(1).unwrap().parse().unwrap();
            findings.iter().filter(|it| kinds.contains(&it.kind)).map(|it| number(&it.path)).collect()
        };
        let all = || 0..self.definition.statuses.len();
        let every = |_: &Status, _: &Transition| true;
        let unguarded = |from: &Status, transition: &Transition| {
            (transition.when.is_empty() || self.ignores_guards) && self.can_leave_by(from, transition)
        };

        let reached = self.reached(self.start(), &every);
        let unreached: BTreeSet<usize> = all().filter(|it| !reached.contains(it)).collect();
        prop_assert_eq!(found(&[DiagnosticKind::Unreachable]), unreached, "unreachable");

        // Every reported status is stuck, and every stuck status leads to a reported one.
        let stuck: BTreeSet<usize> = all().filter(|it| !self.ends(*it, &every)).collect();
        let named = found(&[DiagnosticKind::DeadEnd, DiagnosticKind::Trap]);
        prop_assert!(named.is_subset(&stuck), "{named:?} reported, {stuck:?} stuck");
        for it in &stuck {
            let leads = self.reached(*it, &every).iter().any(|it| named.contains(it));
            prop_assert!(leads, "{} is stuck but not reported", self.definition.statuses[*it].name);
        }
        let dead: BTreeSet<usize> = all()
            .filter(|it| stuck.contains(it) && self.reached(*it, &every).len() == 1)
            .filter(|it| {
                !self
                    .definition
                    .transitions
                    .iter()
                    .any(|transition| transition.from.contains(&self.definition.statuses[*it].name))
            })
            .collect();
        prop_assert_eq!(found(&[DiagnosticKind::DeadEnd]), dead, "dead ends");

        let only_guarded: BTreeSet<usize> =
            all().filter(|it| !stuck.contains(it) && !self.ends(*it, &unguarded)).collect();
        let named = found(&[DiagnosticKind::OnlyGuarded]);
        prop_assert!(
            named.is_subset(&only_guarded),
            "{named:?} reported, {only_guarded:?} ended only by guards"
        );
        for it in &only_guarded {
            let leads =
                self.reached(*it, &unguarded).iter().any(|it| named.contains(it) || stuck.contains(it));
            prop_assert!(
                leads,
                "{} ends only by guards but is not reported",
                self.definition.statuses[*it].name
            );
        }
        self.rules(&found(&[DiagnosticKind::Bypass]))
    }

    fn rules(&self, found: &BTreeSet<usize>) -> Result<(), TestCaseError> {
        let mut bypassed = BTreeSet::new();
        for (number, rule) in self.definition.rules.iter().enumerate() {
            if rule.every_path_to == rule.must_pass {
                continue;
            }
            let (to, passes) = (self.statuses_of(&rule.every_path_to), self.statuses_of(&rule.must_pass));
            self.each(self.start(), &|_, _| true, &mut |path| {
                let round = !path.iter().any(|it| passes.contains(it));
                if to.contains(path.last().unwrap()) && round {
                    bypassed.insert(number);
                }
            });
            if to.len() == 1 && passes.len() == 1 {
                let (to, passes) = (*to.first().unwrap(), *passes.first().unwrap());
                let kept = self.dominates(passes, to);
                prop_assert_eq!(kept, !found.contains(&number), "rule {} by dominators", number);
            }
        }
        prop_assert_eq!(found, &bypassed, "rules");
        Ok(())
    }

    /// True if every path from the start to one status passes another, or if there is no path.
    fn dominates(&self, passes: usize, to: usize) -> bool {
        let mut graph: DiGraph<(), ()> = DiGraph::new();
        for _ in &self.definition.statuses {
            graph.add_node(());
        }
        for transition in &self.definition.transitions {
            for from in &transition.from {
                let (from, to) = (self.place(from), self.place(&transition.to));
                graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
            }
        }
        let dominators = simple_fast(&graph, NodeIndex::new(self.start()));
        dominators.dominators(NodeIndex::new(to)).is_none_or(|mut all| all.any(|it| it.index() == passes))
    }
}
