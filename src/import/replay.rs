//! The replay of imported versions: a pure function from a ticket and its next versions to events.

use super::placing::{self, Target};
use super::version::{Holder, ImportedStatus, ImportedVersion};
use super::{ImportedTicket, numbered, opening};
use crate::definition::Fingerprint;
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::lifecycle::{StateKind, StepKind};
use crate::limits;
use crate::policy::Policy;
use crate::sla::AgreementSet;
use crate::ticket::ImportMark;
use crate::ticket::decision::Draft;
use crate::ticket::event::{Arrived, Cause, Change, DetailsChange, MigrationCause, Origin};
use crate::ticket::message::Message;
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::{Owner, Personal, Words};
use crate::ticket::snapshot::Snapshot;
use crate::time::{DateTime, Utc, to_micros};
use crate::workflow::{Placement, Workflow, WorkflowSet};

/// The definitions that apply to the tickets of an import, and the time of the import.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImportContext<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) policy: &'a Policy,
    /// The agreements in force, as if they had always been in force.
    pub(crate) agreements: &'a AgreementSet,
    /// The same agreements if they came into force at the instant `now`.
    pub(crate) adopted: Option<Fingerprint>,
    /// The workflows in force, and those to which tickets are pinned.
    pub(crate) workflows: &'a WorkflowSet,
}

/// Opens a ticket with this id and number, and replays its whole history.
pub(crate) fn begin(
    ticket: &ImportedTicket,
    fingerprints: &[Fingerprint],
    id: TicketId,
    number: u64,
    context: ImportContext<'_>,
) -> Result<Draft> {
    let first = ticket.versions.first().ok_or_else(|| Error::invalid("history", "is empty"))?;
    let ImportContext { policy, agreements, workflows, .. } = context;
    let opened = opening::draft(ticket, first, id, number, policy, agreements, workflows);
    let mut replay = Replay { draft: opened.map_err(|error| error.within("version 1"))?, context };
    replay.version(1, first, true)?;
    replay.versions(ticket, fingerprints, 1)
}

/// Returns the number of these versions that the ticket already contains.
///
/// # Errors
/// [Invalid](crate::ErrorKind::Invalid) if the ticket was not imported, or if the history does not begin with the
/// imported versions.
pub(crate) fn taken(snapshot: &Snapshot, fingerprints: &[Fingerprint]) -> Result<usize> {
    let Some(mark) = &snapshot.imported else {
        return Err(Error::invalid("external reference", "belongs to a ticket that was not imported"));
    };
    let taken = usize::try_from(mark.versions).unwrap_or(usize::MAX);
    let known = taken.checked_sub(1).and_then(|last| fingerprints.get(last));
    if known.is_none_or(|known| known.to_string() != mark.fingerprint) {
        return Err(Error::invalid("history", "differs from the imported one")
            .allowing(format!("a history that begins with the same {taken} versions")));
    }
    Ok(taken)
}

/// Replays the versions that the ticket does not contain yet. `taken` is the number of versions that it contains.
pub(crate) fn go_on(
    draft: Draft,
    ticket: &ImportedTicket,
    fingerprints: &[Fingerprint],
    taken: usize,
    context: ImportContext<'_>,
) -> Result<Draft> {
    let draft = draft.measured_under(context.agreements);
    Replay { draft, context }.versions(ticket, fingerprints, taken)
}

/// A ticket and the context for replaying versions into it.
struct Replay<'a> {
    draft: Draft,
    context: ImportContext<'a>,
}

/// The version being replayed, with its number.
#[derive(Clone, Copy)]
struct NumberedVersion<'a> {
    number: u32,
    version: &'a ImportedVersion,
}

impl Replay<'_> {
    /// Replays the versions after the first `taken`, and records the number and fingerprint of the imported versions.
    fn versions(
        mut self,
        ticket: &ImportedTicket,
        fingerprints: &[Fingerprint],
        taken: usize,
    ) -> Result<Draft> {
        for (number, version) in numbered(&ticket.versions).skip(taken) {
            self.version(number, version, false)
                .map_err(|error| error.within(format_args!("version {number}")))?;
        }
        if let (Some((number, version)), Some(fingerprint)) =
            (numbered(&ticket.versions).last(), fingerprints.last())
        {
            // The event has the time of the last version, because the import itself does not change the ticket.
            let before = self.draft.snapshot().imported.as_deref();
            let ImportContext { now, agreements, adopted, .. } = self.context;
            let applies =
                agreements.at(now).is_some_and(|(_, it)| it.choose(self.draft.snapshot()).is_some());
            let mark = ImportMark {
                versions: number,
                fingerprint: fingerprint.to_string(),
                clocks: before.map_or(ticket.clocks, |mark| mark.clocks),
                measured: applies || before.is_some_and(|mark| mark.measured),
                quiet_until: now,
                adopted,
            };
            let imported = Change::Imported(Box::new(mark));
            let origin = Some(Origin { version: number, irregular: false, label: None });
            let at = to_micros(version.at);
            self.draft.emit_from(at, &Actor::desk(), imported, Personal::default(), origin)?;
        }
        Ok(self.draft)
    }

    /// Replays one version in the same order as an action: first the data, then the message and the note, then the
    /// status.
    fn version(&mut self, number: u32, version: &ImportedVersion, opens: bool) -> Result<()> {
        let current = NumberedVersion { number, version };
        if !opens {
            let before = self.draft.snapshot().version;
            self.describe(current)?;
            self.hand_over(current)?;
            let changed = self.draft.snapshot().version > before;
            self.prioritise(current, changed)?;
            self.message(current)?;
        }
        if let Some(note) = &version.note {
            self.emit_words(current, Change::NoteAdded { files: note.files.clone() }, note.words())?;
        }
        self.status(current, opens)
    }

    fn emit(&mut self, current: NumberedVersion<'_>, change: Change, personal: Personal) -> Result<()> {
        let origin = Origin { version: current.number, irregular: false, label: None };
        self.emit_from(current.version, change, personal, origin)
    }

    /// Adds an event that sets or repeats the status. It has the label of the version.
    fn emit_status(
        &mut self,
        current: NumberedVersion<'_>,
        irregular: bool,
        change: Change,
        personal: Personal,
    ) -> Result<()> {
        let label = current.version.label.clone();
        self.emit_from(
            current.version,
            change,
            personal,
            Origin { version: current.number, irregular, label },
        )
    }

    fn emit_from(
        &mut self,
        version: &ImportedVersion,
        change: Change,
        personal: Personal,
        origin: Origin,
    ) -> Result<()> {
        self.draft.emit_from(to_micros(version.at), &version.by, change, personal, Some(origin))
    }

    fn emit_words(&mut self, current: NumberedVersion<'_>, change: Change, words: Words) -> Result<()> {
        let owner = self.draft.snapshot().owner_of_words(&current.version.by.who);
        self.emit(current, change, Personal::of(owner, words))
    }

    fn describe(&mut self, current: NumberedVersion<'_>) -> Result<()> {
        let (version, snapshot) = (current.version, self.draft.snapshot());
        let mut described = DetailsChange {
            kind: version.kind.clone().filter(|kind| *kind != snapshot.kind),
            channel: version.channel.clone().filter(|channel| *channel != snapshot.channel),
            category: version.category.clone().filter(|path| *path != snapshot.category),
            ..DetailsChange::default()
        };
        let requester = version.requester().or(snapshot.requester());
        let owner = Owner::of_words(&version.by.who, requester);
        let mut words = Words {
            subject: version.subject.clone().filter(|subject| *subject != snapshot.subject()),
            ..Words::default()
        };
        described.subject = words.subject.is_some();
        if let Some(tags) = &version.tags {
            described.tags_added = tags.difference(&snapshot.tags).cloned().collect();
            described.tags_removed = snapshot.tags.difference(tags).cloned().collect();
        }
        for (name, value) in &version.fields {
            let field_type = self.context.policy.declared(name)?;
            let value = field_type.kept(value);
            if snapshot.field(name) == Some(&value) {
                continue;
            }
            if field_type.is_personal() {
                described.text_fields.insert(name.clone());
                words.fields.insert(name.clone(), value);
            } else {
                described.fields.insert(name.clone(), value);
            }
        }
        let cleared = version.fields_cleared.iter().filter(|name| snapshot.field(name).is_some());
        described.fields_cleared = cleared.cloned().collect();
        let mut personal = Personal::of(owner, words);
        for (contact, role) in &version.contacts {
            snapshot.describe_contact(contact, *role, &mut described, &mut personal);
        }
        limits::count("contacts", snapshot.contacts.len() + new_contact_count(&described, snapshot))?;
        described.attributes.values().try_for_each(limits::attributes)?;
        if described == DetailsChange::default() && personal.is_empty() {
            return Ok(());
        }
        self.emit(current, Change::DetailsChanged(Box::new(described)), personal)
    }

    fn hand_over(&mut self, current: NumberedVersion<'_>) -> Result<()> {
        let (version, snapshot) = (current.version, self.draft.snapshot());
        let team = version.team.as_ref().map_or(snapshot.team.as_ref(), Holder::get);
        let line = version.line.unwrap_or(snapshot.line);
        let assignee = version.assignee.as_ref().map_or(snapshot.assignee.as_ref(), Holder::get);
        let handed_over = (team != snapshot.team.as_ref() || line != snapshot.line)
            .then(|| Change::HandedOver { team: team.cloned(), line });
        let assigned =
            (assignee != snapshot.assignee.as_ref()).then(|| Change::Assigned { to: assignee.cloned() });
        handed_over
            .into_iter()
            .chain(assigned)
            .try_for_each(|change| self.emit(current, change, Personal::default()))
    }

    /// Computes the priority again if the version sets an impact, urgency or modifiers, or if facts that the conditions
    /// of modifiers use may have changed.
    ///
    /// In the second case, the priority stays the same if the policy in force no longer has the ticket's impact,
    /// urgency or modifiers.
    fn prioritise(&mut self, current: NumberedVersion<'_>, changed: bool) -> Result<()> {
        let (version, snapshot) = (current.version, self.draft.snapshot());
        let graded = version.impact.is_some() || version.urgency.is_some() || version.modifiers.is_some();
        let depends = changed && !self.context.policy.priority_matrix().modifiers().is_empty();
        if !graded && !depends {
            return Ok(());
        }
        let modifiers = version.modifiers.as_ref().unwrap_or(&snapshot.modifiers);
        let assessment = match opening::assess(snapshot, version, modifiers, self.context.policy) {
            Ok(assessment) => assessment,
            Err(error) if graded => return Err(error),
            Err(_) => return Ok(()),
        };
        if assessment == snapshot.assessment && *modifiers == snapshot.modifiers {
            return Ok(());
        }
        let change = Change::Prioritised { modifiers: modifiers.clone(), assessment: Box::new(assessment) };
        self.emit(current, change, Personal::default())
    }

    fn message(&mut self, current: NumberedVersion<'_>) -> Result<()> {
        let Some(message) = &current.version.message else { return Ok(()) };
        let Message { files, .. } = message;
        let standing = self.draft.snapshot().standing(&current.version.by.who);
        let change = match standing {
            Some(standing) => Change::Received(Arrived {
                files: files.clone(),
                without_text: message.text.is_empty(),
                from_outside: !standing.is_contact(),
                needs_reply: self.context.policy.rule_of(standing).answers && !self.draft.state().is_final(),
                ..Arrived::default()
            }),
            None => Change::Replied { files: files.clone() },
        };
        self.emit_words(current, change, message.words())
    }

    fn status(&mut self, current: NumberedVersion<'_>, opens: bool) -> Result<()> {
        let version = current.version;
        if let Some(ImportedStatus::Unmapped(status)) = &version.status {
            return self.unmapped(current, status);
        }
        if opens {
            return Ok(());
        }
        let Some(Target { state: to, placement }) = self.target(current)? else { return Ok(()) };
        let snapshot = self.draft.snapshot();
        let unmapped = snapshot.unmapped_status.is_some();
        if !unmapped && to == snapshot.state && !changes_resolution(version, snapshot) {
            return match placement {
                Some(Placement { status: to, .. }) if *to != *snapshot.status() => {
                    let from = snapshot.status().into();
                    self.emit_status(current, false, Change::StatusChanged { from, to }, Personal::default())
                }
                _ => self.repeated(current),
            };
        }
        let from = snapshot.state.kind();
        // The step out of an unmapped status is unknown.
        let step = if unmapped { None } else { step(snapshot, to.kind(), &version.by) };
        let mut code = version.resolution_code.clone();
        let owner = snapshot.owner_of_words(&version.by.who);
        let words = Words { text: version.resolution.clone(), ..Words::default() };
        let mut personal = Personal::of(owner, words);
        if from == StateKind::Resolved && to.kind() == StateKind::Resolved {
            // Resolved again: keep the previous code and text, with its owner, unless the version replaces them.
            code = code.or_else(|| snapshot.resolution_code.clone());
            if personal.is_empty() {
                personal = snapshot.personal.resolution_as_text();
            }
        }
        let status = placement.map(|placement| placement.status);
        let change = Change::StateChanged { from, to, step, cause: Cause::Action, code, status };
        self.emit_status(current, step.is_none(), change, personal)
    }

    /// Sets a status that maps to no state.
    fn unmapped(&mut self, current: NumberedVersion<'_>, status: &str) -> Result<()> {
        if self.draft.snapshot().unmapped_status.as_deref() != Some(status) {
            let change = Change::StatusUnmapped { status: status.to_owned() };
            return self.emit_status(current, true, change, Personal::default());
        }
        match current.version.label {
            Some(_) => self.emit_status(current, false, Change::StateRepeated, Personal::default()),
            None => Ok(()),
        }
    }

    /// Records a version that repeats the status, if it has a label or another time of the resolution or closing.
    fn repeated(&mut self, current: NumberedVersion<'_>) -> Result<()> {
        let (version, snapshot) = (current.version, self.draft.snapshot());
        let redates = match snapshot.state.kind() {
            StateKind::Resolved => snapshot.resolved_at != Some(to_micros(version.at)),
            StateKind::Closed => snapshot.closed_at != Some(to_micros(version.at)),
            _ => false,
        };
        if redates || version.label.is_some() {
            self.emit_status(current, false, Change::StateRepeated, Personal::default())
        } else {
            Ok(())
        }
    }

    /// Returns the state and status that the version sets. The ticket first changes to the workflow of its kind, if it
    /// follows a workflow or the version names a status.
    fn target(&mut self, current: NumberedVersion<'_>) -> Result<Option<Target>> {
        let (version, snapshot) = (current.version, self.draft.snapshot());
        let placement = snapshot.placement.as_deref();
        if placement.is_none() && version.workflow_status.is_none() {
            return placing::target(version, None, Workflow::simple());
        }
        let workflows = self.context.workflows;
        let workflow = workflows.for_kind(snapshot.kind.as_str());
        if *workflow.reference().name == *snapshot.workflow_ref().name {
            return placing::target(version, placement, workflows.get(snapshot.workflow_ref())?);
        }
        let target = placing::target(version, placement, workflow)?;
        let reached = target.as_ref().filter(|target| target.state.kind() == snapshot.state.kind());
        let to = match (reached, workflow.is_simple(), workflow.statuses_for(&snapshot.state).first()) {
            (Some(target), ..) => target.placement.clone(),
            (None, true, _) => None,
            (None, false, Some(status)) => workflow.placement(*status),
            (None, false, None) => {
                let problem =
                    format!("{} has no status in the workflow {}", snapshot.state, workflow.reference());
                return Err(Error::invalid("status", problem)
                    .allowing("a version before it whose state is in both workflows"));
            }
        };
        let cause = if placement.is_some() { MigrationCause::Kind } else { MigrationCause::Migration };
        self.emit(current, Change::WorkflowMigrated { to, cause }, Personal::default())?;
        Ok(target)
    }
}

/// Returns the lifecycle step to that state, if there is one. If the requester closes the ticket, it is *confirm*.
fn step(snapshot: &Snapshot, to: StateKind, by: &Actor) -> Option<StepKind> {
    let confirms = matches!(&by.who, Who::Contact(id) if snapshot.requester() == Some(id));
    let mut steps = snapshot.state.kind().accepted();
    steps.find(|step| step.target() == to && (confirms || *step != StepKind::Confirm))
}

/// Returns true if the version has a different resolution than the ticket.
fn changes_resolution(version: &ImportedVersion, snapshot: &Snapshot) -> bool {
    let differs = |new: Option<&str>, known: Option<&str>| new.is_some() && new != known;
    differs(version.resolution.as_deref(), snapshot.personal.resolution())
        || differs(version.resolution_code.as_deref(), snapshot.resolution_code.as_deref())
}

/// Returns the number of contacts that the change adds to the ticket.
fn new_contact_count(described: &DetailsChange, snapshot: &Snapshot) -> usize {
    described.contacts.keys().filter(|id| !snapshot.contacts.contains_key(*id)).count()
}
