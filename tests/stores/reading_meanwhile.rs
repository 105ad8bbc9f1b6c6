//! Reads in two steps with a write in between give a consistent result. A store only guarantees that a later read never
//! sees an older state.

use std::sync::{Arc, Mutex};

use firstline::memory::Memory;
use firstline::sla::{Agreement, Metric, Target};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::workflow::Workflow;
use firstline::*;

type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Answers each read from the current state, and runs a closure after the first ticket that is read.
#[derive(Clone, Default)]
struct Slow(Memory, Meanwhile);

struct SlowTx(Slow, DeskId, Mode);

impl Store for Slow {
    type Tx<'a> = SlowTx;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<SlowTx> {
        Ok(SlowTx(self.clone(), desk.clone(), mode))
    }
}

impl Tx for SlowTx {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let answer = |read: &Read| {
            let answer = self.0.0.begin(&self.1, Mode::Read)?.load(std::slice::from_ref(read))?.remove(0);
            if self.2 == Mode::Read && matches!(read, Read::Ticket(_) | Read::Find(_)) {
                let meanwhile = self.0.1.lock().unwrap().take();
                meanwhile.into_iter().for_each(|happens| happens());
            }
            Ok(answer)
        };
        reads.iter().map(answer).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        self.0.0.begin(&self.1, Mode::Write)?.commit(commit)
    }
}

impl Slow {
    /// Acts once, after the next ticket has been read.
    fn meanwhile(&self, ticket: TicketId, action: Action) {
        let desk = Desk::over(self.clone(), "acme");
        let happens = move || drop(desk.act(ticket, action, Actor::agent("anna")).unwrap());
        *self.1.lock().unwrap() = Some(Box::new(happens));
    }
}

#[test]
fn a_process_map_excludes_later_transitions() {
    let store = Slow::default();
    let desk = Desk::over(store.clone(), "acme");
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let workflow = Workflow::simple();
    let [new, active] = ["new", "active"].map(|name| workflow.find(name).unwrap());
    for (standing, took) in [(1, 0), (0, 1)] {
        store.meanwhile(id, if took == 0 { Action::start() } else { Action::resolve("unmuted") });
        let counted = desk.reports().process_map(workflow).unwrap();
        assert_eq!((counted.tickets_in(new), counted.transition_count(new, active)), (standing, took));
        assert!(store.1.lock().unwrap().is_none(), "somebody wrote in between");
    }
}

/// The clock of a ticket that was on hold is recalculated from the opening. For this, the history is read after the
/// ticket.
#[test]
fn a_history_longer_than_its_ticket_is_not_corrupt() {
    let store = Slow::default();
    let desk = Desk::over(store.clone(), "acme");
    let target = || Target::new(Metric::Resolution);
    let gold = Agreement::new("gold", 1)
        .when(Condition::field("tags").contains("gold"))
        .target(target().within(TimeDelta::hours(4)).pause_on([HoldReason::ThirdParty]));
    let usual = Agreement::new("usual", 2).target(target().within(TimeDelta::hours(16)));
    desk.setup().adopt(&Policy::new().agreement(gold).agreement(usual)).unwrap();
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let anna = Actor::agent("anna");
    desk.act(id, Action::hold(HoldReason::Customer), &anna).unwrap();
    desk.act(id, Action::resume(), &anna).unwrap();
    store.meanwhile(id, Action::note("looked at it"));
    let clocks = desk.reports().what_if(id, Action::tag("gold"), &anna).unwrap();
    assert!(store.1.lock().unwrap().is_none(), "somebody wrote in between");
    assert_eq!(clocks[0].target, TimeDelta::hours(4));

    store.meanwhile(id, Action::note("looked at it again"));
    let ledger = desk.reports().explain(id, Metric::Resolution).unwrap();
    assert!(store.1.lock().unwrap().is_none(), "somebody wrote in between");
    assert_eq!(ledger.clock.target, TimeDelta::hours(16));
}
