//! The ticket of the simulator: what each operation does to it. Only what clocks depend on is modelled.

use firstline::{HoldReason, Line, Priority, StateKind};

use super::Minute;

/// A resolved ticket closes after this time.
pub(super) const VERIFICATION: Minute = 2 * 1440;

/// The actor of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Anna,
    Boris,
    Bot,
}

/// An operation on the ticket or on the desk.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    Start,
    Hold {
        reason: HoldReason,
        end: Option<HoldEnd>,
    },
    Resume,
    Resolve(By),
    /// A reply and the resolution in one command.
    ReplyAndResolve,
    Confirm,
    Close,
    Reopen,
    Cancel,
    Spam,
    NotSpam,
    Undo,
    Reply(By),
    Gold(bool),
    Plan(bool),
    Promise(Option<Minute>),
    Override(Option<Priority>),
    Assign(bool),
    HandOver(Line),
    /// Adopts the policy with this number.
    Adopt(usize),
    /// A note of another agent. It has no effect on clocks.
    Note,
}

/// The end of a hold: its instant, the state that follows, and a reminder before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HoldEnd {
    pub(super) at: Minute,
    pub(super) then: StateKind,
    pub(super) remind_at: Option<Minute>,
}

/// A change of the ticket that matters to its clocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// A public reply by an agent.
    AgentReplied,
    /// A message of the requester.
    Received,
    Moved {
        from: StateKind,
        to: StateKind,
        by_agent: bool,
    },
    /// The description or the priority changed, or the agent or the line.
    Changed,
    Assigned,
    LineChanged,
    /// The last command of the agent was taken back.
    Undone,
    NotSpam,
    Reminded,
}

#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) state: StateKind,
    pub(super) reason: Option<HoldReason>,
    pub(super) hold_end: Option<HoldEnd>,
    pub(super) closes_at: Option<Minute>,
    pub(super) overridden: Option<Priority>,
    pub(super) gold: bool,
    pub(super) plan: bool,
    pub(super) promise: Option<Minute>,
    pub(super) assigned: bool,
    pub(super) line: Line,
    /// True after the first public reply or resolution by an agent.
    pub(super) answered: bool,
    pub(super) opened_by: By,
    /// The first message of the requester, without the opening.
    pub(super) first_message: Option<Minute>,
    /// The instant at which the ticket was cancelled as spam, and the ticket before.
    before_spam: Option<(Minute, Box<Ticket>)>,
    /// The ticket before the last command, if its agent may take it back, and the instant of the command.
    pub(super) before_command: Option<(Minute, Box<Ticket>)>,
}

impl Ticket {
    pub(super) fn new(opened_by: By) -> Ticket {
        Ticket {
            state: StateKind::New,
            reason: None,
            hold_end: None,
            closes_at: None,
            overridden: None,
            gold: false,
            plan: false,
            promise: None,
            assigned: false,
            line: Line::First,
            answered: false,
            opened_by,
            first_message: None,
            before_spam: None,
            before_command: None,
        }
    }

    pub(super) fn priority(&self) -> Priority {
        self.overridden.unwrap_or(Priority::P3)
    }

    pub(super) fn is_final(&self) -> bool {
        matches!(self.state, StateKind::Closed | StateKind::Cancelled)
    }

    /// True if the ticket accepts the operation and the operation changes something.
    pub(super) fn accepts(&self, op: &Op, now: Minute) -> bool {
        use StateKind::{Active, New, OnHold, Resolved};
        let in_work = matches!(self.state, New | Active | OnHold);
        // A reminder that passed without its date would come within the correction.
        let reminds_later = |(mistake, ticket): &(Minute, Box<Ticket>)| {
            let reminder = ticket.given_back(*mistake, now).hold_end.and_then(|it| it.remind_at);
            reminder.is_none_or(|it| it > now)
        };
        match op {
            Op::Start => self.state == New,
            Op::Hold { end, .. } => {
                let end = end.is_none_or(|it| {
                    let reminder = it.remind_at.unwrap_or(it.at - 1);
                    now < reminder && reminder < it.at
                });
                in_work && end
            }
            Op::Resume => self.state == OnHold,
            Op::Resolve(_) | Op::ReplyAndResolve | Op::Cancel | Op::Spam => in_work,
            Op::Confirm | Op::Close | Op::Reopen => self.state == Resolved,
            Op::NotSpam => self.before_spam.as_ref().is_some_and(reminds_later),
            Op::Undo => {
                self.before_command.as_ref().is_some_and(|it| now <= it.0 + 1440 && reminds_later(it))
            }
            Op::Gold(on) => !self.is_final() && self.gold != *on,
            Op::Plan(on) => !self.is_final() && self.plan != *on,
            Op::Promise(at) => !self.is_final() && self.promise != *at,
            Op::Override(priority) => !self.is_final() && self.overridden != *priority,
            Op::Assign(on) => !self.is_final() && self.assigned != *on,
            Op::HandOver(line) => !self.is_final() && self.line != *line,
            Op::Reply(_) | Op::Note => !self.is_final(),
            Op::Adopt(_) => true,
        }
    }

    /// Executes an operation that the ticket accepts. In an imported history a message changes no state, and a resolved
    /// ticket does not close by itself.
    pub(super) fn execute(&mut self, op: &Op, now: Minute, imported: bool) -> Vec<Event> {
        use StateKind::{Active, Cancelled, Closed, OnHold, Resolved};
        let before = Box::new(Ticket { before_command: None, ..self.clone() });
        let mut events = Vec::new();
        match op {
            Op::Start | Op::Resume | Op::Reopen => self.go(Active, true, &mut events),
            Op::Hold { reason, end } => {
                self.go(OnHold, true, &mut events);
                (self.reason, self.hold_end) = (Some(reason.clone()), *end);
            }
            Op::Resolve(by) => {
                self.go(Resolved, *by == By::Anna, &mut events);
                self.closes_at = (!imported).then_some(now + VERIFICATION);
            }
            Op::ReplyAndResolve => {
                events.push(Event::AgentReplied);
                self.go(Resolved, true, &mut events);
                self.closes_at = (!imported).then_some(now + VERIFICATION);
            }
            Op::Confirm => self.go(Closed, false, &mut events),
            Op::Close => self.go(Closed, true, &mut events),
            Op::Cancel => self.go(Cancelled, true, &mut events),
            Op::Spam => {
                self.go(Cancelled, true, &mut events);
                self.before_spam = Some((now, before.clone()));
            }
            Op::NotSpam => {
                let (mistake, before) = self.before_spam.take().unwrap();
                *self = before.given_back(mistake, now);
                events.push(Event::NotSpam);
            }
            Op::Undo => {
                let first_message = self.first_message;
                let (mistake, before) = self.before_command.take().unwrap();
                *self = before.given_back(mistake, now);
                self.first_message = first_message;
                events.push(Event::Undone);
            }
            Op::Reply(By::Anna) => events.push(Event::AgentReplied),
            Op::Reply(By::Bot) | Op::Note | Op::Adopt(_) => {}
            Op::Reply(By::Boris) => {
                self.first_message.get_or_insert(now);
                events.push(Event::Received);
                let waits = self.state == OnHold && self.reason == Some(HoldReason::Customer);
                if !imported && (waits || self.state == Resolved) {
                    self.go(Active, false, &mut events);
                }
            }
            Op::Gold(on) => self.gold = *on,
            Op::Plan(on) => self.plan = *on,
            Op::Promise(at) => self.promise = *at,
            Op::Override(priority) => self.overridden = *priority,
            Op::Assign(on) => {
                self.assigned = *on;
                events.push(Event::Assigned);
            }
            Op::HandOver(line) => {
                (self.line, self.assigned) = (*line, false);
                events.push(Event::LineChanged);
            }
        }
        if matches!(op, Op::Gold(_) | Op::Plan(_) | Op::Promise(_) | Op::Override(_)) {
            events.push(Event::Changed);
        }
        self.answered |= events.iter().any(|it| {
            let resolved = matches!(it, Event::Moved { to: Resolved, by_agent: true, .. });
            *it == Event::AgentReplied || resolved
        });
        let by_others =
            matches!(op, Op::Confirm | Op::Note | Op::Reply(_) | Op::Resolve(By::Boris | By::Bot));
        let final_word = matches!(op, Op::Undo | Op::NotSpam | Op::ReplyAndResolve | Op::Adopt(_));
        self.before_command = (!by_others && !final_word && !imported).then_some((now, before));
        events
    }

    /// Returns the ticket as a correction gives it back. If the date of its hold or of its closing has passed since the
    /// mistake, the time that was left at the mistake begins again, and a reminder moves along.
    fn given_back(&self, mistake: Minute, now: Minute) -> Ticket {
        let mut ticket = self.clone();
        let pause = now - mistake;
        if let Some(end) = ticket.hold_end.as_mut().filter(|it| it.at <= now) {
            end.at += pause;
            end.remind_at = end.remind_at.map(|it| it + pause);
        }
        if let Some(at) = ticket.closes_at.as_mut().filter(|it| **it <= now) {
            *at += pause;
        }
        ticket
    }

    /// Takes the steps of timers that are due.
    pub(super) fn timers(&mut self, now: Minute) -> Vec<Event> {
        use StateKind::{Active, Closed, Resolved};
        let mut events = Vec::new();
        if let Some(end) = self.hold_end.filter(|it| it.at == now) {
            self.go(if end.then == Active { Active } else { Resolved }, false, &mut events);
            match end.then {
                Closed => self.go(Closed, false, &mut events),
                Resolved => self.closes_at = Some(now + VERIFICATION),
                _ => {}
            }
        }
        if let Some(end) = &mut self.hold_end
            && end.remind_at == Some(now)
        {
            end.remind_at = None;
            events.push(Event::Reminded);
        }
        if self.closes_at == Some(now) {
            self.go(Closed, false, &mut events);
        }
        if !events.is_empty() {
            self.before_command = None;
        }
        events
    }

    fn go(&mut self, to: StateKind, by_agent: bool, events: &mut Vec<Event>) {
        events.push(Event::Moved { from: self.state, to, by_agent });
        self.state = to;
        (self.reason, self.hold_end, self.closes_at) = (None, None, None);
    }
}
