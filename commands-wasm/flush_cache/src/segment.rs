//! The first segment of a key, by which keys are counted.
//!
//! It is the text up to the first `:`. A hash tag at the begin is one segment, whatever it holds: `{a:b}:c` counts as
//! `{a:b}`. Django's keys without a prefix begin with `:VERSION:`, so that the segment behind that is taken in:
//! `:1:user:5` counts as `:1:user`, and `:1:user_5` as `:1`. Where `--prefix` or every granted pattern says how a
//! key begins (up to its last `:`), counting starts behind that: with `shop:`, `shop:user:5` counts as `shop:user`.

use crate::class::Heads;

/// How keys begin anyway.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    heads: Heads,
}

/// A segment: the begin of a key, and whether a `:` follows. Keys without one share a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'k> {
    pub(crate) text: &'k [u8],
    pub(crate) closed: bool,
}

impl Segments {
    pub(crate) fn new(heads: &[Vec<u8>]) -> Self {
        Self { heads: Heads::new(heads.iter().map(|head| whole_segments(head).to_vec())) }
    }

    #[inline]
    pub(crate) fn of<'k>(&self, key: &'k [u8]) -> Segment<'k> {
        let rest = self.heads.behind(key);
        let base = key.len() - rest.len();
        match end(rest) {
            Some(end) => Segment { text: key.get(..base + end).unwrap_or(key), closed: true },
            None => Segment { text: key.get(..base).unwrap_or_default(), closed: false },
        }
    }
}

/// Up to the last `:`, which is part of it.
fn whole_segments(head: &[u8]) -> &[u8] {
    head.iter().rposition(|byte| *byte == b':').and_then(|at| head.get(..=at)).unwrap_or_default()
}

/// Where the first segment ends; none when no `:` ends it.
#[inline]
fn end(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'{' => match position(rest, b'}') {
            Some(tag) => position(rest.get(tag..)?, b':').map(|colon| tag + colon),
            None => position(rest, b':'),
        },
        b':' => match version(rest) {
            Some(version) => Some(rest.get(version + 1..).and_then(|name| position(name, b':')).map_or(version, |name| version + 1 + name)),
            None => Some(0),
        },
        _ => position(rest, b':'),
    }
}

/// `:1:` at the begin: where its second `:` is.
fn version(rest: &[u8]) -> Option<usize> {
    let digits = rest.get(1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && rest.get(1 + digits) == Some(&b':')).then_some(1 + digits)
}

#[inline]
fn position(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|found| *found == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, heads: &[&str]) -> (String, bool) {
        let segments = Segments::new(&heads.iter().map(|head| head.as_bytes().to_vec()).collect::<Vec<_>>());
        let Segment { text, closed } = segments.of(key.as_bytes());
        (String::from_utf8(text.to_vec()).unwrap(), closed)
    }

    #[test]
    fn keys_are_counted_by_their_first_segment() {
        let table = [
            ("shop:cache:5", "shop", true),
            ("shop", "", false),
            ("", "", false),
            ("{a:b}:c:d", "{a:b}", true),
            ("{a}x:c", "{a}x", true),
            ("{a}", "", false),
            ("{a:b", "{a", true),
            (":1:user:5", ":1:user", true),
            (":1:user_5", ":1", true),
            (":12:", ":12", true),
            (":x:5", "", true),
            (":", "", true),
            ("shop:1:user:5", "shop", true),
        ];
        for (key, text, closed) in table {
            assert_eq!(of(key, &[]), (text.to_owned(), closed), "{key}");
        }
    }

    #[test]
    fn counting_starts_behind_what_every_key_begins_with() {
        let table = [
            ("shop:user:5", "shop:user", true),
            ("shop:user", "shop:", false),
            ("shop::1:user:5", "shop::1:user", true),
            ("other:user:5", "other", true),
        ];
        for (key, text, closed) in table {
            assert_eq!(of(key, &["shop:"]), (text.to_owned(), closed), "{key}");
        }
        assert_eq!(of("shop:user:5", &["shop:us"]), ("shop:user".to_owned(), true));
        assert_eq!(of("shop:user:5", &["sh"]), ("shop".to_owned(), true));
    }
}
