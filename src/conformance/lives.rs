//! The lives of a few tickets, one command after another.

use chrono::TimeDelta;

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, refused, same};
use super::scene::{ACME, SAMPLE, Scene, anna, complete, later};
use crate::id::TicketId;
use crate::lifecycle::HoldReason;
use crate::operation::{Interrupt, Loaded, Operation};
use crate::priority::Impact;
use crate::store::{Commit, Content, Expected, Query, Read, RecordWrite, TicketWrite};
use crate::ticket::action::Action;
use crate::ticket::event::Event;
use crate::ticket::inbound::InboundMessage;
use crate::ticket::kind::LinkKind;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Contact};

/// Runs a mix of commands on a few tickets. Returns their ids.
fn live<C: Candidate>(scene: &Scene<'_, C>) -> Checked<Vec<TicketId>> {
    let desk = scene.desk(ACME);
    let mut tickets = Vec::new();
    for n in 0..4 {
        let from = Contact::new(format!("contact-{n}")).named("Ольга").attribute("vip", n % 2 == 0);
        let request =
            NewTicket::new(format!("Нет звука {n}")).from(from).thread(format!("chat-{n}")).tag("audio");
        tickets.push(scene.wait(desk.open_ticket(request.message("I hear nothing.")))?.id());
    }
    let [a, b, c, d] = tickets[..] else { return Ok(tickets) };
    let does = |ticket, action| scene.wait(desk.act(ticket, action, anna()));
    does(a, Action::start())?;
    does(a, Action::assign("anna").and(Action::tag("loud")).and(Action::note("looked at it")))?;
    does(a, Action::hold(HoldReason::Customer).and(Action::reply("Which browser is it?")))?;
    scene.time.advance(TimeDelta::minutes(7));
    let answer = InboundMessage::new("Firefox.").from("contact-0").thread("chat-0").subject("Re: Нет звука");
    scene.wait(desk.receive(answer))?;
    does(a, Action::resolve("unmuted"))?;
    does(b, Action::hold_until(HoldReason::Scheduled, later(9_000)))?;
    does(b, Action::link(LinkKind::DuplicateOf, c))?;
    does(b, Action::untag("audio"))?;
    does(c, Action::Impact(Impact::HIGH))?;
    does(d, Action::cancel())?;
    refused("a step that the lifecycle forbids", does(d, Action::start()))?;
    same("timers fired", complete(scene.wait(desk.tick(later(9_001)))?)?, 1)?;
    let late = InboundMessage::new("It is back.").from("contact-3").thread("chat-3").subject("Again");
    tickets.push(scene.wait(desk.receive(late))?.ticket.id());
    scene.wait(desk.act(a, Action::confirm(), Actor::contact("contact-0")))?;
    Ok(tickets)
}

pub(super) fn fold<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let tickets = live(scene)?;
    for id in &tickets {
        scene.sound(ACME, *id)?;
    }
    for ticket in scene.find(ACME, Query::oldest().limit(100))? {
        let row = scene.ticket(ACME, ticket.id)?;
        alike("a ticket in a search, compared with its row", Some(&*ticket), row.as_deref())?;
    }
    Ok(())
}

pub(super) fn history<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let tickets = live(scene)?;
    for id in tickets {
        let ticket = scene.sound(ACME, id)?;
        let whole = scene.history(ACME, id)?;
        for after in 0..=ticket.version + 1 {
            for limit in [1, 2, 3, 1_000] {
                let wanted: Vec<Event> =
                    whole.iter().filter(|it| it.version > after).take(limit).cloned().collect();
                let what = format!("at most {limit} events after version {after} of {}", ticket.version);
                alike(what, scene.slice(ACME, id, after, limit)?, wanted)?;
            }
        }
    }
    same("the history of a missing ticket", scene.history(ACME, super::scene::ticket_id(77))?, Vec::new())
}

/// Reads three numbers in one transaction, in two rounds, and opens `opens` tickets with them, possibly none.
#[derive(Debug)]
struct Several {
    opens: usize,
}

impl Operation for Several {
    type Out = [u64; 3];

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, [u64; 3]), Interrupt> {
        loaded.need([Read::NextNumber { place: 0 }, Read::NextNumber { place: 1 }])?;
        let numbers = [loaded.next_number(0)?, loaded.next_number(1)?, loaded.next_number(2)?];
        let open = |number| super::scene::open(number);
        let tickets: Vec<TicketWrite> =
            numbers.into_iter().take(self.opens).map(open).collect::<crate::Result<_>>()?;
        // The record makes sure that the commit is not empty.
        let mut commit: Commit = tickets.into_iter().collect();
        commit.push(RecordWrite::put(SAMPLE, "a note", Expected::Any, Content::new(*b"a text")));
        Ok((commit, numbers))
    }
}

pub(super) fn numbers<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let open =
        || scene.wait(desk.open_ticket(NewTicket::new("No sound"))).map(|it| (it.number.value, it.id()));
    let mut all = vec![open()?, open()?];
    refused("an opening without a subject", scene.wait(desk.open_ticket(NewTicket::new(""))))?;
    for opens in [3, 0, 1] {
        // Numbers that were read but not used go to the next opening.
        let numbers = scene.run(ACME, Several { opens })?;
        all.extend(numbers.into_iter().take(opens).map(|it| (it, super::scene::ticket_id(it))));
    }
    all.push(open()?);
    same(
        "numbers in the order of openings",
        all.iter().map(|it| it.0).collect(),
        (1..=7).collect::<Vec<u64>>(),
    )?;
    for (number, id) in all {
        same(
            format_args!("the ticket of number {number}"),
            scene.id(ACME, Read::TicketByNumber(number))?,
            Some(id),
        )?;
    }
    same("the ticket of an unused number", scene.id(ACME, Read::TicketByNumber(8))?, None)?;
    same("the ticket of the number 0", scene.id(ACME, Read::TicketByNumber(0))?, None)?;
    same("the ticket of the largest number", scene.id(ACME, Read::TicketByNumber(u64::MAX))?, None)
}

pub(super) fn threads<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let message = |words: &str| InboundMessage::new(words).from("boris").thread("chat-9").subject("No sound");
    let first = scene.wait(desk.receive(message("I hear nothing.")))?;
    same("a first message opens a ticket", first.opened(), true)?;
    let id = first.ticket.id();
    same("the ticket of the thread", scene.thread(ACME, "chat-9")?, Some(id))?;
    let second = scene.wait(desk.receive(message("Not even the bell.")))?;
    same("a second message goes to the ticket", (second.opened(), second.ticket.id()), (false, id))?;
    same("the ticket of an unknown thread", scene.thread(ACME, "chat-8")?, None)?;
    scene.wait(desk.act(id, Action::cancel(), anna()))?;
    let third = scene.wait(desk.receive(message("It is back.")))?;
    same("a message after the end opens a ticket", third.opened(), true)?;
    let thread = scene.thread(ACME, "chat-9")?;
    same("the ticket of the thread, after a new one was opened", thread, Some(third.ticket.id()))
}
