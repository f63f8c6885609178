//! host.lock: for each command its digest, its imports and what it asks for.
//!
//! Written by `host lock` only; it never appears by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::document::{Document, Item, Section};
use super::{Project, files};
use crate::component::ComponentFile;
use crate::grants::Manifest;
use crate::outcome::{Ending, Failure, Result};

/// The file's name, beside host.toml.
pub const FILE_NAME: &str = "host.lock";
const VERSION: u64 = 1;
/// A thousand commands with many imports take about a tenth of it.
const BYTES_BOUND: u64 = 8 * 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    pub commands: BTreeMap<String, Pin>,
}

/// What one command was when it was locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// `sha256:` and 64 digits
    pub digest: String,
    /// `host:sql/read@0.1.0`
    pub imports: BTreeSet<String>,
    /// `sql.default admin`, `files migrations/** read`
    pub asks: BTreeSet<String>,
}

/// How a command differs from its pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub command: String,
    /// `now also asks for sql.default admin`
    pub changes: Vec<String>,
    /// The command may do more than before.
    pub more_power: bool,
}

impl Project {
    /// host.lock; none when there is none, or no project.
    pub fn lockfile(&self) -> Result<Option<LockFile>> {
        if self.file().is_none() { Ok(None) } else { LockFile::read(&self.root().join(FILE_NAME)) }
    }
}

impl LockFile {
    pub fn read(path: &Path) -> Result<Option<Self>> {
        files::read_bounded(path, BYTES_BOUND)?.map(|bytes| Self::parse(&bytes)).transpose()
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_document(bytes).map_err(|failure| failure.hint("`host lock` writes host.lock anew"))
    }

    /// Replaces the file in one step.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::replace(path, &self.render())
    }

    pub fn render(&self) -> String {
        let mut document = toml_edit::DocumentMut::new();
        document.insert("version", toml_edit::value(i64::try_from(VERSION).unwrap_or_default()));
        let mut commands = toml_edit::Table::new();
        commands.set_implicit(true);
        for (name, pin) in &self.commands {
            let mut table = toml_edit::Table::new();
            table.insert("digest", toml_edit::value(&pin.digest));
            table.insert("imports", list(&pin.imports));
            table.insert("asks", list(&pin.asks));
            commands.insert(name, toml_edit::Item::Table(table));
        }
        document.insert("commands", toml_edit::Item::Table(commands));
        format!("# What the commands of this project were when they were last looked at. Written by `host lock`; commit it.\n{document}")
    }

    /// Whether `command` still is what was locked; the failure says what is different.
    pub fn check(&self, command: &str, now: &Pin) -> Result<()> {
        let Some(difference) = self.difference(command, Some(now)) else { return Ok(()) };
        Err(difference.failure())
    }

    /// All differences to the commands that are there now, sorted by name.
    pub fn differences(&self, now: &BTreeMap<String, Pin>) -> Vec<Difference> {
        let names: BTreeSet<_> = self.commands.keys().chain(now.keys()).collect();
        names.into_iter().filter_map(|name| self.difference(name, now.get(name))).collect()
    }

    fn difference(&self, command: &str, now: Option<&Pin>) -> Option<Difference> {
        let difference = |changes, more_power| Some(Difference { command: command.to_owned(), changes, more_power });
        match (self.commands.get(command), now) {
            (None, None) => None,
            (Some(_), None) => difference(vec!["is gone".to_owned()], false),
            (None, Some(now)) => {
                let asks = grouped(&now.asks).into_iter().map(|ask| format!("asks for {ask}"));
                let more_power = !now.asks.is_empty() || now.imports.iter().any(|import| is_power(import));
                difference(std::iter::once("is new".to_owned()).chain(asks).collect(), more_power)
            }
            (Some(before), Some(now)) if before == now => None,
            (Some(before), Some(now)) => {
                let (changes, more_power) = before.changes(now);
                difference(changes, more_power)
            }
        }
    }

    fn parse_document(bytes: &[u8]) -> Result<Self> {
        let document = Document::new(FILE_NAME, bytes)?;
        let table = document.parse()?;
        let root = document.root(&table);
        let version = root.require("version")?;
        if version.whole_number()? != VERSION {
            return Err(version.error(&format!("is not {VERSION}, the only one this `host` reads")));
        }
        root.only(&["version", "commands"])?;
        let sections = root.get("commands").map(|item| item.section()).transpose()?;
        let pins = sections.iter().flat_map(Section::items).map(|(name, item)| Ok((name.to_owned(), Pin::read(&item.section()?)?)));
        Ok(Self { commands: pins.collect::<Result<_>>()? })
    }
}

impl Pin {
    /// What `file`, with its digest, is now.
    pub fn of(digest: &str, file: &ComponentFile) -> Self {
        let asks = file.manifest.as_ref().map(Manifest::asks_in_words).unwrap_or_default();
        Self { digest: digest.to_owned(), imports: file.imports.clone(), asks }
    }

    fn read(section: &Section<'_>) -> Result<Self> {
        section.only(&["digest", "imports", "asks"])?;
        let strings =
            |item: Item<'_>| -> Result<BTreeSet<String>> { Ok(item.strings()?.into_iter().map(|(text, _)| text.to_owned()).collect()) };
        Ok(Self {
            digest: section.require("digest")?.string()?.to_owned(),
            imports: strings(section.require("imports")?)?,
            asks: strings(section.require("asks")?)?,
        })
    }

    /// In words, powers first; and whether there are more of them.
    fn changes(&self, now: &Self) -> (Vec<String>, bool) {
        let more: Vec<_> = now.asks.difference(&self.asks).map(|ask| format!("now also asks for {ask}")).collect();
        let more_imports: Vec<_> = now.imports.difference(&self.imports).map(|import| format!("now also imports {import}")).collect();
        let less = self.asks.difference(&now.asks).map(|ask| format!("no longer asks for {ask}"));
        let less_imports = self.imports.difference(&now.imports).map(|import| format!("no longer imports {import}"));
        let more_power = !more.is_empty() || now.imports.difference(&self.imports).any(|import| is_power(import));
        let mut changes: Vec<_> = more.into_iter().chain(more_imports).chain(less).chain(less_imports).collect();
        if self.digest != now.digest {
            let powers = if changes.is_empty() { ", with the same powers" } else { "" };
            changes.push(format!("is another file ({} before, {} now){powers}", short(&self.digest), short(&now.digest)));
        }
        (changes, more_power)
    }
}

impl Difference {
    fn failure(&self) -> Failure {
        let Self { command, changes, .. } = self;
        let text = match changes.first() {
            Some(first) if first == "is new" => format!("`{command}` is not in host.lock"),
            _ => format!("`{command}` differs from host.lock: it {}", changes.join("; ")),
        };
        Failure::new(Ending::Integrity, text)
            .hint(format!("`host inspect {command}` shows what it is now, `host lock {command}` accepts it"))
    }
}

/// `sql.default read` and `sql.default write` as `sql.default read, write`.
fn grouped(asks: &BTreeSet<String>) -> Vec<String> {
    const OPTIONAL: &str = " (optional)";
    let mut groups: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for ask in asks {
        let (ask, optional) = ask.strip_suffix(OPTIONAL).map_or((ask.as_str(), false), |ask| (ask, true));
        let (thing, power) = if ask.starts_with("sql.") { ask.rsplit_once(' ').unwrap_or((ask, "")) } else { (ask, "") };
        groups.entry((thing, optional)).or_default().push(power);
    }
    let told = |((thing, optional), powers): ((&str, bool), Vec<&str>)| {
        let text = format!("{thing} {}", powers.join(", "));
        format!("{}{}", text.trim_end(), if optional { OPTIONAL } else { "" })
    };
    groups.into_iter().map(told).collect()
}

/// Importing it is a way to ask for it; what WASI offers gives nothing that is not asked for.
fn is_power(import: &str) -> bool {
    import.starts_with("host:sql/")
}

fn list(items: &BTreeSet<String>) -> toml_edit::Item {
    let mut array: toml_edit::Array = items.iter().collect();
    for item in array.iter_mut() {
        item.decor_mut().set_prefix("\n    ");
    }
    if !items.is_empty() {
        array.set_trailing_comma(true);
        array.set_trailing("\n");
    }
    toml_edit::value(array)
}

/// `sha256:0123456789ab`
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(digest: char, imports: &[&str], asks: &[&str]) -> Pin {
        let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Pin { digest: format!("sha256:{}", digest.to_string().repeat(64)), imports: set(imports), asks: set(asks) }
    }

    fn lock(name: &str, pin: Pin) -> LockFile {
        LockFile { commands: BTreeMap::from([(name.to_owned(), pin)]) }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut file = lock("migrate", pin('a', &["host:sql/read@0.1.0", "wasi:cli/run"], &["sql.default read", "files a\"b\n read"]));
        file.commands.insert("hello".to_owned(), pin('b', &[], &[]));
        let text = file.render();
        assert_eq!(LockFile::parse(text.as_bytes()).unwrap(), file, "{text}");
        assert!(text.contains("[commands.hello]\ndigest = \"sha256:bbb"), "{text}");
        assert!(text.contains("imports = [\n    \"host:sql/read@0.1.0\",\n"), "{text}");
        assert_eq!(LockFile::parse(LockFile::default().render().as_bytes()).unwrap(), LockFile::default());
    }

    #[test]
    fn what_is_the_same_passes() {
        let same = pin('a', &["x"], &["sql.default read"]);
        assert_eq!(lock("migrate", same.clone()).check("migrate", &same), Ok(()));
    }

    #[test]
    fn differences_are_told_in_powers_first() {
        let file = lock("migrate", pin('a', &["host:sql/read@0.1.0"], &["sql.default read", "env A"]));
        let now = pin('b', &["host:sql/read@0.1.0", "host:sql/admin@0.1.0"], &["sql.default read", "sql.default admin"]);
        let differences = file.differences(&BTreeMap::from([("migrate".to_owned(), now.clone())]));
        assert_eq!(
            differences[0].changes,
            [
                "now also asks for sql.default admin",
                "now also imports host:sql/admin@0.1.0",
                "no longer asks for env A",
                "is another file (sha256:aaaaaaaaaaaa before, sha256:bbbbbbbbbbbb now)",
            ]
        );
        assert!(differences[0].more_power);
        let failure = file.check("migrate", &now).unwrap_err();
        assert_eq!(failure.ending, Ending::Integrity);
        assert!(failure.message.starts_with("`migrate` differs from host.lock: it now also asks for sql.default admin; "), "{failure}");
        assert!(failure.hints[0].contains("`host lock migrate`"));
    }

    #[test]
    fn another_file_with_the_same_powers_is_told_as_such() {
        let file = lock("migrate", pin('a', &["x"], &[]));
        let differences = file.differences(&BTreeMap::from([("migrate".to_owned(), pin('b', &["x"], &[]))]));
        assert!(differences[0].changes[0].ends_with("with the same powers"));
        assert!(!differences[0].more_power);
    }

    #[test]
    fn new_and_gone_commands_are_differences() {
        let file = lock("old", pin('a', &[], &[]));
        let differences = file.differences(&BTreeMap::from([(
            "new".to_owned(),
            pin('b', &[], &["env A", "sql.default read", "sql.default write", "sql.* read (optional)"]),
        )]));
        let told: Vec<_> = differences.iter().map(|difference| (difference.command.as_str(), difference.changes.join(", "))).collect();
        assert_eq!(
            told,
            [
                ("new", "is new, asks for env A, asks for sql.* read (optional), asks for sql.default read, write".to_owned()),
                ("old", "is gone".to_owned())
            ]
        );
        assert_eq!(file.check("new", &pin('b', &[], &[])).unwrap_err().message, "`new` is not in host.lock");
    }

    #[test]
    fn a_file_that_cannot_be_read_says_where_and_what_to_do() {
        for (text, expected) in [
            ("version = 2", "host.lock:1:1: `version` is not 1"),
            ("", "host.lock:1:1: `version` is missing at the top level"),
            ("version = 1\n[commands.x]\ndigest = 3", "host.lock:3:1: `commands.x.digest` must be a string"),
            ("version = 1\n<<<<<<< ours", "host.lock:2:"),
        ] {
            let failure = LockFile::parse(text.as_bytes()).unwrap_err();
            assert!(failure.message.starts_with(expected), "{failure}");
            assert_eq!(failure.hints.last().unwrap(), "`host lock` writes host.lock anew");
        }
    }
}
