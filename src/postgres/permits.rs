//! Who may have a connection: at most so many at once, and not all of them to write.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;
use crate::store::Mode;

/// One for each connection that there may be. One is taken before a connection of the pool's and given back after it,
/// because the pool forgets a connection that it gave away at once, before the server has let go of it.
#[derive(Debug)]
pub(super) struct Permits {
    all: Arc<Semaphore>,
    /// Those of them from which may be written. What writes may wait for a lock, however many do; what reads never
    /// waits for one, and must not wait for those that do either.
    writing: Arc<Semaphore>,
}

/// The right to one connection.
#[derive(Debug)]
pub(super) struct Permit {
    _one: OwnedSemaphorePermit,
    _writing: Option<OwnedSemaphorePermit>,
}

impl Permits {
    pub(super) fn new(connections: usize) -> Permits {
        // One of two would leave but one to write: too dear.
        let reading = if connections < 3 { 0 } else { (connections / 4).max(1) };
        Permits {
            all: Arc::new(Semaphore::new(connections)),
            writing: Arc::new(Semaphore::new(connections - reading)),
        }
    }

    /// A seat as soon as there is one to spare.
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
