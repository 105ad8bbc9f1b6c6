//! The priority of a ticket and its reasons: a priority matrix, a rule for VIP customers, and a faulty matrix that is
//! refused.
//!
//! ```text
//! cargo run --example priority_matrix
//! ```

use std::collections::BTreeSet;

use firstline::priority::{AssessmentInputs, Effect, Impact, Matrix, Modifier, Priority, Urgency};
use firstline::{Attributes, Condition, Result, Value};
#[path = "common/help.rs"]
mod help;

fn main() -> Result<()> {
    help::no_arguments(include_str!("priority_matrix.rs"));
    // The ITIL matrix with two modifiers. A condition applies the first; an agent adds the second.
    let vip = Condition::field("contact.vip").is(true);
    let matrix = Matrix::itil()
        .to_definition()
        .modifier(Modifier::new("VIP customer", Effect::Raise(1)).when(vip))
        .modifier(Modifier::new("the press asks", Effect::AtLeast(Priority::P2)))
        .build()?;
    println!("The matrix:\n\n{matrix}\n");

    println!("Four tickets, each with its priority and the reasons:\n");
    let vip = Attributes::from([("contact.vip".to_owned(), Value::from(true))]);
    let press = BTreeSet::from(["the press asks".to_owned()]);
    let medium = AssessmentInputs {
        impact: Some(Impact::MEDIUM),
        urgency: Some(Urgency::MEDIUM),
        ..AssessmentInputs::default()
    };
    for (subject, inputs) in [
        ("A question about delivery", AssessmentInputs::default()),
        ("A VIP cannot pay", AssessmentInputs { facts: &vip, ..medium }),
        (
            "A typing error in an advertisement",
            AssessmentInputs { impact: Some(Impact::LOW), modifiers: &press, ..medium },
        ),
        ("The boss called", AssessmentInputs { manual_priority: Some(Priority::P1), ..medium }),
    ] {
        println!("{subject}\n  {}", matrix.assess(&inputs)?);
    }

    println!("\nA faulty matrix is refused. The error lists every fault:\n");
    let faulty = Matrix::define()
        .impacts(["company", "team", "person"])
        .urgencies(["now", "later"])
        .priorities(["critical", "normal", "low"])
        .row("company", [("now", "critical"), ("later", "normal")])
        .row("team", [("now", "critcal"), ("later", "normal")])
        .row("person", [("now", "normal")])
        .default_impact("persons")
        .default_urgency("later");
    match faulty.build() {
        Ok(_) => println!("  It was accepted, which should not happen."),
        Err(error) => println!("  {}", error.to_string().replace("; ", ";\n  ")),
    }
    Ok(())
}
