//! Links appear on both tickets, each in its own direction, and never form a cycle.

use firstline::ticket::kind::Link;
use firstline::{Action, ActionKind, Actor, LinkKind, NewTicket, RejectionReason, TicketId};

use super::policy_parts::Recording;
use super::stage::{Stage, anna, on_each_store, rejection};

const KINDS: [LinkKind; 8] = [
    LinkKind::ParentOf,
    LinkKind::ChildOf,
    LinkKind::DuplicateOf,
    LinkKind::DuplicatedBy,
    LinkKind::FollowUpOf,
    LinkKind::FollowedUpBy,
    LinkKind::CausedBy,
    LinkKind::CauseOf,
];

fn links(stage: &Stage, id: TicketId) -> Vec<Link> {
    stage.links(id)
}

#[test]
fn every_link_is_added_to_both_tickets_and_removed_from_both() {
    on_each_store(|stage| {
        for kind in KINDS {
            assert_eq!(kind.inverse().inverse(), kind);
            assert_ne!(kind.inverse(), kind);
            let (one, other) = (stage.open(), stage.open());
            stage.does(one, Action::link(kind, other));
            assert_eq!(links(stage, one), [Link { kind, to: other }]);
            assert_eq!(links(stage, other), [Link { kind: kind.inverse(), to: one }]);
            let again = stage.desk.act(one, Action::link(kind, other), anna()).unwrap();
            assert!(again.events.is_empty(), "an action without effect has no event");
            // Either end may remove a link.
            stage.does(other, Action::Unlink(Link { kind: kind.inverse(), to: one }));
            assert_eq!((links(stage, one), links(stage, other)), (vec![], vec![]));
            for id in [one, other] {
                assert_eq!(firstline::Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
            }
        }
    });
}

#[test]
fn a_link_to_itself_or_to_an_unknown_ticket_and_a_missing_link_are_refused() {
    on_each_store(|stage| {
        let (one, other) = (stage.open(), stage.open());
        let error = stage.refuses(one, |desk| desk.act(one, Action::link(LinkKind::CausedBy, one), anna()));
        assert!(
            error.to_string().starts_with("link is refused: a ticket cannot be linked to itself"),
            "{error}"
        );
        assert_eq!(rejection(&error).action, ActionKind::Link);

        let nobody: TicketId = uuid::Uuid::nil().into();
        let error =
            stage.refuses(one, |desk| desk.act(one, Action::link(LinkKind::CausedBy, nobody), anna()));
        assert!(error.is_not_found(), "{error}");

        let unlink = Action::Unlink(Link { kind: LinkKind::ParentOf, to: other });
        let error = stage.refuses(one, |desk| desk.act(one, unlink, anna()));
        assert!(
            error
                .to_string()
                .starts_with(r#"link is refused: the ticket has no "parent of" link to that ticket"#),
            "{error}"
        );
    });
}

#[track_caller]
fn refuses_cycle(stage: &Stage, at: TicketId, action: Action) {
    let error = stage.refuses(at, |desk| desk.act(at, action, anna()));
    let RejectionReason::Other(why) = &rejection(&error).reasons[0] else { panic!("{error}") };
    assert!(why.to_string().contains("a part of itself"), "{error}");
}

#[test]
fn a_ticket_never_becomes_part_of_itself() {
    on_each_store(|stage| {
        let chain: Vec<TicketId> = (0..5).map(|_| stage.open()).collect();
        for pair in chain.windows(2) {
            stage.does(pair[0], Action::link(LinkKind::ParentOf, pair[1]));
        }
        let (top, bottom) = (chain[0], chain[4]);
        for above in &chain[..4] {
            refuses_cycle(stage, *above, Action::link(LinkKind::ChildOf, bottom));
            refuses_cycle(stage, bottom, Action::link(LinkKind::ParentOf, *above));
        }
        // Two parents are not a cycle, and neither are links of other kinds.
        stage.does(bottom, Action::link(LinkKind::ChildOf, top));
        stage.does(top, Action::link(LinkKind::CausedBy, bottom));
    });
}

/// Regression: the check read the stored tickets only and ignored earlier parts of the same
/// action, so two links in one action could close a cycle.
#[test]
fn two_links_in_one_action_do_not_close_a_cycle_either() {
    on_each_store(|stage| {
        let (one, two, three) = (stage.open(), stage.open(), stage.open());
        let link = Action::link;
        refuses_cycle(stage, one, link(LinkKind::ParentOf, two).and(link(LinkKind::ChildOf, two)));
        refuses_cycle(stage, one, link(LinkKind::ChildOf, two).and(link(LinkKind::ParentOf, two)));
        stage.does(three, link(LinkKind::ChildOf, two));
        refuses_cycle(stage, one, link(LinkKind::ParentOf, two).and(link(LinkKind::ChildOf, three)));
        refuses_cycle(stage, one, link(LinkKind::ChildOf, three).and(link(LinkKind::ParentOf, two)));
        // A link that is added and removed again does not close a cycle.
        let off = Action::Unlink(Link { kind: LinkKind::ParentOf, to: two });
        stage.does(one, link(LinkKind::ParentOf, two).and(off).and(link(LinkKind::ChildOf, three)));
        assert_eq!(links(stage, one), [Link { kind: LinkKind::ChildOf, to: three }]);
        assert_eq!(links(stage, two), [Link { kind: LinkKind::ParentOf, to: three }]);
    });
}

#[test]
fn a_chain_of_parts_has_a_limit() {
    on_each_store(|stage| {
        let chain: Vec<TicketId> = (0..40).map(|_| stage.open()).collect();
        let refused = chain
            .windows(2)
            .find_map(|pair| stage.desk.act(pair[1], Action::link(LinkKind::ChildOf, pair[0]), anna()).err());
        let error = refused.expect("forty levels are too many");
        assert!(error.to_string().contains("ancestors"), "{error}");
    });
}

/// Regression: the tickets at the other ends were loaded one by one, so an action with many links ran out of
/// loads and failed like a storage error.
#[test]
fn one_action_may_add_as_many_links_as_a_ticket_may_have() {
    on_each_store(|stage| {
        let problem = stage.open();
        let incidents: Vec<TicketId> = (0..200).map(|_| stage.open()).collect();
        let all = |action: fn(LinkKind, TicketId) -> Action| {
            Action::All(incidents.iter().map(|id| action(LinkKind::CauseOf, *id)).collect())
        };
        stage.does(problem, all(Action::link));
        assert_eq!(links(stage, incidents[199]), [Link { kind: LinkKind::CausedBy, to: problem }]);
        stage.does(problem, all(Action::unlink));
        assert_eq!((links(stage, problem), links(stage, incidents[0])), (vec![], vec![]));
        let parts = incidents.iter().map(|id| Action::link(LinkKind::ParentOf, *id)).collect();
        stage.does(problem, Action::All(parts));
        refuses_cycle(stage, incidents[150], Action::link(LinkKind::ParentOf, problem));
    });
}

/// Regression: a link of another kind between tickets of a long chain was refused because of the chain.
#[test]
fn a_long_chain_of_parts_does_not_limit_other_links() {
    on_each_store(|stage| {
        // Built from the bottom up, so that no link sees the length of the chain below it.
        let chain: Vec<TicketId> = (0..40).map(|_| stage.open()).collect();
        for pair in chain.windows(2) {
            stage.does(pair[0], Action::link(LinkKind::ChildOf, pair[1]));
        }
        stage.does(chain[0], Action::link(LinkKind::CausedBy, chain[1]));
        refuses_cycle(stage, chain[39], Action::link(LinkKind::ChildOf, chain[0]));
        refuses_cycle(stage, chain[0], Action::link(LinkKind::ParentOf, chain[39]));
    });
}

/// Regression: each link of another ticket was stored in the row (64 bytes) and counted against the ticket's
/// own limit.
#[test]
fn links_of_others_are_read_in_pages_and_are_not_in_the_row() {
    on_each_store(|stage| {
        let problem = stage.open();
        let row = |id| serde_json::to_string(&stage.ticket(id)).unwrap().len();
        stage.does(problem, Action::note("many will follow"));
        let before = row(problem);
        let incidents: Vec<TicketId> = (0..1_100).map(|_| stage.open()).collect();
        for batch in incidents.chunks(200) {
            // Half of them are made from the problem, half from the incidents.
            let (from_here, from_there) = batch.split_at(batch.len() / 2);
            let causes = from_here.iter().map(|id| Action::link(LinkKind::CauseOf, *id)).collect();
            stage.does(problem, Action::All(causes));
            for id in from_there {
                stage.does(*id, Action::link(LinkKind::CausedBy, problem));
            }
        }
        assert!(row(problem) <= before + 10, "{} bytes became {}", before, row(problem));
        stage.does(problem, Action::link(LinkKind::FollowUpOf, incidents[0]));

        let (mut pages, mut found) = (0, Vec::new());
        loop {
            let page = stage.desk.records().links(problem, found.last().copied()).unwrap();
            if page.is_empty() {
                break;
            }
            found.extend(page);
            pages += 1;
        }
        assert_eq!(pages, 2);
        assert_eq!(found[0], Link { kind: LinkKind::FollowUpOf, to: incidents[0] }, "its own come first");
        let mut known: Vec<TicketId> = found[1..].iter().map(|link| link.to).collect();
        assert!(found[1..].iter().all(|link| link.kind == LinkKind::CauseOf));
        known.sort();
        let mut expected = incidents.clone();
        expected.sort();
        assert_eq!(known, expected);
    });
}

#[test]
fn a_link_that_another_ticket_never_made_cannot_be_removed() {
    on_each_store(|stage| {
        let (one, other) = (stage.open(), stage.open());
        for kind in KINDS {
            let unlink = Action::unlink(kind, other);
            let error = stage.refuses(one, |desk| desk.act(one, unlink, anna()));
            let why = format!(r#"link is refused: the ticket has no "{kind}" link to that ticket"#);
            assert!(error.to_string().starts_with(&why), "{error}");
        }
        // Removed at one end, the link is gone at the other.
        stage.does(one, Action::link(LinkKind::CauseOf, other));
        stage.does(other, Action::unlink(LinkKind::CausedBy, one));
        stage.refuses(one, |desk| desk.act(one, Action::unlink(LinkKind::CauseOf, other), anna()));
        // Added and removed in one action, the link leaves only history.
        stage.does(one, Action::link(LinkKind::CauseOf, other).and(Action::unlink(LinkKind::CauseOf, other)));
        assert_eq!((links(stage, one), links(stage, other)), (vec![], vec![]));
    });
}

#[test]
fn links_from_every_side_count_towards_the_limit_of_a_ticket() {
    on_each_store(|stage| {
        let incident = stage.open();
        let problems: Vec<TicketId> = (0..=200).map(|_| stage.open()).collect();
        for problem in &problems[..200] {
            stage.does(*problem, Action::link(LinkKind::CauseOf, incident));
        }
        let last = problems[200];
        let error =
            stage.refuses(last, |desk| desk.act(last, Action::link(LinkKind::CauseOf, incident), anna()));
        assert!(error.is_invalid(), "{error}");
        assert_eq!(links(stage, last), []);
    });
}

/// Regression: the tickets at the other ends were read and locked before the action was refused.
#[test]
fn a_refused_action_reads_no_other_tickets() {
    let store = Recording::default();
    let desk = store.desk();
    let open = || desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
    let ticket = open();
    let links = |count| Action::All((0..count).map(|_| Action::link(LinkKind::CauseOf, open())).collect());
    let refused = |action: Action, by: Actor| {
        store.tickets();
        let error = desk.act(ticket, action, by).unwrap_err();
        (store.tickets(), error)
    };
    let (read, error) = refused(links(10), Actor::contact("boris"));
    assert!(error.is_rejected(), "{error}");
    assert_eq!(read, 1, "a contact links no tickets");
    let (read, error) = refused(links(201), anna());
    assert!(error.is_invalid(), "{error}");
    assert_eq!(read, 1, "an action has at most 200 parts");
    // An accepted action reads them.
    store.tickets();
    desk.act(ticket, links(10), anna()).unwrap();
    assert_eq!(store.tickets(), 11);
}

/// Regression: `what_if` did not know the links of other tickets, so it refused to remove one.
#[test]
fn what_if_accepts_and_refuses_the_same_links_as_act() {
    on_each_store(|stage| {
        let (one, other) = (stage.open(), stage.open());
        stage.does(other, Action::link(LinkKind::CausedBy, one));
        let what_if = |action| stage.desk.reports().what_if(one, action, anna());
        what_if(Action::unlink(LinkKind::CauseOf, other)).unwrap();
        assert_eq!(
            links(stage, one),
            [Link { kind: LinkKind::CauseOf, to: other }],
            "the ticket was changed"
        );
        stage.does(other, Action::link(LinkKind::ChildOf, one));
        let nobody: TicketId = uuid::Uuid::nil().into();
        for action in [Action::link(LinkKind::ChildOf, other), Action::link(LinkKind::CausedBy, nobody)] {
            let asked = what_if(action.clone()).unwrap_err();
            let refused = stage.refuses(one, |desk| desk.act(one, action, anna()));
            assert_eq!(asked.to_string(), refused.to_string());
        }
    });
}
