//! The ticket fields that conditions may use, with their types. [`ticket::facts`](crate::ticket::facts) describes them.

use super::{FieldType, Policy};
use crate::condition::{Fields, ValueType};

/// The fields that only queries may use.
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
    (ValueType::Integer, &["priority", "workflow_version"]),
    (ValueType::Bool, &["overdue", "spam", "unanswered"]),
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

impl Policy {
    /// Returns the fields for conditions of agreements: the fields for modifiers, and the priority.
    pub(crate) fn known_to_agreements(&self) -> Fields {
        self.known_to_modifiers().with("priority", ValueType::Integer)
    }

    /// Returns the fields for queries: all fields of a ticket.
    pub(crate) fn known_to_queries(&self) -> Fields {
        let mut fields = self.known_to_modifiers().with_now();
        for (kind, names) in OF_QUERIES {
            fields = names.iter().fold(fields, |fields, name| fields.with(*name, *kind));
        }
        fields
    }

    /// Returns the fields for conditions of modifiers: the basic ticket fields, contact attributes and custom fields.
    ///
    /// The priority is not included: modifiers determine the priority, so it would depend on itself. The state, the
    /// workflow with its status, and the resolution code are not included, because they do not affect impact or
    /// urgency.
    pub(crate) fn known_to_modifiers(&self) -> Fields {
        self.fields.iter().fold(Fields::of_every_ticket(), |fields, (name, custom)| {
            let field_type = match custom {
                FieldType::Text | FieldType::Choice { .. } => ValueType::Text,
                FieldType::Integer => ValueType::Integer,
                FieldType::Bool => ValueType::Bool,
                FieldType::Date => ValueType::Date,
                FieldType::Instant => ValueType::Instant,
                FieldType::Choices { .. } => ValueType::List,
            };
            fields.with(format!("field.{name}"), field_type)
        })
    }
}
