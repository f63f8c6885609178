//! What `.env` files mean.

use std::collections::BTreeMap;

use super::*;

fn read(text: &str) -> Vec<(String, String)> {
    let lookup = |name: &str| (name == "HOME").then(|| "/users".to_owned());
    parse(".env", text.as_bytes(), &BTreeMap::new(), &lookup).unwrap().variables.into_iter().collect()
}

fn one(line: &str) -> String {
    read(line).pop().unwrap().1
}

#[test]
fn quotes_comments_and_spaces_are_compose_s() {
    for (line, value) in [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("A: b", "b"),
        ("export A=b", "b"),
        ("A=b c # comment", "b c"),
        ("A=b#c", "b#c"),
        ("A=# comment", ""),
        ("A=", ""),
        ("A='b # $HOME \\n'", "b # $HOME \\n"),
        ("A=\"b\\tc\\\"d\"", "b\tc\"d"),
        ("A=\"$HOME/x\" # comment", "/users/x"),
        ("A=$HOME/${NONE:-y}", "/users/y"),
        ("A=\"\\$HOME\"", "$HOME"),
        ("A=$$5", "$5"),
        ("A=\"one\ntwo\"\n", "one\ntwo"),
        ("A='it\\'s'", "it's"),
        ("A=\"\\0101\"", "A"),
        ("A=x=y", "x=y"),
        ("A=windows\r\n", "windows"),
    ] {
        assert_eq!(one(line), value, "{line}");
    }
}

#[test]
fn later_lines_use_earlier_ones_and_names_alone_take_the_environment() {
    let pairs = read("# first\n\nB=1\nC=${B}2\nHOME\nNOTHERE\n1X=3\n");
    let expected = [("B", "1"), ("C", "12"), ("HOME", "/users")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(pairs, expected);
}

#[test]
fn mistakes_are_told_with_their_line_and_without_their_value() {
    let fails = |text: &str| parse(".env", text.as_bytes(), &BTreeMap::new(), &|_| None).unwrap_err().to_string();
    assert_eq!(fails("A=1\nB C=2\n"), ".env:2:1: `B C...` does not begin with a variable's name");
    assert_eq!(fails("A=1\n\nSECRET=\"abc\n"), ".env:3:1: the quoted value of `SECRET` has no end");
    assert_eq!(fails("A='1' # one\nSECRET=\"abc\"d\n"), ".env:2:1: there is more behind the quoted value of `SECRET`");
    assert_eq!(fails("A=${B:?needed}\n"), ".env:1:1: the variable `B` is required and has no value: needed");
}

#[test]
fn the_raw_form_takes_lines_as_they_are() {
    let lookup = |name: &str| (name == "HOME").then(|| "/users".to_owned());
    let out = parse_raw("raw.env", b"# no\nA='x' # $HOME\nHOME\nNONE\n", &lookup).unwrap();
    let expected = [("A", "'x' # $HOME"), ("HOME", "/users")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(out.variables.into_iter().collect::<Vec<_>>(), expected);
}
