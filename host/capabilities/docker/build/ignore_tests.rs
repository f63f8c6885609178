//! What `.dockerignore` leaves out, as Docker's documentation and the engine's own rules say.

use super::*;

/// Patterns; paths that are left out; paths that stay.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

#[test]
fn patterns_leave_out_what_docker_leaves_out() {
    let cases: [Case; 40] = [
        ("", &[], &["a", ".env"]),
        // The examples of the documentation.
        (
            "# comment\n*/temp*\n*/*/temp*\ntemp?",
            &["somedir/temporary.txt", "somedir/temp", "somedir/subdir/temporary.txt", "tempa", "tempb"],
            &["temp", "temporary", "a/b/c/temp"],
        ),
        ("*.md\n!README.md", &["a.md"], &["README.md", "b/a.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", &["README-secret.md", "x.md"], &["README.md", "README-a.md"]),
        ("*.md\nREADME-secret.md\n!README*.md", &["x.md"], &["README.md", "README-secret.md"]),
        ("**/*.go", &["a.go", "a/b.go", "a/b/c.go"], &["a.gox", "go"]),
        ("*\n!src", &["a", "b/c"], &["src", "src/a", "src/a/b"]),
        // Beginnings, ends, spaces, comments.
        ("/foo/bar", &["foo/bar", "foo/bar/baz"], &["foo", "a/foo/bar"]),
        ("foo/bar", &["foo/bar"], &["a/foo/bar"]),
        ("./foo", &["foo"], &["a/foo"]),
        ("foo/", &["foo", "foo/a"], &["foobar"]),
        ("foo/../bar", &["bar"], &["foo"]),
        ("../foo", &[], &["foo"]),
        ("  foo  \n\n\tbar\t", &["foo", "bar"], &[" foo"]),
        ("a b", &["a b"], &["a", "b"]),
        ("#foo\n #bar", &["#bar"], &["#foo", "foo"]),
        ("\u{feff}foo", &["foo"], &[]),
        ("foo\r\nbar\r\n", &["foo", "bar"], &[]),
        (".", &[], &["a", "a/b"]),
        // A folder takes all beneath it with it.
        ("node_modules", &["node_modules", "node_modules/a/b.js"], &["a/node_modules", "node_modules2"]),
        ("**/node_modules", &["node_modules", "a/node_modules", "a/b/node_modules/c"], &["xnode_modules", "a/node_modules2"]),
        // `**` in its places.
        ("**", &["a", "a/b", ".x"], &[]),
        ("**/", &["a", "a/b"], &[]),
        ("a/**", &["a/b", "a/b/c"], &["a", "ab"]),
        ("a**", &["a", "ab", "ab/c"], &["b"]),
        ("**foo", &["foo", "afoo", "a/bfoo"], &["foob"]),
        ("**/foo/bar", &["foo/bar", "x/foo/bar", "x/y/foo/bar/z"], &["foo", "xfoo/bar"]),
        ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a", "b", "a/xb"]),
        ("**/a/**", &["a/b", "x/a/b"], &["a", "x/a"]),
        ("a/**/*.txt", &["a/b.txt", "a/x/y/b.txt"], &["b.txt", "a/b.md"]),
        // Wildcards stop at a slash; classes and escapes.
        ("a*c", &["ac", "abc"], &["a/c", "abd"]),
        ("a?c", &["abc", "aéc"], &["ac", "a/c", "abbc"]),
        ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
        ("[^a-c]x", &["dx"], &["ax"]),
        ("[ab-]x", &[], &[]),
        ("\\*", &["*"], &["a"]),
        ("a.b+(c)|{d}$", &["a.b+(c)|{d}$"], &["axb+(c)|{d}$"]),
        // Exceptions: the last that matches decides, also beneath a folder that is left out.
        ("a\n!a/b\na/b/c", &["a", "a/x", "a/b/c", "a/b/c/d"], &["a/b", "a/b/d"]),
        ("docs\n!docs/README.md", &["docs", "docs/a"], &["docs/README.md"]),
        ("!a\na", &["a"], &["b"]),
    ];
    for (text, out, kept) in cases {
        if text == "[ab-]x" {
            assert!(Ignore::parse(text).is_err(), "{text}");
            continue;
        }
        let ignore = Ignore::parse(text).unwrap();
        for path in out {
            assert!(ignore.leaves_out(path), "{text:?} keeps {path:?}: {ignore:?}");
        }
        for path in kept {
            assert!(!ignore.leaves_out(path), "{text:?} leaves out {path:?}: {ignore:?}");
        }
    }
}

#[test]
fn what_is_no_pattern_is_named() {
    for text in ["[", "a[", "[]a]", "[a-]x", "!", "a\\"] {
        let error = Ignore::parse(&format!("fine\n{text}\n")).unwrap_err();
        assert!(error.contains(text.trim()), "{text}: {error}");
    }
}

#[test]
fn what_is_needed_is_kept_whatever_the_patterns_say() {
    let mut ignore = Ignore::parse("*\n**/Dockerfile*").unwrap();
    ignore.keep("docker/Dockerfile");
    ignore.keep(".dockerignore");
    assert!(!ignore.leaves_out("docker/Dockerfile"));
    assert!(!ignore.leaves_out(".dockerignore"));
    assert!(ignore.leaves_out("docker"));
    assert!(ignore.may_hold_exceptions("docker"));
    assert!(!ignore.may_hold_exceptions("other"));
}

#[test]
fn a_folder_that_is_left_out_is_looked_into_only_where_an_exception_may_be() {
    let cases: [(&str, &str, bool); 10] = [
        ("a", "a", false),
        ("a\n!a/b/c", "a", true),
        ("a\n!a/b/c", "a/b", true),
        ("a\n!a/b/c", "a/x", false),
        ("a\n!ab", "a", false),
        ("a\n!**/keep", "a/b", true),
        ("a\n!a/*/keep", "a/b", true),
        ("a\n!a/*/keep", "b", false),
        ("*\n!src", "node_modules", false),
        ("*\n!src", "src", true),
    ];
    for (text, folder, expected) in cases {
        assert_eq!(Ignore::parse(text).unwrap().may_hold_exceptions(folder), expected, "{text:?} {folder}");
    }
}

#[test]
fn a_pattern_of_many_stars_is_answered_at_once() {
    let ignore = Ignore::parse(&format!("{}b", "a*".repeat(200))).unwrap();
    let started = std::time::Instant::now();
    assert!(!ignore.leaves_out(&"a".repeat(4000)));
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}
