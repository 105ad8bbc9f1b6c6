//! TOML with positions, reporting all faults of a text at once.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue, Error};
use toml_parser::lexer::TokenKind;

use super::lines::Lines;
use super::{
    BOM, Diagnostic, DiagnosticKind, Entry, MAX_DEPTH, Node, NodeValue, Source, float, syntax, too_deep,
};

/// Parses a text.
pub(crate) fn read(text: &str) -> Source {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    let lines = Lines::of(text);
    if let Some(byte) = too_deep_at(text) {
        return Source { root: None, diagnostics: vec![syntax(lines.position(byte), too_deep())] };
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut diagnostics: Vec<Diagnostic> = errors.iter().map(|error| fault(text, &lines, error)).collect();
    diagnostics.sort_by_key(|it| it.position);
    // The parser reads everything after an unclosed list as part of that list, so only the first fault is worth
    // reporting.
    if let Some(unclosed) = diagnostics.iter().position(|it| in_unclosed_list(text, it)) {
        diagnostics.truncate(unclosed + 1);
        diagnostics[unclosed].message = UNCLOSED.to_owned();
    }
    let mut last_line = None;
    diagnostics.retain(|it| {
        let line = it.position.map(|position| position.line);
        let keep = !is_consequence(it, line, last_line);
        last_line = line;
        keep
    });
    // With duplicate keys the first value counts and the rest of the tree is intact. Other faults leave gaps in it.
    let sound = diagnostics.iter().all(|it| it.kind == DiagnosticKind::DuplicateKey);
    let root = match sound.then(|| Reader { lines: &lines }.table(root.get_ref(), MAX_DEPTH)) {
        Some(Ok(value)) => Some(Node { position: Some(lines.position(0)), value }),
        Some(Err(diagnostic)) => {
            diagnostics.push(diagnostic);
            None
        }
        None => None,
    };
    Source { root, diagnostics }
}

/// The offset at which the text nests too deep.
///
/// The parser limits brackets. With dotted keys between the brackets, however, a few kilobytes produce a tree so deep
/// that dropping it overflows the stack, so such a tree must not be built.
///
/// The computed depth is never below the depth of the tree, even for a faulty text: a bracket without a matching one
/// stays open, and every table is assumed to be under the header with the most dots.
fn too_deep_at(text: &str) -> Option<usize> {
    let mut open: Vec<(TokenKind, usize)> = Vec::new();
    let (mut levels, mut dots, mut dots_of_key, mut most_dots) = (0, 0, 0, 0);
    for token in toml_parser::Source::new(text).lex() {
        let kind = token.kind();
        match kind {
            TokenKind::Dot => {
                dots += 1;
                most_dots = dots.max(most_dots);
            }
            TokenKind::Equals => dots_of_key = std::mem::take(&mut dots),
            TokenKind::Comma => (dots, dots_of_key) = (0, 0),
            TokenKind::Newline => dots = 0,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                let more = 1 + std::mem::take(&mut dots_of_key) + std::mem::take(&mut dots);
                levels += more;
                open.push((kind, more));
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                dots = 0;
                let opening = match kind {
                    TokenKind::RightSquareBracket => TokenKind::LeftSquareBracket,
                    _ => TokenKind::LeftCurlyBracket,
                };
                if let Some((_, more)) = open.pop_if(|(kind, _)| *kind == opening) {
                    levels -= more;
                }
            }
            _ => {}
        }
        if levels + dots + most_dots >= MAX_DEPTH {
            return Some(token.span().start());
        }
    }
    None
}

/// True if a fault is a consequence of the previous one: it is in the same line, or it concerns a list or an inline
/// table that the parser misread in the line before.
fn is_consequence(fault: &Diagnostic, line: Option<usize>, last: Option<usize>) -> bool {
    let Some((line, last)) = line.zip(last) else { return false };
    let message = &fault.message;
    let inside =
        message.contains("inline table") || (message.contains("array") && !message.contains("array table"));
    line == last || (line == last + 1 && inside && fault.kind == DiagnosticKind::Syntax)
}

/// The message for an unclosed list, reported at the first header after it.
const UNCLOSED: &str = "this header is inside a list: a `]` is missing before it";

/// True if the fault is a table header where a list item belongs. A list item never looks like a header, because a
/// bare word in brackets is not a valid list.
fn in_unclosed_list(text: &str, fault: &Diagnostic) -> bool {
    let Some(position) =
        fault.position.filter(|_| fault.message.starts_with("missing comma between array elements"))
    else {
        return false;
    };
    let line = text.lines().nth(position.line - 1).unwrap_or_default().trim_end();
    let header = line.trim_start_matches('[');
    let word = header.split_once(']').map_or("", |(word, _)| word);
    header.len() < line.len()
        && !["true", "false", "inf", "nan"].contains(&word)
        && word.starts_with(|it: char| it.is_ascii_alphabetic())
        && word.chars().all(|it| it.is_ascii_alphanumeric() || "_-.".contains(it))
}

fn fault(text: &str, lines: &Lines<'_>, error: &Error) -> Diagnostic {
    let span = error.span().unwrap_or(text.len()..text.len());
    let position = lines.position(span.start);
    match error.message() {
        "duplicate key" => {
            let key = text.get(span).unwrap_or_default().trim_matches(['"', '\'']);
            let message = format!("the key {key:?} occurs twice; remove one of them");
            Diagnostic {
                position: Some(position),
                ..Diagnostic::new(DiagnosticKind::DuplicateKey, "", message)
            }
        }
        message if message.starts_with("invalid unquoted key") => {
            syntax(position, format!("{message}; put the key in quotes"))
        }
        message => syntax(position, message),
    }
}

struct Reader<'t> {
    lines: &'t Lines<'t>,
}

impl Reader<'_> {
    fn node(&self, spanned: &Spanned<DeValue<'_>>, left: usize) -> Result<Node, Diagnostic> {
        let position = self.lines.position(spanned.span().start);
        let value = match spanned.get_ref() {
            DeValue::String(text) => NodeValue::Text(text.to_string()),
            DeValue::Boolean(it) => NodeValue::Bool(*it),
            DeValue::Integer(it) => match i128::from_str_radix(it.as_str(), it.radix()) {
                Ok(integer) => NodeValue::Integer(integer),
                Err(_) => NodeValue::Number(it.as_str().parse().unwrap_or(f64::NAN)),
            },
            DeValue::Float(it) => float(it.as_str()),
            DeValue::Datetime(it) => NodeValue::Date(it.to_string()),
            DeValue::Array(_) | DeValue::Table(_) if left <= 1 => return Err(syntax(position, too_deep())),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.node(item, left - 1));
                NodeValue::List(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => self.table(table, left)?,
        };
        Ok(Node { position: Some(position), value })
    }

    fn table(&self, table: &DeTable<'_>, left: usize) -> Result<NodeValue, Diagnostic> {
        let entries = table.iter().map(|(key, value)| {
            let position = Some(self.lines.position(key.span().start));
            Ok(Entry { key: key.get_ref().to_string(), position, node: self.node(value, left - 1)? })
        });
        let mut entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| entry.position);
        Ok(NodeValue::Table(entries))
    }
}
