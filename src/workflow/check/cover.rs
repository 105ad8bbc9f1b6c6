//! Decides whether several guarded transitions together are open to every ticket.

use super::map::{Edge, Map};
use crate::condition::Condition;

/// More guarded edges than this are not compared with each other.
const MAX_EDGES: usize = 50;

/// True if at least one of these edges out of a status is open to any ticket in the status, as far as guards are
/// concerned.
///
/// A guard that could not be read may be one that completes the others, so it counts as one that always holds.
pub(super) fn every_ticket<'a, 'd: 'a>(
    map: &Map<'_>,
    from: usize,
    edges: impl Iterator<Item = &'a Edge<'d>> + Clone,
) -> bool {
    if edges.clone().any(|edge| map.may_be_open(edge)) {
        return true;
    }
    let guards: Vec<Condition> = edges.take(MAX_EDGES).map(|edge| map.guard_of(edge)).collect();
    let none = !Condition::any(guards);
    !none.can_hold(&map.fields_in(from), &map.budget)
}
