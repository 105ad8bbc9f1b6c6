//! Checks the layers of the crate: every file belongs to a floor and uses only its own floor and those below, no
//! folders or files use each other in a cycle, and the domain reads no clock, draws no random numbers and does no I/O.
//!
//! A room is a file `noun.rs` with its folder `noun/`. The rooms of one folder must not form a cycle at any depth,
//! even if no two files do. Files must not form one either, including a file and those of its folder. A `pub use`
//! re-exports an item: it counts as a use only if the file also mentions the name elsewhere. A file that uses the
//! re-exported name uses the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "layers/source.rs"]
mod source;

use source::{Token, Use, tokens, uses};

/// The units of the crate and their floors. A file belongs to the unit with the longest matching prefix.
const FLOORS: &[(u8, &[&str])] = &[
    // Vocabulary.
    (
        0,
        &[
            "error",
            "decimal",
            "id",
            "kind",
            "language",
            "time",
            "value",
            "open_set",
            "suggest",
            "limits",
            "line",
            "diagnostic",
            "duration",
            "source",
            "text",
        ],
    ),
    // The domain, pure.
    (
        1,
        &[
            "definition",
            "condition",
            "priority",
            "calendar",
            "lifecycle",
            "policy",
            "sla",
            "ticket",
            "reports",
            "import",
            "workflow",
        ],
    ),
    // The desk and the ports.
    (2, &["desk", "operation", "store"]),
    // Adapters.
    (3, &["memory", "sqlite", "postgres", "codec", "conformance", "zoneinfo"]),
    // The registry of stored data, which exists only in tests.
    (3, &["registry"]),
    // Texts with examples, which may use everything.
    (3, &["guide"]),
];

/// Reading the clock and drawing random numbers, which only `time.rs` and `id.rs` may do.
const CLOCK_AND_RANDOM: &[&str] =
    &["Utc::now", "Local::now", "SystemTime::now", "Instant::now", "now_v7", "new_v7", "new_v4", "rand::"];

/// Input and output, which the vocabulary and the domain must not do.
const IO: &[&str] = &[
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::process",
    "println!",
    "eprintln!",
    "print!",
    "dbg!",
];

const MAX_LINES: usize = 600;

/// The sources of a crate: path below `src` to text.
type Sources = BTreeMap<String, String>;

fn unit_of(module: &str) -> Option<(u8, &'static str)> {
    let is_prefix =
        |unit: &str| module.strip_prefix(unit).is_some_and(|it| it.is_empty() || it.starts_with('/'));
    let units = FLOORS.iter().flat_map(|(floor, units)| units.iter().map(|unit| (*floor, *unit)));
    units.filter(|(_, unit)| is_prefix(unit)).max_by_key(|(_, unit)| unit.len())
}

/// The files of a crate as modules, with their re-exports.
struct House<'a> {
    modules: BTreeSet<&'a str>,
    uses: BTreeMap<&'a str, Vec<Use>>,
    offered: BTreeMap<(String, String), Vec<String>>,
}

impl<'a> House<'a> {
    fn of(sources: &'a Sources) -> House<'a> {
        let modules: BTreeSet<&str> = sources.keys().filter_map(|path| path.strip_suffix(".rs")).collect();
        let (mut all, mut offered) = (BTreeMap::new(), BTreeMap::new());
        for (path, text) in sources {
            let module = path.trim_end_matches(".rs");
            // The items of the root have no file name before them.
            let own: Vec<String> =
                if module == "lib" { Vec::new() } else { module.split('/').map(str::to_owned).collect() };
            let children = modules.iter().filter_map(|it| match (it.rsplit_once('/'), module) {
                (None, "lib") => Some(*it),
                (Some((above, name)), _) if above == module => Some(name),
                _ => None,
            });
            let found = uses(&own, &children.collect(), &tokens(text));
            for offer in found.iter().filter(|it| it.exported) {
                if let Some(name) = offer.path.last() {
                    offered.insert((own.join("/"), name.clone()), offer.path.clone());
                }
            }
            all.insert(module, found);
        }
        House { modules, uses: all, offered }
    }

    /// The module that a path names, or the module of the item that it names.
    fn module_of(&self, path: &[String]) -> Option<String> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let module = (0..=path.len()).rev().map(|n| (n, path[..n].join("/")));
            let (n, module) =
                module.into_iter().find(|(n, it)| *n == 0 || self.modules.contains(it.as_str()))?;
            match path.get(n).and_then(|item| self.offered.get(&(module.clone(), item.clone()))) {
                Some(behind) => path = [&behind[..], &path[n + 1..]].concat(),
                None => return (n > 0).then_some(module),
            }
        }
        None
    }
}

/// The uses between modules, each with a place in the source.
type Edges = BTreeMap<String, BTreeMap<String, String>>;

/// All violations of the layers, as text.
fn violations(sources: &Sources) -> Vec<String> {
    let house = House::of(sources);
    let mut wrong = Vec::new();
    let (mut rooms, mut files) = (Edges::new(), Edges::new());
    for (path, text) in sources.iter().filter(|(path, _)| *path != "lib.rs") {
        let module = path.trim_end_matches(".rs");
        let Some((floor, _)) = unit_of(module) else {
            wrong.push(format!("{path} is on no floor: add it to FLOORS"));
            continue;
        };
        let tokens = tokens(text);
        for Use { path, line, exported, tests } in &house.uses[module] {
            let place = format!("{module}.rs:{line}");
            let Some(first) = path.first() else {
                wrong.push(format!("{place} imports the whole crate"));
                continue;
            };
            let Some(used) = house.module_of(path) else {
                wrong.push(format!("{place} uses crate::{first}, which is not a module of the crate"));
                continue;
            };
            let Some((used_floor, _)) = unit_of(&used) else { continue };
            if used_floor > floor {
                wrong.push(format!(
                    "{place} on floor {floor} uses crate::{} on floor {used_floor}",
                    path.join("::")
                ));
            } else if !tests && !module.ends_with("/tests") && (!exported || mentions_again(path, &tokens)) {
                if let Some((from, to)) = rooms_of(module, &used) {
                    rooms.entry(from).or_default().entry(to).or_insert_with(|| place.clone());
                }
                if used != module {
                    files.entry(module.to_owned()).or_default().entry(used).or_insert(place);
                }
            }
        }
        let spelled: String = tokens.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join(" ");
        let mentions = |what: &str| {
            let words: Vec<String> = source::tokens(what).into_iter().map(|it| it.text).collect();
            format!(" {spelled} ").contains(&format!(" {} ", words.join(" ")))
        };
        if !matches!(path.as_str(), "time.rs" | "id.rs") {
            let found = CLOCK_AND_RANDOM.iter().filter(|what| mentions(what));
            wrong.extend(
                found.map(|what| format!("{path} mentions {what}, which only time.rs and id.rs may")),
            );
        }
        if floor <= 1 {
            let found = IO.iter().filter(|what| mentions(what));
            wrong.extend(found.map(|what| format!("{path} mentions {what}, but floor {floor} does no I/O")));
        }
    }
    wrong.extend(cycles(rooms));
    // Two files in different rooms form a cycle of rooms as well.
    let of_files: Vec<_> = cycles(files).into_iter().filter(|circle| !wrong.contains(circle)).collect();
    wrong.extend(of_files);
    wrong
}

/// True if a file that re-exports an item also uses it: its name occurs once more, and not as a module's.
fn mentions_again(path: &[String], tokens: &[Token]) -> bool {
    let Some(name) = path.last() else { return false };
    let in_path = path.iter().filter(|it| *it == name).count();
    let before = std::iter::once("").chain(tokens.iter().map(|it| it.text.as_str()));
    let mentioned = tokens.iter().zip(before).filter(|(it, before)| it.text == *name && *before != "mod");
    mentioned.count() > in_path
}

/// The rooms of one folder that two modules belong to; `None` if one module is the other's room.
fn rooms_of(one: &str, other: &str) -> Option<(String, String)> {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split('/').collect(), other.split('/').collect());
    let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    (shared < one.len() && shared < other.len())
        .then(|| (one[..=shared].join("/"), other[..=shared].join("/")))
}

/// Every cycle of files or rooms, with a place for each edge.
fn cycles(mut edges: Edges) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((round, words)) = cycle(&edges) {
        // Without its last edge the cycle is broken, and the search continues.
        if let [.., from, to] = &round[..] {
            edges.get_mut(from).and_then(|steps| steps.remove(to));
        }
        found.push(words);
    }
    found
}

/// A cycle of files or rooms, with a place for each edge.
fn cycle(edges: &Edges) -> Option<(Vec<String>, String)> {
    fn walk<'a>(
        from: &'a str,
        edges: &'a Edges,
        trail: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<(Vec<String>, String)> {
        if let Some(begin) = trail.iter().position(|unit| *unit == from) {
            let mut round: Vec<&str> = trail[begin..].to_vec();
            // A cycle starts with its first name in order, wherever the search entered it.
            let first = (0..round.len()).min_by_key(|place| round[*place]).unwrap_or(0);
            round.rotate_left(first);
            round.push(round[0]);
            let steps =
                round.windows(2).map(|it| format!("{} -> {} ({})", it[0], it[1], edges[it[0]][it[1]]));
            let words = format!("a cycle: {}", steps.collect::<Vec<_>>().join(", "));
            return Some((round.iter().map(|it| (*it).to_owned()).collect(), words));
        }
        if !done.insert(from) {
            return None;
        }
        trail.push(from);
        let found = edges.get(from).and_then(|to| to.keys().find_map(|to| walk(to, edges, trail, done)));
        trail.pop();
        found
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|unit| walk(unit, edges, &mut Vec::new(), &mut done))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(below) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .collect();
    found.sort();
    found
}

fn sources() -> Sources {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(&path).unwrap())
    };
    rust_files(&src).into_iter().map(read).collect()
}

#[test]
fn every_file_uses_only_its_own_floor_and_those_below() {
    let sources = sources();
    assert!(sources.len() > 40, "the sources were not found: {:?}", sources.keys());
    let found: usize = House::of(&sources).uses.values().map(Vec::len).sum();
    assert!(found > 300, "only {found} paths were read: the reader is broken");
    let wrong = violations(&sources);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_are_named_by_their_noun_and_not_too_long() {
    let mut wrong = Vec::new();
    let files =
        ["src", "tests", "examples", "benches"].into_iter().flat_map(|it| rust_files(&root().join(it)));
    for path in files {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if path.ends_with("mod.rs") {
            wrong.push(format!("{name}: a module is `noun.rs`, never `mod.rs`"));
        }
        if lines > MAX_LINES {
            wrong.push(format!("{name} has {lines} lines, more than {MAX_LINES}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_top_level_contains_only_known_entries() {
    let allowed =
        ["Cargo.toml", "Cargo.lock", "src", "examples", "benches", "tests", "README.md", "CHANGELOG.md"];
    let stray: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !allowed.contains(&name.as_str()))
        // Git ignores `target`.
        .filter(|name| !name.starts_with("LICENSE") && !name.starts_with('.') && name != "target")
        .collect();
    assert!(stray.is_empty(), "{stray:?} do not belong at the top level");
}

/// A control: each violation is found in a small synthetic crate, and the corrected crate passes.
#[test]
fn a_synthetic_violation_is_found() {
    let crate_of = |files: &[(&str, &str)]| -> Sources {
        let all = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let root =
            "pub mod desk; pub mod ticket; pub use ticket::event::{Event, Change}; pub use desk::Desk;";
        let known = [
            ("lib.rs", root),
            (
                "ticket.rs",
                "mod event; pub use event::Change; fn f() { event::of() } #[cfg(test)] mod tests { use super::b; }",
            ),
            ("ticket/event.rs", "use super::deep;"),
            ("ticket/b.rs", "use super::c::C;"),
            ("ticket/c.rs", "#[cfg(test)] mod tests { use super::super::b::B; }"),
            ("ticket/deep.rs", ""),
            ("desk.rs", ""),
            ("error.rs", ""),
        ];
        known.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).chain(all).collect()
    };
    let faulty: &[(&str, &str, &str)] = &[
        ("ticket.rs", "use crate::desk::Desk;", "on floor 1 uses crate::desk::Desk on floor 2"),
        ("ticket.rs", "fn f() { crate::desk::receipt() }", "on floor 1 uses crate::desk::receipt on floor 2"),
        ("ticket.rs", "use crate::Desk;", "on floor 1 uses crate::Desk on floor 2"),
        ("ticket.rs", "use crate::{error::Error, desk};", "on floor 1 uses crate::desk on floor 2"),
        ("store.rs", "use super::desk; use crate::memory::Memory;", "floor 2 uses crate::memory"),
        (
            "store/query.rs",
            "use super::super::memory::Memory;",
            "floor 2 uses crate::memory::Memory on floor 3",
        ),
        ("error.rs", "use crate::ticket;", "error.rs:1 on floor 0 uses crate::ticket on floor 1"),
        ("desk/x.rs", "use crate::nowhere::X;", "which is not a module of the crate"),
        ("gadget.rs", "", "gadget.rs is on no floor"),
        ("policy.rs", "use crate::lifecycle;", "a cycle: lifecycle -> policy"),
        // A cycle of two rooms whose files do not form one.
        (
            "policy/x.rs",
            "use crate::lifecycle::State;",
            "a cycle: lifecycle -> policy (lifecycle.rs:1), policy -> lifecycle",
        ),
        // A cycle of two files in one folder.
        (
            "ticket/c.rs",
            "use crate::ticket::deep; use super::b::B;",
            "a cycle: ticket/b -> ticket/c (ticket/b.rs:1), ticket/c -> ticket/b",
        ),
        // A cycle through a name that a third file re-exports.
        ("ticket/deep.rs", "use crate::Change;", "a cycle: ticket/deep -> ticket/event"),
        // A cycle of a file and one of its folder.
        (
            "ticket/event.rs",
            "use super::{deep, Kind};",
            "a cycle: ticket -> ticket/event (ticket.rs:1), ticket/event -> ticket (ticket/event.rs:1)",
        ),
        ("ticket.rs", "fn f() { let now = chrono::Utc::now(); }", "ticket.rs mentions Utc::now"),
        ("desk.rs", "fn f() { let id = Uuid::now_v7(); }", "desk.rs mentions now_v7"),
        ("desk.rs", "use rand::Rng;", "desk.rs mentions rand::"),
        ("ticket.rs", "use std::fs::File;", "ticket.rs mentions std::fs"),
        ("value.rs", "fn f() { println!(\"\") }", "value.rs mentions println!"),
    ];
    let others: &[(&str, &str)] =
        &[("memory.rs", "use crate::desk::Desk;"), ("lifecycle.rs", "use crate::policy::Policy;")];
    let sound = crate_of(&[others, &[("policy.rs", ""), ("store.rs", "use crate::Event;")]].concat());
    assert_eq!(violations(&sound), Vec::<String>::new());
    for (path, text, expected) in faulty {
        let mut files = vec![("policy.rs", ""), ("store.rs", "")];
        files.extend_from_slice(others);
        files.push((path, text));
        let wrong = violations(&crate_of(&files));
        assert_eq!(wrong.len(), 1, "{path} {text}: {wrong:?}");
        assert!(wrong[0].contains(expected), "{path} {text}: {wrong:?}");
    }
    // A re-exported item counts if the file also uses it.
    let offers = |text| crate_of(&[("ticket/event.rs", "use super::Kind;"), ("ticket.rs", text)]);
    assert_eq!(violations(&offers("mod event; pub use event::Change;")), Vec::<String>::new());
    let wrong = violations(&offers("mod event; pub use event::Change; struct Ticket(Change);"));
    assert!(matches!(&wrong[..], [one] if one.contains("a cycle: ticket -> ticket/event")), "{wrong:?}");
    let harmless = "//! use crate::desk::Desk\n// Utc::now\nconst HINT: &str = \"std::fs, crate::desk\";";
    assert_eq!(violations(&crate_of(&[("ticket.rs", harmless)])), Vec::<String>::new());
}
