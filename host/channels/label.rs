//! Labels: what names the connections of one build in one environment.

/// Longest label that can be registered: a group's name has fewer than 100 characters and begins with `version.`.
pub const REGISTERED_BOUND: usize = 91;
/// Longest label that is read. Others that stand in Redis are not taken for labels.
pub const READ_BOUND: usize = 255;

/// Whether workers of Django Channels could register it too: ASCII letters, digits, `-`, `_` and `.`.
pub fn can_be_registered(label: &str) -> bool {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=REGISTERED_BOUND).contains(&label.len()) && label.bytes().all(named)
}

/// Whether what was found in Redis is taken for a label. It may hold anything, line ends and escapes too:
/// whoever shows it makes it safe.
pub fn read(bytes: &[u8]) -> Option<&str> {
    let label = std::str::from_utf8(bytes).ok()?;
    (1..=READ_BOUND).contains(&label.len()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_registered_as_django_channels_allows_group_names() {
        for label in ["411b261.production", "unknown.unknown", "v1-2_3", &"x".repeat(REGISTERED_BOUND)] {
            assert!(can_be_registered(label), "{label}");
        }
        for label in ["", "a b", "a/b", "a\n", "a!b", "é", "a*", &"x".repeat(REGISTERED_BOUND + 1)] {
            assert!(!can_be_registered(label), "{label}");
        }
    }

    #[test]
    fn anything_readable_within_the_bound_is_a_label() {
        assert_eq!(read(b"a\nb\x1b[2J"), Some("a\nb\x1b[2J"));
        assert!(read("x".repeat(READ_BOUND).as_bytes()).is_some());
        assert!(read("x".repeat(READ_BOUND + 1).as_bytes()).is_none());
        assert!(read(b"").is_none() && read(b"\xff").is_none());
    }
}
