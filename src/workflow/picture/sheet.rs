//! The elements of a drawing before layout: rows of items, and the lines between them.
//!
//! Statuses are in the even rows, in the order of the states; labels are in the odd rows. Routes with the same label
//! and the same target form one bus: it has one label, and each source status joins it. A bus has an item in every row
//! that it passes, so that no line runs through a box.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Picture, Route};
use super::text_layout;

/// The maximum number of statuses in a row, and the maximum number of rows that the moves within one state spread over.
const MAX_PER_ROW: usize = 6;
const MAX_MOVE_ROWS: usize = 12;

/// Font sizes and line heights, in pixels.
pub(super) const NAME: f64 = 13.0;
pub(super) const NAME_LINE: f64 = 17.0;
pub(super) const LABEL: f64 = 11.0;
pub(super) const LABEL_LINE: f64 = 14.0;

/// An element with a position in a row.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) row: usize,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) what: ItemKind,
    /// The x coordinate of the centre.
    pub(super) x: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Status(usize),
    /// The label of a bus.
    Label(usize),
    /// The point at which a bus passes a row.
    Bend,
}

/// Routes with the same label to the same status, from the same side.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) to: usize,
    pub(super) lines: Vec<String>,
    /// True if it leads up.
    pub(super) upward: bool,
    pub(super) parts: Vec<Part>,
}

/// A segment of a bus, between items of adjacent rows. The source may also be in the row of the target.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) count: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) items: Vec<Item>,
    pub(super) rows: Vec<Vec<usize>>,
    pub(super) buses: Vec<Bus>,
    /// For each status: the lines of its name, and the labels of the transitions from the status to itself.
    pub(super) names: Vec<Vec<String>>,
    pub(super) loops: Vec<Vec<String>>,
}

impl Sheet {
    pub(super) fn of(picture: &Picture<'_>) -> Sheet {
        let routes = picture.routes();
        let names: Vec<_> = picture.names().map(|(_, name)| text_layout::lines(name, 20, 3)).collect();
        let mut loops = vec![Vec::new(); names.len()];
        for route in routes.iter().filter(|it| it.from == it.to) {
            loops[route.from] = label_lines(&route.labels, route.count);
        }
        let rows = rows(picture, &routes);
        let mut sheet = Sheet {
            items: Vec::new(),
            rows: vec![Vec::new(); 2 * rows.iter().max().map_or(1, |most| most + 1)],
            buses: Vec::new(),
            names,
            loops,
        };
        for (status, row) in rows.into_iter().enumerate() {
            let (name, own) = (&sheet.names[status], &sheet.loops[status]);
            let widths = name.iter().map(|it| text_layout::width(it, NAME));
            let own_widths = own.iter().map(|it| text_layout::width(it, LABEL) + 14.0);
            let width = widths.chain(own_widths).fold(64.0, f64::max) + 28.0;
            let height = 18.0 + NAME_LINE * name.len() as f64 + LABEL_LINE * own.len() as f64;
            sheet.add_item(2 * row, width, height, ItemKind::Status(status));
        }
        let mut buses: BTreeMap<(usize, &[String], bool), Vec<&Route>> = BTreeMap::new();
        for route in routes.iter().filter(|it| it.from != it.to) {
            let upward = sheet.items[route.from].row >= sheet.items[route.to].row;
            buses.entry((route.to, &route.labels, upward)).or_default().push(route);
        }
        for ((to, labels, upward), routes) in buses {
            sheet.bus(to, labels, upward, &routes);
        }
        sheet.widen(if picture.process_map.is_some() { 28.0 } else { 14.0 });
        sheet
    }

    /// Makes statuses wide enough for all lines that touch one of their sides.
    fn widen(&mut self, spacing: f64) {
        let mut touched = vec![[0.0; 2]; self.names.len()];
        for part in self.buses.iter().flat_map(|it| &it.parts) {
            for (own, other) in [(part.from, part.to), (part.to, part.from)] {
                let below = self.items[other].row > self.items[own].row;
                if let ItemKind::Status(status) = self.items[own].what {
                    touched[status][usize::from(below)] += spacing;
                }
            }
        }
        for (item, sides) in self.items.iter_mut().zip(touched) {
            item.width = sides.into_iter().map(|it| it + 20.0).fold(item.width, f64::max);
        }
    }

    /// Adds an item at the end of a row. The first items are the statuses, in the order of the definition.
    fn add_item(&mut self, row: usize, width: f64, height: f64, what: ItemKind) -> usize {
        self.items.push(Item { row, width, height, what, x: 0.0 });
        self.rows[row].push(self.items.len() - 1);
        self.items.len() - 1
    }

    fn bus(&mut self, to: usize, labels: &[String], upward: bool, routes: &[&Route]) {
        let target = self.items[to].row;
        let sources: Vec<usize> = routes.iter().map(|it| self.items[it.from].row).collect();
        let highest = sources.iter().copied().min().unwrap_or(target);
        let lowest = sources.iter().copied().max().unwrap_or(target);
        // The rows that the bus passes, and the middle of the stretch that all of its routes share.
        let (passed, middle) = if upward {
            (
                target + 1..=lowest.saturating_sub(1).max(target + 1),
                usize::midpoint(target, highest).max(target + 1),
            )
        } else {
            (highest + 1..=target - 1, usize::midpoint(lowest, target))
        };
        let label_row = if middle % 2 == 1 {
            middle
        } else if upward {
            middle - 1
        } else {
            middle + 1
        };
        let count = routes.iter().map(|it| it.count).sum::<Option<u64>>();
        let lines = label_lines(labels, count);
        let width = lines.iter().map(|it| text_layout::width(it, LABEL)).fold(0.0, f64::max) + 8.0;
        let height = LABEL_LINE * lines.len() as f64 + 4.0;
        let number = self.buses.len();
        let first = *passed.start();
        let chain: Vec<usize> = passed
            .map(|row| match row == label_row {
                true => self.add_item(row, width, height, ItemKind::Label(number)),
                false => self.add_item(row, 6.0, 0.0, ItemKind::Bend),
            })
            .collect();
        let mut parts = Vec::new();
        let mut joined: Vec<Option<u64>> = vec![count.map(|_| 0); chain.len()];
        for route in routes {
            let row = self.items[route.from].row;
            // A route joins the bus in the row next to its own, towards the target; from the target's own row, it joins
            // below.
            let place = if upward { row.saturating_sub(1).max(target + 1) } else { row + 1 } - first;
            parts.push(Part { from: route.from, to: chain[place], count: route.count });
            let rest = if upward { 0..=place } else { place..=chain.len() - 1 };
            for place in rest {
                joined[place] = joined[place].zip(route.count).map(|(sum, more)| sum + more);
            }
        }
        for place in 0..chain.len() {
            let next =
                if upward { place.checked_sub(1) } else { Some(place + 1).filter(|it| *it < chain.len()) };
            let next = next.map_or(to, |it| chain[it]);
            parts.push(Part { from: chain[place], to: next, count: joined[place] });
        }
        self.buses.push(Bus { to, lines, upward, parts });
    }
}

fn label_lines(labels: &[String], count: Option<u64>) -> Vec<String> {
    let mut lines: Vec<String> = labels.iter().flat_map(|it| text_layout::lines(it, 26, 4)).collect();
    let single = labels.len() == 1;
    match (count, lines.last_mut()) {
        (Some(count), Some(last)) if single => last.push_str(&format!(": {count}")),
        // The sum over several transitions.
        (Some(count), _) => lines.push(format!("together {count}")),
        (None, _) => {}
    }
    lines
}

/// The row of each status. States are stacked in order. Within a state, the target of a move is below its source if it
/// is written later.
fn rows(picture: &Picture<'_>, routes: &[Route]) -> Vec<usize> {
    let edges: BTreeSet<(usize, usize)> = routes.iter().map(|it| (it.from, it.to)).collect();
    let mut rows = vec![0; picture.names().count()];
    let mut free = 0;
    for (_, mut statuses) in picture.groups() {
        statuses.sort_by_key(|it| *it != picture.start());
        let mut depths: Vec<usize> = vec![0; statuses.len()];
        for later in 0..statuses.len() {
            let before = (0..later).filter(|it| edges.contains(&(statuses[*it], statuses[later])));
            depths[later] = before.map(|it| depths[it] + 1).max().unwrap_or(0).min(MAX_MOVE_ROWS - 1);
        }
        for depth in 0..MAX_MOVE_ROWS {
            let same_depth: Vec<usize> = (0..statuses.len()).filter(|it| depths[*it] == depth).collect();
            for side_by_side in same_depth.chunks(MAX_PER_ROW) {
                side_by_side.iter().for_each(|it| rows[statuses[*it]] = free);
                free += 1;
            }
        }
    }
    rows
}
