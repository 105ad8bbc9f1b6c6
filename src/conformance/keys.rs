//! Idempotency keys.

use chrono::TimeDelta;

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, refused, same};
use super::scene::{ACME, Scene, anna};
use crate::error::ErrorKind;
use crate::id::IdempotencyKey;
use crate::store::Query;
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;

pub(super) fn first_result<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let request = NewTicket::new("No sound").from("boris").idempotency_key("form-1");
    let first = scene.wait(desk.open_ticket(request.clone()))?;
    let reply = || desk.act(first.id(), Action::reply("Unmute it."), anna().idempotency_key("click-1"));
    let replied = scene.wait(reply())?;
    scene.wait(desk.act(first.id(), Action::start(), anna()))?;
    for scene in [scene, &scene.twin()?] {
        let desk = scene.desk(ACME);
        let opened = scene.wait(desk.open_ticket(request.clone()))?;
        alike("the same opening again", opened.snapshot(), first.snapshot())?;
        same("the same opening again is a repetition", opened.replayed(), true)?;
        let again = scene.wait(reply())?;
        same("the same reply again is a repetition", again.replayed, true)?;
        alike("the ticket of the same reply again", again.ticket.snapshot(), replied.ticket.snapshot())?;
        alike("the events of the same reply again", &again.events, &replied.events)?;
        let other = refused(
            "the key of another opening",
            scene.wait(desk.open_ticket(request.clone().tag("other"))),
        )?;
        same("the key of another opening", other.kind(), ErrorKind::KeyReused)?;
        let other = desk.act(first.id(), Action::reply("Restart it."), anna().idempotency_key("click-1"));
        same("the key of another reply", refused("it", scene.wait(other))?.kind(), ErrorKind::KeyReused)?;
    }
    let digested = |key: &str, digest: &str| IdempotencyKey::new(key).with_digest(digest);
    let note = |text, digest| {
        desk.act(first.id(), Action::note(text), anna().idempotency_key(digested("n", digest)))
    };
    let noted = scene.wait(note("Looked into it.", "d1"))?;
    let again = scene.wait(note("Looked into it again.", "d1"))?;
    same("another note with the same digest is a repetition", again.replayed, true)?;
    alike("the events of the note", &again.events, &noted.events)?;
    let other = refused("the same note with another digest", scene.wait(note("Looked into it.", "d2")))?;
    same("the same note with another digest", other.kind(), ErrorKind::KeyReused)?;
    same("all tickets", scene.find(ACME, Query::oldest())?.len(), 1)?;
    same("the version", scene.sound(ACME, first.id())?.version, 4)?;
    // A refused command stores no receipt.
    let wrong = desk.act(first.id(), Action::start(), anna().idempotency_key("click-2"));
    refused("a step that the lifecycle forbids", scene.wait(wrong))?;
    same("the receipt of a refused command", scene.receipt(ACME, "click-2")?, None)
}

pub(super) fn expiry<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let request = NewTicket::new("No sound").idempotency_key("form-1");
    let first = scene.wait(desk.open_ticket(request.clone()))?.id();
    scene.time.advance(TimeDelta::days(29));
    same(
        "the ticket of a repeated request, before the receipt expires",
        scene.wait(desk.open_ticket(request.clone()))?.id(),
        first,
    )?;
    scene.time.advance(TimeDelta::days(2));
    let second = scene.wait(desk.open_ticket(request.clone()))?.id();
    same("the first ticket again, after the receipt expired", second == first, false)?;
    same("the ticket of the repeated second request", scene.wait(desk.open_ticket(request))?.id(), second)
}
