//! Which fields of a ticket conditions may use, and of which types: see [`ticket::facts`](crate::ticket::facts).

use super::{FieldType as Custom, Policy};
use crate::condition::{FieldType, Fields};

impl Policy {
    /// The fields by which agreements may choose: those that priorities come from, and the priority.
    pub(crate) fn known_to_agreements(&self) -> Fields {
        self.known_to_modifiers().with("priority", FieldType::Integer)
    }

    /// The fields by which tickets may be searched: all of them.
    pub(crate) fn known_to_queries(&self) -> Fields {
        ["state", "workflow", "status", "resolution_code"]
            .into_iter()
            .fold(self.known_to_modifiers(), |fields, name| fields.with(name, FieldType::Text))
            .with("priority", FieldType::Integer)
            .with("workflow_version", FieldType::Integer)
    }

    /// The fields from which a priority may be computed: all that tickets under this policy have, but the priority
    /// itself, which would be its own cause, and the state, which says nothing of how bad or urgent a thing is.
    pub(crate) fn known_to_modifiers(&self) -> Fields {
        self.fields.iter().fold(Fields::of_every_ticket(), |fields, (name, custom)| {
            let field_type = match custom {
                Custom::Text | Custom::Choice { .. } => FieldType::Text,
                Custom::Integer => FieldType::Integer,
                Custom::Bool => FieldType::Bool,
                Custom::Date => FieldType::Date,
                Custom::Instant => FieldType::Instant,
                Custom::Choices { .. } => FieldType::List,
            };
            fields.with(format!("field.{name}"), field_type)
        })
    }
}
