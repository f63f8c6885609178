//! When one file or environment pattern covers another.
//!
//! Decided by their text alone: equal, everything (`**`), everything beneath a folder (`folder/**`), or,
//! for environment names, a shorter prefix. What is wider in a less obvious way does not count, so a
//! grant is never taken for more than a reader of host.toml sees in it. A grant that names one file is
//! obvious: it is compared with whatever glob asks for it, and only such a grant gives a `.env`.

use std::ffi::OsStr;
use std::path::Path;

use globset::GlobBuilder;

use super::FileGrant;

/// Whether all that `ask` names is inside `grant`. Write covers read.
pub(super) fn file_covers(grant: &FileGrant, ask: &FileGrant) -> bool {
    grant.access >= ask.access && path_covers(&grant.pattern, &ask.pattern) && gives(grant, &ask.pattern)
}

/// What is permitted of an ask by one grant, if that is one pattern.
pub(crate) fn file_common(grant: &FileGrant, ask: &FileGrant) -> Option<FileGrant> {
    let pattern = match literal(&grant.pattern) {
        Some(path) if is_asked(&path, &ask.pattern) => plain(&grant.pattern),
        _ => narrower(&grant.pattern, &ask.pattern, path_covers).filter(|pattern| gives(grant, pattern))?,
    };
    Some(FileGrant { pattern: pattern.to_owned(), access: grant.access.min(ask.access) })
}

/// The one path that a pattern names; none when it has a wildcard that does not stand for itself, as `[*]` does.
pub(crate) fn literal(pattern: &str) -> Option<String> {
    let mut path = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once(WILD) {
        path.push_str(before);
        let mut letters = rest.get(before.len()..)?.chars();
        let (Some('['), Some(letter), Some(']')) = (letters.next(), letters.next(), letters.next()) else { return None };
        if !WILD.contains(&letter) {
            return None;
        }
        path.push(letter);
        rest = after.get(2..)?;
    }
    Some(path + rest)
}

/// The pattern that names exactly this path: the other way round.
pub(crate) fn escaped(path: &str) -> String {
    path.chars().map(|letter| if WILD.contains(&letter) { format!("[{letter}]") } else { letter.to_string() }).collect()
}

/// `.env` and its variants (`.env.local`) hold secrets, wherever they lie.
pub(crate) fn is_secret(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name == ".env" || name.starts_with(".env.")
}

const WILD: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// Whether a glob asks for this one path. An absolute one is asked for by absolute globs only.
fn is_asked(path: &str, ask: &str) -> bool {
    let ask = plain(ask);
    let path = plain(path);
    let glob = || GlobBuilder::new(ask).literal_separator(true).build().is_ok_and(|glob| glob.compile_matcher().is_match(path));
    path.starts_with('/') == ask.starts_with('/') && !path.split('/').any(|part| part == "..") && glob()
}

/// Of a secret only the grant that names it exactly is a consent.
fn gives(grant: &FileGrant, pattern: &str) -> bool {
    literal(&grant.pattern).is_some() || !literal(pattern).is_some_and(|path| is_secret(Path::new(&path)))
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
    fn a_file_that_is_granted_by_its_name_is_given_to_whatever_glob_asks_for_it() {
        for (granted, asked, expected) in [
            ("data/x.csv", "data/*.csv", true),
            ("./data/x.csv", "data/*.csv", true),
            ("data/x.txt", "data/*.csv", false),
            ("sub/deep/c.yml", "*/c.yml", false),
            ("backend/.env", "**", true),
            (".env.prod", ".env*", true),
            (".env.[{]x[}]", "**", true),
            ("../x", "**", false),
            ("/etc/passwd", "**", false),
            ("/srv/x/.env", "/srv/**", true),
        ] {
            assert_eq!(file_common(&grant(granted, Write), &grant(asked, Read)).is_some(), expected, "{granted} for {asked}");
        }
        assert_eq!(file_common(&grant("./data/x.csv", Write), &grant("data/*.csv", Read)), Some(grant("data/x.csv", Read)));
    }

    #[test]
    fn a_glob_gives_no_secret_by_whatever_name_it_is_asked_for() {
        for glob in ["**", ".env*", "sub/**", "sub/.env[.]local"] {
            for asked in [".env", "sub/.env.local"] {
                let (granted, asked) = (grant(glob, Write), grant(asked, Read));
                assert!(!file_covers(&granted, &asked) && file_common(&granted, &asked).is_none(), "{glob} for {asked:?}");
            }
        }
        assert!(file_covers(&grant(".env", Write), &grant(".env", Read)));
        assert!(file_covers(&grant("**", Read), &grant("**", Read)), "which covers no secret either");
    }

    #[test]
    fn a_pattern_is_literal_when_its_wildcards_stand_for_themselves() {
        for (pattern, expected) in
            [("a/b", Some("a/b")), ("a[*]b", Some("a*b")), ("[[]1[]].csv", Some("[1].csv")), ("a*", None), ("[ab]", None), ("[a]", None)]
        {
            assert_eq!(literal(pattern).as_deref(), expected, "{pattern}");
        }
        let odd = r"a*?[]{}\b";
        assert_eq!(literal(&escaped(odd)).as_deref(), Some(odd));
        assert!(is_asked(odd, &escaped(odd)), "as the matcher reads it");
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
