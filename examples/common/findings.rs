//! Prints diagnostics as a compiler does.

use std::path::Path;

use firstline::diagnostic::Diagnostic;

/// Prints a diagnostic with its line.
pub(crate) fn show(path: &Path, text: &str, diagnostic: &Diagnostic) {
    let severity = if diagnostic.kind.is_error() { "error" } else { "warning" };
    println!("{severity}[{}]: {}", diagnostic.kind, diagnostic.message);
    let part = if diagnostic.path.is_empty() { String::new() } else { format!(", {}", diagnostic.path) };
    let Some(position) = diagnostic.position else { return println!("  --> {}{part}\n", path.display()) };
    println!("  --> {}:{}:{}{part}", path.display(), position.line, position.column);
    let line = text.lines().nth(position.line - 1).unwrap_or_default();
    let margin = position.line.to_string();
    let below: String =
        line.chars().take(position.column - 1).map(|it| if it == '\t' { it } else { ' ' }).collect();
    println!("{margin} | {line}\n{:>1$} | {below}^\n", "", margin.len());
}

/// `no errors`, `1 error` or `2 errors`.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    match number {
        0 => format!("no {several}"),
        1 => format!("1 {one}"),
        _ => format!("{number} {several}"),
    }
}

/// Checks the file that the command names, or the sample. The exit code is 0 without errors, 1 with errors, and 2 if
/// the file cannot be read. `check` returns true if the file has no errors.
pub(crate) fn run(
    source: &str,
    (sample_path, sample): (&str, &str),
    check: fn(&Path, &str) -> Result<bool, String>,
) -> std::process::ExitCode {
    use std::process::ExitCode;
    let arguments = crate::help::arguments(source);
    let path = match &*arguments {
        [] => {
            println!("This file has faults on purpose. Give the name of a file to check your own.\n");
            return match check(Path::new(sample_path), sample) {
                Ok(_) => ExitCode::SUCCESS,
                Err(problem) => {
                    eprintln!("{sample_path}: {problem}");
                    ExitCode::FAILURE
                }
            };
        }
        [path] => Path::new(path),
        more => crate::help::refuse(source, &format!("one file, not {}", more.len())),
    };
    let text = std::fs::read_to_string(path).map_err(|problem| problem.to_string());
    match text.and_then(|text| check(path, text.trim_start_matches('\u{feff}'))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("{}: {problem}", path.display());
            ExitCode::from(2)
        }
    }
}
