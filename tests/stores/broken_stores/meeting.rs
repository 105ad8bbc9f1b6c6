//! A meeting point for the threads of a check. Some faults need two threads at the same place at the same time.
//! The threads wait for each other there, so that such a fault occurs in every run, regardless of scheduling.
//!
//! Each handle of a store is a [`Member`]. The fixture of a check has one handle, and so has each thread that the check
//! starts. The fixture's handle is idle while the threads run.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

#[derive(Debug, Default)]
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    handles: usize,
    /// The threads that wait for another thread, each with its number and its place.
    waiting: Vec<(u64, String)>,
    /// The number of threads that have ever waited.
    numbered: u64,
    /// The number of threads that wait for a lock.
    blocked: usize,
    commits: u64,
    claims: u64,
}

impl State {
    /// True if every thread of the check waits, so that no other thread can arrive.
    fn is_quiet(&self) -> bool {
        self.waiting.len() + self.blocked >= self.handles.saturating_sub(1)
    }
}

/// A handle of a store.
#[derive(Debug)]
pub(crate) struct Member(Arc<Meeting>);

impl Member {
    pub(crate) fn new() -> Member {
        let meeting = Arc::new(Meeting::default());
        meeting.state.lock().unwrap().handles = 1;
        Member(meeting)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock().unwrap());
        self.0.changed.notify_all();
    }

    fn wait_until(&self, holds: impl Fn(&mut State) -> bool) -> MutexGuard<'_, State> {
        let state = self.0.state.lock().unwrap();
        self.0.changed.wait_while(state, |state| !holds(state)).unwrap()
    }

    /// Waits until another thread arrives at the same place, or until every other thread waits somewhere or has ended.
    pub(crate) fn meet(&self, place: String) {
        let mut state = self.0.state.lock().unwrap();
        if let Some(other) = state.waiting.iter().position(|(_, it)| *it == place) {
            state.waiting.swap_remove(other);
            drop(state);
            return self.0.changed.notify_all();
        }
        state.numbered += 1;
        let own = state.numbered;
        state.waiting.push((own, place));
        drop(state);
        self.wait_as(own);
    }

    /// Waits until every other thread waits somewhere or has ended.
    pub(crate) fn wait_for_quiet(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.numbered += 1;
        let own = state.numbered;
        state.waiting.push((own, format!("alone {own}")));
        drop(state);
        self.wait_as(own);
    }

    /// Waits as the thread with this number, until it is removed from the list. The last thread to wait empties the
    /// list.
    fn wait_as(&self, own: u64) {
        self.0.changed.notify_all();
        drop(self.wait_until(|state| {
            if state.is_quiet() {
                state.waiting.clear();
            }
            state.waiting.iter().all(|(number, _)| *number != own)
        }));
        self.0.changed.notify_all();
    }

    /// Runs a call that waits for a lock.
    pub(crate) fn blocked<T>(&self, call: impl FnOnce() -> T) -> T {
        self.change(|state| state.blocked += 1);
        let result = call();
        self.change(|state| state.blocked -= 1);
        result
    }

    pub(crate) fn committed(&self) {
        self.change(|state| state.commits += 1);
    }

    pub(crate) fn claimed(&self) {
        self.change(|state| state.claims += 1);
    }

    /// Waits for the next commit. Returns at once if there is no other handle.
    pub(crate) fn wait_for_a_commit(&self) {
        let before = self.0.state.lock().unwrap().commits;
        drop(self.wait_until(|state| state.commits > before || state.handles < 2));
    }

    /// Returns the number of claims so far.
    pub(crate) fn claims(&self) -> u64 {
        self.0.state.lock().unwrap().claims
    }

    /// Waits until there were more claims than this. Returns at once if there is no other handle.
    pub(crate) fn wait_for_more_claims(&self, before: u64) {
        drop(self.wait_until(|state| state.claims > before || state.handles < 2));
    }
}

impl Clone for Member {
    fn clone(&self) -> Member {
        self.change(|state| state.handles += 1);
        Member(Arc::clone(&self.0))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.change(|state| state.handles -= 1);
    }
}
