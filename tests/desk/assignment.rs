//! Assigning, handing over and taking.

use firstline::{Action, Line};

use super::stage::{anna, on_each_store};

#[test]
fn a_hand_over_with_an_assignment_means_the_same_in_both_orders() {
    on_each_store(|stage| {
        let over = || Action::hand_over("network", Line::Second, "loose cable");
        for action in [over().and(Action::assign("ben")), Action::assign("ben").and(over())] {
            let id = stage.opened_and([Action::assign("anna")]);
            stage.does(id, action);
            let ticket = stage.ticket(id);
            assert_eq!((ticket.assignee, ticket.team), (Some("ben".into()), Some("network".into())));
        }
        for action in [over().and(Action::unassign()), Action::unassign().and(over()), over()] {
            let id = stage.opened_and([Action::assign("anna")]);
            stage.does(id, action);
            assert_eq!(stage.ticket(id).assignee, None);
        }
    });
}
