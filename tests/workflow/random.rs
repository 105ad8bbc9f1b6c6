//! Arbitrary text: nothing panics, every finding lies inside the text, and both readers agree.

use crate::soak;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use firstline::workflow::{Diagnostic, DiagnosticKind, Workflow};
use firstline::{Result, WorkflowDefinition};
use proptest::prelude::*;
use proptest::sample::Index;

/// The files of the corpus, sound ones included, with their format.
static FILES: LazyLock<Vec<(bool, String)>> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/files");
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    let of = |ending: &str| {
        let of_format = paths.iter().filter(|it| it.extension().is_some_and(|it| it == ending));
        of_format.map(|it| (ending == "json", std::fs::read_to_string(it).unwrap())).collect::<Vec<_>>()
    };
    let json = of("json");
    let toml = if cfg!(feature = "toml") { of("toml") } else { Vec::new() };
    json.into_iter().chain(toml).collect()
});

/// Text that mutations insert.
const BITS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    ",",
    ":",
    "=",
    ".",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "#",
    "\\",
    "\\u",
    "\\ud800",
    "-",
    "1",
    "1e999",
    "99999999999999999999999999999999999999999",
    "0x1F",
    "nan",
    "null",
    "true",
    "1979-05-27",
    "07:32:00",
    "a.b.c",
    "\u{feff}",
    "é",
    "漢字",
    "𐍈",
    "\u{202e}",
    "state:",
    "state:closed",
    "role:",
    "\"from\"",
    "statuses",
    "[guards]",
    "[statuses]",
    "[[statuses]]",
    "move",
    "{ not = ",
    "\"always\"",
    "\u{7f}",
];

#[derive(Debug, Clone)]
enum Mutation {
    DeleteLine(Index),
    RepeatLine(Index, Index),
    SwapTokens(Index, Index),
    DeleteToken(Index),
    RepeatToken(Index, Index),
    Insert(Index, Index),
    Cut(Index),
    Misspell(Index, char),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Mutation::DeleteLine),
        (index(), index()).prop_map(|(from, to)| Mutation::RepeatLine(from, to)),
        (index(), index()).prop_map(|(one, other)| Mutation::SwapTokens(one, other)),
        index().prop_map(Mutation::DeleteToken),
        (index(), index()).prop_map(|(from, to)| Mutation::RepeatToken(from, to)),
        (index(), index()).prop_map(|(at, what)| Mutation::Insert(at, what)),
        index().prop_map(Mutation::Cut),
        (index(), any::<char>()).prop_map(|(at, with)| Mutation::Misspell(at, with)),
    ]
}

/// Words, runs of white space, and single characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let sort = |it: char| if it.is_alphanumeric() { 1 } else { 2 * u8::from(it == ' ') };
    let mut last = 0;
    for character in text.chars() {
        let this = sort(character);
        match tokens.last_mut() {
            Some(token) if this == last && this > 0 => token.push(character),
            _ => tokens.push(character.to_string()),
        }
        last = this;
    }
    tokens
}

impl Mutation {
    fn apply(&self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut tokens = tokens(text);
        let at = |index: &Index| text.char_indices().nth(index.index(text.chars().count())).unwrap();
        match self {
            Mutation::DeleteLine(line) => drop(lines.remove(line.index(lines.len()))),
            Mutation::RepeatLine(from, to) => {
                lines.insert(to.index(lines.len()), lines[from.index(lines.len())]);
            }
            Mutation::SwapTokens(one, other) => {
                let count = tokens.len();
                tokens.swap(one.index(count), other.index(count));
                return tokens.concat();
            }
            Mutation::DeleteToken(token) => {
                tokens.remove(token.index(tokens.len()));
                return tokens.concat();
            }
            Mutation::RepeatToken(from, to) => {
                tokens.insert(to.index(tokens.len()), tokens[from.index(tokens.len())].clone());
                return tokens.concat();
            }
            Mutation::Insert(place, what) => {
                let (place, _) = at(place);
                return format!("{}{}{}", &text[..place], what.get(BITS), &text[place..]);
            }
            Mutation::Cut(place) => return text[..at(place).0].to_owned(),
            Mutation::Misspell(place, with) => {
                let (place, was) = at(place);
                return format!("{}{with}{}", &text[..place], &text[place + was.len_utf8()..]);
            }
        }
        lines.concat()
    }
}

fn mutated() -> impl Strategy<Value = (bool, String)> {
    (any::<Index>(), prop::collection::vec(mutation(), 0..6)).prop_map(|(file, mutations)| {
        let (json, text) = file.get(&FILES);
        (*json, mutations.iter().fold(text.clone(), |text, mutation| mutation.apply(&text)))
    })
}

/// All findings of a text. One of them is an error exactly if the text is refused.
fn all_of(text: &str, read: Result<Workflow>) -> Vec<Diagnostic> {
    let (refused, findings) = match read {
        Ok(workflow) => (false, workflow.warnings().to_vec()),
        Err(error) => (true, error.diagnostics().expect("what was found").to_vec()),
    };
    assert_eq!(findings.iter().any(|it| it.kind.is_error()), refused, "{text}\n{findings:?}");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for finding in &findings {
        let place = finding.position.unwrap_or_else(|| panic!("nowhere: {finding}\n{text}"));
        let line = text.split('\n').nth(place.line - 1).unwrap_or_else(|| panic!("{finding}\n{text}"));
        assert!((1..=line.chars().count() + 1).contains(&place.column), "{finding}\n{text}");
    }
    findings
}

/// Checks that the reader with positions and the serde reader report the same faults of form.
fn agree<E: std::fmt::Display>(
    text: &str,
    findings: &[Diagnostic],
    read: Result<Workflow>,
    plain: std::result::Result<WorkflowDefinition, E>,
) {
    let without_place = |mut finding: Diagnostic| {
        finding.position = None;
        finding.to_string()
    };
    let reported: BTreeSet<String> = findings.iter().cloned().map(without_place).collect();
    let of_text = |it: &Diagnostic| matches!(it.kind, DiagnosticKind::Syntax | DiagnosticKind::DuplicateKey);
    match (read, plain) {
        (Ok(workflow), Ok(plain)) => assert_eq!(*workflow.definition(), plain, "{text}"),
        (Ok(_), Err(error)) => panic!("only one refuses:\n{text}\n{error}"),
        (Err(_), Ok(_)) => assert!(!findings.iter().any(|it| it.kind == DiagnosticKind::Syntax), "{text}"),
        (Err(_), Err(_)) if findings.iter().any(of_text) => {}
        (Err(_), Err(error)) => {
            let error = error.to_string();
            // The reader with positions refuses a negative number without parsing its size.
            if error.contains("number out of range") || error.contains("number overflowed") {
                return;
            }
            let mut faults = error.lines().filter(|it| it.starts_with("error["));
            let first = faults.next().unwrap_or_else(|| panic!("no fault of the form: {error}\n{text}"));
            for fault in faults.chain([first]) {
                let fault = fault.rsplit_once(" at line ").map_or(fault, |(fault, _)| fault);
                assert!(reported.contains(fault), "{fault}\n{text}");
            }
        }
    }
}

fn check_text(json: bool, text: &str) -> Vec<Diagnostic> {
    if json {
        let findings = all_of(text, Workflow::from_json(text));
        if !text.starts_with('\u{feff}') {
            agree(text, &findings, Workflow::from_json(text), serde_json::from_str(text));
        }
        return findings;
    }
    #[cfg(feature = "toml")]
    {
        let findings = all_of(text, Workflow::from_toml(text));
        if !text.starts_with('\u{feff}') {
            agree(text, &findings, Workflow::from_toml(text), toml::from_str(text));
        }
        findings
    }
    #[cfg(not(feature = "toml"))]
    Vec::new()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(soak::drawn(3_000)))]

    #[test]
    fn a_mutated_file_is_read_or_refused_at_the_right_place((json, text) in mutated()) {
        check_text(json, &text);
    }

    #[test]
    fn any_text_is_refused_at_the_right_place(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            check_text(true, &text);
            check_text(false, &text);
        }
    }

    #[test]
    fn any_sequence_of_words_is_refused_at_the_right_place(
        words in prop::collection::vec(prop::sample::select(BITS), 0..30),
    ) {
        check_text(true, &words.concat());
        check_text(false, &words.concat());
    }
}

/// The mutations reach the checks behind the syntax, not only texts that are invalid JSON or TOML.
#[test]
fn mutated_files_show_many_kinds_of_findings() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    for _ in 0..2_000 {
        let (json, text) = mutated().new_tree(&mut runner).unwrap().current();
        kinds.extend(check_text(json, &text).into_iter().map(|it| it.kind));
    }
    assert!(kinds.len() >= if cfg!(feature = "toml") { 40 } else { 20 }, "{kinds:?}");
}
