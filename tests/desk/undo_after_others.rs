//! Undo takes back a whole command of the actor, and nothing that others have done since.

use std::collections::{BTreeMap, BTreeSet};

use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::sla::{Agreement, Metric, Target};
use firstline::ticket::hold_end::HoldEnd;
use firstline::ticket::kind::Link;
use firstline::{
    Action, Actor, Change, Contact, ContactRole, Event, HoldReason, Impact, InboundMessage, Kind, Line,
    LinkKind, Machine, Matrix, Modifier, NewTicket, Policy, Priority, Snapshot, StateKind, Story, ThreadKey,
    TicketId, TimeDelta, Urgency,
};
use serde_json::Value;

use super::public_story::variants;
use super::stage::{AnyStore, Stage, anna, boris, on_each_store};
use super::undo::undo_is_refused;

fn ben() -> Actor {
    Actor::agent("ben")
}

/// A link that the agent had made from the other ticket counted as their last command on this one.
#[test]
fn undo_on_one_ticket_leaves_a_link_that_was_made_from_another() {
    on_each_store(|stage| {
        for kind in [LinkKind::DuplicateOf, LinkKind::DuplicatedBy] {
            let (id, other) = (stage.opened_and([Action::tag("slip")]), stage.open());
            stage.does(other, Action::note("The same.").and(Action::link(kind, id)));
            stage.does(id, Action::undo());
            assert!(stage.ticket(id).tags.is_empty(), "the command on this ticket was taken back");
            assert_eq!(stage.links(id), [Link { kind: kind.inverse(), to: other }]);
            // The command on the other ticket can still be taken back as a whole.
            stage.does(other, Action::undo());
            assert_eq!((stage.links(id), stage.links(other)), (vec![], vec![]));
        }
        let (id, other) = (stage.open(), stage.open());
        stage.does(other, Action::link(LinkKind::CausedBy, id));
        undo_is_refused(stage, id, anna(), "boris has acted since");
    });
}

/// The undoing on one ticket removed the link on the other, and the agent could undo that removal there.
#[test]
fn an_undoing_cannot_be_undone_from_the_other_end_of_a_link() {
    on_each_store(|stage| {
        let (id, other) = (stage.opened_and([Action::tag("kept")]), stage.opened_and([Action::tag("old")]));
        stage.does(id, Action::link(LinkKind::ChildOf, other));
        stage.does(id, Action::undo());
        stage.does(other, Action::undo());
        assert!(stage.ticket(other).tags.is_empty(), "the earlier command was taken back");
        assert_eq!((stage.links(id), stage.links(other)), (vec![], vec![]));
        undo_is_refused(stage, id, anna(), "the last command was itself a correction");
    });
}

/// The inverse of a link was written a second time, although somebody else had changed the link.
#[test]
fn undo_is_refused_after_somebody_else_changed_the_link() {
    on_each_store(|stage| {
        for kind in [LinkKind::DuplicateOf, LinkKind::DuplicatedBy] {
            let (id, other) = (stage.open(), stage.open());
            let back = Action::unlink(kind.inverse(), id);
            stage.does(id, Action::link(kind, other));
            stage.desk.act(other, back.clone(), ben()).unwrap();
            undo_is_refused(stage, id, anna(), "ben has changed the link");
            assert_eq!((stage.links(id), stage.links(other)), (vec![], vec![]));
            // Somebody who links the tickets again wants the link too.
            stage.desk.act(other, Action::link(kind.inverse(), id), ben()).unwrap();
            undo_is_refused(stage, id, anna(), "ben has changed the link");
            assert_eq!(stage.links(id).len(), 1);

            stage.does(id, Action::unlink(kind, other));
            stage.desk.act(other, Action::link(kind.inverse(), id), ben()).unwrap();
            undo_is_refused(stage, id, anna(), "ben has changed the link");
            assert_eq!(stage.links(id).len(), 1);
        }
    });
}

#[test]
fn a_link_that_was_added_and_removed_in_one_command_leaves_nothing_to_undo() {
    on_each_store(|stage| {
        let (id, other) = (stage.open(), stage.open());
        let kind = LinkKind::DuplicateOf;
        stage.does(id, Action::link(kind, other).and(Action::unlink(kind, other)).and(Action::tag("slip")));
        let events = stage.history(other).len();
        stage.does(id, Action::undo());
        assert!(stage.ticket(id).tags.is_empty() && stage.links(id).is_empty());
        assert_eq!(stage.history(other).len(), events, "the other ticket has no further event");
    });
}

/// A thread key had no event, so undo took back the command before it, and the key was kept forever.
#[test]
fn undo_releases_the_thread_keys_of_the_command() {
    on_each_store(|stage| {
        let key = |key: &str| stage.desk.ticket(ThreadKey::from(key)).map(|ticket| ticket.id());
        let (id, other) = (stage.open(), stage.open());
        stage.does(id, Action::tag("kept").and(Action::thread("first")));
        stage.does(id, Action::thread("second").and(Action::thread("third")).and(Action::thread("first")));
        assert_eq!(key("third").unwrap(), id);
        stage.does(id, Action::undo());
        assert!(stage.ticket(id).tags.contains("kept"));
        assert_eq!(key("first").unwrap(), id, "the key of an earlier command");
        assert!(key("second").unwrap_err().is_not_found() && key("third").unwrap_err().is_not_found());
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
        // The key can be used for the ticket to which it belongs.
        stage.does(other, Action::thread("third"));
        assert_eq!(key("third").unwrap(), other);
        undo_is_refused(stage, id, anna(), "the last command was itself a correction");
    });
}

/// A follow-up continues the conversation, so the key leads to it and is not released.
#[test]
fn undo_keeps_a_thread_key_that_a_follow_up_has_taken_over() {
    on_each_store(|stage| {
        let id = stage.open();
        let solved = Action::thread("chat").and(Action::resolve("unmuted")).and(Action::close());
        stage.does(id, solved);
        let message = || InboundMessage::new("Not all.").from("boris").thread("chat");
        let follow_up = stage.desk.receive(message()).unwrap().ticket.id();
        assert_ne!(follow_up, id);
        stage.does(id, Action::undo());
        assert_eq!(stage.ticket(id).state.kind(), StateKind::New);
        assert_eq!(stage.desk.receive(message()).unwrap().ticket.id(), follow_up);
        assert_eq!(stage.links(id), [Link { kind: LinkKind::FollowedUpBy, to: follow_up }]);
    });
}

#[test]
fn a_close_by_mistake_is_undone_after_a_follow_up_but_not_after_a_message() {
    on_each_store(|stage| {
        let open = |thread: &str| {
            let request = NewTicket::new("No sound").from("boris").thread(thread);
            let id = stage.desk.open_ticket(request).unwrap().id();
            stage.does(id, Action::resolve("unmuted").and(Action::close()));
            id
        };
        let message = |thread: &str| InboundMessage::new("Not all.").from("boris").thread(thread);
        let id = open("chat");
        let follow_up = stage.desk.receive(message("chat")).unwrap().ticket.id();
        stage.does(id, Action::undo());
        let ticket = stage.ticket(id);
        assert_eq!((ticket.state.kind(), ticket.closed_at), (StateKind::New, None));
        // Both are open now. The link shows that they belong together, and the conversation goes on in the follow-up.
        assert_eq!(stage.links(follow_up), [Link { kind: LinkKind::FollowUpOf, to: id }]);
        assert_eq!(stage.desk.receive(message("chat")).unwrap().ticket.id(), follow_up);

        let id = open("other chat");
        stage.desk.act(id, Action::reply("Not all."), boris()).unwrap();
        undo_is_refused(stage, id, anna(), "boris has acted since");
    });
}

/// The documented choice: a command that changed nothing is not the last command.
#[test]
fn a_command_that_changed_nothing_is_not_the_last_command() {
    on_each_store(|stage| {
        let other = stage.open();
        let earlier = Action::tag("a").and(Action::follow("anna")).and(Action::assign("anna"));
        let earlier = earlier.and(Action::link(LinkKind::CausedBy, other));
        for (n, nothing) in [
            Action::tag("a"),
            Action::untag("b"),
            Action::follow("anna"),
            Action::unfollow("ben"),
            Action::take(),
            Action::thread("key 5"),
            Action::link(LinkKind::CausedBy, other),
            Action::subject("No sound"),
        ]
        .into_iter()
        .enumerate()
        {
            let id = stage.opened_and([earlier.clone().and(Action::thread(format!("key {n}")))]);
            let receipt = stage.desk.act(id, nothing, anna()).unwrap();
            assert_eq!(receipt.events, [], "the receipt shows that nothing changed");
            stage.does(id, Action::undo());
            let ticket = stage.ticket(id);
            assert!(ticket.tags.is_empty() && ticket.followers.is_empty() && ticket.assignee.is_none());
            assert!(stage.links(id).is_empty());
        }
    });
}

/// The command was found by its instant, so the undoing of an internal command looked like that of a public one.
#[test]
fn a_story_shows_which_of_two_commands_at_one_instant_was_taken_back() {
    on_each_store(|stage| {
        let story = |commands: [Action; 2]| {
            let id = stage.opened_and(commands);
            stage.does(id, Action::undo());
            let history = stage.history(id);
            let whole = Story::of(&history).to_string();
            let reader = stage.desk.view(boris()).history(id).unwrap();
            let public = Story::of(&history).public().to_string();
            assert_eq!(
                public,
                Story::of(&reader).public().to_string(),
                "the reader's events give the same story"
            );
            (whole, public)
        };
        let (public, internal) = (|| Action::subject("Louder"), || Action::tag("nuisance"));
        let (whole, seen) = story([public(), internal()]);
        assert!(
            whole.contains("took back") && !seen.contains("taken back") && !seen.contains("took back"),
            "{seen}"
        );
        let (_, seen) = story([internal(), public()]);
        assert!(seen.contains("took back"), "{seen}");
        for (n, commands) in
            [[public(), Action::Kind(Kind::Incident)], [Action::Kind(Kind::Incident), public()]]
                .into_iter()
                .enumerate()
        {
            let (whole, seen) = story(commands);
            for story in [whole, seen] {
                let lines: Vec<&str> = story.lines().filter(|line| line.ends_with("(taken back)")).collect();
                assert_eq!(lines.len(), 1, "{story}");
                assert_eq!(lines[0].contains("Louder"), n == 1, "{story}");
            }
        }
    });
}

/// An action that changes something on a prepared ticket.
struct Case {
    prepared: Option<Action>,
    action: Action,
}

/// Every action, for a ticket that may be linked to another one. `key` is a thread key that is free.
fn cases(other: TicketId, key: &str) -> Vec<Case> {
    let fresh = |action| Case { prepared: None, action };
    let after = |prepared: &Action, action| Case { prepared: Some(prepared.clone()), action };
    let (hold, resolve) = (Action::hold(HoldReason::Customer), Action::resolve("unmuted"));
    let link = |kind| Action::link(kind, other);
    let unlink = |kind| Action::unlink(kind, other);
    let p1 = Action::override_priority(Priority::P1, "the press is here");
    let eva = |role| Action::Contact { contact: Contact::new("eva").named("Eva"), role };
    let timed = Action::hold_until(HoldReason::Scheduled, "2026-12-01T09:00:00Z".parse().unwrap());
    vec![
        fresh(Action::reply("Unmute it.")),
        fresh(Action::note("Looked.")),
        fresh(Action::start()),
        fresh(hold.clone()),
        after(&timed, Action::HoldEnd(HoldEnd { then: StateKind::Closed, remind_at: None })),
        after(&hold, Action::resume()),
        fresh(resolve.clone()),
        after(&resolve, Action::confirm()),
        after(&resolve, Action::close()),
        after(&resolve, Action::reopen()),
        fresh(resolve.clone().and(Action::close())),
        fresh(Action::cancel()),
        fresh(Action::spam()),
        after(&Action::spam(), Action::not_spam()),
        fresh(Action::move_to("active")),
        fresh(Action::assign("anna")),
        after(&Action::assign("eve"), Action::unassign()),
        fresh(Action::take()),
        fresh(Action::hand_over("network", Line::Second, "loose cable")),
        fresh(Action::Impact(Impact::new(1).unwrap())),
        fresh(Action::Urgency(Urgency::new(1).unwrap())),
        fresh(Action::modifier("press")),
        fresh(p1.clone()),
        after(&p1, Action::ClearOverride),
        fresh(Action::subject("Louder")),
        fresh(Action::Kind(Kind::Incident)),
        fresh(Action::category(["audio"])),
        fresh(Action::tag("x")),
        after(&Action::tag("x"), Action::untag("x")),
        fresh(Action::field("note", "long")),
        after(&Action::field("note", "long"), Action::Field { name: "note".to_owned(), value: None }),
        fresh(eva(ContactRole::Cc)),
        after(&eva(ContactRole::Cc), eva(ContactRole::Affected)),
        after(&eva(ContactRole::Cc), Action::RemoveContact("eva".into())),
        fresh(Action::thread(key)),
        fresh(Action::time_spent(45)),
        fresh(Action::follow("eve")),
        after(&Action::follow("eve"), Action::unfollow("eve")),
        fresh(link(LinkKind::DuplicateOf)),
        fresh(link(LinkKind::DuplicatedBy)),
        after(&link(LinkKind::DuplicateOf), unlink(LinkKind::DuplicateOf)),
        after(&link(LinkKind::DuplicatedBy), unlink(LinkKind::DuplicatedBy)),
        after(&Action::tag("y"), Action::undo()),
        fresh(link(LinkKind::CausedBy).and(Action::tag("x")).and(Action::thread(key))),
    ]
}

#[test]
fn the_cases_have_every_action() {
    let name = |action: &Action| match serde_json::to_value(action).unwrap() {
        Value::String(name) => name,
        other => other.as_object().unwrap().keys().next().unwrap().clone(),
    };
    let cases = cases(TicketId::from(uuid::Uuid::nil()), "key");
    let tried: BTreeSet<String> = cases.iter().map(|case| name(&case.action)).collect();
    let all = variants(include_str!("../../src/ticket/action.rs"), "pub enum Action {");
    assert!(all.len() > 30 && all.is_subset(&tried), "{:?}", all.difference(&tried));
}

/// The event of somebody else after a command.
#[derive(Debug)]
enum Later {
    /// The action with this place among the cases.
    Here(usize),
    OnTheOther(Action, Actor),
    Message(Option<Machine>),
    Tick(TimeDelta),
}

fn all_later(id: TicketId, count: usize) -> Vec<Later> {
    let kinds = [LinkKind::DuplicateOf, LinkKind::DuplicatedBy, LinkKind::CausedBy];
    let links = kinds.iter().flat_map(|kind| {
        let kind = kind.inverse();
        [Action::link(kind, id), Action::unlink(kind, id)]
    });
    let by = |action: Action| [ben(), anna()].map(|by| Later::OnTheOther(action.clone(), by));
    let mut all: Vec<Later> = (0..count).map(Later::Here).chain(links.flat_map(by)).collect();
    all.extend([Later::Message(None), Later::Message(Some(Machine::AutoReply))]);
    all.extend([Later::Tick(TimeDelta::hours(3)), Later::Tick(TimeDelta::hours(23))]);
    all
}

/// The facts that an undoing restores. Links are compared on both tickets.
fn restored(ticket: &Snapshot) -> Snapshot {
    let mut facts = ticket.clone();
    (facts.version, facts.updated_at, facts.touched_at, facts.undone) = (0, ticket.opened_at, None, 0);
    (facts.state_since, facts.due_at, facts.overdue_since) = (ticket.opened_at, None, None);
    (facts.clocks, facts.links, facts.adopted) = (Vec::new(), BTreeSet::new(), None);
    facts
}

/// Fails if a link is added or removed twice in a row.
fn links_alternate(history: &[Event]) {
    let mut linked: BTreeMap<Link, bool> = BTreeMap::new();
    for event in history {
        let (link, now) = match event.change {
            Change::Linked(link) => (link, true),
            Change::Unlinked(link) => (link, false),
            _ => continue,
        };
        let before = linked.insert(link, now).unwrap_or_default();
        assert_ne!(before, now, "event {} repeats an earlier one: {history:#?}", event.version);
    }
}

/// Somebody acts, something else happens, and the command is undone. Then either nothing changes and the reason names
/// the other actor, or only the command is taken back.
#[test]
fn undo_never_takes_back_the_work_of_others() {
    let stage = Stage::new("memory", AnyStore::Memory(Memory::new()));
    let modifier = Modifier::new("press", Effect::AtLeast(Priority::P2));
    let matrix = Matrix::itil().to_definition().modifier(modifier).build().unwrap();
    let target = Target::new(Metric::FirstReply).within(TimeDelta::hours(2));
    let policy = Policy::new().matrix(matrix).field("note", FieldType::Text);
    stage.desk.setup().adopt(&policy.agreement(Agreement::new("standard", 1).target(target))).unwrap();
    let (mut refused, mut undone) = (0, 0);
    let count = cases(stage.open(), "key").len();
    for (n, m) in (0..count).flat_map(|n| (0..count + 16).map(move |m| (n, m))) {
        let request = NewTicket::new("No sound").from("boris").thread(format!("chat {n} {m}"));
        let (id, other) = (stage.desk.open_ticket(request).unwrap().id(), stage.open());
        let case = |place| cases(other, &format!("key {n} {m}")).swap_remove(place);
        let links = || -> BTreeSet<(TicketId, Link)> {
            [id, other]
                .into_iter()
                .flat_map(|it| stage.links(it).into_iter().map(move |link| (it, link)))
                .collect()
        };
        let Case { prepared, action } = case(n);
        let by = if matches!(action, Action::Confirm(_)) { boris() } else { anna() };
        let preparing = if matches!(action, Action::Undo) { anna() } else { Actor::agent("carl") };
        prepared.into_iter().for_each(|it| drop(stage.desk.act(id, it, &preparing).unwrap()));
        let before = (stage.ticket(id), links());
        stage.desk.act(id, action.clone(), &by).unwrap();
        let own = (stage.history(id).len(), links());

        let later = all_later(id, count).swap_remove(m);
        let (who, acts_here) = match &later {
            Later::Here(place) => {
                let action = case(*place).action;
                let by = if matches!(action, Action::Confirm(_)) { boris() } else { ben() };
                if !stage.desk.act(id, action, &by).is_ok_and(|receipt| !receipt.events.is_empty()) {
                    continue; // The state does not accept it, or nothing changes.
                }
                (by.who.to_string(), true)
            }
            Later::OnTheOther(action, by) => {
                if !stage.desk.act(other, action.clone(), by).is_ok_and(|it| !it.events.is_empty()) {
                    continue;
                }
                (by.who.to_string(), false)
            }
            Later::Message(machine) => {
                let message = InboundMessage::new("Hello?").from("boris").thread(format!("chat {n} {m}"));
                let message = machine.iter().fold(message, |it, machine| it.written_by(*machine));
                let is_here = stage.desk.receive(message).unwrap().ticket.id() == id;
                ("boris".to_owned(), is_here && machine.is_none())
            }
            Later::Tick(by) => {
                stage.later(*by);
                assert!(stage.desk.tick(stage.now()).unwrap().failed.is_empty());
                ("the desk".to_owned(), false)
            }
        };
        let seen = (stage.ticket(id), links());
        let changed: BTreeSet<_> = own.1.symmetric_difference(&seen.1).copied().collect();
        let place = format!("{action:?}, then {later:?}: {:#?}", &stage.history(id)[own.0..]);
        match stage.desk.act(id, Action::undo(), &by) {
            Err(error) => {
                refused += 1;
                let why = error.to_string();
                let cannot = ["a public message", "itself a correction"].iter().any(|it| why.contains(it));
                // A contact does not learn of the internal work of agents.
                let hidden = by == boris() && why.contains("the desk does not permit it now");
                assert!(error.is_rejected() && (cannot || hidden || why.contains(&who)), "{place}: {why}");
                let is_same_link = changed.iter().any(|it| before.1.contains(it) != own.1.contains(it));
                assert!(cannot || acts_here || is_same_link, "{place} does not stand in the way: {why}");
                assert_eq!((stage.ticket(id), links()), seen, "{place}");
            }
            Ok(receipt) => {
                undone += 1;
                assert!(!acts_here, "{place}");
                assert_eq!(restored(&receipt.ticket), restored(&before.0), "{place}");
                // The later changes of links survive.
                let expected = before.1.symmetric_difference(&changed).copied().collect();
                assert!(changed.iter().all(|it| seen.1.contains(it) == links().contains(it)), "{place}");
                assert_eq!(links(), expected, "{place}");
            }
        }
        for ticket in [id, other] {
            links_alternate(&stage.history(ticket));
            assert_eq!(Snapshot::fold(&stage.history(ticket)).unwrap(), stage.ticket(ticket), "{place}");
        }
    }
    assert!(refused > 500 && undone > 200, "{refused} refused, {undone} undone");
}
