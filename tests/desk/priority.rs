//! The priority of a ticket follows its inputs unless it was set by hand, and explains itself.

use firstline::priority::Effect;
use firstline::{
    Action, Condition, Contact, ContactRole, Impact, Line, Matrix, Modifier, NewTicket, Policy, Priority,
    TicketId, Urgency,
};

use super::stage::{Stage, anna, on_each_store};

fn modifiers() -> Policy {
    let matrix = Matrix::itil()
        .to_definition()
        .modifier(
            Modifier::new("VIP customer", Effect::Raise(1)).when(Condition::field("contact.vip").is(true)),
        )
        .modifier(Modifier::new("on the 3rd line", Effect::AtLeast(Priority::P2)).when(third_line()))
        .modifier(Modifier::new("reputational damage", Effect::AtLeast(Priority::P1)))
        .build()
        .unwrap();
    Policy::new().matrix(matrix)
}

fn third_line() -> Condition {
    Condition::field("line").is("third")
}

fn priority(stage: &Stage, id: TicketId) -> Priority {
    stage.ticket(id).priority()
}

#[test]
fn a_changed_input_changes_the_priority() {
    on_each_store(|stage| {
        let id = stage.open();
        assert_eq!(
            stage.ticket(id).assessment.to_string(),
            "P3: impact medium (by default) x urgency medium (by default) gives P3"
        );
        stage.does(id, Action::Urgency(Urgency::HIGH));
        assert_eq!(priority(stage, id), Priority::P2);
        stage.does(id, Action::Impact(Impact::HIGH));
        assert_eq!(priority(stage, id), Priority::P1);
        let again = stage.desk.act(id, Action::Impact(Impact::HIGH), anna()).unwrap();
        assert!(again.events.is_empty(), "an action without effect has no event");
    });
}

#[test]
fn a_priority_set_by_hand_stays_until_it_is_withdrawn() {
    on_each_store(|stage| {
        let id = stage.open();
        stage.does(id, Action::override_priority(Priority::P1, "the director asked"));
        assert_eq!(priority(stage, id), Priority::P1);
        stage.does(id, Action::Urgency(Urgency::LOW).and(Action::Impact(Impact::LOW)));
        let assessment = stage.ticket(id).assessment;
        assert_eq!((assessment.priority(), assessment.computed()), (Priority::P1, Priority::P5));
        assert_eq!(
            assessment.to_string(),
            "P1: set by hand, instead of P5; impact low x urgency low gives P5"
        );
        stage.does(id, Action::ClearOverride);
        assert_eq!(priority(stage, id), Priority::P5);
        // The reason is kept in the personal part of the event.
        let history = stage.history(id);
        let reasons: Vec<_> = history.iter().filter_map(|event| event.personal.text()).collect();
        assert_eq!(reasons, ["the director asked"]);
    });
}

#[test]
fn attributes_of_the_requester_change_the_priority() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&modifiers()).unwrap();
        let vip = Contact::new("boris").attribute("vip", true);
        let id = stage.desk.open_ticket(NewTicket::new("No sound").from(vip.clone())).unwrap().id();
        assert_eq!(priority(stage, id), Priority::P2);
        let reasons = stage.ticket(id).assessment.to_string();
        assert!(reasons.ends_with(r#""VIP customer" raises it by 1 to P2"#), "{reasons}");

        // The requester is no longer a VIP. Then a VIP becomes the requester.
        let plain = Action::Contact {
            contact: Contact::new("boris").attribute("vip", false),
            role: ContactRole::Requester,
        };
        stage.does(id, plain);
        assert_eq!(priority(stage, id), Priority::P3);
        let heir = Contact::new("olga").attribute("vip", true);
        stage.does(id, Action::Contact { contact: heir, role: ContactRole::Requester });
        assert_eq!(priority(stage, id), Priority::P2);
        assert_eq!(stage.ticket(id).contacts[&"boris".into()], ContactRole::Affected);
        // A VIP in copy has no effect.
        let other = NewTicket::new("No sound").from("olga").contact(vip, ContactRole::Cc);
        let other = stage.desk.open_ticket(other).unwrap().id();
        assert_eq!(priority(stage, other), Priority::P3);
    });
}

#[test]
fn a_hand_over_changes_the_priority_if_a_modifier_depends_on_it() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&modifiers()).unwrap();
        let id = stage.open();
        stage.does(id, Action::hand_over("kernel", Line::Third, "cannot be muted"));
        assert_eq!(priority(stage, id), Priority::P2);
        stage.does(id, Action::hand_over("desk", Line::First, "can be muted"));
        assert_eq!(priority(stage, id), Priority::P3);
        assert_eq!(stage.ticket(id).handovers, 2);
    });
}

#[test]
fn a_named_modifier_can_be_added_and_removed() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&modifiers()).unwrap();
        let id = stage.open();
        let off = || Action::Modifier { name: "reputational damage".to_owned(), on: false };
        let error = stage.refuses(id, |desk| desk.act(id, off(), anna()));
        assert!(
            error.to_string().contains(r#"the ticket does not have the modifier "reputational damage""#),
            "{error}"
        );
        stage.does(id, Action::modifier("reputational damage"));
        assert_eq!(priority(stage, id), Priority::P1);
        stage.does(id, off());
        assert_eq!(priority(stage, id), Priority::P3);

        let error = stage.refuses(id, |desk| desk.act(id, Action::modifier("reputational damge"), anna()));
        assert_eq!(
            error.to_string(),
            "modifier \"reputational damge\" is not known (did you mean \"reputational damage\"?); \
             allowed: VIP customer, on the 3rd line, reputational damage"
        );
        let error = stage.refuses(id, |desk| desk.act(id, Action::Impact(Impact::new(4).unwrap()), anna()));
        assert_eq!(
            error.to_string(),
            "impact 4 is not in the matrix; allowed: 1 (high), 2 (medium), 3 (low)"
        );
    });
}

/// After a change of policy, the ticket keeps its modifier, and other actions on it are still accepted.
#[test]
fn a_ticket_with_a_removed_modifier_can_still_be_worked_on() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&modifiers()).unwrap();
        let id = stage.opened_and([Action::modifier("reputational damage")]);
        stage.desk.setup().adopt(&Policy::new()).unwrap();
        stage.does(id, Action::tag("audio"));
        stage.does(id, Action::assign("ben"));
        assert_eq!(priority(stage, id), Priority::P1);
        stage.does(id, Action::Modifier { name: "reputational damage".to_owned(), on: false });
        assert_eq!(priority(stage, id), Priority::P3);
    });
}
