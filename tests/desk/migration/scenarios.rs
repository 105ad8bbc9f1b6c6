//! Scenarios of migrations.

use firstline::desk::Setup;
use firstline::sla::{Agreement, Metric, OnPolicyChange, Target};
use firstline::ticket::event::{DetailsChange, MigrationCause};
use firstline::workflow::{Migration, Placement};
use firstline::{
    Action, Change, Condition, HoldReason, Kind, NewTicket, Query, StateKind, TicketId, TimeDelta, Value,
};

use super::stage::{Stage, anna, boris, on_each_store};
use super::world::{check_migrated, first, policy, second};

fn opened(stage: &Stage) -> TicketId {
    let request = NewTicket::new("The lamp flickers").from("boris").kind(Kind::from("return"));
    stage.desk.open_ticket(request).unwrap().id()
}

fn plan() -> Migration {
    Migration::of("returns")
        .from_version(1)
        .to("returns", 2)
        .map("Awaiting parcel", "Parcel on its way")
        .fill("category", ["returns"])
        .fill("field.condition", "unknown")
}

/// Tickets in every status of the first version, in the order of its statuses. Then the second version is adopted.
fn returns(stage: &Stage) -> [TicketId; 6] {
    stage.desk.setup().adopt(&policy(first())).unwrap();
    let tickets: [TicketId; 6] = std::array::from_fn(|_| opened(stage));
    stage.does(tickets[1], Action::hold("customer"));
    stage.does(tickets[2], Action::start());
    stage.does(tickets[3], Action::resolve("money back"));
    stage.does(tickets[4], Action::resolve("money back").and(Action::close()));
    stage.does(tickets[5], Action::cancel());
    stage.later(TimeDelta::minutes(5));
    stage.desk.setup().adopt(&policy(second())).unwrap();
    tickets
}

#[test]
fn every_live_ticket_is_migrated_and_finished_ones_stay() {
    on_each_store(|stage| {
        let tickets = returns(stage);
        let before: Vec<_> = tickets.iter().map(|id| (stage.ticket(*id), stage.history(*id))).collect();
        let rehearsal = stage.desk.setup().preview(&plan()).unwrap();
        assert!(rehearsal.is_ready(), "{rehearsal}");
        assert_eq!(
            rehearsal.to_string(),
            "4 tickets would migrate to returns v2\
             \n       1 from \"Awaiting parcel\" to \"Parcel on its way\"\
             \n       1 from \"Inspection\" to \"Inspection\"\
             \n       1 from \"Refunded\" to \"Refunded\"\
             \n       1 from \"Requested\" to \"Requested\"\
             \n       1 with category filled in\
             \n       1 with field.condition filled in",
        );
        for (id, before) in tickets.iter().zip(&before) {
            assert_eq!((stage.ticket(*id), stage.history(*id)), *before, "a rehearsal writes nothing");
        }

        let migrated = stage.desk.setup().migrate(&plan(), anna()).unwrap();
        assert_eq!(migrated.counts, rehearsal.counts);
        assert_eq!(migrated.blocked.tickets, 0);
        for (id, (old, history)) in tickets.iter().zip(&before) {
            let (new, longer) = (stage.ticket(*id), stage.history(*id));
            check_migrated((old, history), (&new, &longer));
            assert_eq!(new.workflow_ref().version, if old.state.kind().is_final() { 1 } else { 2 });
        }
        assert_eq!(stage.ticket(tickets[1]).status(), "Parcel on its way");

        // The history shows what happened and who did it.
        let inspected = stage.history(tickets[2]);
        let [.., category, condition, transferred] = &inspected[..] else { panic!("{inspected:?}") };
        let described = |change| Change::DetailsChanged(Box::new(change));
        let of_category =
            DetailsChange { category: Some(vec!["returns".to_owned()]), ..DetailsChange::default() };
        assert_eq!(category.change, described(of_category));
        let fields = [("condition".to_owned(), Value::from("unknown"))].into();
        assert_eq!(condition.change, described(DetailsChange { fields, ..DetailsChange::default() }));
        let to = Placement {
            workflow: stage.ticket(tickets[2]).workflow_ref().clone(),
            status: "Inspection".into(),
        };
        let change = Change::WorkflowMigrated { to: Some(to), cause: MigrationCause::Migration };
        assert_eq!((&transferred.change, &transferred.by), (&change, &anna()));

        // A second migration changes nothing.
        let again = stage.desk.setup().migrate(&plan(), anna()).unwrap();
        assert_eq!((again.counts.tickets, stage.history(tickets[2])), (0, inspected));
        // The tickets can be worked on under the new version.
        let known = Action::category(["lamps"]).and(Action::field("condition", "new"));
        stage.does(tickets[1], known.clone().and(Action::resume()));
        stage.does(tickets[3], known.and(Action::reopen().comment("it broke again")));
    });
}

#[test]
fn a_ticket_that_lacks_a_demanded_field_blocks_the_whole_migration() {
    on_each_store(|stage| {
        let tickets = returns(stage);
        let plan = Migration::of("returns")
            .map("Awaiting parcel", "Parcel on its way")
            .fill("category", ["returns"]);
        let rehearsal = stage.desk.setup().preview(&plan).unwrap();
        assert_eq!((rehearsal.counts.tickets, rehearsal.blocked.tickets), (3, 1));
        let obstacle = &rehearsal.blocked.listed[0];
        assert_eq!((obstacle.ticket, obstacle.status.as_str()), (tickets[2], "Inspection"));
        assert_eq!(obstacle.missing, ["field.condition"]);
        let error = stage.refuses(tickets[0], |desk| desk.setup().migrate(&plan, anna()));
        assert!(error.is_rejected());
        assert_eq!(error.migration_preview(), Some(&rehearsal));
        assert_eq!(
            error.to_string(),
            "the migration was refused: T-3 in \"Inspection\" needs field.condition to enter \"Inspection\"",
        );
        // A field filled in by hand removes the obstacle and is kept.
        stage.does(tickets[2], Action::field("condition", "used").and(Action::category(["lamps"])));
        let migrated = stage.desk.setup().migrate(&plan, anna()).unwrap();
        assert_eq!((migrated.counts.tickets, migrated.counts.filled.len()), (4, 0));
        let ticket = stage.ticket(tickets[2]);
        assert_eq!(
            (ticket.field("condition"), &ticket.category[..]),
            (Some(&Value::from("used")), &["lamps".to_owned()][..])
        );
    });
}

#[test]
fn due_timers_fire_before_the_migration() {
    on_each_store(|stage| {
        let tickets = returns(stage);
        // Six days of silence without a tick: the resolved ticket has been closed since yesterday, so it stays.
        stage.later(TimeDelta::days(6));
        let rehearsal = stage.desk.setup().preview(&plan()).unwrap();
        assert_eq!(rehearsal.counts.tickets, 3);
        let migrated = stage.desk.setup().migrate(&plan(), anna()).unwrap();
        assert_eq!(migrated.counts, rehearsal.counts);
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 1);
        let closed = stage.ticket(tickets[3]);
        assert_eq!((closed.status(), closed.workflow_ref().version), ("Done", 1));
    });
}

#[test]
fn tickets_migrate_from_the_states_to_a_workflow_and_back_and_on_to_another() {
    on_each_store(|stage| {
        let setup = || -> Setup<'_, _> { stage.desk.setup() };
        setup().adopt(&policy(first()).prefix("A")).unwrap();
        let other = stage.open(); // A question, which keeps following the states.
        setup().adopt(&firstline::Policy::new()).unwrap();
        let id = opened(stage);
        stage.does(id, Action::start());
        assert_eq!(stage.ticket(id).placement, None);
        stage.later(TimeDelta::minutes(1));
        setup().adopt(&policy(second())).unwrap();

        let plan = Migration::of("simple").to("returns", 2).map("active", "Inspection");
        let plan = plan.fill("category", ["returns"]).fill("field.condition", "new");
        let rehearsal = setup().preview(&plan).unwrap();
        assert!(rehearsal.is_ready(), "{rehearsal}");
        assert_eq!(rehearsal.staying, [("question".to_owned(), 1)].into());
        let migrated = setup().migrate(&plan, anna()).unwrap();
        assert_eq!((migrated.counts.tickets, &migrated.staying), (1, &rehearsal.staying));
        assert_eq!((stage.ticket(id).status(), stage.ticket(other).status()), ("Inspection", "new"));

        // The ticket moves to another workflow, which now claims the kind.
        stage.later(TimeDelta::minutes(1));
        let mut parcels = second().version(1);
        parcels.name = "parcels".to_owned();
        setup().adopt(&policy(parcels)).unwrap();
        assert_eq!(
            setup().migrate(&Migration::of("returns").to("parcels", 1), anna()).unwrap().counts.tickets,
            1
        );
        assert_eq!(stage.ticket(id).workflow_ref().to_string(), "parcels v1");

        // The ticket returns to the states when the policy has no workflow any more.
        stage.later(TimeDelta::minutes(1));
        setup().adopt(&firstline::Policy::new()).unwrap();
        let plan = Migration::of("parcels").to("simple", 1).map("Inspection", "active");
        assert_eq!(setup().migrate(&plan, anna()).unwrap().counts.tickets, 1);
        let ticket = stage.ticket(id);
        assert_eq!((ticket.placement.as_ref(), ticket.status()), (None, "active"));
        stage.does(id, Action::resolve("money back"));
    });
}

#[test]
fn a_migration_does_not_change_the_reason_of_a_hold() {
    on_each_store(|stage| {
        let tickets = returns(stage);
        let mut third = second().version(3);
        third.statuses[1].reason = Some(HoldReason::ThirdParty);
        stage.later(TimeDelta::minutes(1));
        stage.desk.setup().adopt(&policy(third)).unwrap();
        let plan = plan().to("returns", 3);
        let error = stage.refuses(tickets[1], |desk| desk.setup().migrate(&plan, anna()));
        assert!(error.is_rejected());
        assert_eq!(
            error.to_string(),
            "the migration was refused: T-2 in \"Awaiting parcel\" waits for customer, and \"Parcel on its way\" is \
             for third party",
        );
    });
}

#[test]
fn contacts_may_not_migrate() {
    on_each_store(|stage| {
        let tickets = returns(stage);
        let error = stage.refuses(tickets[0], |desk| desk.setup().migrate(&plan(), boris()));
        assert_eq!(error.to_string(), "actor cannot migrate tickets; allowed: agents and programs");
        assert!(error.is_invalid());
    });
}

#[test]
fn assignee_and_team_are_filled_in_if_a_status_demands_them() {
    on_each_store(|stage| {
        let [_, _, id, ..] = returns(stage);
        let mut third = first().version(3);
        third.statuses[2] = third.statuses[2].clone().enter("assignee").enter("team");
        stage.later(TimeDelta::minutes(1));
        stage.desk.setup().adopt(&policy(third)).unwrap();
        let plan = Migration::of("returns").fill("assignee", "carla").fill("team", "returns");
        stage.desk.setup().migrate(&plan, anna()).unwrap();
        let ticket = stage.ticket(id);
        assert_eq!((ticket.assignee, ticket.team), (Some("carla".into()), Some("returns".into())));
    });
}

#[test]
fn tickets_are_found_by_workflow_version_status_and_code() {
    on_each_store(|stage| {
        let tickets = returns(stage);
        stage.does(tickets[2], Action::resolve_as("refund", "money back"));
        let found = |condition: Condition| {
            let page = stage.desk.find(Query::oldest().matching(condition)).unwrap();
            page.tickets.iter().map(|ticket| ticket.id()).collect::<Vec<_>>()
        };
        assert_eq!(found(Condition::field("workflow").is("returns")), tickets);
        assert_eq!(found(Condition::field("workflow_version").is(2)), []);
        assert_eq!(found(Condition::field("status").is("Refunded")), tickets[2..4]);
        assert_eq!(found(Condition::field("resolution_code").is("refund")), tickets[2..3]);
        let error = stage.desk.find(Query::oldest().matching(Condition::field("statu").is("x"))).unwrap_err();
        assert!(error.to_string().contains("did you mean"), "{error}");
        assert_eq!(stage.ticket(tickets[0]).state.kind(), StateKind::New);
    });
}

#[test]
fn a_batch_can_migrate_many_tickets_with_clocks_measured_from_history() {
    const TICKETS: u64 = 70; // More than a decision may load one after another.
    let agreed = |pauses: &[HoldReason]| {
        let target = Target::new(Metric::Resolution).within(TimeDelta::hours(100)).pause_on(pauses.to_vec());
        Agreement::new("standard", 1).target(target).on_policy_change(OnPolicyChange::Migrate)
    };
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy(first()).agreement(agreed(&[]))).unwrap();
        for _ in 0..TICKETS {
            let ticket = opened(stage);
            stage.does(ticket, Action::hold("customer"));
            stage.later(TimeDelta::minutes(1));
            stage.does(ticket, Action::resume());
        }
        stage.later(TimeDelta::minutes(5));
        stage.desk.setup().adopt(&policy(second()).agreement(agreed(&[HoldReason::Customer]))).unwrap();
        assert!(stage.desk.setup().preview(&plan()).unwrap().is_ready());
        let migrated = stage.desk.setup().migrate(&plan(), anna()).unwrap();
        assert_eq!(migrated.counts.tickets as u64, TICKETS);
        for number in 1..=TICKETS {
            let ticket = stage.desk.ticket(number).unwrap();
            let clock = ticket.clock(Metric::Resolution).unwrap();
            // The minute on hold no longer counts.
            let hold = TimeDelta::minutes(1);
            assert_eq!(clock.due_at, Some(ticket.opened_at + TimeDelta::hours(100) + hold));
        }
    });
}
