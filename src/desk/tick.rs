//! The sweep: whatever the clock owes, done once each.

use std::collections::{HashSet, VecDeque};

use super::frame::Frame;
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Job, Label, Seen};
use crate::id::TicketId;
use crate::store::{Commit, DueTimer, Mode, Read};
use crate::ticket::draft::Draft;
use crate::ticket::people::Actor;

/// How many due timers are listed at once.
const PAGE: usize = 200;

/// What a sweep did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Ticked {
    /// How many timers fired.
    pub fired: usize,
    /// Tickets whose timers could not fire, and why. One of them does not stop the others.
    pub failed: Vec<(TicketId, Error)>,
}

/// The sweep. It pages through the due timers in their order, so that a ticket which fails stands in nobody's way.
#[derive(Debug)]
pub(super) struct Tick {
    frame: Frame,
    waiting: VecDeque<TicketId>,
    last: Option<DueTimer>,
    firing: Option<TicketId>,
    exhausted: bool,
    ticked: Ticked,
}

impl Tick {
    pub(super) fn new(frame: Frame) -> Tick {
        Tick {
            frame,
            waiting: VecDeque::new(),
            last: None,
            firing: None,
            exhausted: false,
            ticked: Ticked::default(),
        }
    }
}

impl Job for Tick {
    type Flow = TickFlow;
    type Out = Ticked;

    fn next(&mut self) -> Option<TickFlow> {
        if let Some(ticket) = self.waiting.pop_front() {
            self.firing = Some(ticket);
            return Some(TickFlow::Fire { ticket, frame: self.frame.clone() });
        }
        self.firing = None;
        (!self.exhausted).then(|| TickFlow::List { frame: self.frame.clone(), after: self.last.clone() })
    }

    fn took(&mut self, result: Result<TickOut>) -> Result<()> {
        match (result, self.firing) {
            (Ok(TickOut::Listed(due)), _) => {
                self.exhausted = due.len() < PAGE;
                self.last = due.last().cloned().or(self.last.take());
                // A ticket with several due timers lets all of them happen at once.
                let mut listed = HashSet::new();
                self.waiting = due.iter().map(|due| due.ticket).filter(|id| listed.insert(*id)).collect();
                Ok(())
            }
            (Ok(TickOut::Fired(fired)), _) => {
                self.ticked.fired += fired;
                Ok(())
            }
            (Err(error), Some(ticket)) => {
                self.ticked.failed.push((ticket, error));
                Ok(())
            }
            (Err(error), None) => Err(error),
        }
    }

    fn finish(self) -> Ticked {
        self.ticked
    }
}

/// One leg of the sweep.
#[derive(Debug)]
pub(super) enum TickFlow {
    /// Lists what is due, claiming nothing.
    List { frame: Frame, after: Option<DueTimer> },
    /// Lets happen what a ticket is owed. If another worker was faster, nothing is.
    Fire { ticket: TicketId, frame: Frame },
}

#[derive(Debug)]
pub(super) enum TickOut {
    Listed(Vec<DueTimer>),
    Fired(usize),
}

impl Flow for TickFlow {
    type Out = TickOut;

    fn label(&self) -> Label {
        match self {
            TickFlow::List { .. } => Label::new("list_due"),
            TickFlow::Fire { ticket, .. } => Label::of("tick", *ticket),
        }
    }

    fn mode(&self) -> Mode {
        match self {
            TickFlow::List { .. } => Mode::Read,
            TickFlow::Fire { .. } => Mode::Write,
        }
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        if let TickFlow::Fire { ticket, frame } = self {
            reads.push(Read::InForce(DefinitionKind::Policy, frame.now));
            reads.push(Read::Ticket(*ticket));
        }
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, TickOut), Halt> {
        match self {
            TickFlow::List { frame, after } => {
                let due = seen.due(frame.now, after.as_ref(), PAGE)?;
                Ok((Commit::default(), TickOut::Listed(due.to_vec())))
            }
            TickFlow::Fire { ticket, frame } => {
                let Some(snapshot) = seen.ticket(*ticket)? else {
                    return Err(Error::not_found(format_args!("ticket {ticket}")).into());
                };
                let (terms, desk) = (frame.terms_for(snapshot, seen)?, Actor::desk());
                let mut draft = Draft::of(snapshot.clone(), &terms.rules);
                draft.fire_due(&terms.moment(frame.now, &desk))?;
                draft.settle()?;
                let fired = draft.events().iter().filter(|event| event.change.is_by_timer()).count();
                Ok((Commit::of([draft]), TickOut::Fired(fired)))
            }
        }
    }
}
