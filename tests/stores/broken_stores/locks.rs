//! Named locks as in a database: a waiting transaction keeps its locks, and a cycle of waiting transactions is an
//! error.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};

use firstline::store::Lock;
use firstline::{DeskId, Error, ErrorKind, Result};

use super::meeting::Member;

type Name = (DeskId, Lock);

#[derive(Debug, Default)]
pub(crate) struct Locks {
    table: Mutex<Table>,
    given_up: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    /// The number of transactions so far.
    count: u64,
    holders: HashMap<Name, u64>,
    /// The waiting transactions, each with the holder of the lock.
    waits: HashMap<u64, u64>,
}

/// The locks of one transaction, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Locked {
    locks: Arc<Locks>,
    own: u64,
}

impl Locks {
    /// Creates a transaction without locks.
    pub(crate) fn nobody(self: &Arc<Locks>) -> Locked {
        let mut table = self.table.lock().unwrap();
        table.count += 1;
        Locked { locks: Arc::clone(self), own: table.count }
    }
}

impl Locked {
    pub(crate) fn lock(&self, desk: &DeskId, lock: Lock, member: &Member) -> Result<()> {
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
                    return Err(Error::new(ErrorKind::Storage, "deadlock detected"));
                }
                last = next;
            }
            table.waits.insert(self.own, holder);
            table = member.blocked(|| self.locks.given_up.wait(table).unwrap());
            table.waits.remove(&self.own);
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut table = self.locks.table.lock().unwrap();
        table.holders.retain(|_, holder| *holder != self.own);
        // Transactions that waited for this one check again and are in no cycle until then.
        table.waits.retain(|_, holder| *holder != self.own);
        self.locks.given_up.notify_all();
    }
}
