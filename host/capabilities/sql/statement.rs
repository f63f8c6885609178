//! What a statement is, as far as its tokens tell: for messages, routing and a second layer of refusal.
//!
//! The first layer is the database's own (read-only transactions, roles, SQLite's authorizer). This lexer knows
//! Postgres' strings, escapes, dollar quotes, nested comments and quoted names, and fails closed on what is unfinished.

use super::error::invalid;
use super::types::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word, in lower case.
    Word(String),
    /// `"name"` or `U&"name"`, unquoted.
    Name(String),
    /// Any kind of string, dollar quotes included.
    Text,
    /// A number, a parameter.
    Other,
    /// One character of punctuation or of an operator.
    Mark(char),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Bytes of the text.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// How a dialect's text differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// All tokens of a text without comments and white space.
pub(super) fn tokens(text: &str, dialect: Dialect) -> Result<Vec<Token>, Error> {
    let mut lexer = Lexer { text, at: 0, dialect };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Option<Token>, Error> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let kind = match first {
            '\'' => self.quoted('\'', false).map(|_| Kind::Text)?,
            '"' => Kind::Name(self.quoted('"', false)?),
            '`' if self.dialect == Dialect::Sqlite => Kind::Name(self.quoted('`', false)?),
            '[' if self.dialect == Dialect::Sqlite => Kind::Name(self.bracketed()?),
            '$' => self.dollar()?,
            _ if is_name_start(first) => self.word()?,
            _ if first.is_ascii_digit() => self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'),
            _ => {
                self.at += first.len_utf8();
                Kind::Mark(first)
            }
        };
        Ok(Some(Token { kind, start, end: self.at }))
    }

    /// White space and comments; Postgres' block comments nest.
    fn skip_blank(&mut self) -> Result<(), Error> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}' || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed
                    .find(['\n', '\r'])
                    .filter(|_| self.dialect == Dialect::Postgres)
                    .or_else(|| trimmed.find('\n'))
                    .unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn block_comment(&mut self) -> Result<(), Error> {
        let mut depth = 0_u32;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") && (depth == 0 || self.dialect == Dialect::Postgres) {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
            } else if self.dialect == Dialect::Sqlite {
                return Ok(());
            } else {
                return Err(invalid("the statement ends inside a comment"));
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// From the quote at `at` to its end; doubled quotes are one quote, backslashes escape when `escapes`.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, Error> {
        let mut content = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((index, c)) = characters.next() {
            if c == quote {
                if characters.next_if(|(_, next)| *next == quote).is_none() {
                    self.at += index + c.len_utf8();
                    return Ok(content);
                }
            } else if c == '\\' && escapes {
                characters.next();
            }
            content.push(c);
        }
        Err(invalid("the statement ends inside quotes"))
    }

    fn bracketed(&mut self) -> Result<String, Error> {
        let rest = self.rest();
        let end = rest.find(']').ok_or_else(|| invalid("the statement ends inside quotes"))?;
        self.at += end + 1;
        Ok(rest.get(1..end).unwrap_or_default().to_owned())
    }

    /// A word, or a string or name with a prefix: `E'..'`, `B'..'`, `X'..'`, `N'..'`, `U&'..'`, `U&".."`.
    fn word(&mut self) -> Result<Kind, Error> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let postgres = self.dialect == Dialect::Postgres;
        match (bytes.first(), bytes.get(1), bytes.get(2)) {
            (Some(b'e' | b'E'), Some(b'\''), _) if postgres => {
                self.at += 1;
                return self.quoted('\'', true).map(|_| Kind::Text);
            }
            (Some(b'b' | b'B' | b'x' | b'X' | b'n' | b'N'), Some(b'\''), _) => {
                self.at += 1;
                return self.quoted('\'', false).map(|_| Kind::Text);
            }
            (Some(b'u' | b'U'), Some(b'&'), Some(b'\'')) if postgres => {
                self.at += 2;
                return self.quoted('\'', false).map(|_| Kind::Text);
            }
            (Some(b'u' | b'U'), Some(b'&'), Some(b'"')) if postgres => {
                self.at += 2;
                return self.quoted('"', false).map(|name| Kind::Name(unescaped(&name)));
            }
            _ => {}
        }
        let end = rest.find(|c: char| !is_name_part(c)).unwrap_or(rest.len());
        self.at += end;
        Ok(Kind::Word(rest.get(..end).unwrap_or_default().to_ascii_lowercase()))
    }

    /// `$1`, or Postgres' `$tag$ ... $tag$`.
    fn dollar(&mut self) -> Result<Kind, Error> {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        if self.dialect == Dialect::Sqlite || after.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            return Ok(self.take_while(is_name_part));
        }
        let tag = after
            .find('$')
            .and_then(|end| after.get(..end))
            .filter(|tag| tag.chars().all(|c| c == '_' || c.is_alphanumeric() || !c.is_ascii()));
        let Some(tag) = tag else {
            self.at += 1;
            return Ok(Kind::Mark('$'));
        };
        let delimiter = format!("${tag}$");
        let body = rest.get(delimiter.len()..).unwrap_or_default();
        let end = body.find(&delimiter).ok_or_else(|| invalid("the statement ends inside a dollar quote"))?;
        self.at += end + 2 * delimiter.len();
        Ok(Kind::Text)
    }

    fn take_while(&mut self, part: impl Fn(char) -> bool) -> Kind {
        let rest = self.rest();
        self.at += rest.find(|c| !part(c)).unwrap_or(rest.len());
        Kind::Other
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_ascii_digit() || c == '$'
}

/// `U&"d\0061t\+000061"` read as Postgres does with its default escape character.
fn unescaped(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 1..).unwrap_or_default();
        let (skip, digits) = if after.starts_with('+') { (1, 6) } else { (0, 4) };
        let code = after.get(skip..skip + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match code {
            Some(c) => {
                out.push(c);
                rest = after.get(skip + digits..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after.strip_prefix('\\').unwrap_or(after);
            }
        }
    }
    out.push_str(rest);
    out
}

/// The words a statement starts with, after opening parentheses; at most `count`.
pub(super) fn leading_words(tokens: &[Token], count: usize) -> Vec<&str> {
    tokens.iter().skip_while(|token| token.is_mark('(')).map_while(Token::word).take(count).collect()
}

/// Names that are called: a word or quoted name right before an opening parenthesis.
pub(super) fn called_names(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.windows(2).filter_map(|pair| match pair {
        [Token { kind: Kind::Word(name) | Kind::Name(name), .. }, next] if next.is_mark('(') => Some(name.as_str()),
        _ => None,
    })
}

/// The word that says what a `WITH` statement does, outside of its parentheses.
pub(super) fn main_word(tokens: &[Token]) -> Option<&str> {
    let mut depth = 0_i64;
    tokens.iter().find_map(|token| {
        match token.kind {
            Kind::Mark('(') => depth += 1,
            Kind::Mark(')') => depth -= 1,
            _ => {}
        }
        let word = token.word().filter(|_| depth == 0)?;
        ["select", "insert", "update", "delete", "merge", "values", "table"].contains(&word).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text, Dialect::Postgres).unwrap().iter().filter_map(|token| token.word().map(str::to_owned)).collect()
    }

    #[test]
    fn strings_comments_and_dollar_quotes_hide_their_words() {
        assert_eq!(words("SELECT 'a''; drop' -- x\n, E'a\\'; drop', /* a /* b */ c */ U&'x', B'1'"), ["select"]);
        assert_eq!(words("SELECT $$ drop $x$ $$, $a$ $$ drop $a$, $1, x$y$z"), ["select", "x$y$z"]);
    }

    #[test]
    fn quoted_names_are_read_as_postgres_reads_them() {
        let found = tokens(r#"SELECT "pg_Read""x"(1), U&"set_c\006fnfig" (1)"#, Dialect::Postgres).unwrap();
        assert_eq!(called_names(&found).collect::<Vec<_>>(), ["pg_Read\"x", "set_config"]);
    }

    #[test]
    fn unfinished_text_is_an_error() {
        for text in ["'", "E'\\'", "\"a", "/* /* */", "$a$ $b$", "U&\"a"] {
            assert!(tokens(text, Dialect::Postgres).is_err(), "{text}");
        }
    }

    #[test]
    fn sqlite_has_other_quotes_and_comments_that_do_not_nest() {
        let found = tokens("/* /* */ SELECT [a b], `c`, \"d\", 'it''s \\', :e, @f", Dialect::Sqlite).unwrap();
        let names: Vec<_> =
            found.iter().filter_map(|token| if let Kind::Name(name) = &token.kind { Some(name.as_str()) } else { None }).collect();
        assert_eq!(names, ["a b", "c", "d"]);
        assert_eq!(leading_words(&found, 2), ["select"]);
    }

    #[test]
    fn the_main_word_of_a_with_statement_is_outside_of_its_parentheses() {
        let found =
            tokens("WITH a AS (DELETE FROM t RETURNING *), b(x) AS MATERIALIZED (SELECT 1) INSERT INTO u SELECT 1", Dialect::Postgres)
                .unwrap();
        assert_eq!(main_word(&found), Some("insert"));
    }
}
