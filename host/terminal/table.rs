//! Columns that line up, by width on the screen and not by bytes or characters.

/// Rows of cells. The last column is not padded, so that no line ends in spaces.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn row<Cell: Into<String>>(&mut self, cells: impl IntoIterator<Item = Cell>) -> &mut Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Two spaces between columns, a line break after each row. Cells may carry colour: it has no width.
    pub fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                let missing = width.saturating_sub(width_of(cell));
                line.extend(std::iter::repeat_n(' ', missing + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(width_of(cell));
            }
        }
        widths
    }
}

/// Columns a text takes on the screen: escapes take none, wide characters two.
pub fn width_of(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_width_on_the_screen() {
        let mut table = Table::new();
        table.row(["migrate", "change", "apply migrations"]).row(["日本", "read", "two wide characters"]);
        table.row(["\u{1b}[31mred\u{1b}[0m", "", "colour has no width"]);
        let expected = "migrate  change  apply migrations\n日本     read    two wide characters\n\u{1b}[31mred\u{1b}[0m              colour has no width\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn rows_may_be_shorter_than_others_and_lines_end_without_spaces() {
        let mut table = Table::new();
        table.row(["a", "", ""]).row(["bb"]).row(["c", "d"]);
        assert_eq!(table.render(), "a\nbb\nc   d\n");
    }
}
