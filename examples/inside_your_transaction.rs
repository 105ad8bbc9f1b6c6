//! Your shop's order and its ticket in one transaction on one SQLite file: both are kept, or neither is.
//!
//! `cargo run --example inside_your_transaction`

use firstline::sqlite::Sqlite;
use firstline::{Desk, NewTicket, Query};
use rusqlite::{Connection, TransactionBehavior};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("shop.db");
    let desk = Desk::open(&file)?; // The desk's tables stand beside yours, in the same file.
    let mut shop = Connection::open(&file)?;
    shop.execute_batch("CREATE TABLE orders (item TEXT NOT NULL)")?;

    println!("A lamp is ordered, and somebody shall call about the address. The payment goes through:");
    let tx = shop.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("INSERT INTO orders VALUES ('lamp')", [])?;
    let ticket = desk.within(&tx).open_ticket(NewTicket::new("Ask for the address").from("boris"))?;
    println!("  inside:      the shop sees {}, others do not yet", ticket.number);
    tx.commit()?;
    println!("  committed:   {}", what_is_there(&shop, &desk)?);

    println!("A chair is ordered, and the payment is refused:");
    let tx = shop.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("INSERT INTO orders VALUES ('chair')", [])?;
    desk.within(&tx).open_ticket(NewTicket::new("Which colour?").from("vera"))?;
    tx.rollback()?;
    println!("  rolled back: {}", what_is_there(&shop, &desk)?);

    println!("A table is ordered in a transaction that is DEFERRED, as BEGIN alone makes it:");
    let tx = shop.transaction()?;
    let orders: i64 = tx.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    desk.open_ticket(NewTicket::new("A question by mail").from("anna"))?; // Somebody else writes meanwhile.
    let late = desk.within(&tx).open_ticket(NewTicket::new(format!("Order {}", orders + 1))).unwrap_err();
    println!("  refused:     {late}");
    tx.rollback()?;
    println!("  rolled back: {}", what_is_there(&shop, &desk)?);
    Ok(())
}

fn what_is_there(shop: &Connection, desk: &Desk<Sqlite>) -> Result<String, Box<dyn std::error::Error>> {
    let orders: i64 = shop.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    let tickets = desk.find(Query::newest())?.tickets;
    let subjects: Vec<_> = tickets.iter().map(|ticket| ticket.subject()).collect();
    Ok(format!("orders: {orders}; tickets: {}", subjects.join(", ")))
}
