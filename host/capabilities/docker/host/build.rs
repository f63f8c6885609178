//! Images from build contexts.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::wit::build::{Host, Spec};
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn build(&mut self, spec: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("build.build", &spec.service, Effect::Change, String::new());
        let absent = || Err(Error::Other("images cannot be built by this host".to_owned()));
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Build), absent))
    }
}
