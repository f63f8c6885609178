//! What the table of applied migrations says about each file, and what the files say about each row.

use std::collections::BTreeMap;

use crate::checksum;
use crate::files::{App, Migration};

/// `execution_time` of a row that `--fake` wrote. sqlx reads neither this column's value nor its sign: its own
/// `skip` writes -1, which a process that was killed right after its commit leaves behind as well.
pub const FAKED: i64 = -2;
/// `execution_time` until it is known.
pub const NOT_MEASURED: i64 = -1;
/// `execution_time` of an unfinished row while its migration is undone outside of a transaction.
pub const UNDOING: i64 = -3;

/// A row of the table, as sqlx and we write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub version: i64,
    pub description: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub installed_on: String,
    pub success: bool,
    pub checksum: Vec<u8>,
    /// Nanoseconds, or one of the marks above.
    pub execution_time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Pending,
    /// Pending, although a later one is applied.
    OutOfOrder,
    Applied,
    /// Recorded as applied, never run.
    Faked,
    /// Applied, and its file changed since.
    Edited,
    /// Applied, and its file changed since in nothing but line endings or the byte order mark.
    LineEndings,
    /// Applied, and its file is gone.
    Missing,
    /// A migration outside of a transaction that began and did not end: it runs now, or it was interrupted.
    Unfinished,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::OutOfOrder => "out-of-order",
            Self::Applied => "applied",
            Self::Faked => "faked",
            Self::Edited => "edited",
            Self::LineEndings => "line-endings",
            Self::Missing => "missing",
            Self::Unfinished => "unfinished",
        }
    }

    /// Has the database what the migration does, as far as the table knows?
    pub fn is_applied(self) -> bool {
        !matches!(self, Self::Pending | Self::OutOfOrder | Self::Unfinished)
    }
}

/// One version of one app: its file, its row, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub version: i64,
    pub name: String,
    pub state: State,
    /// Index into the app's migrations; none when the file is gone.
    pub file: Option<usize>,
    pub row: Option<Row>,
}

impl Entry {
    pub fn migration<'a>(&self, app: &'a App) -> Option<&'a Migration> {
        app.migrations.get(self.file?)
    }
}

/// All versions of one app, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppState {
    pub entries: Vec<Entry>,
    /// False: the table is not there yet, which is as good as an empty one.
    pub table_exists: bool,
}

impl AppState {
    pub fn in_state(&self, wanted: State) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.state == wanted)
    }

    pub fn applied(&self) -> usize {
        self.entries.iter().filter(|entry| entry.state.is_applied()).count()
    }

    /// Files whose SQL the database has not seen, and interrupted ones.
    pub fn unapplied(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.state.is_applied())
    }
}

/// Joins files and rows. `rows` is none when the table does not exist.
pub fn judge(app: &App, rows: Option<&[Row]>) -> AppState {
    let mut entries: Vec<Entry> = Vec::with_capacity(app.migrations.len());
    let listed: BTreeMap<i64, &Row> = rows.unwrap_or_default().iter().map(|row| (row.version, row)).collect();
    let last_applied = listed.values().filter(|row| row.success).map(|row| row.version).max();
    for (index, migration) in app.migrations.iter().enumerate() {
        let row = listed.get(&migration.version).copied();
        let state = match row {
            Some(row) => state_of_applied(migration, row),
            None if last_applied.is_some_and(|last| migration.version < last) => State::OutOfOrder,
            None => State::Pending,
        };
        entries.push(Entry { version: migration.version, name: migration.name.clone(), state, file: Some(index), row: row.cloned() });
    }
    for row in listed.into_values() {
        if app.migrations.binary_search_by_key(&row.version, |migration| migration.version).is_err() {
            let state = if row.success { State::Missing } else { State::Unfinished };
            entries.push(Entry { version: row.version, name: name_of_missing(app, row), state, file: None, row: Some(row.clone()) });
        }
    }
    entries.sort_by_key(|entry| entry.version);
    AppState { entries, table_exists: rows.is_some() }
}

fn state_of_applied(migration: &Migration, row: &Row) -> State {
    if !row.success {
        State::Unfinished
    } else if row.checksum != migration.up.checksum {
        if checksum::differs_in_line_endings_only(&migration.up.text, &row.checksum) { State::LineEndings } else { State::Edited }
    } else if row.execution_time == FAKED {
        State::Faked
    } else {
        State::Applied
    }
}

/// The file's name is not in the table: rebuilt from the description, numbered as wide as its neighbours.
fn name_of_missing(app: &App, row: &Row) -> String {
    let width = app.migrations.first().and_then(|first| first.name.split_once('_')).map_or(0, |(number, _)| number.len());
    format!("{:0width$}_{}", row.version, row.description.replace(' ', "_"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{FAKED, NOT_MEASURED, Row, State, judge};
    use crate::checksum;
    use crate::files::{App, DEFAULT_TABLE, Migration, Script};

    pub(crate) fn script(path: &str, text: &str) -> Script {
        Script {
            path: path.to_owned(),
            text: text.to_owned(),
            checksum: checksum::of(text.as_bytes()),
            no_transaction: text.starts_with("-- no-transaction"),
        }
    }

    pub(crate) fn migration(version: i64, text: &str) -> Migration {
        let name = format!("{version:04}_m{version}");
        let path = format!("migrations/{name}.up.sql");
        let down = Some(script(&format!("migrations/{name}.down.sql"), &format!("undo {version}")));
        Migration { version, name, description: format!("m{version}"), up: script(&path, text), down }
    }

    pub(crate) fn app(label: &str, migrations: Vec<Migration>) -> App {
        let table = if label == "shop" { DEFAULT_TABLE.to_owned() } else { format!("{DEFAULT_TABLE}_{label}") };
        App { label: label.to_owned(), table, folder: "migrations".to_owned(), migrations, schema: None }
    }

    pub(crate) fn row(migration: &Migration) -> Row {
        Row {
            version: migration.version,
            description: migration.description.clone(),
            installed_on: "2026-01-02 03:04:05".to_owned(),
            success: true,
            checksum: migration.up.checksum.to_vec(),
            execution_time: 1_000,
        }
    }

    fn states(migrations: Vec<Migration>, rows: &[Row]) -> Vec<(i64, State)> {
        judge(&app("shop", migrations), Some(rows)).entries.iter().map(|entry| (entry.version, entry.state)).collect()
    }

    #[test]
    fn every_state_is_told_apart() {
        let files: Vec<_> = [1, 2, 3, 4, 5, 7, 8].into_iter().map(|version| migration(version, "one\n")).collect();
        let mut rows: Vec<_> = [&files[0], &files[1], &files[2], &files[3], &files[5]].into_iter().map(row).collect();
        rows[0].execution_time = NOT_MEASURED;
        rows[1].execution_time = FAKED;
        rows[2].checksum = checksum::of(b"other").to_vec();
        rows[3].checksum = checksum::of(b"one\r\n").to_vec();
        rows[4].success = false;
        let gone = migration(6, "gone");
        rows.push(row(&gone));
        let expected = [
            (1, State::Applied),
            (2, State::Faked),
            (3, State::Edited),
            (4, State::LineEndings),
            (5, State::OutOfOrder),
            (6, State::Missing),
            (7, State::Unfinished),
            (8, State::Pending),
        ];
        assert_eq!(states(files, &rows), expected);
    }

    #[test]
    fn without_a_table_everything_is_pending() {
        let state = judge(&app("shop", vec![migration(1, "a")]), None);
        assert!(!state.table_exists);
        assert_eq!(state.entries[0].state, State::Pending);
    }

    #[test]
    fn a_missing_file_gets_its_name_from_its_row() {
        let gone = migration(3, "x");
        let state = judge(&app("shop", vec![migration(1, "a")]), Some(&[row(&gone)]));
        assert_eq!(state.entries[1].name, "0003_m3");
    }
}
