//! Imports into the statuses of a custom workflow, with the names of the statuses in the other system.

use crate::histories;

use firstline::policy::FieldType;
use firstline::workflow::{Status, Transition, preset};
use firstline::*;
use histories::*;

/// Incidents follow `itil`, and orders follow `orders`.
fn policy() -> Policy {
    let orders = WorkflowDefinition::new("orders")
        .for_kind("order")
        .status(Status::new("Ordered", StateKind::New))
        .status(Status::new("Packing", StateKind::Active).by_default())
        .status(Status::new("Sending", StateKind::Active))
        .status(Status::new("Later", StateKind::OnHold))
        .status(Status::new("Delivered", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .status(Status::new("Cancelled", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Ordered", "Packing"))
        .transition(Transition::within("Packing", "Sending"))
        .transition(Transition::step(StepKind::Hold, "Packing", "Later"))
        .transition(Transition::step(StepKind::Resume, "Later", "Packing"))
        .transition(Transition::step(StepKind::Resolve, "Sending", "Delivered"))
        .transition(Transition::step(StepKind::Reopen, "Delivered", "Packing"))
        .transition(Transition::step(StepKind::Close, "Delivered", "Done"))
        .transition(Transition::step(StepKind::Confirm, "Delivered", "Done"))
        .transition(Transition::step(StepKind::Cancel, "Ordered", "Cancelled"));
    Policy::new().field("serial", FieldType::Text).workflow(preset::itil()).workflow(orders)
}

fn desk_with_workflows() -> Desk<Engine> {
    let desk = desk();
    desk.setup().adopt(&policy()).unwrap();
    desk
}

/// The labels of the events, each with its version in the other system.
fn labels(history: &[Event]) -> Vec<(u32, String)> {
    let origins = history.iter().filter_map(|event| event.origin.as_ref());
    origins.filter_map(|it| Some((it.version, it.label.clone()?))).collect()
}

/// The status after each version.
fn statuses(history: &[Event]) -> Vec<String> {
    let versions = history.iter().filter_map(|it| it.origin.as_ref()).map(|it| it.version).max().unwrap();
    let until = |version| {
        let last = history.iter().rposition(|it| it.origin.as_ref().is_some_and(|it| it.version <= version));
        Snapshot::fold(&history[..=last.unwrap()]).unwrap().status().to_owned()
    };
    (1..=versions).map(until).collect()
}

#[test]
fn a_version_can_name_a_status_of_the_workflow() {
    let desk = desk_with_workflows();
    let until = Some(at("2030-01-01T00:00:00Z"));
    let (ticket, history) = imported(
        &desk,
        ticket(
            "1",
            [
                version(0).kind(Kind::Incident).workflow_status("Registered"),
                version(1).workflow_status("Classified"),
                version(2).workflow_status("Escalated"),
                version(3).workflow_status("Awaiting change"),
                version(4)
                    .status(state::OnHold { reason: HoldReason::Customer, until })
                    .workflow_status("Awaiting customer"),
                version(5).workflow_status("Verified").resolution("Restarted."),
                version(6).workflow_status("Closed"),
            ],
        ),
    );
    let expected = [
        "Registered",
        "Classified",
        "Escalated",
        "Awaiting change",
        "Awaiting customer",
        "Verified",
        "Closed",
    ];
    assert_eq!(statuses(&history), expected);
    assert_eq!(ticket.workflow_ref().name.as_ref(), "itil");
    assert_eq!((ticket.irregular, ticket.personal.resolution()), (0, Some("Restarted.")));
    let reasons: Vec<_> = ticket::intervals(&history).into_iter().filter_map(|it| it.reason).collect();
    assert_eq!(reasons, [HoldReason::from("change"), HoldReason::Customer]);
    let moved: Vec<_> = steps(&history).into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(moved[1], "status_changed");
}

#[test]
fn an_imported_ticket_can_be_worked_on_in_its_status() {
    let desk = desk_with_workflows();
    let (ticket, _) =
        imported(&desk, ticket("1", [version(0).kind("order".into()).workflow_status("Packing")]));
    let sent = desk.act(ticket.id(), Action::move_to("Sending"), Actor::agent("anna")).unwrap();
    assert_eq!(sent.ticket.status(), "Sending");
    let found = desk.find(Query::newest().matching(Condition::field("status").is("Sending"))).unwrap();
    assert_eq!(found.tickets.len(), 1);
}

#[test]
fn states_without_a_status_lead_to_a_status_of_that_state() {
    let desk = desk_with_workflows();
    let (ticket, history) = imported(
        &desk,
        ticket(
            "1",
            [
                version(0).kind("order".into()).workflow_status("Sending"),
                // The status fits the state, so it stays.
                version(1).status(state::Active),
                version(2).status(state::OnHold { reason: HoldReason::ThirdParty, until: None }),
                version(3).status(state::Active),
                version(4).unmapped("lost"),
                version(5).status(state::Resolved::default()),
            ],
        ),
    );
    assert_eq!(statuses(&history), ["Sending", "Sending", "Later", "Packing", "Packing", "Delivered"]);
    assert_eq!(ticket.irregular, 2);
}

#[test]
fn a_ticket_follows_the_workflow_from_the_first_version_that_names_a_status() {
    let desk = desk_with_workflows();
    let versions = vec![
        version(0).kind(Kind::Incident),
        version(1).status(state::Active),
        version(2).workflow_status("Escalated"),
        version(3).status(state::Resolved::default()),
        // Another kind has another workflow.
        version(4).kind("order".into()).status(state::Closed),
    ];
    let (whole, expected) = imported(&desk, ticket("1", versions.clone()));
    assert_eq!((whole.status(), whole.workflow_ref().name.as_ref()), ("Done", "orders"));
    let start = Snapshot::fold(&expected[..2]).unwrap();
    assert_eq!((start.status(), start.placement.as_ref()), ("active", None));
    for cut in 1..versions.len() {
        let name = format!("in pieces {cut}");
        imported(&desk, ticket(&name, versions[..cut].to_vec()));
        let (pieces, history) = imported(&desk, ticket(&name, versions.clone()));
        assert_eq!(steps(&history), steps(&expected), "{cut}");
        assert_eq!(pieces.placement, whole.placement);
    }
}

#[test]
fn a_longer_import_keeps_the_version_of_its_workflow() {
    let desk = desk_with_workflows();
    let first = || vec![version(0).kind("order".into()).workflow_status("Packing")];
    let (before, _) = imported(&desk, ticket("1", first()));
    let orders = policy().workflows()[1].clone();
    let renamed = orders.version(2).status(Status::new("Lost", StateKind::Cancelled));
    let renamed = renamed.transition(Transition::step(StepKind::Cancel, "Packing", "Lost"));
    desk.setup().adopt(&Policy::new().workflow(renamed)).unwrap();
    let more = [first(), vec![version(1).workflow_status("Sending")]].concat();
    let (after, _) = imported(&desk, ticket("1", more.clone()));
    assert_eq!((after.status(), after.workflow_ref()), ("Sending", before.workflow_ref()));
    let unknown = [more, vec![version(2).workflow_status("Lost")]].concat();
    let done = desk.records().import([ticket("1", unknown)]).unwrap();
    assert!(done.refused[0].1.to_string().contains("\"Lost\" is not known"), "{:?}", done.refused);
}

#[test]
fn wrong_statuses_are_refused_with_a_hint() {
    let desk = desk_with_workflows();
    let order = |version: ImportedVersion| version.kind("order".into());
    let hold = |reason| state::OnHold { reason, until: None };
    for (version, expected) in [
        (
            order(version(0)).workflow_status("Paking"),
            "version 1: status \"Paking\" is not known (did you mean \"Packing\"?) in the workflow orders v1; allowed: \
             Ordered, Packing, Sending, Later, Delivered, Done, Cancelled",
        ),
        (
            order(version(0)).workflow_status("Packing").status(state::Closed),
            "version 1: status \"Packing\" is not a status for closed; allowed: the state active, or no state",
        ),
        (
            order(version(0)).workflow_status("Later"),
            "version 1: status \"Later\" does not say why the ticket is on hold; allowed: the state on hold with a \
             reason, in addition to the name of the status",
        ),
        (
            version(0).workflow_status("Awaiting customer").status(hold(HoldReason::ThirdParty)),
            "version 1: status \"Awaiting customer\" is not a status for on hold (third party); allowed: the state on \
             hold for customer, or no state",
        ),
        (
            order(version(0)).workflow_status("Packing").resolution("Sent."),
            "version 1: resolution is set on a version that is not resolved; allowed: a resolution only together with \
             the status resolved",
        ),
        (
            order(version(0)).workflow_status("Packing").unmapped("?"),
            "version 1: status is both unmapped and a status of the workflow; allowed: one of them",
        ),
        (
            version(0).label("Waiting"),
            "version 1: label is set on a version without a status; allowed: a label only together with a status",
        ),
    ] {
        let done = desk.records().import([ticket("1", [version])]).unwrap();
        assert_eq!(done.refused[0].1.to_string(), expected);
    }
    // In a desk without workflows, the states are the statuses.
    let (simple, _) = imported(&self::desk(), ticket("1", [version(0).workflow_status("active")]));
    assert_eq!((simple.status(), simple.placement.as_ref()), ("active", None));
}

#[test]
fn the_label_of_every_row_is_kept_even_if_the_row_repeats_the_status() {
    let desk = desk();
    let resolved = || state::Resolved::default();
    let rows = [
        version(0).status(state::New).label("Assign seriousness"),
        version(1).status(state::Active).label("Take in charge ticket"),
        version(2).status(state::Active).label("Take in charge ticket"),
        version(3).status(state::Active).label("Create SW anomaly").assigned_to("ben"),
        version(4).unmapped("-100").label("-100"),
        version(5).unmapped("-100").label("-100 again"),
        version(6).status(resolved()).label("Resolve ticket"),
        version(7).status(resolved()).label("RESOLVED"),
        version(7).status(resolved()).label("VERIFIED"),
        version(8).status(resolved()).label("DUPLICATE").resolution("Twice."),
        version(9).status(state::Closed).label("Closed"),
        version(9).status(state::Closed).label("Closed"),
    ];
    let names: Vec<_> = rows
        .iter()
        .map(|it| serde_json::to_value(it).unwrap()["label"].as_str().unwrap().to_owned())
        .collect();
    let (ticket, history) = imported(&desk, ticket("1", rows));
    assert_eq!(labels(&history), (1..).zip(names).collect::<Vec<_>>());
    assert_eq!((ticket.resolved_at, ticket.closed_at), (Some(minute(8)), Some(minute(9))));
    let states: Vec<_> = ticket::intervals(&history).iter().map(|it| (it.state, it.since)).collect();
    let expected = [
        (StateKind::New, minute(0)),
        (StateKind::Active, minute(1)),
        (StateKind::Resolved, minute(6)),
        (StateKind::Closed, minute(9)),
    ];
    assert_eq!(states, expected);
    // Without labels, rows that change nothing leave no events.
    let (_, history) = imported(
        &desk,
        self::ticket("2", [version(0).status(state::Active), version(1).status(state::Active)]),
    );
    assert_eq!(history.len(), 2);
}

/// A ticket with every setting, so that each is in the round trip.
fn complete() -> ImportedTicket {
    let all = version(0)
        .status(state::OnHold { reason: HoldReason::Customer, until: Some(minute(9)) })
        .workflow_status("Later")
        .label("Wartet")
        .message(Message::new("Hello").attach("a.png", "image/png", 4, "key"))
        .note("Internal")
        .subject("No sound")
        .from(Contact::new("boris").named("Boris").attribute("vip", true).attribute("score", 15))
        .contact("clara", ContactRole::Cc)
        .channel(Channel::Chat)
        .kind("order".into())
        .category(["a", "b"])
        .tags(["x", "y"])
        .field("serial", Some("1"))
        .field("count", Some(2))
        .field("gone", None::<Value>)
        .impact(Impact::HIGH)
        .urgency(Urgency::LOW)
        .modifiers(["vip"])
        .team("first")
        .line(Line::Second)
        .assigned_to("anna");
    let resolved = version(1)
        .status(state::Resolved { closes_at: Some(minute(30)), ..Default::default() })
        .resolution("Done")
        .resolution_code("user")
        .no_team()
        .unassigned()
        .field("serial", None::<Value>)
        .category(Vec::<String>::new())
        .tags(Vec::<String>::new())
        .modifiers(Vec::<String>::new());
    ticket("1", [all, resolved, version(2).status(state::Closed), version(3).unmapped("-100")])
        .clocks(import::ImportClocks::From(minute(0)))
}

/// Regression: a cleared field was lost in TOML, which has no empty values.
#[test]
fn every_setting_of_an_imported_ticket_round_trips() {
    for original in [complete(), complete().clocks(import::ImportClocks::Never), ticket("2", [version(0)])] {
        let json = serde_json::to_string(&original).unwrap();
        assert_eq!(serde_json::from_str::<ImportedTicket>(&json).unwrap(), original, "{json}");
        let toml = toml::to_string(&original).unwrap();
        assert_eq!(toml::from_str::<ImportedTicket>(&toml).unwrap(), original, "{toml}");
    }
    // The last call for a field wins.
    let cleared = version(0).field("serial", Some("1")).field("serial", None::<Value>);
    assert_eq!(cleared, version(0).field("serial", None::<Value>));
    assert_eq!(cleared.field("serial", Some("1")), version(0).field("serial", Some("1")));
}
