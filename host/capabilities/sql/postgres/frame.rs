//! What is around a statement: a transaction of its own, a read-only savepoint, or the guest's transaction.

use std::time::Duration;

use crate::capabilities::sql::client::{Cancel, Result};
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::types::{Error, TransactionMode};

use super::session::{Open, Pg, check_cancelled};

/// What the statement may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// How the statement is enclosed; [`Pg::leave`] undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A transaction for this statement alone.
    Own,
    /// A savepoint made read-only inside of a read-write transaction, so that `read.query` changes nothing there either.
    ReadOnlySavepoint,
    /// The guest's transaction as it is.
    Joined,
}

/// Takes the might from a superuser for statements that only read. Names keep their meaning (`"$user"` in the search
/// path), and row security, which a superuser passes by, is an error, never a silent filter.
const LOWER: &str = "; SELECT pg_catalog.set_config('search_path', \
    replace(pg_catalog.current_setting('search_path'), '\"$user\"', quote_ident(current_user)), true); \
    SET LOCAL ROLE pg_read_all_data; SET LOCAL row_security = off";

impl Pg {
    pub(super) async fn enter(&mut self, access: Access, timeout: Option<Duration>) -> Result<Frame> {
        let mode = self.transaction.as_ref().map(|open| open.mode);
        if std::mem::take(&mut self.is_stale) && !self.is_aborted() {
            self.forget_statements().await;
        }
        self.apply_timeout(timeout).await?;
        let lower = self.lower();
        let (frame, sql) = match (mode, access) {
            (None, Access::Read) => (Frame::Own, format!("BEGIN READ ONLY{lower}")),
            (None, Access::Write) => (Frame::Own, "BEGIN READ WRITE".to_owned()),
            (Some(TransactionMode::ReadWrite), Access::Read) => {
                (Frame::ReadOnlySavepoint, format!("SAVEPOINT host_read; SET TRANSACTION READ ONLY{lower}"))
            }
            _ => return Ok(Frame::Joined),
        };
        match self.send(sql).await {
            Ok(_) => Ok(frame),
            Err(error) => {
                if frame == Frame::Own {
                    let _ = self.send("ROLLBACK").await;
                }
                Err(error)
            }
        }
    }

    /// Ends the frame: an own transaction is committed when all went well and nobody called it off.
    pub(super) async fn leave<T>(&mut self, frame: Frame, result: Result<T>, cancel: &Cancel) -> Result<T> {
        let result = result.and_then(|value| check_cancelled(cancel).map(|()| value));
        match (frame, &result) {
            (Frame::Own, Ok(_)) => drop(self.send("COMMIT").await?),
            (Frame::Own, Err(_)) => drop(self.send("ROLLBACK").await),
            // What Postgres reported leaves the transaction aborted, as without the savepoint.
            (Frame::ReadOnlySavepoint, _) if !self.is_aborted() => {
                self.send("ROLLBACK TO SAVEPOINT host_read; RELEASE SAVEPOINT host_read").await?;
            }
            // Changes of a statement that the host refused afterwards (a budget) must not be committed.
            (Frame::Joined, Err(Error::LimitExceeded(_))) => self.doom().await,
            _ => {}
        }
        result
    }

    fn is_aborted(&self) -> bool {
        self.transaction.as_ref().is_some_and(|open| open.aborted)
    }

    fn lower(&self) -> &'static str {
        if self.mighty && self.can_lower { LOWER } else { "" }
    }

    /// Rolls the guest's transaction back at once; its commit fails afterwards.
    async fn doom(&mut self) {
        if self.transaction.take().is_some() {
            let _ = self.send("ROLLBACK").await;
        }
    }

    /// Makes the server's statement timeout what the work wants, in a message of its own only when it changes.
    pub(super) async fn apply_timeout(&mut self, timeout: Option<Duration>) -> Result<()> {
        let (known, scope) = match &self.transaction {
            Some(open) if open.aborted => return Ok(()),
            Some(open) => (open.timeout, "LOCAL"),
            None => (self.timeout, "SESSION"),
        };
        if known == timeout {
            return Ok(());
        }
        let value = timeout.map_or("DEFAULT".to_owned(), |timeout| timeout.as_millis().to_string());
        self.send(format!("SET {scope} statement_timeout TO {value}")).await?;
        match &mut self.transaction {
            Some(open) => open.timeout = timeout,
            None => self.timeout = timeout,
        }
        Ok(())
    }

    pub(super) async fn begin(&mut self, mode: TransactionMode) -> Result<u64> {
        if self.transaction.is_some() {
            return Err(invalid("a transaction is open on this connection already; transactions do not nest"));
        }
        let sql = match mode {
            // The query takes the snapshot, after which nothing can make the transaction read-write again.
            TransactionMode::ReadOnly => format!("BEGIN READ ONLY{}; SELECT 1", self.lower()),
            TransactionMode::ReadWrite => "BEGIN READ WRITE".to_owned(),
        };
        if let Err(error) = self.send(sql).await {
            let _ = self.send("ROLLBACK").await;
            return Err(error);
        }
        self.numbers += 1;
        self.transaction = Some(Open { number: self.numbers, mode, timeout: self.timeout, aborted: false });
        Ok(self.numbers)
    }

    pub(super) async fn commit(&mut self, number: u64, timeout: Option<Duration>) -> Result<()> {
        if self.transaction.as_ref().map(|open| open.number) != Some(number) {
            return Err(Error::Other("the transaction was rolled back by the host before it was committed".to_owned()));
        }
        let limited = self.apply_timeout(timeout).await;
        // COMMIT of an aborted transaction answers ROLLBACK without an error; the query before it makes it one.
        let committed = match limited {
            Ok(()) => self.send("SELECT 1; COMMIT").await,
            Err(error) => Err(error),
        };
        let was_aborted = self.is_aborted();
        self.transaction = None;
        match committed {
            Ok(_) => Ok(()),
            Err(error) => {
                let _ = self.send("ROLLBACK").await;
                match (&error, was_aborted) {
                    (Error::QueryFailed(report), true) if report.code == "25P02" => Err(Error::Other(
                        "the transaction was aborted by an earlier error and is rolled back; nothing was committed".to_owned(),
                    )),
                    _ => Err(error),
                }
            }
        }
    }

    /// Rolls back; a transaction that is over already needs nothing.
    pub(super) async fn rollback(&mut self, number: u64) -> Result<()> {
        if self.transaction.as_ref().map(|open| open.number) != Some(number) {
            return Ok(());
        }
        self.transaction = None;
        self.send("ROLLBACK").await.map(drop)
    }
}
