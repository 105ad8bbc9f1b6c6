//! A policy has versions, applies from a date on, never applies to the past, and is refused if it is faulty.

use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::{Action, Condition, ErrorKind, Matrix, Modifier, NewTicket, Policy, Query, TimeDelta};

use super::stage::{anna, on_each_store};

#[test]
fn every_changed_policy_gets_a_version_and_an_unchanged_one_does_not() {
    on_each_store(|stage| {
        let setup = stage.desk.setup();
        assert_eq!(*setup.policy().unwrap(), Policy::new(), "nothing was adopted yet");
        let first = setup.adopt(&Policy::new().prefix("A")).unwrap();
        assert_eq!((first.version, first.from), (1, stage.now()));
        stage.later(TimeDelta::days(1));
        assert_eq!(setup.adopt(&Policy::new().prefix("A")).unwrap(), first, "as at every start of a program");
        let second = setup.adopt(&Policy::new().prefix("B")).unwrap();
        assert_eq!((second.version, second.from), (2, stage.now()));
        assert_ne!(second.hash, first.hash);
        stage.later(TimeDelta::days(1));
        let third = setup.adopt(&Policy::new().prefix("A")).unwrap();
        assert_eq!(
            (third.version, third.hash),
            (3, first.hash),
            "a return to an old policy is a new version"
        );
        assert_eq!(*setup.policy().unwrap(), Policy::new().prefix("A"));
    });
}

#[test]
fn a_policy_may_apply_from_a_later_date() {
    on_each_store(|stage| {
        let setup = stage.desk.setup();
        let from = stage.now() + TimeDelta::days(7);
        setup.adopt_from(&Policy::new().prefix("NEXT"), from).unwrap();
        assert_eq!(stage.ticket(stage.open()).number.to_string(), "T-1");
        stage.later(TimeDelta::days(7) - TimeDelta::microseconds(1));
        assert_eq!(stage.ticket(stage.open()).number.to_string(), "T-2");
        stage.later(TimeDelta::microseconds(1));
        assert_eq!(stage.ticket(stage.open()).number.to_string(), "NEXT-3");
        // `policy` returns the policy in force now.
        assert_eq!(*setup.policy().unwrap(), Policy::new().prefix("NEXT"));
    });
}

#[test]
fn a_policy_never_applies_to_the_past_or_before_a_planned_one() {
    on_each_store(|stage| {
        let setup = stage.desk.setup();
        let now = stage.now();
        let past =
            setup.adopt_from(&Policy::new().prefix("P"), now - TimeDelta::microseconds(1)).unwrap_err();
        assert_eq!(
            past.to_string(),
            "policy cannot take effect at 2026-01-05 08:59:59.999999 UTC: it is in the past; \
             allowed: 2026-01-05 09:00:00 UTC or later"
        );
        setup.adopt_from(&Policy::new().prefix("NEXT"), now + TimeDelta::days(7)).unwrap();
        let before = setup.adopt(&Policy::new().prefix("P")).unwrap_err();
        assert!(before.is_invalid());
        assert!(before.to_string().ends_with("2026-01-12 09:00:00 UTC or later"), "{before}");
        assert_eq!(*setup.policy().unwrap(), Policy::new());
    });
}

#[test]
fn a_faulty_policy_is_refused_with_the_fault() {
    let itil = || Matrix::itil().to_definition();
    let when = |condition| {
        let modifier = Modifier::new("m", Effect::Raise(1)).when(condition);
        Policy::new().matrix(itil().modifier(modifier).build().unwrap())
    };
    let faulty = [
        (Policy::new().prefix("a b"), "prefix \"a b\" must be up to 20 letters"),
        (Policy::new().prefix("x".repeat(21)), "must be up to 20 letters"),
        (Policy::new().verification(Some(TimeDelta::zero())), "from one second to ten years"),
        (Policy::new().verification(Some(TimeDelta::days(-1))), "from one second to ten years"),
        (Policy::new().verification(Some(TimeDelta::days(4_000))), "from one second to ten years"),
        (Policy::new().verification(Some(TimeDelta::milliseconds(1_500))), "allowed: whole seconds"),
        (Policy::new().field(" ", FieldType::Text), "field name is empty"),
        (Policy::new().field("a\nb", FieldType::Text), "contains the control character"),
        (Policy::new().field("f", FieldType::choice::<&str>([])), "field `f` needs at least one choice"),
        (Policy::new().field("f", FieldType::choices(["a", ""])), "field `f`: choice is empty"),
        (when(Condition::field("requestr").is("x")), "did you mean \"requester\"?"),
        (when(Condition::field("priority").is(1)), "the field \"priority\" is not known"),
        (when(Condition::field("kind").is(1)), "kind has type text, but is compared with 1"),
        (when(Condition::field("field.order").is(1)), "the field \"field.order\" is not known"),
        (
            when(Condition::field("field.order").is("x")).field("order", FieldType::Integer),
            "field.order has type integer",
        ),
    ];
    on_each_store(|stage| {
        for (policy, expected) in &faulty {
            let error = stage.desk.setup().adopt(policy).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
            assert!(error.to_string().contains(expected), "{error} does not contain {expected}");
            assert_eq!(*stage.desk.setup().policy().unwrap(), Policy::new());
        }
        // The corrected conditions are adopted.
        let sound = when(Condition::field("field.order").is(1).and(Condition::field("contact.vip").is(true)))
            .field("order", FieldType::Integer)
            .verification(Some(TimeDelta::seconds(1)));
        stage.desk.setup().adopt(&sound).unwrap();
        assert_eq!(*stage.desk.setup().policy().unwrap(), sound);
    });
}

/// Modifiers may depend on any field that a ticket has.
#[test]
fn modifiers_read_custom_fields_by_their_type() {
    on_each_store(|stage| {
        let raise = |name: &str, condition| Modifier::new(name, Effect::Raise(1)).when(condition);
        let matrix = Matrix::itil()
            .to_definition()
            .modifier(raise("text", Condition::field("field.note").contains("urgent")))
            .modifier(raise("number", Condition::field("field.order").at_least(1_000)))
            .modifier(raise("list", Condition::field("field.parts").contains("left")))
            .modifier(raise("choice", Condition::field("field.way").is("post")));
        let policy = Policy::new()
            .matrix(matrix.build().unwrap())
            .field("note", FieldType::Text)
            .field("order", FieldType::Integer)
            .field("parts", FieldType::choices(["left", "right"]))
            .field("way", FieldType::choice(["post", "courier"]));
        stage.desk.setup().adopt(&policy).unwrap();
        let cases = [
            ("note", firstline::Value::from("very urgent")),
            ("order", 1_000.into()),
            ("parts", firstline::Value::from(["left"])),
            ("way", "post".into()),
        ];
        for (name, value) in cases {
            let opened =
                stage.desk.open_ticket(NewTicket::new("No sound").field(name, value.clone())).unwrap();
            assert_eq!(opened.priority().rank(), 2, "{name}");
            let id = stage.opened_and([Action::field(name, value)]);
            assert_eq!(stage.ticket(id).priority().rank(), 2, "{name}");
            let emptied = Action::Field { name: name.to_owned(), value: None };
            stage.desk.act(id, emptied, anna()).unwrap();
            assert_eq!(stage.ticket(id).priority().rank(), 3, "{name}");
        }
    });
}

#[test]
fn a_program_can_start_while_another_policy_is_planned() {
    on_each_store(|stage| {
        let setup = stage.desk.setup();
        let current = Policy::new().prefix("NOW");
        let first = setup.adopt(&current).unwrap();
        setup.adopt_from(&Policy::new().prefix("NEXT"), stage.now() + TimeDelta::days(30)).unwrap();
        stage.later(TimeDelta::days(1));
        assert_eq!(setup.adopt(&current).unwrap(), first);
        let error = setup.adopt(&Policy::new().prefix("THIRD")).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("another version is planned"), "{error}");
    });
}

#[test]
fn a_search_for_an_unknown_field_or_type_is_refused() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("order", FieldType::Integer)).unwrap();
        let find = |condition| stage.desk.find(Query::newest().matching(condition));
        assert!(find(Condition::field("field.order").at_least(1)).is_ok());
        assert!(find(Condition::field("contact.anything").is("x")).is_ok());
        for wrong in [Condition::field("field.ordr").is(1), Condition::field("field.order").is("x")] {
            let error = find(wrong).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("field.order"), "{error}");
        }
    });
}

/// Regression: if two programs started at once, the one with the slower clock was refused.
#[test]
fn the_same_policy_is_adopted_once_even_with_a_slow_clock() {
    on_each_store(|stage| {
        let policy = Policy::new().prefix("A");
        let first = stage.desk.setup().adopt(&policy).unwrap();
        stage.later(TimeDelta::milliseconds(-50));
        assert_eq!(stage.desk.setup().adopt(&policy).unwrap(), first);
        assert!(stage.desk.setup().adopt(&Policy::new().prefix("B")).unwrap_err().is_invalid());
    });
}
