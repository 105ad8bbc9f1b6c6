//! The desk inside a transaction of sqlx on SQLite: the writes of the host and those of the desk are committed
//! together, or not at all. The same source is built with sqlx 0.8 and with 0.9.
//!
//! ```sh
//! cargo run --manifest-path tests/hosts/sqlx_sqlite/Cargo.toml
//! ```

use firstline::sqlite::{Sqlite as Store, SqliteWithin};
use firstline::{Action, Actor, Desk, NewTicket, Query};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{Pool, Row, Sqlite};

/// All that a host needs: it lends its transaction to the desk.
async fn within<T>(
    desk: &Desk<Store>,
    tx: &mut SqliteConnection,
    work: impl FnOnce(Desk<SqliteWithin<'_>>) -> firstline::Result<T>,
) -> Result<T, Box<dyn std::error::Error>> {
    let mut handle = tx.lock_handle().await?;
    // SAFETY: the handle is open and locked until the connection is gone, and the connection does not close it.
    let connection = unsafe { rusqlite::Connection::from_handle(handle.as_raw_handle().as_ptr()) }?;
    Ok(work(desk.within_connection(&connection)?)?)
}

async fn count(pool: &Pool<Sqlite>, sql: &'static str) -> Result<i64, sqlx::Error> {
    Ok(sqlx::query(sql).fetch_one(pool).await?.get(0))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("shop.db");
    let desk = Desk::open(&file)?;
    // sqlx 0.8 links an SQLite with the WAL-reset bug, so only the store may make checkpoints.
    let options = SqliteConnectOptions::new().filename(&file).pragma("wal_autocheckpoint", "0");
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
    sqlx::query("CREATE TABLE orders (item TEXT NOT NULL)").execute(&pool).await?;

    let mut bare = pool.acquire().await?;
    let refused = within(&desk, &mut bare, |desk| desk.open_ticket(NewTicket::new("Lost"))).await;
    assert!(refused.unwrap_err().to_string().contains("no transaction is open"));
    drop(bare);

    // The first pass rolls the transaction back, the second drops it, and the third commits the same work.
    for end in ["rollback", "drop", "commit"] {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO orders VALUES ('lamp')").execute(&mut *tx).await?;
        let id = within(&desk, &mut tx, |desk| {
            let id = desk.open_ticket(NewTicket::new("Заказ").from("boris").idempotency_key("lamp"))?.id();
            let anna = Actor::agent("anna");
            // A refusal writes nothing, and the transaction continues.
            let refused = desk.act(id, Action::note("x").and(Action::confirm()), &anna);
            assert!(refused.unwrap_err().is_rejected());
            desk.act(id, Action::start(), &anna)?;
            Ok(id)
        })
        .await?;
        // sqlx has its handle back, in the same transaction, and lends it once more.
        sqlx::query("INSERT INTO orders VALUES ('bulb')").execute(&mut *tx).await?;
        let known = within(&desk, &mut tx, |desk| desk.records().history(id)).await?;
        assert_eq!(known.len(), 2);
        match end {
            "rollback" => tx.rollback().await?,
            "commit" => tx.commit().await?,
            _ => drop(tx),
        }
        let kept = if end == "commit" { (2, 1) } else { (0, 0) };
        let orders = count(&pool, "SELECT count(*) FROM orders").await?;
        assert_eq!((orders, desk.find(Query::newest())?.tickets.len()), kept, "{end}");
    }
    // The desk also works without the host's transaction.
    desk.act(desk.find(Query::newest())?.tickets[0].id(), Action::reply("Да"), Actor::agent("anna"))?;
    assert_eq!(count(&pool, "SELECT count(*) FROM firstline_event").await?, 3);
    pool.close().await;
    println!("SQLite {}: rolled back: no order, no ticket; committed: both", rusqlite::version());
    Ok(())
}
