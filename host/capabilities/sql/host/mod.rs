//! The WIT functions: one file per interface. The first line of each is the gate.

pub(super) mod admin;
mod connection;
mod lock;
mod read;
mod schema;
mod transaction;
mod write;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::gate::{Decision, Effect, Gate, Operation};
use crate::grants::SqlPower;

pub use self::admin::StagedDatabase;

use super::SqlView;
use super::client::{CancelGuard, Session, Statement, Stream};
use super::error::{invalid, too_much};
use super::limits;
use super::policy::{self, Need};
use super::types::{Batch, Column, Error, Value};

/// A guest's connection.
pub struct Connection {
    pub(super) session: Arc<Session>,
    /// The configured name: what powers are granted on.
    pub(super) name: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.session.close();
    }
}

/// A guest's transaction; dropping it rolls back before the next statement.
pub struct Transaction {
    session: Arc<Session>,
    name: String,
    /// None once it was committed or rolled back.
    number: Option<u64>,
}

/// Rows on their way, or rows that are here already (`execute-returning`).
pub struct Rows {
    columns: Vec<Column>,
    source: Source,
}

enum Source {
    Stream(mpsc::Receiver<Result<Batch, Error>>, CancelGuard),
    Ready(std::vec::IntoIter<Batch>),
    End,
}

impl From<Stream> for Rows {
    fn from(stream: Stream) -> Self {
        Self { columns: stream.columns, source: Source::Stream(stream.batches, stream.guard) }
    }
}

/// A lock that is held; dropping it releases it.
pub struct AdvisoryLock {
    session: Arc<Session>,
    name: String,
    key: i64,
    released: bool,
}

impl SqlView<'_> {
    fn gate(&self) -> Gate {
        self.ctx.gate.clone()
    }

    fn decide(&self, database: &str, need: Need) -> Decision {
        policy::decide(&self.ctx.command, &self.ctx.grants, database, need)
    }

    fn decide_power(&self, database: &str, power: SqlPower) -> Decision {
        self.decide(database, Need::Power(power))
    }
}

fn operation(action: &'static str, target: &str, effect: Effect, detail: &str) -> Operation {
    // The journal cuts further; a script of 16 MiB is not copied for it.
    let detail = detail.chars().take(240).collect();
    Operation { capability: "sql", action, target: target.to_owned(), effect, detail }
}

/// A statement within the bounds of `limits.rs`.
fn statement(sql: String, parameters: Vec<Value>) -> Result<Statement, Error> {
    check_text(&sql)?;
    if parameters.len() > limits::PARAMETERS {
        return Err(too_much(format!("{} parameters; at most {} are possible", parameters.len(), limits::PARAMETERS)));
    }
    for (index, value) in parameters.iter().enumerate() {
        check_value(index + 1, value)?;
    }
    Ok(Statement { sql, parameters })
}

fn check_text(sql: &str) -> Result<(), Error> {
    if sql.len() > limits::SQL_BYTES {
        return Err(too_much(format!("a statement of {} bytes; at most {} bytes are possible", sql.len(), limits::SQL_BYTES)));
    }
    match sql.contains('\0') {
        true => Err(invalid("the statement contains a zero byte")),
        false => Ok(()),
    }
}

fn check_value(number: usize, value: &Value) -> Result<(), Error> {
    let bytes = match value {
        Value::Text(text) | Value::Decimal(text) | Value::Uuid(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Other(other) => other.text.len(),
        _ => 0,
    };
    match bytes > limits::VALUE_BYTES {
        true => Err(too_much(format!("parameter {number} has {bytes} bytes; at most {} are possible", limits::VALUE_BYTES))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_parameters_pass_at_their_bounds_and_fail_past_them() {
        assert!(check_text(&" ".repeat(limits::SQL_BYTES)).is_ok());
        assert!(matches!(check_text(&" ".repeat(limits::SQL_BYTES + 1)), Err(Error::LimitExceeded(_))));
        assert!(statement(String::new(), vec![Value::Null; limits::PARAMETERS]).is_ok());
        assert!(matches!(statement(String::new(), vec![Value::Null; limits::PARAMETERS + 1]), Err(Error::LimitExceeded(_))));
        assert!(check_value(1, &Value::Bytes(vec![0; limits::VALUE_BYTES])).is_ok());
        assert!(matches!(check_value(1, &Value::Bytes(vec![0; limits::VALUE_BYTES + 1])), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn a_zero_byte_in_a_statement_is_refused() {
        assert!(matches!(check_text("SELECT 1\0; DROP TABLE t"), Err(Error::InvalidArgument(_))));
    }
}
