//! The counters and times of a ticket, compared with values written by hand.

use firstline::{Action, HoldReason, Line, TimeDelta};

use super::stage::{anna, boris, on_each_store};

#[test]
fn a_ticket_counts_its_messages_reopenings_and_hand_overs() {
    on_each_store(|stage| {
        let begin = stage.now();
        let at = |hours: i64| begin + TimeDelta::hours(hours);
        let id = stage.open();
        let acts = [
            (1, anna(), Action::note("looks muted")),
            (2, anna(), Action::reply("Is it muted?").and(Action::hold(HoldReason::Customer))),
            (3, boris(), Action::reply("It was.")),
            (4, anna(), Action::resolve_as("muted", "It was muted.")),
            (5, boris(), Action::reply("But it is silent still.")),
            (6, anna(), Action::hand_over("network", Line::Second, "not muted")),
            (7, anna(), Action::reply("The cable was loose.").and(Action::resolve_as("cable", "The cable."))),
            (8, anna(), Action::reopen()),
            (9, anna(), Action::hand_over("desk", Line::First, "plugged in")),
            (10, anna(), Action::resolve("Plugged in.")),
            (11, boris(), Action::confirm()),
        ];
        for (hours, by, action) in acts {
            stage.time.set(at(hours));
            stage.desk.act(id, action, by).unwrap();
        }
        let ticket = stage.ticket(id);
        assert_eq!((ticket.opened_at, ticket.updated_at, ticket.state_since), (begin, at(11), at(11)));
        assert_eq!((ticket.first_replied_at, ticket.resolved_at), (Some(at(2)), Some(at(10))));
        assert_eq!(ticket.closed_at, Some(at(11)));
        assert_eq!(
            (ticket.messages_received, ticket.replies_sent),
            (3, 2),
            "the opening is the first message"
        );
        assert_eq!((ticket.reopens, ticket.handovers), (2, 2), "ending a wait is not a reopening");
        // The resolution is the one of the last `resolve`.
        assert_eq!((ticket.resolution_code, ticket.personal.resolution()), (None, Some("Plugged in.")));
        assert_eq!((ticket.team, ticket.line), (Some("desk".into()), Line::First));
        assert_eq!(ticket.version, stage.history(id).len() as u64);
    });
}

/// After a hand-over, the ticket has no assignee until somebody takes it.
#[test]
fn a_hand_over_removes_the_assignee() {
    on_each_store(|stage| {
        let id = stage
            .opened_and([Action::assign("anna"), Action::hand_over("network", Line::Second, "loose cable")]);
        assert_eq!(stage.ticket(id).assignee, None);
        let again = Action::hand_over("network", Line::Second, "loose cable");
        let error = stage.refuses(id, |desk| desk.act(id, again, anna()));
        assert!(
            error.to_string().starts_with("hand over is refused: network, 2nd line, has the ticket already"),
            "{error}"
        );
        // A ticket can go to another line of the same team, and to its next agent in the same action.
        let on = Action::hand_over("network", Line::Third, "broken cable").and(Action::assign("ben"));
        stage.does(id, on);
        let ticket = stage.ticket(id);
        assert_eq!((ticket.assignee, ticket.line, ticket.handovers), (Some("ben".into()), Line::Third, 2));
    });
}
