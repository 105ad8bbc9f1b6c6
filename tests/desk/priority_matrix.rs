//! The priority matrix: incomplete ones are refused, modifiers stay within the scale, and assessments explain
//! themselves.

use std::collections::{BTreeMap, BTreeSet};

use firstline::condition::{Fields, ValueType};
use firstline::priority::{
    Assessment, AssessmentInputs, Effect, Impact, Matrix, MatrixDefinition, Modifier, Priority, Urgency,
};
use firstline::{Attributes, Condition, ErrorKind, Value};
use proptest::prelude::*;

/// A complete matrix as plain data: its sizes, and the index of the priority of each pair.
#[derive(Debug, Clone)]
struct Plain {
    impacts: usize,
    urgencies: usize,
    priorities: usize,
    cells: BTreeMap<(usize, usize), usize>,
}

fn name(scale: &str, index: usize) -> String {
    format!("{scale} №{index}")
}

impl Plain {
    fn define(&self) -> MatrixDefinition {
        let names = |scale: &'static str, count| (0..count).map(move |index| name(scale, index));
        self.cells.iter().fold(
            Matrix::define()
                .impacts(names("i", self.impacts))
                .urgencies(names("u", self.urgencies))
                .priorities(names("p", self.priorities))
                .default_impact(name("i", self.impacts - 1))
                .default_urgency(name("u", 0)),
            |definition, ((i, u), p)| definition.row(&name("i", *i), [(name("u", *u), name("p", *p))]),
        )
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    (1..=9usize, 1..=9usize, 1..=9usize).prop_flat_map(|(impacts, urgencies, priorities)| {
        prop::collection::vec(0..priorities, impacts * urgencies).prop_map(move |all| {
            let cells =
                all.into_iter().enumerate().map(|(n, p)| ((n / urgencies, n % urgencies), p)).collect();
            Plain { impacts, urgencies, priorities, cells }
        })
    })
}

fn effect(priorities: usize) -> impl Strategy<Value = Effect> {
    let priority =
        move || (1..=u8::try_from(priorities).unwrap()).prop_map(|rank| Priority::new(rank).unwrap());
    prop_oneof![
        (1..=u8::MAX).prop_map(Effect::Raise),
        (1..=u8::MAX).prop_map(Effect::Lower),
        priority().prop_map(Effect::Set),
        priority().prop_map(Effect::AtLeast),
    ]
}

/// A matrix with modifiers: `true` marks those that are named, the others depend on a fact.
fn modified() -> impl Strategy<Value = (Plain, Vec<(Effect, bool)>)> {
    plain().prop_flat_map(|plain| {
        let modifiers = prop::collection::vec((effect(plain.priorities), any::<bool>()), 0..6);
        (Just(plain), modifiers)
    })
}

fn rank(index: usize) -> u8 {
    u8::try_from(index + 1).unwrap()
}

proptest! {
    #[test]
    fn a_complete_matrix_of_any_size_has_a_priority_for_every_pair(plain in plain()) {
        let matrix = plain.define().build().unwrap();
        for ((i, u), p) in &plain.cells {
            let (impact, urgency) = (matrix.impact(&name("i", *i)).unwrap(), matrix.urgency(&name("u", *u)).unwrap());
            prop_assert_eq!((impact.rank(), urgency.rank()), (rank(*i), rank(*u)));
            prop_assert_eq!(matrix.cell(impact, urgency).unwrap().rank(), rank(*p));
            prop_assert_eq!(matrix.priority(&name("p", *p)).unwrap().rank(), rank(*p));
        }
        if let Ok(beyond) = Impact::new(rank(plain.impacts)) {
            prop_assert!(matrix.cell(beyond, Urgency::HIGH).is_err());
        }
        if let Ok(beyond) = Urgency::new(rank(plain.urgencies)) {
            prop_assert!(matrix.cell(Impact::HIGH, beyond).is_err());
        }
        if let Ok(beyond) = Priority::new(rank(plain.priorities)) {
            let inputs = AssessmentInputs { manual_priority: Some(beyond), ..AssessmentInputs::default() };
            prop_assert!(matrix.assess(&inputs).is_err());
        }
    }

    #[test]
    fn a_missing_cell_is_refused_by_name(mut plain in plain(), which in any::<prop::sample::Index>()) {
        let pair = *which.get(&plain.cells.keys().copied().collect::<Vec<_>>());
        plain.cells.remove(&pair);
        let error = plain.define().build().unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::Definition);
        let expected = format!(
            "priority matrix: no cell for impact {:?} and urgency {:?}", name("i", pair.0), name("u", pair.1)
        );
        prop_assert_eq!(error.to_string(), expected);
    }

    /// The oracle moves along the scale step by step instead of calculating with ranks.
    #[test]
    fn modifiers_apply_in_order_and_never_leave_the_scale((plain, modifiers) in modified(), facts_hold in any::<bool>()) {
        let mut definition = plain.define();
        let mut named = BTreeSet::new();
        for (index, (effect, by_name)) in modifiers.iter().enumerate() {
            let modifier = Modifier::new(name("m", index), *effect);
            if *by_name {
                named.insert(name("m", index));
                definition = definition.modifier(modifier);
            } else {
                definition = definition.modifier(modifier.when(Condition::field("on").is(true)));
            }
        }
        let matrix = definition.build().unwrap();
        let facts = Attributes::from([("on".to_owned(), Value::from(facts_hold))]);
        for ((i, u), p) in &plain.cells {
            let inputs = AssessmentInputs {
                impact: Some(Impact::new(rank(*i)).unwrap()),
                urgency: Some(Urgency::new(rank(*u)).unwrap()),
                modifiers: &named,
                facts: &facts,
                ..AssessmentInputs::default()
            };
            let assessment = matrix.assess(&inputs).unwrap();

            let scale: Vec<u8> = (1..=rank(plain.priorities - 1)).collect();
            let mut place = *p;
            let mut applied = 0;
            for (effect, by_name) in &modifiers {
                if !by_name && !facts_hold {
                    continue;
                }
                applied += 1;
                match effect {
                    Effect::Raise(by) => (0..*by).for_each(|_| place = place.saturating_sub(1)),
                    Effect::Lower(by) => (0..*by).for_each(|_| if place + 1 < scale.len() { place += 1 }),
                    Effect::Set(to) => place = scale.iter().position(|rank| *rank == to.rank()).unwrap(),
                    Effect::AtLeast(to) => while scale[place] > to.rank() { place -= 1 },
                    other => panic!("no expectation for {other:?}"),
                }
            }
            prop_assert_eq!(assessment.priority().rank(), scale[place], "{}", assessment);
            prop_assert_eq!(assessment.steps().count(), applied);
            prop_assert_eq!(&matrix.assess(&inputs).unwrap(), &assessment);
        }
    }

    #[test]
    fn facts_have_no_effect_without_conditions(plain in plain(), vip in any::<bool>(), given in any::<bool>()) {
        let matrix = plain.define().modifier(Modifier::new("press", Effect::Raise(1))).build().unwrap();
        let named = BTreeSet::from(["press".to_owned()]);
        let facts = Attributes::from([("contact.vip".to_owned(), vip.into()), ("press".to_owned(), true.into())]);
        let inputs = AssessmentInputs { impact: given.then_some(Impact::HIGH), modifiers: &named, ..AssessmentInputs::default() };
        prop_assert_eq!(matrix.assess(&inputs).unwrap(), matrix.assess(&AssessmentInputs { facts: &facts, ..inputs }).unwrap());
    }

    #[test]
    fn a_serialised_matrix_is_read_back((plain, modifiers) in modified()) {
        let mut definition = plain.define();
        for (index, (effect, by_name)) in modifiers.iter().enumerate() {
            let modifier = Modifier::new(name("m", index), *effect);
            definition = definition.modifier(if *by_name {
                modifier
            } else {
                modifier.when(Condition::field("vip").is(true).or(Condition::field("due").missing()))
            });
        }
        let matrix = definition.build().unwrap();
        let json = serde_json::to_string(&matrix).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Matrix>(&json).unwrap(), &matrix);
        let toml = toml::to_string(&matrix).unwrap();
        prop_assert_eq!(&toml::from_str::<Matrix>(&toml).unwrap(), &matrix);

        let assessment = matrix.assess(&AssessmentInputs { manual_priority: Some(Priority::P1), ..AssessmentInputs::default() }).unwrap();
        let json = serde_json::to_string(&assessment).unwrap();
        prop_assert_eq!(serde_json::from_str::<Assessment>(&json).unwrap(), assessment);
    }
}

#[test]
fn the_itil_matrix_passes_its_own_check() {
    assert_eq!(Matrix::itil().to_definition().build().unwrap(), Matrix::itil());
    let cells =
        Matrix::itil().to_definition().cells().map(|(.., priority)| priority.to_owned()).collect::<Vec<_>>();
    let expected = ["critical", "high", "moderate", "high", "moderate", "low", "moderate", "low", "planning"];
    assert_eq!(cells, expected);
}

#[test]
fn a_matrix_prints_as_a_table() {
    let matrix = Matrix::define()
        .impacts(["весь магазин", "один покупатель"])
        .urgencies(["сейчас", "потом"])
        .priorities(["авария", "обычный"])
        .row("весь магазин", [("сейчас", "авария"), ("потом", "обычный")])
        .row("один покупатель", [("сейчас", "обычный"), ("потом", "обычный")])
        .default_impact("один покупатель")
        .default_urgency("потом")
        .build()
        .unwrap();
    let table = "\
impact \\ urgency  сейчас      потом
весь магазин      P1 авария   P2 обычный
один покупатель   P2 обычный  P2 обычный";
    assert_eq!(matrix.to_string(), table);
}

#[test]
fn all_faults_are_reported_at_once() {
    let never_ending = (0..40).fold(Condition::field("a").is(1), |inner, level| match level % 2 {
        0 => inner.and(Condition::ALWAYS.or(Condition::field("a").is(2))).or(Condition::field("b").is(1)),
        _ => inner.and(Condition::field("b").is(2)),
    });
    let error = Matrix::define()
        .impacts(["high", "low", "high"])
        .urgencies(["now", " "])
        .priorities([] as [&str; 0])
        .row("high", [("now", "urgent")])
        .row("high", [("now", "urgent")])
        .row("lwo", [("now", "urgent")])
        .default_urgency("noww")
        .modifier(Modifier::new("vip", Effect::Raise(0)))
        .modifier(Modifier::new("vip", Effect::Set(Priority::P2)).when(never_ending))
        .build()
        .unwrap_err();
    let faults: Vec<String> = error.to_string().split("; ").map(str::to_owned).collect();
    assert_eq!(
        faults,
        [
            r#"priority matrix: impact "high" is declared twice"#,
            "urgency number 2 has no name",
            "there is no priority",
            "at least one is needed",
            "the default impact is missing",
            r#"the default urgency "noww" is not known (did you mean "now"?)"#,
            r#"in the cell of "high" and "now": priority "urgent" is not known"#,
            r#"in the cell of "high" and "now": priority "urgent" is not known"#,
            r#"the cell of impact "high" and urgency "now" is given twice"#,
            r#"in the cell of "lwo" and "now": impact "lwo" is not known (did you mean "low"?)"#,
            r#"in the cell of "lwo" and "now": priority "urgent" is not known"#,
            r#"no cell for impact "high" and urgency " ""#,
            r#"no cell for impact "low" and urgency "now""#,
            r#"no cell for impact "low" and urgency " ""#,
            r#"modifier "vip" is declared twice"#,
            r#"modifier "vip" does nothing: it moves the priority by 0"#,
            r#"modifier "vip": a condition may nest at most 32 levels deep"#,
        ]
    );

    let off = Matrix::itil()
        .to_definition()
        .modifier(Modifier::new("vip", Effect::AtLeast(Priority::new(6).unwrap())));
    assert_eq!(
        off.build().unwrap_err().to_string(),
        r#"priority matrix: modifier "vip" leads to P6, but the lowest priority is P5"#
    );

    // The cost of a hostile definition is limited by its length.
    let many = || (0..100_000).map(|n| n.to_string());
    let error = Matrix::define().impacts(many()).urgencies(many()).priorities(["p"]).build().unwrap_err();
    assert!(error.to_string().contains("the scale of impact has 100000 levels; at most 9 are allowed"));
}

#[test]
fn faulty_data_is_refused_when_it_is_read() {
    let json = serde_json::to_string(&Matrix::itil()).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        serde_json::from_str::<Matrix>(&json.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let twice = refused(r#""high":{"high":"critical","#, r#""high":{"high":"critical","high":"low","#);
    assert!(twice.contains(r#"the cell of impact "high" and urgency "high" is given twice"#), "{twice}");
    let unknown = refused(r#""default_impact""#, r#""defaults":1,"default_impact""#);
    assert!(unknown.contains("unknown field `defaults`"), "{unknown}");
    assert!(refused(r#""default_impact":"medium","#, "").contains("missing field `default_impact`"));

    let read = |json: &str| serde_json::from_str::<Modifier>(json).map_err(|error| error.to_string());
    assert!(
        read(r#"{"name": "vip", "effect": {"raise": 1}, "if": "always"}"#)
            .unwrap_err()
            .contains("unknown field `if`")
    );
    assert!(
        read(r#"{"name": "vip", "effect": {"boost": 1}}"#).unwrap_err().contains("unknown variant `boost`")
    );
    assert!(
        read(r#"{"name": "vip", "effect": {"set": 0}}"#).unwrap_err().contains("priority 0 is out of range")
    );
    assert!(read(r#"{"name": "vip", "effect": {"raise": -1}}"#).is_err());
    assert!(read(r#"{"name": "vip", "effect": {"raise": 1, "lower": 1}}"#).is_err());
}

fn desk() -> Matrix {
    Matrix::itil()
        .to_definition()
        .modifier(
            Modifier::new("VIP customer", Effect::Raise(1)).when(Condition::field("contact.vip").is(true)),
        )
        .modifier(Modifier::new("репутация", Effect::AtLeast(Priority::P2)))
        .modifier(Modifier::new("test system", Effect::Lower(3)))
        .modifier(Modifier::new("outage", Effect::Set(Priority::P1)))
        .build()
        .unwrap()
}

#[test]
fn an_assessment_explains_itself_and_stays_small() {
    let vip = Attributes::from([("contact.vip".to_owned(), Value::from(true))]);
    let named = ["репутация", "test system", "outage"].map(String::from).into();
    let inputs = AssessmentInputs {
        impact: Some(Impact::MEDIUM),
        modifiers: &named,
        facts: &vip,
        ..AssessmentInputs::default()
    };
    let assessment = desk().assess(&inputs).unwrap();
    assert_eq!(
        assessment.to_string(),
        "P1: impact medium x urgency medium (by default) gives P3; \"VIP customer\" raises it by 1 to P2; \
         \"репутация\" (named) leaves it at P2; \"test system\" (named) lowers it by 3 to P5; \
         \"outage\" (named) sets it to P1",
    );
    let before: Vec<Priority> = assessment.steps().map(|(before, _)| before).collect();
    assert_eq!(before, [Priority::P3, Priority::P2, Priority::P2, Priority::P5]);

    let clamped = BTreeSet::from(["test system".to_owned()]);
    let inputs =
        AssessmentInputs { impact: Some(Impact::LOW), modifiers: &clamped, ..AssessmentInputs::default() };
    let clamped = desk().assess(&inputs).unwrap().to_string();
    assert!(clamped.ends_with("(named) lowers it by 3 to P5, the end of the scale"), "{clamped}");

    let plain = AssessmentInputs { urgency: Some(Urgency::LOW), ..AssessmentInputs::default() };
    assert_eq!(
        serde_json::to_string(&desk().assess(&plain).unwrap()).unwrap(),
        r#"{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":3,"name":"low"},"cell":4}"#,
    );
}

#[test]
fn a_priority_set_by_hand_applies_until_it_is_withdrawn() {
    let set = AssessmentInputs { manual_priority: Some(Priority::P5), ..AssessmentInputs::default() };
    let assessment = desk().assess(&set).unwrap();
    assert_eq!((assessment.priority(), assessment.computed()), (Priority::P5, Priority::P3));
    // A change of impact still changes the computed priority.
    let edited = desk().assess(&AssessmentInputs { impact: Some(Impact::HIGH), ..set }).unwrap();
    assert_eq!((edited.priority(), edited.computed()), (Priority::P5, Priority::P2));
    let withdrawn = desk().assess(&AssessmentInputs { manual_priority: None, ..set }).unwrap();
    assert_eq!(withdrawn.priority(), Priority::P3);
}

#[test]
fn unknown_levels_and_modifiers_are_refused_with_the_known_ones() {
    let refused = |inputs: AssessmentInputs<'_>| desk().assess(&inputs).unwrap_err().to_string();
    let nine = AssessmentInputs { urgency: Some(Urgency::new(9).unwrap()), ..AssessmentInputs::default() };
    assert_eq!(refused(nine), "urgency 9 is not in the matrix; allowed: 1 (high), 2 (medium), 3 (low)");
    let six =
        AssessmentInputs { manual_priority: Some(Priority::new(6).unwrap()), ..AssessmentInputs::default() };
    assert_eq!(
        refused(six),
        "priority 6 is not in the matrix; allowed: 1 (critical), 2 (high), 3 (moderate), 4 (low), 5 (planning)"
    );
    let named = BTreeSet::from(["VIP custmer".to_owned()]);
    assert_eq!(
        refused(AssessmentInputs { modifiers: &named, ..AssessmentInputs::default() }),
        "modifier \"VIP custmer\" is not known (did you mean \"VIP customer\"?); \
         allowed: VIP customer, репутация, test system, outage"
    );
    assert_eq!(
        desk().impact("hgih").unwrap_err().to_string(),
        "impact \"hgih\" is not known (did you mean \"high\"?); allowed: high, medium, low"
    );
}

#[test]
fn conditions_are_checked_against_the_known_fields() {
    let known = Fields::new().with("contact.vip", ValueType::Bool);
    desk().check_conditions(&known).unwrap();
    let error = desk().check_conditions(&Fields::new().with("contact.vipp", ValueType::Bool)).unwrap_err();
    assert!(
        error.to_string().contains(r#"modifier "VIP customer": the field "contact.vip" is not known"#),
        "{error}"
    );
}
