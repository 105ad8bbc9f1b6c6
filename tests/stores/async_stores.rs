//! The methods of a desk over an async engine.

#[path = "async_stores/jobs.rs"]
mod jobs;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use firstline::memory::Memory;
use firstline::operation::{Engine, Job, Operation, blocking};
use firstline::workflow::{Migration, Status, Transition};
use firstline::{
    Action, Actor, Desk, DeskId, Error, NewTicket, Policy, Query, Result, StateKind, StepKind, TimeDelta,
    WorkflowDefinition,
};

use crate::pending_once::PendingOnce;

/// An engine whose futures are pending at the first poll.
struct Later(Memory);

impl Engine for Later {
    type Reply<'a, T: Send + 'a>
        = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Self::Reply<'a, F::Out> {
        let desk = desk.clone();
        Box::pin(async move {
            PendingOnce::default().await;
            blocking::drive(&self.0, &desk, &operation)
        })
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, mut job: J) -> Self::Reply<'a, J::Out> {
        let desk = desk.clone();
        Box::pin(async move {
            while let Some(step) = job.next() {
                PendingOnce::default().await;
                let result = blocking::drive(&self.0, step.desk().unwrap_or(&desk), &step);
                step.complete(&mut job, result)?;
            }
            Ok(job.finish())
        })
    }
}

fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

#[test]
fn the_same_methods_work_async() {
    let desk = Desk::over(Later(Memory::new()), "main");
    let anna = Actor::agent("anna");
    let closed = block_on(async {
        let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris")).await?;
        let ticket = desk.commit(ticket.start(), &anna).await?;
        let ticket = desk.commit(ticket.resolve("unmuted"), &anna).await?;
        assert!(desk.act(ticket.id(), Action::start(), &anna).await.unwrap_err().is_rejected());
        let ticked = desk.tick(ticket.updated_at + TimeDelta::days(6)).await?;
        assert_eq!(ticked.fired, 1);
        desk.ticket(ticket.id()).await
    })
    .unwrap();
    assert_eq!(closed.state().to_string(), "closed");
    assert_eq!(block_on(desk.find(Query::newest())).unwrap().tickets.len(), 1);
    assert_eq!(block_on(desk.records().history(closed.id())).unwrap().len(), 4);
    let error: Error = block_on(desk.ticket("T-9")).unwrap_err();
    assert!(error.is_not_found());
}

#[test]
fn a_migration_works_async() {
    let workflow = |version, first: &str| {
        WorkflowDefinition::new("own")
            .version(version)
            .status(Status::new(first, StateKind::New))
            .status(Status::new("Answered", StateKind::Resolved))
            .status(Status::new("At work", StateKind::Active))
            .status(Status::new("Done", StateKind::Closed))
            .transition(Transition::step(StepKind::Resolve, first, "Answered").or_from("At work"))
            .transition(Transition::step(StepKind::Reopen, "Answered", "At work"))
            .transition(Transition::step(StepKind::Close, "Answered", "Done"))
    };
    let desk = Desk::over(Later(Memory::new()), "main");
    let migrated = block_on(async {
        desk.setup().adopt(&Policy::new().workflow(workflow(1, "Incoming"))).await?;
        for _ in 0..120 {
            desk.open_ticket(NewTicket::new("No sound")).await?;
        }
        desk.setup().adopt(&Policy::new().workflow(workflow(2, "Registered"))).await?;
        let plan = Migration::of("own");
        let error = desk.setup().migrate(&plan, Actor::agent("anna")).await.unwrap_err();
        assert_eq!(error.migration_preview().unwrap().faults.len(), 1, "{error}");
        desk.setup().migrate(&plan.map("Incoming", "Registered"), Actor::agent("anna")).await
    })
    .unwrap();
    assert_eq!((migrated.counts.tickets, migrated.blocked.tickets), (120, 0));
    assert_eq!(block_on(desk.ticket("T-120")).unwrap().status(), "Registered");
}
