//! `.dockerignore`, by Docker's rules; pure.
//!
//! Patterns are read from top to bottom and the last one that matches decides; one that matches a folder matches all
//! beneath it. `!` makes an exception, also beneath a folder that is left out. `*` and `?` stop at a slash, `**` does
//! not. A pattern always begins at the context's folder: `*.log` says nothing of `a/b.log`.

/// Bytes of a file of patterns: the longest seen in public repositories have some hundred lines.
pub(super) const FILE_BOUND: u64 = 1 << 20;

/// The patterns of one context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    exception: bool,
    pattern: Pattern,
    /// The folders before the first wildcard: what an exception can match lies beneath or is on the way there.
    fixed: Vec<String>,
    /// There is a wildcard after them.
    open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// `x**`
    Prefix(String),
    /// `**x`
    Suffix(String),
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Star,
    /// `**/`: folders, or none.
    Folders,
    /// `**` at the end.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Ignore {
    /// Reads a file of patterns; the error names the pattern that is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut ignore = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim();
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if line.is_empty() {
                continue;
            }
            if pattern.is_empty() {
                return Err("`!` alone is no pattern".to_owned());
            }
            let cleaned = clean(pattern);
            let relative = if cleaned.len() > 1 { cleaned.strip_prefix('/').unwrap_or(&cleaned) } else { &cleaned };
            ignore.rules.push(Rule::new(exception, relative).map_err(|why| format!("`{line}`: {why}"))?);
        }
        Ok(ignore)
    }

    /// Files that are sent whatever the patterns say: the engine needs them, and leaves them out of the image itself.
    pub(super) fn keep(&mut self, path: &str) {
        if self.leaves_out(path) {
            let fixed = path.split('/').map(str::to_owned).collect();
            self.rules.push(Rule { exception: true, pattern: Pattern::Exact(path.to_owned()), fixed, open: false });
        }
    }

    /// Whether this file or folder (relative, `/` between) does not go into the context.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let mut out = false;
        for rule in self.rules.iter().filter(|rule| !rule.pattern.is_root()) {
            // A rule that would change nothing is not looked at.
            if rule.exception == out && with_parents(path).any(|path| rule.pattern.matches(path)) {
                out = !rule.exception;
            }
        }
        out
    }

    /// Whether something beneath a folder that is left out may be an exception.
    pub(super) fn may_hold_exceptions(&self, folder: &str) -> bool {
        self.rules.iter().filter(|rule| rule.exception).any(|rule| {
            let folders: Vec<&str> = folder.split('/').collect();
            let common = folders.iter().zip(&rule.fixed).take_while(|(a, b)| **a == b.as_str()).count();
            // The folder lies on the way to the exception, or beneath one whose wildcards may reach it.
            common == folders.len() || (rule.open && common == rule.fixed.len())
        })
    }
}

/// The path's parents from the top, then itself.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| path.get(..end).unwrap_or(path)).chain(std::iter::once(path))
}

impl Rule {
    fn new(exception: bool, pattern: &str) -> Result<Self, &'static str> {
        let parts: Vec<&str> = pattern.split('/').collect();
        let wild = |part: &str| part.contains(['*', '?', '[', '\\']);
        let fixed: Vec<String> = parts.iter().take_while(|part| !wild(part)).map(|part| (*part).to_owned()).collect();
        let open = fixed.len() < parts.len();
        Ok(Self { exception, pattern: Pattern::new(pattern)?, fixed, open })
    }
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, &'static str> {
        let parts = parts_of(pattern)?;
        let literal = |parts: &[Part]| -> Option<String> {
            parts.iter().map(|part| if let Part::Literal(letter) = part { Some(*letter) } else { None }).collect()
        };
        if let (Some(text), false) = (literal(&parts), pattern.contains('\\')) {
            return Ok(Self::Exact(text));
        }
        // Docker takes a shortcut for these two, and the shortcut is what people know: `**x` is any name's end.
        let escaped = pattern.contains('\\');
        if let Some((Part::Rest, before)) = parts.split_last()
            && let (Some(text), false) = (literal(before), escaped || before.is_empty())
        {
            return Ok(Self::Prefix(text));
        }
        if let Some((Part::Folders | Part::Rest, after)) = parts.split_first()
            && let (Some(_), false) = (literal(after), escaped)
        {
            return Ok(Self::Suffix(pattern.trim_start_matches("**").to_owned()));
        }
        Ok(Self::Parts(parts))
    }

    /// `.` is the context itself, which is never left out.
    fn is_root(&self) -> bool {
        matches!(self, Self::Exact(text) if text == ".")
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(text) => path == text,
            Self::Prefix(text) => path.starts_with(text.as_str()),
            Self::Suffix(text) => {
                path.ends_with(text.as_str()) || text.strip_prefix('/').is_some_and(|name| !name.is_empty() && path == name)
            }
            Self::Parts(parts) => {
                let letters: Vec<char> = path.chars().collect();
                matches_parts(parts, &letters)
            }
        }
    }
}

/// Which prefixes of the path the parts so far match, part by part: no pattern takes longer than its length times
/// the path's.
fn matches_parts(parts: &[Part], path: &[char]) -> bool {
    let mut reached = vec![true];
    reached.resize(path.len() + 1, false);
    for part in parts {
        let mut carried = false;
        let before = |at: usize| at.checked_sub(1).and_then(|at| path.get(at));
        let next = reached.iter().enumerate().map(|(at, here)| {
            let letter = before(at);
            match part {
                Part::Star => carried = *here || (carried && letter != Some(&'/')),
                Part::Rest => carried |= *here,
                Part::Folders => {
                    let ends_folder = carried && letter == Some(&'/');
                    carried |= *here;
                    return *here || ends_folder;
                }
                Part::One | Part::Literal(_) | Part::Class { .. } => {
                    let matched = carried && letter.is_some_and(|letter| part.takes(*letter));
                    carried = *here;
                    return matched;
                }
            }
            carried
        });
        reached = next.collect();
    }
    reached.last().copied().unwrap_or(false)
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Literal(own) => *own == letter,
            Self::One => letter != '/',
            Self::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated,
            Self::Star | Self::Folders | Self::Rest => false,
        }
    }
}

fn parts_of(pattern: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '*' if letters.next_if_eq(&'*').is_some() => {
                let slash = letters.next_if_eq(&'/').is_some();
                if letters.peek().is_none() && !slash { Part::Rest } else { Part::Folders }
            }
            '*' => Part::Star,
            '?' => Part::One,
            '\\' => Part::Literal(letters.next().ok_or("it ends in a backslash")?),
            '[' => class(&mut letters)?,
            letter => Part::Literal(letter),
        });
    }
    Ok(parts)
}

/// What follows a `[`.
fn class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Part, &'static str> {
    const OPEN: &str = "its `[` is not closed";
    let negated = letters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match letters.next().ok_or(OPEN)? {
            ']' if !ranges.is_empty() => return Ok(Part::Class { negated, ranges }),
            ']' | '-' => return Err("its `[...]` is none"),
            '\\' => letters.next().ok_or(OPEN)?,
            letter => letter,
        };
        let high = if letters.next_if_eq(&'-').is_none() {
            low
        } else {
            match letters.next().ok_or(OPEN)? {
                ']' | '-' => return Err("its `[...]` is none"),
                '\\' => letters.next().ok_or(OPEN)?,
                letter => letter,
            }
        };
        ranges.push((low, high));
    }
}

/// A path without `.`, `//`, a slash at its end, and `..` where a folder goes before.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
#[path = "ignore_tests.rs"]
mod tests;
