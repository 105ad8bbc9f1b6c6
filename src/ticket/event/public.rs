//! The public form of events: what the customer may see of a history.
//!
//! Everything is internal unless this file makes it public. A new change does not compile without an answer here.

use std::collections::{BTreeMap, BTreeSet};

use super::{Arrived, Cause, Change, DetailsChange, Event, Opened};
use crate::lifecycle::StateKind;
use crate::lifecycle::state::{HoldReason, OnHold, State};
use crate::line::Line;
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::{Personal, Words};

impl Event {
    /// Returns true if the customer may see that the event happened. [`public`](Event::public) returns what they may
    /// see of it.
    ///
    /// ```
    /// use firstline::{Action, Actor, Desk, Line, NewTicket};
    ///
    /// let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
    /// let parts = Action::reply("Unmute it.").and(Action::hand_over("audio", Line::Second, "He shouts."));
    /// let receipt = desk.act(id, parts, Actor::agent("anna"))?;
    /// let public: Vec<bool> = receipt.events.iter().map(|event| event.is_public()).collect();
    /// assert_eq!(public, [true, false]);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn is_public(&self) -> bool {
        self.public().is_some()
    }

    /// Returns the event as the customer may see it; `None` if the whole event is internal.
    ///
    /// Public are the opening, the messages of people and the replies of the desk with their texts and files, changes
    /// of the state, of the subject, of the kind, of the channel and of the contacts, stopping and planning the
    /// automatic closing, and the undoing of a command. The text of a resolution is public. The comment of another step
    /// is public only if somebody on the customer's side wrote it.
    ///
    /// Everything else is internal: notes, hand-overs, teams, lines, assignments, tags, categories, custom fields,
    /// attributes, the reasons of a priority, statuses of a workflow, hold reasons of the desk's own, resolution codes,
    /// links, thread keys, clocks and their reactions, the addresses of contacts, spam, and the origin of an imported
    /// event. An agent is named by id; a program appears as the desk.
    ///
    /// The undoing of a command is public if the command is. [`Story::public`](crate::Story::public) and
    /// [`View::history`](crate::desk::View::history) know the command and leave out the undoing of an internal one.
    ///
    /// Public events keep their versions, so a public history has gaps and cannot be folded. In the public form of an
    /// opening, internal values are absent, and the assessment has only the priority.
    pub fn public(&self) -> Option<Event> {
        let is_contact = !self.by.who.is_staff();
        let change = self.change.public()?;
        let words: fn(&Words) -> Words = match &change {
            Change::Opened(_) => |words| Words { subject: words.subject.clone(), ..message(words) },
            Change::Received(_) => |words| Words { subject: words.subject.clone(), ..message(words) },
            Change::Replied { .. } => message,
            Change::StateChanged { to, .. } if is_contact || to.kind() == StateKind::Resolved => message,
            Change::DetailsChanged(_) => |words| Words { subject: words.subject.clone(), ..Words::default() },
            _ => |_| Words::default(),
        };
        let mut personal = Personal::default();
        for (owner, all) in self.personal.owners() {
            personal.add(owner.clone(), Words { name: all.name.clone(), ..words(all) });
        }
        let who = match &self.by.who {
            Who::Automation(_) => Who::Desk,
            other => other.clone(),
        };
        Some(Event {
            by: Actor::from(who),
            change,
            personal,
            origin: None,
            // The event before it may be internal.
            continues: false,
            mirrored: false,
            adopted: None,
            ..*self
        })
    }
}

impl Event {
    /// Returns the public form of an event of this history. The undoing of a command is public only if the command is.
    pub(crate) fn public_in(&self, history: &[Event]) -> Option<Event> {
        if let Change::Undone { versions, .. } = &self.change {
            history.iter().find(|it| versions.contains(&it.version) && it.is_public())?;
        }
        self.public()
    }
}

/// The text of a message with the names of its files.
fn message(words: &Words) -> Words {
    Words { text: words.text.clone(), files: words.files.clone(), ..Words::default() }
}

impl Change {
    /// Returns the public facts; `None` if the whole change is internal.
    fn public(&self) -> Option<Change> {
        Some(match self {
            Change::Opened(opened) => Change::Opened(Box::new(opened.public())),
            Change::Received(arrived) => Change::Received(Arrived {
                files: arrived.files.clone(),
                channel: arrived.channel.clone(),
                sent_at: arrived.sent_at,
                from_outside: arrived.from_outside,
                without_text: arrived.without_text,
                ..Arrived::default()
            }),
            Change::Replied { files } => Change::Replied { files: files.clone() },
            Change::StateChanged { from, to, step, cause, .. } => Change::StateChanged {
                from: *from,
                to: to.public(),
                step: *step,
                cause: match cause {
                    Cause::Spam | Cause::NotSpam => Cause::Action,
                    other => *other,
                },
                code: None,
                status: None,
            },
            Change::ClosingChanged { closes_at } => Change::ClosingChanged { closes_at: *closes_at },
            Change::DetailsChanged(details) => {
                let public = DetailsChange {
                    kind: details.kind.clone(),
                    subject: details.subject,
                    channel: details.channel.clone(),
                    contacts: details.contacts.clone(),
                    contacts_removed: details.contacts_removed.clone(),
                    ..DetailsChange::default()
                };
                Some(public)
                    .filter(|it| *it != DetailsChange::default())
                    .map(|it| Change::DetailsChanged(Box::new(it)))?
            }
            Change::Undone { versions, commanded_at, before, resolved_at, closed_at, .. } => Change::Undone {
                versions: versions.clone(),
                commanded_at: *commanded_at,
                before: Box::new(before.public()),
                resolved_at: *resolved_at,
                closed_at: *closed_at,
                unanswered_since: None,
                reopens: 0,
                handovers: 0,
                first_replied_at: None,
                replies_sent: 0,
                hold_end: None,
                minutes_spent: 0,
                followers: BTreeSet::new(),
                unmapped_status: None,
            },
            Change::SignalReceived(_)
            | Change::NoteAdded { .. }
            | Change::StatusChanged { .. }
            | Change::WorkflowMigrated { .. }
            | Change::TimerExpired { .. }
            | Change::Assigned { .. }
            | Change::HandedOver { .. }
            | Change::Prioritised { .. }
            | Change::Warned(_)
            | Change::Breached(_)
            | Change::ClocksUpdated { .. }
            | Change::PolicyRebound { .. }
            | Change::HoldEndSet(_)
            | Change::Reminded
            | Change::TimeSpent { .. }
            | Change::Followed { .. }
            | Change::Unfollowed { .. }
            | Change::ThreadAdded
            | Change::Linked(_)
            | Change::Unlinked(_)
            | Change::StateRepeated
            | Change::StatusUnmapped { .. }
            | Change::Imported(_) => return None,
        })
    }
}

impl Opened {
    fn public(&self) -> Opened {
        Opened {
            number: self.number.clone(),
            kind: self.kind.clone(),
            channel: self.channel.clone(),
            state: self.state.public(),
            resolution_code: None,
            contacts: self.contacts.clone(),
            attributes: BTreeMap::new(),
            category: Vec::new(),
            tags: BTreeSet::new(),
            fields: BTreeMap::new(),
            modifiers: BTreeSet::new(),
            assessment: self.assessment.without_reasons(),
            team: None,
            line: Line::default(),
            assignee: None,
            files: self.files.clone(),
            sent_at: self.sent_at,
            left_out: BTreeMap::new(),
            external: None,
            placement: None,
        }
    }
}

impl State {
    /// Returns the state as the customer may see it. A hold reason of the desk's own becomes `other`.
    pub(crate) fn public(&self) -> State {
        match self {
            State::OnHold(OnHold { reason: HoldReason::Custom(_), until }) => {
                State::OnHold(OnHold { reason: HoldReason::Custom(OTHER.to_owned()), until: *until })
            }
            other => other.clone(),
        }
    }
}

/// The public form of a hold reason of the desk's own.
const OTHER: &str = "other";
