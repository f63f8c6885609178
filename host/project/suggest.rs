//! Which known word a mistyped one was meant to be.

/// The nearest of `known`, if it is near enough to be worth proposing.
///
/// At most a third of the letters may differ (swapped neighbours count once), and at least one may.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A word longer than any name of ours is no typo, and comparing it would cost its length squared.
    if word.is_empty() || word.chars().count() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = (lower.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Words in backticks, comma between: for `hint: known keys are ...`.
pub fn listed<'k>(words: impl IntoIterator<Item = &'k str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The hint for an unknown word: the near one, or else all that are known.
pub fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", listed(known.iter().copied())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_proposed_and_a_far_one_is_not() {
        let known = ["migrate", "showmigrations", "wait4db", "init_db"];
        for (typed, expected) in [
            ("migrat", Some("migrate")),
            ("migraet", Some("migrate")),
            ("MIGRATE", Some("migrate")),
            ("showmigration", Some("showmigrations")),
            ("initdb", Some("init_db")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), expected, "{typed}");
        }
    }

    #[test]
    fn a_word_of_a_megabyte_is_not_compared() {
        assert_eq!(nearest(&"m".repeat(1 << 20), ["migrate"]), None);
    }

    #[test]
    fn a_single_letter_proposes_no_single_letter() {
        assert_eq!(nearest("x", ["a", "b"]), None);
    }
}
