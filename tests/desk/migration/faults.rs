//! Refused plans: every fault is reported at once, with the name that was probably meant.

use firstline::workflow::Migration;
use firstline::{ErrorKind, Kind, NewTicket};

use super::stage::{Stage, anna, on_each_store};
use super::world::{first, policy, second};

fn stage_of_two(stage: &Stage) {
    stage.desk.setup().adopt(&policy(first())).unwrap();
    for _ in 0..2 {
        let request = NewTicket::new("The lamp flickers").kind(Kind::from("return"));
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.does(id, firstline::Action::hold("customer"));
    }
    stage.later(firstline::TimeDelta::minutes(5));
    stage.desk.setup().adopt(&policy(second())).unwrap();
}

/// The faults of each plan.
#[test]
fn every_fault_of_a_plan_is_reported() {
    const LOST: &str = "\"Awaiting parcel\" (2 tickets) is not mapped to a status of returns v2 that is on_hold; \
                        available: \"Parcel on its way\"";
    let mapped = || {
        Migration::of("returns").from_version(1).to("returns", 2).map("Awaiting parcel", "Parcel on its way")
    };
    let cases: Vec<(Migration, Vec<&str>)> = vec![
        (mapped(), vec![]),
        (Migration::of("returns").from_version(1).to("returns", 2), vec![LOST]),
        (
            Migration::of("retruns").to("returns", 2),
            vec!["the workflow \"retruns\" is not known (did you mean \"returns\"?)"],
        ),
        (mapped().from_version(7), vec!["returns v7 is not known; known versions: v1, v2"]),
        (mapped().to("returns", 3), vec!["returns v3 is not in force, but returns v2 is"]),
        (mapped().to("retuns", 2), vec!["the workflow \"retuns\" is not known (did you mean \"returns\"?)"]),
        (Migration::of("returns").from_version(2), vec!["the plan moves returns v2 to itself"]),
        (
            mapped().map("Inspektion", "Inspection"),
            vec!["the status \"Inspektion\" of returns v1 is not known (did you mean \"Inspection\"?)"],
        ),
        (
            mapped().map("Awaiting parcel", "Parcel on it's way"),
            vec![
                "the status \"Parcel on it's way\" of returns v2 is not known (did you mean \"Parcel on its way\"?)",
                LOST,
            ],
        ),
        (
            mapped().map("Awaiting parcel", "Inspection"),
            vec![
                "\"Awaiting parcel\" is on_hold and \"Inspection\" is active: a migration cannot change the state",
                LOST,
            ],
        ),
        (mapped().map("Done", "Done"), vec!["\"Done\" is closed: finished tickets stay on their version"]),
        (
            mapped().fill("categry", ["x"]),
            vec![
                "fill \"categry\": categry cannot be filled in by a plan; allowed: category, assignee, team, field.NAME",
                "fill \"categry\": no status of returns v2 requires it on entering (did you mean \"category\"?)",
            ],
        ),
        (
            mapped().fill("category", "returns"),
            vec![
                "fill \"category\": category does not take a text; allowed: a list of names, from general to specific",
            ],
        ),
        (
            mapped().fill("field.condition", "broken"),
            vec![
                "fill \"field.condition\": field `condition` does not take \"broken\" (text); allowed: one of: new, unknown, used",
            ],
        ),
        (
            mapped().fill("field.note", "x"),
            vec!["fill \"field.note\": no status of returns v2 requires it on entering"],
        ),
    ];
    on_each_store(|stage| {
        stage_of_two(stage);
        for (plan, faults) in &cases {
            let rehearsal = stage.desk.setup().preview(plan).unwrap();
            assert_eq!(rehearsal.faults, *faults, "{plan:?}");
            if !faults.is_empty() {
                let error = stage.desk.setup().migrate(plan, anna()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Definition);
                assert_eq!(error.to_string(), format!("the migration was refused: {}", faults.join("\n")));
                assert_eq!(error.migration_preview(), Some(&rehearsal));
            }
        }
        // The plan without a fault is carried out.
        assert_eq!(stage.desk.setup().migrate(&cases[0].0, anna()).unwrap().counts.tickets, 2);
    });
}

#[test]
fn all_faults_are_reported_at_once() {
    on_each_store(|stage| {
        stage_of_two(stage);
        let plan = Migration::of("returns")
            .from_version(1)
            .map("Awaitng parcel", "Parcel on its way")
            .map("Inspection", "Checked");
        let plan = plan.fill("field.condition", 3).fill("requester", "boris");
        let faults = stage.desk.setup().preview(&plan).unwrap().faults;
        assert_eq!(
            faults,
            [
                "fill \"field.condition\": field `condition` does not take \"3\" (integer); allowed: one of: new, unknown, used",
                "fill \"requester\": requester cannot be filled in by a plan; allowed: category, assignee, team, field.NAME",
                "the status \"Awaitng parcel\" of returns v1 is not known (did you mean \"Awaiting parcel\"?)",
                "the status \"Checked\" of returns v2 is not known",
                "fill \"requester\": no status of returns v2 requires it on entering",
                "\"Awaiting parcel\" (2 tickets) is not mapped to a status of returns v2 that is on_hold; available: \"Parcel on its way\"",
            ]
        );
    });
}

#[test]
fn a_removed_workflow_is_not_in_force() {
    on_each_store(|stage| {
        stage_of_two(stage);
        stage.later(firstline::TimeDelta::minutes(5));
        stage.desk.setup().adopt(&firstline::Policy::new()).unwrap();
        let faults = stage.desk.setup().preview(&Migration::of("simple").to("returns", 2)).unwrap().faults;
        assert_eq!(faults, ["the workflow \"returns\" is not in force: adopt a policy with it first"]);
    });
}

#[test]
fn a_plan_round_trips_through_json() {
    let plan =
        Migration::of("returns").from_version(1).to("returns", 2).map("a", "b").fill("category", ["x", "y"]);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Migration>(&json).unwrap(), plan);
    assert_eq!(toml::from_str::<Migration>(&toml::to_string(&plan).unwrap()).unwrap(), plan);
    assert!(serde_json::from_str::<Migration>(r#"{"from": "a", "to": "b", "status": {}}"#).is_err());
}
