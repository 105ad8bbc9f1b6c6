//! Odd but valid input: every allowed character and date is kept. Names are kept in the normal form.

use firstline::policy::FieldType;
use firstline::{
    Action, Condition, Contact, DateTime, HoldReason, InboundMessage, NewTicket, Policy, Query, Snapshot,
    StateKind, TimeDelta, Utc,
};

use super::stage::{Stage, anna, boris, on_each_store};

/// Texts that careless programs truncate, normalize, mirror or count wrongly.
const ODD: [&str; 11] = [
    "Не работает звук — «совсем», №7 ёЁ",
    "\u{202e}dnuos oN\u{202c}",
    "\u{200f}لا صوت\u{200e} abc",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈",
    "e\u{301} is not é",
    "Z\u{351}\u{36b}\u{343}\u{32a}\u{302}a\u{324}l\u{334}g\u{331}o",
    "\u{feff}BOM",
    "'; DROP TABLE firstline_tickets; --",
    "%_\\\"'`${x}{{y}}<script>",
    "\u{10ffff}\u{fffd}\u{e000}",
    "ﷺ İıſ ß ǆ",
];

/// Checks that row and history agree.
#[track_caller]
fn sound(stage: &Stage, id: firstline::TicketId) -> Snapshot {
    let ticket = stage.ticket(id);
    assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), ticket, "{}", stage.name);
    ticket
}

#[test]
fn every_character_is_kept_in_every_field() {
    use unicode_normalization::UnicodeNormalization;
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("слово", FieldType::Text)).unwrap();
        for text in ODD {
            // Names do not keep what nobody sees.
            let seen = text.chars().filter(|c| !"\u{feff}\u{202e}\u{202c}\u{200e}\u{200f}".contains(*c));
            let form: String = seen.nfc().collect();
            let form = form.as_str();
            let request = NewTicket::new(text)
                .from(Contact::new(text).named(text).attribute(text, text))
                .message(text)
                .tag(text)
                .category([text, text])
                .field("слово", text)
                .thread(text)
                .idempotency_key(text);
            let id = stage.desk.open_ticket(request).unwrap().id();
            stage.desk.act(id, Action::reply(text), anna()).unwrap();
            stage.does(id, Action::hold(HoldReason::Custom(text.to_owned())));
            stage.does(id, Action::assign(text));
            stage.does(id, Action::resolve_as(text, text));
            let ticket = sound(stage, id);
            assert_eq!(ticket.subject(), form);
            assert_eq!(ticket.requester().unwrap().as_str(), text);
            assert_eq!(ticket.field("слово"), Some(&form.into()));
            assert_eq!(
                (ticket.tags.first().unwrap().as_str(), ticket.category.as_slice()),
                (form, &[form.to_owned(), form.to_owned()][..])
            );
            assert_eq!(
                (ticket.assignee.unwrap().as_str(), ticket.resolution_code.as_deref()),
                (text, Some(form))
            );
            assert_eq!(stage.history(id)[1].personal.text(), Some(text));
            // A search for the odd text finds the ticket.
            let one = |query: Query| {
                let page = stage.desk.find(query).unwrap();
                assert_eq!(
                    page.tickets.iter().map(firstline::Ticket::id).collect::<Vec<_>>(),
                    [id],
                    "{text}"
                );
            };
            one(Query::newest().from(text));
            one(Query::newest().assigned_to(text));
            one(Query::newest().matching(Condition::field("tags").contains(text)));
            let message = InboundMessage::new("x").from(text).thread(text).subject("x");
            assert_eq!(stage.desk.receive(message).unwrap().ticket.id(), id);
        }
    });
}

/// Letters are not folded and accents are not composed: names are compared byte by byte.
#[test]
fn names_that_look_alike_are_different() {
    on_each_store(|stage| {
        for pair in [["é", "e\u{301}"], ["Boris", "boris"], ["а", "a"], ["x", "x "]] {
            let [one, other] = pair.map(|name| {
                stage.desk.open_ticket(NewTicket::new("No sound").from(name).thread(name)).unwrap().id()
            });
            assert_ne!(one, other);
            assert_eq!(stage.desk.find(Query::newest().from(pair[0])).unwrap().tickets.len(), 1, "{pair:?}");
        }
    });
}

#[test]
fn texts_of_the_greatest_length_are_kept() {
    on_each_store(|stage| {
        let subject = "ж".repeat(500);
        let text = "ж".repeat(1 << 19);
        let id = stage
            .desk
            .open_ticket(NewTicket::new(&*subject).from("b".repeat(200)).message(&*text))
            .unwrap()
            .id();
        assert_eq!(sound(stage, id).subject(), subject);
        assert_eq!(stage.history(id)[0].personal.text(), Some(&*text));
    });
}

#[test]
fn extreme_dates_neither_panic_nor_corrupt() {
    let far: DateTime<Utc> = "+262000-12-31T23:59:59.999999Z".parse().unwrap();
    let dates = [far, DateTime::<Utc>::MAX_UTC, "9999-12-31T23:59:59Z".parse().unwrap()];
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("when", FieldType::Instant)).unwrap();
        for date in dates {
            let id = stage.opened_and([
                Action::field("when", date),
                Action::field("when", DateTime::<Utc>::MIN_UTC),
                Action::hold_until(HoldReason::Scheduled, date),
            ]);
            sound(stage, id);
            assert_eq!(stage.desk.tick(DateTime::<Utc>::MIN_UTC).unwrap().fired, 0);
            assert_eq!(stage.desk.tick(stage.now() + TimeDelta::days(36_500)).unwrap().fired, 0, "{date}");
            let ticked = stage.desk.tick(date).unwrap();
            assert_eq!((ticked.fired, ticked.failed.len()), (1, 0), "{date}");
            assert_eq!(sound(stage, id).state.kind(), StateKind::Active);
        }
    });
}

/// A clock at the end of time, or before its beginning.
#[test]
fn a_desk_works_at_the_ends_of_the_calendar() {
    for now in [
        DateTime::<Utc>::MAX_UTC,
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::UNIX_EPOCH - TimeDelta::nanoseconds(1),
    ] {
        on_each_store(|stage| {
            stage.time.set(now);
            let id = stage.opened_and([Action::start(), Action::resolve("unmuted")]);
            let ticket = sound(stage, id);
            assert!(ticket.opened_at <= now && now - ticket.opened_at < TimeDelta::microseconds(1), "{now}");
            stage.desk.act(id, Action::confirm(), boris()).unwrap();
            stage.desk.act(id, Action::note("hm"), anna().idempotency_key("k")).unwrap();
            assert!(stage.desk.act(id, Action::note("hm"), anna().idempotency_key("k")).unwrap().replayed);
            assert_eq!(stage.desk.ticket("T-1").unwrap().id(), id);
            assert_eq!(sound(stage, id).state.kind(), StateKind::Closed);
        });
    }
}
