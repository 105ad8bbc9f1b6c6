//! Compares the stored tickets and their histories with the log's own columns.

use std::error::Error;
use std::fmt;

use firstline::operation::Engine;
use firstline::sla::{ClockState, Metric};
use firstline::ticket::event::Origin;
use firstline::{Change, Desk, Event, ExternalRef, Snapshot, Ticket};
use serde::Serialize;

use super::log::Expected;

/// The numbers of incidents, rows and events, and of the rows and incidents in which the desk agrees with the log.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// Incidents with a ticket at the desk.
    pub(crate) incidents: u64,
    /// Rows of the log in these tickets.
    pub(crate) rows: u64,
    /// Rows with the same priority as in the log.
    pub(crate) priority_matches: u64,
    /// Steps that the lifecycle refuses; the import marks them as irregular.
    pub(crate) refused_changes: u64,
    /// Incidents with such a step.
    pub(crate) refused_incidents: u64,
    /// Incidents with the same number of reopenings as in the log.
    pub(crate) reopen_count_matches: u64,
    /// Incidents with the same number of handovers as in the log.
    pub(crate) reassignment_count_matches: u64,
    /// Incidents resolved at the same time as in the log.
    pub(crate) resolved_at_matches: u64,
    /// Incidents closed at the same time as in the log.
    pub(crate) closed_at_matches: u64,
    /// Incidents in which the clock and the log agree that the agreed time was met or missed.
    pub(crate) made_sla_matches: u64,
    /// Events in the histories, except clock events.
    pub(crate) events: u64,
    /// Clock events in the histories.
    pub(crate) clock_events: u64,
}

/// Reads each of these tickets and its history, and compares.
pub(crate) fn of<E>(
    desk: &Desk<E>,
    expected: impl IntoIterator<Item = (ExternalRef, Expected)>,
) -> Result<Figures, Box<dyn Error>>
where
    E: for<'a> Engine<
            Reply<'a, Ticket> = firstline::Result<Ticket>,
            Reply<'a, Vec<Event>> = firstline::Result<Vec<Event>>,
        >,
{
    let mut figures = Figures::default();
    for (name, expected) in expected {
        match desk.ticket(name) {
            Ok(ticket) => {
                let history = desk.records().history(ticket.id())?;
                figures.add(&ticket, &history, &expected)?;
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(figures)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} incidents, {} rows, {} events in their histories",
            self.incidents, self.rows, self.events
        )?;
        writeln!(
            f,
            "Steps that break the lifecycle: {}, in {} of the incidents",
            self.refused_changes, self.refused_incidents
        )?;
        writeln!(f, "\nThe desk agrees with the log on")?;
        for (what, agree, all) in [
            ("the priority", self.priority_matches, self.rows),
            ("the number of reopenings", self.reopen_count_matches, self.incidents),
            ("the number of handovers", self.reassignment_count_matches, self.incidents),
            ("the time of the solution", self.resolved_at_matches, self.incidents),
            ("the time of the closure", self.closed_at_matches, self.incidents),
            ("the agreed time, met or missed", self.made_sla_matches, self.incidents),
        ] {
            writeln!(f, "  {what:<31} {agree:>7} of {all:>7}")?;
        }
        Ok(())
    }
}

impl Figures {
    fn add(
        &mut self,
        ticket: &Snapshot,
        history: &[Event],
        expected: &Expected,
    ) -> Result<(), Box<dyn Error>> {
        let [opening, later @ ..] = history else { return Err("a ticket without a history".into()) };
        let irregular = |event: &&Event| matches!(event.origin, Some(Origin { irregular: true, .. }));
        let refused = history.iter().filter(irregular).count() as u64;
        self.incidents += 1;
        self.refused_changes += refused;
        self.refused_incidents += u64::from(refused > 0);
        let of_clocks = |event: &&Event| matches!(event.change, Change::ClocksUpdated { .. });
        let clock_events = history.iter().filter(of_clocks).count() as u64;
        self.events += history.len() as u64 - clock_events;
        self.clock_events += clock_events;

        // The ticket at a row of the log is the fold of the events up to the last event of the row.
        let mut snapshot = Snapshot::fold([opening])?;
        let mut later = later.iter().peekable();
        let rows = ticket.imported.as_ref().map_or(0, |mark| mark.versions);
        for (row, priority) in (1..=rows).zip(&expected.priorities) {
            while let Some(event) =
                later.next_if(|it| it.origin.as_ref().is_none_or(|origin| origin.version <= row))
            {
                snapshot.apply(event)?;
            }
            self.priority_matches += u64::from(snapshot.priority().rank() == *priority);
        }
        self.rows += u64::from(rows);
        if snapshot != *ticket {
            return Err(
                format!("the stored ticket {} differs from the fold of its history", ticket.number).into()
            );
        }

        self.reopen_count_matches += u64::from(ticket.reopens == expected.reopened);
        self.reassignment_count_matches += u64::from(ticket.handovers == expected.reassigned);
        let equal = |ours: Option<_>, theirs: Option<_>| u64::from(ours.is_some() && ours == theirs);
        self.resolved_at_matches += equal(ticket.resolved_at, expected.resolved_at);
        let made = ticket.clock(Metric::Closure).map(|clock| clock.state == ClockState::Met);
        self.made_sla_matches += u64::from(made == Some(expected.made_sla));
        self.closed_at_matches += equal(ticket.closed_at, expected.closed_at);
        Ok(())
    }
}
