//! The thread that writes: commands one after another, each in a SAVEPOINT, and one commit for all that wait.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

use super::super::{Sqlite, commit_on, rolled_back};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::watch::Watch;
use crate::flow::{Flow, blocking};
use crate::id::DeskId;
use crate::store::sqlite::Within;

/// How many commands one commit takes at most: enough to share a sync among many, few enough that other programs do
/// not wait long for their turn.
const GROUP: usize = 256;

/// A command that waits for its turn, whatever it gives.
pub(super) type Order = Box<dyn Command>;

/// What the thread does with a command.
pub(super) trait Command: Send {
    /// Whether nobody waits for it any more.
    fn is_dropped(&self) -> bool;

    /// Decides and writes in the open transaction, and keeps the result; says whether it is a success. It may be run
    /// again, if what it wrote was rolled back: a decision is the same for the same rows.
    fn run(&mut self, within: &Within<'_>) -> bool;

    /// Forgets the result; says whether it was a success.
    fn forget(&mut self) -> bool;

    /// Hands the result to the caller. With an error, what was written is lost: a success becomes this error, while a
    /// command that failed by itself says why.
    fn answer(self: Box<Self>, lost: Option<Error>);
}

/// A command and the place where its answer will be heard.
pub(super) fn order<F: Flow>(
    desk: DeskId,
    flow: F,
    watch: Watch,
) -> (Order, oneshot::Receiver<Result<F::Out>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Waiting { desk, flow, watch, result: None, reply }), answer)
}

struct Waiting<F: Flow> {
    desk: DeskId,
    flow: F,
    /// Hears of the end once: not when it has run, but when its answer is certain.
    watch: Watch,
    result: Option<Result<F::Out>>,
    reply: oneshot::Sender<Result<F::Out>>,
}

impl<F: Flow> Command for Waiting<F> {
    fn is_dropped(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, within: &Within<'_>) -> bool {
        // A panic is the caller's, not that of all who wait behind it; those of its group try again without it.
        let Waiting { desk, flow, watch, .. } = &*self;
        let ran = catch_unwind(AssertUnwindSafe(|| blocking::watched(within, desk, flow, watch)));
        let result = ran.unwrap_or_else(|_| {
            within.give_up();
            Err(Error::new(ErrorKind::Storage, "the command panicked; nothing of it was written"))
        });
        self.result.insert(result).is_ok()
    }

    fn forget(&mut self) -> bool {
        matches!(self.result.take(), Some(Ok(_)))
    }

    fn answer(self: Box<Self>, lost: Option<Error>) {
        let result = match (self.result, lost) {
            (Some(Ok(_)) | None, Some(lost)) => Err(lost),
            (Some(result), _) => result,
            (None, None) => Err(Error::new(ErrorKind::Storage, "the command was not run")),
        };
        // Nor is a panic of whoever listens a reason to write no more.
        let _ = catch_unwind(AssertUnwindSafe(|| self.watch.ended::<F>(&result)));
        // Whoever dropped the future does not want to know.
        let _ = self.reply.send(result);
    }
}

/// Serves until the last sender is gone, and lets go of the store.
pub(super) fn serve(store: Sqlite, mut orders: mpsc::Receiver<Order>) {
    while let Some(first) = orders.blocking_recv() {
        group(&store, &mut std::iter::once(first).chain(std::iter::from_fn(|| orders.try_recv().ok())));
    }
}

/// Runs what waits in one transaction, commits it, and lets everybody know.
fn group(store: &Sqlite, waiting: &mut dyn Iterator<Item = Order>) {
    let mut ran: Vec<Order> = Vec::new();
    let committed = together(store, &mut waiting.take(GROUP).filter(|it| !it.is_dropped()), &mut ran);
    match committed {
        Ok(()) => ran.into_iter().for_each(|command| command.answer(None)),
        Err(error) if ran.len() <= 1 => {
            if let Some(alone) = ran.pop() {
                alone.answer(Some(error));
            }
        }
        // Nothing of the group is to be seen, and nobody was told otherwise. Each tries alone: one that fills the disk
        // fails no other, and nobody hears a refusal that rests on what was never written. Nor can it be written twice if
        // the group's commit is `Unknown`: what lies in the log is not seen by whoever decides again, and the first page
        // that one of them writes goes over it, so that only one of the two can be there in the end.
        Err(error) => {
            let patience = store.patience();
            for mut command in ran {
                // Forgotten before it tries, because its turn may not even begin. A success comes back with the group's
                // commit, if everything is killed before anything else is written. So its failure alone does not prove
                // that it is not there.
                let in_doubt = command.forget() && error.kind() == ErrorKind::Unknown;
                let alone = store.writing(patience).and_then(|connected| {
                    let connection = connected.connection()?;
                    let succeeded = command.run(&Within::group(connection, store.shared()));
                    commit_on(connection).map(|()| succeeded)
                });
                if in_doubt && !matches!(alone, Ok(true)) {
                    command.forget();
                    command.answer(Some(said_again(&error)));
                } else {
                    command.answer(alone.err());
                }
            }
        }
    }
}

/// Runs these in one transaction and commits it. Those that ran are in `ran`, also if it was for nothing.
///
/// # Errors
/// The transaction did not begin, or SQLite gave it up half-way, or could not commit it: nothing is written, or, with
/// [`ErrorKind::Unknown`], nothing that can be seen now.
fn together(store: &Sqlite, waiting: &mut dyn Iterator<Item = Order>, ran: &mut Vec<Order>) -> Result<()> {
    let Some(first) = waiting.next() else { return Ok(()) };
    ran.push(first);
    let connected = match store.writing(store.patience()) {
        Ok(connected) => connected,
        Err(error) => {
            // Those behind it have waited for the same busy database, and in vain as well: each after the other would
            // wait anew. Any other fault is the first one's alone, and the others try for themselves.
            if error.is_retryable() {
                waiting.for_each(|behind| behind.answer(Some(said_again(&error))));
            }
            return Err(error);
        }
    };
    let connection = connected.connection()?;
    let within = Within::group(connection, store.shared());
    loop {
        if let Some(command) = ran.last_mut() {
            command.run(&within);
        }
        // A full disk makes SQLite roll back everything, not only the statement that met it, and so does a panic. What ran
        // before is gone with it, and to go on would be to write outside of any transaction.
        if connection.is_autocommit() {
            return Err(rolled_back());
        }
        match waiting.next() {
            Some(next) => ran.push(next),
            None => return commit_on(connection),
        }
    }
}

/// The same for another who waited.
fn said_again(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}
