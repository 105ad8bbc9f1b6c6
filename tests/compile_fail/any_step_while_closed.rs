//! A closed ticket accepts no step.

use firstline::{HoldReason, Ticket, state};

fn too_late(
    [a, b, c, d]: [Ticket<state::Closed>; 4],
    [e, f, g, h]: [Ticket<state::Closed>; 4],
) {
    let _ = a.start();
    let _ = b.hold(HoldReason::Customer);
    let _ = c.resume();
    let _ = d.resolve("unmuted");
    let _ = e.confirm();
    let _ = f.close();
    let _ = g.reopen();
    let _ = h.cancel();
}

fn main() {}
