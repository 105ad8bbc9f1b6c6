//! Reads a policy from its written form and reports all faults at once.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Policy;
use super::check::modifier_conditions;
use crate::diagnostic::{Diagnostic, DiagnosticKind, Refused, sorted};
use crate::error::Result;
use crate::priority::MatrixDefinition;
use crate::source::{self, Entry, Gaps, Node, NodeValue, Source, decode};
use crate::workflow::WorkflowDefinition;

impl Policy {
    /// Reads a policy from JSON and checks it as a whole.
    ///
    /// ```
    /// use firstline::Policy;
    ///
    /// let error = Policy::from_json(r#"{
    ///     "verification": "5 dyas",
    ///     "agreements": [{
    ///         "name": "standard", "position": 1,
    ///         "targets": [{"metric": "first_reply", "time": "8h", "measured": {"business": "ofice"}}]
    ///     }],
    ///     "calendars": {"office": {"tz": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}}}
    /// }"#).unwrap_err();
    /// let found: Vec<String> = error.diagnostics().unwrap().iter().map(ToString::to_string).collect();
    /// assert!(found[0].starts_with("error[bad-value] line 2, column 21, verification: "));
    /// assert!(found[1].contains("line 5, column 86, agreements[0].targets[0].measured.business"));
    /// assert!(found[1].contains("the calendar \"ofice\" is not known (did you mean \"office\"?)"));
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) with all [diagnostics](crate::Error::diagnostics) and
    /// their positions in the text, if one of them is an error. [`Policy::check`] lists the faults.
    pub fn from_json(text: &str) -> Result<Policy> {
        Policy::of_source(source::json::read(text))
    }

    /// Reads a policy from TOML and checks it as a whole.
    ///
    /// ```
    /// use firstline::Policy;
    ///
    /// let policy = Policy::from_toml(r#"
    ///     prefix = "SHOP"
    ///     verification = "3 days"
    ///
    ///     [[agreements]]
    ///     name = "standard"
    ///     position = 1
    ///     targets = [{ metric = "resolution", time = { P1 = "4h", P2 = "1h 30m" } }]
    /// "#)?;
    /// assert_eq!(policy.agreements()[0].name(), "standard");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`from_json`](Policy::from_json).
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Policy> {
        Policy::of_source(source::toml::read(text))
    }

    fn of_source(source: Source) -> Result<Policy> {
        let mut found = source.diagnostics;
        let policy = source.root.as_ref().and_then(|root| {
            let Reading { policy, diagnostics, gaps } = read(root);
            let (places, _) = root.survey();
            found.extend(diagnostics);
            if let Some(policy) = &policy {
                found.extend(policy.diagnose(&gaps));
                if !gaps.cover("workflows") {
                    found.extend(policy.workflow_conflicts().into_iter().filter(|it| !gaps.touch(&it.path)));
                }
            }
            found.iter_mut().for_each(|it| it.locate(|path| places.of(path)));
            policy
        });
        let diagnostics = sorted(found);
        match policy {
            Some(policy) if !diagnostics.iter().any(Diagnostic::is_error) => Ok(policy),
            _ => Err(Refused(diagnostics).into()),
        }
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Policy::serialize(self, to)
    }
}

/// Every format is read by the same code, so all faults of the form are reported in every format.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Policy, D::Error> {
        let Reading { policy, diagnostics, .. } = read(&Node::read(from)?);
        let faults: Vec<Diagnostic> = diagnostics.into_iter().filter(|it| it.kind.is_error()).collect();
        match policy {
            Some(policy) if faults.is_empty() => Ok(policy),
            _ => Err(D::Error::custom(Refused(sorted(faults)))),
        }
    }
}

/// The result of reading.
struct Reading {
    /// The policy, without the parts that could not be read.
    policy: Option<Policy>,
    diagnostics: Vec<Diagnostic>,
    /// The parts that could not be read.
    gaps: Gaps,
}

/// A policy that is read by the derived code.
struct Derived(Policy);

impl<'de> Deserialize<'de> for Derived {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Derived, D::Error> {
        Policy::deserialize(from).map(Derived)
    }
}

/// Reads a policy. The workflows are checked too, because their reader does both.
fn read(root: &Node) -> Reading {
    let (_, mut found) = root.survey();
    let mut gaps = Gaps::default();
    let (mut matrix, mut workflows) = (None, None);
    let mut rest = root.clone();
    if let NodeValue::Table(entries) = &mut rest.value {
        let mut take = |key: &str| {
            let place = entries.iter().position(|entry| entry.key == key)?;
            let taken = entries.remove(place);
            entries.retain(|entry| entry.key != key);
            Some(taken)
        };
        (matrix, workflows) = (take("matrix"), take("workflows"));
    }
    let mut policy = decode::<Derived>(&rest, "", &mut gaps, &mut found).map(|Derived(policy)| policy);
    let mut modifiers = Vec::new();
    if let Some(Entry { node, .. }) = &matrix {
        let definition = decode::<MatrixDefinition>(node, "matrix", &mut gaps, &mut found);
        let unread = |key: &str| gaps.touch(&format!("matrix.{key}"));
        let (built, faults) = match definition {
            Some(definition) => {
                modifiers = definition.modifiers().to_vec();
                definition.build_or_diagnose(unread)
            }
            None => (None, Vec::new()),
        };
        let mut faults: Vec<Diagnostic> = faults.into_iter().map(|it| it.within("matrix")).collect();
        faults.iter_mut().for_each(|it| it.path = gaps.in_text(&it.path));
        found.extend(faults.into_iter().filter(|it| !gaps.cover(&it.path)));
        match (built, &mut policy) {
            (Some(built), Some(policy)) if !gaps.touch("matrix") => policy.matrix = built,
            _ => gaps.add("matrix"),
        }
    }
    for fault in found.iter_mut().filter(|it| it.kind == DiagnosticKind::BadValue) {
        // Every condition of a policy has the key `when`.
        if fault.path.ends_with(".when") || fault.path.contains(".when.") {
            fault.kind = DiagnosticKind::BadCondition;
        }
    }
    let policy = policy.map(|mut policy| {
        let fields = policy.fields_read(policy.known_to_modifiers(), &gaps);
        let mut conditions = modifier_conditions(&modifiers, &fields);
        conditions.iter_mut().for_each(|it| it.path = gaps.in_text(&it.path));
        found.extend(conditions);
        if let Some(Entry { node, .. }) = &workflows {
            let custom = (!gaps.touch("fields")).then_some(&fields);
            match &node.value {
                NodeValue::List(items) => {
                    for (place, item) in items.iter().enumerate() {
                        let part = format!("workflows[{place}]");
                        let (definition, faults) = WorkflowDefinition::read(item, custom);
                        if faults.iter().any(|it| it.kind.is_error()) {
                            gaps.add(&part);
                        }
                        // Keys that occur twice have been reported.
                        let faults = faults.into_iter().filter(|it| it.kind != DiagnosticKind::DuplicateKey);
                        found.extend(faults.map(|it| it.within(&part)));
                        policy.workflows.push(definition.unwrap_or_else(|| WorkflowDefinition::new("")));
                    }
                }
                _ => {
                    gaps.add("workflows");
                    let message = format!("workflows takes a list of tables, not {}", node.type_name());
                    let fault = Diagnostic::new(DiagnosticKind::WrongType, "workflows", message);
                    found.push(Diagnostic { position: node.position, ..fault });
                }
            }
        }
        policy
    });
    Reading { policy, diagnostics: found, gaps }
}
