//! Reads guards.

use std::collections::BTreeMap;

use super::parts::Reader;
use crate::condition::Condition;
use crate::diagnostic::DiagnosticKind;
use crate::source::{Node, NodeValue, decode};

impl Reader {
    /// Reads all guards. A guard that cannot be read is replaced by one that always holds.
    pub(super) fn guards(&mut self, node: &Node) -> BTreeMap<String, Condition> {
        let mut guards = BTreeMap::new();
        let NodeValue::Table(entries) = &node.value else {
            self.gaps.add("guards");
            self.wrong_type(node, "guards", "a table of conditions by name");
            return guards;
        };
        for entry in entries {
            let path = format!("guards.{}", entry.key);
            let before = self.diagnostics.len();
            let condition = decode::<Condition>(&entry.node, &path, &mut self.gaps, &mut self.diagnostics);
            for fault in &mut self.diagnostics[before..] {
                fault.kind = DiagnosticKind::BadCondition;
            }
            if before < self.diagnostics.len() {
                self.gaps.add(&path);
            }
            guards.entry(entry.key.clone()).or_insert(condition.unwrap_or(Condition::ALWAYS));
        }
        guards
    }
}
