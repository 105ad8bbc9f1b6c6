//! Renders a picture in Graphviz's DOT language.

use std::fmt::Write;

use super::model::{Picture, width};

pub(super) fn render(picture: &Picture<'_>) -> String {
    let names: Vec<&str> = picture.names().map(|(_, name)| name).collect();
    let mut text = format!("digraph {} {{\n", quoted(&picture.workflow.definition().name));
    text.push_str("    node [shape=box style=rounded]\n    begin [shape=point width=0.2 label=\"\"]\n");
    for (state, statuses) in picture.groups() {
        let _ = writeln!(
            text,
            "    subgraph cluster_{} {{\n        label={}",
            state.name(),
            quoted(&state.to_string())
        );
        for status in statuses {
            let mut name = names[status].to_owned();
            if let Some(count) = picture.tickets_in(status) {
                let _ = write!(name, "\n{count}");
            }
            let end = if state.is_final() { " peripheries=2" } else { "" };
            let _ = writeln!(text, "        s{status} [label={}{end}]", quoted(&name));
        }
        text.push_str("    }\n");
    }
    let _ = writeln!(text, "    begin -> s{}", picture.start());
    let routes = picture.routes();
    let most = routes.iter().filter_map(|it| it.count).max().unwrap_or(0);
    for route in &routes {
        let mut label = route.labels.join("\n");
        let mut pen = String::new();
        if let Some(count) = route.count {
            let _ = write!(label, ": {count}");
            let _ = write!(pen, " penwidth={:.1}", width(count, most));
        }
        let _ = writeln!(text, "    s{} -> s{} [label={}{pen}]", route.from, route.to, quoted(&label));
    }
    text.push_str("}\n");
    text
}

/// Quotes a DOT string. Line breaks become `\n`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
