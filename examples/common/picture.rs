//! Writes the picture of an example to a file.

use std::{env, fs, io};

/// Writes the SVG next to the running program, under the program's name, and prints the path.
pub(crate) fn save(svg: &str) -> io::Result<()> {
    let file = env::current_exe()?.with_extension("svg");
    fs::write(&file, svg)?;
    println!("The picture is here; open it in a browser:\n  {}", file.display());
    Ok(())
}
