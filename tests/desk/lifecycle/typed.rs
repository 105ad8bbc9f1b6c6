//! The typed steps compared with the table: the steps that the compiler accepts in each state, and the state
//! that each leads to.

use std::marker::PhantomData;

use firstline::lifecycle::{Accepts, StateKind, StepKind, state, step};
use firstline::state::KnownState;
use firstline::{Action, AnyTicket, HoldReason, Step, Ticket};

use super::stage::{AnyDesk, Stage, anna, boris, on_each_store};

/// Asks the compiler if a state accepts a step, without failing if it does not. An inherent constant takes precedence
/// over the trait's constant, and exists only if the bound holds.
struct Probe<State, Step>(PhantomData<(State, Step)>);

trait Fallback {
    const ACCEPTS: bool = false;
}

impl<State, Step> Fallback for Probe<State, Step> {}

impl<State: Accepts<Step>, Step> Probe<State, Step> {
    const ACCEPTS: bool = true;
}

macro_rules! probe {
    ($($state:ident)*) => {
        [$(
            (StateKind::$state, StepKind::Start, Probe::<state::$state, step::Start>::ACCEPTS),
            (StateKind::$state, StepKind::Hold, Probe::<state::$state, step::Hold>::ACCEPTS),
            (StateKind::$state, StepKind::Resume, Probe::<state::$state, step::Resume>::ACCEPTS),
            (StateKind::$state, StepKind::Resolve, Probe::<state::$state, step::Resolve>::ACCEPTS),
            (StateKind::$state, StepKind::Confirm, Probe::<state::$state, step::Confirm>::ACCEPTS),
            (StateKind::$state, StepKind::Close, Probe::<state::$state, step::Close>::ACCEPTS),
            (StateKind::$state, StepKind::Reopen, Probe::<state::$state, step::Reopen>::ACCEPTS),
            (StateKind::$state, StepKind::Cancel, Probe::<state::$state, step::Cancel>::ACCEPTS),
        )*]
    };
}

#[test]
fn the_compiler_accepts_exactly_the_steps_of_the_table() {
    let asked = probe!(New Active OnHold Resolved Closed Cancelled);
    let expected: Vec<_> =
        super::cells().into_iter().map(|(from, step, to)| (from, step, to.is_some())).collect();
    assert_eq!(asked.as_slice(), expected);
    // A state known only at run time has no typed steps.
    const { assert!(!Probe::<firstline::State, step::Cancel>::ACCEPTS) };
}

/// The state that the typed step leads to.
const fn leads_to<To: KnownState>(_: &Step<To>) -> StateKind {
    To::KIND
}

/// Takes the typed step of this kind, if there is one. Returns the state of its type and the state at the desk.
fn take(desk: &AnyDesk, ticket: AnyTicket, kind: StepKind) -> Option<(StateKind, StateKind)> {
    fn commit<To: KnownState>(
        desk: &AnyDesk,
        step: Step<To>,
        kind: StepKind,
    ) -> Option<(StateKind, StateKind)> {
        let by = if kind == StepKind::Confirm { boris() } else { anna() };
        let promised = leads_to(&step);
        let ticket: Ticket<To> = desk.commit(step, by).unwrap();
        Some((promised, ticket.snapshot().state.kind()))
    }
    let (wait, words) = (HoldReason::Problem, "unmuted");
    match (ticket, kind) {
        (AnyTicket::New(it), StepKind::Start) => commit(desk, it.start(), kind),
        (AnyTicket::New(it), StepKind::Hold) => commit(desk, it.hold(wait), kind),
        (AnyTicket::New(it), StepKind::Resolve) => commit(desk, it.resolve(words), kind),
        (AnyTicket::New(it), StepKind::Cancel) => commit(desk, it.cancel(), kind),
        (AnyTicket::Active(it), StepKind::Hold) => commit(desk, it.hold(wait), kind),
        (AnyTicket::Active(it), StepKind::Resolve) => commit(desk, it.resolve(words), kind),
        (AnyTicket::Active(it), StepKind::Cancel) => commit(desk, it.cancel(), kind),
        (AnyTicket::OnHold(it), StepKind::Hold) => commit(desk, it.hold(wait), kind),
        (AnyTicket::OnHold(it), StepKind::Resume) => commit(desk, it.resume(), kind),
        (AnyTicket::OnHold(it), StepKind::Resolve) => commit(desk, it.resolve(words), kind),
        (AnyTicket::OnHold(it), StepKind::Cancel) => commit(desk, it.cancel(), kind),
        (AnyTicket::Resolved(it), StepKind::Confirm) => commit(desk, it.confirm(), kind),
        (AnyTicket::Resolved(it), StepKind::Close) => commit(desk, it.close(), kind),
        (AnyTicket::Resolved(it), StepKind::Reopen) => commit(desk, it.reopen(), kind),
        _ => None,
    }
}

#[test]
fn every_typed_step_leads_to_the_state_of_its_type() {
    on_each_store(|stage| {
        for (from, kind, to) in super::cells() {
            let ticket = stage.desk.ticket(super::ticket_in(stage, from)).unwrap().into_typed();
            let led = take(&stage.desk, ticket, kind);
            assert_eq!(led, to.map(|to| (to, to)), "{kind} while {from}");
        }
    });
}

#[test]
fn the_typed_state_is_the_stored_state() {
    fn check<S: KnownState>(stage: &Stage, kind: StateKind) {
        assert_eq!(S::KIND, kind);
        for state in StateKind::ALL {
            let id = super::ticket_in(stage, *state);
            let ticket = stage.desk.ticket(id).unwrap();
            match Ticket::<S>::try_from_untyped(ticket) {
                Ok(typed) => assert_eq!((typed.into_untyped().state().kind(), *state), (kind, kind)),
                Err(back) => assert!(back.state().kind() == *state && *state != kind),
            }
        }
    }
    on_each_store(|stage| {
        check::<state::New>(stage, StateKind::New);
        check::<state::Active>(stage, StateKind::Active);
        check::<state::OnHold>(stage, StateKind::OnHold);
        check::<state::Resolved>(stage, StateKind::Resolved);
        check::<state::Closed>(stage, StateKind::Closed);
        check::<state::Cancelled>(stage, StateKind::Cancelled);
    });
}

/// A typed handle carries the data of its state, and a step may include a reply.
#[test]
fn a_typed_step_with_a_reply_is_applied_completely_or_not_at_all() {
    on_each_store(|stage| {
        let AnyTicket::New(ticket) = stage.desk.ticket(stage.open()).unwrap().into_typed() else { panic!() };
        let until = stage.now() + firstline::TimeDelta::days(3);
        let step = ticket.hold_until(HoldReason::Customer, until).with(Action::reply("Which browser is it?"));
        let ticket = stage.desk.commit(step, anna()).unwrap();
        assert_eq!((&ticket.state().reason, ticket.state().until), (&HoldReason::Customer, Some(until)));
        assert_eq!((ticket.version, ticket.replies_sent), (3, 1));

        let id = ticket.id();
        let step = ticket.resolve("no browser at all").with(Action::reply(""));
        let error = stage.refuses(id, |desk| desk.commit(step, anna()));
        assert!(error.is_invalid(), "{error}");
    });
}
