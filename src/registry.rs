//! The registry of stored data: the data policy of each SQL column and of each event.
//!
//! A [`RecordKind`](crate::store::RecordKind) holds its own policy. The tests of this module compare the lists with the
//! real schemas and with all possible events, so that nothing is stored without an entry. No command reads them yet.

#[cfg(test)]
mod tests;

use crate::store::{DataPolicy, DeskTransfer, Erasure, PersonalData, Retention};

/// The entry of several columns of a table that are treated alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnEntry {
    /// The table, without prefix or schema.
    pub(crate) table: &'static str,
    /// The columns.
    pub(crate) columns: &'static [&'static str],
    /// The treatment of the columns; `None` if the record's [kind](crate::store::RecordKind::data_policy) determines
    /// it.
    pub(crate) data_policy: Option<DataPolicy>,
}

/// The entry of an event or of a ticket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FactsEntry {
    /// The stored name of the event.
    pub(crate) name: &'static str,
    /// The fields of the facts that may name a person in plain text, or hold data from the host about a person. Erasure
    /// keeps them, because ids and attributes belong to the host.
    pub(crate) plain: &'static [&'static str],
    /// True if there is a personal part, which is stored separately from the facts.
    pub(crate) personal_part: bool,
}

impl FactsEntry {
    /// Returns the treatment of the facts.
    pub(crate) const fn facts(&self) -> DataPolicy {
        if self.plain.is_empty() { FACTS } else { NAMING }
    }
}

/// Facts of a ticket that concern no person.
const FACTS: DataPolicy = DataPolicy {
    personal: PersonalData::None,
    erasure: Erasure::Nothing,
    exported: true,
    transfer: DeskTransfer::Copied,
    retention: Retention::Ticket,
};

/// Facts of a ticket that may name a person by a host id.
const NAMING: DataPolicy =
    DataPolicy { personal: PersonalData::PlainId, erasure: Erasure::KeepFacts, ..FACTS };

/// The personal part of a ticket or event.
const PERSONAL: DataPolicy =
    DataPolicy { personal: PersonalData::PersonalPart, erasure: Erasure::RemovePersonalPart, ..FACTS };

/// Data derived from a ticket's facts.
const DERIVED: DataPolicy = DataPolicy { transfer: DeskTransfer::Rebuilt, exported: false, ..FACTS };

/// Data derived from a ticket's facts that names a person by a host id.
const DERIVED_NAMING: DataPolicy =
    DataPolicy { personal: PersonalData::PlainId, erasure: Erasure::KeepFacts, ..DERIVED };

/// Data about the tables themselves.
const OWN: DataPolicy = DataPolicy { transfer: DeskTransfer::Skipped, ..DataPolicy::IMPERSONAL };

const fn column(
    table: &'static str,
    columns: &'static [&'static str],
    data_policy: DataPolicy,
) -> ColumnEntry {
    ColumnEntry { table, columns, data_policy: Some(data_policy) }
}

const fn by_kind(table: &'static str, columns: &'static [&'static str]) -> ColumnEntry {
    ColumnEntry { table, columns, data_policy: None }
}

/// Every column of the tables in SQLite and PostgreSQL.
pub(crate) const COLUMNS: &[ColumnEntry] = &[
    column("migration", &["version", "name", "checksum", "applied_at"], OWN),
    column("desk", &["desk", "last_number"], DataPolicy::IMPERSONAL),
    column("ticket", &["desk", "id", "version", "number"], FACTS),
    column("ticket", &["state", "open", "priority", "due_at", "opened_at", "team"], DERIVED),
    column("ticket", &["assignee", "requester"], DERIVED_NAMING),
    column("ticket", &["facts"], NAMING),
    column("ticket", &["personal"], PERSONAL),
    column("ticket", &["personal_key"], FACTS),
    column("contact", &["desk", "contact", "ticket"], DERIVED_NAMING),
    column("event", &["desk", "ticket", "version", "at", "chain"], FACTS),
    column("event", &["facts"], NAMING),
    column("event", &["personal"], PERSONAL),
    column("event", &["personal_key"], FACTS),
    column("timer", &["desk", "ticket", "kind", "subject", "due_at", "armed_by"], DERIVED),
    by_kind("record", &["desk", "kind", "key", "version", "due", "tries", "i1", "i2", "i3"]),
    by_kind("record", &["facts", "personal", "personal_key"]),
    by_kind("record_body", &["desk", "kind", "key", "facts", "personal"]),
];

const fn event(name: &'static str, plain: &'static [&'static str], personal_part: bool) -> FactsEntry {
    FactsEntry { name, plain, personal_part }
}

/// Every event, by its stored name.
pub(crate) const EVENTS: &[FactsEntry] = &[
    event(
        "opened",
        &[
            "contacts",
            "attributes",
            "category",
            "tags",
            "fields",
            "modifiers",
            "assessment",
            "assignee",
            "files.key",
            "external",
        ],
        true,
    ),
    event("received", &["files.key", "also_to"], true),
    event("signal_received", &["files.key", "sender", "also_to"], true),
    event("replied", &["files.key"], true),
    event("note_added", &["files.key"], true),
    event("state_changed", &[], true),
    event("closing_changed", &[], false),
    event("status_changed", &[], true),
    event("workflow_migrated", &[], false),
    event("timer_expired", &["reasons"], false),
    event("assigned", &["to"], false),
    event("handed_over", &[], true),
    event(
        "details_changed",
        &[
            "contacts",
            "contacts_removed",
            "attributes",
            "nameless",
            "category",
            "tags_added",
            "tags_removed",
            "fields",
        ],
        true,
    ),
    event("prioritised", &["modifiers", "assessment"], true),
    event("warned", &["notify"], false),
    event("breached", &["notify"], false),
    event("clocks_updated", &[], false),
    event("policy_rebound", &[], false),
    event("hold_end_set", &[], false),
    event("reminded", &[], false),
    event("time_spent", &[], false),
    event("followed", &["agent"], false),
    event("unfollowed", &["agent"], false),
    event("thread_added", &[], true),
    event("linked", &[], false),
    event("unlinked", &[], false),
    event("undone", &["before", "followers"], true),
    event("state_repeated", &[], false),
    event("status_unmapped", &["status"], false),
    event("imported", &["fingerprint"], false),
];

/// The fields that every event has in addition to its change. The actor has an id and attributes. The origin of an
/// imported event has the name of a status in the other system.
pub(crate) const EVERY_EVENT: FactsEntry = event("event", &["by.who", "by.attributes", "origin.label"], true);

/// The fields of a ticket.
pub(crate) const TICKET: FactsEntry = event(
    "ticket",
    &[
        "contacts",
        "attributes",
        "category",
        "tags",
        "fields",
        "modifiers",
        "assessment",
        "assignee",
        "followers",
        "last_speaker",
        "external",
        "imported",
        "unmapped_status",
    ],
    true,
);
