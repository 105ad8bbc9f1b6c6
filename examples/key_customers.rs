//! Key customers and reputation: a policy changes the priority of a ticket by the data of the requester and by
//! the channel of the complaint. Each ticket gives the reasons for its priority.
//!
//! ```text
//! cargo run --example key_customers
//! ```

use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::{
    Action, Actor, Channel, Condition, Contact, ContactRole, Desk, Impact, Matrix, Modifier, NewTicket,
    Policy, Priority, Query, Urgency,
};
#[path = "common/help.rs"]
mod help;

fn policy() -> firstline::Result<Policy> {
    // The order matters: the minimum for public complaints is applied last.
    let is_key = Condition::field("contact.account").is("key");
    let is_trial = Condition::field("contact.account").is("trial");
    let is_public = Condition::field("channel").is("social");
    let many_read_it = Condition::field("contact.followers").at_least(10_000);
    let matrix = Matrix::itil()
        .to_definition()
        .modifier(Modifier::new("key customer", Effect::Raise(1)).when(is_key))
        .modifier(Modifier::new("trial account", Effect::Lower(1)).when(is_trial))
        .modifier(
            Modifier::new("reputation at risk", Effect::AtLeast(Priority::P2))
                .when(is_public.and(many_read_it)),
        )
        .build()?;
    Ok(Policy::new()
        .contact_attribute("account", FieldType::choice(["key", "standard", "trial"]))
        .contact_attribute("followers", FieldType::Integer)
        .matrix(matrix))
}

fn main() -> firstline::Result<()> {
    help::no_arguments(include_str!("key_customers.rs"));
    let desk = Desk::memory();
    desk.setup().adopt(&policy()?)?;
    let customer = |id: &str, account: &str, followers: i64| {
        Contact::new(id).attribute("account", account).attribute("followers", followers)
    };
    let requests = [
        (
            "The invoice has a typing error",
            customer("acme", "key", 0),
            Channel::Email,
            Impact::LOW,
            Urgency::LOW,
        ),
        ("Nobody can pay", customer("acme", "key", 0), Channel::Phone, Impact::HIGH, Urgency::HIGH),
        ("May I change my name?", customer("tom", "trial", 50), Channel::Chat, Impact::LOW, Urgency::MEDIUM),
        (
            "Your service is a joke",
            customer("tom", "trial", 250_000),
            Channel::Social,
            Impact::LOW,
            Urgency::LOW,
        ),
        (
            "Your service is a joke",
            customer("eva", "standard", 80),
            Channel::Social,
            Impact::LOW,
            Urgency::LOW,
        ),
    ];
    for (subject, contact, channel, impact, urgency) in requests {
        let request = NewTicket::new(subject).from(contact).channel(channel);
        desk.open_ticket(request.impact_and_urgency(impact, urgency))?;
    }
    println!("The inbox, the most urgent first:\n");
    for ticket in desk.find(Query::inbox())?.tickets {
        println!("{} {}\n  {}", ticket.number, ticket.subject(), ticket.assessment);
    }

    // The data of a contact can change, and the priority follows.
    println!("\nEva signs a large contract:\n");
    let eva = Action::Contact { contact: customer("eva", "key", 80), role: ContactRole::Requester };
    let ticket = desk.act(desk.ticket("T-5")?.id(), eva, Actor::agent("anna"))?.ticket;
    println!("{} {}\n  {}", ticket.number, ticket.subject(), ticket.assessment);
    Ok(())
}
