//! Numbers, sizes and keys as people read them.

use std::fmt::Write as _;

/// Longest piece of a key that is shown, in characters.
const SHOWN: usize = 48;

/// `1,234,567`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 key`, `1,234 keys`.
pub(crate) fn keys(count: u64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{} keys", number(count)) }
}

/// `712 B`, `1.5 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = UNITS.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    for larger in unit {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        name = larger;
    }
    format!("{amount:.1} {name}")
}

/// A key's bytes: text as it is, and `\xNN` for whatever a terminal might obey or nobody could see or tell apart
/// from something else: control characters, marks of direction, blanks of all kinds, bytes that are no text.
pub(crate) fn shown(key: &[u8]) -> String {
    let mut shown = String::new();
    let mut count = 0;
    for chunk in key.utf8_chunks() {
        for c in chunk.valid().chars() {
            count += 1;
            if count > SHOWN {
                return shown + "...";
            }
            match c {
                '\\' => shown.push_str("\\\\"),
                c if is_plain(c) => shown.push(c),
                c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escape(&mut shown, byte)),
            }
        }
        for byte in chunk.invalid() {
            count += 1;
            if count > SHOWN {
                return shown + "...";
            }
            escape(&mut shown, *byte);
        }
    }
    shown
}

fn escape(shown: &mut String, byte: u8) {
    // Writing to a string does not fail.
    let _ = write!(shown, "\\x{byte:02x}");
}

fn is_plain(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible && (c == ' ' || !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_are_read_at_a_glance() {
        let table = [(0, "0", "0 B"), (999, "999", "999 B"), (1_024, "1,024", "1.0 KiB"), (1_572_864, "1,572,864", "1.5 MiB")];
        for (amount, as_number, as_size) in table {
            assert_eq!((number(amount).as_str(), size(amount).as_str()), (as_number, as_size));
        }
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
        assert_eq!((keys(1), keys(0)), ("1 key".to_owned(), "0 keys".to_owned()));
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown_as_it_is() {
        let table: [(&[u8], &str); 7] = [
            (b"shop", "shop"),
            ("größe".as_bytes(), "größe"),
            (b"a\x1b[31mb", "a\\x1b[31mb"),
            (b"a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("a\u{202e}b\u{9b}".as_bytes(), "a\\xe2\\x80\\xaeb\\xc2\\x9b"),
            (b"a\\x1b", "a\\\\x1b"),
        ];
        for (key, text) in table {
            assert_eq!(shown(key), text);
        }
    }

    #[test]
    fn a_long_key_is_cut() {
        assert_eq!(shown(&[b'a'; SHOWN]), "a".repeat(SHOWN));
        assert_eq!(shown(&[b'a'; SHOWN + 1]), "a".repeat(SHOWN) + "...");
        assert_eq!(shown(&[0xff; 1000]).len(), SHOWN * 4 + 3);
    }
}
