//! The stores side by side, and the invariants after every command.

use firstline::ticket::event::Cause;
use firstline::ticket::kind::Link;
use firstline::{
    Action, ActionKind, Actor, Change, CommandOptions, Contact, ErrorKind, InboundMessage, LinkKind,
    NewTicket, Query, Receipt, Rejection, RejectionReason, Snapshot, StateKind, StepKind, TicketId,
    TimeDelta,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::actions::{PEOPLE, WORDS, actor, pick, policy, versioned};
use super::command::{Command, Part};
use super::ledger::Ledger;
use super::stage::Stage;
use super::tally::{OUTCOMES, Tally, accepts};

type Played = Result<(), TestCaseError>;

/// A call that can be repeated.
#[derive(Debug, Clone)]
enum Call {
    /// A message with its thread and its sender.
    Receive(InboundMessage, String, &'static str),
    Act(TicketId, Action, Actor, CommandOptions),
}

/// The result of a call in a form that can be compared.
type Outcome = Result<Receipt, Box<(ErrorKind, String, Option<Rejection>)>>;

fn call(stage: &Stage, call: &Call) -> Outcome {
    let result = match call.clone() {
        Call::Receive(message, ..) => stage.desk.receive(message),
        Call::Act(ticket, action, _, by) => stage.desk.act(ticket, action, by),
    };
    result.map_err(|error| Box::new((error.kind(), error.to_string(), error.rejection().cloned())))
}

/// The answers before a call.
#[derive(Debug, Default)]
struct Foreseen {
    /// The answer of the handle; `None` if it cannot know.
    predicted: Option<Option<Rejection>>,
    /// The answer of the desk.
    tried: Option<Result<Option<Rejection>, String>>,
    /// The answer of the model; `None` if it does not know.
    expected: Option<bool>,
    links_before: Vec<Link>,
}

pub(crate) struct World {
    pub(crate) stages: Vec<Stage>,
    pub(crate) tickets: Vec<TicketId>,
    last: Option<Call>,
    played: usize,
    ledger: Ledger,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(stages: Vec<Stage>) -> World {
        for stage in &stages {
            stage.desk.setup().adopt(&policy(1)).unwrap();
        }
        let (ledger, tally) = (Ledger::default(), Tally::default());
        World { stages, tickets: Vec::new(), last: None, played: 0, ledger, tally }
    }

    fn count_outcome(&mut self, outcome: &'static str) {
        assert!(OUTCOMES.contains(&outcome));
        *self.tally.outcomes.entry(outcome).or_default() += 1;
    }

    fn ticket(&self, n: u8) -> Snapshot {
        self.stages[0].ticket(pick(&self.tickets, n))
    }

    /// The same, but mostly a ticket that is neither final nor new, because such tickets are rarer.
    fn ticket_in_work(&self, n: u8) -> Snapshot {
        let all = self.tickets.iter().map(|id| self.stages[0].ticket(*id));
        let ticket_in_work = |it: &Snapshot| !it.state.kind().is_final() && it.state.kind() != StateKind::New;
        let all: Vec<Snapshot> = all.filter(ticket_in_work).collect();
        if n.is_multiple_of(4) || all.is_empty() {
            self.ticket(n)
        } else {
            all[usize::from(n) % all.len()].clone()
        }
    }

    pub(crate) fn play(&mut self, command: &Command) -> Played {
        match *command {
            Command::Open { requester, thread, vip, text, key } => {
                let contact = Contact::new(pick(&PEOPLE, requester)).attribute("vip", vip).named("Имя");
                let request = NewTicket::new(pick(&WORDS, text)).from(contact).message(pick(&WORDS, text));
                let request = thread.into_iter().fold(request, |it, n| it.thread(format!("chat-{n}")));
                let request = key.into_iter().fold(request, |it, n| it.idempotency_key(format!("key-{n}")));
                let opened: Vec<_> = self
                    .stages
                    .iter()
                    .map(|it| it.desk.open_ticket(request.clone()).map_err(|e| e.to_string()))
                    .collect();
                for other in &opened[1..] {
                    prop_assert_eq!(other, &opened[0]);
                }
                if let Ok(ticket) = &opened[0] {
                    if !ticket.replayed() {
                        self.ledger.opened(ticket.id(), thread.map(|n| format!("chat-{n}")).as_deref());
                    }
                    self.sound(ticket.id())?;
                }
            }
            Command::Receive { requester, thread, text, key } => {
                let (sender, thread) = (pick(&PEOPLE, requester), format!("chat-{thread}"));
                let message = InboundMessage::new(pick(&WORDS, text))
                    .subject(pick(&WORDS, text))
                    .from(sender)
                    .thread(thread.as_str());
                let message = key.into_iter().fold(message, |it, n| it.idempotency_key(format!("key-{n}")));
                self.call(Call::Receive(message, thread, sender))?;
            }
            Command::Step { ticket, step, legal, right_actor, expected, key } => {
                let snapshot = self.ticket_in_work(ticket);
                let state = self.state_by_now(&snapshot);
                let legal_ones: Vec<StepKind> =
                    StepKind::ALL.iter().copied().filter(|it| accepts(state, *it)).collect();
                let step = if legal && !legal_ones.is_empty() {
                    pick(&legal_ones, step)
                } else {
                    pick(StepKind::ALL, step)
                };
                *self.tally.tried.entry((state, step)).or_default() += 1;
                let requester = snapshot.requester().map_or("nobody", |it| it.as_str()).to_owned();
                let actor = if (step == StepKind::Confirm) == right_actor {
                    Actor::contact(requester)
                } else {
                    Actor::agent("anna")
                };
                let by = versioned(&actor, &snapshot, expected);
                let by = key.into_iter().fold(by, |it, n| it.idempotency_key(format!("key-{n}")));
                self.call(Call::Act(snapshot.id, self.step(step, ticket), actor, by))?;
            }
            Command::Part { ticket, ref part, by, expected } => {
                let snapshot = self.ticket(ticket);
                let actor = actor(by);
                let by = versioned(&actor, &snapshot, expected);
                self.call(Call::Act(snapshot.id, self.part(part), actor, by))?;
            }
            Command::Both { ticket, ref first, step, by } => {
                let (id, before) = (pick(&self.tickets, ticket), self.ticket(ticket).version);
                let both = self.part(first).and(self.step(pick(StepKind::ALL, step), by));
                let actor = actor(by);
                self.call(Call::Act(id, both, actor.clone(), actor.into()))?;
                if self.ticket(ticket).version == before {
                    self.count_outcome("two parts refused");
                }
            }
            Command::Undo { ticket, by } => {
                let id = pick(&self.tickets, ticket);
                let last = self.ledger.last_actor(id).filter(|_| !by.is_multiple_of(8));
                let actor = last.unwrap_or_else(|| actor(by / 8));
                self.call(Call::Act(id, Action::undo(), actor.clone(), actor.into()))?;
            }
            Command::NotSpam { ticket } => {
                let is_spam = |id: &&TicketId| self.stages[0].ticket(**id).spam;
                let spam: Vec<TicketId> = self.tickets.iter().filter(is_spam).copied().collect();
                let id = pick(if spam.is_empty() { &self.tickets } else { &spam }, ticket);
                let anna = Actor::agent("anna");
                self.call(Call::Act(id, Action::not_spam(), anna.clone(), anna.into()))?;
            }
            Command::RequesterMessage { ticket, text } => {
                let snapshot = self.ticket(ticket);
                let requester = Actor::contact(snapshot.requester().map_or("nobody", |it| it.as_str()));
                self.call(Call::Act(
                    snapshot.id,
                    self.part(&Part::Reply(text)),
                    requester.clone(),
                    requester.into(),
                ))?;
            }
            Command::Again => {
                if let Some(last) = self.last.clone() {
                    self.call(last)?;
                }
            }
            Command::Advance { minutes } => {
                self.stages.iter().for_each(|it| it.later(TimeDelta::minutes(minutes.into())));
            }
            Command::Tick { minutes } => self.tick(TimeDelta::minutes(minutes.into()))?,
            Command::Adopt { policy: n } => {
                let adopted: Vec<_> =
                    self.stages.iter().map(|it| it.desk.setup().adopt(&policy(n)).unwrap()).collect();
                prop_assert!(adopted.windows(2).all(|pair| pair[0] == pair[1]));
            }
        }
        self.same_tickets()
    }

    /// The state that a decision starts from: due timers have fired.
    fn state_by_now(&self, ticket: &Snapshot) -> StateKind {
        match ticket.timers().first() {
            Some(timer) if timer.due <= self.stages[0].now() => match ticket.state.kind() {
                StateKind::OnHold => StateKind::Active,
                _ => StateKind::Closed,
            },
            _ => ticket.state.kind(),
        }
    }

    fn foresee(&self, call: &Call) -> Foreseen {
        let Call::Act(id, action, actor, _) = call else { return Foreseen::default() };
        let (stage, handle) = (&self.stages[0], self.stages[0].desk.ticket(*id).unwrap());
        let due = handle.timers().iter().any(|timer| timer.due <= stage.now());
        // A handle knows neither the clock nor the history.
        let is_correction = |part: &&Action| matches!(part, Action::Undo | Action::NotSpam);
        let is_known = !due && !action.parts().iter().any(is_correction);
        let tried = stage.desk.reports().why_not(*id, action.clone(), actor);
        Foreseen {
            predicted: is_known.then(|| handle.why_not_by(action, actor)),
            tried: Some(tried.map_err(|error| error.to_string())),
            expected: if due { None } else { self.ledger.accepts(stage, handle.snapshot(), action, actor) },
            links_before: stage.links(*id),
        }
    }

    /// Makes the call over every store, compares the outcomes and checks the changed ticket.
    fn call(&mut self, new_call: Call) -> Played {
        let Foreseen { predicted, tried, expected, links_before } = self.foresee(&new_call);
        let before: Vec<u64> = self.tickets.iter().map(|id| self.stages[0].ticket(*id).version).collect();
        let outcomes: Vec<Outcome> = self.stages.iter().map(|stage| call(stage, &new_call)).collect();
        for (other, stage) in outcomes.iter().zip(&self.stages).skip(1) {
            prop_assert_eq!(other, &outcomes[0], "{} differs", stage.name);
        }
        match &outcomes[0] {
            Ok(receipt) => {
                if let (Some(Some(why_not)), false) = (&predicted, receipt.replayed) {
                    return Err(TestCaseError::fail(format!("it was accepted although {why_not}")));
                }
                if !receipt.replayed {
                    prop_assert!(tried.is_none_or(|it| it == Ok(None)), "the desk refused it in advance");
                    prop_assert_ne!(expected, Some(false), "the model refuses {:?}", new_call);
                    match &new_call {
                        Call::Act(_, action, actor, _) => {
                            self.ledger.acted(&self.stages, links_before, (action, actor), receipt)?;
                        }
                        Call::Receive(_, thread, sender) => {
                            self.ledger.received(thread, receipt, sender, &self.stages[0]);
                        }
                    }
                }
                self.count_outcomes(receipt);
                self.sound(receipt.ticket.id())?;
            }
            Err(refusal) => {
                let (kind, text, rejection) = &**refusal;
                let after: Vec<u64> =
                    self.tickets.iter().map(|id| self.stages[0].ticket(*id).version).collect();
                prop_assert_eq!(after, before, "a refused call changed a ticket");
                prop_assert!(
                    !text.is_empty() && !matches!(kind, ErrorKind::Storage | ErrorKind::Corrupt),
                    "{}",
                    text
                );
                let unrelated = matches!(kind, ErrorKind::KeyReused | ErrorKind::Conflict);
                prop_assert!(
                    unrelated || expected != Some(true),
                    "the model accepts {:?}: {}",
                    new_call,
                    text
                );
                if let (Call::Act(_, action, ..), false) = (&new_call, unrelated) {
                    let refused = rejection.clone().map_or_else(|| Err(text.clone()), |it| Ok(Some(it)));
                    prop_assert_eq!(tried, Some(refused), "the desk gave another answer in advance");
                    match action {
                        Action::Undo => self.count_outcome("undo refused"),
                        Action::Take => self.count_outcome("take refused"),
                        Action::Thread(_) => self.count_outcome("thread key refused"),
                        Action::TimeSpent { .. } => self.count_outcome("time refused"),
                        _ => {}
                    }
                }
                match kind {
                    ErrorKind::KeyReused => self.count_outcome("key reused"),
                    ErrorKind::Conflict => self.count_outcome("conflict"),
                    _ => {}
                }
                if let Some(rejection) = rejection {
                    let by_lifecycle =
                        !matches!(rejection.all_reasons().next(), Some(RejectionReason::Other(_)));
                    if rejection.action == ActionKind::Link && !by_lifecycle {
                        self.count_outcome("link refused");
                    }
                    if let (true, Some(predicted)) = (by_lifecycle, &predicted) {
                        prop_assert_eq!(predicted.as_ref(), Some(rejection), "why_not gave another answer");
                    }
                }
            }
        }
        self.last = Some(new_call);
        Ok(())
    }

    fn count_outcomes(&mut self, receipt: &Receipt) {
        if receipt.replayed {
            return self.count_outcome("replayed");
        }
        let undone = receipt.events.iter().find_map(|event| match &event.change {
            Change::Undone { versions, .. } => Some(versions.clone()),
            _ => None,
        });
        if let Some(versions) = undone {
            let history = self.stages[0].history(receipt.ticket.id());
            let commanded = |of: fn(&Change) -> bool| {
                history.iter().any(|event| versions.contains(&event.version) && of(&event.change))
            };
            let is_link = |change: &Change| matches!(change, Change::Linked(_) | Change::Unlinked(_));
            let found = [commanded(is_link), commanded(|change| *change == Change::ThreadAdded)];
            self.count_outcome("undone");
            for (outcome, found) in ["link undone", "thread key undone"].into_iter().zip(found) {
                if found {
                    self.count_outcome(outcome);
                }
            }
        }
        for event in &receipt.events {
            match &event.change {
                Change::StateChanged { cause: Cause::NotSpam, .. } => {
                    self.count_outcome("restored from spam")
                }
                Change::Assigned { to: Some(to) } if event.by == Actor::agent(to.clone()) => {
                    self.count_outcome("taken");
                }
                Change::StateChanged { cause: Cause::Message, step: Some(StepKind::Reopen), .. } => {
                    self.count_outcome("message reopened");
                }
                Change::Linked(Link { kind: LinkKind::FollowUpOf, .. }) => {
                    self.count_outcome("follow-up opened")
                }
                _ => {}
            }
        }
    }

    /// Checks the invariants of a ticket in the first store. The other stores gave the same results, and `finish`
    /// checks all of them.
    fn sound(&self, id: TicketId) -> Played {
        self.sound_in(&self.stages[..1], id)
    }

    fn sound_in(&self, stages: &[Stage], id: TicketId) -> Played {
        for stage in stages {
            let (ticket, history) = (stage.ticket(id), stage.history(id));
            let folded = Snapshot::fold(&history)
                .map_err(|error| TestCaseError::fail(format!("{}: {error}", stage.name)))?;
            prop_assert_eq!(&folded, &ticket, "{}: the row is not the fold of the history", stage.name);
            prop_assert!(
                history.iter().map(|it| it.version).eq(1..=history.len() as u64),
                "versions have gaps"
            );
            prop_assert!(history.windows(2).all(|it| it[0].at <= it[1].at), "time runs backwards");
            prop_assert!(
                stage.links(id).iter().all(|link| {
                    let inverse = Link { kind: link.kind.inverse(), to: id };
                    stage.links(link.to).contains(&inverse)
                }),
                "a link is on one ticket only"
            );
            prop_assert!(ticket.timers().len() <= 1);
        }
        Ok(())
    }

    fn tick(&mut self, ahead: TimeDelta) -> Played {
        let until = self.stages[0].now() + ahead;
        let due: Vec<Snapshot> = self
            .tickets
            .iter()
            .map(|id| self.stages[0].ticket(*id))
            .filter(|ticket| ticket.timers().iter().any(|timer| timer.due <= until))
            .collect();
        for stage in &self.stages {
            let ticked = stage.desk.tick(until).unwrap();
            prop_assert!(ticked.failed.is_empty(), "{}: {:?}", stage.name, ticked.failed);
            prop_assert_eq!(ticked.fired, due.len(), "{} fired other timers than the due ones", stage.name);
            prop_assert_eq!(stage.desk.tick(until).unwrap().fired, 0, "{} fired twice", stage.name);
        }
        for before in due {
            let held = before.state.kind() == StateKind::OnHold;
            self.count_outcome(if held { "hold ended" } else { "closed in silence" });
            let ticket = self.stages[0].ticket(before.id);
            prop_assert_eq!(ticket.state.kind(), if held { StateKind::Active } else { StateKind::Closed });
            prop_assert_eq!(
                ticket.state_since,
                before.timers()[0].due.max(before.updated_at),
                "dated at another time"
            );
            self.sound(before.id)?;
        }
        Ok(())
    }

    /// Checks after every eighth command that every store has the same tickets with the same content, in the same
    /// order.
    fn same_tickets(&mut self) -> Played {
        self.played += 1;
        if !self.played.is_multiple_of(8) {
            let page = self.stages[0].desk.find(Query::oldest().limit(1_000)).unwrap();
            self.tickets = page.tickets.iter().map(firstline::Ticket::id).collect();
            return Ok(());
        }
        for query in [Query::oldest().limit(1_000), Query::inbox().limit(7)] {
            let pages: Vec<_> = self.stages.iter().map(|it| it.desk.find(query.clone()).unwrap()).collect();
            for (page, stage) in pages.iter().zip(&self.stages).skip(1) {
                prop_assert_eq!(page, &pages[0], "{} finds something else", stage.name);
            }
            if query.page_size() == 1_000 {
                self.tickets = pages[0].tickets.iter().map(firstline::Ticket::id).collect();
            }
        }
        Ok(())
    }

    /// Checks everything once more, in all stores.
    pub(crate) fn finish(&mut self) -> Played {
        self.played = 7;
        self.same_tickets()?;
        for id in &self.tickets {
            self.sound_in(&self.stages, *id)?;
            let histories: Vec<_> = self.stages.iter().map(|it| it.history(*id)).collect();
            prop_assert!(histories.windows(2).all(|pair| pair[0] == pair[1]), "histories differ");
        }
        self.ledger.finish(&self.stages)?;
        self.tick(TimeDelta::days(3_650))
    }
}
