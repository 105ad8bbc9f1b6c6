//! What must not compile, and what the compiler says about it.
//!
//! The wording belongs to one version of the compiler, named in `compile_fail/rustc-version.txt`. With another one
//! the test is ignored, unless `FIRSTLINE_TRYBUILD=1` or `CI=true` asks for it. Set `TRYBUILD=overwrite` to take
//! new snapshots, and write the compiler's version beside them.

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
    let asked = |name: &str, value: &str| std::env::var_os(name).is_some_and(|it| it == value);
    let same = compiler() == SNAPSHOTS.trim();
    let due = same || asked("FIRSTLINE_TRYBUILD", "1") || asked("CI", "true");
    let name = "illegal_steps_do_not_compile_and_the_message_says_what_is_accepted";
    let test = Trial::test(name, || {
        // `TestCases` compares when it is dropped, and panics if anything differs.
        trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![test.with_ignored_flag(!due)]).exit();
}
