//! Power `start-stop`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::start_stop::Host;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn start(&mut self, _c: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("start_stop.start", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::StartStop), || Err(Error::Other("start".to_owned()))))
    }
    async fn stop(&mut self, _c: String, _t: Option<u32>) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("start_stop.stop", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::StartStop), || Err(Error::Other("stop".to_owned()))))
    }
    async fn restart(&mut self, _c: String, _t: Option<u32>) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("start_stop.restart", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::StartStop), || Err(Error::Other("restart".to_owned()))))
    }
    async fn signal(&mut self, _c: String, _s: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("start_stop.signal", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::StartStop), || Err(Error::Other("signal".to_owned()))))
    }
}
