//! Every state with every step, compared with a copy of the design's table. The run-time table, a desk, the typed
//! steps and the diagrams must all agree with it.

#[path = "lifecycle/graph.rs"]
mod graph;
use crate::stage;
#[path = "lifecycle/typed.rs"]
mod typed;

use firstline::lifecycle::{ActionKind, StateKind, StepKind};
use firstline::{Action, Actor, HoldReason, RejectionReason, TicketId};
use stage::{Stage, anna, boris, on_each_store, rejection};

/// The table of the design: a row for each state, a column for each step, and the resulting state.
const TABLE: &str = "
              start   hold     resume  resolve   confirm  close   reopen  cancel
    new       active  on_hold  -       resolved  -        -       -       cancelled
    active    -       on_hold  -       resolved  -        -       -       cancelled
    on_hold   -       on_hold  active  resolved  -        -       -       cancelled
    resolved  -       -        -       -         closed   closed  active  -
    closed    -       -        -       -         -        -       -       -
    cancelled -       -        -       -         -        -       -       -
";

fn state(name: &str) -> StateKind {
    let find = |state: &&StateKind| state.name() == name;
    *StateKind::ALL.iter().find(find).unwrap_or_else(|| panic!("no state {name}"))
}

fn step(name: &str) -> StepKind {
    let find = |step: &&StepKind| step.to_string() == name;
    *StepKind::ALL.iter().find(find).unwrap_or_else(|| panic!("no step {name}"))
}

/// Every cell of the table: the state, the step and the resulting state.
pub(crate) fn cells() -> Vec<(StateKind, StepKind, Option<StateKind>)> {
    let mut rows = TABLE.lines().map(str::split_whitespace).filter(|row| row.clone().count() > 0);
    let steps: Vec<StepKind> = rows.next().unwrap().map(step).collect();
    let cells: Vec<_> = rows
        .flat_map(|mut row| {
            let from = state(row.next().unwrap());
            let targets: Vec<_> = row.map(|it| (it != "-").then(|| state(it))).collect();
            assert_eq!(targets.len(), steps.len(), "the row of {from} is short");
            steps.clone().into_iter().zip(targets).map(move |(step, to)| (from, step, to))
        })
        .collect();
    assert_eq!(cells.len(), 6 * 8, "every state with every step");
    cells
}

/// An action for this step.
fn action(step: StepKind) -> Action {
    match step {
        StepKind::Start => Action::start(),
        StepKind::Hold => Action::hold(HoldReason::ThirdParty),
        StepKind::Resume => Action::resume(),
        StepKind::Resolve => Action::resolve("The headset was muted."),
        StepKind::Confirm => Action::confirm(),
        StepKind::Close => Action::close(),
        StepKind::Reopen => Action::reopen(),
        StepKind::Cancel => Action::cancel(),
    }
}

/// An actor who may take this step.
fn somebody_for(step: StepKind) -> Actor {
    if step == StepKind::Confirm { boris() } else { anna() }
}

/// A ticket of `boris` in this state.
fn ticket_in(stage: &Stage, state: StateKind) -> TicketId {
    stage.opened_and(match state {
        StateKind::New => vec![],
        StateKind::Active => vec![Action::start()],
        StateKind::OnHold => vec![Action::hold(HoldReason::Customer)],
        StateKind::Resolved => vec![Action::resolve("unmuted")],
        StateKind::Closed => vec![Action::resolve("unmuted"), Action::close()],
        StateKind::Cancelled => vec![Action::cancel()],
    })
}

/// True if the step is for the requester, and true if it is for agents and programs.
fn is_for(step: StepKind) -> (bool, bool) {
    match step {
        StepKind::Confirm => (true, false),
        StepKind::Reopen | StepKind::Cancel => (true, true),
        _ => (false, true),
    }
}

/// The steps that the table accepts in this state as text, limited to those that match.
fn accepted(from: StateKind, may: impl Fn(StepKind) -> bool) -> String {
    let cells = cells().into_iter().filter(|(state, step, to)| *state == from && to.is_some() && may(*step));
    cells.map(|(_, step, _)| step.to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_run_time_table_equals_the_design() {
    for (from, step, to) in cells() {
        assert_eq!(from.accepts(step), to.is_some(), "{step} while {from}");
        assert_eq!(from.apply(step).ok(), to, "{step} while {from}");
        if let Some(to) = to {
            assert_eq!(step.target(), to, "a step always leads to the same state");
        }
    }
    for from in StateKind::ALL {
        let accepted: Vec<String> = from.accepted().map(|it| it.to_string()).collect();
        assert_eq!(accepted.join(", "), self::accepted(*from, |_| true));
        assert_eq!(from.is_final(), matches!(from.name(), "closed" | "cancelled"));
        assert_eq!(from.is_open(), matches!(from.name(), "new" | "active" | "on_hold"));
    }
}

#[test]
fn a_desk_takes_every_legal_step_and_refuses_all_others() {
    on_each_store(|stage| {
        for (from, step, to) in cells() {
            let id = ticket_in(stage, from);
            let by = somebody_for(step);
            let before = stage.ticket(id);
            assert_eq!(before.state.kind(), from);
            let handle = stage.desk.ticket(id).unwrap();
            assert_eq!(
                handle.permitted().contains(ActionKind::Step(step)),
                to.is_some(),
                "{step} while {from}"
            );
            match to {
                Some(to) => {
                    assert_eq!(handle.why_not_by(&action(step), &by), None, "{step} while {from}");
                    let receipt = stage.desk.act(id, action(step), &by).unwrap();
                    assert_eq!(receipt.ticket.snapshot().state.kind(), to, "{step} while {from}");
                    assert_eq!(
                        stage.ticket(id),
                        *receipt.ticket,
                        "{step} while {from}: the returned ticket is the stored one"
                    );
                    assert_eq!(receipt.events.len(), 1);
                }
                None => {
                    let error = stage.refuses(id, |desk| desk.act(id, action(step), &by));
                    let refusal = rejection(&error);
                    assert_eq!((refusal.state, refusal.action), (from, ActionKind::Step(step)));
                    assert_eq!(refusal.reasons, [RejectionReason::State]);
                    let actions: Vec<String> =
                        refusal.permitted.actions().iter().map(ActionKind::to_string).collect();
                    // The message lists only steps that this actor may take.
                    let is_requester = step == StepKind::Confirm;
                    let theirs = |it| if is_requester { is_for(it).0 } else { is_for(it).1 };
                    let offered = accepted(from, theirs);
                    assert_eq!(actions.join(", "), offered);
                    let words = from.to_string();
                    let expected = match &*offered {
                        "" => format!(
                            "{step} is not accepted while {words}; no step is accepted here: the state is final"
                        ),
                        steps => format!("{step} is not accepted while {words}; accepted here: {steps}"),
                    };
                    assert_eq!(error.to_string(), expected);
                    assert!(error.is_rejected() && !error.is_conflict() && !error.is_invalid());
                    assert_eq!(handle.why_not_by(&action(step), &by).as_ref(), Some(refusal));
                }
            }
        }
    });
}

/// The actions other than steps that each state accepts.
#[test]
fn a_final_ticket_accepts_notes_links_and_corrections_but_no_work_and_no_replies() {
    let other_actions = |other| {
        [
            (ActionKind::Reply, Action::reply("hello"), false),
            (ActionKind::Note, Action::note("hm"), true),
            (ActionKind::Assign, Action::assign("ben"), false),
            (ActionKind::HandOver, Action::hand_over("network", firstline::Line::Second, "note"), false),
            (ActionKind::Prioritise, Action::Urgency(firstline::Urgency::HIGH), false),
            (ActionKind::Describe, Action::tag("audio"), true),
            (ActionKind::Link, Action::link(firstline::LinkKind::CausedBy, other), true),
            (ActionKind::TimeSpent, Action::time_spent(5), true),
            (ActionKind::Follow, Action::follow("ben"), true),
        ]
    };
    on_each_store(|stage| {
        for from in StateKind::ALL {
            let other = stage.open();
            for (kind, action, even_if_final) in other_actions(other) {
                let id = ticket_in(stage, *from);
                assert_eq!(action.kind(), Some(kind));
                let expected = even_if_final || !from.is_final();
                assert_eq!(kind.accepted_in(*from), expected, "{kind} while {from}");
                let handle = stage.desk.ticket(id).unwrap();
                assert_eq!(handle.permitted().contains(kind), expected, "{kind} while {from}");
                assert_eq!(handle.why_not(&action).is_none(), expected, "{kind} while {from}");
                if expected {
                    stage.does(id, action);
                    assert_eq!(stage.ticket(id).state.kind(), *from, "{kind} leaves the state alone");
                } else {
                    let error = stage.refuses(id, |desk| desk.act(id, action, anna()));
                    let text = format!(
                        "{kind} is not accepted while {from}; accepted here: note, edit the description, link, record time, follow"
                    );
                    assert_eq!(error.to_string(), text);
                }
            }
        }
    });
}

/// The requester confirms; agents and programs work; both reopen and cancel.
#[test]
fn each_step_is_for_the_actors_of_the_design() {
    let agents = "agents and programs";
    let both = "the requester, agents and programs";
    on_each_store(|stage| {
        for (from, step, to) in cells().into_iter().filter(|(_, _, to)| to.is_some()) {
            let (requester_may, agent_may) = is_for(step);
            let may = match (requester_may, agent_may) {
                // A person who may reopen a ticket by a message may also take the step.
                (true, true) if step == StepKind::Reopen => {
                    "the requester, affected contacts, agents and programs"
                }
                (true, true) => both,
                (true, false) => "the requester",
                _ => agents,
            };
            let no_step = "none of the steps accepted here is permitted to this actor".to_owned();
            let offer = |steps: String| {
                if steps.is_empty() { no_step.clone() } else { format!("accepted here: {steps}") }
            };
            let to_requester = offer(accepted(from, |it| is_for(it).0));
            let to_agents = offer(accepted(from, |it| is_for(it).1));
            let people = [
                (boris(), requester_may, &to_requester),
                (anna(), agent_may, &to_agents),
                (Actor::automation("bot"), agent_may, &to_agents),
            ];
            let (id, stranger) = (ticket_in(stage, from), Actor::contact("a stranger"));
            let why_not = stage.desk.ticket(id).unwrap().why_not_by(&action(step), &stranger).unwrap();
            assert_eq!(why_not.reasons, [RejectionReason::NotFound { ticket: id }]);
            assert!(stage.refuses(id, |desk| desk.act(id, action(step), stranger)).is_not_found());
            for (by, allowed, offered) in people {
                let id = ticket_in(stage, from);
                let why_not = stage.desk.ticket(id).unwrap().why_not_by(&action(step), &by);
                assert_eq!(why_not.is_none(), allowed, "{step} while {from} by {}", by.who);
                if allowed {
                    let receipt = stage.desk.act(id, action(step), &by).unwrap();
                    assert_eq!(receipt.ticket.snapshot().state.kind(), to.unwrap());
                } else {
                    let error = stage.refuses(id, |desk| desk.act(id, action(step), &by));
                    assert!(matches!(rejection(&error).reasons[..], [RejectionReason::Actor { .. }]));
                    assert_eq!(error.to_string(), format!("{step} is for {may}; {offered}"));
                    assert_eq!(why_not.as_ref(), Some(rejection(&error)));
                }
            }
        }
        // If the actor may not take the step and the state does not accept it, both reasons are given.
        let id = stage.open();
        let error = stage.refuses(id, |desk| desk.act(id, Action::confirm(), anna()));
        assert_eq!(
            rejection(&error).reasons,
            [RejectionReason::State, RejectionReason::Actor { allowed: vec!["requester".into()] }]
        );
    });
}
