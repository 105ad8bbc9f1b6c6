//! The time zones of a directory, such as the system's.
//!
//! The tables compiled into a program grow old with it; the system's are kept fresh by whoever looks after it.
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

/// The longest file that is taken for TZif data; real ones have less than 4 KB.
const LONGEST: u64 = 1 << 20;

/// A directory of TZif files. Nothing is kept: each call reads the directory as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zoneinfo(PathBuf);

impl Zoneinfo {
    /// The system's directory, `/usr/share/zoneinfo`, which Windows does not have.
    pub fn system() -> Zoneinfo {
        Zoneinfo::in_directory("/usr/share/zoneinfo")
    }

    /// The directory of this path.
    pub fn in_directory(path: impl Into<PathBuf>) -> Zoneinfo {
        Zoneinfo(path.into())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The zone of this IANA name, as it is on disk now.
    ///
    /// # Errors
    /// - [`Definition`](ErrorKind::Definition) if the directory has no such zone, or the name is not one of a zone.
    /// - [`Storage`](ErrorKind::Storage) if its file cannot be read.
    /// - As [`Zone::from_tzif`] if it is not TZif data.
    pub fn zone(&self, name: &str) -> Result<Zone> {
        let part = |part: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
            !part.is_empty() && part.bytes().all(fits)
        };
        // A name is a path inside the directory and nothing else: no dots, no root.
        if !name.split('/').all(part) {
            return Err(Error::definition("time zone", format!("{name:?} is no name of a time zone")));
        }
        let mut tzif = Vec::new();
        let read =
            std::fs::File::open(self.0.join(name)).and_then(|file| file.take(LONGEST).read_to_end(&mut tzif));
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

    /// The release of the tz database in the directory, such as `2025b`, if a file in it tells.
    pub fn version(&self) -> Option<String> {
        let beginning = |file: &str| {
            let mut text = Vec::new();
            std::fs::File::open(self.0.join(file)).ok()?.take(80).read_to_end(&mut text).ok()?;
            let line = String::from_utf8_lossy(&text).lines().next()?.trim().to_owned();
            Some(line)
        };
        // Linux has the release in the first line of the sources, macOS and the BSDs in a file of its own.
        beginning("tzdata.zi")
            .and_then(|line| line.strip_prefix("# version ").map(str::to_owned))
            .or_else(|| beginning("+VERSION"))
    }
}
