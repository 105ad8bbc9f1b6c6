//! The lifecycle, or the states of an agreement's clock, as a picture, each drawn from the table that the code uses.
//!
//! `cargo run --example diagram`, with `-- --clock` for the clock, and with `-- --dot` for Graphviz.

use std::process::ExitCode;

use firstline::lifecycle::diagram;
use firstline::sla;

const HELP: &str = "\
Prints the lifecycle of a ticket as a Mermaid state diagram, which GitHub and many wikis draw.

Usage: cargo run --example diagram [-- OPTIONS]

Options:
  --clock  the states of an agreement's clock instead
  --dot    print Graphviz DOT instead: cargo run --example diagram -- --dot | dot -Tsvg > lifecycle.svg
  --help   print this";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.sort_unstable();
    match arguments[..] {
        [] => print!("{}", diagram::mermaid()),
        ["--dot"] => print!("{}", diagram::dot()),
        ["--clock"] => print!("{}", sla::mermaid()),
        ["--clock", "--dot"] => print!("{}", sla::dot()),
        ["--help" | "-h"] => println!("{HELP}"),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
