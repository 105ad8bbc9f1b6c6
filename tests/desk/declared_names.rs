//! The names that a policy declares: kinds, channels, hold reasons, resolution codes and contact attributes.

use firstline::policy::FieldType;
use firstline::sla::{Agreement, Metric, Target};
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Channel, Condition, Contact, ContactRole, HoldReason, Kind, NewTicket, Policy, Query, StateKind,
    StepKind, TimeDelta, WorkflowDefinition,
};

use super::stage::{anna, on_each_store};

#[test]
fn a_misspelt_predefined_name_is_refused_with_a_suggestion() {
    on_each_store(|stage| {
        let request = || NewTicket::new("No sound").from("boris");
        let error = stage.desk.open_ticket(request().channel(Channel::from("emial"))).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("did you mean \"email\"?"), "{error}");
        let error = stage.desk.open_ticket(request().kind(Kind::from("incidnet"))).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("did you mean \"incident\"?"), "{error}");
        let id = stage.open();
        let error = stage.refuses(id, |desk| desk.act(id, Action::Kind(Kind::from("Problem")), anna()));
        assert!(error.is_invalid() && error.to_string().contains("did you mean \"problem\"?"), "{error}");
        let error = stage.refuses(id, |desk| desk.act(id, Action::hold("Customer"), anna()));
        assert!(error.is_invalid() && error.to_string().contains("did you mean \"customer\"?"), "{error}");
        // A custom name is accepted.
        stage.does(id, Action::hold("the weather").and(Action::Kind(Kind::from("complaint"))));
    });
}

#[test]
fn a_pause_for_a_misspelt_reason_is_refused() {
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4));
    let paused = target.pause_on([HoldReason::from("costumer")]);
    let error = Policy::new().agreement(Agreement::new("it", 1).target(paused)).check().unwrap_err();
    assert!(error.to_string().contains("did you mean \"customer\"?"), "{error}");
}

#[test]
fn a_condition_on_an_unknown_state_is_refused() {
    on_each_store(|stage| {
        let query = Query::newest().matching(Condition::field("state").is("waiting"));
        let error = stage.desk.find(query).unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(
            error.to_string().contains("allowed: new, active, on_hold, resolved, closed, cancelled"),
            "{error}"
        );
        stage.desk.find(Query::newest().matching(Condition::field("state").is("on_hold"))).unwrap();
    });
}

/// A policy that declares names of every sort.
fn policy() -> Policy {
    Policy::new()
        .kinds(["complaint"])
        .channels(["kiosk"])
        .hold_reasons(["weather"])
        .resolution_codes(["solved", "duplicate"])
        .contact_attribute("tier", FieldType::choice(["gold", "silver"]))
        .contact_attribute("vip", FieldType::Bool)
}

#[test]
fn only_declared_and_predefined_names_are_accepted() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let request = || NewTicket::new("No sound").from("boris");
        let refused = |request: NewTicket| stage.desk.open_ticket(request).unwrap_err().to_string();
        assert_eq!(
            refused(request().kind(Kind::from("complain"))),
            "kind \"complain\" is not known (did you mean \"complaint\"?); allowed: complaint, incident, problem, \
             question, request, suggestion"
        );
        assert!(refused(request().channel(Channel::from("kisok"))).contains("did you mean \"kiosk\"?"));
        assert!(
            refused(request().channel(Channel::from("fax")))
                .starts_with("channel \"fax\" is not known; allowed: ")
        );
        let misspelt = NewTicket::new("No sound").from(Contact::new("boris").attribute("teir", "gold"));
        assert_eq!(
            refused(misspelt),
            "contact attribute `teir` is not known (did you mean \"tier\"?); allowed: tier, vip"
        );
        let wrong = refused(NewTicket::new("No sound").from(Contact::new("boris").attribute("vip", "yes")));
        assert!(wrong.starts_with("contact attribute `vip` does not take text values"), "{wrong}");

        let all = request().kind(Kind::from("complaint")).channel(Channel::from("kiosk"));
        let id = stage.desk.open_ticket(all).unwrap().id();
        let fails = |action: Action| {
            let error = stage.refuses(id, |desk| desk.act(id, action.clone(), anna()));
            // `why_not` knows the declared names too.
            let predicted = stage.desk.ticket(id).unwrap().why_not_by(&action, &anna()).unwrap();
            assert_eq!(predicted.reasons_in_words(), [error.to_string()]);
            assert!(error.is_invalid(), "{error}");
            error.to_string()
        };
        assert!(fails(Action::hold("wether")).contains("did you mean \"weather\"?"));
        assert!(fails(Action::resolve_as("tpyo", "done")).contains("allowed: duplicate, solved"));
        assert!(fails(Action::Kind(Kind::from("praise"))).contains("\"praise\" is not known"));
        let eva = Contact::new("eva").attribute("teir", "gold");
        let eva = Action::Contact { contact: eva, role: ContactRole::Cc };
        assert!(fails(eva).contains("did you mean \"tier\"?"));
        stage.does(id, Action::hold("weather").and(Action::resolve_as("solved", "done")));
    });
}

#[test]
fn conditions_are_checked_against_the_declared_names() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        for (field, value, hint) in [
            ("kind", "complain", "did you mean \"complaint\"?"),
            ("channel", "kisok", "did you mean \"kiosk\"?"),
            ("resolution_code", "sovled", "did you mean \"solved\"?"),
            ("contact.teir", "gold", "did you mean \"contact.tier\"?"),
            ("line", "2nd", "allowed: first, second, third, external"),
        ] {
            let query = Query::newest().matching(Condition::field(field).is(value));
            let error = stage.desk.find(query).unwrap_err().to_string();
            assert!(error.contains(hint), "{field}: {error}");
        }
        let known = Condition::field("kind").one_of(["complaint", "incident"]);
        stage
            .desk
            .find(Query::newest().matching(known.and(Condition::field("contact.vip").is(true))))
            .unwrap();
        let by_type = Query::newest().matching(Condition::field("contact.vip").is("yes"));
        assert!(stage.desk.find(by_type).unwrap_err().to_string().contains("has type yes/no"));
    });
}

#[test]
fn the_names_of_workflows_are_checked_and_may_be_used() {
    let workflow = |reason: &str, kind: &str| {
        WorkflowDefinition::new("returns")
            .for_kind(kind)
            .status(Status::new("In", StateKind::New))
            .status(Status::new("Waiting", StateKind::OnHold).holding_for(reason))
            .status(Status::new("Out", StateKind::Resolved))
            .status(Status::new("Done", StateKind::Closed))
            .transition(Transition::step(StepKind::Hold, "In", "Waiting"))
            .transition(Transition::step(StepKind::Resolve, "In", "Out").or_from("Waiting"))
            .transition(Transition::step(StepKind::Close, "Out", "Done"))
    };
    let error = policy().workflow(workflow("wether", "complain")).check().unwrap_err().to_string();
    assert!(error.contains("\"weather\"") && error.contains("\"complaint\""), "{error}");
    policy().workflow(workflow("weather", "complaint")).check().unwrap();
    // Without declared names, a workflow may use its own, and a target may pause for them.
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4)).pause_on(["parcel"]);
    let own = Policy::new().workflow(workflow("parcel", "return"));
    own.agreement(Agreement::new("it", 1).target(target)).check().unwrap();
}

#[test]
fn declared_names_survive_the_store_and_a_file() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        assert_eq!(*stage.desk.setup().policy().unwrap(), policy());
    });
    let json = serde_json::to_string(&policy()).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy());
    assert!(!serde_json::to_string(&Policy::new()).unwrap().contains("names"));
}
