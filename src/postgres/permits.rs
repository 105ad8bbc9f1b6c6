//! Permits for connections. They limit the number of connections in use and reserve some of them for reads.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;
use crate::store::Mode;

/// One permit for each possible connection. A permit is taken before a pooled connection and released after it. The
/// pool alone is not enough, because it stops counting a detached connection before the server has released it.
#[derive(Debug)]
pub(super) struct Permits {
    all: Arc<Semaphore>,
    /// The permits for writing. Any number of writers may wait for locks. A reader takes no locks and must not wait
    /// behind those writers.
    writing: Arc<Semaphore>,
}

/// The right to use one connection.
#[derive(Debug)]
pub(super) struct Permit {
    _one: OwnedSemaphorePermit,
    _writing: Option<OwnedSemaphorePermit>,
}

impl Permits {
    pub(super) fn new(connections: usize) -> Permits {
        // With two connections, reserving one for reads would leave a single one for writes.
        let reading = if connections < 3 { 0 } else { (connections / 4).max(1) };
        Permits {
            all: Arc::new(Semaphore::new(connections)),
            writing: Arc::new(Semaphore::new(connections - reading)),
        }
    }

    /// Takes a permit, and waits for one up to `acquire_timeout`.
    pub(super) async fn take(&self, mode: Mode, acquire_timeout: Duration) -> Result<Permit, Fault> {
        let permit = async {
            let writing = match mode {
                Mode::Read => None,
                Mode::Write => Some(Arc::clone(&self.writing).acquire_owned().await?),
            };
            Ok(Permit { _one: Arc::clone(&self.all).acquire_owned().await?, _writing: writing })
        };
        match tokio::time::timeout(acquire_timeout, permit).await {
            Ok(permit) => {
                permit.map_err(|closed: tokio::sync::AcquireError| Fault::new(None, true, closed.into()))
            }
            Err(_) => Err(PoolError::Timeout(TimeoutType::Wait).into()),
        }
    }
}
