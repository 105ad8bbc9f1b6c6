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
#[path = "../common/findings.rs"]
mod findings;
#[path = "../common/help.rs"]
mod help;

use findings::{count, show};

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

/// Returns true if the workflow has no errors.
fn check(path: &Path, text: &str) -> Result<bool, String> {
    let read = read(path, text)?;
    let diagnostics: &[Diagnostic] = match &read {
        Ok(workflow) => workflow.warnings(),
        Err(error) => error.diagnostics().ok_or(error.to_string())?,
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
    let sample = ("examples/check_workflow/sample.json", include_str!("sample.json"));
    findings::run(include_str!("main.rs"), sample, check)
}
