//! Renders a picture as a Mermaid flowchart.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::model::{Picture, width};

pub(super) fn render(picture: &Picture<'_>) -> String {
    let names: Vec<&str> = picture.names().map(|(_, name)| name).collect();
    let mut text = String::from("flowchart TD\n    begin(( ))\n");
    for (state, statuses) in picture.groups() {
        let _ = writeln!(text, "    subgraph {} [\"{}\"]", state.name(), escaped(&state.to_string()));
        for status in statuses {
            let mut name = escaped(names[status]);
            if let Some(count) = picture.tickets_in(status) {
                let _ = write!(name, "<br/>{count}");
            }
            // Final statuses have a double frame.
            let (open, close) = if state.is_final() { ("[[", "]]") } else { ("(", ")") };
            let _ = writeln!(text, "        s{status}{open}\"{name}\"{close}");
        }
        text.push_str("    end\n");
    }
    let _ = writeln!(text, "    begin --> s{}", picture.start());
    let routes = picture.routes();
    for route in &routes {
        let mut label = route.labels.iter().map(|it| escaped(it)).collect::<Vec<_>>().join("<br/>");
        if let Some(count) = route.count {
            let _ = write!(label, ": {count}");
        }
        let _ = writeln!(text, "    s{} -->|\"{label}\"| s{}", route.from, route.to);
    }
    let most = routes.iter().filter_map(|it| it.count).max().unwrap_or(0);
    // The link from the start marker has number 0. Links of the same width share one statement.
    let mut widths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (number, route) in routes.iter().enumerate() {
        if let Some(count) = route.count.filter(|it| *it > 0) {
            widths.entry(format!("{:.1}", width(count, most))).or_default().push((number + 1).to_string());
        }
    }
    for (width, numbers) in widths {
        let _ = writeln!(text, "    linkStyle {} stroke-width:{width}px", numbers.join(","));
    }
    text
}

/// Escapes a quoted label. Characters with a meaning in Mermaid, HTML or Markdown become numeric entities.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric()
            || matches!(character, ' ' | '\'' | ',' | '/' | '(' | ')' | '[' | ']' | '-' | '?' | '!' | ':')
        {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "#{};", u32::from(character));
        }
    }
    escaped
}
