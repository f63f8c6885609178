//! Power `pull`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::pull::Host;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn pull(&mut self, _r: String, _p: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("pull.pull", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Pull), || Err(Error::Other("pull".to_owned()))))
    }
}
