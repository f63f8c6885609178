//! `schema.run-script`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::sql::SqlView;
use crate::capabilities::sql::client::Work;
use crate::capabilities::sql::schema::{Host, ScriptOutcome};
use crate::capabilities::sql::types::Error;
use crate::gate::Effect;
use crate::grants::SqlPower;

use super::{Connection, check_text, operation};

impl Host for SqlView<'_> {
    async fn run_script(&mut self, on: Resource<Connection>, script: String) -> Trap<Result<ScriptOutcome, Error>> {
        let connection = self.table.get(&on)?;
        let operation = operation("schema.run-script", &connection.name, Effect::Change, &script);
        let run = async {
            check_text(&script)?;
            connection.session.ask(|reply| Work::Script(script, reply)).await
        };
        Ok(self.gate().pass(operation, self.decide_power(&connection.name, SqlPower::Schema), run).await)
    }
}
