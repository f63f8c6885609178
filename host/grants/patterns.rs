//! When one file or environment pattern covers another.
//!
//! Decided by their text alone: equal, everything (`**`), everything beneath a folder (`folder/**`), or,
//! for environment names, a shorter prefix. What is wider in a less obvious way does not count, so a
//! grant is never taken for more than a reader of host.toml sees in it.

use super::FileGrant;

/// Whether all that `ask` names is inside `grant`. Write covers read.
pub(super) fn file_covers(grant: &FileGrant, ask: &FileGrant) -> bool {
    grant.access >= ask.access && path_covers(&grant.pattern, &ask.pattern)
}

/// What both name, if that is one pattern. Neither covering the other is taken for nothing in common.
pub(super) fn file_common(one: &FileGrant, other: &FileGrant) -> Option<FileGrant> {
    let narrower = narrower(&one.pattern, &other.pattern, path_covers)?;
    Some(FileGrant { pattern: narrower.to_owned(), access: one.access.min(other.access) })
}

/// `A_*` covers `A_B` and `A_B_*`; `*` covers all.
pub(super) fn env_covers(grant: &str, ask: &str) -> bool {
    match grant.strip_suffix('*') {
        Some(prefix) => ask.strip_suffix('*').unwrap_or(ask).starts_with(prefix),
        None => grant == ask,
    }
}

pub(super) fn env_common<'p>(one: &'p str, other: &'p str) -> Option<&'p str> {
    narrower(one, other, env_covers)
}

fn path_covers(grant: &str, ask: &str) -> bool {
    let (grant, ask) = (plain(grant), plain(ask));
    if grant == ask {
        return true;
    }
    // `a/**` must not cover `a/../b`; absolute paths are their own world.
    if ask.split('/').any(|part| part == "..") {
        return false;
    }
    if grant == "**" {
        return !ask.starts_with('/');
    }
    grant.strip_suffix("/**").is_some_and(|folder| ask.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}

fn narrower<'p>(one: &'p str, other: &'p str, covers: impl Fn(&str, &str) -> bool) -> Option<&'p str> {
    if covers(one, other) {
        Some(other)
    } else if covers(other, one) {
        Some(one)
    } else {
        None
    }
}

fn plain(pattern: &str) -> &str {
    pattern.strip_prefix("./").unwrap_or(pattern)
}

#[cfg(test)]
mod tests {
    use super::super::FileAccess::{self, Read, Write};
    use super::*;

    fn grant(pattern: &str, access: FileAccess) -> FileGrant {
        FileGrant { pattern: pattern.to_owned(), access }
    }

    #[test]
    fn a_file_grant_covers_what_is_equal_or_beneath() {
        for (granted, asked, expected) in [
            ("migrations/**", "migrations/**", true),
            ("**", "migrations/**", true),
            ("**", "a.txt", true),
            ("migrations/**", "migrations/app/*.sql", true),
            ("./migrations/**", "migrations/**", true),
            ("/srv/**", "/srv/data/x", true),
            ("migrations/app/**", "migrations/**", false),
            ("migrations/**", "migrations", false),
            ("migrations/**", "migrations-old/x", false),
            ("migrations/*", "migrations/a", false),
            ("migrations/**", "migrations/../host.toml", false),
            ("**", "../x", false),
            ("**", "/etc/passwd", false),
            ("*", "a", false),
            ("/**", "/etc/passwd", true),
        ] {
            assert_eq!(file_covers(&grant(granted, Read), &grant(asked, Read)), expected, "{granted} covers {asked}");
        }
    }

    #[test]
    fn write_covers_read_and_not_the_other_way() {
        assert!(file_covers(&grant("a", Write), &grant("a", Read)));
        assert!(!file_covers(&grant("a", Read), &grant("a", Write)));
    }

    #[test]
    fn what_two_file_patterns_share_is_the_narrower_with_the_weaker_access() {
        assert_eq!(file_common(&grant("a/**", Write), &grant("a/b/**", Read)), Some(grant("a/b/**", Read)));
        assert_eq!(file_common(&grant("a/b", Read), &grant("**", Write)), Some(grant("a/b", Read)));
        assert_eq!(file_common(&grant("a/**", Read), &grant("b/**", Read)), None);
    }

    #[test]
    fn an_environment_prefix_covers_longer_ones() {
        for (granted, asked, expected) in [
            ("A", "A", true),
            ("A_*", "A_B", true),
            ("A_*", "A_*", true),
            ("A_*", "A_B_*", true),
            ("*", "A_*", true),
            ("A_B", "A_*", false),
            ("A_B_*", "A_*", false),
            ("A", "AB", false),
        ] {
            assert_eq!(env_covers(granted, asked), expected, "{granted} covers {asked}");
        }
    }
}
