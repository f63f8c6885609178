//! Names as the engine takes them: nothing that could end a path or begin an option.

use super::Invalid;

const LONGEST: usize = 255;
/// Hexadecimal digits of a short id. The engine looks for ids first: what is called like one stands for something else.
const ID: usize = 12;

/// Names of containers, networks, volumes, services.
pub(super) fn check(kind: &str, name: &str) -> Result<(), Invalid> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if begins && rest && name.len() <= LONGEST {
        return match name.len() >= ID && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Err(format!("`{name}` could be the id of a {kind}: a name of so many hexadecimal digits needs another letter")),
            false => Ok(()),
        };
    }
    Err(format!("`{}` is no name of a {kind}: letters, digits, `_`, `.` and `-`, a letter or digit first", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_nothing_that_means_something_to_a_path() {
        for name in ["web", "shop-web-1", "a.b_c", "0", "deadbeef", &"a".repeat(11), "cafecafecafe-1"] {
            assert!(check("container", name).is_ok(), "{name}");
        }
        for name in ["", "-a", ".a", "a/b", "a b", "a?b", "a\n", "ä", &"a".repeat(12), "0123456789abcdef", &"x".repeat(256)] {
            assert!(check("container", name).is_err(), "{name}");
        }
    }
}
