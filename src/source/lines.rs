//! Converts byte offsets of a text to lines and columns.

use crate::diagnostic::Position;

/// The distance in bytes between two cached character counts. It bounds the cost of a lookup in a long line.
const STRIDE: usize = 256;

/// A text with an index of its lines.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// The offset of the beginning of each line.
    starts: Vec<usize>,
    /// The number of characters that begin before every [`STRIDE`]th byte.
    counts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Lines<'t> {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let mut before = 0;
        let mut counts = Vec::with_capacity(text.len() / STRIDE + 1);
        for part in text.as_bytes().chunks(STRIDE) {
            counts.push(before);
            before += characters(part);
        }
        counts.push(before);
        Lines { text, starts, counts }
    }

    /// The position of a byte. An offset beyond the text gives the position of its end.
    pub(super) fn position(&self, byte: usize) -> Position {
        let byte = byte.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        Position { line, column: self.before(byte) - self.before(start) + 1 }
    }

    /// The position of a slice of this text.
    pub(super) fn position_of(&self, part: &str) -> Position {
        self.position((part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize))
    }

    /// The position of the nth byte of a line, both counted from 1.
    pub(super) fn position_in(&self, line: usize, byte: usize) -> Position {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.position(start + byte.saturating_sub(1))
    }

    /// The number of characters that begin before this byte.
    fn before(&self, byte: usize) -> usize {
        let counted = byte / STRIDE;
        let rest = self.text.as_bytes().get(counted * STRIDE..byte).unwrap_or_default();
        self.counts.get(counted).copied().unwrap_or_default() + characters(rest)
    }
}

/// The number of characters that begin in these bytes of a UTF-8 text.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_agree_with_counting() {
        let text = format!("имя = \"{}\"\r\n\nx\n", "приёмка €𐍈 ".repeat(200));
        let lines = Lines::of(&text);
        let (mut line, mut column) = (1, 1);
        for (byte, character) in text.char_indices() {
            assert_eq!(lines.position(byte), Position { line, column }, "byte {byte}");
            assert_eq!(lines.position_of(&text[byte..]), Position { line, column });
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        assert_eq!(lines.position(text.len()), Position { line, column });
        assert_eq!(lines.position(usize::MAX), Position { line, column });
        assert_eq!(lines.position_in(3, 1), Position { line: 3, column: 1 });
        assert_eq!(lines.position_in(99, 7), Position { line, column });
        assert_eq!(Lines::of("").position(0), Position { line: 1, column: 1 });
    }
}
