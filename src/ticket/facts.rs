//! The facts of a ticket that conditions can test.
//!
//! | field | value |
//! |---|---|
//! | `kind`, `channel`, `line` | the stored name: `incident`, `web_form`, `first` |
//! | `category` | the path, joined by `/`: `payment/card` |
//! | `tags` | a list |
//! | `team`, `assignee`, `requester` | the host's id |
//! | `affected`, `cc`, `contacts` | a list of the host's ids: the contacts in this role, or in any role |
//! | `contact.NAME` | an attribute of the requester |
//! | `field.NAME` | a custom field |
//! | `state`, `priority` | the state's name, the priority's rank |
//! | `workflow`, `workflow_version`, `status` | the workflow's name and version, and the status there |
//! | `resolution_code` | the code of the last resolution |
//! | `spam` | true if the ticket was cancelled as spam |
//! | `minutes_spent` | the time that agents have recorded, in minutes |
//! | `followers` | a list with the ids of the agents who follow the ticket |
//! | `hold_reason`, `hold_until` | the reason of the current hold, and the instant at which it ends |
//! | `subject`, `resolution` | the subject, the text of the last resolution |
//! | `opened_at`, `updated_at`, `resolved_at`, `closed_at`, `state_since` | an instant |
//! | `touched_at` | the instant of the last event that was not the desk's own, such as a warning |
//! | `first_replied_at` | the instant of the first public reply by an agent |
//! | `due_at` | the next deadline of the running clocks |
//! | `overdue` | whether the deadline of an open clock has passed; needs the current time |
//! | `last_speaker` | who wrote the last public message: `contact`, `agent` or `automation` |
//! | `unanswered` | whether a message of a contact waits for an agent's reply |
//! | `unanswered_since` | the instant of the oldest such message |
//!
//! Queries can use all of them. The conditions of policies have no current time, and use only the facts that the
//! documentation of each condition names.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::condition::Facts;
use crate::lifecycle::State;
use crate::ticket::people::{ContactRole, Who};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;

fn value<'a>(value: impl Into<Value>) -> Option<Cow<'a, Value>> {
    Some(Cow::Owned(value.into()))
}

/// Returns the ids as a list; `None` if there are none.
fn ids<'a>(ids: impl Iterator<Item = &'a crate::id::ContactId>) -> Option<Cow<'a, Value>> {
    let ids: Vec<String> = ids.map(|id| id.as_str().to_owned()).collect();
    if ids.is_empty() { None } else { value(ids) }
}

impl Facts for Snapshot {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        match field {
            "kind" => value(self.kind.as_str()),
            "channel" => value(self.channel.as_str()),
            "line" => value(self.line.name()),
            "category" if self.category.is_empty() => None,
            "category" => value(self.category.join("/")),
            "tags" => value(self.tags.iter().cloned().collect::<Vec<_>>()),
            "team" => value(self.team.as_ref()?.as_str()),
            "assignee" => value(self.assignee.as_ref()?.as_str()),
            "requester" => value(self.requester()?.as_str()),
            "affected" => ids(self.contacts_in(ContactRole::Affected)),
            "cc" => ids(self.contacts_in(ContactRole::Cc)),
            "contacts" => ids(self.contacts.keys()),
            "state" => value(self.state.kind().name()),
            "status" => value(self.status()),
            "workflow" => value(&*self.workflow_ref().name),
            "workflow_version" => value(i64::from(self.workflow_ref().version)),
            "resolution_code" => value(self.resolution_code.as_deref()?),
            "spam" => value(self.spam),
            "minutes_spent" => value(i64::from(self.minutes_spent)),
            "followers" if self.followers.is_empty() => None,
            "followers" => value(self.followers.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>()),
            "priority" => value(i64::from(self.priority().rank())),
            "hold_reason" => value(self.state.hold_reason()?.as_str()),
            "hold_until" => match &self.state {
                State::OnHold(hold) => value(hold.until?),
                _ => None,
            },
            "subject" => value(self.personal.subject()?),
            "resolution" => value(self.personal.resolution()?),
            "opened_at" => value(self.opened_at),
            "updated_at" => value(self.updated_at),
            "touched_at" => value(self.touched()),
            "state_since" => value(self.state_since),
            "resolved_at" => value(self.resolved_at?),
            "closed_at" => value(self.closed_at?),
            "first_replied_at" => value(self.first_replied_at?),
            "due_at" => value(self.due_at?),
            "last_speaker" => value(match self.last_speaker.as_ref()? {
                Who::Contact(_) | Who::Unknown => "contact",
                Who::Agent(_) => "agent",
                Who::Automation(_) | Who::Desk => "automation",
            }),
            "unanswered" => value(self.unanswered().is_some()),
            "unanswered_since" => value(self.unanswered()?),
            _ => {
                if let Some(name) = field.strip_prefix("contact.") {
                    self.attributes.get(self.requester()?)?.get(name).map(Cow::Borrowed)
                } else {
                    self.field(field.strip_prefix("field.")?).map(Cow::Borrowed)
                }
            }
        }
    }
}

/// The facts of a ticket at an instant.
struct FactsAt<'a> {
    ticket: &'a Snapshot,
    now: DateTime<Utc>,
}

impl Facts for FactsAt<'_> {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        match field {
            "overdue" => value(self.ticket.is_overdue(self.now)),
            other => self.ticket.fact(other),
        }
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        Some(self.now)
    }
}

impl Snapshot {
    /// Returns the facts of the ticket at an instant: all facts of the ticket, and those that need the current time.
    ///
    /// ```
    /// use firstline::{Condition, Desk, NewTicket, TimeDelta};
    ///
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound"))?;
    /// let untouched = Condition::field("touched_at").before(-TimeDelta::days(7));
    /// assert!(!untouched.holds(&ticket.facts_at(ticket.opened_at + TimeDelta::days(6))));
    /// assert!(untouched.holds(&ticket.facts_at(ticket.opened_at + TimeDelta::days(8))));
    /// assert!(!untouched.holds(ticket.snapshot()), "a snapshot alone has no current time");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn facts_at(&self, now: DateTime<Utc>) -> impl Facts + '_ {
        FactsAt { ticket: self, now }
    }
}
