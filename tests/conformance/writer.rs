//! The async SQLite store with its writer thread.

use std::path::PathBuf;
use std::sync::Arc;

use firstline::conformance::Candidate;
use firstline::operation::{Engine, Job, Operation};
use firstline::sqlite::AsyncSqlite;
use firstline::{DeskId, Result};
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use super::blocking::sqlite::{Files, open};

pub(crate) struct Awaits(Files, Arc<Runtime>);

impl Awaits {
    pub(crate) fn new() -> Awaits {
        Awaits(Files::new(), Arc::new(Runtime::new().unwrap()))
    }
}

pub(crate) struct Writer {
    store: AsyncSqlite,
    path: PathBuf,
}

impl Engine for Writer {
    type Reply<'a, T: Send + 'a> = <AsyncSqlite as Engine>::Reply<'a, T>;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Self::Reply<'a, F::Out> {
        self.store.run(desk, operation)
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Self::Reply<'a, J::Out> {
        self.store.run_job(desk, job)
    }
}

impl Candidate for Awaits {
    type Engine = Writer;

    fn create(&self) -> Result<Writer> {
        let path = self.0.next();
        Ok(Writer { store: open(&path)?.into_async()?, path })
    }

    /// Opens the same file with another writer thread, as another program would.
    fn reopen(&self, store: &Writer) -> Result<Writer> {
        Ok(Writer { store: open(&store.path)?.into_async()?, path: store.path.clone() })
    }

    fn wait<'a, T: Send + 'a>(&self, reply: <Writer as Engine>::Reply<'a, T>) -> Result<T> {
        self.1.block_on(reply)
    }

    fn abandon<'a, T: Send + 'a>(&self, mut reply: <Writer as Engine>::Reply<'a, T>, polls: u32) {
        self.1.block_on(async {
            for _ in 0..polls {
                if (&mut reply).now_or_never().is_some() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
}
