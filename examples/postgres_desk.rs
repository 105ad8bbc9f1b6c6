//! One desk in PostgreSQL: many clients at once, and a ticket inside a transaction of your own.
//!
//! ```text
//! cargo run --features postgres --example postgres_desk -- postgres://user:password@localhost/database
//! ```
//!
//! The address may be in the environment variable `FIRSTLINE_POSTGRES` instead. Without an address, the example
//! explains how to start a server, and runs its first part on a desk in memory. It works in the schema
//! `firstline_example` and drops this schema at the end.

use std::process::ExitCode;

use firstline::postgres::PostgresOptions;
use firstline::{Action, Actor, Desk, NewTicket, Query, Story};
use tokio_postgres::NoTls;
#[path = "common/help.rs"]
mod help;

const SOURCE: &str = include_str!("postgres_desk.rs");
const SCHEMA: &str = "firstline_example";

const NO_SERVER: &str = "\
There is no address of a PostgreSQL server, so nothing was stored in PostgreSQL. To start a server with Docker:

  docker run --rm -d -p 5432:5432 -e POSTGRES_PASSWORD=secret postgres:17
  cargo run --features postgres --example postgres_desk -- postgres://postgres:secret@localhost/postgres

On a Debian machine, a checkout of the repository starts a server for the duration of one command:

  bash .ci/postgres cargo run --features postgres --example postgres_desk
";

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let address = match &*help::arguments(SOURCE) {
        [] => std::env::var("FIRSTLINE_POSTGRES").ok().filter(|address| !address.is_empty()),
        [address] => Some(address.clone()),
        more => help::refuse(SOURCE, &format!("one address, not {}", more.len())),
    };
    let outcome = match address {
        Some(address) if address.starts_with("postgres://") || address.starts_with("postgresql://") => {
            in_postgres(&address).await
        }
        Some(address) => help::refuse(SOURCE, &format!("{address:?} does not begin with postgres://")),
        None => {
            println!("{NO_SERVER}");
            in_memory()
        }
    };
    help::exit_code(outcome)
}

/// The form of a customer who presses the button eight times. With the key, the eight requests open one ticket.
fn form() -> NewTicket {
    NewTicket::new("Card declined").from("vera").message("It says 3-D Secure.").idempotency_key("form-4711")
}

async fn in_postgres(address: &str) -> Outcome {
    let desk = PostgresOptions::new().schema(SCHEMA).connect(address).await?.desk("shop");
    let presses = (0..8).map(|_| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.open_ticket(form()).await })
    });
    for press in presses.collect::<Vec<_>>() {
        press.await??;
    }
    let tickets = desk.find(Query::newest()).await?.tickets;
    println!("8 clients sent one form: {} ticket in PostgreSQL, {}", tickets.len(), tickets[0].number);

    // The refund of the shop and its ticket are committed together, or not at all.
    let (mut shop, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(connection);
    shop.batch_execute("CREATE TEMPORARY TABLE refund (cents bigint)").await?;
    for commit in [false, true] {
        let mut tx = shop.transaction().await?;
        tx.execute("INSERT INTO refund VALUES (4711)", &[]).await?;
        let refund = NewTicket::new("Refund of 47.11").from("vera");
        let ticket = desk.within(&mut tx).open_ticket(refund).await?;
        if commit {
            tx.commit().await?;
            let refunds: i64 = shop.query_one("SELECT count(*) FROM refund", &[]).await?.get(0);
            println!("committed: {refunds} refund and its ticket {}", desk.ticket(ticket.id()).await?.number);
        } else {
            tx.rollback().await?;
            assert!(desk.ticket(ticket.id()).await.is_err_and(|error| error.is_not_found()));
            println!("rolled back: no refund, no ticket");
        }
    }

    let answer = Action::reply("It works again.").and(Action::resolve("the bank is back"));
    desk.act(tickets[0].id(), answer, Actor::agent("anna")).await?;
    print!("\n{}", Story::of(&desk.records().history(tickets[0].id()).await?));
    shop.batch_execute(&format!("DROP SCHEMA {SCHEMA} CASCADE")).await?;
    Ok(())
}

fn in_memory() -> Outcome {
    let desk = Desk::memory();
    std::thread::scope(|scope| -> Outcome {
        let presses: Vec<_> = (0..8).map(|_| scope.spawn(|| desk.open_ticket(form()))).collect();
        for press in presses {
            press.join().map_err(|_| "a client panicked")??;
        }
        Ok(())
    })?;
    let tickets = desk.find(Query::newest())?.tickets;
    println!("8 clients sent one form: {} ticket in memory, {}", tickets.len(), tickets[0].number);
    Ok(())
}
