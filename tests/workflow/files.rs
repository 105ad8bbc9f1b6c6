//! A corpus of faulty workflow files. The expected findings of each file are in a file beside it, and every kind of
//! finding occurs.
//!
//! `FIRSTLINE_BLESS=1` rewrites the expected findings. TOML files are read only with the feature `toml`; their
//! expected findings are always checked for completeness.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firstline::workflow::{Diagnostic, DiagnosticKind, Workflow};
use firstline::{Error, ErrorKind, Result};

/// Kinds that no small file can show, each with the test that produces them.
const MADE_IN_CODE: &[(DiagnosticKind, &str)] = &[(
    DiagnosticKind::LimitExceeded,
    "five hundred statuses are no small file: too_many_statuses_transitions_and_guards_are_refused",
)];

/// Kinds that always come with other kinds.
const NEVER_ALONE: &[(DiagnosticKind, &[DiagnosticKind])] = &[
    (DiagnosticKind::NoEnd, &[DiagnosticKind::VerificationDoesNotClose]),
    (DiagnosticKind::NothingResolved, &[DiagnosticKind::NoEnd]),
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/files")
}

/// The files of the corpus with one of these extensions.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| endings.iter().any(|ending| path.extension().is_some_and(|it| it == *ending)))
        .collect();
    files.sort();
    files
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn expected_path(path: &Path) -> PathBuf {
    directory().join(format!("{}.expected", file_name(path)))
}

fn findings_of(read: Result<Workflow>) -> Vec<Diagnostic> {
    let of_error = |error: &Error| {
        assert_eq!(error.kind(), ErrorKind::Definition);
        error.diagnostics().map(<[Diagnostic]>::to_vec)
    };
    match read {
        Ok(workflow) => workflow.warnings().to_vec(),
        Err(error) => of_error(&error).unwrap_or_else(|| panic!("no findings: {error}")),
    }
}

/// The findings of a file as text; `None` if its format is not compiled in.
fn report(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let findings = match path.extension().unwrap().to_str().unwrap() {
        "json" => findings_of(Workflow::from_json(&text)),
        #[cfg(feature = "toml")]
        "toml" => findings_of(Workflow::from_toml(&text)),
        _ => return None,
    };
    Some(findings.iter().map(|it| format!("{it}\n")).collect())
}

/// The codes in a text of findings.
fn codes(report: &str) -> Vec<String> {
    let code = |line: &str| line.split_once('[')?.1.split_once(']').map(|(code, _)| code.to_owned());
    report.lines().map(|line| code(line).unwrap_or_else(|| panic!("no finding: {line}"))).collect()
}

/// The expected codes of every file, whether its format is compiled in or not.
fn expected() -> BTreeMap<String, Vec<String>> {
    let expected = files(&["json", "toml"]).into_iter().map(|path| {
        let text = std::fs::read_to_string(expected_path(&path)).unwrap_or_default();
        (file_name(&path), codes(&text))
    });
    expected.collect()
}

#[test]
fn every_file_has_its_expected_findings() {
    let bless = std::env::var_os("FIRSTLINE_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut read = 0;
    for path in files(&["json", "toml"]) {
        let Some(report) = report(&path) else { continue };
        read += 1;
        if bless {
            std::fs::write(expected_path(&path), &report).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(expected_path(&path)).unwrap_or_default();
        if report != expected {
            wrong.push(format!("--- {}\nexpected:\n{expected}found:\n{report}", file_name(&path)));
        }
    }
    assert!(read >= if cfg!(feature = "toml") { 65 } else { 15 }, "only {read} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_expected_file_belongs_to_a_file() {
    for path in files(&["expected"]) {
        assert!(path.with_extension("").exists(), "{} belongs to no file", path.display());
    }
}

#[test]
fn every_kind_of_finding_occurs() {
    let mut report: BTreeSet<String> = expected().into_values().flatten().collect();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/policies");
    for entry in std::fs::read_dir(policies).unwrap().map(|it| it.unwrap().path()) {
        if entry.extension().is_some_and(|it| it == "expected") {
            report.extend(codes(&std::fs::read_to_string(entry).unwrap()));
        }
    }
    for kind in DiagnosticKind::ALL {
        let in_code = MADE_IN_CODE.iter().any(|(it, _)| it == kind);
        assert_ne!(report.contains(kind.code()), in_code, "{kind}");
    }
}

#[test]
fn a_file_named_after_a_kind_of_finding_shows_only_that_kind() {
    let mut several = 0;
    for (name, codes) in expected() {
        let stem = name.split('.').next().unwrap();
        let Some(kind) = DiagnosticKind::ALL.iter().find(|kind| kind.code() == stem) else {
            assert!(stem.starts_with("several-"), "{name} is named after no finding");
            assert!(codes.len() >= 3, "{name} has few findings: {codes:?}");
            several += 1;
            continue;
        };
        let companions =
            NEVER_ALONE.iter().filter(|(it, _)| it == kind).flat_map(|(_, companions)| *companions);
        let mut alone: Vec<&str> = companions.map(|it| it.code()).chain([stem]).collect();
        let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        alone.sort_unstable();
        codes.sort_unstable();
        assert_eq!(codes, alone, "{name}");
    }
    assert!(several >= 5);
}

/// A sound workflow with this many more statuses, transitions and guards.
fn grown(statuses: usize, transitions: usize, guards: usize) -> String {
    let list = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    format!(
        r#"{{"name": "large", "guards": {{{} "g": {{"field": "priority", "is": 1}}}},
            "statuses": [{} {{"name": "Open", "state": "new"}}, {{"name": "Withdrawn", "state": "cancelled"}},
                {{"name": "Answered", "state": "resolved"}}, {{"name": "Done", "state": "closed"}}],
            "transitions": [{} {{"from": "Open", "action": "cancel", "to": "Withdrawn"}},
                {{"from": "Open", "action": "resolve", "to": "Answered"}},
                {{"from": "Answered", "action": "close", "to": "Done"}}]}}"#,
        list(guards, &|n| format!(r#""g{n}": {{"field": "field.price", "is": {n}}}, "#)),
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
        let findings = findings_of(Workflow::from_json(&text)).into_iter();
        findings.filter(|it| it.kind.is_error()).map(|it| (it.kind, it.path)).collect()
    };
    assert_eq!(errors(grown(MAX_STATUSES - 4, 0, 0)), []);
    assert_eq!(errors(grown(0, MAX_TRANSITIONS - 3, 0)), []);
    assert_eq!(errors(grown(0, 0, MAX_GUARDS - 1)), []);
    let too_many = |path: &str| [(DiagnosticKind::LimitExceeded, path.to_owned())];
    assert_eq!(errors(grown(MAX_STATUSES - 3, 0, 0)), too_many("statuses"));
    assert_eq!(errors(grown(0, MAX_TRANSITIONS - 2, 0)), too_many("transitions"));
    assert_eq!(errors(grown(0, 0, MAX_GUARDS)), too_many("guards"));
    let rule = r#"{"every_path_to": "Done", "must_pass": "Answered"}"#;
    let ruled = |rules: usize| {
        let rules = vec![rule; rules].join(", ");
        grown(0, 0, 0).replacen(r#""statuses""#, &format!(r#""rules": [{rules}], "statuses""#), 1)
    };
    assert_eq!(errors(ruled(MAX_RULES)), []);
    assert_eq!(errors(ruled(MAX_RULES + 1)), too_many("rules"));
}

/// Regression: a transition counted once, although it leads from many statuses, and a file of 1.6 MB took minutes
/// to check.
#[test]
fn a_transition_counts_once_for_every_status_it_leads_from() {
    let sound = grown(490, 0, 0);
    let names: Vec<String> = (0..490).map(|n| format!(r#""W{n}""#)).collect();
    let one = format!(r#"{{"from": [{}], "action": "resolve", "to": "Answered"}}, "#, names.join(", "));
    let many = sound.replacen(r#""transitions": ["#, &format!(r#""transitions": [{}"#, one.repeat(400)), 1);
    let findings = findings_of(Workflow::from_json(&many));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].kind, findings[0].path.as_str()), (DiagnosticKind::LimitExceeded, "transitions"));
}

/// Regression: every unknown name was compared with all names and reported with all of them, so a file of 2 MB
/// took minutes and a gigabyte of memory.
#[test]
fn many_unknown_names_give_a_short_message() {
    use firstline::workflow::{Status, Transition};
    use firstline::{StateKind, WorkflowDefinition};

    let long = |it: usize| format!("{it:0>240}");
    let mut workflow = WorkflowDefinition::new("w").status(Status::new("New", StateKind::New));
    for status in 0..490 {
        workflow = workflow.status(Status::new(long(status), StateKind::Active));
    }
    for transition in 0..5_000 {
        workflow =
            workflow.transition(Transition::within(long(10_000 + transition), long(20_000 + transition)));
    }
    let found = workflow.check();
    let unknown: Vec<_> = found.iter().filter(|it| it.kind == DiagnosticKind::UnknownStatus).collect();
    assert_eq!(unknown.len(), 10_000);
    assert!(unknown.iter().map(|it| it.message.len()).sum::<usize>() < 5_000_000);
    assert!(unknown[0].message.contains("and 441 more"), "{}", unknown[0]);
}
