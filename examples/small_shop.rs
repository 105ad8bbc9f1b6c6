//! A web shop's support desk, whole: a question comes in, an answer goes out, solved at the first contact.
//!
//! `cargo run --example small_shop`

use firstline::{Action, Actor, Desk, NewTicket};

fn main() -> firstline::Result<()> {
    let desk = Desk::memory(); // `Desk::open("shop.db")?` keeps it in a file.
    let question = NewTicket::new("Where is my parcel?").from("customer-77");
    let ticket = desk.open_ticket(question)?;
    let answer = Action::reply("It is at your door tomorrow.").and(Action::resolve("tracked"));
    let ticket = desk.act(ticket.id(), answer, Actor::agent("anna"))?.ticket;
    println!("{} {:?} is {} after {} reply", ticket.number, ticket.subject(), ticket.state(), ticket.replied);
    Ok(())
}
