//! The small examples do what they say: each is run as its reader would run it.

use std::collections::BTreeSet;
use std::process::{Command, Output};

/// Runs `cargo run --example` with this build's features and profile, so that nothing is compiled anew.
fn run(example: &str, arguments: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    cargo.arg("--no-default-features");
    for (feature, on) in [
        ("default", cfg!(feature = "default")),
        ("sqlite", cfg!(feature = "sqlite")),
        ("bundled", cfg!(feature = "bundled")),
        ("tokio", cfg!(feature = "tokio")),
        ("tzif", cfg!(feature = "tzif")),
        ("ics", cfg!(feature = "ics")),
    ] {
        if on {
            cargo.args(["--features", feature]);
        }
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.args(["--example", example, "--"]).args(arguments).output().unwrap()
}

/// What a successful run prints.
fn printed(example: &str, arguments: &[&str]) -> String {
    let output = run(example, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_small_shop_is_fifteen_lines_and_declares_nothing() {
    let source = include_str!("../../examples/small_shop.rs");
    let code: Vec<_> =
        source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    assert!(code.len() <= 15, "{} lines of code", code.len());
    let code = code.join("\n").to_lowercase();
    let words: BTreeSet<_> = code.split(|c: char| !c.is_alphanumeric()).collect();
    let declared = [
        "matrix",
        "impact",
        "urgency",
        "priority",
        "workflow",
        "team",
        "line",
        "policy",
        "sla",
        "incident",
        "agreement",
        "kind",
        "settings",
    ];
    let found: Vec<_> = declared.iter().filter(|word| words.contains(*word)).collect();
    assert_eq!(found, Vec::<&&str>::new(), "a small shop needs none of these");
    assert_eq!(printed("small_shop", &[]), "T-1 \"Where is my parcel?\" is resolved after 1 reply\n");
}

#[test]
fn the_typed_lifecycle_meets_a_conflict_and_ends_closed() {
    let printed = printed("typed_lifecycle", &[]);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[0], "on hold, because of: third party");
    assert!(lines[1].starts_with("anna came too late: ticket "), "{printed}");
    assert!(lines[1].ends_with("is at version 4, resolved; version 3 was expected"), "{printed}");
    assert_eq!(lines[2], "boris confirmed: T-1 is closed");
    assert_eq!(
        lines[3], "nothing to do for boris: accepted here: note, describe, link",
        "the second look finds it finished"
    );
}

#[test]
fn a_store_of_ones_own_is_one_short_file() {
    let lines = include_str!("../../examples/custom_store.rs").lines().count();
    assert!(lines <= 250, "{lines} lines");
    let printed = printed("custom_store", &[]);
    assert_eq!(printed, "a store of one's own: T-1 is active after 3 events\n");
}

#[test]
fn the_diagram_has_two_subjects_in_two_forms_and_a_help() {
    assert_eq!(printed("diagram", &[]), firstline::lifecycle::diagram::mermaid());
    assert_eq!(printed("diagram", &["--dot"]), firstline::lifecycle::diagram::dot());
    assert_eq!(printed("diagram", &["--clock"]), firstline::sla::mermaid());
    assert_eq!(printed("diagram", &["--clock", "--dot"]), firstline::sla::dot());
    assert_eq!(printed("diagram", &["--dot", "--clock"]), firstline::sla::dot());
    let help = printed("diagram", &["--help"]);
    assert!(help.contains("--dot") && help.contains("--clock"), "{help}");
    let refused = run("diagram", &["--svg"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Usage:"));
}
