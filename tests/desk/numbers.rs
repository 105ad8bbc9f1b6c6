//! Running numbers, and the references that find a ticket.

use firstline::ticket::event::ExternalRef;
use firstline::{NewTicket, Policy, TicketRef};

use super::stage::on_each_store;

#[test]
fn numbers_run_from_one_without_gaps() {
    on_each_store(|stage| {
        for n in 1..=5_u64 {
            let ticket = stage.desk.open_ticket(NewTicket::new("No sound")).unwrap();
            assert_eq!((ticket.number.value, ticket.number.to_string()), (n, format!("T-{n}")));
            assert!(stage.desk.open_ticket(NewTicket::new("")).is_err(), "a refused one takes no number");
        }
    });
}

#[test]
fn a_ticket_is_found_by_id_and_by_number_with_or_without_prefix() {
    on_each_store(|stage| {
        let ids: Vec<_> = (0..3).map(|_| stage.open()).collect();
        let third = ids[2];
        let names: [TicketRef; 6] = [
            third.into(),
            "T-3".into(),
            "3".into(),
            3.into(),
            (&third.to_string()).into(),
            third.to_string().to_uppercase().as_str().into(),
        ];
        for name in names {
            assert_eq!(stage.desk.ticket(name.clone()).unwrap().id(), third, "{name:?}");
        }
        for wrong in
            ["T-4", "0", "T-", "", "-", "T-3x", "drei", "99999999999999999999", "T-3 OR 1=1", "T-3\0"]
        {
            let error = stage.desk.ticket(wrong).unwrap_err();
            assert!(error.is_not_found(), "{wrong:?}: {error}");
        }
        for wrong in [0, 4, u64::MAX, i64::MAX as u64, i64::MAX as u64 + 1] {
            assert!(stage.desk.ticket(wrong).unwrap_err().is_not_found(), "{wrong}");
        }
        let elsewhere = ExternalRef { source: "zammad".to_owned(), id: "3".to_owned() };
        let error = stage.desk.ticket(elsewhere).unwrap_err();
        assert_eq!(error.to_string(), "ticket 3 of zammad is not known at this desk");
    });
}

#[test]
fn a_changed_prefix_keeps_every_old_reference_valid() {
    on_each_store(|stage| {
        let first = stage.open();
        stage.desk.setup().adopt(&Policy::new().prefix("SHOP-2026")).unwrap();
        let second = stage.open();
        stage.desk.setup().adopt(&Policy::new().prefix("")).unwrap();
        let third = stage.open();
        let shown = [first, second, third].map(|id| stage.ticket(id).number.to_string());
        assert_eq!(shown, ["T-1", "SHOP-2026-2", "3"]);
        for (id, number) in [first, second, third].into_iter().zip(&shown) {
            assert_eq!(stage.desk.ticket(number).unwrap().id(), id, "{number}");
        }
    });
}
