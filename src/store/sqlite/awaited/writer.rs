//! The thread that writes: commands one after another, each in a SAVEPOINT, and one commit for all that wait.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::super::{Connected, Sqlite, begin_on, fault};
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

    /// Decides and writes in the open transaction, and keeps the result. It may be run again, if what it wrote was
    /// rolled back: a decision is the same for the same rows.
    fn run(&mut self, within: &Within<'_>);

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

    fn run(&mut self, within: &Within<'_>) {
        // A panic in a decision is the caller's, not that of all who wait behind it.
        let Waiting { desk, flow, watch, .. } = &*self;
        let ran = catch_unwind(AssertUnwindSafe(|| blocking::watched(within, desk, flow, watch)));
        self.result = Some(ran.unwrap_or_else(|_| {
            within.undo();
            Err(Error::new(ErrorKind::Storage, "the command panicked; nothing of it was written"))
        }));
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

/// Serves until the last sender is gone.
pub(super) fn serve(store: &Sqlite, mut orders: mpsc::Receiver<Order>) {
    while let Some(first) = orders.blocking_recv() {
        let connected = store.writer();
        let mut waiting = std::iter::once(first).chain(std::iter::from_fn(|| orders.try_recv().ok()));
        group(store, &connected, &mut waiting);
    }
}

/// Runs what waits in one transaction, commits it, and lets everybody know.
fn group(store: &Sqlite, connected: &Connected<'_>, waiting: &mut dyn Iterator<Item = Order>) {
    let mut ran: Vec<Order> = Vec::new();
    let committed = connected.connection().and_then(|connection| {
        together(store, connection, &mut waiting.take(GROUP).filter(|it| !it.is_dropped()), &mut ran)
    });
    match committed {
        Ok(()) => ran.into_iter().for_each(|command| command.answer(None)),
        Err(error) if ran.len() <= 1 => {
            if let Some(alone) = ran.pop() {
                alone.answer(Some(error));
            }
        }
        // Nothing of the group is written, and nobody was told otherwise. Each tries alone: one that fills the disk
        // fails no other, and nobody hears a refusal that rests on what was never written.
        Err(_) => {
            for mut command in ran {
                let alone = connected.connection().and_then(|connection| {
                    begin_on(connection, "BEGIN IMMEDIATE")?;
                    command.run(&Within::group(connection, store.shared()));
                    commit(connection)
                });
                command.answer(alone.err());
            }
        }
    }
}

/// Runs these in one transaction and commits it. Those that ran are in `ran`, also if it was for nothing.
///
/// # Errors
/// The transaction did not begin, or SQLite gave it up half-way, or could not commit it: nothing is written.
fn together(
    store: &Sqlite,
    connection: &Connection,
    waiting: &mut dyn Iterator<Item = Order>,
    ran: &mut Vec<Order>,
) -> Result<()> {
    let Some(first) = waiting.next() else { return Ok(()) };
    ran.push(first);
    if let Err(error) = begin_on(connection, "BEGIN IMMEDIATE") {
        // Those behind it have waited for the same busy database, and in vain as well: each after the other would wait
        // anew. Any other fault is the first one's alone, and the others try for themselves.
        if error.is_retryable() {
            for behind in waiting {
                behind.answer(Some(Error::new(error.kind(), error.to_string())));
            }
        }
        return Err(error);
    }
    let within = Within::group(connection, store.shared());
    loop {
        if let Some(command) = ran.last_mut() {
            command.run(&within);
        }
        // A full disk makes SQLite roll back everything, not only the statement that met it. What ran before is gone
        // with it, and to go on would be to write outside of any transaction.
        if connection.is_autocommit() {
            return Err(rolled_back());
        }
        match waiting.next() {
            Some(next) => ran.push(next),
            None => return commit(connection),
        }
    }
}

fn commit(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Err(rolled_back());
    }
    let committed = connection.prepare_cached("COMMIT").and_then(|mut it| it.execute([]));
    committed.map(drop).map_err(|error| {
        // Should it fail, the next transaction rolls back before it begins.
        let _ = connection.execute_batch("ROLLBACK");
        fault(error)
    })
}

fn rolled_back() -> Error {
    Error::new(ErrorKind::Storage, "SQLite rolled the transaction back; nothing was written")
}
