//! The senders of messages in a conversation, and the effects: the requester, a colleague in copy, a stranger
//! who knows the thread, a stranger with proof, an out-of-office notice, and a chat visitor without a name.
//!
//! ```text
//! cargo run --example who_speaks
//! ```

use firstline::desk::Arrival;
use firstline::policy::Standing;
use firstline::{Action, Actor, Desk, InboundMessage, Machine, NewTicket, Policy, Who};
#[path = "common/help.rs"]
mod help;

fn main() -> firstline::Result<()> {
    help::no_arguments(include_str!("who_speaks.rs"));
    let desk = Desk::memory();
    let anna = Actor::agent("anna");

    // Boris writes, with his manager in copy. Anna answers: her mail has the id <b@desk>.
    let request = InboundMessage::new("May I have access to the folder?")
        .from("boris")
        .cc("manager")
        .subject("Access")
        .thread("<a@example>")
        .opens(NewTicket::new("(no subject)").tag("access"));
    let ticket = desk.receive(request)?.ticket;
    let id = ticket.id();
    let question = Action::reply("Does your manager agree?").and(Action::hold("customer"));
    desk.act(id, question.and(Action::thread("<b@desk>")), &anna)?;
    println!("{} waits for the customer.\n", ticket.number);

    let speak = |who: &str, message: InboundMessage| -> firstline::Result<()> {
        let receipt = desk.receive(message.thread("<b@desk>"))?;
        let what = match receipt.arrival() {
            Some(Arrival::Attached) => "added to the ticket",
            Some(Arrival::AttachedFromOutside) => "added and marked: from outside",
            Some(Arrival::Signal) => "kept as a signal, without any effect",
            Some(Arrival::OwnTicket) => "opens a ticket of their own",
            Some(Arrival::FollowUp) => "opens a follow-up",
            _ => "opens a ticket",
        };
        println!("{who:<26} {what:<38} {} is {}", receipt.ticket.number, receipt.ticket.state());
        Ok(())
    };
    let notice = InboundMessage::new("I am away until Monday.").from("boris").written_by(Machine::AutoReply);
    speak("out-of-office notice", notice)?;
    speak("a stranger", InboundMessage::new("Pay to this account.").from("mallory"))?;
    speak("a stranger with proof", InboundMessage::new("I was forwarded this.").from("eve").with_proof())?;
    speak("the manager, in copy", InboundMessage::new("I agree.").from("manager"))?;
    desk.act(id, Action::resolve("access granted"), &anna)?;
    speak("the manager, once more", InboundMessage::new("It does not work yet.").from("manager"))?;
    println!("{:26} The ticket does not close by silence until an agent has acted.", "");
    speak("the requester", InboundMessage::new("No access here either.").from("boris"))?;
    desk.act(id, Action::resolve("group added").and(Action::close()), &anna)?;
    speak("the requester, at the end", InboundMessage::new("And the archive?").from("boris"))?;
    speak("a message without a sender", InboundMessage::new("Hello?"))?;

    println!("\nPermissions on {}:\n", ticket.number);
    let now = desk.ticket(id)?;
    let policy = Policy::new();
    for name in ["boris", "manager", "mallory"] {
        let who = Who::Contact(name.into());
        let standing = now.standing(&who).unwrap_or(Standing::Outsider);
        let answer = |may: bool| if may { "yes" } else { "no" };
        let rule = policy.rule_of(standing);
        println!(
            "{name:<10} writes {:<4} answers {:<4} confirms and cancels {:<4} gets copies {}",
            answer(rule.writes),
            answer(rule.answers),
            answer(rule.decides),
            answer(rule.copies),
        );
    }
    Ok(())
}
