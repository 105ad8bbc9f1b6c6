//! The stored form of a policy: a manifest that refers to each part by hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{DeclaredNames, FieldType, Policy, Standings, VisibilityRule};
use crate::calendar::CalendarDefinition;
use crate::definition::{DefinitionKind, Fingerprint, StoredDefinition};
use crate::duration;
use crate::error::Result;
use crate::priority::Matrix;
use crate::sla::{Agreements, CompiledAgreements};
use crate::workflow::WorkflowDefinition;

/// The settings of a policy and the hashes of its parts. Empty parts have no hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    prefix: String,
    #[serde(with = "duration::or_never")]
    verification: Option<TimeDelta>,
    #[serde(
        default = "super::a_day",
        with = "duration::zero_is_never",
        skip_serializing_if = "super::is_a_day"
    )]
    undo: TimeDelta,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agreements: Option<Fingerprint>,
    pub(crate) matrix: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) workflows: Vec<Fingerprint>,
    #[serde(default, skip_serializing_if = "DeclaredNames::is_empty")]
    names: DeclaredNames,
    /// The calendars that no agreement uses. The other calendars are stored with the agreements.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    calendars: BTreeMap<String, CalendarDefinition>,
    #[serde(rename = "standing", default, skip_serializing_if = "Standings::is_empty")]
    standings: Standings,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    visibility: Vec<VisibilityRule>,
}

/// A policy in its stored form: the manifest and its parts.
#[derive(Debug)]
pub(crate) struct StoredPolicy {
    pub(crate) manifest: StoredDefinition,
    pub(crate) parts: Vec<StoredDefinition>,
}

impl Manifest {
    /// Returns the kind and hash of each part.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (DefinitionKind, Fingerprint)> {
        let single = [
            (DefinitionKind::Agreements, self.agreements),
            (DefinitionKind::Matrix, Some(self.matrix)),
            (DefinitionKind::Fields, self.fields),
        ];
        let single = single.into_iter().filter_map(|(kind, hash)| Some((kind, hash?)));
        single.chain(self.workflows.iter().map(|hash| (DefinitionKind::Workflow, *hash)))
    }

    /// Assembles the policy from the manifest and its parts. `workflows` must be in the order of the manifest.
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
            undo: self.undo,
            names: self.names.clone(),
            fields,
            matrix,
            calendars,
            agreements: agreements.agreements,
            workflows,
            standings: self.standings.clone(),
            visibility: self.visibility.clone(),
        }
    }
}

impl Policy {
    /// Returns the stored form: the manifest and its parts.
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
            undo: self.undo,
            names: self.names.clone(),
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
            standings: self.standings.clone(),
            visibility: self.visibility.clone(),
        };
        let manifest = StoredDefinition::new(DefinitionKind::Policy, &manifest)?;
        Ok(StoredPolicy { manifest, parts })
    }

    /// Returns the compiled agreements with their calendars. Clocks are pinned to the hash of the agreements.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) if a calendar is faulty, for example if its time zone is
    /// unknown.
    pub(crate) fn compiled_agreements(&self) -> Result<Arc<CompiledAgreements>> {
        let agreements = Agreements::using(&self.calendars, &self.agreements);
        Ok(Arc::new(CompiledAgreements::compile(Fingerprint::of_json(&agreements)?, &agreements)?))
    }
}
