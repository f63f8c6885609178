//! `${X:-default}` in the values of host.toml and `.env`, as Docker Compose reads it.
//!
//! Parsing and evaluating are two steps: a malformed text is an error at once, a variable that is missing
//! only when the value is used. What a variable holds is never interpolated again, so there are no loops.

use std::fmt;

/// How deep `${A:-${B:-...}}` may nest.
const DEPTH_BOUND: usize = 16;
/// Bytes of one result: `$A$A$A` must not multiply a long value without end.
const RESULT_BYTES_BOUND: usize = 1024 * 1024;

/// A text with its variables found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable { name: String, rule: Rule },
}

/// What stands after the name. `empty_too`: the form with a colon, which treats empty as unset.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Plain,
    Default { empty_too: bool, value: Template },
    Required { empty_too: bool, message: Template },
    Alternative { empty_too: bool, value: Template },
}

/// Where a text is malformed (byte offset) and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub at: usize,
    pub message: String,
}

/// Why a text has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// `message` is the text of `${X:?message}`.
    Missing { name: String, empty: bool, message: String },
    /// Longer than [`RESULT_BYTES_BOUND`].
    TooLong,
}

/// What `$X` and `${X}` are when X is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// host.toml: an address that lost a part must not be connected to.
    Fails,
    /// `.env`, as Compose does.
    IsEmpty,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut parser = Parser { text, at: 0 };
        parser.parts(0)
    }

    /// Whether the text is the same whatever the environment holds.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The names of all variables in it, those in defaults included, in order.
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect(&mut names);
        names
    }

    pub fn evaluate<'e>(&self, lookup: &dyn Fn(&str) -> Option<&'e str>, unset: Unset) -> Result<String, Unresolved> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable { name, rule } => text.push_str(&rule.evaluate(name, lookup, unset)?),
            }
            if text.len() > RESULT_BYTES_BOUND {
                return Err(Unresolved::TooLong);
            }
        }
        Ok(text)
    }

    fn collect<'t>(&'t self, names: &mut Vec<&'t str>) {
        for part in &self.parts {
            let Part::Variable { name, rule } = part else { continue };
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
            match rule {
                Rule::Plain => {}
                Rule::Default { value: inner, .. } | Rule::Required { message: inner, .. } | Rule::Alternative { value: inner, .. } => {
                    inner.collect(names);
                }
            }
        }
    }
}

impl Rule {
    fn evaluate<'e>(&self, name: &str, lookup: &dyn Fn(&str) -> Option<&'e str>, unset: Unset) -> Result<String, Unresolved> {
        let found = lookup(name);
        let missing = |empty_too: bool| found.is_none_or(|value| empty_too && value.is_empty());
        let unresolved = |message| Unresolved::Missing { name: name.to_owned(), empty: found.is_some(), message };
        match self {
            Self::Plain if found.is_none() && unset == Unset::Fails => return Err(unresolved(String::new())),
            Self::Default { empty_too, value } if missing(*empty_too) => return value.evaluate(lookup, unset),
            Self::Required { empty_too, message } if missing(*empty_too) => {
                return Err(unresolved(message.evaluate(lookup, Unset::IsEmpty)?));
            }
            Self::Alternative { empty_too, .. } if missing(*empty_too) => return Ok(String::new()),
            Self::Alternative { value, .. } => return value.evaluate(lookup, unset),
            Self::Plain | Self::Default { .. } | Self::Required { .. } => {}
        }
        Ok(found.unwrap_or_default().to_owned())
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, empty, message } => {
                write!(out, "needs `{name}`, which is {}", if *empty { "empty" } else { "not set" })?;
                if message.is_empty() { Ok(()) } else { write!(out, ": {message}") }
            }
            Self::TooLong => write!(out, "has more than {RESULT_BYTES_BOUND} bytes with its variables"),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    /// Up to the end, or inside braces up to the closing one (which is left to the caller).
    fn parts(&mut self, depth: usize) -> Result<Template, Malformed> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        while let Some(next) = self.peek() {
            match next {
                '}' if depth > 0 => break,
                '$' => {
                    let variable = self.dollar(depth)?;
                    match variable {
                        Part::Text(text) => literal.push_str(&text),
                        Part::Variable { .. } => {
                            if !literal.is_empty() {
                                parts.push(Part::Text(std::mem::take(&mut literal)));
                            }
                            parts.push(variable);
                        }
                    }
                }
                other => {
                    literal.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Template { parts })
    }

    fn dollar(&mut self, depth: usize) -> Result<Part, Malformed> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Part::Text("$".to_owned()))
            }
            Some('{') => {
                self.at += 1;
                self.braced(start, depth + 1)
            }
            _ => match self.name() {
                Some(name) => Ok(Part::Variable { name, rule: Rule::Plain }),
                None => Err(malformed(start, "`$` begins a variable; write `$$` for a dollar sign")),
            },
        }
    }

    fn braced(&mut self, start: usize, depth: usize) -> Result<Part, Malformed> {
        if depth > DEPTH_BOUND {
            return Err(malformed(start, &format!("`${{` is nested more than {DEPTH_BOUND} deep")));
        }
        let name = self.name().ok_or_else(|| malformed(start, "`${` must be followed by a variable's name"))?;
        let empty_too = self.eat(':');
        let operator = self.peek();
        let rule = match operator {
            Some('-' | '?' | '+') => {
                self.at += 1;
                let value = self.parts(depth)?;
                match operator {
                    Some('-') => Rule::Default { empty_too, value },
                    Some('?') => Rule::Required { empty_too, message: value },
                    _ => Rule::Alternative { empty_too, value },
                }
            }
            Some('}') if !empty_too => Rule::Plain,
            None => Rule::Plain,
            Some(_) => return Err(malformed(start, &format!("after `${{{name}` only `}}`, `:-`, `-`, `:?`, `?`, `:+` and `+` are known"))),
        };
        if self.eat('}') { Ok(Part::Variable { name, rule }) } else { Err(malformed(start, &format!("`${{{name}` has no closing `}}`"))) }
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..)?;
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).map(str::to_owned)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }
}

fn malformed(at: usize, message: &str) -> Malformed {
    Malformed { at, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "SET" => Some("value"),
            "EMPTY" => Some(""),
            "TRICKY" => Some("${SET} $$ }"),
            _ => None,
        }
    }

    fn evaluated(text: &str) -> Result<String, Unresolved> {
        Template::parse(text).unwrap().evaluate(&lookup, Unset::Fails)
    }

    #[test]
    fn every_form_means_what_compose_says() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$SET", "value"),
            ("${SET}", "value"),
            ("a${SET}b$SET.c", "avaluebvalue.c"),
            ("$$SET $$", "$SET $"),
            ("${UNSET:-d}", "d"),
            ("${UNSET-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${SET:-d}", "value"),
            ("${SET:?e}", "value"),
            ("${EMPTY?e}", ""),
            ("${SET:+a}", "a"),
            ("${SET+a}", "a"),
            ("${EMPTY:+a}", ""),
            ("${EMPTY+a}", "a"),
            ("${UNSET+a}", ""),
            ("${UNSET:-${SET}}", "value"),
            ("${UNSET:-${ALSO:-${SET:+deep}}}!", "deep!"),
            ("${UNSET:-}", ""),
            ("${UNSET:-a:-b?c}", "a:-b?c"),
            ("${UNSET:-postgres://u:p@h/d}", "postgres://u:p@h/d"),
            ("}", "}"),
            ("${TRICKY}", "${SET} $$ }"),
        ] {
            assert_eq!(evaluated(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_message() {
        for (text, expected) in [
            ("${UNSET}", "needs `UNSET`, which is not set"),
            ("x $UNSET", "needs `UNSET`, which is not set"),
            ("${UNSET?}", "needs `UNSET`, which is not set"),
            ("${EMPTY:?set it to ${SET}}", "needs `EMPTY`, which is empty: set it to value"),
        ] {
            assert_eq!(evaluated(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_result_is_bounded() {
        let long = "x".repeat(RESULT_BYTES_BOUND / 2);
        let with = |text: &str| Template::parse(text).unwrap().evaluate(&|_| Some(&long), Unset::Fails);
        assert_eq!(with("$A$A").map(|text| text.len()), Ok(RESULT_BYTES_BOUND));
        assert_eq!(with("$A${A}x"), Err(Unresolved::TooLong));
        assert_eq!(with(&"$A".repeat(100_000)), Err(Unresolved::TooLong));
    }

    #[test]
    fn a_missing_variable_is_empty_in_a_dotenv_file() {
        let template = Template::parse("a${UNSET}b").unwrap();
        assert_eq!(template.evaluate(&lookup, Unset::IsEmpty).as_deref(), Ok("ab"));
    }

    #[test]
    fn malformed_texts_are_refused_where_they_go_wrong() {
        for (text, at) in [
            ("${", 0),
            ("a${X", 1),
            ("${X:-", 0),
            ("${X:-${Y}", 0),
            ("a$", 1),
            ("$5", 0),
            ("${}", 0),
            ("${X:}", 0),
            ("${X!y}", 0),
            ("${1X}", 0),
            ("$ x", 0),
        ] {
            assert_eq!(Template::parse(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }

    #[test]
    fn nesting_is_refused_past_its_bound_and_not_at_it() {
        let nested = |depth: usize| format!("{}x{}", "${A:-".repeat(depth), "}".repeat(depth));
        assert_eq!(evaluated(&nested(DEPTH_BOUND)).as_deref(), Ok("x"));
        assert!(Template::parse(&nested(DEPTH_BOUND + 1)).is_err());
        assert!(Template::parse(&nested(100_000)).is_err());
    }

    #[test]
    fn variables_are_listed_with_those_in_defaults() {
        assert_eq!(Template::parse("${A:-${B}} $C $A").unwrap().variables(), ["A", "B", "C"]);
    }
}
