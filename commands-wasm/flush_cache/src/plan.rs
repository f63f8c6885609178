//! Which keys are meant: what is granted, `--prefix`, and what is spared.

use host_sdk::redis::Scope;

use crate::class::{Class, Heads, Match, classify};
use crate::segment::Segments;

/// What a walk looks at, and how it tells keys apart.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Redis' glob of the keys that are meant.
    pub(crate) pattern: Vec<u8>,
    pub(crate) heads: Heads,
    pub(crate) segments: Segments,
    include: Vec<Class>,
}

impl Plan {
    pub(crate) fn new(prefix: Option<&[u8]>, scope: &Scope, include: &[Class]) -> Self {
        let begins = scope.patterns.iter().map(|pattern| literal_begin(pattern));
        let heads: Vec<Vec<u8>> = begins.map(|(begin, _)| begin).chain(prefix.map(<[u8]>::to_vec)).collect();
        let mut pattern = prefix.map(escaped).unwrap_or_default();
        pattern.push(b'*');
        Self { pattern, segments: Segments::new(&heads), heads: Heads::new(heads), include: include.to_vec() }
    }

    /// What the key is by its name; none is cache.
    #[inline]
    pub(crate) fn class_of(&self, key: &[u8]) -> Option<Match> {
        classify(key, &self.heads)
    }

    pub(crate) fn includes(&self, class: Class) -> bool {
        self.include.contains(&class)
    }
}

/// Text that stands for itself in Redis' globs.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(text.len() + 1);
    for byte in text {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern
}

/// What every key begins with that such a glob matches, and the rest of the glob.
fn literal_begin(pattern: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut begin = Vec::new();
    let mut rest = pattern;
    loop {
        match rest {
            [b'*' | b'?' | b'[', ..] | [] => return (begin, rest),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                begin.push(*byte);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(patterns: &[&str]) -> Scope {
        Scope { patterns: patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect(), whole_database: false }
    }

    #[test]
    fn a_prefix_stands_for_itself() {
        let pattern = |prefix: &str| Plan::new(Some(prefix.as_bytes()), &scope(&["*"]), &[]).pattern;
        assert_eq!(pattern("shop:"), b"shop:*");
        assert_eq!(pattern("a*[b]?\\"), b"a\\*\\[b\\]\\?\\\\*");
        assert_eq!(Plan::new(None, &scope(&["*"]), &[]).pattern, b"*");
    }

    #[test]
    fn what_a_glob_begins_with_is_known_up_to_its_first_wildcard() {
        let table: [(&str, &str, &str); 6] = [
            ("shop:*", "shop:", "*"),
            ("*", "", "*"),
            ("a\\*b*", "a*b", "*"),
            ("a[bc]", "a", "[bc]"),
            ("a?", "a", "?"),
            ("abc", "abc", ""),
        ];
        for (pattern, begin, rest) in table {
            assert_eq!(literal_begin(pattern.as_bytes()), (begin.as_bytes().to_vec(), rest.as_bytes()), "{pattern}");
        }
    }

    #[test]
    fn a_class_that_is_named_is_not_spared() {
        let spares = |include: &[Class], key: &str| {
            let plan = Plan::new(None, &scope(&["*"]), include);
            plan.class_of(key.as_bytes()).map(|found| found.class).filter(|class| !plan.includes(*class))
        };
        assert_eq!(spares(&[], "rq:queues"), Some(Class::Rq));
        assert_eq!(spares(&[Class::Rq], "rq:queues"), None);
        assert_eq!(spares(&[Class::Rq], "sess:1"), Some(Class::Sessions));
    }
}
