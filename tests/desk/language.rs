//! The words of the desk: one table for each language, complete and checked, and printed nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use firstline::calendar::Zone;
use firstline::desk::Settings;
use firstline::diagnostic::DiagnosticKind;
use firstline::language::{InWords, Language};
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::sla::{Agreement, ClockState, Metric, Reaction, Target};
use firstline::time::{ManualTime, TimeSource};
use firstline::workflow::{Status, Transition};
use firstline::*;

fn entries(language: &Language) -> BTreeMap<String, String> {
    let groups: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_value(serde_json::to_value(language).unwrap()).unwrap();
    let of_group = |(group, entries): (String, BTreeMap<String, String>)| {
        entries.into_iter().map(move |(name, text)| (format!("{group}.{name}"), text)).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(of_group).collect()
}

#[test]
fn the_tables_of_the_crate_are_complete_and_come_back_from_json() {
    for language in [Language::english(), Language::russian()] {
        let json = serde_json::to_string(language).unwrap();
        assert_eq!(&Language::from_json(&json).unwrap(), language);
        assert_eq!(&serde_json::from_str::<Language>(&json).unwrap(), language);
        #[cfg(feature = "toml")]
        assert_eq!(&Language::from_toml(&toml::to_string(language).unwrap()).unwrap(), language);
    }
    let (english, russian) = (entries(Language::english()), entries(Language::russian()));
    assert!(english.len() > 200, "{}", english.len());
    assert!(english.keys().eq(russian.keys()));
}

#[test]
fn the_russian_table_has_no_english_words_and_writes_common_words_with_yo() {
    for (entry, text) in entries(Language::russian()) {
        if ["format.plurals", "format.time", "channel.api"].contains(&entry.as_str()) {
            continue;
        }
        let mut outside = String::new();
        let mut depth = 0;
        for c in text.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            outside.extend(Some(c).filter(|_| depth == 0));
        }
        assert!(!outside.contains(|c: char| c.is_ascii_alphabetic()), "{entry} = {text}");
        let wrong = ["ждет", "берет", "дает", "идет", "отчет", "еще", "соблюден", "передает"];
        let mut words = outside.split(|c: char| !c.is_alphabetic());
        assert!(!words.any(|word| wrong.contains(&word)), "{entry} = {text}");
    }
}

fn rust_files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => rust_files(&path, found),
            false => found.push(path),
        }
    }
}

/// Every entry that the source names exists, and every entry is used: by its own name or by the name of its group.
#[test]
fn the_source_uses_every_entry_and_no_other() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let is_table = |path: &Path| ["english.rs", "russian.rs"].iter().any(|name| path.ends_with(name));
    let english = entries(Language::english());
    let groups: BTreeSet<&str> = english.keys().map(|entry| entry.split_once('.').unwrap().0).collect();
    let sentences = ["format", "count", "duration", "priority", "story", "refused", "permitted", "why"];
    let mut used = BTreeSet::new();
    for path in files.iter().filter(|path| !is_table(path)) {
        let source = fs::read_to_string(path).unwrap();
        let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for text in code.split('"').skip(1) {
            let Some((group, name)) = text.split_once('.') else { continue };
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if sentences.contains(&group) && is_name {
                assert!(english.contains_key(text), "{}: {text}", path.display());
                used.insert(text.to_owned());
            }
        }
    }
    let of_sentences = english.keys().filter(|entry| sentences.contains(&entry.split_once('.').unwrap().0));
    let unused: Vec<_> = of_sentences.filter(|entry| !used.contains(*entry)).collect();
    assert!(unused.is_empty(), "{unused:?}");
    assert!(used.len() > 100 && groups.len() > 15, "{} {}", used.len(), groups.len());
}

#[test]
fn every_name_has_words_in_russian() {
    let russian = Language::russian();
    let mut names: Vec<(String, String)> = Vec::new();
    let mut add = |english: String, russian: String| names.push((english, russian));
    StateKind::ALL.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    StepKind::ALL.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    Kind::KNOWN.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    Channel::KNOWN
        .iter()
        .filter(|it| **it != Channel::Api)
        .for_each(|it| add(it.to_string(), it.in_words(russian)));
    HoldReason::KNOWN.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    Line::ALL.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    Metric::ALL.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    ClockState::ALL.iter().for_each(|it| add(it.to_string(), it.in_words(russian)));
    for it in [ContactRole::Requester, ContactRole::Affected, ContactRole::Cc] {
        add(it.to_string(), it.in_words(russian));
    }
    for it in [Machine::AutoReply, Machine::Bounce, Machine::Notification] {
        add(it.to_string(), it.in_words(russian));
    }
    for it in [
        ActionKind::Reply,
        ActionKind::Note,
        ActionKind::Assign,
        ActionKind::HandOver,
        ActionKind::Prioritise,
        ActionKind::Describe,
        ActionKind::Link,
        ActionKind::TimeSpent,
        ActionKind::Follow,
        ActionKind::Move,
        ActionKind::NotSpam,
        ActionKind::Undo,
    ] {
        add(it.to_string(), it.in_words(russian));
    }
    for it in [
        LinkKind::ChildOf,
        LinkKind::DuplicateOf,
        LinkKind::FollowUpOf,
        LinkKind::Mentions,
        LinkKind::CausedBy,
    ] {
        add(it.to_string(), it.in_words(russian));
        add(it.inverse().to_string(), it.inverse().in_words(russian));
    }
    assert!(names.len() > 60);
    for (english, russian) in names {
        assert!(!english.contains('_'), "{english} has no English words");
        assert!(russian.contains(|c: char| ('а'..='я').contains(&c)), "{english} {russian}");
    }
    assert_eq!(HoldReason::from("parcel").in_words(russian), "parcel", "the desk's own name stays");
}

#[test]
fn counts_and_durations_have_plural_forms() {
    let russian = Language::russian();
    let counted = [0, 1, 2, 4, 5, 11, 14, 21, 22, 25, 101, 111].map(|n| russian.tickets(n));
    assert_eq!(
        counted.join(", "),
        "0 заявок, 1 заявка, 2 заявки, 4 заявки, 5 заявок, 11 заявок, 14 заявок, 21 заявка, 22 заявки, 25 заявок, \
         101 заявка, 111 заявок"
    );
    let english = Language::english();
    assert_eq!([1, 2, 0].map(|n| english.tickets(n)), ["1 ticket", "2 tickets", "0 tickets"]);
    for (minutes, in_english, in_russian) in [
        (90, "1h 30m", "1 ч 30 мин"),
        (0, "0s", "0 с"),
        (-15, "15m", "15 мин"),
        (3 * 1440, "3 days", "3 дня"),
    ] {
        let time = TimeDelta::minutes(minutes);
        assert_eq!((english.duration(time), russian.duration(time)), (in_english.into(), in_russian.into()));
    }
}

/// Each fault of a table is found when the table is read, with its position and a suggestion.
#[test]
fn faults_of_a_table_are_found_when_it_is_read() {
    use DiagnosticKind::{BadValue, DuplicateKey, UnknownName, WrongType};
    let found = |text: &str| {
        let error = Language::from_json(text).unwrap_err();
        let found = error.diagnostics().unwrap_or_else(|| panic!("{error}")).to_vec();
        found.into_iter().map(|it| (it.kind, it.position.map(|at| at.line), it.message)).collect::<Vec<_>>()
    };
    for (entry, kind, words) in [
        (r#""state": {"on_hodl": "x"}"#, UnknownName, r#"(did you mean "state.on_hold"?)"#),
        (r#""stat": {"new": "x"}"#, UnknownName, r#"(did you mean "state.new"?)"#),
        (r#""nonsense": {"gibberish": "x"}"#, UnknownName, "is not known"),
        (r#""chanel": {"kiosk": "x"}"#, UnknownName, r#"(did you mean "channel.kiosk"?)"#),
        (r#""link": {"parent": "x"}"#, UnknownName, "is not known"),
        (r#""story": {"replied": "{woh} x"}"#, BadValue, r#"{woh} is not known (did you mean "who"?)"#),
        (r#""story": {"replied": "x"}"#, BadValue, "the placeholder {who} is missing"),
        (r#""story": {"replied": "{who x"}"#, BadValue, "a brace without a partner"),
        (r#""story": {"replied": "{who} x}"}"#, BadValue, "a brace without a partner"),
        (r#""story": {"replied": "{who} a | {who} b"}"#, BadValue, "has no plural forms"),
        (
            r#""count": {"tickets": "{n} a | {n} b | {n} c"}"#,
            BadValue,
            "3 plural forms, but the language has 2",
        ),
        (r#""count": {"tickets": "tickets"}"#, BadValue, "the placeholder {n} is missing"),
        (r#""format": {"plurals": "russain"}"#, BadValue, r#"(did you mean "russian"?)"#),
        (r#""format": {"time": "%Y-%Q"}"#, BadValue, "is no form of a date and a time"),
        (r#""format": {"time": "%H:%M %Z"}"#, BadValue, "is no form of a date and a time"),
        (r#""state": {"new": " "}"#, BadValue, "the text is empty"),
        (r#""story": {"replied": "{who}\nforged"}"#, BadValue, "control character"),
        (r#""state": {"new": "\u202enew"}"#, BadValue, "control character"),
        (r#""state": {"new": 1}"#, WrongType, "takes a text"),
        (r#""state": "new""#, WrongType, "takes a table of entries"),
        (r#""state": {"new": "a", "new": "b"}"#, DuplicateKey, "occurs twice"),
    ] {
        let faults = found(&format!("{{\"based_on\": \"english\",\n{entry}}}"));
        let fits = |(it, line, message): &(DiagnosticKind, Option<usize>, String)| {
            *it == kind && *line == Some(2) && message.contains(words)
        };
        assert!(faults.iter().any(fits), "{entry}: {faults:?}");
    }
    let [(UnknownName, Some(1), message)] = &found(r#"{"based_on": "russain"}"#)[..] else { panic!() };
    assert!(message.contains(r#"(did you mean "russian"?)"#), "{message}");
    assert_eq!(found("[]").len(), 1);

    // All faults are reported at once, and a table of its own lacks nothing.
    let mut table = serde_json::to_value(Language::english()).unwrap();
    table["state"].as_object_mut().unwrap().remove("new");
    table["step"]["start"] = "{x}".into();
    let faults = found(&table.to_string());
    let messages: Vec<&str> = faults.iter().map(|it| it.2.as_str()).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages.contains(&"the entry \"state.new\" is missing"), "{messages:?}");
    let unchecked = serde_json::from_value::<Language>(table).unwrap_err().to_string();
    assert!(unchecked.contains("state.new") && unchecked.contains("step.start"), "{unchecked}");
}

#[test]
fn a_host_replaces_entries_and_names_its_own() {
    let text = r#"{"based_on": "russian", "state": {"resolved": "выполнена"}, "hold": {"parcel": "посылка"}, "channel": {"kiosk": "терминал"},
                   "field": {"order": "номер заказа"}, "status": {"At the vet": "у врача"}, "code": {"goodwill": "уступка"}}"#;
    let ours = Language::from_json(text).unwrap();
    assert_eq!(StateKind::Resolved.in_words(&ours), "выполнена");
    assert_eq!(StateKind::Closed.in_words(&ours), "закрыта");
    assert_eq!(HoldReason::from("parcel").in_words(&ours), "посылка");
    let again = ours.with("state.resolved", "сделана").unwrap();
    assert_eq!(
        (StateKind::Resolved.in_words(&again), StateKind::Resolved.in_words(&ours)),
        ("сделана".into(), "выполнена".into())
    );
    assert!(ours.with("hold.parcel", "{what}").is_err(), "a name has no placeholders");
}

/// Regression: an own name was refused as a misspelt predefined one if it resembled one.
#[test]
fn a_language_accepts_every_own_name_of_the_desk() {
    let own = |group: &str, name: &str| {
        let ours = Language::english().with(&format!("{group}.{name}"), "our word");
        ours.unwrap_or_else(|error| panic!("{group}.{name}: {error}"))
    };
    let names = [
        "app",
        "customs",
        "requests",
        "incidents",
        "e_mail",
        "chats",
        "third_part",
        "Problem",
        "categry",
        "highest",
    ];
    for name in names {
        assert_eq!(Kind::from(name).in_words(&own("kind", name)), "our word");
        assert_eq!(Channel::from(name).in_words(&own("channel", name)), "our word");
        assert_eq!(HoldReason::from(name).in_words(&own("hold", name)), "our word");
        for group in ["code", "status", "field", "impact", "urgency"] {
            own(group, name);
        }
    }
    let decomposed = own("kind", "Cafe\u{301} ");
    assert_eq!(Kind::from("Caf\u{e9}").in_words(&decomposed), "our word", "names have one normal form");
    // The entries of the crate's own sentences are still checked.
    for entry in
        ["state.actve", "story.reply", "role.ccc", "link.parent", "kind", "kind.", "kind. ", "kinds.app"]
    {
        assert!(Language::english().with(entry, "our word").is_err(), "{entry}");
    }
}

/// A policy knows the own names, and finds the misspelt ones among the entries of a language.
#[test]
fn a_policy_finds_the_misspelt_names_of_a_language() {
    let workflow = WorkflowDefinition::new("repairs")
        .for_kind("repair")
        .status(Status::new("Reported", StateKind::New))
        .status(Status::new("On the bench", StateKind::Active));
    let policy = Policy::new()
        .kinds(["claim"])
        .channels(["kiosk"])
        .hold_reasons(["customs"])
        .resolution_codes(["goodwill"])
        .field("order", FieldType::Integer)
        .workflow(workflow);
    let all = |entries: &[&str]| {
        entries.iter().fold(Language::russian().clone(), |it, entry| it.with(entry, "наше").unwrap())
    };
    let declared = [
        "kind.claim",
        "kind.repair",
        "channel.kiosk",
        "hold.customs",
        "code.goodwill",
        "status.On the bench",
    ];
    policy.check_language(&all(&declared)).unwrap();
    policy.check_language(&all(&["field.order", "field.field.order", "impact.high", "urgency.low"])).unwrap();
    let wrong = [
        ("kind.clam", "claim"),
        ("channel.kisok", "kiosk"),
        ("hold.custom", "customs"),
        ("code.goodwil", "goodwill"),
        ("status.On the bensh", "On the bench"),
        ("field.ordre", "order"),
        ("impact.hihg", "high"),
    ];
    let error = policy.check_language(&all(&wrong.map(|(entry, _)| entry))).unwrap_err();
    let found = error.diagnostics().unwrap();
    assert_eq!(found.len(), wrong.len(), "{error}");
    for (entry, meant) in wrong {
        let hint = format!("did you mean {meant:?}?");
        assert!(found.iter().any(|it| it.path == entry && it.message.contains(&hint)), "{entry}: {error}");
    }
    // Without declared names, a name is refused as in a command: if it looks like a misspelt predefined one.
    let open = Policy::new();
    open.check_language(&all(&["channel.app", "kind.claim", "code.goodwill", "status.On the bench"]))
        .unwrap();
    for (entry, meant) in [("kind.incidnet", "incident"), ("status.resovled", "resolved")] {
        let error = open.check_language(&all(&[entry])).unwrap_err();
        assert!(error.to_string().contains(&format!("did you mean {meant:?}?")), "{error}");
    }
}

/// A custom field has one entry, for its value in a story and for its absence in a refusal.
#[test]
fn own_statuses_codes_and_fields_are_told_in_the_words_of_the_host() {
    let russian = Language::russian();
    let ours = russian.with("status.On the bench", "на столе").unwrap().with("code.swap", "замена").unwrap();
    let ours = ours.with("field.order", "номер заказа").unwrap().with("impact.total", "полное").unwrap();
    let workflow = WorkflowDefinition::new("repairs")
        .status(Status::new("Reported", StateKind::New))
        .status(Status::new("On the bench", StateKind::Active).enter("field.order"))
        .status(Status::new("Done", StateKind::Resolved))
        .status(Status::new("Over", StateKind::Closed))
        .transition(Transition::step(StepKind::Start, "Reported", "On the bench"))
        .transition(Transition::step(StepKind::Resolve, "On the bench", "Done"))
        .transition(Transition::step(StepKind::Close, "Done", "Over"));
    let (desk, _) = bench();
    desk.setup().adopt(&Policy::new().field("order", FieldType::Integer).workflow(workflow)).unwrap();
    let anna = Actor::agent("anna");
    let ticket = desk.open_ticket(NewTicket::new("Нет звука").from("boris")).unwrap();
    let refused = ticket.why_not_by(&Action::start(), &anna).unwrap();
    assert_eq!(
        refused.reasons_in(&ours),
        ["взять в работу, статус «на столе»: нужно заполнить поле «номер заказа»"]
    );
    let work = Action::field("order", 7).and(Action::start()).and(Action::resolve_as("swap", "Новый."));
    desk.act(ticket.id(), work, &anna).unwrap();
    let history = desk.records().history(ticket.id()).unwrap();
    let story = Story::of(&history).in_language(&ours).to_string();
    for words in ["«номер заказа»: 7", "статус «на столе»", "код замена"]
    {
        assert!(story.contains(words), "{words}: {story}");
    }
}

/// A desk with a target, where the lead is to be told.
pub(super) fn bench() -> (Desk<Memory>, ManualTime) {
    let time = ManualTime::at("2026-01-05T06:00:00Z".parse().unwrap());
    let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
    let target = Target::new(Metric::FirstReply).within(TimeDelta::hours(4)).warn_at([75]);
    let target =
        target.on_warning(Reaction::Notify("dora".to_owned())).on_breach(Reaction::Notify("dora".to_owned()));
    desk.setup().adopt(&Policy::new().agreement(Agreement::new("standard", 1).target(target))).unwrap();
    (desk, time)
}

/// A ticket of the bench, with its history.
fn life() -> Vec<Event> {
    let (desk, time) = bench();
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));
    let known = desk.open_ticket(NewTicket::new("Гудит").from("boris")).unwrap().id();
    let request =
        NewTicket::new("Нет звука").from(Contact::new("boris").named("Борис")).channel(Channel::Chat);
    let id = desk.open_ticket(request.message("Совсем.")).unwrap().id();
    time.advance(TimeDelta::hours(5));
    assert!(desk.tick(time.now()).unwrap().failed.is_empty());
    let until = time.now() + TimeDelta::hours(12);
    for (by, action) in [
        (&anna, Action::assign("anna").and(Action::start()).and(Action::tag("звук"))),
        (&anna, Action::hand_over("audio", Line::Second, "Две гарнитуры.")),
        (&anna, Action::link(LinkKind::DuplicateOf, known)),
        (&anna, Action::hold_until(HoldReason::Customer, until).comment("Спросить про кабель.")),
        (&boris, Action::reply("Дешёвая.")),
        (&anna, Action::override_priority(Priority::P1, "Директор.")),
        (&anna, Action::resolve("Другая гарнитура.")),
        (&boris, Action::confirm()),
    ] {
        time.advance(TimeDelta::minutes(1));
        desk.act(id, action, by).unwrap();
    }
    desk.records().history(id).unwrap()
}

#[test]
fn a_story_is_told_in_russian_in_the_zone_of_the_reader() {
    let (history, moscow) = (life(), Zone::named("Europe/Moscow").unwrap());
    let story = Story::of(&history).in_language(Language::russian()).zone(&moscow);
    let numbers: BTreeMap<_, _> =
        story.links().into_iter().map(|id| (id, TicketNumber { prefix: "T".into(), value: 1 })).collect();
    let expected = "\
05.01.2026 09:00  Борис открывает заявку T-2 (вопрос, чат, P3): «Нет звука» — «Совсем.»
05.01.2026 12:00  служба поддержки отмечает: на «первый ответ» ушло 75 % времени; нужно сообщить: dora
05.01.2026 13:00  служба поддержки отмечает нарушение срока: время на «первый ответ» вышло; нужно сообщить: dora
05.01.2026 14:01  anna берёт заявку себе
05.01.2026 14:01  anna берёт заявку в работу
05.01.2026 14:01  anna добавляет метку звук
05.01.2026 14:02  anna передаёт заявку: audio, 2-я линия: «Две гарнитуры.»
05.01.2026 14:02  anna снимает исполнителя
05.01.2026 14:03  anna добавляет связь «дубликат заявки»: T-1
05.01.2026 14:04  anna откладывает заявку (ожидание: ответ клиента) до 06.01.2026 02:00: «Спросить про кабель.»
05.01.2026 14:05  Борис пишет: «Дешёвая.»
05.01.2026 14:05  Борис возобновляет работу над заявкой своим сообщением
05.01.2026 14:06  anna определяет приоритет P1: задано вручную вместо P3; влияние среднее (по умолчанию) и срочность средняя (по умолчанию) дают P3: «Директор.»
05.01.2026 14:07  anna решает заявку: «Другая гарнитура.»
05.01.2026 14:08  Борис подтверждает решение
";
    assert_eq!(story.numbers(&numbers).to_string(), expected);
    let public = "\
05.01.2026 09:00  Борис открывает заявку T-2 (вопрос, чат, P3): «Нет звука» — «Совсем.»
05.01.2026 14:01  anna берёт заявку в работу
05.01.2026 14:04  anna откладывает заявку (ожидание: ответ клиента) до 06.01.2026 02:00
05.01.2026 14:05  Борис пишет: «Дешёвая.»
05.01.2026 14:05  Борис возобновляет работу над заявкой своим сообщением
05.01.2026 14:07  anna решает заявку: «Другая гарнитура.»
05.01.2026 14:08  Борис подтверждает решение
";
    assert_eq!(story.public().to_string(), public);
}

/// Nothing was sent, so the story does not say that somebody was notified. The clocks are left out.
#[test]
fn a_story_says_only_what_happened() {
    let history = life();
    let story = Story::of(&history).to_string();
    let warned =
        "the desk noted that 75 percent of the time for the first reply was used up; dora is to be told\n";
    assert!(story.contains(warned) && !story.contains("notified"), "{story}");
    assert!(story.contains("anna linked it: duplicate of another ticket\n"), "{story}");
    assert!(!story.contains("set the clocks"), "{story}");
    assert!(Story::of(&history).with_clocks().to_string().contains("set the clocks: first reply running"));
    for event in &history {
        let uuid = event.to_string().split(' ').any(|word| word.parse::<TicketId>().is_ok());
        assert!(!uuid, "{event}");
    }
}

#[test]
fn a_refusal_is_told_in_russian() {
    let russian = Language::russian();
    let (desk, _) = bench();
    let ticket = desk.open_ticket(NewTicket::new("Нет звука").from("boris")).unwrap();
    let said = |action: Action, by: &Actor| ticket.why_not_by(&action, by).unwrap().in_words(russian);
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));
    assert_eq!(
        said(Action::reopen(), &anna),
        "открыть заново: недоступно, пока заявка новая; сейчас доступно: взять в работу, отложить, решить, отменить"
    );
    assert_eq!(
        said(Action::start(), &boris),
        "взять в работу: право есть только у сотрудников и программ; сейчас доступно: отменить"
    );
    assert_eq!(
        ticket.why_not_by(&Action::not_spam(), &anna).unwrap().reasons_in(russian),
        ["вернуть из спама — нельзя: заявка не отмечена как спам"]
    );
    desk.act(ticket.id(), Action::hand_over("audio", Line::Second, "a"), &anna).unwrap();
    let error = desk.act(ticket.id(), Action::hand_over("audio", Line::Second, "b"), &anna).unwrap_err();
    assert_eq!(
        error.rejection().unwrap().reasons_in(russian),
        ["передать — нельзя: заявка уже там: audio, 2-я линия"]
    );
    desk.act(ticket.id(), Action::assign("ben"), &anna).unwrap();
    let error = desk.act(ticket.id(), Action::take(), &anna).unwrap_err();
    assert_eq!(
        error.rejection().unwrap().reasons_in(russian),
        ["взять заявку себе нельзя: исполнитель — ben"]
    );
    let late = Actor::agent("carl");
    let error = desk.act(ticket.id(), Action::undo(), &late).unwrap_err();
    assert_eq!(
        error.rejection().unwrap().reasons_in(russian),
        ["отменить последнее действие — нельзя: после этого с заявкой кто-то работал: anna"]
    );
}
