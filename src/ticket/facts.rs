//! The facts of a ticket that conditions can test.
//!
//! | field | value |
//! |---|---|
//! | `kind`, `channel`, `line` | the stored name: `incident`, `web_form`, `first` |
//! | `category` | the path, joined by `/`: `payment/card` |
//! | `tags` | a list |
//! | `team`, `assignee`, `requester` | the host's id |
//! | `contact.NAME` | an attribute of the requester |
//! | `field.NAME` | a custom field |
//! | `state`, `priority` | the state's name, the priority's rank |
//! | `workflow`, `workflow_version`, `status` | the workflow's name and version, and the status there |
//! | `resolution_code` | the code of the last resolution |
//! | `spam` | true if the ticket was cancelled as spam |

use std::borrow::Cow;

use crate::condition::Facts;
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;

fn text(text: &str) -> Option<Cow<'_, Value>> {
    Some(Cow::Owned(Value::from(text)))
}

impl Facts for Snapshot {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        match field {
            "kind" => text(self.kind.as_str()),
            "channel" => text(self.channel.as_str()),
            "line" => text(self.line.name()),
            "category" if self.category.is_empty() => None,
            "category" => Some(Cow::Owned(Value::from(self.category.join("/")))),
            "tags" => Some(Cow::Owned(Value::from(self.tags.iter().cloned().collect::<Vec<_>>()))),
            "team" => text(self.team.as_ref()?.as_str()),
            "assignee" => text(self.assignee.as_ref()?.as_str()),
            "requester" => text(self.requester()?.as_str()),
            "state" => Some(Cow::Owned(Value::from(self.state.kind().name()))),
            "status" => text(self.status()),
            "workflow" => text(&self.workflow_ref().name),
            "workflow_version" => Some(Cow::Owned(Value::from(i64::from(self.workflow_ref().version)))),
            "resolution_code" => text(self.resolution_code.as_ref()?),
            "spam" => Some(Cow::Owned(Value::from(self.spam))),
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
