//! One desk in PostgreSQL, awaited: many at once, and inside a transaction of the host's.
//!
//! ```sh
//! cargo run --features postgres --example postgres_desk -- postgres://user:password@localhost/database
//! bash .ci/postgres cargo run --features postgres --example postgres_desk   # beside a server of its own
//! ```
//!
//! It works in a schema called `firstline_example`, which it drops in the end.

use firstline::postgres::Options;
use firstline::reports::Story;
use firstline::{Action, Actor, NewTicket, Query};
use tokio_postgres::NoTls;

const SCHEMA: &str = "firstline_example";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).or_else(|| std::env::var("FIRSTLINE_POSTGRES").ok());
    let Some(url) = url.filter(|url| url.starts_with("postgres")) else {
        println!(
            "usage: postgres_desk URL\n\nIt needs the URL of a PostgreSQL database in which it may make a schema:"
        );
        println!("postgres://user:password@localhost/database, or the same in FIRSTLINE_POSTGRES.");
        return Ok(());
    };
    let desk = Options::new().schema(SCHEMA).connect(&url).await?.desk("shop");
    let anna = Actor::agent("anna");

    // A nervous customer presses the button eight times; eight servers take it in at the same time.
    let form =
        NewTicket::new("Card declined").from("customer-77").saying("It says 3-D Secure.").once("form-4711");
    let presses: Vec<_> = (0..8)
        .map(|_| {
            let (desk, form) = (desk.clone(), form.clone());
            tokio::spawn(async move { desk.open_ticket(form).await })
        })
        .collect();
    for press in presses {
        press.await??;
    }
    let tickets = desk.find(Query::newest()).await?.tickets;
    println!("8 clients sent one form: {} ticket, {}", tickets.len(), tickets[0].number);

    // The host's refund and the note about it are committed together, or not at all.
    let (mut shop, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    shop.batch_execute("CREATE TEMPORARY TABLE refund (cents bigint)").await?;
    for kept in [false, true] {
        let mut tx = shop.transaction().await?;
        tx.execute("INSERT INTO refund VALUES (4711)", &[]).await?;
        let refund = NewTicket::new("Refund of 47.11").from("customer-77");
        let ticket = desk.within(&mut tx).open_ticket(refund).await?;
        if kept {
            tx.commit().await?;
            let refunds: i64 = shop.query_one("SELECT count(*) FROM refund", &[]).await?.get(0);
            println!("committed: {refunds} refund, and {} is there", desk.ticket(ticket.id()).await?.number);
        } else {
            tx.rollback().await?;
            assert!(desk.ticket(ticket.id()).await.is_err_and(|error| error.is_not_found()));
            println!("rolled back: no refund, no ticket");
        }
    }

    let answer = Action::reply("It works again.").and(Action::resolve("the bank is back"));
    desk.act(tickets[0].id(), answer, &anna).await?;
    print!("\n{}", Story::of(&desk.records().history(tickets[0].id()).await?));
    shop.batch_execute(&format!("DROP SCHEMA {SCHEMA} CASCADE")).await?;
    Ok(())
}
