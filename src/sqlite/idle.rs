//! Idle connections and the queue of threads that wait for one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::busy::Deadline;
use crate::error::Result;
use crate::time::Stopwatch;

/// The time for which a waiting thread may be overtaken. During this time, another thread that finds an idle connection
/// takes it at once, because the connection would be unused while the waiting thread wakes up. After it, the thread
/// that has waited longest goes first, so that no thread starves.
const OVERTAKING_LIMIT: Duration = Duration::from_millis(100);

/// The connections of one kind. Their number is limited.
#[derive(Debug)]
pub(super) struct Idle {
    /// The maximum number of connections, in use and idle.
    capacity: usize,
    /// The lock is held only briefly, around code that leaves the state valid at every step. A poisoned lock is
    /// therefore still usable.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Connection>,
    /// The number of connections, in use and idle.
    open: usize,
    /// In order of arrival.
    waiting: VecDeque<Waiting>,
}

/// A place in the limited number of connections.
enum Place {
    Connection(Connection),
    /// The thread may open a connection. It is counted already.
    Free,
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
    /// Creates a pool with these connections, which opens further ones up to `capacity`.
    pub(super) fn new(capacity: usize, connections: Vec<Connection>) -> Idle {
        let open = connections.len();
        Idle { capacity, state: Mutex::new(State { connections, open, waiting: VecDeque::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection that is idle now or becomes idle before the deadline, or opens one if the number permits it.
    /// Returns `None` after the deadline.
    ///
    /// # Errors
    /// The error of `open`.
    pub(super) fn take_or_open(
        &self,
        deadline: Deadline,
        open: impl FnOnce() -> Result<Connection>,
    ) -> Result<Option<Connection>> {
        match self.place_before(deadline) {
            None => Ok(None),
            Some(Place::Connection(connection)) => Ok(Some(connection)),
            Some(Place::Free) => open().map(Some).inspect_err(|_| {
                let mut state = self.state();
                state.open -= 1;
                state.wake_first(self.capacity);
            }),
        }
    }

    fn place_before(&self, deadline: Deadline) -> Option<Place> {
        let mut state = self.state();
        if state.waiting.front().is_none_or(|first| first.since.elapsed() < OVERTAKING_LIMIT)
            && let Some(place) = state.take(self.capacity)
        {
            return Some(place);
        }
        let wake_up = Arc::new(Condvar::new());
        state.waiting.push_back(Waiting { since: Stopwatch::start(), wake_up: Arc::clone(&wake_up) });
        loop {
            let left = deadline.remaining();
            let is_first = state.waiting.front().is_some_and(|first| first.is(&wake_up));
            let place = if is_first { state.take(self.capacity) } else { None };
            if place.is_some() || left.is_zero() {
                state.waiting.retain(|it| !it.is(&wake_up));
                // A wake-up may have arrived at the deadline. It is passed on to the next thread.
                state.wake_first(self.capacity);
                return place;
            }
            state = wake_up.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns a connection.
    pub(super) fn put(&self, connection: Connection) {
        let mut state = self.state();
        state.connections.push(connection);
        state.wake_first(self.capacity);
    }

    #[cfg(test)]
    pub(super) fn look<T>(&self, look: impl FnOnce(&[Connection]) -> T) -> T {
        look(&self.state().connections)
    }
}

impl State {
    /// Takes an idle connection, or a place for a new one.
    fn take(&mut self, capacity: usize) -> Option<Place> {
        if let Some(connection) = self.connections.pop() {
            return Some(Place::Connection(connection));
        }
        (self.open < capacity).then(|| {
            self.open += 1;
            Place::Free
        })
    }

    /// Wakes the thread that waits longest, if it can take a place.
    fn wake_first(&self, capacity: usize) {
        if (!self.connections.is_empty() || self.open < capacity)
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

    impl Idle {
        /// Takes the connection of [`one`].
        fn take_before(&self, deadline: Deadline) -> Option<Connection> {
            let exists =
                || Err(crate::Error::new(crate::ErrorKind::Storage, "there is a connection already"));
            self.take_or_open(deadline, exists).unwrap()
        }
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
        assert!(idle.take_before(soon(0)).is_some());
    }

    /// Regression D12: any number of threads opened connections, each with a cache of its own.
    #[test]
    fn threads_share_a_limited_number_of_connections() {
        let idle = Idle::new(3, Vec::new());
        let opened = std::sync::atomic::AtomicUsize::new(0);
        let take = || {
            idle.take_or_open(soon(600_000), || {
                opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok(Connection::open_in_memory().unwrap())
            })
        };
        let first: Vec<_> = (0..3).map(|_| take().unwrap().unwrap()).collect();
        assert!(idle.take_before(soon(0)).is_none());
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| idle.put(take().unwrap().unwrap()));
            }
            first.into_iter().for_each(|connection| idle.put(connection));
        });
        assert_eq!((opened.into_inner(), idle.state().connections.len()), (3, 3));
    }

    #[test]
    fn a_connection_that_cannot_be_opened_frees_its_place() {
        let idle = Idle::new(1, Vec::new());
        let fails = || Err(crate::Error::new(crate::ErrorKind::Storage, "deliberate error of this test"));
        for _ in 0..3 {
            assert!(idle.take_or_open(soon(0), fails).is_err());
        }
        assert!(idle.take_or_open(soon(0), || Ok(Connection::open_in_memory().unwrap())).unwrap().is_some());
    }
}
