//! Power `create`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::create::{Host, Spec, Verdict};
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn check(&mut self, _s: Vec<Spec>) -> Trap<Result<Verdict, Error>> {
        let operation = operation("create.check", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Create), || Err(Error::Other("check".to_owned()))))
    }
    async fn create(&mut self, _s: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("create.create", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Create), || Err(Error::Other("create".to_owned()))))
    }
    async fn rename(&mut self, _c: String, _n: String) -> Trap<Result<(), Error>> {
        let operation = operation("create.rename", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Create), || Err(Error::Other("rename".to_owned()))))
    }
}
