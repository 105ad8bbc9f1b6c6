//! Exact decimals: their arithmetic against fractions of 128 bits, their written forms, and fields of this type.

use firstline::condition::Fields;
use firstline::policy::FieldType;
use firstline::{Action, Condition, Decimal, Error, NewTicket, Policy, Query, Value};
use proptest::prelude::*;

use super::stage::{Stage, anna, on_each_store};

/// An exact fraction: the oracle. Its arithmetic shares no code with the crate.
#[derive(Debug, Clone, Copy)]
struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    /// Reads a text digit by digit.
    fn of(text: &str) -> Fraction {
        let (mut over, mut under, mut after_point) = (0_i128, 1_i128, false);
        for character in text.chars() {
            match character.to_digit(10) {
                Some(digit) => {
                    over = over * 10 + i128::from(digit);
                    under *= if after_point { 10 } else { 1 };
                }
                None => after_point |= character == '.',
            }
        }
        Fraction { over: if text.starts_with('-') { -over } else { over }, under }
    }

    fn order(self, other: Fraction) -> std::cmp::Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }
}

/// Decimals as people write them, with leading and trailing zeros. Many are close together.
fn written() -> impl Strategy<Value = String> {
    let any = (any::<bool>(), 0_u64..1_000_000_000, 0_usize..9, 0_u64..1_000_000_000, 0_usize..3);
    let any = any.prop_map(|(negative, whole, width, fraction, zeros)| {
        let fraction: String = format!("{fraction:09}").chars().take(width).collect();
        let point = if width == 0 { "" } else { "." };
        let zeros = "0".repeat(if width == 0 { 0 } else { zeros });
        format!("{}{whole}{point}{fraction}{zeros}", if negative { "-" } else { "" })
    });
    let near = proptest::sample::select(vec![
        "0",
        "-0",
        "0.0",
        "0.1",
        "0.10",
        "0.100000000000000001",
        "0.1000000000",
        "-0.1",
        "10",
        "10.0",
        "010.10",
        "10.1",
        "9.99999999999999999",
        "999999999999999999",
        "-999999999999999999",
        "0.000000000000000001",
        "1",
        "1.00",
    ]);
    prop_oneof![any, near.prop_map(str::to_owned)]
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

proptest! {
    #[test]
    fn decimals_compare_as_exact_fractions(left in written(), right in written()) {
        let expected = Fraction::of(&left).order(Fraction::of(&right));
        let (a, b) = (decimal(&left), decimal(&right));
        prop_assert_eq!(a.cmp(&b), expected);
        prop_assert_eq!(a == b, expected.is_eq());
        let field = || Condition::field("x");
        let facts = firstline::Attributes::from([("x".to_owned(), Value::from(a))]);
        for (condition, holds) in [
            (field().is(b), expected.is_eq()),
            (field().one_of([b]), expected.is_eq()),
            (field().at_least(b), expected.is_ge()),
            (field().at_most(b), expected.is_le()),
            (field().more_than(b), expected.is_gt()),
            (field().less_than(b), expected.is_lt()),
        ] {
            prop_assert_eq!(condition.holds(&facts), holds, "{} with {}", condition, left);
        }
    }

    #[test]
    fn a_decimal_compares_with_any_integer(left in written(), right in any::<i64>(), near in any::<bool>()) {
        let right = if near { right % 20 } else { right };
        let order = Fraction::of(&left).order(Fraction { over: right.into(), under: 1 });
        let facts = firstline::Attributes::from([("x".to_owned(), Value::from(decimal(&left)))]);
        prop_assert_eq!(Condition::field("x").is(right).holds(&facts), order.is_eq());
        prop_assert_eq!(Condition::field("x").at_least(right).holds(&facts), order.is_ge());
        prop_assert_eq!(Condition::field("x").less_than(right).holds(&facts), order.is_lt());
    }

    #[test]
    fn a_decimal_survives_text_json_and_toml(text in written()) {
        let value = decimal(&text);
        let printed = value.to_string();
        prop_assert!(Fraction::of(&printed).order(Fraction::of(&text)).is_eq(), "{} is printed as {}", text, printed);
        prop_assert!(!printed.contains('.') || !printed.ends_with('0'), "{}", printed);
        prop_assert_eq!(decimal(&printed), value);
        let json = serde_json::to_string(&Value::from(value)).unwrap();
        prop_assert_eq!(&json, &format!("{{\"decimal\":\"{printed}\"}}"));
        prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), Value::from(value));
        let condition = Condition::field("x").at_least(value);
        prop_assert_eq!(toml::from_str::<Condition>(&toml::to_string(&condition).unwrap()).unwrap(), condition);
    }

    /// A number without quotes passes through a binary fraction. It must come back exactly or be refused.
    #[test]
    fn a_number_without_quotes_loses_no_digit(whole in 0_u64..10_000_000, fraction in 1_u64..100_000_000) {
        let text = format!("{whole}.{fraction:08}");
        let json: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(json, Value::from(decimal(&text)));
        let condition: Condition = toml::from_str(&format!("field = \"x\"\nis = {text}")).unwrap();
        prop_assert_eq!(condition, Condition::field("x").is(decimal(&text)));
    }
}

#[test]
fn other_texts_than_decimals_are_refused() {
    for text in [
        "",
        " ",
        "-",
        "+",
        ".",
        "1.",
        ".5",
        "1e3",
        "1E9",
        "NaN",
        "inf",
        "-inf",
        "1,5",
        "1.2.3",
        "--1",
        "1 000",
        "٣",
        "0x10",
        "1234567890.123456789",
        "1000000000000000000",
    ] {
        let error = text.parse::<Decimal>().unwrap_err();
        assert!(error.is_invalid() && error.to_string().starts_with("decimal "), "{text:?}: {error}");
    }
    assert!("9".repeat(1_000_000).parse::<Decimal>().unwrap_err().to_string().len() < 200);
    for json in [
        "1e300",
        "0.1234567890123456",
        "{\"decimal\": \"NaN\"}",
        "{\"decimal\": 1e18}",
        "{\"decimal\": true}",
    ] {
        assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
    }
}

/// The reader of definitions sees the written digits, so it notices digits that a binary fraction would drop.
#[test]
fn a_policy_refuses_a_number_with_lost_digits() {
    let policy = |number: &str| {
        Policy::from_json(&format!(
            r#"{{"fields": {{"amount": {{"type": "decimal", "fraction_digits": 18}}}},
                 "agreements": [{{"name": "large", "position": 1, "when": {{"field": "field.amount", "is": {number}}},
                 "targets": [{{"metric": "resolution", "time": "8h"}}]}}]}}"#
        ))
    };
    for accepted in ["0.1", "10", "10.10", r#"{"decimal": "0.100000000000000001"}"#] {
        policy(accepted).unwrap_or_else(|error| panic!("{accepted}: {error}"));
    }
    for refused in ["0.100000000000000001", "1e300", r#""10.10""#, r#"{"decimal": "NaN"}"#] {
        let error = policy(refused).unwrap_err();
        assert!(error.to_string().contains("decimal"), "{refused}: {error}");
    }
}

fn amounts() -> Policy {
    Policy::new().field("amount", FieldType::decimal(2)).field("share", FieldType::decimal(0))
}

fn open(stage: &Stage, subject: &str, amount: impl Into<Value>) -> Result<(), Error> {
    stage.desk.open_ticket(NewTicket::new(subject).field("amount", amount)).map(|_| ())
}

#[test]
fn every_store_finds_decimals_by_amount() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&amounts()).unwrap();
        for text in ["-0.05", "0", "10.10", "10.1", "10.11", "9999999999999999.99"] {
            open(stage, text, decimal(text)).unwrap();
        }
        open(stage, "ten", 10).unwrap();
        let found = |condition: Condition| {
            let page = stage.desk.find(Query::oldest().matching(condition)).unwrap();
            page.tickets.iter().map(|ticket| ticket.subject().to_owned()).collect::<Vec<_>>()
        };
        let amount = || Condition::field("field.amount");
        assert_eq!(found(amount().is(decimal("10.1"))), ["10.10", "10.1"]);
        assert_eq!(found(amount().is(decimal("10.00"))), ["ten"]);
        assert_eq!(found(amount().is(10)), ["ten"]);
        assert_eq!(found(amount().less_than(0)), ["-0.05"]);
        let between = amount().at_least(decimal("10")).and(amount().less_than(decimal("10.11")));
        assert_eq!(found(between), ["10.10", "10.1", "ten"]);
        assert_eq!(found(amount().more_than(decimal("9999999999999999.98"))), ["9999999999999999.99"]);

        let error = stage.desk.find(Query::oldest().matching(amount().is("10.1"))).unwrap_err();
        assert!(
            error.to_string().contains("has type decimal, but is compared with \"10.1\" (text)"),
            "{error}"
        );
    });
}

#[test]
fn a_field_keeps_whole_numbers_as_decimals_and_refuses_more_digits() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&amounts()).unwrap();
        let id = stage.open();
        let set = |name: &str, value: Value| stage.desk.act(id, Action::field(name, value), anna());
        let ticket = set("amount", Value::from(10)).unwrap().ticket;
        assert_eq!(ticket.field("amount"), Some(&Value::from(decimal("10"))));
        let version = ticket.version;
        assert_eq!(
            set("amount", Value::from(decimal("10.0"))).unwrap().ticket.version,
            version,
            "nothing changes"
        );
        for (name, value, allowed) in [
            ("amount", Value::from(decimal("0.001")), "at most 2 digits after the point"),
            ("share", Value::from(decimal("0.5")), "at most 0 digits after the point"),
            ("amount", Value::from("10.10"), "a decimal number"),
            ("amount", Value::from(i64::MAX), "a decimal number"),
        ] {
            let error = set(name, value.clone()).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(allowed), "{value:?}: {error}");
        }
    });
}

#[cfg(feature = "toml")]
#[test]
fn a_decimal_field_is_declared_in_files() {
    let policy = Policy::from_toml(
        "[fields]\nprice = { type = \"decimal\" }\nrate = { type = \"decimal\", fraction_digits = 4 }",
    );
    let expected = Policy::new().field("price", FieldType::decimal(2)).field("rate", FieldType::decimal(4));
    assert_eq!(policy.unwrap(), expected);
    for (field, problem) in [
        ("{ type = \"decimal\", fraction_digits = 19 }", "fraction_digits takes 0 to 18"),
        ("{ type = \"integer\", fraction_digits = 2 }", "only the type decimal has fraction_digits"),
    ] {
        let error = Policy::from_toml(&format!("[fields]\nx = {field}")).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

/// A condition between two decimals can hold if there is a decimal between them.
#[test]
fn a_condition_between_two_decimals_can_hold() {
    let policy = |from: &str, to: &str| {
        let amount = || Condition::field("field.amount");
        let when = amount().more_than(decimal(from)).and(amount().less_than(decimal(to)));
        let large = firstline::sla::Agreement::new("large", 1).when(when);
        amounts().agreement(large).diagnostics().iter().any(|it| it.message.contains("can never hold"))
    };
    assert!(!policy("3", "4") && !policy("3.01", "3.02") && !policy("-1", "-0.999"));
    assert!(policy("4", "3") && policy("3.01", "3.01"));
}

/// The type of the first value decided: a decimal after a whole number was refused.
#[test]
fn the_order_of_decimals_and_whole_numbers_does_not_matter() {
    for values in ["[2.5, 1]", "[1, 2.5]"] {
        let when = format!(r#"{{"field": "contact.discount", "one_of": {values}}}"#);
        let when: Condition = serde_json::from_str(&when).unwrap();
        let fields = Fields::new().with_any_under("contact.");
        assert_eq!(when.check(&fields).map_err(|it| it.to_string()), Ok(()), "{values}");
    }
}
