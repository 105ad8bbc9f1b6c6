//! Computes the ports, at which lines touch statuses: side by side on each side of a box, in the order of their other
//! ends.

use super::sheet::{ItemKind, Sheet};

/// The end of a part of a bus at a status.
#[derive(Debug, Clone, Copy)]
struct End {
    /// The x coordinate of the other end.
    toward: f64,
    bus: usize,
    part: usize,
    begins: bool,
}

/// The x coordinates of the two ends of each part of each bus. `room` is the maximum distance between two lines at a
/// box.
pub(super) fn of(sheet: &Sheet, room: f64) -> Vec<Vec<(f64, f64)>> {
    let x = |item: usize| sheet.items[item].x;
    let mut ports: Vec<Vec<(f64, f64)>> =
        sheet.buses.iter().map(|bus| bus.parts.iter().map(|it| (x(it.from), x(it.to))).collect()).collect();
    // Above, then below.
    let mut sides: Vec<[Vec<End>; 2]> = Vec::new();
    sides.resize_with(sheet.names.len(), Default::default);
    for (bus, of) in sheet.buses.iter().enumerate() {
        for (part, it) in of.parts.iter().enumerate() {
            for (own, other, begins) in [(it.from, it.to, true), (it.to, it.from, false)] {
                let below = sheet.items[other].row > sheet.items[own].row;
                if let ItemKind::Status(status) = sheet.items[own].what {
                    sides[status][usize::from(below)].push(End { toward: x(other), bus, part, begins });
                }
            }
        }
    }
    for (item, side) in sheet.items.iter().zip(sides).flat_map(|(item, sides)| sides.map(|it| (item, it))) {
        let mut side = side;
        side.sort_by(|one, other| one.toward.total_cmp(&other.toward));
        let count = side.len().max(1) as f64;
        let spacing = f64::min(room, (item.width - 20.0) / count);
        let first = item.x - spacing * (count - 1.0) / 2.0;
        for (place, End { bus, part, begins, .. }) in side.into_iter().enumerate() {
            let port = &mut ports[bus][part];
            *(if begins { &mut port.0 } else { &mut port.1 }) = first + spacing * place as f64;
        }
    }
    ports
}
