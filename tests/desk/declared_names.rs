//! The names that a policy declares: kinds, channels, hold reasons, resolution codes and contact attributes.

use firstline::sla::{Agreement, Metric, Target};
use firstline::{Action, Channel, Condition, HoldReason, Kind, NewTicket, Policy, Query, TimeDelta};

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
        // A name of the desk's own is accepted.
        stage.does(id, Action::hold("the weather").and(Action::Kind(Kind::from("complaint"))));
    });
}

#[test]
fn a_pause_for_a_misspelt_reason_is_refused() {
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(4));
    let paused = target.pausing([HoldReason::from("costumer")]);
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
