//! What must not compile, and what the compiler says about it.
//!
//! The wording belongs to one version of the compiler, named in `compile_fail/rustc-version.txt`, and taking it
//! builds the crate anew: so it is compared where `CI=true` or `FIRSTLINE_TRYBUILD=1` asks for it, and ignored
//! elsewhere. Set `TRYBUILD=overwrite` to take new snapshots, and write the compiler's version beside them.

use std::process::Command;

use libtest_mimic::{Arguments, Trial};

/// The compiler with which the snapshots were taken.
const SNAPSHOTS: &str = include_str!("compile_fail/rustc-version.txt");

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("the compiler");
    let text = String::from_utf8(output.stdout).expect("its version");
    // `rustc 1.95.0 (59807616e 2026-04-14)`: the release alone decides the wording.
    text.split_whitespace().nth(1).expect("a release").to_owned()
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
