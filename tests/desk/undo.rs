//! Corrections: a command is undone, and a ticket that was cancelled as spam is restored.

use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::sla::{Agreement, ClockState, Metric, Target};
use firstline::ticket::intervals;
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Actor, Condition, Contact, ContactRole, HoldReason, Impact, ImportedTicket, ImportedVersion,
    InboundMessage, Kind, Line, LinkKind, Machine, Matrix, Modifier, NewTicket, Policy, Priority, Snapshot,
    StateKind, StepKind, TicketId, TimeDelta, WorkflowDefinition, state,
};

use proptest::prelude::*;

use super::soak;
use super::stage::{AnyStore, Stage, anna, boris, on_each_store, rejection};

fn ben() -> Actor {
    Actor::agent("ben")
}

fn policy() -> Policy {
    let target = |metric, hours| Target::new(metric).within(TimeDelta::hours(hours));
    let agreement = Agreement::new("standard", 1)
        .target(target(Metric::FirstReply, 2))
        .target(target(Metric::Resolution, 10).warn_at([50]));
    Policy::new().agreement(agreement)
}

/// The ticket without the values that an undoing changes on purpose.
fn facts(ticket: &Snapshot) -> Snapshot {
    let mut facts = ticket.clone();
    (facts.version, facts.updated_at, facts.touched_at, facts.undone) = (0, ticket.opened_at, None, 0);
    facts.adopted = None;
    facts
}

#[track_caller]
pub(super) fn undo_is_refused(stage: &Stage, id: TicketId, by: Actor, why: &str) {
    let asked = stage.desk.reports().why_not(id, Action::undo(), &by).unwrap();
    let error = stage.refuses(id, |desk| desk.act(id, Action::undo(), by));
    assert!(error.is_rejected() && error.to_string().contains(why), "{error}");
    assert_eq!(asked.as_ref(), error.rejection(), "`why_not` and the attempt agree");
}

/// Cases from the field: tickets that were closed or cancelled by mistake.
#[test]
fn an_agent_undoes_a_closing_and_a_cancellation_by_mistake() {
    on_each_store(|stage| {
        for slip in [Action::resolve("done").and(Action::close()), Action::cancel().comment("spam")] {
            let id = stage.open();
            let before = stage.ticket(id);
            stage.does(id, slip);
            stage.later(TimeDelta::minutes(1));
            stage.does(id, Action::undo());
            let ticket = stage.ticket(id);
            assert_eq!((&ticket.state, ticket.undone), (&before.state, 1));
            assert_eq!((ticket.resolved_at, ticket.closed_at, ticket.reopens), (None, None, 0));
            assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), ticket);
            // The history keeps all events, and work on the ticket continues.
            let sentence = stage.history(id).last().unwrap().to_string();
            assert!(sentence.starts_with("anna took back the command of 2026-01-05 09:0"), "{sentence}");
            stage.does(id, Action::start().and(Action::resolve("muted")));
        }
    });
}

#[test]
fn undo_reverts_every_part_of_the_last_command_and_nothing_else() {
    on_each_store(|stage| {
        let (other, id) = (stage.open(), stage.open());
        stage.does(id, Action::note("first").and(Action::tag("kept")).and(Action::assign("anna")));
        let before = stage.ticket(id);
        let everything = Action::note("second")
            .and(Action::subject("Another subject"))
            .and(Action::Kind(Kind::Incident))
            .and(Action::category(["audio"]))
            .and(Action::untag("kept"))
            .and(Action::tag("new"))
            .and(Action::Contact { contact: Contact::new("eva").named("Eva"), role: ContactRole::Requester })
            .and(Action::hand_over("network", Line::Second, "loose cable"))
            .and(Action::Impact(Impact::HIGH))
            .and(Action::override_priority(Priority::P1, "the press is here"))
            .and(Action::link(LinkKind::DuplicateOf, other))
            .and(Action::hold(HoldReason::Customer));
        stage.does(id, everything);
        assert_eq!(stage.links(other).len(), 1);
        stage.does(id, Action::undo());
        let after = stage.ticket(id);
        let mut expected = facts(&before);
        expected.state_since = after.state_since;
        assert_eq!(facts(&after), expected);
        assert!(stage.links(other).is_empty() && stage.links(id).is_empty());
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), after);
    });
}

#[test]
fn undo_reverts_one_command_even_if_several_have_the_same_instant() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::tag("first"), Action::tag("second")]);
        stage.does(id, Action::undo());
        assert_eq!(stage.ticket(id).tags.into_iter().collect::<Vec<_>>(), ["first"]);
        undo_is_refused(stage, id, anna(), "the last command was itself a correction");
    });
}

#[test]
fn undo_is_refused_after_another_person_has_acted() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::start()]);
        undo_is_refused(stage, id, ben(), "anna has acted since");
        stage.desk.act(id, Action::note("I know this one."), ben()).unwrap();
        undo_is_refused(stage, id, anna(), "ben has acted since");
        // A link from another ticket and a warning are not acts on this ticket.
        let (id, other) = (stage.opened_and([Action::tag("slip")]), stage.open());
        stage.desk.act(other, Action::link(LinkKind::DuplicateOf, id), ben()).unwrap();
        stage.does(id, Action::undo());
        assert!(stage.ticket(id).tags.is_empty());
        assert_eq!(stage.links(id).len(), 1, "the link of the other ticket stays");
    });
}

/// The workflow of the time before the command was not loaded, and the undoing failed as corrupt.
#[test]
fn undo_of_a_change_of_kind_returns_to_a_workflow_that_was_replaced_or_removed() {
    let repairs = |version| {
        WorkflowDefinition::new("repairs")
            .version(version)
            .for_kind(Kind::Incident)
            .status(Status::new("Reported", StateKind::New))
            .status(Status::new("Done", StateKind::Resolved))
            .status(Status::new("Closed", StateKind::Closed))
            .transition(Transition::step(StepKind::Resolve, "Reported", "Done"))
            .transition(Transition::step(StepKind::Close, "Done", "Closed"))
    };
    for later in [Policy::new().workflow(repairs(2)), Policy::new()] {
        on_each_store(|stage| {
            stage.desk.setup().adopt(&Policy::new().workflow(repairs(1))).unwrap();
            let request = NewTicket::new("It is broken").from("boris").kind(Kind::Incident);
            let id = stage.desk.open_ticket(request).unwrap().id();
            stage.does(id, Action::Kind(Kind::Question));
            stage.desk.setup().adopt(&later).unwrap();
            assert_eq!(stage.desk.reports().why_not(id, Action::undo(), anna()).unwrap(), None);
            stage.does(id, Action::undo());
            let ticket = stage.ticket(id);
            assert_eq!((ticket.status(), ticket.workflow_ref().version), ("Reported", 1));
        });
    }
}

/// Undoing a command lost the name of a status of another system.
#[test]
fn undo_restores_an_unmapped_status() {
    on_each_store(|stage| {
        let at = |hours| stage.now() - TimeDelta::hours(hours);
        let version = |hours| ImportedVersion::new(at(hours), boris());
        let ticket = ImportedTicket::new("old desk", "4711")
            .version(version(9).subject("No sound").from("boris").status(state::New))
            .version(version(8).unmapped("Waiting for parts"));
        stage.desk.records().import([ticket]).unwrap();
        let id = stage.desk.ticket(1).unwrap().id();
        stage.does(id, Action::start());
        assert_eq!(stage.ticket(id).unmapped_status, None);
        stage.does(id, Action::undo());
        assert_eq!(stage.ticket(id).unmapped_status.as_deref(), Some("Waiting for parts"));
    });
}

/// An out-of-office notice has no effect, so it does not stand in the way of a correction.
#[test]
fn an_automatic_reply_does_not_block_undo() {
    on_each_store(|stage| {
        let request = NewTicket::new("No sound").from("boris").thread("chat-9");
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.does(id, Action::tag("slip"));
        let notice = InboundMessage::new("Back on Monday.").from("boris").thread("chat-9");
        stage.desk.receive(notice.written_by(Machine::AutoReply)).unwrap();
        stage.does(id, Action::undo());
        assert!(stage.ticket(id).tags.is_empty());
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
    });
}

#[test]
fn undo_is_refused_after_a_timer_has_changed_the_ticket() {
    on_each_store(|stage| {
        let until = stage.now() + TimeDelta::hours(1);
        for ticks in [false, true] {
            let id = stage
                .opened_and([Action::hold_until("customer", until.max(stage.now() + TimeDelta::hours(1)))]);
            stage.later(TimeDelta::hours(2));
            if ticks {
                assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 2);
            }
            undo_is_refused(stage, id, anna(), "the desk has acted since");
        }
    });
}

#[test]
fn undo_is_refused_for_messages_openings_and_old_commands() {
    on_each_store(|stage| {
        let id = stage.open();
        undo_is_refused(stage, id, boris(), "the desk does not permit it now");
        let opened = stage.desk.open_ticket(NewTicket::new("No light").by(anna())).unwrap().id();
        undo_is_refused(stage, opened, anna(), "the command opened the ticket");
        stage.does(id, Action::reply("Unmute it.").and(Action::resolve("unmuted")));
        undo_is_refused(stage, id, anna(), "the command has a public message");

        let id = stage.opened_and([Action::resolve("unmuted")]);
        stage.later(TimeDelta::days(1));
        let early = stage.ticket(id);
        stage.later(TimeDelta::seconds(1));
        undo_is_refused(stage, id, anna(), "the command is older than 1 day");
        assert_eq!(early, stage.ticket(id));
        stage.desk.setup().adopt(&Policy::new().undo_within(TimeDelta::days(2))).unwrap();
        stage.does(id, Action::undo());
        let combined = Action::tag("x").and(Action::undo());
        let error = stage.refuses(id, |desk| desk.act(id, combined, anna()));
        assert!(error.is_invalid(), "{error}");
    });
}

/// Regression: no method answered in advance if an undo would be accepted.
#[test]
fn why_not_and_the_attempt_to_undo_agree_after_every_command() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let id = stage.open();
        let commands = [
            (anna(), Action::start()),
            (ben(), Action::tag("audio")),
            (anna(), Action::reply("Unmute it.")),
            (anna(), Action::hold("customer")),
            (boris(), Action::reply("It works.")),
            (anna(), Action::time_spent(5).and(Action::follow("anna"))),
            (ben(), Action::resolve("unmuted").and(Action::close())),
        ];
        let mut undone = Vec::new();
        for (by, action) in commands {
            stage.later(TimeDelta::minutes(10));
            stage.desk.act(id, action.clone(), &by).unwrap();
            for who in [anna(), ben(), boris(), Actor::automation("rules")] {
                let reports = stage.desk.reports();
                let asked = reports.why_not(id, Action::undo(), &who).unwrap();
                let foreseen = reports.what_if(id, Action::undo(), &who);
                match stage.desk.act(id, Action::undo(), &who) {
                    Ok(receipt) => {
                        assert_eq!((asked, foreseen.unwrap()), (None, receipt.ticket.clocks.clone()));
                        undone.push(who.who.to_string());
                        // The last command was itself a correction, which nobody can undo.
                        assert!(reports.why_not(id, Action::undo(), &who).unwrap().is_some());
                        stage.desk.act(id, action.clone(), &by).unwrap();
                    }
                    Err(error) => {
                        assert_eq!(asked.as_ref(), Some(rejection(&error)));
                        assert_eq!(foreseen.unwrap_err().rejection(), asked.as_ref());
                    }
                }
            }
            let (reports, stranger) = (stage.desk.reports(), Actor::contact("stranger"));
            assert!(reports.why_not(id, Action::undo(), &stranger).unwrap_err().is_not_found());
            assert!(reports.what_if(id, Action::undo(), &stranger).unwrap_err().is_not_found());
            assert!(stage.refuses(id, |desk| desk.act(id, Action::undo(), stranger)).is_not_found());
        }
        assert_eq!(undone, ["anna", "ben", "anna", "anna", "ben"]);
        let unknown = stage.desk.reports().why_not(TicketId::from(uuid::Uuid::nil()), Action::undo(), anna());
        assert!(unknown.unwrap_err().is_not_found());
    });
}

#[test]
fn a_requester_undoes_their_own_cancellation() {
    on_each_store(|stage| {
        let id = stage.open();
        stage.desk.act(id, Action::cancel(), boris()).unwrap();
        undo_is_refused(stage, id, anna(), "boris has acted since");
        stage.desk.act(id, Action::undo(), boris()).unwrap();
        assert_eq!(stage.ticket(id).state.kind(), StateKind::New);
    });
}

#[test]
fn clocks_continue_from_their_earlier_values() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let id = stage.opened_and([Action::start()]);
        stage.later(TimeDelta::hours(1));
        stage.does(id, Action::resolve("done").and(Action::close()));
        let ended = stage.ticket(id).clock(Metric::Resolution).unwrap().clone();
        assert_eq!((ended.state, ended.consumed), (ClockState::Met, TimeDelta::hours(1)));
        stage.later(TimeDelta::hours(3));
        stage.does(id, Action::undo());
        let clock = stage.ticket(id).clock(Metric::Resolution).unwrap().clone();
        // The hour before counts. The three hours in between do not count, because nobody worked on the ticket.
        assert_eq!((clock.state, clock.consumed, clock.cycle), (ClockState::Running, TimeDelta::hours(1), 1));
        assert_eq!(clock.due_at, Some(stage.now() + TimeDelta::hours(9)));
        let states: Vec<_> = intervals(&stage.history(id)).iter().map(|it| it.state).collect();
        assert_eq!(states.last(), Some(&StateKind::Active));
        // The closing cancelled the first reply, and now it is due again.
        let reply = stage.ticket(id).clock(Metric::FirstReply).unwrap().clone();
        assert_eq!((reply.state, reply.consumed), (ClockState::Running, TimeDelta::hours(1)));
    });
}

#[test]
fn a_breach_that_was_recorded_stays_after_an_undoing() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let id = stage.open();
        stage.later(TimeDelta::hours(3));
        // The first reply is already late at the time of the command.
        stage.does(id, Action::tag("slip"));
        let late = stage.ticket(id).clock(Metric::FirstReply).unwrap().clone();
        assert_eq!(late.state, ClockState::Breached);
        stage.does(id, Action::undo());
        assert_eq!(stage.ticket(id).clock(Metric::FirstReply), Some(&late));
    });
}

#[test]
fn a_ticket_cancelled_as_spam_can_be_restored() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let id = stage.opened_and([
            Action::start().and(Action::hold_until("customer", stage.now() + TimeDelta::days(30)))
        ]);
        stage.later(TimeDelta::hours(1));
        let before = stage.ticket(id);
        let error = stage.refuses(id, |desk| desk.act(id, Action::spam(), boris()));
        assert!(error.to_string().starts_with("cancel is for agents and programs"), "{error}");
        let error = stage.refuses(id, |desk| desk.act(id, Action::not_spam(), anna()));
        assert!(error.to_string().contains("the ticket is not marked as spam"), "{error}");
        stage.does(id, Action::spam());
        let spam = stage.ticket(id);
        assert_eq!((spam.state.kind(), spam.spam), (StateKind::Cancelled, true));
        assert_eq!(spam.clock(Metric::Resolution).unwrap().state, ClockState::Cancelled);
        stage.does(id, Action::note("Looked again."));
        stage.later(TimeDelta::days(9));
        stage.desk.act(id, Action::not_spam(), ben()).unwrap();
        let ticket = stage.ticket(id);
        assert_eq!((&ticket.state, ticket.spam, ticket.undone, ticket.reopens), (&before.state, false, 1, 0));
        assert_eq!(
            ticket.clock(Metric::Resolution).unwrap().consumed,
            before.clock(Metric::Resolution).unwrap().consumed
        );
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), ticket);
        let story: Vec<String> = stage.history(id).iter().map(ToString::to_string).collect();
        assert!(story.iter().any(|it| it == "anna cancelled it as spam"), "{story:?}");
    });
}

/// Regression: a ticket whose kind was changed while it was spam came back in the workflow of its old kind, and its
/// clocks had the targets of what it had been.
#[test]
fn a_ticket_changed_while_it_was_spam_comes_back_as_what_it_is_now() {
    on_each_store(|stage| {
        let within = |metric, hours| Target::new(metric).within(TimeDelta::hours(hours));
        let all = |name: &str, rank, hours| {
            [Metric::FirstReply, Metric::Resolution, Metric::Assignment]
                .into_iter()
                .fold(Agreement::new(name, rank), |agreement, metric| agreement.target(within(metric, hours)))
        };
        let repairs = WorkflowDefinition::new("repairs")
            .for_kind(Kind::Incident)
            .status(Status::new("Reported", StateKind::New))
            .status(Status::new("On the bench", StateKind::Active))
            .status(Status::new("Waits", StateKind::OnHold))
            .status(Status::new("Done", StateKind::Resolved))
            .status(Status::new("Over", StateKind::Closed))
            .transition(Transition::step(StepKind::Start, "Reported", "On the bench"))
            .transition(Transition::step(StepKind::Hold, "On the bench", "Waits"))
            .transition(Transition::step(StepKind::Resume, "Waits", "On the bench"))
            .transition(Transition::step(StepKind::Resolve, "On the bench", "Done"))
            .transition(Transition::step(StepKind::Close, "Done", "Over"));
        let incidents = all("incidents", 1, 2).when(Condition::field("kind").is("incident"));
        let checked = all("checked", 2, 3).when(Condition::field("tags").contains("checked"));
        let ordered = all("ordered", 3, 4).when(Condition::field("field.order").is(7));
        let urgent = all("urgent", 4, 5).when(Condition::field("priority").is(2));
        let vip = Modifier::new("VIP", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
        let policy = Policy::new()
            .matrix(Matrix::itil().to_definition().modifier(vip).build().unwrap())
            .field("order", FieldType::Integer)
            .workflow(repairs);
        let agreements = [incidents, checked, ordered, urgent, all("others", 5, 20)];
        let policy = agreements.into_iter().fold(policy, Policy::agreement);
        stage.desk.setup().adopt(&policy).unwrap();
        let vip = Contact::new("boris").attribute("vip", true);
        let vip = Action::Contact { contact: vip, role: ContactRole::Requester };
        let changes = [
            Action::Kind(Kind::Incident),
            vip.clone(),
            Action::field("order", 7),
            Action::tag("checked"),
            Action::Kind(Kind::Incident).and(vip).and(Action::field("order", 7)),
        ];
        let beginnings = [Action::start(), Action::start().and(Action::hold(HoldReason::Customer))];
        for (change, begins) in
            changes.iter().flat_map(|change| beginnings.iter().map(move |begins| (change, begins)))
        {
            // The same changes without the detour.
            let [direct, spam] = [false, true].map(|is_spam| {
                let id = stage.opened_and([begins.clone()]);
                if is_spam {
                    stage.does(id, Action::spam());
                }
                stage.does(id, change.clone());
                if is_spam {
                    stage.does(id, Action::not_spam());
                }
                let ticket = stage.ticket(id);
                assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), ticket, "{change:?}");
                let agreements = [(stage.now(), policy.clone())];
                let replayed = firstline::ticket::decision::replay(&stage.history(id), &agreements).unwrap();
                for clock in &ticket.clocks {
                    let same =
                        replayed.iter().find(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle));
                    assert_eq!(same, Some(clock), "{change:?}");
                }
                let targets: Vec<_> = ticket
                    .clocks
                    .iter()
                    .map(|it| (it.metric, it.agreement.clone(), it.target, it.state))
                    .collect();
                let status =
                    (ticket.state.clone(), ticket.status().to_owned(), ticket.workflow_ref().name.clone());
                let what = (ticket.kind.clone(), ticket.priority(), ticket.assignee.clone(), ticket.line);
                (status, what, ticket.fields.clone(), ticket.tags.clone(), targets)
            });
            assert_eq!(spam, direct, "{}: {change:?}", stage.name);
        }
    });
}

/// The workflow of the new kind decides whether the ticket may enter it, as it does for every change of the kind.
#[test]
fn a_ticket_does_not_come_back_from_spam_into_a_workflow_that_refuses_it() {
    on_each_store(|stage| {
        let claims = WorkflowDefinition::new("claims")
            .for_kind("claim")
            .status(Status::new("Open", StateKind::New))
            .status(Status::new("In work", StateKind::Active).enter("field.order"))
            .status(Status::new("Done", StateKind::Resolved))
            .status(Status::new("Over", StateKind::Closed))
            .transition(Transition::step(StepKind::Start, "Open", "In work"))
            .transition(Transition::step(StepKind::Resolve, "In work", "Done"))
            .transition(Transition::step(StepKind::Close, "Done", "Over"));
        stage.desk.setup().adopt(&Policy::new().field("order", FieldType::Integer).workflow(claims)).unwrap();
        let id = stage.opened_and([Action::start()]);
        stage.does(id, Action::spam());
        stage.does(id, Action::Kind("claim".into()));
        let error = stage.refuses(id, |desk| desk.act(id, Action::not_spam(), anna()));
        assert!(error.is_rejected() && error.to_string().contains("field.order"), "{error}");
        stage.does(id, Action::field("order", 7));
        stage.does(id, Action::not_spam());
        let ticket = stage.ticket(id);
        assert_eq!((ticket.status(), ticket.state.kind()), ("In work", StateKind::Active));
    });
}

#[test]
fn spam_is_found_by_a_query() {
    on_each_store(|stage| {
        let spam = stage.opened_and([Action::spam()]);
        stage.open();
        let query = firstline::Query::newest().matching(firstline::Condition::field("spam").is(true));
        let found: Vec<TicketId> = stage.desk.find(query).unwrap().tickets.iter().map(|it| it.id()).collect();
        assert_eq!(found, [spam]);
    });
}

#[test]
fn a_repeated_undo_returns_its_receipt_and_the_clocks_agree_with_a_replay() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let id = stage.desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        stage.later(TimeDelta::hours(1));
        stage.does(id, Action::cancel());
        stage.later(TimeDelta::hours(1));
        let by = anna().idempotency_key("click-1");
        let first = stage.desk.act(id, Action::undo(), by.clone()).unwrap();
        let again = stage.desk.act(id, Action::undo(), by).unwrap();
        assert!(again.replayed && again.ticket == first.ticket);
        let agreements = [(stage.ticket(id).opened_at, policy())];
        let replayed = firstline::ticket::decision::replay(&stage.history(id), &agreements).unwrap();
        for clock in &stage.ticket(id).clocks {
            assert_eq!(replayed.iter().rfind(|it| it.metric == clock.metric), Some(clock));
        }
    });
}

/// The commands of a random life. Each leads to other facts and clocks.
fn command(n: u8, other: TicketId) -> Action {
    match n {
        0 => Action::start(),
        1 => Action::hold(HoldReason::Customer),
        2 => Action::hold("parcel"),
        3 => Action::resume(),
        4 => Action::resolve_as("muted", "It was muted."),
        5 => Action::close(),
        6 => Action::reopen(),
        7 => Action::cancel(),
        8 => Action::hand_over("network", Line::Second, "loose cable"),
        9 => Action::hand_over("desk", Line::First, "plugged in"),
        10 => Action::override_priority(Priority::P1, "the press is here"),
        11 => Action::ClearOverride,
        12 => Action::tag("vip").and(Action::subject("Louder")),
        13 => Action::untag("vip"),
        14 => Action::link(LinkKind::DuplicateOf, other),
        15 => Action::take().and(Action::start()),
        16 => Action::spam(),
        17 => Action::not_spam(),
        18 => Action::resolve("done").and(Action::close()),
        _ => Action::reply("Unmute it."),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: soak::drawn(150), failure_persistence: None, ..ProptestConfig::default() })]

    /// After any life, an undo restores the facts from before the command, the row is the fold of the history,
    /// and a replay of the history gives the recorded clocks.
    #[test]
    fn an_undoing_restores_the_ticket_and_a_replay_gives_the_recorded_clocks(
        life in prop::collection::vec((0..20_u8, 0..200_i64, any::<bool>()), 1..25),
    ) {
        let stage = Stage::new("memory", AnyStore::Memory(firstline::memory::Memory::new()));
        let policy = policy().verification(None);
        stage.desk.setup().adopt(&policy).unwrap();
        let (other, id) = (stage.open(), stage.open());
        let agreements = [(stage.now(), policy.clone())];
        for (n, minutes, undoes) in life {
            stage.later(TimeDelta::minutes(minutes));
            let before = stage.ticket(id);
            let Ok(receipt) = stage.desk.act(id, command(n, other), anna()) else { continue };
            if receipt.events.iter().all(|event| event.by != anna()) {
                continue; // Nothing changed, so an undo would revert an earlier command.
            }
            stage.later(TimeDelta::minutes(minutes / 3));
            if undoes && let Ok(undone) = stage.desk.act(id, Action::undo(), anna()) {
                prop_assert!(n < 19, "a public message was undone");
                let strip = |ticket: &Snapshot, since| {
                    let mut facts = facts(ticket);
                    (facts.clocks, facts.due_at, facts.state_since) = (Vec::new(), None, since);
                    facts.overdue_since = None;
                    facts
                };
                let since = before.state_since;
                prop_assert_eq!(strip(undone.ticket.snapshot(), since), strip(&before, since), "{}", n);
            }
            let (ticket, history) = (stage.ticket(id), stage.history(id));
            prop_assert_eq!(&Snapshot::fold(&history).unwrap(), &ticket);
            let replayed = firstline::ticket::decision::replay(&history, &agreements).unwrap();
            for clock in &ticket.clocks {
                let cycle = replayed.iter().find(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle));
                prop_assert_eq!(cycle, Some(clock), "{}", n);
            }
        }
    }
}
