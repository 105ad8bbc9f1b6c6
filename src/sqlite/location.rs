//! The location of the database file and the identity of the file there.
//!
//! While a store is open, another program may move, delete or replace its file. The open connections still write to the
//! old file, which no path leads to, so an acknowledged command would be lost. The store therefore compares the file at
//! its path with the file that it opened, before each transaction and after each commit.
//!
//! On Unix the device and the inode identify a file, for the database and for its log. On Windows the comparison is not
//! needed: SQLite opens both without `FILE_SHARE_DELETE`, so Windows refuses to move, delete or replace them.
//!
//! A program that overwrites the same file in place, such as `cp backup.db support.db`, does not change its identity.
//! SQLite cannot detect this either: see <https://sqlite.org/howtocorrupt.html>.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::{Error, ErrorKind, Result};

/// The absolute location of the database, independent of later changes of the working directory.
#[derive(Debug)]
pub(super) struct Location {
    /// The path or URI that opens further connections. A URI keeps its parameters except `mode=rwc`.
    pub(super) name: PathBuf,
    file: PathBuf,
    /// The file without symbolic links. SQLite resolves them before it names the log. `None` if SQLite stores the
    /// database elsewhere than in a file.
    resolved: Option<PathBuf>,
    /// The files that the store opened: the database and its log.
    opened: Vec<(PathBuf, Identity)>,
}

/// The device and the inode.
type Identity = (u64, u64);

impl Location {
    /// The location of the database that `connection` opened by this path or URI.
    pub(super) fn of(path: &Path, connection: &Connection) -> io::Result<Location> {
        let uri = path.to_str().filter(|it| it.starts_with("file:"));
        let (name, file) = match (uri, connection.path().filter(|file| !file.is_empty())) {
            (Some(uri), Some(file)) => (further_uri(uri, file).into(), PathBuf::from(file)),
            _ => {
                let file = std::path::absolute(path)?;
                (file.clone(), file)
            }
        };
        let resolved = match file.canonicalize() {
            Ok(resolved) => Some(resolved),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // The identity is taken now, because the preparation of the database may take long.
        let identity = if resolved.is_some() { identity(&file)? } else { None };
        let opened = identity.map(|identity| (file.clone(), identity)).into_iter().collect();
        Ok(Location { name, file, resolved, opened })
    }

    /// The path of the database.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The path of a file next to the database, if the database is a file.
    pub(super) fn beside(&self, suffix: &str) -> Option<PathBuf> {
        let mut path = self.resolved.clone()?.into_os_string();
        path.push(suffix);
        Some(path.into())
    }

    /// Remembers the log, which the connection has opened, and verifies the database.
    ///
    /// # Errors
    /// As for [`verify`](Location::verify).
    pub(super) fn remember_log(&mut self) -> Result<()> {
        if let Some(log) = self.beside("-wal") {
            match identity(&log) {
                Ok(identity) => self.opened.extend(identity.map(|identity| (log, identity))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unverified(&log, error)),
            }
        }
        self.verify()
    }

    /// Verifies that the paths still lead to the files that were opened.
    ///
    /// # Errors
    /// A storage error if the database or its log was moved, deleted or replaced, or if the system does not answer.
    pub(super) fn verify(&self) -> Result<()> {
        for (file, opened) in &self.opened {
            let problem = match identity(file) {
                Ok(now) if now == Some(*opened) => continue,
                Ok(_) => "was replaced by another file",
                Err(error) if error.kind() == io::ErrorKind::NotFound => "was moved or deleted",
                Err(error) => return Err(unverified(file, error)),
            };
            let problem = format!("{} {problem} while the store had it open", file.display());
            return Err(Error::new(ErrorKind::Storage, problem)
                .allowing("the file that was opened, or a store that is opened again"));
        }
        Ok(())
    }

    /// True if a connection of the host is on this database.
    pub(super) fn is_database_of(&self, connection: &Connection) -> bool {
        let Some(theirs) = file_of(connection) else { return false };
        match (self.file.canonicalize(), theirs.canonicalize()) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            _ => true, // A path that cannot be resolved does not prove that the databases differ.
        }
    }
}

fn unverified(file: &Path, error: io::Error) -> Error {
    Error::storage(format!("cannot verify that {} is still the same file", file.display()), error)
}

/// The URI that opens further connections to this file.
fn further_uri(uri: &str, file: &str) -> String {
    // The path comes from SQLite, which makes it absolute. The URI's parameters are kept, except `mode=rwc`: SQLite
    // refuses it on a connection opened without CREATE. SQLite ignores the part after a `#`.
    let parameters =
        uri.split('#').next().and_then(|it| it.split_once('?')).map_or("", |(_, parameters)| parameters);
    let parameters = parameters.split('&').filter(|it| *it != "mode=rwc").collect::<Vec<_>>().join("&");
    let path = file.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?{parameters}")
}

/// Returns the file that a connection of the host has open. A database in memory and a temporary database have none.
fn file_of(connection: &Connection) -> Option<PathBuf> {
    if let Some(path) = connection.path() {
        return (!path.is_empty()).then(|| path.into());
    }
    // `path` returns `None` for a path that is not UTF-8.
    let bytes: Vec<u8> = connection
        .query_row("SELECT file FROM pragma_database_list WHERE name = 'main'", [], |row| {
            Ok(row.get_ref(0)?.as_bytes()?.to_vec())
        })
        .ok()?;
    path_of(bytes).filter(|path| !path.as_os_str().is_empty())
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(unix)]
fn identity(file: &Path) -> io::Result<Option<Identity>> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(file)?;
    Ok(Some((found.dev(), found.ino())))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> io::Result<Option<Identity>> {
    Ok(None)
}
