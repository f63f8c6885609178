//! Suggestions for words that were almost right.

/// The closest of `known`, if it is close enough to be meant.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase().replace('-', "_");
    let allowed = 1 + word.chars().count() / 4;
    let distances =
        known.into_iter().map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase().replace('-', "_")), candidate));
    let close = |(distance, candidate): &(usize, &str)| *distance <= allowed && *distance < word.len().min(candidate.len());
    distances.filter(close).min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn close_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(closest("enviroment", ["environment", "env_file"]), Some("environment"));
        assert_eq!(closest("depends-on", ["depends_on", "deploy"]), Some("depends_on"));
        assert_eq!(closest("x", ["ports", "volumes"]), None);
    }
}
