//! Compares the README with the crate. The README's code runs as doctests.

use firstline::StateKind;
use firstline::lifecycle::StepKind;

const README: &str = include_str!("../../README.md");

/// The lines of the README from this one to the end of the fenced block.
fn block(first: &str) -> Vec<&'static str> {
    let lines = README.lines().skip_while(|line| *line != first);
    lines.take_while(|line| !line.starts_with("```")).collect()
}

#[test]
fn the_lifecycle_table_is_the_one_of_the_crate() {
    let title = README.lines().find(|line| line.starts_with("| from")).unwrap();
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let steps = &cells(title)[1..];
    assert_eq!(*steps, StepKind::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
    let words = |state: &StateKind| {
        let words = state.to_string();
        words[..1].to_uppercase() + &words[1..]
    };
    for state in StateKind::ALL.iter().filter(|state| !state.is_final()) {
        let row = README.lines().find(|line| line.starts_with(&format!("| {} |", words(state)))).unwrap();
        let expected: Vec<_> = StepKind::ALL
            .iter()
            .map(|step| state.apply(*step).map_or(String::new(), |target| words(&target)))
            .collect();
        let row: Vec<_> = cells(row)[1..].iter().map(|cell| cell.replace(" (new reason)", "")).collect();
        assert_eq!(row, expected, "{state}");
    }
}

#[test]
fn the_quoted_compiler_error_is_real() {
    let error = include_str!("../compile_fail/confirm_while_active.stderr");
    let quoted = block(error.lines().next().unwrap());
    assert_eq!(quoted.len(), 4);
    for line in quoted {
        // The compiler output has line numbers.
        let bare = line.trim_start().trim_start_matches('|').trim();
        assert!(error.lines().any(|line| line.ends_with(bare)), "the compiler message has no line {bare}");
    }
}

/// Every example is listed in the README and has a command to run it in its docs.
#[test]
fn every_example_is_in_the_readme_and_has_a_command_to_run_it() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // Shared code of the examples.
        if name == "common" {
            continue;
        }
        assert!(README.contains(&format!("`{name}`")), "the README does not mention the example `{name}`");
        let main = if path.is_dir() { path.join("main.rs") } else { path };
        let source = std::fs::read_to_string(&main).unwrap();
        let header: String = source.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(
            header.contains(&format!("cargo run --example {name}"))
                || header.contains(&format!("--example {name}")),
            "{} has no command to run it",
            main.display()
        );
    }
}
