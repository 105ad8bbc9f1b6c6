//! The contents of a board: counts by group, countdowns, saved views, and long conversations page by page.

use std::collections::BTreeMap;

use firstline::calendar::WORKDAYS;
use firstline::sla::{Agreement, ClockState, Metric, Target};
use firstline::{
    Action, Calendar, Channel, Condition, ContactRole, Cursor, GroupBy, HoldReason, Line, NewTicket, Policy,
    Query, StateKind, TimeDelta,
};

use super::stage::{Stage, anna, boris, on_each_store};

fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(key, count)| (key.to_owned(), count)).collect()
}

fn promises(metric: Metric, hours: i64) -> Policy {
    let target = Target::new(metric).within(TimeDelta::hours(hours));
    Policy::new().agreement(Agreement::new("usual", 1).target(target))
}

#[test]
fn a_board_is_one_read_of_counts() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&promises(Metric::Resolution, 4)).unwrap();
        let open = |request: NewTicket| stage.desk.open_ticket(request).unwrap().id();
        let first = open(NewTicket::new("One").team("audio", Line::First).assigned_to("anna"));
        stage.later(TimeDelta::hours(3) + TimeDelta::minutes(30));
        open(NewTicket::new("Two").team("audio", Line::First).channel(Channel::Chat));
        let held = open(NewTicket::new("Three"));
        stage.does(held, Action::hold(HoldReason::Customer));
        let done = open(NewTicket::new("Four"));
        stage.does(done, Action::resolve("done"));
        let groups = [
            GroupBy::State,
            GroupBy::Status,
            GroupBy::Team,
            GroupBy::Assignee,
            GroupBy::Priority,
            GroupBy::Channel,
            GroupBy::Due,
        ];
        let [states, statuses, teams, agents, priorities, channels, due] =
            stage.desk.count(Query::inbox(), groups).unwrap();
        assert_eq!(states, counts([("new", 2), ("on_hold", 1)]));
        assert_eq!(statuses, states, "in the simple workflow, the states are the statuses");
        assert_eq!(teams, counts([("audio", 2), ("", 1)]));
        assert_eq!(agents, counts([("anna", 1), ("", 2)]));
        assert_eq!(priorities, counts([("3", 3)]));
        assert_eq!(channels, counts([("web_form", 2), ("chat", 1)]));
        assert_eq!(due, counts([("hour", 1), ("day", 1), ("none", 1)]));
        let [all] = stage.desk.count(Query::newest().limit(1), [GroupBy::State]).unwrap();
        assert_eq!(all, counts([("new", 2), ("on_hold", 1), ("resolved", 1)]));

        // The list for a count has as many tickets as the count.
        stage.later(TimeDelta::hours(1));
        let overdue = || Query::inbox().matching(Condition::field("overdue").is(true));
        let [due] = stage.desk.count(Query::inbox(), [GroupBy::Due]).unwrap();
        let behind = stage.desk.find(overdue()).unwrap().tickets;
        assert_eq!((due["overdue"], behind.len(), behind[0].id()), (1, 1, first));
        let [of_anna] = stage.desk.count(overdue(), [GroupBy::Assignee]).unwrap();
        assert_eq!(of_anna, counts([("anna", 1)]));
        let misspelt = Query::inbox().matching(Condition::field("stat").is("new"));
        let error = stage.desk.count(misspelt, [GroupBy::State]).unwrap_err();
        assert!(error.to_string().contains("did you mean \"state\"?"), "{error}");
    });
}

#[test]
fn statuses_of_a_workflow_are_counted() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().workflow(firstline::workflow::preset::itil())).unwrap();
        let ids: Vec<_> = (0..3).map(|_| stage.open()).collect();
        let status = stage.ticket(ids[0]).status().to_owned();
        let [statuses] = stage.desk.count(Query::newest(), [GroupBy::Status]).unwrap();
        assert_eq!(statuses, BTreeMap::from([(status, 3)]));
    });
}

#[test]
fn a_countdown_needs_only_the_ticket_in_hand() {
    let office = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00").build().unwrap();
    let agreement = Agreement::new("usual", 1)
        .target(Target::new(Metric::FirstReply).within(TimeDelta::hours(2)).business("office"))
        .target(Target::new(Metric::Resolution).within(TimeDelta::hours(10)).business("office"));
    let policy = Policy::new().calendar("office", office.definition()).agreement(agreement);
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy).unwrap();
        let id = stage.open(); // Monday, 10:00 in Berlin
        let opened = stage.now();
        let at = |hours| opened + TimeDelta::hours(hours);
        let left = |metric, hours: i64| stage.desk.ticket(id).unwrap().remaining(metric, at(hours));
        // Monday has 7 hours left, and Tuesday begins 23 hours later.
        for (hours, minutes) in [(0, 600), (1, 540), (7, 180), (12, 180), (23, 180), (24, 120), (29, -180)] {
            assert_eq!(left(Metric::Resolution, hours), Some(TimeDelta::minutes(minutes)), "after {hours} h");
        }
        // One handle is enough, even one that a command or a page returned, and one with a known state.
        let page = stage.desk.find(Query::inbox()).unwrap();
        let handle = &page.tickets[0];
        assert_eq!(handle.remaining(Metric::FirstReply, at(1)), Some(TimeDelta::hours(1)));
        assert_eq!(handle.remaining(Metric::FirstReply, at(3)), Some(TimeDelta::hours(-1)));
        stage.later(TimeDelta::hours(1));
        let receipt = stage.desk.act(id, Action::start(), anna()).unwrap();
        assert_eq!(receipt.ticket.remaining(Metric::Resolution, at(2)), Some(TimeDelta::hours(8)));
        let firstline::AnyTicket::Active(active) = receipt.ticket.into_typed() else { panic!("not active") };
        assert_eq!(active.remaining(Metric::Resolution, at(2)), Some(TimeDelta::hours(8)));
        // A paused clock does not move, and an ended clock does not either.
        stage.does(id, Action::hold(HoldReason::Customer));
        assert_eq!(left(Metric::Resolution, 1), left(Metric::Resolution, 500));
        stage.does(id, Action::resume().and(Action::resolve("done")));
        assert_eq!(left(Metric::Resolution, 500), Some(TimeDelta::hours(9)));
        assert_eq!(left(Metric::Closure, 1), None);
        // Every clock of every ticket agrees with the ledger.
        let other = stage.open();
        stage.later(TimeDelta::hours(30));
        let ticket = stage.desk.ticket(other).unwrap();
        for clock in &ticket.clocks {
            let ledger = stage.desk.reports().explain(other, clock.metric).unwrap();
            assert_eq!(ticket.remaining(clock.metric, stage.now()), Some(ledger.remaining()), "{clock}");
            assert_eq!(clock.state, ClockState::Running);
        }
    });
}

#[test]
fn a_saved_view_is_the_same_query_when_it_is_read_back() {
    let cursor: Cursor = "n.00000000-0000-0000-0000-000000000007".parse().unwrap();
    let views = [
        Query::inbox(),
        Query::newest().limit(7).after(cursor),
        Query::oldest().state(StateKind::New).state(StateKind::OnHold).team("платежи").unassigned(),
        Query::inbox().assigned_to("anna").from("boris").contact("clara"),
        Query::inbox().contact_as("clara", ContactRole::Affected),
        Query::inbox().matching(
            Condition::field("touched_at")
                .before(-TimeDelta::days(7))
                .and(Condition::field("due_at").after(TimeDelta::hours(2)))
                .and(!Condition::field("hold_reason").is("customer")),
        ),
    ];
    for view in views {
        let json = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<Query>(&json).unwrap(), view, "{json}");
        let text = toml::to_string(&view).unwrap();
        assert_eq!(toml::from_str::<Query>(&text).unwrap(), view, "{text}");
    }
    assert_eq!(serde_json::to_string(&Query::inbox()).unwrap(), r#"{"order":"inbox"}"#);
    assert_eq!(serde_json::from_str::<Query>("{}").unwrap(), Query::inbox());
    for (json, problem) in [
        (r#"{"ordr": "inbox"}"#, "the key \"ordr\" is not known (did you mean \"order\"?)"),
        (r#"{"matching": {"field": "state", "iss": "new"}}"#, "did you mean \"is\"?"),
        (r#"{"team": "a", "team": "b"}"#, "team is given twice"),
        (r#"{"contact_role": "cc"}"#, "contact_role needs a contact"),
        (r#"{"order": "inbx"}"#, "inbox"),
        (r#"{"matching": {"field": "due_at", "before": "7 days"}}"#, "7d ago"),
        (r#"{"matching": {"field": "due_at", "before": "P7D"}}"#, "7d ago"),
    ] {
        let error = serde_json::from_str::<Query>(json).unwrap_err().to_string();
        assert!(error.contains(problem), "{json}: {error}");
    }
}

#[test]
fn a_contact_finds_the_tickets_of_every_role() {
    on_each_store(|stage| {
        let request = || NewTicket::new("Hosting").from("boris");
        let copied = stage.desk.open_ticket(request().contact("clara", ContactRole::Cc)).unwrap().id();
        let affected =
            stage.desk.open_ticket(request().contact("clara", ContactRole::Affected)).unwrap().id();
        let own = stage.desk.open_ticket(NewTicket::new("Other").from("clara")).unwrap().id();
        stage.open();
        let find = |query: Query| -> Vec<_> {
            stage.desk.find(query).unwrap().tickets.iter().map(firstline::Ticket::id).collect()
        };
        assert_eq!(find(Query::oldest().contact("clara")), [copied, affected, own]);
        assert_eq!(find(Query::newest().contact("clara")), [own, affected, copied]);
        assert_eq!(find(Query::inbox().contact("clara")).len(), 3);
        assert_eq!(find(Query::newest().contact_as("clara", ContactRole::Cc)), [copied]);
        assert_eq!(find(Query::newest().contact_as("clara", ContactRole::Requester)), [own]);
        assert_eq!(find(Query::newest().from("clara")), [own]);
        // The requester changes: the former one is affected now.
        let action = Action::Contact { contact: "clara".into(), role: ContactRole::Requester };
        stage.does(copied, action);
        assert_eq!(find(Query::newest().from("clara")), [own, copied]);
        assert_eq!(find(Query::newest().contact_as("boris", ContactRole::Affected)), [copied]);
        stage.does(affected, Action::RemoveContact("clara".into()));
        assert_eq!(find(Query::newest().contact("clara")), [own, copied]);
        // Pages of both roles are cut from one order.
        let first = stage.desk.find(Query::newest().contact("boris").limit(1)).unwrap();
        let rest = stage.desk.find(Query::newest().contact("boris").after(first.next)).unwrap();
        assert_eq!((first.tickets.len(), rest.tickets.len()), (1, 2));
    });
}

/// Some exchanges of a question, a wait and an answer.
fn converse(stage: &Stage, exchanges: usize) -> firstline::TicketId {
    let id = stage.open();
    for _ in 0..exchanges {
        stage.later(TimeDelta::minutes(1));
        stage.does(id, Action::reply("And?").and(Action::hold(HoldReason::Customer)));
        stage.later(TimeDelta::minutes(1));
        stage.desk.act(id, Action::reply("So."), boris()).unwrap();
    }
    id
}

#[test]
fn a_long_conversation_is_read_page_by_page() {
    on_each_store(|stage| {
        let id = converse(stage, 20);
        let whole = stage.history(id);
        let page = |after, limit| stage.desk.records().history_page(id, after, limit);
        let (mut read, mut after) = (Vec::new(), 0);
        loop {
            let events = page(after, 7).unwrap();
            assert!(events.len() <= 7);
            let Some(last) = events.last() else { break };
            after = last.version;
            read.extend(events);
        }
        assert_eq!(read, whole);
        assert!(page(u64::MAX, 7).unwrap().is_empty());
        for limit in [0, 1_001, usize::MAX] {
            assert!(page(0, limit).unwrap_err().is_invalid(), "{limit}");
        }
        let unknown = stage.desk.records().history_page(uuid::Uuid::from_u128(7).into(), 3, 7);
        assert!(unknown.unwrap_err().is_not_found());
    });
}

#[test]
fn the_ticket_itself_does_not_grow_with_its_messages() {
    on_each_store(|stage| {
        let size = |id| serde_json::to_string(&stage.ticket(id)).unwrap().len();
        let (short, long) = (converse(stage, 5), converse(stage, 60));
        assert!(size(long) < size(short) + 50, "{} and {} bytes", size(short), size(long));
    });
}
