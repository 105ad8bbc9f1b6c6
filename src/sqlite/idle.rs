//! Connections that nobody uses now, and those who wait for one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::busy::Patience;
use crate::time::Stopwatch;

/// For how long whoever waits may be overtaken. Whoever comes when a connection is free takes it, because to wake another
/// takes time in which nobody would write; but nobody is left to wait in vain while others come and go.
const OVERTAKEN: Duration = Duration::from_millis(100);

/// Idle connections of one kind.
#[derive(Debug)]
pub(super) struct Idle {
    /// How many are kept.
    most: usize,
    /// Held for moments, in which nothing can panic; so that a poisoned one is as good as any.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Connection>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Stopwatch,
    called: Arc<Condvar>,
}

impl Waiting {
    fn is(&self, called: &Arc<Condvar>) -> bool {
        Arc::ptr_eq(&self.called, called)
    }
}

impl Idle {
    /// Keeps these, and never more than so many.
    pub(super) fn new(most: usize, connections: Vec<Connection>) -> Idle {
        Idle { most, state: Mutex::new(State { connections, waiting: VecDeque::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that is idle now.
    pub(super) fn take(&self) -> Option<Connection> {
        self.state().connections.pop()
    }

    /// One that is idle now or as long as the acquire_timeout lasts.
    pub(super) fn take_within(&self, acquire_timeout: Patience) -> Option<Connection> {
        let mut state = self.state();
        if state.waiting.front().is_none_or(|first| first.since.elapsed() < OVERTAKEN)
            && let Some(connection) = state.connections.pop()
        {
            return Some(connection);
        }
        let called = Arc::new(Condvar::new());
        state.waiting.push_back(Waiting { since: Stopwatch::start(), called: Arc::clone(&called) });
        loop {
            let left = acquire_timeout.left();
            let is_first = state.waiting.front().is_some_and(|first| first.is(&called));
            let connection = if is_first { state.connections.pop() } else { None };
            if connection.is_some() || left.is_zero() {
                state.waiting.retain(|it| !it.is(&called));
                // The call may have come together with the end of the acquire_timeout.
                state.call();
                return connection;
            }
            state = called.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives one back. It is closed if there are enough.
    pub(super) fn put(&self, connection: Connection) {
        let mut state = self.state();
        if state.connections.len() < self.most {
            state.connections.push(connection);
            state.call();
        }
    }

    #[cfg(test)]
    pub(super) fn look<T>(&self, look: impl FnOnce(&[Connection]) -> T) -> T {
        look(&self.state().connections)
    }
}

impl State {
    /// Calls whoever waits longest, if there is something to be had.
    fn call(&self) {
        if !self.connections.is_empty()
            && let Some(first) = self.waiting.front()
        {
            first.called.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn one() -> Idle {
        Idle::new(1, vec![Connection::open_in_memory().unwrap()])
    }

    fn soon(millis: u64) -> Patience {
        Patience::of(Duration::from_millis(millis))
    }

    #[test]
    fn whoever_waits_in_vain_goes_when_the_patience_ends_and_stands_in_nobodys_way() {
        let idle = one();
        let taken = idle.take_within(soon(0)).unwrap();
        let began = Stopwatch::start();
        assert!(idle.take_within(soon(50)).is_none());
        assert!((50..1_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        idle.put(taken);
        assert!(idle.take_within(soon(0)).is_some());
        assert!(idle.state().waiting.is_empty());
    }

    #[test]
    fn whoever_waits_may_be_overtaken_for_a_while_and_not_for_ever() {
        let idle = one();
        // The machine may stand still for a while, but not each time.
        let overtakes = (0..5).find_map(|_| {
            idle.state().waiting = [Waiting { since: Stopwatch::start(), called: Arc::default() }].into();
            idle.take_within(soon(0))
        });
        idle.put(overtakes.unwrap());
        thread::sleep(OVERTAKEN);
        assert!(idle.take_within(soon(10)).is_none());
        idle.state().waiting.clear();
        // Those who wait are called in their order.
        let taken = idle.take_within(soon(0)).unwrap();
        let order = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..4 {
                let (idle, order) = (&idle, &order);
                scope.spawn(move || {
                    let connection = idle.take_within(soon(5_000)).unwrap();
                    order.lock().unwrap().push(number);
                    idle.put(connection);
                });
                while idle.state().waiting.len() <= number {
                    thread::yield_now();
                }
            }
            idle.put(taken);
        });
        assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_thread_that_panics_with_the_state_in_hand_harms_nobody() {
        let idle = one();
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _state = idle.state();
                std::panic::resume_unwind(Box::new("as this test wants it to"));
            });
            panics.join().unwrap_err();
        });
        assert!(idle.state.is_poisoned());
        let connection = idle.take_within(soon(0)).unwrap();
        idle.put(connection);
        assert!(idle.take().is_some());
    }
}
