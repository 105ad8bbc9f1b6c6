//! The opening of a ticket from the first imported version.

use std::collections::{BTreeMap, BTreeSet};

use super::ImportedTicket;
use super::version::{Holder, ImportedVersion};
use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::state;
use crate::policy::Policy;
use crate::priority::{Assessment, Inputs};
use crate::sla::AgreementSet;
use crate::ticket::decision::Draft;
use crate::ticket::event::{Change, Event, Opened, Origin};
use crate::ticket::kind::{Channel, Kind, TicketNumber};
use crate::ticket::personal::{Owner, Words};
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;

/// Opens the ticket with all data of the first version, except the note and an unmapped status.
pub(super) fn draft(
    ticket: &ImportedTicket,
    first: &ImportedVersion,
    id: TicketId,
    number: u64,
    policy: &Policy,
    agreements: &AgreementSet,
) -> Result<Draft> {
    let modifiers = first.modifiers.clone().unwrap_or_default();
    let mut opened = Opened {
        number: TicketNumber { prefix: policy.number_prefix().into(), value: number },
        kind: first.kind.clone().unwrap_or(Kind::Question),
        channel: first.channel.clone().unwrap_or_else(|| Channel::from("unknown")),
        state: first.state().unwrap_or_else(|| state::New.into()),
        resolution_code: first.resolution_code.clone(),
        contacts: BTreeMap::new(),
        attributes: BTreeMap::new(),
        category: first.category.clone().unwrap_or_default(),
        tags: first.tags.clone().unwrap_or_default(),
        fields: BTreeMap::new(),
        assessment: policy.matrix_in_use().assess(&Inputs {
            impact: first.impact,
            urgency: first.urgency,
            modifiers: &modifiers,
            ..Inputs::default()
        })?,
        modifiers,
        team: first.team.as_ref().and_then(Holder::get).cloned(),
        line: first.line.unwrap_or_default(),
        assignee: first.assignee.as_ref().and_then(Holder::get).cloned(),
        files: Vec::new(),
        external: Some(ticket.external.clone()),
        // Imported history has no workflow statuses. A migration can move the ticket to a workflow later.
        placement: None,
    };
    let owner = Owner::of_words(&first.by.who, first.requester());
    let fields = first.fields.iter();
    let fields = fields.filter_map(|(name, value)| Some((name, value.as_ref()?, owner.clone())));
    let mut personal =
        opened.set_contents(first.message.as_ref(), &first.contacts, fields, &owner, policy)?;
    let (subject, resolution) = (first.subject.clone(), first.resolution.clone());
    personal.add(owner, Words { subject, resolution, ..Words::default() });
    let event = Event {
        ticket: id,
        version: 1,
        at: to_micros(first.at),
        by: first.by.clone(),
        change: Change::Opened(Box::new(opened)),
        personal,
        origin: Some(Origin { version: 1, irregular: false }),
        continues: false,
    };
    Draft::opening(event, policy, agreements)
}

/// Computes the priority of the ticket with the values from the version. Missing values come from the snapshot.
pub(super) fn assess(
    snapshot: &Snapshot,
    version: &ImportedVersion,
    modifiers: &BTreeSet<String>,
    policy: &Policy,
) -> Result<Assessment> {
    policy.matrix_in_use().assess(&Inputs {
        impact: version.impact.or(snapshot.assessment.impact().given()),
        urgency: version.urgency.or(snapshot.assessment.urgency().given()),
        modifiers,
        overridden: snapshot.assessment.overridden(),
        facts: snapshot,
    })
}
