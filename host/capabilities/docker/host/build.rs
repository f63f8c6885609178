//! Power `build`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::build::build;
use crate::capabilities::docker::error::invalid;
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::wit::build::{Host, Spec};
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn build(&mut self, spec: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("build.build", &spec.service, Effect::Change, spec.tags.join(" "));
        let power = self.decide(DockerPower::Build);
        let lacks = match self.ctx.scope.permit.build(&spec) {
            Ok(lacks) => lacks,
            // What is not granted is said first.
            Err(text) if power == Decision::Allowed => return Ok(self.ctx.gate.pass_now(operation, power, || Err(invalid(text)))),
            Err(_) => Vec::new(),
        };
        let decision = self.ctx.scope.permit.decide_on(DockerPower::Build, &lacks);
        let scope = self.scope();
        self.begin(operation, decision, Dropped::Cancels, |reporter| build(scope, spec, reporter))
    }
}
