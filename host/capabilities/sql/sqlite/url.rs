//! `sqlite://var/app.db`, `sqlite:///srv/app.db`, `sqlite::memory:`, `?mode=ro|rw|rwc`.

use std::path::{Path, PathBuf};

use crate::capabilities::sql::client::{Result, Target};
use crate::capabilities::sql::types::Error;

/// Where a database is; no path means memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) path: Option<PathBuf>,
    pub(super) mode: Option<String>,
}

impl Address {
    pub(super) fn of(target: &Target) -> Result<Self> {
        if let Some(staged) = &target.staged {
            return Ok(Self { path: Some(PathBuf::from(staged)), mode: Some("rw".to_owned()) });
        }
        Self::parse(&target.url, &target.root).map_err(|what| {
            Error::Other(format!(
                "the address of database `{}` cannot be read: {what}; see [sql.{}] in host.toml",
                target.name, target.name
            ))
        })
    }

    pub(super) fn parse(url: &str, root: &Path) -> std::result::Result<Self, String> {
        let rest = url.split_once(':').map(|(_, rest)| rest).unwrap_or_default();
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut mode = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("mode", value @ ("ro" | "rw" | "rwc" | "memory"))) => mode = Some(value.to_owned()),
                _ => return Err(format!("`{}` is not known, only mode=ro, rw, rwc or memory", pair.split('=').next().unwrap_or_default())),
            }
        }
        let path = decoded(path).ok_or("it is not valid percent-encoded UTF-8")?;
        if path.is_empty() {
            return Err("it names no file".to_owned());
        }
        let is_memory = path == ":memory:" || mode.as_deref() == Some("memory");
        Ok(Self { path: (!is_memory).then(|| root.join(path)), mode })
    }

    /// The file's name without its folder.
    pub(super) fn file_name(&self) -> String {
        let name = self.path.as_deref().and_then(Path::file_name);
        name.map_or_else(|| ":memory:".to_owned(), |name| name.to_string_lossy().into_owned())
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        match hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Option<PathBuf> {
        Address::parse(url, Path::new("/p")).unwrap().path
    }

    #[test]
    fn files_are_relative_to_the_project_unless_absolute() {
        for (url, expected) in [
            ("sqlite://var/app.db", "/p/var/app.db"),
            ("sqlite:var/app.db", "/p/var/app.db"),
            ("sqlite:///srv/app.db?mode=ro", "/srv/app.db"),
            ("sqlite://a%20b%2F%C3%A4.db", "/p/a b/ä.db"),
            ("sqlite://100%.db", "/p/100%.db"),
        ] {
            assert_eq!(path(url), Some(PathBuf::from(expected)), "{url}");
        }
        assert_eq!(path("sqlite::memory:"), None);
        assert_eq!(path("sqlite://:memory:"), None);
    }

    #[test]
    fn unknown_parameters_and_missing_files_are_errors() {
        for url in ["sqlite://a.db?mode=x", "sqlite://a.db?vfs=unix", "sqlite://", "sqlite:"] {
            assert!(Address::parse(url, Path::new("/p")).is_err(), "{url}");
        }
    }
}
