//! The lock that protects against SQLite's WAL-reset bug.
//!
//! Since 3.7.0, SQLite can lose commits or damage the file if one connection begins a checkpoint while another commits
//! and resets the write-ahead log. The bug is fixed in 3.51.3, and in the older series in 3.44.6 and 3.50.7. If the
//! linked SQLite has the bug, only one connection may write and make checkpoints: read connections make none, and a
//! store locks the file when it opens it, so that no second store can write.
//!
//! The lock is an operating-system lock on a file next to the database, named `…-firstline-lock`. It is released when
//! the process ends for any reason. All stores of this crate respect it if their SQLite has the bug, in this process
//! and in others. Stores with a fixed SQLite, the host's own connections and programs without firstline ignore it. If
//! their SQLite has the bug, the host's connections (for `within`) and the other programs should make no checkpoints:
//! set `PRAGMA wal_autocheckpoint = 0`.

use std::fs::{File, TryLockError};

use rusqlite::{Connection, ErrorCode};

use super::fault;
use super::location::Location;
use crate::error::{Error, ErrorKind, Result};

/// True if SQLite of this version has the bug. The number of version 3.51.2 is 3051002.
pub(super) fn has_wal_reset_bug(version: i32) -> bool {
    let fixed_in_older_series =
        (3_044_006..3_045_000).contains(&version) || (3_050_007..3_051_000).contains(&version);
    (3_007_000..3_051_003).contains(&version) && !fixed_in_older_series
}

/// The lock on a database file. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct Claim(#[allow(dead_code)] File); // Closing the file releases the lock.

impl Claim {
    /// Locks the database of this connection. Returns `None` if the connection is read-only or the database has no
    /// file.
    ///
    /// # Errors
    /// A storage error if another store has the database open, or if the lock file cannot be opened or locked.
    pub(super) fn on(connection: &Connection, location: Option<&Location>) -> Result<Option<Claim>> {
        let Some(location) = location else { return Ok(None) };
        let Some(beside) = location.beside("-firstline-lock") else { return Ok(None) };
        if !can_write(connection)? {
            return Ok(None);
        }
        let path = location.file().display();
        let refused = |problem: String| {
            let allowed = "SQLite 3.51.3 or newer (feature `bundled`), one store at a time, or \
                           `SqliteOptions::share_at_own_risk`";
            Error::new(ErrorKind::Storage, problem).allowing(allowed)
        };
        let unknown = |error: std::io::Error| {
            let problem = format!("cannot verify that no other store has {path} open");
            refused(problem).caused_by(error)
        };
        let file = File::options().create(true).append(true).open(beside).map_err(unknown)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Claim(file))),
            Err(TryLockError::WouldBlock) => Err(refused(format!(
                "another store has {path} open, and SQLite {} can lose commits when two write to one file",
                rusqlite::version()
            ))),
            Err(TryLockError::Error(error)) => Err(unknown(error)),
        }
    }
}

/// Tries a write and rolls it back, because not every supported version of rusqlite has an API for this.
fn can_write(connection: &Connection) -> Result<bool> {
    let tried = connection.execute_batch("BEGIN IMMEDIATE; CREATE TABLE firstline_probe (x)");
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(fault)?;
    }
    match tried {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => Ok(false),
        tried => tried.map(|()| true).map_err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::super::SqliteOptions;
    use super::*;
    use crate::NewTicket;
    use rusqlite::config::DbConfig;

    #[test]
    fn versions_with_the_bug_are_recognized() {
        for (version, bug) in [
            (3_006_023, false),
            (3_007_000, true),
            (3_044_005, true),
            (3_044_006, false),
            (3_045_000, true),
            (3_046_000, true),
            (3_050_006, true),
            (3_050_007, false),
            (3_051_002, true),
            (3_051_003, false),
            (3_054_000, false),
        ] {
            assert_eq!(has_wal_reset_bug(version), bug, "{version}");
        }
    }

    #[test]
    fn with_the_bug_a_second_store_is_refused_until_the_first_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let old = || SqliteOptions::new().with_sqlite(3_046_000);
        let first = old().open(&file).unwrap();
        let error = old().open(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().contains("another store has"), "{error}");
        assert!(error.allowed().unwrap().contains("share_at_own_risk"), "{error}");
        old().share_at_own_risk().open(&file).unwrap();
        SqliteOptions::new().with_sqlite(3_051_003).open(&file).unwrap();
        // Another spelling of the path is the same file.
        assert!(old().open(dir.path().join("./support.db")).is_err());
        // A read-only store neither writes nor makes checkpoints.
        old().open(format!("file:{}?mode=ro", file.display())).unwrap();
        old().open(dir.path().join("other.db")).unwrap();
        drop(first);
        old().open(&file).unwrap().desk("main").open_ticket(NewTicket::new("No sound")).unwrap();
    }

    /// A read connection makes no checkpoint, not even as the last one to close the file.
    #[test]
    fn a_reader_makes_no_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let store = SqliteOptions::new().open(&file).unwrap();
        let desk = store.desk("main");
        desk.open_ticket(NewTicket::new("No sound")).unwrap();
        desk.ticket("T-1").unwrap();
        store.0.readers.look(|readers| {
            let reader = readers.first().unwrap();
            let setting = |pragma: &str| -> i64 {
                reader.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap()
            };
            assert_eq!((setting("wal_autocheckpoint"), setting("query_only")), (0, 1));
            assert!(reader.db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE).unwrap());
        });
    }
}
