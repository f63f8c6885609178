//! How files are reached: a small trait, so that tests need no disk; and paths as text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::error::Error;

/// Where Compose files and env files come from. Paths are relative to the folder the caller works in, with `/`
/// between their parts; an absolute path in a file is handed over as it is.
pub trait Files {
    /// # Errors
    /// When there is no such file, or it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;
    /// Whether a file (not a folder) is there.
    fn exists(&self, path: &str) -> bool;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    Missing,
    Denied,
    Other(String),
}

impl FileError {
    /// Of a file that is wanted: `what` is how it is called, ``the env file `.env` ``.
    pub(crate) fn of(self, what: &str, path: &str) -> Error {
        let denied = self == Self::Denied;
        let hint = (denied && is_grantable(path)).then(|| format!("grant reading it: files.\"{path}\" = \"read\""));
        let why = match denied && is_above(path) {
            true => "it lies outside of the project's folder, which no grant reaches".to_owned(),
            false => self.to_string(),
        };
        Error { denied, ..Error::new(format!("failed to read {what}: {why}")).hints(hint) }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(out, "no such file"),
            Self::Denied => write!(out, "not allowed to read it"),
            Self::Other(why) => write!(out, "{why}"),
        }
    }
}

/// Whether the line of host.toml can be told: of absolute paths, and of names with wildcards, the host says itself what can be
/// done.
fn is_grantable(path: &str) -> bool {
    !is_anchored(path) && !is_above(path) && !path.contains(['*', '?', '[', ']', '{', '}', '"', '\\'])
}

/// Whether a clean path leaves the folder it starts in.
pub(crate) fn is_above(path: &str) -> bool {
    path == ".." || path.starts_with("../")
}

/// `ENOTCAPABLE` of wasi-libc.
const NOT_CAPABLE: i32 = 76;

/// Files below a folder, by `std::fs`: in a guest, below what was granted to it.
#[derive(Debug, Clone)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        // No grant has `..` in it.
        if is_above(path) {
            return Err(FileError::Denied);
        }
        std::fs::read(self.folder.join(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FileError::Missing,
            std::io::ErrorKind::PermissionDenied => FileError::Denied,
            // WASI's answer for what is below no granted folder, for which std has no kind.
            _ if cfg!(target_os = "wasi") && error.raw_os_error() == Some(NOT_CAPABLE) => FileError::Denied,
            // Without the number, which is WASI's own.
            _ => FileError::Other(error.to_string().split(" (os error ").next().unwrap_or_default().to_owned()),
        })
    }

    fn exists(&self, path: &str) -> bool {
        self.folder.join(path).is_file()
    }
}

/// Files in memory: path and text.
impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.get(path).map(|text| text.as_bytes().to_vec()).ok_or(FileError::Missing)
    }

    fn exists(&self, path: &str) -> bool {
        self.contains_key(path)
    }
}

/// Whether a path says by itself where it is: absolute, or below somebody's home.
pub(crate) fn is_anchored(path: &str) -> bool {
    path.starts_with('/') || path == "~" || path.starts_with("~/") || is_windows(path)
}

fn is_windows(path: &str) -> bool {
    let mut letters = path.chars();
    path.starts_with("\\\\")
        || (letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.next() == Some(':')
            && letters.next().is_none_or(|third| third == '\\' || third == '/'))
}

/// `path` as seen from where `folder` is seen; anchored paths stay as they are.
pub(crate) fn join(folder: &str, path: &str) -> String {
    if is_anchored(path) || folder.is_empty() || folder == "." {
        return clean(path);
    }
    clean(&format!("{folder}/{path}"))
}

/// The shortest path with the same meaning, `.` for the folder itself. Of a Windows path nothing is changed.
pub(crate) fn clean(path: &str) -> String {
    if is_windows(path) {
        return path.to_owned();
    }
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// The folder that a file is in, `.` when its path names none.
pub(crate) fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_shortened() {
        assert_eq!(join(".", "./data/"), "data");
        assert_eq!(join("deploy", "../data"), "data");
        assert_eq!(join("deploy", "../../data"), "../data");
        assert_eq!(join("deploy", "."), "deploy");
        assert_eq!(join("", "."), ".");
        assert_eq!(join("deploy", "/etc//x/../y"), "/etc/y");
        assert_eq!(join("deploy", "~/x"), "~/x");
        assert_eq!(join("deploy", "C:\\x"), "C:\\x");
        assert_eq!(clean("/../.."), "/");
        assert_eq!([parent("a/b.yml"), parent("b.yml"), parent("/b.yml")], ["a", ".", "/"]);
    }
}
