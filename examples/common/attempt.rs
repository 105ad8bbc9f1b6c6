//! Tries an action on a ticket and prints the result.

use firstline::memory::Memory;
use firstline::{Action, Actor, Desk, TicketId};

/// Tries the action and prints each event that it wrote, or each reason why it was refused.
pub(crate) fn attempt(
    desk: &Desk<Memory>,
    ticket: TicketId,
    by: &Actor,
    action: Action,
) -> firstline::Result<()> {
    match desk.act(ticket, action, by) {
        Ok(receipt) => receipt.events.iter().for_each(|event| println!("  {event}")),
        Err(error) => {
            let Some(rejection) = error.rejection() else { return Err(error) };
            println!("  {} is refused:", by.who);
            rejection.reasons_in_words().iter().for_each(|reason| println!("    - {reason}"));
        }
    }
    Ok(())
}
