//! The rules of a policy decide who may read a ticket. Six readers look at the same desk.
//!
//! ```text
//! cargo run --example who_reads
//! ```

use firstline::policy::VisibilityRule;
use firstline::{
    Action, Actor, Condition, Contact, Desk, GroupBy, Line, NewTicket, Policy, Query, Story, TicketId,
};
#[path = "common/help.rs"]
mod help;

fn main() -> firstline::Result<()> {
    help::no_arguments(include_str!("who_reads.rs"));
    let field = Condition::field;
    let own = field("team").matches("actor.teams").or(field("assignee").matches("actor"));
    let company = field("actor.manager").is(true).and(field("contact.company").matches("actor.company"));
    let policy = Policy::new()
        .visibility(VisibilityRule::agents().when(field("actor.role").is("lead")).internal())
        .visibility(VisibilityRule::agents().when(own).internal())
        .visibility(VisibilityRule::contacts().when(company));
    let desk = Desk::memory();
    desk.setup().adopt(&policy)?;

    let lena = Actor::agent("lena").attribute("role", "lead");
    let open = |subject: &str, who: &str, team: &str| -> firstline::Result<TicketId> {
        let from = Contact::new(who).attribute("company", "acme");
        Ok(desk.open_ticket(NewTicket::new(subject).from(from).team(team, Line::First))?.id())
    };
    let invoice = open("Invoice 7 is wrong", "boris", "billing")?;
    let parcel = open("Where is my parcel?", "clara", "shipping")?;
    desk.act(invoice, Action::note("He paid twice last year.").and(Action::tag("refund")), &lena)?;
    desk.act(invoice, Action::reply("We look into it."), &lena)?;

    println!("{:<34} {:<8} {:<8} new tickets", "", "T-1", "T-2");
    let readers = [
        ("lena, lead", lena.clone()),
        ("anna, of the team billing", Actor::agent("anna").attribute("teams", ["billing"])),
        ("carl, without a team", Actor::agent("carl")),
        ("boris, who wrote T-1", Actor::contact("boris")),
        ("mia, manager at boris's company", {
            Actor::contact("mia").attribute("company", "acme").attribute("manager", true)
        }),
        ("eve, a stranger", Actor::contact("eve")),
    ];
    for (name, reader) in readers {
        let view = desk.view(&reader);
        // The team is internal.
        let sees = |id: TicketId| match view.ticket(id) {
            Ok(ticket) if ticket.team.is_some() => "all",
            Ok(_) => "public",
            Err(_) => "-",
        };
        let [states] = view.count(Query::newest(), [GroupBy::State])?;
        println!("{name:<34} {:<8} {:<8} {}", sees(invoice), sees(parcel), states.get("new").unwrap_or(&0));
    }

    println!("\nT-1 as anna sees it:\n");
    print!("{}", Story::of(&desk.view(Actor::agent("anna").attribute("teams", "billing")).history(invoice)?));
    println!("\nT-1 as boris sees it:\n");
    print!("{}", Story::of(&desk.view(Actor::contact("boris")).history(invoice)?));

    let carl = Actor::agent("carl");
    let hidden = desk.act(parcel, Action::start(), &carl).unwrap_err();
    println!("\nCarl cannot see T-2: not found = {}", hidden.is_not_found());
    let probe =
        desk.view(Actor::contact("boris")).find(Query::newest().matching(field("tags").contains("refund")));
    println!(
        "Boris searches for a tag: {}",
        probe.unwrap_err().to_string().split(';').next().unwrap_or_default()
    );
    Ok(())
}
