//! The whole life of one request: registered, prioritised, answered, handed over to the 2nd line, resolved, confirmed,
//! closed. The output is the history of the ticket, read back from the SQLite file.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Change an action in `script.rs` and run it again: the story changes.

#[path = "../common/help.rs"]
mod help;
mod script;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("main.rs"));
    let directory = tempfile::tempdir()?;
    print!("{}", script::play(&directory.path().join("support.db"), script::script())?);
    Ok(())
}
