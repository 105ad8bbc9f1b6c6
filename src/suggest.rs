//! Names that somebody typed: the nearest known one, and how to say that a name is unknown.

/// The longest name, in characters, for which another is suggested.
const LONGEST: usize = 80;

/// The known name that was probably meant, if one is near enough to be worth suggesting.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    // A third of the letters may differ: enough for typing errors, too little for another word.
    let length = wrong.chars().count();
    let near = (length / 3).max(1);
    // To compare takes time as both lengths multiplied, and somebody may have sent a whole book for a name.
    if length > LONGEST {
        return None;
    }
    let may_be_near = |name: &str| name.chars().count().abs_diff(length) <= near;
    known
        .into_iter()
        .map(|name| (name.to_lowercase(), name))
        .filter(|(lower, _)| may_be_near(lower))
        .map(|(lower, name)| (strsim::damerau_levenshtein(&wrong, &lower), name))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `is not known (did you mean "x"?)`, to follow the name itself in a message.
pub(crate) fn unknown<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(wrong, known) {
        Some(name) => format!("is not known (did you mean {name:?}?)"),
        None => "is not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_understood_and_another_word_is_not() {
        let known = ["contact.vip", "contact.company", "priority", "приоритет"];
        assert_eq!(nearest("contat.vip", known), Some("contact.vip"));
        assert_eq!(nearest("pirority", known), Some("priority"));
        assert_eq!(nearest("Priority", known), Some("priority"));
        assert_eq!(nearest("приоритт", known), Some("приоритет"));
        assert_eq!(nearest("channel", known), None);
        assert_eq!(nearest("", known), None);
        let book = "x".repeat(1 << 20);
        assert_eq!(nearest(&book, [book.as_str()]), None);
    }
}
