//! The steps of a job: each is an operation with its own result type, and the job receives results of these types.

use std::sync::atomic::{AtomicU32, Ordering};

use firstline::memory::Memory;
use firstline::operation::async_store::{Async, AsyncStore, AsyncTx};
use firstline::operation::{Engine, Interrupt, Job, JobStep, Loaded, Operation, OperationLabel, blocking};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::{DeskId, Error, ErrorKind, NewTicket, Query, Result, TicketId};

use super::block_on;

/// Lists the tickets of a desk.
struct ListTickets;

impl Operation for ListTickets {
    type Out = Vec<TicketId>;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("list").quiet()
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::Find(Query::newest()));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<TicketId>), Interrupt> {
        let tickets = loaded.find(&Query::newest())?;
        Ok((Commit::default(), tickets.iter().map(|ticket| ticket.id).collect()))
    }
}

/// Reads the subject of a ticket. Fails if there is no such ticket.
struct ReadSubject(TicketId);

impl Operation for ReadSubject {
    type Out = String;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("subject", self.0)
    }

    fn is_replayed(subject: &String) -> bool {
        !subject.is_empty()
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, String), Interrupt> {
        let ticket =
            loaded.ticket(self.0)?.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such ticket"))?;
        Ok((Commit::default(), ticket.subject().to_string()))
    }
}

/// Lists the tickets of each desk and reads their subjects, all at the desk `ask_at` if it is set.
#[derive(Default)]
struct Subjects {
    desks: Vec<DeskId>,
    ask_at: Option<DeskId>,
    goes_on: bool,
    waiting: Vec<(DeskId, TicketId)>,
    found: Vec<String>,
    failed: Vec<ErrorKind>,
}

impl Job for Subjects {
    type Out = (Vec<String>, Vec<ErrorKind>);

    fn next(&mut self) -> Option<JobStep<Subjects>> {
        if let Some((desk, ticket)) = self.waiting.pop() {
            let desk = self.ask_at.clone().unwrap_or(desk);
            let read = JobStep::new(ReadSubject(ticket), |job: &mut Subjects, subject: Result<String>| {
                match subject {
                    Ok(subject) => job.found.push(subject),
                    Err(error) if job.goes_on => job.failed.push(error.kind()),
                    Err(error) => return Err(error),
                }
                Ok(())
            });
            return Some(read.at(desk));
        }
        let desk = self.desks.pop()?;
        let at = desk.clone();
        let list = JobStep::new(ListTickets, move |job: &mut Subjects, tickets: Result<Vec<TicketId>>| {
            job.waiting.extend(tickets?.into_iter().map(|ticket| (at.clone(), ticket)));
            Ok(())
        });
        Some(if desk.as_str() == "main" { list } else { list.at(desk) })
    }

    fn finish(self) -> (Vec<String>, Vec<ErrorKind>) {
        (self.found, self.failed)
    }
}

impl Subjects {
    /// The job over the desks `main` and `other`.
    fn of_both() -> Subjects {
        Subjects { desks: vec![desk("other"), desk("main")], ..Subjects::default() }
    }
}

fn desk(id: &str) -> DeskId {
    DeskId::new(id)
}

/// Two tickets at `main`, one at `other`.
fn rows() -> Memory {
    let rows = Memory::new();
    for (desk, subject) in [("main", "No sound"), ("main", "No picture"), ("other", "No heat")] {
        rows.desk(desk).open_ticket(NewTicket::new(subject)).unwrap();
    }
    rows
}

/// Runs the job at the desk `main`: successfully, with an error that it handles, and with an error that ends it.
fn steps_pass_their_results_to_the_job<E: Engine, O>(engine: &E, wait: O)
where
    O: for<'a> Fn(E::Reply<'a, <Subjects as Job>::Out>) -> Result<<Subjects as Job>::Out>,
{
    let (mut found, failed) = wait(engine.run_job(&desk("main"), Subjects::of_both())).unwrap();
    assert_eq!(found.pop().as_deref(), Some("No heat"), "the desk `other` comes last");
    found.sort();
    assert_eq!((found, failed), (vec!["No picture".to_owned(), "No sound".to_owned()], vec![]));

    // The tickets of `main` are not at `other`. The job decides if this error ends it.
    let lost = || Subjects { ask_at: Some(desk("other")), ..Subjects::of_both() };
    let error = wait(engine.run_job(&desk("main"), lost())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let on = Subjects { goes_on: true, ..lost() };
    let (found, failed) = wait(engine.run_job(&desk("main"), on)).unwrap();
    assert_eq!((found, failed), (vec!["No heat".to_owned()], vec![ErrorKind::NotFound; 2]));
}

#[test]
fn a_blocking_store_runs_steps_of_several_types() {
    steps_pass_their_results_to_the_job(&rows(), |reply| reply);
}

/// A store that is busy at every third load.
struct Busy {
    rows: Memory,
    loads: AtomicU32,
}

struct BusyTx<'a>(&'a Busy, DeskId);

impl AsyncStore for Busy {
    type Tx<'a> = BusyTx<'a>;

    async fn begin(&self, desk: &DeskId, _: Mode) -> Result<BusyTx<'_>> {
        Ok(BusyTx(self, desk.clone()))
    }

    async fn wait(&self, tries: u32, _: &Error) -> bool {
        tries < 5
    }
}

impl AsyncTx for BusyTx<'_> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        match self.0.loads.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Err(Error::new(ErrorKind::Busy, "not now")),
            _ => self.0.rows.begin(&self.1, Mode::Read)?.load(reads),
        }
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        self.0.rows.begin(&self.1, Mode::Write)?.commit(commit)
    }
}

#[test]
fn an_async_store_retries_a_step_and_passes_its_result_once() {
    let store = Async(Busy { rows: rows(), loads: AtomicU32::new(0) });
    steps_pass_their_results_to_the_job(&store, |reply| block_on(reply));
    let loads = store.0.loads.load(Ordering::Relaxed);
    // 5 steps, 2 until the error, 5 again.
    assert!(loads > 12, "no step was retried: {loads} loads");
}

#[cfg(feature = "tokio")]
#[test]
fn a_writer_thread_runs_steps_of_several_types() {
    use firstline::sqlite::Sqlite;

    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("support.db")).unwrap();
    for (desk, subject) in [("main", "No sound"), ("main", "No picture"), ("other", "No heat")] {
        store.desk(desk).open_ticket(NewTicket::new(subject)).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let store = store.into_async().unwrap();
    steps_pass_their_results_to_the_job(&store, |reply| runtime.block_on(reply));
}

/// Tracing, metrics and drivers see the label, outcome, mode and needs of the operation inside the step.
#[test]
fn a_step_is_traced_as_its_operation() {
    let store = rows();
    let tickets = blocking::drive(&store, &desk("main"), &ListTickets).unwrap();

    let list = JobStep::new(ListTickets, |_: &mut Subjects, _| Ok(())).at(desk("other"));
    assert_eq!(list.desk(), Some(&desk("other")));
    let mut reads = Vec::new();
    list.needs(&mut reads);
    assert_eq!((list.label(), list.mode(), reads.len()), (ListTickets.label(), Mode::Read, 1));
    let result = blocking::drive(&store, &desk("main"), &list).unwrap();
    assert!(!is_replayed(&list, &result));

    let subject = JobStep::new(ReadSubject(tickets[0]), |_: &mut Subjects, _| Ok(()));
    assert_eq!(subject.desk(), None);
    assert_eq!((subject.label(), subject.mode()), (OperationLabel::of("subject", tickets[0]), Mode::Write));
    let result = blocking::drive(&store, &desk("main"), &subject).unwrap();
    assert!(is_replayed(&subject, &result));
}

fn is_replayed<F: Operation>(_: &F, out: &F::Out) -> bool {
    F::is_replayed(out)
}
