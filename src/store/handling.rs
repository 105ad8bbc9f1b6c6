//! What may happen to stored data: how it is erased, exported, moved and retained.
//!
//! Every [record kind](crate::store::RecordKind) carries a [`Handling`]; the [registry](crate::store::registry) has those of all
//! columns and events.

/// How a kind of data is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handling {
    /// Which part of it may name or quote a person.
    pub personal: PersonalData,
    /// How that part is erased.
    pub erasure: Erasure,
    /// Whether a person gets it when they ask for their data.
    pub export: Export,
    /// What happens to it when a desk moves to another database.
    pub moving: Moving,
    /// How long it is kept.
    pub retention: Retention,
}

/// Which part of a row may name or quote a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PersonalData {
    /// None of it.
    None,
    /// The id of a person, in plain text among the facts: an id of the host, or an attribute the host declared.
    PlainId,
    /// The key, in its [stored form](crate::desk::Settings::lookup_key).
    Key,
    /// The personal part, which is kept apart from the facts.
    PersonalPart,
}

/// How the personal part of a row is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Erasure {
    /// There is nothing to erase.
    Nothing,
    /// The fact stays. The host decides what its ids reveal, and renames them if they must go.
    FactStays,
    /// The personal part is removed, the facts stay.
    PersonalPartGoes,
    /// The whole row is removed.
    RowGoes,
}

/// Whether a person gets the data when they ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Export {
    /// It is not theirs: a key, a counter, a definition of the desk.
    No,
    /// It is part of the ticket they get.
    WithTicket,
}

/// What happens to the data when a desk moves to another database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Moving {
    /// It is copied as it is.
    Copied,
    /// The new store derives it from what was copied.
    Rebuilt,
    /// It stays behind.
    LeftBehind,
}

/// How long the data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Retention {
    /// As long as its desk.
    Desk,
    /// As long as its ticket.
    Ticket,
    /// Until it expires or has been dealt with.
    UntilDone,
}

impl Handling {
    /// Data of the desk that concerns no person: copied when the desk moves, kept as long as the desk.
    pub const IMPERSONAL: Handling = Handling {
        personal: PersonalData::None,
        erasure: Erasure::Nothing,
        export: Export::No,
        moving: Moving::Copied,
        retention: Retention::Desk,
    };
}
