//! The desk and diesel in one program, on one SQLite file, linked to the same SQLite. The host's transaction is
//! a rusqlite transaction here, because diesel 2.3 does not give access to its handle.
//!
//! ```sh
//! cargo run --manifest-path tests/hosts/diesel/Cargo.toml
//! ```

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use firstline::{Desk, NewTicket, Query};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("shop.db");
    let desk = Desk::open(&file)?;
    let mut shop = SqliteConnection::establish(file.to_str().ok_or("no UTF-8")?)?;
    shop.batch_execute("PRAGMA busy_timeout = 5000; CREATE TABLE orders (item TEXT NOT NULL)")?;
    let orders = diesel::sql_query("INSERT INTO orders VALUES ('lamp')").execute(&mut shop)?;
    desk.open_ticket(NewTicket::new("Заказ").from("boris"))?;
    assert_eq!((orders, desk.find(Query::newest())?.tickets.len()), (1, 1));
    println!("one order by diesel, one ticket by the desk");
    Ok(())
}
