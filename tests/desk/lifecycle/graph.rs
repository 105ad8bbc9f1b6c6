//! The diagrams of the lifecycle compared with the table.

use std::collections::BTreeSet;

use firstline::lifecycle::StateKind;
use firstline::lifecycle::diagram::{dot, mermaid};

/// The edges of the table as (from, to, step), with the states spelt as their types.
fn expected() -> BTreeSet<(String, String, String)> {
    super::cells()
        .into_iter()
        .filter_map(|(from, step, to)| Some((format!("{from:?}"), format!("{:?}", to?), step.to_string())))
        .collect()
}

#[test]
fn the_mermaid_diagram_is_the_table() {
    let text = mermaid();
    let mut edges = BTreeSet::new();
    let (mut begins, mut ends) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| line.contains("-->")) {
        let (from, rest) = line.trim().split_once(" --> ").unwrap();
        match (from, rest.split_once(": ")) {
            ("[*]", None) => begins.push(rest),
            (_, None) => {
                assert_eq!(rest, "[*]");
                ends.push(from);
            }
            (_, Some((to, step))) => {
                assert!(
                    edges.insert((from.to_owned(), to.to_owned(), step.to_owned())),
                    "{line} is repeated"
                );
            }
        }
    }
    assert_eq!(edges, expected());
    assert_eq!(begins, ["New"]);
    assert_eq!(ends, ["Closed", "Cancelled"]);
    assert!(text.contains(r#"state "on hold" as OnHold"#), "{text}");
}

#[test]
fn the_dot_diagram_is_the_table() {
    let text = dot();
    let label = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    let mut names = Vec::new();
    let mut edges = BTreeSet::new();
    for line in text.lines().filter(|line| line.contains("label=")) {
        match line.trim().split_once(" -> ") {
            None => {
                let double = line.contains("doublecircle");
                let state = StateKind::ALL.iter().find(|state| state.to_string() == label(line)).unwrap();
                assert_eq!(double, state.is_final(), "{line}");
                names.push(format!("{state:?}"));
            }
            Some((from, rest)) => {
                let to = rest.split_whitespace().next().unwrap();
                let name = |node: &str| names[node.parse::<usize>().unwrap()].clone();
                assert!(edges.insert((name(from), name(to), label(line))), "{line} is repeated");
            }
        }
    }
    assert_eq!(names.len(), StateKind::ALL.len());
    assert_eq!(edges, expected());
}
