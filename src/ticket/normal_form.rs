//! The normal form of the names and short texts in requests: subjects, tags, categories, fields, and what identifies
//! people to readers. Ids are the host's and stay as they are. So do the values of the attributes of actors, messages,
//! notes and comments.

use std::collections::{BTreeMap, BTreeSet};

use crate::lifecycle::HoldReason;
use crate::text::{is_visible, normal, normalize, normalize_lines};
use crate::ticket::action::Action;
use crate::ticket::message::Message;
use crate::ticket::opening::NewTicket;
use crate::ticket::people::{Actor, Contact, Who};
use crate::value::Value;

impl Value {
    pub(crate) fn normalize(&mut self) {
        match self {
            Value::Text(text) => normalize_lines(text),
            Value::List(items) => items.iter_mut().for_each(normalize),
            _ => {}
        }
    }
}

/// Puts the names and the values into the normal form.
pub(crate) fn normalize_values(values: &mut BTreeMap<String, Value>) {
    values.values_mut().for_each(Value::normalize);
    if values.keys().any(|name| normal(name) != name.as_str()) {
        *values = std::mem::take(values)
            .into_iter()
            .map(|(name, value)| (normal(&name).into_owned(), value))
            .collect();
    }
}

/// Puts the names into the normal form.
pub(crate) fn normalize_names(names: &mut BTreeSet<String>) {
    if names.iter().any(|name| normal(name) != name.as_str()) {
        *names = names.iter().map(|name| normal(name).into_owned()).collect();
    }
}

impl Actor {
    /// Puts the name of a program and the names of the attributes into the normal form. The values can be ids, so they
    /// stay as they are.
    pub(crate) fn normalize(&mut self) {
        if let Who::Automation(name) = &mut self.who {
            normalize(name);
        }
        if self.attributes.keys().any(|name| normal(name) != name.as_str()) {
            let attributes = std::mem::take(&mut self.attributes).into_iter();
            self.attributes = attributes.map(|(name, value)| (normal(&name).into_owned(), value)).collect();
        }
    }
}

impl Contact {
    pub(crate) fn normalize(&mut self) {
        normalize_values(&mut self.attributes);
        normalize_names(&mut self.removed);
        let Contact { name, email, phone, .. } = self;
        // An empty name removes the name, so a name that nobody can see stays as it is, and is refused.
        let parts = [name, email, phone].into_iter().flatten();
        parts.filter(|text| is_visible(text)).for_each(normalize);
    }
}

impl Message {
    pub(crate) fn normalize(&mut self) {
        self.file_names.iter_mut().for_each(normalize);
        self.files.iter_mut().for_each(|file| normalize(&mut file.media_type));
    }
}

impl NewTicket {
    /// Puts the names and short texts into the normal form.
    pub(crate) fn normalize(&mut self) {
        normalize(&mut self.subject);
        self.message.iter_mut().for_each(Message::normalize);
        self.contacts.iter_mut().for_each(|(contact, _)| contact.normalize());
        self.by.iter_mut().for_each(Actor::normalize);
        self.category.iter_mut().for_each(normalize);
        normalize_names(&mut self.tags);
        normalize_values(&mut self.fields);
        normalize_names(&mut self.modifiers);
    }
}

impl Action {
    /// Returns the action with names and short texts in the normal form.
    pub(crate) fn normal(&self) -> Action {
        let mut action = self.clone();
        action.normalize();
        action
    }

    /// Puts the names and short texts into the normal form.
    pub(crate) fn normalize(&mut self) {
        let mut stack = vec![self];
        while let Some(action) = stack.pop() {
            match action {
                Action::All(parts) => stack.extend(parts),
                Action::Reply(message) | Action::Note(message) => message.normalize(),
                Action::Hold { reason, options, .. } => {
                    *reason = HoldReason::from(reason.as_str());
                    options.status.iter_mut().for_each(normalize);
                }
                Action::Start(options)
                | Action::Resume(options)
                | Action::Confirm(options)
                | Action::Close(options)
                | Action::Reopen(options)
                | Action::Cancel(options) => options.status.iter_mut().for_each(normalize),
                Action::Resolve { code, status, .. } => {
                    code.iter_mut().chain(status).for_each(normalize);
                }
                Action::Move { status, .. } => normalize(status),
                Action::Modifier { name, .. } => normalize(name),
                Action::Subject(text) | Action::Tag(text) | Action::Untag(text) => normalize(text),
                Action::Category(path) => path.iter_mut().for_each(normalize),
                Action::Field { name, value } => {
                    normalize(name);
                    value.iter_mut().for_each(Value::normalize);
                }
                Action::Contact { contact, .. } => contact.normalize(),
                Action::Assign(_)
                | Action::HandOver { .. }
                | Action::Impact(_)
                | Action::Urgency(_)
                | Action::OverridePriority { .. }
                | Action::HoldEnd(_)
                | Action::ClearOverride
                | Action::Spam
                | Action::NotSpam
                | Action::Undo
                | Action::Take
                | Action::Thread(_)
                | Action::Kind(_)
                | Action::RemoveContact(_)
                | Action::TimeSpent { .. }
                | Action::Follow(_)
                | Action::Unfollow(_)
                | Action::Link(_)
                | Action::Unlink(_) => {}
            }
        }
    }
}
