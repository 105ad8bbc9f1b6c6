//! The guard against SQLite's WAL-reset bug.
//!
//! From 3.7.0 on, SQLite can lose commits or damage the file if one connection begins a checkpoint while another
//! commits and starts the write-ahead log anew. 3.51.3 mended it, and so did 3.44.6 and 3.50.7. Where the linked
//! SQLite has the bug, one connection alone must write and make the checkpoints: connections for reading make none,
//! and whoever opens the file claims it, so that no second store writes to it.
//!
//! The claim is a lock of the operating system on a file beside the database, called `…-firstline-lock`. It is gone
//! with the process, however that ends. It is seen by every store of this crate, in this process and in others.
//! It is not seen by programs that open the database without firstline, nor by the host's own connections, nor by a
//! firstline whose SQLite has no bug: a host that works in `within` on such an old SQLite should take the
//! checkpoints from its connection (`PRAGMA wal_autocheckpoint = 0`), and so should those other programs.

use std::ffi::OsString;
use std::fs::{File, TryLockError};

use rusqlite::{Connection, ErrorCode};

use super::fault;
use crate::error::{Error, ErrorKind, Result};

/// Whether SQLite of this version number (3.51.2 is 3051002) has the bug.
pub(super) fn has_wal_reset_bug(version: i32) -> bool {
    let mended_before =
        (3_044_006..3_045_000).contains(&version) || (3_050_007..3_051_000).contains(&version);
    (3_007_000..3_051_003).contains(&version) && !mended_before
}

/// The only store that has this database open, as long as it is kept.
#[derive(Debug)]
pub(super) struct Claim(#[allow(dead_code)] File); // The lock goes with the file.

impl Claim {
    /// Claims the database of this connection; nothing if it cannot write, or has no file.
    ///
    /// # Errors
    /// A storage error if another store has it open, or nobody can know.
    pub(super) fn on(connection: &Connection) -> Result<Option<Claim>> {
        let Some(path) = connection.path().filter(|path| !path.is_empty()) else { return Ok(None) };
        if !can_write(connection)? {
            return Ok(None);
        }
        let mut beside = OsString::from(path);
        beside.push("-firstline-lock");
        let refused = |problem: String| {
            let allowed = "SQLite from 3.51.3 on (the feature `bundled` has it), one store at a time, or \
                           `Options::share_at_own_risk`";
            Error::new(ErrorKind::Storage, problem).allowing(allowed)
        };
        let unknown = |error: std::io::Error| {
            let problem = format!("cannot make sure that no other store has {path} open");
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

/// Asked by writing something that is undone, in words that every version of rusqlite understands.
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
    use super::super::Options;
    use super::*;
    use crate::NewTicket;
    use rusqlite::config::DbConfig;

    #[test]
    fn the_versions_with_the_bug_are_known() {
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
    fn where_sqlite_has_the_bug_a_second_store_is_refused_until_the_first_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let old = || Options::new().with_sqlite(3_046_000);
        let first = old().open(&file).unwrap();
        let error = old().open(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().contains("another store has"), "{error}");
        assert!(error.allowed().unwrap().contains("share_at_own_risk"), "{error}");
        old().share_at_own_risk().open(&file).unwrap();
        Options::new().with_sqlite(3_051_003).open(&file).unwrap();
        // Another way to write the same path is the same file.
        assert!(old().open(dir.path().join("./support.db")).is_err());
        // One that only reads neither writes nor makes checkpoints.
        old().open(format!("file:{}?mode=ro", file.display())).unwrap();
        old().open(dir.path().join("other.db")).unwrap();
        drop(first);
        old().open(&file).unwrap().desk("main").open_ticket(NewTicket::new("No sound")).unwrap();
    }

    /// What the guard is for: whoever reads makes no checkpoint, not even as the last to close the file.
    #[test]
    fn a_reader_makes_no_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let store = Options::new().open(&file).unwrap();
        let desk = store.desk("main");
        desk.open_ticket(NewTicket::new("No sound")).unwrap();
        desk.ticket("T-1").unwrap();
        store.0.readers.look(|readers| {
            let reader = readers.first().unwrap();
            let asked = |pragma: &str| -> i64 {
                reader.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap()
            };
            assert_eq!((asked("wal_autocheckpoint"), asked("query_only")), (0, 1));
            assert!(reader.db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE).unwrap());
        });
    }
}
