//! Characters that a reader does not see, and the places where they change what the reader sees.

use std::str::Chars;

/// True for the characters that draw nothing: the default ignorable characters of Unicode, the marks of annotations,
/// and the blanks that are letters or symbols.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// True for the invisible characters that change the direction of the text after them: embeddings, overrides and
/// isolates. They can make a line look like another one.
pub(crate) fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text without the invisible characters that it does not need.
pub(super) fn without_invisible(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == BLACK_FLAG {
            kept.push(c);
            for tag in tags(&mut rest) {
                kept.push(tag);
            }
        } else if !is_invisible(c) || is_needed(c, kept.chars().next_back(), rest.clone()) {
            kept.push(c);
        }
    }
    kept
}

/// True if an invisible character changes how the characters around it are drawn.
///
/// The tables are ranges of blocks, so they include letters that do not join and symbols without variants.
fn is_needed(c: char, before: Option<char>, mut rest: Chars<'_>) -> bool {
    let Some(before) = before else { return false };
    let next = rest.find(|c| !is_invisible(*c));
    let is_next = |test: fn(char) -> bool| next.is_some_and(test);
    match c {
        // The zero-width non-joiner.
        '\u{200C}' => joins(before) && is_next(joins),
        // The zero-width joiner. At the end of a word it changes the last letter of Arabic and Indic scripts.
        '\u{200D}' => joins(before) || is_in_emoji(before) && is_next(is_symbol),
        // Keycaps are a digit, a selector and a frame.
        '\u{FE0F}' if before.is_ascii_digit() || matches!(before, '#' | '*') => next == Some('\u{20E3}'),
        '\u{FE0E}' | '\u{FE0F}' => is_symbol(before),
        '\u{FE00}'..='\u{FE02}' => is_ideograph(before) || has_form(before),
        '\u{E0100}'..='\u{E01EF}' => is_ideograph(before),
        // The selectors and the vowel separator of Mongolian.
        '\u{180B}'..='\u{180D}' | '\u{180F}' => is_mongolian(before),
        '\u{180E}' => is_mongolian(before) && is_next(is_mongolian),
        // The blank of Braille.
        '\u{2800}' => is_braille(before) && is_next(is_braille),
        _ => false,
    }
}

/// True for the letters and marks of scripts whose letters change their form beside others: Arabic and its relatives,
/// the scripts of India and South East Asia, and Mongolian.
fn joins(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{DFF}' | '\u{1000}'..='\u{109F}' | '\u{1700}'..='\u{18AF}' | '\u{1900}'..='\u{1C7F}'
        | '\u{1CD0}'..='\u{1CFF}' | '\u{A800}'..='\u{A95F}' | '\u{A980}'..='\u{AAFF}' | '\u{ABC0}'..='\u{ABFF}'
        | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10A00}'..='\u{10A5F}'
        | '\u{10AC0}'..='\u{10AFF}' | '\u{10D00}'..='\u{10D3F}' | '\u{10F30}'..='\u{11FFF}'
        | '\u{1E900}'..='\u{1E95F}')
        && c != '\u{180E}'
}

/// True for the symbols that may be emoji.
fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2100}'..='\u{27BF}' | '\u{2900}'..='\u{2BFF}'
        | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

/// True for the characters after which an emoji may go on: a symbol, or the selector that makes it an emoji.
fn is_in_emoji(c: char) -> bool {
    c == '\u{FE0F}' || is_symbol(c)
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// True for mathematical signs, and for letters and punctuation that have a second form: of Myanmar, Phags-pa and
/// Chinese.
fn has_form(c: char) -> bool {
    matches!(c,
        '\u{2200}'..='\u{22FF}' | '\u{2A00}'..='\u{2AFF}' | '\u{1000}'..='\u{109F}' | '\u{A840}'..='\u{A87F}'
        | '\u{3001}'..='\u{3002}' | '\u{FF01}'..='\u{FF1F}')
}

fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1820}'..='\u{18AA}')
}

fn is_braille(c: char) -> bool {
    matches!(c, '\u{2800}'..='\u{28FF}')
}

/// The first character of the flags of regions, such as Scotland.
const BLACK_FLAG: char = '\u{1F3F4}';
/// The end of the tags of a flag.
const END_OF_TAGS: char = '\u{E007F}';

/// Takes the tags of a flag from the text: three to six letters or digits, and their end. Other tags draw nothing.
fn tags(rest: &mut Chars<'_>) -> Vec<char> {
    let is_tag = |c: &char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    let mut tags: Vec<char> = rest.clone().take_while(is_tag).take(7).collect();
    let count = tags.len();
    if !(3..=6).contains(&count) || rest.clone().nth(count) != Some(END_OF_TAGS) {
        return Vec::new();
    }
    tags.push(END_OF_TAGS);
    rest.by_ref().nth(count);
    tags
}
