//! Stores with blocking calls.

use std::sync::Arc;

use firstline::conformance::Candidate;
use firstline::memory::Memory;
use firstline::operation::blocking::{drive, run_job};
use firstline::operation::{Engine, Job, Operation};
use firstline::store::{Claimed, RecordKind, Store};
use firstline::{DateTime, DeskId, Result, TimeDelta, Utc};

use super::custom_store::EventStore;

macro_rules! waits_for_nothing {
    () => {
        fn wait<'a, T: Send + 'a>(&self, reply: Result<T>) -> Result<T> {
            reply
        }
    };
}

/// The reference store.
pub(crate) struct InMemory;

impl Candidate for InMemory {
    type Engine = Memory;

    fn create(&self) -> Result<Memory> {
        Ok(Memory::new())
    }

    fn reopen(&self, store: &Memory) -> Result<Memory> {
        Ok(store.clone())
    }

    fn reads_beside_writes(&self) -> bool {
        false // One lock for all.
    }

    waits_for_nothing!();
}

/// The store of the example, shared between handles.
pub(crate) struct Custom;

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<EventStore>);

impl Engine for Shared {
    type Reply<'a, T: Send + 'a> = Result<T>;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        drive(&*self.0, desk, &operation)
    }

    fn run_job<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
        run_job(&*self.0, desk, job)
    }

    fn now(&self) -> Result<DateTime<Utc>> {
        Store::now(&*self.0)
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        Store::claim(&*self.0, kind, limit, lease)
    }
}

impl Candidate for Custom {
    type Engine = Shared;

    fn create(&self) -> Result<Shared> {
        Ok(Shared::default())
    }

    fn reopen(&self, store: &Shared) -> Result<Shared> {
        Ok(store.clone())
    }

    fn reads_beside_writes(&self) -> bool {
        false
    }

    waits_for_nothing!();
}

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite {
    use std::path::PathBuf;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use firstline::operation::{Job, Operation};
    use firstline::sqlite::{Durability, Sqlite, SqliteOptions};
    use firstline::{Error, ErrorKind};
    use rusqlite::{Connection, TransactionBehavior};
    use tempfile::TempDir;

    use super::*;

    /// Files in a temporary directory, which is deleted with this value.
    pub(crate) struct Files(TempDir, AtomicU64);

    impl Files {
        pub(crate) fn new() -> Files {
            Files(tempfile::tempdir().unwrap(), AtomicU64::new(0))
        }

        pub(crate) fn next(&self) -> PathBuf {
            self.0.path().join(format!("{}.db", self.1.fetch_add(1, Ordering::Relaxed)))
        }
    }

    /// Opens a separate store for each handle. Power failures are not tested here, so commits are not synced.
    pub(crate) fn open(path: &PathBuf) -> Result<Sqlite> {
        // Only a hang can reach this timeout.
        let options = SqliteOptions::new().acquire_timeout(Duration::from_secs(600));
        options.durability(Durability::Normal).open(path)
    }

    pub(crate) struct File(Files);

    impl File {
        pub(crate) fn new() -> File {
            File(Files::new())
        }
    }

    impl Candidate for File {
        type Engine = Filed;

        fn create(&self) -> Result<Filed> {
            let path = self.0.next();
            Ok(Filed { store: open(&path)?, path })
        }

        fn reopen(&self, store: &Filed) -> Result<Filed> {
            Ok(Filed { store: open(&store.path)?, path: store.path.clone() })
        }

        waits_for_nothing!();
    }

    /// A store and its path.
    pub(crate) struct Filed {
        store: Sqlite,
        path: PathBuf,
    }

    impl Engine for Filed {
        type Reply<'a, T: Send + 'a> = Result<T>;

        fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
            drive(&self.store, desk, &operation)
        }

        fn run_job<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
            run_job(&self.store, desk, job)
        }

        fn now(&self) -> Result<DateTime<Utc>> {
            Store::now(&self.store)
        }

        fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
            Store::claim(&self.store, kind, limit, lease)
        }
    }

    /// A database in memory. It has one connection, which clones share.
    pub(crate) struct InMemory;

    impl Candidate for InMemory {
        type Engine = Sqlite;

        fn create(&self) -> Result<Sqlite> {
            Sqlite::in_memory()
        }

        fn reopen(&self, store: &Sqlite) -> Result<Sqlite> {
            Ok(store.clone())
        }

        fn reads_beside_writes(&self) -> bool {
            false
        }

        waits_for_nothing!();
    }

    /// Runs each operation in a transaction of the host, which commits regardless of the result.
    pub(crate) struct InHost(Files);

    impl InHost {
        pub(crate) fn new() -> InHost {
            InHost(Files::new())
        }

        fn host(&self, path: PathBuf) -> Result<Hosted> {
            let store = open(&path)?;
            let connection = Connection::open(&path).map_err(|error| Error::storage("the host's", error))?;
            Ok(Hosted { store, connection: Mutex::new(connection), path })
        }
    }

    impl Candidate for InHost {
        type Engine = Hosted;

        fn create(&self) -> Result<Hosted> {
            self.host(self.0.next())
        }

        fn reopen(&self, store: &Hosted) -> Result<Hosted> {
            self.host(store.path.clone())
        }

        fn reads_beside_writes(&self) -> bool {
            false // The host begins each transaction as IMMEDIATE.
        }

        waits_for_nothing!();
    }

    pub(crate) struct Hosted {
        store: Sqlite,
        connection: Mutex<Connection>,
        path: PathBuf,
    }

    impl Hosted {
        fn inside<F: Operation>(&self, desk: &DeskId, operation: &F) -> Result<F::Out> {
            // The host waits and retries.
            let host = |error| Error::new(ErrorKind::Busy, "the host's transaction").caused_by(error);
            let mut connection = self.connection.lock().unwrap();
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(host)?;
            let out = drive(&self.store.within(&tx), desk, operation);
            tx.commit().map_err(host)?;
            out
        }
    }

    impl Engine for Hosted {
        type Reply<'a, T: Send + 'a> = Result<T>;

        fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
            self.inside(desk, &operation)
        }

        fn run_job<J: Job>(&self, desk: &DeskId, mut job: J) -> Result<J::Out> {
            while let Some(step) = job.next() {
                let result = self.inside(step.desk().unwrap_or(desk), &step);
                step.complete(&mut job, result)?;
            }
            Ok(job.finish())
        }
    }
}
