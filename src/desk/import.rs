//! The import of tickets with their histories from another system, in batches.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::context::{CommandContext, PolicyContext};
use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdSource, TicketId};
use crate::import::{self, ImportContext, ImportedTicket};
use crate::operation::{Interrupt, Job, JobStep, Loaded, Needs, Operation, OperationLabel};
use crate::store::kinds::{self, ADOPTION, EXTERNAL_NAME};
use crate::store::{Commit, Read};
use crate::ticket::decision::Draft;
use crate::ticket::event::{Change, Event, ExternalRef};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;

/// The default number of tickets that an import writes in one transaction: 200.
pub(super) const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// The number of latest events that are searched for the mark of the last import. Timers may have added events after
/// it, but usually fewer than this.
const TAIL: usize = 32;

/// The result of an import.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Imported {
    /// The number of tickets that were opened.
    pub opened: usize,
    /// The number of earlier imported tickets that got new versions.
    pub extended: usize,
    /// The number of tickets without new versions.
    pub unchanged: usize,
    /// The number of events that were written.
    pub events: usize,
    /// The tickets that were refused, each with its error. Nothing from this call was imported for them. The other
    /// tickets were still imported.
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

    /// Adds the number of tickets before the failed batch to its error.
    fn stopped_by(&self, error: Error) -> Error {
        let before = self.opened + self.extended + self.unchanged + self.refused.len();
        Error::new(error.kind(), format!("the import stopped after {before} tickets, which stay imported"))
            .allowing("to repeat the import from the start, which skips what was imported")
            .caused_by(error)
    }
}

/// The import: one operation per batch.
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
            .map(|mut ticket| {
                ticket.normalize();
                ticket
            })
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

/// A ticket to import. Its id and fingerprints are computed once, before the first attempt.
#[derive(Debug)]
struct Candidate {
    ticket: ImportedTicket,
    /// The id of the ticket if it is new.
    id: TicketId,
    fingerprints: Result<Vec<Fingerprint>>,
}

/// Imports a batch of tickets in one transaction.
#[derive(Debug)]
struct Batch {
    tickets: Vec<Candidate>,
    context: CommandContext,
}

/// The destination of a candidate.
enum Destination<'a> {
    /// A new ticket. It gets the next running number if it is accepted.
    New,
    /// A stored ticket without new versions.
    Known(&'a Snapshot),
    /// A stored ticket with new versions. `worked_on` is true if it was changed at this desk since the last import.
    Stored { snapshot: &'a Snapshot, worked_on: bool, definitions: Box<PolicyContext<'a>> },
    /// A ticket that this batch has opened or continued already: the index of its draft.
    Drafted(usize),
}

impl Batch {
    /// Returns the destination of each candidate, and a running number for each one that may be new. All reads of the
    /// same kind are requested together, so that a batch takes few rounds.
    fn destinations<'a>(
        &'a self,
        valid: &[&'a Candidate],
        loaded: &'a Loaded,
    ) -> Result<(HashMap<&'a ExternalRef, Destination<'a>>, Vec<u64>), Interrupt> {
        let mut destinations = HashMap::new();
        let mut stored = Vec::new();
        for candidate in valid {
            let external = candidate.ticket.external();
            match loaded.record(EXTERNAL_NAME, self.context.lookup.external(external))? {
                Some(record) => stored.push((*candidate, kinds::ticket_of(EXTERNAL_NAME, record)?)),
                None => drop(destinations.insert(external, Destination::New)),
            }
        }
        let places = 0..u32::try_from(destinations.len()).unwrap_or(u32::MAX);
        let numbers = places.clone().map(|place| Read::NextNumber { place });
        loaded.need(numbers.chain(stored.iter().map(|(_, id)| Read::Ticket(*id))))?;
        let numbers = places.map(|place| loaded.next_number(place)).collect::<Result<Vec<_>, Interrupt>>()?;

        let mut continued = Vec::new();
        for (candidate, id) in stored {
            let snapshot = loaded.ticket(id)?.ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, format!("ticket {id} has an external reference but no row"))
            })?;
            let external = candidate.ticket.external();
            destinations.insert(external, Destination::Known(snapshot));
            let imported = snapshot
                .imported
                .as_ref()
                .map_or(usize::MAX, |mark| usize::try_from(mark.versions).unwrap_or(usize::MAX));
            if candidate.ticket.versions().len() > imported {
                continued.push((external, snapshot, snapshot.version.saturating_sub(TAIL as u64)));
            }
        }
        self.context.need_for(continued.iter().map(|(_, snapshot, _)| *snapshot), loaded)?;
        let last = |id, after| Read::History { ticket: id, after, limit: TAIL };
        loaded.need(continued.iter().map(|(_, snapshot, after)| last(snapshot.id, *after)))?;
        let mut rest = Vec::new();
        for (_, Snapshot { id, .. }, after) in &continued {
            if last_work(loaded.history(*id, *after, TAIL)?).is_none() {
                rest.push(Read::whole_history(*id));
            }
        }
        loaded.need(rest)?;
        for (external, snapshot, after) in continued {
            let id = snapshot.id;
            let last = match last_work(loaded.history(id, after, TAIL)?) {
                Some(event) => Some(event),
                None => last_work(loaded.history(id, 0, usize::MAX)?),
            };
            let worked_on = !last.is_some_and(|event| matches!(event.change, Change::Imported(_)));
            let definitions = Box::new(self.context.policy_context_for(snapshot, loaded)?);
            destinations.insert(external, Destination::Stored { snapshot, worked_on, definitions });
        }
        Ok((destinations, numbers))
    }
}

/// Returns the last event that is work on the ticket.
fn last_work(events: &[Event]) -> Option<&Event> {
    events.iter().rev().find(|event| !is_automatic(event))
}

/// True for the effects of timers and clocks, and for the reactions of the desk to them. They are no work on the
/// ticket, so they do not end its import.
fn is_automatic(event: &Event) -> bool {
    match event.change {
        Change::ClocksUpdated { .. } => true,
        Change::HandedOver { .. } | Change::Assigned { .. } | Change::Prioritised { .. } => {
            event.by.who == Who::Desk
        }
        ref change => change.is_by_timer(),
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
        let PolicyContext { policy, mut workflows, agreements: in_force, .. } =
            self.context.policy_context(loaded)?;
        let mut agreements = self.context.agreements_for_all_time(loaded)?;
        let checked = self.tickets.iter().map(|it| (it, it.ticket.check(self.context.now, &policy)));
        let checked: Vec<_> = checked.collect();
        let valid: Vec<_> = checked.iter().filter(|(_, check)| check.is_ok()).map(|(it, _)| *it).collect();
        let (mut destinations, numbers) = self.destinations(&valid, loaded)?;
        for destination in destinations.values() {
            if let Destination::Stored { snapshot, .. } = destination {
                self.context.pin(&snapshot.clocks, &mut agreements, loaded)?;
                workflows = workflows.with(self.context.workflow_of(snapshot, loaded)?);
            }
        }
        let context = ImportContext {
            now: self.context.now,
            policy: &policy,
            agreements: &agreements,
            adopted: in_force.adopted_at(self.context.now, in_force.count_until(self.context.now)),
            workflows: &workflows,
        };
        let mut drafts = Vec::new();
        let (mut imported, mut needs) = (Imported::default(), Needs::default());
        for (candidate, check) in checked {
            let external = candidate.ticket.external();
            let destination = destinations.get_mut(external);
            // Only accepted tickets use a number, so that refused tickets leave no gap.
            let number = numbers.get(imported.opened).copied();
            let result = check
                .and_then(|()| candidate.import(destination, number, &mut drafts, context, &mut imported));
            if let Err(error) = needs.keep(result) {
                imported.refused.push((external.clone(), error));
            }
        }
        needs.answered(loaded)?;
        let decisions = drafts.into_iter().map(Draft::finish).collect::<Result<Vec<_>>>()?;
        imported.events = decisions.iter().map(|decision| decision.events.len()).sum();
        let mut named = Vec::new();
        for ticket in decisions.iter().map(|decision| &decision.snapshot) {
            let Some(name) = &ticket.external else { continue };
            let key = self.context.lookup.external(name);
            if loaded.record(EXTERNAL_NAME, key.as_str())?.is_none() {
                named.push(kinds::point_to(EXTERNAL_NAME, key, None, ticket.id));
            }
        }
        let mut commit = Commit::of(decisions);
        commit.extend(named);
        Ok((commit, imported))
    }
}

impl Candidate {
    fn import(
        &self,
        destination: Option<&mut Destination<'_>>,
        number: Option<u64>,
        drafts: &mut Vec<Draft>,
        context: ImportContext<'_>,
        imported: &mut Imported,
    ) -> Result<()> {
        let Candidate { ticket, id, fingerprints } = self;
        let fingerprints =
            fingerprints.as_ref().map_err(|error| Error::new(error.kind(), error.to_string()))?;
        // Every checked ticket has a destination.
        let destination = destination.ok_or_else(|| Error::not_found("the destination of the import"))?;
        match destination {
            Destination::New => {
                // There is a number for each new ticket.
                let number = number.ok_or_else(|| Error::not_found("the number of an imported ticket"))?;
                drafts.push(import::begin(ticket, fingerprints, *id, number, context)?);
                *destination = Destination::Drafted(drafts.len() - 1);
                imported.opened += 1;
            }
            Destination::Known(snapshot) => {
                // A shorter history was not imported in this form.
                import::taken(snapshot, fingerprints)?;
                imported.unchanged += 1;
            }
            Destination::Stored { snapshot, worked_on, definitions } => {
                match import::taken(snapshot, fingerprints)? {
                    count if count == fingerprints.len() => imported.unchanged += 1,
                    _ if *worked_on => {
                        return Err(Error::invalid(
                            "history",
                            "cannot be continued, because the ticket was changed here since the last import",
                        )
                        .allowing("the same history as before"));
                    }
                    count => {
                        // What is due at this desk comes first, as before every command.
                        let by = Actor::desk();
                        let draft =
                            Draft::begin((*snapshot).clone(), &definitions.decision(context.now, &by))?;
                        drafts.push(import::go_on(draft, ticket, fingerprints, count, context)?);
                        *destination = Destination::Drafted(drafts.len() - 1);
                        imported.extended += 1;
                    }
                }
            }
            Destination::Drafted(place) => {
                let Some(draft) = drafts.get_mut(*place) else { return Ok(()) };
                match import::taken(draft.snapshot(), fingerprints)? {
                    count if count == fingerprints.len() => imported.unchanged += 1,
                    count => {
                        *draft = import::go_on(draft.clone(), ticket, fingerprints, count, context)?;
                        imported.extended += 1;
                    }
                }
            }
        }
        Ok(())
    }
}
