//! Time zones from a directory, such as the system's.
//!
//! The tables compiled into a program never change. The operating system updates its own tables.
//!
//! ```no_run
//! use firstline::Calendar;
//! use firstline::calendar::WORKDAYS;
//! use firstline::zoneinfo::Zoneinfo;
//!
//! let zones = Zoneinfo::system();
//! let definition = Calendar::builder("Africa/Casablanca").hours(WORKDAYS, "09:00-17:00").definition()?;
//! let calendar = definition.compile_in(&zones.zone(definition.tz())?)?;
//! println!("compiled with release {:?}", calendar.zone().version());
//! # Ok::<(), firstline::Error>(())
//! ```

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::calendar::Zone;
use crate::error::{Error, ErrorKind, Result};

/// The maximum number of bytes read from a file. Real TZif files have less than 4 KB.
const MAX_BYTES: u64 = 1 << 20;

/// A directory of TZif files. Nothing is cached: each call reads the files again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zoneinfo(PathBuf);

impl Zoneinfo {
    /// Returns the system's directory, `/usr/share/zoneinfo`. Windows does not have it.
    pub fn system() -> Zoneinfo {
        Zoneinfo::in_directory("/usr/share/zoneinfo")
    }

    /// Returns the directory with this path.
    pub fn in_directory(path: impl Into<PathBuf>) -> Zoneinfo {
        Zoneinfo(path.into())
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the zone with this IANA name from the directory.
    ///
    /// # Errors
    /// - [`Definition`](ErrorKind::Definition) if the directory has no such zone, or the name is not a valid zone name.
    /// - [`Storage`](ErrorKind::Storage) if the file cannot be read.
    /// - The errors of [`Zone::from_tzif`] if the file is not valid TZif data.
    pub fn zone(&self, name: &str) -> Result<Zone> {
        let part = |part: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
            !part.is_empty() && part.bytes().all(fits)
        };
        // The name becomes a path. Without dots and without a root, it cannot lead out of the directory.
        if !name.split('/').all(part) {
            return Err(Error::definition("time zone", format!("{name:?} is not a time zone name")));
        }
        let mut tzif = Vec::new();
        let read = std::fs::File::open(self.0.join(name))
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut tzif));
        match read {
            Ok(_) => Zone::from_tzif(name, self.version().as_deref(), &tzif),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::definition("time zone", format!("{name:?} is not in {}", self.0.display())))
            }
            Err(error) => {
                Err(Error::new(ErrorKind::Storage, format!("time zone {name:?} cannot be read"))
                    .caused_by(error))
            }
        }
    }

    /// Returns the tz database release in the directory, such as `2025b`. `None` if no file states the release.
    pub fn version(&self) -> Option<String> {
        let beginning = |file: &str| {
            let mut text = Vec::new();
            std::fs::File::open(self.0.join(file)).ok()?.take(80).read_to_end(&mut text).ok()?;
            let line = String::from_utf8_lossy(&text).lines().next()?.trim().to_owned();
            Some(line)
        };
        // Linux has the release in the first line of `tzdata.zi`; macOS and the BSDs have a separate file.
        beginning("tzdata.zi")
            .and_then(|line| line.strip_prefix("# version ").map(str::to_owned))
            .or_else(|| beginning("+VERSION"))
    }
}
