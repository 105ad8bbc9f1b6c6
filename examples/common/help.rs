//! The help of every example is the comment at the top of its source file.

#![allow(dead_code)] // No example uses all of these functions.

/// The arguments of the program. With `--help` or `-h` among them it prints the help and ends the program.
pub(crate) fn arguments(source: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.into_string() {
            Ok(argument) => arguments.push(argument),
            Err(argument) => refuse(source, &format!("the argument {argument:?} is not UTF-8")),
        }
    }
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        print!("{}", text(source));
        std::process::exit(0);
    }
    arguments
}

/// For a program without arguments: accepts only `--help`.
pub(crate) fn no_arguments(source: &str) {
    if let Some(argument) = arguments(source).first() {
        refuse(source, &format!("this example takes no argument {argument:?}"));
    }
}

/// The exit code of a program. Prints its error with all causes.
pub(crate) fn exit_code(outcome: Result<(), Box<dyn std::error::Error>>) -> std::process::ExitCode {
    let Err(error) = outcome else { return std::process::ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    std::process::ExitCode::FAILURE
}

/// Prints the problem and the help, and ends the program with exit code 2.
pub(crate) fn refuse(source: &str, problem: &str) -> ! {
    eprint!("{problem}\n\n{}", text(source));
    std::process::exit(2)
}

/// The lines that begin with `//!`, without the marks of a code block.
fn text(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.filter(|line| !line.starts_with("```")).map(|line| format!("{line}\n")).collect()
}
