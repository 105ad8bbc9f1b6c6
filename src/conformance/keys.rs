//! Idempotency keys.

use chrono::TimeDelta;

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, refused, same};
use super::scene::{ACME, Scene, anna, later, ticket_id};
use crate::definition::Fingerprint;
use crate::error::ErrorKind;
use crate::store::{Commit, KeptReceipt, Query};
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;

pub(super) fn first_result<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let request = NewTicket::new("No sound").from("boris").once("form-1");
    let first = scene.wait(desk.open_ticket(request.clone()))?;
    let reply = || desk.act(first.id(), Action::reply("Unmute it."), anna().once("click-1"));
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
        let other = desk.act(first.id(), Action::reply("Restart it."), anna().once("click-1"));
        same("the key of another reply", refused("it", scene.wait(other))?.kind(), ErrorKind::KeyReused)?;
    }
    same("all tickets", scene.find(ACME, Query::oldest())?.len(), 1)?;
    same("the version", scene.sound(ACME, first.id())?.version, 3)?;
    // A command that was refused keeps no key.
    let wrong = desk.act(first.id(), Action::start(), anna().once("click-2"));
    refused("a step that the lifecycle forbids", scene.wait(wrong))?;
    same("the receipt of what was refused", scene.receipt(ACME, "click-2")?, None)
}

pub(super) fn expiry<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let receipt = |key: &str, request: &str, expires| KeptReceipt {
        key: key.into(),
        request: Fingerprint::of(request),
        ticket: ticket_id(1),
        before: 0,
        after: 9,
        expires: later(expires),
    };
    let keep = |receipt: &KeptReceipt| {
        scene.put(ACME, Commit { receipt: Some(receipt.clone()), ..Commit::default() })
    };
    let [old, edge, young] =
        [("old", 10), ("edge", 20), ("young", 30)].map(|(key, at)| receipt(key, "it", at));
    for it in [&old, &edge, &young] {
        keep(it)?;
    }
    let renewed = receipt("old", "something else", 11);
    keep(&renewed)?;
    same("a receipt in place of one with its key", scene.receipt(ACME, "old")?.map(|it| *it), Some(renewed))?;
    let forget = Commit { forget_receipts_before: Some(later(20)), ..Commit::default() };
    scene.put(ACME, forget)?;
    same("a receipt that expired before", scene.receipt(ACME, "old")?, None)?;
    same("a receipt that expires at that instant", scene.receipt(ACME, "edge")?.map(|it| *it), Some(edge))?;
    same("a receipt that expires later", scene.receipt(ACME, "young")?.map(|it| *it), Some(young))?;
    // And by the desk's own clock.
    let desk = scene.desk(ACME);
    let request = NewTicket::new("No sound").once("form-1");
    let first = scene.wait(desk.open_ticket(request.clone()))?.id();
    scene.time.advance(TimeDelta::days(29));
    same("within its time", scene.wait(desk.open_ticket(request.clone()))?.id(), first)?;
    scene.time.advance(TimeDelta::days(2));
    let second = scene.wait(desk.open_ticket(request))?.id();
    same("after its time the key is free", second == first, false)
}
