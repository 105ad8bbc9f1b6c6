//! Cases from the field: changes that people make to closed tickets.

use firstline::{Action, Actor, Contact, ContactRole, NewTicket, Query, StateKind, TicketId};

use super::stage::{Stage, anna, on_each_store};

fn closed(stage: &Stage) -> TicketId {
    let id = stage.desk.open_ticket(NewTicket::new("No sound").from("boris@old")).unwrap().id();
    stage.desk.act(id, Action::resolve("done").and(Action::close()), anna()).unwrap();
    id
}

#[test]
fn a_closed_ticket_accepts_notes_tags_and_a_category() {
    on_each_store(|stage| {
        let id = closed(stage);
        let later =
            Action::note("It was the driver.").and(Action::tag("driver")).and(Action::category(["audio"]));
        stage.does(id, later);
        assert_eq!(stage.ticket(id).state.kind(), StateKind::Closed);
    });
}

#[test]
fn a_closed_ticket_moves_to_the_merged_customer() {
    on_each_store(|stage| {
        let id = closed(stage);
        let merged = Action::Contact { contact: Contact::new("boris"), role: ContactRole::Requester };
        let merged = merged.and(Action::RemoveContact("boris@old".into()));
        stage.desk.act(id, merged, Actor::automation("crm")).unwrap();
        let found = stage.desk.find(Query::newest().from("boris")).unwrap().tickets;
        assert_eq!((found.len(), found[0].contacts.len()), (1, 1));
        assert!(stage.desk.find(Query::newest().from("boris@old")).unwrap().tickets.is_empty());
    });
}
