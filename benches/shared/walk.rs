//! The walk that measures every state machine: random steps on many tickets in turn. The state of the ticket
//! accepts or refuses each step.

use std::hint::black_box;

use firstline::lifecycle::{StateKind, StepKind, StepRefused};

use crate::measure::{Random, nanos};

const TICKETS: usize = 4_096;
const STEPS_EACH: usize = 8;

pub(crate) fn title(taken: usize) -> String {
    let share = 100 * taken / (TICKETS * STEPS_EACH);
    format!(
        "Check and apply: {TICKETS} tickets, {STEPS_EACH} random steps each ({share} % accepted, the rest refused)"
    )
}

/// The same random steps in every run.
pub(crate) fn steps() -> Vec<StepKind> {
    let mut random = Random::seeded(7);
    (0..TICKETS * STEPS_EACH).map(|_| random.pick(StepKind::ALL)).collect()
}

/// Walks new machines through the steps. Returns the nanoseconds per step and the number of accepted steps.
pub(crate) fn walk<M, S: Copy>(
    steps: &[S],
    fresh: impl Fn() -> M,
    mut step: impl FnMut(&mut M, S) -> bool,
) -> (f64, usize) {
    let mut machines: Vec<M> = (0..TICKETS).map(|_| fresh()).collect();
    let mut taken = 0;
    let time = nanos(steps.len(), || {
        for steps in steps.chunks(TICKETS) {
            for (machine, wanted) in machines.iter_mut().zip(steps) {
                taken += usize::from(step(machine, black_box(*wanted)));
            }
        }
    });
    black_box(machines);
    (time, taken)
}

/// Sets the new state of the ticket, or uses the refusal so that the compiler cannot remove it.
#[inline]
pub(crate) fn settle(state: &mut StateKind, taken: Result<StateKind, StepRefused>) -> bool {
    match taken {
        Ok(to) => {
            *state = to;
            true
        }
        Err(refused) => {
            black_box(refused);
            false
        }
    }
}
