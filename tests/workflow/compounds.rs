//! Random compound actions: a check in advance, the attempt and an independent interpreter agree.

use std::cell::Cell;

use firstline::desk::Settings;
use firstline::lifecycle::StepKind;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::priority::{Effect, Matrix};
use firstline::ticket::action::StepOptions;
use firstline::workflow::{Transition, Trigger, Workflow, preset};
use firstline::{
    Action, Actor, Condition, Desk, Impact, Kind, Line, Modifier, NewTicket, Policy, Priority, Snapshot,
    TicketId, Urgency, WorkflowDefinition,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::model::commands::{ACTORS, actor};
use crate::model::compound::{Interpreter, Slip, hold_reason};
use crate::model::definitions;
use crate::soak;

/// The compound actions on one ticket.
const STEPS: usize = 50;

#[derive(Debug, Clone)]
enum Part {
    Kind(usize),
    Step(StepKind, Option<Index>, bool, usize),
    Move(Index, bool),
    /// A transition from the present status, by its own action.
    Way(Index, bool),
    Assign(usize),
    Take,
    HandOver(usize),
    Override(u8),
    Computed,
    Impact(u8),
    Urgency(u8),
    Category(bool),
    Tag(bool),
    Price(Option<i64>),
    Note(bool),
    Words,
}

const KINDS: [&str; 3] = ["apple", "pear", "question"];
const HOLDS: [&str; 4] = ["customer", "third_party", "parcel", "another"];

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        6 => (0..KINDS.len()).prop_map(Part::Kind),
        2 => (select(StepKind::ALL.to_vec()), prop::option::of(any::<Index>()), any::<bool>(), 0..HOLDS.len())
            .prop_map(|(step, to, why, hold)| Part::Step(step, to, why, hold)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(to, why)| Part::Move(to, why)),
        8 => (any::<Index>(), prop::bool::weighted(0.8)).prop_map(|(way, why)| Part::Way(way, why)),
        2 => (0..3usize).prop_map(Part::Assign),
        1 => Just(Part::Take),
        2 => (0..2usize).prop_map(Part::HandOver),
        2 => (1..=5u8).prop_map(Part::Override),
        1 => Just(Part::Computed),
        1 => (1..=3u8).prop_map(Part::Impact),
        1 => (1..=3u8).prop_map(Part::Urgency),
        2 => prop::bool::weighted(0.8).prop_map(Part::Category),
        2 => any::<bool>().prop_map(Part::Tag),
        2 => prop::option::weighted(0.8, select(vec![50_i64, 150])).prop_map(Part::Price),
        2 => prop::bool::weighted(0.8).prop_map(Part::Note),
        1 => Just(Part::Words),
    ]
}

fn life() -> impl Strategy<Value = Vec<(usize, Vec<Part>)>> {
    // Mostly agents, because most parts are for the staff.
    let by = prop_oneof![3 => 2..6usize, 1 => 0..ACTORS];
    prop::collection::vec((by, prop::collection::vec(part(), 1..6)), STEPS)
}

/// A desk with one ticket, two random workflows, and a matrix with a modifier that reads the tags.
struct Run<'a> {
    desk: Desk<Memory>,
    id: TicketId,
    workflows: &'a [Workflow],
    matrix: Matrix,
}

impl<'a> Run<'a> {
    fn new(workflows: &'a [Workflow], matrix: Matrix) -> Run<'a> {
        let policy = Policy::new()
            .verification(None)
            .matrix(matrix.clone())
            .field("price", FieldType::Integer)
            .field("note", FieldType::choice(["seen"]));
        let own = workflows.iter().filter(|it| &*it.reference().name != "simple");
        let policy = own.fold(policy, |policy, it| policy.workflow(it.definition().clone()));
        let desk = Memory::new().desk(Settings::new("acme"));
        desk.setup().adopt(&policy).unwrap();
        let id = desk.open_ticket(NewTicket::new("The lamp flickers").from("boris")).unwrap().id();
        Run { desk, id, workflows, matrix }
    }

    fn action(&self, part: &Part, ticket: &Snapshot, at: Option<&Workflow>) -> Option<Action> {
        let definition = at?.definition();
        let name = |index: &Index| {
            let place = index.index(definition.statuses.len() + 1);
            definition.statuses.get(place).map_or("nowhere".to_owned(), |it| it.name.clone())
        };
        let comment = |why: bool| why.then(|| "it seems right".to_owned());
        Some(match part {
            Part::Kind(kind) => Action::Kind(Kind::from(KINDS[*kind])),
            Part::Step(step, to, why, hold) => {
                step_action(*step, to.as_ref().map(name), comment(*why), HOLDS[*hold])
            }
            Part::Move(to, why) => Action::Move { status: name(to), comment: comment(*why) },
            Part::Way(way, why) => {
                let here = |it: &&Transition| it.from.iter().any(|from| *from == ticket.status());
                let ways: Vec<&Transition> = definition.transitions.iter().filter(here).collect();
                let way = *(!ways.is_empty()).then(|| way.get(&ways))?;
                let to = definition.statuses.iter().find(|it| it.name == way.to)?;
                let hold = to.reason.as_ref().map_or("customer", |it| it.as_str());
                match way.action {
                    Trigger::Step(step) => step_action(step, Some(way.to.clone()), comment(*why), hold),
                    Trigger::Move => Action::Move { status: way.to.clone(), comment: comment(*why) },
                }
            }
            Part::Assign(0) => Action::unassign(),
            Part::Assign(agent) => Action::assign(["", "anna", "lena"][*agent]),
            Part::Take => Action::take(),
            Part::HandOver(team) => {
                Action::hand_over(["audio", "video"][*team], Line::Second, "as it stands")
            }
            Part::Override(rank) => Action::override_priority(Priority::new(*rank).unwrap(), "as agreed"),
            Part::Computed => Action::ClearOverride,
            Part::Impact(rank) => Action::Impact(Impact::new(*rank).unwrap()),
            Part::Urgency(rank) => Action::Urgency(Urgency::new(*rank).unwrap()),
            Part::Category(true) => Action::category(["lamps"]),
            Part::Category(false) => Action::category::<&str>([]),
            Part::Tag(true) => Action::tag("vip"),
            Part::Tag(false) => Action::untag("vip"),
            Part::Price(Some(price)) => Action::field("price", *price),
            Part::Price(None) => Action::Field { name: "price".to_owned(), value: None },
            Part::Note(true) => Action::field("note", "seen"),
            Part::Note(false) => Action::Field { name: "note".to_owned(), value: None },
            Part::Words => Action::note("as it stands"),
        })
    }

    /// Acts, and compares the three answers. Returns true if the action was accepted.
    fn act(&self, by: &Actor, parts: &[Part], slip: Slip) -> Result<Option<bool>, TestCaseError> {
        let ticket = self.desk.ticket(self.id).unwrap();
        let before = ticket.snapshot().clone();
        let at = self.workflows.iter().find(|it| it.reference().name == before.workflow_ref().name);
        let mut actions = parts.iter().filter_map(|part| self.action(part, &before, at));
        let Some(first) = actions.next() else { return Ok(None) };
        let action = actions.fold(first, Action::and);
        let mut interpreter =
            Interpreter { workflows: self.workflows, matrix: &self.matrix, ticket: before.clone(), by, slip };
        let read = interpreter.all(&action);
        let predicted = ticket.why_not_by(&action, by);
        let done = self.desk.act(self.id, action.clone(), by);
        let context = || format!("{action:?} by {} on {before:?}", by.who);
        match done {
            Ok(receipt) => {
                prop_assert!(predicted.is_none(), "why_not refuses: {predicted:?}\n{}", context());
                prop_assert!(read.is_ok(), "the interpreter refuses\n{}", context());
                let facts = |it: &Snapshot| {
                    let state = (it.state.kind(), hold_reason(it));
                    let place = (it.workflow_ref().name.clone(), it.status().to_owned(), state);
                    let people = (it.assignee.clone(), it.team.clone(), it.line);
                    let words = (it.kind.clone(), it.category.clone(), it.tags.clone(), it.fields.clone());
                    (place, people, words, it.assessment.clone(), it.resolution_code.clone())
                };
                prop_assert_eq!(facts(&interpreter.ticket), facts(&receipt.ticket), "{}", context());
                Ok(Some(true))
            }
            Err(error) => {
                let Some(rejection) = error.rejection() else {
                    return Err(TestCaseError::fail(format!("{error}\n{}", context())));
                };
                prop_assert_eq!(predicted.as_ref(), Some(rejection), "{}", context());
                prop_assert!(read.is_err(), "the interpreter accepts it: {rejection}\n{}", context());
                Ok(Some(false))
            }
        }
    }
}

fn step_action(step: StepKind, status: Option<String>, comment: Option<String>, hold: &str) -> Action {
    let code = comment.is_some().then(|| "part".to_owned());
    let options = StepOptions { status: status.clone(), comment };
    match step {
        StepKind::Start => Action::Start(options),
        StepKind::Hold => Action::Hold { reason: hold.into(), until: None, options },
        StepKind::Resume => Action::Resume(options),
        StepKind::Resolve => Action::Resolve { text: "mended".to_owned(), code, status },
        StepKind::Confirm => Action::Confirm(options),
        StepKind::Close => Action::Close(options),
        StepKind::Reopen => Action::Reopen(options),
        StepKind::Cancel => Action::Cancel(options),
    }
}

/// The numbers of accepted and refused actions, and of accepted changes to another workflow.
type Counts = (usize, usize, usize);

fn lives(config: Config, slip: Slip) -> (Counts, Result<(), String>) {
    let counts = Cell::new((0, 0, 0));
    let vip = Modifier::new("VIP", Effect::Raise(1)).when(Condition::field("tags").contains("vip"));
    let matrix = Matrix::itil().to_definition().modifier(vip).build().unwrap();
    let strategy = (definitions::repaired(), definitions::repaired(), life());
    let result = TestRunner::new(config).run(&strategy, |(first, second, commands)| {
        let named = |definition: &WorkflowDefinition, name: &str, kind: &str| {
            let mut definition = definition.clone().for_kind(kind);
            definition.name = name.to_owned();
            definition.build().ok()
        };
        let (Some(first), Some(second)) = (named(&first, "a", "apple"), named(&second, "b", "pear")) else {
            return Ok(());
        };
        let workflows = [first, second, preset::simple().build().unwrap()];
        let mut run = Run::new(&workflows, matrix.clone());
        for (by, parts) in &commands {
            let before = run.desk.ticket(run.id).unwrap();
            if before.state().kind().is_final() {
                // A finished ticket refuses most actions, so the life continues with a new ticket.
                let kind = Kind::from(KINDS[parts.len() % KINDS.len()]);
                let request = NewTicket::new("The lamp flickers").from("boris").kind(kind);
                run.id = run.desk.open_ticket(request).unwrap().id();
            }
            let before = run.desk.ticket(run.id).unwrap().workflow_ref().clone();
            let accepted = run.act(&actor(*by), parts, slip)?;
            let transferred = *run.desk.ticket(run.id).unwrap().workflow_ref() != before;
            let (mut done, mut refused, mut moved) = counts.get();
            done += usize::from(accepted == Some(true));
            refused += usize::from(accepted == Some(false));
            moved += usize::from(transferred);
            counts.set((done, refused, moved));
        }
        Ok(())
    });
    let readable = |error| match error {
        TestError::Fail(why, (first, second, _)) => {
            let json = |it: &WorkflowDefinition| serde_json::to_string(it).unwrap();
            format!("{why}\na: {}\nb: {}", json(&first), json(&second))
        }
        TestError::Abort(why) => why.to_string(),
    };
    (counts.get(), result.map_err(readable))
}

#[test]
fn a_check_in_advance_the_attempt_and_an_independent_interpreter_agree() {
    let compare = |config: Config| {
        let (counts, result) = lives(Config { max_shrink_iters: 2_000, ..config }, Slip::None);
        if let Err(error) = result {
            panic!("{error}");
        }
        counts
    };
    let cases = soak::counted(230);
    let (accepted, refused, transferred) = compare(soak::fixed(cases));
    println!("{accepted} accepted, {refused} refused, {transferred} to another workflow");
    let least = |of_all: usize| of_all * cases as usize / 230;
    assert!(accepted + refused >= least(10_000), "only {} actions", accepted + refused);
    let each = accepted > least(2_000) && refused > least(2_000) && transferred > least(200);
    assert!(each, "{accepted} {refused} {transferred}");
    if let Some(config) = soak::further(230) {
        compare(config);
    }
}

/// A control: the same test fails for an interpreter with any one mistake.
#[test]
fn an_interpreter_with_one_mistake_is_detected() {
    for slip in [Slip::EntersAnyway, Slip::ForgetsLeaving, Slip::MindsTheOrder, Slip::SeesOldPriority] {
        let (_, result) = lives(Config { max_shrink_iters: 0, ..soak::fixed(230) }, slip);
        assert!(result.is_err(), "{slip:?} makes no difference");
    }
}
