//! All that can grow is bounded: at the bound it works, past it it is an error.

use super::{options, try_files};
use crate::Error;

fn load(text: &str) -> Result<(), Error> {
    try_files(&[("compose.yaml", text)], &options()).map(|_| ())
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let error = load(text).unwrap_err();
    assert!(error.message.contains(why), "{error}");
    assert!(error.place.is_some());
}

#[test]
fn nesting() {
    // The list stands at depth 1, its innermost element at 64.
    let nested = |levels: usize| format!("services: {{a: {{image: x}}}}\nx-deep: {}{}\n", "[".repeat(levels), "]".repeat(levels));
    assert!(load(&nested(64)).is_ok());
    refused(&nested(65), "nested deeper than 64 levels");
    refused(&nested(100_000), "");
}

#[test]
fn nesting_by_aliases() {
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    refused(&format!("x-a: &a {deep}\nx-b: {}*a{}\n", "[".repeat(40), "]".repeat(40)), "nested deeper than 64 levels");
}

#[test]
fn nodes() {
    let many = |nodes: usize| format!("services: {{a: {{image: x}}}}\nx-many: [{}]\n", "a,".repeat(nodes));
    assert!(load(&many(99_000)).is_ok());
    refused(&many(100_001), "more than 100000 nodes");
}

#[test]
fn alias_bombs() {
    let mut bomb = "x-0: &x0 [a,a,a,a,a,a,a,a,a,a]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*x{}", level - 1); 10].join(",");
        bomb.push_str(&format!("x-{level}: &x{level} [{aliases}]\n"));
    }
    refused(&bomb, "more than 100000 nodes");
}

#[test]
fn bytes() {
    let padded = |bytes: usize| {
        let text = "services: {a: {image: x}}\n";
        format!("{text}#{}", "x".repeat(bytes - text.len() - 1))
    };
    assert!(load(&padded(4 << 20)).is_ok());
    refused(&padded((4 << 20) + 1), "larger than 4 MiB");
}

#[test]
fn copies_by_extends() {
    let mut text = "services:\n  base:\n    image: x\n    labels:\n".to_owned();
    for label in 0..2_000 {
        text.push_str(&format!("      l{label}: v\n"));
    }
    let services = |count: usize| (0..count).map(|service| format!("  s{service}: {{extends: base}}\n")).collect::<String>();
    assert!(load(&format!("{text}{}", services(20))).is_ok());
    refused(&format!("{text}{}", services(600)), "more than 1000000 nodes in all files");
}

#[test]
fn chains_of_extends() {
    let chain = |length: usize| {
        let links: String = (0..length).map(|link| format!("  s{link}: {{extends: s{}}}\n", link + 1)).collect();
        format!("services:\n{links}  s{length}: {{image: x}}\n")
    };
    assert!(load(&chain(50)).is_ok());
    refused(&chain(60), "services extend one another");
}

#[test]
fn depth_of_includes_and_number_of_files() {
    let includes = |depth: usize| {
        let mut files = vec![("compose.yaml".to_owned(), "include: [f0.yaml]\n".to_owned())];
        files.extend((0..depth).map(|at| (format!("f{at}.yaml"), format!("include: [f{}.yaml]\n", at + 1))));
        files.push((format!("f{depth}.yaml"), "services: {a: {image: x}}\n".to_owned()));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        try_files(&files, &options()).map(|_| ())
    };
    assert!(includes(19).is_ok());
    assert!(includes(20).unwrap_err().message.contains("deeper than 20 files"));
    let all = |count: usize| {
        let listed: String = (0..count).map(|at| format!("  - d/{at}.yaml\n")).collect();
        let mut files = vec![("compose.yaml".to_owned(), format!("include:\n{listed}services: {{a: {{image: x}}}}\n"))];
        files.extend((0..count).map(|at| (format!("d/{at}.yaml"), format!("networks: {{n{at}: }}\n"))));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        try_files(&files, &options()).map(|_| ())
    };
    assert!(all(490).is_ok());
    assert!(all(501).unwrap_err().message.contains("more than 500 files"));
}
