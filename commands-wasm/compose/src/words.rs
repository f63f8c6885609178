//! A command written as one string, split into words as Compose does it.
//!
//! Spaces split; quotes and backslashes hold together. No shell runs: `;`, `&`, `|`, `<` and `>` outside of quotes
//! end the command, as they do with Compose, and bare parentheses are refused.

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
    /// What was left out: from the first character that only a shell would understand.
    pub(crate) dropped: Option<String>,
}

/// None: a quote or parenthesis does not match.
pub(crate) fn split(line: &str) -> Option<Words> {
    let mut state = State::default();
    for (at, letter) in line.char_indices() {
        match state.letter(letter)? {
            Next::Go => {}
            Next::End => {
                state.end_word();
                return state.is_closed().then(|| Words { words: state.words, dropped: line.get(at..).map(str::to_owned) });
            }
        }
    }
    state.end_word();
    state.is_closed().then_some(Words { words: state.words, dropped: None })
}

enum Next {
    Go,
    End,
}

#[derive(Default)]
struct State {
    words: Vec<String>,
    word: String,
    /// A word began, even if it is empty: `''`.
    begun: bool,
    escaped: bool,
    single: bool,
    double: bool,
    backtick: bool,
    /// In `$(...)`, which is kept as it is.
    dollar: bool,
}

impl State {
    fn letter(&mut self, letter: char) -> Option<Next> {
        let plain = !(self.single || self.double || self.backtick || self.dollar);
        let verbatim = self.backtick || self.dollar;
        if std::mem::take(&mut self.escaped) {
            match letter {
                _ if verbatim => self.word.extend(['\\', letter]),
                't' => self.word.push('\t'),
                'n' => self.word.push('\n'),
                letter => self.word.push(letter),
            }
            self.begun = true;
            return Some(Next::Go);
        }
        match letter {
            '\\' if !self.single => self.escaped = true,
            ' ' | '\t' | '\r' | '\n' if plain => self.end_word(),
            '"' if !self.single && !verbatim => self.quote(|state| &mut state.double),
            '\'' if !self.double && !verbatim => self.quote(|state| &mut state.single),
            ')' if !self.single && !self.double && !self.backtick => {
                if !std::mem::take(&mut self.dollar) {
                    return None;
                }
                self.push(letter);
            }
            '(' if !self.single && !self.double && !self.backtick => {
                if self.dollar || !self.word.ends_with('$') {
                    return None;
                }
                self.dollar = true;
                self.push(letter);
            }
            ';' | '&' | '|' | '<' | '>' if plain => {
                if letter == '>' && !self.word.is_empty() && self.word.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.word.clear();
                    self.begun = false;
                }
                return Some(Next::End);
            }
            letter => {
                if letter == '`' && !self.single && !self.double && !self.dollar {
                    self.backtick = !self.backtick;
                }
                self.push(letter);
            }
        }
        Some(Next::Go)
    }

    fn push(&mut self, letter: char) {
        self.word.push(letter);
        self.begun = true;
    }

    fn quote(&mut self, which: impl Fn(&mut Self) -> &mut bool) {
        let open = which(self);
        *open = !*open;
        self.begun = true;
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn is_closed(&self) -> bool {
        !(self.escaped || self.single || self.double || self.backtick || self.dollar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap().words
    }

    #[test]
    fn quotes_and_backslashes_hold_words_together() {
        for (line, expected) in [
            ("nginx -g 'daemon off;'", &["nginx", "-g", "daemon off;"][..]),
            ("sh -c \"a && b\"", &["sh", "-c", "a && b"]),
            ("echo a\\ b '' \"c'd\"", &["echo", "a b", "", "c'd"]),
            ("a\n  b\tc\n", &["a", "b", "c"]),
            ("echo $(date +%s) x", &["echo", "$(date +%s)", "x"]),
            ("echo `a b`", &["echo", "`a b`"]),
            ("", &[]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn what_only_a_shell_understands_ends_the_command_and_is_told() {
        let cut = split("migrate && serve").unwrap();
        assert_eq!((cut.words, cut.dropped), (vec!["migrate".to_owned()], Some("&& serve".to_owned())));
        assert_eq!(words("serve 2>/dev/null"), ["serve"]);
        assert_eq!(split("print(1)"), None);
        assert_eq!(split("echo 'a"), None);
        assert_eq!(split("echo \\"), None);
    }
}
