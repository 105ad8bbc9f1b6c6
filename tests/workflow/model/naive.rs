//! A naive reading of the definition: it selects the transition of an action by comparing names in all transitions. It
//! is slow and simple, and does not use the desk's compiled table.

use std::collections::BTreeSet;

use firstline::lifecycle::{RejectionReason, StateKind, StepKind};
use firstline::workflow::{Performer, Status, Transition, Trigger};
use firstline::{Action, Actor, ContactRole, Snapshot, State, Value, Who, WorkflowDefinition};

/// A deliberate mistake of the interpreter, which the tests must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    IgnoresPerformers,
    IgnoresGuards,
    IgnoresLeaving,
    IgnoresOrder,
    ForgetsReasons,
}

/// The cause of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An actor's own action.
    Own,
    /// A message of a contact.
    Message,
    /// The end of a dated hold.
    HoldEnds,
    /// Silence until the end of the verification period.
    Silence,
}

/// The new status, or all reasons of the refusal.
pub(crate) type Answer = Result<String, BTreeSet<String>>;

pub(crate) struct Naive<'a> {
    pub(crate) definition: &'a WorkflowDefinition,
    pub(crate) ticket: &'a Snapshot,
    pub(crate) by: &'a Actor,
    pub(crate) cause: Cause,
    pub(crate) flaw: Flaw,
}

fn actor_reason(allowed: &[&str]) -> String {
    let allowed = allowed.iter().map(|it| (*it).to_owned()).collect();
    format!("{:?}", RejectionReason::Actor { allowed })
}

/// Reasons as a set of texts: all reasons in prose are equal, and the order of lists does not matter.
pub(crate) fn texts<'a>(reasons: impl IntoIterator<Item = &'a RejectionReason>) -> BTreeSet<String> {
    let plain = |reason: &RejectionReason| match reason {
        RejectionReason::Other(_) => "for words of its own".to_owned(),
        RejectionReason::UnknownStatus { status, .. } => format!("no status {status}"),
        RejectionReason::NoTransition { to, available } => {
            let available: BTreeSet<_> = available.iter().collect();
            format!("no way to {to:?}, only to {available:?}")
        }
        other => format!("{other:?}"),
    };
    reasons.into_iter().map(plain).collect()
}

fn because(reason: RejectionReason) -> BTreeSet<String> {
    texts([&reason])
}

impl<'a> Naive<'a> {
    fn status(&self, name: &str) -> Option<&'a Status> {
        self.definition.statuses.iter().find(|it| it.name == name)
    }

    /// The outcome of a step or a move.
    pub(crate) fn answer(&self, action: &Action) -> Answer {
        let none = (None, None);
        let (step, (to, why), hold, code) = match action {
            Action::Move { status, comment } => return self.move_answer(status, comment.as_deref()),
            Action::Hold { reason, options, .. } => (
                StepKind::Hold,
                (options.status.as_deref(), options.comment.as_deref()),
                Some(reason.as_str()),
                false,
            ),
            // A solution as text is a sufficient reason.
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
            return Err(because(RejectionReason::UnknownStatus { status: to.to_owned(), suggestion: None }));
        }
        let state = self.ticket.state.kind();
        if !state.accepts(step) {
            let mut reasons = because(RejectionReason::State);
            reasons.extend(self.actor_refusal(step));
            return Err(reasons);
        }
        let transitions: Vec<&Transition> = self
            .in_order(Trigger::Step(step), hold)
            .into_iter()
            .filter(|transition| to.is_none_or(|to| to == transition.to))
            .collect();
        if transitions.is_empty() {
            let all = self.definition.transitions.iter();
            let available: Vec<_> = all
                .filter(|it| self.leads_from_here(it, Trigger::Step(step)))
                .map(|it| it.to.clone())
                .collect();
            // The existing transitions wait for another reason.
            let others = hold.is_some() && available.iter().any(|it| to.is_none_or(|to| to == it));
            let mut reasons = because(match others {
                true => RejectionReason::Other(firstline::language::Sentence::default()),
                false => RejectionReason::NoTransition { to: to.map(str::to_owned), available },
            });
            reasons.extend(self.actor_refusal(step));
            return Err(reasons);
        }
        self.first_open(&transitions, Trigger::Step(step), why, code)
    }

    /// The outcome of a move: either the step that leads to the status, or a change within the state.
    fn move_answer(&self, to: &str, why: Option<&str>) -> Answer {
        if self.status(to).is_none() {
            return Err(because(RejectionReason::UnknownStatus { status: to.to_owned(), suggestion: None }));
        }
        let all: Vec<&Transition> = self
            .definition
            .transitions
            .iter()
            .filter(|it| it.from.iter().any(|from| self.is_here(from)))
            .collect();
        let leads: Vec<Trigger> = Trigger::all()
            .filter(|trigger| all.iter().any(|it| it.action == *trigger && it.to == to))
            .collect();
        let theirs = leads.iter().find(|trigger| match trigger {
            Trigger::Step(step) => !leads.contains(&Trigger::Move) && self.actor_refusal(*step).is_none(),
            Trigger::Move => true,
        });
        let Some(trigger) = theirs.or(leads.first()).copied() else {
            let available = all.iter().map(|it| it.to.clone()).collect();
            return Err(because(RejectionReason::NoTransition { to: Some(to.to_owned()), available }));
        };
        let transitions: Vec<&Transition> =
            self.in_order(trigger, None).into_iter().filter(|transition| transition.to == to).collect();
        if trigger == Trigger::Step(StepKind::Resolve) {
            // A move to a resolved status is always refused for its missing resolution, along with any other reasons.
            let mut reasons = because(RejectionReason::Other(firstline::language::Sentence::default()));
            reasons.extend(
                self.first_open(&transitions, trigger, Some("the solution"), false).err().unwrap_or_default(),
            );
            return Err(reasons);
        }
        let entered = self.first_open(&transitions, trigger, why, false)?;
        if trigger == Trigger::Step(StepKind::Hold) && self.status(&entered).unwrap().reason.is_none() {
            return Err(because(RejectionReason::Other(firstline::language::Sentence::default())));
        }
        Ok(entered)
    }

    fn is_here(&self, status: &str) -> bool {
        status == self.ticket.status()
    }

    fn leads_from_here(&self, transition: &Transition, trigger: Trigger) -> bool {
        transition.action == trigger && transition.from.iter().any(|from| self.is_here(from))
    }

    /// The candidates in their order: transitions with guards as written, then the one to the default, then the
    /// others. For a hold, those for its exact reason come first, and those for another reason are excluded.
    fn in_order(&self, trigger: Trigger, hold: Option<&str>) -> Vec<&'a Transition> {
        let written: Vec<&Transition> =
            self.definition.transitions.iter().filter(|it| self.leads_from_here(it, trigger)).collect();
        if self.flaw == Flaw::IgnoresOrder {
            return written;
        }
        let mut transitions = Vec::new();
        for for_the_reason in [true, false] {
            for group in 0..3 {
                for transition in &written {
                    let to = self.status(&transition.to).unwrap();
                    let waits_for = to.reason.as_ref().map(|it| it.as_str());
                    let fits = match (hold, waits_for) {
                        (None, _) => for_the_reason,
                        (Some(hold), Some(reason)) => for_the_reason && hold == reason,
                        (Some(_), None) => !for_the_reason,
                    };
                    let of_group = match (transition.when.is_empty(), to.default) {
                        (false, _) => 0,
                        (true, true) => 1,
                        (true, false) => 2,
                    };
                    if fits && of_group == group {
                        transitions.push(*transition);
                    }
                }
            }
        }
        transitions
    }

    fn first_open(
        &self,
        transitions: &[&Transition],
        trigger: Trigger,
        why: Option<&str>,
        code: bool,
    ) -> Answer {
        let theirs = match trigger {
            Trigger::Step(step) => self.actor_refusal(step),
            Trigger::Move => self.outsider_refusal(),
        };
        let mut reasons = BTreeSet::new();
        for transition in transitions {
            let failed_conditions = self.failed_conditions(transition);
            let missing_data = self.missing_data(transition, trigger, why, code);
            if !failed_conditions.is_empty() {
                reasons.extend(failed_conditions);
                reasons.extend(missing_data);
                continue;
            }
            // This transition is selected. Reasons of earlier candidates no longer matter, and later ones are not
            // evaluated.
            if missing_data.is_empty() && theirs.is_none() {
                return Ok(transition.to.clone());
            }
            reasons = missing_data;
            break;
        }
        reasons.extend(theirs);
        Err(reasons)
    }

    fn failed_conditions(&self, transition: &Transition) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        for guard in transition.when.iter().filter(|_| self.flaw != Flaw::IgnoresGuards) {
            if !self.guard(guard) {
                reasons.extend(because(RejectionReason::Guard {
                    guard: guard.clone(),
                    to: transition.to.clone(),
                }));
            }
        }
        let works = [Performer::Agent, Performer::Automation];
        let may = if transition.action == Trigger::Move && transition.may.is_empty() {
            &works[..]
        } else {
            &transition.may
        };
        let anybody = may.is_empty() || self.cause == Cause::HoldEnds || self.flaw == Flaw::IgnoresPerformers;
        if !anybody && !may.iter().any(|performer| self.is(performer)) {
            let may: Vec<String> = may.iter().map(ToString::to_string).collect();
            reasons.extend(because(RejectionReason::Actor { allowed: may }));
        }
        reasons
    }

    fn missing_data(
        &self,
        transition: &Transition,
        trigger: Trigger,
        why: Option<&str>,
        code: bool,
    ) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        let (from, to) = (self.status(self.ticket.status()).unwrap(), self.status(&transition.to).unwrap());
        if matches!(self.cause, Cause::Own | Cause::Silence) {
            let mut demanded: Vec<&String> = to.enter.iter().collect();
            let leaves = from.name != to.name && trigger != Trigger::Step(StepKind::Cancel);
            if leaves && self.flaw != Flaw::IgnoresLeaving {
                demanded.extend(&from.leave);
            }
            for field in demanded {
                let filled = match field.as_str() {
                    // The code must be given with this resolution. The code of an earlier resolution does not
                    // count.
                    "resolution_code" if trigger == Trigger::Step(StepKind::Resolve) => code,
                    field => self.filled(field),
                };
                if !filled {
                    reasons.extend(because(RejectionReason::Missing {
                        field: field.clone(),
                        to: to.name.clone(),
                    }));
                }
            }
        }
        let says = why.is_some() || self.cause != Cause::Own || self.flaw == Flaw::ForgetsReasons;
        if transition.reason && !says {
            reasons.extend(because(RejectionReason::MissingComment { to: to.name.clone() }));
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
            "pressing" => self.ticket.priority().rank() <= 3,
            // A list is not equal to a text.
            "lead" => self.by.attributes.get("role") == Some(&Value::from("lead")),
            "by agent" => matches!(self.by.who, Who::Agent(_)),
            other => unreachable!("no guard here is called {other}"),
        }
    }

    /// The role of the actor on the ticket, if they are one of its contacts.
    fn role(&self) -> Option<ContactRole> {
        match &self.by.who {
            Who::Contact(id) => self.ticket.contacts.get(id).copied(),
            _ => None,
        }
    }

    pub(crate) fn is_requester(&self) -> bool {
        self.role() == Some(ContactRole::Requester)
    }

    fn is(&self, performer: &Performer) -> bool {
        let agent = matches!(self.by.who, Who::Agent(_));
        let has = |name: &str, wanted: &str| match self.by.attributes.get(name) {
            Some(Value::Text(text)) => text == wanted,
            Some(Value::List(all)) => all.iter().any(|it| it == wanted),
            _ => false,
        };
        match performer {
            Performer::Requester => self.is_requester(),
            Performer::Agent => agent,
            Performer::Automation => matches!(self.by.who, Who::Automation(_) | Who::Desk),
            Performer::Line(line) => agent && has("line", line.name()),
            Performer::Role(role) => agent && has("role", role),
            _ => false,
        }
    }

    /// The actor refusal of the lifecycle, if there is one.
    fn actor_refusal(&self, step: StepKind) -> Option<String> {
        let contact = matches!(self.by.who, Who::Contact(_));
        let (theirs, may): (bool, &[&str]) = match step {
            StepKind::Confirm => (self.is_requester(), &["requester"]),
            StepKind::Cancel => (self.is_requester() || !contact, &["requester", "agent", "automation"]),
            StepKind::Reopen => {
                let affected = self.role() == Some(ContactRole::Affected);
                let may = &["requester", "affected", "agent", "automation"];
                (self.is_requester() || affected || !contact, may)
            }
            _ => (!contact, &["agent", "automation"]),
        };
        let by_itself = matches!(self.cause, Cause::Message | Cause::HoldEnds);
        (!theirs && !by_itself).then(|| actor_reason(may))
    }

    /// The refusal of a move within a state by a person who is not on the ticket.
    fn outsider_refusal(&self) -> Option<String> {
        let outsider = matches!(self.by.who, Who::Contact(_)) && self.role().is_none();
        outsider.then(|| actor_reason(&["requester", "affected", "cc", "agent", "automation"]))
    }

    /// The automatic transition of a message of this actor.
    pub(crate) fn after_message(&self) -> Option<Answer> {
        let role = self.role()?;
        let action = match &self.ticket.state {
            State::OnHold(hold) if hold.reason.as_str() == "customer" => Action::resume(),
            State::Resolved(_) if role != ContactRole::Cc => Action::reopen(),
            _ => return None,
        };
        let message = Naive { cause: Cause::Message, ..*self };
        Some(message.answer(&action))
    }

    /// The automatic transition of a due timer.
    pub(crate) fn after_timer(&self) -> Answer {
        match self.ticket.state.kind() {
            StateKind::OnHold => Naive { cause: Cause::HoldEnds, ..*self }.answer(&Action::resume()),
            _ => Naive { cause: Cause::Silence, ..*self }.answer(&Action::close()),
        }
    }
}
