//! The lifecycle as a picture, drawn from the table that the compiler and the run-time check use too.
//!
//! `cargo run --example diagram`, or with `-- --dot` for Graphviz.

use std::process::ExitCode;

use firstline::lifecycle::diagram;

const HELP: &str = "\
Prints the lifecycle of a ticket as a Mermaid state diagram, which GitHub and many wikis draw.

Usage: cargo run --example diagram [-- OPTION]

Options:
  --dot   print Graphviz DOT instead: cargo run --example diagram -- --dot | dot -Tsvg > lifecycle.svg
  --help  print this";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => print!("{}", diagram::mermaid()),
        ["--dot"] => print!("{}", diagram::dot()),
        ["--help" | "-h"] => println!("{HELP}"),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
