//! Random histories. A case has a number, and every run draws the same history for it.

use firstline::import::ImportClocks;
use firstline::sla::{Metric, OnPolicyChange, OnPriorityChange, OnReopen};
use firstline::{HoldReason, Line, Priority, StateKind};

use super::calendar::{CALENDARS, STARTS};
use super::ticket::{By, HoldEnd, Op, Ticket};
use super::{Agreement, History, Import, Minute, Policy, Target, Time, When};

/// A generator of random numbers (SplitMix64).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(case: u64) -> Random {
        Random(case.wrapping_mul(0x2545_F491_4F6C_DD1D))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 below the limit.
    pub(super) fn below(&mut self, limit: i64) -> i64 {
        (self.next() % limit as u64) as i64
    }

    /// Returns true in this percentage of the cases.
    pub(super) fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as i64) as usize].clone()
    }
}

const METRICS: [Metric; 13] = Metric::ALL;

pub(super) fn reasons() -> [HoldReason; 3] {
    [HoldReason::Customer, HoldReason::ThirdParty, HoldReason::from("parcel")]
}

fn target(random: &mut Random, calendars: &[usize], metric: Metric) -> Target {
    let field = metric == Metric::Resolution && random.chance(40);
    let time = random.one(&[40, 80, 120, 240, 480, 960, 1920]);
    let times = match random.below(3) {
        0 => [Some(time); 5],
        1 => [Some(time / 2), Some(time / 2), Some(time), Some(time * 2), Some(time * 2)],
        _ => [Some(time / 2), Some(time), Some(time), None, Some(time * 2)],
    };
    let pauses: [&[HoldReason]; 3] = [&[], &[HoldReason::ThirdParty], &reasons()];
    let warn_at: [&[u8]; 4] = [&[50, 75, 90], &[50], &[75, 90], &[]];
    let warn_before: [&[Minute]; 4] = [&[], &[], &[20], &[60, 30]];
    Target {
        metric,
        time: if field { Time::Field } else { Time::By(times) },
        calendar: (!field && random.chance(70)).then(|| random.one(calendars)),
        pauses: (!field && random.chance(30)).then(|| random.one(&pauses).to_vec()),
        // Percentages of the time to a date would fall between two minutes.
        warn_at: if field { Vec::new() } else { random.one(&warn_at).to_vec() },
        warn_before: random.one(&warn_before).to_vec(),
    }
}

fn agreement(random: &mut Random, calendars: &[usize], name: &str, when: When) -> Agreement {
    let metrics: Vec<Metric> = METRICS.into_iter().filter(|_| random.chance(55)).collect();
    Agreement {
        name: name.to_owned(),
        when,
        targets: metrics.into_iter().map(|metric| target(random, calendars, metric)).collect(),
        on_reopen: random.one(&[OnReopen::Continue, OnReopen::NewCycle, OnReopen::Freeze]),
        on_priority: random.one(&[
            OnPriorityChange::FromOpening,
            OnPriorityChange::CarryElapsed,
            OnPriorityChange::Restart,
        ]),
        on_policy: random.one(&[OnPolicyChange::Pin, OnPolicyChange::Migrate]),
    }
}

/// Draws a policy. Some agreements are those of an earlier policy.
fn policy(random: &mut Random, calendars: &[usize], earlier: &[Policy]) -> Policy {
    let mut agreements = Vec::new();
    for (name, when, percent) in [
        ("gold", When::Gold, 50),
        ("plan", When::Plan, 40),
        ("urgent", When::Urgent, 40),
        ("standard", When::Always, 85),
    ] {
        if !random.chance(percent) {
            continue;
        }
        let known: Vec<Agreement> =
            earlier.iter().flat_map(|it| &it.agreements).filter(|it| it.name == name).cloned().collect();
        let drawn = agreement(random, calendars, name, when);
        agreements.push(if !known.is_empty() && random.chance(40) { random.one(&known) } else { drawn });
    }
    Policy { agreements }
}

fn hold_end(random: &mut Random, now: Minute) -> HoldEnd {
    let at = now + random.one(&[30, 60, 300, 1500]);
    let then = random.one(&[StateKind::Active, StateKind::Resolved, StateKind::Closed]);
    HoldEnd { at, then, remind_at: random.chance(50).then(|| now + (at - now) / 3) }
}

fn op(random: &mut Random, world: &World, now: Minute) -> Op {
    match random.below(41) {
        0 | 1 => Op::Start,
        2..=6 => {
            let reason = random.one(&reasons());
            let mut end = random.chance(60).then(|| hold_end(random, now));
            if let Some(end) = &mut end
                && world.is_busy
                && let Some(at) = world.next_adoption(now)
                && random.chance(40)
            {
                *end = HoldEnd { at, remind_at: None, ..*end };
            }
            Op::Hold { reason, end }
        }
        7 | 8 => Op::Resume,
        9 | 10 => Op::Resolve(By::Anna),
        11 => Op::Resolve(By::Bot),
        12 => Op::ReplyAndResolve,
        13 => Op::Confirm,
        14 => Op::Close,
        15 | 16 => Op::Reopen,
        17 => random.one(&[Op::Cancel, Op::Spam]),
        18 => Op::NotSpam,
        19..=21 => Op::Undo,
        22..=24 => Op::Reply(By::Anna),
        25..=27 => Op::Reply(By::Boris),
        28 => Op::Reply(By::Bot),
        29 | 30 => Op::Gold(random.chance(50)),
        31 => Op::Plan(random.chance(50)),
        32 | 40 => Op::Promise(random.chance(80).then(|| now + random.below(2000) - 200)),
        33 | 34 => {
            Op::Override(random.one(&[Some(Priority::P1), Some(Priority::P2), Some(Priority::P4), None]))
        }
        35 | 38 => Op::Assign(random.chance(50)),
        36 | 39 => Op::HandOver(random.one(&[Line::First, Line::Second])),
        _ => Op::Note,
    }
}

/// True if the version of another system can say this. Only a busy desk imports holds that end.
fn importable(op: &Op, world: &World) -> bool {
    match op {
        Op::Spam | Op::NotSpam | Op::Undo | Op::Override(_) | Op::Adopt(_) | Op::Note => false,
        Op::Hold { end, .. } => {
            end.is_none_or(|it| world.is_busy && it.then == StateKind::Active && it.remind_at.is_none())
        }
        _ => true,
    }
}

/// A desk with several tickets. Its policies and their adoptions are the same for all of its histories, because a
/// policy with zones is expensive to adopt.
#[derive(Debug)]
pub(super) struct World {
    pub(super) policies: Vec<Policy>,
    /// The minute of each adoption and the number of the policy. The first one precedes all tickets.
    pub(super) adoptions: Vec<(Minute, usize)>,
    /// True if adoptions, commands, imports and timers meet often: agreements are adopted after imports, imported
    /// tickets have timers, and commands and timers have the instants of adoptions. The simulator does not know all of
    /// this.
    is_busy: bool,
}

/// Draws the policies of a desk, and histories of its tickets.
pub(super) fn world(number: u64, tickets: usize) -> (World, Vec<History>) {
    draw(number, tickets, false)
}

/// Draws the same for a desk at which adoptions, commands, imports and timers meet often.
pub(super) fn busy_world(number: u64, tickets: usize) -> (World, Vec<History>) {
    draw(number, tickets, true)
}

fn draw(number: u64, tickets: usize, is_busy: bool) -> (World, Vec<History>) {
    let random = &mut Random::new(number);
    let calendars =
        [random.below(CALENDARS.len() as i64) as usize, random.below(CALENDARS.len() as i64) as usize];
    let mut policies = Vec::new();
    for _ in 0..3 {
        let next = policy(random, &calendars, &policies);
        policies.push(next);
    }
    if is_busy && random.chance(60) {
        policies[0].agreements.clear();
    }
    let start = random.one(&STARTS);
    let mut adoptions = vec![(start - 1440, 0)];
    let count = if is_busy { 2 + random.below(6) } else { random.below(6) };
    for _ in 0..count {
        let (at, in_force) = *adoptions.last().unwrap();
        let next = random.one(&[0, 1, 2]);
        if next != in_force {
            adoptions.push((at.max(start) + 1 + random.below(2 * 1440), next));
        }
    }
    let world = World { policies, adoptions, is_busy };
    let histories = (0..tickets).map(|_| history(random, &world, start)).collect();
    (world, histories)
}

impl World {
    /// Returns the number of the policy in force after an instant.
    fn in_force(&self, at: Minute) -> usize {
        self.adoptions.iter().rfind(|it| it.0 <= at).unwrap().1
    }

    fn next_adoption(&self, after: Minute) -> Option<Minute> {
        self.adoptions.iter().map(|it| it.0).find(|it| *it > after)
    }
}

fn history(random: &mut Random, world: &World, start: Minute) -> History {
    let opened = start + random.below(if world.is_busy { 1440 } else { 6 * 1440 });
    let opened_by = random.one(&[By::Boris, By::Boris, By::Boris, By::Anna, By::Bot]);
    // The simulator does not know when the first agreement applies to an imported ticket, unless each policy has one
    // for all tickets, or none at all.
    let certain = |policy: &Policy| {
        policy.agreements.is_empty() || policy.agreements.iter().any(|it| it.when == When::Always)
    };
    let imports = if world.is_busy {
        random.chance(60)
    } else {
        world.policies.iter().all(certain) && random.chance(35)
    };
    let imported = if imports { 1 + random.below(6) } else { 0 };
    let count = imported + 2 + random.below(18);
    let mut ticket = Ticket::new(opened_by);
    let (mut ops, mut now, mut import) = (Vec::new(), opened, None);
    let mut initial = world.in_force(opened);
    // Goes to the next minute.
    let pass = |now: &mut Minute, ticket: &mut Ticket, ops: &mut Vec<(Minute, Op)>, importing: bool| {
        *now += 1;
        ticket.timers(*now);
        for (_, policy) in world.adoptions.iter().filter(|it| it.0 == *now && !importing) {
            ops.push((*now, Op::Adopt(*policy)));
            ticket.before_command = None;
        }
    };
    for number in 0..count {
        let gap = match random.below(10) {
            0 => 0,
            1..=4 => 1 + random.below(40),
            5..=7 => random.below(400),
            8 => random.one(&[20, 40, 80, 120, 240]), // often exactly at a deadline
            _ => random.below(2500),
        };
        let gap = match world.next_adoption(now) {
            Some(next) if world.is_busy && random.chance(30) => next - now,
            _ => gap,
        };
        for _ in 0..gap {
            pass(&mut now, &mut ticket, &mut ops, number < imported);
        }
        if number == imported && imported > 0 {
            pass(&mut now, &mut ticket, &mut ops, true);
            initial = world.in_force(now);
            ops.retain(|it| !matches!(it.1, Op::Adopt(_)));
            let from = opened + random.below(now - opened);
            let clocks = random.one(&[
                ImportClocks::FromOpening,
                ImportClocks::Never,
                ImportClocks::From(super::desk::instant(from)),
            ]);
            let from = matches!(clocks, ImportClocks::From(_)).then_some(from);
            let closes = world.is_busy && random.chance(60);
            import = Some(Import { at: now, clocks, from, closes });
            pass(&mut now, &mut ticket, &mut ops, false);
        }
        let drawn = (0..50).map(|_| op(random, world, now));
        let fits = |op: &Op| ticket.accepts(op, now) && (number >= imported || importable(op, world));
        let Some(op) = drawn.into_iter().find(fits) else { continue };
        ticket.execute(&op, now, number < imported);
        ops.push((now, op));
    }
    for _ in 0..1 + random.below(1500) {
        pass(&mut now, &mut ticket, &mut ops, false);
    }
    // Rule 20: without agreements at the import, the history is measured when the first ones are adopted.
    let mut measured_at = import.as_ref().map(|it| it.at);
    while import.is_some() && world.policies[initial].agreements.is_empty() {
        let is_adoption = |(_, op): &(Minute, Op)| matches!(op, Op::Adopt(_));
        let Some(place) = ops.iter().position(is_adoption) else { break };
        let (at, op) = ops.remove(place);
        let Op::Adopt(policy) = op else { break };
        (initial, measured_at) = (policy, Some(at));
    }
    History {
        policies: world.policies.clone(),
        initial,
        measured_at,
        opened,
        opened_by,
        ops,
        import,
        end: now,
    }
}
