//! The thread that writes: commands one after another, each in a SAVEPOINT, and one commit for all that wait.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

use super::super::{Connected, Sqlite, begin_on, commit_on, rolled_back};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Operation, blocking};
use crate::sqlite::Within;

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
    /// Hears of the end once: not when it has run, but when its answer is certain.
    watch: Watch,
    result: Option<Result<F::Out>>,
    reply: oneshot::Sender<Result<F::Out>>,
}

impl<F: Operation> Command for Waiting<F> {
    fn is_dropped(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, within: &Within<'_>) -> bool {
        // A panic is the caller's, not that of all who wait behind it; those of its group try again without it.
        let Waiting { desk, operation, watch, .. } = &*self;
        let ran = catch_unwind(AssertUnwindSafe(|| blocking::watched(within, desk, operation, watch)));
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
        group(&store, first, &mut orders);
    }
}

/// Runs this and what waits behind it in one transaction, commits it, and lets everybody know.
fn group(store: &Sqlite, first: Order, orders: &mut mpsc::Receiver<Order>) {
    let mut ran: Vec<Order> = Vec::new();
    let committed = together(store, first, orders, &mut ran);
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
            // The turn in this program is taken once for all of them. In the file each has a acquire_timeout of its own, because
            // those before it sync the disk meanwhile; but once it is in vain, it is in vain for all who are left.
            let mut turn = store.writer(store.acquire_timeout());
            for mut command in ran {
                // Forgotten before it tries, because its turn may not even begin. A success comes back with the group's
                // commit, if everything is killed before anything else is written. So its failure alone does not prove
                // that it is not there.
                let in_doubt = command.forget() && error.kind() == ErrorKind::Unknown;
                let done = match &turn {
                    Ok(connected) => alone(store, connected, &mut *command),
                    Err(busy) => Err(said_again(busy)),
                };
                if let Err(error) = &done
                    && error.is_retryable()
                {
                    turn = Err(said_again(error));
                }
                if in_doubt && !matches!(done, Ok(true)) {
                    command.forget();
                    command.answer(Some(said_again(&error)));
                } else {
                    command.answer(done.err());
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
fn together(
    store: &Sqlite,
    first: Order,
    orders: &mut mpsc::Receiver<Order>,
    ran: &mut Vec<Order>,
) -> Result<()> {
    let behind = std::iter::from_fn(|| orders.try_recv().ok());
    let mut waiting = std::iter::once(first).chain(behind).take(GROUP).filter(|it| !it.is_dropped());
    let Some(first) = waiting.next() else { return Ok(()) };
    ran.push(first);
    let connected = match store.writing(store.acquire_timeout()) {
        Ok(connected) => connected,
        Err(error) => {
            // Those behind it have waited for the same busy database, and in vain as well: each after the other would
            // wait anew. Any other fault is the first one's alone, and the others try for themselves.
            if error.is_retryable() {
                drop(waiting);
                // No more than are there now, or whoever makes the same call again at once would not have waited at all.
                for _ in 0..orders.len() {
                    if let Some(behind) = orders.try_recv().ok().filter(|it| !it.is_dropped()) {
                        behind.answer(Some(said_again(&error)));
                    }
                }
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

/// Runs this in a transaction of its own and commits it; gives whether it succeeded.
///
/// # Errors
/// The transaction did not begin, and it was not run; or nothing of it is written, as in [`together`].
fn alone(store: &Sqlite, connected: &Connected<'_>, command: &mut dyn Command) -> Result<bool> {
    let connection = connected.connection()?;
    begin_on(connection, "BEGIN IMMEDIATE", store.acquire_timeout())?;
    let succeeded = command.run(&Within::group(connection, store.shared()));
    commit_on(connection).map(|()| succeeded)
}

/// The same for another who waited.
fn said_again(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Interrupt, Loaded};
    use crate::sqlite::Options;
    use crate::store::Commit;
    use crate::time::Stopwatch;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(1);

    /// Calls this with the number of the decision, from 0 on.
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

    /// A command, and what happens once it is answered, before the next one begins.
    struct Then(Order, Box<dyn FnOnce() + Send>);

    impl Command for Then {
        fn is_dropped(&self) -> bool {
            self.0.is_dropped()
        }

        fn run(&mut self, within: &Within<'_>) -> bool {
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

    /// A group of a first command that takes this long when it is tried alone, after which another program writes for
    /// that long; of three that do nothing; and of one that loses the group. Gives how many were done and told that it is
    /// busy, and how long all took.
    fn tried_alone(takes: Duration, others_write: Duration) -> (usize, usize, Duration) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let store = Options::new().acquire_timeout(PATIENCE).open(&file).unwrap();
        let (first, answer) = counted(move |times| {
            // Twice each time in a build that looks whether a decision is the same again.
            let alone = if cfg!(debug_assertions) { 2 } else { 1 };
            if times == alone {
                std::thread::sleep(takes);
            }
        });
        let other = rusqlite::Connection::open(&file).unwrap();
        let first: Order = Box::new(Then(
            first,
            Box::new(move || {
                other.execute_batch("BEGIN IMMEDIATE").unwrap();
                std::thread::spawn(move || {
                    std::thread::sleep(others_write);
                    drop(other);
                });
            }),
        ));
        let (queue, mut orders) = mpsc::channel(GROUP);
        let mut answers = vec![answer];
        let loses = counted(|times| assert!(times > 0, "as this test wants it to"));
        for (order, answer) in [counted(drop), counted(drop), counted(drop), loses] {
            assert!(queue.try_send(order).is_ok());
            answers.push(answer);
        }
        let began = Stopwatch::start();
        group(&store, first, &mut orders);
        let took = began.elapsed();
        let answers = answers.into_iter().map(|mut it| it.try_recv().unwrap());
        let (done, refused): (Vec<_>, Vec<_>) = answers.partition(|it| it.is_ok());
        let busy = refused.iter().filter(|it| it.as_ref().is_err_and(Error::is_retryable)).count();
        (done.len(), busy, took)
    }

    /// Found by review: all who tried alone had one acquire_timeout, which the syncs of those before them used up.
    #[test]
    fn whoever_tries_alone_waits_for_others_as_long_as_anybody() {
        let (done, busy, _) = tried_alone(PATIENCE, PATIENCE / 4);
        assert_eq!((done, busy), (5, 0));
    }

    #[test]
    fn those_who_try_alone_do_not_wait_one_after_another() {
        let (done, busy, took) = tried_alone(Duration::ZERO, PATIENCE * 10);
        assert_eq!((done, busy), (1, 4));
        assert!((PATIENCE..PATIENCE * 5 / 2).contains(&took), "{took:?}");
    }
}
