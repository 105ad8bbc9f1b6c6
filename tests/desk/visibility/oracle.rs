//! Random rules, tickets and readers. A reader must find the tickets of the plain reads, filtered by an
//! independent evaluation of the rules that shares no code with the crate.

use std::collections::{BTreeMap, BTreeSet};

use firstline::policy::{FieldType, VisibilityRule};
use firstline::{
    Action, Actor, Condition, Contact, ContactRole, GroupBy, Line, LinkKind, NewTicket, Policy, Query,
    Snapshot, TicketId, Who,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::soak;
use crate::stage::{AnyStore, Stage};

/// A condition of a rule.
#[derive(Debug, Clone)]
enum Rule {
    Always,
    /// A fact of the ticket has this value.
    Ticket(&'static str, &'static str),
    /// The fact of the ticket exists.
    Has(&'static str),
    /// An attribute of the reader has this value.
    Reader(&'static str, &'static str),
    /// The attribute of the reader exists.
    Knows(&'static str),
    /// A fact of the ticket matches an attribute of the reader.
    Shared(&'static str, &'static str),
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
}

const FACTS: [&str; 7] = ["team", "assignee", "kind", "requester", "tags", "contacts", "field.site"];
const ATTRIBUTES: [&str; 3] = ["actor.team", "actor.teams", "actor.site"];
const VALUES: [&str; 5] = ["audio", "light", "anna", "boris", "incident"];

fn rule() -> impl Strategy<Value = Rule> {
    let reader = || select([&ATTRIBUTES[..], &["actor"]].concat());
    let leaf = prop_oneof![
        1 => Just(Rule::Always),
        4 => (select(&FACTS[..]), select(&VALUES[..])).prop_map(|(fact, value)| Rule::Ticket(fact, value)),
        1 => select(&FACTS[..]).prop_map(Rule::Has),
        2 => (reader(), select(&VALUES[..])).prop_map(|(name, value)| Rule::Reader(name, value)),
        1 => select(&ATTRIBUTES[..]).prop_map(Rule::Knows),
        5 => (select(&FACTS[..]), reader()).prop_map(|(fact, name)| Rule::Shared(fact, name)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..3).prop_map(Rule::All),
            vec(inner.clone(), 1..3).prop_map(Rule::Any),
            inner.prop_map(|inner| Rule::Not(Box::new(inner))),
        ]
    })
}

impl Rule {
    fn condition(&self) -> Condition {
        let is_list = |fact: &str| matches!(fact, "tags" | "contacts");
        match self {
            Rule::Always => Condition::ALWAYS,
            Rule::Ticket(fact, value) if is_list(fact) => Condition::field(*fact).contains(*value),
            Rule::Ticket(fact, value) | Rule::Reader(fact, value) => Condition::field(*fact).is(*value),
            Rule::Has(fact) | Rule::Knows(fact) => Condition::field(*fact).exists(),
            Rule::Shared(fact, name) => Condition::field(*fact).matches(*name),
            Rule::All(parts) => Condition::all(parts.iter().map(Rule::condition)),
            Rule::Any(parts) => Condition::any(parts.iter().map(Rule::condition)),
            Rule::Not(inner) => !inner.condition(),
        }
    }

    /// True, false, or `None` if the reader lacks the attribute.
    fn holds(&self, ticket: &Snapshot, reader: &Reader) -> Option<bool> {
        match self {
            Rule::Always => Some(true),
            Rule::Ticket(fact, value) => Some(facts(ticket, fact).contains(*value)),
            // A ticket without tags has an empty list of them.
            Rule::Has(fact) => Some(*fact == "tags" || !facts(ticket, fact).is_empty()),
            Rule::Reader(name, value) => {
                // A list is not a text, so this comparison has no result.
                let values = reader.values(name).filter(|_| *name != "actor.teams")?;
                Some(values.contains(*value))
            }
            Rule::Knows(name) => Some(reader.values(name).is_some()),
            Rule::Shared(fact, name) => {
                let values = reader.values(name)?;
                Some(!facts(ticket, fact).is_disjoint(&values))
            }
            Rule::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.holds(ticket, reader)).collect();
                match () {
                    () if parts.contains(&Some(false)) => Some(false),
                    () if parts.contains(&None) => None,
                    () => Some(true),
                }
            }
            Rule::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.holds(ticket, reader)).collect();
                match () {
                    () if parts.contains(&Some(true)) => Some(true),
                    () if parts.contains(&None) => None,
                    () => Some(false),
                }
            }
            Rule::Not(inner) => inner.holds(ticket, reader).map(|holds| !holds),
        }
    }
}

fn facts(ticket: &Snapshot, fact: &str) -> BTreeSet<String> {
    let text = |id: Option<&str>| id.map(str::to_owned).into_iter().collect();
    match fact {
        "team" => text(ticket.team.as_ref().map(|it| it.as_str())),
        "assignee" => text(ticket.assignee.as_ref().map(|it| it.as_str())),
        "kind" => text(Some(ticket.kind.as_str())),
        "requester" => ticket
            .contacts
            .iter()
            .filter(|(_, role)| **role == ContactRole::Requester)
            .map(|(id, _)| id.as_str().to_owned())
            .collect(),
        "tags" => ticket.tags.clone(),
        "contacts" => ticket.contacts.keys().map(|id| id.as_str().to_owned()).collect(),
        _ => text(ticket.field("site").map(ToString::to_string).as_deref()),
    }
}

#[derive(Debug, Clone)]
struct Reader {
    kind: &'static str,
    id: &'static str,
    team: Option<&'static str>,
    teams: Option<Vec<&'static str>>,
    site: Option<&'static str>,
}

fn reader() -> impl Strategy<Value = Reader> {
    let maybe = || proptest::option::of(select(&VALUES[..]));
    let kinds = select(&["agent", "agent", "agent", "contact", "contact", "program", "desk", "unknown"][..]);
    (kinds, select(&VALUES[..]), maybe(), proptest::option::of(vec(select(&VALUES[..]), 0..3)), maybe())
        .prop_map(|(kind, id, team, teams, site)| Reader { kind, id, team, teams, site })
}

impl Reader {
    fn actor(&self) -> Actor {
        let mut actor = match self.kind {
            "agent" => Actor::agent(self.id),
            "contact" => Actor::contact(self.id),
            "program" => Actor::automation(self.id),
            "desk" => Who::Desk.into(),
            _ => Who::Unknown.into(),
        };
        if let Some(team) = self.team {
            actor = actor.attribute("team", team);
        }
        if let Some(teams) = &self.teams {
            let teams: Vec<String> = teams.iter().map(|it| (*it).to_owned()).collect();
            actor = actor.attribute("teams", firstline::Value::List(teams));
        }
        if let Some(site) = self.site {
            actor = actor.attribute("site", site);
        }
        actor
    }

    fn values(&self, name: &str) -> Option<BTreeSet<String>> {
        let one = |value: &str| BTreeSet::from([value.to_owned()]);
        match name {
            "actor" => Some(one(self.id)),
            "actor.team" => self.team.map(one),
            "actor.site" => self.site.map(one),
            _ => self.teams.as_ref().map(|teams| teams.iter().map(|it| (*it).to_owned()).collect()),
        }
    }

    /// Two flags: the reader sees the ticket, and the reader sees its internal part.
    fn sees(&self, ticket: &Snapshot, rules: &[(&'static str, Rule, bool)]) -> (bool, bool) {
        let of_kind: Vec<_> = rules.iter().filter(|(kind, ..)| *kind == self.kind).collect();
        let permits = |(_, rule, _): &&&(&str, Rule, bool)| rule.holds(ticket, self) == Some(true);
        match self.kind {
            "desk" => (true, true),
            "unknown" => (false, false),
            "contact" => {
                let own = ticket.contacts.keys().any(|id| id.as_str() == self.id);
                (own || of_kind.iter().filter(permits).count() > 0, false)
            }
            _ if of_kind.is_empty() => (true, true),
            _ => {
                let internal = of_kind.iter().filter(permits).filter(|(_, _, internal)| *internal).count();
                (of_kind.iter().filter(permits).count() > 0, internal > 0)
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Made {
    kind: &'static str,
    requester: Option<&'static str>,
    cc: Option<&'static str>,
    team: Option<&'static str>,
    assignee: Option<&'static str>,
    tag: Option<&'static str>,
    site: Option<&'static str>,
    resolved: bool,
    /// The index of the ticket to which this one is linked.
    link: Option<proptest::sample::Index>,
}

fn made() -> impl Strategy<Value = Made> {
    let maybe = || proptest::option::of(select(&VALUES[..]));
    let link = proptest::option::of(any::<proptest::sample::Index>());
    let kinds = select(&["incident", "question"][..]);
    (kinds, (maybe(), maybe()), maybe(), maybe(), maybe(), maybe(), any::<bool>(), link).prop_map(
        |(kind, (requester, cc), team, assignee, tag, site, resolved, link)| Made {
            kind,
            requester,
            cc: cc.filter(|cc| Some(*cc) != requester),
            team,
            assignee,
            tag,
            site,
            resolved,
            link,
        },
    )
}

fn build(stage: &Stage, tickets: &[Made]) -> Vec<TicketId> {
    let desk: Actor = Who::Desk.into();
    let mut ids: Vec<TicketId> = Vec::new();
    for made in tickets {
        let mut request = NewTicket::new("No sound").kind(made.kind.into()).by(Actor::automation("import"));
        if let Some(requester) = made.requester {
            request = request.from(Contact::new(requester));
        }
        if let Some(cc) = made.cc {
            request = request.contact(cc, ContactRole::Cc);
        }
        if let Some(team) = made.team {
            request = request.team(team, Line::First);
        }
        if let Some(tag) = made.tag {
            request = request.tag(tag);
        }
        if let Some(site) = made.site {
            request = request.field("site", site);
        }
        let id = stage.desk.open_ticket(request).unwrap().id();
        let mut action = Action::note("seen");
        if let Some(agent) = made.assignee {
            action = action.and(Action::assign(agent));
        }
        if made.resolved {
            action = action.and(Action::resolve("unmuted"));
        }
        if let Some(to) = made.link.filter(|_| !ids.is_empty()) {
            action = action.and(Action::link(LinkKind::Mentions, *to.get(&ids)));
        }
        stage.desk.act(id, action, &desk).unwrap();
        ids.push(id);
    }
    ids
}

type Case = (Vec<(&'static str, Rule, bool)>, Vec<Made>, Vec<Reader>, usize);

fn case() -> impl Strategy<Value = Case> {
    let rules = (select(&["agent", "agent", "contact", "program"][..]), rule(), any::<bool>())
        .prop_map(|(kind, rule, internal)| (kind, rule, internal && kind != "contact"));
    (vec(rules, 0..5), vec(made(), 1..9), vec(reader(), 1..5), 1_usize..4)
}

/// The numbers of reads in which a ticket is hidden, public, and complete.
type Tally = BTreeMap<&'static str, u64>;

fn check(
    stage: &Stage,
    (rules, made, readers, limit): &Case,
    tally: &mut Tally,
) -> Result<(), TestCaseError> {
    let mut policy = Policy::new().field("site", FieldType::Text);
    for (kind, rule, internal) in rules {
        let made = match *kind {
            "agent" => VisibilityRule::agents(),
            "contact" => VisibilityRule::contacts(),
            _ => VisibilityRule::programs(),
        };
        let made = made.when(rule.condition());
        policy = policy.visibility(if *internal { made.internal() } else { made });
    }
    // A rule that can never hold is refused, like every such condition.
    if let Err(error) = stage.desk.setup().adopt(&policy) {
        prop_assert!(error.to_string().contains("can never hold"), "{}", error);
        *tally.entry("refused").or_default() += 1;
        return Ok(());
    }
    let ids = build(stage, made);
    let all: Vec<Snapshot> = ids.iter().map(|id| stage.ticket(*id)).collect();
    for reader in readers {
        let view = stage.desk.view(reader.actor());
        let sees: Vec<(bool, bool)> = all.iter().map(|ticket| reader.sees(ticket, rules)).collect();
        let seen = |id: &TicketId| ids.iter().position(|it| it == id).is_some_and(|place| sees[place].0);
        let visible: Vec<&Snapshot> =
            all.iter().zip(&sees).filter(|(_, it)| it.0).map(|(it, _)| it).collect();
        let whole: Vec<&Snapshot> = all.iter().zip(&sees).filter(|(_, it)| it.1).map(|(it, _)| it).collect();
        // Pages.
        let (mut next, mut found) = (None, Vec::new());
        loop {
            let page = view.find(Query::oldest().limit(*limit).after(next)).unwrap();
            prop_assert!(page.tickets.len() == *limit || page.next.is_none());
            found.extend(page.tickets);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let found_ids: Vec<TicketId> = found.iter().map(|ticket| ticket.id()).collect();
        let expected: Vec<TicketId> = visible.iter().map(|ticket| ticket.id).collect();
        prop_assert_eq!(&found_ids, &expected, "{:?}", reader);
        // Counts.
        let [states] = view.count(Query::oldest(), [GroupBy::State]).unwrap();
        let mut expected = BTreeMap::new();
        for ticket in &visible {
            *expected.entry(ticket.state.kind().name().to_owned()).or_insert(0) += 1;
        }
        prop_assert_eq!(states, expected);
        // Queries and counts over internal facts.
        let tag = Query::oldest().matching(Condition::field("tags").contains("audio"));
        match (
            view.find(tag.clone()),
            view.count(Query::oldest(), [GroupBy::Team]),
            view.find(Query::inbox()),
        ) {
            (Ok(tagged), Ok([teams]), Ok(inbox)) => {
                let tagged: Vec<TicketId> = tagged.tickets.iter().map(|ticket| ticket.id()).collect();
                let expected: Vec<TicketId> =
                    whole.iter().filter(|it| it.tags.contains("audio")).map(|it| it.id).collect();
                prop_assert_eq!(tagged, expected);
                prop_assert_eq!(teams.values().sum::<u64>(), whole.len() as u64);
                let open = whole.iter().filter(|it| it.state.kind().is_open()).count();
                prop_assert_eq!(inbox.tickets.len(), open);
            }
            (Err(a), Err(b), Err(c)) => {
                prop_assert!(a.is_invalid() && b.is_invalid() && c.is_invalid(), "{} {} {}", a, b, c);
                prop_assert!(whole.is_empty(), "{:?}", reader);
            }
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
        for (ticket, (visible, internal)) in all.iter().zip(&sees) {
            let outcome = match (visible, internal) {
                (false, _) => "hidden",
                (true, false) => "public",
                (true, true) => "whole",
            };
            *tally.entry(outcome).or_default() += 1;
            let (read, history, links) =
                (view.ticket(ticket.id), view.history(ticket.id), view.links(ticket.id, None));
            if !visible {
                prop_assert!(read.is_err_and(|error| error.is_not_found()));
                prop_assert!(history.is_err_and(|error| error.is_not_found()));
                prop_assert!(links.is_err_and(|error| error.is_not_found()));
                continue;
            }
            let mut shown = if *internal { ticket.clone() } else { ticket.public() };
            shown.links.retain(|link| seen(&link.to));
            let read = read.unwrap();
            prop_assert_eq!(read.snapshot(), &shown);
            let listed = found.iter().find(|it| it.id() == ticket.id).unwrap();
            prop_assert_eq!(listed.snapshot(), &shown);
            let mut expected = stage.links(ticket.id);
            expected.retain(|link| *internal && seen(&link.to));
            prop_assert_eq!(links.unwrap(), expected);
            let events: Vec<_> = stage.history(ticket.id);
            let expected = events.iter().filter(|event| match &event.change {
                firstline::Change::Linked(link) | firstline::Change::Unlinked(link) => {
                    *internal && seen(&link.to)
                }
                firstline::Change::NoteAdded { .. } => *internal,
                _ => *internal || event.is_public(),
            });
            let expected: Vec<u64> = expected.map(|event| event.version).collect();
            let versions: Vec<u64> = history.unwrap().iter().map(|event| event.version).collect();
            prop_assert_eq!(versions, expected);
        }
    }
    Ok(())
}

#[test]
fn what_a_reader_finds_equals_an_independent_evaluation_of_the_rules() {
    let mut tally = Tally::new();
    let run = |config, tally: &mut Tally| {
        let counts = std::cell::RefCell::new(std::mem::take(tally));
        let outcome = TestRunner::new(config).run(&case(), |case| {
            let stage = Stage::new("memory", AnyStore::Memory(firstline::memory::Memory::new()));
            check(&stage, &case, &mut counts.borrow_mut())
        });
        *tally = counts.into_inner();
        outcome.unwrap();
    };
    let cases = soak::counted(600);
    run(soak::fixed(cases), &mut tally);
    for (outcome, least) in [("hidden", 1_000), ("public", 300), ("whole", 1_000)] {
        let least = least * u64::from(cases) / 600;
        assert!(tally.get(outcome).copied().unwrap_or_default() >= least, "{outcome}: {tally:?}");
    }
    if let Some(config) = soak::further(600) {
        run(config, &mut tally);
    }
}

/// The same over every store, with fewer cases.
#[test]
fn every_store_finds_the_same() {
    for name in crate::stage::stages().iter().map(|stage| stage.name) {
        TestRunner::new(soak::fixed(8))
            .run(&case(), |case| {
                let stage = crate::stage::stages().into_iter().find(|stage| stage.name == name).unwrap();
                check(&stage, &case, &mut Tally::new())
            })
            .unwrap();
    }
}
