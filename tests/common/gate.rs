//! A gate inside a decision. A test waits until an operation has reached it, does something else, and then opens it.

#![allow(dead_code)] // No test target uses all of it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use firstline::operation::{Engine, Interrupt, Job, Loaded, Operation, OperationLabel};
use firstline::store::{Commit, Mode, Read};
use firstline::{DeskId, TicketId};

/// The operation's end of a gate.
#[derive(Debug)]
pub(crate) struct Gate(Mutex<Option<(Sender<()>, Receiver<()>)>>);

/// The test's end of a gate. Dropping it opens the gate.
#[derive(Debug)]
pub(crate) struct Pause {
    reached: Receiver<()>,
    _open: Sender<()>,
}

/// Creates a closed gate.
pub(crate) fn closed_gate() -> (Gate, Pause) {
    let ((reached, is_reached), (open, is_open)) = (channel(), channel());
    (Gate(Mutex::new(Some((reached, is_open)))), Pause { reached: is_reached, _open: open })
}

impl Gate {
    /// Waits until the gate is open. Only the first call waits, because a decision may be made again.
    pub(crate) fn pass(&self) {
        let first = self.0.lock().unwrap().take();
        if let Some((reached, is_open)) = first {
            let _ = reached.send(());
            let _ = is_open.recv(); // Returns an error when the other end is dropped.
        }
    }
}

impl Pause {
    /// Waits until an operation has reached the gate.
    pub(crate) fn until_reached(&self) {
        self.reached.recv().expect("the operation ended before it reached the gate");
    }

    pub(crate) fn end(self) {}
}

/// An operation that passes a gate and does nothing.
#[derive(Debug)]
pub(crate) struct Passing(pub(crate) Gate, pub(crate) Mode);

impl Operation for Passing {
    type Out = ();

    fn mode(&self) -> Mode {
        self.1
    }

    fn decide(&self, _: &Loaded) -> Result<(Commit, ()), Interrupt> {
        self.0.pass();
        Ok((Commit::new(), ()))
    }
}

/// An engine whose first decision passes a gate.
#[derive(Debug)]
pub(crate) struct Gated<E>(E, Arc<Gate>);

impl<E> Gated<E> {
    pub(crate) fn new(engine: E, gate: Gate) -> Gated<E> {
        Gated(engine, Arc::new(gate))
    }
}

struct Through<F>(F, Arc<Gate>);

impl<F: Operation> Operation for Through<F> {
    type Out = F::Out;

    fn label(&self) -> OperationLabel {
        self.0.label()
    }

    fn ticket_of(out: &F::Out) -> Option<TicketId> {
        F::ticket_of(out)
    }

    fn is_replayed(out: &F::Out) -> bool {
        F::is_replayed(out)
    }

    fn mode(&self) -> Mode {
        self.0.mode()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.0.needs(reads);
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, F::Out), Interrupt> {
        self.1.pass();
        self.0.decide(loaded)
    }
}

impl<E: Engine> Engine for Gated<E> {
    type Reply<'a, T: Send + 'a>
        = E::Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> E::Reply<'a, F::Out> {
        self.0.run(desk, Through(operation, Arc::clone(&self.1)))
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> E::Reply<'a, J::Out> {
        self.0.run_job(desk, job)
    }
}
