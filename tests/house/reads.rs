//! Every public method of the desk and its handles either checks the reader's rights, or is on a list with the
//! reason for not checking.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The methods that do not check a reader's rights, with the reason.
const EXEMPT: &[(&str, &[&str], &str)] = &[
    ("Desk", &["over", "memory", "open", "connect", "within", "within_connection"], "makes a desk"),
    ("Desk", &["view"], "returns the view of a reader"),
    ("Desk", &["setup", "records", "reports"], "returns a handle of the application"),
    (
        "Desk",
        &["ticket", "find", "count"],
        "reads for the application; `View` has the same read for a reader",
    ),
    ("Desk", &["open_ticket"], "opens a ticket; the result is that ticket"),
    (
        "Desk",
        &["receive"],
        "a message is placed by the standing of its sender, who gets no answer from the desk",
    ),
    ("Desk", &["act", "commit"], "the command asks the rules for its actor"),
    ("Desk", &["tick"], "fires the timers of the desk itself"),
    ("Records", &["history", "history_page", "links"], "reads for the application; `View` has the same read"),
    ("Records", &["import", "import_in_batches"], "writes; the application gets numbers and refusals"),
    (
        "Reports",
        &["explain", "due_soon", "process_map"],
        "reads for the application; `View` has the same read",
    ),
    ("Reports", &["what_if", "why_not"], "the command asks the rules for its actor"),
    ("Setup", &["adopt", "adopt_from", "policy"], "definitions, not tickets"),
    ("Setup", &["preview", "migrate"], "a migration of all tickets by the people who run the desk"),
    ("Worker", &["over", "batch", "tick"], "fires the timers of all desks"),
];

/// The public methods of a source by the type that has them, without those of traits.
fn methods(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut of = None;
    for line in source.lines() {
        if line.starts_with("impl") {
            of = subject(line);
        } else if line == "}" {
            of = None;
        } else if let (Some(of), Some(rest)) = (&of, line.strip_prefix("    pub ")) {
            let words = rest.trim_start_matches("async ").trim_start_matches("const ");
            if let Some(name) = words.strip_prefix("fn ").and_then(|name| name.split(['<', '(']).next()) {
                found.entry(of.clone()).or_default().insert(name.to_owned());
            }
        }
    }
    found
}

/// The type of `impl<E: Engine> Desk<E> {`; `None` for the implementation of a trait.
fn subject(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '<') - i32::from(*c == '>');
            depth == 0
        });
        rest = &rest[end?.0 + 1..];
    }
    if rest.contains(" for ") {
        return None;
    }
    Some(rest.trim_start().split(['<', ' ']).next()?.to_owned())
}

/// The types that read tickets: the desk, the worker, and every public type with a desk inside.
fn handles(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut of = None;
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            of = rest.split(['<', '(', ' ', ';']).next().map(str::to_owned);
        }
        if let Some(of) = of.as_ref().filter(|_| line.contains("Desk<")) {
            found.insert(of.clone());
        }
        if line == "}" || (line.starts_with("pub struct ") && line.ends_with(';')) {
            of = None;
        }
    }
    found
}

fn sources(below: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push(fs::read_to_string(path).unwrap()),
        }
    }
    found
}

/// The methods that neither check nor have a reason, and the reasons without a method.
fn faults(sources: &[String]) -> Vec<String> {
    let mut handles: BTreeSet<String> = sources.iter().flat_map(|source| self::handles(source)).collect();
    handles.extend(["Desk", "Worker"].map(str::to_owned));
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        for (of, names) in methods(source) {
            all.entry(of).or_default().extend(names);
        }
    }
    let asks = all.get("View").cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    let exempt =
        |of: &str, name: &str| EXEMPT.iter().find(|(it, names, _)| *it == of && names.contains(&name));
    for of in handles.iter().filter(|of| *of != "View") {
        for name in all.get(of).into_iter().flatten() {
            match exempt(of, name) {
                None => wrong
                    .push(format!("{of}::{name} neither checks the rights of its reader nor has a reason")),
                Some((_, _, reason)) if reason.contains("`View` has") && !asks.contains(name) => {
                    wrong.push(format!("View::{name} is missing"));
                }
                Some(_) => {}
            }
        }
    }
    for (of, names, _) in EXEMPT {
        let known = |name: &&&str| all.get(*of).is_some_and(|all| all.contains(**name));
        wrong.extend(
            names.iter().filter(|name| !known(name)).map(|name| format!("{of}::{name} does not exist")),
        );
    }
    wrong
}

fn crate_sources() -> Vec<String> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn every_read_checks_the_rights_of_its_reader() {
    let wrong = faults(&crate_sources());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A control: a new read is found in every place where it may appear.
#[test]
fn a_new_read_without_a_check_is_found() {
    for (source, expected) in [
        ("impl<E: Engine> Desk<E> {\n    pub fn peek(&self) -> E::Reply<'_, Ticket> {", "Desk::peek neither"),
        ("impl Desk<Memory> {\n    pub fn peek(&self) {", "Desk::peek neither"),
        (
            "impl<'a, E: Engine> Reports<'a, E> {\n    pub fn averages<T>(&self) {",
            "Reports::averages neither",
        ),
        (
            "pub struct People<'a, E>(pub(super) &'a Desk<E>);\n\nimpl<'a, E> People<'a, E> {\n    pub fn all(&self) {",
            "People::all neither",
        ),
        (
            "pub struct Feed<'a, E> {\n    desk: &'a Desk<E>,\n}\nimpl<E> Feed<'_, E> {\n    pub async fn next(&self) {",
            "Feed::next neither",
        ),
    ] {
        let mut sources = crate_sources();
        sources.push(source.to_owned());
        let wrong = faults(&sources);
        assert!(matches!(&wrong[..], [one] if one.starts_with(expected)), "{source}: {wrong:?}");
    }
    let without_history =
        |source: String| source.replace("    pub fn history_page(&self", "    fn history_page(&self");
    let sources: Vec<String> = crate_sources()
        .into_iter()
        .map(|it| if it.contains("pub struct View") { without_history(it) } else { it })
        .collect();
    assert_eq!(faults(&sources), ["View::history_page is missing"]);
}
