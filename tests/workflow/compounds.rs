//! Random compound actions, with time between them: a check in advance, the attempt, due timers and an independent
//! interpreter agree.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use firstline::desk::Settings;
use firstline::lifecycle::StepKind;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::priority::{Effect, Matrix};
use firstline::ticket::action::StepOptions;
use firstline::ticket::hold_end::HoldEnd;
use firstline::time::ManualTime;
use firstline::workflow::{Transition, Trigger, Workflow, preset};
use firstline::{
    Action, Actor, Condition, DateTime, Desk, Impact, Kind, Line, Modifier, NewTicket, Policy, Priority,
    RejectionReason, Snapshot, State, StateKind, TicketId, TimeDelta, Urgency, Utc, Who, WorkflowDefinition,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::model::commands::{ACTORS, actor, is_outsider};
use crate::model::compound::{Interpreter, LastCommand, Slip, Traces};
use crate::model::definitions;
use crate::soak;

/// The compound actions on one ticket.
const STEPS: usize = 50;

#[derive(Debug, Clone)]
enum Part {
    Kind(usize),
    Step(StepKind, Option<Index>, bool, usize, Option<i64>),
    Move(Index, bool),
    /// A transition from the present status, by its own action. A hold may end after some hours.
    Way(Index, bool, Option<i64>),
    /// The end of a hold, and true for a reminder an hour from now.
    HoldEnd(StateKind, bool),
    Spam,
    NotSpam,
    Undo,
    TimeSpent(i32),
    Follow(usize, bool),
    Thread(usize),
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
            .prop_map(|(step, to, why, hold)| Part::Step(step, to, why, hold, None)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(to, why)| Part::Move(to, why)),
        8 => (any::<Index>(), prop::bool::weighted(0.8), prop::option::of(select(vec![2, 40_i64])))
            .prop_map(|(way, why, hours)| Part::Way(way, why, hours)),
        1 => Just(Part::Spam),
        1 => select(vec![-20, 15, 45]).prop_map(Part::TimeSpent),
        1 => (0..2usize, any::<bool>()).prop_map(|(agent, follows)| Part::Follow(agent, follows)),
        1 => (0..3usize).prop_map(Part::Thread),
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

/// The hours that pass, the actor, and an action.
type Command = (i64, usize, Vec<Part>);

/// The number of the actor of the last command.
const SAME: usize = ACTORS;

fn life() -> impl Strategy<Value = Vec<Command>> {
    // Mostly agents, because most parts are for the staff.
    let by = || prop_oneof![3 => 2..6usize, 1 => 0..ACTORS];
    let parts = |count| prop::collection::vec(part(), count);
    // A hold until a date.
    let hold = (any::<Index>(), parts(0..3)).prop_map(|(way, mut parts)| {
        let then = [StateKind::Active, StateKind::Resolved, StateKind::Closed][parts.len()];
        parts.insert(0, Part::Step(StepKind::Hold, None, true, way.index(HOLDS.len()), Some(2)));
        parts.insert(1, Part::HoldEnd(then, way.index(2) == 0));
        parts
    });
    let command = prop_oneof![
        16 => (by(), parts(1..6)),
        3 => (prop_oneof![4 => Just(SAME), 1 => by()], Just(vec![Part::Undo])),
        1 => (by(), parts(0..2)).prop_map(|(by, mut parts)| {
            parts.push(Part::Undo);
            (by, parts)
        }),
        2 => (2..6usize, Just(vec![Part::Spam])),
        1 => (by(), Just(vec![Part::NotSpam])),
        3 => (2..6usize, hold),
        // A tag changes the priority, and the guards of the same action see the new one.
        3 => (2..6usize, any::<bool>(), any::<Index>()).prop_map(|(by, tag, way)| {
            let way = Part::Way(way, true, None);
            (by, vec![Part::Computed, Part::Impact(3), Part::Urgency(2), Part::Tag(tag), way])
        }),
    ];
    let hours = prop_oneof![6 => Just(0_i64), 2 => Just(1_i64), 1 => Just(3_i64), 1 => Just(30_i64)];
    prop::collection::vec((hours, command).prop_map(|(hours, (by, parts))| (hours, by, parts)), STEPS)
}

/// A desk with one ticket, two random workflows, and a matrix with a modifier that reads the tags.
struct Run<'a> {
    desk: Desk<Memory>,
    time: ManualTime,
    id: TicketId,
    last: LastCommand,
    before_spam: Option<(Snapshot, DateTime<Utc>)>,
    threads: BTreeMap<String, TicketId>,
    /// The number of the last actor.
    last_actor: usize,
    workflows: &'a [Workflow],
    matrix: Matrix,
}

impl<'a> Run<'a> {
    fn new(workflows: &'a [Workflow], matrix: Matrix) -> Run<'a> {
        let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
        let policy = Policy::new()
            .verification(None)
            .matrix(matrix.clone())
            .field("price", FieldType::Integer)
            .field("note", FieldType::choice(["seen"]));
        let own = workflows.iter().filter(|it| &*it.reference().name != "simple");
        let policy = own.fold(policy, |policy, it| policy.workflow(it.definition().clone()));
        let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
        desk.setup().adopt(&policy).unwrap();
        let (last, id) = opened(&desk, KINDS[2]);
        let (before_spam, threads) = (None, BTreeMap::new());
        Run { desk, time, id, last, before_spam, threads, last_actor: 0, workflows, matrix }
    }

    fn ticket(&self) -> Snapshot {
        self.desk.ticket(self.id).unwrap().into_snapshot()
    }

    fn now(&self) -> DateTime<Utc> {
        firstline::time::TimeSource::now(&self.time)
    }

    fn interpreter<'b>(&'b self, by: &'b Actor, slip: Slip) -> Interpreter<'b> {
        let (workflows, matrix, ticket) = (self.workflows, &self.matrix, self.ticket());
        let (now, last, before_spam) = (self.now(), &self.last, self.before_spam.as_ref());
        Interpreter { workflows, matrix, ticket, by, slip, now, last, before_spam, threads: &self.threads }
    }

    /// Lets time pass, and compares what the timers do. Returns true if a timer was due.
    fn wait(&mut self, hours: i64, slip: Slip) -> Result<bool, TestCaseError> {
        let (before, desk) = (self.ticket(), Actor::from(Who::Desk));
        self.time.advance(TimeDelta::hours(hours));
        let mut interpreter = self.interpreter(&desk, slip);
        let fired = interpreter.timers();
        let expected = facts(&interpreter.ticket);
        let ticked = self.desk.tick(self.now()).unwrap();
        prop_assert!(ticked.failed.is_empty() && ticked.stopped.is_none(), "{:?}", ticked);
        prop_assert_eq!(expected, facts(&self.ticket()), "{} hours after {:?}", hours, before);
        if fired {
            self.last =
                LastCommand { by: Who::Desk, at: self.now(), before, threads: BTreeSet::new(), stays: true };
        }
        Ok(fired)
    }

    fn action(&self, part: &Part, ticket: &Snapshot, at: Option<&Workflow>) -> Option<Action> {
        let definition = at?.definition();
        let name = |index: &Index| {
            let place = index.index(definition.statuses.len() + 1);
            definition.statuses.get(place).map_or("nowhere".to_owned(), |it| it.name.clone())
        };
        let comment = |why: bool| why.then(|| "it seems right".to_owned());
        let until = |hours: Option<i64>| hours.map(|hours| self.now() + TimeDelta::hours(hours));
        Some(match part {
            Part::Kind(kind) => Action::Kind(Kind::from(KINDS[*kind])),
            Part::Step(step, to, why, hold, hours) => {
                step_action(*step, to.as_ref().map(name), comment(*why), HOLDS[*hold], until(*hours))
            }
            Part::Move(to, why) => Action::Move { status: name(to), comment: comment(*why) },
            Part::Way(way, why, hours) => {
                let here = |it: &&Transition| it.from.iter().any(|from| *from == ticket.status());
                let ways: Vec<&Transition> = definition.transitions.iter().filter(here).collect();
                let way = *(!ways.is_empty()).then(|| way.get(&ways))?;
                let to = definition.statuses.iter().find(|it| it.name == way.to)?;
                let hold = to.reason.as_ref().map_or("customer", |it| it.as_str());
                match way.action {
                    Trigger::Step(step) => {
                        step_action(step, Some(way.to.clone()), comment(*why), hold, until(*hours))
                    }
                    Trigger::Move => Action::Move { status: way.to.clone(), comment: comment(*why) },
                }
            }
            Part::HoldEnd(then, reminds) => {
                let remind_at = reminds.then(|| self.now() + TimeDelta::hours(1));
                Action::HoldEnd(HoldEnd { then: *then, remind_at })
            }
            Part::Spam => Action::spam(),
            Part::NotSpam => Action::not_spam(),
            Part::Undo => Action::undo(),
            Part::TimeSpent(minutes) => Action::time_spent(*minutes),
            Part::Follow(agent, true) => Action::follow(["anna", "lena"][*agent]),
            Part::Follow(agent, false) => Action::unfollow(["anna", "lena"][*agent]),
            Part::Thread(key) => Action::thread(format!("<{key}@desk>")),
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

    /// Acts, and compares the answers. Returns the names of the parts if the action was accepted, and no names if it
    /// was refused.
    fn act(&mut self, by: usize, parts: &[Part], slip: Slip) -> Result<Option<Vec<String>>, TestCaseError> {
        let number = if by == SAME { self.last_actor } else { by };
        let by = &actor(number);
        let ticket = self.desk.ticket(self.id).unwrap();
        let before = ticket.snapshot().clone();
        let at = self.workflows.iter().find(|it| it.reference().name == before.workflow_ref().name);
        let mut actions = parts.iter().filter_map(|part| self.action(part, &before, at));
        let Some(first) = actions.next() else { return Ok(None) };
        let action = actions.fold(first, Action::and);
        let (read, expected) = {
            let mut interpreter = self.interpreter(by, slip);
            (interpreter.all(&action), facts(&interpreter.ticket))
        };
        // The handle does not know the history, the time and the threads of other tickets.
        let knows = !action.parts().iter().any(|part| {
            matches!(part, Action::Undo | Action::NotSpam | Action::HoldEnd(_) | Action::Thread(_))
        });
        let predicted = ticket.why_not_by(&action, by);
        let tried = self.desk.reports().why_not(self.id, action.clone(), by);
        let done = self.desk.act(self.id, action.clone(), by);
        let context = || format!("{action:?} by {} on {before:?}", by.who);
        match done {
            Ok(receipt) => {
                prop_assert!(predicted.is_none(), "why_not_by refuses: {predicted:?}\n{}", context());
                prop_assert!(matches!(tried, Ok(None)), "why_not refuses: {tried:?}\n{}", context());
                let Ok(traces) = read else {
                    return Err(TestCaseError::fail(format!("the interpreter refuses\n{}", context())));
                };
                prop_assert_eq!(expected, facts(&receipt.ticket), "{}", context());
                self.remember(&action, &by.who, before, traces);
                self.last_actor = number;
                let name = |part: &&Action| format!("{part:?}").split([' ', '(']).next().unwrap().to_owned();
                Ok(Some(action.parts().iter().map(name).collect()))
            }
            Err(error) => {
                prop_assert!(read.is_err(), "the interpreter accepts it: {error}\n{}", context());
                match error.rejection() {
                    // A contact who is not on the ticket does not even learn that there is one.
                    refused if is_outsider(by, &before) => {
                        prop_assert!(refused.is_none() && error.is_not_found(), "{error}\n{}", context());
                        prop_assert_eq!(tried.unwrap_err().to_string(), error.to_string(), "{}", context());
                        let missing = RejectionReason::NotFound { ticket: self.id };
                        let reasons = predicted.map(|it| it.reasons);
                        prop_assert!(!knows || reasons == Some(vec![missing]), "{reasons:?}\n{}", context());
                    }
                    Some(rejection) => {
                        let tried = tried.unwrap();
                        prop_assert_eq!(tried.as_ref(), Some(rejection), "{}", context());
                        if knows {
                            prop_assert_eq!(predicted.as_ref(), Some(rejection), "{}", context());
                        }
                    }
                    None => {
                        prop_assert!(error.is_invalid(), "{error}\n{}", context());
                        prop_assert_eq!(tried.unwrap_err().to_string(), error.to_string(), "{}", context());
                        prop_assert!(predicted.is_some() || !knows, "{error}\n{}", context());
                    }
                }
                Ok(Some(Vec::new()))
            }
        }
    }

    fn remember(&mut self, action: &Action, by: &Who, before: Snapshot, traces: Traces) {
        if traces.writes {
            let parts = action.parts();
            let stays = parts.iter().any(|part| matches!(part, Action::Undo | Action::NotSpam));
            if parts.iter().any(|part| matches!(part, Action::Undo)) {
                self.threads.retain(|key, _| !self.last.threads.contains(key));
            }
            let threads = traces.threads.clone();
            self.last = LastCommand { by: by.clone(), at: self.now(), before, threads, stays };
        }
        if traces.before_spam.is_some() {
            self.before_spam = traces.before_spam;
        }
        self.threads.extend(traces.threads.into_iter().map(|key| (key, self.id)));
    }
}

/// Opens a ticket of this kind. Nobody can take back the opening.
fn opened(desk: &Desk<Memory>, kind: &str) -> (LastCommand, TicketId) {
    let request = NewTicket::new("The lamp flickers").from("boris").kind(Kind::from(kind));
    let ticket = desk.open_ticket(request).unwrap();
    let (before, by) = (ticket.snapshot().clone(), Who::Contact("boris".into()));
    (LastCommand { by, at: before.opened_at, before, threads: BTreeSet::new(), stays: true }, ticket.id())
}

/// The facts that the interpreter knows, as text.
fn facts(it: &Snapshot) -> String {
    let until = match &it.state {
        State::OnHold(hold) => Some((hold.reason.clone(), hold.until)),
        _ => None,
    };
    let place = (&it.workflow_ref().name, it.status(), it.state.kind(), until, it.hold_end, it.spam);
    let people = (&it.assignee, &it.team, it.line, &it.followers, it.minutes_spent);
    let words = (&it.kind, &it.category, &it.tags, &it.fields);
    format!("{place:?} {people:?} {words:?} {:?} {:?}", it.assessment, it.resolution_code)
}

fn step_action(
    step: StepKind,
    status: Option<String>,
    comment: Option<String>,
    hold: &str,
    until: Option<DateTime<Utc>>,
) -> Action {
    let code = comment.is_some().then(|| "part".to_owned());
    let options = StepOptions { status: status.clone(), comment };
    match step {
        StepKind::Start => Action::Start(options),
        StepKind::Hold => Action::Hold { reason: hold.into(), until, options },
        StepKind::Resume => Action::Resume(options),
        StepKind::Resolve => Action::Resolve { text: "mended".to_owned(), code, status },
        StepKind::Confirm => Action::Confirm(options),
        StepKind::Close => Action::Close(options),
        StepKind::Reopen => Action::Reopen(options),
        StepKind::Cancel => Action::Cancel(options),
    }
}

/// The numbers of accepted actions by part, of refused actions, of changes to another workflow and of due timers.
type Counts = BTreeMap<String, usize>;

fn lives(config: Config, slip: Slip) -> (Counts, Result<(), String>) {
    let counts = RefCell::new(Counts::new());
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
        for (hours, by, parts) in &commands {
            let count = |name: &str| *counts.borrow_mut().entry(name.to_owned()).or_default() += 1;
            if run.wait(*hours, slip)? {
                count("timers");
            }
            let parts = if run.ticket().spam && parts.len() % 2 == 0 { &[Part::NotSpam][..] } else { parts };
            let corrects = matches!(parts[0], Part::Undo | Part::NotSpam);
            if run.ticket().state.kind().is_final() && !corrects && parts.len() != 3 {
                // A finished ticket refuses most actions, so the life continues with a new ticket.
                (run.last, run.id) = opened(&run.desk, KINDS[parts.len() % KINDS.len()]);
                run.before_spam = None;
            }
            let before = run.ticket().workflow_ref().clone();
            match run.act(*by, parts, slip)? {
                None => {}
                Some(names) if names.is_empty() => count("refused"),
                Some(names) => {
                    count("accepted");
                    names.iter().for_each(|name| count(name));
                }
            }
            if *run.ticket().workflow_ref() != before {
                count("transferred");
            }
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
    (counts.into_inner(), result.map_err(readable))
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
    let counts = compare(soak::fixed(cases));
    println!("{counts:?}");
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let of_all = |least: usize| least * cases as usize / 230;
    assert!(count("accepted") + count("refused") >= of_all(10_000), "{counts:?}");
    for (name, least) in [
        ("accepted", 2_000),
        ("refused", 2_000),
        ("transferred", 200),
        ("timers", 100),
        ("Undo", 100),
        ("Spam", 100),
        ("NotSpam", 30),
        ("Take", 50),
        ("HoldEnd", 100),
        ("TimeSpent", 50),
        ("Follow", 50),
        ("Unfollow", 50),
        ("Thread", 50),
    ] {
        assert!(count(name) >= of_all(least), "{name}: {counts:?}");
    }
    if let Some(config) = soak::further(230) {
        compare(config);
    }
}

/// A control: the same test fails for an interpreter with any one mistake.
#[test]
fn an_interpreter_with_one_mistake_is_detected() {
    for slip in [
        Slip::EntersAnyway,
        Slip::ForgetsLeaving,
        Slip::MindsTheOrder,
        Slip::SeesOldPriority,
        Slip::UndoesAnything,
        Slip::ForgetsHoldEnds,
        Slip::AlwaysResumes,
        Slip::KeepsPastDates,
    ] {
        let (_, result) = lives(Config { max_shrink_iters: 0, ..soak::fixed(460) }, slip);
        assert!(result.is_err(), "{slip:?} makes no difference");
    }
}
