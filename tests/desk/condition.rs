//! Conditions: the evaluator compared with a naive oracle, the written form, and the check against known fields.

use std::collections::BTreeMap;

use firstline::condition::{Fields, MAX_DEPTH, ValueType};
use firstline::{Attributes, Condition, Value};
use proptest::prelude::*;
use serde_json::json;

/// A condition in its simplest form, with a simple evaluation and a simple written form.
#[derive(Debug, Clone)]
enum Tree {
    Always,
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Leaf(&'static str, &'static str, Value),
}

const FIELDS: [&str; 3] = ["a", "b", "c"];

const KEYS: [&str; 11] = [
    "is",
    "is_not",
    "one_of",
    "at_least",
    "at_most",
    "more_than",
    "less_than",
    "contains",
    "starts_with",
    "exists",
    "missing",
];

impl Tree {
    fn naive(&self, facts: &Attributes) -> bool {
        match self {
            Tree::Always => true,
            Tree::All(parts) => parts.iter().filter(|part| !part.naive(facts)).count() == 0,
            Tree::Any(parts) => parts.iter().filter(|part| part.naive(facts)).count() > 0,
            Tree::Not(inner) => !inner.naive(facts),
            Tree::Leaf(field, key, value) => {
                let Some(fact) = facts.get(*field) else { return matches!(*key, "is_not" | "missing") };
                let same_type = fact.type_name() == value.type_name();
                let ordered = same_type && matches!(fact, Value::Integer(_));
                match *key {
                    "is" => fact == value,
                    "is_not" => fact != value,
                    "one_of" => fact == value || fact == &Value::from("other"),
                    "at_least" => ordered && fact >= value,
                    "at_most" => ordered && fact <= value,
                    "more_than" => ordered && fact > value,
                    "less_than" => ordered && fact < value,
                    "contains" => match fact {
                        Value::List(items) => items.iter().any(|item| *item == value.to_string()),
                        Value::Text(text) => text.to_lowercase().contains(&value.to_string().to_lowercase()),
                        _ => false,
                    },
                    "starts_with" => {
                        let Value::Text(text) = fact else { return false };
                        text.to_lowercase().find(&value.to_string().to_lowercase()) == Some(0)
                    }
                    "exists" => true,
                    "missing" => false,
                    other => panic!("{other}"),
                }
            }
        }
    }

    fn in_code(&self) -> Condition {
        match self {
            Tree::Always => Condition::ALWAYS,
            Tree::All(parts) => {
                parts.iter().map(Tree::in_code).reduce(Condition::and).unwrap_or(Condition::ALWAYS)
            }
            Tree::Any(parts) => parts.iter().map(Tree::in_code).reduce(Condition::or).unwrap(),
            Tree::Not(inner) => !inner.in_code(),
            Tree::Leaf(field, key, value) => {
                let (field, value) = (Condition::field(*field), value.clone());
                match *key {
                    "is" => field.is(value),
                    "is_not" => field.is_not(value),
                    "one_of" => field.one_of([value, "other".into()]),
                    "at_least" => field.at_least(value),
                    "at_most" => field.at_most(value),
                    "more_than" => field.more_than(value),
                    "less_than" => field.less_than(value),
                    "contains" => field.contains(value.to_string()),
                    "starts_with" => field.starts_with(value.to_string()),
                    "exists" => field.exists(),
                    "missing" => field.missing(),
                    other => panic!("{other}"),
                }
            }
        }
    }

    fn written(&self) -> serde_json::Value {
        let list = |parts: &[Tree]| parts.iter().map(Tree::written).collect::<Vec<_>>();
        match self {
            Tree::Always => json!("always"),
            Tree::All(parts) => json!({ "all": list(parts) }),
            Tree::Any(parts) => json!({ "any": list(parts) }),
            Tree::Not(inner) => json!({ "not": inner.written() }),
            Tree::Leaf(field, "one_of", value) => json!({"field": field, "one_of": [value, "other"]}),
            Tree::Leaf(field, "exists", _) => json!({"exists": true, "field": field}),
            Tree::Leaf(field, "missing", _) => json!({"field": field, "exists": false}),
            Tree::Leaf(field, key @ ("contains" | "starts_with"), value) => {
                json!({"field": field, *key: value.to_string()})
            }
            Tree::Leaf(field, key, value) => json!({"field": field, *key: value}),
        }
    }
}

/// Few values, so that facts and right-hand sides are often equal.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-2..3i64).prop_map(Value::from),
        prop::sample::select(vec!["x", "X", "xy", "Жалоба", "жалоба на сайт", "other"]).prop_map(Value::from),
        prop::collection::vec(prop::sample::select(vec!["x", "xy", "жалоба"]), 0..3)
            .prop_map(|items| Value::from(items.into_iter().map(String::from).collect::<Vec<_>>())),
    ]
}

fn facts() -> impl Strategy<Value = Attributes> {
    prop::collection::btree_map(prop::sample::select(FIELDS.map(String::from).to_vec()), value(), 0..=3)
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        1 => Just(Tree::Always),
        12 => (prop::sample::select(FIELDS.to_vec()), prop::sample::select(KEYS.to_vec()), value())
            .prop_map(|(field, key, value)| Tree::Leaf(field, key, value)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::Any),
            inner.prop_map(|inner| Tree::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn evaluation_agrees_with_the_naive_evaluation(tree in tree(), facts in facts()) {
        let expected = tree.naive(&facts);
        let in_code = tree.in_code();
        let read: Condition = serde_json::from_value(tree.written()).unwrap();
        prop_assert_eq!(in_code.holds(&facts), expected, "in code: {}", in_code);
        prop_assert_eq!(read.holds(&facts), expected, "read: {}", read);
        prop_assert_eq!(read, in_code);
    }

    #[test]
    fn a_serialised_condition_is_read_back(tree in tree()) {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Rule { when: Condition }

        let rule = Rule { when: tree.in_code() };
        let json = serde_json::to_string(&rule).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Rule>(&json).unwrap(), &rule);
        let toml = toml::to_string(&rule).unwrap();
        prop_assert_eq!(&toml::from_str::<Rule>(&toml).unwrap(), &rule);
    }

    #[test]
    fn de_morgans_laws_and_double_negation_hold(left in tree(), right in tree(), facts in facts()) {
        let (left, right) = (left.in_code(), right.in_code());
        let neither = !left.clone().or(right.clone());
        prop_assert_eq!(neither.holds(&facts), (!left.clone()).and(!right.clone()).holds(&facts));
        let not_both = !left.clone().and(right.clone());
        prop_assert_eq!(not_both.holds(&facts), (!left.clone()).or(!right).holds(&facts));
        prop_assert_eq!(!!left.clone(), left.clone());
        prop_assert!((!left.clone()).holds(&facts) != left.holds(&facts));
    }

    #[test]
    fn no_input_makes_reading_panic(text in r#"[\[\]{}":, a-z0-9_]{0,60}"#) {
        let _ = serde_json::from_str::<Condition>(&text);
        let _ = toml::from_str::<BTreeMap<String, Condition>>(&text);
    }

    /// A condition that passes the check never compares two types.
    #[test]
    fn checked_conditions_compare_equal_types(tree in tree()) {
        let fields = Fields::new().with("a", ValueType::Integer).with("b", ValueType::Text).with("c", ValueType::List);
        fn suits(tree: &Tree) -> bool {
            match tree {
                Tree::Always => true,
                Tree::All(parts) | Tree::Any(parts) => parts.iter().all(suits),
                Tree::Not(inner) => suits(inner),
                Tree::Leaf(_, "exists" | "missing", _) => true,
                Tree::Leaf("a", key, value) => {
                    matches!(value, Value::Integer(_)) && !matches!(*key, "contains" | "starts_with" | "one_of")
                }
                Tree::Leaf("b", "contains" | "starts_with", value) => !value.to_string().is_empty(),
                Tree::Leaf("b", "is" | "is_not" | "one_of", value) => matches!(value, Value::Text(_)),
                Tree::Leaf("c", "contains", value) => !value.to_string().is_empty(),
                Tree::Leaf("c", "is" | "is_not", value) => matches!(value, Value::List(_)),
                Tree::Leaf(..) => false,
            }
        }
        let checked = tree.in_code().check(&fields);
        prop_assert_eq!(checked.is_ok(), suits(&tree), "{:?}", checked);
    }
}

/// Every comparison of every small value with every other, and with a missing fact.
#[test]
fn each_comparison_agrees_with_the_naive_evaluation() {
    let texts = ["x", "X", "xy", "yx", "other", "Жалоба", "жалоба на сайт"].map(Value::from);
    let lists = [Value::from(["x", "xy"]), Value::from(["Жалоба"]), Value::List(Vec::new())];
    let others = [Value::from(true), false.into(), (-1).into(), 0.into(), 1.into()];
    let values: Vec<Value> = texts.into_iter().chain(lists).chain(others).collect();
    let facts: Vec<Attributes> =
        values.iter().map(|value| Attributes::from([("a".to_owned(), value.clone())])).collect();
    for (key, value) in KEYS.iter().flat_map(|key| values.iter().map(move |value| (*key, value))) {
        let tree = Tree::Leaf("a", key, value.clone());
        for facts in facts.iter().chain([&Attributes::new()]) {
            assert_eq!(tree.in_code().holds(facts), tree.naive(facts), "{} for {facts:?}", tree.in_code());
        }
    }
}

fn refused(json: serde_json::Value) -> String {
    serde_json::from_str::<Condition>(&json.to_string()).unwrap_err().to_string()
}

#[test]
fn a_badly_written_condition_is_refused_with_the_correct_form() {
    for (written, part) in [
        (json!({"field": "a", "iss": 1}), r#"the key "iss" is not known (did you mean "is"?)"#),
        (
            json!({"field": "a", "atleast": 1}),
            r#"did you mean "at_least"?); allowed in a condition: all, any, not"#,
        ),
        (json!({"field": "a"}), r#"the field "a" has no comparison; add one of is, is_not"#),
        (json!({"is": 1}), "is needs a field to compare"),
        (json!({"field": "a", "is": 1, "is_not": 2}), "is and is_not are in the same condition"),
        (json!({"all": [{"field": "a", "is": 1}], "any": []}), "all and any need at least one condition"),
        (json!({"field": "a", "not": "always"}), "not cannot be combined with a field"),
        (json!({"any": []}), "all and any need at least one condition"),
        (json!({"field": "a", "one_of": []}), "one_of needs at least one value"),
        (json!({"field": "a", "is": null}), "is takes true or false, a number, a text"),
        (json!({"field": "a", "is": 1e300}), "a decimal is written as a number with at most 15 digits"),
        (json!({"field": "a", "contains": 5}), "contains takes a text"),
        (json!({"field": "a", "exists": "yes"}), "exists takes true or false"),
        (json!({}), "the condition is empty"),
        (json!("sometimes"), r#"invalid value: string "sometimes", expected a condition: "always""#),
        (json!(true), r#"expected a condition: "always""#),
    ] {
        let error = refused(written);
        assert!(error.contains(part), "{error}");
    }
    let twice = serde_json::from_str::<Condition>(r#"{"field": "a", "field": "b", "is": 1}"#).unwrap_err();
    assert!(twice.to_string().contains("field is given twice"), "{twice}");
}

#[test]
fn nesting_is_limited_in_every_form() {
    let nested = |levels: usize| {
        let json = r#"{"not":"#.repeat(levels - 1) + r#""always""# + &"}".repeat(levels - 1);
        serde_json::from_str::<Condition>(&json)
    };
    assert!(nested(MAX_DEPTH).is_ok());
    let error = nested(MAX_DEPTH + 1).unwrap_err().to_string();
    assert!(error.contains("32 levels"), "{error}");

    // A `serde_json::Value` has no nesting limit of its own and could exhaust the stack here.
    let value = (0..1_000).fold(json!("always"), |inner, _| {
        serde_json::Value::Object([("not".into(), inner)].into_iter().collect())
    });
    assert!(serde_json::from_value::<Condition>(value).unwrap_err().to_string().contains("32 levels"));

    let leaf = || Condition::field("a").is(1);
    let deep = |levels: usize| {
        (1..levels).fold(leaf(), |inner, level| match level % 2 {
            0 => inner.and(leaf()),
            _ => inner.or(leaf()),
        })
    };
    let fields = Fields::new().with("a", ValueType::Integer);
    // Each `not` and each `or` inside it is one level.
    let negated = |levels: usize| (0..levels / 2).fold(leaf(), |inner, _| !inner.or(leaf()));
    assert!(negated(MAX_DEPTH - 2).check(&fields).is_ok());
    assert!(negated(MAX_DEPTH).check(&fields).is_err());
    assert!(deep(MAX_DEPTH).check(&fields).is_ok());
    let json = serde_json::to_string(&deep(MAX_DEPTH)).unwrap();
    assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), deep(MAX_DEPTH));
    let error = deep(MAX_DEPTH + 1).check(&fields).unwrap_err();
    assert_eq!(error.to_string(), "condition: a condition may nest at most 32 levels deep");
}

#[test]
fn the_check_names_every_fault_and_suggests_a_name() {
    let fields = Fields::new()
        .with("priority", ValueType::Integer)
        .with("tags", ValueType::List)
        .with("subject", ValueType::Text)
        .with_any_under("contact.");
    let faults = |condition: Condition| condition.check(&fields).map_err(|error| error.to_string());

    assert_eq!(faults(Condition::field("contact.anything").is("x")), Ok(()));
    assert_eq!(faults(Condition::field("tags").matches("subject")), Ok(()));
    assert_eq!(faults(Condition::field("priority").matches("contact.rank")), Ok(()));
    assert_eq!(faults(Condition::field("subject").shares(["a", "b"])), Ok(()));
    assert_eq!(
        faults(Condition::field("pirority").is(1).or(Condition::field("tags").at_most(2))).unwrap_err(),
        "condition: the field \"pirority\" is not known (did you mean \"priority\"?); \
         tags has type list, which does not support at_most; supported: is, is_not, contains, shares, matches, exists; \
         fields: priority, subject, tags, contact.…",
    );
    assert_eq!(
        faults(Condition::field("priority").at_most("2")).unwrap_err(),
        "condition: priority has type integer, but is compared with \"2\" (text)",
    );
    for faulty in [
        Condition::field("contact.").is(1),
        Condition::field("contact.age").at_least("x"),
        Condition::field("contact.age").one_of([Value::from(1), Value::from("x")]),
        Condition::field("subject").contains(""),
        Condition::field("subject").starts_with(""),
        Condition::field("subject").one_of([] as [&str; 0]),
        Condition::field("priority").contains("1"),
        Condition::field("priority").shares(1),
        Condition::field("tags").shares(1),
        Condition::field("tags").matches("subjet"),
        Condition::field("tgas").matches("subject"),
        Condition::field("priority").matches("subject"),
    ] {
        assert!(faults(faulty.clone()).is_err(), "{faulty}");
    }
}

#[test]
fn conditions_print_as_text() {
    let field = Condition::field;
    for (condition, words) in [
        (Condition::ALWAYS, "always"),
        (!Condition::ALWAYS, "never"),
        (Condition::any([]), "never"),
        (field("vip").is(false), "vip is no"),
        (field("компания").is_not("Ромашка \"А\""), r#"компания is not "Ромашка \"А\"""#),
        (field("team").matches("actor.teams"), "team matches actor.teams"),
        (field("team").shares(["a"]), r#"team shares ["a"]"#),
        (field("kind").one_of(["incident", "question"]), r#"kind is one of ("incident", "question")"#),
        (field("n").more_than(1).and(field("n").less_than(5)), "n is more than 1 and n is less than 5"),
        (field("n").at_least(1).or(field("n").at_most(-5)), "n is at least 1 or n is at most -5"),
        (
            field("due").missing().and(field("s").starts_with("Re:")),
            r#"due is missing and s starts with "Re:""#,
        ),
        (
            field("a").exists().or(field("b").is(1).and(field("c").is(["x", "y"]))),
            r#"a exists or (b is 1 and c is ["x", "y"])"#,
        ),
        (!(field("a").is(1).or(field("b").is(2))), "not (a is 1 or b is 2)"),
    ] {
        assert_eq!(condition.to_string(), words);
    }
}

#[test]
fn times_compare_in_their_order() {
    let facts = Attributes::from([(
        "due".to_owned(),
        "2026-01-05T09:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().into(),
    )]);
    let read = |json: &str| serde_json::from_str::<Condition>(json).unwrap().holds(&facts);
    assert!(read(r#"{"field": "due", "less_than": {"instant": "2026-01-05T11:00:01+02:00"}}"#));
    assert!(!read(r#"{"field": "due", "less_than": {"instant": "2026-01-05T11:00:00+02:00"}}"#));
    // A date is not an instant, and a text that looks like either is neither.
    assert!(!read(r#"{"field": "due", "at_least": {"date": "2026-01-01"}}"#));
    assert!(!read(r#"{"field": "due", "at_least": "2026-01-01T00:00:00Z"}"#));
}

#[test]
fn types_have_the_same_names_everywhere() {
    let now = chrono::DateTime::UNIX_EPOCH;
    let values: [Value; 6] =
        [true.into(), 1.into(), "x".into(), ["x"].into(), now.date_naive().into(), now.into()];
    for value in values {
        assert_eq!(ValueType::of(&value).to_string(), value.type_name());
    }
}
