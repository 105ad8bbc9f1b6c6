//! Ticket histories in words.
//!
//! `Display` prints an [`Event`] as one sentence, and a [`Story`] as one line for each event. Erased data is not
//! printed: the id replaces an erased name, and `(erased)` replaces an erased text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::id::ContactId;
use crate::lifecycle::{ActionKind, Rejection, RejectionReason, State, StateKind, StepKind};
use crate::ticket::event::{Arrived, Attachment, Cause, Change, DetailsChange, Event, Opened};
use crate::ticket::people::{ContactRole, Who};
use crate::ticket::personal::Personal;
use crate::value::Value;

/// A readable history: one line for each event, with its time (UTC), actor, change and reason.
///
/// ```
/// use firstline::reports::Story;
/// use firstline::{Action, Actor, Channel, Contact, Desk, Line, NewTicket};
///
/// let desk = Desk::memory();
/// let boris = Contact::new("customer-77").named("Boris");
/// let ticket = desk.open_ticket(NewTicket::new("No sound").from(boris).channel(Channel::Chat))?;
/// let note = Action::hand_over("audio", Line::Second, "Tried two headsets.");
/// desk.act(ticket.id(), note, Actor::agent("anna"))?;
///
/// let history = desk.records().history(ticket.id())?;
/// let story = Story::of(&history).to_string();
/// assert!(story.contains(r#"Boris opened T-1 (question, chat, P3): "No sound""#));
/// assert!(story.contains(r#"anna handed it over to audio, 2nd line: "Tried two headsets.""#));
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    events: &'a [Event],
    public: bool,
}

impl<'a> Story<'a> {
    /// Creates the story of these events, in their order.
    ///
    /// The events can be a part of a history. A contact is then shown by id until one of the events contains the name.
    pub fn of(events: &'a [Event]) -> Story<'a> {
        Story { events, public: false }
    }

    /// Returns the story for the customer: only [public events](Event::public), without internal words and without the
    /// names of teams and statuses.
    ///
    /// Begin with the whole history: names are known from internal events too, and the undoing of a command is shown only
    /// if the story shows the command.
    ///
    /// ```
    /// use firstline::{Action, Actor, Desk, NewTicket, Story};
    ///
    /// let desk = Desk::memory();
    /// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
    /// desk.act(id, Action::note("He is difficult.").and(Action::reply("Unmute it.")), Actor::agent("anna"))?;
    ///
    /// let story = Story::of(&desk.records().history(id)?).public().to_string();
    /// assert!(story.contains("Unmute it.") && !story.contains("difficult"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn public(mut self) -> Story<'a> {
        self.public = true;
        self
    }

    /// Returns the event as the story shows it; `None` if it does not.
    fn shown(&self, event: &'a Event) -> Option<Cow<'a, Event>> {
        if !self.public {
            return Some(Cow::Borrowed(event));
        }
        if let Change::Undone { commanded_at, .. } = event.change {
            let is_command =
                |it: &&Event| it.at == commanded_at && it.by.who == event.by.who && it.is_public();
            self.events.iter().find(is_command)?;
        }
        event.public().map(Cow::Owned)
    }
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Names::default();
        for event in self.events {
            names.add(&event.personal);
            let Some(event) = self.shown(event) else { continue };
            write!(f, "{}  ", event.at.format("%Y-%m-%d %H:%M"))?;
            write_event(&event, &names, f)?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

/// Prints one sentence with the actor, the change and the text. The result is always one line.
///
/// ```
/// # use firstline::{Action, Actor, Desk, NewTicket};
/// # let desk = Desk::memory();
/// # let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
/// let receipt = desk.act(ticket.id(), Action::resolve("It was muted."), Actor::agent("anna"))?;
/// assert_eq!(receipt.events[0].to_string(), r#"anna resolved it: "It was muted.""#);
/// # Ok::<(), firstline::Error>(())
/// ```
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Names::default();
        names.add(&self.personal);
        write_event(self, &names, f)
    }
}

/// The known names of contacts. Erased names are not included.
#[derive(Default)]
struct Names<'a>(BTreeMap<&'a ContactId, &'a str>);

impl<'a> Names<'a> {
    fn add(&mut self, personal: &'a Personal) {
        self.0.extend(personal.people().filter_map(|(id, name)| Some((id, name?))));
    }

    fn of<'b>(&'b self, id: &'b ContactId) -> &'b str {
        self.0.get(id).copied().unwrap_or_else(|| id.as_str())
    }
}

fn write_event(event: &Event, names: &Names<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &event.by.who {
        Who::Contact(id) => f.write_str(names.of(id))?,
        other => write!(f, "{other}")?,
    }
    f.write_char(' ')?;
    let text = event.personal.text();
    match &event.change {
        Change::Opened(opened) => write_opened(opened, event, names, f)?,
        Change::Received(arrived) => {
            if arrived.from_outside {
                f.write_str("(from outside) ")?;
            }
            write_arrived("wrote", arrived, &event.personal, f)?;
        }
        Change::SignalReceived(arrived) => {
            if let Some(sender) = &arrived.sender {
                write!(f, "of {} ", names.of(sender))?;
            }
            write_arrived("sent a signal", arrived, &event.personal, f)?;
        }
        Change::ClosingChanged { closes_at: None } => f.write_str("kept it from closing by itself")?,
        Change::ClosingChanged { closes_at: Some(_) } => f.write_str("let it close by itself again")?,
        Change::Replied { files } => write_message("replied", files, &event.personal, f)?,
        Change::NoteAdded { files } => write_message("noted internally", files, &event.personal, f)?,
        Change::StateChanged { from, to, step, cause, code, status } => {
            write_moved(*from, to, *step, *cause, f)?;
            if let Some(status) = status {
                write!(f, ", to {}", Quoted(status))?;
            }
            if let Some(code) = code {
                write!(f, " as {code}")?;
            }
            write_text(text, f)?;
        }
        Change::StatusChanged { to, .. } => {
            write!(f, "moved it to {}", Quoted(to))?;
            write_text(text, f)?;
        }
        Change::WorkflowMigrated { to: Some(to), .. } => {
            write!(f, "moved it to the workflow {}, at {}", to.workflow, Quoted(&to.status))?
        }
        Change::WorkflowMigrated { to: None, .. } => f.write_str("moved it to the simple workflow")?,
        Change::TimerExpired { timer, step, status, reasons } => {
            // Exactly one state accepts each step that a timer can take.
            let state = if *step == StepKind::Resume { StateKind::OnHold } else { StateKind::Resolved };
            let rejection = Rejection {
                status: Some(Arc::clone(status)),
                reasons: reasons.clone(),
                ..Rejection::new(state, ActionKind::Step(*step), RejectionReason::State)
            };
            write!(f, "left it as it is, although {timer}: {}", rejection.reasons_in_words().join("; "))?
        }
        Change::Assigned { to: Some(to) } if matches!(&event.by.who, Who::Agent(by) if by == to) => {
            f.write_str("took it")?
        }
        Change::Assigned { to: Some(to) } => write!(f, "assigned it to {to}")?,
        Change::Assigned { to: None } => f.write_str("unassigned it")?,
        Change::HandedOver { team, line } => {
            match team {
                Some(team) => write!(f, "handed it over to {team}, {line}")?,
                None => write!(f, "handed it over: {line}")?,
            }
            write_text(text, f)?;
        }
        Change::DetailsChanged(described) => write_described(described, &event.personal, names, f)?,
        Change::Prioritised { assessment, .. } => {
            write!(f, "rated it {assessment}")?;
            write_text(text, f)?;
        }
        Change::Warned(alert) => {
            write!(f, "warned: {} percent of the time for the {} was used up", alert.percent, alert.metric)?;
            write_notified(&alert.notify, f)?;
        }
        Change::Breached(alert) => {
            write!(f, "noted a breach: the time for the {} was used up", alert.metric)?;
            write_notified(&alert.notify, f)?;
        }
        Change::HoldEndSet(end) if end.then == StateKind::Active => f.write_str("set a reminder")?,
        Change::HoldEndSet(end) => write!(f, "set that it will be {} when the hold ends", end.then)?,
        Change::Reminded => f.write_str("reminded of the hold")?,
        Change::PolicyRebound { .. } => f.write_str("switched to the new agreements")?,
        Change::ClocksUpdated { clocks } => {
            f.write_str("set the clocks: ")?;
            for (n, clock) in clocks.iter().enumerate() {
                write!(f, "{}{} {}", if n == 0 { "" } else { ", " }, clock.metric, clock.state)?;
            }
        }
        Change::TimeSpent { minutes } if *minutes < 0 => {
            write!(f, "took back {} minutes of work", minutes.unsigned_abs())?;
        }
        Change::TimeSpent { minutes: 1 } => f.write_str("recorded 1 minute of work")?,
        Change::TimeSpent { minutes } => write!(f, "recorded {minutes} minutes of work")?,
        Change::Followed { agent } if matches!(&event.by.who, Who::Agent(by) if by == agent) => {
            f.write_str("follows it")?;
        }
        Change::Followed { agent } => write!(f, "added {agent} as a follower")?,
        Change::Unfollowed { agent } if matches!(&event.by.who, Who::Agent(by) if by == agent) => {
            f.write_str("no longer follows it")?;
        }
        Change::Unfollowed { agent } => write!(f, "removed {agent} as a follower")?,
        Change::Linked(link) => write!(f, "linked it: {} {}", link.kind, link.to)?,
        Change::Unlinked(link) => write!(f, "unlinked it: no longer {} {}", link.kind, link.to)?,
        Change::Undone { commanded_at, .. } => {
            let at = commanded_at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            write!(f, "took back the command of {at}")?;
        }
        Change::StateRepeated => f.write_str("reported its state again")?,
        Change::StatusUnmapped { status } => {
            write!(f, "gave it the status {}, which matches no state", Quoted(status))?
        }
        Change::Imported(mark) => {
            let versions = &mark.versions;
            write!(f, "imported {versions} version{} of its record", if *versions == 1 { "" } else { "s" })?
        }
    }
    match &event.origin {
        Some(origin) if origin.irregular => f.write_str(" (imported; not a step of this lifecycle)"),
        _ => Ok(()),
    }
}

fn write_notified(names: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if names.is_empty() { Ok(()) } else { write!(f, "; notified {}", names.join(", ")) }
}

fn write_opened(
    opened: &Opened,
    event: &Event,
    names: &Names<'_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Opened { number, kind, channel, state, team, line, assignee, .. } = opened;
    write!(f, "opened {number}")?;
    let requester =
        opened.contacts.iter().find(|(_, role)| **role == ContactRole::Requester).map(|(id, _)| id);
    if let Some(requester) = requester.filter(|id| event.by.who != Who::Contact((*id).clone())) {
        write!(f, " for {}", names.of(requester))?;
    }
    write!(f, " ({kind}, {channel}, {}", opened.assessment.priority())?;
    if state.kind() != StateKind::New {
        write!(f, ", {state}")?;
    }
    if let Some(team) = team {
        write!(f, ", with {team}, {line}")?;
    }
    if let Some(agent) = assignee {
        write!(f, ", assigned to {agent}")?;
    }
    f.write_char(')')?;
    write_text(Some(event.personal.subject().unwrap_or(ERASED)), f)?;
    if let Some(text) = event.personal.text() {
        write!(f, " - {}", Quoted(text))?;
    }
    write_files(&opened.files, &event.personal, f)
}

/// Writes a message that arrived, with its own subject.
fn write_arrived(
    verb: &str,
    arrived: &Arrived,
    personal: &Personal,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if let Some(subject) = personal.subject() {
        write!(f, "{verb} about {}", Quoted(subject))?;
    } else {
        f.write_str(verb)?;
    }
    match personal.text() {
        None if !arrived.without_text => write_text(Some(ERASED), f)?,
        text => write_text(text, f)?,
    }
    write_files(&arrived.files, personal, f)
}

fn write_message(
    verb: &str,
    files: &[Attachment],
    personal: &Personal,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.write_str(verb)?;
    // Every message has text or files. If it has neither, its text was erased.
    let text = personal.text();
    write_text(if files.is_empty() { text.or(Some(ERASED)) } else { text }, f)?;
    write_files(files, personal, f)
}

/// Writes ` [screen.png, log.txt]`. The media type replaces an erased name.
fn write_files(files: &[Attachment], personal: &Personal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, file) in files.iter().enumerate() {
        let name = personal.files().get(place).unwrap_or(&file.media_type);
        write!(f, "{}{}", if place == 0 { " [" } else { ", " }, OneLine(name))?;
    }
    if files.is_empty() { Ok(()) } else { f.write_char(']') }
}

fn write_moved(
    from: StateKind,
    to: &State,
    step: Option<StepKind>,
    cause: Cause,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match step {
        Some(StepKind::Start) => f.write_str("began to work on it")?,
        Some(StepKind::Hold) => write!(f, "put it {to}")?,
        Some(StepKind::Resume) => f.write_str("resumed it")?,
        Some(StepKind::Resolve) => f.write_str("resolved it")?,
        Some(StepKind::Confirm) => f.write_str("confirmed that it is solved")?,
        Some(StepKind::Close) => f.write_str("closed it")?,
        Some(StepKind::Reopen) => f.write_str("reopened it")?,
        Some(StepKind::Cancel) => f.write_str("cancelled it")?,
        None => write!(f, "moved it from {from} to {to}")?,
    }
    match cause {
        Cause::Action => Ok(()),
        Cause::Message => f.write_str(" by writing"),
        Cause::Spam => f.write_str(" as spam"),
        Cause::NotSpam => f.write_str(", because it is not spam"),
        Cause::Timer(timer) => write!(f, ", because {timer}"),
    }
}

fn write_described(
    described: &DetailsChange,
    personal: &Personal,
    names: &Names<'_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let DetailsChange {
        subject,
        kind,
        channel,
        category,
        tags_added,
        tags_removed,
        fields,
        text_fields,
        fields_cleared,
        ..
    } = described;
    let mut phrases = Vec::new();
    phrases.extend(subject.then(|| match personal.subject() {
        Some(subject) => format!("set the subject to {}", Quoted(subject)),
        None => format!("set the subject to {ERASED}"),
    }));
    phrases.extend(kind.as_ref().map(|kind| format!("set the kind to {kind}")));
    phrases.extend(channel.as_ref().map(|channel| format!("set the channel to {channel}")));
    phrases.extend(category.as_ref().map(|path| match &path[..] {
        [] => "took it out of its category".to_owned(),
        path => format!("set the category to {}", path.join(" / ")),
    }));
    phrases.extend(tags_added.iter().map(|tag| format!("tagged it {tag}")));
    phrases.extend(tags_removed.iter().map(|tag| format!("removed the tag {tag}")));
    let values = fields.iter().map(|(name, value)| (name, Some(value)));
    let texts = text_fields.iter().map(|name| (name, personal.field(name)));
    phrases.extend(values.chain(texts).map(|(name, value)| match value {
        Some(Value::Text(text)) => format!("set {name} to {}", Quoted(text)),
        Some(value) => format!("set {name} to {value}"),
        None => format!("set {name} to {ERASED}"),
    }));
    phrases.extend(fields_cleared.iter().map(|name| format!("cleared {name}")));
    phrases.extend(described.contacts.iter().map(|(id, role)| {
        let role = match role {
            ContactRole::Requester => "the requester",
            ContactRole::Affected => "affected",
            ContactRole::Cc => "copied",
        };
        format!("named {} as {role}", names.of(id))
    }));
    phrases.extend(described.contacts_removed.iter().map(|id| format!("removed {}", names.of(id))));
    let updated = described.attributes.keys().chain(personal.people().map(|(id, _)| id));
    let mut updated: Vec<_> = updated.filter(|id| !described.contacts.contains_key(*id)).collect();
    updated.dedup();
    phrases.extend(updated.iter().map(|id| format!("updated the details of {}", names.of(id))));
    if phrases.is_empty() {
        // The desk writes no empty description, so the change was to personal data that was erased.
        return write!(f, "changed its description: {ERASED}");
    }
    f.write_str(&phrases.join(", "))
}

/// The replacement for erased text.
const ERASED: &str = "(erased)";

/// Writes `: "text"`, or nothing without a text.
fn write_text(text: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match text {
        None => Ok(()),
        Some(ERASED) => write!(f, ": {ERASED}"),
        Some(text) => write!(f, ": {}", Quoted(text)),
    }
}

/// A text in quotation marks, on one line.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", OneLine(self.0))
    }
}

/// A text on one line. Control characters are removed, so that a message cannot manipulate the reader's terminal.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.split(|c: char| c.is_whitespace() || c.is_control());
        for (place, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if place > 0 {
                f.write_char(' ')?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}
