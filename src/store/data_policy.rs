//! The treatment of stored data: erasure, export, transfer and retention.
//!
//! Every [record kind](crate::store::RecordKind) has a [`DataPolicy`].

/// The treatment of a kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataPolicy {
    /// The part that may name or quote a person.
    pub personal: PersonalData,
    /// The erasure of that part.
    pub erasure: Erasure,
    /// True if a person who asks for their data gets it as a part of their ticket. False for a key, a counter or a
    /// definition of the desk.
    pub exported: bool,
    /// The treatment when a desk moves to another database.
    pub transfer: DeskTransfer,
    /// The retention period.
    pub retention: Retention,
}

/// The part of a row that may name or quote a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PersonalData {
    /// No part.
    None,
    /// The facts hold the id of a person in plain text: a host id, or an attribute that the host declared.
    PlainId,
    /// The key may name a person. See [`lookup_key`](crate::desk::Settings::lookup_key) for its stored form.
    Key,
    /// The personal part, which is stored separately from the facts.
    PersonalPart,
}

/// The erasure of the personal part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Erasure {
    /// There is nothing to erase.
    Nothing,
    /// The facts are kept. If the host's ids identify a person, the host renames the ids to erase them.
    KeepFacts,
    /// The personal part is removed, and the facts are kept.
    RemovePersonalPart,
    /// The whole row is removed.
    RemoveRow,
}

/// The treatment when a desk moves to another database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeskTransfer {
    /// Copied unchanged.
    Copied,
    /// Derived by the new store from the copied data.
    Rebuilt,
    /// Not moved.
    Skipped,
}

/// The retention period of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Retention {
    /// Kept while the desk exists.
    Desk,
    /// Kept while the ticket exists.
    Ticket,
    /// Kept until it expires or has been processed.
    UntilDone,
}

impl DataPolicy {
    /// Data of the desk that concerns no person. It is copied when the desk moves, and kept while the desk exists.
    pub const IMPERSONAL: DataPolicy = DataPolicy {
        personal: PersonalData::None,
        erasure: Erasure::Nothing,
        exported: false,
        transfer: DeskTransfer::Copied,
        retention: Retention::Desk,
    };
}
