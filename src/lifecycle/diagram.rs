//! Diagrams of the lifecycle table, in Mermaid and in Graphviz DOT.

use std::fmt::Write;

use petgraph::dot::{Config, Dot};
use petgraph::graph::DiGraph;
use petgraph::visit::EdgeRef;

use super::kind::{StateKind, StepKind};

/// Builds the lifecycle graph. petgraph is not part of the public API: the public functions return text.
fn graph() -> DiGraph<StateKind, StepKind> {
    let mut graph = DiGraph::new();
    let nodes: Vec<_> = StateKind::ALL.iter().map(|state| graph.add_node(*state)).collect();
    for (from, node) in StateKind::ALL.iter().zip(&nodes) {
        for step in from.accepted() {
            graph.add_edge(*node, nodes[step.target() as usize], step);
        }
    }
    graph
}

/// Returns the lifecycle as a Mermaid state diagram, which GitHub and many wikis render.
///
/// ```
/// let text = firstline::lifecycle::diagram::mermaid();
/// assert!(text.starts_with("stateDiagram-v2"));
/// assert!(text.contains("Active --> Resolved: resolve"));
/// ```
pub fn mermaid() -> String {
    let graph = graph();
    let mut text = String::from("stateDiagram-v2\n");
    for state in StateKind::ALL {
        if state.to_string() != format!("{state:?}").to_lowercase() {
            let _ = writeln!(text, "    state \"{state}\" as {state:?}");
        }
    }
    let _ = writeln!(text, "    [*] --> {:?}", StateKind::New);
    for edge in graph.edge_references() {
        let (from, to) = (graph[edge.source()], graph[edge.target()]);
        let _ = writeln!(text, "    {from:?} --> {to:?}: {}", edge.weight());
    }
    for state in StateKind::ALL.iter().filter(|state| state.is_final()) {
        let _ = writeln!(text, "    {state:?} --> [*]");
    }
    text
}

/// Returns the lifecycle in the DOT language of Graphviz.
///
/// ```
/// let text = firstline::lifecycle::diagram::dot();
/// assert!(text.starts_with("digraph"));
/// ```
pub fn dot() -> String {
    let graph = graph();
    let shape = |_: &_, (_, state): (_, &StateKind)| {
        let shape = if state.is_final() { "doublecircle" } else { "ellipse" };
        format!("label=\"{state}\" shape={shape}")
    };
    let label =
        |_: &_, edge: petgraph::graph::EdgeReference<'_, StepKind>| format!("label=\"{}\"", edge.weight());
    let config = [Config::NodeNoLabel, Config::EdgeNoLabel];
    format!("{:?}", Dot::with_attr_getters(&graph, &config, &label, &shape))
}
