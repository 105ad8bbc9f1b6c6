//! One desk probes another desk's data at random, by ids, numbers, names, keys, filters and cursors. It gets no row of
//! the other desk and changes nothing there.

use crate::soak;
use crate::stage;

use std::cell::Cell;
use std::collections::BTreeSet;

use firstline::desk::Settings;
use firstline::store::Query;
use firstline::{Action, Cursor, Desk, Event, InboundMessage, NewTicket, Snapshot, StateKind, TicketId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use stage::{AnyDesk, Stage, anna, stages};

const WHO: [&str; 3] = ["boris", "Ольга", "nobody"];

/// A random probe. Its numbers are reduced to the existing data.
#[derive(Debug, Clone)]
enum Probe {
    Id(u8),
    /// An id of the other desk with one bit changed.
    Near(u8, u8),
    Number(u64),
    Find {
        order: u8,
        filter: u8,
        who: u8,
        limit: usize,
        cursor: Option<u8>,
    },
    /// An invented cursor.
    Forged(u8, i64, i64, u8),
    Thread(u8),
    Key(u8),
    Act(u8, u8),
    Tick(i64),
}

fn probe() -> impl Strategy<Value = Probe> {
    prop_oneof![
        any::<u8>().prop_map(Probe::Id),
        any::<(u8, u8)>().prop_map(|(n, bit)| Probe::Near(n, bit)),
        prop_oneof![0..12_u64, any::<u64>()].prop_map(Probe::Number),
        (any::<[u8; 3]>(), 1..8_usize, any::<Option<u8>>()).prop_map(
            |([order, filter, who], limit, cursor)| { Probe::Find { order, filter, who, limit, cursor } }
        ),
        any::<(u8, i64, i64, u8)>().prop_map(|(rank, due, opened, n)| Probe::Forged(rank, due, opened, n)),
        any::<u8>().prop_map(Probe::Thread),
        any::<u8>().prop_map(Probe::Key),
        any::<(u8, u8)>().prop_map(|(n, what)| Probe::Act(n, what)),
        (0..10_000_i64).prop_map(Probe::Tick),
    ]
}

fn pick<T: Clone>(from: &[T], n: u8) -> T {
    from[usize::from(n) % from.len()].clone()
}

fn query(order: u8) -> Query {
    pick(&[Query::inbox(), Query::newest(), Query::oldest()], order)
}

/// Opens tickets in several states and returns their ids.
fn fill(desk: &AnyDesk, count: usize, key: &str) -> Vec<TicketId> {
    let mut tickets = Vec::new();
    for n in 0..count {
        let thread = format!("{key}-chat-{n}");
        let request =
            NewTicket::new("No sound").from(WHO[n % 2]).thread(thread).idempotency_key(format!("{key}-{n}"));
        let request = if n % 2 == 0 { request.team("network", firstline::Line::First) } else { request };
        let id = desk.open_ticket(request).unwrap().id();
        let action = [Action::start(), Action::resolve("unmuted"), Action::assign("anna"), Action::cancel()]
            [n % 4]
            .clone();
        desk.act(id, action, anna()).unwrap();
        tickets.push(id);
    }
    tickets
}

type Rows = Vec<(Snapshot, Vec<Event>)>;

fn rows(desk: &AnyDesk, tickets: &[TicketId]) -> Rows {
    let one =
        |id: &TicketId| (desk.ticket(*id).unwrap().into_snapshot(), desk.records().history(*id).unwrap());
    tickets.iter().map(one).collect()
}

struct Prober<'s> {
    stage: &'s Stage,
    theirs: Vec<TicketId>,
    cursors: Vec<Snapshot>,
    ours: BTreeSet<TicketId>,
}

impl Prober<'_> {
    fn only_ours(
        &self,
        what: &Probe,
        found: impl IntoIterator<Item = TicketId>,
    ) -> Result<(), TestCaseError> {
        let foreign: Vec<_> = found.into_iter().filter(|id| !self.ours.contains(id)).collect();
        prop_assert!(foreign.is_empty(), "{}: {:?} gave {:?}", self.stage.name, what, foreign);
        Ok(())
    }

    fn ask(&mut self, desk: &AnyDesk, probe: &Probe) -> Result<(), TestCaseError> {
        let nothing = |it: firstline::Result<firstline::Ticket>| match it {
            Ok(ticket) => vec![ticket.id()],
            Err(error) if error.is_storage() => panic!("{error}"),
            Err(_) => Vec::new(),
        };
        match probe.clone() {
            Probe::Id(n) => {
                let id = pick(&self.theirs, n);
                self.only_ours(probe, nothing(desk.ticket(id)))?;
                prop_assert!(desk.records().history(id).is_err(), "{}: a history", self.stage.name);
                prop_assert!(desk.reports().explain(id, firstline::sla::Metric::Resolution).is_err());
            }
            Probe::Near(n, bit) => {
                let near = pick(&self.theirs, n).as_uuid().as_u128() ^ (1 << (bit % 128));
                self.only_ours(probe, nothing(desk.ticket(TicketId::from(uuid::Uuid::from_u128(near)))))?;
            }
            Probe::Number(number) => self.only_ours(probe, nothing(desk.ticket(number)))?,
            Probe::Find { order, filter, who, limit, cursor } => {
                let mut query = query(order).limit(limit);
                query = match filter % 6 {
                    0 => query.team("network"),
                    1 => query.from(pick(&WHO, who)),
                    2 => query.assigned_to("anna"),
                    3 => query.unassigned(),
                    4 => query.state(pick(StateKind::ALL, who)),
                    _ => query,
                };
                let cursor = cursor.map(|n| query.cursor_of(&pick(&self.cursors, n)));
                let page = desk.find(query.after(cursor)).unwrap();
                self.only_ours(probe, page.tickets.iter().map(|it| it.id()))?;
            }
            Probe::Forged(rank, due, opened, n) => {
                let id = pick(&self.theirs, n);
                for (order, text) in [
                    (0, format!("i.{rank}.{due}.{opened}.{id}")),
                    (1, format!("n.{id}")),
                    (2, format!("o.{id}")),
                ] {
                    let cursor: Cursor = text.parse().unwrap();
                    let page = desk.find(query(order).after(cursor)).unwrap();
                    self.only_ours(probe, page.tickets.iter().map(|it| it.id()))?;
                }
            }
            Probe::Thread(n) => {
                let message = InboundMessage::new("Hello?")
                    .from("boris")
                    .thread(format!("form-chat-{}", n % 10))
                    .subject("No sound");
                let receipt = desk.receive(message).unwrap();
                if receipt.opened() {
                    self.ours.insert(receipt.ticket.id());
                }
                self.only_ours(probe, [receipt.ticket.id()])?;
            }
            Probe::Key(n) => {
                let ticket =
                    desk.open_ticket(NewTicket::new("Ours").idempotency_key(format!("form-{}", n % 10)));
                // A receipt of the other desk would be returned, or refused as another request. A repeated key
                // of this desk returns a ticket of this desk.
                let id = ticket.unwrap().id();
                prop_assert!(!self.theirs.contains(&id), "{}: another desk's receipt", self.stage.name);
                self.ours.insert(id);
            }
            Probe::Act(n, what) => {
                let actions =
                    [Action::tag("ours"), Action::cancel(), Action::reply("Hello."), Action::start()];
                let id = pick(&self.theirs, n);
                prop_assert!(
                    desk.act(id, pick(&actions, what), anna()).is_err(),
                    "{}: acted",
                    self.stage.name
                );
            }
            Probe::Tick(minutes) => {
                let until = self.stage.now() + firstline::TimeDelta::minutes(minutes);
                prop_assert!(
                    desk.tick(until).unwrap().failed.is_empty(),
                    "{}: a timer failed",
                    self.stage.name
                );
            }
        }
        Ok(())
    }
}

/// Runs random probes. Returns the number of probes, or the first one that reached the other desk's data.
fn run(stage: &Stage, config: Config, name: fn(&str, u32) -> String) -> Result<u32, TestError<Probes>> {
    let config = Config { max_shrink_iters: 0, ..config };
    let (lives, asked) = (Cell::new(0), Cell::new(0));
    let probes = (0..7_usize, 1..9_usize, prop::collection::vec(probe(), 20..40));
    let result = TestRunner::new(config).run(&probes, |(own, others, probes)| {
        let life = lives.replace(lives.get() + 1);
        let desk = |who: &str| {
            Desk::over(stage.store.clone(), Settings::new(name(who, life)).time(stage.time.clone()))
        };
        let (us, them) = (desk("us"), desk("them"));
        let (ours, theirs) = (fill(&us, own, "ours"), fill(&them, others, "form"));
        let before = rows(&them, &theirs);
        let cursors = before.iter().map(|(ticket, _)| ticket.clone()).collect();
        let mut prober = Prober { stage, theirs: theirs.clone(), cursors, ours: ours.into_iter().collect() };
        for probe in &probes {
            prober.ask(&us, probe)?;
            asked.set(asked.get() + 1);
        }
        prop_assert!(rows(&them, &theirs) == before, "{}: something changed there", stage.name);
        prop_assert_eq!(them.find(Query::newest()).unwrap().tickets.len(), others);
        Ok(())
    });
    result.map(|()| asked.get())
}

type Probes = (usize, usize, Vec<Probe>);

#[test]
fn no_desk_reaches_another_desks_rows() {
    for stage in stages() {
        let config = Config { cases: soak::cases(60), failure_persistence: None, ..Config::default() };
        match run(&stage, config, |who, life| format!("{who} {life}")) {
            Ok(asked) => println!("{}: {asked} probes", stage.name),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A control: probing a desk with its own rows is detected.
#[test]
fn missing_isolation_is_detected() {
    for stage in stages() {
        let found = run(&stage, soak::fixed(20), |_, life| format!("one {life}"));
        assert!(matches!(found, Err(TestError::Fail(..))), "{}: {found:?}", stage.name);
    }
}
