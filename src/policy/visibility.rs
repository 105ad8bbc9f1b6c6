//! The rules of visibility: which readers see which tickets.

use serde::{Deserialize, Serialize};

use crate::condition::{Condition, Facts, Fields};
use crate::diagnostic::{Diagnostic, DiagnosticKind};

/// A rule of visibility: lets some readers see some tickets. [`Desk::view`](crate::Desk::view) applies the rules.
///
/// Rules only permit, and a reader sees every ticket that one of the rules permits. A kind of readers without any rule
/// has the default:
///
/// | readers | without a rule | with rules |
/// |---|---|---|
/// | agents, programs | all tickets, with their internal part | the tickets of the rules |
/// | contacts | the public part of the tickets on which they have a role | these, and the public part of the tickets of the rules |
/// | the desk itself | all tickets | all tickets |
/// | somebody unknown | none | none |
///
/// The condition of a rule compares [facts of the ticket](crate::ticket::facts) with values or with the reader: `actor`
/// is the id of the reader, and `actor.NAME` is an attribute that the program gives with the [`Actor`](crate::Actor). A
/// comparison with an attribute that the reader lacks permits nothing, even inside a negation. Only `exists` asks for the
/// attribute itself: a rule with `exists: false` permits, and also applies if the program forgets the attribute.
///
/// ```
/// use firstline::policy::VisibilityRule;
/// use firstline::{Actor, Condition, Desk, Line, NewTicket, Policy};
///
/// let field = Condition::field;
/// let own = field("team").matches("actor.teams").or(field("assignee").matches("actor"));
/// let policy = Policy::new()
///     .visibility(VisibilityRule::agents().when(field("actor.role").is("lead")).internal())
///     .visibility(VisibilityRule::agents().when(own).internal());
///
/// let desk = Desk::memory();
/// desk.setup().adopt(&policy)?;
/// let id = desk.open_ticket(NewTicket::new("Salary missing").team("payroll", Line::First))?.id();
/// assert!(desk.view(Actor::agent("anna").attribute("teams", ["payroll"])).ticket(id).is_ok());
/// assert!(desk.view(Actor::agent("ben").attribute("role", "lead")).ticket(id).is_ok());
/// assert!(desk.view(Actor::agent("carl")).ticket(id).unwrap_err().is_not_found());
/// # Ok::<(), firstline::Error>(())
/// ```
///
/// In a file:
///
/// ```
/// use firstline::Policy;
///
/// let policy: Policy = toml::from_str(r#"
///     [[visibility]]
///     readers = "agents"
///     when = { field = "team", matches = "actor.teams" }   # without `when`, every ticket
///     internal = true                                      # without it, only the public part
///
///     [[visibility]]
///     readers = "contacts"
///     when = { all = [
///         { field = "actor.manager", is = true },
///         { field = "contact.company", matches = "actor.company" },
///     ] }
/// "#)?;
/// policy.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a rule has no effect until it is part of a policy"]
pub struct VisibilityRule {
    readers: Readers,
    #[serde(default = "always", skip_serializing_if = "is_always")]
    when: Condition,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    internal: bool,
}

/// A kind of readers with rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Readers {
    Agents,
    Programs,
    Contacts,
}

fn always() -> Condition {
    Condition::ALWAYS
}

fn is_always(condition: &Condition) -> bool {
    *condition == Condition::ALWAYS
}

impl VisibilityRule {
    /// Creates a rule that lets agents see the public part of every ticket.
    pub fn agents() -> VisibilityRule {
        VisibilityRule::of(Readers::Agents)
    }

    /// Creates a rule that lets programs see the public part of every ticket.
    pub fn programs() -> VisibilityRule {
        VisibilityRule::of(Readers::Programs)
    }

    /// Creates a rule that lets contacts see the public part of every ticket.
    pub fn contacts() -> VisibilityRule {
        VisibilityRule::of(Readers::Contacts)
    }

    fn of(readers: Readers) -> VisibilityRule {
        VisibilityRule { readers, when: Condition::ALWAYS, internal: false }
    }

    /// Limits the rule to readers and tickets for which the condition holds. Several conditions must all hold.
    pub fn when(mut self, condition: Condition) -> VisibilityRule {
        self.when = self.when.and(condition);
        self
    }

    /// Lets the readers see the internal part of the tickets too. Contacts never do: a policy with such a rule is refused.
    pub fn internal(mut self) -> VisibilityRule {
        self.internal = true;
        self
    }
}

/// Returns the tickets that a reader with these facts sees, and those whose internal part the reader sees, as conditions.
/// `None` if there is no rule for this kind of readers. `known` returns the fields of tickets.
pub(super) fn visible_to(
    rules: &[VisibilityRule],
    readers: Readers,
    reader: &dyn Facts,
    known: impl FnOnce() -> Fields,
) -> Option<(Condition, Condition)> {
    let mut rules = rules.iter().filter(|rule| rule.readers == readers).peekable();
    rules.peek()?;
    let known = known();
    let (mut tickets, mut internal) = (Vec::new(), Vec::new());
    for rule in rules {
        let condition = rule.when.bound_to(reader, &known);
        if rule.internal && readers != Readers::Contacts {
            internal.push(condition.clone());
        }
        tickets.push(condition);
    }
    Some((Condition::either(tickets), Condition::either(internal)))
}

/// Returns the faults of the rules. `known` returns the fields that rules for these readers may use.
pub(super) fn faults(rules: &[VisibilityRule], known: impl Fn(Readers) -> Fields) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        if rule.internal && rule.readers == Readers::Contacts {
            let message = "contacts never see the internal part of a ticket; remove `internal`";
            let path = format!("visibility[{place}].internal");
            faults.push(Diagnostic::new(DiagnosticKind::BadValue, path, message));
        }
        let mut fault = |kind, problem: &str| {
            let message = format!("rule of visibility {}: {problem}", place + 1);
            faults.push(Diagnostic::new(kind, format!("visibility[{place}].when"), message));
        };
        let known = known(rule.readers);
        for (kind, problem) in rule.when.diagnose(&known) {
            fault(kind, &problem);
        }
        // The id is `actor`. An attribute of this name is possible only if it is declared.
        if rule.when.uses("actor.id") && known.is_open("actor.id") {
            let problem = "the field \"actor.id\" is not known (did you mean \"actor\"?)";
            fault(DiagnosticKind::UnknownField, problem);
        }
    }
    faults
}
