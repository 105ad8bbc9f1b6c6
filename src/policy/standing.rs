//! The table of standings: the rights of each speaker on a ticket, and the effects of a message.
//!
//! A [`Standing`] is the relation of a speaker to a ticket. The table has one [`StandingRule`] for each. These are the
//! defaults:
//!
//! | standing | writes | answers | resolved | follows up | decides | copies |
//! |---|---|---|---|---|---|---|
//! | requester | yes | yes | reopens | yes | yes | yes |
//! | affected | yes | yes | reopens | yes | no | yes |
//! | cc | yes | yes | stops the closing | yes | no | yes |
//! | outsider with proof | yes, marked | no | no effect | no | no | no |
//! | outsider | no | no | no effect | no | no | no |
//! | machine | no | no | no effect | no | no | no |
//!
//! - A message of a speaker who does not *write* opens a ticket of their own, and [`Desk::act`](crate::Desk::act)
//!   refuses the reply. A machine's message on a ticket is kept there as a signal and has no effect.
//! - A message that *answers* ends a wait for the customer and needs a reply.
//! - After the end, a message of a speaker who *follows up* opens a follow-up ticket, and a reply through
//!   [`Desk::act`](crate::Desk::act) is kept on the finished ticket. A message of another speaker opens a ticket of
//!   their own. The data of the finished ticket is kept for its requester alone.
//! - A speaker who *decides* may confirm a solution and cancel the ticket. A speaker who reopens a ticket by writing
//!   may also reopen it with [`Action::reopen`](crate::Action::reopen).
//!
//! A policy changes single cells. In a file, a missing cell has its default:
//!
//! ```
//! use firstline::Policy;
//! use firstline::policy::{OnResolved, Standing};
//!
//! let in_code = Policy::new().standing(Standing::Cc, |rule| rule.resolved = OnResolved::Reopen);
//! let in_file: Policy = toml::from_str("[standing.cc]\nresolved = \"reopen\"")?;
//! assert_eq!(in_code, in_file);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::condition::{Condition, Fields};
use crate::diagnostic::{Diagnostic, DiagnosticKind};

/// The relation of a speaker to a ticket. Agents, programs and the desk itself have no standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// The requester of the ticket. If the ticket has no requester, nobody has this standing.
    Requester,
    /// A contact who is affected by the problem.
    Affected,
    /// A contact who is kept informed, or a member of the same group chat.
    Cc,
    /// Not a contact of the ticket, but the message proves that the sender has seen the conversation.
    OutsiderWithProof,
    /// Not a contact of the ticket.
    Outsider,
    /// A machine: an automatic reply, a bounce or a notification.
    Machine,
}

impl Standing {
    /// All standings, in the order of the table.
    pub const ALL: [Standing; 6] = [
        Standing::Requester,
        Standing::Affected,
        Standing::Cc,
        Standing::OutsiderWithProof,
        Standing::Outsider,
        Standing::Machine,
    ];

    /// True if the speaker is a contact of the ticket.
    pub const fn is_contact(self) -> bool {
        matches!(self, Standing::Requester | Standing::Affected | Standing::Cc)
    }

    /// Returns the serialized name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Standing::Requester => "requester",
            Standing::Affected => "affected",
            Standing::Cc => "cc",
            Standing::OutsiderWithProof => "outsider_with_proof",
            Standing::Outsider => "outsider",
            Standing::Machine => "machine",
        }
    }

    /// Returns the plural for messages: "affected contacts".
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Standing::Requester => "the requester",
            Standing::Affected => "affected contacts",
            Standing::Cc => "contacts in copy",
            Standing::OutsiderWithProof | Standing::Outsider => "outsiders",
            Standing::Machine => "machines",
        }
    }

    fn default_rule(self) -> &'static StandingRule {
        static REQUESTER: StandingRule = row(true, true, OnResolved::Reopen, true, true, true);
        static AFFECTED: StandingRule = row(true, true, OnResolved::Reopen, true, false, true);
        static CC: StandingRule = row(true, true, OnResolved::StopClosing, true, false, true);
        static WITH_PROOF: StandingRule = row(true, false, OnResolved::Nothing, false, false, false);
        static NOBODY: StandingRule = row(false, false, OnResolved::Nothing, false, false, false);
        match self {
            Standing::Requester => &REQUESTER,
            Standing::Affected => &AFFECTED,
            Standing::Cc => &CC,
            Standing::OutsiderWithProof => &WITH_PROOF,
            Standing::Outsider | Standing::Machine => &NOBODY,
        }
    }
}

const fn row(
    writes: bool,
    answers: bool,
    resolved: OnResolved,
    follows_up: bool,
    decides: bool,
    copies: bool,
) -> StandingRule {
    StandingRule { writes, answers, resolved, follows_up, decides, copies }
}

/// One row of the [table of standings](crate::policy::Standing).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StandingRule {
    /// True if messages are added to the ticket.
    pub writes: bool,
    /// True if a message ends a wait for the customer and needs a reply.
    pub answers: bool,
    /// The effect of a message on a resolved ticket.
    pub resolved: OnResolved,
    /// True if a message after the end opens a follow-up ticket.
    pub follows_up: bool,
    /// True if the speaker may confirm a solution and cancel the ticket.
    pub decides: bool,
    /// True if the speaker gets copies of the desk's replies: see [`Ticket::recipients`](crate::Ticket::recipients).
    pub copies: bool,
}

/// The effect of a message on a resolved ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnResolved {
    /// None. The ticket closes when its verification period ends.
    Nothing,
    /// The ticket stays resolved, but silence does not close it until an agent has acted on it.
    StopClosing,
    /// The ticket is reopened.
    Reopen,
    /// The ticket is reopened if the condition holds for it. Otherwise the closing stops.
    ReopenIf(Condition),
}

/// The rows that differ from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standings(BTreeMap<Standing, StandingRule>);

impl Standings {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rule(&self, standing: Standing) -> &StandingRule {
        self.0.get(&standing).unwrap_or_else(|| standing.default_rule())
    }

    pub(crate) fn set(&mut self, standing: Standing, rule: StandingRule) {
        if rule == *standing.default_rule() {
            self.0.remove(&standing);
        } else {
            self.0.insert(standing, rule);
        }
    }

    /// Returns the faults of the rows, with paths within the policy. `known` are the fields that conditions may use.
    pub(crate) fn faults(&self, known: &Fields) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        if self.0.contains_key(&Standing::Machine) {
            let message = "a message of a machine has no effect; remove this row";
            faults.push(Diagnostic::new(DiagnosticKind::BadValue, "standing.machine", message));
        }
        for (standing, rule) in &self.0 {
            let OnResolved::ReopenIf(condition) = &rule.resolved else { continue };
            for (kind, problem) in condition.diagnose(known) {
                let path = format!("standing.{}.resolved", standing.name());
                faults.push(Diagnostic::new(
                    kind,
                    path,
                    format!("standing of {}: {problem}", standing.in_words()),
                ));
            }
        }
        faults
    }
}

impl Serialize for Standings {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(&self.0)
    }
}

/// A row as it is written in a file. A missing cell has its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    writes: Option<bool>,
    answers: Option<bool>,
    resolved: Option<OnResolved>,
    follows_up: Option<bool>,
    decides: Option<bool>,
    copies: Option<bool>,
}

impl<'de> Deserialize<'de> for Standings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Standings, D::Error> {
        let mut standings = Standings::default();
        for (standing, written) in BTreeMap::<Standing, WrittenRule>::deserialize(from)? {
            let default = standing.default_rule();
            let rule = StandingRule {
                writes: written.writes.unwrap_or(default.writes),
                answers: written.answers.unwrap_or(default.answers),
                resolved: written.resolved.unwrap_or_else(|| default.resolved.clone()),
                follows_up: written.follows_up.unwrap_or(default.follows_up),
                decides: written.decides.unwrap_or(default.decides),
                copies: written.copies.unwrap_or(default.copies),
            };
            standings.set(standing, rule);
        }
        Ok(standings)
    }
}
