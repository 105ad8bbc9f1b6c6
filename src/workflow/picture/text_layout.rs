//! Estimates the width of text without access to a font. Estimates err on the wide side.

/// The width of a character, as a fraction of the font size.
fn char_width(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '(' | ')' | '[' | ']' => {
            0.36
        }
        'f' | 't' | 'r' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' => 0.74,
        '\u{0}'..='\u{2ff}' => 0.6,
        'ж' | 'ш' | 'щ' | 'ю' | 'ы' | 'ф' | 'м' => 0.85,
        '\u{400}'..='\u{42f}' => 0.82,
        '\u{300}'..='\u{10ff}' => 0.64,
        _ => 1.1,
    }
}

/// The width of a line of text at this font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(char_width).sum::<f64>() * size
}

/// Breaks text into lines of at most `max_chars` characters. Longer words are broken. Text beyond `max_lines` lines is
/// cut off and replaced by an ellipsis.
pub(super) fn lines(text: &str, max_chars: usize, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        while let Some(line) = lines.last_mut() {
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + word.len() <= max_chars {
                if gap > 0 {
                    line.push(' ');
                }
                line.extend(&word);
                break;
            }
            if word.len() > max_chars {
                let room = max_chars.saturating_sub(used + gap);
                if gap > 0 && room > 0 {
                    line.push(' ');
                }
                line.extend(word.drain(..room));
            }
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    if lines.len() > max_lines {
        lines.truncate(max_lines);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}
