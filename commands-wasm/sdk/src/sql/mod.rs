//! Databases: named, never addressed. A [`Database`] is as strong as the powers granted on its name.
//!
//! Parameters are `$1`, `$2`, ... on every engine, and are made by [`params!`](crate::params). A statement is one statement.
//!
//! ```no_run
//! # fn f() -> host_sdk::Result<()> {
//! use host_sdk::{params, sql::Database};
//! let database = Database::open("default")?;
//! let transaction = database.transaction()?;
//! transaction.execute("INSERT INTO seen (name) VALUES ($1)", params!["ada"])?;
//! let count: i64 = transaction.query("SELECT count(*) FROM seen", &[])?.value()?;
//! transaction.commit() // without it, everything is rolled back
//! # }
//! ```

pub mod admin;
mod cell;
mod convert;
mod database;
mod lock;
mod rows;
mod text;

pub use self::cell::{Cell, FromCell};
pub use self::database::{Database, Options, Transaction};
pub use self::lock::AdvisoryLock;
pub use self::rows::{At, Row, Rows};
pub use crate::bindings::host::sql::lock::Holder;
pub use crate::bindings::host::sql::schema::ScriptOutcome;
pub use crate::bindings::host::sql::types::{
    Batch, Column, ColumnBatch, ColumnData, Date, DbError, Engine, Error as SqlError, Kind, Time, TimeWithZone, Timestamp,
    TimestampWithZone, TypedText, Value,
};

/// Parameters of a statement: `params![1, "two", None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
