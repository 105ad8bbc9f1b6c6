//! Imports of histories from another system. They are kept without corrections.

use crate::histories;

use firstline::policy::FieldType;
use firstline::*;
use histories::*;
use proptest::prelude::*;

#[test]
fn a_history_is_imported_as_it_happened() {
    let desk = desk();
    let (ticket, history) = imported(&desk, ticket("1", story()));
    assert_eq!(ticket.number.to_string(), "T-1");
    assert_eq!(ticket.priority(), Priority::P1);
    assert_eq!((ticket.opened_at, ticket.updated_at), (minute(0), minute(90)));
    assert_eq!((ticket.resolved_at, ticket.closed_at), (Some(minute(9)), Some(minute(90))));
    assert_eq!(ticket.personal.resolution(), Some("It was muted."));
    assert_eq!(ticket.resolution_code.as_deref(), Some("user"));
    assert_eq!((ticket.irregular, ticket.reopens, ticket.handovers), (0, 0, 0));
    let expected = [
        (1, "opened", false),
        (2, "assigned", false),
        (2, "new -> active Some(Start)", false),
        (3, "active -> resolved Some(Resolve)", false),
        (4, "resolved -> closed Some(Close)", false),
    ];
    assert_eq!(steps(&history), expected.map(|(version, name, odd)| (version, name.to_owned(), odd)));
    assert!(
        history
            .iter()
            .all(|event| matches!(event.change, Change::Imported(_)) || event.by == Actor::agent("anna"))
    );
    assert_eq!(
        ticket.id().as_uuid().get_timestamp().unwrap().to_unix().0,
        minute(0).timestamp().cast_unsigned()
    );
}

#[test]
fn steps_that_the_lifecycle_refuses_are_applied_and_flagged() {
    let desk = desk();
    let hold = |reason| state::OnHold { reason, until: None };
    let (ticket, history) = imported(
        &desk,
        ticket(
            "1",
            [
                version(0),
                version(1).status(state::Closed),
                version(2).status(state::Active),
                version(3).status(state::New),
                version(4).status(hold(HoldReason::Customer)),
                version(5).status(hold(HoldReason::Custom("customer".into()))),
                version(6).status(hold(HoldReason::ThirdParty)),
                version(7).status(state::Resolved::default()),
                version(8).status(hold(HoldReason::Problem)),
            ],
        ),
    );
    let expected = [
        (1, "opened", false),
        (2, "new -> closed None", true),
        (3, "closed -> active None", true),
        (4, "active -> new None", true),
        (5, "new -> on hold Some(Hold)", false),
        (7, "on hold -> on hold Some(Hold)", false),
        (8, "on hold -> resolved Some(Resolve)", false),
        (9, "resolved -> on hold None", true),
    ];
    assert_eq!(steps(&history), expected.map(|(version, name, odd)| (version, name.to_owned(), odd)));
    assert_eq!((ticket.irregular, ticket.reopens), (4, 2));
    // Reopening keeps the times.
    assert_eq!((ticket.resolved_at, ticket.closed_at), (Some(minute(7)), Some(minute(1))));
}

#[test]
fn an_unmapped_status_keeps_its_name_and_is_irregular_both_ways() {
    let desk = desk();
    let versions = vec![
        version(0).status(state::Active),
        version(1).unmapped("-100"),
        version(2).unmapped("-100"),
        version(3).unmapped("В пути"),
    ];
    let (during, _) = imported(&desk, ticket("1", versions.clone()));
    assert_eq!(
        (during.state().kind(), during.unmapped_status.as_deref()),
        (StateKind::Active, Some("В пути"))
    );
    let (after, history) = imported(
        &desk,
        ticket("1", versions.into_iter().chain([version(4).status(state::Resolved::default())])),
    );
    assert_eq!((after.state().kind(), after.unmapped_status.as_deref()), (StateKind::Resolved, None));
    let expected = [
        (1, "opened", false),
        (2, "status_unmapped", true),
        (4, "status_unmapped", true),
        (5, "active -> resolved None", true),
    ];
    assert_eq!(steps(&history), expected.map(|(version, name, odd)| (version, name.to_owned(), odd)));

    // A ticket that begins in an unmapped status, and later returns to its kept state.
    let (ticket, history) =
        imported(&desk, ticket("2", [version(0).unmapped("?"), version(1).status(state::New)]));
    let expected = [(1, "opened", false), (1, "status_unmapped", true), (2, "new -> new None", true)];
    assert_eq!(steps(&history), expected.map(|(version, name, odd)| (version, name.to_owned(), odd)));
    assert_eq!((ticket.unmapped_status.as_deref(), ticket.irregular), (None, 2));
}

#[test]
fn a_second_resolution_or_closing_moves_the_time_in_version_order() {
    let desk = desk();
    let resolved = || state::Resolved::default();
    let (ticket, history) = imported(
        &desk,
        ticket(
            "1",
            [
                version(10).status(resolved()),
                version(30).status(resolved()),
                version(20).status(resolved()),
                version(20).status(resolved()),
                version(40).status(state::Closed),
                version(35).status(state::Closed),
                version(36),
            ],
        ),
    );
    assert_eq!((ticket.resolved_at, ticket.closed_at), (Some(minute(20)), Some(minute(35))));
    let expected = [
        (1, "opened", false),
        (2, "state_repeated", false),
        (3, "state_repeated", false),
        (5, "resolved -> closed Some(Close)", false),
        (6, "state_repeated", false),
    ];
    assert_eq!(steps(&history), expected.map(|(version, name, odd)| (version, name.to_owned(), odd)));
    assert_eq!(history.last().unwrap().at, minute(36));
}

#[test]
fn a_repeated_resolution_is_not_lost() {
    let desk = desk();
    let resolved = |at| version(at).status(state::Resolved::default());
    let versions = [
        resolved(0).resolution("Muted.").resolution_code("user"),
        resolved(1).resolution("Muted by the driver."),
    ];
    let (ticket, _) = imported(&desk, ticket("1", versions));
    assert_eq!(ticket.personal.resolution(), Some("Muted by the driver."));
    assert_eq!(ticket.resolution_code.as_deref(), Some("user"));
    assert_eq!(ticket.resolved_at, Some(minute(1)));
}

#[test]
fn times_that_step_back_are_kept() {
    let desk = desk();
    let (ticket, history) = imported(
        &desk,
        ticket("1", [version(50), version(20).status(state::Active), version(30).status(state::Closed)]),
    );
    let times: Vec<_> = history.iter().map(|event| event.at).collect();
    assert_eq!(times, [minute(50), minute(20), minute(30), minute(30)]);
    assert_eq!((ticket.opened_at, ticket.closed_at), (minute(50), Some(minute(30))));
}

#[test]
fn a_requester_who_closes_a_ticket_confirms_it() {
    let desk = desk();
    let closed = ImportedVersion::new(minute(9), Actor::contact("boris")).status(state::Closed);
    let (_, history) = imported(
        &desk,
        ticket("1", [version(0).from("boris"), version(5).status(state::Resolved::default()), closed]),
    );
    assert_eq!(steps(&history)[2].1, "resolved -> closed Some(Confirm)");
}

#[test]
fn every_changed_or_removed_team_is_a_hand_over() {
    let desk = desk();
    let (ticket, _) = imported(
        &desk,
        ticket(
            "1",
            [
                version(0).no_team(),
                version(1).team("a"),
                version(2).team("a").assigned_to("anna"),
                version(3),
                version(4).no_team().unassigned(),
                version(5).team("b").line(Line::Second),
            ],
        ),
    );
    assert_eq!(ticket.handovers, 3);
    assert_eq!(
        (ticket.team.clone(), ticket.line, ticket.assignee.clone()),
        (Some("b".into()), Line::Second, None)
    );
}

#[test]
fn russian_texts_fields_and_names_are_imported() {
    let desk = desk();
    let policy = Policy::new()
        .field("заказ", FieldType::Integer)
        .field("адрес", FieldType::Text)
        .field("доставка", FieldType::choice(["курьер", "почта"]));
    desk.setup().adopt(&policy).unwrap();
    let boris = Contact::new("клиент-8").named("Борис").attribute("vip", true);
    let contact = Actor::contact("клиент-8");
    let (ticket, history) = imported(
        &desk,
        ticket(
            "ЗВ-45",
            [
                ImportedVersion::new(minute(0), &contact)
                    .subject("Нет звука")
                    .message("Ничего не слышно 🔇")
                    .from(boris.clone())
                    .channel(Channel::Chat)
                    .category(["Звук", "Наушники"])
                    .tags(["срочно", "звук"])
                    .field("заказ", Some(4711))
                    .field("адрес", Some("Москва")),
                version(1)
                    .message("Проверьте громкость.")
                    .note("Похоже на драйвер.")
                    .field("адрес", None::<Value>)
                    .field("доставка", Some("почта"))
                    .tags(["звук", "драйвер"])
                    .from(Contact::new("клиент-9")),
                ImportedVersion::new(minute(2), Actor::contact("клиент-9"))
                    .message("Помогло!")
                    .subject("Нет звука в наушниках")
                    .kind(Kind::Incident),
            ],
        ),
    );
    assert_eq!(ticket.subject(), "Нет звука в наушниках");
    assert_eq!((ticket.kind.clone(), ticket.channel.clone()), (Kind::Incident, Channel::Chat));
    assert_eq!(
        (ticket.messages_received, ticket.replies_sent, ticket.first_replied_at),
        (2, 1, Some(minute(1)))
    );
    assert_eq!(ticket.tags, ["драйвер".to_owned(), "звук".to_owned()].into());
    assert_eq!(ticket.field("адрес"), None);
    assert_eq!(ticket.field("заказ"), Some(&Value::from(4711)));
    assert_eq!(ticket.field("доставка"), Some(&Value::from("почта")));
    assert_eq!(ticket.requester().unwrap().as_str(), "клиент-9");
    assert_eq!(ticket.contacts[&ContactId::from("клиент-8")], ContactRole::Affected);
    assert_eq!(ticket.personal.person(&"клиент-8".into()).unwrap().name, boris.name);
    assert_eq!(history[0].personal.text(), Some("Ничего не слышно 🔇"));
}

#[test]
fn the_desk_computes_the_priority() {
    let desk = desk();
    let vip = Condition::field("contact.vip").is(true);
    let raise = priority::Modifier::new("VIP", priority::Effect::Raise(1)).when(vip);
    let matrix = Matrix::itil().to_definition().modifier(raise).build().unwrap();
    desk.setup().adopt(&Policy::new().matrix(matrix)).unwrap();
    let (ticket, history) = imported(
        &desk,
        ticket(
            "1",
            [
                version(0)
                    .impact(Impact::LOW)
                    .urgency(Urgency::LOW)
                    .from(Contact::new("a").attribute("vip", true)),
                version(1).impact(Impact::MEDIUM),
                version(2).from("b"),
                version(3).impact(Impact::MEDIUM).urgency(Urgency::LOW),
            ],
        ),
    );
    let priorities: Vec<_> =
        (1..=history.len()).map(|n| Snapshot::fold(&history[..n]).unwrap().priority().rank()).collect();
    // Opened with 5, raised to 4; with greater impact 4, raised to 3; with a requester who is not a VIP, 4.
    assert_eq!(priorities, [4, 3, 3, 4, 4]);
    assert_eq!(ticket.priority(), Priority::P4);
}

#[test]
fn only_timers_of_the_other_system_are_set() {
    let desk = desk();
    let silent = ticket("1", [version(0).status(state::Resolved::default())]);
    let closes_at = Some(minute(100));
    let dated = ticket("2", [version(0).status(state::Resolved { closes_at, ..Default::default() })]);
    desk.records().import([silent, dated]).unwrap();
    assert!(desk.tick(at("2026-01-05T09:00:00Z")).unwrap().failed.is_empty());
    assert_eq!(look(&desk, external("1")).0.state().kind(), StateKind::Resolved);
    assert_eq!(look(&desk, external("2")).0.closed_at, closes_at);
}

fn any_status() -> impl Strategy<Value = Option<Option<State>>> {
    let hold = |reason| State::from(state::OnHold { reason, until: None });
    prop_oneof![
        Just(None),
        Just(Some(None)),
        Just(Some(Some(state::New.into()))),
        Just(Some(Some(state::Active.into()))),
        Just(Some(Some(hold(HoldReason::Customer)))),
        Just(Some(Some(hold(HoldReason::Problem)))),
        Just(Some(Some(state::Resolved::default().into()))),
        Just(Some(Some(state::Closed.into()))),
        Just(Some(Some(state::Cancelled.into()))),
    ]
}

fn any_version() -> impl Strategy<Value = ImportedVersion> {
    let team = prop_oneof![Just(None), Just(Some(None)), "[ab]".prop_map(|team| Some(Some(team)))];
    let tags = proptest::option::of(proptest::collection::btree_set("[a-c]", 0..3));
    (0..100i64, any_status(), team, tags, proptest::option::of(1..=3u8), proptest::option::of("[xy]"))
        .prop_map(|(at, status, team, tags, impact, requester)| {
            let mut it = version(at);
            it = match status {
                None => it,
                Some(None) => it.unmapped("odd"),
                Some(Some(state)) => it.status(state),
            };
            it = match team {
                None => it,
                Some(None) => it.no_team(),
                Some(Some(team)) => it.team(team),
            };
            if let Some(tags) = tags {
                it = it.tags(tags);
            }
            if let Some(impact) = impact {
                it = it.impact(Impact::new(impact).unwrap());
            }
            match requester {
                Some(requester) => it.from(requester),
                None => it,
            }
        })
}

proptest! {
    /// For any history and any cut: the row is the fold of the events, the events equal those of one import,
    /// and a step is irregular exactly if the lifecycle does not have it.
    #[test]
    fn any_history_can_be_imported_in_pieces(versions in proptest::collection::vec(any_version(), 1..12), cut in 0..12usize) {
        let (whole, pieces) = (desk(), desk());
        let (at_once, expected) = imported(&whole, ticket("1", versions.clone()));
        let cut = cut.clamp(1, versions.len());
        imported(&pieces, ticket("1", versions[..cut].to_vec()));
        let (after, history) = imported(&pieces, ticket("1", versions.clone()));
        prop_assert_eq!(steps(&history), steps(&expected));
        prop_assert_eq!(after.state(), at_once.state());
        prop_assert_eq!(&after.unmapped_status, &at_once.unmapped_status);

        let mut left_unmapped = false;
        for event in &history {
            match &event.change {
                Change::StateChanged { from, to, step, .. } => {
                    let legal = from.accepted().any(|it| it.target() == to.kind()) && !left_unmapped;
                    prop_assert_eq!(step.is_some(), legal);
                    prop_assert_eq!(event.origin.as_ref().unwrap().irregular, !legal);
                    left_unmapped = false;
                }
                Change::StatusUnmapped { .. } => left_unmapped = true,
                _ => {}
            }
        }
        // The team comes from the last version that sets one.
        let last_team = versions.iter().rev().find_map(|it| serde_json::to_value(it).unwrap().get("team").cloned());
        let team = last_team.and_then(|team| team.get("is").and_then(|it| it.as_str().map(TeamId::from)));
        prop_assert_eq!(&after.team, &team);
    }

    /// A ticket keeps its fingerprint through JSON, so it can be stored and imported later.
    #[test]
    fn an_imported_ticket_round_trips_through_json(versions in proptest::collection::vec(any_version(), 1..5)) {
        let desk = desk();
        let original = ticket("1", versions);
        let copy: ImportedTicket = serde_json::from_str(&serde_json::to_string(&original).unwrap()).unwrap();
        prop_assert_eq!(&copy, &original);
        desk.records().import([original]).unwrap();
        prop_assert_eq!(desk.records().import([copy]).unwrap().unchanged, 1);
    }
}
