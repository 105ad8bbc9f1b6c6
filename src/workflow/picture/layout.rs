//! Computes the layout: first the order of each row, with few crossings, then the x coordinates, with lines that are as
//! straight as possible.
//!
//! This is the layered method of Sugiyama. The rows are given, and every line leads from one row to the next. Each
//! sweep sorts every row by the mean position of the neighbours of its items; the order with the fewest crossings wins.
//! The coordinates of a row are the best ones that keep its order and spacing: an isotonic regression, row by row.

use super::sheet::{Item, ItemKind, Sheet};

/// The number of sweeps. It falls with the number of links, so that every picture takes about the same time.
fn sweeps(links: usize) -> usize {
    (400_000 / (links + 1)).clamp(2, 32)
}

/// For each item, its neighbours in the row above and in the row below.
struct Neighbours {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

/// Orders the rows and assigns an x coordinate to every item.
pub(super) fn place(sheet: &mut Sheet) {
    let near = Neighbours::of(sheet);
    let links: usize = near.below.iter().map(Vec::len).sum();
    order(sheet, &near, sweeps(links));
    assign_x(sheet, &near, sweeps(links));
}

impl Neighbours {
    fn of(sheet: &Sheet) -> Neighbours {
        let none = vec![Vec::new(); sheet.items.len()];
        let mut near = Neighbours { above: none.clone(), below: none };
        for part in sheet.buses.iter().flat_map(|bus| &bus.parts) {
            let (mut upper, mut lower) = (part.from, part.to);
            if sheet.items[upper].row > sheet.items[lower].row {
                (upper, lower) = (lower, upper);
            }
            near.below[upper].push(lower);
            near.above[lower].push(upper);
        }
        near
    }
}

fn order(sheet: &mut Sheet, near: &Neighbours, sweeps: usize) {
    let mut at = vec![0.0; sheet.items.len()];
    let number = |row: &[usize], at: &mut [f64]| {
        // Positions are fractions of the row's length, so that long and short rows are comparable.
        row.iter().enumerate().for_each(|(place, item)| at[*item] = (place as f64 + 0.5) / row.len() as f64);
    };
    sheet.rows.iter().for_each(|row| number(row, &mut at));
    let mut best = (crossings(&sheet.rows, near), sheet.rows.clone());
    let count = sheet.rows.len();
    for sweep in 0..sweeps {
        for step in 0..count {
            let down = sweep % 2 == 0;
            let row = if down { step } else { count - 1 - step };
            let neighbours = if down { &near.above } else { &near.below };
            let preferred = |item: &usize| {
                let of = &neighbours[*item];
                let mean = of.iter().map(|it| at[*it]).sum::<f64>() / of.len() as f64;
                if of.is_empty() { at[*item] } else { mean }
            };
            let mut keyed: Vec<(f64, usize)> =
                sheet.rows[row].iter().map(|it| (preferred(it), *it)).collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            sheet.rows[row] = keyed.into_iter().map(|(_, item)| item).collect();
            number(&sheet.rows[row], &mut at);
        }
        let found = crossings(&sheet.rows, near);
        if found < best.0 {
            best = (found, sheet.rows.clone());
        }
    }
    sheet.rows = best.1;
}

/// The number of line crossings between all adjacent rows, counted with a Fenwick tree for each pair of rows.
fn crossings(rows: &[Vec<usize>], near: &Neighbours) -> u64 {
    let mut place = vec![0; near.below.len()];
    let mut crossings = 0;
    for pair in rows.windows(2) {
        pair[1].iter().enumerate().for_each(|(at, item)| place[*item] = at);
        let mut sums = vec![0_u64; pair[1].len() + 1];
        let mut seen = 0;
        for item in &pair[0] {
            let mut ends: Vec<usize> = near.below[*item].iter().map(|it| place[*it]).collect();
            ends.sort_unstable();
            for end in &ends {
                // The earlier lines that end further to the right cross this one.
                let mut left = 0;
                let mut at = end + 1;
                while at > 0 {
                    left += sums[at];
                    at &= at - 1;
                }
                crossings += seen - left;
            }
            for end in ends {
                seen += 1;
                let mut at = end + 1;
                while at < sums.len() {
                    sums[at] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
    }
    crossings
}

/// The minimum distance between the centres of two adjacent items.
fn spacing(left: &Item, right: &Item) -> f64 {
    let both_statuses = matches!((left.what, right.what), (ItemKind::Status(_), ItemKind::Status(_)));
    f64::midpoint(left.width, right.width) + if both_statuses { 40.0 } else { 16.0 }
}

fn assign_x(sheet: &mut Sheet, near: &Neighbours, sweeps: usize) {
    for row in &sheet.rows {
        let mut x = 0.0;
        for (place, item) in row.iter().enumerate() {
            if place > 0 {
                x += spacing(&sheet.items[row[place - 1]], &sheet.items[*item]);
            }
            sheet.items[*item].x = x;
        }
        let middle = x / 2.0;
        row.iter().for_each(|item| sheet.items[*item].x -= middle);
    }
    let count = sheet.rows.len();
    for sweep in 0..sweeps {
        for step in 0..count {
            let row = if sweep % 2 == 0 { step } else { count - 1 - step };
            place_row(sheet, near, row);
        }
    }
    let left = sheet.items.iter().map(|it| it.x - it.width / 2.0).fold(f64::INFINITY, f64::min);
    if left.is_finite() {
        sheet.items.iter_mut().for_each(|it| it.x -= left);
    }
}

/// Moves the items of one row as close to their neighbours as the order and spacing allow.
fn place_row(sheet: &mut Sheet, near: &Neighbours, row: usize) {
    let row = &sheet.rows[row];
    let weight = |one: usize, other: usize| {
        let straight = |it: usize| matches!(sheet.items[it].what, ItemKind::Bend | ItemKind::Label(_));
        if straight(one) && straight(other) { 6.0 } else { 1.0 }
    };
    // Blocks of touching items: the weighted mean of their preferred positions, the total weight, and the number of
    // items.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    let mut offsets = Vec::with_capacity(row.len());
    let mut offset = 0.0;
    for (place, item) in row.iter().enumerate() {
        if place > 0 {
            offset += spacing(&sheet.items[row[place - 1]], &sheet.items[*item]);
        }
        offsets.push(offset);
        let (mut sum, mut total) = (0.0, 0.0);
        for other in near.above[*item].iter().chain(&near.below[*item]) {
            let weight = weight(*item, *other);
            sum += weight * sheet.items[*other].x;
            total += weight;
        }
        let (preferred, total) =
            if total > 0.0 { (sum / total, total) } else { (sheet.items[*item].x, 0.01) };
        let mut block = (preferred - offset, total, 1);
        while let Some(before) = blocks.pop_if(|before| before.0 > block.0) {
            let total = before.1 + block.1;
            block = ((before.0 * before.1 + block.0 * block.1) / total, total, before.2 + block.2);
        }
        blocks.push(block);
    }
    let places = blocks.into_iter().flat_map(|(at, _, count)| std::iter::repeat_n(at, count));
    let row = row.clone();
    for ((item, at), offset) in row.into_iter().zip(places).zip(offsets) {
        sheet.items[item].x = at + offset;
    }
}
