//! The images that instructions take something from, so that another project's cannot be one of them; pure.
//!
//! `FROM`, `COPY --from`, `ADD --from` and `RUN --mount=from=` name images or stages; variables come from `ARG`s before
//! the first `FROM` and from the build's arguments. `# syntax=` names the image of a program that reads the rest, and
//! could do anything.

use std::collections::{BTreeSet, HashMap};

/// What instructions refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct References {
    /// Images that a step begins with or copies from.
    pub(super) images: BTreeSet<String>,
    /// The image of the instructions' own reader.
    pub(super) syntax: Option<String>,
}

/// Reads instructions; an error names what cannot be understood. `platform` (`linux/arm64/v8`) is what the builder
/// builds on and for, where it tells instructions of it.
pub(super) fn of(text: &str, arguments: &[(String, String)], platform: Option<&str>) -> Result<References, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = References { syntax: syntax(text), ..References::default() };
    if let Some((_, reader)) = arguments.iter().find(|(name, _)| name == "BUILDKIT_SYNTAX") {
        found.syntax = Some(reader.clone());
    }
    let given: HashMap<&str, &str> = arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut variables = platform.map(platform_variables).unwrap_or_default();
    let mut stages: Vec<String> = Vec::new();
    let mut is_first = true;
    for line in instructions(text) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        // What is put off to a later build is an instruction as well.
        let (word, rest) = match word.eq_ignore_ascii_case("onbuild") {
            true => rest.trim().split_once(char::is_whitespace).unwrap_or((rest, "")),
            false => (word, rest),
        };
        match word.to_ascii_uppercase().as_str() {
            "ARG" if is_first => {
                for pair in words(rest) {
                    let (name, default) = pair.split_once('=').map_or((pair.as_str(), None), |(name, value)| (name, Some(value)));
                    let value = match (given.get(name), default) {
                        (Some(given), _) => (*given).to_owned(),
                        (None, Some(default)) => expand(default, &variables)?,
                        (None, None) => continue,
                    };
                    variables.insert(name.to_owned(), value);
                }
            }
            "FROM" => {
                is_first = false;
                let parts: Vec<String> = words(rest).into_iter().filter(|part| !part.starts_with("--")).collect();
                let Some(image) = parts.first() else { continue };
                let image = expand(image, &variables)?;
                if !stages.iter().any(|stage| stage.eq_ignore_ascii_case(&image)) && image != "scratch" {
                    found.images.insert(image);
                }
                let named = parts.get(1).filter(|word| word.eq_ignore_ascii_case("as")).and(parts.get(2));
                stages.push(named.cloned().unwrap_or_default());
            }
            "COPY" | "ADD" | "RUN" => {
                for from in sources(rest) {
                    let from = expand(&from, &variables)?;
                    let is_stage = stages.iter().any(|stage| stage.eq_ignore_ascii_case(&from)) || from.parse::<usize>().is_ok();
                    if !is_stage && !from.is_empty() && from != "scratch" {
                        found.images.insert(from);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `# syntax=docker/dockerfile:1`, which counts only among the comments of the first lines.
fn syntax(text: &str) -> Option<String> {
    let comments = text.lines().map(str::trim).take_while(|line| line.starts_with('#') || line.starts_with("//"));
    comments.filter_map(|line| line.trim_start_matches(['#', '/']).split_once('=')).find_map(|(name, value)| {
        let image = value.split_whitespace().next().unwrap_or_default();
        (name.trim().eq_ignore_ascii_case("syntax") && !image.is_empty()).then(|| image.to_owned())
    })
}

/// Instructions with their continued lines joined, without comments.
fn instructions(text: &str) -> Vec<String> {
    let backtick = text.lines().map(str::trim).take_while(|line| line.starts_with('#')).any(|line| {
        line.trim_start_matches('#')
            .split_once('=')
            .is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`")
    });
    let escape = if backtick { '`' } else { '\\' };
    let mut joined = Vec::new();
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.starts_with('#') && !part.is_empty()) {
        match part.strip_suffix(escape) {
            Some(begun) => line.push_str(begun),
            None => {
                line.push_str(part);
                joined.push(std::mem::take(&mut line));
            }
        }
    }
    joined.push(line);
    joined.retain(|line| !line.trim().is_empty());
    joined
}

/// What the flags before an instruction's arguments take something from: `--from=x`, `--mount=type=bind,from=x`.
fn sources(rest: &str) -> Vec<String> {
    let flags = words(rest).into_iter().take_while(|word| word.starts_with("--"));
    flags
        .filter_map(|flag| {
            if let Some(from) = flag.strip_prefix("--from=") {
                return Some(from.to_owned());
            }
            let mount = flag.strip_prefix("--mount=")?;
            mount.split(',').find_map(|part| part.trim_matches('"').strip_prefix("from=").map(str::to_owned))
        })
        .collect()
}

/// Words, without their quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    for letter in text.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => (quote, begun) = (Some(letter), true),
            (letter, None) if letter.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (letter, _) => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// `$X`, `${X}`, `${X:-default}`, `${X:+other}`, and the same without the colon.
fn expand(text: &str, variables: &HashMap<String, String>) -> Result<String, String> {
    let Some((before, after)) = text.split_once('$') else { return Ok(text.to_owned()) };
    let unknown = || format!("the image `{text}` cannot be told");
    let (value, rest) = match after.strip_prefix('{') {
        Some(braced) => {
            let end = closing(braced).ok_or_else(unknown)?;
            let (inside, rest) = (braced.get(..end).unwrap_or_default(), braced.get(end + 1..).unwrap_or_default());
            (braced_value(inside, variables).ok_or_else(unknown)??, rest)
        }
        None => {
            let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(after.len());
            let (name, rest) = after.split_at(end);
            if name.is_empty() {
                return Err(unknown());
            }
            (variables.get(name).cloned().unwrap_or_default(), rest)
        }
    };
    Ok(format!("{before}{value}{}", expand(rest, variables)?))
}

/// Where the brace that was opened ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, letter)| {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// None for forms that are not understood.
fn braced_value(inside: &str, variables: &HashMap<String, String>) -> Option<Result<String, String>> {
    let end = inside.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(inside.len());
    let (name, form) = inside.split_at(end);
    let value = variables.get(name).cloned();
    let filled = value.clone().filter(|value| !value.is_empty());
    if let Some(default) = form.strip_prefix(":-") {
        return Some(filled.map_or_else(|| expand(default, variables), Ok));
    }
    if let Some(default) = form.strip_prefix('-') {
        return Some(value.map_or_else(|| expand(default, variables), Ok));
    }
    if let Some(other) = form.strip_prefix(":+") {
        return Some(filled.map_or_else(|| Ok(String::new()), |_| expand(other, variables)));
    }
    if let Some(other) = form.strip_prefix('+') {
        return Some(value.map_or_else(|| Ok(String::new()), |_| expand(other, variables)));
    }
    if form.is_empty() { Some(Ok(value.unwrap_or_default())) } else { None }
}

/// What instructions may use without declaring it.
fn platform_variables(platform: &str) -> HashMap<String, String> {
    let mut parts = platform.splitn(3, '/');
    let [os, arch, variant] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let named = [("PLATFORM", platform), ("OS", os), ("ARCH", arch), ("VARIANT", variant)];
    let both = named.into_iter().flat_map(|(name, value)| [(format!("TARGET{name}"), value), (format!("BUILD{name}"), value)]);
    both.map(|(name, value)| (name, value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str, arguments: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let arguments: Vec<_> = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        of(text, &arguments, Some("linux/amd64")).map(|found| found.images.into_iter().collect())
    }

    #[test]
    fn images_are_found_wherever_instructions_name_them() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
        let cases: [Case; 19] = [
            ("FROM scratch\nCOPY . /", &[], &[]),
            ("from python:3.12-slim", &[], &["python:3.12-slim"]),
            ("FROM --platform=$BUILDPLATFORM node:20 AS build\nFROM build\nCOPY --from=build /a /b", &[], &["node:20"]),
            ("FROM a AS One\nFROM b\nCOPY --from=one . .\nCOPY --from=0 . .\nCOPY --chown=1 --from=c:1 . .", &[], &["a", "b", "c:1"]),
            ("FROM a\nRUN --mount=type=cache,target=/x --mount=type=bind,from=other/img,target=/y make", &[], &["a", "other/img"]),
            ("FROM a\nADD --from=x / /", &[], &["a", "x"]),
            ("FROM a\nONBUILD COPY --from=late / /", &[], &["a", "late"]),
            ("ARG BASE=python:3\nFROM ${BASE}", &[], &["python:3"]),
            ("ARG BASE=python:3\nFROM $BASE-slim", &[("BASE", "other:1")], &["other:1-slim"]),
            ("ARG V\nFROM python:${V:-3.12}", &[], &["python:3.12"]),
            ("ARG V=\"3 \"\nARG W=x${V:+y}\nFROM a:${W}", &[], &["a:xy"]),
            ("ARG A=${B:-${C:-deep}}\nFROM $A", &[], &["deep"]),
            ("FROM \\\n  # a comment\n\n  long/name:1 \\\n AS x", &[], &["long/name:1"]),
            ("# escape=`\nFROM `\n  c", &[], &["c"]),
            ("FROM a\nCOPY <<EOF /x\nFROM hidden\nEOF", &[], &["a", "hidden"]),
            ("FROM a\nRUN echo --from=no", &[], &["a"]),
            ("\u{feff}FROM a", &[], &["a"]),
            ("FROM x AS base-amd64\nFROM base-${TARGETARCH}", &[], &["x"]),
            ("FROM $TARGETOS/$BUILDARCH", &[], &["linux/amd64"]),
        ];
        for (text, arguments, expected) in cases {
            assert_eq!(images(text, arguments), Ok(expected.iter().map(|image| (*image).to_owned()).collect()), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for text in ["ARG X=1\nFROM ${X%1}", "FROM ${X", "FROM a$"] {
            let error = images(text, &[]).unwrap_err();
            assert!(error.contains("cannot be told"), "{text}: {error}");
        }
    }

    #[test]
    fn a_reader_of_its_own_is_found() {
        for (text, arguments, expected) in [
            ("# syntax=docker/dockerfile:1\nFROM a", vec![], Some("docker/dockerfile:1")),
            ("#  Syntax = mine:2 \nFROM a", vec![], Some("mine:2")),
            ("FROM a\n# syntax=late", vec![], None),
            ("FROM a", vec![("BUILDKIT_SYNTAX".to_owned(), "mine".to_owned())], Some("mine")),
        ] {
            assert_eq!(of(text, &arguments, None).unwrap().syntax.as_deref(), expected, "{text}");
        }
    }
}
