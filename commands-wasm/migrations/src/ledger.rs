//! What migrations need of a database, so that plans and their application can be tried without one.
//!
//! Two traits, because a component imports every function its code can reach: commands that only read
//! must not carry the functions that write.

use std::collections::BTreeMap;

use crate::failure::{Code, Failure};
use crate::state::Row;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    Sqlite,
}

/// What a database said about a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// SQLSTATE, or SQLite's extended result code.
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// One-based line of the script.
    pub line: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A statement failed.
    Query(Complaint),
    /// The connection could not be made or broke; another try may help.
    Lost(String),
    /// The server refused for good: password, role, no such database.
    Rejected(Complaint),
    /// The power was not granted; the lines that would allow it follow the first one.
    Denied(String),
    /// No database of that name is configured.
    NoSuchDatabase(String),
    Timeout(String),
    Limit(String),
    Cancelled(String),
    Other(String),
}

impl Error {
    pub fn code(&self) -> Code {
        match self {
            Self::Query(_) | Self::Other(_) => Code::Failed,
            Self::Lost(_) | Self::Rejected(_) => Code::Unreachable,
            Self::Denied(_) => Code::Denied,
            Self::NoSuchDatabase(_) => Code::Usage,
            Self::Timeout(_) => Code::Timeout,
            Self::Limit(_) => Code::Limit,
            Self::Cancelled(_) => Code::Interrupted,
        }
    }

    /// One line for people.
    pub fn text(&self) -> String {
        match self {
            Self::Query(complaint) | Self::Rejected(complaint) => complaint.text(),
            Self::Lost(text)
            | Self::Denied(text)
            | Self::NoSuchDatabase(text)
            | Self::Timeout(text)
            | Self::Limit(text)
            | Self::Cancelled(text)
            | Self::Other(text) => text.clone(),
        }
    }
}

impl Complaint {
    pub fn text(&self) -> String {
        // SQLSTATE has five characters; SQLite's codes are decimal numbers.
        let kind = if self.code.len() == 5 { "SQLSTATE" } else { "SQLite code" };
        if self.code.is_empty() { self.message.clone() } else { format!("{} ({kind} {})", self.message, self.code) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.text();
        match text.split_once("\nhint: ") {
            Some((message, hint)) => Self::new(error.code(), message).hint(hint.trim_end()),
            None => Self::new(error.code(), text),
        }
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// Rows by table; a table that does not exist has no entry.
pub type Tables = BTreeMap<String, Vec<Row>>;

pub trait Reader {
    fn engine(&self) -> Engine;
    /// The database's own name.
    fn database(&self) -> String;
    /// The rows of those of `tables` that exist. Creates nothing.
    fn read(&mut self, tables: &[&str]) -> Result<Tables>;
    /// For each name (`users`, `app.users`), whether such a table exists.
    fn exist(&mut self, names: &[String]) -> Result<Vec<bool>>;
}

/// Who holds the lock, as far as the database tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    pub process: u64,
    pub user: String,
    pub application: String,
    pub state: String,
    pub seconds: u64,
}

/// A new row; `installed_on` is the database's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow<'a> {
    pub version: i64,
    pub description: &'a str,
    pub success: bool,
    pub checksum: &'a [u8],
    pub execution_time: i64,
}

pub trait Ledger: Reader {
    /// As sqlx creates it; only under the lock, because two at once collide even with IF NOT EXISTS.
    fn create_table(&mut self, table: &str) -> Result<()>;
    fn insert(&mut self, table: &str, row: &NewRow<'_>) -> Result<()>;
    /// False when there was no such row.
    fn delete(&mut self, table: &str, version: i64) -> Result<bool>;
    fn set_outcome(&mut self, table: &str, version: i64, success: bool, execution_time: i64) -> Result<()>;
    fn set_checksum(&mut self, table: &str, version: i64, checksum: &[u8]) -> Result<()>;
    fn begin(&mut self) -> Result<()>;
    fn commit(&mut self) -> Result<()>;
    /// Also when the connection is gone: then there is nothing left to roll back.
    fn rollback(&mut self);
    fn run_script(&mut self, script: &str) -> Result<()>;
    /// One try.
    fn try_lock(&mut self, key: i64) -> Result<bool>;
    fn lock_holder(&mut self, key: i64) -> Result<Option<Holder>>;
    /// False when the lock was no longer ours.
    fn unlock(&mut self) -> Result<bool>;
    /// A fresh connection, after this one was lost.
    fn reconnect(&mut self) -> Result<()>;
}
