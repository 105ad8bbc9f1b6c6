//! Checks a policy from a file, and prints every error and every warning with its position. Without an argument it
//! checks the sample in `sample.json`, which has faults on purpose.
//!
//! ```text
//! cargo run --example check_policy
//! cargo run --example check_policy -- FILE.json
//! cargo run --features toml --example check_policy -- FILE.toml
//! ```
//!
//! For a file, the exit code is 0 without errors, 1 with errors, and 2 if the file cannot be read.

use std::path::Path;
use std::process::ExitCode;

use firstline::Policy;
#[path = "../common/findings.rs"]
mod findings;
#[path = "../common/help.rs"]
mod help;

use findings::{count, show};

fn read(path: &Path, text: &str) -> Result<firstline::Result<Policy>, String> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("json") => Ok(Policy::from_json(text)),
        #[cfg(feature = "toml")]
        Some("toml") => Ok(Policy::from_toml(text)),
        #[cfg(not(feature = "toml"))]
        Some("toml") => Err("a TOML file needs `--features toml`".to_owned()),
        _ => Err("the name ends neither in .json nor in .toml".to_owned()),
    }
}

/// Returns true if the policy has no errors.
fn check(path: &Path, text: &str) -> Result<bool, String> {
    let (diagnostics, contents) = match read(path, text)? {
        Ok(policy) => {
            let agreements = count(policy.agreements().len(), "agreement", "agreements");
            let workflows = count(policy.workflows().len(), "workflow", "workflows");
            (policy.diagnostics(), format!(": {agreements}, {workflows}"))
        }
        Err(error) => (error.diagnostics().ok_or(error.to_string())?.to_vec(), String::new()),
    };
    diagnostics.iter().for_each(|diagnostic| show(path, text, diagnostic));
    let errors = count(diagnostics.iter().filter(|it| it.is_error()).count(), "error", "errors");
    let warnings = count(diagnostics.iter().filter(|it| !it.is_error()).count(), "warning", "warnings");
    println!("{}: {errors}, {warnings}{contents}", path.display());
    Ok(!diagnostics.iter().any(|it| it.is_error()))
}

fn main() -> ExitCode {
    let sample = ("examples/check_policy/sample.json", include_str!("sample.json"));
    findings::run(include_str!("main.rs"), sample, check)
}
