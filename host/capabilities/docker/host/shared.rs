//! Power `shared`.

use wasmtime::Result as Trap;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::shared::{Host, Neighbour};
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn neighbours(&mut self, _n: String) -> Trap<Result<Vec<Neighbour>, Error>> {
        let operation = operation("shared.neighbours", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Shared), || Err(Error::Other("neighbours".to_owned()))))
    }
}
