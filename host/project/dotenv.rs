//! `.env` as Docker Compose v2 parses it.
//!
//! Differs from it in three places, each to not run with a value nobody meant: text after a closing
//! quote, a NUL byte, and a key that is empty are errors. Depends on nothing but its arguments.

use std::collections::BTreeMap;

use super::interpolation::{Template, Unset};

/// Bytes of all values together: `B=$A` in many lines must not multiply a long value without end.
const VALUES_BYTES_BOUND: usize = 8 * 1024 * 1024;

/// One variable and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub line: usize,
}

/// What is wrong with which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub line: usize,
    pub message: String,
}

pub type Entries = BTreeMap<String, Entry>;

/// Parses a whole file. `process` answers for the process environment, which wins wherever it is asked.
pub fn parse<'e>(bytes: &[u8], process: &dyn Fn(&str) -> Option<&'e str>) -> Result<Entries, BadLine> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(bad(line_at(bytes, error.valid_up_to()), "not UTF-8")),
    };
    if let Some(nul) = text.find('\0') {
        return Err(bad(line_at(bytes, nul), "a NUL byte"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut entries = Entries::new();
    let mut reader = Reader { rest: &text, line: 1 };
    let mut total = 0;
    while reader.next_statement() {
        let line = reader.line;
        let (key, has_value) = reader.key()?;
        let value = if has_value { Some(reader.value(&entries, process)?) } else { process(&key).map(str::to_owned) };
        // As Compose: a name that begins with a digit can be no variable and is passed over.
        if let Some(value) = value
            && !key.starts_with(|c: char| c.is_ascii_digit())
        {
            total += value.len();
            if total > VALUES_BYTES_BOUND {
                return Err(bad(line, &format!("the values have more than {VALUES_BYTES_BOUND} bytes together")));
            }
            entries.insert(key, Entry { value, line });
        }
    }
    Ok(entries)
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Reader<'t> {
    /// Skips empty lines and comments; false at the end.
    fn next_statement(&mut self) -> bool {
        loop {
            let start = self.rest.len() - self.rest.trim_start().len();
            self.take(start);
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            self.take(self.line_end());
        }
    }

    /// The name before `=` or `:`, and whether there was either; without, the name stands alone on its line.
    fn key(&mut self) -> Result<(String, bool), BadLine> {
        if let Some(after) = self.rest.strip_prefix("export")
            && after.starts_with([' ', '\t'])
        {
            self.rest = after.trim_start_matches([' ', '\t']);
        }
        let line = self.rest.get(..self.line_end()).unwrap_or_default();
        let (key, has_value) = match line.find(['=', ':']) {
            Some(end) => (line.get(..end).unwrap_or_default(), true),
            // A comment may follow a name that stands alone.
            None => (line.split_once(" #").map_or(line, |(key, _)| key), false),
        };
        let name = key.trim_end();
        if name.is_empty() {
            return Err(bad(self.line, "there is no name before the `=`"));
        }
        if let Some(wrong) = name.chars().find(|c| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-' | '[' | ']')) {
            let message = if wrong.is_whitespace() {
                "a name cannot contain a space".to_owned()
            } else {
                format!("`{}` cannot stand in a name", wrong.escape_default())
            };
            return Err(bad(self.line, &message));
        }
        self.take(if has_value { key.len() + 1 } else { line.len() });
        Ok((name.to_owned(), has_value))
    }

    fn value<'e>(&mut self, earlier: &Entries, process: &dyn Fn(&str) -> Option<&'e str>) -> Result<String, BadLine> {
        let line = self.line;
        self.rest = self.rest.trim_start_matches(blank);
        let (text, is_template) = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let text = self.quoted(quote)?;
                if quote == '"' { (expand_escapes(&text), true) } else { (text, false) }
            }
            _ => (self.unquoted(), true),
        };
        if !is_template || !text.contains('$') {
            return Ok(text);
        }
        let lookup = |name: &str| process(name).or_else(|| earlier.get(name).map(|entry| entry.value.as_str()));
        let template = Template::parse(&text).map_err(|malformed| bad(line, &malformed.message))?;
        template.evaluate(&lookup, Unset::IsEmpty).map_err(|unresolved| bad(line, &format!("the value {unresolved}")))
    }

    /// Up to the end of the line or a `#` after a blank.
    fn unquoted(&mut self) -> String {
        let line = self.rest.get(..self.line_end()).unwrap_or_default();
        let mut before = ' ';
        let mut end = line.len();
        for (at, character) in line.char_indices() {
            if character == '#' && matches!(before, ' ' | '\t') {
                end = at;
                break;
            }
            before = character;
        }
        let value = line.get(..end).unwrap_or_default().trim_end().to_owned();
        self.take(line.len());
        value
    }

    /// What stands between quotes, over as many lines as it takes; only a backslash before the quote is taken away.
    fn quoted(&mut self, quote: char) -> Result<String, BadLine> {
        let line = self.line;
        let mut value = String::new();
        let mut escaped = false;
        for (at, character) in self.rest.char_indices().skip(1) {
            if character == quote && !escaped {
                self.take(at + 1);
                self.nothing_follows()?;
                return Ok(value);
            }
            if escaped && character != quote {
                value.push('\\');
            }
            escaped = character == '\\' && !escaped;
            if !escaped {
                value.push(character);
            }
        }
        Err(bad(line, "the quote that begins here is not closed"))
    }

    fn nothing_follows(&mut self) -> Result<(), BadLine> {
        let rest = self.rest.get(..self.line_end()).unwrap_or_default();
        match rest.trim_start_matches(blank).chars().next() {
            None | Some('#') => {
                self.take(rest.len());
                Ok(())
            }
            Some(_) => Err(bad(self.line, "there is text after the closing quote")),
        }
    }

    fn line_end(&self) -> usize {
        self.rest.find('\n').unwrap_or(self.rest.len())
    }

    /// Goes on by `bytes`, counting lines.
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }
}

/// The escapes of a double-quoted value. `\$` becomes `$$`, which interpolation makes a dollar sign of.
fn expand_escapes(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            expanded.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => expanded.push('\n'),
            Some('r') => expanded.push('\r'),
            Some('t') => expanded.push('\t'),
            Some('a') => expanded.push('\u{7}'),
            Some('b') => expanded.push('\u{8}'),
            Some('f') => expanded.push('\u{c}'),
            Some('v') => expanded.push('\u{b}'),
            Some('$') => expanded.push_str("$$"),
            Some('\\') => expanded.push('\\'),
            Some('"') => expanded.push('"'),
            Some('0') => {
                let mut code = 0;
                for _ in 0..3 {
                    let Some(digit) = characters.peek().and_then(|digit| digit.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    characters.next();
                }
                // `\0` alone would be a NUL byte, which no environment can hold.
                expanded.extend(char::from_u32(code).filter(|character| *character != '\0'));
            }
            Some(other) => expanded.extend(['\\', other]),
            None => expanded.push('\\'),
        }
    }
    expanded
}

/// White space within a line.
fn blank(character: char) -> bool {
    character != '\n' && character.is_whitespace()
}

fn bad(line: usize, message: &str) -> BadLine {
    BadLine { line, message: message.to_owned() }
}

fn line_at(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str) -> Option<&'static str> {
        match name {
            "OUTER" => Some("from-process"),
            "BOTH" => Some("process-wins"),
            _ => None,
        }
    }

    fn values(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes(), &process).unwrap().into_iter().map(|(key, entry)| (key, entry.value)).collect()
    }

    fn one(text: &str) -> String {
        let mut all = values(text);
        assert_eq!(all.len(), 1, "{text}: {all:?}");
        all.remove(0).1
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        for (text, expected) in [
            ("A=bar", "bar"),
            ("A =bar", "bar"),
            ("A= bar", "bar"),
            ("  A=bar  ", "bar"),
            ("\tA=bar", "bar"),
            ("export A=bar", "bar"),
            ("export\tA=bar", "bar"),
            ("exportA=bar", "bar"),
            ("A: bar", "bar"),
            ("A: x=y", "x=y"),
            ("A=1:b", "1:b"),
            ("A=b=", "b="),
            ("A=", ""),
            ("A=   ", ""),
            ("A=some words", "some words"),
            ("A=bar # comment", "bar"),
            ("A=bar\t# comment", "bar"),
            ("A=bar#no-comment", "bar#no-comment"),
            ("A= # comment", ""),
            ("A=\"bar#baz\" # comment", "bar#baz"),
            ("A='bar#baz'#comment", "bar#baz"),
            ("A=\"'d'\"", "'d'"),
            ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
            ("A='it\\'s'", "it's"),
            ("A='no \\n escape'", "no \\n escape"),
            ("A='no $OUTER'", "no $OUTER"),
            ("A=\"line\\nnext\\ttab\"", "line\nnext\ttab"),
            ("A=\"\\a\\b\\f\\v\\r\"", "\u{7}\u{8}\u{c}\u{b}\r"),
            ("A=\"\\0101\\q\"", "A\\q"),
            ("A=\"back\\\\slash\"", "back\\slash"),
            ("A=\"first\nsecond\n\"", "first\nsecond\n"),
            ("A='first\nsecond'", "first\nsecond"),
            ("A=\"\"", ""),
            ("A=''", ""),
            ("A=è", "è"),
            ("A.b-c[0]=x", "x"),
            ("\u{feff}A=bar", "bar"),
            ("A=bar\r\n", "bar"),
            ("A=\"x\r\ny\"\r\n", "x\ny"),
            ("# comment\n\n  # another\nA=bar", "bar"),
            ("A=first\nA=second", "second"),
        ] {
            assert_eq!(one(text), expected, "{text:?}");
        }
    }

    #[test]
    fn variables_come_from_the_process_and_from_earlier_lines() {
        for (text, expected) in [
            ("A=$OUTER", "from-process"),
            ("A=${OUTER}/x", "from-process/x"),
            ("A=\"${OUTER}\"", "from-process"),
            ("A=${NONE:-d}", "d"),
            ("A=$NONE", ""),
            ("A=\"cost \\$5 and \\${X}\"", "cost $5 and ${X}"),
            ("A=$$x", "$x"),
        ] {
            assert_eq!(one(text), expected, "{text}");
        }
        let pairs = values("FIRST=1\nBOTH=2\nSECOND=$FIRST$BOTH\nTHIRD=${SECOND}!");
        let of = |name: &str| pairs.iter().find(|(key, _)| key == name).unwrap().1.clone();
        assert_eq!(of("SECOND"), "1process-wins");
        assert_eq!(of("THIRD"), "1process-wins!");
        assert_eq!(of("BOTH"), "2");
    }

    #[test]
    fn a_name_alone_takes_the_process_environment() {
        assert_eq!(values("OUTER\nMISSING\nB=1"), [("B".to_owned(), "1".to_owned()), ("OUTER".to_owned(), "from-process".to_owned())]);
        assert_eq!(values("OUTER"), [("OUTER".to_owned(), "from-process".to_owned())]);
        assert_eq!(values("export OUTER # why"), [("OUTER".to_owned(), "from-process".to_owned())]);
    }

    #[test]
    fn a_value_that_names_its_own_variable_does_not_loop() {
        assert_eq!(values("A=x$A\nA=y$A"), [("A".to_owned(), "yx".to_owned())]);
    }

    #[test]
    fn a_name_that_begins_with_a_digit_is_passed_over() {
        assert!(values("1A=x").is_empty());
    }

    #[test]
    fn lines_are_counted_over_quoted_values() {
        let entries = parse(b"\n# c\nA=\"1\n2\n3\"\nB=x\n\nC='y\nz'\nD=1", &process).unwrap();
        assert_eq!(entries.values().map(|entry| entry.line).collect::<Vec<_>>(), [3, 6, 8, 10]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_with_its_line() {
        for (bytes, line, part) in [
            (&b"A=1\nB=\"open\nC=2"[..], 2, "not closed"),
            (b"A=1\n\n=x", 3, "no name"),
            (b"two words=x", 1, "space"),
            (b"lol$wut", 1, "`$`"),
            (b"A=1\nB=\"x\" y", 2, "after the closing quote"),
            (b"A=${X", 1, "no closing"),
            (b"A=1\nB=${X:?set X}", 2, "`X`, which is not set: set X"),
            (b"A=1\nB=\xff", 2, "UTF-8"),
            (b"A=1\nB=x\0y", 2, "NUL"),
            (b"A=$5", 1, "`$$`"),
        ] {
            let error = parse(bytes, &process).unwrap_err();
            assert_eq!(error.line, line, "{error:?}");
            assert!(error.message.contains(part), "{error:?}");
        }
    }

    #[test]
    fn values_that_multiply_each_other_are_stopped() {
        let doubling = format!("A=xx\n{}", "A=$A$A\n".repeat(100));
        assert!(parse(doubling.as_bytes(), &process).unwrap_err().message.contains("more than"));
        let copies: String = (0..100_000).map(|number| format!("B{number}=$A\n")).collect();
        let error = parse(format!("A={}\n{copies}", "x".repeat(100_000)).as_bytes(), &process).unwrap_err();
        assert!(error.message.contains("together"), "{error:?}");
    }

    #[test]
    fn a_large_file_is_read_in_linear_time() {
        let text = "KEY=\"value $OUTER\" # comment\n".repeat(30_000);
        assert_eq!(values(&text).len(), 1);
        let quoted = format!("A='{}'", "x\n".repeat(500_000));
        assert_eq!(one(&quoted).len(), 1_000_000);
    }
}
