//! Renders a picture as SVG.

use std::fmt::Write;

use super::layout;
use super::model::{Picture, width};
use super::ports;
use super::sheet::{Bus, Item, ItemKind, LABEL, LABEL_LINE, NAME, NAME_LINE, Part, Sheet};
use crate::lifecycle::StateKind;

/// Sizes in pixels: the space around the drawing, the space for state names on the left, the space above the first row
/// of a band, and the length of an arrowhead.
const MARGIN: f64 = 16.0;
const GUTTER: f64 = 96.0;
const TOP: f64 = 44.0;
const ARROW: f64 = 8.0;

/// The colours of a state: the light one for its band, the dark one for lines that lead to it.
fn colours(state: StateKind) -> (&'static str, &'static str) {
    match state {
        StateKind::New => ("#e8f0fe", "#2457a6"),
        StateKind::Active => ("#e6f4ea", "#1e7a3c"),
        StateKind::OnHold => ("#fef3dc", "#a96300"),
        StateKind::Resolved => ("#f1e9fb", "#6b3fa0"),
        StateKind::Closed => ("#eceff1", "#37474f"),
        StateKind::Cancelled => ("#fdeaea", "#b3261e"),
    }
}

/// The vertical extent of a row.
#[derive(Debug, Clone, Copy)]
struct Row {
    top: f64,
    bottom: f64,
}

struct Drawing<'a> {
    picture: &'a Picture<'a>,
    sheet: Sheet,
    rows: Vec<Row>,
    /// The x coordinates of the two ends of each part of each bus.
    ports: Vec<Vec<(f64, f64)>>,
    most: u64,
    text: String,
}

pub(super) fn render(picture: &Picture<'_>) -> String {
    let mut sheet = Sheet::of(picture);
    layout::place(&mut sheet);
    sheet.items.iter_mut().for_each(|it| it.x += MARGIN + GUTTER);
    let most = sheet.buses.iter().flat_map(|it| &it.parts).filter_map(|it| it.count).max().unwrap_or(0);
    let rows = rows(&sheet);
    let right = sheet.items.iter().map(|it| it.x + it.width / 2.0).fold(0.0, f64::max);
    let (width, height) = (right + 2.0 * MARGIN, last_band(&rows) + MARGIN);
    let ports = ports::of(&sheet, if picture.process_map.is_some() { 30.0 } else { 18.0 });
    let mut drawing = Drawing { picture, sheet, rows, ports, most, text: String::new() };
    let _ = writeln!(
        drawing.text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" font-family=\"Helvetica, Arial, sans-serif\">\n<title>{}</title>\n<rect width=\"100%\" \
         height=\"100%\" fill=\"#ffffff\"/>",
        escaped(&picture.workflow.reference().to_string()),
    );
    drawing.bands(width);
    drawing.lines();
    drawing.labels();
    drawing.statuses();
    drawing.text.push_str("</svg>\n");
    drawing.text
}

/// The bottom of the last band: below the last row of statuses, because no lines run under it.
fn last_band(rows: &[Row]) -> f64 {
    rows.iter().rev().nth(1).map_or(0.0, |it| it.bottom) + MARGIN
}

/// Computes the rows. Each row is as high as its highest item, and rows are further apart if lines between them run far
/// to the side.
fn rows(sheet: &Sheet) -> Vec<Row> {
    let mut distances = vec![0.0_f64; sheet.rows.len()];
    for part in sheet.buses.iter().flat_map(|it| &it.parts) {
        let (from, to) = (&sheet.items[part.from], &sheet.items[part.to]);
        let upper = from.row.min(to.row);
        distances[upper] = distances[upper].max((from.x - to.x).abs());
    }
    let mut top = MARGIN + TOP;
    let mut rows = Vec::with_capacity(sheet.rows.len());
    for (row, items) in sheet.rows.iter().enumerate() {
        let height = items.iter().map(|it| sheet.items[*it].height).fold(0.0, f64::max);
        // Bands end in the middle of label rows, so a label row always has some height.
        let height = if row % 2 == 1 { height.max(12.0) } else { height };
        rows.push(Row { top, bottom: top + height });
        top += height + (16.0 + distances[row] * 0.07).clamp(20.0, 64.0);
    }
    rows
}

impl Drawing<'_> {
    fn bands(&mut self, width: f64) {
        let groups: Vec<_> = self.picture.groups().collect();
        let mut from = MARGIN;
        for (state, statuses) in groups {
            let last = statuses.iter().map(|it| self.sheet.items[*it].row).max().unwrap_or(0);
            let after =
                self.rows.get(last + 1).map_or(self.rows[last].bottom, |it| f64::midpoint(it.top, it.bottom));
            let to = if last + 2 >= self.rows.len() { last_band(&self.rows) } else { after };
            let (light, dark) = colours(state);
            let name = state.to_string();
            let name = name[..1].to_uppercase() + &name[1..];
            let _ = writeln!(
                self.text,
                "<rect x=\"{MARGIN}\" y=\"{from:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\" fill=\"{light}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"14\" font-weight=\"bold\" fill=\"{dark}\">{name}</text>",
                width - 2.0 * MARGIN,
                to - from - 3.0,
                MARGIN + 12.0,
                from + 22.0,
            );
            from = to;
        }
    }

    /// The top and bottom of a status, which is vertically centred in its row.
    fn edges(&self, item: &Item) -> (f64, f64) {
        let middle = f64::midpoint(self.rows[item.row].top, self.rows[item.row].bottom);
        (middle - item.height / 2.0, middle + item.height / 2.0)
    }

    fn lines(&mut self) {
        let start = &self.sheet.items[self.picture.start()];
        let (x, top) = (start.x, self.edges(start).0);
        let dark = colours(StateKind::New).1;
        let _ = writeln!(
            self.text,
            "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"6\" fill=\"{dark}\"/>\n<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"{dark}\" \
             stroke-width=\"1.5\"/>",
            top - 28.0,
            top - 24.0,
            top - 4.0,
        );
        self.arrow((x, top), false, 1.5, dark);
        let mut arrows = Vec::new();
        for (bus, ports) in self.sheet.buses.iter().zip(&self.ports) {
            let dark = colours(self.picture.state(bus.to)).1;
            let (top, bottom) = self.edges(&self.sheet.items[bus.to]);
            for (part, port) in bus.parts.iter().zip(ports) {
                let path = self.path(bus, part, *port);
                let stroke = part.count.map_or(1.4, |count| width(count, self.most));
                // Lines that no ticket took are pale.
                let pale = if part.count == Some(0) { " stroke-opacity=\"0.35\"" } else { "" };
                let _ = writeln!(
                    self.text,
                    "<path d=\"{path}\" fill=\"none\" stroke=\"{dark}\" stroke-width=\"{stroke:.1}\"{pale}/>",
                );
                if part.to == bus.to {
                    let tip = (port.1, if bus.upward { bottom } else { top });
                    arrows.push((tip, bus.upward, stroke, dark));
                }
            }
        }
        for (tip, upward, stroke, dark) in arrows {
            self.arrow(tip, upward, stroke, dark);
        }
    }

    /// The path of a part: vertical from a status, label or bend, then a curve to the next row.
    fn path(&self, bus: &Bus, part: &Part, (x, to_x): (f64, f64)) -> String {
        let (from, to) = (&self.sheet.items[part.from], &self.sheet.items[part.to]);
        let down = to.row > from.row;
        let (own, next) = (self.rows[from.row], self.rows[to.row]);
        let (leaves, enters) = if down { (own.bottom, next.top) } else { (own.top, next.bottom) };
        // If no part of the bus joins from below, the bus turns here, next to statuses in the row of its target.
        let turns =
            || !bus.parts.iter().any(|it| it.to == part.from && self.sheet.items[it.from].row > from.row);
        // Overlaps the previous part slightly, so that no gap shows.
        let begin = match from.what {
            ItemKind::Status(_) if down => self.edges(from).1,
            ItemKind::Status(_) => self.edges(from).0,
            _ if down => own.top - 0.7,
            _ if turns() => f64::midpoint(own.top, own.bottom),
            _ => own.bottom + 0.7,
        };
        // The last stretch is straight, so that the arrowhead is upright.
        let (top, bottom) = self.edges(to);
        let (enters, end) = match to.what {
            ItemKind::Status(_) if down => (enters.min(top - ARROW - 2.0), top - ARROW + 1.0),
            ItemKind::Status(_) => (enters.max(bottom + ARROW + 2.0), bottom + ARROW - 1.0),
            _ => (enters, enters),
        };
        let half = f64::midpoint(leaves, enters);
        format!(
            "M{x:.1} {begin:.1}V{leaves:.1}C{x:.1} {half:.1} {to_x:.1} {half:.1} {to_x:.1} {enters:.1}V{end:.1}"
        )
    }

    fn arrow(&mut self, (x, y): (f64, f64), upward: bool, stroke: f64, colour: &str) {
        let half = 3.0 + stroke * 0.7;
        let back = if upward { y + ARROW } else { y - ARROW };
        let _ = writeln!(
            self.text,
            "<path d=\"M{x:.1} {y:.1}L{:.1} {back:.1}H{:.1}Z\" fill=\"{colour}\"/>",
            x - half,
            x + half,
        );
    }

    fn labels(&mut self) {
        for item in 0..self.sheet.items.len() {
            let Item { row, width, height, what, x } = self.sheet.items[item];
            let ItemKind::Label(bus) = what else { continue };
            let bus = &self.sheet.buses[bus];
            let (light, dark) = colours(self.picture.state(bus.to));
            let top = f64::midpoint(self.rows[row].top, self.rows[row].bottom) - height / 2.0;
            let _ = writeln!(
                self.text,
                "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\" fill=\"{light}\" \
                 stroke=\"{dark}\" stroke-opacity=\"0.35\"/>",
                x - width / 2.0,
            );
            lines(&mut self.text, &bus.lines, (x, top + 13.0), (LABEL, LABEL_LINE), dark);
        }
        if self.picture.process_map.is_some() {
            self.counts();
        }
    }

    /// Draws the number of tickets that joined a bus from each of several statuses, next to the point where the line
    /// begins.
    fn counts(&mut self) {
        for (bus, ports) in self.sheet.buses.iter().zip(&self.ports) {
            let joins: Vec<_> = bus
                .parts
                .iter()
                .zip(ports)
                .filter(|(it, _)| matches!(self.sheet.items[it.from].what, ItemKind::Status(_)))
                .collect();
            if joins.len() < 2 {
                continue;
            }
            let dark = colours(self.picture.state(bus.to)).1;
            for (part, (x, _)) in joins {
                let Some(count) = part.count.filter(|it| *it > 0) else { continue };
                let (from, to) = (&self.sheet.items[part.from], &self.sheet.items[part.to]);
                let (top, bottom) = self.edges(from);
                let y = if to.row > from.row { bottom + 12.0 } else { top - 5.0 };
                let _ = writeln!(
                    self.text,
                    "<text x=\"{:.1}\" y=\"{y:.1}\" font-size=\"10\" fill=\"{dark}\" stroke=\"#ffffff\" stroke-width=\"3\" \
                     paint-order=\"stroke\">{count}</text>",
                    x + 4.0,
                );
            }
        }
    }

    fn statuses(&mut self) {
        let names: Vec<_> = self.picture.names().collect();
        for (status, name) in names {
            let item = &self.sheet.items[status];
            let (top, _) = self.edges(item);
            let state = self.picture.state(status);
            let (_, dark) = colours(state);
            let (left, width, height) = (item.x - item.width / 2.0, item.width, item.height);
            let _ = writeln!(
                self.text,
                "<g><title>{}</title>\n<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\" \
                 fill=\"#ffffff\" stroke=\"{dark}\" stroke-width=\"1.6\"/>",
                escaped(name),
            );
            if state.is_final() {
                let _ = writeln!(
                    self.text,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"5\" fill=\"none\" stroke=\"{dark}\"/>",
                    left + 3.5,
                    top + 3.5,
                    width - 7.0,
                    height - 7.0,
                );
            }
            let name_lines = &self.sheet.names[status];
            lines(&mut self.text, name_lines, (item.x, top + 22.0), (NAME, NAME_LINE), "#202124");
            let own: Vec<String> =
                self.sheet.loops[status].iter().map(|it| format!("\u{21bb} {it}")).collect();
            let below = top + 20.0 + NAME_LINE * name_lines.len() as f64;
            lines(&mut self.text, &own, (item.x, below), (LABEL, LABEL_LINE), dark);
            if let Some(count) = self.picture.tickets_in(status).filter(|it| *it > 0) {
                let count = count.to_string();
                let width = 12.0 + 7.0 * count.len() as f64;
                let x = item.x + item.width / 2.0 - 4.0;
                let _ = writeln!(
                    self.text,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"18\" rx=\"9\" fill=\"{dark}\"/>\n<text x=\"{:.1}\" \
                     y=\"{:.1}\" font-size=\"11\" font-weight=\"bold\" fill=\"#ffffff\" text-anchor=\"middle\">{count}</text>",
                    x - width / 2.0,
                    top - 9.0,
                    x,
                    top + 4.0,
                );
            }
            self.text.push_str("</g>\n");
        }
    }
}

/// Draws centred lines of text, the first at this point.
fn lines(text: &mut String, lines: &[String], (x, y): (f64, f64), (size, spacing): (f64, f64), colour: &str) {
    for (number, line) in lines.iter().enumerate() {
        let y = y + spacing * number as f64;
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"middle\">{}</text>",
            escaped(line),
        );
    }
}

/// Escapes XML text. Characters that XML forbids are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
