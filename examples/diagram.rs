//! The lifecycle of a ticket as a picture, drawn from the table that the code itself uses. Without options it writes an
//! SVG and prints Mermaid, which GitHub and many wikis draw.
//!
//! ```text
//! cargo run --example diagram
//! cargo run --example diagram -- OPTIONS
//!
//! OPTIONS
//!   --mermaid  only print Mermaid
//!   --dot      only print Graphviz DOT
//!   --clock    the states of a service level clock instead of the lifecycle; as text only
//! ```

use firstline::lifecycle::diagram;
use firstline::sla;
use firstline::workflow::{Picture, preset};
#[path = "common/help.rs"]
mod help;
#[path = "common/picture.rs"]
mod picture;

const SOURCE: &str = include_str!("diagram.rs");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = help::arguments(SOURCE);
    options.sort_unstable();
    match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            // The simple workflow has the states as its statuses and every step as a transition.
            picture::save(&Picture::of(&preset::simple().build()?).svg())?;
            print!("\nThe same in Mermaid:\n\n{}", diagram::mermaid());
        }
        ["--mermaid"] => print!("{}", diagram::mermaid()),
        ["--dot"] => print!("{}", diagram::dot()),
        ["--clock"] | ["--clock", "--mermaid"] => print!("{}", sla::mermaid()),
        ["--clock", "--dot"] => print!("{}", sla::dot()),
        _ => help::refuse(SOURCE, &format!("unknown options: {}", options.join(" "))),
    }
    Ok(())
}
