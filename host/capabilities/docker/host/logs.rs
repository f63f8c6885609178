//! Power `logs`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::logs::{Host, Line, Options};
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn read(&mut self, _c: String, _o: Options) -> Trap<Result<Vec<Line>, Error>> {
        let operation = operation("logs.read", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Logs), || Err(Error::Other("read".to_owned()))))
    }
    async fn follow(&mut self, _c: String, _o: Options) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("logs.follow", "", Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Logs), || Err(Error::Other("follow".to_owned()))))
    }
}
