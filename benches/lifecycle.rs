//! The cost of the lifecycle's run-time check, compared with a handwritten `match` over the same table, and the
//! cost of a whole decision, compared with the minimum that a decision must do.
//!
//! ```text
//! cargo bench --bench lifecycle
//! ```

#[path = "shared/by_hand.rs"]
mod by_hand;
#[path = "shared/measure.rs"]
mod measure;
#[path = "shared/walk.rs"]
mod walk;

use std::hint::black_box;
use std::time::Duration;

use firstline::lifecycle::{StateKind, StepKind, StepRefused};
use firstline::ticket::decision::DecisionContext;
use firstline::ticket::personal::{Owner, Personal, Words};
use firstline::time::{DateTime, Utc};
use firstline::{Action, Actor, Change, Contact, Desk, Event, NewTicket, Policy, Snapshot, State, state};

use measure::{Lane, Limits, Random, aim, nanos, side_by_side};
use walk::settle;

const ROUNDS: Limits = Limits { rounds: 300, time: Duration::from_secs(8) };

fn main() {
    println!("The lifecycle: check and apply one action, compared with handwritten code.");
    println!("cargo bench --bench lifecycle");
    table();
    decision();
}

fn table() {
    let steps = walk::steps();
    let by_hand =
        || walk::walk(&steps, || StateKind::New, |state, step| settle(state, by_hand::take(*state, step)));
    let ours = || walk::walk(&steps, || StateKind::New, |state, step| settle(state, state.apply(step)));
    let taken = by_hand().1;
    assert_eq!(taken, ours().1, "the tables differ");
    let title = walk::title(taken);
    let lanes: Vec<Lane<'_>> = vec![
        ("match by hand", Box::new(|| by_hand().0)),
        ("firstline: StateKind::apply", Box::new(|| ours().0)),
    ];
    let ratios = side_by_side(&title, ("ns", 1.0), ROUNDS, lanes);
    aim("at most 2.0 times the match", ratios[1] <= 2.0);
}

/// One ticket and one step on it.
struct Case {
    ticket: Snapshot,
    step: StepKind,
    action: Action,
}

fn decision() {
    let (now, policy, anna, boris) =
        (at("2026-01-05T12:00:00Z"), Policy::new(), Actor::agent("anna"), "boris");
    let boris = Actor::contact(boris);
    let tickets = tickets(&anna);
    let mut random = Random::seeded(11);
    let mut cases: (Vec<Case>, Vec<Case>) = (Vec::new(), Vec::new());
    while cases.0.len() < 2_048 || cases.1.len() < 2_048 {
        let (ticket, step) = (&tickets[random.below(tickets.len())], random.pick(StepKind::ALL));
        let accepted = ticket.state.kind().accepts(step);
        let case = Case { ticket: ticket.clone(), step, action: action(step) };
        if accepted { &mut cases.0 } else { &mut cases.1 }.push(case);
    }
    let by = |step| if step == StepKind::Confirm { &boris } else { &anna };
    let context = |by| DecisionContext::new(now, by, &policy).unwrap();
    let (by_anna, by_boris) = (context(&anna), context(&boris));
    let decide = |case: &Case| {
        let context = if case.step == StepKind::Confirm { &by_boris } else { &by_anna };
        black_box(&case.ticket).decide(black_box(&case.action), context)
    };
    let template = decide(&cases.0[0]).unwrap().events[0].clone();
    for case in &cases.0 {
        let (snapshot, events) = least(&case.ticket, &case.action, by(case.step), now, &template).unwrap();
        let draft = decide(case).unwrap();
        assert_eq!(
            (&snapshot, &events[..]),
            (&draft.snapshot, &draft.events[..]),
            "the minimum differs from the decision"
        );
    }

    let mut ratios = Vec::new();
    for (title, cases, accepted) in [
        (
            "A whole decision, accepted: takes a ticket, returns the changed ticket and an event",
            &cases.0,
            true,
        ),
        (
            "A whole decision, refused: takes a ticket, returns an error that lists the permitted steps",
            &cases.1,
            false,
        ),
    ] {
        let by_hand = || {
            nanos(cases.len(), || {
                for case in cases {
                    let done = least(&case.ticket, &case.action, by(case.step), now, &template);
                    assert_eq!(black_box(done).is_ok(), accepted);
                }
            })
        };
        let ours = || {
            nanos(cases.len(), || {
                for case in cases {
                    assert_eq!(black_box(decide(case)).is_ok(), accepted);
                }
            })
        };
        let lanes: Vec<Lane<'_>> = vec![
            ("match, clone, one event, fields set by hand", Box::new(by_hand)),
            ("firstline: Snapshot::decide", Box::new(ours)),
        ];
        ratios.push(side_by_side(title, ("ns", 1.0), ROUNDS, lanes)[1]);
    }
    aim("an accepted decision at most 2.0 times the minimum", ratios[0] <= 2.0);
}

/// The minimum work of a decision, with the new value of each field known in advance.
fn least(
    ticket: &Snapshot,
    action: &Action,
    by: &Actor,
    now: DateTime<Utc>,
    template: &Event,
) -> Result<(Snapshot, Vec<Event>), StepRefused> {
    let from = ticket.state.kind();
    let (step, to, text): (_, State, _) = match action {
        Action::Start(_) => (StepKind::Start, state::Active.into(), None),
        Action::Hold { reason, until, .. } => {
            (StepKind::Hold, state::OnHold { reason: reason.clone(), until: *until }.into(), None)
        }
        Action::Resume(_) => (StepKind::Resume, state::Active.into(), None),
        Action::Resolve { text, .. } => {
            let closes_at = Some(now + firstline::TimeDelta::days(5));
            (StepKind::Resolve, state::Resolved { closes_at, ..Default::default() }.into(), Some(text))
        }
        Action::Confirm(_) => (StepKind::Confirm, state::Closed.into(), None),
        Action::Close(_) => (StepKind::Close, state::Closed.into(), None),
        Action::Reopen(_) => (StepKind::Reopen, state::Active.into(), None),
        _ => (StepKind::Cancel, state::Cancelled.into(), None),
    };
    let kind = by_hand::take(from, step)?;
    let owner = ticket.requester().map_or(Owner::Nobody, |id| Owner::Contact(id.clone()));
    let mut ticket = ticket.clone();
    ticket.version += 1;
    // All holds of this bench have the same reason.
    if from != kind {
        ticket.state_since = now;
    }
    ticket.state = to.clone();
    ticket.updated_at = now;
    if matches!(kind, StateKind::Resolved | StateKind::Closed) {
        // Every resolution of this bench is by an agent, and is the first answer.
        if from.is_open() && ticket.first_replied_at.is_none() {
            (ticket.first_replied_at, ticket.replies_sent) = (Some(now), ticket.replies_sent + 1);
        }
        ticket.unanswered_since = None;
    }
    match kind {
        StateKind::Resolved => {
            ticket.resolved_at = Some(now);
            ticket.resolution_code = None;
            let mut words = Words::default();
            words.resolution = text.cloned();
            ticket.personal.add(owner.clone(), words);
        }
        StateKind::Closed => ticket.closed_at = Some(now),
        _ => ticket.reopens += u32::from(step == StepKind::Reopen),
    }
    let mut event = template.clone();
    (event.ticket, event.version, event.at) = (ticket.id, ticket.version, now);
    event.by.who = by.who.clone();
    event.change = Change::StateChanged {
        from,
        to,
        step: Some(step),
        cause: Default::default(),
        code: None,
        status: None,
    };
    event.personal = text.map_or_else(Personal::default, |text| Personal::of(owner, Words::text(text)));
    Ok((ticket, vec![event]))
}

fn action(step: StepKind) -> Action {
    match step {
        StepKind::Start => Action::start(),
        StepKind::Hold => Action::hold(firstline::HoldReason::Customer),
        StepKind::Resume => Action::resume(),
        StepKind::Resolve => Action::resolve("The bank asked for 3-D Secure; it was switched on."),
        StepKind::Confirm => Action::confirm(),
        StepKind::Close => Action::close(),
        StepKind::Reopen => Action::reopen(),
        StepKind::Cancel => Action::cancel(),
    }
}

/// A ticket in each state, made by a desk.
fn tickets(anna: &Actor) -> Vec<Snapshot> {
    let time = firstline::time::ManualTime::at(at("2026-01-05T09:00:00Z"));
    let desk: Desk<_> =
        firstline::memory::Memory::new().desk(firstline::desk::Settings::new("bench").time(time));
    let paths: [&[StepKind]; 6] = [
        &[],
        &[StepKind::Start],
        &[StepKind::Start, StepKind::Hold],
        &[StepKind::Start, StepKind::Resolve],
        &[StepKind::Resolve, StepKind::Close],
        &[StepKind::Cancel],
    ];
    let ticket = |path: &[StepKind]| {
        let request = NewTicket::new("Card declined at checkout")
            .from(Contact::new("boris").named("Boris").email("boris@example.org").attribute("vip", true))
            .message("It says 3-D Secure failed.")
            .category(["payment", "card"])
            .tag("checkout");
        let id = desk.open_ticket(request).unwrap().id();
        for step in path {
            desk.act(id, action(*step), anna).unwrap();
        }
        desk.ticket(id).unwrap().into_snapshot()
    };
    paths.into_iter().map(ticket).collect()
}

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}
