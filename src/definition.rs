//! Definitions: versioned data, identified by the hash of their text.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The kind of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DefinitionKind {
    /// A desk's [`Policy`](crate::Policy): a manifest that refers to the other definitions by their hashes.
    Policy,
    /// Agreements and the calendars that they use.
    Agreements,
    /// A priority matrix and its modifiers.
    Matrix,
    /// The custom fields of a desk.
    Fields,
    /// A workflow.
    Workflow,
}

impl DefinitionKind {
    /// Returns the name under which the kind is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            DefinitionKind::Policy => "policy",
            DefinitionKind::Agreements => "agreements",
            DefinitionKind::Matrix => "matrix",
            DefinitionKind::Fields => "fields",
            DefinitionKind::Workflow => "workflow",
        }
    }
}

/// The SHA-256 hash of canonical JSON text.
///
/// Definitions are stored under their fingerprints, and repeated requests are recognized by them. The text form is 64
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Fingerprint {
        Fingerprint(Sha256::digest(bytes).into())
    }

    /// Computes the fingerprint of a value's JSON text.
    ///
    /// Maps in this crate are sorted, so equal values have equal text.
    ///
    /// # Errors
    /// [invalid](Error::is_invalid) if the value cannot be serialized as JSON.
    pub fn of_json(value: &impl Serialize) -> Result<Fingerprint> {
        to_json(value).map(Fingerprint::of)
    }

    /// Returns the 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Creates a fingerprint from the 32 bytes of a stored hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = Error;

    fn try_from(text: String) -> Result<Fingerprint> {
        let malformed = || {
            Error::invalid("fingerprint", format_args!("{text:?} is malformed"))
                .allowing("64 hexadecimal digits")
        };
        let mut bytes = [0; 32];
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).map(|it| it as u8))
            .collect::<Option<_>>()
            .ok_or_else(malformed)?;
        if digits.len() != 64 {
            return Err(malformed());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A definition in its stored form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredDefinition {
    pub(crate) kind: DefinitionKind,
    /// The fingerprint of `text`.
    pub(crate) hash: Fingerprint,
    /// Canonical JSON. Equal values have equal text.
    pub(crate) text: String,
}

impl StoredDefinition {
    pub(crate) fn new(kind: DefinitionKind, value: &impl Serialize) -> Result<StoredDefinition> {
        let text = to_json(value)?;
        Ok(StoredDefinition { kind, hash: Fingerprint::of(&text), text })
    }
}

/// Serializes a value as JSON text.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    // Enough for a typical ticket, which saves three reallocations.
    let mut text = Vec::with_capacity(1024);
    let invalid = |error| Error::invalid("value", "cannot be serialized as JSON").caused_by(error);
    serde_json::to_writer(&mut text, value).map_err(invalid)?;
    String::from_utf8(text).map_err(|error| invalid(serde::ser::Error::custom(error)))
}

/// A version of a desk's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// The version number at this desk, starting at 1.
    pub version: u64,
    /// The instant from which this version is in force.
    pub from: DateTime<Utc>,
    /// The instant from which its agreements are in force. It is before `from` if the previous version has the same
    /// agreements.
    pub agreements_from: DateTime<Utc>,
    /// The fingerprint of the policy.
    pub hash: Fingerprint,
}
