//! Every personal value has an owner: the contact who wrote it, or the requester if the desk wrote it.

use std::collections::{BTreeMap, BTreeSet};

use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::ticket::personal::{Owner, Personal};
use firstline::{
    Action, Actor, Contact, ContactRole, Event, HoldReason, ImportedTicket, ImportedVersion, InboundMessage,
    Line, Machine, Message, NewTicket, Policy, Priority, Query, Snapshot, TimeDelta, state,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::stage::{AnyStore, Stage, anna, boris, on_each_store};

const FIELDS: [&str; 2] = ["address", "size"];

/// The owner with this id; no owner for the empty text.
fn owner(id: &str) -> Owner {
    if id.is_empty() { Owner::Nobody } else { Owner::Contact(id.into()) }
}

/// The owners of a personal part, each with their values as JSON.
fn owned(personal: &Personal) -> Vec<(String, String)> {
    let json = serde_json::to_value(personal).unwrap();
    json.as_object().unwrap().iter().map(|(id, words)| (id.clone(), words.to_string())).collect()
}

#[track_caller]
fn assert_owned(personal: &Personal, expected: &[(&str, &str)]) {
    let owned = owned(personal);
    assert_eq!(owned.iter().map(|(id, words)| (&**id, &**words)).collect::<Vec<_>>(), expected);
}

fn adopt(stage: &Stage) {
    let policy = FIELDS.iter().fold(Policy::new(), |policy, name| policy.field(*name, FieldType::Text));
    stage.desk.setup().adopt(&policy.field("order", FieldType::Integer)).unwrap();
}

/// Imports the only ticket of a desk.
fn imported(stage: &Stage, ticket: ImportedTicket) -> firstline::TicketId {
    let done = stage.desk.records().import([ticket]).unwrap();
    assert!(done.refused.is_empty(), "{:?}", done.refused);
    stage.desk.find(Query::oldest()).unwrap().tickets[0].id()
}

fn last(stage: &Stage, id: firstline::TicketId) -> Event {
    stage.history(id).pop().unwrap()
}

#[test]
fn a_contact_owns_their_words_and_the_requester_owns_the_desks_words() {
    on_each_store(|stage| {
        adopt(stage);
        let id = stage.open();
        stage.does(id, Action::Contact { contact: "eva".into(), role: ContactRole::Cc });
        let (eva, bot) = (Actor::contact("eva"), Actor::automation("bot"));
        let file = |text: &str| Message::new(text).attach("x.png", "image/png", 1, "s3://1");
        for (by, action, owner, words) in [
            (anna(), Action::reply(file("a")), "boris", r#"{"files":["x.png"],"text":"a"}"#),
            (bot, Action::note("b"), "boris", r#""b""#),
            (eva.clone(), Action::reply(file("c")), "eva", r#"{"files":["x.png"],"text":"c"}"#),
            (boris(), Action::reply("d"), "boris", r#""d""#),
            (anna(), Action::hand_over("devices", Line::Second, "e"), "boris", r#""e""#),
            (anna(), Action::override_priority(Priority::P1, "f"), "boris", r#""f""#),
            (anna(), Action::subject("g"), "boris", r#"{"subject":"g"}"#),
            (anna(), Action::field("size", "h"), "boris", r#"{"fields":{"size":"h"}}"#),
            (anna(), Action::resolve("i"), "boris", r#""i""#),
            (anna(), Action::reopen().comment("j"), "boris", r#""j""#),
        ] {
            stage.desk.act(id, action.clone(), by).unwrap();
            let history = stage.history(id);
            let event = history.iter().rev().find(|event| !event.personal.is_empty()).unwrap();
            assert_owned(&event.personal, &[(owner, words)]);
        }
        let ticket = stage.ticket(id);
        assert_owned(
            &ticket.personal,
            &[("boris", r#"{"fields":{"size":"h"},"resolution":"i","subject":"g"}"#)],
        );
    });
}

#[test]
fn a_request_belongs_to_its_requester_and_not_to_the_agent_who_registers_it() {
    on_each_store(|stage| {
        adopt(stage);
        let request = || NewTicket::new("a").message("b").field("size", "c");
        let asked = || request().from(Contact::new("boris").named("Boris"));
        let eva = || Actor::contact("eva");
        let words = r#"{"fields":{"size":"c"},"subject":"a","text":"b"}"#;
        let named = r#"{"fields":{"size":"c"},"name":"Boris","subject":"a","text":"b"}"#;
        for (request, owner, words) in [
            (asked(), "boris", named),
            (asked().by(anna()), "boris", named),
            (asked().by(eva()), "boris", named),
            (request().by(eva()), "eva", words),
            (request().by(anna()), "", words),
            (request(), "", words),
        ] {
            let id = stage.desk.open_ticket(request).unwrap().id();
            assert_owned(&stage.history(id)[0].personal, &[(owner, words)]);
        }
    });
}

#[test]
fn without_a_requester_the_desks_words_have_no_owner() {
    on_each_store(|stage| {
        let id =
            stage.desk.open_ticket(NewTicket::new("Disk full").by(Actor::automation("probe"))).unwrap().id();
        stage.does(id, Action::note("Which one?"));
        assert_owned(&last(stage, id).personal, &[("", r#""Which one?""#)]);
        stage.does(id, Action::Contact { contact: "boris".into(), role: ContactRole::Affected });
        stage.desk.act(id, Action::reply("Mine."), boris()).unwrap();
        assert_owned(&last(stage, id).personal, &[("boris", r#""Mine.""#)]);
    });
}

#[test]
fn a_name_belongs_to_its_contact_and_is_removed_with_the_contact() {
    on_each_store(|stage| {
        let id = stage.open();
        let eva = Contact::new("eva").named("Eva").email("eva@example.org").phone("+7 812 1");
        stage.does(id, Action::Contact { contact: eva.clone(), role: ContactRole::Cc });
        let named = r#"{"email":"eva@example.org","name":"Eva","phone":"+7 812 1"}"#;
        assert_owned(&last(stage, id).personal, &[("eva", named)]);
        stage.desk.act(id, Action::subject("Eva hears nothing"), Actor::contact("eva")).unwrap_err();
        stage.does(id, Action::Contact { contact: eva, role: ContactRole::Requester });
        stage.does(id, Action::subject("Eva hears nothing"));
        assert_eq!(
            owned(&stage.ticket(id).personal).len(),
            1,
            "the earlier subject was removed with its owner"
        );
        stage.does(id, Action::RemoveContact("eva".into()));
        assert_owned(&stage.ticket(id).personal, &[("eva", r#"{"subject":"Eva hears nothing"}"#)]);
        stage.does(id, Action::note("Gone."));
        assert_owned(&last(stage, id).personal, &[("", r#""Gone.""#)]);
    });
}

/// An action changes only the values that it names, and an empty text removes a value.
#[test]
fn a_new_name_replaces_the_old_one_and_keeps_the_addresses() {
    on_each_store(|stage| {
        let contact = Contact::new("boris").named("Boris").email("boris@example.org");
        let id = stage.desk.open_ticket(NewTicket::new("a").from(contact)).unwrap().id();
        let set = |contact: Contact| {
            stage.does(id, Action::Contact { contact, role: ContactRole::Requester });
            stage.ticket(id).personal
        };
        let both = r#"{"email":"boris@example.org","name":"Борис","subject":"a"}"#;
        assert_owned(&set(Contact::new("boris").named("Борис")), &[("boris", both)]);
        let name = r#"{"name":"Борис","subject":"a"}"#;
        assert_owned(&set(Contact::new("boris").email("")), &[("boris", name)]);
    });
}

#[test]
fn values_keep_their_owner_when_the_requester_changes() {
    on_each_store(|stage| {
        adopt(stage);
        let id =
            stage.opened_and([Action::field("size", "large"), Action::resolve("unmuted"), Action::reopen()]);
        stage.does(id, Action::Contact { contact: "eva".into(), role: ContactRole::Requester });
        stage.does(id, Action::field("address", "Nevsky 1"));
        let boris = r#"{"fields":{"size":"large"},"resolution":"unmuted","subject":"No sound"}"#;
        let eva = r#"{"fields":{"address":"Nevsky 1"}}"#;
        assert_owned(&stage.ticket(id).personal, &[("boris", boris), ("eva", eva)]);
        stage.does(id, Action::field("size", "small").and(Action::subject("Noise")));
        stage.does(id, Action::resolve("replaced"));
        let eva =
            r#"{"fields":{"address":"Nevsky 1","size":"small"},"resolution":"replaced","subject":"Noise"}"#;
        assert_owned(&stage.ticket(id).personal, &[("eva", eva)]);
        let empty = |name: &str| Action::Field { name: name.to_owned(), value: None };
        stage.does(id, empty("size").and(empty("address")));
        assert_owned(
            &stage.ticket(id).personal,
            &[("eva", r#"{"resolution":"replaced","subject":"Noise"}"#)],
        );
    });
}

#[test]
fn a_received_message_belongs_to_its_sender() {
    on_each_store(|stage| {
        let message = |text: &str| InboundMessage::new(text).thread("chat-9");
        let id = stage.desk.receive(message("a").from("boris").cc("eva")).unwrap().ticket.id();
        stage.desk.receive(message("b").from("eva")).unwrap();
        assert_owned(&last(stage, id).personal, &[("eva", r#""b""#)]);
        // A signal belongs to the person whose machine sent it.
        stage.desk.receive(message("c").from("eva").written_by(Machine::AutoReply)).unwrap();
        assert_owned(&last(stage, id).personal, &[("eva", r#""c""#)]);
    });
}

#[test]
fn a_follow_up_copies_fields_with_their_owners() {
    on_each_store(|stage| {
        adopt(stage);
        let first = InboundMessage::new("").subject("No sound").thread("chat-9").from("boris");
        let id = stage.desk.receive(first).unwrap().ticket.id();
        stage.does(id, Action::field("size", "large").and(Action::field("address", "Nevsky 1")));
        // Eva becomes the requester. Boris stays on the ticket and still owns the earlier values.
        let role = ContactRole::Requester;
        stage.does(id, Action::Contact { contact: "eva".into(), role });
        stage.does(id, Action::cancel());
        let opens = NewTicket::new("").field("size", "small");
        let message = InboundMessage::new("a").subject("Again").thread("chat-9").from("eva").opens(opens);
        let next = stage.desk.receive(message).unwrap().ticket.id();
        assert_ne!(next, id);
        let eva = r#"{"fields":{"size":"small"},"subject":"Again","text":"a"}"#;
        assert_owned(
            &stage.history(next)[0].personal,
            &[("boris", r#"{"fields":{"address":"Nevsky 1"}}"#), ("eva", eva)],
        );
    });
}

/// A second resolution without a new text repeats the old text, which keeps its owner.
#[test]
fn a_resolution_that_an_import_repeats_keeps_its_owner() {
    on_each_store(|stage| {
        let at = |minute| stage.now() - TimeDelta::hours(9) + TimeDelta::minutes(minute);
        let version = |minute| ImportedVersion::new(at(minute), anna());
        let resolved = || version(1).status(state::Resolved::default());
        let ticket = ImportedTicket::new("old", "1")
            .version(version(0).subject("a").from("boris").status(state::New))
            .version(resolved().resolution("unmuted").resolution_code("x"))
            .version(version(2).from("eva").status(state::Resolved::default()).resolution_code("y"));
        let id = imported(stage, ticket);
        let history = stage.history(id);
        let resolutions: Vec<_> =
            history.iter().filter_map(|it| Some((it.personal.text()?, owned(&it.personal)))).collect();
        assert_eq!(resolutions.len(), 2);
        assert!(
            resolutions.iter().all(|(text, owned)| *text == "unmuted" && owned[0].0 == "boris"),
            "{resolutions:?}"
        );
        assert_owned(&stage.ticket(id).personal, &[("boris", r#"{"resolution":"unmuted","subject":"a"}"#)]);
    });
}

/// Erasing a text does not bring back the text that it replaced.
#[test]
fn erasing_a_text_does_not_bring_back_the_text_it_replaced() {
    on_each_store(|stage| {
        adopt(stage);
        let id =
            stage.opened_and([Action::field("size", "large"), Action::resolve("unmuted"), Action::reopen()]);
        stage.does(id, Action::Contact { contact: "eva".into(), role: ContactRole::Requester });
        stage.does(id, Action::field("size", "small").and(Action::subject("Noise")));
        stage.does(id, Action::resolve("replaced"));
        let mut history = stage.history(id);
        history.iter_mut().for_each(|event| event.personal.erase(&owner("eva")));
        let ticket = Snapshot::fold(&history).unwrap();
        assert!(ticket.personal.is_empty(), "{:?}", ticket.personal);
        assert_eq!((ticket.subject(), ticket.field("size")), ("", None));
    });
}

/// A random action on a ticket.
#[derive(Debug, Clone, Copy)]
enum Command {
    Reply,
    Note,
    Subject,
    Field(usize),
    Empty(usize),
    HandOver,
    Override,
    Hold,
    Resume,
    Resolve,
    Reopen,
    Name(usize, ContactRole),
    Remove(usize),
}

const PEOPLE: [&str; 3] = ["boris", "eva", "olga"];

fn any_command() -> impl Strategy<Value = Command> {
    let part =
        select(vec![ContactRole::Requester, ContactRole::Requester, ContactRole::Affected, ContactRole::Cc]);
    prop_oneof![
        2 => Just(Command::Reply),
        1 => Just(Command::Note),
        2 => Just(Command::Subject),
        3 => (0..FIELDS.len()).prop_map(Command::Field),
        1 => (0..FIELDS.len()).prop_map(Command::Empty),
        1 => Just(Command::HandOver),
        1 => Just(Command::Override),
        1 => Just(Command::Hold),
        1 => Just(Command::Resume),
        2 => Just(Command::Resolve),
        2 => Just(Command::Reopen),
        4 => (0..PEOPLE.len(), part).prop_map(|(id, part)| Command::Name(id, part)),
        1 => (0..PEOPLE.len()).prop_map(Command::Remove),
    ]
}

/// An agent, a program or one of the people.
fn any_actor() -> impl Strategy<Value = Actor> {
    let people = PEOPLE.iter().map(|id| Actor::contact(*id));
    let desk = [anna(), anna(), anna(), Actor::automation("bot")];
    select(desk.into_iter().chain(people).collect::<Vec<_>>())
}

/// The expected values and their owners, by the rules alone. A word is its owner's id and a number: `<boris>7`.
#[derive(Debug, Default)]
struct Model {
    people: BTreeMap<String, ContactRole>,
    count: u32,
    /// All words so far.
    words: BTreeSet<String>,
    subject: String,
    resolution: Option<String>,
    fields: BTreeMap<&'static str, String>,
    names: BTreeMap<String, String>,
}

impl Model {
    fn requester(&self) -> &str {
        self.people.iter().find(|(_, part)| **part == ContactRole::Requester).map_or("", |(id, _)| id)
    }

    fn owner(&self, by: &Actor) -> String {
        match &by.who {
            firstline::Who::Contact(id) => id.to_string(),
            _ => self.requester().to_owned(),
        }
    }

    /// A new word of this owner. It counts after the desk has accepted it.
    fn word(&mut self, owner: &str) -> String {
        self.count += 1;
        format!("<{owner}>{}", self.count)
    }

    fn name(&mut self, id: &str, part: ContactRole, name: String) {
        if part == ContactRole::Requester {
            self.people
                .values_mut()
                .filter(|it| **it == ContactRole::Requester)
                .for_each(|it| *it = ContactRole::Affected);
        }
        self.people.insert(id.to_owned(), part);
        self.names.insert(id.to_owned(), name.clone());
        self.words.insert(name);
    }

    /// Acts, and updates the expectation if the desk accepts.
    fn act(&mut self, stage: &Stage, id: firstline::TicketId, by: &Actor, command: Command) {
        let word = match command {
            Command::Name(person, _) => self.word(PEOPLE[person]),
            _ => self.word(&self.owner(by)),
        };
        let message = || Message::new(word.clone()).attach(word.clone(), "image/png", 1, "s3://1");
        let action = match command {
            Command::Reply => Action::reply(message()),
            Command::Note => Action::note(message()),
            Command::Subject => Action::subject(word.clone()),
            Command::Field(place) => Action::field(FIELDS[place], word.clone()),
            Command::Empty(place) => Action::Field { name: FIELDS[place].to_owned(), value: None },
            Command::HandOver => Action::hand_over("devices", Line::Second, word.clone()),
            Command::Override => Action::override_priority(Priority::P1, word.clone()),
            Command::Hold => Action::hold(HoldReason::Customer).comment(word.clone()),
            Command::Resume => Action::resume().comment(word.clone()),
            Command::Resolve => Action::resolve(word.clone()),
            Command::Reopen => Action::reopen().comment(word.clone()),
            Command::Name(person, role) => {
                Action::Contact { contact: Contact::new(PEOPLE[person]).named(word.clone()), role }
            }
            Command::Remove(person) => Action::RemoveContact(PEOPLE[person].into()),
        };
        if stage.desk.act(id, action, by).is_err() {
            return;
        }
        match command {
            Command::Empty(place) => return drop(self.fields.remove(FIELDS[place])),
            Command::Remove(person) => {
                self.people.remove(PEOPLE[person]);
                return drop(self.names.remove(PEOPLE[person]));
            }
            Command::Name(person, part) => return self.name(PEOPLE[person], part, word),
            Command::Subject => self.subject = word.clone(),
            Command::Field(place) => drop(self.fields.insert(FIELDS[place], word.clone())),
            Command::Resolve => self.resolution = Some(word.clone()),
            _ => {}
        }
        self.words.insert(word);
    }

    /// The words that the ticket contains.
    fn current_words(&self) -> BTreeSet<String> {
        let one = [&self.subject].into_iter().filter(|it| !it.is_empty()).chain(&self.resolution);
        one.chain(self.fields.values()).chain(self.names.values()).cloned().collect()
    }

    /// Compares a history and its ticket with the expectation, also after erasing each owner.
    fn check(&self, history: &[Event], ticket: &Snapshot) {
        assert_eq!(all_words(history.iter().map(|event| &event.personal)), self.words);
        assert_eq!(all_words([&ticket.personal]), self.current_words());
        assert_eq!(ticket.subject(), self.subject);
        assert_eq!(ticket.personal.resolution(), self.resolution.as_deref());
        for event in history {
            let mut facts = event.clone();
            facts.personal = Personal::default();
            assert!(!serde_json::to_string(&facts).unwrap().contains('<'), "{facts:?}");
        }
        for id in PEOPLE.iter().chain(&[""]) {
            let mut erased = history.to_vec();
            erased.iter_mut().for_each(|event| event.personal.erase(&owner(id)));
            let mut expected = ticket.clone();
            expected.personal.erase(&owner(id));
            assert_eq!(Snapshot::fold(&erased).unwrap(), expected, "{id:?} erased");
            let others = |words: &BTreeSet<String>| {
                words.iter().filter(|word| !word.starts_with(&format!("<{id}>"))).cloned().collect()
            };
            assert_eq!(all_words(erased.iter().map(|event| &event.personal)), others(&self.words));
            assert_eq!(all_words([&expected.personal]), others(&self.current_words()));
        }
    }
}

/// The words in these parts. Each must belong to the owner in its prefix.
fn all_words<'a>(parts: impl IntoIterator<Item = &'a Personal>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (id, json) in parts.into_iter().flat_map(owned) {
        for word in json.split('"').filter(|it| it.contains('<')) {
            assert!(word.starts_with(&format!("<{id}>")), "{word} belongs to {id:?}");
            all.insert(word.to_owned());
        }
    }
    all
}

/// A version of another system's ticket: its author, and its parts.
type Version = (Actor, Option<usize>, [bool; 3], Option<bool>, [Option<bool>; 2]);

fn any_version() -> impl Strategy<Value = Version> {
    (
        any_actor(),
        proptest::option::of(0..PEOPLE.len()),
        any::<[bool; 3]>(),
        proptest::option::of(any::<bool>()),
        [proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>())],
    )
}

impl Model {
    /// Builds the imported version and updates the expectation.
    fn version(&mut self, at: firstline::DateTime<firstline::Utc>, version: Version) -> ImportedVersion {
        let (by, person, [subject, message, note], resolved, fields) = version;
        let mut it = ImportedVersion::new(at, by.clone());
        if let Some(person) = person {
            let id = PEOPLE[person];
            let name = self.word(id);
            it = it.from(Contact::new(id).named(name.clone()));
            self.name(id, ContactRole::Requester, name);
        }
        let owner = self.owner(&by);
        let new_word = |model: &mut Model| {
            let word = model.word(&owner);
            model.words.insert(word.clone());
            word
        };
        if subject {
            self.subject = new_word(self);
            it = it.subject(self.subject.clone());
        }
        if message {
            it = it.message(new_word(self));
        }
        if note {
            it = it.note(new_word(self));
        }
        it = match resolved {
            Some(true) => {
                let word = new_word(self);
                self.resolution = Some(word.clone());
                it.status(state::Resolved::default()).resolution(word)
            }
            Some(false) => it.status(state::Active),
            None => it,
        };
        for (name, set) in FIELDS.into_iter().zip(fields) {
            match set {
                Some(true) => {
                    let word = new_word(self);
                    self.fields.insert(name, word.clone());
                    it = it.field(name, Some(word));
                }
                Some(false) => {
                    self.fields.remove(name);
                    it = it.field(name, None::<String>);
                }
                None => {}
            }
        }
        it
    }
}

proptest! {
    /// For any random actions, each value belongs to the owner that the rules give, and erasing an owner removes
    /// exactly their values.
    #[test]
    fn values_of_any_life_have_owners_who_can_be_erased(commands in proptest::collection::vec((any_actor(), any_command()), 1..40)) {
        let stage = &Stage::new("memory", AnyStore::Memory(Memory::new()));
        adopt(stage);
        let mut model = Model::default();
        let (by, rest) = commands.split_first().unwrap();
        let subject = model.word(&model.owner(&by.0));
        let id = stage.desk.open_ticket(NewTicket::new(subject.clone()).by(&by.0)).unwrap().id();
        model.subject = subject.clone();
        model.words.insert(subject);
        for (by, command) in rest {
            model.act(stage, id, by, *command);
        }
        model.check(&stage.history(id), &stage.ticket(id));
    }

    /// The same for imported histories.
    #[test]
    fn values_of_any_import_have_owners_who_can_be_erased(versions in proptest::collection::vec(any_version(), 1..12)) {
        let stage = &Stage::new("memory", AnyStore::Memory(Memory::new()));
        adopt(stage);
        let mut model = Model::default();
        let mut ticket = ImportedTicket::new("old", "1");
        for (minute, version) in (0..).zip(versions) {
            let at = stage.now() - TimeDelta::hours(9) + TimeDelta::minutes(minute);
            ticket = ticket.version(model.version(at, version));
        }
        let id = imported(stage, ticket);
        model.check(&stage.history(id), &stage.ticket(id));
    }
}
