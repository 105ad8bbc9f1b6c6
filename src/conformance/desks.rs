//! Several desks in one store.

use std::ops::Bound;

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, holds, refused, same};
use super::scene::{ACME, SAMPLE, Scene, anna, complete, edited, later, noted, open, ticket_id};
use crate::id::TicketId;
use crate::lifecycle::state::Resolved;
use crate::store::kinds::{self, THREAD};
use crate::store::{Answer, Commit, Content, Expected, Index, Query, Read, RecordRange, RecordWrite};
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;

const BETA: &str = "beta";

pub(super) fn apart<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let theirs = edited(open(1)?, |opened| {
        opened.state = Resolved { closes_at: Some(later(60)), ..Resolved::default() }.into();
    })?;
    let id = ticket_id(1);
    let content = Content::new(*b"theirs").indexed(Index::First, "i").due(later(5));
    let mut filled: Commit = [theirs.clone()].into_iter().collect();
    filled.push(RecordWrite::put(SAMPLE, "n-1", Expected::Absent, content.clone()));
    filled.push(kinds::point_to(THREAD, "chat-1".to_owned(), None, id));
    scene.put(BETA, filled)?;

    // No read of this desk finds anything.
    let asked = [
        Read::Ticket(id),
        Read::TicketByNumber(1),
        Read::record(SAMPLE, "n-1"),
        Read::record(THREAD, "chat-1"),
        Read::Records(RecordRange::by_key(SAMPLE)),
        Read::Records(RecordRange::by_index(SAMPLE, Index::First)),
        Read::CountRecords {
            kind: SAMPLE,
            index: Index::First,
            from: Bound::Unbounded,
            until: Bound::Unbounded,
            limit: 9,
        },
        Read::History { ticket: id, after: 0, limit: 10 },
        Read::DueTimers { until: later(1_000), after: None, limit: 10 },
    ];
    for read in asked {
        let what = format!("{read:?} of another desk");
        let nothing = match scene.read(ACME, read)? {
            Answer::Ticket(None) | Answer::TicketId(None) | Answer::Record(None) => true,
            Answer::Records(records) => records.is_empty(),
            Answer::Counts(counts) => counts.is_empty(),
            Answer::Events(events) => events.is_empty(),
            Answer::DueTimers(due) => due.is_empty(),
            _ => false,
        };
        holds(what, "nothing", nothing)?;
    }
    for query in [Query::inbox(), Query::newest(), Query::oldest()] {
        let place = query.cursor_of(&theirs.snapshot);
        let queries = [query.clone(), query.clone().after(place), query.from("boris")];
        for query in queries {
            same(format!("{query:?} of another desk"), scene.find(ACME, query)?, Vec::new())?;
        }
    }
    same("the next number", scene.read(ACME, Read::NextNumber { place: 0 })?, Answer::Number(1))?;
    refused(
        "a note to another desk's ticket",
        scene.put(ACME, [noted(&theirs.snapshot, "from outside", later(5))?].into_iter().collect()),
    )?;
    let change = RecordWrite::put(SAMPLE, "n-1", Expected::Version(1), Content::new(*b"ours"));
    refused("a change to another desk's record", scene.put(ACME, [change].into_iter().collect()))?;
    let desk = scene.desk(ACME);
    refused("an action on another desk's ticket", scene.wait(desk.act(id, Action::start(), anna())))?;
    same("timers fired at this desk", complete(scene.wait(desk.tick(later(1_000)))?)?, 0)?;
    untouched(scene, id, 1)?;

    // The same names refer to different rows at this desk, and changes to them affect this desk only.
    let first =
        scene.wait(desk.open_ticket(NewTicket::new("Ours").thread("chat-1").idempotency_key("key-1")))?;
    same("the first number", first.number.value, 1)?;
    holds("the thread of this desk", "its own ticket", scene.thread(ACME, "chat-1")? == Some(first.id()))?;
    let put = |write: RecordWrite| scene.put(ACME, [write].into_iter().collect());
    put(RecordWrite::delete(SAMPLE, "n-1", Expected::Any))?;
    put(RecordWrite::put(SAMPLE, "n-1", Expected::Absent, Content::new(*b"ours")))?;
    put(RecordWrite::put(SAMPLE, "n-1", Expected::Any, Content::new(*b"ours again")))?;
    put(RecordWrite::delete(SAMPLE, "n-1", Expected::Version(2)))?;
    untouched(scene, id, 1)?;
    let record = scene.record(BETA, SAMPLE, "n-1")?.map(|it| (it.version, it.content));
    same("the record at the other desk", record, Some((1, content)))?;
    same("the thread at the other desk", scene.thread(BETA, "chat-1")?, Some(id))?;
    // A ticket with the same id but other content: ids come from the host and may repeat across desks.
    let twin = edited(open(1)?, |opened| opened.number.value = 2)?;
    scene.put(ACME, [twin.clone()].into_iter().collect())?;
    alike("a ticket with the same id", scene.ticket(ACME, id)?.as_deref(), Some(&twin.snapshot))?;
    untouched(scene, id, 1)?;
    same("the other desk's tickets", scene.find(BETA, Query::newest())?.len(), 1)
}

/// The other desk's ticket and its timer must be unchanged.
fn untouched<C: Candidate>(scene: &Scene<'_, C>, id: TicketId, version: u64) -> Checked {
    same("the other desk's ticket", scene.sound(BETA, id)?.version, version)?;
    let due = scene.due(BETA, later(1_000), None, 10)?;
    same("the other desk's timers", due.iter().map(|due| due.ticket).collect(), vec![id])
}

pub(super) fn exact<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    // Names that a collation, trimming or normalization would merge. The accented `e` occurs as one code point and as
    // two.
    let names =
        ["a", "A", "ä", "a ", "\u{e9}", "e\u{301}", "е", "e", "%", "_", "a%", "Ё", "Е", "ß", "ss", "1", "01"];
    let mut all = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let number = n as u64 + 1;
        let mut commit: Commit = [open(number)?].into_iter().collect();
        commit.push(kinds::point_to(THREAD, (*name).to_owned(), None, ticket_id(number)));
        let sample = Content::new(name.as_bytes()).indexed(Index::First, *name);
        commit.push(RecordWrite::put(SAMPLE, *name, Expected::Absent, sample));
        scene.put(ACME, commit.clone())?;
        scene.put(name, commit)?;
        all.push((*name, ticket_id(number)));
    }
    for (name, id) in all {
        same(format_args!("the thread {name:?}"), scene.thread(ACME, name)?, Some(id))?;
        let record = scene.record(ACME, SAMPLE, name)?.map(|it| it.content.facts);
        same(format_args!("the record {name:?}"), record, Some(name.as_bytes().to_vec()))?;
        let range = RecordRange::by_index(SAMPLE, Index::First).equal_to(name);
        let keys: Vec<_> = scene.records(ACME, range)?.into_iter().map(|it| it.key).collect();
        same(format_args!("the records with the index key {name:?}"), keys, vec![name.to_owned()])?;
        let found: Vec<_> = scene.find(name, Query::oldest())?.iter().map(|it| it.id).collect();
        same(format_args!("the tickets of the desk {name:?}"), found, vec![id])?;
    }
    Ok(())
}
