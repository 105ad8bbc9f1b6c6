//! The matrix: complete by construction, and the one function that assesses a ticket.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::assessment::{Assessment, AssessmentStep, Graded};
use super::definition::{Cell, MatrixDefinition};
use super::level::{Impact, Priority, Urgency};
use super::modifier::Modifier;
use super::scale::Scale;
use crate::condition::{Facts, Fields};
use crate::error::{Error, Result};
use crate::suggest;

/// A checked priority matrix with its modifiers.
///
/// It is complete: each pair of its impacts and urgencies has a priority. It is made from a
/// [`MatrixDefinition`], also when it is read with serde, so a faulty one cannot exist. Printed with `{}` it is a
/// table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MatrixDefinition", into = "MatrixDefinition")]
pub struct Matrix {
    pub(super) impacts: Scale,
    pub(super) urgencies: Scale,
    pub(super) priorities: Scale,
    pub(super) default_impact: Impact,
    pub(super) default_urgency: Urgency,
    /// Row by row: as many as there are impacts times urgencies.
    pub(super) cells: Vec<Priority>,
    pub(super) modifiers: Vec<Modifier>,
}

/// What is known of a ticket when its priority is assessed.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// How bad it is; the matrix's default if not given.
    pub impact: Option<Impact>,
    /// How soon it must be solved; the matrix's default if not given.
    pub urgency: Option<Urgency>,
    /// The modifiers named on the ticket.
    pub modifiers: &'a BTreeSet<String>,
    /// The priority that somebody set by hand; `None` returns to the computed one. Who did so, when and why is in
    /// the ticket's history.
    pub overridden: Option<Priority>,
    /// What the modifiers' conditions look at.
    pub facts: &'a dyn Facts,
}

impl Matrix {
    /// The ITIL matrix of three impacts, three urgencies and five priorities, without modifiers.
    ///
    /// | impact | high urgency | medium | low |
    /// |---|---|---|---|
    /// | high | P1 critical | P2 high | P3 moderate |
    /// | medium | P2 high | P3 moderate | P4 low |
    /// | low | P3 moderate | P4 low | P5 planning |
    ///
    /// A ticket that gives no impact or urgency counts as medium, so that nothing falls to the end of the queue
    /// merely because nobody has graded it yet.
    pub fn itil() -> Matrix {
        use Priority as P;
        let scale =
            |what, names: &[&str]| Scale::new(what, names.iter().map(|&name| name.to_owned()).collect());
        Matrix {
            impacts: scale("impact", &["high", "medium", "low"]),
            urgencies: scale("urgency", &["high", "medium", "low"]),
            priorities: scale("priority", &["critical", "high", "moderate", "low", "planning"]),
            default_impact: Impact::MEDIUM,
            default_urgency: Urgency::MEDIUM,
            cells: vec![P::P1, P::P2, P::P3, P::P2, P::P3, P::P4, P::P3, P::P4, P::P5],
            modifiers: Vec::new(),
        }
    }

    /// Starts a matrix of one's own.
    pub fn define() -> MatrixDefinition {
        MatrixDefinition::default()
    }

    /// The definition of this matrix, to store it or to derive another one from it.
    pub fn to_definition(&self) -> MatrixDefinition {
        let [impacts, urgencies, priorities] =
            [&self.impacts, &self.urgencies, &self.priorities].map(|scale| scale.names().to_vec());
        let pairs = impacts.iter().flat_map(|impact| urgencies.iter().map(move |urgency| (impact, urgency)));
        let cells = pairs.zip(&self.cells).map(|((impact, urgency), priority)| Cell {
            impact: impact.clone(),
            urgency: urgency.clone(),
            priority: priorities[usize::from(priority.rank()) - 1].clone(),
        });
        MatrixDefinition {
            cells: cells.collect(),
            default_impact: impacts[usize::from(self.default_impact.rank()) - 1].clone(),
            default_urgency: urgencies[usize::from(self.default_urgency.rank()) - 1].clone(),
            modifiers: self.modifiers.clone(),
            impacts,
            urgencies,
            priorities,
        }
    }

    /// The priority of this pair, before modifiers.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) when the matrix has no such impact or urgency.
    ///
    /// ```
    /// use firstline::{Impact, Matrix, Priority, Urgency};
    ///
    /// let matrix = Matrix::itil();
    /// assert_eq!(matrix.cell(Impact::LOW, Urgency::HIGH)?, Priority::P3);
    ///
    /// let error = matrix.cell(Impact::new(4)?, Urgency::HIGH).unwrap_err();
    /// assert_eq!(error.to_string(), "impact 4 is not in the matrix; allowed: 1 (high), 2 (medium), 3 (low)");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn cell(&self, impact: Impact, urgency: Urgency) -> Result<Priority> {
        self.impacts.name(impact.rank())?;
        self.urgencies.name(urgency.rank())?;
        let row = usize::from(impact.rank()) - 1;
        Ok(self.cells[row * self.urgencies.len() + usize::from(urgency.rank()) - 1])
    }

    /// The priority of a ticket, with its reasons.
    ///
    /// The cell comes first; then the modifiers in the order in which they are declared, each on the result of
    /// the one before; then the priority set by hand, if there is one.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) when an impact, an urgency, a priority set by hand or a named modifier
    /// is not in the matrix; the error says what is.
    pub fn assess(&self, inputs: &Inputs<'_>) -> Result<Assessment> {
        let impact = inputs.impact.unwrap_or(self.default_impact);
        let urgency = inputs.urgency.unwrap_or(self.default_urgency);
        if let Some(priority) = inputs.overridden {
            self.priorities.name(priority.rank())?;
        }
        for name in inputs.modifiers {
            self.modifier(name)?;
        }
        let cell = self.cell(impact, urgency)?;
        let least = Priority::at(self.priorities.len() - 1);
        let mut steps = Vec::new();
        let mut priority = cell;
        for modifier in &self.modifiers {
            let named = inputs.modifiers.contains(modifier.name());
            let holds = || modifier.condition().is_some_and(|condition| condition.holds(inputs.facts));
            if named || holds() {
                priority = modifier.effect().apply(priority, least);
                let (name, effect) = (modifier.name().to_owned(), modifier.effect());
                steps.push(AssessmentStep { name, effect, named, to: priority });
            }
        }
        Ok(Assessment {
            impact: Graded {
                level: impact,
                name: self.impacts.name(impact.rank())?.to_owned(),
                by_default: inputs.impact.is_none(),
            },
            urgency: Graded {
                level: urgency,
                name: self.urgencies.name(urgency.rank())?.to_owned(),
                by_default: inputs.urgency.is_none(),
            },
            cell,
            steps,
            overridden: inputs.overridden,
        })
    }

    /// The impact of this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) when there is none; the error suggests the nearest name.
    pub fn impact(&self, name: &str) -> Result<Impact> {
        self.impacts.find(name).map(Impact::at)
    }

    /// The urgency of this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) when there is none; the error suggests the nearest name.
    pub fn urgency(&self, name: &str) -> Result<Urgency> {
        self.urgencies.find(name).map(Urgency::at)
    }

    /// The priority of this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) when there is none; the error suggests the nearest name.
    pub fn priority(&self, name: &str) -> Result<Priority> {
        self.priorities.find(name).map(Priority::at)
    }

    /// The modifier of this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) when there is none; the error suggests the nearest name.
    pub fn modifier(&self, name: &str) -> Result<&Modifier> {
        let names = || self.modifiers.iter().map(Modifier::name);
        self.modifiers.iter().find(|modifier| modifier.name() == name).ok_or_else(|| {
            let allowed = names().collect::<Vec<_>>().join(", ");
            let error =
                Error::invalid("modifier", format_args!("{name:?} {}", suggest::unknown(name, names())));
            error.allowing(if allowed.is_empty() {
                "none: the matrix has no modifiers".into()
            } else {
                allowed
            })
        })
    }

    /// The impacts with their names, the gravest first.
    pub fn impacts(&self) -> impl ExactSizeIterator<Item = (Impact, &str)> {
        self.impacts.names().iter().enumerate().map(|(index, name)| (Impact::at(index), name.as_str()))
    }

    /// The urgencies with their names, the most urgent first.
    pub fn urgencies(&self) -> impl ExactSizeIterator<Item = (Urgency, &str)> {
        self.urgencies.names().iter().enumerate().map(|(index, name)| (Urgency::at(index), name.as_str()))
    }

    /// The priorities with their names, P1 first.
    pub fn priorities(&self) -> impl ExactSizeIterator<Item = (Priority, &str)> {
        self.priorities.names().iter().enumerate().map(|(index, name)| (Priority::at(index), name.as_str()))
    }

    /// The modifiers, in the order in which they are applied.
    pub fn modifiers(&self) -> &[Modifier] {
        &self.modifiers
    }

    /// Checks the modifiers' conditions against the fields that the desk knows.
    ///
    /// Leave `priority` itself out of these fields: a condition on the result would depend on the priority
    /// before, and assessing twice could then give two results.
    ///
    /// # Errors
    ///
    /// A [definition](crate::ErrorKind::Definition) error that names every fault of every condition.
    pub fn check_conditions(&self, fields: &Fields) -> Result<()> {
        let faults: Vec<String> = self
            .modifiers
            .iter()
            .filter_map(|modifier| Some((modifier.name(), modifier.condition()?.faults(Some(fields)))))
            .flat_map(|(name, faults)| {
                faults.into_iter().map(move |fault| format!("modifier {name:?}: {fault}"))
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::definition("priority matrix", faults.join("; "))) }
    }
}

/// A table: a row for each impact, a column for each urgency.
impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let corner = "impact \\ urgency";
        let width = |names: &[String]| names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let first = width(self.impacts.names()).max(corner.len());
        let column = width(self.urgencies.names()).max(width(self.priorities.names()) + 3);
        let line = |first_cell: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!("  {cell:column$}")).collect();
            format!("{first_cell:first$}{cells}").trim_end().to_owned()
        };
        f.write_str(&line(corner, self.urgencies.names().to_vec()))?;
        for (impact, row) in self.impacts.names().iter().zip(self.cells.chunks(self.urgencies.len())) {
            let named = |priority: &Priority| {
                format!("{priority} {}", self.priorities.name(priority.rank()).unwrap_or_default())
            };
            write!(f, "\n{}", line(impact, row.iter().map(named).collect()))?;
        }
        Ok(())
    }
}

static NO_MODIFIERS: BTreeSet<String> = BTreeSet::new();

/// Nothing is given and nothing is known.
impl Default for Inputs<'_> {
    fn default() -> Self {
        Inputs { impact: None, urgency: None, modifiers: &NO_MODIFIERS, overridden: None, facts: &() }
    }
}

impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("impact", &self.impact)
            .field("urgency", &self.urgency)
            .field("modifiers", &self.modifiers)
            .field("overridden", &self.overridden)
            .finish_non_exhaustive()
    }
}
