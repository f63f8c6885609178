//! A rough reading of a script for people: where its statements begin and end, what to call them, which
//! tables it creates. Never decides what is run: the database gets the script as it is.

/// The statements of a script without their comments and the final `;`. A SQLite trigger body
/// (`BEGIN ... END`) counts as part of its CREATE TRIGGER.
pub fn split(script: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    for token in tokens(script) {
        match token {
            Token::Comment => current.push(' '),
            Token::Text(";") if !is_inside_trigger(&current) => statements.push(std::mem::take(&mut current)),
            Token::Text(text) => current.push_str(text),
        }
    }
    statements.push(current);
    statements.into_iter().map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

fn is_inside_trigger(statement: &str) -> bool {
    let words: Vec<String> = statement.split_whitespace().map(str::to_ascii_uppercase).collect();
    let head = words.iter().take(4).map(String::as_str).collect::<Vec<_>>();
    // Postgres' triggers call a function and have no body.
    let begins = words.iter().any(|word| word == "BEGIN");
    head.first() == Some(&"CREATE") && head.contains(&"TRIGGER") && begins && words.last().is_none_or(|word| word != "END")
}

/// The first words of a statement on one line.
pub fn summary(statement: &str) -> String {
    const CHARACTERS_MAX: usize = 70;
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARACTERS_MAX {
        return line;
    }
    line.chars().take(CHARACTERS_MAX - 3).chain("...".chars()).collect()
}

/// Names of the tables that the script creates, as it writes them; temporary ones do not count.
pub fn created_tables(script: &str) -> Vec<String> {
    split(script).iter().filter_map(|statement| created_table(statement)).collect()
}

fn created_table(statement: &str) -> Option<String> {
    let mut rest = skip_word(statement, "CREATE")?;
    rest = skip_word(rest, "UNLOGGED").unwrap_or(rest);
    rest = skip_word(rest, "TABLE")?;
    if let Some(after) = skip_word(rest, "IF").and_then(|rest| skip_word(rest, "NOT")).and_then(|rest| skip_word(rest, "EXISTS")) {
        rest = after;
    }
    let (mut name, mut rest) = identifier(rest)?;
    while let Some(after) = rest.trim_start().strip_prefix('.') {
        let (part, after) = identifier(after.trim_start())?;
        name = format!("{name}.{part}");
        rest = after;
    }
    Some(name)
}

fn skip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.get(word.len()..)?;
    let head = text.get(..word.len())?;
    (head.eq_ignore_ascii_case(word) && rest.starts_with(|next: char| next.is_whitespace() || next == '"')).then(|| rest.trim_start())
}

/// A quoted or plain name, quotes kept so that the database reads it as it was written.
fn identifier(text: &str) -> Option<(String, &str)> {
    let end = match text.chars().next()? {
        quote @ ('"' | '`') => 1 + text.get(1..)?.find(quote)? + 1,
        _ => text.find(|next: char| !(next.is_alphanumeric() || matches!(next, '_' | '$'))).unwrap_or(text.len()),
    };
    let (name, rest) = text.split_at_checked(end)?;
    (!name.is_empty()).then(|| (name.to_owned(), rest))
}

enum Token<'a> {
    Comment,
    Text(&'a str),
}

/// Comments, quoted runs and single characters, so that a `;` in a text is none.
fn tokens(script: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = script.strip_prefix('\u{feff}').unwrap_or(script);
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let comment = comment_length(rest);
        let length = comment.unwrap_or_else(|| match first {
            '\'' | '"' | '`' => quoted_length(rest, first),
            '$' => dollar_length(rest).unwrap_or(1),
            _ => first.len_utf8(),
        });
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        Some(if comment.is_some() { Token::Comment } else { Token::Text(token) })
    })
}

fn comment_length(text: &str) -> Option<usize> {
    if text.starts_with("--") {
        return Some(text.find('\n').map_or(text.len(), |end| end + 1));
    }
    if !text.starts_with("/*") {
        return None;
    }
    // Postgres nests comments; what SQLite would end earlier is only shown a little shorter.
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
    Some(text.len())
}

fn quoted_length(text: &str, quote: char) -> usize {
    text.get(1..).and_then(|rest| rest.find(quote)).map_or(text.len(), |end| end + 2)
}

/// `$$ ... $$` and `$tag$ ... $tag$`.
fn dollar_length(text: &str) -> Option<usize> {
    let tag_end = 1 + text.get(1..)?.find('$')? + 1;
    let tag = text.get(..tag_end)?;
    if !tag.trim_matches('$').chars().all(|next| next.is_alphanumeric() || next == '_') {
        return None;
    }
    Some(text.get(tag_end..)?.find(tag).map_or(text.len(), |end| tag_end + end + tag_end))
}

#[cfg(test)]
mod tests {
    use super::{created_tables, split, summary};

    #[test]
    fn semicolons_in_texts_comments_and_bodies_do_not_split() {
        let script = "-- a; b\nINSERT INTO a VALUES (';', \"x;y\"); /* ; /* ; */ */\nDO $$ BEGIN; END $$;\nSELECT $t$ ; $$ ; $t$;\n\nSELECT 'it''s;'";
        assert_eq!(split(script).len(), 4, "{:#?}", split(script));
    }

    #[test]
    fn a_sqlite_trigger_is_one_statement() {
        let script = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = 1; DELETE FROM d; END; SELECT 1;";
        assert_eq!(split(script).len(), 2, "{:#?}", split(script));
    }

    #[test]
    fn created_tables_are_named_as_they_are_written() {
        let script = "CREATE TABLE users (id int); create table if not exists app.\"Orders\"(id int); CREATE TEMP TABLE t (i int);
            CREATE UNLOGGED TABLE logs AS SELECT 1; CREATE INDEX i ON users (id); -- CREATE TABLE no (i int);";
        assert_eq!(created_tables(script), ["users", "app.\"Orders\"", "logs"]);
    }

    #[test]
    fn odd_scripts_end_the_reading_and_nothing_else() {
        for script in ["", "'", "/*", "$", "$a$ x", "\"", "CREATE TABLE", "CREATE TABLE \"", "é; $é", "/* /* */"] {
            let _ = (split(script), created_tables(script));
        }
    }

    #[test]
    fn a_summary_is_one_short_line() {
        assert_eq!(summary("CREATE\n  TABLE a"), "CREATE TABLE a");
        assert_eq!(summary(&"x".repeat(200)).chars().count(), 70);
    }
}
