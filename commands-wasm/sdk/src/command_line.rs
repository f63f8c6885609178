//! A configured command line as words. No shell reads it: quotes and backslashes group, and nothing is replaced.

/// Why a text is no command line.
pub fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().push(chars.next().ok_or("it ends in a backslash")?),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) { Err("it names no program") } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_group_and_nothing_is_replaced() {
        let cases: [(&str, &[&str]); 6] = [
            ("python manage.py", &["python", "manage.py"]),
            ("  a   b\t", &["a", "b"]),
            ("'a b' \"c d\" e\\ f", &["a b", "c d", "e f"]),
            ("a '' \"\"", &["a", "", ""]),
            ("$(x) `y` ${Z} *", &["$(x)", "`y`", "${Z}", "*"]),
            ("a'b'\"c\\\"\" '\\'", &["abc\"", "\\"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
    }

    #[test]
    fn what_is_no_command_line_is_said() {
        for (text, why) in [
            ("", "it names no program"),
            ("'' a", "it names no program"),
            ("a 'b", "a quote is not closed"),
            ("a\\", "it ends in a backslash"),
        ] {
            assert_eq!(split(text), Err(why), "{text}");
        }
    }
}
