//! Reads Rust sources for the layer tests: the paths of the crate that a file uses.

use std::collections::BTreeSet;

/// A word or sign of a source, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The tokens of a source, without comments (doc comments included) and without the contents of string literals. `::`
/// is one token.
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
            // A character literal, not a lifetime.
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

/// A use of a path of the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// The path from the crate's root: `["memory", "Memory"]`.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// True for a `pub use`: the file re-exports the item and does not use it.
    pub(crate) exported: bool,
    /// True inside a module of unit tests.
    pub(crate) tests: bool,
}

/// All paths that the file of this module uses: those from `crate::` or `super::`, and those from modules of its own
/// folder.
pub(crate) fn uses(module: &[String], children: &BTreeSet<&str>, tokens: &[Token]) -> Vec<Use> {
    let text = |place: usize| tokens.get(place).map_or("", |it| it.text.as_str());
    let mut found = Vec::new();
    let mut add = |begin: usize, tests: bool, paths: Vec<(Vec<String>, usize)>| {
        let exported =
            text(begin.wrapping_sub(1)) == "use" && matches!(text(begin.wrapping_sub(2)), "pub" | ")");
        found.extend(paths.into_iter().map(|(path, line)| Use { path, line, exported, tests }));
    };
    // The inline modules, with the brace depth at which each began.
    let mut inner: Vec<(usize, bool)> = Vec::new();
    let (mut depth, mut place) = (0, 0);
    while place < tokens.len() {
        let tests = inner.iter().any(|(_, tests)| *tests);
        match text(place) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inner.retain(|(began, _)| *began < depth + 1);
            }
            // In a macro, the module's name may be `$name`.
            "mod" if text(place + 2) == "{" || (text(place + 1) == "$" && text(place + 3) == "{") => {
                let before: Vec<&str> = (place.saturating_sub(7)..place).map(text).collect();
                let tests = before.join(" ").trim().ends_with("# [ cfg ( test ) ]");
                inner.push((depth + 1, tests));
            }
            // `$crate`, `pub(crate)` and `pub(in crate::…)` use nothing.
            "crate" if text(place + 1) == "::" && text(place.wrapping_sub(1)) != "in" => {
                add(place, tests, tree(tokens, place + 2, Vec::new()))
            }
            "super" if text(place + 1) == "::" && text(place.wrapping_sub(1)) != "::" => {
                let (begin, mut ups) = (place, 1);
                while text(place + 2) == "super" {
                    (ups, place) = (ups + 1, place + 2);
                }
                let beyond = usize::saturating_sub(ups, inner.len());
                let above = module[..module.len().saturating_sub(beyond)].to_vec();
                add(begin, tests, tree(tokens, place + 2, above));
            }
            // A plain name is a module of the folder only at the start of a path and outside of inline modules.
            name if inner.is_empty()
                && children.contains(name)
                && text(place + 1) == "::"
                && !matches!(text(place.wrapping_sub(1)), "::" | "." | "{" | "," if in_tree(tokens, place)) =>
            {
                add(place, tests, tree(tokens, place, module.to_vec()));
            }
            _ => {}
        }
        place += 1;
    }
    found
}

/// True if this token is inside the braces of a `use`, or after `::` or `.`: then it does not start a path.
fn in_tree(tokens: &[Token], place: usize) -> bool {
    let text = |place: usize| tokens.get(place).map_or("", |it| it.text.as_str());
    if matches!(text(place.wrapping_sub(1)), "::" | ".") {
        return true;
    }
    let mut depth = 0;
    for before in (0..place).rev() {
        match text(before) {
            "}" => depth += 1,
            "{" if depth > 0 => depth -= 1,
            "{" => return text(before.wrapping_sub(1)) == "::",
            ";" if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

/// Reads `a::b`, `a::{b, c::d}` or `*` after `prefix`, starting at `place`. Returns each path with its line.
fn tree(tokens: &[Token], place: usize, prefix: Vec<String>) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    branch(tokens, place, prefix, &mut found);
    found
}

fn branch(
    tokens: &[Token],
    mut place: usize,
    mut prefix: Vec<String>,
    found: &mut Vec<(Vec<String>, usize)>,
) {
    let text = |place: usize| tokens.get(place).map_or("", |it| it.text.as_str());
    let line = tokens.get(place).map_or(0, |it| it.line);
    while text(place).chars().all(|c| c.is_alphanumeric() || c == '_') && !text(place).is_empty() {
        prefix.push(text(place).to_owned());
        place += 1;
        if text(place) != "::" {
            return found.push((prefix, line));
        }
        place += 1;
    }
    if text(place) != "{" {
        return found.push((prefix, line));
    }
    let mut depth = 0;
    let mut begins = true;
    while place < tokens.len() {
        match text(place) {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => begins = depth == 1,
            _ if begins && depth == 1 => {
                branch(tokens, place, prefix.clone(), found);
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
fn paths_are_found_everywhere_in_a_source() {
    let source = r##"
        //! Not this: crate::comment::One
        use crate::error::{Error, Result};
        use crate::ticket::{self, event::{Change, Event}, kind::Kind as K};
        /* nor crate::comment::Two /* nested */ */
        const TEXT: &str = "nor crate::string::One // no comment";
        const RAW: &str = r#"nor "crate::string::Two""#;
        const QUOTE: char = '"'; const ESCAPED: char = '\''; fn a<'a>(_: &'a crate::found::In<'a>) {}
        use super::sibling::Thing;
        fn f() { crate::operation::blocking::drive::<u8>(crate::time::now()) }
        pub(crate) mod inner { use super::own; use super::super::above; }
        macro_rules! named { ($name:ident) => { mod $name { use super::sibling; } }; }
        use super::after::Inner;
        pub use row::Row;
        use row::{Cell, other::row::Far};
        #[cfg(test)] mod tests { use super::super::unit; }
        fn g() { row::read(); x.row::<u8>(); std::row::no(); }
    "##;
    let module = ["store".to_owned(), "memory".to_owned()];
    let children = BTreeSet::from(["row"]);
    let found = uses(&module, &children, &tokens(source));
    assert_eq!(
        found.iter().filter(|it| it.tests).map(|it| it.path.join("::")).collect::<Vec<_>>(),
        ["store::unit"]
    );
    let exported: Vec<String> = found.iter().filter(|it| it.exported).map(|it| it.path.join("::")).collect();
    assert_eq!(exported, ["store::memory::row::Row"]);
    let found: Vec<String> = found.into_iter().map(|it| it.path.join("::")).collect();
    let expected = [
        "error::Error",
        "error::Result",
        "ticket::self",
        "ticket::event::Change",
        "ticket::event::Event",
        "ticket::kind::Kind",
        "found::In",
        "store::sibling::Thing",
        "operation::blocking::drive",
        "time::now",
        "store::memory::own",
        "store::above",
        "store::memory::sibling",
        "store::after::Inner",
        "store::memory::row::Row",
        "store::memory::row::Cell",
        "store::memory::row::other::row::Far",
        "store::unit",
        "store::memory::row::read",
    ];
    assert_eq!(found, expected);
}
