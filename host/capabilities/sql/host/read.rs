//! `read.query`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::SqlView;
use crate::capabilities::sql::read::Host;
use crate::capabilities::sql::types::{Error, Value};
use crate::gate::Effect;
use crate::grants::SqlPower;

use super::{Connection, Rows, operation, statement};

impl Host for SqlView<'_> {
    async fn query(&mut self, on: Resource<Connection>, sql: String, parameters: Vec<Value>) -> Trap<Result<Resource<Rows>, Error>> {
        let connection = self.table.get(&on)?;
        let operation = operation("read.query", &connection.name, Effect::Read, &sql);
        let query = async { connection.session.query(statement(sql, parameters)?).await };
        match self.gate().pass(operation, self.decide_power(&connection.name, SqlPower::Read), query).await {
            Ok(stream) => Ok(Ok(self.table.push(Rows::from(stream))?)),
            Err(error) => Ok(Err(error)),
        }
    }
}
