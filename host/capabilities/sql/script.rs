//! A script's statements, one by one, with the byte each starts at.

use super::statement::{Dialect, Kind, Token, leading_words, tokens};
use super::types::Error;

/// One statement of a script: its text without the semicolon, and its tokens.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) start: usize,
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
}

/// Splits at the semicolons that end statements: not inside parentheses, bodies of SQL functions or triggers.
pub(super) fn split(script: &str, dialect: Dialect) -> Result<Vec<Piece<'_>>, Error> {
    let mut pieces = Vec::new();
    let mut current: Vec<Token> = Vec::new();
    let mut nesting = Nesting::default();
    for token in tokens(script, dialect)? {
        if token.is_mark(';') && nesting.is_outside() {
            finish(script, &mut pieces, std::mem::take(&mut current));
            nesting = Nesting::default();
            continue;
        }
        nesting.enter(&current, &token, dialect);
        current.push(token);
    }
    finish(script, &mut pieces, current);
    Ok(pieces)
}

fn finish<'a>(script: &'a str, pieces: &mut Vec<Piece<'a>>, tokens: Vec<Token>) {
    if let (Some(first), Some(last)) = (tokens.first(), tokens.last()) {
        let start = first.start;
        pieces.push(Piece { start, text: script.get(start..last.end).unwrap_or_default(), tokens });
    }
}

/// How deep inside parentheses and `BEGIN ... END` bodies the splitter is.
#[derive(Default)]
struct Nesting {
    parentheses: u32,
    /// `BEGIN ATOMIC`, a trigger's `BEGIN`, and each `CASE` inside of one.
    blocks: u32,
}

impl Nesting {
    fn is_outside(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn enter(&mut self, before: &[Token], token: &Token, dialect: Dialect) {
        match &token.kind {
            Kind::Mark('(') => self.parentheses += 1,
            Kind::Mark(')') => self.parentheses = self.parentheses.saturating_sub(1),
            Kind::Word(word) => match word.as_str() {
                "atomic" if dialect == Dialect::Postgres && begins_body(before) => self.blocks += 1,
                "begin" if dialect == Dialect::Sqlite && self.blocks == 0 && creates_trigger(before) => self.blocks += 1,
                "case" if self.blocks > 0 => self.blocks += 1,
                "end" if self.blocks > 0 => self.blocks -= 1,
                _ => {}
            },
            _ => {}
        }
    }
}

/// `CREATE [OR REPLACE] FUNCTION|PROCEDURE ... BEGIN`, so that `ATOMIC` opens a body.
fn begins_body(before: &[Token]) -> bool {
    let creates = leading_words(before, 4).first() == Some(&"create");
    creates && before.last().and_then(Token::word) == Some("begin")
}

/// `CREATE [TEMP|TEMPORARY] TRIGGER ...`
fn creates_trigger(before: &[Token]) -> bool {
    matches!(leading_words(before, 3).as_slice(), ["create", "trigger", ..] | ["create", "temp" | "temporary", "trigger"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str, dialect: Dialect) -> Vec<&str> {
        split(script, dialect).unwrap().iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn a_script_is_split_at_semicolons_outside_of_quotes_and_comments() {
        let script = "-- a;\nSELECT ';', $$;$$, \";\"; /* ; */ ;; UPDATE t SET a = 1 ;\n-- end";
        assert_eq!(texts(script, Dialect::Postgres), ["SELECT ';', $$;$$, \";\"", "UPDATE t SET a = 1"]);
    }

    #[test]
    fn bodies_of_sql_functions_stay_whole() {
        let function = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END";
        let script = format!("{function}; SELECT 1");
        assert_eq!(texts(&script, Dialect::Postgres), [function, "SELECT 1"]);
    }

    #[test]
    fn a_rule_with_several_actions_stays_whole() {
        let rule = "CREATE RULE r AS ON DELETE TO t DO (DELETE FROM u; DELETE FROM v)";
        assert_eq!(texts(rule, Dialect::Postgres), [rule]);
    }

    #[test]
    fn bodies_of_triggers_stay_whole() {
        let trigger = "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END";
        let script = format!("{trigger};\nBEGIN; COMMIT;");
        assert_eq!(texts(&script, Dialect::Sqlite), [trigger, "BEGIN", "COMMIT"]);
    }

    #[test]
    fn statements_know_where_they_start() {
        let script = "SELECT 1;\n\n  -- two\n  SELECT 2;";
        let starts: Vec<usize> = split(script, Dialect::Postgres).unwrap().iter().map(|piece| piece.start).collect();
        assert_eq!(starts, [0, script.find("SELECT 2").unwrap()]);
    }
}
