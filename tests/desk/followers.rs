//! Agents who follow a ticket.

use firstline::{Action, ActionKind, Actor, Change, Condition, GroupBy, Query, StateKind, Story, TicketId};

use super::stage::{Stage, anna, boris, on_each_store, rejection};

fn followed(stage: &Stage, query: Query) -> Vec<TicketId> {
    stage.desk.find(query).unwrap().tickets.iter().map(|ticket| ticket.id()).collect()
}

#[test]
fn an_agent_follows_and_unfollows() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::follow("anna"), Action::follow("ben")]);
        let version = stage.ticket(id).version;
        stage.does(id, Action::follow("ben").and(Action::unfollow("carol")));
        assert_eq!(stage.ticket(id).version, version, "nothing changed");
        assert_eq!(stage.ticket(id).followers, ["anna".into(), "ben".into()].into());
        stage.does(id, Action::unfollow("anna"));
        assert_eq!(stage.ticket(id).followers, ["ben".into()].into());
        stage.does(id, Action::undo());
        assert_eq!(stage.ticket(id).followers, ["anna".into(), "ben".into()].into());
        let story = Story::of(&stage.history(id)).to_string();
        for sentence in ["anna follows it", "anna added ben as a follower", "anna no longer follows it"] {
            assert!(story.contains(sentence), "{story}");
        }
        let changes = stage.history(id);
        assert!(changes.iter().any(|it| it.change == Change::Followed { agent: "ben".into() }));
    });
}

#[test]
fn every_store_finds_the_tickets_of_a_follower() {
    on_each_store(|stage| {
        let mut ids: Vec<TicketId> = (0..7).map(|_| stage.open()).collect();
        for (n, id) in ids.iter().enumerate() {
            stage.does(*id, Action::follow(if n % 2 == 0 { "anna" } else { "ben" }));
        }
        stage.does(ids[1], Action::follow("anna"));
        stage.does(ids[2], Action::unfollow("anna"));
        stage.does(ids[4], Action::resolve("done"));
        let of_anna = [ids[0], ids[1], ids[4], ids[6]];
        assert_eq!(followed(stage, Query::oldest().followed_by("anna")), of_anna);
        assert_eq!(followed(stage, Query::oldest().followed_by("anna").state(StateKind::Resolved)), [ids[4]]);
        assert_eq!(followed(stage, Query::oldest().followed_by("anna").contact("boris")), of_anna);
        assert_eq!(followed(stage, Query::oldest().followed_by("anna").contact("clara")), []);
        assert_eq!(followed(stage, Query::oldest().followed_by("Anna")), []);
        assert_eq!(followed(stage, Query::oldest().followed_by("nul\0")), []);
        let tagged = Condition::field("followers").contains("anna");
        assert_eq!(followed(stage, Query::oldest().matching(tagged)), of_anna);
        let [states] = stage.desk.count(Query::newest().followed_by("anna"), [GroupBy::State]).unwrap();
        assert_eq!(states, [("new".to_owned(), 3), ("resolved".to_owned(), 1)].into());

        // Page by page, each ticket once.
        let mut found = Vec::new();
        let mut query = Query::newest().followed_by("anna").limit(2);
        loop {
            let page = stage.desk.find(query.clone()).unwrap();
            found.extend(page.tickets.iter().map(|ticket| ticket.id()));
            let Some(next) = page.next else { break };
            query = query.after(next);
        }
        ids.reverse();
        assert_eq!(found, of_anna.into_iter().rev().collect::<Vec<_>>());
    });
}

#[test]
fn contacts_can_neither_follow_nor_add_followers() {
    on_each_store(|stage| {
        let id = stage.open();
        let error = stage.refuses(id, |desk| desk.act(id, Action::follow("boris"), boris()));
        assert_eq!(rejection(&error).action, ActionKind::Follow);
        assert!(error.to_string().starts_with("follow is for agents and programs;"), "{error}");
        let stranger = Actor::contact("stranger");
        let error = stage.refuses(id, |desk| desk.act(id, Action::follow("stranger"), stranger));
        assert!(error.is_not_found(), "{error}");
        stage.desk.act(id, Action::follow("anna"), Actor::automation("rules")).unwrap();
    });
}

#[test]
fn the_followers_of_a_ticket_are_bounded() {
    on_each_store(|stage| {
        let id = stage.open();
        let many = Action::All((0..200).map(|n| Action::follow(format!("agent-{n}"))).collect());
        stage.does(id, many);
        let error = stage.refuses(id, |desk| desk.act(id, Action::follow("one more"), anna()));
        assert!(error.is_invalid() && error.to_string().contains("at most 200"), "{error}");
        let error = stage.refuses(id, |desk| desk.act(id, Action::follow(""), anna()));
        assert!(error.is_invalid(), "{error}");
    });
}
