//! `.env` files as Compose reads them.
//!
//! `KEY=value`, also `KEY: value` and `export KEY=value`; a name alone takes the value of the environment. Without
//! quotes a value ends at ` #` or the line; in single quotes it is literal, in double quotes escapes and line breaks
//! count; variables are filled in except in single quotes. The raw form knows neither quotes nor variables.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Place};
use crate::interpolate::error as template_error;
use crate::template::substitute;

/// What a project without `.env` gets it from, in the order they are looked for.
pub const SAMPLES: [&str; 8] =
    [".env.sample", ".env.example", ".env.template", ".env.dist", "env.sample", "sample.env", "env.example", "example.env"];

/// As large as a Compose file may be.
const MAX_BYTES: usize = 4 << 20;

/// What a file said: its variables in order of their names, the names alone in a line that have no value, and the names
/// without a value that it used.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DotEnv {
    pub variables: BTreeMap<String, String>,
    pub removed: BTreeSet<String>,
    pub unset: Vec<String>,
}

/// Reads a file's text. `before` is what other files said, and `lookup` the environment, which wins over both when a
/// variable is filled in.
///
/// # Errors
/// With file and line, for a name that is none, a quote without an end, a required variable without a value.
pub fn parse(
    file: &str,
    bytes: &[u8],
    before: &BTreeMap<String, String>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<DotEnv, Error> {
    let text = text(file, bytes)?;
    let mut reader = Reader { file, whole: text, rest: text, before, lookup, out: DotEnv::default() };
    reader.all()?;
    Ok(reader.out)
}

/// Reads the raw form: each line a `KEY=value` taken as it is, or a name.
///
/// # Errors
/// With file and line, for a name that is none.
pub fn parse_raw(file: &str, bytes: &[u8], lookup: &dyn Fn(&str) -> Option<String>) -> Result<DotEnv, Error> {
    let mut out = DotEnv::default();
    for (index, line) in text(file, bytes)?.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(Error::new(format!("`{name}` is not a variable's name")).at(&Place {
                file: file.into(),
                line: line_number(index),
                column: 1,
            }));
        }
        match value.map(str::to_owned).or_else(|| lookup(name)) {
            Some(value) => drop(out.variables.insert(name.to_owned(), value)),
            None => drop(out.removed.insert(name.to_owned())),
        }
    }
    Ok(out)
}

fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, Error> {
    let start = || Place::start(file);
    if bytes.len() > MAX_BYTES {
        return Err(Error::new(format!("larger than {} MiB", MAX_BYTES >> 20)).at(&start()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Error::new("not UTF-8").at(&start()))?;
    Ok(text.trim_start_matches('\u{feff}'))
}

fn line_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

struct Reader<'a> {
    file: &'a str,
    whole: &'a str,
    rest: &'a str,
    before: &'a BTreeMap<String, String>,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    out: DotEnv,
}

impl<'a> Reader<'a> {
    fn all(&mut self) -> Result<(), Error> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() {
                return Ok(());
            }
            if self.rest.starts_with('#') {
                self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            self.statement()?;
        }
    }

    fn statement(&mut self) -> Result<(), Error> {
        let place = self.place();
        if let Some(rest) = self.rest.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])) {
            self.rest = rest.trim_start_matches([' ', '\t']);
        }
        let end = self.rest.find(['=', ':', '\n']).unwrap_or(self.rest.len());
        let name = self.rest.get(..end).unwrap_or_default().trim();
        let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-' | '[' | ']');
        if name.is_empty() || !name.chars().all(allowed) {
            let line = self.rest.lines().next().unwrap_or_default();
            return Err(Error::new(format!("`{}` does not begin with a variable's name", shortened(line)))
                .at(&place)
                .hint("write NAME=value"));
        }
        let separator = self.rest.get(end..).and_then(|rest| rest.chars().next());
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        let value = match separator {
            Some('=' | ':') => Some(self.value(name, &place)?),
            _ => (self.lookup)(name),
        };
        // Compose passes over names that begin with a digit.
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            return Ok(());
        }
        match value {
            Some(value) => drop(self.out.variables.insert(name.to_owned(), value)),
            None => drop(self.out.removed.insert(name.to_owned())),
        }
        Ok(())
    }

    fn value(&mut self, name: &str, place: &Place) -> Result<String, Error> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\u{b}', '\u{c}']);
        let Some(quote) = self.rest.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            let value = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default() };
            return self.filled(value.trim_end(), place);
        };
        let body = self.rest.get(1..).unwrap_or_default();
        let Some((text, rest)) = quoted(body, quote) else {
            return Err(Error::new(format!("the quoted value of `{name}` has no end")).at(place));
        };
        let more = rest.lines().next().unwrap_or_default().trim_start();
        if !more.is_empty() && !more.starts_with('#') {
            return Err(Error::new(format!("there is more behind the quoted value of `{name}`")).at(place));
        }
        self.rest = rest;
        if quote == '\'' { Ok(text) } else { self.filled(&unescaped(&text), place) }
    }

    fn filled(&mut self, text: &str, place: &Place) -> Result<String, Error> {
        let Self { before, lookup, out, .. } = self;
        let find = |name: &str| lookup(name).or_else(|| out.variables.get(name).cloned()).or_else(|| before.get(name).cloned());
        substitute(text, &find, &mut out.unset).map_err(|fault| template_error(fault).at(place))
    }

    fn place(&self) -> Place {
        let read = self.whole.len().saturating_sub(self.rest.len());
        let lines = self.whole.bytes().take(read).filter(|byte| *byte == b'\n').count();
        Place { file: self.file.into(), line: line_number(lines), column: 1 }
    }
}

/// A line may hold a secret: enough of it to find it.
fn shortened(line: &str) -> String {
    let name: String = line.chars().take_while(|letter| !matches!(letter, '=' | '\'' | '"')).take(40).collect();
    if name.len() < line.len() { format!("{}...", name.trim_end()) } else { name }
}

/// The text up to the closing quote, of which only escapes of that quote are undone, and what follows.
fn quoted(body: &str, quote: char) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut escaped = false;
    for (at, letter) in body.char_indices() {
        match letter {
            _ if letter == quote && !escaped => return Some((text, body.get(at + 1..)?)),
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            _ if escaped && letter != quote => text.push('\\'),
            _ => {}
        }
        escaped = false;
        text.push(letter);
    }
    None
}

/// `\n`, `\t`, `\"`, `\0101` and the like; `\$` becomes `$$`, which stays a dollar sign when variables are filled in.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut letters = after.chars();
        let (known, skip) = match letters.next() {
            Some('a') => ("\u{7}", 1),
            Some('b') => ("\u{8}", 1),
            Some('f') => ("\u{c}", 1),
            Some('n') => ("\n", 1),
            Some('r') => ("\r", 1),
            Some('t') => ("\t", 1),
            Some('v') => ("\u{b}", 1),
            Some('"') => ("\"", 1),
            Some('\\') => ("\\", 1),
            Some('$') => ("$$", 1),
            _ => ("", 0),
        };
        if skip == 1 {
            out.push_str(known);
            rest = after.get(1..).unwrap_or_default();
        } else if let Some((letter, after)) = octal(after) {
            out.push(letter);
            rest = after;
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// `0123`: three octal digits after a zero.
fn octal(text: &str) -> Option<(char, &str)> {
    let digits = text.strip_prefix('0')?.get(..3)?;
    let value = u8::from_str_radix(digits, 8).ok()?;
    Some((char::from(value), text.get(4..)?))
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
