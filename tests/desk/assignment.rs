//! Assigning, handing over and taking.

use firstline::{Action, Actor, Line};

use super::stage::on_each_store;

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

#[test]
fn only_one_of_many_agents_takes_a_ticket_and_the_others_see_its_owner() {
    on_each_store(|stage| {
        let id = stage.open();
        let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
            let agents: Vec<_> = (0..8)
                .map(|n| {
                    scope.spawn(move || {
                        let taken = stage.desk.act(id, Action::take(), Actor::agent(format!("agent-{n}")));
                        taken.map(drop).map_err(|error| error.to_string())
                    })
                })
                .collect();
            agents.into_iter().map(|agent| agent.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1, "{results:?}");
        let owner = stage.ticket(id).assignee.unwrap();
        let expected = format!("take is refused: the ticket is assigned to {owner}");
        assert!(
            results.iter().filter_map(|it| it.as_ref().err()).all(|it| it.starts_with(&expected)),
            "{results:?}"
        );
        // Taking a ticket again changes nothing, and only agents take tickets.
        let again = stage.desk.act(id, Action::take(), Actor::agent(owner)).unwrap();
        assert!(again.events.is_empty());
        let error = stage.refuses(id, |desk| desk.act(id, Action::take(), Actor::automation("bot")));
        assert!(error.to_string().starts_with("assign is for agents"), "{error}");
    });
}
