//! Two versions of the workflow, tickets on the first version, and the migration plan.

use firstline::sqlite::Sqlite;
use firstline::workflow::{Migration, Workflow};
use firstline::{Action, Actor, Desk, Kind, NewTicket, Policy, Result, TicketId, policy::FieldType};
use indicatif::ProgressBar;

/// Version 2 renames a status, and requires a category and a condition to enter `Inspection`.
fn returns(version: u32) -> Result<Workflow> {
    let (parcel, enter) = match version {
        1 => ("Awaiting parcel", "[]"),
        _ => ("Parcel on its way", r#"["category", "field.condition"]"#),
    };
    Workflow::from_json(&format!(
        r#"{{
            "name": "returns", "version": {version}, "kinds": ["return"],
            "statuses": [
                {{"name": "Requested", "state": "new"}},
                {{"name": "{parcel}", "state": "on_hold", "reason": "customer"}},
                {{"name": "Inspection", "state": "active", "enter": {enter}}},
                {{"name": "Refunded", "state": "resolved"}},
                {{"name": "Done", "state": "closed"}},
                {{"name": "Withdrawn", "state": "cancelled"}}
            ],
            "transitions": [
                {{"from": "Requested", "action": "hold", "to": "{parcel}"}},
                {{"from": "{parcel}", "action": "resume", "to": "Inspection"}},
                {{"from": "Inspection", "action": "resolve", "to": "Refunded"}},
                {{"from": "Refunded", "action": "reopen", "to": "Inspection"}},
                {{"from": "Refunded", "action": "confirm", "to": "Done"}},
                {{"from": "Refunded", "action": "close", "to": "Done"}},
                {{"from": ["Requested", "{parcel}"], "action": "cancel", "to": "Withdrawn"}}
            ]
        }}"#
    ))
}

fn policy(version: u32) -> Result<Policy> {
    let condition = FieldType::choice(["new", "used", "unknown"]);
    Ok(Policy::new().field("condition", condition).workflow(&returns(version)?))
}

/// An incomplete plan: it does not map `Awaiting parcel`, and does not fill in `field.condition`.
pub(crate) fn careless_plan() -> Migration {
    Migration::of("returns").from_version(1).to("returns", 2).fill("category", ["returns"])
}

/// The complete plan.
pub(crate) fn plan() -> Migration {
    careless_plan().map("Awaiting parcel", "Parcel on its way").fill("field.condition", "unknown")
}

/// Opens a thousand live tickets and some finished ones on version 1, then adopts version 2. Returns the live tickets
/// by age.
pub(crate) fn fill(desk: &Desk<Sqlite>, progress: &ProgressBar) -> Result<Vec<TicketId>> {
    desk.setup().adopt(&policy(1)?)?;
    let anna = Actor::agent("anna");
    let mut live = Vec::new();
    for place in 0.. {
        if live.len() == 1_000 {
            break;
        }
        let request = NewTicket::new("The lamp flickers").from("boris").kind(Kind::from("return"));
        let ticket = desk.open_ticket(request)?.id();
        let hold = || Action::hold("customer");
        let action = match place % 11 {
            0 => Action::cancel(),
            1..=4 => hold(),
            5 | 6 => hold().and(Action::resume()),
            7 => hold().and(Action::resume()).and(Action::category(["lamps"])),
            8 => hold().and(Action::resume()).and(Action::resolve("money back")),
            _ => Action::note("just in"),
        };
        desk.act(ticket, action, &anna)?;
        if place % 11 > 0 {
            live.push(ticket);
            progress.inc(1);
        }
    }
    progress.finish();
    desk.setup().adopt(&policy(2)?)?;
    Ok(live)
}
