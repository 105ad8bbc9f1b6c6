//! Checks a workflow that somebody wrote, and shows everything that is wrong with it or suspicious.
//!
//! ```text
//! cargo run --features toml --example check_workflow -- FILE.toml
//! ```

use std::path::Path;
use std::process::ExitCode;

use firstline::workflow::{Diagnostic, Workflow};

const HELP: &str = "\
usage: check_workflow FILE

Checks the workflow in a file: FILE.json, or FILE.toml where the feature `toml` is compiled in.
Prints every error and every warning with its place. Exits with 0 if there is no error, with 1 if there is one,
and with 2 if the file cannot be read.";

fn read(path: &Path, text: &str) -> Result<firstline::Result<Workflow>, String> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("json") => Ok(Workflow::from_json(text)),
        #[cfg(feature = "toml")]
        Some("toml") => Ok(Workflow::from_toml(text)),
        #[cfg(not(feature = "toml"))]
        Some("toml") => Err("is TOML, which needs `--features toml`".to_owned()),
        _ => Err("is neither FILE.json nor FILE.toml".to_owned()),
    }
}

/// A finding with the line in which it stands.
fn show(path: &Path, text: &str, finding: &Diagnostic) {
    let sort = if finding.kind.is_error() { "error" } else { "warning" };
    println!("{sort}[{}]: {}", finding.kind, finding.message);
    let part = if finding.path.is_empty() { String::new() } else { format!(", {}", finding.path) };
    let Some(place) = finding.place else { return println!("  --> {}{part}\n", path.display()) };
    println!("  --> {}:{}:{}{part}", path.display(), place.line, place.column);
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    let margin = place.line.to_string();
    let below: String =
        line.chars().take(place.column - 1).map(|it| if it == '\t' { it } else { ' ' }).collect();
    println!("{margin} | {line}\n{:>1$} | {below}^\n", "", margin.len());
}

fn count(number: usize, one: &str, several: &str) -> String {
    match number {
        0 => format!("no {several}"),
        1 => format!("1 {one}"),
        _ => format!("{number} {several}"),
    }
}

fn check(path: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|problem| problem.to_string())?;
    let text = text.trim_start_matches('\u{feff}');
    let read = read(path, text)?;
    let findings: Vec<&Diagnostic> = match &read {
        Ok(workflow) => workflow.warnings().collect(),
        Err(error) => error.findings().ok_or(error.to_string())?.all().iter().collect(),
    };
    findings.iter().for_each(|finding| show(path, text, finding));
    let errors = findings.iter().filter(|it| it.kind.is_error()).count();
    let warnings = count(findings.len() - errors, "warning", "warnings");
    let mut summary = format!("{}, {warnings}", count(errors, "error", "errors"));
    if let Ok(workflow) = &read {
        let definition = workflow.definition();
        let statuses = count(definition.statuses.len(), "status", "statuses");
        let transitions = count(definition.transitions.len(), "transition", "transitions");
        summary += &format!(" in {}: {statuses}, {transitions}", workflow.reference());
    }
    println!("{}: {summary}", path.display());
    Ok(errors == 0)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &*arguments {
        [help] if help == "--help" || help == "-h" => println!("{HELP}"),
        [path] => match check(Path::new(path)) {
            Ok(true) => {}
            Ok(false) => return ExitCode::from(1),
            Err(problem) => {
                eprintln!("{path}: {problem}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
