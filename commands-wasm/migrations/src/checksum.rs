//! Checksums as sqlx stores them: SHA-384 over a file's raw bytes, byte order mark and carriage returns included.

use sha2::{Digest, Sha384};

pub const LENGTH: usize = 48;

pub fn of(bytes: &[u8]) -> [u8; LENGTH] {
    let mut sum = [0; LENGTH];
    sum.copy_from_slice(&Sha384::digest(bytes));
    sum
}

/// Whether `stored` belongs to the same text with other line endings, or with or without a byte order mark.
/// A file that mixed both line endings cannot be told from an edited one.
pub fn differs_in_line_endings_only(text: &str, stored: &[u8]) -> bool {
    const MARK: &str = "\u{feff}";
    let unix = text.strip_prefix(MARK).unwrap_or(text).replace("\r\n", "\n");
    let dos = unix.replace('\n', "\r\n");
    [&unix, &dos].into_iter().any(|variant| of(variant.as_bytes()) == stored || of(format!("{MARK}{variant}").as_bytes()) == stored)
}

#[cfg(test)]
mod tests {
    use super::{differs_in_line_endings_only, of};

    #[test]
    fn the_checksum_is_sha384_of_the_raw_bytes() {
        let hex: String = of(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(hex.starts_with("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"), "{hex}");
    }

    #[test]
    fn line_endings_and_marks_are_recognised_in_both_directions() {
        for (now, then) in [("a\nb\n", "a\r\nb\r\n"), ("a\r\nb\r\n", "a\nb\n"), ("\u{feff}a\n", "a\n"), ("a\n", "\u{feff}a\r\n")] {
            assert!(differs_in_line_endings_only(now, &of(then.as_bytes())), "{now:?} {then:?}");
        }
    }

    #[test]
    fn another_text_is_not_a_difference_in_line_endings() {
        assert!(!differs_in_line_endings_only("a\nb\n", &of(b"a\nc\n")));
        assert!(!differs_in_line_endings_only("a\nb\n", &of(b"a\n b\n")));
    }
}
