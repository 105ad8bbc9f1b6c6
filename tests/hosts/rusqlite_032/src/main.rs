//! The desk inside a transaction of rusqlite. The same source is built with the oldest and the newest supported
//! rusqlite.
//!
//! ```sh
//! cargo run --manifest-path tests/hosts/rusqlite_032/Cargo.toml
//! ```

use firstline::{Desk, NewTicket, Query};
use rusqlite::{Connection, TransactionBehavior};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("shop.db");
    let desk = Desk::open(&file)?;
    let mut shop = Connection::open(&file)?;
    shop.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE orders (item TEXT NOT NULL)")?;
    for kept in [false, true] {
        let tx = shop.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute("INSERT INTO orders VALUES ('lamp')", [])?;
        desk.within(&tx).open_ticket(NewTicket::new("Заказ").from("boris").idempotency_key("lamp"))?;
        if kept {
            tx.commit()?
        } else {
            tx.rollback()?
        }
        let orders: i64 = shop.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
        let tickets = desk.find(Query::newest())?.tickets.len();
        assert_eq!((orders, tickets), if kept { (1, 1) } else { (0, 0) });
    }
    println!("SQLite {}: rolled back: no order, no ticket; committed: both", rusqlite::version());
    Ok(())
}
