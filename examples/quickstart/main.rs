//! One request, from the first message to the last: registered, rated, answered, handed over to the 2nd line,
//! resolved, confirmed, closed. What is printed is told by the ticket's own history, read back from the file.
//!
//! `cargo run --example quickstart`
//!
//! Change an action in `script.rs` and run it again: the story changes with it.

mod script;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    print!("{}", script::play(&directory.path().join("support.db"), script::script())?);
    Ok(())
}
