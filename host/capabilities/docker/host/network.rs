//! Power `network`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::network::{Host, Spec};
use crate::capabilities::docker::types::{Attachment, Error};
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn create(&mut self, _s: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("network.create", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Network), || Err(Error::Other("create".to_owned()))))
    }
    async fn connect(&mut self, _c: String, _a: Attachment) -> Trap<Result<(), Error>> {
        let operation = operation("network.connect", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Network), || Err(Error::Other("connect".to_owned()))))
    }
    async fn disconnect(&mut self, _c: String, _n: String, _f: bool) -> Trap<Result<(), Error>> {
        let operation = operation("network.disconnect", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Network), || Err(Error::Other("disconnect".to_owned()))))
    }
    async fn remove(&mut self, _n: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("network.remove", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Network), || Err(Error::Other("remove".to_owned()))))
    }
}
