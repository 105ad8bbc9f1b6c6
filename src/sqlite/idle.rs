//! Idle connections and the queue of threads that wait for one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::busy::Deadline;
use crate::time::Stopwatch;

/// The time for which a waiting thread may be overtaken. During this time, another thread that finds an idle connection
/// takes it at once, because the connection would be unused while the waiting thread wakes up. After it, the thread
/// that has waited longest goes first, so that no thread starves.
const OVERTAKING_LIMIT: Duration = Duration::from_millis(100);

/// Idle connections of one kind.
#[derive(Debug)]
pub(super) struct Idle {
    /// The maximum number of idle connections.
    capacity: usize,
    /// The lock is held only briefly, around code that leaves the state valid at every step. A poisoned lock is
    /// therefore still usable.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Connection>,
    /// In order of arrival.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Stopwatch,
    wake_up: Arc<Condvar>,
}

impl Waiting {
    fn is(&self, wake_up: &Arc<Condvar>) -> bool {
        Arc::ptr_eq(&self.wake_up, wake_up)
    }
}

impl Idle {
    /// Creates a pool with these connections, which keeps at most `capacity`.
    pub(super) fn new(capacity: usize, connections: Vec<Connection>) -> Idle {
        Idle { capacity, state: Mutex::new(State { connections, waiting: VecDeque::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection, if there is one.
    pub(super) fn take(&self) -> Option<Connection> {
        self.state().connections.pop()
    }

    /// Takes a connection that is idle now or becomes idle before the deadline.
    pub(super) fn take_before(&self, deadline: Deadline) -> Option<Connection> {
        let mut state = self.state();
        if state.waiting.front().is_none_or(|first| first.since.elapsed() < OVERTAKING_LIMIT)
            && let Some(connection) = state.connections.pop()
        {
            return Some(connection);
        }
        let wake_up = Arc::new(Condvar::new());
        state.waiting.push_back(Waiting { since: Stopwatch::start(), wake_up: Arc::clone(&wake_up) });
        loop {
            let left = deadline.remaining();
            let is_first = state.waiting.front().is_some_and(|first| first.is(&wake_up));
            let connection = if is_first { state.connections.pop() } else { None };
            if connection.is_some() || left.is_zero() {
                state.waiting.retain(|it| !it.is(&wake_up));
                // A wake-up may have arrived at the deadline. It is passed on to the next thread.
                state.wake_first();
                return connection;
            }
            state = wake_up.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns a connection. It is closed if `capacity` connections are idle already.
    pub(super) fn put(&self, connection: Connection) {
        let mut state = self.state();
        if state.connections.len() < self.capacity {
            state.connections.push(connection);
            state.wake_first();
        }
    }

    #[cfg(test)]
    pub(super) fn look<T>(&self, look: impl FnOnce(&[Connection]) -> T) -> T {
        look(&self.state().connections)
    }
}

impl State {
    /// Wakes the thread that waits longest, if a connection is idle.
    fn wake_first(&self) {
        if !self.connections.is_empty()
            && let Some(first) = self.waiting.front()
        {
            first.wake_up.notify_one();
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

    fn soon(millis: u64) -> Deadline {
        Deadline::after(Duration::from_millis(millis))
    }

    #[test]
    fn a_thread_that_times_out_leaves_the_queue() {
        let idle = one();
        let taken = idle.take_before(soon(0)).unwrap();
        let began = Stopwatch::start();
        assert!(idle.take_before(soon(50)).is_none());
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
        idle.put(taken);
        assert!(idle.take_before(soon(0)).is_some());
        assert!(idle.state().waiting.is_empty());
    }

    #[test]
    fn a_waiting_thread_is_overtaken_only_for_a_limited_time() {
        let idle = one();
        // An attempt does not count if the machine pauses for longer than the limit in the middle of it.
        let overtakes = loop {
            let since = Stopwatch::start();
            idle.state().waiting = [Waiting { since, wake_up: Arc::default() }].into();
            let taken = idle.take_before(soon(0));
            if taken.is_some() || since.elapsed() < OVERTAKING_LIMIT {
                break taken;
            }
        };
        idle.put(overtakes.unwrap());
        thread::sleep(OVERTAKING_LIMIT);
        assert!(idle.take_before(soon(10)).is_none());
        idle.state().waiting.clear();
        // Waiting threads are woken in order of arrival.
        let taken = idle.take_before(soon(0)).unwrap();
        let order = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..4 {
                let (idle, order) = (&idle, &order);
                scope.spawn(move || {
                    let connection = idle.take_before(soon(600_000)).unwrap();
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
    fn a_panic_while_the_state_is_locked_is_harmless() {
        let idle = one();
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _state = idle.state();
                std::panic::resume_unwind(Box::new("deliberate panic of this test"));
            });
            panics.join().unwrap_err();
        });
        assert!(idle.state.is_poisoned());
        let connection = idle.take_before(soon(0)).unwrap();
        idle.put(connection);
        assert!(idle.take().is_some());
    }
}
