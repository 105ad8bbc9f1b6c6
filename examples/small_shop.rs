//! The whole support desk of a web shop: a question comes in, an answer goes out, and the ticket is resolved.
//!
//! ```text
//! cargo run --example small_shop
//! ```

use firstline::{Action, Actor, Desk, NewTicket, Story};
#[path = "common/help.rs"]
mod help;

fn main() -> firstline::Result<()> {
    help::no_arguments(include_str!("small_shop.rs"));
    let desk = Desk::memory(); // `Desk::open("shop.db")?` keeps the tickets in a file.
    let question = NewTicket::new("Where is my parcel?").from("vera");
    let ticket = desk.open_ticket(question)?;
    let answer = Action::reply("It arrives tomorrow.").and(Action::resolve("found the parcel"));
    let ticket = desk.act(ticket.id(), answer, Actor::agent("anna"))?.ticket;
    print!("{}", Story::of(&desk.records().history(ticket.id())?));
    println!("\n{} is {} after {} reply.", ticket.number, ticket.state(), ticket.replies_sent);
    Ok(())
}
