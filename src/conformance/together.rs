//! Concurrent commands, claims and sweeps.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Candidate;
use super::failure::{CheckFailure, Checked, holds, same};
use super::scene::{ACME, SAMPLE, Scene, anna, complete, later};
use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::HoldReason;
use crate::operation::{Interrupt, Loaded, Operation};
use crate::store::kinds::RECEIPT;
use crate::store::{Answer, Commit, Mode, Query, Read};
use crate::ticket::action::Action;
use crate::ticket::event::Change;
use crate::ticket::inbound::InboundMessage;
use crate::ticket::kind::{Link, LinkKind};
use crate::ticket::opening::NewTicket;
use crate::time::Stopwatch;

const THREADS: usize = 8;

/// The time after which a store that never stops being busy fails a check. No correct store needs that long, even on a
/// busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `does` on eight threads and returns all results. Each thread has its own handle and drops it when it ends.
pub(super) fn at_once<C: Candidate, T: Send>(
    scene: &Scene<'_, C>,
    does: impl Fn(usize, &Scene<'_, C>) -> Checked<T> + Sync,
) -> Checked<Vec<T>> {
    let twins = (0..THREADS).map(|_| scene.twin()).collect::<Checked<Vec<_>>>()?;
    thread::scope(|scope| {
        let does = &does;
        let threads: Vec<_> =
            twins.into_iter().enumerate().map(|(n, twin)| scope.spawn(move || does(n, &twin))).collect();
        let joined = threads
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|panic| Err(CheckFailure::panicked(panic.as_ref()))));
        joined.collect()
    })
}

/// Repeats a call while the store reports a retryable error, for [`PATIENCE`] at most.
pub(super) fn patiently<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    let since = Stopwatch::start();
    loop {
        match call() {
            Err(error) if error.is_retryable() && since.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
}

fn opened<C: Candidate>(scene: &Scene<'_, C>, count: usize) -> Checked<Vec<TicketId>> {
    let desk = scene.desk(ACME);
    (0..count)
        .map(|n| Ok(scene.wait(desk.open_ticket(NewTicket::new(format!("Request {n}")).from("boris")))?.id()))
        .collect()
}

pub(super) fn hot<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    const EACH: usize = 6;
    let tickets = opened(scene, 2)?;
    at_once(scene, |n, scene| {
        let desk = scene.desk(ACME);
        for round in 0..EACH {
            let ticket = tickets[(n + round) % tickets.len()];
            patiently(|| scene.wait(desk.act(ticket, Action::tag(format!("{n} {round}")), anna())))?;
        }
        Ok(())
    })?;
    let mut tags = BTreeSet::new();
    for id in tickets {
        tags.extend(scene.sound(ACME, id)?.tags.clone());
    }
    let wanted = (0..THREADS).flat_map(|n| (0..EACH).map(move |round| format!("{n} {round}"))).collect();
    same("the tags that eight threads put on two tickets", tags, wanted)
}

/// Returns the links of a ticket, after checking that they match its history.
fn links<C: Candidate>(scene: &Scene<'_, C>, id: TicketId) -> Checked<BTreeSet<Link>> {
    scene.sound(ACME, id)?;
    let read = scene.wait(scene.desk(ACME).records().links(id, None))?;
    let mut links = BTreeSet::new();
    for event in scene.history(ACME, id)? {
        match event.change {
            Change::Linked(link) => drop(links.insert(link)),
            Change::Unlinked(link) => drop(links.remove(&link)),
            _ => {}
        }
    }
    same(format_args!("the links of ticket {id}"), read.into_iter().collect(), links.clone())?;
    Ok(links)
}

/// Fails unless every link has its inverse at the other ticket. Returns the number of links.
fn mirrored<C: Candidate>(scene: &Scene<'_, C>, tickets: &[TicketId]) -> Checked<usize> {
    let mut count = 0;
    for id in tickets {
        for link in links(scene, *id)? {
            let inverse = Link { kind: link.kind.inverse(), to: *id };
            holds(
                format_args!("the other end of {link:?} of ticket {id}"),
                "its inverse",
                links(scene, link.to)?.contains(&inverse),
            )?;
            count += 1;
        }
    }
    Ok(count)
}

pub(super) fn crossing<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let tickets = opened(scene, 4)?;
    at_once(scene, |n, scene| {
        let desk = scene.desk(ACME);
        for round in 0..6 {
            let (from, to) = (tickets[(n + round) % 4], tickets[(n * 3 + round * 2 + 1) % 4]);
            if from != to {
                // The command may be refused, because the link exists or would close a cycle. It must not block.
                let link = || scene.wait(desk.act(from, Action::link(LinkKind::CauseOf, to), anna()));
                match patiently(link) {
                    Err(error) if error.is_storage() => return Err(error.into()),
                    _ => {}
                }
            }
        }
        Ok(())
    })?;
    holds("links", "some", mirrored(scene, &tickets)? > 0)
}

pub(super) fn absence<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    for round in 0..4 {
        let thread = format!("chat-{round}");
        let receipts = at_once(scene, |n, scene| {
            let desk = scene.desk(ACME);
            let message = InboundMessage::new(format!("word {n}"))
                .from("boris")
                .thread(thread.as_str())
                .subject("No sound");
            Ok(patiently(|| scene.wait(desk.receive(message.clone())))?)
        })?;
        let opened = receipts.iter().filter(|it| it.opened()).count();
        same(format_args!("tickets that the thread {thread} opened"), opened, 1)?;
        let tickets: BTreeSet<_> = receipts.iter().map(|it| it.ticket.id()).collect();
        let tickets: Vec<_> = tickets.into_iter().collect();
        same("tickets that received the messages of the thread", tickets.len(), 1)?;
        let ticket = scene.sound(ACME, tickets[0])?;
        same("messages received", ticket.messages_received as usize, THREADS)?;
    }
    same("all tickets", scene.find(ACME, Query::oldest())?.len(), 4)
}

pub(super) fn key<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let ticket = opened(scene, 1)?[0];
    for round in 0..4 {
        let key = format!("form-{round}");
        let opened = at_once(scene, |_, scene| {
            let desk = scene.desk(ACME);
            let request = NewTicket::new("No sound").from("boris").idempotency_key(key.as_str());
            let opened = patiently(|| scene.wait(desk.open_ticket(request.clone())))?;
            let by = anna().idempotency_key(format!("click-{round}"));
            let replied =
                patiently(|| scene.wait(desk.act(ticket, Action::reply("Unmute it."), by.clone())))?;
            Ok((opened.id(), replied.replayed))
        })?;
        let ids: BTreeSet<_> = opened.iter().map(|(id, _)| *id).collect();
        same(format_args!("tickets of the key {key}"), ids.len(), 1)?;
        same("replies that were not repetitions", opened.iter().filter(|(_, again)| !again).count(), 1)?;
    }
    same("all tickets", scene.find(ACME, Query::oldest())?.len(), 5)?;
    same("replies on the ticket", scene.sound(ACME, ticket)?.replies_sent, 4)
}

pub(super) fn numbers<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    const EACH: usize = 5;
    let numbers = at_once(scene, |n, scene| {
        let desk = scene.desk(ACME);
        let open = |round| patiently(|| scene.wait(desk.open_ticket(NewTicket::new(format!("{n} {round}")))));
        let mut last = 0;
        let mut mine = Vec::new();
        for round in 0..EACH {
            let number = open(round)?.number.value;
            holds("a number", "larger than the previous number", number > last)?;
            last = number;
            mine.push(number);
        }
        Ok(mine)
    })?;
    let mut numbers: Vec<u64> = numbers.into_iter().flatten().collect();
    numbers.sort_unstable();
    same("the numbers of openings at once", numbers, (1..=(THREADS * EACH) as u64).collect())
}

pub(super) fn timers<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let tickets = opened(scene, 12)?;
    let desk = scene.desk(ACME);
    for id in &tickets {
        scene.wait(desk.act(*id, Action::hold_until(HoldReason::Scheduled, later(60)), anna()))?;
    }
    let fired = at_once(scene, |_, scene| {
        let report = scene.wait(scene.desk(ACME).tick(later(61)))?;
        // If the store is busy, this sweep leaves timers to another one.
        let errors = report.failed.iter().map(|it| &it.error).chain(&report.stopped);
        let other = errors.filter(|error| !error.is_retryable());
        same("timers that failed", other.map(ToString::to_string).collect(), Vec::<String>::new())?;
        Ok(report.fired)
    })?;
    let rest = complete(scene.wait(desk.tick(later(61)))?)?;
    same("timers that fired", fired.iter().sum::<usize>() + rest, tickets.len())?;
    for id in tickets {
        same("the version of a ticket whose timer fired once", scene.sound(ACME, id)?.version, 3)?;
    }
    Ok(())
}

pub(super) fn abandoned<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let tickets = opened(scene, 2)?;
    let desk = scene.desk(ACME);
    for polls in 0..24 {
        let (kind, from, to) = match polls % 2 {
            0 => (LinkKind::CauseOf, tickets[0], tickets[1]),
            _ => (LinkKind::ParentOf, tickets[1], tickets[0]),
        };
        scene.candidate.abandon(desk.act(from, Action::link(kind, to), anna()), polls);
        // The abandoned command may still be running. A later command on the same tickets waits for it.
        for ticket in &tickets {
            patiently(|| scene.wait(desk.act(*ticket, Action::note("And then?"), anna())))?;
        }
        mirrored(scene, &tickets)?;
        let unlink = patiently(|| scene.wait(desk.act(from, Action::unlink(kind, to), anna())));
        if let Err(error) = unlink
            && error.is_storage()
        {
            return Err(error.into());
        }
        mirrored(scene, &tickets)?;
    }
    // An abandoned opening either uses its number or leaves it to the next one.
    for polls in 0..24 {
        scene.candidate.abandon(desk.open_ticket(NewTicket::new("Abandoned")), polls);
    }
    let last = patiently(|| scene.wait(desk.open_ticket(NewTicket::new("The last"))))?;
    let all = scene.find(ACME, Query::oldest().limit(100))?;
    let mut numbers: Vec<u64> = all.iter().map(|it| it.number.value).collect();
    numbers.sort_unstable();
    same("numbers", numbers, (1..=last.number.value).collect())
}

/// Pauses in the middle of reading until `gate` lets it continue.
struct Held {
    reads: Vec<Read>,
    gate: Arc<Gate>,
}

struct Gate {
    reached: Mutex<Option<Sender<()>>>,
    go_on: Mutex<Receiver<()>>,
}

impl Operation for Held {
    type Out = Vec<Answer>;

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Answer>), Interrupt> {
        loaded.need(self.reads.iter().cloned())?;
        let mut answers = Vec::new();
        for read in &self.reads {
            answers.push(loaded.answer(read)?.clone());
        }
        // Pause once only: `decide` may run again.
        if let Some(reached) = self.gate.reached.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The other ends of both channels are gone if the check has ended.
            let _ = reached.send(());
            let _ = self.gate.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }
        Ok((Commit::default(), answers))
    }
}

/// Checks that a ticket and its history, read in one operation, are of one state during concurrent writes.
fn one_state<C: Candidate>(scene: &Scene<'_, C>, ticket: TicketId) -> Checked {
    let writer = &scene.twin()?;
    let (wrote, has_written) = mpsc::channel();
    thread::scope(move |scope| {
        scope.spawn(move || {
            let desk = writer.desk(ACME);
            loop {
                // The outcome of the write does not matter here.
                let _ = writer.wait(desk.act(ticket, Action::note("Meanwhile."), anna()));
                // The receiver is gone once the reader has ended, even by a panic.
                if wrote.send(()).is_err() {
                    break;
                }
            }
        });
        // The writer is at work once it has written twice.
        let _ = has_written.recv();
        let _ = has_written.recv();
        let read = (0..20).try_for_each(|_| {
            let reads = vec![Read::Ticket(ticket), Read::History { ticket, after: 0, limit: usize::MAX }];
            match &patiently(|| scene.load(ACME, reads.clone()))?[..] {
                [Answer::Ticket(Some(read)), Answer::Events(history)] => {
                    let last = history.last().map_or(0, |event| event.version);
                    same("the last version of a history, read at once with its ticket", last, read.version)
                }
                other => {
                    Err(CheckFailure::new("a ticket and its history", "both", format_args!("{other:?}")))
                }
            }
        });
        drop(has_written);
        read
    })
}

/// Every kind of read on a desk with this ticket.
fn reads_of(ticket: TicketId) -> Vec<Read> {
    vec![
        Read::Ticket(ticket),
        Read::History { ticket, after: 0, limit: 10 },
        Read::record(SAMPLE, "chat-1"),
        Read::record(RECEIPT, "key-1"),
        Read::NextNumber { place: 0 },
        Read::Find(Query::newest()),
        Read::DueTimers { until: later(9), after: None, limit: 10 },
    ]
}

pub(super) fn reading<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let ticket = opened(scene, 1)?[0];
    one_state(scene, ticket)?;
    // Repeated reads take no number.
    for _ in 0..3 {
        for read in reads_of(ticket) {
            scene.read(ACME, read)?;
        }
    }
    let next = scene.read(ACME, Read::NextNumber { place: 0 })?;
    same("the next number, after reads only", next, Answer::Number(2))
}

/// One transaction has read everything and is still open while another writes everything.
pub(super) fn reading_beside<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let ticket = opened(scene, 1)?[0];
    let (reached, has_reached) = mpsc::channel();
    let (done, go_on) = mpsc::channel();
    let gate = Arc::new(Gate { reached: Mutex::new(Some(reached)), go_on: Mutex::new(go_on) });
    let held = Held { reads: reads_of(ticket), gate };
    let (reader, writer) = (scene.twin()?, scene.twin()?);
    thread::scope(|scope| {
        let reading = scope.spawn(|| reader.run(ACME, held));
        // Fails if the read ends before its pause.
        let arrived = has_reached.recv();
        let (sent, received) = mpsc::channel();
        let writing = scope.spawn(move || {
            let desk = writer.desk(ACME);
            let note = patiently(|| writer.wait(desk.act(ticket, Action::note("written meanwhile"), anna())));
            let request = NewTicket::new("No sound").thread("chat-1").idempotency_key("key-1");
            let opened = note.and_then(|_| patiently(|| writer.wait(desk.open_ticket(request.clone()))));
            let _ = sent.send(opened.map(|it| it.number.value));
        });
        // Only a writer that waits for the reader takes this long.
        let written = received.recv_timeout(PATIENCE);
        let _ = done.send(());
        let read = reading.join();
        let _ = writing.join();
        same("the reader reached its pause", arrived.is_ok(), true)?;
        match written {
            Ok(number) => same("the number of the ticket opened meanwhile", number?, 2)?,
            Err(_) => {
                return Err(CheckFailure::new(
                    "a write during a read",
                    "no waiting",
                    "a write that waits for the reader",
                ));
            }
        }
        read.map_err(|panic| CheckFailure::panicked(panic.as_ref()))?.map(drop).map_err(CheckFailure::from)
    })
}
