//! The parts of a written definition that could not be read.
//!
//! A check must not report what is only a consequence of such a part, and must still report everything else. An
//! unreadable part may therefore be anything: a status of any state, a transition from and to any status.

use std::collections::BTreeSet;

/// The paths of the parts that could not be read. Empty for a definition that was written in code.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    parts: BTreeSet<String>,
    /// The items that are missing from lists, by their paths in the text.
    items: BTreeSet<String>,
}

impl Gaps {
    pub(crate) fn add(&mut self, path: &str) {
        self.parts.insert(path.to_owned());
    }

    /// Adds a part that is missing from the definition. If it is an item of a list, the later items have moved up.
    pub(crate) fn leave_out(&mut self, path: &str) {
        self.add(path);
        if path.ends_with(']') {
            self.items.insert(path.to_owned());
        }
    }

    /// Returns the path in the text of a part of the definition, whose lists lack the items that were left out.
    pub(crate) fn in_text(&self, path: &str) -> String {
        if self.items.is_empty() {
            return path.to_owned();
        }
        let mut found = String::new();
        let mut rest = path;
        while let Some(start) = rest.find('[') {
            let (before, inside) = rest.split_at(start);
            found.push_str(before);
            let Some((number, after)) = inside[1..].split_once(']') else { break };
            match number.parse::<usize>() {
                Ok(number) => {
                    let kept = (0..).filter(|it| !self.items.contains(&format!("{found}[{it}]")));
                    let position = kept.into_iter().nth(number).unwrap_or(number);
                    found.push_str(&format!("[{position}]"));
                }
                Err(_) => found.push_str(&inside[..number.len() + 2]),
            }
            rest = after;
        }
        found + rest
    }

    /// True if the part, or a part that contains it, could not be read.
    pub(crate) fn cover(&self, path: &str) -> bool {
        let mut path = path;
        loop {
            if self.parts.contains(path) {
                return true;
            }
            if path.is_empty() {
                return false;
            }
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }

    /// True if the part, a part that contains it, or a part of it could not be read.
    pub(crate) fn touch(&self, path: &str) -> bool {
        let inside = |it: &String| it[path.len()..].starts_with(['.', '[']);
        self.cover(path)
            || self.parts.range(path.to_owned()..).take_while(|it| it.starts_with(path)).any(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: after an item that could not be read, faults of the later items were reported one item too early.
    #[test]
    fn later_items_keep_their_place_in_the_text() {
        let mut gaps = Gaps::default();
        for path in ["a[0]", "a[2]", "a[1].b[0]", "c.d"] {
            gaps.leave_out(path);
        }
        assert_eq!(gaps.in_text("a[0].b[0].x"), "a[1].b[1].x");
        assert_eq!(gaps.in_text("a[1].b[0]"), "a[3].b[0]");
        assert_eq!(gaps.in_text("c.d[0].[x].e"), "c.d[0].[x].e");
    }
}
