//! Transactions, with Postgres' rule that an error leaves them to be rolled back.

use crate::capabilities::sql::client::Result;
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::types::{Error, TransactionMode};

use super::session::{Lite, Open};

impl Lite {
    pub(super) fn begin(&mut self, mode: TransactionMode) -> Result<u64> {
        if self.transaction.is_some() {
            return Err(invalid("a transaction is open on this connection already; transactions do not nest"));
        }
        match mode {
            TransactionMode::ReadOnly => self.send("PRAGMA query_only = 1; BEGIN DEFERRED")?,
            TransactionMode::ReadWrite => self.send("BEGIN IMMEDIATE")?,
        }
        self.numbers += 1;
        self.transaction = Some(Open { number: self.numbers, mode, aborted: false });
        Ok(self.numbers)
    }

    pub(super) fn commit(&mut self, number: u64) -> Result<()> {
        match &self.transaction {
            Some(open) if open.number == number && !open.aborted => {}
            Some(open) if open.number == number => {
                self.end()?;
                return Err(Error::Other(
                    "the transaction was aborted by an earlier error and is rolled back; nothing was committed".to_owned(),
                ));
            }
            _ => return Err(Error::Other("the transaction was rolled back by the host before it was committed".to_owned())),
        }
        match self.send("COMMIT") {
            Ok(()) => {
                let open = self.transaction.take();
                self.leave_read_only(open)
            }
            Err(error) => {
                self.end()?;
                Err(error)
            }
        }
    }

    /// Rolls back; a transaction that is over already needs nothing.
    pub(super) fn rollback(&mut self, number: u64) -> Result<()> {
        match &self.transaction {
            Some(open) if open.number == number => self.end(),
            _ => Ok(()),
        }
    }

    /// Rolls back whatever is open.
    pub(super) fn end(&mut self) -> Result<()> {
        self.watch.ignore();
        let open = self.transaction.take();
        if !self.conn.is_autocommit() {
            self.send("ROLLBACK")?;
        }
        self.leave_read_only(open)
    }

    fn leave_read_only(&self, open: Option<Open>) -> Result<()> {
        let was_read_only = open.is_some_and(|open| open.mode == TransactionMode::ReadOnly);
        match was_read_only && !self.target.is_read_only() {
            true => self.send("PRAGMA query_only = 0"),
            false => Ok(()),
        }
    }

    /// Refuses everything inside of a transaction that an error aborted.
    pub(super) fn refuse_when_aborted(&self) -> Result<()> {
        match self.transaction.as_ref().is_some_and(|open| open.aborted) {
            true => Err(Error::Other("the transaction is aborted by an earlier error; roll it back".to_owned())),
            false => Ok(()),
        }
    }

    /// Notes what an error means for the transaction around the statement.
    pub(super) fn note<T>(&mut self, result: Result<T>) -> Result<T> {
        match &result {
            // The budget is exceeded: nothing of the transaction may stay.
            Err(Error::LimitExceeded(_)) if self.transaction.is_some() => drop(self.end()),
            Err(Error::QueryFailed(_) | Error::Timeout(_) | Error::Cancelled(_)) => {
                if let Some(open) = &mut self.transaction {
                    open.aborted = true;
                }
            }
            _ => {}
        }
        result
    }
}
