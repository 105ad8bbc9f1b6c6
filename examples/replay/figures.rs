//! What the stored tickets and their histories say, compared with the log's own columns.

use std::error::Error;

use firstline::operation::Engine;
use firstline::sla::{ClockState, Metric};
use firstline::ticket::event::Origin;
use firstline::{Change, Desk, Event, ExternalRef, Snapshot, Ticket};
use serde::Serialize;

use super::log::Expected;

/// How far the desk and the log agree.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// Incidents of which the desk has a ticket.
    pub(crate) incidents: u64,
    /// Rows of the log that these tickets took in.
    pub(crate) rows: u64,
    /// Rows at which the computed priority is the log's.
    pub(crate) priority_matches: u64,
    /// Steps that the lifecycle would have refused.
    pub(crate) refused_changes: u64,
    /// Incidents with such a step.
    pub(crate) refused_incidents: u64,
    /// Incidents reopened as often as the log says.
    pub(crate) reopen_count_matches: u64,
    /// Incidents handed over as often as the log says.
    pub(crate) reassignment_count_matches: u64,
    /// Incidents resolved when the log says.
    pub(crate) resolved_at_matches: u64,
    /// Incidents closed when the log says.
    pub(crate) closed_at_matches: u64,
    /// Incidents of which the stored clock gives the log's verdict on the agreed time.
    pub(crate) made_sla_matches: u64,
    /// Events in the histories, but for what the desk noted of its clocks.
    pub(crate) events: u64,
    /// What the desk noted of its clocks.
    pub(crate) clock_events: u64,
}

/// Asks the desk for each of these tickets and its history.
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
        let of_clocks = |event: &&Event| matches!(event.change, Change::Clocked { .. });
        let clock_events = history.iter().filter(of_clocks).count() as u64;
        self.events += history.len() as u64 - clock_events;
        self.clock_events += clock_events;

        // The ticket as it was at each row of the log: after the last event that came from it.
        let mut snapshot = Snapshot::fold([opening])?;
        let mut later = later.iter().peekable();
        let rows = ticket.imported.as_ref().map_or(0, |(rows, _)| *rows);
        for (row, priority) in (1..=rows).zip(&expected.priorities) {
            while let Some(event) = later.next_if(|it| it.origin.is_none_or(|origin| origin.version <= row)) {
                snapshot.apply(event)?;
            }
            self.priority_matches += u64::from(snapshot.priority().rank() == *priority);
        }
        self.rows += u64::from(rows);
        if snapshot != *ticket {
            return Err(format!("the row of {} is not the fold of its history", ticket.number).into());
        }

        self.reopen_count_matches += u64::from(ticket.reopened == expected.reopened);
        self.reassignment_count_matches += u64::from(ticket.handed_over == expected.reassigned);
        let equal = |ours: Option<_>, theirs: Option<_>| u64::from(ours.is_some() && ours == theirs);
        self.resolved_at_matches += equal(ticket.resolved_at, expected.resolved_at);
        let made = ticket.clock(Metric::Closure).map(|clock| clock.state == ClockState::Met);
        self.made_sla_matches += u64::from(made == Some(expected.made_sla));
        self.closed_at_matches += equal(ticket.closed_at, expected.closed_at);
        Ok(())
    }
}
