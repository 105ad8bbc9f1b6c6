//! A ticket as conditions see it.
//!
//! | field | value |
//! |---|---|
//! | `kind`, `channel`, `line` | the name as it is written: `incident`, `web_form`, `first` |
//! | `category` | the path, joined by `/`: `payment/card` |
//! | `tags` | a list |
//! | `team`, `assignee`, `requester` | the host's id |
//! | `contact.NAME` | an attribute of the requester |
//! | `field.NAME` | a custom field |
//! | `state`, `priority` | the state's name, the priority's rank |

use std::borrow::Cow;

use crate::condition::{Facts, FieldType, Fields};
use crate::ticket::people::Line;
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;

/// The fields from which a priority may be computed: all of a ticket's but the priority itself, which would
/// be its own cause, and the state, which changes nothing in how bad or how urgent a thing is.
pub(crate) fn known_to_modifiers() -> Fields {
    Fields::new()
        .with("kind", FieldType::Text)
        .with("channel", FieldType::Text)
        .with("line", FieldType::Text)
        .with("category", FieldType::Text)
        .with("tags", FieldType::List)
        .with("team", FieldType::Text)
        .with("assignee", FieldType::Text)
        .with("requester", FieldType::Text)
        .with_any_under("contact.")
        .with_any_under("field.")
}

/// The fields by which tickets may be searched: all of them.
pub(crate) fn known_to_queries() -> Fields {
    known_to_modifiers().with("state", FieldType::Text).with("priority", FieldType::Integer)
}

fn text(text: &str) -> Option<Cow<'_, Value>> {
    Some(Cow::Owned(Value::from(text)))
}

impl Facts for Snapshot {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        match field {
            "kind" => text(self.kind.as_str()),
            "channel" => text(self.channel.as_str()),
            "line" => text(match self.line {
                Line::First => "first",
                Line::Second => "second",
                Line::Third => "third",
                Line::External => "external",
            }),
            "category" if self.category.is_empty() => None,
            "category" => Some(Cow::Owned(Value::from(self.category.join("/")))),
            "tags" => Some(Cow::Owned(Value::from(self.tags.iter().cloned().collect::<Vec<_>>()))),
            "team" => text(self.team.as_ref()?.as_str()),
            "assignee" => text(self.assignee.as_ref()?.as_str()),
            "requester" => text(self.requester()?.as_str()),
            "state" => Some(Cow::Owned(Value::from(self.state.kind().name()))),
            "priority" => Some(Cow::Owned(Value::from(i64::from(self.priority().rank())))),
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
