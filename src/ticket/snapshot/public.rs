//! The public part of a ticket: the ticket as its contacts see it.

use std::collections::{BTreeMap, BTreeSet};

use super::Snapshot;
use crate::line::Line;
use crate::ticket::people::Who;
use crate::ticket::personal::{Personal, Words};

impl Snapshot {
    /// Returns the ticket as its contacts see it, in agreement with [`Event::public`](crate::Event::public).
    ///
    /// Public are the number, the kind, the channel, the state, the contacts with their names, the subject, the
    /// solution, the priority without its reasons, and the times of messages and steps. Internal values are absent, as
    /// on a new ticket: team, line, agent, status, category, tags, custom fields, attributes, addresses, links, clocks
    /// and deadlines, followers, time spent, and the origin of an imported ticket. [`updated_at`](Snapshot::updated_at)
    /// is the latest of the public times. The version stays, because a command may expect it.
    ///
    /// ```
    /// use firstline::{Action, Actor, Desk, NewTicket};
    ///
    /// let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
    /// desk.act(id, Action::tag("complains-often").and(Action::resolve("unmuted")), Actor::agent("anna"))?;
    ///
    /// let public = desk.ticket(id)?.snapshot().public();
    /// assert_eq!((public.subject(), public.personal.resolution()), ("No sound", Some("unmuted")));
    /// assert!(public.tags.is_empty());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn public(&self) -> Snapshot {
        // Without `..`, so that a new field needs an answer here.
        let Snapshot {
            id,
            version,
            number,
            kind,
            channel,
            state,
            placement: _,
            state_since,
            hold_end: _,
            contacts,
            attributes: _,
            category: _,
            tags: _,
            fields: _,
            modifiers: _,
            assessment,
            team: _,
            line: _,
            assignee: _,
            links: _,
            resolution_code: _,
            opened_at,
            updated_at: _,
            adopted: _,
            touched_at: _,
            outbound,
            asked_at,
            first_replied_at,
            resolved_at,
            closed_at,
            due_at: _,
            overdue_since: _,
            reopens,
            handovers: _,
            messages_received,
            replies_sent,
            last_speaker,
            unanswered_since,
            undone: _,
            spam: _,
            irregular: _,
            out_of_order: _,
            unmapped_status: _,
            external: _,
            imported: _,
            clocks: _,
            followers: _,
            minutes_spent: _,
            personal,
        } = self;
        let times = [*asked_at, *first_replied_at, *resolved_at, *closed_at, *unanswered_since];
        let updated_at = times.into_iter().flatten().chain([*opened_at, *state_since]).max();
        let mut words = Personal::default();
        for (owner, all) in personal.owners() {
            let Words { subject, resolution, name, .. } = all.clone();
            words.add(owner.clone(), Words { subject, resolution, name, ..Words::default() });
        }
        Snapshot {
            id: *id,
            version: *version,
            number: number.clone(),
            kind: kind.clone(),
            channel: channel.clone(),
            state: state.public(),
            placement: None,
            state_since: *state_since,
            hold_end: None,
            contacts: contacts.clone(),
            attributes: BTreeMap::new(),
            category: Vec::new(),
            tags: BTreeSet::new(),
            fields: BTreeMap::new(),
            modifiers: BTreeSet::new(),
            assessment: assessment.without_reasons(),
            team: None,
            line: Line::default(),
            assignee: None,
            links: BTreeSet::new(),
            resolution_code: None,
            opened_at: *opened_at,
            updated_at: updated_at.unwrap_or(*opened_at),
            adopted: None,
            touched_at: None,
            outbound: *outbound,
            asked_at: *asked_at,
            first_replied_at: *first_replied_at,
            resolved_at: *resolved_at,
            closed_at: *closed_at,
            due_at: None,
            overdue_since: None,
            reopens: *reopens,
            handovers: 0,
            messages_received: *messages_received,
            replies_sent: *replies_sent,
            last_speaker: match last_speaker {
                Some(Who::Automation(_)) => Some(Who::Desk),
                other => other.clone(),
            },
            unanswered_since: *unanswered_since,
            undone: 0,
            spam: false,
            irregular: 0,
            out_of_order: false,
            unmapped_status: None,
            external: None,
            imported: None,
            clocks: Vec::new(),
            followers: BTreeSet::new(),
            minutes_spent: 0,
            personal: words,
        }
    }
}
