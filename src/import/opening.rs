//! The opening of a ticket from the first imported version.

use std::collections::{BTreeMap, BTreeSet};

use super::ImportedTicket;
use super::placing::{self, Target};
use super::version::{Holder, ImportedStatus, ImportedVersion};
use crate::error::Result;
use crate::id::TicketId;
use crate::lifecycle::state;
use crate::policy::Policy;
use crate::priority::{Assessment, AssessmentInputs};
use crate::sla::AgreementSet;
use crate::ticket::decision::Draft;
use crate::ticket::event::{Change, Event, Opened, Origin};
use crate::ticket::kind::{Channel, Kind, TicketNumber};
use crate::ticket::personal::{Owner, Words};
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;
use crate::workflow::WorkflowSet;

/// Opens the ticket with all data of the first version, except the note and an unmapped status.
pub(super) fn draft(
    ticket: &ImportedTicket,
    first: &ImportedVersion,
    id: TicketId,
    number: u64,
    policy: &Policy,
    agreements: &AgreementSet,
    workflows: &WorkflowSet,
) -> Result<Draft> {
    let kind = first.kind.clone().unwrap_or(Kind::Question);
    let target = placing::target(first, None, workflows.for_kind(kind.as_str()))?;
    let Target { state, placement } =
        target.unwrap_or_else(|| Target { state: state::New.into(), placement: None });
    let modifiers = first.modifiers.clone().unwrap_or_default();
    let mut opened = Opened {
        number: TicketNumber { prefix: policy.number_prefix().into(), value: number },
        kind,
        channel: first.channel.clone().unwrap_or_else(|| Channel::from("unknown")),
        state,
        resolution_code: first.resolution_code.clone(),
        contacts: BTreeMap::new(),
        attributes: BTreeMap::new(),
        category: first.category.clone().unwrap_or_default(),
        tags: first.tags.clone().unwrap_or_default(),
        fields: BTreeMap::new(),
        assessment: policy.priority_matrix().assess(&AssessmentInputs {
            impact: first.impact,
            urgency: first.urgency,
            modifiers: &modifiers,
            ..AssessmentInputs::default()
        })?,
        modifiers,
        team: first.team.as_ref().and_then(Holder::get).cloned(),
        line: first.line.unwrap_or_default(),
        assignee: first.assignee.as_ref().and_then(Holder::get).cloned(),
        files: Vec::new(),
        sent_at: None,
        left_out: BTreeMap::new(),
        external: Some(ticket.external.clone()),
        placement,
    };
    let owner = Owner::of_words(&first.by.who, first.requester());
    let fields = first.fields.iter().map(|(name, value)| (name, value, owner.clone()));
    let mut personal =
        opened.set_contents(first.message.as_ref(), &first.contacts, fields, &owner, policy)?;
    let (subject, resolution) = (first.subject.clone(), first.resolution.clone());
    personal.add(owner, Words { subject, resolution, ..Words::default() });
    // An unmapped status is an event of its own, which has the label.
    let unmapped = matches!(first.status, Some(ImportedStatus::Unmapped(_)));
    let label = first.label.clone().filter(|_| !unmapped);
    let event = Event {
        ticket: id,
        version: 1,
        at: to_micros(first.at),
        by: first.by.clone(),
        change: Change::Opened(Box::new(opened)),
        personal,
        origin: Some(Origin { version: 1, irregular: false, label }),
        continues: false,
        mirrored: false,
        adopted: None,
    };
    Draft::opening(event, policy, agreements, ticket.clocks)
}

/// Computes the priority of the ticket with the values from the version. Missing values come from the snapshot.
pub(super) fn assess(
    snapshot: &Snapshot,
    version: &ImportedVersion,
    modifiers: &BTreeSet<String>,
    policy: &Policy,
) -> Result<Assessment> {
    policy.priority_matrix().assess(&AssessmentInputs {
        impact: version.impact.or(snapshot.assessment.given_impact()),
        urgency: version.urgency.or(snapshot.assessment.given_urgency()),
        modifiers,
        manual_priority: snapshot.assessment.manual_priority(),
        facts: snapshot,
    })
}
