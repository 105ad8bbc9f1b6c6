//! Ticket histories in words.
//!
//! `Display` prints an [`Event`] as one sentence, and a [`Story`] as one line for each event. Erased data is not
//! printed: the id replaces an erased name, and `(erased)` replaces an erased text.

mod sentence;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use crate::calendar::Zone;
use crate::id::TicketId;
use crate::language::Language;
use crate::ticket::event::{Change, Event};
use crate::ticket::kind::TicketNumber;
use sentence::{Names, Teller};

/// A readable history: one line for each event, with its time, actor, change and reason.
///
/// By default the times are in UTC, the language is English, and updates of the SLA clocks are left out. The methods
/// change that. The events of a command that was [undone](crate::Action::undo) end with `(taken back)`.
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
    with_clocks: bool,
    language: &'a Language,
    zone: Option<&'a Zone>,
    numbers: Option<&'a BTreeMap<TicketId, TicketNumber>>,
}

impl<'a> Story<'a> {
    /// Creates the story of these events, in their order.
    ///
    /// The events can be a part of a history. A contact is then shown by id until one of the events contains the name.
    pub fn of(events: &'a [Event]) -> Story<'a> {
        let language = Language::english();
        Story { events, public: false, with_clocks: false, language, zone: None, numbers: None }
    }

    /// Returns the story for the customer: only [public events](Event::public), without internal words and without the
    /// names of teams and statuses.
    ///
    /// Begin with the whole history: names are known from internal events too, and the undoing of a command is shown
    /// only if the story shows the command.
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

    /// Returns the story with the updates of the SLA clocks. A [public](Story::public) story has none.
    #[must_use]
    pub fn with_clocks(mut self) -> Story<'a> {
        self.with_clocks = true;
        self
    }

    /// Returns the story in this language.
    #[must_use]
    pub fn in_language(mut self, language: &'a Language) -> Story<'a> {
        self.language = language;
        self
    }

    /// Returns the story with its times in this zone.
    ///
    /// ```
    /// use firstline::calendar::Zone;
    /// use firstline::desk::Settings;
    /// use firstline::memory::Memory;
    /// use firstline::time::ManualTime;
    /// use firstline::{NewTicket, Story};
    ///
    /// let time = ManualTime::at("2026-01-05T22:30:00Z".parse().unwrap());
    /// let desk = Memory::new().desk(Settings::new("acme").time(time));
    /// let history = desk.records().history(desk.open_ticket(NewTicket::new("No sound"))?.id())?;
    /// let moscow = Zone::named("Europe/Moscow")?;
    /// assert!(Story::of(&history).zone(&moscow).to_string().starts_with("2026-01-06 01:30  "));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn zone(mut self, zone: &'a Zone) -> Story<'a> {
        self.zone = Some(zone);
        self
    }

    /// Returns the story with the numbers of the tickets that it [names](Story::links). A ticket without a number here
    /// is `another ticket`.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use firstline::{Action, Actor, Desk, LinkKind, NewTicket, Story};
    ///
    /// let desk = Desk::memory();
    /// let first = desk.open_ticket(NewTicket::new("No sound"))?.id();
    /// let second = desk.open_ticket(NewTicket::new("No sound either"))?.id();
    /// desk.act(second, Action::link(LinkKind::DuplicateOf, first), Actor::agent("anna"))?;
    ///
    /// let history = desk.records().history(second)?;
    /// let story = Story::of(&history);
    /// let mut numbers = BTreeMap::new();
    /// for id in story.links() {
    ///     numbers.insert(id, desk.ticket(id)?.number.clone());
    /// }
    /// assert!(story.numbers(&numbers).to_string().ends_with("anna linked it: duplicate of T-1\n"));
    /// assert!(story.to_string().ends_with("anna linked it: duplicate of another ticket\n"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn numbers(mut self, numbers: &'a BTreeMap<TicketId, TicketNumber>) -> Story<'a> {
        self.numbers = Some(numbers);
        self
    }

    /// Returns the other tickets that the story names.
    pub fn links(&self) -> BTreeSet<TicketId> {
        let linked = self.events.iter().filter(|event| !self.public || event.is_public());
        linked.filter_map(|event| event.change.changed_link()).map(|(link, _)| link.to).collect()
    }

    /// Returns the event as the story shows it; `None` if it does not.
    fn shown(&self, event: &'a Event) -> Option<Cow<'a, Event>> {
        let of_clocks = matches!(event.change, Change::ClocksUpdated { .. } | Change::PolicyRebound { .. });
        if of_clocks && !self.with_clocks {
            return None;
        }
        match self.public {
            true => event.public_in(self.events).map(Cow::Owned),
            false => Some(Cow::Borrowed(event)),
        }
    }
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut teller = Teller {
            language: self.language,
            zone: self.zone,
            numbers: self.numbers,
            public: self.public,
            names: Names::default(),
        };
        let undone: Vec<&RangeInclusive<u64>> = self.events.iter().filter_map(undone).collect();
        for event in self.events {
            teller.names.add(&event.personal);
            let Some(event) = self.shown(event) else { continue };
            let mut sentence = teller.sentence(&event);
            if undone.iter().any(|versions| versions.contains(&event.version)) {
                sentence = self.language.say("story.taken_back", &[("sentence", &sentence)]);
            }
            writeln!(f, "{}  {sentence}", teller.time(event.at))?;
        }
        Ok(())
    }
}

/// Returns the versions of the command that an event takes back.
fn undone(event: &Event) -> Option<&RangeInclusive<u64>> {
    match &event.change {
        Change::Undone { versions, .. } => Some(versions),
        _ => None,
    }
}

/// Prints one sentence with the actor, the change and the text, in English. The result is always one line.
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
        let language = Language::english();
        let teller = Teller { language, zone: None, numbers: None, public: false, names };
        f.write_str(&teller.sentence(self))
    }
}
