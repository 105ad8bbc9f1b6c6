//! An async store that writes only a part of a commit if its future is dropped during the commit.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use firstline::conformance::Candidate;
use firstline::memory::Memory;
use firstline::operation::async_store::{Async, AsyncStore, AsyncTx, Reply};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx, Write};
use firstline::{DeskId, Result};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::yield_now;

#[derive(Clone, Default)]
pub(crate) struct Torn {
    rows: Memory,
    writing: Arc<Mutex<()>>,
}

pub(crate) struct TornTx {
    rows: Memory,
    desk: DeskId,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl AsyncStore for Torn {
    type Tx<'a> = TornTx;

    async fn begin(&self, desk: &DeskId, mode: Mode) -> Result<TornTx> {
        let turn = match mode {
            Mode::Write => Some(Arc::clone(&self.writing).lock_owned().await),
            Mode::Read => None,
        };
        Ok(TornTx { rows: self.rows.clone(), desk: desk.clone(), _turn: turn })
    }
}

impl AsyncTx for TornTx {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        yield_now().await;
        self.rows.begin(&self.desk, Mode::Read)?.load(reads)
    }

    async fn commit(&mut self, mut commit: Commit) -> Result<()> {
        let (mut tickets, records): (Vec<_>, Vec<_>) =
            commit.writes.into_iter().partition(|write| matches!(write, Write::Ticket(_)));
        let last = tickets.pop();
        for write in tickets {
            let one = Commit { writes: vec![write] };
            self.rows.begin(&self.desk, Mode::Write)?.commit(one)?;
            // If the future is dropped here, only one end of a link is written.
            yield_now().await;
        }
        commit = Commit { writes: last.into_iter().chain(records).collect() };
        self.rows.begin(&self.desk, Mode::Write)?.commit(commit)
    }
}

pub(crate) struct Shop;

impl Candidate for Shop {
    type Engine = Async<Torn>;

    fn create(&self) -> Result<Async<Torn>> {
        Ok(Async(Torn::default()))
    }

    fn reopen(&self, store: &Async<Torn>) -> Result<Async<Torn>> {
        Ok(store.clone())
    }

    fn wait<'a, T: Send + 'a>(&self, mut reply: Reply<'a, T>) -> Result<T> {
        loop {
            if let Poll::Ready(value) = reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return value;
            }
            std::thread::yield_now();
        }
    }

    fn abandon<'a, T: Send + 'a>(&self, mut reply: Reply<'a, T>, polls: u32) {
        let mut context = Context::from_waker(Waker::noop());
        let _ = (0..polls).find(|_| reply.as_mut().poll(&mut context).is_ready());
    }
}
