//! Power `volume`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::volume::{Host, Spec};
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn create(&mut self, _s: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("volume.create", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Volume), || Err(Error::Other("create".to_owned()))))
    }
    async fn remove(&mut self, _n: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("volume.remove", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Volume), || Err(Error::Other("remove".to_owned()))))
    }
}
