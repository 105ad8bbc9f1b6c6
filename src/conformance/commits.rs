//! Everything or nothing, at the expected version, never twice.

use std::fmt::Display;

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, Failure, refused, same};
use super::scene::{ACME, Leave, Scene, edited, expecting, later, monday, noted, open, ticket_id};
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{ErrorKind, Result};
use crate::lifecycle::state::OnHold;
use crate::lifecycle::{HoldReason, State};
use crate::store::{Answer, Commit, KeptReceipt, Read, TicketWrite};
use crate::ticket::event::ExternalRef;
use crate::ticket::opening::NewTicket;

const TEXT: &str = "{\"a definition\":1}";

fn name(id: &str) -> ExternalRef {
    ExternalRef { source: "old desk".to_owned(), id: id.to_owned() }
}

/// A ticket that waits until an instant, known elsewhere by its number.
fn waiting(number: u64) -> Result<TicketWrite> {
    edited(open(number)?, |opened| {
        opened.state = State::OnHold(OnHold { reason: HoldReason::Scheduled, until: Some(later(3_600)) });
        opened.external = Some(name(&number.to_string()));
    })
}

/// A commit in which everything that a commit may have is there, around these tickets.
fn whole(tickets: Vec<TicketWrite>) -> Commit {
    let hash = Fingerprint::of(TEXT);
    Commit {
        tickets,
        threads: vec![("chat-1".into(), ticket_id(1)), ("chat-2".into(), ticket_id(2))],
        definitions: vec![(hash, TEXT.to_owned())],
        adoptions: vec![Adoption { kind: DefinitionKind::Policy, version: 1, from: monday(), hash }],
        receipt: Some(KeptReceipt {
            key: "key-1".into(),
            request: Fingerprint::of("request"),
            ticket: ticket_id(1),
            before: 0,
            after: 1,
            expires: later(1_000),
        }),
        forget_receipts_before: None,
    }
}

/// Whether the parts of a commit around tickets 1 and 2 are there, each of them: all or none is wanted.
fn parts<C: Candidate>(scene: &Scene<'_, C>) -> Checked<Vec<(&'static str, bool)>> {
    let mut parts = Vec::new();
    for (number, ticket, history) in
        [(1, "the first ticket", "its history"), (2, "the second ticket", "its events")]
    {
        let id = ticket_id(number);
        parts.push((ticket, scene.ticket(ACME, id)?.is_some()));
        parts.push((history, !scene.history(ACME, id)?.is_empty()));
        parts.push(("its number", scene.id(ACME, Read::Number(number))? == Some(id)));
        let external = Read::External(name(&number.to_string()));
        parts.push(("its name elsewhere", scene.id(ACME, external)? == Some(id)));
        let due = scene.due(ACME, later(1_000_000), None, 100)?;
        parts.push(("its timer", due.iter().any(|due| due.ticket == id)));
        let thread = scene.id(ACME, Read::Thread(format!("chat-{number}").into()))?;
        parts.push(("its thread", thread == Some(id)));
    }
    parts.push(("the receipt", scene.receipt(ACME, "key-1")?.is_some()));
    let definition = scene.read(ACME, Read::Definition(Fingerprint::of(TEXT)))?;
    parts.push(("the definition", definition == Answer::Definition(Some(TEXT.to_owned()))));
    let adoption = scene.read(ACME, Read::Newest(DefinitionKind::Policy))?;
    parts.push(("the adoption", adoption != Answer::Adoption(None)));
    Ok(parts)
}

fn is_there(part: &str, when: &str, there: bool) -> Checked {
    if there { Ok(()) } else { Err(Failure::new(part, format_args!("it to be there {when}"), "it missing")) }
}

fn is_absent(part: impl Display, why: &str, there: bool) -> Checked {
    if there { Err(Failure::new(part, format_args!("nothing, {why}"), "it there")) } else { Ok(()) }
}

pub(super) fn keep_everything<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let commit = whole(vec![waiting(1)?, waiting(2)?]);
    scene.put(ACME, commit.clone())?;
    for (part, there) in parts(scene)? {
        is_there(part, "after the commit", there)?;
    }
    for scene in [scene, &scene.twin()?] {
        for write in &commit.tickets {
            let id = write.snapshot.id;
            alike("the ticket", scene.ticket(ACME, id)?.as_deref(), Some(&write.snapshot))?;
            alike("its history", scene.history(ACME, id)?, write.events.clone())?;
            let due = scene.due(ACME, later(1_000_000), None, 100)?;
            let timers: Vec<_> =
                due.into_iter().filter(|due| due.ticket == id).map(|due| due.timer).collect();
            same("its timers", timers, write.timers.clone())?;
        }
        let receipt = scene.receipt(ACME, "key-1")?.map(|it| *it);
        same("the receipt", &receipt, &commit.receipt)?;
        let adoption = scene.read(ACME, Read::Newest(DefinitionKind::Policy))?;
        same("the adoption", adoption, Answer::Adoption(commit.adoptions.first().copied()))?;
    }
    Ok(())
}

pub(super) fn are_atomic<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let bystander = open(3)?;
    scene.put(ACME, Commit { tickets: vec![bystander.clone()], ..Commit::default() })?;
    let stale = expecting(7, noted(&bystander.snapshot, "late", later(9))?);
    let twin = edited(open(4)?, |opened| opened.number.value = 3)?;
    let namesake = edited(open(5)?, |opened| opened.external = Some(name("1")))?;
    let faults = [
        ("a stale ticket at the end", vec![waiting(1)?, waiting(2)?, stale.clone()]),
        ("a stale ticket in front", vec![stale, waiting(1)?, waiting(2)?]),
        ("a number that is taken", vec![waiting(1)?, twin, waiting(2)?]),
        ("a name that is taken", vec![waiting(1)?, waiting(2)?, namesake]),
    ];
    for (fault, tickets) in faults {
        let what = format!("a commit with {fault}");
        refused(&what, scene.put(ACME, whole(tickets)))?;
        for (part, there) in parts(scene)? {
            is_absent(format_args!("{what}: {part}"), "as the commit was refused", there)?;
        }
        alike(&what, scene.ticket(ACME, ticket_id(3))?.as_deref(), Some(&bystander.snapshot))?;
        same(&what, scene.history(ACME, ticket_id(3))?.len(), 1)?;
    }
    // What was in the way of none of it now goes in.
    scene.put(ACME, whole(vec![waiting(1)?, waiting(2)?]))?;
    for (part, there) in parts(scene)? {
        is_there(part, "after a sound commit", there)?;
    }
    Ok(())
}

pub(super) fn expect_versions<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let first = open(1)?;
    let put = |write: TicketWrite| scene.put(ACME, Commit { tickets: vec![write], ..Commit::default() });
    put(first.clone())?;
    let second = noted(&first.snapshot, "one", later(5))?;
    put(second.clone())?;
    let late = noted(&first.snapshot, "the same version again", later(6))?;
    let early = expecting(5, noted(&second.snapshot, "from nowhere", later(7))?);
    for (what, write) in [("a stale version", late), ("a version that is not there yet", early)] {
        let expected = write.expected;
        let error = refused(what, put(write))?;
        same(what, error.kind(), ErrorKind::Conflict)?;
        let facts = error.conflict().map(|it| (it.ticket, it.expected, it.found, it.state.clone()));
        same(what, facts, Some((ticket_id(1), expected, 2, second.snapshot.state.clone())))?;
        alike(what, scene.ticket(ACME, ticket_id(1))?.as_deref(), Some(&second.snapshot))?;
        same(what, scene.history(ACME, ticket_id(1))?.len(), 2)?;
    }
    let unknown = expecting(1, noted(&open(9)?.snapshot, "to nobody", later(8))?);
    refused("a version of a ticket that is not there", put(unknown))?;
    alike("a ticket that is not there", scene.ticket(ACME, ticket_id(9))?.as_deref(), None)
}

pub(super) fn write_nothing_twice<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let put = |write: TicketWrite| scene.put(ACME, Commit { tickets: vec![write], ..Commit::default() });
    let first = waiting(1)?;
    put(first.clone())?;
    refused(
        "an opening under an id that is taken",
        put(edited(open(1)?, |opened| opened.number.value = 2)?),
    )?;
    refused("an opening with a number that is taken", put(edited(open(2)?, |it| it.number.value = 1)?))?;
    let namesake = edited(open(3)?, |opened| opened.external = Some(name("1")))?;
    refused("an opening with a name that is taken", put(namesake))?;
    for number in [2, 3] {
        alike("a ticket that was refused", scene.ticket(ACME, ticket_id(number))?.as_deref(), None)?;
    }
    alike("the ticket that was there", scene.ticket(ACME, ticket_id(1))?.as_deref(), Some(&first.snapshot))?;
    same("its number", scene.id(ACME, Read::Number(1))?, Some(ticket_id(1)))?;
    same("its name elsewhere", scene.id(ACME, Read::External(name("1")))?, Some(ticket_id(1)))
}

pub(super) fn leave_nothing_when_dropped<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let reads = || {
        vec![
            Read::Thread("chat-1".into()),
            Read::Receipt("key-1".into()),
            Read::Ticket(ticket_id(1)),
            Read::NextNumber { place: 0 },
            Read::NextNumber { place: 1 },
        ]
    };
    for _ in 0..3 {
        let error = refused("a command that is given up", scene.run(ACME, Leave(reads())))?;
        same("a command that is given up", error.kind(), ErrorKind::Invalid)?;
    }
    for (part, there) in parts(scene)? {
        is_absent(part, "as nothing was committed", there)?;
    }
    let next = scene.read(ACME, Read::NextNumber { place: 0 })?;
    same("the next number, as none was used", next, Answer::Number(1))?;
    // Another handle is not kept waiting by what was dropped.
    let twin = scene.twin()?;
    let request = NewTicket::new("No sound").thread("chat-1").once("key-1");
    let ticket = scene.wait(twin.desk(ACME).open_ticket(request))?;
    same("the number of the first ticket", ticket.number.value, 1)?;
    scene.sound(ACME, ticket.id()).map(drop)
}
