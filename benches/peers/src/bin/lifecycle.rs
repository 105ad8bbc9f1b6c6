//! The same lifecycle in statig, in rust-fsm, in a `match`, in a map keyed by names and twice in firstline: as
//! the built-in table and as a workflow from data. Each checks and applies one step at a time.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin lifecycle
//! ```
//!
//! All return the same refusal. statig ignores an event that a state does not handle, so its states record the
//! refusal in the context.

#[path = "../../../shared/as_data.rs"]
mod as_data;
#[path = "../../../shared/by_hand.rs"]
mod by_hand;
#[path = "../../../shared/measure.rs"]
#[allow(dead_code)]
mod measure;
#[path = "../../../shared/walk.rs"]
mod walk;

use std::time::Duration;

use as_data::ByName;
use firstline::lifecycle::{StepRefused, StateKind, StepKind};
use firstline::workflow::Workflow;
use measure::{Lane, Limits, side_by_side};
use walk::{settle, steps, title, walk};

mod with_statig {
    // statig names a state after its method, and one of our states is called `new`.
    #![allow(clippy::new_ret_no_self)]

    use firstline::lifecycle::{StepRefused, StateKind, StepKind};
    use statig::prelude::*;

    #[derive(Default)]
    pub struct Ticket;

    fn refuse(context: &mut Option<StepRefused>, state: StateKind, step: StepKind) -> Outcome<State> {
        *context = Some(StepRefused { state, step });
        Handled
    }

    #[state_machine(initial = "State::new()")]
    impl Ticket {
        #[state]
        fn new(context: &mut Option<StepRefused>, event: &StepKind) -> Outcome<State> {
            match event {
                StepKind::Start => Transition(State::active()),
                StepKind::Hold => Transition(State::on_hold()),
                StepKind::Resolve => Transition(State::resolved()),
                StepKind::Cancel => Transition(State::cancelled()),
                step => refuse(context, StateKind::New, *step),
            }
        }

        #[state]
        fn active(context: &mut Option<StepRefused>, event: &StepKind) -> Outcome<State> {
            match event {
                StepKind::Hold => Transition(State::on_hold()),
                StepKind::Resolve => Transition(State::resolved()),
                StepKind::Cancel => Transition(State::cancelled()),
                step => refuse(context, StateKind::Active, *step),
            }
        }

        #[state]
        fn on_hold(context: &mut Option<StepRefused>, event: &StepKind) -> Outcome<State> {
            match event {
                StepKind::Hold => Transition(State::on_hold()),
                StepKind::Resume => Transition(State::active()),
                StepKind::Resolve => Transition(State::resolved()),
                StepKind::Cancel => Transition(State::cancelled()),
                step => refuse(context, StateKind::OnHold, *step),
            }
        }

        #[state]
        fn resolved(context: &mut Option<StepRefused>, event: &StepKind) -> Outcome<State> {
            match event {
                StepKind::Confirm | StepKind::Close => Transition(State::closed()),
                StepKind::Reopen => Transition(State::active()),
                step => refuse(context, StateKind::Resolved, *step),
            }
        }

        #[state]
        fn closed(context: &mut Option<StepRefused>, event: &StepKind) -> Outcome<State> {
            refuse(context, StateKind::Closed, *event)
        }

        #[state]
        fn cancelled(context: &mut Option<StepRefused>, event: &StepKind) -> Outcome<State> {
            refuse(context, StateKind::Cancelled, *event)
        }
    }
}

rust_fsm::state_machine! {
    // Final states need a row too. Its step is never taken.
    #[allow(dead_code)]
    #[derive(Clone, Copy, Debug)]
    with_rust_fsm(New)

    New => { Start => Active, Hold => OnHold, Resolve => Resolved, Cancel => Cancelled },
    Active => { Hold => OnHold, Resolve => Resolved, Cancel => Cancelled },
    OnHold => { Hold => OnHold, Resume => Active, Resolve => Resolved, Cancel => Cancelled },
    Resolved => { Confirm => Closed, Close => Closed, Reopen => Active },
    Closed => { Never => Closed },
    Cancelled => { Never => Cancelled }
}

/// The same steps in rust-fsm's own type, so that the conversion is not measured.
fn input(step: StepKind) -> with_rust_fsm::Input {
    use with_rust_fsm::Input;
    match step {
        StepKind::Start => Input::Start,
        StepKind::Hold => Input::Hold,
        StepKind::Resume => Input::Resume,
        StepKind::Resolve => Input::Resolve,
        StepKind::Confirm => Input::Confirm,
        StepKind::Close => Input::Close,
        StepKind::Reopen => Input::Reopen,
        StepKind::Cancel => Input::Cancel,
    }
}

const ROUNDS: Limits = Limits { rounds: 300, time: Duration::from_secs(8) };

fn main() {
    use statig::blocking::IntoStateMachineExt;

    let steps = steps();
    let inputs: Vec<_> = steps.iter().map(|step| (input(*step), *step)).collect();
    let by_hand =
        || walk(&steps, || StateKind::New, |state, step| settle(state, by_hand::take(*state, step)));
    let ours = || walk(&steps, || StateKind::New, |state, step| settle(state, state.apply(step)));
    let statig = || {
        let fresh = || with_statig::Ticket.uninitialized_state_machine().init_with_context(&mut None);
        walk(&steps, fresh, |ticket, step| {
            let mut refused = None;
            ticket.handle_with_context(&step, &mut refused);
            std::hint::black_box(refused).is_none()
        })
    };
    let rust_fsm = || {
        walk(&inputs, with_rust_fsm::StateMachine::new, |ticket, (input, step)| {
            match ticket.consume(&input) {
                Ok(_) => true,
                Err(_) => {
                    std::hint::black_box(StepRefused { state: state(ticket.state()), step });
                    false
                }
            }
        })
    };
    let simple = Workflow::simple();
    let begin = simple.find(&simple.start().name).unwrap();
    let as_data = || walk(&steps, || begin, |status, step| as_data::take(simple, status, step));
    let (names, table) = (ByName::steps(&steps), ByName::new());
    let by_name =
        || walk(&names, || StateKind::New.name().to_owned(), |state, step| table.take(state, step));
    println!("The lifecycle, compared with other crates.");
    println!("cargo run --release --manifest-path benches/peers/Cargo.toml --bin lifecycle");
    let taken = by_hand().1;
    for (name, other) in [
        ("firstline", ours().1),
        ("a workflow", as_data().1),
        ("statig", statig().1),
        ("rust-fsm", rust_fsm().1),
        ("the map", by_name().1),
    ] {
        assert_eq!(taken, other, "the table in {name} differs");
    }
    let lanes: Vec<Lane<'_>> = vec![
        ("match by hand", Box::new(|| by_hand().0)),
        ("firstline 0.1: StateKind::apply", Box::new(|| ours().0)),
        ("firstline 0.1: Workflow::take", Box::new(|| as_data().0)),
        ("statig 0.4: handle", Box::new(|| statig().0)),
        ("rust-fsm 0.8: consume", Box::new(|| rust_fsm().0)),
        ("a HashMap keyed by names", Box::new(|| by_name().0)),
    ];
    side_by_side(&title(taken), ("ns", 1.0), ROUNDS, lanes);
}

fn state(state: &with_rust_fsm::State) -> StateKind {
    use with_rust_fsm::State;
    match state {
        State::New => StateKind::New,
        State::Active => StateKind::Active,
        State::OnHold => StateKind::OnHold,
        State::Resolved => StateKind::Resolved,
        State::Closed => StateKind::Closed,
        State::Cancelled => StateKind::Cancelled,
    }
}
