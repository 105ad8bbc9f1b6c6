//! The ticket fields that conditions may use, with their types. [`ticket::facts`](crate::ticket::facts) describes them.

use super::{FieldType, Policy};
use crate::condition::{Fields, ValueType};
use crate::lifecycle::StateKind;

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
        ["state", "workflow", "status", "resolution_code"]
            .into_iter()
            // Tickets may still have choices that the policy no longer lists.
            .fold(self.fields_of_tickets(), |fields, name| fields.with(name, ValueType::Text))
            .with_values("state", StateKind::ALL.iter().map(|it| it.name()))
            .with("priority", ValueType::Integer)
            .with("workflow_version", ValueType::Integer)
            .with("spam", ValueType::Bool)
    }

    /// Returns the fields for conditions of modifiers: the basic ticket fields, contact attributes and custom fields.
    ///
    /// The priority is not included: modifiers determine the priority, so it would depend on itself. The state, the
    /// workflow with its status, and the resolution code are not included, because they do not affect impact or
    /// urgency.
    pub(crate) fn known_to_modifiers(&self) -> Fields {
        self.fields.iter().fold(self.fields_of_tickets(), |fields, (name, custom)| match custom {
            FieldType::Choice { choices } | FieldType::Choices { choices } => {
                fields.with_values(&format!("field.{name}"), choices.iter().map(String::as_str))
            }
            _ => fields,
        })
    }

    fn fields_of_tickets(&self) -> Fields {
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
