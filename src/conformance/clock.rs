//! Timers and instants.

use chrono::{DateTime, TimeDelta, Utc};

use super::Candidate;
use super::alike::alike;
use super::failure::{Checked, refused, same};
use super::scene::{ACME, Scene, anna, complete, edited, later, open, opening, paged, ticket_id};
use crate::desk::Worker;
use crate::error::Result;
use crate::lifecycle::HoldReason;
use crate::lifecycle::state::{OnHold, Resolved};
use crate::store::{DueTicket, DueTimer, TicketWrite};
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;
use crate::ticket::timer::TimerKind;

pub(super) fn replaced<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let desk = scene.desk(ACME);
    let id = scene.wait(desk.open_ticket(NewTicket::new("No sound").from("boris")))?.id();
    let other = scene.wait(desk.open_ticket(NewTicket::new("No light").from("boris")))?.id();
    let does = |ticket, action| scene.wait(desk.act(ticket, action, anna()));
    let far = later(100 * 86_400);
    let timers = |what: &str, wanted: &[(TimerKind, DateTime<Utc>)]| -> Checked {
        let due = scene.due(ACME, far, None, 100)?;
        let found: Vec<_> =
            due.iter().filter(|it| it.ticket == id).map(|it| (it.timer.kind, it.timer.due)).collect();
        same(format_args!("timers {what}"), found, wanted.to_vec())
    };
    does(other, Action::hold_until(HoldReason::Scheduled, later(50)))?;
    timers("of a new ticket", &[])?;
    does(id, Action::hold_until(HoldReason::Scheduled, later(60)))?;
    timers("of a hold", &[(TimerKind::HoldEnds, later(60))])?;
    does(id, Action::hold_until(HoldReason::Scheduled, later(90)))?;
    timers("of another hold", &[(TimerKind::HoldEnds, later(90))])?;
    does(id, Action::tag("audio"))?;
    timers("after an unrelated change", &[(TimerKind::HoldEnds, later(90))])?;
    refused("a forbidden step", does(id, Action::start()))?;
    does(id, Action::resume())?;
    timers("after the hold", &[])?;
    does(id, Action::resolve("unmuted"))?;
    let closes = later(5 * 86_400);
    timers("of a resolution", &[(TimerKind::VerificationEnds, closes)])?;
    same("timers fired before their time", complete(scene.wait(desk.tick(later(10)))?)?, 0)?;
    same("timers fired", complete(scene.wait(desk.tick(closes))?)?, 2)?;
    timers("after they fired", &[])?;
    same("timers fired a second time", complete(scene.wait(desk.tick(far))?)?, 0)?;
    same("the time at which the ticket was closed", scene.sound(ACME, id)?.closed_at, Some(closes))
}

/// A ticket with a timer due after `seconds`: on hold if the number is even, resolved if odd.
fn waiting(number: u64, seconds: i64) -> Result<TicketWrite> {
    edited(open(number)?, |opened| {
        let at = Some(later(seconds));
        opened.state = match number % 2 {
            0 => OnHold { reason: HoldReason::Scheduled, until: at }.into(),
            _ => Resolved { closes_at: at, ..Resolved::default() }.into(),
        };
    })
}

pub(super) fn due<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let seconds = [70, 30, 50, 30, 30, 90, 10, 50, 30, 30];
    let tickets: Vec<_> = (1..).zip(seconds).map(|(n, at)| waiting(n, at)).collect::<Result<_>>()?;
    let mut all: Vec<DueTimer> = Vec::new();
    for write in &tickets {
        let due = |timer: &_| DueTimer { timer: Clone::clone(timer), ticket: write.snapshot.id };
        all.extend(write.timers.iter().map(due));
    }
    all.sort();
    scene.put(ACME, tickets.into_iter().rev().collect())?;
    for until in [9, 10, 29, 30, 69, 70, 1_000] {
        let wanted: Vec<_> = all.iter().filter(|it| it.timer.due <= later(until)).cloned().collect();
        for limit in [1, 2, 3, 4, 100] {
            let what = format!("timers due by second {until}, {limit} at a time");
            let found = paged(limit, |after| scene.due(ACME, later(until), after, limit))?;
            same(what, &found, &wanted)?;
        }
    }
    Ok(())
}

pub(super) fn due_tickets<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let mut all = Vec::new();
    for (desk, offset) in [("beta", 0), ("acme", 5), ("Гамма", 0)] {
        for (n, seconds) in (1..).zip([70, 30, 50, 30, 90]) {
            let write = waiting(n, seconds + offset)?;
            all.push(DueTicket {
                due: later(seconds + offset),
                desk: desk.into(),
                ticket: write.snapshot.id,
            });
            scene.put(desk, [write].into_iter().collect())?;
        }
    }
    all.sort();
    for until in [29, 30, 75, 1_000] {
        let wanted: Vec<_> = all.iter().filter(|it| it.due <= later(until)).cloned().collect();
        for limit in [1, 2, 3, 100] {
            let what = format!("tickets due by second {until}, {limit} at a time");
            let found = paged(limit, |after| scene.due_tickets(later(until), after, limit))?;
            same(what, &found, &wanted)?;
        }
    }
    let worker = Worker::over(scene.lent());
    same("timers that a worker fired", complete(scene.wait(worker.tick(later(1_000)))?)?, 15)?;
    same("timers fired by a second run of the worker", complete(scene.wait(worker.tick(later(1_000)))?)?, 0)?;
    same("tickets due after the worker ran", scene.due_tickets(later(1_000), None, 100)?, Vec::new())
}

pub(super) fn micros<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let instants = [
        "1971-01-01T00:00:00.000001Z",
        "2026-03-29T01:59:59.999999Z",
        "2026-01-05T09:00:00.123456Z",
        "1969-07-20T20:17:40.654321Z",
        "2262-04-12T00:00:00.000007Z",
    ];
    for (number, text) in (1..).zip(instants) {
        let at: DateTime<Utc> =
            text.parse().map_err(|_| super::CheckFailure::new(text, "an instant", "none"))?;
        let until = at + TimeDelta::microseconds(1);
        let write = edited(opening(number, &NewTicket::new("No sound").from("boris"), at)?, |opened| {
            opened.state = OnHold { reason: HoldReason::Scheduled, until: Some(until) }.into();
        })?;
        let desk = format!("desk {number}");
        scene.put(&desk, [write.clone()].into_iter().collect())?;
        let ticket = scene.sound(&desk, ticket_id(number))?;
        alike(format_args!("a ticket opened at {text}"), &*ticket, &write.snapshot)?;
        same(
            "the instant of its first event",
            scene.history(&desk, ticket_id(number))?.first().map(|it| it.at),
            Some(at),
        )?;
        same("timers due a microsecond earlier", scene.due(&desk, at, None, 9)?.len(), 0)?;
        let due = scene.due(&desk, until, None, 9)?;
        same("timers due at that instant", due.iter().map(|it| it.timer.due).collect(), vec![until])?;
    }
    Ok(())
}
