//! `types.transaction`.

use std::sync::Arc;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::SqlView;
use crate::capabilities::sql::client::Work;
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::policy::Need;
use crate::capabilities::sql::types::{Error, HostTransaction, TransactionMode};
use crate::gate::{Decision, Effect};

use super::{Connection, Transaction, operation};

impl HostTransaction for SqlView<'_> {
    async fn begin(&mut self, on: Resource<Connection>, mode: TransactionMode) -> Trap<Result<Resource<Transaction>, Error>> {
        let connection = self.table.get(&on)?;
        let (need, effect, detail) = match mode {
            TransactionMode::ReadOnly => (Need::AnyPower, Effect::Read, "read-only"),
            TransactionMode::ReadWrite => (Need::WriteOrSchema, Effect::Change, "read-write"),
        };
        let operation = operation("transaction.begin", &connection.name, effect, detail);
        let begin = connection.session.ask(|reply| Work::Begin(mode, reply));
        match self.gate().pass(operation, self.decide(&connection.name, need), begin).await {
            Ok(number) => {
                let transaction =
                    Transaction { session: Arc::clone(&connection.session), name: connection.name.clone(), number: Some(number) };
                Ok(Ok(self.table.push(transaction)?))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn commit(&mut self, this: Resource<Transaction>) -> Trap<Result<(), Error>> {
        let gate = self.gate();
        let transaction = self.table.get_mut(&this)?;
        // What was changed passed the gate before; committing it is part of that change.
        let operation = operation("transaction.commit", &transaction.name, Effect::Read, "");
        let number = transaction.number.take();
        let session = Arc::clone(&transaction.session);
        let commit = async move {
            let number = number.ok_or_else(|| invalid("this transaction has ended already"))?;
            session.ask(|reply| Work::Commit(number, reply)).await
        };
        Ok(gate.pass(operation, Decision::Allowed, commit).await)
    }

    async fn rollback(&mut self, this: Resource<Transaction>) -> Trap<Result<(), Error>> {
        let gate = self.gate();
        let transaction = self.table.get_mut(&this)?;
        let operation = operation("transaction.rollback", &transaction.name, Effect::Read, "");
        let number = transaction.number.take();
        let session = Arc::clone(&transaction.session);
        let rollback = async move {
            let number = number.ok_or_else(|| invalid("this transaction has ended already"))?;
            session.ask(|reply| Work::Rollback(number, Some(reply))).await
        };
        Ok(gate.pass(operation, Decision::Allowed, rollback).await)
    }

    async fn drop(&mut self, this: Resource<Transaction>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl Drop for Transaction {
    /// Scheduled before whatever comes next on this connection.
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.session.schedule(Work::Rollback(number, None));
        }
    }
}
