//! The words that the desk prints for people: one table for each language.
//!
//! States, steps, channels, the sentences of a [`Story`](crate::Story) and the reasons of a
//! [`Rejection`](crate::Rejection) come from a table. English and Russian are part of the crate, and everything prints
//! in English unless it is asked for another language:
//!
//! ```
//! use firstline::language::{InWords, Language};
//! use firstline::{Action, Desk, NewTicket, StateKind, Story};
//!
//! let russian = Language::russian();
//! assert_eq!(StateKind::OnHold.to_string(), "on hold");
//! assert_eq!(StateKind::OnHold.in_words(russian), "отложена");
//! assert_eq!(russian.tickets(3), "3 заявки");
//!
//! let desk = Desk::memory();
//! let id = desk.open_ticket(NewTicket::new("Нет звука").from("Борис"))?.id();
//! let story = Story::of(&desk.records().history(id)?).in_language(russian).to_string();
//! assert!(story.contains("Борис открывает заявку T-1 (вопрос, веб-форма, P3): «Нет звука»"));
//! let no = desk.ticket(id)?.why_not(&Action::reopen()).unwrap();
//! assert!(no.in_words(russian).starts_with("открыть заново: недоступно, пока заявка новая; сейчас доступно: "));
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! A host replaces entries in code ([`Language::with`]) or as data ([`Language::from_json`], `from_toml`, serde), and
//! adds a language in the same way. Names that a policy defines are printed as they are: teams, categories, tags,
//! guards. Own kinds, channels, hold reasons, resolution codes, statuses, fields and levels of impact and urgency can
//! have an entry, and [`Policy::check_language`](crate::Policy::check_language) finds the misspelt ones.

mod english;
mod plural;
mod read;
mod russian;
mod sentence;
mod template;

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Arc, LazyLock};

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Serialize, Serializer};

pub use sentence::Sentence;

use crate::diagnostic::{Diagnostic, DiagnosticKind, Refused};
use crate::error::Result;
use crate::suggest;
use crate::text;
use plural::Plurals;
use template::Phrase;

/// The table of one language. It is complete and checked, and cheap to clone.
///
/// Serialized as groups of entries: the table of [`Language::english`] is a start for a translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(Arc<BTreeMap<String, Phrase>>);

/// Something that a [`Language`] has words for.
///
/// States, steps, actions, kinds, channels, hold reasons, lines, roles of contacts, links, metrics, clock states,
/// assessments and rejections have words. `Display` prints the English ones.
pub trait InWords {
    /// Returns the words in this language.
    fn in_words(&self, language: &Language) -> String;
}

/// A group to which a host may add entries for names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenGroup {
    Kind,
    Channel,
    Hold,
    Code,
    Status,
    Field,
    Impact,
    Urgency,
}

impl OpenGroup {
    pub(crate) const ALL: [OpenGroup; 8] = [
        OpenGroup::Kind,
        OpenGroup::Channel,
        OpenGroup::Hold,
        OpenGroup::Code,
        OpenGroup::Status,
        OpenGroup::Field,
        OpenGroup::Impact,
        OpenGroup::Urgency,
    ];

    /// Returns the name of the group in entries.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            OpenGroup::Kind => "kind",
            OpenGroup::Channel => "channel",
            OpenGroup::Hold => "hold",
            OpenGroup::Code => "code",
            OpenGroup::Status => "status",
            OpenGroup::Field => "field",
            OpenGroup::Impact => "impact",
            OpenGroup::Urgency => "urgency",
        }
    }
}

/// The entry with the name of the rule for plurals.
const PLURALS: &str = "format.plurals";
/// The entry with the form of an instant.
const TIME: &str = "format.time";

impl Language {
    /// Returns English.
    pub fn english() -> &'static Language {
        static ENGLISH: LazyLock<Language> = LazyLock::new(|| Language::of_crate(english::ENTRIES));
        &ENGLISH
    }

    /// Returns Russian.
    pub fn russian() -> &'static Language {
        static RUSSIAN: LazyLock<Language> = LazyLock::new(|| Language::of_crate(russian::ENTRIES));
        &RUSSIAN
    }

    /// Parses a table of this crate. A test checks it.
    fn of_crate(entries: &[(&str, &str)]) -> Language {
        let parsed =
            entries.iter().filter_map(|(entry, text)| Some(((*entry).to_owned(), Phrase::parse(text).ok()?)));
        Language(Arc::new(parsed.collect()))
    }

    /// Returns this language with another text for an entry, which is written `group.name`.
    ///
    /// ```
    /// use firstline::language::{InWords, Language};
    /// use firstline::{HoldReason, StateKind};
    ///
    /// let ours = Language::english().with("state.resolved", "answered")?.with("hold.parcel", "the parcel")?;
    /// assert_eq!(StateKind::Resolved.in_words(&ours), "answered");
    /// assert_eq!(HoldReason::from("parcel").in_words(&ours), "the parcel");
    ///
    /// let error = Language::english().with("state.on_hodl", "waiting").unwrap_err();
    /// assert!(error.to_string().contains("(did you mean \"state.on_hold\"?)"));
    /// let error = Language::english().with("story.replied", "{woh} answered").unwrap_err();
    /// assert!(error.to_string().contains("{woh} is not known (did you mean \"who\"?)"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if there is no such entry, or if the text lacks a placeholder of
    /// the entry or has another one.
    pub fn with(&self, entry: &str, text: impl Into<String>) -> Result<Language> {
        let mut draft = Draft { entries: (*self.0).clone(), found: Vec::new() };
        draft.set(entry, &text.into());
        Ok(draft.finish()?)
    }

    /// Returns a number of tickets in words, such as `3 tickets`.
    pub fn tickets(&self, count: u64) -> String {
        self.say_count("count.tickets", count, &[])
    }

    /// Returns a duration in words: whole days as days, and otherwise hours, minutes and seconds, such as `1h 30m`. The
    /// sign is dropped.
    pub fn duration(&self, time: TimeDelta) -> String {
        let seconds = time.num_seconds().unsigned_abs();
        let parts: &[(&str, u64)] = match (seconds / 86_400, seconds % 86_400) {
            (days, 0) if days > 0 => &[("duration.days", days)],
            _ => &[
                ("duration.hours", seconds / 3_600),
                ("duration.minutes", seconds / 60 % 60),
                ("duration.seconds", seconds % 60),
            ],
        };
        let said = parts.iter().filter(|(_, n)| *n > 0).map(|(entry, n)| self.say_count(entry, *n, &[]));
        let said: Vec<String> = said.collect();
        if said.is_empty() { self.say_count("duration.seconds", 0, &[]) } else { said.join(" ") }
    }

    /// Returns the names of a group for which the host has added an entry.
    pub(crate) fn own_names(&self, group: &str) -> impl Iterator<Item = &str> {
        let own = self.0.keys().filter(|entry| !Language::english().0.contains_key(*entry));
        own.filter_map(move |entry| entry.strip_prefix(group)?.strip_prefix('.'))
    }

    /// Returns the words for a name of a group. A name without an entry is returned as it is.
    pub(crate) fn name(&self, group: &str, name: &str) -> String {
        match self.0.get(&entry(group, name)) {
            Some(phrase) => phrase.form(0).to_string(),
            None => name.to_owned(),
        }
    }

    /// Returns an entry with its values.
    pub(crate) fn say(&self, entry: &str, values: &[(&str, &dyn Display)]) -> String {
        self.0.get(entry).map_or_else(|| entry.to_owned(), |phrase| phrase.form(0).fill(values))
    }

    /// Returns an entry in the form for this number, which is also the value `n`.
    pub(crate) fn say_count(&self, entry: &str, n: u64, values: &[(&str, &dyn Display)]) -> String {
        let Some(phrase) = self.0.get(entry) else { return entry.to_owned() };
        let values: Vec<(&str, &dyn Display)> =
            values.iter().copied().chain([("n", &n as &dyn Display)]).collect();
        phrase.form(self.plurals().form(n)).fill(&values)
    }

    /// Returns a text in quotation marks.
    pub(crate) fn quote(&self, text: impl Display) -> String {
        self.say("format.quote", &[("text", &text)])
    }

    /// Returns `a, b and c`.
    pub(crate) fn and(&self, items: &[String]) -> String {
        self.list("format.and", items)
    }

    /// Returns `a, b, or c`.
    pub(crate) fn or(&self, items: &[String]) -> String {
        self.list("format.or", items)
    }

    fn list(&self, entry: &str, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [list @ .., last] => self.say(entry, &[("list", &list.join(", ")), ("last", last)]),
        }
    }

    /// Returns the form of an instant, for chrono.
    pub(crate) fn time_format(&self) -> String {
        self.say(TIME, &[])
    }

    fn plurals(&self) -> Plurals {
        Plurals::named(&self.say(PLURALS, &[])).unwrap_or(Plurals::English)
    }
}

/// Returns the key of an entry. A custom field is called `order` or, where fields of a ticket are listed,
/// `field.order`; both have the same entry.
fn entry(group: &str, name: &str) -> String {
    let name = if group == "field" { name.strip_prefix("field.").unwrap_or(name) } else { name };
    format!("{group}.{name}")
}

/// Implements [`InWords`] by the name of a value, and `Display` in English.
macro_rules! words_by_name {
    ($type:ty, $group:literal, $name:expr) => {
        impl $crate::language::InWords for $type {
            fn in_words(&self, language: &$crate::language::Language) -> String {
                let name: fn(&$type) -> &str = $name;
                language.name($group, name(self))
            }
        }

        /// Prints the value in English.
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&$crate::language::InWords::in_words(self, $crate::language::Language::english()))
            }
        }
    };
}

pub(crate) use words_by_name;

/// A table that is being changed, with its faults.
struct Draft {
    entries: BTreeMap<String, Phrase>,
    found: Vec<Diagnostic>,
}

impl Draft {
    /// Sets an entry, or reports why it cannot be set.
    fn set(&mut self, entry: &str, words: &str) {
        let Some(model) = self.model(entry) else { return };
        let fault = |message: String| Diagnostic::new(DiagnosticKind::BadValue, entry, message);
        let phrase = match Phrase::parse(words) {
            Ok(phrase) => phrase,
            Err(problem) => return self.found.push(fault(problem)),
        };
        let problems = phrase.differences(model.as_ref());
        if problems.is_empty() {
            let (group, name) = entry.split_once('.').unwrap_or((entry, ""));
            self.entries.insert(self::entry(group, &text::normal(name)), phrase);
        }
        self.found.extend(problems.into_iter().map(fault));
    }

    /// Returns the English entry; for a name of the host in an open group, `Some(None)`. Reports an unknown entry.
    fn model(&mut self, entry: &str) -> Option<Option<Phrase>> {
        let known = &Language::english().0;
        if let Some(model) = known.get(entry) {
            return Some(Some(model.clone()));
        }
        let (group, name) = entry.split_once('.').unwrap_or((entry, ""));
        // Every name is allowed here, even one that resembles a predefined name: only a policy knows the desk's own.
        if OpenGroup::ALL.iter().any(|open| open.as_str() == group) && text::is_visible(name) {
            return Some(None);
        }
        let open: Vec<String> =
            OpenGroup::ALL.iter().map(|group| self::entry(group.as_str(), name)).collect();
        let problem = suggest::unknown(entry, known.keys().chain(&open).map(String::as_str));
        let message = format!("the entry {entry:?} {problem}");
        self.found.push(Diagnostic::new(DiagnosticKind::UnknownName, entry, message));
        None
    }

    /// Reports the English entries that the table lacks.
    fn check_complete(&mut self) {
        let missing = Language::english().0.keys().filter(|entry| !self.entries.contains_key(*entry));
        let is_faulty = |entry: &str| self.found.iter().any(|it| it.path == entry);
        let missing: Vec<Diagnostic> = missing
            .filter(|entry| !is_faulty(entry))
            .map(|entry| {
                Diagnostic::new(DiagnosticKind::MissingKey, entry, format!("the entry {entry:?} is missing"))
            })
            .collect();
        self.found.extend(missing);
    }

    /// Checks what concerns the whole table.
    fn check(&mut self) {
        let text = |entry: &str| self.entries.get(entry).map(|phrase| phrase.form(0).to_string());
        let mut found = Vec::new();
        let mut fault = |entry: &str, message: String| {
            found.push(Diagnostic::new(DiagnosticKind::BadValue, entry, message));
        };
        if let Some(name) = text(PLURALS) {
            match Plurals::named(&name) {
                Some(plurals) => {
                    for (entry, phrase) in &self.entries {
                        if let Some(problem) = plurals.misfit(phrase.forms()) {
                            fault(entry, problem);
                        }
                    }
                }
                None => {
                    let problem = suggest::unknown(&name, Plurals::names());
                    let names: Vec<&str> = Plurals::names().collect();
                    fault(PLURALS, format!("{name:?} {problem}; allowed: {}", names.join(", ")));
                }
            }
        }
        if let Some(format) = text(TIME) {
            let mut printed = String::new();
            // The form may ask for more than a date and a time have, such as the name of a zone.
            if write!(printed, "{}", NaiveDateTime::default().format(&format)).is_err() {
                let example = "%Y-%m-%d %H:%M";
                fault(TIME, format!("{format:?} is no form of a date and a time; an example is {example:?}"));
            }
        }
        self.found.extend(found);
    }

    fn finish(mut self) -> Result<Language, Refused> {
        self.check();
        match self.found.is_empty() {
            true => Ok(Language(Arc::new(self.entries))),
            false => Err(Refused(self.found)),
        }
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut groups: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
        for (entry, phrase) in &*self.0 {
            let (group, name) = entry.split_once('.').unwrap_or((entry, ""));
            groups.entry(group).or_default().insert(name, phrase.to_string());
        }
        groups.serialize(to)
    }
}
