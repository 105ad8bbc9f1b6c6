//! Comments and guides are at most 120 columns wide. Tables, links and quoted code may be wider.

use std::fs;
use std::path::{Path, PathBuf};

const MAX_COLUMNS: usize = 120;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "md") {
            found.push(path);
        }
    }
}

/// Returns the places of prose that is too wide.
fn too_wide(name: &str, text: &str, is_prose: bool) -> Vec<String> {
    let (mut found, mut in_code) = (Vec::new(), false);
    for (line, number) in text.lines().zip(1..) {
        let comment = line.trim_start();
        let body = comment.trim_start_matches(['/', '!']).trim_start();
        if !is_prose && !comment.starts_with("//") {
            in_code = false;
            continue;
        }
        if body.starts_with("```") {
            in_code = !in_code;
        }
        let may_be_wide = in_code || body.starts_with(['|', '[']) || !body.contains(' ');
        if line.chars().count() > MAX_COLUMNS && !may_be_wide {
            found.push(format!("{name}:{number}"));
        }
    }
    found
}

#[test]
fn comments_and_guides_are_not_too_wide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for folder in ["src", "tests", "examples", "benches"] {
        files(&root.join(folder), &mut paths);
    }
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| !path.components().any(|it| it.as_os_str() == "target")) {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        found.extend(too_wide(&name, &fs::read_to_string(path).unwrap(), name.ends_with(".md")));
    }
    assert!(found.is_empty(), "wider than {MAX_COLUMNS} columns:\n{}", found.join("\n"));
}

#[test]
fn a_wide_comment_is_found_and_a_wide_table_is_not() {
    let long = "word ".repeat(30);
    assert_eq!(too_wide("a", &format!("/// {long}"), false), ["a:1"]);
    assert_eq!(too_wide("a", &format!("ok\n{long}"), true), ["a:2"]);
    for accepted in [format!("/// | {long}"), format!("let x = \"{long}\";"), format!("/// ```\n/// {long}")]
    {
        assert!(too_wide("a", &accepted, false).is_empty(), "{accepted}");
    }
}
