//! Runs the small examples and checks what they print.

use std::collections::BTreeSet;
use std::process::{Command, Output};

/// Every feature of the crate, with true for the features of this build.
fn features() -> [(&'static str, bool); 11] {
    [
        ("default", cfg!(feature = "default")),
        ("sqlite", cfg!(feature = "sqlite")),
        ("bundled", cfg!(feature = "bundled")),
        ("postgres", cfg!(feature = "postgres")),
        ("tokio", cfg!(feature = "tokio")),
        ("conformance", cfg!(feature = "conformance")),
        ("tracing", cfg!(feature = "tracing")),
        ("metrics", cfg!(feature = "metrics")),
        ("tzif", cfg!(feature = "tzif")),
        ("ics", cfg!(feature = "ics")),
        ("toml", cfg!(feature = "toml")),
    ]
}

/// Runs `cargo run --example` with the features and the profile of this build, so that the build is reused.
fn run(example: &str, arguments: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    cargo.arg("--no-default-features");
    for (feature, _) in features().into_iter().filter(|(_, on)| *on) {
        cargo.args(["--features", feature]);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.args(["--example", example, "--"]).args(arguments).output().unwrap()
}

/// The output of a successful run.
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
    let printed = printed("small_shop", &[]);
    let lines: Vec<_> = printed.lines().collect();
    let expected = [
        r#"vera opened T-1 (question, web form, P3): "Where is my parcel?""#,
        r#"anna replied: "It arrives tomorrow.""#,
        r#"anna resolved it: "found the parcel""#,
        "",
        "T-1 is resolved after 1 reply.",
    ];
    assert_eq!(lines.len(), expected.len(), "{printed}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.ends_with(expected), "{line}");
    }
}

#[test]
fn the_typed_lifecycle_example_shows_a_conflict_and_ends_closed() {
    let printed = printed("typed_lifecycle", &[]);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            r#"boris opened T-1: "No sound""#,
            "anna put it on hold, because of: third party",
            "ben resolved it",
            "anna is too late: she has version 3, the ticket is at version 4 and resolved",
            "boris confirmed the solution: T-1 is closed",
        ]
    );
}

/// The ITIL matrix gives P1 for high x high, P4 for low x medium and P5 for low x low. A key customer is one rank
/// higher, a trial account one lower, and a complaint with many readers is at least P2.
#[test]
fn the_key_customers_example_gives_priorities_and_reasons() {
    let printed = printed("key_customers", &[]);
    let tickets: Vec<(&str, &str)> = printed
        .lines()
        .zip(printed.lines().skip(1))
        .filter(|(ticket, _)| ticket.starts_with("T-"))
        .map(|(ticket, reasons)| (ticket, reasons.trim()))
        .collect();
    let joke = "impact low x urgency low gives P5";
    let raised = "\"key customer\" raises it by 1 to P4";
    let expected = [
        (
            "T-2 Nobody can pay",
            "P1: impact high x urgency high gives P1; \"key customer\" leaves it at P1".to_owned(),
        ),
        (
            "T-4 Your service is a joke",
            format!("P2: {joke}; \"trial account\" leaves it at P5; \"reputation at risk\" raises it to P2"),
        ),
        ("T-1 The invoice has a typing error", format!("P4: {joke}; {raised}")),
        (
            "T-3 May I change my name?",
            "P5: impact low x urgency medium gives P4; \"trial account\" lowers it by 1 to P5".to_owned(),
        ),
        ("T-5 Your service is a joke", format!("P5: {joke}")),
        ("T-5 Your service is a joke", format!("P4: {joke}; {raised}")),
    ];
    let expected: Vec<_> = expected.iter().map(|(ticket, reasons)| (*ticket, reasons.as_str())).collect();
    assert_eq!(tickets, expected);
}

#[test]
fn your_own_store_is_one_short_file() {
    let lines = include_str!("../../examples/custom_store.rs").lines().count();
    assert!(lines <= 250, "{lines} lines");
    let printed = printed("custom_store", &[]);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "One request, sent twice, opened one ticket: T-1",
            "It was on hold until Monday, and is active again",
            "A change to an old version was refused as a conflict",
            "A record of the shop, p-1, was claimed by one worker only",
            "The fold of the 3 events of T-1 is the ticket itself",
        ]
    );
}

#[test]
fn the_diagram_example_draws_the_lifecycle_and_the_clock_in_each_format() {
    let default = printed("diagram", &[]);
    assert!(default.ends_with(&firstline::lifecycle::diagram::mermaid()), "{default}");
    let file = default.lines().nth(1).unwrap().trim();
    assert!(std::fs::read_to_string(file).unwrap().trim_end().ends_with("</svg>"), "{file}");
    assert_eq!(printed("diagram", &["--mermaid"]), firstline::lifecycle::diagram::mermaid());
    assert_eq!(printed("diagram", &["--dot"]), firstline::lifecycle::diagram::dot());
    assert_eq!(printed("diagram", &["--clock"]), firstline::sla::mermaid());
    assert_eq!(printed("diagram", &["--clock", "--dot"]), firstline::sla::dot());
    assert_eq!(printed("diagram", &["--dot", "--clock"]), firstline::sla::dot());
    let help = printed("diagram", &["--help"]);
    assert!(help.contains("--dot") && help.contains("--clock"), "{help}");
    let refused = run("diagram", &["--svg"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("OPTIONS"));
}

/// Without one of the features, cargo would build the crate and its dependencies again for the examples.
#[test]
fn the_examples_are_run_with_every_feature_of_this_build() {
    let manifest = include_str!("../../Cargo.toml");
    let declared = manifest.split("[features]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = declared.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let declared: BTreeSet<_> = names.filter(|name| !name.starts_with('#')).collect();
    let passed: BTreeSet<_> = features().into_iter().map(|(name, _)| name).collect();
    assert_eq!(passed, declared);
}
