//! The ticket fields that conditions may use, with their types. [`ticket::facts`](crate::ticket::facts) describes them.

use super::{FieldType, Policy, Readers};
use crate::condition::{Fields, ValueType};
use crate::lifecycle::StateKind;

/// The fields that only queries and standings may use.
const OF_QUERIES: &[(ValueType, &[&str])] = &[
    (
        ValueType::Text,
        &[
            "state",
            "workflow",
            "status",
            "resolution_code",
            "hold_reason",
            "subject",
            "resolution",
            "last_speaker",
        ],
    ),
    (ValueType::Integer, &["priority", "workflow_version", "minutes_spent"]),
    (ValueType::List, &["followers"]),
    (ValueType::Bool, &["spam", "unanswered"]),
    (
        ValueType::Instant,
        &[
            "opened_at",
            "updated_at",
            "touched_at",
            "resolved_at",
            "closed_at",
            "state_since",
            "hold_until",
            "first_replied_at",
            "due_at",
            "unanswered_since",
        ],
    ),
];

/// The facts that are the same in the public part of a ticket.
pub(crate) const PUBLIC: &[&str] = &[
    "affected",
    "cc",
    "channel",
    "closed_at",
    "contacts",
    "first_replied_at",
    "hold_until",
    "kind",
    "last_speaker",
    "opened_at",
    "priority",
    "requester",
    "resolution",
    "resolved_at",
    "state",
    "state_since",
    "subject",
    "unanswered",
    "unanswered_since",
];

impl Policy {
    /// Returns the fields for conditions of agreements: the fields for modifiers, and the priority.
    pub(crate) fn known_to_agreements(&self) -> Fields {
        let priorities = 1..=i64::try_from(self.matrix.priorities().len()).unwrap_or(i64::MAX);
        self.known_to_modifiers()
            .of_every_ticket_with("priority", ValueType::Integer)
            .with_values("priority", priorities)
    }

    /// Returns the fields for queries: all fields of a ticket.
    pub(crate) fn known_to_queries(&self) -> Fields {
        self.known_to_standings().with("overdue", ValueType::Bool).with_now()
    }

    /// Returns the fields for queries of readers who see only the public part of tickets.
    pub(crate) fn known_to_the_public(&self) -> Fields {
        self.known_to_queries().only(PUBLIC)
    }

    /// Returns the fields for the conditions of standings: all fields of a ticket that need no current time.
    pub(crate) fn known_to_standings(&self) -> Fields {
        // Tickets may still have choices that the policy no longer lists.
        let mut fields = self.fields_of_tickets();
        for (kind, names) in OF_QUERIES {
            fields = names.iter().fold(fields, |fields, name| fields.with(*name, *kind));
        }
        self.with_declared_values(fields).with_values("state", StateKind::ALL.iter().map(|it| it.name()))
    }

    /// Adds the fields of readers. Without declared attributes, every `actor.NAME` is allowed.
    pub(super) fn known_of_readers(&self, readers: Readers, fields: Fields) -> Fields {
        let (is, declared) = match readers {
            Readers::Agents => ("agent", Some(&self.names.agent_attributes)),
            Readers::Programs => ("automation", None),
            Readers::Contacts => ("contact", Some(&self.names.contact_attributes)),
        };
        let fields = ["actor", "actor.is"]
            .into_iter()
            .fold(fields, |fields, name| fields.of_every_ticket_with(name, ValueType::Text))
            .with_values("actor.is", [is]);
        match declared.filter(|declared| !declared.is_empty()) {
            None => fields.with_any_under("actor."),
            Some(declared) => declared.iter().fold(fields, |fields, (name, field_type)| {
                fields.with(format!("actor.{name}"), field_type.value_type())
            }),
        }
    }

    /// Returns the fields for conditions of modifiers: the basic ticket fields, contact attributes and custom fields.
    ///
    /// The priority is not included: modifiers determine the priority, so it would depend on itself. The state, the
    /// workflow with its status, and the resolution code are not included, because they do not affect impact or
    /// urgency.
    pub(crate) fn known_to_modifiers(&self) -> Fields {
        let fields = self.with_declared_values(self.fields_of_tickets());
        self.fields.iter().fold(fields, |fields, (name, custom)| match custom {
            FieldType::Choice { choices } | FieldType::Choices { choices } => {
                fields.with_values(&format!("field.{name}"), choices.iter().map(String::as_str))
            }
            _ => fields,
        })
    }

    fn fields_of_tickets(&self) -> Fields {
        let attributes = &self.names.contact_attributes;
        let mut fields = Fields::of_every_ticket();
        // Without declared attributes, every `contact.NAME` is allowed.
        if !attributes.is_empty() {
            fields = fields.without_any_under("contact.");
        }
        let attributes = attributes.iter().map(|(name, field_type)| (format!("contact.{name}"), field_type));
        let custom = self.fields.iter().map(|(name, field_type)| (format!("field.{name}"), field_type));
        attributes
            .chain(custom)
            .fold(fields, |fields, (name, field_type)| fields.with(name, field_type.value_type()))
    }

    /// Limits the values of fields to the declared names.
    fn with_declared_values(&self, fields: Fields) -> Fields {
        let values = self.values_of_fields().into_iter();
        values.fold(fields, |fields, (field, values)| fields.with_values(field, values))
    }
}
