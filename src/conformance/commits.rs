//! Commits: atomic, at the expected version, without duplicates.

use std::fmt::Display;

use super::Candidate;
use super::alike::alike;
use super::failure::{CheckFailure, Checked, refused, same};
use super::scene::{ACME, Leave, SAMPLE, Scene, edited, expecting, later, noted, open, ticket_id};
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::state::OnHold;
use crate::lifecycle::{HoldReason, State};
use crate::store::kinds::{RECEIPT, THREAD};
use crate::store::{
    Answer, Commit, Content, Expected, Index, Read, RecordRange, RecordWrite, TicketWrite, Write,
};
use crate::ticket::opening::NewTicket;

/// A ticket on hold for an hour, so that it has a timer.
fn waiting(number: u64) -> Result<TicketWrite> {
    edited(open(number)?, |opened| {
        opened.state = State::OnHold(OnHold { reason: HoldReason::Scheduled, until: Some(later(3_600)) });
    })
}

/// A record with every optional part, named after a ticket's number.
fn noted_as(number: u64) -> RecordWrite {
    let content = Content::new(number.to_be_bytes())
        .personal(*b"words")
        .indexed(Index::First, format!("{number}"))
        .indexed(Index::Third, "all")
        .due(later(7));
    RecordWrite::put(SAMPLE, format!("note-{number}"), Expected::Absent, content)
}

/// A commit of these tickets and two records.
fn whole(tickets: Vec<TicketWrite>) -> Commit {
    let mut commit: Commit = tickets.into_iter().collect();
    commit.extend([noted_as(1), noted_as(2)]);
    commit
}

fn one(write: impl Into<Write>) -> Commit {
    [write.into()].into_iter().collect()
}

/// Lists the parts of a commit of tickets 1 and 2. `true` marks a part that is stored.
fn parts<C: Candidate>(scene: &Scene<'_, C>) -> Checked<Vec<(&'static str, bool)>> {
    let mut parts = Vec::new();
    for (number, ticket, history) in
        [(1, "the first ticket", "its history"), (2, "the second ticket", "its events")]
    {
        let id = ticket_id(number);
        parts.push((ticket, scene.ticket(ACME, id)?.is_some()));
        parts.push((history, !scene.history(ACME, id)?.is_empty()));
        parts.push(("its number", scene.id(ACME, Read::TicketByNumber(number))? == Some(id)));
        let due = scene.due(ACME, later(1_000_000), None, 100)?;
        parts.push(("its timer", due.iter().any(|due| due.ticket == id)));
        let record = scene.record(ACME, SAMPLE, &format!("note-{number}"))?;
        parts.push(("its record", record.is_some()));
        let range = RecordRange::by_index(SAMPLE, Index::First).equal_to(format!("{number}"));
        parts.push(("its record by an index key", !scene.records(ACME, range)?.is_empty()));
    }
    Ok(parts)
}

fn is_there(part: &str, when: &str, there: bool) -> Checked {
    if there { Ok(()) } else { Err(CheckFailure::new(part, format_args!("stored {when}"), "missing")) }
}

fn is_absent(part: impl Display, why: &str, there: bool) -> Checked {
    if there { Err(CheckFailure::new(part, format_args!("nothing, {why}"), "it is stored")) } else { Ok(()) }
}

pub(super) fn keep_everything<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let commit = whole(vec![waiting(1)?, waiting(2)?]);
    scene.put(ACME, commit.clone())?;
    for (part, there) in parts(scene)? {
        is_there(part, "after the commit", there)?;
    }
    for scene in [scene, &scene.twin()?] {
        for write in commit.tickets() {
            let id = write.snapshot.id;
            alike("the ticket", scene.ticket(ACME, id)?.as_deref(), Some(&write.snapshot))?;
            alike("its history", scene.history(ACME, id)?, write.events.clone())?;
            let due = scene.due(ACME, later(1_000_000), None, 100)?;
            let timers: Vec<_> =
                due.into_iter().filter(|due| due.ticket == id).map(|due| due.timer).collect();
            same("its timers", timers, write.timers.clone())?;
        }
        for write in commit.records() {
            let found = scene.record(ACME, SAMPLE, &write.key)?.map(|it| (it.version, it.content));
            same("a record", found, write.content.clone().map(|content| (1, content)))?;
        }
    }
    Ok(())
}

pub(super) fn are_atomic<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let bystander = open(3)?;
    scene.put(ACME, one(bystander.clone()))?;
    let stale = expecting(7, noted(&bystander.snapshot, "late", later(9))?);
    let twin = edited(open(4)?, |opened| opened.number.value = 3)?;
    let twice = RecordWrite { key: "note-3".to_owned(), ..noted_as(3) };
    scene.put(ACME, one(twice.clone()))?;
    let old = RecordWrite { expected: Expected::Version(4), ..twice.clone() };
    let gone = RecordWrite::delete(SAMPLE, "note-3", Expected::Version(2));
    let faults = [
        ("a stale ticket at the end", vec![waiting(1)?, waiting(2)?, stale.clone()]),
        ("a stale ticket in front", vec![stale, waiting(1)?, waiting(2)?]),
        ("a number that is taken", vec![waiting(1)?, twin, waiting(2)?]),
    ];
    let tickets = || Ok::<_, Error>(vec![waiting(1)?, waiting(2)?]);
    let mut faults: Vec<_> = faults.into_iter().map(|(fault, tickets)| (fault, whole(tickets))).collect();
    let records = [
        ("a record that is there already", twice),
        ("a record of another version", old),
        ("a deletion of another version", gone),
    ];
    for (fault, record) in records {
        let mut commit = whole(tickets()?);
        commit.push(record.clone());
        faults.push((fault, commit));
        let mut first = one(record);
        first.extend(whole(tickets()?).writes);
        faults.push((fault, first));
    }
    for (fault, commit) in faults {
        let what = format!("a commit with {fault}");
        refused(&what, scene.put(ACME, commit))?;
        for (part, there) in parts(scene)? {
            is_absent(format_args!("{what}: {part}"), "as the commit was refused", there)?;
        }
        alike(&what, scene.ticket(ACME, ticket_id(3))?.as_deref(), Some(&bystander.snapshot))?;
        same(&what, scene.history(ACME, ticket_id(3))?.len(), 1)?;
    }
    // The same tickets and records, without a faulty part, can now be written.
    scene.put(ACME, whole(vec![waiting(1)?, waiting(2)?]))?;
    for (part, there) in parts(scene)? {
        is_there(part, "after a sound commit", there)?;
    }
    Ok(())
}

pub(super) fn expect_versions<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let first = open(1)?;
    let put = |write: TicketWrite| scene.put(ACME, one(write));
    put(first.clone())?;
    let second = noted(&first.snapshot, "one", later(5))?;
    put(second.clone())?;
    let late = noted(&first.snapshot, "the same version again", later(6))?;
    let early = expecting(5, noted(&second.snapshot, "ahead of the stored version", later(7))?);
    for (what, write) in [("a stale version", late), ("a version that is not there yet", early)] {
        let expected = write.expected;
        let error = refused(what, put(write))?;
        same(what, error.kind(), ErrorKind::Conflict)?;
        let facts = error.conflict().map(|it| (it.ticket, it.expected, it.found, it.state.clone()));
        same(what, facts, Some((ticket_id(1), expected, 2, second.snapshot.state.clone())))?;
        alike(what, scene.ticket(ACME, ticket_id(1))?.as_deref(), Some(&second.snapshot))?;
        same(what, scene.history(ACME, ticket_id(1))?.len(), 2)?;
    }
    let unknown = expecting(1, noted(&open(9)?.snapshot, "no such ticket", later(8))?);
    refused("a version of a ticket that is not there", put(unknown))?;
    alike("a ticket that is not there", scene.ticket(ACME, ticket_id(9))?.as_deref(), None)
}

pub(super) fn write_nothing_twice<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let put = |write: TicketWrite| scene.put(ACME, one(write));
    let first = waiting(1)?;
    put(first.clone())?;
    refused(
        "an opening under an id that is taken",
        put(edited(open(1)?, |opened| opened.number.value = 2)?),
    )?;
    refused("an opening with a number that is taken", put(edited(open(2)?, |it| it.number.value = 1)?))?;
    let mut twice = one(noted_as(1));
    twice.push(noted_as(1));
    refused("a commit with one record twice", scene.put(ACME, twice))?;
    same("the record that was in it twice", scene.record(ACME, SAMPLE, "note-1")?, None)?;
    let note = noted(&first.snapshot, "once", later(6))?;
    let mut both = one(note.clone());
    both.push(noted(&note.snapshot, "and once more", later(7))?);
    refused("a commit with one ticket twice", scene.put(ACME, both))?;
    alike("a ticket that was refused", scene.ticket(ACME, ticket_id(2))?.as_deref(), None)?;
    alike("the ticket that was there", scene.ticket(ACME, ticket_id(1))?.as_deref(), Some(&first.snapshot))?;
    same("its number", scene.id(ACME, Read::TicketByNumber(1))?, Some(ticket_id(1)))
}

pub(super) fn leave_nothing_when_dropped<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let reads = || {
        vec![
            Read::record(SAMPLE, "note-1"),
            Read::record(THREAD, "chat-1"),
            Read::record(RECEIPT, "key-1"),
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
    // The dropped transactions hold no lock, so another handle need not wait.
    let twin = scene.twin()?;
    let request = NewTicket::new("No sound").thread("chat-1").idempotency_key("key-1");
    let ticket = scene.wait(twin.desk(ACME).open_ticket(request))?;
    same("the number of the first ticket", ticket.number.value, 1)?;
    scene.sound(ACME, ticket.id()).map(drop)
}
