//! Migration files: what counts as one, and what is wrong with a folder, found before anything is applied.
//!
//! The rules are sqlx's: `<i64>_<description>.sql`, `.up.sql`, `.down.sql`; other files are ignored.
//! `migrations/*.sql` is the default app; each folder in it is an app of its own with a table of its own.

use std::io;

use crate::checksum;
use crate::disk;

/// One file of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// As people see it, relative to the project: `migrations/0001_initial.sql`.
    pub path: String,
    pub text: String,
    pub checksum: [u8; checksum::LENGTH],
    /// The file's very first text is `-- no-transaction`.
    pub no_transaction: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub version: i64,
    /// File name without its ending: `0001_initial`.
    pub name: String,
    /// As sqlx stores it: `initial`, underscores become spaces.
    pub description: String,
    pub up: Script,
    pub down: Option<Script>,
}

/// A folder of migrations with its table of applied ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub label: String,
    /// `_sqlx_migrations` for the default app, `_sqlx_migrations_<label>` for the others.
    pub table: String,
    pub folder: String,
    /// Ascending by version, each version once.
    pub migrations: Vec<Migration>,
    /// `schema.sql` of an app without migrations, for `--run-syncdb`.
    pub schema: Option<Script>,
}

pub const DEFAULT_TABLE: &str = "_sqlx_migrations";
/// Postgres cuts names after 63 bytes; the prefix of a table takes 17 of them.
const LABEL_BYTES_MAX: usize = 46;
/// Far above any script written by hand; a dump that is larger belongs into `psql`.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a folder cannot be used. All problems at once, each with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    NoFolder(String),
    /// The folder was not granted.
    Denied(String),
    Problems(Vec<String>),
}

/// Reads all apps below `root`. The default app comes first, the others by name.
pub fn load(root: &str, default_label: &str) -> Result<Vec<App>, LoadError> {
    let mut problems = Vec::new();
    let listing = match disk::list(root) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LoadError::NoFolder(root.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(LoadError::Denied(root.to_owned())),
        Err(error) => return Err(LoadError::Problems(vec![format!("`{root}` cannot be read: {error}")])),
    };
    let mut apps = vec![App {
        label: default_label.to_owned(),
        table: DEFAULT_TABLE.to_owned(),
        folder: root.to_owned(),
        migrations: assemble(root, &listing.files, &mut problems),
        schema: None,
    }];
    for label in listing.folders {
        if let Some(app) = load_app(root, &label, &mut problems) {
            if let Some(other) = apps.iter().find(|other| other.label.eq_ignore_ascii_case(&app.label)) {
                problems.push(format!("`{}` and `{}` are both called `{}`", other.folder, app.folder, other.label));
            }
            apps.push(app);
        }
    }
    if problems.is_empty() { Ok(apps) } else { Err(LoadError::Problems(problems)) }
}

fn load_app(root: &str, label: &str, problems: &mut Vec<String>) -> Option<App> {
    let folder = format!("{root}/{label}");
    let listing = match disk::list(&folder) {
        Ok(listing) => listing,
        Err(error) => {
            problems.push(format!("`{folder}` cannot be read: {error}"));
            return None;
        }
    };
    let migrations = assemble(&folder, &listing.files, problems);
    let schema = listing.files.iter().any(|file| file == "schema.sql").then(|| read(&folder, "schema.sql", problems)).flatten();
    if !is_label(label) {
        // A folder of notes may be called as it likes; one with migrations gives its name to a table.
        if !migrations.is_empty() || schema.is_some() {
            problems.push(format!("`{folder}`: an app is called by letters, digits and `_`, at most {LABEL_BYTES_MAX} of them"));
        }
        return None;
    }
    Some(App { label: label.to_owned(), table: format!("{DEFAULT_TABLE}_{}", label.to_ascii_lowercase()), folder, migrations, schema })
}

fn is_label(label: &str) -> bool {
    label.len() <= LABEL_BYTES_MAX && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Simple,
    Up,
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileName {
    version: i64,
    kind: Kind,
    name: String,
    description: String,
}

/// None: not a migration, ignored. An error where sqlx has one, because it would refuse the whole folder.
fn parse_name(file: &str) -> Option<Result<FileName, String>> {
    let (version, rest) = file.split_once('_')?;
    if !rest.ends_with(".sql") {
        return None;
    }
    let Ok(version) = version.parse::<i64>() else {
        return Some(Err(format!("`{file}` does not begin with a whole number, such as `0001_initial.sql`")));
    };
    let (kind, ending) = if rest.ends_with(".up.sql") {
        (Kind::Up, ".up.sql")
    } else if rest.ends_with(".down.sql") {
        (Kind::Down, ".down.sql")
    } else {
        (Kind::Simple, ".sql")
    };
    let description = rest.trim_end_matches(ending).replace('_', " ");
    let name = file.strip_suffix(ending).unwrap_or(file).to_owned();
    Some(Ok(FileName { version, kind, name, description }))
}

/// Pairs up and down files, and reports what sqlx would stumble over only in the middle of its work.
fn assemble(folder: &str, files: &[String], problems: &mut Vec<String>) -> Vec<Migration> {
    let mut names = Vec::new();
    for file in files {
        match parse_name(file) {
            None => {}
            Some(Ok(name)) => names.push((name, file)),
            Some(Err(problem)) => problems.push(format!("{folder}: {problem}")),
        }
    }
    names.sort_by_key(|(name, _)| name.version);
    let mut migrations = Vec::new();
    for same in names.chunk_by(|(left, _), (right, _)| left.version == right.version) {
        let (downs, ups): (Vec<_>, Vec<_>) = same.iter().partition(|(name, _)| name.kind == Kind::Down);
        match (ups.as_slice(), downs.as_slice()) {
            ([(up, up_file)], [] | [_]) => {
                let down = downs.first().map(|(_, file)| read(folder, file, problems));
                let Some(script) = read(folder, up_file, problems) else { continue };
                migrations.push(Migration {
                    version: up.version,
                    name: up.name.clone(),
                    description: up.description.clone(),
                    up: script,
                    down: down.flatten(),
                });
            }
            ([], [(down, file), ..]) => {
                problems.push(format!("`{folder}/{file}` undoes version {}, which has no file that applies it", down.version))
            }
            ([_, _, ..], _) => problems.push(duplicate(folder, &ups)),
            _ => problems.push(duplicate(folder, &downs)),
        }
    }
    migrations
}

fn duplicate(folder: &str, same: &[&(FileName, &String)]) -> String {
    let version = same.first().map(|(name, _)| name.version).unwrap_or_default();
    let files: Vec<_> = same.iter().map(|(_, file)| format!("`{folder}/{file}`")).collect();
    let cure = "give each migration a version of its own: rename the one that is applied nowhere yet";
    format!("version {version} is there {} times: {}; {cure}", same.len(), files.join(", "))
}

fn read(folder: &str, file: &str, problems: &mut Vec<String>) -> Option<Script> {
    let path = format!("{folder}/{file}");
    let bytes = match disk::read(&path) {
        Ok(bytes) if bytes.len() as u64 <= FILE_BYTES_MAX => bytes,
        Ok(_) => {
            problems.push(format!("`{path}` is larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024));
            return None;
        }
        Err(error) => {
            problems.push(format!("`{path}` cannot be read: {error}"));
            return None;
        }
    };
    script(path, bytes).map_err(|problem| problems.push(problem)).ok()
}

fn script(path: String, bytes: Vec<u8>) -> Result<Script, String> {
    let checksum = checksum::of(&bytes);
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
        format!("`{path}` is not UTF-8 text: line {line}, byte {valid} of the file")
    })?;
    let no_transaction = text.starts_with("-- no-transaction");
    Ok(Script { path, text, checksum, no_transaction })
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
