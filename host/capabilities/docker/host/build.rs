//! Power `build`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::build::{build, lacks};
use crate::capabilities::docker::error::{invalid, too_much};
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::wit::build::{Denial, Host, Spec, Verdict};
use crate::capabilities::docker::{DockerView, limits};
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn check(&mut self, specs: Vec<Spec>) -> Trap<Result<Verdict, Error>> {
        let operation = operation("build.check", &format!("{} specs", specs.len()), Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Build));
        let verdict = async {
            if specs.len() > limits::QUESTIONS {
                return Err(too_much(format!("{} specs; at most {} are possible in one call", specs.len(), limits::QUESTIONS)));
            }
            let found = lacks(&scope, &specs).await?;
            let lacks: Vec<Lack> = found.iter().map(|(_, lack)| lack.clone()).collect();
            let denials = found.into_iter().map(|(subject, lack)| Denial { subject, field: lack.field.to_owned(), thing: lack.thing });
            Ok(Verdict { denials: denials.collect(), lines: scope.permit.lines(&lacks) })
        };
        Ok(self.ctx.gate.pass(operation, decision, verdict).await)
    }

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
