//! TOML with places: host.toml, host.lock and manifests are read through this, so that every error names
//! file, line, column and key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suggest;
use crate::outcome::{Failure, Result};

/// A text and the name errors call it by.
pub struct Document<'t> {
    label: &'t str,
    text: &'t str,
    /// Where its lines end: every grant knows its line.
    newlines: Vec<usize>,
}

/// A table of a document and the keys that lead to it.
#[derive(Clone)]
pub struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    path: Vec<&'d str>,
    at: usize,
}

/// A key and its value.
#[derive(Clone)]
pub struct Item<'d> {
    document: &'d Document<'d>,
    value: &'d DeValue<'d>,
    path: Vec<&'d str>,
    at: usize,
}

impl<'t> Document<'t> {
    /// Bytes must be UTF-8; the parser passes over a byte-order mark.
    pub fn new(label: &'t str, bytes: &'t [u8]) -> Result<Self> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::of(label, text)),
            Err(error) => {
                let sound = bytes.get(..error.valid_up_to()).and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default();
                Err(Self::of(label, sound).error(sound.len(), "not UTF-8 from here on"))
            }
        }
    }

    fn of(label: &'t str, text: &'t str) -> Self {
        Self { label, text, newlines: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    /// All of it. The parser bounds nesting by itself.
    pub fn parse(&self) -> Result<DeTable<'_>> {
        DeTable::parse(self.text)
            .map(Spanned::into_inner)
            .map_err(|error| self.error(error.span().map_or(0, |span| span.start), &one_line(error.message())))
    }

    pub fn root<'d>(&'d self, table: &'d DeTable<'d>) -> Section<'d> {
        Section { document: self, table, path: Vec::new(), at: 0 }
    }

    /// One-based line, and column in characters.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let lines_before = self.newlines.partition_point(|newline| *newline < before.len());
        let line_start = lines_before.checked_sub(1).and_then(|last| self.newlines.get(last)).map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (lines_before + 1, column)
    }

    pub fn error(&self, at: usize, text: &str) -> Failure {
        let (line, column) = self.place(at);
        Failure::usage(format!("{}:{line}:{column}: {text}", self.label))
    }
}

impl<'d> Section<'d> {
    /// Fails on the first key that is none of `known`, in the order of the text.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        let unknown = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).min_by_key(|key| key.span().start);
        let Some(key) = unknown else { return Ok(()) };
        let name = key.get_ref();
        let text = format!("unknown key `{name}` {}", self.described());
        Err(self.document.error(key.span().start, &text).hint(suggest::hint(name, known)))
    }

    pub fn get(&self, name: &str) -> Option<Item<'d>> {
        self.table.get_key_value(name).map(|(key, value)| self.item(key, value))
    }

    pub fn require(&self, name: &str) -> Result<Item<'d>> {
        self.get(name).ok_or_else(|| self.error(&format!("`{name}` is missing {}", self.described())))
    }

    /// All keys with their values, in the order of the text.
    pub fn items(&self) -> Vec<(&'d str, Item<'d>)> {
        let mut items: Vec<_> = self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), self.item(key, value))).collect();
        items.sort_by_key(|(_, item)| item.at);
        items
    }

    pub fn error(&self, text: &str) -> Failure {
        self.document.error(self.at, text)
    }

    pub fn line(&self) -> usize {
        self.document.place(self.at).0
    }

    fn described(&self) -> String {
        if self.path.is_empty() { "at the top level".to_owned() } else { format!("in [{}]", self.path.join(".")) }
    }

    fn item(&self, key: &'d Spanned<toml::de::DeString<'d>>, value: &'d Spanned<DeValue<'d>>) -> Item<'d> {
        let mut path = self.path.clone();
        path.push(key.get_ref().as_ref());
        Item { document: self.document, value: value.get_ref(), path, at: key.span().start }
    }
}

impl<'d> Item<'d> {
    pub fn string(&self) -> Result<&'d str> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    pub fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("`true` or `false`"))
    }

    /// A whole number from 0 up.
    pub fn whole_number(&self) -> Result<u64> {
        let integer = self.value.as_integer().ok_or_else(|| self.wrong_type("a whole number"))?;
        u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| self.error("must be a whole number from 0 up"))
    }

    pub fn section(&self) -> Result<Section<'d>> {
        let table = self.value.as_table().ok_or_else(|| self.wrong_type("a table"))?;
        Ok(Section { document: self.document, table, path: self.path.clone(), at: self.at })
    }

    /// Strings of a list, each with its own place.
    pub fn strings(&self) -> Result<Vec<(&'d str, Item<'d>)>> {
        self.list("a list of strings")?.into_iter().map(|item| Ok((item.string()?, item))).collect()
    }

    /// Tables of a list (`[[asks]]`).
    pub fn sections(&self) -> Result<Vec<Section<'d>>> {
        self.list("a list of tables")?.iter().map(Item::section).collect()
    }

    /// `text` with file, line, column and key before it.
    pub fn error(&self, text: &str) -> Failure {
        self.document.error(self.at, &format!("`{}` {text}", self.key()))
    }

    pub fn line(&self) -> usize {
        self.document.place(self.at).0
    }

    pub fn place(&self) -> (usize, usize) {
        self.document.place(self.at)
    }

    /// `commands.migrate.limits.time`
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    pub fn wrong_type(&self, expected: &str) -> Failure {
        let article = if self.value.type_str().starts_with(['a', 'i', 'o']) { "an" } else { "a" };
        self.error(&format!("must be {expected}, not {article} {}", self.value.type_str()))
    }

    fn list(&self, expected: &str) -> Result<Vec<Item<'d>>> {
        let array = self.value.as_array().ok_or_else(|| self.wrong_type(expected))?;
        let item = |value: &'d Spanned<DeValue<'d>>| Item {
            document: self.document,
            value: value.get_ref(),
            path: self.path.clone(),
            at: value.span().start,
        };
        Ok(array.iter().map(item).collect())
    }
}

/// The parser's messages may hold several lines; ours are one.
fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(text: &str) -> Failure {
        Document::new("host.toml", text.as_bytes()).unwrap().parse().map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_syntax_error_names_file_line_and_column() {
        assert!(failure_of("a = 1\nb = = 2\n").message.starts_with("host.toml:2:5: "), "{}", failure_of("a = 1\nb = = 2\n"));
    }

    #[test]
    fn a_duplicate_key_is_an_error_at_the_second_one() {
        let failure = failure_of("a = 1\na = 2\n");
        assert!(failure.message.starts_with("host.toml:2:1: duplicate key"), "{failure}");
    }

    #[test]
    fn bytes_that_are_no_text_are_reported_where_they_stand() {
        let failure = Document::new("host.toml", b"a = 1\nb = \"\xff\"\n").map(|_| ()).unwrap_err();
        assert_eq!(failure.message, "host.toml:2:6: not UTF-8 from here on");
    }

    #[test]
    fn columns_count_characters() {
        let document = Document::new("x", "é = 1\nü = \"äö\"".as_bytes()).unwrap();
        assert_eq!(document.place("é = 1\nü = \"äö".len()), (2, 8));
    }

    #[test]
    fn a_nul_byte_is_an_error() {
        assert!(failure_of("a = \"\0\"\n").message.starts_with("host.toml:1:6: "), "{}", failure_of("a = \"\0\"\n"));
    }

    #[test]
    fn nesting_is_bounded() {
        let text = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(failure_of(&text).message.starts_with("host.toml:1:"));
    }
}
