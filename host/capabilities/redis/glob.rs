//! Redis' globs, as `SCAN ... MATCH` reads them: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\x`, over bytes.
//!
//! The server's own matcher goes back at each `*` into every earlier one, which a hostile pattern turns into
//! minutes. Ours finds what stands between two stars leftmost and never returns to it: at worst
//! (pattern * key) steps, and patterns are bounded.

use super::limits;

/// A pattern taken apart at its stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// What stands between stars: one more than there are stars.
    parts: Vec<Part>,
    text: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    pieces: Vec<Piece>,
    /// The same as bytes when no piece is a choice: compared as a whole.
    literal: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    Any,
    /// One bit for each byte.
    Class([u64; 4]),
}

impl Glob {
    /// Too long a pattern is an error; nothing else is: Redis gives every pattern a meaning.
    pub(super) fn new(text: &[u8]) -> Result<Self, String> {
        if text.len() > limits::PATTERN_BYTES {
            return Err(format!("a pattern of {} bytes; at most {} are possible", text.len(), limits::PATTERN_BYTES));
        }
        let mut parts = Vec::new();
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                b'*' => parts.push(Part::new(std::mem::take(&mut pieces))),
                b'?' => pieces.push(Piece::Any),
                b'[' => {
                    let (class, after) = class(rest);
                    pieces.push(class);
                    rest = after;
                }
                b'\\' => match rest.split_first() {
                    Some((escaped, after)) => {
                        pieces.push(Piece::Byte(*escaped));
                        rest = after;
                    }
                    None => pieces.push(Piece::Byte(b'\\')),
                },
                byte => pieces.push(Piece::Byte(*byte)),
            }
        }
        parts.push(Part::new(pieces));
        Ok(Self { parts, text: text.to_owned() })
    }

    pub(super) fn matches(&self, key: &[u8]) -> bool {
        let (first, rest) = match self.parts.split_first() {
            Some(split) => split,
            None => return key.is_empty(),
        };
        let Some((last, middle)) = rest.split_last() else { return first.len() == key.len() && first.is_at(key) };
        // The ends are fixed; what lies between them must hold the middle parts in their order.
        let Some(between) = key.len().checked_sub(first.len() + last.len()) else { return false };
        let Some(tail) = key.get(first.len() + between..) else { return false };
        if !first.is_at(key) || !last.is_at(tail) {
            return false;
        }
        let mut inner = key.get(first.len()..first.len() + between).unwrap_or_default();
        for part in middle {
            match part.find(inner) {
                Some(end) => inner = inner.get(end..).unwrap_or_default(),
                None => return false,
            }
        }
        true
    }

    /// The pattern as it was written.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn stars(&self) -> usize {
        self.parts.len() - 1
    }

    /// The bytes that every match begins with.
    pub(super) fn head(&self) -> Vec<u8> {
        let pieces = self.parts.first().into_iter().flat_map(|part| &part.pieces);
        pieces.map_while(|piece| if let Piece::Byte(byte) = piece { Some(*byte) } else { None }).collect()
    }

    /// How many bytes of a match the pattern spells out.
    pub(super) fn spelled(&self) -> usize {
        self.parts.iter().flat_map(|part| &part.pieces).filter(|piece| matches!(piece, Piece::Byte(_))).count()
    }

    /// The rest of the pattern behind a head that it spells out.
    pub(super) fn without_head(&self, head: &[u8]) -> Option<&[u8]> {
        let mut rest = self.text.as_slice();
        for byte in head {
            rest = match rest {
                [b'*' | b'?' | b'[', ..] => return None,
                [b'\\', escaped, after @ ..] if escaped == byte => after,
                [plain, after @ ..] if plain == byte && *plain != b'\\' => after,
                _ => return None,
            };
        }
        Some(rest)
    }
}

/// A pattern that matches exactly these bytes.
pub(super) fn escape(bytes: &[u8]) -> Vec<u8> {
    let special = |byte: u8| matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^' | b'-');
    bytes.iter().flat_map(|byte| special(*byte).then_some(b'\\').into_iter().chain([*byte])).collect()
}

impl Part {
    fn new(pieces: Vec<Piece>) -> Self {
        let literal = pieces.iter().map(|piece| if let Piece::Byte(byte) = piece { Some(*byte) } else { None }).collect();
        Self { pieces, literal }
    }

    fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether the bytes begin with it.
    fn is_at(&self, bytes: &[u8]) -> bool {
        match &self.literal {
            Some(literal) => bytes.starts_with(literal),
            None => bytes.len() >= self.len() && self.pieces.iter().zip(bytes).all(|(piece, byte)| piece.matches(*byte)),
        }
    }

    /// Where its first occurrence ends.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        if self.pieces.is_empty() {
            return Some(0);
        }
        bytes.windows(self.len()).position(|window| self.is_at(window)).map(|start| start + self.len())
    }
}

impl Piece {
    fn matches(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::Any => true,
            Self::Class(bits) => has(bits, byte),
        }
    }
}

fn has(bits: &[u64; 4], byte: u8) -> bool {
    bits.get(usize::from(byte >> 6)).is_some_and(|word| word & (1 << (byte & 63)) != 0)
}

fn set(bits: &mut [u64; 4], byte: u8) {
    if let Some(word) = bits.get_mut(usize::from(byte >> 6)) {
        *word |= 1 << (byte & 63);
    }
}

/// What follows a `[`, read as the server does: a class without an end takes all that is left.
fn class(text: &[u8]) -> (Piece, &[u8]) {
    let (negated, mut rest) = match text.split_first() {
        Some((b'^', after)) => (true, after),
        _ => (false, text),
    };
    let mut bits = [0; 4];
    loop {
        match rest {
            [] => break,
            [b'\\', escaped, after @ ..] => {
                set(&mut bits, *escaped);
                rest = after;
            }
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [from, b'-', to, after @ ..] => {
                for byte in *from.min(to)..=*from.max(to) {
                    set(&mut bits, byte);
                }
                rest = after;
            }
            [byte, after @ ..] => {
                set(&mut bits, *byte);
                rest = after;
            }
        }
    }
    if negated {
        bits = bits.map(|word: u64| !word);
    }
    (Piece::Class(bits), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns, keys, and what a server answers; `tests/scan.rs` asks a real one about more.
    #[test]
    fn patterns_match_as_the_server_matches_them() {
        let table: [(&str, &[&str], &[&str]); 18] = [
            ("*", &["a", "shop:cache:1", "\n"], &[]),
            ("shop:*", &["shop:", "shop:a:b"], &["shop", "xshop:a", "SHOP:a"]),
            ("*:1", &["a:1", ":1"], &["a:2", "a:1x"]),
            ("a*b*c", &["abc", "a-b-c", "abbbcc"], &["acb", "ab", "abcx"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("a?c", &["abc", "a?c", "a*c"], &["ac", "abbc"]),
            ("h[ae]llo", &["hallo", "hello"], &["hillo", "hllo"]),
            ("h[^e]llo", &["hallo", "h^llo"], &["hello"]),
            ("h[a-c]llo", &["hallo", "hcllo"], &["hdllo", "h-llo"]),
            ("h[c-a]llo", &["hbllo"], &["hdllo"]),
            ("h[a\\]]llo", &["h]llo", "hallo"], &["hllo", "h\\llo"]),
            ("h[a\\-c]llo", &["h-llo", "hallo"], &["hbllo"]),
            ("\\*", &["*"], &["a", "\\*"]),
            ("a\\", &["a\\"], &["a"]),
            ("a[bc", &["ab", "ac"], &["a[bc", "ad"]),
            ("[^]", &["a"], &["", "aa"]),
            ("[]a", &[], &["a", "]a"]),
            ("", &[""], &["a"]),
        ];
        for (pattern, matching, others) in table {
            let glob = Glob::new(pattern.as_bytes()).unwrap();
            for key in matching {
                assert!(glob.matches(key.as_bytes()), "{pattern} should match {key}");
            }
            for key in others {
                assert!(!glob.matches(key.as_bytes()), "{pattern} should not match {key}");
            }
        }
    }

    #[test]
    fn an_escaped_text_matches_itself_and_nothing_else() {
        for text in ["shop:", "a*b", "[x]", "\\", "^-", "?"] {
            let glob = Glob::new(&escape(text.as_bytes())).unwrap();
            assert!(glob.matches(text.as_bytes()) && !glob.matches(b"axb") && glob.stars() == 0, "{text}");
        }
    }

    #[test]
    fn hostile_patterns_cost_no_more_than_their_length_times_the_keys() {
        let pattern = "a*".repeat(limits::PATTERN_BYTES / 2 - 1) + "b";
        let glob = Glob::new(pattern.as_bytes()).unwrap();
        let started = std::time::Instant::now();
        assert!(!glob.matches("a".repeat(100_000).as_bytes()));
        assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[test]
    fn a_pattern_passes_at_its_bound_and_fails_past_it() {
        assert!(Glob::new(&vec![b'a'; limits::PATTERN_BYTES]).is_ok());
        assert!(Glob::new(&vec![b'a'; limits::PATTERN_BYTES + 1]).is_err());
    }

    #[test]
    fn the_head_is_what_every_match_begins_with() {
        let head = |pattern: &str| String::from_utf8(Glob::new(pattern.as_bytes()).unwrap().head()).unwrap();
        assert_eq!([head("shop:*"), head("a\\*b*"), head("a?b"), head("*"), head("ab")], ["shop:", "a*b", "a", "", "ab"]);
    }
}
