//! Conversion of SQLite errors to errors of this crate.

use rusqlite::ErrorCode;

use super::busy::is_busy;
use crate::error::{Error, ErrorKind};

/// Converts an error of an operation that wrote nothing.
pub(super) fn fault(error: rusqlite::Error) -> Error {
    const BUSY_SNAPSHOT: i32 = 517;
    let (kind, message) = match error.sqlite_error_code() {
        // A retry inside the same transaction always fails. The host must begin a new transaction.
        Some(_) if error.sqlite_error().is_some_and(|it| it.extended_code == BUSY_SNAPSHOT) => (
            ErrorKind::Storage,
            "the transaction can no longer write, because another connection has written since its first read: roll it \
             back and start again with BEGIN IMMEDIATE",
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

/// Converts the error of a store transaction that did not begin, for example because the timeout has passed.
pub(super) fn begin_failed(error: rusqlite::Error) -> Error {
    if !is_busy(&error) {
        return fault(error);
    }
    let message = "another program or connection was writing to the database for the whole acquire timeout; nothing \
                   was written (inside a transaction of your own, call `desk.within(&transaction)`)";
    Error::new(ErrorKind::Busy, message).caused_by(error)
}

/// Converts the error of a commit that was partly written: see `commit_on`.
pub(super) fn unknown(error: rusqlite::Error) -> Error {
    let message = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "the disk became full during a commit: nothing is visible now, but the commit may take effect if all \
             programs on the database are killed before the next write; repeat the call with the same idempotency key, \
             or check after another write"
        }
        _ => {
            "the disk failed during a commit: nothing is visible now, but the commit may take effect if all programs on \
             the database are killed before the next write; repeat the call with the same idempotency key, or \
             check after another write"
        }
    };
    Error::new(ErrorKind::Unknown, message).caused_by(error)
}

/// Converts the error of the verification after a commit.
pub(super) fn committed_elsewhere(error: Error) -> Error {
    let message = "a commit is in the file that the store opened, but that file is no longer at the store's path, or this \
                   cannot be verified; if the file was deleted, the commit is lost: open the store again, then repeat \
                   the call with the same idempotency key, or check";
    Error::new(ErrorKind::Unknown, message).caused_by(error)
}
