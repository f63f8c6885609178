//! Python's `fnmatch`, character for character: case-sensitive, the whole text, `*` also over dots and line ends.
//!
//! `?` is one character, `[seq]` one of these, `[!seq]` none of these; a `[` that is never closed stands for itself,
//! and a range that runs backwards is left out. There is no way to quote. A match looks at each place of the text at
//! most once for each part between two stars, and at no text shorter than the pattern needs: hostile patterns are not slow.

/// A pattern, read once and matched against many texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What stands between the stars; one part means that there is no star.
    parts: Vec<Vec<Piece>>,
    /// Characters that a text has at least.
    least: usize,
}

/// Matches one character.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Any,
    One(char),
    /// Ranges in their order, none touching another's inside.
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    pub fn new(pattern: &str) -> Self {
        let pattern: Vec<char> = pattern.chars().collect();
        let mut parts = vec![Vec::new()];
        let mut rest = pattern.as_slice();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let piece = match first {
                '*' => {
                    // Several stars are one.
                    if parts.len() == 1 || parts.last().is_some_and(|part| !part.is_empty()) {
                        parts.push(Vec::new());
                    }
                    continue;
                }
                '?' => Piece::Any,
                '[' => match closing(after) {
                    Some(end) => {
                        rest = after.get(end + 1..).unwrap_or_default();
                        set(after.get(..end).unwrap_or_default())
                    }
                    None => Piece::One('['),
                },
                other => Piece::One(*other),
            };
            if let Some(part) = parts.last_mut() {
                part.push(piece);
            }
        }
        let least = parts.iter().map(Vec::len).sum();
        Self { parts, least }
    }

    /// Whether it matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        // Bytes are at least as many as characters: a short text is refused without being taken apart.
        if text.len() < self.least {
            return false;
        }
        let text: Vec<char> = text.chars().collect();
        let (Some((first, rest)), true) = (self.parts.split_first(), text.len() >= self.least) else { return false };
        let Some((last, middle)) = rest.split_last() else {
            return text.len() == first.len() && stands_at(first, &text);
        };
        let end = text.len() - last.len();
        if !stands_at(first, &text) || !stands_at(last, text.get(end..).unwrap_or_default()) {
            return false;
        }
        let mut place = first.len();
        for part in middle {
            // The leftmost place is as good as any other: what follows may begin anywhere after it.
            let Some(found) = (place..=end.saturating_sub(part.len())).find(|at| stands_at(part, text.get(*at..end).unwrap_or_default()))
            else {
                return false;
            };
            place = found + part.len();
        }
        place <= end
    }

    /// Whether it can match one text only, and which: nothing in it is special.
    pub fn literal(&self) -> Option<String> {
        let [only] = self.parts.as_slice() else { return None };
        only.iter().map(|piece| if let Piece::One(one) = piece { Some(*one) } else { None }).collect()
    }
}

fn stands_at(part: &[Piece], text: &[char]) -> bool {
    text.len() >= part.len() && part.iter().zip(text).all(|(piece, one)| piece.matches(*one))
}

impl Piece {
    fn matches(&self, one: char) -> bool {
        match self {
            Self::Any => true,
            Self::One(own) => *own == one,
            Self::Set { negated, ranges } => {
                let before = ranges.partition_point(|(from, _)| *from <= one);
                let inside = before.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|(_, to)| one <= *to);
                inside != *negated
            }
        }
    }
}

/// Where a set's `]` stands: one directly after `[` or `[!` is part of the set.
fn closing(after: &[char]) -> Option<usize> {
    let mut start = usize::from(after.first() == Some(&'!'));
    start += usize::from(after.get(start) == Some(&']'));
    after.iter().skip(start).position(|one| *one == ']').map(|place| place + start)
}

/// The set between `[` and `]`, as Python makes a regular expression's set of it.
fn set(stuff: &[char]) -> Piece {
    let chunks = chunks(stuff);
    let mut tokens: Vec<Token> = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        if index > 0 {
            tokens.push(Token::Hyphen);
        }
        tokens.extend(chunk.iter().map(|one| Token::One(*one)));
    }
    let negated = tokens.first() == Some(&Token::One('!'));
    let mut tokens = tokens.get(usize::from(negated)..).unwrap_or_default();
    let mut ranges = Vec::new();
    while let Some((token, after)) = tokens.split_first() {
        tokens = after;
        let Token::One(from) = token else {
            // Only at the very beginning: there it stands for itself.
            ranges.push(('-', '-'));
            continue;
        };
        match after {
            [Token::Hyphen, Token::One(to), rest @ ..] => {
                ranges.push((*from, *to));
                tokens = rest;
            }
            _ => ranges.push((*from, *from)),
        }
    }
    Piece::Set { negated, ranges: merged(ranges) }
}

fn merged(mut ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    ranges.sort_unstable();
    let mut merged: Vec<(char, char)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    merged
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    One(char),
    /// One that makes a range.
    Hyphen,
}

/// Parts of a set between the hyphens that make ranges; ranges that run backwards are gone, with both their ends.
fn chunks(stuff: &[char]) -> Vec<Vec<char>> {
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut start = 0;
    let mut from = if stuff.first() == Some(&'!') { 2 } else { 1 };
    while let Some(found) = stuff.iter().skip(from).position(|one| *one == '-') {
        let hyphen = from + found;
        chunks.push(stuff.get(start..hyphen).unwrap_or_default().to_vec());
        start = hyphen + 1;
        from = hyphen + 3;
    }
    let rest = stuff.get(start..).unwrap_or_default();
    match chunks.last_mut() {
        Some(last) if rest.is_empty() => last.push('-'),
        _ => chunks.push(rest.to_vec()),
    }
    for index in (1..chunks.len()).rev() {
        let backwards = match (chunks.get(index - 1).and_then(|chunk| chunk.last()), chunks.get(index).and_then(|chunk| chunk.first())) {
            (Some(from), Some(to)) => from > to,
            _ => false,
        };
        if backwards {
            let after = chunks.remove(index);
            if let Some(before) = chunks.get_mut(index - 1) {
                before.pop();
                before.extend(after.into_iter().skip(1));
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn patterns_match_what_pythons_fnmatch_matches() {
        // Made with Python 3.11: `fnmatch.fnmatchcase(text, pattern)`.
        let table = [
            ("", &[""][..], &["a", "b", "c", "d", "e"][..]),
            ("*", &["", "a", "b", "c", "d"][..], &[][..]),
            ("?", &["a", "b", "c", "d", "e"][..], &["", "ax", "bx", "ab", "aa"][..]),
            ("411b261.*", &["411b261.production", "411b261."][..], &["b", "*", ".", "bx", "ab"][..]),
            ("*.production", &["411b261.production", "x.production"][..], &["c", "d", "*", ".", "a.c"][..]),
            ("*prod*", &["411b261.production", "x.production", "x.production\n", "a.production.b"][..], &["d", "*", "", "a", "b"][..]),
            ("a?c", &["a.c", "abc", "a\nc"][..], &["a", "c", "?", "ax", "ab"][..]),
            ("[abc]", &["a", "b", "c"][..], &["[", "]", "ax", "bx", "ab"][..]),
            ("[!abc]", &["d", "e", "x", "z", "-"][..], &["a", "b", "c", "ax", "bx"][..]),
            ("[a-c]x", &["ax", "bx"][..], &["a", "c", "x", "-", "["][..]),
            ("[c-a]", &[][..], &["a", "c", "-", "[", "]"][..]),
            ("[!c-a]", &["a", "b", "c", "d", "e"][..], &["ax", "ab", "aa", "ba", "[a"][..]),
            ("[", &["["][..], &["[a", "[]", "[!]", "", "a"][..]),
            ("[a", &["[a"][..], &["a", "[", "ax", "ab", "aa"][..]),
            ("[]", &["[]"][..], &["[", "]", "[a", "[!]", ""][..]),
            ("[!]", &["[!]"][..], &["!", "[", "]", "[a", "[]"][..]),
            ("[]]", &["]"][..], &["[", "[a", "[]", "[!]", ""][..]),
            ("[!]]", &["a", "b", "c", "d", "e"][..], &["]", "[a", "[]", "[!]", ""][..]),
            ("[]a]", &["a", "]"][..], &["[", "ax", "ab", "aa", "ba"][..]),
            ("[]-a]", &["a", "]", "^"][..], &["-", "[", "ax", "ab", "aa"][..]),
            ("[--0]", &["-", ".", "0", "/"][..], &["[", "]", "[a", "[]", "[!]"][..]),
            ("[a-]", &["a", "-"][..], &["[", "]", "ax", "ab", "aa"][..]),
            ("[-a]", &["a", "-"][..], &["[", "]", "ax", "ab", "aa"][..]),
            ("[!-a]", &["b", "c", "d", "e", "x"][..], &["a", "-", "ax", "ab", "aa"][..]),
            ("[z-a!]", &["a", "b", "c", "d", "e"][..], &["ax", "ab", "aa", "ba", "[a"][..]),
            ("[z-a!b]", &["a", "c", "d", "e", "x"][..], &["b", "ax", "bx", "ab", "aa"][..]),
            ("[z-a!-c]", &["a", "b", "d", "e", "x"][..], &["c", "-", "ax", "ab", "aa"][..]),
            ("[a-c-e]", &["a", "b", "c", "e", "-"][..], &["[", "]", "ax", "ab", "aa"][..]),
            ("[^a]", &["a", "^"][..], &["[", "]", "ax", "ab", "aa"][..]),
            ("[[]", &["["][..], &["]", "[a", "[]", "[!]", ""][..]),
            ("[*]", &["*"][..], &["[", "]", "[a", "[]", "[!]"][..]),
            ("[?]", &["?"][..], &["[", "]", "[a", "[]", "[!]"][..]),
            ("[\\]", &["\\"][..], &["[", "]", "[a", "[]", "a\\"][..]),
            ("a\\*", &["a\\x", "a\\"][..], &["a", "*", "\\", "ax", "ab"][..]),
            ("A", &["A"][..], &["", "a", "b", "c", "d"][..]),
            ("**a**b**", &["abc", "ab", "aab", "aba", "abba"][..], &["a", "b", "*", "ax", "bx"][..]),
            ("*a*b", &["ab", "aab", "a.production.b", "éab"][..], &["a", "b", "*", "ax", "bx"][..]),
            ("a*a", &["aa", "aba", "abba"][..], &["a", "*", "ax", "ab", "ba"][..]),
            ("ab*ba", &["abba"][..], &["a", "b", "*", "ax", "bx"][..]),
            ("[&|~]", &["&", "|"][..], &["[", "]", "[a", "[]", "[!]"][..]),
            ("*.*", &[".", "a.c", "411b261.production", "411b261.", "411B261.x"][..], &["*", "", "a", "b", "c"][..]),
            ("é?", &["éa"][..], &["?", "é", "éab", "", "a"][..]),
        ];
        for (pattern, matched, unmatched) in table {
            let read = Pattern::new(pattern);
            for text in matched {
                assert!(read.matches(text), "{pattern:?} does not match {text:?}");
            }
            for text in unmatched {
                assert!(!read.matches(text), "{pattern:?} matches {text:?}");
            }
        }
    }

    #[test]
    fn hostile_patterns_are_not_slow() {
        let text = "a".repeat(255);
        let patterns =
            ["*".repeat(5000), "*a".repeat(127) + "*b", "a*".repeat(2500), format!("*{}", "[a-z]*".repeat(250)), "[".repeat(5000), wide()];
        let started = Instant::now();
        let matched = patterns.each_ref().map(|pattern| {
            let pattern = Pattern::new(pattern);
            (0..100).filter(|_| pattern.matches(&text)).count()
        });
        assert_eq!(matched, [100, 0, 0, 100, 0, 0]);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    /// Many sets of thousands of characters, none of them `a`.
    fn wide() -> String {
        let set: String = ('\u{4e00}'..'\u{5a00}').collect();
        format!("*[{set}]").repeat(20)
    }

    #[test]
    fn only_a_pattern_without_anything_special_is_literal() {
        assert_eq!(Pattern::new("411b261.production").literal().as_deref(), Some("411b261.production"));
        assert_eq!(Pattern::new("a[").literal().as_deref(), Some("a["));
        for pattern in ["a*", "?", "[a]", "[!]a]"] {
            assert_eq!(Pattern::new(pattern).literal(), None, "{pattern}");
        }
    }
}
