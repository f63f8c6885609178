//! What every power shares: jobs, and the project's lock.

use std::time::Duration;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::error::too_much;
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::lock::{self, Lock};
use crate::capabilities::docker::types::{Error, Event, Host, HostJob, HostLock};
use crate::capabilities::docker::{DockerView, limits};
use crate::gate::{Effect, Leave};

use super::operation;

impl Host for DockerView<'_> {
    async fn wait(&mut self, jobs: Vec<Resource<Job>>, at_most_ms: u32) -> Trap<Result<Vec<u32>, Error>> {
        let operation = operation("types.wait", &format!("{} jobs", jobs.len()), Effect::Read, String::new());
        let (gate, decision) = (self.ctx.gate.clone(), self.ctx.scope.permit.decide_any());
        if jobs.len() > limits::QUESTIONS {
            let text = format!("{} jobs are waited for; at most {} are possible", jobs.len(), limits::QUESTIONS);
            return Ok(gate.pass_now(operation, decision, || Err(too_much(text))));
        }
        let jobs = jobs.iter().map(|job| self.table.get(job)).collect::<Result<Vec<&Job>, _>>()?;
        let at_most = Duration::from_millis(u64::from(at_most_ms));
        let ready = async { Ok(tokio::time::timeout(at_most, self.ctx.jobs.ready(&jobs)).await.unwrap_or_default()) };
        Ok(gate.pass(operation, decision, ready).await)
    }

    async fn project(&mut self) -> Trap<String> {
        let operation = operation("types.project", "", Effect::Read, String::new());
        Ok(self.ctx.gate.recall(operation, || self.ctx.scope.project().to_owned()))
    }

    async fn lock_project(&mut self, at_most_ms: u32) -> Trap<Result<Resource<Lock>, Error>> {
        let (gate, scope) = (self.ctx.gate.clone(), self.scope());
        let operation = operation("types.lock-project", scope.project(), Effect::Change, String::new());
        let at_most = Duration::from_millis(u64::from(at_most_ms));
        let taken = lock::take(&self.ctx.places, &self.ctx.endpoint, scope.project(), gate.command(), at_most);
        match gate.pass(operation, scope.permit.decide_any(), taken).await {
            Ok(lock) => Ok(Ok(self.table.push(lock)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl HostJob for DockerView<'_> {
    async fn events(&mut self, this: Resource<Job>) -> Trap<Vec<Event>> {
        let job = self.table.get(&this)?;
        let operation = operation("job.events", &job.target, Effect::Read, String::new());
        Ok(self.ctx.gate.recall(operation, || job.take_events()))
    }

    async fn outcome(&mut self, this: Resource<Job>) -> Trap<Option<Result<String, Error>>> {
        let job = self.table.get(&this)?;
        if self.ctx.gate.leave() != Leave::Granted && job.outcome().is_none() {
            // The run is over: its jobs are being ended at this moment.
            let _ = tokio::time::timeout(limits::ENDING, job.over()).await;
        }
        let operation = operation("job.outcome", &job.target, Effect::Read, String::new());
        Ok(self.ctx.gate.recall(operation, || job.outcome()))
    }

    async fn drop(&mut self, this: Resource<Job>) -> Trap<()> {
        self.table.delete(this)?.end().await;
        Ok(())
    }
}

impl HostLock for DockerView<'_> {
    async fn drop(&mut self, this: Resource<Lock>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
