//! The agreements of a policy as one definition.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::agreement::Agreement;
use super::target::TimeBasis;
use crate::calendar::CalendarDefinition;

/// The agreements of a policy with the calendars that they use. Clocks are pinned to the hash of this definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agreements {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) calendars: BTreeMap<String, CalendarDefinition>,
    pub(crate) agreements: Vec<Agreement>,
}

impl Agreements {
    /// Creates the definition from these agreements and the calendars that they use.
    pub(crate) fn using(
        calendars: &BTreeMap<String, CalendarDefinition>,
        agreements: &[Agreement],
    ) -> Agreements {
        let targets = agreements.iter().flat_map(|agreement| &agreement.targets);
        let used: BTreeSet<&String> = targets
            .filter_map(|target| match &target.measured {
                TimeBasis::Business(calendar) => Some(calendar),
                TimeBasis::Wall => None,
            })
            .collect();
        let calendars = calendars.iter().filter(|(name, _)| used.contains(name));
        Agreements {
            calendars: calendars.map(|(name, it)| (name.clone(), it.clone())).collect(),
            agreements: agreements.to_vec(),
        }
    }
}
