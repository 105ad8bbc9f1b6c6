//! The time that agents record on tickets.

use firstline::sla::{Agreement, Metric, Target};
use firstline::workflow::preset;
use firstline::{
    Action, ActionKind, Actor, Change, CommandOptions, Condition, Contact, ContactRole, Kind, NewTicket,
    Policy, Query, RejectionReason, Story, TicketId, TimeDelta,
};

use super::stage::{Stage, anna, boris, on_each_store, rejection};

fn minutes(stage: &Stage, id: TicketId) -> u32 {
    stage.ticket(id).minutes_spent
}

#[test]
fn a_ticket_has_the_sum_of_the_recorded_time() {
    on_each_store(|stage| {
        let id = stage.open();
        assert_eq!(minutes(stage, id), 0);
        stage.does(id, Action::time_spent(45).comment("Called the vendor."));
        stage.desk.act(id, Action::time_spent(20), Actor::agent("ben")).unwrap();
        stage
            .does(id, Action::reply("Unmute it.").and(Action::time_spent(5)).and(Action::resolve("unmuted")));
        assert_eq!(minutes(stage, id), 70);
        let recorded: Vec<_> = stage
            .history(id)
            .iter()
            .filter_map(|event| match event.change {
                Change::TimeSpent { minutes } => Some((event.by.who.to_string(), minutes)),
                _ => None,
            })
            .collect();
        assert_eq!(recorded, [("anna".to_owned(), 45), ("ben".to_owned(), 20), ("anna".to_owned(), 5)]);
        stage.desk.act(id, Action::confirm(), boris()).unwrap();
        stage.does(id, Action::time_spent(30));
        assert_eq!(minutes(stage, id), 100, "time can be recorded on a closed ticket");
        let story = Story::of(&stage.history(id)).to_string();
        assert!(story.contains("anna recorded 45 minutes of work"), "{story}");
    });
}

#[test]
fn time_is_corrected_by_a_negative_entry_or_by_undoing() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::time_spent(30), Action::time_spent(-10)]);
        assert_eq!(minutes(stage, id), 20);
        let error = stage.refuses(id, |desk| desk.act(id, Action::time_spent(-21), anna()));
        assert_eq!(
            error.to_string(),
            "time spent cannot be corrected by -21 minutes; allowed: at most the 20 minutes that were recorded",
        );
        stage.does(id, Action::undo());
        assert_eq!(minutes(stage, id), 30, "the correction is undone");
        for wrong in [0, i32::MIN, i32::MAX, 10_081, -10_081] {
            let error = stage.refuses(id, |desk| desk.act(id, Action::time_spent(wrong), anna()));
            assert!(error.is_invalid() && error.to_string().contains("1 to 10080 minutes"), "{error}");
        }
        stage.does(id, Action::time_spent(10_080));
        stage.does(id, Action::time_spent(-10_080).and(Action::time_spent(-30)));
        assert_eq!(minutes(stage, id), 0);
    });
}

#[test]
fn only_agents_record_time() {
    on_each_store(|stage| {
        let id = stage.open();
        for by in [boris(), Actor::automation("telephone")] {
            let no = stage.desk.ticket(id).unwrap().why_not_by(&Action::time_spent(5), &by).unwrap();
            let error = stage.refuses(id, |desk| desk.act(id, Action::time_spent(5), by));
            assert_eq!(*rejection(&error), no);
            assert_eq!(no.action, ActionKind::TimeSpent);
            assert!(no.to_string().starts_with("record time is for agents;"), "{no}");
        }
        let stranger = Actor::contact("stranger");
        let no = stage.desk.ticket(id).unwrap().why_not_by(&Action::time_spent(5), &stranger).unwrap();
        assert_eq!(no.reasons, [RejectionReason::NotFound { ticket: id }]);
        assert!(stage.refuses(id, |desk| desk.act(id, Action::time_spent(5), stranger)).is_not_found());
    });
}

#[test]
fn recorded_time_is_a_fact_for_queries_and_guards() {
    on_each_store(|stage| {
        let ids = [0, 15, 60].map(|minutes| {
            let id = stage.open();
            if minutes > 0 {
                stage.does(id, Action::time_spent(minutes));
            }
            id
        });
        let long = Condition::field("minutes_spent").at_least(15);
        let page = stage.desk.find(Query::oldest().matching(long)).unwrap();
        assert_eq!(page.tickets.iter().map(|it| it.id()).collect::<Vec<_>>(), ids[1..]);
        let none = Condition::field("minutes_spent").is(0);
        assert_eq!(stage.desk.find(Query::oldest().matching(none)).unwrap().tickets[0].id(), ids[0]);

        let guard = "time is recorded";
        let mut workflow = preset::simple();
        (workflow.name, workflow.kinds) = ("timed".to_owned(), ["incident".to_owned()].into());
        workflow = workflow.guard(guard, Condition::field("minutes_spent").at_least(1));
        let resolve = workflow.transitions.iter_mut().filter(|it| it.to == "resolved");
        resolve.for_each(|it| it.when.push(guard.to_owned()));
        stage.desk.setup().adopt(&Policy::new().workflow(workflow)).unwrap();
        let id = stage.desk.open_ticket(NewTicket::new("Slow").kind(Kind::Incident)).unwrap().id();
        let error = stage.refuses(id, |desk| desk.act(id, Action::resolve("done"), anna()));
        assert!(error.to_string().contains("time is recorded"), "{error}");
        stage.does(id, Action::time_spent(5).and(Action::resolve("done")));
    });
}

#[test]
fn recorded_time_changes_no_clock_and_causes_no_conflict() {
    on_each_store(|stage| {
        let target = |metric| Target::new(metric).within(TimeDelta::hours(2));
        let agreement = Agreement::new("standard", 1)
            .target(target(Metric::FirstReply))
            .target(target(Metric::Resolution));
        stage.desk.setup().adopt(&Policy::new().agreement(agreement)).unwrap();
        let id = stage.open();
        let before = stage.ticket(id);
        stage.later(TimeDelta::minutes(30));
        stage.does(id, Action::time_spent(25).and(Action::follow("ben")));
        let after = stage.ticket(id);
        assert_eq!(
            (&after.clocks, after.first_replied_at, after.due_at),
            (&before.clocks, None, before.due_at)
        );
        let note = CommandOptions::from(anna()).expected_version(before.version);
        stage.desk.act(id, Action::note("seen"), note).unwrap();

        // A message stopped the closing. Neither recorded time nor a follower starts it again.
        stage.does(id, Action::Contact { contact: Contact::new("clara"), role: ContactRole::Cc });
        stage.does(id, Action::resolve("done"));
        stage.desk.act(id, Action::reply("Thanks."), Actor::contact("clara")).unwrap();
        let stopped = stage.ticket(id).state;
        stage.does(id, Action::time_spent(5).and(Action::unfollow("ben")));
        assert_eq!(stage.ticket(id).state, stopped);
        stage.does(id, Action::note("seen").and(Action::time_spent(1)));
        assert_ne!(stage.ticket(id).state, stopped);
    });
}
