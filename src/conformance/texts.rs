//! Texts of any script and length.

use super::Candidate;
use super::failure::{Checked, refused, same};
use super::scene::{ACME, SAMPLE, Scene, anna};
use crate::limits::MAX_TEXT_BYTES;
use crate::store::{Query, RecordRange};
use crate::text;
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;

pub(super) fn come_back<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let words = [
        "Нет звука: «Тишина» — снова, ёлки-палки",
        "👩‍👧 не слышит 🔇🇷🇺",
        "it's % _ ' \" \\ ; -- $1 ?1 :a {s} {p}",
        "\u{e9} and \u{2c6} \u{200f}\u{202e}back to front",
        "\u{10ffff}\u{fffd}\u{feff} سلام 你好",
        "two  spaces",
        "NULL",
    ];
    for word in words {
        let request =
            NewTicket::new(word).from(word).thread(word).idempotency_key(word).tag(word).category([word]);
        let ticket = scene.wait(desk.open_ticket(request.message(format!("{word}\n\t{word}"))))?;
        scene.wait(desk.act(ticket.id(), Action::note(word).and(Action::assign(word)), anna()))?;
        let row = scene.sound(ACME, ticket.id())?;
        same("the subject", row.subject(), &*text::normal(word))?;
        same("the agent", row.assignee.as_ref().map(|it| it.as_str()), Some(word))?;
        let history = scene.history(ACME, ticket.id())?;
        let texts: Vec<_> = history.iter().filter_map(|it| it.personal.text()).collect();
        same("the texts of the history", texts, vec![format!("{word}\n\t{word}").as_str(), word])?;
        same("the thread", scene.thread(ACME, word)?, Some(ticket.id()))?;
        same("the receipt", scene.receipt(ACME, word)?, Some(ticket.id()))?;
        for query in [Query::newest().from(word), Query::newest().assigned_to(word)] {
            let found: Vec<_> = scene.find(ACME, query)?.iter().map(|it| it.id).collect();
            same("the ticket of this person", found, vec![ticket.id()])?;
        }
    }
    // Ids, keys and messages are kept as they are.
    let raw = "  e\u{301} is not \u{e9}  ";
    let request = NewTicket::new("Raw").from(raw).thread(raw).idempotency_key(raw).message(raw);
    let ticket = scene.wait(desk.open_ticket(request))?;
    let history = scene.history(ACME, ticket.id())?;
    same("the raw message", history.first().and_then(|it| it.personal.text()), Some(raw))?;
    same("the raw thread", scene.thread(ACME, raw)?, Some(ticket.id()))?;
    same("the thread in another form", scene.thread(ACME, "  \u{e9} is not \u{e9}  ")?, None)?;
    let found: Vec<_> = scene.find(ACME, Query::newest().from(raw))?.iter().map(|it| it.id).collect();
    same("the ticket of the raw id", found, vec![ticket.id()])?;
    // A mebibyte of two-byte letters.
    let long = "ё".repeat(MAX_TEXT_BYTES / 2);
    let ticket = scene.wait(desk.open_ticket(NewTicket::new("Long").message(long.as_str())))?;
    let history = scene.history(ACME, ticket.id())?;
    let text = history.first().and_then(|it| it.personal.text());
    same("a mebibyte is read back whole", text == Some(long.as_str()), true)?;
    // Not every database can store NUL. Texts with NUL are refused before they reach the store, and a search for one
    // finds no row.
    refused("a subject with NUL", scene.wait(desk.open_ticket(NewTicket::new("No\0sound"))))?;
    refused("a note with NUL", scene.wait(desk.act(ticket.id(), Action::note("no\0"), anna())))?;
    same("a record of a key with NUL", scene.record(ACME, SAMPLE, "nul\0")?, None)?;
    let range = RecordRange::by_key(SAMPLE).starting_with("nul\0");
    same("records of keys with NUL", scene.records(ACME, range)?, Vec::new())
}
