//! A desk with a manual clock, and checks that hold for every ticket at any time.
#![allow(dead_code)]

use firstline::calendar::WORKDAYS;
use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::priority::Effect;
use firstline::sla::{Agreement, Alert, Clock, Metric, Target};
use firstline::ticket::decision::replay;
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, Calendar, Change, DateTime, Desk, Event, Matrix, Modifier, NewTicket, Policy, Snapshot,
    TicketId, TimeDelta, Utc,
};

pub(crate) const ANNA: &str = "anna";
pub(crate) const BORIS: &str = "boris";
pub(crate) const BOT: &str = "bot";

pub(crate) struct Bench {
    pub(crate) desk: Desk<Memory>,
    pub(crate) time: ManualTime,
    pub(crate) adopted: std::cell::RefCell<Vec<(DateTime<Utc>, Policy)>>,
}

pub(crate) fn hours(n: i64) -> TimeDelta {
    TimeDelta::hours(n)
}

pub(crate) fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A policy with a modifier "out of time", and an office open from 8 to 16 UTC on workdays.
pub(crate) fn office() -> Policy {
    let matrix = Matrix::itil().to_definition().modifier(Modifier::new("out of time", Effect::Raise(1)));
    Policy::new()
        .matrix(matrix.build().unwrap())
        .calendar("office", hours_of("UTC", "08:00-16:00").definition())
}

pub(crate) fn hours_of(zone: &str, hours: &str) -> Calendar {
    Calendar::builder(zone).hours(WORKDAYS, hours).build().unwrap()
}

impl Bench {
    pub(crate) fn new(policy: Policy) -> Bench {
        let time = ManualTime::at(instant("2026-01-01T00:00:00Z"));
        let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
        let bench = Bench { desk, time, adopted: Default::default() };
        bench.adopt(policy);
        bench
    }

    pub(crate) fn adopt(&self, policy: Policy) {
        let adoption = self.desk.setup().adopt(&policy).unwrap();
        self.adopted.borrow_mut().push((adoption.from, policy));
    }

    pub(crate) fn at(&self, at: &str) {
        self.time.set(instant(at));
    }

    pub(crate) fn pass(&self, time: TimeDelta) {
        self.time.advance(time);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        firstline::time::TimeSource::now(&self.time)
    }

    pub(crate) fn open(&self) -> TicketId {
        self.open_as(NewTicket::new("No sound"))
    }

    pub(crate) fn open_as(&self, request: NewTicket) -> TicketId {
        self.desk.open_ticket(request.from(BORIS)).unwrap().id()
    }

    pub(crate) fn act(&self, ticket: TicketId, action: Action, by: &str) -> Vec<Event> {
        let actor = match by {
            BORIS => Actor::contact(BORIS),
            BOT => Actor::automation(BOT),
            agent => Actor::agent(agent),
        };
        self.desk.act(ticket, action, actor).unwrap().events
    }

    pub(crate) fn tick(&self) -> usize {
        let ticked = self.desk.tick(self.now()).unwrap();
        assert!(ticked.failed.is_empty() && ticked.stopped.is_none(), "{ticked:?}");
        ticked.fired
    }

    pub(crate) fn clock(&self, ticket: TicketId, metric: Metric) -> Clock {
        self.desk
            .ticket(ticket)
            .unwrap()
            .clock(metric)
            .unwrap_or_else(|| panic!("no clock for {metric}"))
            .clone()
    }

    pub(crate) fn history(&self, ticket: TicketId) -> Vec<Event> {
        self.desk.records().history(ticket).unwrap()
    }

    pub(crate) fn alerts(&self, ticket: TicketId) -> Vec<Alert> {
        let alert = |event: Event| match event.change {
            Change::Warned(alert) | Change::Breached(alert) => Some(alert),
            _ => None,
        };
        self.history(ticket).into_iter().filter_map(alert).collect()
    }

    /// Checks that the row is the fold of the events and that a replay gives the recorded clocks.
    pub(crate) fn check(&self, ticket: TicketId) {
        let history = self.history(ticket);
        let row = self.desk.ticket(ticket).unwrap().into_snapshot();
        assert_eq!(Snapshot::fold(&history).unwrap(), row);
        let replayed = replay(&history, &self.adopted.borrow()).unwrap();
        let mut recorded: Vec<Clock> = Vec::new();
        for event in history {
            if let Change::ClocksUpdated { clocks } = event.change {
                for clock in clocks {
                    match recorded.iter_mut().find(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle))
                    {
                        Some(known) => *known = clock,
                        None => recorded.push(clock),
                    }
                }
            }
        }
        let key = |clock: &Clock| (clock.metric, clock.cycle);
        let (mut replayed, mut recorded) = (replayed, recorded);
        replayed.sort_by_key(key);
        recorded.sort_by_key(key);
        for (recorded, replayed) in recorded.iter().zip(&replayed) {
            assert_eq!(recorded, replayed);
        }
        assert_eq!(recorded.len(), replayed.len());
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), row);
    }
}

/// A policy of one agreement with these targets.
pub(crate) fn with(targets: impl IntoIterator<Item = Target>) -> Policy {
    office().agreement(targets.into_iter().fold(Agreement::new("standard", 1), Agreement::target))
}

pub(crate) fn resolution(time: TimeDelta) -> Target {
    Target::new(Metric::Resolution).within(time)
}

pub(crate) fn consumed(bench: &Bench, ticket: TicketId, metric: Metric) -> i64 {
    bench.clock(ticket, metric).consumed.num_seconds()
}

/// Seconds from the opening to the deadline.
pub(crate) fn due(bench: &Bench, ticket: TicketId, metric: Metric) -> i64 {
    let clock = bench.clock(ticket, metric);
    (clock.due_at.unwrap() - clock.from).num_seconds()
}
