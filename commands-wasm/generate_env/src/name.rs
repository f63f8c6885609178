//! From the name of a pull request to a DNS label, which is the compose project's name too.
//!
//! A name that is a label already stays as it is. Any other gets a hash of the original behind it, so that names which
//! differ only in what a label cannot say (`PR-1`, `pr/1`, `pr-1`) do not meet; so does a name that ends as if it had one.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// As DNS bounds a label.
pub(crate) const LABEL_BYTES: usize = 63;
/// 40 bits: names are few and chosen by people.
const HASH_DIGITS: usize = 10;

/// None for a name that says nothing.
pub(crate) fn label(name: &str) -> Option<String> {
    if name.trim().is_empty() {
        return None;
    }
    let plain = plain(name);
    if plain == name && plain.len() <= LABEL_BYTES && !ends_like_a_hash(&plain) {
        return Some(plain);
    }
    // Plain text is ASCII: any cut is one between characters.
    let room = LABEL_BYTES - HASH_DIGITS - 1;
    let head = plain.get(..room).unwrap_or(&plain).trim_end_matches('-');
    let head = if head.is_empty() { "pr" } else { head };
    Some(format!("{head}-{}", hash(name)))
}

/// Lower-case letters and digits, with one hyphen for each run of anything else, and none at the ends.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain.truncate(plain.trim_end_matches('-').len());
    plain
}

fn ends_like_a_hash(name: &str) -> bool {
    let end = name.rsplit_once('-').map_or("", |(_, end)| end);
    end.len() == HASH_DIGITS && end.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn hash(name: &str) -> String {
    let mut digits = String::with_capacity(HASH_DIGITS);
    for byte in Sha256::digest(name.as_bytes()).iter().take(HASH_DIGITS / 2) {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stays_as_it_is() {
        for name in ["pr-42", "42", "a", "feature-login", &"a".repeat(63), "fix-deadbeef"] {
            assert_eq!(label(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn whatever_is_changed_or_cut_carries_a_hash_of_the_original() {
        let cases = [
            ("PR-42", "pr-42-"),
            ("feature/login", "feature-login-"),
            ("größe", "gr-e-"),
            ("--x--", "x-"),
            ("a--b", "a-b-"),
            ("xn--foo", "xn-foo-"),
            (" pr-42", "pr-42-"),
            ("🎉🎉", "pr-"),
            ("///", "pr-"),
            ("$(touch x)", "touch-x-"),
            ("pr-42-0123456789", "pr-42-0123456789-"),
        ];
        for (name, head) in cases {
            let label = label(name).unwrap();
            assert!(label.starts_with(head) && label.len() == head.len() + HASH_DIGITS, "{name}: {label}");
        }
        assert_eq!(label("PR-42").as_deref(), Some("pr-42-b6788ecd48"));
    }

    #[test]
    fn names_that_look_alike_do_not_meet() {
        let names = ["pr-42", "PR-42", "Pr-42", "pr/42", "pr_42", "pr 42", "pr-42-", "pr.42", "pr–42", "🎉", "🎈", "/", "//"];
        let labels: std::collections::BTreeSet<_> = names.iter().map(|name| label(name).unwrap()).collect();
        assert_eq!(labels.len(), names.len());
        let hashed = label("PR-42").unwrap();
        assert_ne!(label(&hashed).unwrap(), hashed);
    }

    #[test]
    fn every_label_is_one() {
        let long = ["x".repeat(300), "a-".repeat(150), "ä".repeat(300), format!("{}-{}", "b".repeat(51), "c".repeat(40))];
        for name in long.iter().map(String::as_str).chain(["A", "-", "🎉-a", "\u{0}", "a\nb", &"a".repeat(64)]) {
            let label = label(name).unwrap();
            let fits = label.len() <= LABEL_BYTES && !label.starts_with('-') && !label.ends_with('-') && !label.contains("--");
            assert!(fits && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name:?}: {label}");
        }
        let (one, other) = (format!("{}1", "x".repeat(80)), format!("{}2", "x".repeat(80)));
        assert_ne!(label(&one), label(&other));
    }

    #[test]
    fn nothing_is_no_name() {
        for name in ["", " ", "\t\n", "\u{a0}"] {
            assert_eq!(label(name), None);
        }
    }
}
