//! Power `exec`: programs in containers, joined to our streams or with their output kept.

use std::sync::Arc;

use wasmtime::Result as Trap;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::error::{invalid, too_much};
use crate::capabilities::docker::exec::{Program, attach, capture, taken};
use crate::capabilities::docker::limits;
use crate::capabilities::docker::policy::Permit;
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::wit::exec::{Bounds, Captured, Host, Process};
use crate::gate::{Decision, Effect, redact};
use crate::grants::DockerPower;
use crate::terminal::lent;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn attach(&mut self, container: String, process: Process) -> Trap<Result<i32, Error>> {
        let operation = operation("exec.attach", &container, Effect::Change, detail(&process));
        let (scope, finishing, gate) = (self.scope(), self.ctx.jobs.finishing(), &self.ctx.gate);
        let decision = decide(&scope.permit, &process);
        let work = async {
            check(&container, &process)?;
            let id = scope.container_id(&container).await?;
            let reads = process.stdin;
            let tty = process.tty && lent::is_terminal(reads);
            let signals = taken(gate);
            let mut program = Program::exec(Arc::clone(&scope), finishing, id, process, reads, tty).await?;
            Ok(scope.engine.patiently(attach(&mut program, reads, signals)).await?)
        };
        Ok(gate.pass(operation, decision, work).await)
    }

    async fn capture(&mut self, container: String, process: Process, stdin: Vec<u8>, bounds: Bounds) -> Trap<Result<Captured, Error>> {
        let operation = operation("exec.capture", &container, Effect::Change, detail(&process));
        let (scope, finishing) = (self.scope(), self.ctx.jobs.finishing());
        let decision = decide(&scope.permit, &process);
        let work = async {
            check(&container, &process)?;
            check_bounds(&bounds)?;
            let id = scope.container_id(&container).await?;
            let mut program = Program::exec(Arc::clone(&scope), finishing, id, process, !stdin.is_empty(), false).await?;
            capture(&mut program, stdin, bounds).await
        };
        Ok(self.ctx.gate.pass(operation, decision, work).await)
    }

    async fn attach_start(&mut self, container: String) -> Trap<Result<i32, Error>> {
        let operation = operation("exec.attach-start", &container, Effect::Change, String::new());
        let (scope, finishing, gate) = (self.scope(), self.ctx.jobs.finishing(), &self.ctx.gate);
        let work = async {
            check_name(&container)?;
            let id = scope.container_id(&container).await?;
            let signals = taken(gate);
            let mut program = Program::container(Arc::clone(&scope), finishing, id).await?;
            let reads = program.reads();
            Ok(scope.engine.patiently(attach(&mut program, reads, signals)).await?)
        };
        Ok(gate.pass(operation, self.decide(DockerPower::Exec), work).await)
    }

    async fn capture_start(&mut self, container: String, stdin: Vec<u8>, bounds: Bounds) -> Trap<Result<Captured, Error>> {
        let operation = operation("exec.capture-start", &container, Effect::Change, String::new());
        let (scope, finishing) = (self.scope(), self.ctx.jobs.finishing());
        let work = async {
            check_name(&container)?;
            check_bounds(&bounds)?;
            let id = scope.container_id(&container).await?;
            let mut program = Program::container(Arc::clone(&scope), finishing, id).await?;
            capture(&mut program, stdin, bounds).await
        };
        Ok(self.ctx.gate.pass(operation, self.decide(DockerPower::Exec), work).await)
    }
}

/// All of the machine's privileges need a grant of their own.
fn decide(permit: &Permit, process: &Process) -> Decision {
    let lack = (process.privileged && !permit.is_privileged()).then(|| Lack::privileged("privileged"));
    permit.decide_on(DockerPower::Exec, lack.as_slice())
}

/// What runs, for the journal: like the run's own arguments, without what looks like a secret.
fn detail(process: &Process) -> String {
    redact::arguments(&process.args).join(" ")
}

fn check(container: &str, process: &Process) -> Result<(), Error> {
    check_name(container)?;
    if process.args.first().is_none_or(String::is_empty) {
        return Err(invalid("no program was named"));
    }
    let count = process.args.len() + process.environment.len();
    if count > limits::SPEC_ITEMS {
        return Err(too_much(format!("{count} arguments and variables; at most {} are possible", limits::SPEC_ITEMS)));
    }
    match process.environment.iter().find(|pair| pair.name.is_empty() || pair.name.contains(['=', '\0'])) {
        Some(pair) => Err(invalid(format!("`{}` is no variable's name", pair.name))),
        None => Ok(()),
    }
}

fn check_bounds(bounds: &Bounds) -> Result<(), Error> {
    match bounds.output > limits::CAPTURED_BYTES {
        true => Err(too_much(format!("{} bytes of output; at most {} can be kept", bounds.output, limits::CAPTURED_BYTES))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::docker::types::Pair;

    fn process(args: usize, variables: usize) -> Process {
        let variable = |number: usize| Pair { name: format!("V{number}"), value: String::new() };
        Process {
            args: vec!["true".to_owned(); args],
            environment: (0..variables).map(variable).collect(),
            working_dir: String::new(),
            user: String::new(),
            tty: false,
            stdin: false,
            privileged: false,
        }
    }

    #[test]
    fn as_many_words_as_may_be_are_passed_on_and_one_more_is_too_much() {
        assert_eq!(check("web", &process(1, limits::SPEC_ITEMS - 1)), Ok(()));
        assert!(matches!(check("web", &process(2, limits::SPEC_ITEMS - 1)), Err(Error::LimitExceeded(_))));
        assert!(matches!(check(&"w".repeat(limits::NAME_BYTES + 1), &process(1, 0)), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn as_much_output_as_may_be_is_kept_and_one_byte_more_is_too_much() {
        assert_eq!(check_bounds(&Bounds { output: limits::CAPTURED_BYTES, time_ms: 0 }), Ok(()));
        assert!(matches!(check_bounds(&Bounds { output: limits::CAPTURED_BYTES + 1, time_ms: 0 }), Err(Error::LimitExceeded(_))));
    }
}
