//! Several desks in one store.

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, holds, refused, same};
use super::scene::{ACME, Scene, anna, complete, edited, later, monday, noted, open, ticket_id};
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::id::TicketId;
use crate::lifecycle::state::Resolved;
use crate::store::{Answer, Commit, KeptReceipt, Query, Read};
use crate::ticket::action::Action;
use crate::ticket::event::ExternalRef;
use crate::ticket::opening::NewTicket;

const BETA: &str = "beta";

pub(super) fn apart<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let external = ExternalRef { source: "old desk".to_owned(), id: "4711".to_owned() };
    let named = external.clone();
    let theirs = edited(open(1)?, move |opened| {
        opened.state = Resolved { closes_at: Some(later(60)) }.into();
        opened.external = Some(named);
    })?;
    let (hash, id) = (Fingerprint::of("theirs"), ticket_id(1));
    let filled = |definition: &str| Commit {
        tickets: vec![theirs.clone()],
        threads: vec![("chat-1".into(), id)],
        definitions: vec![(hash, definition.to_owned())],
        adoptions: vec![Adoption { kind: DefinitionKind::Policy, version: 1, from: monday(), hash }],
        receipt: Some(KeptReceipt {
            key: "key-1".into(),
            request: hash,
            ticket: id,
            before: 0,
            after: 1,
            expires: later(1_000_000),
        }),
        forget_receipts_before: None,
    };
    scene.put(BETA, filled("theirs"))?;

    // Whatever this desk asks for, it gets nothing.
    let asked = [
        Read::Ticket(id),
        Read::Number(1),
        Read::External(external),
        Read::Thread("chat-1".into()),
        Read::Receipt("key-1".into()),
        Read::Definition(hash),
        Read::Newest(DefinitionKind::Policy),
        Read::InForce(DefinitionKind::Policy, later(10)),
        Read::History { ticket: id, after: 0, limit: 10 },
        Read::Due { until: later(1_000), after: None, limit: 10 },
    ];
    for read in asked {
        let what = format!("{read:?}, which another desk has");
        let nothing = match scene.read(ACME, read)? {
            Answer::Ticket(None) | Answer::Id(None) | Answer::Receipt(None) => true,
            Answer::Definition(None) | Answer::Adoption(None) => true,
            Answer::Events(events) => events.is_empty(),
            Answer::Due(due) => due.is_empty(),
            _ => false,
        };
        holds(what, "nothing", nothing)?;
    }
    for query in [Query::inbox(), Query::newest(), Query::oldest()] {
        let place = query.place(&theirs.snapshot);
        let queries = [query.clone(), query.clone().after(place), query.from("boris")];
        for query in queries {
            same(format!("{query:?} of another desk"), scene.find(ACME, query)?, Vec::new())?;
        }
    }
    same("the next number", scene.read(ACME, Read::NextNumber { place: 0 })?, Answer::Number(1))?;
    refused(
        "a note to another desk's ticket",
        scene.put(ACME, {
            Commit { tickets: vec![noted(&theirs.snapshot, "from outside", later(5))?], ..Commit::default() }
        }),
    )?;
    let desk = scene.desk(ACME);
    refused("an action on another desk's ticket", scene.wait(desk.act(id, Action::start(), anna())))?;
    same("timers fired at this desk", complete(scene.wait(desk.tick(later(1_000)))?)?, 0)?;
    untouched(scene, id, 1)?;

    // The same names mean other things here, and what happens here happens here alone.
    let first = scene.wait(desk.open_ticket(NewTicket::new("Ours").thread("chat-1").once("key-1")))?;
    same("the first number", first.number.value, 1)?;
    holds(
        "the thread of this desk",
        "its own ticket",
        scene.id(ACME, Read::Thread("chat-1".into()))? == Some(first.id()),
    )?;
    scene.put(ACME, Commit { forget_receipts_before: Some(later(2_000_000)), ..Commit::default() })?;
    untouched(scene, id, 1)?;
    let receipt = scene.receipt(BETA, "key-1")?.map(|it| it.ticket);
    same("the receipt at the other desk", receipt, Some(id))?;
    same("the thread at the other desk", scene.id(BETA, Read::Thread("chat-1".into()))?, Some(id))?;
    // A ticket with the same id, of another content: ids are the host's affair.
    let twin = edited(open(1)?, |opened| opened.number.value = 2)?;
    let hash = Fingerprint::of("ours");
    let ours = Commit {
        tickets: vec![twin.clone()],
        definitions: vec![(hash, "ours".to_owned())],
        adoptions: vec![Adoption { kind: DefinitionKind::Policy, version: 1, from: monday(), hash }],
        ..Commit::default()
    };
    scene.put(ACME, ours)?;
    alike("a ticket with the same id", scene.ticket(ACME, id)?.as_deref(), Some(&twin.snapshot))?;
    untouched(scene, id, 1)?;
    same(
        "the definition at the other desk",
        scene.read(BETA, Read::Definition(hash))?,
        Answer::Definition(None),
    )?;
    let newest = scene.read(BETA, Read::Newest(DefinitionKind::Policy))?;
    holds(
        "the adoption at the other desk",
        "its own",
        matches!(newest, Answer::Adoption(Some(it)) if it.hash != hash),
    )?;
    same("the other desk's tickets", scene.find(BETA, Query::newest())?.len(), 1)
}

/// The other desk's ticket is as it was, timer and all.
fn untouched<C: Candidate>(scene: &Scene<'_, C>, id: TicketId, version: u64) -> Checked {
    same("the other desk's ticket", scene.sound(BETA, id)?.version, version)?;
    let due = scene.due(BETA, later(1_000), None, 10)?;
    same("the other desk's timers", due.iter().map(|due| due.ticket).collect(), vec![id])
}

pub(super) fn exact<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    // Pairs that a collation, a trimming or a normalisation would take for one. E with an accent, as one sign and two.
    let names =
        ["a", "A", "ä", "a ", "\u{e9}", "e\u{301}", "е", "e", "%", "_", "a%", "Ё", "Е", "ß", "ss", "1", "01"];
    let mut all = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let number = n as u64 + 1;
        let commit = Commit {
            tickets: vec![open(number)?],
            threads: vec![((*name).into(), ticket_id(number))],
            receipt: Some(KeptReceipt {
                key: (*name).into(),
                request: Fingerprint::of(name),
                ticket: ticket_id(number),
                before: 0,
                after: 1,
                expires: later(9),
            }),
            ..Commit::default()
        };
        scene.put(ACME, commit.clone())?;
        scene.put(name, commit)?;
        all.push((*name, ticket_id(number)));
    }
    for (name, id) in all {
        same(format_args!("the thread {name:?}"), scene.id(ACME, Read::Thread(name.into()))?, Some(id))?;
        let receipt = scene.receipt(ACME, name)?.map(|it| it.ticket);
        same(format_args!("the receipt {name:?}"), receipt, Some(id))?;
        let found: Vec<_> = scene.find(name, Query::oldest())?.iter().map(|it| it.id).collect();
        same(format_args!("the tickets of the desk {name:?}"), found, vec![id])?;
    }
    Ok(())
}
