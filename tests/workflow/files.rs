//! A corpus of faulty workflow files: what is said of each stands beside it, and every sort of finding appears.
//!
//! With `FIRSTLINE_BLESS=1` the texts beside the files are written anew. The TOML files are read with the feature
//! `toml`; what stands beside them is looked at in any case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firstline::workflow::{Diagnostic, DiagnosticKind, Diagnostics, Workflow};
use firstline::{Error, ErrorKind, Result};

/// Kinds that no small file shows, each with the test below that makes them.
const MADE_IN_CODE: &[(DiagnosticKind, &str)] = &[(
    DiagnosticKind::TooMany,
    "five hundred statuses are no small file: too_many_statuses_transitions_and_guards_are_refused",
)];

/// Kinds that never come alone, with those that come too.
const NEVER_ALONE: &[(DiagnosticKind, &[DiagnosticKind])] = &[
    (DiagnosticKind::NoEnd, &[DiagnosticKind::SilenceDoesNotClose]),
    (DiagnosticKind::NothingResolved, &[DiagnosticKind::NoEnd]),
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/files")
}

/// The files of the corpus with these endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| endings.iter().any(|ending| path.extension().is_some_and(|it| it == *ending)))
        .collect();
    files.sort();
    files
}

fn named(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn beside(path: &Path) -> PathBuf {
    directory().join(format!("{}.expected", named(path)))
}

fn all_of(read: Result<Workflow>) -> Vec<Diagnostic> {
    let of_error = |error: &Error| {
        assert_eq!(error.kind(), ErrorKind::Definition);
        error.findings().map(|it: &Diagnostics| it.all().to_vec())
    };
    match read {
        Ok(workflow) => workflow.warnings().cloned().collect(),
        Err(error) => of_error(&error).unwrap_or_else(|| panic!("no findings: {error}")),
    }
}

/// What is said of a file; nothing where its format is not compiled in.
fn said(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let findings = match path.extension().unwrap().to_str().unwrap() {
        "json" => all_of(Workflow::from_json(&text)),
        #[cfg(feature = "toml")]
        "toml" => all_of(Workflow::from_toml(&text)),
        _ => return None,
    };
    Some(findings.iter().map(|it| format!("{it}\n")).collect())
}

/// The codes in a text of findings.
fn codes(said: &str) -> Vec<String> {
    let code = |line: &str| line.split_once('[')?.1.split_once(']').map(|(code, _)| code.to_owned());
    said.lines().map(|line| code(line).unwrap_or_else(|| panic!("no finding: {line}"))).collect()
}

/// What stands beside every file, whether its format is compiled in or not.
fn expected() -> BTreeMap<String, Vec<String>> {
    let expected = files(&["json", "toml"]).into_iter().map(|path| {
        let text = std::fs::read_to_string(beside(&path)).unwrap_or_default();
        (named(&path), codes(&text))
    });
    expected.collect()
}

#[test]
fn of_every_file_is_said_what_stands_beside_it() {
    let bless = std::env::var_os("FIRSTLINE_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut read = 0;
    for path in files(&["json", "toml"]) {
        let Some(said) = said(&path) else { continue };
        read += 1;
        if bless {
            std::fs::write(beside(&path), &said).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(beside(&path)).unwrap_or_default();
        if said != expected {
            wrong.push(format!("--- {}\nexpected:\n{expected}said:\n{said}", named(&path)));
        }
    }
    assert!(read >= if cfg!(feature = "toml") { 65 } else { 15 }, "only {read} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn nothing_stands_beside_a_file_that_is_not_there() {
    for path in files(&["expected"]) {
        assert!(path.with_extension("").exists(), "{} belongs to no file", path.display());
    }
}

#[test]
fn every_sort_of_finding_appears() {
    let said: BTreeSet<String> = expected().into_values().flatten().collect();
    for kind in DiagnosticKind::ALL {
        let in_code = MADE_IN_CODE.iter().any(|(it, _)| it == kind);
        assert_ne!(said.contains(kind.code()), in_code, "{kind}");
    }
}

#[test]
fn a_file_named_after_a_sort_of_finding_shows_it_alone() {
    let mut several = 0;
    for (name, codes) in expected() {
        let stem = name.split('.').next().unwrap();
        let Some(kind) = DiagnosticKind::ALL.iter().find(|kind| kind.code() == stem) else {
            assert!(stem.starts_with("several-"), "{name} is named after no finding");
            assert!(codes.len() >= 3, "{name} has few findings: {codes:?}");
            several += 1;
            continue;
        };
        let besides = NEVER_ALONE.iter().filter(|(it, _)| it == kind).flat_map(|(_, besides)| *besides);
        let mut alone: Vec<&str> = besides.map(|it| it.code()).chain([stem]).collect();
        let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        alone.sort_unstable();
        codes.sort_unstable();
        assert_eq!(codes, alone, "{name}");
    }
    assert!(several >= 5);
}

/// A sound workflow with so many more statuses, transitions and guards.
fn grown(statuses: usize, transitions: usize, guards: usize) -> String {
    let list = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    format!(
        r#"{{"name": "large", "guards": {{{} "g": {{"field": "priority", "is": 1}}}},
            "statuses": [{} {{"name": "Open", "state": "new"}}, {{"name": "Withdrawn", "state": "cancelled"}},
                {{"name": "Answered", "state": "resolved"}}, {{"name": "Done", "state": "closed"}}],
            "transitions": [{} {{"from": "Open", "action": "cancel", "to": "Withdrawn"}},
                {{"from": "Open", "action": "resolve", "to": "Answered"}},
                {{"from": "Answered", "action": "close", "to": "Done"}}]}}"#,
        list(guards, &|n| format!(r#""g{n}": {{"field": "priority", "is": {n}}}, "#)),
        list(statuses, &|n| format!(r#"{{"name": "W{n}", "state": "cancelled"}}, "#)),
        list(transitions.max(statuses), &|n| {
            let to = n.min(statuses.saturating_sub(1));
            let to = if statuses == 0 { "Withdrawn".to_owned() } else { format!("W{to}") };
            let role = format!("role:r{n}");
            format!(r#"{{"from": "Open", "action": "cancel", "to": "{to}", "may": "{role}", "when": "g"}}, "#)
        }),
    )
}

#[test]
fn too_many_statuses_transitions_and_guards_are_refused() {
    use firstline::workflow::{MAX_GUARDS, MAX_RULES, MAX_STATUSES, MAX_TRANSITIONS};
    let errors = |text: String| -> Vec<(DiagnosticKind, String)> {
        let findings = all_of(Workflow::from_json(&text)).into_iter();
        findings.filter(|it| it.kind.is_error()).map(|it| (it.kind, it.path)).collect()
    };
    assert_eq!(errors(grown(MAX_STATUSES - 4, 0, 0)), []);
    assert_eq!(errors(grown(0, MAX_TRANSITIONS - 3, 0)), []);
    assert_eq!(errors(grown(0, 0, MAX_GUARDS - 1)), []);
    let too_many = |path: &str| [(DiagnosticKind::TooMany, path.to_owned())];
    assert_eq!(errors(grown(MAX_STATUSES - 3, 0, 0)), too_many("statuses"));
    assert_eq!(errors(grown(0, MAX_TRANSITIONS - 2, 0)), too_many("transitions"));
    assert_eq!(errors(grown(0, 0, MAX_GUARDS)), too_many("guards"));
    let rule = r#"{"every_way_to": "Done", "passes": "Answered"}"#;
    let ruled = |rules: usize| {
        let rules = vec![rule; rules].join(", ");
        grown(0, 0, 0).replacen(r#""statuses""#, &format!(r#""rules": [{rules}], "statuses""#), 1)
    };
    assert_eq!(errors(ruled(MAX_RULES)), []);
    assert_eq!(errors(ruled(MAX_RULES + 1)), too_many("rules"));
}

/// Ways grow with the statuses from which a transition leads: a file of 1.6 MB was checked for minutes.
#[test]
fn a_transition_counts_for_every_status_from_which_it_leads() {
    let sound = grown(490, 0, 0);
    let names: Vec<String> = (0..490).map(|n| format!(r#""W{n}""#)).collect();
    let one = format!(r#"{{"from": [{}], "action": "resolve", "to": "Answered"}}, "#, names.join(", "));
    let many = sound.replacen(r#""transitions": ["#, &format!(r#""transitions": [{}"#, one.repeat(400)), 1);
    let findings = all_of(Workflow::from_json(&many));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].kind, findings[0].path.as_str()), (DiagnosticKind::TooMany, "transitions"));
}

/// Found in review: every unknown name was compared with all names and told with all of them, so that a file of 2 MB
/// took minutes and filled a gigabyte.
#[test]
fn many_unknown_names_are_told_in_few_words() {
    use firstline::workflow::{Status, Transition};
    use firstline::{StateKind, WorkflowDefinition};

    let long = |it: usize| format!("{it:0>240}");
    let mut workflow = WorkflowDefinition::new("w").status(Status::new("New", StateKind::New));
    for status in 0..490 {
        workflow = workflow.status(Status::new(long(status), StateKind::Active));
    }
    for way in 0..5_000 {
        workflow = workflow.transition(Transition::within(long(10_000 + way), long(20_000 + way)));
    }
    let found = workflow.check();
    let unknown: Vec<_> = found.all().iter().filter(|it| it.kind == DiagnosticKind::UnknownStatus).collect();
    assert_eq!(unknown.len(), 10_000);
    assert!(unknown.iter().map(|it| it.message.len()).sum::<usize>() < 5_000_000);
    assert!(unknown[0].message.contains("and 441 more"), "{}", unknown[0]);
}
