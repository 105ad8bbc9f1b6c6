//! One event as a sentence.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::calendar::Zone;
use crate::id::{ContactId, TicketId};
use crate::language::{InWords, Language};
use crate::lifecycle::state::OnHold;
use crate::lifecycle::{ActionKind, HoldReason, Rejection, RejectionReason, State, StateKind, StepKind};
use crate::text::reorders;
use crate::ticket::event::{Arrived, Attachment, Cause, Change, DetailsChange, Event, MessagePart, Opened};
use crate::ticket::kind::TicketNumber;
use crate::ticket::people::{ContactRole, Who};
use crate::ticket::personal::Personal;
use crate::value::Value;

/// The known names of contacts. Erased names are not included.
#[derive(Debug, Default)]
pub(super) struct Names<'a>(BTreeMap<&'a ContactId, &'a str>);

impl<'a> Names<'a> {
    pub(super) fn add(&mut self, personal: &'a Personal) {
        self.0.extend(personal.people().filter_map(|(id, name)| Some((id, name?))));
    }

    fn of<'b>(&'b self, id: &'b ContactId) -> &'b str {
        self.0.get(id).copied().unwrap_or_else(|| id.as_str())
    }
}

/// Tells events in a language.
#[derive(Debug)]
pub(super) struct Teller<'a> {
    pub(super) language: &'a Language,
    pub(super) zone: Option<&'a Zone>,
    pub(super) numbers: Option<&'a BTreeMap<TicketId, TicketNumber>>,
    pub(super) public: bool,
    pub(super) names: Names<'a>,
}

impl Teller<'_> {
    /// Returns an instant in the zone of the reader.
    pub(super) fn time(&self, at: DateTime<Utc>) -> String {
        let local = self.zone.map_or_else(|| at.naive_utc(), |zone| zone.local(at));
        local.format(&self.language.time_format()).to_string()
    }

    fn say(&self, entry: &str, values: &[(&str, &dyn Display)]) -> String {
        self.language.say(entry, values)
    }

    fn words(&self, it: &impl InWords) -> String {
        it.in_words(self.language)
    }

    fn who(&self, who: &Who) -> String {
        match who {
            Who::Contact(id) => self.names.of(id).to_owned(),
            other => self.words(other),
        }
    }

    /// Returns a text in quotation marks, on one line.
    fn quote(&self, text: &str) -> String {
        self.language.quote(OneLine(text))
    }

    /// Returns a status in quotation marks.
    fn status(&self, name: &str) -> String {
        self.quote(&self.language.name("status", name))
    }

    fn erased(&self) -> String {
        self.say("story.erased", &[])
    }

    /// Returns a text in quotation marks, or the words for an erased text.
    fn quote_or_erased(&self, text: Option<&str>) -> String {
        text.map_or_else(|| self.erased(), |text| self.quote(text))
    }

    /// Adds the text of an event to its sentence.
    fn with_text(&self, sentence: String, text: Option<&str>) -> String {
        match text {
            Some(text) => format!("{sentence}: {}", self.quote(text)),
            None => sentence,
        }
    }

    /// Returns the sentence of an event.
    pub(super) fn sentence(&self, event: &Event) -> String {
        let who = self.who(&event.by.who);
        let of_who = |entry, values: &[(&str, &dyn Display)]| {
            self.say(entry, &[&[("who", &who as &dyn Display)], values].concat())
        };
        let text = event.personal.text();
        let sentence = match &event.change {
            Change::Opened(opened) => self.opened(opened, event, &who),
            Change::Received(arrived) => {
                let outside = arrived.from_outside.then(|| of_who("story.from_outside", &[]));
                let sentence = self.say("story.wrote", &[("who", outside.as_ref().unwrap_or(&who))]);
                self.arrived(sentence, arrived, &event.personal)
            }
            Change::SignalReceived(arrived) => {
                let machine =
                    arrived.machine.as_ref().map_or_else(|| who.clone(), |machine| self.words(machine));
                let values: [(&str, &dyn Display); 1] = [("who", &machine)];
                let of_sender = |id| self.say("story.of", &[values[0], ("sender", &self.names.of(id))]);
                let machine = arrived.sender.as_ref().map_or_else(|| machine.clone(), of_sender);
                let sentence = self.say("story.signal", &[("who", &machine)]);
                self.arrived(sentence, arrived, &event.personal)
            }
            Change::ClosingChanged { closes_at: None } => of_who("story.closing_stopped", &[]),
            Change::ClosingChanged { closes_at: Some(_) } => of_who("story.closing_planned", &[]),
            Change::Replied { files } => self.message(of_who("story.replied", &[]), files, &event.personal),
            Change::NoteAdded { files } => self.message(of_who("story.noted", &[]), files, &event.personal),
            Change::StateChanged { from, to, step, cause, code, status } => {
                let mut sentence = self.state_changed(&who, *from, to, *step);
                sentence = match cause {
                    Cause::Action => sentence,
                    Cause::Message => self.say("story.by_writing", &[("sentence", &sentence)]),
                    Cause::Spam => self.say("story.as_spam", &[("sentence", &sentence)]),
                    Cause::NotSpam => self.say("story.not_spam", &[("sentence", &sentence)]),
                    Cause::Timer(timer) => {
                        self.say("story.because", &[("sentence", &sentence), ("timer", &self.words(timer))])
                    }
                };
                if let Some(status) = status {
                    let status = self.status(status);
                    sentence = self.say("story.to_status", &[("sentence", &sentence), ("status", &status)]);
                }
                if let Some(code) = code {
                    sentence = self.say(
                        "story.as_code",
                        &[("sentence", &sentence), ("code", &self.language.name("code", code))],
                    );
                }
                self.with_text(sentence, text)
            }
            Change::StatusChanged { to, .. } => {
                self.with_text(of_who("story.status_changed", &[("status", &self.status(to))]), text)
            }
            Change::WorkflowMigrated { to: Some(to), .. } => of_who(
                "story.workflow_changed",
                &[("workflow", &to.workflow), ("status", &self.status(&to.status))],
            ),
            Change::WorkflowMigrated { to: None, .. } => of_who("story.workflow_left", &[]),
            Change::TimerExpired { timer, step, status, reasons } => {
                // Exactly one state accepts each step that a timer can take.
                let state = if *step == StepKind::Resume { StateKind::OnHold } else { StateKind::Resolved };
                let rejection = Rejection {
                    status: Some(Arc::clone(status)),
                    reasons: reasons.clone(),
                    ..Rejection::new(state, ActionKind::Step(*step), RejectionReason::State)
                };
                let reasons = rejection.reasons_in(self.language).join("; ");
                of_who("story.left_as_is", &[("timer", &self.words(timer)), ("reasons", &reasons)])
            }
            Change::Assigned { to: Some(to) } if matches!(&event.by.who, Who::Agent(by) if by == to) => {
                of_who("story.took", &[])
            }
            Change::Assigned { to: Some(to) } => of_who("story.assigned", &[("agent", to)]),
            Change::Assigned { to: None } => of_who("story.unassigned", &[]),
            Change::HandedOver { team, line } => {
                let line = self.words(line);
                let sentence = match team {
                    Some(team) => of_who("story.handed_over", &[("team", team), ("line", &line)]),
                    None => of_who("story.handed_to_line", &[("line", &line)]),
                };
                self.with_text(sentence, text)
            }
            Change::DetailsChanged(details) => self.described(&who, details, &event.personal),
            Change::Prioritised { assessment, .. } => {
                let assessment = self.words(assessment.as_ref());
                self.with_text(of_who("story.rated", &[("assessment", &assessment)]), text)
            }
            Change::Warned(alert) => {
                let values: &[(&str, &dyn Display)] =
                    &[("percent", &alert.percent), ("metric", &self.words(&alert.metric))];
                self.to_be_told(of_who("story.warned", values), &alert.notify)
            }
            Change::Breached(alert) => {
                let sentence = of_who("story.breached", &[("metric", &self.words(&alert.metric))]);
                self.to_be_told(sentence, &alert.notify)
            }
            Change::HoldEndSet(end) if end.then == StateKind::Active => of_who("story.reminder_set", &[]),
            Change::HoldEndSet(end) => of_who("story.hold_end", &[("state", &self.words(&end.then))]),
            Change::Reminded => of_who("story.reminded", &[]),
            Change::PolicyRebound { .. } => of_who("story.agreements_changed", &[]),
            Change::ClocksUpdated { clocks } => {
                let clocks = clocks.iter().map(|clock| {
                    let (metric, state) = (self.words(&clock.metric), self.words(&clock.state));
                    self.say("story.clock", &[("metric", &metric), ("state", &state)])
                });
                of_who("story.clocks", &[("clocks", &clocks.collect::<Vec<_>>().join(", "))])
            }
            Change::TimeSpent { minutes } => {
                let entry = if *minutes < 0 { "story.time_taken_back" } else { "story.time_spent" };
                self.language.say_count(entry, minutes.unsigned_abs().into(), &[("who", &who)])
            }
            Change::Followed { agent } if matches!(&event.by.who, Who::Agent(by) if by == agent) => {
                of_who("story.follows", &[])
            }
            Change::Followed { agent } => of_who("story.follower_added", &[("agent", agent)]),
            Change::Unfollowed { agent } if matches!(&event.by.who, Who::Agent(by) if by == agent) => {
                of_who("story.unfollows", &[])
            }
            Change::Unfollowed { agent } => of_who("story.follower_removed", &[("agent", agent)]),
            Change::ThreadAdded => of_who("story.thread_added", &[]),
            Change::Linked(link) => of_who(
                "story.linked",
                &[("link", &self.words(&link.kind)), ("ticket", &self.ticket(link.to))],
            ),
            Change::Unlinked(link) => of_who(
                "story.unlinked",
                &[("link", &self.words(&link.kind)), ("ticket", &self.ticket(link.to))],
            ),
            Change::Undone { commanded_at, .. } => {
                of_who("story.undone", &[("time", &self.time(*commanded_at))])
            }
            Change::StateRepeated => of_who("story.repeated", &[]),
            Change::StatusUnmapped { status } => of_who("story.unmapped", &[("status", &self.quote(status))]),
            Change::Imported(mark) => {
                self.language.say_count("story.imported", mark.versions.into(), &[("who", &who)])
            }
        };
        let sentence = match &event.change {
            Change::Opened(opened) => self.without(sentence, &opened.left_out),
            Change::Received(arrived) | Change::SignalReceived(arrived) => {
                self.without(sentence, &arrived.left_out)
            }
            _ => sentence,
        };
        let mut sentence = match &event.origin {
            Some(origin) if origin.irregular => self.say("story.irregular", &[("sentence", &sentence)]),
            _ => sentence,
        };
        sentence.retain(|c| !reorders(c));
        sentence
    }

    /// Adds the parts of a message that were left out.
    fn without(&self, sentence: String, left_out: &BTreeMap<MessagePart, u32>) -> String {
        if left_out.is_empty() {
            return sentence;
        }
        let part =
            |(part, count): (&MessagePart, &u32)| self.language.say_count(part.entry(), (*count).into(), &[]);
        let parts: Vec<String> = left_out.iter().map(part).collect();
        self.say("story.left_out", &[("sentence", &sentence), ("parts", &parts.join(", "))])
    }

    /// Adds the people whom the host should tell. The desk sends nothing.
    fn to_be_told(&self, sentence: String, names: &[String]) -> String {
        if names.is_empty() {
            return sentence;
        }
        let values: &[(&str, &dyn Display)] = &[("sentence", &sentence), ("names", &names.join(", "))];
        self.language.say_count("story.to_be_told", names.len() as u64, values)
    }

    /// Returns the number of another ticket.
    fn ticket(&self, id: TicketId) -> String {
        let number = self.numbers.and_then(|numbers| numbers.get(&id));
        number.map_or_else(|| self.say("story.another_ticket", &[]), ToString::to_string)
    }

    fn opened(&self, opened: &Opened, event: &Event, who: &str) -> String {
        let Opened { number, kind, channel, state, team, line, assignee, .. } = opened;
        let priority = opened.assessment.priority().to_string();
        let mut details = vec![self.words(kind), self.words(channel), priority];
        if state.kind() != StateKind::New {
            details.push(self.state(state));
        }
        if let Some(team) = team {
            details.push(self.say("story.with_team", &[("team", team), ("line", &self.words(line))]));
        }
        if let Some(agent) = assignee {
            details.push(self.say("story.assigned_to", &[("agent", agent)]));
        }
        let requester = opened.contacts.iter().find(|(_, role)| **role == ContactRole::Requester);
        let requester = requester.map(|(id, _)| id).filter(|id| event.by.who != Who::Contact((*id).clone()));
        let details = details.join(", ");
        let sentence = match requester.map(|id| self.names.of(id)) {
            Some(contact) => {
                let values: &[(&str, &dyn Display)] =
                    &[("who", &who), ("number", number), ("contact", &contact), ("details", &details)];
                self.say("story.opened_for", values)
            }
            None => self.say("story.opened", &[("who", &who), ("number", number), ("details", &details)]),
        };
        let mut subject = self.quote_or_erased(event.personal.subject());
        if let Some(text) = event.personal.text() {
            subject =
                self.say("story.subject_and_text", &[("subject", &subject), ("text", &self.quote(text))]);
        }
        format!("{sentence}: {subject}{}", self.files(&opened.files, &event.personal))
    }

    /// Adds the subject, the text and the files of a message that arrived.
    fn arrived(&self, sentence: String, arrived: &Arrived, personal: &Personal) -> String {
        let sentence = match personal.subject() {
            Some(subject) => {
                self.say("story.about", &[("sentence", &sentence), ("subject", &self.quote(subject))])
            }
            None => sentence,
        };
        let sentence = match personal.text() {
            None if !arrived.without_text => format!("{sentence}: {}", self.erased()),
            text => self.with_text(sentence, text),
        };
        sentence + &self.files(&arrived.files, personal)
    }

    /// Adds the text and the files of a reply or a note. One without both had a text that was erased.
    fn message(&self, sentence: String, files: &[Attachment], personal: &Personal) -> String {
        let sentence = match personal.text() {
            None if files.is_empty() => format!("{sentence}: {}", self.erased()),
            text => self.with_text(sentence, text),
        };
        sentence + &self.files(files, personal)
    }

    /// Returns ` [screen.png, log.txt]`. The media type replaces an erased name.
    fn files(&self, files: &[Attachment], personal: &Personal) -> String {
        if files.is_empty() {
            return String::new();
        }
        let names = files.iter().enumerate().map(|(place, file)| {
            OneLine(personal.files().get(place).unwrap_or(&file.media_type)).to_string()
        });
        format!(" [{}]", names.collect::<Vec<_>>().join(", "))
    }

    /// Returns a state with the reason and the end of a hold.
    fn state(&self, state: &State) -> String {
        let words = self.words(&state.kind());
        let State::OnHold(OnHold { reason, until }) = state else { return words };
        let words = match self.reason(reason) {
            Some(reason) => self.say("story.state_and_reason", &[("state", &words), ("reason", &reason)]),
            None => words,
        };
        self.until(words, *until)
    }

    /// Returns a hold reason. The desk's own are absent from a public story.
    fn reason(&self, reason: &HoldReason) -> Option<String> {
        let is_hidden = self.public && matches!(reason, HoldReason::Custom(_));
        (!is_hidden).then(|| self.words(reason))
    }

    fn until(&self, sentence: String, until: Option<DateTime<Utc>>) -> String {
        match until {
            Some(until) => self.say("story.until", &[("sentence", &sentence), ("until", &self.time(until))]),
            None => sentence,
        }
    }

    fn state_changed(&self, who: &str, from: StateKind, to: &State, step: Option<StepKind>) -> String {
        let entry = match step {
            Some(StepKind::Start) => "story.started",
            Some(StepKind::Hold) => {
                let State::OnHold(OnHold { reason, until }) = to else {
                    return self.say("story.held_public", &[("who", &who)]);
                };
                let sentence = match self.reason(reason) {
                    Some(reason) => self.say("story.held", &[("who", &who), ("reason", &reason)]),
                    None => self.say("story.held_public", &[("who", &who)]),
                };
                return self.until(sentence, *until);
            }
            Some(StepKind::Resume) => "story.resumed",
            Some(StepKind::Resolve) => "story.resolved",
            Some(StepKind::Confirm) => "story.confirmed",
            Some(StepKind::Close) => "story.closed",
            Some(StepKind::Reopen) => "story.reopened",
            Some(StepKind::Cancel) => "story.cancelled",
            None => {
                let values: &[(&str, &dyn Display)] =
                    &[("who", &who), ("from", &self.words(&from)), ("to", &self.state(to))];
                return self.say("story.moved", values);
            }
        };
        self.say(entry, &[("who", &who)])
    }

    fn described(&self, who: &str, details: &DetailsChange, personal: &Personal) -> String {
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
        } = details;
        let mut changes = Vec::new();
        if *subject {
            let subject = self.quote_or_erased(personal.subject());
            changes.push(self.say("story.set_subject", &[("subject", &subject)]));
        }
        changes.extend(kind.as_ref().map(|kind| self.say("story.set_kind", &[("kind", &self.words(kind))])));
        changes.extend(
            channel.as_ref().map(|it| self.say("story.set_channel", &[("channel", &self.words(it))])),
        );
        changes.extend(category.as_ref().map(|path| match &path[..] {
            [] => self.say("story.cleared_category", &[]),
            path => self.say("story.set_category", &[("category", &path.join(" / "))]),
        }));
        changes.extend(tags_added.iter().map(|tag| self.say("story.tagged", &[("tag", tag)])));
        changes.extend(tags_removed.iter().map(|tag| self.say("story.untagged", &[("tag", tag)])));
        let values = fields.iter().map(|(name, value)| (name, Some(value)));
        let texts = text_fields.iter().map(|name| (name, personal.field(name)));
        changes.extend(values.chain(texts).map(|(name, value)| {
            let value = self.value(value);
            self.say("story.set_field", &[("field", &self.language.name("field", name)), ("value", &value)])
        }));
        changes.extend(
            fields_cleared.iter().map(|name| {
                self.say("story.cleared_field", &[("field", &self.language.name("field", name))])
            }),
        );
        changes.extend(details.contacts.iter().map(|(id, role)| {
            self.say("story.named", &[("contact", &self.names.of(id)), ("role", &self.words(role))])
        }));
        let of_contact = |entry, id| self.say(entry, &[("contact", &self.names.of(id))]);
        changes.extend(details.contacts_removed.iter().map(|id| of_contact("story.removed", id)));
        if !self.public {
            let updated = details.attributes.keys().chain(personal.people().map(|(id, _)| id));
            let mut updated: Vec<_> = updated.filter(|id| !details.contacts.contains_key(*id)).collect();
            updated.dedup();
            changes.extend(updated.iter().map(|id| of_contact("story.updated", id)));
        }
        if changes.is_empty() {
            // The desk writes no empty description, so the change was to personal data that was erased.
            return self.say("story.lost_description", &[("who", &who), ("erased", &self.erased())]);
        }
        self.say("story.described", &[("who", &who), ("changes", &changes.join(", "))])
    }

    fn value(&self, value: Option<&Value>) -> String {
        match value {
            Some(Value::Text(text)) => self.quote(text),
            Some(Value::Bool(value)) => self.language.name("value", if *value { "true" } else { "false" }),
            Some(Value::Instant(at)) => self.time(*at),
            Some(value) => value.to_string(),
            None => self.erased(),
        }
    }
}

/// A text on one line. Control characters are removed, so that a message cannot manipulate the reader's terminal.
struct OneLine<'a>(&'a str);

impl Display for OneLine<'_> {
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
