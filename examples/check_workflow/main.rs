//! Checks a workflow from a file, and prints every error and every warning with its position. Without an argument it
//! checks the sample in `sample.json`, which has faults on purpose.
//!
//! ```text
//! cargo run --example check_workflow
//! cargo run --example check_workflow -- FILE.json
//! cargo run --features toml --example check_workflow -- FILE.toml
//! ```
//!
//! For a file, the exit code is 0 without errors, 1 with errors, and 2 if the file cannot be read.

use std::path::Path;
use std::process::ExitCode;

use firstline::workflow::{Diagnostic, Workflow};
#[path = "../common/help.rs"]
mod help;

const SOURCE: &str = include_str!("main.rs");
const SAMPLE_PATH: &str = "examples/check_workflow/sample.json";
const SAMPLE: &str = include_str!("sample.json");

fn read(path: &Path, text: &str) -> Result<firstline::Result<Workflow>, String> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("json") => Ok(Workflow::from_json(text)),
        #[cfg(feature = "toml")]
        Some("toml") => Ok(Workflow::from_toml(text)),
        #[cfg(not(feature = "toml"))]
        Some("toml") => Err("a TOML file needs `--features toml`".to_owned()),
        _ => Err("the name ends neither in .json nor in .toml".to_owned()),
    }
}

/// Prints a diagnostic with its line.
fn show(path: &Path, text: &str, diagnostic: &Diagnostic) {
    let severity = if diagnostic.kind.is_error() { "error" } else { "warning" };
    println!("{severity}[{}]: {}", diagnostic.kind, diagnostic.message);
    let part = if diagnostic.path.is_empty() { String::new() } else { format!(", {}", diagnostic.path) };
    let Some(place) = diagnostic.place else { return println!("  --> {}{part}\n", path.display()) };
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

/// Returns true if the workflow has no errors.
fn check(path: &Path, text: &str) -> Result<bool, String> {
    let text = text.trim_start_matches('\u{feff}');
    let read = read(path, text)?;
    let diagnostics: Vec<&Diagnostic> = match &read {
        Ok(workflow) => workflow.warnings().collect(),
        Err(error) => error.diagnostics().ok_or(error.to_string())?.all().iter().collect(),
    };
    diagnostics.iter().for_each(|diagnostic| show(path, text, diagnostic));
    let errors = diagnostics.iter().filter(|it| it.kind.is_error()).count();
    let warnings = count(diagnostics.len() - errors, "warning", "warnings");
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
    let arguments = help::arguments(SOURCE);
    let path = match &*arguments {
        [] => {
            println!("This workflow has faults on purpose. Give the name of a file to check your own.\n");
            return match check(Path::new(SAMPLE_PATH), SAMPLE) {
                Ok(_) => ExitCode::SUCCESS,
                Err(problem) => {
                    eprintln!("{SAMPLE_PATH}: {problem}");
                    ExitCode::FAILURE
                }
            };
        }
        [path] => Path::new(path),
        more => help::refuse(SOURCE, &format!("one file, not {}", more.len())),
    };
    let text = std::fs::read_to_string(path).map_err(|problem| problem.to_string());
    match text.and_then(|text| check(path, &text)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("{}: {problem}", path.display());
            ExitCode::from(2)
        }
    }
}
