//! Taking in the history of another system, batch by batch.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::context::CommandContext;
use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdSource, TicketId};
use crate::import::{self, ImportedTicket};
use crate::operation::{Interrupt, Job, JobStep, Loaded, Needs, Operation, OperationLabel};
use crate::policy::Policy;
use crate::sla::AgreementSet;
use crate::store::kinds::{self, ADOPTION, EXTERNAL_NAME};
use crate::store::{Commit, Read};
use crate::ticket::decision::{Decision, Draft};
use crate::ticket::event::{Change, Event, ExternalRef};
use crate::ticket::snapshot::Snapshot;

/// How many tickets an import takes in at once, unless told otherwise.
pub(super) const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// How many events are looked back for the mark of the last import: as many as clocks may well have told since.
const TAIL: usize = 32;

/// What an import did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Imported {
    /// How many tickets were opened.
    pub opened: usize,
    /// How many tickets that were imported before got further versions.
    pub extended: usize,
    /// How many tickets had nothing new.
    pub unchanged: usize,
    /// How many events were written.
    pub events: usize,
    /// Tickets that were refused, and why. Nothing of them was taken in; one of them does not stop the others.
    pub refused: Vec<(ExternalRef, Error)>,
}

impl Imported {
    fn add(&mut self, batch: Imported) {
        self.opened += batch.opened;
        self.extended += batch.extended;
        self.unchanged += batch.unchanged;
        self.events += batch.events;
        self.refused.extend(batch.refused);
    }

    /// The error of a batch, with what was imported before it.
    fn stopped_by(&self, error: Error) -> Error {
        let before = self.opened + self.extended + self.unchanged + self.refused.len();
        Error::new(error.kind(), format!("the import stopped after {before} tickets, which stay"))
            .allowing("to import again from the beginning")
            .caused_by(error)
    }
}

/// The import: one flow a batch.
pub(super) struct Import<I> {
    pub(super) tickets: I,
    pub(super) batch: NonZeroUsize,
    pub(super) context: CommandContext,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) imported: Imported,
}

impl<I> fmt::Debug for Import<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("batch", &self.batch).field("imported", &self.imported).finish()
    }
}

impl<I: Iterator<Item = ImportedTicket> + Send + 'static> Job for Import<I> {
    type Out = Imported;

    fn next(&mut self) -> Option<JobStep<Import<I>>> {
        let lookup = self.context.lookup;
        let stored = |it: Vec<Fingerprint>| -> Vec<_> {
            it.into_iter().map(|it| lookup.fingerprint(EXTERNAL_NAME, it)).collect()
        };
        let tickets: Vec<_> = self
            .tickets
            .by_ref()
            .take(self.batch.get())
            .map(|ticket| Candidate {
                id: self.ids.new_id(ticket.opened_at().unwrap_or(self.context.now)).into(),
                fingerprints: ticket.fingerprints().map(stored),
                ticket,
            })
            .collect();
        let batch = Batch { tickets, context: self.context.clone() };
        (!batch.tickets.is_empty()).then(|| {
            JobStep::new(batch, |job: &mut Import<I>, batch| {
                job.imported.add(batch.map_err(|error| job.imported.stopped_by(error))?);
                Ok(())
            })
        })
    }

    fn finish(self) -> Imported {
        self.imported
    }
}

/// A ticket that may be taken in, with what is drawn and computed once for it.
#[derive(Debug)]
struct Candidate {
    ticket: ImportedTicket,
    /// The id that it gets if it is new.
    id: TicketId,
    fingerprints: Result<Vec<Fingerprint>>,
}

/// Takes in a batch of tickets, in one transaction.
#[derive(Debug)]
struct Batch {
    tickets: Vec<Candidate>,
    context: CommandContext,
}

/// Where a ticket of a batch goes.
enum Target<'a> {
    /// To a new ticket, which gets the next running number if it is accepted.
    New,
    /// To a ticket that the store has, which has been worked on here or not. Its whole history, if it was read.
    Stored { snapshot: &'a Snapshot, worked_on: bool, history: Option<&'a [Event]> },
    /// To a ticket that this batch has begun or continued: which of its drafts.
    Drafted(usize),
}

impl Batch {
    /// Where each of these tickets goes, and the running numbers for as many as may be new. Everything of one sort is
    /// asked for at once, so that a batch takes few rounds.
    fn targets<'a>(
        &'a self,
        valid: &[&'a Candidate],
        loaded: &'a Loaded,
    ) -> Result<(HashMap<&'a ExternalRef, Target<'a>>, Vec<u64>), Interrupt> {
        let mut targets = HashMap::new();
        let mut stored = Vec::new();
        for candidate in valid {
            let external = candidate.ticket.external();
            match loaded.record(EXTERNAL_NAME, self.context.lookup.external(external))? {
                Some(record) => stored.push((*candidate, kinds::ticket_of(EXTERNAL_NAME, record)?)),
                None => drop(targets.insert(external, Target::New)),
            }
        }
        let places = 0..u32::try_from(targets.len()).unwrap_or(u32::MAX);
        let numbers = places.clone().map(|place| Read::NextNumber { place });
        loaded.need(numbers.chain(stored.iter().map(|(_, id)| Read::Ticket(*id))))?;
        let numbers = places.map(|place| loaded.next_number(place)).collect::<Result<Vec<_>, Interrupt>>()?;

        let mut continued = Vec::new();
        for (candidate, id) in stored {
            let snapshot = loaded.ticket(id)?.ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, format!("ticket {id} has an external reference but no row"))
            })?;
            let external = candidate.ticket.external();
            targets.insert(
                external,
                Target::Stored { snapshot, worked_on: false, history: loaded.read_history(id)? },
            );
            let taken = snapshot
                .imported
                .as_ref()
                .map_or(usize::MAX, |(taken, _)| usize::try_from(*taken).unwrap_or(usize::MAX));
            if candidate.ticket.versions().len() > taken {
                continued.push((external, id, snapshot.version.saturating_sub(TAIL as u64)));
            }
        }
        let last = |id, after| Read::History { ticket: id, after, limit: TAIL };
        loaded.need(continued.iter().map(|(_, id, after)| last(*id, *after)))?;
        for (external, id, after) in continued {
            // What the clocks told since is no work: a sweep between two imports must not end the taking over.
            let told = |event: &&Event| {
                matches!(
                    event.change,
                    Change::Clocked { .. }
                        | Change::Warned(_)
                        | Change::Breached(_)
                        | Change::PolicyRebound { .. }
                )
            };
            let last = loaded.history(id, after, TAIL)?.iter().rev().find(|event| !told(event));
            let untouched = last.is_some_and(|event| matches!(event.change, Change::Imported { .. }));
            if let Some(Target::Stored { worked_on, .. }) = targets.get_mut(external) {
                *worked_on = !untouched;
            }
        }
        Ok((targets, numbers))
    }
}

impl Operation for Batch {
    type Out = Imported;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("import")
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        let names: HashSet<_> = self.tickets.iter().map(|candidate| candidate.ticket.external()).collect();
        let keys = names.into_iter().map(|name| self.context.lookup.external(name));
        reads.extend(keys.map(|key| Read::record(EXTERNAL_NAME, key)));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Imported), Interrupt> {
        let policy = self.context.policy(loaded)?;
        let mut rules = self.context.rules_for_all_time(loaded)?;
        let checked = self.tickets.iter().map(|it| (it, it.ticket.check(self.context.now, &policy)));
        let checked: Vec<_> = checked.collect();
        let valid: Vec<_> = checked.iter().filter(|(_, check)| check.is_ok()).map(|(it, _)| *it).collect();
        let (mut targets, numbers) = self.targets(&valid, loaded)?;
        let stored = targets.values().filter_map(|target| match target {
            Target::Stored { snapshot, .. } => Some(&snapshot.clocks),
            _ => None,
        });
        self.context.pin(stored.flatten(), &mut rules, loaded)?;
        let mut drafts = Vec::new();
        let (mut imported, mut needs) = (Imported::default(), Needs::default());
        for (candidate, check) in checked {
            let external = candidate.ticket.external();
            let target = targets.get_mut(external);
            // A number is used up by what is accepted alone: what is refused must leave no gap.
            let number = numbers.get(imported.opened).copied();
            let taken = check.and_then(|()| {
                candidate.take_in(target, number, &mut drafts, &policy, &rules, &mut imported)
            });
            if let Err(error) = needs.keep(taken) {
                imported.refused.push((external.clone(), error));
            }
        }
        needs.answered(loaded)?;
        let decisions = drafts.into_iter().map(Draft::finish).collect::<Result<Vec<_>>>()?;
        imported.events = decisions.iter().map(|decision| decision.events().len()).sum();
        let mut named = Vec::new();
        for ticket in decisions.iter().map(Decision::snapshot) {
            let Some(name) = &ticket.external else { continue };
            let key = self.context.lookup.external(name);
            if loaded.record(EXTERNAL_NAME, key.as_str())?.is_none() {
                named.push(kinds::led(EXTERNAL_NAME, key, None, ticket.id));
            }
        }
        let mut commit = Commit::of(decisions);
        commit.extend(named);
        Ok((commit, imported))
    }
}

impl Candidate {
    fn take_in(
        &self,
        target: Option<&mut Target<'_>>,
        number: Option<u64>,
        drafts: &mut Vec<Draft>,
        policy: &Policy,
        rules: &AgreementSet,
        imported: &mut Imported,
    ) -> Result<()> {
        let Candidate { ticket, id, fingerprints } = self;
        let fingerprints =
            fingerprints.as_ref().map_err(|error| Error::new(error.kind(), error.to_string()))?;
        // Every checked ticket has a target.
        let target = target.ok_or_else(|| Error::not_found("the target of the import"))?;
        match target {
            Target::New => {
                // There are as many numbers as new tickets.
                let number = number.ok_or_else(|| Error::not_found("the number of an imported ticket"))?;
                drafts.push(import::begin(ticket, fingerprints, *id, number, policy, rules)?);
                *target = Target::Drafted(drafts.len() - 1);
                imported.opened += 1;
            }
            Target::Stored { snapshot, worked_on, history } => match import::taken(snapshot, fingerprints)? {
                taken if taken == fingerprints.len() => imported.unchanged += 1,
                _ if *worked_on => {
                    return Err(Error::invalid(
                        "history",
                        "cannot go on: the ticket was worked on here since",
                    )
                    .allowing("the same history as before"));
                }
                taken => {
                    let draft = Draft::replaying((*snapshot).clone(), rules, *history)?;
                    drafts.push(import::go_on(draft, ticket, fingerprints, taken, policy)?);
                    *target = Target::Drafted(drafts.len() - 1);
                    imported.extended += 1;
                }
            },
            Target::Drafted(place) => {
                let Some(draft) = drafts.get_mut(*place) else { return Ok(()) };
                match import::taken(draft.snapshot(), fingerprints)? {
                    taken if taken == fingerprints.len() => imported.unchanged += 1,
                    taken => {
                        *draft = import::go_on(draft.clone(), ticket, fingerprints, taken, policy)?;
                        imported.extended += 1;
                    }
                }
            }
        }
        Ok(())
    }
}
