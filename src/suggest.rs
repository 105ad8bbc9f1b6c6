//! Suggestions for misspelled names.

/// The longest name, in characters, for which a suggestion is made.
const MAX_CHARS: usize = 80;

/// Returns the known name that is closest to `wrong`, if it is close enough to be a likely correction.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    // A third of the letters may differ. This accepts typing errors and rejects unrelated words.
    let length = wrong.chars().count();
    let max_distance = (length / 3).max(1);
    // The comparison takes time proportional to the product of the lengths, and the input may be arbitrarily long.
    if length > MAX_CHARS {
        return None;
    }
    let has_similar_length = |name: &str| name.chars().count().abs_diff(length) <= max_distance;
    known
        .into_iter()
        .map(|name| (name.to_lowercase(), name))
        .filter(|(lower, _)| has_similar_length(lower))
        .map(|(lower, name)| (strsim::damerau_levenshtein(&wrong, &lower), name))
        .filter(|(distance, _)| *distance <= max_distance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Returns `is not known (did you mean "x"?)` or `is not known`, to follow the name in an error message.
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
    fn suggests_a_correction_for_a_typo_but_not_for_an_unrelated_word() {
        let known = ["contact.vip", "contact.company", "priority", "приоритет"];
        assert_eq!(nearest("contat.vip", known), Some("contact.vip"));
        assert_eq!(nearest("pirority", known), Some("priority"));
        assert_eq!(nearest("Priority", known), Some("priority"));
        assert_eq!(nearest("приоритт", known), Some("приоритет"));
        assert_eq!(nearest("channel", known), None);
        assert_eq!(nearest("", known), None);
        let long = "x".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }
}
