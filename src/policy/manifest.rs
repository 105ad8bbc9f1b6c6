//! The stored form of a policy: a manifest, which names each part by its hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{FieldType, Policy};
use crate::calendar::Definition;
use crate::definition::{DefinitionKind, Fingerprint, StoredDefinition};
use crate::error::Result;
use crate::priority::Matrix;
use crate::sla::{Agreements, CompiledAgreements};
use crate::workflow::WorkflowDefinition;

/// What a policy says by itself, and the hashes of its parts. An empty part is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    prefix: String,
    #[serde(with = "super::seconds")]
    verification: Option<TimeDelta>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agreements: Option<Fingerprint>,
    pub(crate) matrix: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) workflows: Vec<Fingerprint>,
    /// Calendars that no agreement uses. Those that are used belong to the agreements.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    calendars: BTreeMap<String, Definition>,
}

/// A policy as it is stored.
#[derive(Debug)]
pub(crate) struct StoredPolicy {
    pub(crate) manifest: StoredDefinition,
    pub(crate) parts: Vec<StoredDefinition>,
}

impl Manifest {
    /// The parts that the policy consists of.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (DefinitionKind, Fingerprint)> {
        let single = [
            (DefinitionKind::Agreements, self.agreements),
            (DefinitionKind::Matrix, Some(self.matrix)),
            (DefinitionKind::Fields, self.fields),
        ];
        let single = single.into_iter().filter_map(|(kind, hash)| Some((kind, hash?)));
        single.chain(self.workflows.iter().map(|hash| (DefinitionKind::Workflow, *hash)))
    }

    /// The policy of this manifest and these parts. Workflows have the order of the manifest.
    pub(crate) fn policy(
        &self,
        agreements: Agreements,
        matrix: Matrix,
        fields: BTreeMap<String, FieldType>,
        workflows: Vec<WorkflowDefinition>,
    ) -> Policy {
        let mut calendars = self.calendars.clone();
        calendars.extend(agreements.calendars);
        Policy {
            prefix: self.prefix.clone(),
            verification: self.verification,
            fields,
            matrix,
            calendars,
            agreements: agreements.agreements,
            workflows,
        }
    }
}

impl Policy {
    /// The manifest and the parts that it names.
    pub(crate) fn to_stored(&self) -> Result<StoredPolicy> {
        let mut parts = Vec::new();
        let mut part = |definition: StoredDefinition| {
            let hash = definition.hash;
            parts.push(definition);
            hash
        };
        let used = Agreements::using(&self.calendars, &self.agreements);
        let unused = self.calendars.iter().filter(|(name, _)| !used.calendars.contains_key(*name));
        let manifest = Manifest {
            prefix: self.prefix.clone(),
            verification: self.verification,
            calendars: unused.map(|(name, it)| (name.clone(), it.clone())).collect(),
            agreements: match used.agreements.is_empty() {
                true => None,
                false => Some(part(StoredDefinition::new(DefinitionKind::Agreements, &used)?)),
            },
            matrix: part(StoredDefinition::new(DefinitionKind::Matrix, &self.matrix)?),
            fields: match self.fields.is_empty() {
                true => None,
                false => Some(part(StoredDefinition::new(DefinitionKind::Fields, &self.fields)?)),
            },
            workflows: self
                .workflows
                .iter()
                .map(|it| Ok(part(StoredDefinition::new(DefinitionKind::Workflow, it)?)))
                .collect::<Result<_>>()?,
        };
        let manifest = StoredDefinition::new(DefinitionKind::Policy, &manifest)?;
        Ok(StoredPolicy { manifest, parts })
    }

    /// The agreements made ready for use: calendars compiled, under the hash to which clocks are pinned.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) for a time zone that is not known.
    pub fn rules(&self) -> Result<Arc<CompiledAgreements>> {
        let agreements = Agreements::using(&self.calendars, &self.agreements);
        Ok(Arc::new(CompiledAgreements::compile(Fingerprint::of_json(&agreements)?, &agreements)?))
    }
}
