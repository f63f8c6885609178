//! What somebody sees who looks at a terminal: as much of its language as our own output uses, anything else fails.

/// Lines that scrolled away stay, above those that are on the screen.
pub(crate) struct Screen {
    rows: usize,
    columns: usize,
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    pub(crate) cursor_is_hidden: bool,
}

impl Screen {
    /// After all of this was written to an empty terminal of this size.
    #[track_caller]
    pub(crate) fn after(rows: usize, columns: usize, written: &str) -> Self {
        let mut screen = Self { rows, columns, lines: vec![Vec::new()], row: 0, column: 0, cursor_is_hidden: false };
        let mut rest = written.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '\r' => screen.column = 0,
                '\n' => screen.down(),
                '\u{1b}' if rest.next_if_eq(&'[').is_some() => {
                    let mut words = String::new();
                    while let Some(character) = rest.next_if(|next| next.is_ascii_digit() || *next == '?' || *next == ';') {
                        words.push(character);
                    }
                    screen.obeys(&words, rest.next().expect("the end of a sequence"));
                }
                character => screen.shows(character),
            }
        }
        screen
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        self.lines.iter().map(text).collect()
    }

    #[track_caller]
    fn obeys(&mut self, words: &str, end: char) {
        let count = words.parse().unwrap_or(1);
        let top = self.lines.len().saturating_sub(self.rows);
        match (words, end) {
            (_, 'A') => self.row = self.row.saturating_sub(count).max(top),
            (_, 'B') => (0..count).for_each(|_| self.down()),
            ("2", 'K') => self.lines[self.row].clear(),
            ("" | "0", 'K') => self.lines[self.row].truncate(self.column),
            ("?25", 'l') => self.cursor_is_hidden = true,
            ("?25", 'h') => self.cursor_is_hidden = false,
            (_, 'm') => {}
            _ => panic!("a terminal is told `{words}{end}`"),
        }
    }

    fn shows(&mut self, character: char) {
        // At its right side a terminal waits for one more character before it goes on below.
        if self.column == self.columns {
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.row];
        if line.len() <= self.column {
            line.resize(self.column + 1, ' ');
        }
        line[self.column] = character;
        self.column += 1;
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }
}
