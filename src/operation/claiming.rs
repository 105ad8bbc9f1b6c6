//! Claims as a job: one operation lists the due records, and one operation for each desk claims them.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::DeskId;
use crate::operation::job::{Job, JobStep};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::claims::Claim;
use crate::store::{Claimed, Commit, DueRecord, Mode, Read, Record};
use crate::time::{SystemClock, TimeSource, to_micros};

/// A job without steps that returns the time of the machine's clock.
#[derive(Debug)]
pub(super) struct Now;

impl Job for Now {
    type Out = DateTime<Utc>;

    fn next(&mut self) -> Option<JobStep<Now>> {
        None
    }

    fn finish(self) -> DateTime<Utc> {
        to_micros(SystemClock.now())
    }
}

/// Claims due records, desk by desk.
#[derive(Debug)]
pub(super) struct Claiming {
    claim: Claim,
    listed: bool,
    desks: VecDeque<(DeskId, Vec<Read>)>,
    claimed: Vec<Claimed>,
}

impl Claiming {
    pub(super) fn new(claim: Claim) -> Claiming {
        Claiming { claim, listed: false, desks: VecDeque::new(), claimed: Vec::new() }
    }

    fn listed(&mut self, due: Result<Vec<DueRecord>>) -> Result<()> {
        self.desks = self.claim.by_desk(&due?).into_iter().collect();
        Ok(())
    }

    fn taken(&mut self, claimed: Result<Vec<Claimed>>) -> Result<()> {
        match claimed {
            Ok(claimed) => self.claimed.extend(claimed),
            // Another claim took the records first.
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Job for Claiming {
    type Out = Vec<Claimed>;

    fn next(&mut self) -> Option<JobStep<Claiming>> {
        let claim = self.claim.at_present();
        if !std::mem::replace(&mut self.listed, true) {
            return Some(JobStep::new(List { claim }, Claiming::listed));
        }
        let (desk, reads) = self.desks.pop_front()?;
        Some(JobStep::new(Take { claim, desk: desk.clone(), reads }, Claiming::taken).at(desk))
    }

    fn finish(self) -> Vec<Claimed> {
        self.claimed
    }
}

/// Lists the due records of all desks.
#[derive(Debug)]
struct List {
    claim: Claim,
}

impl Operation for List {
    type Out = Vec<DueRecord>;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("list_due_records").quiet().everywhere()
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<DueRecord>), Interrupt> {
        Ok((Commit::new(), loaded.due_records(&self.claim.listing())?.to_vec()))
    }
}

/// Claims these records of a desk if they are still due.
#[derive(Debug)]
struct Take {
    claim: Claim,
    desk: DeskId,
    reads: Vec<Read>,
}

impl Operation for Take {
    type Out = Vec<Claimed>;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("claim").quiet()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.reads.iter().cloned());
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Claimed>), Interrupt> {
        loaded.need(self.reads.iter().cloned())?;
        let found =
            self.reads.iter().map(|read| loaded.found(read)).collect::<Result<Vec<_>, Interrupt>>()?;
        let records: Vec<&Record> = found.into_iter().flatten().collect();
        Ok(self.claim.take(&self.desk, records))
    }
}
