//! Pictures of workflows: their content, and their robustness against any name.

use std::collections::BTreeSet;
use std::fmt::Write;

use firstline::workflow::{MAX_TRANSITIONS, Performer, Picture, ProcessMap, Status, Transition, Workflow};
use firstline::{
    Action, Actor, Condition, Desk, Kind, NewTicket, Policy, StateKind, StepKind, WorkflowDefinition,
};
use roxmltree::Document;

fn small() -> WorkflowDefinition {
    WorkflowDefinition::new("small")
        .guard("cheap", Condition::field("tags").contains("cheap"))
        .status(Status::new("Open", StateKind::New))
        .status(Status::new("Working", StateKind::Active))
        .status(Status::new("Paid", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .transition(Transition::step(StepKind::Start, "Open", "Working"))
        .transition(Transition::step(StepKind::Resolve, "Open", "Paid").or_from("Working").when("cheap"))
        .transition(
            Transition::step(StepKind::Resolve, "Open", "Paid")
                .or_from("Working")
                .may(Performer::Role("lead".to_owned())),
        )
        .transition(Transition::step(StepKind::Reopen, "Paid", "Working"))
        .transition(Transition::step(StepKind::Close, "Paid", "Done"))
}

/// Three tickets: one waits, one was reopened, one reached the end.
fn counted(workflow: &Workflow) -> ProcessMap {
    let desk = Desk::memory();
    desk.setup().adopt(&Policy::new().workflow(workflow)).unwrap();
    let open = || desk.open_ticket(NewTicket::new("Pay").kind(Kind::Question)).unwrap().id();
    let lead = Actor::agent("lea").attribute("role", "lead");
    let (_, second, third) = (open(), open(), open());
    desk.act(second, Action::resolve("paid"), &lead).unwrap();
    desk.act(second, Action::reopen(), &lead).unwrap();
    desk.act(third, Action::start(), &lead).unwrap();
    desk.act(third, Action::resolve("paid").and(Action::close()), &lead).unwrap();
    desk.reports().process_map(workflow).unwrap()
}

#[test]
fn mermaid_has_the_states_as_groups() {
    let expected = r#"flowchart TD
    begin(( ))
    subgraph new ["new"]
        s0("Open")
    end
    subgraph active ["active"]
        s1("Working")
    end
    subgraph resolved ["resolved"]
        s2("Paid")
    end
    subgraph closed ["closed"]
        s3[["Done"]]
    end
    begin --> s0
    s0 -->|"start"| s1
    s0 -->|"resolve [cheap]<br/>resolve (role:lead)"| s2
    s1 -->|"resolve [cheap]<br/>resolve (role:lead)"| s2
    s2 -->|"reopen"| s1
    s2 -->|"close"| s3
"#;
    assert_eq!(Picture::of(&small().build().unwrap()).mermaid(), expected);
}

#[test]
fn dot_has_the_states_as_clusters_and_counts_on_request() {
    let workflow = small().build().unwrap();
    let process_map = counted(&workflow);
    let expected = r#"digraph "small" {
    node [shape=box style=rounded]
    begin [shape=point width=0.2 label=""]
    subgraph cluster_new {
        label="new"
        s0 [label="Open\n1"]
    }
    subgraph cluster_active {
        label="active"
        s1 [label="Working\n1"]
    }
    subgraph cluster_resolved {
        label="resolved"
        s2 [label="Paid\n0"]
    }
    subgraph cluster_closed {
        label="closed"
        s3 [label="Done\n1" peripheries=2]
    }
    begin -> s0
    s0 -> s1 [label="start: 1" penwidth=6.0]
    s0 -> s2 [label="resolve [cheap]\nresolve (role:lead): 1" penwidth=6.0]
    s1 -> s2 [label="resolve [cheap]\nresolve (role:lead): 1" penwidth=6.0]
    s2 -> s1 [label="reopen: 1" penwidth=6.0]
    s2 -> s3 [label="close: 1" penwidth=6.0]
}
"#;
    assert_eq!(Picture::of(&workflow).counting(&process_map).dot(), expected);
}

#[test]
fn counts_of_another_version_are_not_shown() {
    let workflow = small().build().unwrap();
    let next = small().version(2).build().unwrap();
    let process_map = counted(&workflow);
    assert_eq!(Picture::of(&next).counting(&process_map).svg(), Picture::of(&next).svg());
    assert_ne!(Picture::of(&workflow).counting(&process_map).svg(), Picture::of(&workflow).svg());
}

#[test]
fn the_same_workflow_gives_the_same_picture() {
    assert_eq!(Picture::of(&small().build().unwrap()).svg(), Picture::of(&small().build().unwrap()).svg());
}

/// Names with special meaning in one of the three formats, or in none.
const HOSTILE: [&str; 14] = [
    "\"]; end; s0 --> s1",
    "<script>alert(1)</script>",
    "]]> & &amp; <!-- -->",
    "\\\" \\n \\",
    "#quot; `code` %% comment",
    "subgraph end",
    "Проверка: «карта» — да?",
    "待機中 顧客からの返事を待っています",
    "🎉🎉🎉 👩‍👩‍👧 x\u{301}",
    "שולחן העזרה, from right to left",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft of the Danube",
    "{}[]()|<br/>",
    "1. first",
    "'",
];

fn hostile() -> WorkflowDefinition {
    let mut workflow = WorkflowDefinition::new("\"<&>\" \\").status(Status::new("Start", StateKind::New));
    for name in HOSTILE {
        let guard = format!("guard {name}");
        workflow = workflow
            .status(Status::new(name, StateKind::Active))
            .guard(guard.clone(), Condition::field("tags").contains(name))
            .transition(Transition::step(StepKind::Start, "Start", name).when(guard))
            .transition(
                Transition::step(StepKind::Resolve, name, "Answered").may(Performer::Role(name.to_owned())),
            );
    }
    workflow
        .status(Status::new("Answered", StateKind::Resolved))
        .status(Status::new("End", StateKind::Closed))
        .transition(Transition::step(StepKind::Resolve, "Start", "Answered"))
        .transition(Transition::step(StepKind::Close, "Answered", "End"))
}

/// The names in the drawing, taken from its tooltips. Checks that everything lies within the sheet.
fn drawn(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap_or_else(|problem| panic!("{problem}: {svg}"));
    let number = |node: roxmltree::Node<'_, '_>, name: &str| {
        let value = node.attribute(name).unwrap_or("0").trim_end_matches('%');
        value.parse::<f64>().unwrap_or_else(|_| panic!("{name} is {value}"))
    };
    let root = document.root_element();
    let (wide, high) = (number(root, "width"), number(root, "height"));
    for node in
        document.descendants().filter(|it| it.has_tag_name("rect") && it.attribute("width") != Some("100%"))
    {
        let (x, y) = (number(node, "x"), number(node, "y"));
        assert!(x >= 0.0 && y >= 0.0 && number(node, "width") > 0.0, "{node:?}");
        assert!(
            x + number(node, "width") <= wide && y + number(node, "height") <= high,
            "{node:?} of {wide} x {high}"
        );
    }
    for node in document.descendants().filter(|it| it.has_tag_name("path")) {
        assert!(!node.attribute("d").unwrap().contains(['N', 'i']), "{node:?} is not a number");
    }
    let of_group = document.descendants().filter(|it| it.has_tag_name("g"));
    of_group.map(|it| it.first_element_child().unwrap().text().unwrap().to_owned()).collect()
}

/// Overlapping pairs among the boxes of statuses and labels.
fn overlaps(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let boxes: Vec<_> = document
        .descendants()
        .filter(|it| it.has_tag_name("rect") && matches!(it.attribute("rx"), Some("8" | "3")))
        .map(|it| {
            ["x", "y", "width", "height"].map(|name| it.attribute(name).unwrap().parse::<f64>().unwrap())
        })
        .collect();
    let apart = |one: &[f64; 4], other: &[f64; 4]| one[0] + one[2] < other[0] || one[1] + one[3] < other[1];
    let mut found = Vec::new();
    for (place, one) in boxes.iter().enumerate() {
        let on = boxes[..place].iter().filter(|other| !apart(one, other) && !apart(other, one));
        found.extend(on.map(|other| format!("{one:?} on {other:?}")));
    }
    found
}

/// A name cannot change the direction of the text around it in a picture.
#[test]
fn a_name_with_a_change_of_direction_is_refused() {
    let turned = hostile().status(Status::new("\u{202e}right to left", StateKind::Active));
    let error = turned.build().unwrap_err().to_string();
    assert!(error.contains(r#"statuses[17].name: the name "\u{202e}right to left""#), "{error}");
}

#[test]
fn no_name_breaks_a_picture() {
    let workflow = hostile().build().unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = workflow.statuses().map(|(_, it)| it.name.as_str()).collect();
    let svg = Picture::of(&workflow).svg();
    assert_eq!(drawn(&svg), names);
    assert_eq!(overlaps(&svg), Vec::<String>::new());
    if let Ok(directory) = std::env::var("PICTURES") {
        std::fs::write(format!("{directory}/hostile.svg"), &svg).unwrap();
    }

    // In Mermaid, a quoted text must not contain a sign that ends it or has a meaning.
    for line in Picture::of(&workflow).mermaid().lines() {
        let mut parts = line.split('"');
        let (_, quoted) = (parts.next(), parts.next().unwrap_or_default());
        assert!(parts.count() <= 1, "quoted twice: {line}");
        let quoted = quoted.replace("<br/>", " ");
        assert!(!quoted.contains(['<', '>', '`', '\\', '|', '%', '{', '&']), "{line}");
    }
    // In DOT, a quoted text ends at the first quote without a backslash before it.
    for line in Picture::of(&workflow).dot().lines() {
        let bare = line.replace("\\\\", "").replace("\\\"", "");
        assert!(bare.matches('"').count() % 2 == 0, "{line}");
        let outside: String = bare.split('"').step_by(2).collect();
        assert!(!outside.contains('<') && !outside.contains('&'), "{line}");
    }
}

/// Statuses in chains, stars and cycles within all states, as many as allowed.
fn big(count: usize) -> WorkflowDefinition {
    let mut workflow = WorkflowDefinition::new("big").status(Status::new("Start", StateKind::New));
    for number in 0..count - 3 {
        let name = format!("Step number {number}");
        let before = format!("Step number {}", number.saturating_sub(1 + number % 7));
        workflow = workflow
            .status(Status::new(&name, StateKind::Active))
            .transition(Transition::step(StepKind::Cancel, &name, "Cancelled"))
            .transition(if number % 5 == 0 {
                Transition::step(StepKind::Start, "Start", &name).when(format!("guard {number}"))
            } else {
                Transition::within(&before, &name)
            })
            .guard(format!("guard {number}"), Condition::field("tags").contains(format!("{number}")));
        if number % 3 == 0 && number > 0 {
            workflow = workflow.transition(Transition::within(&name, "Step number 0"));
        }
    }
    workflow
        .status(Status::new("Closed", StateKind::Closed))
        .status(Status::new("Cancelled", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Cancel, "Start", "Cancelled"))
        .status(Status::new("Resolved", StateKind::Resolved))
        .transition(Transition::step(StepKind::Resolve, "Start", "Resolved"))
        .transition(Transition::step(StepKind::Close, "Resolved", "Closed"))
}

#[test]
fn a_workflow_of_a_hundred_statuses_is_drawn_without_overlaps() {
    let workflow = big(99).build().unwrap_or_else(|error| panic!("{error}"));
    let svg = Picture::of(&workflow).svg();
    if let Ok(directory) = std::env::var("PICTURES") {
        std::fs::write(format!("{directory}/big.svg"), &svg).unwrap();
    }
    assert_eq!(drawn(&svg).len(), 100);
    assert_eq!(overlaps(&svg), Vec::<String>::new());
}

/// The largest workflow allowed is drawn, even if slowly.
#[test]
fn the_largest_workflow_is_drawn() {
    let mut workflow = big(499);
    let mut transitions: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut number = 1_usize;
    while workflow.transitions.len() < MAX_TRANSITIONS {
        number = number * 48_271 % 2_147_483_647;
        let (from, to) = (number % 490 + 1, number / 490 % 490 + 1);
        if to.abs_diff(from) > 7 && transitions.insert((from, to)) {
            let name = |it: usize| format!("Step number {it}");
            let transition = Transition::within(name(from), name(to));
            workflow = workflow.transition(if number.is_multiple_of(2) {
                transition
            } else {
                transition.with_reason()
            });
        }
    }
    let workflow = workflow.build().unwrap_or_else(|error| panic!("{error}"));
    let svg = Picture::of(&workflow).svg();
    assert_eq!(drawn(&svg).len(), 500);
}

/// A control: the overlap check fails for a picture with one box moved onto another.
#[test]
fn an_overlap_is_detected() {
    let mut svg = String::from("<svg>");
    for x in [10, 40] {
        let _ = write!(svg, "<rect rx=\"8\" x=\"{x}\" y=\"0\" width=\"50\" height=\"10\"/>");
    }
    assert_eq!(overlaps(&(svg + "</svg>")).len(), 1);
}

/// A ticket whose kind changes moves to another workflow: each workflow counts the transitions taken under it, and
/// only the last one counts the ticket.
#[test]
fn transitions_count_for_the_workflow_they_were_taken_under() {
    let workflow = small().for_kind("invoice").build().unwrap();
    let desk = Desk::memory();
    desk.setup().adopt(&Policy::new().workflow(&workflow)).unwrap();
    let anna = Actor::agent("anna");
    let ticket = desk.open_ticket(NewTicket::new("Pay")).unwrap().id();
    desk.act(ticket, Action::start(), &anna).unwrap();
    desk.act(ticket, Action::Kind(Kind::from("invoice")), &anna).unwrap();
    desk.act(ticket, Action::tag("cheap").and(Action::resolve("paid")), &anna).unwrap();

    let (ticket, history) = (desk.ticket(ticket).unwrap(), desk.records().history(ticket).unwrap());
    let counts = |workflow: &Workflow, transitions: [(&str, &str); 2]| {
        let mut process_map = ProcessMap::new(workflow);
        process_map.add(&ticket, &history);
        let id = |name: &str| workflow.find(name).unwrap();
        (process_map.tickets(), transitions.map(|(from, to)| process_map.transition_count(id(from), id(to))))
    };
    assert_eq!(counts(Workflow::simple(), [("new", "active"), ("active", "resolved")]), (0, [1, 0]));
    assert_eq!(counts(&workflow, [("Open", "Working"), ("Working", "Paid")]), (1, [0, 1]));
}
