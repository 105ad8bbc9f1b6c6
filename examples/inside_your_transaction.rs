//! An order of your shop and its ticket in one transaction of one SQLite file: both are stored, or neither is.
//!
//! ```text
//! cargo run --example inside_your_transaction
//! ```

use firstline::sqlite::Sqlite;
use firstline::{Desk, NewTicket, Query};
use rusqlite::{Connection, TransactionBehavior};
#[path = "common/help.rs"]
mod help;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("inside_your_transaction.rs"));
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("shop.db");
    let desk = Desk::open(&file)?; // The tables of the desk are in the same file as yours.
    let mut shop = Connection::open(&file)?;
    shop.execute_batch("CREATE TABLE orders (item TEXT NOT NULL)")?;

    println!("1. A customer orders a lamp and forgets the address. The payment goes through:");
    let tx = shop.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("INSERT INTO orders VALUES ('lamp')", [])?;
    let ticket = desk.within(&tx).open_ticket(NewTicket::new("Ask for the address").from("boris"))?;
    println!("  inside:      the transaction sees {}; others do not see it yet", ticket.number);
    tx.commit()?;
    println!("  committed:   {}", stored(&shop, &desk)?);

    println!("2. A customer orders a chair. The payment fails:");
    let tx = shop.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("INSERT INTO orders VALUES ('chair')", [])?;
    desk.within(&tx).open_ticket(NewTicket::new("Which colour?").from("vera"))?;
    tx.rollback()?;
    println!("  rolled back: {}", stored(&shop, &desk)?);

    println!("3. A customer orders a table. The transaction is DEFERRED, which is the default of BEGIN:");
    let tx = shop.transaction()?;
    let orders: i64 = tx.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    desk.open_ticket(NewTicket::new("A question by mail").from("anna"))?; // Another writer commits meanwhile.
    let late = desk.within(&tx).open_ticket(NewTicket::new(format!("Order {}", orders + 1))).unwrap_err();
    println!("  refused:     {late}");
    tx.rollback()?;
    println!("  rolled back: {}", stored(&shop, &desk)?);
    Ok(())
}

/// The orders and the tickets that the file has.
fn stored(shop: &Connection, desk: &Desk<Sqlite>) -> Result<String, Box<dyn std::error::Error>> {
    let orders: i64 = shop.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    let tickets = desk.find(Query::newest())?.tickets;
    let subjects: Vec<_> = tickets.iter().map(|ticket| ticket.subject()).collect();
    Ok(format!("orders: {orders}; tickets: {}", subjects.join(", ")))
}
