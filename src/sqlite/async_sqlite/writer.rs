//! The writer thread. It runs commands one after another, each in a SAVEPOINT, and commits all waiting commands
//! together.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

use super::super::{Connected, Sqlite, rolled_back};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Operation, blocking};
use crate::sqlite::SqliteWithin;

/// The maximum number of commands in one commit. Many commands then share a sync, and other programs do not wait long.
const GROUP: usize = 256;

/// An enqueued command with any result type.
pub(super) type Order = Box<dyn Command>;

/// The writer thread's view of a command.
pub(super) trait Command: Send {
    /// True if the caller has dropped the future.
    fn is_dropped(&self) -> bool;

    /// Runs the command in the open transaction, stores the result, and returns true on success. After a rollback it
    /// may be run again: a decision depends only on the rows.
    fn run(&mut self, within: &SqliteWithin<'_>) -> bool;

    /// Discards the result. Returns true if the command had succeeded.
    fn forget(&mut self) -> bool;

    /// Sends the result to the caller. `lost` is given if the command's writes were lost; it replaces a success. A
    /// command that failed keeps its own error.
    fn answer(self: Box<Self>, lost: Option<Error>);
}

/// Creates a command for the queue and the receiver of its result.
pub(super) fn order<F: Operation>(
    desk: DeskId,
    operation: F,
    watch: Watch,
) -> (Order, oneshot::Receiver<Result<F::Out>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Waiting { desk, operation, watch, result: None, reply }), answer)
}

struct Waiting<F: Operation> {
    desk: DeskId,
    operation: F,
    /// Ended once, when the answer is final. The command may run several times before that.
    watch: Watch,
    result: Option<Result<F::Out>>,
    reply: oneshot::Sender<Result<F::Out>>,
}

impl<F: Operation> Command for Waiting<F> {
    fn is_dropped(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, within: &SqliteWithin<'_>) -> bool {
        // A panic fails only this command. The other commands of its group run again without it.
        let Waiting { desk, operation, watch, .. } = &*self;
        let ran = catch_unwind(AssertUnwindSafe(|| blocking::watched(within, desk, operation, watch)));
        let result = ran.unwrap_or_else(|_| {
            within.give_up();
            Err(Error::new(ErrorKind::Storage, "the command panicked; nothing was written"))
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
        // A panic in a tracing subscriber or metrics recorder must not stop the writer thread.
        let _ = catch_unwind(AssertUnwindSafe(|| self.watch.ended::<F>(&result)));
        // Sending fails if the caller has dropped the future.
        let _ = self.reply.send(result);
    }
}

/// Serves commands until the last sender is dropped, then drops the store.
pub(super) fn serve(store: Sqlite, mut orders: mpsc::Receiver<Order>) {
    while let Some(first) = orders.blocking_recv() {
        run_group(&store, first, &mut orders);
    }
}

/// Runs this command and the queued commands behind it in one transaction, commits, and answers all of them.
fn run_group(store: &Sqlite, first: Order, orders: &mut mpsc::Receiver<Order>) {
    let mut ran: Vec<Order> = Vec::new();
    let committed = run_together(store, first, orders, &mut ran);
    match committed {
        Ok(Ok(())) => ran.into_iter().for_each(|command| command.answer(None)),
        // The rows are in the file that was opened, so no command runs again.
        Ok(Err(error)) => ran.into_iter().for_each(|command| command.answer(Some(same_error(&error)))),
        Err(error) if ran.len() <= 1 => {
            if let Some(alone) = ran.pop() {
                alone.answer(Some(error));
            }
        }
        // No row of the group is visible, and no command has been answered. Each command runs again in a transaction of
        // its own, so that one that fills the disk does not fail the others, and no rejection depends on rows that were
        // never written. If the group's commit ended as `Unknown`, no command can take effect twice: commands that run
        // again do not see the group's pages in the log, and the first page that one of them writes overwrites those.
        // Only one of the two can survive.
        Err(error) => {
            // The write connection is taken once for all of them. Each command gets a new timeout for other programs,
            // because the commands before it spend time on syncs. After the first timeout, the rest fail as well.
            let mut writer = store.writer(store.deadline());
            for mut command in ran {
                // The result is discarded first, because the new transaction may not even begin. If all programs are
                // killed before the next write, recovery of the log restores a success of the group. So a failure of
                // the second run does not prove that nothing was written.
                let in_doubt = command.forget() && error.kind() == ErrorKind::Unknown;
                let done = match &writer {
                    Ok(connected) => run_alone(store, connected, &mut *command),
                    Err(busy) => Err(same_error(busy)),
                };
                if let Err(error) = &done
                    && error.is_retryable()
                {
                    writer = Err(same_error(error));
                }
                if in_doubt && !matches!(done, Ok(true)) {
                    command.forget();
                    command.answer(Some(same_error(&error)));
                } else {
                    command.answer(done.err());
                }
            }
        }
    }
}

/// Runs commands in one transaction and commits it. Adds them to `ran`, also if the transaction fails.
///
/// # Errors
/// The transaction did not begin, SQLite rolled it back, or the commit failed. Nothing is written; with
/// [`ErrorKind::Unknown`], nothing is visible now. The inner error means that the commit succeeded, but the database is
/// no longer the file at the store's path.
fn run_together(
    store: &Sqlite,
    first: Order,
    orders: &mut mpsc::Receiver<Order>,
    ran: &mut Vec<Order>,
) -> Result<Result<()>> {
    let behind = std::iter::from_fn(|| orders.try_recv().ok());
    let mut waiting = std::iter::once(first).chain(behind).take(GROUP).filter(|it| !it.is_dropped());
    let Some(first) = waiting.next() else { return Ok(Ok(())) };
    ran.push(first);
    let connected = match store.writing(store.deadline()) {
        Ok(connected) => connected,
        Err(error) => {
            // The commands behind it have waited for the same busy database. They fail now. Otherwise each would wait
            // for its own timeout. Any other error concerns the first command only, and the others run in later groups.
            if error.is_retryable() {
                drop(waiting);
                // Only the commands that are in the queue now. A command that is repeated at once must wait again.
                for _ in 0..orders.len() {
                    if let Some(behind) = orders.try_recv().ok().filter(|it| !it.is_dropped()) {
                        behind.answer(Some(same_error(&error)));
                    }
                }
            }
            return Err(error);
        }
    };
    let connection = connected.connection()?;
    let within = SqliteWithin::group(connection, store);
    loop {
        if let Some(command) = ran.last_mut() {
            command.run(&within);
        }
        // A full disk makes SQLite roll back the whole transaction, and so does a panic of a command. The earlier
        // commands are undone as well, and further writes would be outside any transaction.
        if connection.is_autocommit() {
            return Err(rolled_back());
        }
        match waiting.next() {
            Some(next) => ran.push(next),
            None => return store.commit_unverified(&connected).map(|()| store.verify_commit()),
        }
    }
}

/// Runs a command in a transaction of its own and commits it. Returns true if the command succeeded.
///
/// # Errors
/// The transaction did not begin and the command was not run, or nothing is written, as in [`run_together`].
fn run_alone(store: &Sqlite, connected: &Connected<'_>, command: &mut dyn Command) -> Result<bool> {
    let connection = connected.connection()?;
    store.begin_write(connected, store.deadline())?;
    let succeeded = command.run(&SqliteWithin::group(connection, store));
    store.commit(connected).map(|()| succeeded)
}

/// A copy of the error for another command, without its source.
fn same_error(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Interrupt, Loaded};
    use crate::sqlite::SqliteOptions;
    use crate::store::Commit;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Calls the closure with the number of the run, counted from 0.
    struct Counted<D>(AtomicUsize, D);

    impl<D: Fn(usize) + Send + Sync + 'static> Operation for Counted<D> {
        type Out = ();

        fn decide(&self, _: &Loaded) -> std::result::Result<(Commit, ()), Interrupt> {
            (self.1)(self.0.fetch_add(1, Ordering::Relaxed));
            Ok((Commit::default(), ()))
        }
    }

    fn counted(decide: impl Fn(usize) + Send + Sync + 'static) -> (Order, oneshot::Receiver<Result<()>>) {
        order(DeskId::new("main"), Counted(AtomicUsize::new(0), decide), Watch::default())
    }

    /// A command and a closure that runs after its answer and before the next command.
    struct Then(Order, Box<dyn FnOnce() + Send>);

    impl Command for Then {
        fn is_dropped(&self) -> bool {
            self.0.is_dropped()
        }

        fn run(&mut self, within: &SqliteWithin<'_>) -> bool {
            self.0.run(within)
        }

        fn forget(&mut self) -> bool {
            self.0.forget()
        }

        fn answer(self: Box<Self>, lost: Option<Error>) {
            self.0.answer(lost);
            (self.1)();
        }
    }

    fn answered(answers: Vec<oneshot::Receiver<Result<()>>>) -> Vec<Result<()>> {
        answers.into_iter().map(|mut it| it.try_recv().unwrap()).collect()
    }

    /// Runs a group of five commands on this file. The first calls `alone` when it runs alone, and `then` after that
    /// answer. The second to fourth do nothing, except that the second calls `second` after its answer. The last
    /// command panics and so rolls the group back. Returns the answers.
    fn run_one_by_one(
        store: &Sqlite,
        alone: impl Fn() + Send + Sync + 'static,
        then: impl FnOnce() + Send + 'static,
        second: impl FnOnce() + Send + 'static,
    ) -> Vec<Result<()>> {
        let (first, answer) = counted(move |times| {
            // Builds with debug assertions decide twice, to check that both decisions are equal.
            let second_run = if cfg!(debug_assertions) { 2 } else { 1 };
            if times == second_run {
                alone();
            }
        });
        let first: Order = Box::new(Then(first, Box::new(then)));
        let (queue, mut orders) = mpsc::channel(GROUP);
        let mut answers = vec![answer];
        let (order, answer) = counted(drop);
        let order: Order = Box::new(Then(order, Box::new(second)));
        assert!(queue.try_send(order).is_ok());
        answers.push(answer);
        let loses = counted(|times| assert!(times > 0, "deliberate panic of this test"));
        for (order, answer) in [counted(drop), counted(drop), loses] {
            assert!(queue.try_send(order).is_ok());
            answers.push(answer);
        }
        run_group(store, first, &mut orders);
        answered(answers)
    }

    /// Opens a store with this timeout, and another connection to its file.
    fn opened(dir: &tempfile::TempDir, timeout: Duration) -> (Sqlite, rusqlite::Connection) {
        let file = dir.path().join("support.db");
        let store = SqliteOptions::new().acquire_timeout(timeout).open(&file).unwrap();
        (store, rusqlite::Connection::open(&file).unwrap())
    }

    /// Regression: commands that ran alone shared one timeout, and the syncs of earlier commands used it up.
    #[test]
    fn each_command_that_runs_alone_has_the_whole_timeout() {
        const TIMEOUT: Duration = Duration::from_secs(3);
        let dir = tempfile::tempdir().unwrap();
        let (store, other) = opened(&dir, TIMEOUT);
        // The first command takes the whole timeout. The second then has to wait for a short time.
        let alone = || std::thread::sleep(TIMEOUT);
        let then = move || {
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            std::thread::spawn(move || {
                std::thread::sleep(TIMEOUT / 20);
                drop(other);
            });
        };
        let answers = run_one_by_one(&store, alone, then, || ());
        assert!(answers.iter().all(|it| it.is_ok()), "{answers:?}");
    }

    /// The second command waits for the whole timeout. The later ones fail with it, although the database is free again
    /// when it is their turn.
    #[test]
    fn commands_that_run_alone_do_not_time_out_one_after_another() {
        let dir = tempfile::tempdir().unwrap();
        let (store, other) = opened(&dir, Duration::from_millis(100));
        let other = std::sync::Arc::new(std::sync::Mutex::new(other));
        let run = |sql: &'static str| {
            let other = std::sync::Arc::clone(&other);
            move || other.lock().unwrap().execute_batch(sql).unwrap()
        };
        let answers = run_one_by_one(&store, || (), run("BEGIN IMMEDIATE"), run("ROLLBACK"));
        let busy = answers.iter().map(|it| it.as_ref().is_err_and(Error::is_retryable));
        assert_eq!(busy.collect::<Vec<_>>(), [false, true, true, true, true], "{answers:?}");
    }

    /// Regression: commands that did not fit into the first commit waited for another timeout.
    #[test]
    fn all_commands_behind_a_busy_database_fail_at_one_timeout() {
        let dir = tempfile::tempdir().unwrap();
        let (store, other) = opened(&dir, Duration::from_millis(100));
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (queue, mut orders) = mpsc::channel(4 * GROUP);
        let (first, answer) = counted(drop);
        let mut answers = vec![answer];
        for _ in 1..4 * GROUP {
            let (order, answer) = counted(drop);
            assert!(queue.try_send(order).is_ok());
            answers.push(answer);
        }
        // One call makes one attempt to begin a transaction, and so waits for one timeout.
        run_group(&store, first, &mut orders);
        assert!(answered(answers).iter().all(|it| it.as_ref().is_err_and(Error::is_retryable)));
        other.execute_batch("ROLLBACK").unwrap();
        let (order, answer) = counted(drop);
        run_group(&store, order, &mut orders);
        assert!(answered(vec![answer])[0].is_ok());
    }
}
