//! The set of states is closed: no other crate can add a state, or a step to the table.

use firstline::lifecycle::Accepts;
use firstline::state::KnownState;
use firstline::{state, step};

#[derive(Clone, Debug)]
struct Parked;

impl KnownState for Parked {
    const KIND: firstline::StateKind = firstline::StateKind::OnHold;

    fn from_state(_: &firstline::State) -> Option<&Parked> {
        None
    }
}

impl Accepts<step::Confirm> for state::Active {}

fn main() {}
