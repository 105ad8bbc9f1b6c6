//! Limits on texts, names and counts.
//!
//! The desk checks them once, when it receives a command. Every store can hold values within these limits.

use crate::error::{Error, ErrorKind, Result};
use crate::text::{self, CUT};
use crate::value::{Attributes, Value};

/// The maximum length of a subject, in characters.
pub const MAX_SUBJECT_CHARS: usize = 500;
/// The maximum length of a message, note or reason, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// The maximum length of a name (tag, category, field, attribute or file), in characters.
pub const MAX_NAME_CHARS: usize = 255;
/// The maximum time of one entry of [`Action::time_spent`](crate::Action::time_spent): a week, in minutes.
pub const MAX_MINUTES: u32 = 7 * 24 * 60;
/// The maximum number of tags, fields, attributes, contacts, attachments, followers or links of a ticket or a command.
///
/// A link counts for the ticket that it starts from. So any number of incidents can link to the same problem.
pub const MAX_ITEMS: usize = 200;

/// Checks a text of several lines: a message, a note, a reason. NUL is not allowed because PostgreSQL cannot store it.
pub(crate) fn text(what: &str, text: &str) -> Result<()> {
    no_nul(what, text)?;
    if !text::is_visible(text) {
        return Err(Error::invalid(what, "is empty").allowing("some text"));
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(too_long(what, text.len(), "bytes", MAX_TEXT_BYTES));
    }
    Ok(())
}

/// Checks a text of one line, such as a subject.
pub(crate) fn line(what: &str, text: &str, max_chars: usize) -> Result<()> {
    if !text::is_visible(text) {
        return Err(Error::invalid(what, "is empty").allowing(format!("1 to {max_chars} characters")));
    }
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(too_long(what, chars, "characters", max_chars));
    }
    if let Some(found) = text.chars().find(|c| c.is_control() || text::ends_a_line(*c)) {
        return Err(Error::invalid(what, format_args!("contains the control character {found:?}"))
            .allowing("one line of text without control characters"));
    }
    Ok(())
}

/// Puts a text on one line, without control characters, and cuts it to `max_chars` characters with a mark. A text that
/// nobody can see becomes empty.
pub(crate) fn one_line(text: String, max_chars: usize) -> String {
    let breaks = |c: char| c.is_control() || text::ends_a_line(c);
    if !text::is_visible(&text) {
        return String::new();
    }
    let is_line = !text.chars().any(breaks) && text.trim().len() == text.len();
    if is_line && text.chars().nth(max_chars).is_none() {
        return text;
    }
    let text = text.replace(breaks, " ");
    let mut chars = text.trim().chars();
    let mut line: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() {
        line.pop();
        line.push(CUT);
    }
    line
}

/// Removes NUL characters, which PostgreSQL cannot store, and cuts a text to `max_bytes` bytes with a mark.
pub(crate) fn storable(mut text: String, max_bytes: usize) -> String {
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > max_bytes {
        let end = (0..=max_bytes - CUT.len_utf8()).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push(CUT);
    }
    text
}

/// Checks a name chosen by people, such as that of a tag, a field or a custom kind.
pub(crate) fn name(what: &str, text: &str) -> Result<()> {
    line(what, text, MAX_NAME_CHARS)
}

/// Checks a name in a definition. It must be in the normal form, because the names in commands are put into that form.
pub(crate) fn declared_name(what: &str, text: &str) -> Result<()> {
    name(what, text)?;
    let normal = text::normal(text);
    if normal != text {
        let problem = format_args!(
            "{text:?} has blanks at the ends, invisible characters, or letters in several characters"
        );
        return Err(Error::invalid(what, problem).allowing(format!("the same name as {normal:?}")));
    }
    Ok(())
}

/// Checks a number of items against [`MAX_ITEMS`].
pub(crate) fn count(what: &str, found: usize) -> Result<()> {
    if found > MAX_ITEMS {
        let message = format!("too many items in {what}: {found}");
        return Err(Error::new(ErrorKind::Invalid, message).allowing(format!("at most {MAX_ITEMS} items")));
    }
    Ok(())
}

/// Checks a category path.
pub(crate) fn category(path: &[String]) -> Result<()> {
    if path.len() > 10 {
        return Err(Error::invalid("category path", "is too deep").allowing("at most 10 levels"));
    }
    path.iter().try_for_each(|level| name("category", level))
}

/// Checks the value of a field or an attribute. A text may have several lines and any character that a message may
/// have.
pub(crate) fn value(what: &str, value: &Value) -> Result<()> {
    match value {
        Value::Text(text) if text.len() > MAX_TEXT_BYTES => {
            Err(too_long(what, text.len(), "bytes", MAX_TEXT_BYTES))
        }
        Value::Text(text) => no_nul(what, text),
        Value::List(items) => {
            count(what, items.len())?;
            items.iter().try_for_each(|item| name(what, item))
        }
        _ => Ok(()),
    }
}

/// Checks the attributes of a person.
pub(crate) fn attributes(attributes: &Attributes) -> Result<()> {
    count("attributes", attributes.len())?;
    attributes.iter().try_for_each(|(key, it)| {
        name("attribute name", key)?;
        value(&format!("attribute `{key}`"), it)
    })
}

fn no_nul(what: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(what, "contains a NUL character").allowing("text without NUL"));
    }
    Ok(())
}

fn too_long(what: &str, found: usize, unit: &str, max: usize) -> Error {
    Error::invalid(what, format_args!("is too long: {found} {unit}"))
        .allowing(format!("at most {max} {unit}"))
}
