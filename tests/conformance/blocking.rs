//! Stores whose replies are results at once.

use std::sync::Arc;

use firstline::conformance::Candidate;
use firstline::memory::Memory;
use firstline::operation::blocking::{drive, work};
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

/// The reference.
pub(crate) struct InMemory;

impl Candidate for InMemory {
    type Engine = Memory;

    fn fresh(&self) -> Result<Memory> {
        Ok(Memory::new())
    }

    fn again(&self, store: &Memory) -> Result<Memory> {
        Ok(store.clone())
    }

    fn reads_beside_writes(&self) -> bool {
        false // One lock for all.
    }

    waits_for_nothing!();
}

/// The example's store, which is shared by whoever wants to.
pub(crate) struct Custom;

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<EventStore>);

impl Engine for Shared {
    type Reply<'a, T: Send + 'a> = Result<T>;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        drive(&*self.0, desk, &operation)
    }

    fn work<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
        work(&*self.0, desk, job)
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

    fn fresh(&self) -> Result<Shared> {
        Ok(Shared::default())
    }

    fn again(&self, store: &Shared) -> Result<Shared> {
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

    use firstline::operation::{Job, Operation};
    use firstline::sqlite::{Durability, Options, Sqlite};
    use firstline::{Error, ErrorKind};
    use rusqlite::{Connection, TransactionBehavior};
    use tempfile::TempDir;

    use super::*;

    /// Files in a directory that goes with this.
    pub(crate) struct Files(TempDir, AtomicU64);

    impl Files {
        pub(crate) fn new() -> Files {
            Files(tempfile::tempdir().unwrap(), AtomicU64::new(0))
        }

        pub(crate) fn next(&self) -> PathBuf {
            self.0.path().join(format!("{}.db", self.1.fetch_add(1, Ordering::Relaxed)))
        }
    }

    /// Every handle is a connection of its own. Power cuts are not what is tested here.
    pub(crate) fn open(path: &PathBuf) -> Result<Sqlite> {
        Options::new().durability(Durability::Normal).open(path)
    }

    pub(crate) struct File(Files);

    impl File {
        pub(crate) fn new() -> File {
            File(Files::new())
        }
    }

    impl Candidate for File {
        type Engine = Filed;

        fn fresh(&self) -> Result<Filed> {
            let path = self.0.next();
            Ok(Filed { store: open(&path)?, path })
        }

        fn again(&self, store: &Filed) -> Result<Filed> {
            Ok(Filed { store: open(&store.path)?, path: store.path.clone() })
        }

        waits_for_nothing!();
    }

    /// A store and where it is.
    pub(crate) struct Filed {
        store: Sqlite,
        path: PathBuf,
    }

    impl Engine for Filed {
        type Reply<'a, T: Send + 'a> = Result<T>;

        fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
            drive(&self.store, desk, &operation)
        }

        fn work<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
            work(&self.store, desk, job)
        }

        fn now(&self) -> Result<DateTime<Utc>> {
            Store::now(&self.store)
        }

        fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
            Store::claim(&self.store, kind, limit, lease)
        }
    }

    /// A database in memory has one connection, which clones share.
    pub(crate) struct InMemory;

    impl Candidate for InMemory {
        type Engine = Sqlite;

        fn fresh(&self) -> Result<Sqlite> {
            Sqlite::in_memory()
        }

        fn again(&self, store: &Sqlite) -> Result<Sqlite> {
            Ok(store.clone())
        }

        fn reads_beside_writes(&self) -> bool {
            false
        }

        waits_for_nothing!();
    }

    /// Each flow in a transaction of a host who commits whatever became of it.
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

        fn fresh(&self) -> Result<Hosted> {
            self.host(self.0.next())
        }

        fn again(&self, store: &Hosted) -> Result<Hosted> {
            self.host(store.path.clone())
        }

        fn reads_beside_writes(&self) -> bool {
            false // The host asks for the right to write from the beginning.
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
            // It is the host who may have to wait, and who tries again.
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

        fn work<J: Job>(&self, desk: &DeskId, mut job: J) -> Result<J::Out> {
            while let Some(step) = job.next() {
                let result = self.inside(step.desk().unwrap_or(desk), &step.operation());
                step.end(&mut job, result)?;
            }
            Ok(job.finish())
        }
    }
}
