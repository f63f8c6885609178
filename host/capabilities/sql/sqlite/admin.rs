//! The database as a whole: a file. A staged one is a file beside it; a swap is one rename over the configured
//! file, after a second name (a hard link) keeps the old one. Nobody sees a moment without a database.
//!
//! Other processes that have the old file open keep writing to the old one: SQLite knows no clients to disconnect.
//! A process in the middle of a transaction makes the swap fail instead.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::capabilities::sql::admin::DatabaseSummary;
use crate::capabilities::sql::client::{Result, Target, is_kept, keep_name};
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::types::Error;

use super::url::Address;

/// A file's name on the file systems in use.
const NAME_BYTES: usize = 255;
const STAGED: &str = ".staged-";

/// An empty database file, locked by its maker so that leftovers are told from those in use.
pub(in super::super) struct Staged {
    pub(in super::super) path: PathBuf,
    /// None once it took the configured one's place.
    _lock: File,
    is_swapped: bool,
}

impl Staged {
    pub(in super::super) fn create(target: &Target) -> Result<Self> {
        let path = file(target)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| failed(target, &error))?;
        delete_leftovers(&path);
        let id = uuid::Uuid::now_v7().simple().to_string();
        let staged = path.with_file_name(format!("{}{STAGED}{id}", name(&path)));
        let lock = File::options().create_new(true).read(true).write(true).open(&staged).map_err(|error| failed(target, &error))?;
        lock.try_lock().map_err(|_| Error::Other(format!("the staged file of database `{}` cannot be locked", target.name)))?;
        Ok(Self { path: staged, _lock: lock, is_swapped: false })
    }

    pub(in super::super) fn swap(mut self, target: &Target, keep_as: Option<&str>) -> Result<()> {
        let path = file(target)?;
        quiesce(target, &self.path)?;
        if path.exists() {
            quiesce(target, &path)?;
            if let Some(keep_as) = keep_as {
                keep(target, &path, keep_as)?;
            }
        }
        std::fs::rename(&self.path, &path).map_err(|error| failed(target, &error))?;
        self.is_swapped = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_swapped {
            delete(&self.path);
        }
    }
}

pub(in super::super) fn summary(target: &Target) -> Result<(DatabaseSummary, String)> {
    let path = file(target)?;
    let mut summary = DatabaseSummary { exists: path.exists(), database: name(&path), bytes: 0, tables: 0, clients: Vec::new() };
    let shown = format!("database `{}` is the file {}", target.name, path.display());
    if summary.exists {
        summary.bytes = std::fs::metadata(&path).map_err(|error| failed(target, &error))?.len();
        let open = || {
            let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            conn.query_one("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", [], |row| row.get(0))
        };
        summary.tables = open().map_err(|error| unusable(target, &error))?;
    }
    Ok((summary, shown))
}

/// Files that a swap kept. Names end with a time, so the newest come first.
pub(in super::super) fn kept(target: &Target) -> Result<Vec<String>> {
    let path = file(target)?;
    let database = name(&path);
    let mut names: Vec<String> =
        siblings(&path).into_iter().filter(|sibling| is_kept(sibling, &database, NAME_BYTES) && !is_aside(sibling)).collect();
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

pub(in super::super) fn restore(target: &Target, kept: &str, keep_as: &str) -> Result<()> {
    let path = file(target)?;
    let from = path.with_file_name(kept);
    if !is_kept(kept, &name(&path), NAME_BYTES) || !from.exists() {
        return Err(invalid(format!("`{kept}` is not a kept database of `{}`", target.name)));
    }
    quiesce(target, &from)?;
    if path.exists() {
        quiesce(target, &path)?;
        keep(target, &path, keep_as)?;
    }
    std::fs::rename(from, &path).map_err(|error| failed(target, &error))
}

/// Gives the file its second name.
fn keep(target: &Target, path: &Path, keep_as: &str) -> Result<()> {
    let kept = path.with_file_name(keep_name(keep_as, &name(path), NAME_BYTES)?);
    std::fs::hard_link(path, kept).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => invalid(format!("`{keep_as}` exists already")),
        _ => failed(target, &error),
    })
}

/// Brings everything into the file itself and makes sure that nobody is in the middle of something.
fn quiesce(target: &Target, path: &Path) -> Result<()> {
    let work = || {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(super::super::limits::SQLITE_LOCK_WAIT)?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        conn.execute_batch("BEGIN EXCLUSIVE; COMMIT")
    };
    work().map_err(|error| unusable(target, &error))?;
    // SQLite deletes these when the last connection closes.
    match aside(path).iter().any(|file| file.exists()) {
        true => Err(Error::Other(format!("the file of database `{}` is open in another process", target.name))),
        false => Ok(()),
    }
}

fn file(target: &Target) -> Result<PathBuf> {
    let path = Address::of(target)?.path;
    path.ok_or_else(|| invalid(format!("database `{}` is in memory: there is no file to work on", target.name)))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn siblings(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.parent().unwrap_or_else(|| Path::new("."))).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Staged files that nobody holds: their makers were killed.
fn delete_leftovers(path: &Path) {
    let prefix = format!("{}{STAGED}", name(path));
    for leftover in siblings(path).into_iter().filter(|sibling| sibling.starts_with(&prefix) && !is_aside(sibling)) {
        let leftover = path.with_file_name(leftover);
        if File::open(&leftover).is_ok_and(|file| file.try_lock().is_ok()) {
            delete(&leftover);
        }
    }
}

fn aside(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| path.with_file_name(format!("{}{suffix}", name(path))))
}

fn is_aside(name: &str) -> bool {
    ["-wal", "-shm", "-journal"].iter().any(|suffix| name.ends_with(suffix))
}

fn delete(path: &Path) {
    let _ = std::fs::remove_file(path);
    for file in aside(path) {
        let _ = std::fs::remove_file(file);
    }
}

/// Without the path: it is the host's own.
fn failed(target: &Target, error: &std::io::Error) -> Error {
    Error::Other(format!("the file of database `{}` cannot be worked on: {}", target.name, error.kind()))
}

fn unusable(target: &Target, error: &rusqlite::Error) -> Error {
    Error::Other(format!("the file of database `{}` cannot be worked on: {error}", target.name))
}
