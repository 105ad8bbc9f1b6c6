//! A policy is stored in parts: changing one part changes neither the others nor the tickets that use them.

use std::sync::{Arc, Mutex};

use firstline::calendar::{CalendarDefinition, WORKDAYS};
use firstline::definition::Fingerprint;
use firstline::memory::{Memory, MemoryTx};
use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::sla::{Agreement, Metric, OnPolicyChange, Target};
use firstline::store::{Answer, Commit, Mode, Read, RecordWrite, Store, Tx, Write, kinds};
use firstline::workflow::{Migration, Status, Transition};
use firstline::{
    Action, Calendar, Change, Desk, DeskId, Matrix, Modifier, Policy, Result, StateKind, StepKind, TicketId,
    TimeDelta, WorkflowDefinition,
};

use super::stage::{Stage, anna, on_each_store};

fn calendar(hours: &str) -> CalendarDefinition {
    Calendar::builder("UTC").hours(WORKDAYS, hours).build().unwrap().definition().clone()
}

fn agreement(hours: i64) -> Agreement {
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(hours)).business("office");
    let agreement = Agreement::new("standard", 1).target(target.warn_at([50]));
    agreement.on_policy_change(OnPolicyChange::Migrate)
}

fn matrix(steps: u8) -> Matrix {
    let modifier = Modifier::new("urgent", Effect::Raise(steps));
    Matrix::itil().to_definition().modifier(modifier).build().unwrap()
}

fn workflow(version: u32) -> WorkflowDefinition {
    workflow_named("orders", version)
}

fn workflow_named(name: &str, version: u32) -> WorkflowDefinition {
    let first = format!("Incoming {version}");
    WorkflowDefinition::new(name)
        .version(version)
        .status(Status::new(&first, StateKind::New))
        .status(Status::new("At work", StateKind::Active))
        .status(Status::new("Answered", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .transition(Transition::step(StepKind::Start, &first, "At work"))
        .transition(Transition::step(StepKind::Resolve, "At work", "Answered"))
        .transition(Transition::step(StepKind::Close, "Answered", "Done"))
        .transition(Transition::step(StepKind::Reopen, "Answered", "At work"))
}

/// A policy with a version number for each part.
#[derive(Clone, Copy)]
struct Versions {
    prefix: &'static str,
    days: i64,
    field: FieldTypeOf,
    raise: u8,
    workflow: u32,
    unused: &'static str,
    used: &'static str,
    target: i64,
}

type FieldTypeOf = fn() -> FieldType;

const FIRST: Versions = Versions {
    prefix: "A",
    days: 3,
    field: || FieldType::Integer,
    raise: 1,
    workflow: 1,
    unused: "10:00-11:00",
    used: "08:00-16:00",
    target: 4,
};

fn policy(it: Versions) -> Policy {
    Policy::new()
        .prefix(it.prefix)
        .verification(Some(TimeDelta::days(it.days)))
        .field("order", (it.field)())
        .matrix(matrix(it.raise))
        .workflow(workflow(it.workflow))
        .calendar("unused", calendar(it.unused))
        .calendar("office", calendar(it.used))
        .agreement(agreement(it.target))
}

/// Changes of a policy that keep its agreements and the calendars in use.
fn changes() -> Vec<(&'static str, Policy)> {
    vec![
        ("prefix", policy(Versions { prefix: "B", ..FIRST })),
        ("verification", policy(Versions { days: 4, ..FIRST })),
        ("field", policy(Versions { field: || FieldType::Bool, ..FIRST })),
        ("another field", policy(FIRST).field("colour", FieldType::Text)),
        ("matrix", policy(Versions { raise: 2, ..FIRST })),
        ("workflow", policy(Versions { workflow: 2, ..FIRST })),
        ("another workflow", policy(FIRST).workflow(workflow_named("chats", 1).for_kind("chat"))),
        ("unused calendar", policy(Versions { unused: "12:00-13:00", ..FIRST })),
        ("another calendar", policy(FIRST).calendar("night", calendar("00:00-04:00"))),
    ]
}

/// The events after a note, after a tick with nothing due, and after a tick with a due warning.
fn events_of(stage: &Stage, ticket: TicketId) -> (Vec<Change>, Vec<Change>, Vec<Change>) {
    let mut known = stage.history(ticket).len();
    let mut new = || {
        let history = stage.history(ticket);
        let new = history[known..].iter().map(|event| event.change.clone()).collect::<Vec<_>>();
        known = history.len();
        new
    };
    stage.does(ticket, Action::note("looked at"));
    let noted = new();
    let report = stage.desk.tick(stage.now()).unwrap();
    assert!(report.failed.is_empty() && report.stopped.is_none(), "{report:?}");
    let idle = new();
    stage.later(TimeDelta::hours(3));
    let report = stage.desk.tick(stage.now()).unwrap();
    assert!(report.failed.is_empty() && report.stopped.is_none(), "{report:?}");
    (noted, idle, new())
}

#[test]
fn a_change_outside_the_agreements_writes_nothing_to_a_ticket() {
    for (name, changed) in changes() {
        on_each_store(|stage| {
            let first = stage.desk.setup().adopt(&policy(FIRST)).unwrap();
            let ticket = stage.open();
            assert!(stage.ticket(ticket).clocks[0].running_since.is_some());
            stage.later(TimeDelta::minutes(10));
            let second = stage.desk.setup().adopt(&changed).unwrap();
            assert_eq!((second.version, second.hash == first.hash), (2, false), "{name}");
            assert_eq!(*stage.desk.setup().policy().unwrap(), changed, "{name}");
            let (noted, idle, warned) = events_of(stage, ticket);
            assert!(matches!(noted[..], [Change::NoteAdded { .. }]), "{} {name}: {noted:?}", stage.name);
            assert_eq!(idle, [], "{} {name}", stage.name);
            let expected = matches!(warned[..], [Change::Warned(_), Change::ClocksUpdated { .. }]);
            assert!(expected, "{} {name}: {warned:?}", stage.name);
        });
    }
}

/// A control: clocks use a new version of the agreements from the next command on.
#[test]
fn a_change_of_an_agreement_or_of_a_calendar_in_use_migrates_the_clocks() {
    for changed in [Versions { target: 5, ..FIRST }, Versions { used: "08:00-17:00", ..FIRST }] {
        on_each_store(|stage| {
            stage.desk.setup().adopt(&policy(FIRST)).unwrap();
            let ticket = stage.open();
            let before = stage.ticket(ticket).clocks[0].clone();
            stage.later(TimeDelta::minutes(10));
            stage.desk.setup().adopt(&policy(changed)).unwrap();
            let (noted, idle, _) = events_of(stage, ticket);
            let [
                Change::PolicyRebound { agreements },
                Change::ClocksUpdated { clocks },
                Change::NoteAdded { .. },
            ] = &noted[..]
            else {
                panic!("{}: {noted:?}", stage.name)
            };
            assert_eq!(clocks[0].pinned_to, *agreements);
            assert_ne!(before.pinned_to, *agreements);
            assert_eq!(idle, []);
        });
    }
}

/// The definitions of one commit, as key and text.
type Texts = Vec<(String, String)>;

fn text(write: &RecordWrite) -> String {
    String::from_utf8(write.content.clone().unwrap().facts).unwrap()
}

/// A store that records the loads and the written definitions.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording {
    rows: Memory,
    loads: Arc<Mutex<Vec<Vec<Read>>>>,
    written: Arc<Mutex<Vec<Texts>>>,
}

pub(super) struct RecordingTx<'a>(&'a Recording, MemoryTx<'a>);

impl Store for Recording {
    type Tx<'a> = RecordingTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<RecordingTx<'_>> {
        Ok(RecordingTx(self, self.rows.begin(desk, mode)?))
    }
}

impl Tx for RecordingTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.0.loads.lock().unwrap().push(reads.to_vec());
        self.1.load(reads)
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let definitions = commit.records().filter(|it| it.kind == kinds::DEFINITION);
        self.0.written.lock().unwrap().push(definitions.map(|it| (it.key.clone(), text(it))).collect());
        self.1.commit(commit)
    }
}

impl Recording {
    /// The number of definitions in each load since the last call.
    fn rounds(&self) -> Vec<usize> {
        let is_definition =
            |read: &&Read| matches!(read, Read::Record { kind, .. } if *kind == kinds::DEFINITION);
        let definitions = |reads: Vec<Read>| reads.iter().filter(is_definition).count();
        self.loads.lock().unwrap().drain(..).map(definitions).collect()
    }

    /// The number of tickets read since the last call.
    pub(super) fn tickets(&self) -> usize {
        let is_ticket = |read: &Read| matches!(read, Read::Ticket(_));
        self.loads.lock().unwrap().drain(..).flatten().filter(is_ticket).count()
    }

    pub(super) fn desk(&self) -> Desk<Recording> {
        Desk::over(self.clone(), "acme")
    }
}

#[test]
fn policies_share_the_texts_of_equal_parts() {
    let adopted = |second: &Policy| {
        let store = Recording::default();
        store.desk().setup().adopt(&policy(FIRST)).unwrap();
        store.desk().setup().adopt(second).unwrap();
        let written = store.written.lock().unwrap().clone();
        <[_; 2]>::try_from(written).unwrap()
    };
    let changed_agreements = ("agreements", policy(Versions { target: 5, ..FIRST }));
    let parts = ["field", "another field", "matrix", "workflow", "another workflow", "agreements"];
    for (name, changed) in changes().into_iter().chain([changed_agreements]) {
        let [first, second] = adopted(&changed);
        // The agreements, the matrix, the fields, the workflow and the manifest.
        assert_eq!(first.len(), 5, "{name}");
        let expected = if parts.contains(&name) { 2 } else { 1 };
        assert_eq!(second.len(), expected, "{name}: the changed part, if any, and the manifest");
        assert!(second.iter().all(|definition| !first.contains(definition)), "{name}");
    }
}

/// Regression: the ITIL matrix was not stored, so a later program with another default matrix would have used
/// its own.
#[test]
fn the_matrix_is_stored_even_if_it_is_the_default() {
    let store = Recording::default();
    store.desk().setup().adopt(&Policy::new()).unwrap();
    let written = store.written.lock().unwrap().remove(0);
    let matrix = serde_json::to_string(&Matrix::itil()).unwrap();
    let hash = Fingerprint::of(&matrix);
    let manifest = format!(r#"{{"prefix":"T","verification":"5 days","matrix":"{hash}"}}"#);
    let mut texts: Vec<_> = written.into_iter().map(|(_, text)| text).collect();
    texts.sort_by_key(|text| *text == manifest);
    assert_eq!(texts, [matrix, manifest]);
    assert_eq!(*store.desk().setup().policy().unwrap(), Policy::new());
}

#[test]
fn a_new_program_loads_definitions_in_two_loads_and_each_of_them_once() {
    let store = Recording::default();
    let desk = store.desk();
    desk.setup().adopt(&policy(FIRST)).unwrap();
    let ticket = desk.open_ticket(firstline::NewTicket::new("No sound")).unwrap().id();
    let pinned = agreement(5).on_policy_change(OnPolicyChange::Pin);
    let next = Policy::new().agreement(pinned).calendar("office", calendar("08:00-17:00"));
    desk.setup().adopt(&next.clone().workflow(workflow(2)).field("order", FieldType::Bool)).unwrap();

    let fresh = store.desk();
    store.rounds();
    fresh.act(ticket, Action::note("one"), anna()).unwrap();
    // The first load has the manifest, the agreements and the workflow of the ticket. The second has the other parts
    // of the policy.
    assert_eq!(store.rounds(), [0, 3, 4]);
    fresh.act(ticket, Action::note("two"), anna()).unwrap();
    assert_eq!(store.rounds(), [0]);
    // Another prefix makes another manifest. Nothing else is loaded.
    let next = next.prefix("B").workflow(workflow(2)).field("order", FieldType::Bool);
    desk.setup().adopt(&next).unwrap();
    store.rounds();
    fresh.act(ticket, Action::note("three"), anna()).unwrap();
    assert_eq!(store.rounds(), [0, 1]);
}

/// A migration reads all versions of the policy, most of which are no longer cached.
#[test]
fn a_migration_finds_the_workflow_of_an_old_version() {
    on_each_store(|stage| {
        let setup = stage.desk.setup();
        for n in 1..=60 {
            stage.later(TimeDelta::hours(1));
            let workflow = workflow(if n == 1 { 1 } else { 2 });
            let adopted = setup.adopt(&Policy::new().prefix(format!("P{n}")).workflow(workflow)).unwrap();
            assert_eq!(adopted.version, n);
        }
        let plan = |version| {
            let plan = Migration::of("orders").from_version(version).to("orders", 2);
            setup.preview(&plan.map(format!("Incoming {version}"), "Incoming 2")).unwrap().faults
        };
        assert_eq!(plan(1), [""; 0]);
        assert_ne!(plan(7), [""; 0], "version 7 of the workflow does not exist");
    });
}

#[test]
fn a_missing_part_is_named_in_the_error() {
    struct LossyStore(Memory);
    struct LossyTx<'a>(MemoryTx<'a>);
    impl Store for LossyStore {
        type Tx<'a> = LossyTx<'a>;
        fn begin(&self, desk: &DeskId, mode: Mode) -> Result<LossyTx<'_>> {
            Ok(LossyTx(self.0.begin(desk, mode)?))
        }
    }
    impl Tx for LossyTx<'_> {
        fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
            self.0.load(reads)
        }
        fn commit(&mut self, mut commit: Commit) -> Result<()> {
            let forgotten =
                |it: &RecordWrite| it.kind == kinds::DEFINITION && text(it).contains("\"agreements\":[");
            commit.writes.retain(|write| !matches!(write, Write::Record(it) if forgotten(it)));
            self.0.commit(commit)
        }
    }
    let desk = Desk::over(LossyStore(Memory::new()), "acme");
    desk.setup().adopt(&policy(FIRST)).unwrap();
    let error = desk.setup().policy().unwrap_err();
    assert_eq!(error.kind(), firstline::ErrorKind::Corrupt);
    let text = error.to_string();
    assert!(text.starts_with("the agreements definition ") && text.ends_with("not stored"), "{text}");
}
