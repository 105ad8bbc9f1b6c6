//! The normal form of names and of other short texts, and the comparison of texts in searches.
//!
//! People type the same word in different ways: a Mac writes `é` as two characters, a keyboard as one; a form adds a
//! space at the end, and a browser adds characters that nobody sees. The desk stores such texts in one form, so that
//! equal words are equal: composed (Unicode's NFC), without blanks at both ends, and without invisible characters, such
//! as those that change the direction of a text. Joiners, variation selectors and tags are kept after characters of
//! scripts and emoji that need them, at most one in a row. Where they stay although they change nothing (a non-joiner
//! after a letter that never joins, for example), equal words may still differ.
//!
//! The tables are part of the crate, because a crate for them would add three crates to the default features.

mod composition;
mod invisible;

use std::borrow::Cow;
use std::sync::LazyLock;

use composition::{CLASSES, COMPOSITIONS, REPLACED, SPLIT};
pub(crate) use invisible::{is_invisible, reorders};

/// All characters below this one are composed and have the combining class 0.
const FIRST_COMBINING: char = '\u{300}';

/// Returns the text in the normal form: composed, without invisible characters, and without blanks at both ends.
pub(crate) fn normal(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_invisible) {
        // The composed form of a character decides if a joiner or a selector after it stays.
        let kept = invisible::without_invisible(&composed(text));
        return Cow::Owned(composed(&kept).trim().to_owned());
    }
    match composed(text.trim()) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        // Composing may leave a blank at an end: U+2000 becomes U+2002, for example.
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Puts a text into the normal form.
pub(crate) fn normalize(text: &mut String) {
    let form = normal(text);
    if form != text.as_str() {
        *text = form.into_owned();
    }
}

/// Puts a text of several lines into the normal form, in which each line but the last ends with a line feed. Office
/// programs write a vertical tab for it, old systems a carriage return, and others the separators of Unicode.
pub(crate) fn normalize_lines(text: &mut String) {
    if text.contains(ends_a_line_otherwise) {
        *text = text.replace("\r\n", "\n").replace(ends_a_line_otherwise, "\n");
    }
    normalize(text);
}

/// True for the ends of lines other than a line feed.
fn ends_a_line_otherwise(c: char) -> bool {
    matches!(c, '\u{B}' | '\u{C}' | '\r' | '\u{85}') || ends_a_line(c)
}

/// True if the texts are equal in the normal form.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    a == b || normal(a) == normal(b)
}

/// True if a reader sees anything of the text.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c))
}

/// Returns the text as searches compare it: composed, without differences of case.
///
/// Differences of case include those that change the length: `ß` and `SS`, `ﬁ` and `FI`. The Turkish `İ` and `ı` are
/// equal to `i`.
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Each character is converted on its own. `str::to_lowercase` converts a Greek sigma depending on its neighbors, so
    // a part of a text might not be found in the whole text.
    let cased = composed(text);
    let cased = cased.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    let mut folded = String::with_capacity(text.len());
    for c in cased.flat_map(char::to_lowercase) {
        // The lower case of `İ` is an `i` with a combining dot.
        if c != '\u{307}' || !folded.ends_with('i') {
            folded.push(c);
        }
    }
    match composed(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(composed) => composed,
    }
}

/// True for the separators of lines and of paragraphs, which are no control characters.
pub(crate) fn ends_a_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Returns the canonical composition (NFC) of the text.
fn composed(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_settled) {
        return Cow::Borrowed(text);
    }
    let mut parts = Vec::with_capacity(text.len());
    for c in text.chars() {
        decompose(c, &mut parts);
    }
    for run in parts.chunk_by_mut(|(_, before), (_, class)| (*before == 0) == (*class == 0)) {
        // A stable sort: marks of the same class keep their order.
        run.sort_by_key(|(_, class)| *class);
    }
    let composed = compose(parts);
    if composed == text { Cow::Borrowed(text) } else { Cow::Owned(composed) }
}

/// True for the common characters that are composed, have the combining class 0, and never are the second part of a
/// composition: Latin, Cyrillic, punctuation, kana, Chinese and Korean. It saves the work for most texts.
fn is_settled(c: char) -> bool {
    c < FIRST_COMBINING
        || matches!(c,
            '\u{400}'..='\u{482}' | '\u{48A}'..='\u{52F}' | '\u{2010}'..='\u{2027}' | '\u{3041}'..='\u{3096}'
            | '\u{30A1}'..='\u{30FA}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Composes characters in canonical order.
fn compose(parts: Vec<(char, u8)>) -> String {
    let mut out: Vec<char> = Vec::with_capacity(parts.len());
    let (mut starter, mut last_class) = (None, 0);
    for (c, class) in parts {
        if let Some(at) = starter {
            // A mark of the same or a higher class between the two keeps them apart.
            let is_next = out.len() == at + 1;
            if (is_next || last_class < class)
                && let Some(pair) = pair_of(out[at], c)
            {
                out[at] = pair;
                continue;
            }
        }
        if class == 0 {
            starter = Some(out.len());
        }
        last_class = class;
        out.push(c);
    }
    out.into_iter().collect()
}

/// The compositions, sorted by the composed character.
static BY_COMPOSED: LazyLock<Vec<(u32, u32, u32)>> = LazyLock::new(|| {
    let mut all = COMPOSITIONS.to_vec();
    all.sort_unstable_by_key(|(.., composed)| *composed);
    all
});

/// Hangul syllables are composed by calculation: 19 initials, 21 vowels, 27 finals and none.
const SYLLABLES: u32 = 0xAC00;
const INITIALS: u32 = 0x1100;
const VOWELS: u32 = 0x1161;
const BEFORE_FINALS: u32 = 0x11A7;

/// Adds the full canonical decomposition of a character, each part with its combining class.
fn decompose(c: char, parts: &mut Vec<(char, u8)>) {
    let code = u32::from(c);
    let mut part = |code: u32| parts.extend(char::from_u32(code).map(|c| (c, class_of(c))));
    if code < u32::from('\u{C0}') {
        return part(code);
    }
    if (SYLLABLES..SYLLABLES + 19 * 21 * 28).contains(&code) {
        let index = code - SYLLABLES;
        part(INITIALS + index / (21 * 28));
        part(VOWELS + index / 28 % 21);
        if !index.is_multiple_of(28) {
            part(BEFORE_FINALS + index % 28);
        }
        return;
    }
    if let Ok(at) = BY_COMPOSED.binary_search_by_key(&code, |(.., composed)| *composed) {
        let (first, second, _) = BY_COMPOSED[at];
        if let Some(first) = char::from_u32(first) {
            decompose(first, parts);
        }
        return parts.extend(char::from_u32(second).map(|c| (c, class_of(c))));
    }
    if let Ok(at) = REPLACED.binary_search_by_key(&code, |(replaced, _)| *replaced) {
        return part(REPLACED[at].1);
    }
    match SPLIT.binary_search_by_key(&code, |(split, _)| *split) {
        Ok(at) => SPLIT[at].1.iter().filter(|code| **code != 0).for_each(|code| part(*code)),
        Err(_) => part(code),
    }
}

/// Returns the composition of two characters.
fn pair_of(first: char, second: char) -> Option<char> {
    let (first, second) = (u32::from(first), u32::from(second));
    let (initial, vowel) = (first.wrapping_sub(INITIALS), second.wrapping_sub(VOWELS));
    if initial < 19 && vowel < 21 {
        return char::from_u32(SYLLABLES + (initial * 21 + vowel) * 28);
    }
    let (syllable, last) = (first.wrapping_sub(SYLLABLES), second.wrapping_sub(BEFORE_FINALS));
    if syllable < 19 * 21 * 28 && syllable.is_multiple_of(28) && (1..28).contains(&last) {
        return char::from_u32(first + last);
    }
    let found = COMPOSITIONS.binary_search_by_key(&(first, second), |(first, second, _)| (*first, *second));
    found.ok().and_then(|at| char::from_u32(COMPOSITIONS[at].2))
}

/// Returns the combining class of a character.
fn class_of(c: char) -> u8 {
    if c < FIRST_COMBINING {
        return 0;
    }
    let code = u32::from(c);
    let at = CLASSES.partition_point(|(_, last, _)| *last < code);
    CLASSES.get(at).filter(|(first, ..)| *first <= code).map_or(0, |(.., class)| *class)
}

/// The mark at the end of a text that was cut.
pub(crate) const CUT: char = '…';

/// Returns a text for a message of one line: control characters, ends of lines and changes of direction are escaped,
/// and the middle of a long text is left out.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 1_000;
    let is_odd = |c: char| c.is_control() || ends_a_line(c) || reorders(c);
    if text.len() <= MAX_CHARS && !text.chars().any(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd(c) { whole.extend(c.escape_default()) } else { whole.push(c) }
    }
    let chars = whole.chars().count();
    if chars <= MAX_CHARS {
        return Cow::Owned(whole);
    }
    let half = MAX_CHARS / 2;
    let start: String = whole.chars().take(half - 1).collect();
    let end: String = whole.chars().skip(chars - half).collect();
    Cow::Owned(format!("{start}{CUT}{end}"))
}

/// Returns the beginning of a text from outside, for an error. Errors end up in logs, and the text can be long or
/// personal.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    #[test]
    fn the_composition_of_every_character_is_that_of_unicode() {
        // No character above has a composition.
        for c in '\0'..='\u{2FFFF}' {
            // Alone, and between letters and marks that it may compose with.
            let split: String = c.nfd().collect();
            let text = format!("{c} {split} a{c}\u{301} {c}\u{323}\u{307} \u{1100}{c}");
            assert_eq!(composed(&text), text.nfc().collect::<String>(), "{:x}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn the_composition_of_random_marks_is_that_of_unicode(
            text in proptest::collection::vec(
                prop_oneof![
                    proptest::char::range('\u{300}', '\u{36F}'),
                    proptest::char::range('a', 'z'),
                    proptest::char::range('\u{1E00}', '\u{1FFF}'),
                    proptest::char::range('\u{1100}', '\u{11FF}'),
                    proptest::char::range('\u{900}', '\u{D7F}'),
                    proptest::char::any(),
                ],
                0..12,
            )
        ) {
            let text: String = text.into_iter().collect();
            prop_assert_eq!(composed(&text), text.nfc().collect::<String>());
        }
    }

    #[test]
    fn the_normal_form_is_composed_and_has_no_blanks_at_the_ends() {
        for (text, form) in [
            ("refund ", "refund"),
            ("\u{feff}\u{200b} Cafe\u{301}\u{a0}", "Caf\u{e9}"),
            ("two  words", "two  words"),
            ("\u{2764}\u{fe0f}", "\u{2764}\u{fe0f}"),
            ("\u{202e}dnuos\u{202c} \u{2067}x\u{2069}\u{200e}\u{61c}", "dnuos x"),
            ("re\u{ad}fu\u{200b}nd\u{200d} \u{200d}\u{200c}now", "refund now"),
            ("e\u{200b}\u{301}", "\u{e9}"),
            ("x\u{e0061}\u{e0062}\u{e007f}", "x"),
            ("", ""),
        ] {
            assert_eq!(normal(text), form);
            assert_eq!(normal(&normal(text)), normal(text), "once is enough");
        }
        assert!(is_same("Mu\u{308}nchen ", "M\u{fc}nchen") && !is_same("Munchen", "M\u{fc}nchen"));
    }

    proptest! {
        #[test]
        fn the_normal_form_of_a_normal_form_is_itself(
            text in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(vec![
                        '\u{34F}', '\u{200B}', '\u{200C}', '\u{200D}', '\u{180B}', '\u{180E}', '\u{2800}', '\u{FE00}',
                        '\u{FE0F}', '\u{3164}', '\u{E0061}', '\u{E007F}', '\u{E0100}', '\u{202E}', '\u{2001}', ' ',
                    ]),
                    proptest::sample::select(vec![
                        'a', 'e', '1', '#', '\u{301}', '\u{338}', '\u{20E3}', '\u{627}', '\u{645}', '\u{653}', '\u{915}',
                        '\u{93C}', '\u{94D}', '\u{1820}', '\u{2190}', '\u{2811}', '\u{4E66}', '\u{F900}', '\u{1F3F4}',
                        '\u{1F469}', '\u{1100}', '\u{1161}', '\u{110A5}', '\u{110BA}',
                    ]),
                ],
                0..10,
            )
        ) {
            let text: String = text.into_iter().collect();
            let form = normal(&text).into_owned();
            prop_assert_eq!(normal(&form), form.as_str());
        }
    }

    #[test]
    fn the_normal_form_keeps_what_scripts_and_emoji_need() {
        for text in [
            "\u{644}\u{627} \u{635}\u{648}\u{62a} 12",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}, abc",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "1\u{fe0f}\u{20e3} \u{845b}\u{e0100}",
            // Malayalam may end a word with a joiner, and Sinhala joins letters with one.
            "\u{d05}\u{d35}\u{d28}\u{d4d}\u{200d} \u{d9a}\u{dca}\u{200d}\u{dbb}",
            "\u{1820}\u{180b}\u{182d}\u{180e}\u{1820} \u{2813}\u{2800}\u{283a}",
            "\u{1f642}\u{200d}\u{2194}\u{fe0f} \u{1f9d1}\u{1f3fd}\u{200d}\u{1f680} \u{2229}\u{fe00} \u{a9}\u{fe0f}",
        ] {
            assert_eq!(normal(text), text);
        }
    }

    #[test]
    fn a_text_of_invisible_characters_is_not_visible() {
        for text in
            ["", " ", "\u{200b}", "\u{ad}\u{2060}", "\u{3164}", "\u{2800}", "\u{202e}\u{200f}", "\u{fe0f}"]
        {
            assert!(!is_visible(text), "{text:?}");
        }
        for text in ["x", " - ", "\u{1f508}", "\u{ad}x", "\u{301}"] {
            assert!(is_visible(text), "{text:?}");
        }
    }

    #[test]
    fn searches_ignore_case_in_every_script() {
        for (a, b) in [
            ("HAUPTSTRASSE", "hauptstra\u{df}e"),
            ("GRO\u{1e9e}", "gross"),
            ("\u{130}STANBUL", "istanbul"),
            ("D\u{131}yarbak\u{131}r", "DIYARBAKIR"),
            ("Тест", "тЕСТ"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{fb01}nal", "FINAL"),
            ("CAFE\u{301}", "caf\u{e9}"),
            ("ΐ", "\u{3ca}\u{301}"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        assert_ne!(folded("Munchen"), folded("M\u{fc}nchen"));
    }
}
