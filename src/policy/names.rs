//! The names that a policy declares: kinds, channels, hold reasons, resolution codes and contact attributes.

use std::collections::BTreeSet;

use super::{FieldType, Policy};
use crate::diagnostic::{Diagnostic, DiagnosticKind, Refused};
use crate::error::{Error, Result};
use crate::kind::{Channel, Kind};
use crate::language::{Language, OpenGroup};
use crate::lifecycle::{HoldReason, StateKind};
use crate::suggest;
use crate::value::{Attributes, Value};

/// The names of one sort: those of this crate, those that the policy declares, and those that its workflows use.
struct Names<'a> {
    noun: &'static str,
    predefined: Vec<&'a str>,
    declared: &'a BTreeSet<String>,
    used: Vec<&'a str>,
}

impl Names<'_> {
    fn all(&self) -> impl Iterator<Item = &str> {
        let declared = self.declared.iter().map(String::as_str);
        self.predefined.iter().copied().chain(declared).chain(self.used.iter().copied())
    }

    /// Returns an error if the name is not in the set. Without declared names, only a name that is nearly a known one
    /// is an error.
    fn check(&self, name: &str) -> Result<()> {
        if self.all().any(|known| known == name) {
            return Ok(());
        }
        let near = suggest::nearest(name, self.all());
        // A short name may differ from another one by a single letter on purpose.
        let is_likely = |near: &str| near.eq_ignore_ascii_case(name) || name.chars().count() > 4;
        if self.declared.is_empty() && !near.is_some_and(is_likely) {
            return Ok(());
        }
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
        let mut allowed = self.all().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
        if self.declared.is_empty() {
            allowed.push_str("; a similar name only if the policy declares it");
        }
        Err(Error::invalid(self.noun, format_args!("{name:?} is not known{hint}")).allowing(allowed))
    }
}

/// Declared names.
///
/// Kinds, channels, hold reasons, resolution codes and contact attributes are open sets: a desk may use names of its
/// own. If a policy declares the names of one of these sets, other names are refused, and the error suggests the
/// nearest one. The predefined names, such as `incident`, and the names that the policy's workflows use are always
/// accepted. Without declared names, only a name that looks like a misspelt predefined one is refused.
///
/// In a file:
///
/// ```
/// use firstline::Policy;
///
/// let policy: Policy = toml::from_str(r#"
///     [names]
///     kinds = ["complaint"]
///     channels = ["kiosk"]
///     hold_reasons = ["weather"]
///     resolution_codes = ["solved", "duplicate"]
///     [names.contact_attributes]
///     vip = { type = "bool" }
///     [names.agent_attributes]
///     teams = { type = "choices", choices = ["audio", "payments"] }
/// "#)?;
/// policy.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Policy {
    /// Declares kinds of tickets, in addition to [`Kind::KNOWN`].
    #[must_use]
    pub fn kinds<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Policy {
        self.names.kinds.extend(names.into_iter().map(Into::into));
        self
    }

    /// Declares channels, in addition to [`Channel::KNOWN`].
    #[must_use]
    pub fn channels<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Policy {
        self.names.channels.extend(names.into_iter().map(Into::into));
        self
    }

    /// Declares hold reasons, in addition to [`HoldReason::KNOWN`].
    #[must_use]
    pub fn hold_reasons<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Policy {
        self.names.hold_reasons.extend(names.into_iter().map(Into::into));
        self
    }

    /// Declares the resolution codes.
    ///
    /// ```
    /// use firstline::{Action, Actor, Desk, NewTicket, Policy};
    ///
    /// let desk = Desk::memory();
    /// desk.setup().adopt(&Policy::new().resolution_codes(["solved", "duplicate"]))?;
    /// let id = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// let error = desk.act(id, Action::resolve_as("sovled", "unmuted"), Actor::agent("anna")).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "resolution code \"sovled\" is not known (did you mean \"solved\"?); allowed: duplicate, solved",
    /// );
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn resolution_codes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Policy {
        self.names.resolution_codes.extend(names.into_iter().map(Into::into));
        self
    }

    /// Declares an attribute of contacts, with its type. Declaring an attribute again replaces its type.
    #[must_use]
    pub fn contact_attribute(mut self, name: impl Into<String>, value_type: FieldType) -> Policy {
        self.names.contact_attributes.insert(name.into(), value_type);
        self
    }

    /// Declares an attribute of agents, with its type, for the [rules of visibility](crate::policy::VisibilityRule).
    /// Declaring an attribute again replaces its type. If any is declared, a rule that uses another one is refused.
    #[must_use]
    pub fn agent_attribute(mut self, name: impl Into<String>, value_type: FieldType) -> Policy {
        self.names.agent_attributes.insert(name.into(), value_type);
        self
    }

    /// Checks the entries that a language has for names of the desk's own, such as `channel.kiosk`: kinds, channels,
    /// hold reasons, resolution codes, statuses, custom fields, and levels of impact and urgency. The language accepts
    /// any such name, because only the policy knows them.
    ///
    /// ```
    /// use firstline::Policy;
    /// use firstline::language::Language;
    ///
    /// let policy = Policy::new().channels(["kiosk"]);
    /// policy.check_language(&Language::english().with("channel.kiosk", "kiosk in the hall")?)?;
    /// let error = policy.check_language(&Language::english().with("channel.kisok", "kiosk")?).unwrap_err();
    /// assert!(error.to_string().contains("(did you mean \"kiosk\"?)"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) with a [diagnostic](crate::Error::diagnostics) for each entry whose
    /// name the policy would refuse in a command: it is not declared, or it looks like a misspelt one.
    pub fn check_language(&self, language: &Language) -> Result<()> {
        let statuses = self.workflows.iter().flat_map(|workflow| &workflow.statuses);
        let statuses: BTreeSet<String> = statuses.map(|status| status.name.clone()).collect();
        let fields: BTreeSet<String> = self.fields.keys().cloned().collect();
        let impacts: BTreeSet<String> = self.matrix.impacts().map(|(_, name)| name.to_owned()).collect();
        let urgencies: BTreeSet<String> = self.matrix.urgencies().map(|(_, name)| name.to_owned()).collect();
        let declared = |noun, declared| Names { noun, predefined: Vec::new(), declared, used: Vec::new() };
        let mut found = Vec::new();
        for group in OpenGroup::ALL {
            let names = match group {
                OpenGroup::Kind => self.kind_names(),
                OpenGroup::Channel => self.channel_names(),
                OpenGroup::Hold => self.hold_reason_names(),
                OpenGroup::Code => self.resolution_code_names(),
                // The simple workflow has a status for each state.
                OpenGroup::Status => Names {
                    predefined: StateKind::ALL.iter().map(|state| state.name()).collect(),
                    ..declared("status", &statuses)
                },
                OpenGroup::Field => declared("field", &fields),
                OpenGroup::Impact => declared("impact", &impacts),
                OpenGroup::Urgency => declared("urgency", &urgencies),
            };
            let group = group.as_str();
            for name in language.own_names(group) {
                found.extend(names.check(name).err().map(|error| {
                    Diagnostic::new(DiagnosticKind::UnknownName, format!("{group}.{name}"), error.to_string())
                }));
            }
        }
        if found.is_empty() { Ok(()) } else { Err(Refused(found).into()) }
    }

    fn kind_names(&self) -> Names<'_> {
        let used = self.workflows.iter().flat_map(|workflow| &workflow.kinds).map(String::as_str).collect();
        let predefined = Kind::KNOWN.iter().map(Kind::as_str).collect();
        Names { noun: "kind", predefined, declared: &self.names.kinds, used }
    }

    fn channel_names(&self) -> Names<'_> {
        let predefined = Channel::KNOWN.iter().map(Channel::as_str).collect();
        Names { noun: "channel", predefined, declared: &self.names.channels, used: Vec::new() }
    }

    fn hold_reason_names(&self) -> Names<'_> {
        let statuses = self.workflows.iter().flat_map(|workflow| &workflow.statuses);
        let used = statuses.filter_map(|status| status.reason.as_ref()).map(HoldReason::as_str).collect();
        let predefined = HoldReason::KNOWN.iter().map(HoldReason::as_str).collect();
        Names { noun: "hold reason", predefined, declared: &self.names.hold_reasons, used }
    }

    fn resolution_code_names(&self) -> Names<'_> {
        let declared = &self.names.resolution_codes;
        Names { noun: "resolution code", predefined: Vec::new(), declared, used: Vec::new() }
    }

    pub(crate) fn check_kind(&self, kind: &Kind) -> Result<()> {
        self.kind_names().check(kind.as_str())
    }

    pub(crate) fn check_channel(&self, channel: &Channel) -> Result<()> {
        self.channel_names().check(channel.as_str())
    }

    pub(crate) fn check_hold_reason(&self, reason: &HoldReason) -> Result<()> {
        self.hold_reason_names().check(reason.as_str())
    }

    pub(crate) fn check_resolution_code(&self, code: &str) -> Result<()> {
        self.resolution_code_names().check(code)
    }

    /// Checks the attributes of a contact: their names and the types of their values.
    pub(crate) fn check_contact_attributes(&self, attributes: &Attributes) -> Result<()> {
        attributes.iter().try_for_each(|(name, value)| self.check_contact_attribute(name, value))
    }

    /// Checks an attribute of a contact: its name and the type of its value.
    pub(crate) fn check_contact_attribute(&self, name: &str, value: &Value) -> Result<()> {
        let declared = &self.names.contact_attributes;
        if declared.is_empty() {
            return Ok(());
        }
        let what = format!("contact attribute `{name}`");
        let Some(value_type) = declared.get(name) else {
            let known = || declared.keys().map(String::as_str);
            return Err(Error::invalid(&what, suggest::unknown(name, known()))
                .allowing(known().collect::<Vec<_>>().join(", ")));
        };
        if !value_type.accepts(value) {
            let problem = format_args!("does not take {} values", value.type_name()).to_string();
            return Err(Error::invalid(&what, problem).allowing(value_type.in_words()));
        }
        Ok(())
    }

    /// Returns the faults in the use of names: kinds and hold reasons of workflows, and pauses of agreements.
    pub(super) fn name_faults(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut fault = |path: String, checked: Result<()>| {
            let unknown =
                |error: Error| Diagnostic::new(DiagnosticKind::UnknownName, path, error.to_string());
            found.extend(checked.err().map(unknown));
        };
        // A workflow may use any name, unless the names are declared or this one is nearly a predefined one.
        let kinds = Names { used: Vec::new(), ..self.kind_names() };
        let reasons = Names { used: Vec::new(), ..self.hold_reason_names() };
        for (place, workflow) in self.workflows.iter().enumerate() {
            for kind in &workflow.kinds {
                fault(format!("workflows[{place}].kinds"), kinds.check(kind));
            }
            for (number, status) in workflow.statuses.iter().enumerate() {
                let path = format!("workflows[{place}].statuses[{number}].reason");
                status.reason.iter().for_each(|reason| fault(path.clone(), reasons.check(reason.as_str())));
            }
        }
        for (place, agreement) in self.agreements.iter().enumerate() {
            for (number, target) in agreement.targets().iter().enumerate() {
                let path = format!("agreements[{place}].targets[{number}].pauses");
                target.pauses().for_each(|reason| fault(path.clone(), self.check_hold_reason(reason)));
            }
        }
        found
    }

    /// The closed sets of values that conditions may compare these fields with.
    pub(super) fn values_of_fields(&self) -> Vec<(&'static str, BTreeSet<String>)> {
        let sets = [self.kind_names(), self.channel_names(), self.resolution_code_names()];
        let named = ["kind", "channel", "resolution_code"].into_iter().zip(sets);
        let declared = named.filter(|(_, names)| !names.declared.is_empty());
        declared.map(|(field, names)| (field, names.all().map(str::to_owned).collect())).collect()
    }
}
