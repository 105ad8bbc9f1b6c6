//! Actions on a ticket, as data.

mod last_step;
mod step_options;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AgentId, ContactId, TeamId, ThreadKey, TicketId};
use crate::lifecycle::{ActionKind, HoldReason, StepKind};
use crate::line::Line;
use crate::priority::{Impact, Priority, Urgency};
use crate::ticket::hold_end::HoldEnd;
use crate::ticket::kind::{Kind, Link, LinkKind};
use crate::ticket::message::Message;
use crate::ticket::people::{Contact, ContactRole};
use crate::value::Value;

pub use step_options::StepOptions;

/// A change to a ticket, as data.
///
/// Several actions can be combined into one. The desk executes all parts or none:
///
/// ```
/// use firstline::{Action, HoldReason};
///
/// let ask = Action::reply("Which browser is it?").and(Action::hold(HoldReason::Customer));
/// let answer = Action::reply("It works again.").and(Action::resolve("cache cleared"));
/// # assert_eq!(ask.parts().len() + answer.parts().len(), 4);
/// ```
///
/// In JSON each action is an object with one key, the name of the action:
///
/// ```
/// use firstline::Action;
///
/// let written = r#"{"all": [{"note": {"text": "Looked into it."}}, {"start": {}}, {"hold": {"reason": "customer"}},
///                           {"move": {"status": "Awaiting parcel"}}, {"resolve": {"text": "unmuted"}}]}"#;
/// let action: Action = serde_json::from_str(written).unwrap();
/// assert_eq!(action.parts().len(), 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Adds a public message. It counts as a reply of the desk if the actor is an agent or a program, and as a received
    /// message if the actor is a contact of the ticket. Others are refused.
    Reply(Message),
    /// Adds an internal note.
    Note(Message),
    /// Starts work.
    Start(StepOptions),
    /// Puts the ticket on hold.
    Hold {
        /// The reason for the hold.
        reason: HoldReason,
        /// The instant at which the ticket resumes by itself. The desk rounds it down to whole microseconds, the
        /// precision of the stores.
        until: Option<DateTime<Utc>>,
        /// The status and the comment of the step.
        #[serde(default, skip_serializing_if = "StepOptions::is_empty")]
        options: StepOptions,
    },
    /// Sets what happens when the date of the ticket's hold is reached.
    HoldEnd(HoldEnd),
    /// Resumes work after a hold.
    Resume(StepOptions),
    /// Resolves the ticket.
    Resolve {
        /// The solution, as text.
        text: String,
        /// A resolution code from the desk's own list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The status after the step; `None` lets the workflow choose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
    },
    /// Closes a resolved ticket because the requester confirms the solution.
    Confirm(StepOptions),
    /// Closes a resolved ticket without the requester's confirmation.
    Close(StepOptions),
    /// Reopens a resolved ticket.
    Reopen(StepOptions),
    /// Cancels the ticket.
    Cancel(StepOptions),
    /// Cancels the ticket as spam. The cancellation has this cause, and [`Action::NotSpam`] takes it back.
    Spam,
    /// Takes back that the ticket is spam: the ticket returns to the state and status that it had before.
    NotSpam,
    /// Takes back the actor's own last command. See [`Action::undo`].
    Undo,
    /// Moves the ticket to another status of its workflow. If that status is in another state, the move takes the step
    /// that leads there.
    Move {
        /// The new status.
        status: String,
        /// A comment that explains the move.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Assigns the ticket to an agent; `None` removes the assignment.
    Assign(Option<AgentId>),
    /// Assigns the ticket to the agent who performs the action. Refused if another agent has the ticket.
    Take,
    /// Hands the ticket over to a team on a line. Removes the assigned agent, unless the same action also assigns the
    /// ticket; the order of the two parts does not matter.
    HandOver {
        /// The team.
        team: TeamId,
        /// The team's line.
        line: Line,
        /// A note for the next agent, so that the customer does not have to repeat the story.
        note: Option<String>,
    },
    /// Sets the impact.
    Impact(Impact),
    /// Sets the urgency.
    Urgency(Urgency),
    /// Adds a priority modifier to the ticket or removes one.
    Modifier {
        /// The modifier's name in the desk's policy.
        name: String,
        /// True to add the modifier, false to remove it.
        on: bool,
    },
    /// Sets the priority directly. It overrides the computed priority until [`Action::ClearOverride`].
    OverridePriority {
        /// The priority.
        priority: Priority,
        /// A comment that explains the override.
        comment: String,
    },
    /// Returns to the computed priority.
    ClearOverride,
    /// Sets the subject.
    Subject(String),
    /// Sets the kind.
    Kind(Kind),
    /// Sets the category path, from general to specific.
    Category(Vec<String>),
    /// Adds a tag.
    Tag(String),
    /// Removes a tag.
    Untag(String),
    /// Sets a custom field, or clears it.
    Field {
        /// The field's name in the desk's policy.
        name: String,
        /// The new value; `None` clears the field.
        value: Option<Value>,
    },
    /// Adds a contact, or updates one. Values that the contact does not mention are unchanged.
    Contact {
        /// The contact.
        contact: Contact,
        /// The contact's role on the ticket.
        role: ContactRole,
    },
    /// Removes a contact.
    RemoveContact(ContactId),
    /// Adds the key of a thread. Messages of the thread go to this ticket from now on.
    Thread(ThreadKey),
    /// Records the time that the agent has worked on the ticket. See [`Action::time_spent`].
    TimeSpent {
        /// The minutes. Negative to correct an earlier entry.
        minutes: i32,
    },
    /// Adds an agent to the followers of the ticket. See [`Action::follow`].
    Follow(AgentId),
    /// Removes an agent from the followers.
    Unfollow(AgentId),
    /// Links the ticket to another ticket of the desk. The same commit adds the inverse link to the other ticket.
    Link(Link),
    /// Removes a link from both tickets.
    Unlink(Link),
    /// Executes several actions in this order: all of them or none.
    All(Vec<Action>),
}

impl Action {
    /// Creates a public message.
    pub fn reply(message: impl Into<Message>) -> Action {
        Action::Reply(message.into())
    }

    /// Creates an internal note.
    pub fn note(message: impl Into<Message>) -> Action {
        Action::Note(message.into())
    }

    /// Starts work.
    pub fn start() -> Action {
        Action::Start(StepOptions::default())
    }

    /// Puts the ticket on hold for this reason.
    pub fn hold(reason: impl Into<HoldReason>) -> Action {
        Action::Hold { reason: reason.into(), until: None, options: StepOptions::default() }
    }

    /// Puts the ticket on hold for this reason. The ticket resumes by itself at the given instant.
    pub fn hold_until(reason: impl Into<HoldReason>, until: DateTime<Utc>) -> Action {
        Action::Hold { reason: reason.into(), until: Some(until), options: StepOptions::default() }
    }

    /// Resumes work after a hold.
    pub fn resume() -> Action {
        Action::Resume(StepOptions::default())
    }

    /// Resolves the ticket. The text states the solution.
    pub fn resolve(text: impl Into<String>) -> Action {
        Action::Resolve { text: text.into(), code: None, status: None }
    }

    /// Resolves the ticket with a resolution code from the desk's own list and a text that states the solution.
    pub fn resolve_as(code: impl Into<String>, text: impl Into<String>) -> Action {
        Action::Resolve { text: text.into(), code: Some(code.into()), status: None }
    }

    /// Closes a resolved ticket because the requester confirms the solution.
    pub fn confirm() -> Action {
        Action::Confirm(StepOptions::default())
    }

    /// Closes a resolved ticket without the requester's confirmation.
    pub fn close() -> Action {
        Action::Close(StepOptions::default())
    }

    /// Reopens a resolved ticket.
    pub fn reopen() -> Action {
        Action::Reopen(StepOptions::default())
    }

    /// Cancels the ticket.
    pub fn cancel() -> Action {
        Action::Cancel(StepOptions::default())
    }

    /// Cancels the ticket as spam. The workflow must allow the cancellation, but no comment is needed.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("Cheap watches"))?.id();
    /// assert!(desk.act(id, Action::spam(), Actor::agent("anna"))?.ticket.spam);
    /// let ticket = desk.act(id, Action::not_spam(), Actor::agent("ben"))?.ticket;
    /// assert_eq!((ticket.state().to_string().as_str(), ticket.spam), ("new", false));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn spam() -> Action {
        Action::Spam
    }

    /// Takes back that the ticket is spam. The ticket returns to the state and status that it had before, and its
    /// clocks run on from there. If the date of a hold or of a closing passed while the ticket was spam, the ticket
    /// keeps the time that was left, as after [`undo`](Action::undo).
    pub fn not_spam() -> Action {
        Action::NotSpam
    }

    /// Takes back the actor's own last command on the ticket, with all its parts, even if it has closed or cancelled
    /// the ticket. This must be the only part of an action.
    ///
    /// The ticket is then as it was before the command, and its clocks run on from there. The history keeps the command
    /// and gets an event for the undoing. A breach that was recorded in the meantime stays recorded. The command's
    /// links are removed or restored on both tickets, and its thread keys are released, unless a follow-up has taken
    /// them over.
    ///
    /// If the ticket was on hold until a date, or resolved with a date of its closing, and that date has passed since
    /// the command, the ticket keeps the time that was left: with two hours left at the command, the hold ends two
    /// hours after the undoing. The reminder of the hold moves along. A date that is still to come is not changed.
    ///
    /// A command that changed nothing is not the last command: its receipt has no events, and the command before it is
    /// taken back. A command on another ticket is not either, even if it has linked that ticket to this one.
    ///
    /// Refused if
    /// - somebody else has acted on the ticket since, or a timer has changed it;
    /// - the command has changed a link that was changed from the other ticket since;
    /// - the command is older than the policy's [`undo_within`](crate::Policy::undo_within), by default one day;
    /// - the command has a public message, because the message may have been read;
    /// - the command opened the ticket, imported it, migrated it, or was itself an undoing.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let (id, anna) = (desk.open_ticket(NewTicket::new("No sound"))?.id(), Actor::agent("anna"));
    /// desk.act(id, Action::resolve("unmuted").and(Action::close()), &anna)?; // the wrong ticket
    /// let ticket = desk.act(id, Action::undo(), &anna)?.ticket;
    /// assert_eq!((ticket.state().to_string().as_str(), ticket.undone), ("new", 1));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn undo() -> Action {
        Action::Undo
    }

    /// Moves the ticket to another status of its workflow.
    ///
    /// If the status is in another state, the move takes the step that leads there. Two steps need more than a status
    /// and are therefore refused as a move:
    /// - `resolve` needs a solution: use [`resolve`](Action::resolve) with [`with_status`](Action::with_status);
    /// - `hold` needs a reason if the status [has none](crate::workflow::Status::reason): use [`hold`](Action::hold)
    ///   with `with_status`.
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let check = Action::move_to("Inspection");
    /// let refuse = Action::move_to("Withdrawn").comment("It was opened twice.");
    /// let answer = Action::resolve("money back").with_status("Refunded");
    /// ```
    pub fn move_to(status: impl Into<String>) -> Action {
        Action::Move { status: status.into(), comment: None }
    }

    /// Assigns the ticket to an agent.
    pub fn assign(to: impl Into<AgentId>) -> Action {
        Action::Assign(Some(to.into()))
    }

    /// Assigns the ticket to the agent who performs the action. The action is refused if another agent has the ticket.
    ///
    /// If several agents take a ticket at the same time, one of them gets it. The others learn who has it:
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// desk.act(id, Action::take(), Actor::agent("anna"))?;
    /// let error = desk.act(id, Action::take(), Actor::agent("ben")).unwrap_err();
    /// assert!(error.to_string().starts_with("take is refused: the ticket is assigned to anna"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn take() -> Action {
        Action::Take
    }

    /// Removes the assignment. Any agent of the team may take the ticket.
    pub fn unassign() -> Action {
        Action::Assign(None)
    }

    /// Hands the ticket over to a team on a line, with a note for the next agent.
    pub fn hand_over(team: impl Into<TeamId>, line: Line, note: impl Into<String>) -> Action {
        Action::HandOver { team: team.into(), line, note: Some(note.into()) }
    }

    /// Sets the priority directly, with a comment that explains it.
    pub fn override_priority(priority: Priority, comment: impl Into<String>) -> Action {
        Action::OverridePriority { priority, comment: comment.into() }
    }

    /// Returns to the computed priority.
    pub fn clear_override() -> Action {
        Action::ClearOverride
    }

    /// Adds a priority modifier to the ticket.
    pub fn modifier(name: impl Into<String>) -> Action {
        Action::Modifier { name: name.into(), on: true }
    }

    /// Sets the subject.
    pub fn subject(subject: impl Into<String>) -> Action {
        Action::Subject(subject.into())
    }

    /// Sets the category path, from general to specific.
    pub fn category<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Action {
        Action::Category(path.into_iter().map(Into::into).collect())
    }

    /// Adds a tag.
    pub fn tag(tag: impl Into<String>) -> Action {
        Action::Tag(tag.into())
    }

    /// Removes a tag.
    pub fn untag(tag: impl Into<String>) -> Action {
        Action::Untag(tag.into())
    }

    /// Sets a custom field.
    pub fn field(name: impl Into<String>, value: impl Into<Value>) -> Action {
        Action::Field { name: name.into(), value: Some(value.into()) }
    }

    /// Adds the key of a thread: the id of a mail that the desk sends, or the chat in which a request by telephone goes
    /// on. [`Desk::receive`](crate::Desk::receive) then takes messages of the thread to this ticket. A ticket may have
    /// any number of keys. A key that leads to another ticket is refused. [`Action::undo`] releases a key.
    ///
    /// ```
    /// use firstline::{Action, Actor, Desk, InboundMessage, NewTicket};
    ///
    /// let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
    /// desk.act(id, Action::reply("Unmute it.").and(Action::thread("<b@desk>")), Actor::agent("anna"))?;
    /// let answer = InboundMessage::new("I did.").from("boris").thread("<b@desk>");
    /// assert_eq!(desk.receive(answer)?.ticket.id(), id);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn thread(key: impl Into<ThreadKey>) -> Action {
        Action::Thread(key.into())
    }

    /// Records the time that the agent has worked on the ticket, in minutes. The ticket keeps the total,
    /// [`minutes_spent`](crate::Snapshot::minutes_spent). Only agents record time, in any state of the ticket.
    ///
    /// A negative number corrects an earlier entry; the total cannot fall below zero. One entry has at most a week.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let (id, anna) = (desk.open_ticket(NewTicket::new("No sound"))?.id(), Actor::agent("anna"));
    /// desk.act(id, Action::time_spent(45).comment("Called the vendor."), &anna)?;
    /// let ticket = desk.act(id, Action::time_spent(-15), &anna)?.ticket;
    /// assert_eq!(ticket.minutes_spent, 30);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn time_spent(minutes: i32) -> Action {
        Action::TimeSpent { minutes }
    }

    /// Adds an agent to the followers of the ticket. A follower need not be the agent who acts or the one who is
    /// assigned. Followers have no effect on the ticket; [`Query::followed_by`](crate::Query::followed_by) finds the
    /// tickets of a follower.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket, Query};
    /// # let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// desk.act(id, Action::follow("ben"), Actor::agent("anna"))?;
    /// assert_eq!(desk.find(Query::inbox().followed_by("ben"))?.tickets.len(), 1);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn follow(agent: impl Into<AgentId>) -> Action {
        Action::Follow(agent.into())
    }

    /// Removes an agent from the followers.
    pub fn unfollow(agent: impl Into<AgentId>) -> Action {
        Action::Unfollow(agent.into())
    }

    /// Links the ticket to another ticket of the desk.
    pub fn link(kind: LinkKind, to: TicketId) -> Action {
        Action::Link(Link { kind, to })
    }

    /// Removes a link from both tickets.
    pub fn unlink(kind: LinkKind, to: TicketId) -> Action {
        Action::Unlink(Link { kind, to })
    }

    /// Appends an action. Both are executed in one commit, this one first.
    #[must_use]
    pub fn and(self, next: Action) -> Action {
        match self {
            Action::All(mut parts) => {
                parts.push(next);
                Action::All(parts)
            }
            first => Action::All(vec![first, next]),
        }
    }

    /// Returns the individual actions in order. Nested [`Action::All`] values are flattened.
    pub fn parts(&self) -> Vec<&Action> {
        let mut parts = Vec::new();
        let mut stack = vec![self];
        while let Some(action) = stack.pop() {
            match action {
                Action::All(several) => stack.extend(several.iter().rev()),
                single => parts.push(single),
            }
        }
        parts
    }

    /// Returns what was asked, without what the host adds by itself: the attributes of people and the keys of uploaded
    /// files.
    pub(crate) fn asked(&self) -> Action {
        let mut asked = self.clone();
        match &mut asked {
            Action::Reply(message) | Action::Note(message) => *message = std::mem::take(message).asked(),
            Action::Contact { contact, .. } => contact.attributes.clear(),
            _ => {}
        }
        asked
    }

    /// Returns the kind of the action; `None` for [`Action::All`].
    pub const fn kind(&self) -> Option<ActionKind> {
        Some(match self {
            Action::Reply(_) => ActionKind::Reply,
            Action::Note(_) => ActionKind::Note,
            Action::Start(_) => ActionKind::Step(StepKind::Start),
            Action::Hold { .. } => ActionKind::Step(StepKind::Hold),
            Action::Resume(_) => ActionKind::Step(StepKind::Resume),
            Action::Resolve { .. } => ActionKind::Step(StepKind::Resolve),
            Action::Confirm(_) => ActionKind::Step(StepKind::Confirm),
            Action::Close(_) => ActionKind::Step(StepKind::Close),
            Action::Reopen(_) => ActionKind::Step(StepKind::Reopen),
            Action::Cancel(_) | Action::Spam => ActionKind::Step(StepKind::Cancel),
            Action::NotSpam => ActionKind::NotSpam,
            Action::Undo => ActionKind::Undo,
            Action::Move { .. } => ActionKind::Move,
            Action::Assign(_) | Action::Take => ActionKind::Assign,
            Action::HandOver { .. } => ActionKind::HandOver,
            Action::Impact(_)
            | Action::Urgency(_)
            | Action::Modifier { .. }
            | Action::OverridePriority { .. }
            | Action::ClearOverride => ActionKind::Prioritise,
            Action::HoldEnd(_)
            | Action::Subject(_)
            | Action::Kind(_)
            | Action::Category(_)
            | Action::Tag(_)
            | Action::Untag(_)
            | Action::Field { .. }
            | Action::Contact { .. }
            | Action::RemoveContact(_)
            | Action::Thread(_) => ActionKind::Describe,
            Action::TimeSpent { .. } => ActionKind::TimeSpent,
            Action::Follow(_) | Action::Unfollow(_) => ActionKind::Follow,
            Action::Link(_) | Action::Unlink(_) => ActionKind::Link,
            Action::All(_) => return None,
        })
    }
}
