//! Changes to the description of a ticket: subject, kind, category, tags, contacts and custom fields.

use crate::error::Result;
use crate::limits;
use crate::ticket::action::Action;
use crate::ticket::decision::request::Exemption;
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Change, DetailsChange};
use crate::ticket::personal::{Personal, Words};
use crate::value::Value;

impl Draft {
    /// Changes the description. Values that the ticket already has produce no event.
    pub(super) fn describe(&mut self, part: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let mut described = DetailsChange::default();
        let mut personal = Personal::default();
        let snapshot = self.snapshot();
        let owner = snapshot.owner_of_words(&context.by.who);
        match part {
            Action::Subject(subject) => {
                limits::line("subject", subject, limits::MAX_SUBJECT_CHARS)?;
                if subject != snapshot.subject() {
                    described.subject = true;
                    personal.add(owner, Words { subject: Some(subject.clone()), ..Words::default() });
                }
            }
            Action::Kind(kind) => {
                limits::name("kind", kind.as_str())?;
                context.policy.check_kind(kind)?;
                described.kind = Some(kind.as_str().into()).filter(|kind| *kind != snapshot.kind);
            }
            Action::Category(path) => {
                limits::category(path)?;
                described.category = Some(path.clone()).filter(|path| *path != snapshot.category);
            }
            Action::Tag(tag) => {
                limits::name("tag", tag)?;
                if !snapshot.tags.contains(tag) {
                    limits::count("tags", snapshot.tags.len() + 1)?;
                    described.tags_added.insert(tag.clone());
                }
            }
            Action::Untag(tag) => described.tags_removed.extend(snapshot.tags.get(tag).cloned()),
            Action::Field { name, value: None } => {
                if !self.demands_field(name, context) {
                    context.policy.declared(name)?;
                }
                described.fields_cleared.extend(snapshot.field(name).map(|_| name.clone()));
            }
            Action::Field { name, value: Some(value) } => {
                let (is_personal, value) = match context.policy.declared(name) {
                    // The policy has dropped the field, and with it the type. Text may describe a person.
                    Err(_) if self.demands_field(name, context) => {
                        limits::value(&format!("field `{name}`"), value)?;
                        (matches!(value, Value::Text(_)), value.clone())
                    }
                    _ => {
                        context.policy.check_field(name, value)?;
                        let field_type = context.policy.declared(name)?;
                        (field_type.is_personal(), field_type.kept(value))
                    }
                };
                if snapshot.field(name) != Some(&value) {
                    if is_personal {
                        described.text_fields.insert(name.clone());
                        personal.add(owner, Words::field(name, value));
                    } else {
                        described.fields.insert(name.clone(), value);
                    }
                }
            }
            Action::Contact { contact, role } => {
                contact.check()?;
                context.policy.check_contact_attributes(&contact.attributes)?;
                let known = snapshot.contacts.contains_key(&contact.id);
                limits::count("contacts", snapshot.contacts.len() + usize::from(!known))?;
                snapshot.describe_contact(contact, *role, &mut described, &mut personal);
            }
            Action::RemoveContact(id) => {
                described.contacts_removed.extend(snapshot.contacts.contains_key(id).then(|| id.clone()))
            }
            _ => {}
        }
        self.described(described, personal, context)
    }

    /// True if the ticket's workflow requires this custom field or tests it. The ticket may be pinned to a version that
    /// is older than the policy in force, and without the field it could never leave its status.
    fn demands_field(&self, name: &str, context: &DecisionContext<'_>) -> bool {
        let Ok(request) = self.request(None, Exemption::Nothing, context) else { return false };
        let definition = request.workflow.definition();
        let field = format!("field.{name}");
        definition
            .statuses
            .iter()
            .any(|status| status.enter.contains(&field) || status.leave.contains(&field))
            || definition.guards.values().any(|guard| guard.uses(&field))
    }

    /// Adds an event if the description changes.
    pub(super) fn described(
        &mut self,
        described: DetailsChange,
        personal: Personal,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        if described == DetailsChange::default() && personal.is_empty() {
            return Ok(()); // Nothing changes.
        }
        // What is known of a contact grows with every merge.
        described.attributes.values().try_for_each(limits::attributes)?;
        self.change(context, Change::DetailsChanged(Box::new(described)), personal)
    }
}
