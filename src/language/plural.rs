//! The plural forms of languages.

/// A rule that chooses the form for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plurals {
    /// One form for all numbers: Japanese, Chinese, Turkish.
    None,
    /// One, others: English, German, Spanish, Italian.
    English,
    /// Zero and one, others: French, Brazilian Portuguese.
    French,
    /// 1, 21; 2 to 4, 22; others: Russian, Ukrainian, Serbian.
    Russian,
    /// 1; 2 to 4, 22; others: Polish.
    Polish,
    /// 1; 2 to 4; others: Czech, Slovak.
    Czech,
}

use Plurals as P;

impl Plurals {
    const ALL: [(&'static str, Plurals); 6] = [
        ("none", P::None),
        ("english", P::English),
        ("french", P::French),
        ("russian", P::Russian),
        ("polish", P::Polish),
        ("czech", P::Czech),
    ];

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Plurals::ALL.iter().map(|(name, _)| *name)
    }

    pub(super) fn named(name: &str) -> Option<Plurals> {
        Plurals::ALL.iter().find(|(it, _)| *it == name).map(|(_, plurals)| *plurals)
    }

    /// Returns the index of the form for a number.
    pub(super) fn form(self, n: u64) -> usize {
        let few = (2..=4).contains(&(n % 10)) && !(12..=14).contains(&(n % 100));
        match self {
            P::None => 0,
            P::English => usize::from(n != 1),
            P::French => usize::from(n > 1),
            P::Russian if n % 10 == 1 && n % 100 != 11 => 0,
            P::Polish | P::Czech if n == 1 => 0,
            P::Czech => {
                if (2..=4).contains(&n) {
                    1
                } else {
                    2
                }
            }
            P::Russian | P::Polish => {
                if few {
                    1
                } else {
                    2
                }
            }
        }
    }

    /// Returns the problem in words if a text has neither one form nor those of this rule.
    pub(super) fn misfit(self, forms: usize) -> Option<String> {
        let expected = match self {
            P::None => 1,
            P::English | P::French => 2,
            P::Russian | P::Polish | P::Czech => 3,
        };
        (forms != 1 && forms != expected)
            .then(|| format!("the text has {forms} plural forms, but the language has {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_those_of_the_languages() {
        for (plurals, numbers) in [
            (P::None, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (P::English, [1, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
            (P::French, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
            (P::Russian, [2, 0, 1, 2, 2, 2, 0, 1, 2, 0]),
            (P::Polish, [2, 0, 1, 2, 2, 2, 2, 1, 2, 2]),
            (P::Czech, [2, 0, 1, 2, 2, 2, 2, 2, 2, 2]),
        ] {
            assert_eq!(
                [0, 1, 4, 5, 11, 12, 21, 22, 111, 121].map(|n| plurals.form(n)),
                numbers,
                "{plurals:?}"
            );
        }
    }
}
