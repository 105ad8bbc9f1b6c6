//! The definitions of a desk: loaded once, then cached.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Interrupt, Loaded};
use crate::policy::{FieldType, Manifest, Policy};
use crate::priority::Matrix;
use crate::sla::{Agreements, CompiledAgreements};
use crate::store::kinds;
use crate::workflow::{Workflow, WorkflowDefinition, WorkflowSet};

/// A policy with its parts loaded and compiled.
#[derive(Debug, Clone)]
pub(super) struct ReadyPolicy {
    pub(super) manifest: Arc<Manifest>,
    pub(super) policy: Arc<Policy>,
    pub(super) agreements: Arc<CompiledAgreements>,
    pub(super) workflows: WorkflowSet,
}

/// Agreements: the definition and its compiled form.
#[derive(Debug, Clone)]
struct ReadyAgreements {
    definition: Arc<Agreements>,
    compiled: Arc<CompiledAgreements>,
}

/// The cache of loaded definitions by kind and hash. The text for a hash never changes, so entries are never stale.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    policies: Cache<ReadyPolicy>,
    manifests: Cache<Arc<Manifest>>,
    agreements: Cache<ReadyAgreements>,
    matrices: Cache<Arc<Matrix>>,
    fields: Cache<Arc<BTreeMap<String, FieldType>>>,
    workflows: Cache<Workflow>,
}

impl Definitions {
    /// Requests every listed definition that is not cached, in one round of reads.
    pub(super) fn need(
        &self,
        definitions: impl IntoIterator<Item = (DefinitionKind, Fingerprint)>,
        loaded: &Loaded,
    ) -> Result<(), Interrupt> {
        let missing = definitions.into_iter().filter(|(kind, hash)| !self.has(*kind, *hash));
        loaded.need(missing.map(|(_, hash)| kinds::definition(hash)))
    }

    /// Returns a policy. Loading one takes two rounds of reads: one for the manifest, and one for all parts.
    pub(super) fn policy(&self, hash: Fingerprint, loaded: &Loaded) -> Result<ReadyPolicy, Interrupt> {
        if let Some(ready) = self.policies.get(hash) {
            return Ok(ready);
        }
        let manifest = self.manifest(hash, loaded)?;
        self.need(manifest.parts(), loaded)?;
        let agreements = match manifest.agreements {
            Some(hash) => self.ready_agreements(hash, loaded)?,
            None => ReadyAgreements { definition: Arc::default(), compiled: self.no_agreements()? },
        };
        let ready = |matrix: Matrix| Ok(Arc::new(matrix));
        let matrix = load(&self.matrices, DefinitionKind::Matrix, manifest.matrix, loaded, ready)?;
        let fields = manifest.fields.map(|hash| {
            load(&self.fields, DefinitionKind::Fields, hash, loaded, |fields: BTreeMap<_, _>| {
                Ok(Arc::new(fields))
            })
        });
        let workflows = manifest.workflows.iter().map(|hash| self.workflow(*hash, loaded));
        let workflows: Vec<Workflow> = workflows.collect::<Result<_, _>>()?;
        let policy = manifest.policy(
            (*agreements.definition).clone(),
            (*matrix).clone(),
            fields.transpose()?.map(|fields| (*fields).clone()).unwrap_or_default(),
            workflows.iter().map(|it| it.definition().clone()).collect(),
        );
        let ready = ReadyPolicy {
            manifest,
            policy: Arc::new(policy),
            agreements: agreements.compiled,
            workflows: WorkflowSet::of(workflows),
        };
        Ok(self.policies.insert(hash, ready))
    }

    /// Returns the agreements of a desk that has adopted no policy.
    pub(super) fn no_agreements(&self) -> Result<Arc<CompiledAgreements>> {
        let none = Agreements::default();
        Ok(ReadyAgreements::new(Fingerprint::of_json(&none)?, none)?.compiled)
    }

    /// Returns compiled agreements.
    pub(super) fn agreements(
        &self,
        hash: Fingerprint,
        loaded: &Loaded,
    ) -> Result<Arc<CompiledAgreements>, Interrupt> {
        Ok(self.ready_agreements(hash, loaded)?.compiled)
    }

    /// Returns a workflow. It was checked on adoption and is not checked again.
    pub(super) fn workflow(&self, hash: Fingerprint, loaded: &Loaded) -> Result<Workflow, Interrupt> {
        let ready = |definition: WorkflowDefinition| definition.build_adopted();
        load(&self.workflows, DefinitionKind::Workflow, hash, loaded, ready)
    }

    /// Returns the workflows of a policy without loading its other parts.
    pub(super) fn workflows_of(
        &self,
        policy: Fingerprint,
        loaded: &Loaded,
    ) -> Result<Vec<Workflow>, Interrupt> {
        let manifest = self.manifest(policy, loaded)?;
        self.need(manifest.workflows.iter().map(|hash| (DefinitionKind::Workflow, *hash)), loaded)?;
        manifest.workflows.iter().map(|hash| self.workflow(*hash, loaded)).collect()
    }

    fn manifest(&self, hash: Fingerprint, loaded: &Loaded) -> Result<Arc<Manifest>, Interrupt> {
        let ready = |manifest: Manifest| Ok(Arc::new(manifest));
        load(&self.manifests, DefinitionKind::Policy, hash, loaded, ready)
    }

    fn ready_agreements(&self, hash: Fingerprint, loaded: &Loaded) -> Result<ReadyAgreements, Interrupt> {
        let ready = |definition: Agreements| ReadyAgreements::new(hash, definition);
        load(&self.agreements, DefinitionKind::Agreements, hash, loaded, ready)
    }

    fn has(&self, kind: DefinitionKind, hash: Fingerprint) -> bool {
        match kind {
            DefinitionKind::Policy => self.manifests.has(hash),
            DefinitionKind::Agreements => self.agreements.has(hash),
            DefinitionKind::Matrix => self.matrices.has(hash),
            DefinitionKind::Fields => self.fields.has(hash),
            DefinitionKind::Workflow => self.workflows.has(hash),
        }
    }
}

impl ReadyAgreements {
    fn new(hash: Fingerprint, definition: Agreements) -> Result<ReadyAgreements> {
        let compiled = Arc::new(CompiledAgreements::compile(hash, &definition)?);
        Ok(ReadyAgreements { definition: Arc::new(definition), compiled })
    }
}

/// Returns a definition from the cache, or loads it from the store and caches it. Every stored definition is parsed by
/// this function.
fn load<D: DeserializeOwned, T: Clone>(
    cache: &Cache<T>,
    kind: DefinitionKind,
    hash: Fingerprint,
    loaded: &Loaded,
    ready: impl FnOnce(D) -> Result<T>,
) -> Result<T, Interrupt> {
    if let Some(ready) = cache.get(hash) {
        return Ok(ready);
    }
    let corrupt = |problem| {
        Error::new(ErrorKind::Corrupt, format!("the {} definition {hash} {problem}", kind.as_str()))
    };
    let text = loaded.definition(hash)?.ok_or_else(|| corrupt("is referenced but not stored"))?;
    let definition = serde_json::from_str(text).map_err(|e| corrupt("cannot be read").caused_by(e))?;
    let ready = ready(definition).map_err(|e| corrupt("cannot be used").caused_by(e))?;
    Ok(cache.insert(hash, ready))
}

/// A map from hashes to values that the clones of a desk share.
#[derive(Debug)]
struct Cache<T>(Mutex<HashMap<Fingerprint, T>>);

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache(Mutex::default())
    }
}

impl<T: Clone> Cache<T> {
    fn get(&self, hash: Fingerprint) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    fn has(&self, hash: Fingerprint) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&hash)
    }

    /// Inserts a value unless there is one, and returns the stored value. If two threads load the same definition, both
    /// use the same value.
    fn insert(&self, hash: Fingerprint, value: T) -> T {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.entry(hash).or_insert(value).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::{Agreement, Metric, Target};
    use crate::store::RecordTable;
    use crate::workflow::preset;

    /// Loads a policy and counts the rounds of reads.
    fn loaded(definitions: &Definitions, policy: &Policy) -> (ReadyPolicy, usize) {
        let stored = policy.to_stored().unwrap();
        let hash = stored.manifest.hash;
        let texts: HashMap<_, _> =
            stored.parts.into_iter().chain([stored.manifest]).map(|it| (it.hash, it.text)).collect();
        let (mut loaded, mut rounds) = (Loaded::default(), 0);
        loop {
            let interrupt = match definitions.policy(hash, &loaded) {
                Ok(ready) => return (ready, rounds),
                Err(interrupt) => interrupt,
            };
            assert!(matches!(interrupt, Interrupt::Load(_)), "{interrupt:?}");
            let Interrupt::Load(reads) = interrupt else { continue };
            let mut records = RecordTable::default();
            texts.iter().for_each(|(hash, text)| records.write(kinds::define(*hash, text)));
            let answers = reads.iter().map(|read| records.answer(read).unwrap()).collect();
            loaded.put(reads, answers).unwrap();
            rounds += 1;
        }
    }

    #[test]
    fn changing_the_prefix_compiles_nothing() {
        let target = Target::new(Metric::Resolution).within(chrono::TimeDelta::hours(4));
        let policy = Policy::new()
            .field("order", FieldType::Integer)
            .agreement(Agreement::new("standard", 1).target(target.clone()))
            .workflow(preset::problem());
        let definitions = Definitions::default();
        let (first, rounds) = loaded(&definitions, &policy);
        assert_eq!((&*first.policy, rounds), (&policy, 2));
        let (second, rounds) = loaded(&definitions, &policy.clone().prefix("B"));
        assert_eq!((&*second.policy, rounds), (&policy.clone().prefix("B"), 1));
        assert!(Arc::ptr_eq(&first.agreements, &second.agreements));
        let workflow = |ready: &ReadyPolicy| {
            std::ptr::from_ref(ready.workflows.named(&ready.policy.workflows()[0].name).unwrap().definition())
        };
        assert_eq!(workflow(&first), workflow(&second));
        // A changed agreement, in contrast, is compiled.
        let (third, _) = loaded(&definitions, &policy.agreement(Agreement::new("more", 2).target(target)));
        assert!(!Arc::ptr_eq(&first.agreements, &third.agreements));
        assert_eq!(workflow(&first), workflow(&third));
    }
}
