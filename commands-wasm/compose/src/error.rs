//! What was wrong, where, and what cures it.

use std::fmt;
use std::sync::Arc;

/// A position in a file: lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl Place {
    pub fn new(file: &Arc<str>, line: usize, column: usize) -> Self {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { file: Arc::clone(file), line: narrow(line), column: narrow(column) }
    }

    /// The beginning of a file.
    pub fn start(file: &str) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why a project could not be loaded. Displayed as `compose.yaml:12:5: what is wrong`; `hints` are lines for
/// `hint:` below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    pub place: Option<Place>,
    /// The key as a path, `services.web.ports`.
    pub key: Option<String>,
    pub hints: Vec<String>,
    /// A file that is wanted may not be read.
    pub denied: bool,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, key: None, hints: Vec::new(), denied: false }
    }

    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key.get_or_insert_with(|| key.into());
        self
    }

    #[must_use]
    pub(crate) fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(out, "{place}: ")?;
        }
        match &self.key {
            Some(key) => write!(out, "`{key}`: {}", self.message),
            None => write!(out, "{}", self.message),
        }
    }
}

impl std::error::Error for Error {}

/// Something that is not an error, and that the user wants to know. Each is said once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub message: String,
    pub place: Option<Place>,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(out, "{place}: {}", self.message),
            None => write!(out, "{}", self.message),
        }
    }
}
