//! Power `remove`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::remove::Host;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn container(&mut self, _c: String, _f: bool, _v: bool) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("remove.container", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Remove), || Err(Error::Other("container".to_owned()))))
    }
    async fn image(&mut self, _r: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("remove.image", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Remove), || Err(Error::Other("image".to_owned()))))
    }
}
