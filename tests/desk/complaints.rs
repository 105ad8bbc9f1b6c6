//! Complaints from users of other systems, as tests. The comment of each test names the issue.

use crate::stage;

/// Clocks: a reply combined with a change of state.
mod clocks {
    use firstline::{Action, HoldReason, StateKind};

    use super::stage::{anna, boris, on_each_store};

    /// zammad#3551, #4516, #2579, #4777
    #[test]
    fn a_reply_with_a_change_of_state_keeps_both() {
        on_each_store(|stage| {
            let id = stage.open();
            let both = Action::reply("It was muted.").and(Action::resolve("unmuted"));
            let receipt = stage.desk.act(id, both, anna()).unwrap();
            assert_eq!((receipt.events.len(), receipt.ticket.version), (2, 3));
            let ticket = stage.ticket(id);
            assert_eq!((ticket.first_replied_at, ticket.resolved_at), (Some(stage.now()), Some(stage.now())));
            // The order does not matter, and neither does the state that the message alone would lead to.
            let id = stage.opened_and([Action::hold(HoldReason::Customer)]);
            let both = Action::resume().and(Action::reply("I am back."));
            assert_eq!(stage.desk.act(id, both, anna()).unwrap().events.len(), 2);
            assert_eq!(
                (stage.ticket(id).state.kind(), stage.ticket(id).replies_sent),
                (StateKind::Active, 1)
            );
        });
    }

    /// zammad#1620, #1322
    #[test]
    fn notes_programs_and_customers_give_no_first_response() {
        on_each_store(|stage| {
            let id = stage.opened_and([Action::note("looks muted"), Action::start()]);
            stage.desk.act(id, Action::reply("We got it."), firstline::Actor::automation("bot")).unwrap();
            stage.desk.act(id, Action::reply("Hello?"), boris()).unwrap();
            assert_eq!(stage.ticket(id).first_replied_at, None);
            stage.does(id, Action::reply("Is it muted?"));
            assert_eq!(stage.ticket(id).first_replied_at, Some(stage.now()));
        });
    }
}

/// Intake: one conversation is one ticket, and every message is received exactly once.
mod intake {
    use std::collections::BTreeSet;

    use firstline::{ErrorKind, InboundMessage, NewTicket, Query};

    use super::stage::on_each_store;

    /// freescout#5284, #5638, #5485, #2807, #4748
    #[test]
    fn one_mail_fetched_eight_times_is_one_conversation() {
        on_each_store(|stage| {
            let mail = || {
                InboundMessage::new("Paid.")
                    .from("boris")
                    .thread("<1@mail>")
                    .idempotency_key("<2@mail>")
                    .subject("Re: invoice")
            };
            let receipts: Vec<_> = (0..8).map(|_| stage.desk.receive(mail()).unwrap()).collect();
            assert_eq!(receipts.iter().filter(|it| !it.replayed).count(), 1);
            assert_eq!(stage.desk.find(Query::newest()).unwrap().tickets.len(), 1);
            assert_eq!(stage.history(receipts[0].ticket.id()).len(), 1);
        });
    }

    /// chatwoot#14058, #10798, #13359, #14214
    #[test]
    fn concurrent_messages_of_a_thread_open_one_ticket_with_all_of_them() {
        on_each_store(|stage| {
            for round in 0..5 {
                let thread = format!("album-{round}");
                let burst = |n: u32| {
                    let message = InboundMessage::new(format!("photo {n}"))
                        .from("boris")
                        .thread(&*thread)
                        .subject("Photos");
                    stage.desk.receive(message).unwrap().ticket.id()
                };
                let tickets: BTreeSet<_> = std::thread::scope(|threads| {
                    let all: Vec<_> = (0..8).map(|n| threads.spawn(move || burst(n))).collect();
                    all.into_iter().map(|it| it.join().unwrap()).collect()
                });
                assert_eq!(tickets.len(), 1, "one thread, one ticket");
                let id = *tickets.first().unwrap();
                assert_eq!((stage.ticket(id).messages_received, stage.history(id).len()), (8, 8));
            }
        });
    }

    /// freescout#3186, #1350
    #[test]
    fn two_programs_that_fetch_the_same_mail_open_one_ticket_with_its_text() {
        on_each_store(|stage| {
            let fetch = || {
                let mail = InboundMessage::new("Where is it?")
                    .from("boris")
                    .idempotency_key("<1@mail>")
                    .subject("Invoice");
                stage.desk.receive(mail).unwrap()
            };
            let both = std::thread::scope(|threads| {
                let both = [threads.spawn(fetch), threads.spawn(fetch)];
                both.map(|it| it.join().unwrap())
            });
            assert_eq!(both[0].ticket, both[1].ticket);
            assert_eq!(both.iter().filter(|it| it.replayed).count(), 1);
            let history = stage.history(both[0].ticket.id());
            assert_eq!(history[0].personal.text(), Some("Where is it?"));
        });
    }

    /// escalated-laravel at HEAD: a message id was stored before its mail was processed, so a mail that failed
    /// once could never be tried again.
    #[test]
    fn a_mail_that_failed_once_can_be_tried_again() {
        on_each_store(|stage| {
            let mail = |kind: &str| {
                let opens = NewTicket::new("").kind(kind.into());
                InboundMessage::new("Hello").from("boris").opens(opens).idempotency_key("<1@mail>")
            };
            assert!(stage.desk.receive(mail("")).unwrap_err().is_invalid());
            let receipt = stage.desk.receive(mail("incident")).unwrap();
            assert!(receipt.opened() && !receipt.replayed);
            assert_eq!(stage.desk.receive(mail("question")).unwrap_err().kind(), ErrorKind::KeyReused);
        });
    }
}

/// Work on tickets.
mod work {
    use firstline::{Action, Impact, InboundMessage, LinkKind, Priority, StateKind, TimeDelta};

    use super::stage::{anna, on_each_store};

    /// zammad#246, osTicket#2504, MEDIGO/go-zendesk#99
    #[test]
    fn two_agents_do_not_overwrite_each_other() {
        on_each_store(|stage| {
            let id = stage.open();
            let seen = stage.ticket(id).version;
            stage.desk.act(id, Action::assign("anna"), anna().expected_version(seen)).unwrap();
            let ben = firstline::Actor::agent("ben");
            let error =
                stage.refuses(id, |desk| desk.act(id, Action::assign("ben"), ben.expected_version(seen)));
            let conflict = error.conflict().unwrap();
            assert_eq!((conflict.expected, conflict.found), (1, 2));
            assert_eq!(stage.ticket(id).assignee, Some("anna".into()));
            // An actor who changes something else needs no expected version and overwrites nothing.
            stage.desk.act(id, Action::tag("audio"), ben).unwrap();
            assert_eq!(stage.ticket(id).assignee, Some("anna".into()));
        });
    }

    /// zammad#4161, frappe/helpdesk#3465, erpnext#41967
    #[test]
    fn a_late_message_opens_a_follow_up_and_leaves_the_measured_ticket_unchanged() {
        on_each_store(|stage| {
            let message = || {
                InboundMessage::new("It is silent again.").from("boris").thread("chat").subject("No sound")
            };
            let first = stage.desk.receive(message()).unwrap().ticket.id();
            stage.does(first, Action::resolve("unmuted"));
            stage.later(TimeDelta::days(1));
            // Within the verification period, the message reopens the same ticket.
            assert_eq!(stage.desk.receive(message()).unwrap().ticket.id(), first);
            assert_eq!(stage.ticket(first).reopens, 1);
            stage.does(first, Action::resolve("unmuted"));
            let measured = stage.ticket(first);
            stage.later(TimeDelta::days(60));
            let second = stage.desk.receive(message()).unwrap();
            assert!(second.opened());
            let now = stage.ticket(first);
            assert_eq!((now.reopens, now.resolved_at), (measured.reopens, measured.resolved_at));
            assert_eq!(now.closed_at, measured.resolved_at.map(|at| at + TimeDelta::days(5)));
            assert!(second.ticket.links.iter().any(|it| (it.kind, it.to) == (LinkKind::FollowUpOf, first)));
        });
    }

    /// glpi#21946, #16345, #10777
    #[test]
    fn the_priority_follows_its_inputs_and_its_history_explains_it() {
        on_each_store(|stage| {
            let id = stage.opened_and([Action::Impact(Impact::HIGH)]);
            assert_eq!(stage.ticket(id).priority(), Priority::P2);
            stage.does(id, Action::override_priority(Priority::P5, "agreed with the customer"));
            stage.does(id, Action::Impact(Impact::LOW));
            stage.does(id, Action::ClearOverride);
            assert_eq!(stage.ticket(id).priority(), Priority::P4);
            // The history shows who set which priority, when and why.
            let assessments: Vec<String> = stage
                .history(id)
                .into_iter()
                .filter_map(|event| match event.change {
                    firstline::Change::Prioritised { assessment, .. } => Some(assessment.to_string()),
                    _ => None,
                })
                .collect();
            assert_eq!(assessments.len(), 4);
            assert!(assessments[1].starts_with("P5: set by hand, instead of P2"), "{assessments:?}");
            assert!(assessments[2].starts_with("P5: set by hand, instead of P4"), "{assessments:?}");
        });
    }

    /// frappe/helpdesk#2370, osTicket#5644, glpi#5206
    #[test]
    fn a_parent_lists_its_children_and_a_child_its_parent() {
        on_each_store(|stage| {
            let whole = stage.open();
            let parts: Vec<_> =
                (0..3).map(|_| stage.opened_and([Action::link(LinkKind::ChildOf, whole)])).collect();
            let known: Vec<_> = stage.links(whole).iter().map(|link| (link.kind, link.to)).collect();
            assert_eq!(known, parts.iter().map(|id| (LinkKind::ParentOf, *id)).collect::<Vec<_>>());
            assert_eq!(stage.ticket(whole).state.kind(), StateKind::New);
        });
    }
}

/// Embedding into another product.
mod embedding {
    use firstline::{
        Action, Actor, AgentId, AnyTicket, ContactId, NewTicket, Query, Snapshot, StateKind, state,
    };

    use super::stage::{anna, on_each_store, rejection};

    /// escalated-laravel#110, #128, django-helpdesk#912, #306, ticketit#456
    #[test]
    fn the_hosts_users_may_have_any_id() {
        on_each_store(|stage| {
            let uuid = uuid::Uuid::from_u128(7);
            let keys: [ContactId; 5] =
                [uuid.into(), 77_i64.into(), i64::MIN.into(), "auth0|abc".into(), "Борис Годунов".into()];
            for key in keys {
                let id = stage.desk.open_ticket(NewTicket::new("No sound").from(key.clone())).unwrap().id();
                assert_eq!(stage.ticket(id).requester(), Some(&key));
                let found = stage.desk.find(Query::newest().from(key.clone())).unwrap();
                assert_eq!(found.tickets.len(), 1, "{key}");
                stage.does(id, Action::resolve("unmuted"));
                stage.desk.act(id, Action::confirm(), Actor::contact(key)).unwrap();
            }
            let agents: [AgentId; 2] = [uuid.into(), 5.into()];
            let id = stage.open();
            for agent in agents {
                stage.does(id, Action::assign(agent.clone()));
                assert_eq!(stage.ticket(id).assignee, Some(agent));
            }
        });
    }

    /// zammad#1047, freeitsm#24
    #[test]
    fn several_companies_share_one_installation() {
        on_each_store(|stage| {
            let desks: Vec<_> = (0..5).map(|n| stage.other_desk(&format!("company-{n}"))).collect();
            for (n, desk) in desks.iter().enumerate() {
                (0..=n)
                    .for_each(|_| drop(desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap()));
            }
            for (n, desk) in desks.iter().enumerate() {
                let found = desk.find(Query::newest().from("boris")).unwrap().tickets;
                assert_eq!(found.len(), n + 1);
                assert_eq!(found[0].number.value, n as u64 + 1);
            }
        });
    }

    /// mdeloof/statig#25
    #[test]
    fn a_typed_ticket_starts_from_a_stored_state() {
        on_each_store(|stage| {
            let id = stage.opened_and([Action::resolve("unmuted")]);
            // A later program has only the store.
            let desk = stage.other_desk("acme");
            let AnyTicket::Resolved(ticket) = desk.ticket(id).unwrap().into_typed() else { panic!() };
            let ticket: firstline::Ticket<state::Active> = desk.commit(ticket.reopen(), anna()).unwrap();
            assert_eq!(ticket.version, 3);
            // A snapshot that the host kept as JSON works too.
            let json = serde_json::to_string(ticket.snapshot()).unwrap();
            let snapshot: Snapshot = serde_json::from_str(&json).unwrap();
            let again = firstline::Ticket::new(snapshot, firstline::workflow::Workflow::simple()).unwrap();
            assert!(matches!(again.into_typed(), AnyTicket::Active(_)));
        });
    }

    /// aasm#676, #401
    #[test]
    fn why_not_explains_a_refusal_without_trying() {
        on_each_store(|stage| {
            let id = stage.open();
            let before = stage.history(id);
            let ticket = stage.desk.ticket(id).unwrap();
            let why = ticket.why_not_by(&Action::confirm(), &anna()).unwrap();
            assert_eq!(
                why.to_string(),
                "confirm is not accepted while new; confirm is for the requester; \
                 accepted here: start, hold, resolve, cancel"
            );
            assert_eq!(stage.history(id), before);
            let error = stage.refuses(id, |desk| desk.act(id, Action::confirm(), anna()));
            assert_eq!(rejection(&error), &why, "why_not and the refusal agree");
        });
    }

    /// synthadoc#332
    #[test]
    fn no_call_bypasses_the_lifecycle() {
        on_each_store(|stage| {
            let id = stage.opened_and([Action::cancel()]);
            let state = |stage: &super::stage::Stage| stage.ticket(id).state.kind();
            // No action, message, part of an action or tick leaves `Cancelled`.
            assert!(stage.desk.act(id, Action::reopen(), anna()).is_err());
            assert!(stage.desk.act(id, Action::note("x").and(Action::start()), anna()).is_err());
            assert!(stage.desk.act(id, Action::reply("Hello?"), anna()).is_err());
            stage.desk.act(id, Action::reply("Hello?"), Actor::contact("boris")).unwrap();
            assert!(
                stage.desk.tick(stage.now() + firstline::TimeDelta::days(400)).unwrap().failed.is_empty()
            );
            stage.does(id, Action::note("a note is not a step"));
            assert_eq!(state(stage), StateKind::Cancelled);
        });
    }

    /// xstate-statemachine#45: a stored state without a version.
    #[test]
    fn every_stored_state_has_its_version() {
        on_each_store(|stage| {
            let id = stage.opened_and([Action::start(), Action::note("x")]);
            let history = stage.history(id);
            for upto in 1..=history.len() {
                let then = Snapshot::fold(&history[..upto]).unwrap();
                assert_eq!(then.version, upto as u64);
            }
            // A history with a gap, a repetition or a wrong order is refused.
            let faulty = [
                vec![],
                history[1..].to_vec(),
                vec![history[0].clone(), history[2].clone()],
                vec![history[0].clone(), history[0].clone()],
                vec![history[0].clone(), history[1].clone(), history[1].clone()],
            ];
            for events in &faulty {
                let error = Snapshot::fold(events).unwrap_err();
                assert_eq!(error.kind(), firstline::ErrorKind::Corrupt, "{error}");
            }
        });
    }
}
