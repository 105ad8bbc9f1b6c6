//! Locks by name, as a database has them: whoever waits keeps what it holds, and a circle of those who wait is an error.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};

use firstline::store::Lock;
use firstline::{DeskId, Error, ErrorKind, Result};

type Name = (DeskId, Lock);

#[derive(Debug, Default)]
pub(crate) struct Locks {
    table: Mutex<Table>,
    given_up: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    /// How many transactions there were.
    count: u64,
    holders: HashMap<Name, u64>,
    /// Who waits for whom.
    waits: HashMap<u64, u64>,
}

/// What one transaction holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Locked {
    locks: Arc<Locks>,
    own: u64,
}

impl Locks {
    /// A transaction that holds nothing yet.
    pub(crate) fn nobody(self: &Arc<Locks>) -> Locked {
        let mut table = self.table.lock().unwrap();
        table.count += 1;
        Locked { locks: Arc::clone(self), own: table.count }
    }
}

impl Locked {
    pub(crate) fn lock(&self, desk: &DeskId, lock: Lock) -> Result<()> {
        let name = (desk.clone(), lock);
        let mut table = self.locks.table.lock().unwrap();
        loop {
            let holder = *table.holders.entry(name.clone()).or_insert(self.own);
            if holder == self.own {
                return Ok(());
            }
            let mut last = holder;
            while let Some(next) = table.waits.get(&last).copied() {
                if next == self.own {
                    return Err(Error::new(ErrorKind::Storage, "a deadlock was found"));
                }
                last = next;
            }
            table.waits.insert(self.own, holder);
            table = self.locks.given_up.wait(table).unwrap();
            table.waits.remove(&self.own);
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut table = self.locks.table.lock().unwrap();
        table.holders.retain(|_, holder| *holder != self.own);
        // Whoever waited for this one looks anew before it stands in any circle.
        table.waits.retain(|_, holder| *holder != self.own);
        self.locks.given_up.notify_all();
    }
}
