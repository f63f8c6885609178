//! Connections and transactions.

use std::ops::Deref;
use std::time::Duration;

use crate::bindings::host::sql::types::{ConnectOptions, Connection, Transaction as RawTransaction, TransactionMode};
use crate::bindings::host::sql::{read, schema, write};
use crate::error::Result;
use crate::sql::{Engine, Rows, ScriptOutcome, Value};

/// A connection to the database that the operator configured under a name. Dropping it closes it.
#[derive(Debug)]
pub struct Database {
    name: String,
    pub(crate) connection: Connection,
}

/// Bounds of a connection; none means the host's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub connect_timeout: Option<Duration>,
    /// Of each statement.
    pub statement_timeout: Option<Duration>,
}

impl Database {
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Options::default())
    }

    pub fn open_with(name: &str, options: Options) -> Result<Self> {
        let options = ConnectOptions {
            connect_timeout_ms: milliseconds(options.connect_timeout),
            statement_timeout_ms: milliseconds(options.statement_timeout),
        };
        Ok(Self::wrap(name, Connection::open(name, options)?))
    }

    pub(crate) fn wrap(name: &str, connection: Connection) -> Self {
        Self { name: name.to_owned(), connection }
    }

    /// The configured name it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn engine(&self) -> Engine {
        self.connection.engine()
    }

    pub fn server_version(&self) -> String {
        self.connection.server_version()
    }

    /// What the server calls it; for SQLite the file's name without its folder.
    pub fn database(&self) -> String {
        self.connection.database()
    }

    /// Bounds each later statement; none removes the bound.
    pub fn set_statement_timeout(&self, timeout: Option<Duration>) {
        self.connection.set_statement_timeout(milliseconds(timeout));
    }

    /// Power `read`: one statement that returns rows and changes nothing. Finish with its rows, or drop them, before the next.
    pub fn query<'a>(&'a self, sql: &str, parameters: &[Value]) -> Result<Rows<'a>> {
        Ok(Rows::new(read::query(&self.connection, sql, parameters)?))
    }

    /// Power `write`: one statement; answers how many rows it changed.
    pub fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64> {
        Ok(write::execute(&self.connection, sql, parameters)?)
    }

    /// Power `write`: one statement with RETURNING.
    pub fn execute_returning<'a>(&'a self, sql: &str, parameters: &[Value]) -> Result<Rows<'a>> {
        Ok(Rows::new(write::execute_returning(&self.connection, sql, parameters)?))
    }

    /// Power `schema`: the statements of a script one after another, up to the first that fails.
    pub fn run_script(&self, script: &str) -> Result<ScriptOutcome> {
        Ok(schema::run_script(&self.connection, script)?)
    }

    /// What follows on this connection belongs together, and is undone unless it is committed.
    pub fn transaction(&self) -> Result<Transaction<'_>> {
        self.begin(TransactionMode::ReadWrite)
    }

    /// The same, and nothing can be changed inside.
    pub fn read_transaction(&self) -> Result<Transaction<'_>> {
        self.begin(TransactionMode::ReadOnly)
    }

    fn begin(&self, mode: TransactionMode) -> Result<Transaction<'_>> {
        Ok(Transaction { database: self, raw: RawTransaction::begin(&self.connection, mode)? })
    }
}

/// An open transaction; everything its [`Database`] can do happens inside. Dropping it rolls back.
#[derive(Debug)]
pub struct Transaction<'a> {
    database: &'a Database,
    raw: RawTransaction,
}

impl Transaction<'_> {
    pub fn commit(self) -> Result<()> {
        Ok(self.raw.commit()?)
    }

    /// The same as dropping it, but says when it failed.
    pub fn rollback(self) -> Result<()> {
        Ok(self.raw.rollback()?)
    }
}

impl Deref for Transaction<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.database
    }
}

/// As the host counts: 0 is none, and nothing is rounded down to it.
fn milliseconds(span: Option<Duration>) -> u32 {
    span.map_or(0, |span| u32::try_from(span.as_millis()).unwrap_or(u32::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_below_a_millisecond_stays_a_bound() {
        assert_eq!(milliseconds(None), 0);
        assert_eq!(milliseconds(Some(Duration::from_micros(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_secs(u64::MAX))), u32::MAX);
    }
}
