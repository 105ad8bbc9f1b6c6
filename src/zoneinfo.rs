//! Time zones from a directory, such as the system's.
//!
//! The tables compiled into a program never change. The operating system updates its own tables.

use std::io::Read;
use std::path::Path;

use crate::calendar::Zone;
use crate::error::{Error, ErrorKind, Result};

/// The maximum number of bytes read from a file. Real TZif files have less than 4 KB.
const MAX_BYTES: u64 = 1 << 20;

impl Zone {
    /// Reads the zone with this IANA name from the system's directory, `/usr/share/zoneinfo`. Windows does not have it.
    ///
    /// ```no_run
    /// use firstline::Calendar;
    /// use firstline::calendar::{WORKDAYS, Zone};
    ///
    /// let definition = Calendar::builder("Africa/Casablanca").hours(WORKDAYS, "09:00-17:00").definition()?;
    /// let calendar = definition.compile_in(&Zone::from_system(definition.tz())?)?;
    /// println!("compiled with release {:?}", calendar.zone().version());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`from_directory`](Zone::from_directory).
    pub fn from_system(name: &str) -> Result<Zone> {
        Zone::from_directory("/usr/share/zoneinfo", name)
    }

    /// Reads the zone with this IANA name from a directory of TZif files. Nothing is cached: each call reads the files
    /// again.
    ///
    /// # Errors
    /// - [`Definition`](ErrorKind::Definition) if the directory has no such zone, or the name is not a valid zone name.
    /// - [`Storage`](ErrorKind::Storage) if the file cannot be read.
    /// - The errors of [`Zone::from_tzif`] if the file is not valid TZif data.
    pub fn from_directory(directory: impl AsRef<Path>, name: &str) -> Result<Zone> {
        let directory = directory.as_ref();
        let part = |part: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
            !part.is_empty() && part.bytes().all(fits)
        };
        // The name becomes a path. Without dots and without a root, it cannot lead out of the directory.
        if !name.split('/').all(part) {
            return Err(Error::definition("time zone", format!("{name:?} is not a time zone name")));
        }
        let mut tzif = Vec::new();
        let read = std::fs::File::open(directory.join(name))
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut tzif));
        match read {
            Ok(_) => Zone::from_tzif(name, version(directory).as_deref(), &tzif),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::definition("time zone", format!("{name:?} is not in {}", directory.display())))
            }
            Err(error) => {
                Err(Error::new(ErrorKind::Storage, format!("time zone {name:?} cannot be read"))
                    .caused_by(error))
            }
        }
    }
}

/// Returns the tz database release in the directory, such as `2025b`. `None` if no file states the release.
fn version(directory: &Path) -> Option<String> {
    let beginning = |file: &str| {
        let mut text = Vec::new();
        std::fs::File::open(directory.join(file)).ok()?.take(80).read_to_end(&mut text).ok()?;
        let line = String::from_utf8_lossy(&text).lines().next()?.trim().to_owned();
        Some(line)
    };
    // Linux has the release in the first line of `tzdata.zi`; macOS and the BSDs have a separate file.
    beginning("tzdata.zi")
        .and_then(|line| line.strip_prefix("# version ").map(str::to_owned))
        .or_else(|| beginning("+VERSION"))
}
