//! Tickets that are older than the policy in force.

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::sla::{Agreement, Metric, OnPolicyChange, Target};
use firstline::time::{ManualTime, TimeSource};
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Impact, Matrix, Modifier, NewTicket, Policy, Priority, StateKind, StepKind, TimeDelta, Urgency,
    WorkflowDefinition,
};

use super::stage::on_each_store;

/// A matrix with this number of levels on both scales and of priorities.
fn matrix(levels: usize, modifiers: &[&str]) -> Matrix {
    let names = |scale: &'static str| (1..=levels).map(move |level| format!("{scale}{level}"));
    let mut matrix = Matrix::define()
        .impacts(names("i"))
        .urgencies(names("u"))
        .priorities(names("p"))
        .default_impact("i1")
        .default_urgency("u1");
    for impact in 1..=levels {
        let row = (1..=levels).map(|urgency| (format!("u{urgency}"), format!("p{}", impact.max(urgency))));
        matrix = matrix.row(&format!("i{impact}"), row);
    }
    let modifiers = modifiers.iter().map(|name| Modifier::new(*name, Effect::Raise(1)));
    modifiers.fold(matrix, |matrix, modifier| matrix.modifier(modifier)).build().unwrap()
}

#[test]
fn a_smaller_matrix_does_not_freeze_the_priority_of_a_ticket() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().matrix(matrix(5, &["vip", "press"]))).unwrap();
        let (impact, urgency) = (Impact::new(5).unwrap(), Urgency::new(4).unwrap());
        let request = NewTicket::new("No sound").impact_and_urgency(impact, urgency);
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.does(id, Action::modifier("vip").and(Action::modifier("press")));
        assert_eq!(stage.ticket(id).priority(), Priority::P3);
        stage.desk.setup().adopt(&Policy::new().matrix(matrix(3, &[]))).unwrap();

        stage.does(id, Action::Urgency(Urgency::new(2).unwrap()));
        let ticket = stage.ticket(id);
        assert_eq!((ticket.assessment.impact(), ticket.priority()), (Impact::new(3).unwrap(), Priority::P3));
        let why = ticket.assessment.to_string();
        assert!(why.contains("impact i3 (given as 5, which the matrix does not have)"), "{why}");
        // The modifiers that no longer exist can be removed one by one, and the impact can be set again.
        stage.does(id, Action::Modifier { name: "vip".to_owned(), on: false });
        stage.does(id, Action::Modifier { name: "press".to_owned(), on: false });
        stage.does(id, Action::Impact(Impact::new(1).unwrap()));
        assert_eq!(stage.ticket(id).priority(), Priority::P2);
        // New input is checked as before.
        let error = stage
            .refuses(id, |desk| desk.act(id, Action::Impact(Impact::new(4).unwrap()), super::stage::anna()));
        assert!(error.is_invalid(), "{error}");
    });
}

#[test]
fn a_priority_set_by_hand_stays_within_a_smaller_matrix() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().matrix(matrix(5, &[]))).unwrap();
        let id = stage.opened_and([Action::override_priority(Priority::P5, "no hurry")]);
        stage.desk.setup().adopt(&Policy::new().matrix(matrix(3, &[]))).unwrap();
        stage.does(id, Action::Urgency(Urgency::new(2).unwrap()));
        let ticket = stage.ticket(id);
        assert_eq!(
            (ticket.priority(), ticket.assessment.manual_priority()),
            (Priority::P3, Some(Priority::P3))
        );
    });
}

/// A workflow in which work ends only with a serial number.
fn repairs(version: u32, demanded: Option<&str>) -> WorkflowDefinition {
    let work = Status::new("At work", StateKind::Active);
    let work = demanded.into_iter().fold(work, |work, field| work.leave(field));
    WorkflowDefinition::new("repairs")
        .version(version)
        .status(Status::new("In", StateKind::New))
        .status(work)
        .status(Status::new("Out", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .transition(Transition::step(StepKind::Start, "In", "At work"))
        .transition(Transition::step(StepKind::Resolve, "At work", "Out"))
        .transition(Transition::step(StepKind::Reopen, "Out", "At work"))
        .transition(Transition::step(StepKind::Close, "Out", "Done"))
}

#[test]
fn a_field_that_a_pinned_workflow_demands_can_still_be_filled() {
    on_each_store(|stage| {
        let first = Policy::new().field("serial", FieldType::Text).field("colour", FieldType::Text);
        stage.desk.setup().adopt(&first.workflow(repairs(1, Some("field.serial")))).unwrap();
        let id = stage.opened_and([Action::start()]);
        stage.desk.setup().adopt(&Policy::new().workflow(repairs(2, None))).unwrap();

        let error = stage.refuses(id, |desk| desk.act(id, Action::resolve("mended"), super::stage::anna()));
        assert!(error.to_string().contains("needs field.serial to be filled"), "{error}");
        stage.does(id, Action::field("serial", "4711").and(Action::resolve("mended")));
        let ticket = stage.ticket(id);
        assert_eq!(ticket.state.kind(), StateKind::Resolved);
        assert_eq!(ticket.personal.field("serial"), Some(&"4711".into()));
        // Other fields that the policy has dropped stay unknown.
        let error =
            stage.refuses(id, |desk| desk.act(id, Action::field("colour", "red"), super::stage::anna()));
        assert!(error.to_string().contains("is not declared"), "{error}");
    });
}

#[test]
fn what_the_events_say_of_adoptions_does_not_depend_on_ticks() {
    let policy = |name: &str, minutes| {
        let target = Target::new(Metric::Resolution).within(TimeDelta::minutes(minutes));
        Policy::new()
            .agreement(Agreement::new(name, 1).on_policy_change(OnPolicyChange::Migrate).target(target))
    };
    let histories = [false, true].map(|ticks| {
        let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
        let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
        desk.setup().adopt(&policy("one", 500)).unwrap();
        let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        time.advance(TimeDelta::minutes(10));
        desk.setup().adopt(&Policy::new().prefix("X")).unwrap();
        time.advance(TimeDelta::minutes(1));
        if ticks {
            assert_eq!(desk.tick(time.now()).unwrap().fired, 1);
        }
        desk.setup().adopt(&policy("two", 300)).unwrap();
        time.advance(TimeDelta::minutes(30));
        assert_eq!(desk.tick(time.now()).unwrap().failed.len(), 0);
        let history = desk.records().history(id).unwrap();
        let adopted = desk.ticket(id).unwrap().adopted;
        (
            history.iter().map(|event| (event.at, event.to_string(), event.adopted)).collect::<Vec<_>>(),
            adopted,
        )
    });
    assert_eq!(histories[0], histories[1]);
}
