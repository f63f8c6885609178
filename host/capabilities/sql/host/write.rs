//! `write.execute` and `write.execute-returning`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::SqlView;
use crate::capabilities::sql::client::Work;
use crate::capabilities::sql::types::{Error, Value};
use crate::capabilities::sql::write::Host;
use crate::gate::Effect;
use crate::grants::SqlPower;

use super::{Connection, Rows, Source, operation, statement};

impl Host for SqlView<'_> {
    async fn execute(&mut self, on: Resource<Connection>, sql: String, parameters: Vec<Value>) -> Trap<Result<u64, Error>> {
        let connection = self.table.get(&on)?;
        let operation = operation("write.execute", &connection.name, Effect::Change, &sql);
        let execute = async {
            let statement = statement(sql, parameters)?;
            connection.session.ask(|reply| Work::Execute(statement, reply)).await
        };
        Ok(self.gate().pass(operation, self.decide_power(&connection.name, SqlPower::Write), execute).await)
    }

    async fn execute_returning(
        &mut self,
        on: Resource<Connection>,
        sql: String,
        parameters: Vec<Value>,
    ) -> Trap<Result<Resource<Rows>, Error>> {
        let connection = self.table.get(&on)?;
        let operation = operation("write.execute-returning", &connection.name, Effect::Change, &sql);
        let execute = async {
            let statement = statement(sql, parameters)?;
            connection.session.ask(|reply| Work::Returning(statement, reply)).await
        };
        match self.gate().pass(operation, self.decide_power(&connection.name, SqlPower::Write), execute).await {
            Ok((columns, batches)) => {
                let rows = Rows { columns, source: Source::Ready(batches.into_iter()) };
                Ok(Ok(self.table.push(rows)?))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}
