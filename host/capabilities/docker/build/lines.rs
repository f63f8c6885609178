//! The instructions of a Dockerfile, one a line, as every version of Docker reads them; pure.
//!
//! What versions read differently is refused: an instruction that one of them sees and we do not could take something
//! from an image that is not looked at.

use super::heredoc;

/// An instruction with its continued lines joined, and the line it begins in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
}

/// What is odd, and where.
pub(super) fn odd(number: usize, what: &str) -> String {
    format!("line {number} of the Dockerfile: {what}")
}

/// All instructions, without comments and the texts that `<<` begins, which the classic builder does not have.
pub(super) fn instructions(text: &str, has_texts: bool) -> Result<Vec<Line>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let escape = escape(&lines)?;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        let (number, begun) = (at + 1, plain(at + 1, first)?.trim_start());
        at += 1;
        if is_silent(begun) {
            continue;
        }
        let mut line = Line { number, text: String::new() };
        let mut is_open = append(&mut line, begun, escape)?;
        while is_open && let Some(next) = lines.get(at) {
            at += 1;
            if !is_silent(next) {
                is_open = append(&mut line, plain(at, next)?, escape)?;
            }
        }
        for end in heredoc::ends(&line)? {
            if !has_texts {
                return Err(odd(number, "texts that begin with `<<` need BuildKit"));
            }
            at += heredoc::length(number, lines.get(at..).unwrap_or_default(), &end, escape)?;
        }
        if !line.text.trim().is_empty() {
            found.push(line);
        }
    }
    Ok(found)
}

/// Comments and empty lines, which do not end what is continued.
pub(super) fn is_silent(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// What of a line counts where it is continued in the next one.
pub(super) fn continued(line: &str, escape: char) -> Option<&str> {
    line.trim_end_matches([' ', '\t']).strip_suffix(escape)
}

fn append(line: &mut Line, part: &str, escape: char) -> Result<bool, String> {
    let begun = continued(part, escape);
    // Docker ends a line with two of them, older readers go on.
    if begun.is_some_and(|begun| begun.ends_with(escape)) {
        return Err(odd(line.number, &format!("a line of it ends with two `{escape}`; write one, or something behind them")));
    }
    line.text.push_str(begun.unwrap_or(part));
    Ok(begun.is_some())
}

/// A line that has no letter which is a space, or the end of a line, for some readers only.
fn plain(number: usize, line: &str) -> Result<&str, String> {
    let is_comment = line.trim_start_matches([' ', '\t']).starts_with('#');
    let is_odd = |letter: &char| (letter.is_whitespace() || *letter == '\0') && ![' ', '\t'].contains(letter);
    match line.chars().find(is_odd).filter(|_| !is_comment) {
        Some(letter) => Err(odd(number, &format!("U+{:04X} is no plain space; write a space, or nothing", u32::from(letter)))),
        None => Ok(line),
    }
}

/// `# escape=`, which counts among the directives of the first lines.
fn escape(lines: &[&str]) -> Result<char, String> {
    let (mut escape, mut is_sure) = (None, true);
    for (at, line) in lines.iter().enumerate() {
        let Some((name, value)) = directive(line).filter(|(name, _)| ["syntax", "check", "escape"].contains(&name.as_str())) else { break };
        plain(at + 1, line.trim_start().trim_start_matches('#'))?;
        match (name.as_str(), value) {
            (_, "") => break,
            ("escape", "\\" | "`") if is_sure && escape.is_none() => escape = value.chars().next(),
            ("escape", _) => return Err(odd(at + 1, "write `escape` once, as `\\` or `` ` ``, and before `check`")),
            // Older versions take no directive after it.
            ("check", _) => is_sure = false,
            _ => {}
        }
    }
    Ok(escape.unwrap_or('\\'))
}

/// `# name=value`
fn directive(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
    Some((name.trim().to_ascii_lowercase(), value.trim()))
}

/// Images that `# syntax=` may name: the reader of all the rest. Versions differ in which of the first comments count.
pub(super) fn readers(text: &str) -> Vec<String> {
    let comments = text.trim_start_matches('\u{feff}').lines().take_while(|line| line.trim_start().starts_with('#'));
    let named = comments.filter_map(directive).filter(|(name, value)| name == "syntax" && !value.is_empty());
    named.map(|(_, value)| value.split(' ').next().unwrap_or(value).to_owned()).collect()
}
