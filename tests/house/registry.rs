//! Every record kind in the sources is listed in `kinds::ALL`. The tests of `src/registry.rs` check columns and events.

use std::collections::BTreeSet;
use std::path::Path;

use firstline::store::kinds::ALL;

/// The codes of the kinds that this text declares, even if a declaration spans several lines.
fn declared_codes(code: &str) -> impl Iterator<Item = String> {
    let declared = code.split("RecordKind::new(").skip(1);
    declared.filter_map(|it| it.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned))
}

#[test]
fn a_kind_declared_over_several_lines_is_found() {
    let code = "const A: RecordKind = RecordKind::new(\n    \"first\",\n    \"a\"); RecordKind::new(\"second\", \"b\")";
    assert_eq!(declared_codes(code).collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn every_record_kind_in_the_sources_is_listed_once() {
    fn codes(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // The suite's kinds occur only in temporary stores.
                if !path.ends_with("conformance") {
                    codes(&path, found);
                }
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.extend(declared_codes(&code));
        }
    }
    let mut found = Vec::new();
    codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    let mut registered: Vec<_> = ALL.iter().map(|kind| kind.code().to_owned()).collect();
    registered.sort();
    assert_eq!(found, registered);
    let names: BTreeSet<_> = ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), ALL.len());
}
