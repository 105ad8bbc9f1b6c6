//! The ticket fields that conditions may use, with their types. [`ticket::facts`](crate::ticket::facts) describes them.

use super::{FieldType, Policy};
use crate::condition::{Fields, ValueType};
use crate::lifecycle::StateKind;

impl Policy {
    /// Returns the fields for conditions of agreements: the fields for modifiers, and the priority.
    pub(crate) fn known_to_agreements(&self) -> Fields {
        self.known_to_modifiers().with("priority", ValueType::Integer)
    }

    /// Returns the fields for queries: all fields of a ticket.
    pub(crate) fn known_to_queries(&self) -> Fields {
        ["state", "workflow", "status", "resolution_code"]
            .into_iter()
            .fold(self.known_to_modifiers(), |fields, name| fields.with(name, ValueType::Text))
            .with_values("state", StateKind::ALL.iter().map(|state| state.name()))
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
        let mut fields = Fields::of_every_ticket();
        for (field, values) in self.values_of_fields() {
            fields = fields.with_values(field, values);
        }
        // Without declared attributes, every `contact.NAME` is allowed.
        let attributes = &self.names.contact_attributes;
        if !attributes.is_empty() {
            fields = fields.without_any_under("contact.");
        }
        let attributes = attributes.iter().map(|(name, field_type)| (format!("contact.{name}"), field_type));
        let custom = self.fields.iter().map(|(name, field_type)| (format!("field.{name}"), field_type));
        attributes
            .chain(custom)
            .fold(fields, |fields, (name, field_type)| fields.with(name, field_type.values()))
    }
}

impl FieldType {
    /// Returns the type of the values in conditions.
    fn values(&self) -> ValueType {
        match self {
            FieldType::Text | FieldType::Choice { .. } => ValueType::Text,
            FieldType::Integer => ValueType::Integer,
            FieldType::Bool => ValueType::Bool,
            FieldType::Date => ValueType::Date,
            FieldType::Instant => ValueType::Instant,
            FieldType::Choices { .. } => ValueType::List,
        }
    }
}
