//! The priority matrix and the assessment of a ticket.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::assessment::{AssessedLevel, Assessment, AssessmentStep};
use super::definition::{Cell, MatrixDefinition};
use super::level::{Impact, Priority, Urgency};
use super::modifier::Modifier;
use super::scale::Scale;
use crate::condition::{Facts, Fields};
use crate::error::{Error, Result};
use crate::suggest;

/// A checked priority matrix with its modifiers.
///
/// A matrix is complete: each pair of impact and urgency has a priority. It is always built from a
/// [`MatrixDefinition`], including when it is deserialized, so it has no faults. `Display` prints a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MatrixDefinition", into = "MatrixDefinition")]
pub struct Matrix {
    pub(super) impacts: Scale,
    pub(super) urgencies: Scale,
    pub(super) priorities: Scale,
    pub(super) default_impact: Impact,
    pub(super) default_urgency: Urgency,
    /// The priorities row by row, one row for each impact. The length is impacts times urgencies.
    pub(super) cells: Vec<Priority>,
    pub(super) modifiers: Vec<Modifier>,
}

/// The inputs of a priority assessment.
#[derive(Clone, Copy)]
pub struct AssessmentInputs<'a> {
    /// The impact; `None` uses the matrix's default.
    pub impact: Option<Impact>,
    /// The urgency; `None` uses the matrix's default.
    pub urgency: Option<Urgency>,
    /// The modifiers named on the ticket.
    pub modifiers: &'a BTreeSet<String>,
    /// The manual priority; `None` uses the computed one. The ticket's history records the actor, time and reason of
    /// a manual priority.
    pub manual_priority: Option<Priority>,
    /// The facts that the conditions of modifiers read.
    pub facts: &'a dyn Facts,
}

impl Matrix {
    /// Returns the ITIL matrix, with three impacts, three urgencies, five priorities and no modifiers.
    ///
    /// | impact | high urgency | medium | low |
    /// |---|---|---|---|
    /// | high | P1 critical | P2 high | P3 moderate |
    /// | medium | P2 high | P3 moderate | P4 low |
    /// | low | P3 moderate | P4 low | P5 planning |
    ///
    /// Both defaults are medium, so that a ticket without an impact or urgency is not put at the end of the queue.
    pub fn itil() -> Matrix {
        use Priority as P;
        let scale =
            |noun, names: &[&str]| Scale::new(noun, names.iter().map(|&name| name.to_owned()).collect());
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

    /// Starts the definition of a custom matrix.
    pub fn define() -> MatrixDefinition {
        MatrixDefinition::default()
    }

    /// Returns the definition of this matrix, to store it or to derive another matrix from it.
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

    /// Returns the priority of this pair, before modifiers.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) if the matrix does not have this impact or urgency.
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

    /// Returns the priority of a ticket, with its reasons.
    ///
    /// The assessment starts with the matrix cell. Modifiers apply in the order of their declaration, each to the
    /// result of the previous one. A manual priority, if given, replaces the result.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) if the impact, the urgency, the manual priority or a named modifier is not
    /// in the matrix. The message lists the allowed values.
    pub fn assess(&self, inputs: &AssessmentInputs<'_>) -> Result<Assessment> {
        self.check(inputs)?;
        inputs.modifiers.iter().try_for_each(|name| self.modifier(name).map(drop))?;
        Ok(self.assess_within(inputs))
    }

    /// Checks that the matrix has the levels and the manual priority of these inputs.
    pub(crate) fn check(&self, inputs: &AssessmentInputs<'_>) -> Result<()> {
        for (scale, rank) in [
            (&self.priorities, inputs.manual_priority.map(Priority::rank)),
            (&self.impacts, inputs.impact.map(Impact::rank)),
            (&self.urgencies, inputs.urgency.map(Urgency::rank)),
        ] {
            rank.map_or(Ok(""), |rank| scale.name(rank))?;
        }
        Ok(())
    }

    /// Returns the priority of a ticket whose inputs may be older than the matrix. A level or a manual priority that
    /// the matrix does not have counts as the lowest one of the matrix, and an unknown modifier has no effect. The
    /// assessment keeps the level that was given.
    pub(crate) fn assess_within(&self, inputs: &AssessmentInputs<'_>) -> Assessment {
        let (impact, urgency) =
            (inputs.impact.unwrap_or(self.default_impact), inputs.urgency.unwrap_or(self.default_urgency));
        let lowest = Priority::at(self.priorities.len() - 1);
        let row = self.impacts.index_within(impact.rank());
        let column = self.urgencies.index_within(urgency.rank());
        let cell = self.cells[row * self.urgencies.len() + column];
        let mut steps = Vec::new();
        let mut priority = cell;
        for modifier in &self.modifiers {
            let named = inputs.modifiers.contains(modifier.name());
            let holds = || modifier.condition().is_some_and(|condition| condition.holds(inputs.facts));
            if named || holds() {
                priority = modifier.effect().apply(priority, lowest);
                let (name, effect) = (modifier.name().to_owned(), modifier.effect());
                steps.push(AssessmentStep { name, effect, named, to: priority });
            }
        }
        Assessment {
            impact: AssessedLevel {
                level: Impact::at(row),
                name: self.impacts.names()[row].clone(),
                outside: Some(impact).filter(|impact| *impact != Impact::at(row)),
                by_default: inputs.impact.is_none(),
            },
            urgency: AssessedLevel {
                level: Urgency::at(column),
                name: self.urgencies.names()[column].clone(),
                outside: Some(urgency).filter(|urgency| *urgency != Urgency::at(column)),
                by_default: inputs.urgency.is_none(),
            },
            cell,
            steps,
            manual_priority: inputs
                .manual_priority
                .map(|priority| if priority.rank() > lowest.rank() { lowest } else { priority }),
        }
    }

    /// Returns the impact with this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) if the name is unknown. The message suggests the nearest name.
    pub fn impact(&self, name: &str) -> Result<Impact> {
        self.impacts.find(name).map(Impact::at)
    }

    /// Returns the urgency with this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) if the name is unknown. The message suggests the nearest name.
    pub fn urgency(&self, name: &str) -> Result<Urgency> {
        self.urgencies.find(name).map(Urgency::at)
    }

    /// Returns the priority with this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) if the name is unknown. The message suggests the nearest name.
    pub fn priority(&self, name: &str) -> Result<Priority> {
        self.priorities.find(name).map(Priority::at)
    }

    /// Returns the modifier with this name.
    ///
    /// # Errors
    ///
    /// [Invalid](crate::ErrorKind::Invalid) if the name is unknown. The message suggests the nearest name.
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

    /// Returns the impacts with their names, most severe first.
    pub fn impacts(&self) -> impl ExactSizeIterator<Item = (Impact, &str)> {
        self.impacts.names().iter().enumerate().map(|(index, name)| (Impact::at(index), name.as_str()))
    }

    /// Returns the urgencies with their names, most urgent first.
    pub fn urgencies(&self) -> impl ExactSizeIterator<Item = (Urgency, &str)> {
        self.urgencies.names().iter().enumerate().map(|(index, name)| (Urgency::at(index), name.as_str()))
    }

    /// Returns the priorities with their names, P1 first.
    pub fn priorities(&self) -> impl ExactSizeIterator<Item = (Priority, &str)> {
        self.priorities.names().iter().enumerate().map(|(index, name)| (Priority::at(index), name.as_str()))
    }

    /// Returns the modifiers, in the order in which they apply.
    pub fn modifiers(&self) -> &[Modifier] {
        &self.modifiers
    }

    /// Checks the conditions of the modifiers against the known fields.
    ///
    /// Do not include `priority` in `fields`. A condition on the priority would read the result of the previous
    /// assessment, so two assessments of the same ticket could differ.
    ///
    /// # Errors
    ///
    /// A [definition](crate::ErrorKind::Definition) error that lists all faults of all conditions.
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

/// Prints a table with a row for each impact and a column for each urgency.
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

/// Assessment inputs with no values and no facts.
impl Default for AssessmentInputs<'_> {
    fn default() -> Self {
        AssessmentInputs {
            impact: None,
            urgency: None,
            modifiers: &NO_MODIFIERS,
            manual_priority: None,
            facts: &(),
        }
    }
}

impl fmt::Debug for AssessmentInputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssessmentInputs")
            .field("impact", &self.impact)
            .field("urgency", &self.urgency)
            .field("modifiers", &self.modifiers)
            .field("manual_priority", &self.manual_priority)
            .finish_non_exhaustive()
    }
}
