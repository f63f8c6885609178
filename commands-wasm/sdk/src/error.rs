//! What goes wrong in a command, what a person is told of it, and the exit code it ends with.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::bindings::host::terminal::prompt;
use crate::bindings::wasi::config::store;
use crate::docker::DockerError;
use crate::ending::Ending;
use crate::redis::{CommandError, RedisError};
use crate::sql::{DbError, SqlError};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A command's error: what `host:sql`, `host:redis` or `host:docker` answered, to branch on, or a failure ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    Sql(Box<SqlError>),
    Redis(Box<RedisError>),
    Docker(Box<DockerError>),
    Failure(Box<Failure>),
}

/// What is wrong and how to cure it. `message` is one lower-case sentence without a full stop, user words in backticks;
/// each hint is a line or block that cures it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub ending: Ending,
    pub message: String,
    pub hints: Vec<String>,
    /// What the database said, where it was the database.
    pub database: Option<DbError>,
    /// Further fields of the error in `--json`.
    pub details: Map<String, Value>,
}

impl Error {
    pub fn new(ending: Ending, message: impl Into<String>) -> Self {
        let failure = Failure { ending, message: message.into(), hints: Vec::new(), database: None, details: Map::new() };
        Self::Failure(Box::new(failure))
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Ending::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Ending::Usage, message)
    }

    /// A hint more: the line that cures it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.change(|failure| failure.hints.push(hint.into()))
    }

    /// Says what was being done: `failed to apply \`0003_x.sql\``.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        self.change(|failure| failure.message = format!("{doing}: {}", failure.message))
    }

    /// Another ending than the error has by itself.
    #[must_use]
    pub fn ending(self, ending: Ending) -> Self {
        self.change(|failure| failure.ending = ending)
    }

    /// The exit code of a command that ends with it.
    pub fn code(&self) -> u8 {
        self.clone().into_failure().ending.code()
    }

    /// A field more for `--json`.
    #[must_use]
    pub fn detail(self, name: &str, value: impl Into<Value>) -> Self {
        self.change(|failure| drop(failure.details.insert(name.to_owned(), value.into())))
    }

    /// What `host:sql` answered, to branch on; none once a hint or context was added.
    pub fn sql(&self) -> Option<&SqlError> {
        match self {
            Self::Sql(error) => Some(error),
            Self::Redis(_) | Self::Docker(_) | Self::Failure(_) => None,
        }
    }

    /// What `host:redis` answered, to branch on; none once a hint or context was added.
    pub fn redis(&self) -> Option<&RedisError> {
        match self {
            Self::Redis(error) => Some(error),
            Self::Sql(_) | Self::Docker(_) | Self::Failure(_) => None,
        }
    }

    /// What `host:docker` answered, to branch on; none once a hint or context was added.
    pub fn docker(&self) -> Option<&DockerError> {
        match self {
            Self::Docker(error) => Some(error),
            Self::Sql(_) | Self::Redis(_) | Self::Failure(_) => None,
        }
    }

    /// What the database said, where it was the database.
    pub fn database(&self) -> Option<&DbError> {
        match self {
            Self::Sql(error) => match error.as_ref() {
                SqlError::QueryFailed(error) | SqlError::ConnectionRejected(error) => Some(error),
                _ => None,
            },
            Self::Redis(_) | Self::Docker(_) => None,
            Self::Failure(failure) => failure.database.as_ref(),
        }
    }

    /// SQLSTATE, or SQLite's extended result code, where it was the database.
    pub fn sql_code(&self) -> Option<&str> {
        self.database().map(|error| error.code.as_str())
    }

    /// As it will be shown.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Failure(failure) => *failure,
            Self::Sql(error) => Failure::from(*error),
            Self::Redis(error) => Failure::from(*error),
            Self::Docker(error) => Failure::from(*error),
        }
    }

    fn change(self, change: impl FnOnce(&mut Failure)) -> Self {
        let mut failure = self.into_failure();
        change(&mut failure);
        Self::Failure(Box::new(failure))
    }
}

impl Failure {
    /// The host's text, with what cures it as a hint.
    pub(crate) fn told(ending: Ending, text: String) -> Self {
        let (message, hints) = split_cure(text);
        Self { ending, message, hints, database: None, details: Map::new() }
    }

    /// `error: ...` and `hint: ...`, each on lines of its own, for stderr.
    pub fn to_text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        if let Some(error) = &self.database {
            for (label, value) in [("detail", &error.detail), ("database's hint", &error.hint)] {
                if let Some(value) = value {
                    text.push_str(&format!("  {label}: {value}\n"));
                }
            }
        }
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }

    /// Version 1 of an error in `--json`, as the host writes its own; `database` and the details come on top.
    pub fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("ending".to_owned(), self.ending.word().into());
        error.insert("exit_code".to_owned(), self.ending.code().into());
        error.insert("message".to_owned(), self.message.as_str().into());
        error.insert("hints".to_owned(), self.hints.as_slice().into());
        if let Some(database) = &self.database {
            error.insert("database".to_owned(), database_json(database));
        }
        error.extend(self.details.clone());
        json!({ "v": 1, "error": error })
    }
}

fn database_json(error: &DbError) -> Value {
    json!({
        "code": error.code, "message": error.message, "detail": error.detail, "hint": error.hint,
        "position": error.position, "line": error.line,
        "schema": error.schema, "table": error.table, "column": error.column, "constraint": error.constraint,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.clone().into_failure().message)
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        Self::Sql(Box::new(error))
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        Self::Redis(Box::new(error))
    }
}

impl From<RedisError> for Failure {
    /// What the server said stands in the details under `redis`.
    fn from(error: RedisError) -> Self {
        let (ending, message, server) = match error {
            RedisError::AccessDenied(text) => (Ending::Denied, text, None),
            RedisError::NoSuchRedis(text) => (Ending::Usage, text, None),
            RedisError::InvalidArgument(text) | RedisError::Other(text) => (Ending::Failed, text, None),
            RedisError::ConnectionFailed(text) => (Ending::Unreachable, text, None),
            RedisError::ConnectionRejected(error) => (Ending::Unreachable, redis_said(&error), Some(error)),
            RedisError::CommandFailed(error) => (Ending::Failed, redis_said(&error), Some(error)),
            RedisError::LimitExceeded(text) => (Ending::Limit, text, None),
            RedisError::Timeout(text) => (Ending::Timeout, text, None),
            RedisError::Cancelled(text) => (Ending::Interrupted, text, None),
        };
        let (message, hints) = split_cure(message);
        let mut details = Map::new();
        if let Some(CommandError { code, message }) = server {
            details.insert("redis".to_owned(), json!({ "code": code, "message": message }));
        }
        Self { ending, message, hints, database: None, details }
    }
}

/// As the server writes it: `WRONGTYPE Operation against ...`.
fn redis_said(error: &CommandError) -> String {
    if error.message.starts_with(&error.code) { error.message.clone() } else { format!("{} {}", error.code, error.message) }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        let (ending, message, database) = match error {
            SqlError::AccessDenied(text) => (Ending::Denied, text, None),
            SqlError::NoSuchDatabase(text) => (Ending::Usage, text, None),
            SqlError::InvalidArgument(text) | SqlError::Other(text) => (Ending::Failed, text, None),
            SqlError::ConnectionFailed(text) => (Ending::Unreachable, text, None),
            SqlError::ConnectionRejected(error) => (Ending::Unreachable, said(&error), Some(error)),
            SqlError::QueryFailed(error) => (Ending::Failed, said(&error), Some(error)),
            SqlError::LimitExceeded(text) => (Ending::Limit, text, None),
            SqlError::Timeout(text) => (Ending::Timeout, text, None),
            SqlError::Cancelled(text) => (Ending::Interrupted, text, None),
        };
        let (message, hints) = split_cure(message);
        Self { ending, message, hints, database, details: Map::new() }
    }
}

/// The host's text says what is wrong and, behind one of these, what cures it.
fn split_cure(text: String) -> (String, Vec<String>) {
    for (mark, kept) in [("\nhint: ", ""), ("; hint: ", ""), ("; to allow it, ", "to allow it, ")] {
        if let Some((wrong, cure)) = text.split_once(mark) {
            return (wrong.to_owned(), vec![format!("{kept}{}", cure.trim_end())]);
        }
    }
    (text, Vec::new())
}

/// The database's own words, with the code that a search engine knows and the line in a script.
fn said(error: &DbError) -> String {
    let code = match error.code.len() {
        0 => String::new(),
        5 => format!(" (SQLSTATE {})", error.code),
        _ => format!(" (code {})", error.code),
    };
    match error.line {
        Some(line) => format!("line {line}: {}{code}", error.message),
        None => format!("{}{code}", error.message),
    }
}

impl From<prompt::Error> for Error {
    fn from(error: prompt::Error) -> Self {
        match error {
            prompt::Error::NoTerminal(flag) => {
                Self::new(Ending::Unconfirmed, "an answer is needed, and there is no terminal to ask on").hint(format!("pass `{flag}`"))
            }
            prompt::Error::Interrupted => Self::new(Ending::Interrupted, "interrupted"),
            prompt::Error::Other(text) => Self::failed(text),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let (store::Error::Upstream(text) | store::Error::Io(text)) = error;
        Self::failed(format!("failed to read the configuration: {text}"))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::new(Ending::Denied, words(&error)),
            _ => Self::failed(words(&error)),
        }
    }
}

/// Without the number, which is WASI's: it means something else wherever somebody would look it up.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.as_str(), |(words, _)| words).to_owned()
}

impl From<std::fmt::Error> for Error {
    fn from(error: std::fmt::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_wasis_is_not_told() {
        let error = std::io::Error::from_raw_os_error(2);
        assert!(error.to_string().ends_with("(os error 2)"));
        assert_eq!(Error::from(error), Error::failed("No such file or directory"));
    }

    fn unique_violation() -> DbError {
        DbError {
            code: "23505".to_owned(),
            message: "duplicate key value violates unique constraint \"a_pkey\"".to_owned(),
            detail: Some("Key (id)=(1) already exists.".to_owned()),
            hint: None,
            position: None,
            line: Some(7),
            schema: None,
            table: Some("a".to_owned()),
            column: None,
            constraint: Some("a_pkey".to_owned()),
        }
    }

    fn ending_of(error: SqlError) -> u8 {
        Error::from(error).into_failure().ending.code()
    }

    #[test]
    fn every_sql_error_has_its_exit_code() {
        let text = String::new;
        assert_eq!(ending_of(SqlError::AccessDenied(text())), 4);
        assert_eq!(ending_of(SqlError::NoSuchDatabase(text())), 2);
        assert_eq!(ending_of(SqlError::InvalidArgument(text())), 1);
        assert_eq!(ending_of(SqlError::ConnectionFailed(text())), 9);
        assert_eq!(ending_of(SqlError::ConnectionRejected(unique_violation())), 9);
        assert_eq!(ending_of(SqlError::QueryFailed(unique_violation())), 1);
        assert_eq!(ending_of(SqlError::LimitExceeded(text())), 8);
        assert_eq!(ending_of(SqlError::Timeout(text())), 124);
        assert_eq!(ending_of(SqlError::Cancelled(text())), 130);
        assert_eq!(ending_of(SqlError::Other(text())), 1);
    }

    #[test]
    fn every_redis_error_has_its_exit_code() {
        let (text, said) = (String::new, || CommandError { code: "WRONGTYPE".to_owned(), message: "not a list".to_owned() });
        let ending_of = |error: RedisError| Error::from(error).into_failure().ending.code();
        assert_eq!(ending_of(RedisError::AccessDenied(text())), 4);
        assert_eq!(ending_of(RedisError::NoSuchRedis(text())), 2);
        assert_eq!(ending_of(RedisError::InvalidArgument(text())), 1);
        assert_eq!(ending_of(RedisError::ConnectionFailed(text())), 9);
        assert_eq!(ending_of(RedisError::ConnectionRejected(said())), 9);
        assert_eq!(ending_of(RedisError::CommandFailed(said())), 1);
        assert_eq!(ending_of(RedisError::LimitExceeded(text())), 8);
        assert_eq!(ending_of(RedisError::Timeout(text())), 124);
        assert_eq!(ending_of(RedisError::Cancelled(text())), 130);
        assert_eq!(ending_of(RedisError::Other(text())), 1);
        let failure = Error::from(RedisError::CommandFailed(said())).into_failure();
        assert_eq!(failure.message, "WRONGTYPE not a list");
        assert_eq!(failure.to_json().pointer("/error/redis/code"), Some(&"WRONGTYPE".into()));
    }

    #[test]
    fn a_failed_query_names_line_code_and_detail() {
        let text = Error::from(SqlError::QueryFailed(unique_violation()))
            .context("failed to apply `a.sql`")
            .hint("fix it")
            .into_failure()
            .to_text();
        let expected = "error: failed to apply `a.sql`: line 7: duplicate key value violates unique constraint \"a_pkey\" (SQLSTATE 23505)\n  \
                        detail: Key (id)=(1) already exists.\nhint: fix it\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_failure_as_json_begins_as_the_hosts_own_do() {
        let document = Error::new(Ending::Locked, "held").hint("wait").detail("holder", 17).into_failure().to_json();
        let expected = r#"{"v":1,"error":{"ending":"locked","exit_code":6,"message":"held","hints":["wait"],"holder":17}}"#;
        assert_eq!(document.to_string(), expected);
    }

    #[test]
    fn the_cure_in_the_hosts_text_becomes_a_hint() {
        for text in ["no `write`\nhint: add\n  x = 1", "no `write`; hint: add\n  x = 1"] {
            let failure = Error::from(SqlError::AccessDenied(text.to_owned())).into_failure();
            assert_eq!((failure.message.as_str(), failure.hints), ("no `write`", vec!["add\n  x = 1".to_owned()]));
        }
    }

    #[test]
    fn a_context_keeps_what_the_database_said() {
        let error = Error::from(SqlError::QueryFailed(unique_violation())).context("failed");
        assert_eq!(error.sql_code(), Some("23505"));
    }

    #[test]
    fn a_question_without_a_terminal_names_the_flag_and_ends_5() {
        let failure = Error::from(prompt::Error::NoTerminal("--yes".to_owned())).into_failure();
        assert_eq!((failure.ending.code(), failure.hints), (5, vec!["pass `--yes`".to_owned()]));
    }
}
