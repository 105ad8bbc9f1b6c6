//! Programs that must not compile, and the compiler's messages about them.
//!
//! The messages depend on the compiler version in `compile_fail/rustc-version.txt`, and the comparison rebuilds
//! the crate. It therefore runs only with `CI=true` or `FIRSTLINE_TRYBUILD=1`, and is ignored otherwise.
//! `TRYBUILD=overwrite` writes new snapshots; then update the version in the file.

use std::process::Command;

use libtest_mimic::{Arguments, Trial};

/// The compiler version of the snapshots.
const SNAPSHOTS: &str = include_str!("compile_fail/rustc-version.txt");

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("the compiler does not run");
    let text = String::from_utf8(output.stdout).expect("the version is not UTF-8");
    // `rustc 1.95.0 (59807616e 2026-04-14)`: only the release number affects the messages.
    text.split_whitespace().nth(1).expect("the version has no release number").to_owned()
}

fn main() {
    let asked = std::env::var("FIRSTLINE_TRYBUILD").unwrap_or_else(|_| match std::env::var("CI") {
        Ok(ci) if ci == "true" => "1".to_owned(),
        _ => "0".to_owned(),
    });
    let name = "illegal_steps_do_not_compile_and_the_message_says_what_is_accepted";
    let test = Trial::test(name, || {
        if compiler() != SNAPSHOTS.trim() {
            return Err(format!("the snapshots are of rustc {SNAPSHOTS}, this is {}", compiler()).into());
        }
        // `TestCases` compares when it is dropped, and panics if anything differs.
        trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![test.with_ignored_flag(asked != "1")]).exit();
}
