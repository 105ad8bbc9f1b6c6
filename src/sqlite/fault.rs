//! SQLite's errors in the crate's words.

use rusqlite::ErrorCode;

use super::busy::is_busy;
use crate::error::{Error, ErrorKind};

/// What failed, and left nothing written.
pub(super) fn fault(error: rusqlite::Error) -> Error {
    const BUSY_SNAPSHOT: i32 = 517;
    let (kind, message) = match error.sqlite_error_code() {
        // Trying again inside the same transaction can never help: it must be begun anew.
        Some(_) if error.sqlite_error().is_some_and(|it| it.extended_code == BUSY_SNAPSHOT) => (
            ErrorKind::Storage,
            "the transaction has read what another program changed since, and can no longer write: roll it back and \
             begin it anew, as IMMEDIATE",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Busy, "another program or connection is writing to the database")
        }
        Some(ErrorCode::NotADatabase) => (ErrorKind::Corrupt, "the file is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, "the database file is damaged"),
        Some(ErrorCode::ReadOnly) => {
            (ErrorKind::Storage, "the database cannot be written to: it is read-only")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Storage, "the disk is full; nothing was written"),
        Some(ErrorCode::CannotOpen) => (ErrorKind::Storage, "the database file cannot be opened"),
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Storage, "the disk failed; nothing was written"),
        _ => (ErrorKind::Storage, "the database failed"),
    };
    Error::new(kind, message).caused_by(error)
}

/// A transaction of the store's own that did not begin in time, or whatever else kept it from that.
pub(super) fn waited_in_vain(error: rusqlite::Error) -> Error {
    if !is_busy(&error) {
        return fault(error);
    }
    let message = "another program or connection was writing to the database for as long as a command waits; nothing was \
                   written (inside a transaction of your own, call `desk.within(&transaction)`)";
    Error::new(ErrorKind::Busy, message).caused_by(error)
}

/// A commit that began to be written and failed: see `commit_on`.
pub(super) fn unknown(error: rusqlite::Error) -> Error {
    let message = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "the disk became full in the middle of a commit, and it is not known whether it will be there if all \
             programs on the database are killed now: make the same call again with the same idempotency key, or look \
             once something else was written"
        }
        _ => {
            "the disk failed in the middle of a commit, and it is not known whether it will be there if all programs \
             on the database are killed now: make the same call again with the same idempotency key, or look once \
             something else was written"
        }
    };
    Error::new(ErrorKind::Unknown, message).caused_by(error)
}
