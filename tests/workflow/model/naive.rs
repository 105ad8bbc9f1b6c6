//! The definition read aloud: which way an action takes, by looking through all transitions and comparing names. Slow,
//! plain, and without a line of the table that the desk uses.

use std::collections::BTreeSet;

use firstline::lifecycle::{Reason, StateKind, StepKind};
use firstline::workflow::{Performer, Status, Transition, Trigger};
use firstline::{Action, Actor, Snapshot, State, Value, Who, WorkflowDefinition};

/// A mistake that the interpreter is told to make: the tests must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    IgnoresTakers,
    IgnoresGuards,
    IgnoresLeaving,
    TakesAnyOrder,
    ForgetsReasons,
}

/// Who lets something happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody wants it.
    Hand,
    /// The requester's message brings it about.
    Message,
    /// The date of a hold has come.
    HoldEnds,
    /// Nobody objected.
    Silence,
}

/// The status that is entered, or all reasons against it.
pub(crate) type Answer = Result<String, BTreeSet<String>>;

pub(crate) struct Naive<'a> {
    pub(crate) definition: &'a WorkflowDefinition,
    pub(crate) ticket: &'a Snapshot,
    pub(crate) by: &'a Actor,
    pub(crate) cause: Cause,
    pub(crate) flaw: Flaw,
}

/// Reasons as a set of texts: what is said in prose counts as one, and lists have no order.
pub(crate) fn told<'a>(reasons: impl IntoIterator<Item = &'a Reason>) -> BTreeSet<String> {
    let plain = |reason: &Reason| match reason {
        Reason::Because(_) => "for words of its own".to_owned(),
        Reason::UnknownStatus { status, .. } => format!("no status {status}"),
        Reason::NoTransition { to, available } => {
            let available: BTreeSet<_> = available.iter().collect();
            format!("no way to {to:?}, only to {available:?}")
        }
        other => format!("{other:?}"),
    };
    reasons.into_iter().map(plain).collect()
}

fn because(reason: Reason) -> BTreeSet<String> {
    told([&reason])
}

impl<'a> Naive<'a> {
    fn status(&self, name: &str) -> Option<&'a Status> {
        self.definition.statuses.iter().find(|it| it.name == name)
    }

    /// What becomes of a step or a move.
    pub(crate) fn answer(&self, action: &Action) -> Answer {
        let none = (None, None);
        let (step, (to, why), hold, code) = match action {
            Action::Move { status, comment } => return self.goes(status, comment.as_deref()),
            Action::Hold { reason, options, .. } => (
                StepKind::Hold,
                (options.status.as_deref(), options.comment.as_deref()),
                Some(reason.as_str()),
                false,
            ),
            // The solution in words is reason enough.
            Action::Resolve { text, code, status } => {
                (StepKind::Resolve, (status.as_deref(), Some(text.as_str())), None, code.is_some())
            }
            Action::Start(on) => {
                (StepKind::Start, (on.status.as_deref(), on.comment.as_deref()), None, false)
            }
            Action::Resume(on) => {
                (StepKind::Resume, (on.status.as_deref(), on.comment.as_deref()), None, false)
            }
            Action::Confirm(on) => {
                (StepKind::Confirm, (on.status.as_deref(), on.comment.as_deref()), None, false)
            }
            Action::Close(on) => {
                (StepKind::Close, (on.status.as_deref(), on.comment.as_deref()), None, false)
            }
            Action::Reopen(on) => {
                (StepKind::Reopen, (on.status.as_deref(), on.comment.as_deref()), None, false)
            }
            Action::Cancel(on) => {
                (StepKind::Cancel, (on.status.as_deref(), on.comment.as_deref()), None, false)
            }
            _ => (StepKind::Start, none, None, false),
        };
        if let Some(to) = to
            && self.status(to).is_none()
        {
            return Err(because(Reason::UnknownStatus { status: to.to_owned(), meant: None }));
        }
        let state = self.ticket.state.kind();
        if !state.accepts(step) {
            let mut reasons = because(Reason::State);
            reasons.extend(self.not_theirs(step));
            return Err(reasons);
        }
        let ways: Vec<&Transition> = self
            .in_order(Trigger::Step(step), hold)
            .into_iter()
            .filter(|way| to.is_none_or(|to| to == way.to))
            .collect();
        if ways.is_empty() {
            let all = self.definition.transitions.iter();
            let available: Vec<_> = all
                .filter(|it| self.leads_from_here(it, Trigger::Step(step)))
                .map(|it| it.to.clone())
                .collect();
            // Those that there are wait for something else.
            let others = hold.is_some() && available.iter().any(|it| to.is_none_or(|to| to == it));
            let mut reasons = because(match others {
                true => Reason::Because(String::new()),
                false => Reason::NoTransition { to: to.map(str::to_owned), available },
            });
            reasons.extend(self.not_theirs(step));
            return Err(reasons);
        }
        self.first_open(&ways, Trigger::Step(step), why, code)
    }

    /// A move: the step that leads to the status named, or a change within the state.
    fn goes(&self, to: &str, why: Option<&str>) -> Answer {
        if self.status(to).is_none() {
            return Err(because(Reason::UnknownStatus { status: to.to_owned(), meant: None }));
        }
        let all: Vec<&Transition> = self
            .definition
            .transitions
            .iter()
            .filter(|it| it.from.iter().any(|from| self.is_here(from)))
            .collect();
        let leads: Vec<Trigger> =
            Trigger::all().filter(|via| all.iter().any(|it| it.action == *via && it.to == to)).collect();
        let theirs = leads.iter().find(|via| match via {
            Trigger::Step(step) => !leads.contains(&Trigger::Move) && self.not_theirs(*step).is_none(),
            Trigger::Move => true,
        });
        let Some(via) = theirs.or(leads.first()).copied() else {
            let available = all.iter().map(|it| it.to.clone()).collect();
            return Err(because(Reason::NoTransition { to: Some(to.to_owned()), available }));
        };
        let ways: Vec<&Transition> =
            self.in_order(via, None).into_iter().filter(|way| way.to == to).collect();
        if via == Trigger::Step(StepKind::Resolve) {
            // The solution is wanted, whatever else is: with it, there would be words.
            let mut reasons = because(Reason::Because(String::new()));
            reasons
                .extend(self.first_open(&ways, via, Some("the solution"), false).err().unwrap_or_default());
            return Err(reasons);
        }
        let entered = self.first_open(&ways, via, why, false)?;
        if via == Trigger::Step(StepKind::Hold) && self.status(&entered).unwrap().reason.is_none() {
            return Err(because(Reason::Because(String::new())));
        }
        Ok(entered)
    }

    fn is_here(&self, status: &str) -> bool {
        status == self.ticket.status()
    }

    fn leads_from_here(&self, way: &Transition, via: Trigger) -> bool {
        way.action == via && way.from.iter().any(|from| self.is_here(from))
    }

    /// Which ways are asked, and in which order: those with guards as they are written, the one to the default, the
    /// others; of a hold first those for just its reason, and none for another one.
    fn in_order(&self, via: Trigger, hold: Option<&str>) -> Vec<&'a Transition> {
        let written: Vec<&Transition> =
            self.definition.transitions.iter().filter(|it| self.leads_from_here(it, via)).collect();
        if self.flaw == Flaw::TakesAnyOrder {
            return written;
        }
        let mut ways = Vec::new();
        for for_the_reason in [true, false] {
            for group in 0..3 {
                for way in &written {
                    let to = self.status(&way.to).unwrap();
                    let waits_for = to.reason.as_ref().map(|it| it.as_str());
                    let fits = match (hold, waits_for) {
                        (None, _) => for_the_reason,
                        (Some(hold), Some(reason)) => for_the_reason && hold == reason,
                        (Some(_), None) => !for_the_reason,
                    };
                    let of_group = match (way.when.is_empty(), to.default) {
                        (false, _) => 0,
                        (true, true) => 1,
                        (true, false) => 2,
                    };
                    if fits && of_group == group {
                        ways.push(*way);
                    }
                }
            }
        }
        ways
    }

    fn first_open(&self, ways: &[&Transition], via: Trigger, why: Option<&str>, code: bool) -> Answer {
        let theirs = match via {
            Trigger::Step(step) => self.not_theirs(step),
            Trigger::Move => None,
        };
        let mut reasons = BTreeSet::new();
        for way in ways {
            let closed = self.closed(way);
            let lacking = self.lacking(way, via, why, code);
            if !closed.is_empty() {
                reasons.extend(closed);
                reasons.extend(lacking);
                continue;
            }
            // This is the way; those before it are of no interest any more, and those after it are not asked.
            if lacking.is_empty() && theirs.is_none() {
                return Ok(way.to.clone());
            }
            reasons = lacking;
            break;
        }
        reasons.extend(theirs);
        Err(reasons)
    }

    fn closed(&self, way: &Transition) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        for guard in way.when.iter().filter(|_| self.flaw != Flaw::IgnoresGuards) {
            if !self.guard(guard) {
                reasons.extend(because(Reason::Guard { guard: guard.clone(), to: way.to.clone() }));
            }
        }
        let works = [Performer::Agent, Performer::Automation];
        let may = if way.action == Trigger::Move && way.may.is_empty() { &works[..] } else { &way.may };
        let anybody = may.is_empty() || self.cause == Cause::HoldEnds || self.flaw == Flaw::IgnoresTakers;
        if !anybody && !may.iter().any(|taker| self.is(taker)) {
            let may: Vec<String> = may.iter().map(ToString::to_string).collect();
            reasons.extend(because(Reason::Actor { may: may.join(" or ").into() }));
        }
        reasons
    }

    fn lacking(&self, way: &Transition, via: Trigger, why: Option<&str>, code: bool) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        let (from, to) = (self.status(self.ticket.status()).unwrap(), self.status(&way.to).unwrap());
        if matches!(self.cause, Cause::Hand | Cause::Silence) {
            let mut demanded: Vec<&String> = to.enter.iter().collect();
            let leaves = from.name != to.name && via != Trigger::Step(StepKind::Cancel);
            if leaves && self.flaw != Flaw::IgnoresLeaving {
                demanded.extend(&from.leave);
            }
            for field in demanded {
                let filled = match field.as_str() {
                    // Of the resolution that is being given, and not of one long undone.
                    "resolution_code" if via == Trigger::Step(StepKind::Resolve) => code,
                    field => self.filled(field),
                };
                if !filled {
                    reasons.extend(because(Reason::Missing { field: field.clone(), to: to.name.clone() }));
                }
            }
        }
        let says = why.is_some() || self.cause != Cause::Hand || self.flaw == Flaw::ForgetsReasons;
        if way.reason && !says {
            reasons.extend(because(Reason::Unsaid { to: to.name.clone() }));
        }
        reasons
    }

    pub(crate) fn filled(&self, field: &str) -> bool {
        let ticket = self.ticket;
        match field {
            "category" => !ticket.category.is_empty(),
            "tags" => !ticket.tags.is_empty(),
            "team" => ticket.team.is_some(),
            "assignee" => ticket.assignee.is_some(),
            "requester" => ticket.requester().is_some(),
            "resolution_code" => ticket.resolution_code.is_some(),
            "field.price" => ticket.field("price").is_some(),
            "field.note" => ticket.field("note").is_some(),
            other => unreachable!("no status here demands {other}"),
        }
    }

    fn guard(&self, guard: &str) -> bool {
        match guard {
            "dear" => matches!(self.ticket.field("price"), Some(Value::Integer(100..))),
            "noted" => self.ticket.field("note").is_some(),
            "sorted" => !self.ticket.category.is_empty(),
            "marked" => self.ticket.tags.contains("vip"),
            // A list is not the text.
            "lead" => self.by.attributes.get("role") == Some(&Value::from("lead")),
            "by agent" => matches!(self.by.who, Who::Agent(_)),
            other => unreachable!("no guard here is called {other}"),
        }
    }

    pub(crate) fn asks(&self) -> bool {
        match (&self.by.who, self.ticket.requester()) {
            (Who::Contact(_), None) => true,
            (Who::Contact(id), Some(requester)) => id == requester,
            _ => false,
        }
    }

    fn is(&self, taker: &Performer) -> bool {
        let agent = matches!(self.by.who, Who::Agent(_));
        let has = |name: &str, wanted: &str| match self.by.attributes.get(name) {
            Some(Value::Text(text)) => text == wanted,
            Some(Value::List(all)) => all.iter().any(|it| it == wanted),
            _ => false,
        };
        match taker {
            Performer::Requester => self.asks(),
            Performer::Agent => agent,
            Performer::Automation => matches!(self.by.who, Who::Automation(_) | Who::Desk),
            Performer::Line(line) => agent && has("line", line.name()),
            Performer::Role(role) => agent && has("role", role),
            _ => false,
        }
    }

    /// What the lifecycle says of hands.
    fn not_theirs(&self, step: StepKind) -> Option<String> {
        let contact = matches!(self.by.who, Who::Contact(_));
        let (theirs, may) = match step {
            StepKind::Confirm => (self.asks(), "the requester"),
            StepKind::Reopen | StepKind::Cancel => {
                (self.asks() || !contact, "the requester, agents and programs")
            }
            _ => (!contact, "agents and programs"),
        };
        let by_itself = matches!(self.cause, Cause::Message | Cause::HoldEnds);
        (!theirs && !by_itself).then(|| format!("{:?}", Reason::Actor { may: may.into() }))
    }

    /// Where a message of this actor leads by itself, and where not.
    pub(crate) fn after_message(&self) -> Option<Answer> {
        let action = match &self.ticket.state {
            State::OnHold(hold) if hold.reason.as_str() == "customer" => Action::resume(),
            State::Resolved(_) => Action::reopen(),
            _ => return None,
        };
        let message = Naive { cause: Cause::Message, ..*self };
        self.asks().then(|| message.answer(&action))
    }

    /// Where the clock leads.
    pub(crate) fn after_timer(&self) -> Answer {
        match self.ticket.state.kind() {
            StateKind::OnHold => Naive { cause: Cause::HoldEnds, ..*self }.answer(&Action::resume()),
            _ => Naive { cause: Cause::Silence, ..*self }.answer(&Action::close()),
        }
    }
}
