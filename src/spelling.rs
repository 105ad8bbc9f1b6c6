//! Names that somebody typed: the nearest known one, and how to say that a name is unknown.

/// The known name that was probably meant, if one is near enough to be worth suggesting.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    // A third of the letters may differ: enough for typing errors, too little for another word.
    let near = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
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
    }
}
