//! Automatic transitions: after messages, ends of holds, and silence. If no transition is possible, the ticket
//! stays and nothing is lost.

use firstline::lifecycle::RejectionReason;
use firstline::ticket::timer::TimerKind;
use firstline::workflow::{Performer, Status, Transition};
use firstline::{Action, Change, InboundMessage, Kind, NewTicket, StateKind, StepKind, TicketId, TimeDelta};

use super::request;
use super::stage::{Stage, boris, on_each_store};

fn message() -> InboundMessage {
    InboundMessage::new("Where is my money?").from("boris").thread("chat-1").opens(described())
}

fn described() -> NewTicket {
    NewTicket::new("The lamp flickers").kind(Kind::from("return"))
}

fn opened_and(stage: &Stage, actions: impl IntoIterator<Item = Action>) -> TicketId {
    let id = stage.desk.receive(message()).unwrap().ticket.id();
    actions.into_iter().for_each(|action| stage.does(id, action));
    id
}

fn adopted(stage: &Stage) {
    stage.desk.setup().adopt(&super::policy()).unwrap();
}

fn last(stage: &Stage, id: TicketId) -> Change {
    stage.desk.records().history(id).unwrap().pop().unwrap().change
}

#[test]
fn a_message_resumes_although_fields_are_missing() {
    on_each_store(|stage| {
        adopted(stage);
        // Inspection demands a category. A message cannot set one and must still be kept.
        let id = opened_and(stage, [Action::hold("customer")]);
        let receipt = stage.desk.receive(message()).unwrap();
        assert_eq!((receipt.ticket.status(), receipt.ticket.id()), ("Inspection", id));
    });
}

#[test]
fn a_message_that_cannot_reopen_stops_the_silence_timer() {
    on_each_store(|stage| {
        adopted(stage);
        let rejected = Action::category(["lamp"])
            .and(Action::start())
            .and(Action::resolve("It was dropped.").with_status("Rejected"));
        let id = opened_and(stage, [rejected]);
        let receipt = stage.desk.receive(message()).unwrap();
        assert_eq!((receipt.ticket.status(), receipt.ticket.messages_received), ("Rejected", 2));
        let text = receipt.events.last().unwrap().to_string();
        assert!(text.contains("left it as it is, although nobody objected: reopen is for agent"), "{text}");
        stage.time.advance(TimeDelta::days(30));
        assert!(stage.desk.tick(stage.now()).unwrap().failed.is_empty());
        assert_eq!(stage.ticket(id).state.kind(), StateKind::Resolved);
        assert!(stage.desk.ticket(id).unwrap().timers().is_empty());
    });
}

#[test]
fn silence_closes_if_programs_may_close_and_otherwise_the_timer_expires() {
    on_each_store(|stage| {
        adopted(stage);
        let (refunded, rejected) = (resolved_with(stage, "Refunded"), resolved_with(stage, "Rejected"));
        stage.time.advance(TimeDelta::days(4));
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 2);
        assert_eq!(stage.desk.ticket(refunded).unwrap().status(), "Expired");
        assert_eq!(stage.desk.ticket(rejected).unwrap().status(), "Rejected");
        assert!(matches!(
            last(stage, rejected),
            Change::TimerExpired { timer: TimerKind::VerificationEnds, .. }
        ));
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 0, "an expired timer does not fire again");
    });
}

fn resolved_with(stage: &Stage, status: &str) -> TicketId {
    let id = stage.desk.open_ticket(request()).unwrap().id();
    let resolve = Action::resolve_as("refund", "done").with_status(status);
    stage.does(id, Action::category(["lamp"]).and(Action::start()).and(resolve));
    id
}

#[test]
fn a_hold_ends_although_only_agents_may_resume_and_fields_are_missing() {
    on_each_store(|stage| {
        adopted(stage);
        let until = stage.now() + TimeDelta::hours(2);
        let id = opened_and(stage, [Action::hold_until("third_party", until)]);
        assert_eq!(stage.desk.ticket(id).unwrap().status(), "With the carrier");
        stage.time.advance(TimeDelta::days(1));
        assert!(stage.desk.tick(stage.now()).unwrap().failed.is_empty());
        let ticket = stage.desk.ticket(id).unwrap();
        assert_eq!((ticket.status(), ticket.state_since), ("Inspection", until));
    });
}

#[test]
fn a_hold_without_a_transition_stays_and_its_timer_expires() {
    on_each_store(|stage| {
        let mut stuck = super::returns();
        stuck
            .transitions
            .retain(|it| !(it.action.to_string() == "resume" && it.from[0] == "With the carrier"));
        let out = firstline::workflow::Transition::step(
            firstline::StepKind::Cancel,
            "With the carrier",
            "Withdrawn",
        );
        stage
            .desk
            .setup()
            .adopt(
                &firstline::Policy::new()
                    .field("amount", firstline::policy::FieldType::Integer)
                    .workflow(stuck.transition(out)),
            )
            .unwrap();
        let id = opened_and(stage, [Action::hold_until("third_party", stage.now() + TimeDelta::hours(2))]);
        stage.time.advance(TimeDelta::days(1));
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 1);
        let ticket = stage.desk.ticket(id).unwrap();
        assert_eq!((ticket.status(), ticket.timers().len()), ("With the carrier", 0));
        let history = stage.desk.records().history(id).unwrap();
        let event = history.last().unwrap();
        let Change::TimerExpired { step, status, reasons, .. } = &event.change else { panic!("{event}") };
        assert_eq!((*step, &**status), (StepKind::Resume, "With the carrier"));
        assert_eq!(*reasons, [RejectionReason::NoTransition { to: None, available: Vec::new() }]);
        let sentence = "left it as it is, although the hold ended: no resume leads from \"With the carrier\"";
        assert!(event.to_string().ends_with(sentence), "{event}");
    });
}

/// Regression: when a requester wrote and named a status in one action, the message reopened the ticket.
#[test]
fn a_message_does_not_undo_a_move_in_the_same_action() {
    on_each_store(|stage| {
        let verified = |status: Status| super::returns().status(status);
        let workflow = verified(Status::new("Accepted", StateKind::Resolved))
            .transition(Transition::within("Refunded", "Accepted").may(Performer::Requester))
            .transition(Transition::step(StepKind::Reopen, "Accepted", "Inspection"))
            .transition(Transition::step(StepKind::Confirm, "Accepted", "Done"));
        stage.desk.setup().adopt(&super::with(workflow)).unwrap();
        let refund =
            Action::category(["lamp"]).and(Action::start()).and(Action::resolve_as("refund", "paid"));
        let id = opened_and(stage, [refund]);
        let thanks = Action::reply("Thank you.").with_status("Accepted");
        let receipt = stage.desk.act(id, thanks, boris()).unwrap();
        assert_eq!(receipt.ticket.status(), "Accepted");
    });
}
