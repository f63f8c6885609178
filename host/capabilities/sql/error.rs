//! Errors as a guest sees them: the database's own report, never an address, a user or a password.

use crate::gate::journal::Outcome;
use crate::gate::says_refusals;

use super::types::{DbError, Error};

says_refusals!(Error);

impl Outcome for Error {
    /// Code and message only: `detail` holds values of rows.
    fn summary(&self) -> String {
        match self {
            Self::AccessDenied(text) => format!("access-denied: {text}"),
            Self::NoSuchDatabase(text) => format!("no-such-database: {text}"),
            Self::InvalidArgument(text) => format!("invalid-argument: {text}"),
            Self::ConnectionFailed(text) => format!("connection-failed: {text}"),
            Self::ConnectionRejected(error) => format!("connection-rejected: {} {}", error.code, error.message),
            Self::QueryFailed(error) => format!("query-failed: {} {}", error.code, error.message),
            Self::LimitExceeded(text) => format!("limit-exceeded: {text}"),
            Self::Timeout(text) => format!("timeout: {text}"),
            Self::Cancelled(text) => format!("cancelled: {text}"),
            Self::Other(text) => format!("other: {text}"),
        }
    }
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidArgument(text.into())
}

pub(super) fn too_much(text: impl Into<String>) -> Error {
    Error::LimitExceeded(text.into())
}

/// The connection is closed, or its server went away.
pub(super) fn gone(database: &str) -> Error {
    Error::ConnectionFailed(format!("the connection to database `{database}` is closed"))
}

/// An error report with nothing but code and message.
pub(super) fn plain(code: impl Into<String>, message: impl Into<String>) -> DbError {
    DbError {
        code: code.into(),
        message: message.into(),
        detail: None,
        hint: None,
        position: None,
        line: None,
        schema: None,
        table: None,
        column: None,
        constraint: None,
    }
}

/// The one-based line of the one-based character `position` of a text that starts at byte `start` of `script`.
pub(super) fn line_of(script: &str, start: usize, position: Option<u32>) -> u32 {
    let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    let before = lines(script.get(..start).unwrap_or_default());
    let rest = script.get(start..).unwrap_or_default();
    let characters = usize::try_from(position.unwrap_or(1).saturating_sub(1)).unwrap_or(0);
    let end = rest.char_indices().nth(characters).map_or(rest.len(), |(index, _)| index);
    u32::try_from(before + lines(rest.get(..end).unwrap_or_default()) + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_becomes_the_line_of_the_script() {
        let script = "SELECT 1;\n-- ä\nSELECT\n  nope;";
        assert_eq!(line_of(script, 0, Some(1)), 1);
        let start = script.find("SELECT\n").unwrap();
        assert_eq!(line_of(script, start, None), 3);
        assert_eq!(line_of(script, start, Some(10)), 4);
        assert_eq!(line_of(script, start, Some(10_000)), 4);
    }

    #[test]
    fn the_journal_gets_no_values_of_rows() {
        let mut error = plain("23505", "duplicate key");
        error.detail = Some("Key (email)=(a@b.c) already exists.".to_owned());
        assert_eq!(Error::QueryFailed(error).summary(), "query-failed: 23505 duplicate key");
    }
}
