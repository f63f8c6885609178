//! Programs in containers.

use wasmtime::Result as Trap;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::wit::exec::{Bounds, Captured, Host, Process};
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn attach(&mut self, container: String, _process: Process) -> Trap<Result<i32, Error>> {
        let operation = operation("exec.attach", &container, Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Exec), || Err(absent())))
    }

    async fn capture(&mut self, container: String, _process: Process, _stdin: Vec<u8>, _bounds: Bounds) -> Trap<Result<Captured, Error>> {
        let operation = operation("exec.capture", &container, Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Exec), || Err(absent())))
    }

    async fn attach_start(&mut self, container: String) -> Trap<Result<i32, Error>> {
        let operation = operation("exec.attach-start", &container, Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Exec), || Err(absent())))
    }

    async fn capture_start(&mut self, container: String, _stdin: Vec<u8>, _bounds: Bounds) -> Trap<Result<Captured, Error>> {
        let operation = operation("exec.capture-start", &container, Effect::Change, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Exec), || Err(absent())))
    }
}

fn absent() -> Error {
    Error::Other("programs in containers cannot be run by this host".to_owned())
}
