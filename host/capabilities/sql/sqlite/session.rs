//! The thread that owns a SQLite connection and does one piece of work after another.

use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::capabilities::sql::client::{Job, Jobs, Result, Target, Work};
use crate::capabilities::sql::error::plain;
use crate::capabilities::sql::limits::{SQL_BYTES, VALUE_BYTES};
use crate::capabilities::sql::types::{DbError, Error, TransactionMode};
use crate::gate::Counter;
use crate::grants::Power as _;

use super::authorizer::{Authorizer, Mode};
use super::lock::Locks;
use super::url::Address;
use super::watch::Watch;
use super::{flags, rejected};

/// Instructions of SQLite's machine between two looks at the clock: some microseconds.
const LOOK_EVERY: i32 = 2000;

/// An open connection and what the host knows about it.
pub(super) struct Lite {
    pub(super) conn: Connection,
    pub(super) target: Target,
    pub(super) database: String,
    pub(super) authorizer: Authorizer,
    pub(super) watch: Watch,
    pub(super) transaction: Option<Open>,
    pub(super) numbers: u64,
    pub(super) locks: Locks,
}

pub(super) struct Open {
    pub(super) number: u64,
    pub(super) mode: TransactionMode,
    /// A statement failed: as in Postgres, the transaction can only be rolled back.
    pub(super) aborted: bool,
}

impl Lite {
    pub(super) fn open(target: Target) -> Result<Self> {
        let address = Address::of(&target)?;
        Self::open_address(target, &address)
    }

    pub(super) fn open_address(target: Target, address: &Address) -> Result<Self> {
        let flags = flags(&target, address);
        let conn = match &address.path {
            None => Connection::open_in_memory_with_flags(flags),
            Some(path) => {
                prepare_file(path, flags, &target.name)?;
                Connection::open_with_flags(path, flags)
            }
        };
        let conn = conn.map_err(|error| cannot_open(&error, &target.name))?;
        let locks = Locks::new(&target, address);
        let lite = Self {
            conn,
            database: address.file_name(),
            target,
            authorizer: Authorizer::new(),
            watch: Watch::default(),
            transaction: None,
            numbers: 0,
            locks,
        };
        lite.settle().map_err(|error| cannot_open(&error, &lite.target.name))?;
        Ok(lite)
    }

    /// Bounds and callbacks that hold for the connection's whole life.
    fn settle(&self) -> rusqlite::Result<()> {
        self.watch.install();
        self.conn.busy_handler(Some(super::watch::wait_for_lock))?;
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        self.conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        self.conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(VALUE_BYTES).unwrap_or(i32::MAX))?;
        self.conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, i32::try_from(SQL_BYTES).unwrap_or(i32::MAX))?;
        // As sqlx and Django do; SQLite's own default is off.
        self.conn.pragma_update(None, "foreign_keys", true)?;
        if self.target.is_read_only() {
            self.conn.pragma_update(None, "query_only", true)?;
        }
        let authorizer = self.authorizer.clone();
        self.conn.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| authorizer.answer(context)))?;
        let watch = self.watch.clone();
        self.conn.progress_handler(LOOK_EVERY, Some(move || watch.reason().is_some()))
    }

    pub(super) fn serve(mut self, mut jobs: Jobs) {
        while let Some(job) = jobs.blocking_recv() {
            if matches!(job.work, Work::Close) {
                break;
            }
            let cancel = Arc::clone(&job.cancel);
            self.work(job);
            self.authorizer.set(Mode::Host);
            cancel.finish();
        }
        self.watch.ignore();
        // Dropping the connection rolls back; dropping the locks releases them.
    }

    fn work(&mut self, job: Job) {
        if job.cancel.is_cancelled() && !matches!(job.work, Work::Rollback(..) | Work::Unlock(..)) {
            return;
        }
        self.watch.start(job.cancel, job.timeout);
        match job.work {
            Work::Query(statement, batches, reply) => self.query(statement, &batches, reply),
            Work::Execute(statement, reply) => drop(reply.send(self.execute(statement))),
            Work::Returning(statement, reply) => drop(reply.send(self.returning(statement))),
            Work::Script(script, reply) => drop(reply.send(self.script(&script))),
            Work::Begin(mode, reply) => drop(reply.send(self.begin(mode))),
            Work::Commit(number, reply) => drop(reply.send(self.commit(number))),
            Work::Rollback(number, reply) => {
                let answer = self.rollback(number);
                reply.map(|reply| reply.send(answer));
            }
            Work::TryLock(key, reply) => drop(reply.send(self.locks.try_lock(key))),
            Work::Unlock(key, reply) => {
                let answer = Ok(self.locks.unlock(key));
                reply.map(|reply| reply.send(answer));
            }
            Work::Holder(key, reply) => drop(reply.send(self.locks.holder(key))),
            Work::Close => {}
        }
    }

    /// Sends the host's own statements.
    pub(super) fn send(&self, sql: &str) -> Result<()> {
        self.authorizer.set(Mode::Host);
        self.conn.execute_batch(sql).map_err(|error| self.failed(error))
    }

    /// The guest's form of an error.
    pub(super) fn failed(&self, error: rusqlite::Error) -> Error {
        use rusqlite::Error as Lite;
        if let Some(denied) = self.authorizer.take_denied() {
            return match denied.power {
                Some(power) if !self.target.powers.contains(&power) => self.target.denied(power),
                Some(power) => {
                    Error::AccessDenied(format!("{} is not possible here; it belongs to the interface `{}`", denied.what, power.word()))
                }
                None => Error::AccessDenied(format!("{} is not possible; no power allows it", denied.what)),
            };
        }
        match error {
            Lite::MultipleStatement => crate::capabilities::sql::error::invalid("one statement at a time; more text follows the first"),
            Lite::SqliteFailure(code, _) if code.code == ErrorCode::OperationInterrupted => {
                self.watch.reason().unwrap_or_else(|| Error::Cancelled("the statement was interrupted".to_owned()))
            }
            Lite::SqliteFailure(code, message) => {
                Error::QueryFailed(report(code.extended_code, message.unwrap_or_else(|| code.to_string()), None))
            }
            Lite::SqlInputError { error, msg, sql, offset } => {
                let position = usize::try_from(offset).ok().map(|end| sql.get(..end).unwrap_or(&sql).chars().count() + 1);
                Error::QueryFailed(report(error.extended_code, msg, position.and_then(|position| u32::try_from(position).ok())))
            }
            other => Error::Other(other.to_string()),
        }
    }

    pub(super) fn spend(&self, rows: u64) -> Result<()> {
        Ok(self.target.gate.spend(Counter::RowsChanged, rows)?)
    }
}

/// The report, with the table and column that SQLite names in its message.
fn report(code: i32, message: String, position: Option<u32>) -> DbError {
    let mut report = plain(code.to_string(), String::new());
    report.position = position;
    // `UNIQUE constraint failed: users.email, users.name`, `CHECK constraint failed: positive`
    if let Some((_, named)) = message.split_once(" constraint failed: ") {
        match named.split(", ").next().and_then(|first| first.split_once('.')) {
            Some((table, column)) => {
                report.table = Some(table.to_owned());
                report.column = Some(column.to_owned());
            }
            None => report.constraint = Some(named.to_owned()),
        }
    }
    report.message = message;
    report
}

/// Creates the folder of a file that may be created; a missing file is an error otherwise.
fn prepare_file(path: &Path, flags: OpenFlags, name: &str) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    if !flags.contains(OpenFlags::SQLITE_OPEN_CREATE) {
        return Err(rejected("14", format!("the file of database `{name}` does not exist")));
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| rejected("14", format!("the folder of database `{name}` cannot be created: {}", error.kind())))
}

fn cannot_open(error: &rusqlite::Error, name: &str) -> Error {
    let code = error.sqlite_error().map_or(1, |error| error.extended_code);
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "is not a SQLite database",
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => "may not be opened by this user",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            return Error::ConnectionFailed(format!("the file of database `{name}` is locked"));
        }
        _ => "cannot be opened",
    };
    rejected(&code.to_string(), format!("the file of database `{name}` {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_name_their_table_and_column() {
        let error = report(2067, "UNIQUE constraint failed: users.email, users.name".to_owned(), None);
        assert_eq!((error.table.as_deref(), error.column.as_deref(), error.code.as_str()), (Some("users"), Some("email"), "2067"));
        assert_eq!(report(275, "CHECK constraint failed: positive".to_owned(), None).constraint.as_deref(), Some("positive"));
    }
}
