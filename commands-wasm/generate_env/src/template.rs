//! A `.env` as text with values in it: what is not a value stays as it is, byte for byte.

use std::ops::Range;

/// `KEY=value`, as a place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) key: String,
    /// The value with its quotes, without a comment behind it.
    pub(crate) whole: Range<usize>,
    /// The value inside of its quotes.
    pub(crate) inner: Range<usize>,
}

impl Assignment {
    pub(crate) fn value<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.inner.clone()).unwrap_or_default()
    }

    pub(crate) fn raw<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.whole.clone()).unwrap_or_default()
    }
}

/// All assignments, in order. A line that is none (a comment, something broken) is passed over.
pub(crate) fn assignments(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match assignment(text, at) {
            Some(assignment) => {
                at = line_end(text, assignment.whole.end);
                found.push(assignment);
            }
            None => at += rest.find('\n').map_or(rest.len(), |end| end + 1),
        }
    }
    found
}

/// The assignment in the line that begins at `at`.
fn assignment(text: &str, at: usize) -> Option<Assignment> {
    let line = text.get(at..)?;
    let bare = line.trim_start_matches(['\u{feff}', ' ', '\t']);
    let bare = bare.strip_prefix("export ").map_or(bare, |rest| rest.trim_start_matches([' ', '\t']));
    let key_bytes = bare.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    let (key, behind) = bare.split_at_checked(key_bytes)?;
    if key.is_empty() || key.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = behind.trim_start_matches([' ', '\t']).strip_prefix('=')?.trim_start_matches([' ', '\t']);
    let start = text.len() - value.len();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(length) = quote.and_then(|quote| closing(value.get(1..)?, quote)) {
        let inner = start + 1..start + 1 + length;
        return Some(Assignment { key: key.to_owned(), whole: start..inner.end + 1, inner });
    }
    let line = value.lines().next().unwrap_or_default();
    let comment = if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
    let plain = comment.map_or(line, |end| line.get(..end).unwrap_or(line)).trim_end();
    let whole = start..start + plain.len();
    Some(Assignment { key: key.to_owned(), inner: whole.clone(), whole })
}

/// Where the quote ends; what is quoted may span lines.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(place),
            _ => {}
        }
    }
    None
}

/// The begin of the line after the one that `at` is in.
fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        assignments(text).iter().map(|found| (found.key.clone(), found.value(text).to_owned())).collect()
    }

    #[test]
    fn values_are_found_in_every_form() {
        let cases = [
            ("A=1", "A", "1"),
            ("A=", "A", ""),
            ("A = 1 ", "A", "1"),
            ("export A=1", "A", "1"),
            ("  A=1 # why", "A", "1"),
            ("A=# nothing", "A", ""),
            ("A=a#b", "A", "a#b"),
            ("A='a # b'", "A", "a # b"),
            ("A=\"a\\\"b\" # c", "A", "a\\\"b"),
            ("A=\"one\ntwo\"", "A", "one\ntwo"),
            ("A=\"open", "A", "\"open"),
            ("\u{feff}A=1", "A", "1"),
            ("A=1\r\n", "A", "1"),
            ("a.b_2=ü", "a.b_2", "ü"),
        ];
        for (text, key, value) in cases {
            assert_eq!(pairs(text), [(key.to_owned(), value.to_owned())], "{text}");
        }
    }

    #[test]
    fn what_is_no_assignment_is_passed_over() {
        assert_eq!(pairs("# A=1\n\nnonsense\n=3\n1A=2\n- x\nB=2\n").len(), 1);
        assert_eq!(pairs("A=\"x\ny\" tail\nB=2"), [("A".to_owned(), "x\ny".to_owned()), ("B".to_owned(), "2".to_owned())]);
    }
}
