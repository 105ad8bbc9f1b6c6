//! Rust sources as the layers see them: which paths of the crate a file uses.

/// A word or a sign of a source, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The tokens of a source. Comments, and with them doc comments, are left out, and so are the contents of string
/// literals. `::` is one token.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |place: usize| chars.get(place).copied().unwrap_or('\0');
    let (mut tokens, mut place, mut line) = (Vec::new(), 0, 1);
    while place < chars.len() {
        let start = place;
        let mut text = String::new();
        match at(place) {
            '/' if at(place + 1) == '/' => {
                while place < chars.len() && at(place) != '\n' {
                    place += 1;
                }
            }
            '/' if at(place + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(place), at(place + 1)) {
                        ('/', '*') => (depth, place) = (depth + 1, place + 2),
                        ('*', '/') => (depth, place) = (depth - 1, place + 2),
                        _ => place += 1,
                    }
                    if depth == 0 || place >= chars.len() {
                        break;
                    }
                }
            }
            'r' if at(place + 1) == '"' || (at(place + 1) == '#' && matches!(at(place + 2), '"' | '#')) => {
                let hashes = (place + 1..).take_while(|&it| at(it) == '#').count();
                place += hashes + 2;
                let ends = |from: usize| at(from) == '"' && (1..=hashes).all(|it| at(from + it) == '#');
                while place < chars.len() && !ends(place) {
                    place += 1;
                }
                place += hashes + 1;
            }
            '"' => {
                place += 1;
                while place < chars.len() && at(place) != '"' {
                    place += if at(place) == '\\' { 2 } else { 1 };
                }
                place += 1;
            }
            // A character, not a lifetime.
            '\'' if at(place + 1) == '\\' => {
                place += 3;
                while place < chars.len() && at(place) != '\'' {
                    place += 1;
                }
                place += 1;
            }
            '\'' if at(place + 2) == '\'' => place += 3,
            ':' if at(place + 1) == ':' => {
                text.push_str("::");
                place += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                while at(place).is_alphanumeric() || at(place) == '_' {
                    text.push(at(place));
                    place += 1;
                }
            }
            c => {
                if !c.is_whitespace() {
                    text.push(c);
                }
                place += 1;
            }
        }
        if !text.is_empty() {
            tokens.push(Token { text, line });
        }
        line += chars[start..place.min(chars.len())].iter().filter(|&&c| c == '\n').count();
    }
    tokens
}

/// One use of a path of the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// From the crate's root: `["store", "memory", "Memory"]`.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// All paths from `crate::` or `super::` on that the file of this module uses.
pub(crate) fn uses(module: &[String], tokens: &[Token]) -> Vec<Use> {
    let text = |place: usize| tokens.get(place).map_or("", |it| it.text.as_str());
    let mut found = Vec::new();
    // The modules written inside the file, with the depth of braces at which each began.
    let mut inner: Vec<usize> = Vec::new();
    let (mut depth, mut place) = (0, 0);
    while place < tokens.len() {
        match text(place) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inner.retain(|began| *began < depth + 1);
            }
            // In a macro the module's name may be `$name`.
            "mod" if text(place + 2) == "{" || (text(place + 1) == "$" && text(place + 3) == "{") => {
                inner.push(depth + 1);
            }
            // `$crate` and `pub(crate)` are no paths; `pub(in crate::…)` is one.
            "crate" if text(place + 1) == "::" => tree(tokens, place + 2, Vec::new(), &mut found),
            "super" if text(place + 1) == "::" && text(place.wrapping_sub(1)) != "::" => {
                let mut ups = 1;
                while text(place + 2) == "super" {
                    (ups, place) = (ups + 1, place + 2);
                }
                let beyond = usize::saturating_sub(ups, inner.len());
                let above = module[..module.len().saturating_sub(beyond)].to_vec();
                tree(tokens, place + 2, above, &mut found);
            }
            _ => {}
        }
        place += 1;
    }
    found
}

/// Reads `a::b`, `a::{b, c::d}` or `*` after `prefix`, beginning at `place`.
fn tree(tokens: &[Token], mut place: usize, mut prefix: Vec<String>, found: &mut Vec<Use>) {
    let text = |place: usize| tokens.get(place).map_or("", |it| it.text.as_str());
    let line = tokens.get(place).map_or(0, |it| it.line);
    while text(place).chars().all(|c| c.is_alphanumeric() || c == '_') && !text(place).is_empty() {
        prefix.push(text(place).to_owned());
        place += 1;
        if text(place) != "::" {
            return found.push(Use { path: prefix, line });
        }
        place += 1;
    }
    if text(place) != "{" {
        return found.push(Use { path: prefix, line });
    }
    let mut depth = 0;
    let mut begins = true;
    while place < tokens.len() {
        match text(place) {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => begins = depth == 1,
            _ if begins && depth == 1 => {
                tree(tokens, place, prefix.clone(), found);
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
        place += 1;
    }
}

#[test]
fn paths_are_read_wherever_they_stand() {
    let source = r##"
        //! Not this: crate::comment::One
        use crate::error::{Error, Result};
        use crate::ticket::{self, event::{Change, Event}, kind::Kind as K};
        /* nor crate::comment::Two /* nested */ */
        const TEXT: &str = "nor crate::string::One // no comment";
        const RAW: &str = r#"nor "crate::string::Two""#;
        const QUOTE: char = '"'; const ESCAPED: char = '\''; fn a<'a>(_: &'a crate::found::In<'a>) {}
        use super::sibling::Thing;
        fn f() { crate::flow::blocking::drive::<u8>(crate::time::now()) }
        pub(crate) mod inner { use super::own; use super::super::above; }
        macro_rules! named { ($name:ident) => { mod $name { use super::sibling; } }; }
        use super::after::Inner;
    "##;
    let module = ["store".to_owned(), "memory".to_owned()];
    let found: Vec<String> =
        uses(&module, &tokens(source)).into_iter().map(|it| it.path.join("::")).collect();
    let expected = [
        "error::Error",
        "error::Result",
        "ticket::self",
        "ticket::event::Change",
        "ticket::event::Event",
        "ticket::kind::Kind",
        "found::In",
        "store::sibling::Thing",
        "flow::blocking::drive",
        "time::now",
        "store::memory::own",
        "store::above",
        "store::memory::sibling",
        "store::after::Inner",
    ];
    assert_eq!(found, expected);
}
