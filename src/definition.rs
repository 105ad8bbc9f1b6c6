//! Definitions: versioned data, known by the hash of their text.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DefinitionKind {
    /// A desk's [`Policy`](crate::Policy): a manifest, which names the other definitions by their hashes.
    Policy,
    /// Agreements with the calendars that they use.
    Agreements,
    /// A priority matrix with its modifiers.
    Matrix,
    /// The custom fields of a desk.
    Fields,
    /// A workflow.
    Workflow,
}

impl DefinitionKind {
    /// The name under which it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            DefinitionKind::Policy => "policy",
            DefinitionKind::Agreements => "agreements",
            DefinitionKind::Matrix => "matrix",
            DefinitionKind::Fields => "fields",
            DefinitionKind::Workflow => "workflow",
        }
    }
}

/// SHA-256 of something's canonical JSON text: the name under which a definition is stored, and the mark by which
/// a repeated request is known again.
///
/// Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Fingerprint {
        Fingerprint(Sha256::digest(bytes).into())
    }

    /// The fingerprint of a value's JSON. Maps in this crate are sorted, so equal values have equal text.
    ///
    /// # Errors
    /// [invalid](Error::is_invalid) if the value cannot be written as JSON.
    pub fn of_json(value: &impl Serialize) -> Result<Fingerprint> {
        to_json(value).map(Fingerprint::of)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint from its 32 bytes, as a store kept them.
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
        let wrong = || {
            Error::invalid("fingerprint", format_args!("{text:?} is none")).allowing("64 hexadecimal digits")
        };
        let mut bytes = [0; 32];
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).map(|it| it as u8))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        if digits.len() != 64 {
            return Err(wrong());
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

/// A definition as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredDefinition {
    pub(crate) kind: DefinitionKind,
    /// The hash of the text.
    pub(crate) hash: Fingerprint,
    /// Canonical JSON: equal values have equal texts.
    pub(crate) text: String,
}

impl StoredDefinition {
    pub(crate) fn new(kind: DefinitionKind, value: &impl Serialize) -> Result<StoredDefinition> {
        let text = to_json(value)?;
        Ok(StoredDefinition { kind, hash: Fingerprint::of(&text), text })
    }
}

/// A value as JSON text.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    // Room for a ticket, which would otherwise be moved three times while it grows.
    let mut text = Vec::with_capacity(1024);
    let no = |error| Error::invalid("value", "cannot be written as JSON").caused_by(error);
    serde_json::to_writer(&mut text, value).map_err(no)?;
    String::from_utf8(text).map_err(|error| no(serde::ser::Error::custom(error)))
}

/// A version of a definition: from when it holds, and which text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// What it defines.
    pub kind: DefinitionKind,
    /// The version at this desk, from 1.
    pub version: u64,
    /// From when it holds.
    pub from: DateTime<Utc>,
    /// From when its agreements hold. This is before `from` if the version before it has the same agreements.
    pub agreements_from: DateTime<Utc>,
    /// Which text.
    pub hash: Fingerprint,
}
