//! Names as the engine takes them: nothing that could end a path or begin an option.

use super::Invalid;

const LONGEST: usize = 255;

/// Names of containers, networks, volumes, services.
pub(super) fn check(kind: &str, name: &str) -> Result<(), Invalid> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if begins && rest && name.len() <= LONGEST {
        return Ok(());
    }
    Err(format!("`{}` is no name of a {kind}: letters, digits, `_`, `.` and `-`, a letter or digit first", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_nothing_that_means_something_to_a_path() {
        for name in ["web", "shop-web-1", "a.b_c", "0"] {
            assert!(check("container", name).is_ok(), "{name}");
        }
        for name in ["", "-a", ".a", "a/b", "a b", "a?b", "a\n", "ä", &"a".repeat(256)] {
            assert!(check("container", name).is_err(), "{name}");
        }
    }
}
