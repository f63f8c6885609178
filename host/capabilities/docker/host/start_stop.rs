//! Power `start-stop`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::error::{invalid, no_such};
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::start_stop::Host;
use crate::capabilities::docker::starting;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::{check_name, operation};

/// What is done to a container.
enum Deed {
    Start,
    Stop(Option<u32>),
    Restart(Option<u32>),
    Signal(String),
}

impl DockerView<'_> {
    fn do_to(&mut self, action: &'static str, container: String, deed: Deed) -> Trap<Result<Resource<Job>, Error>> {
        let detail = match &deed {
            Deed::Start => String::new(),
            Deed::Stop(time) | Deed::Restart(time) => time.map(|seconds| format!("{seconds} s")).unwrap_or_default(),
            Deed::Signal(signal) => signal.clone(),
        };
        let operation = operation(action, &container, Effect::Change, detail);
        let (scope, decision, finishing) = (self.scope(), self.decide(DockerPower::StartStop), self.ctx.jobs.finishing());
        self.begin(operation, decision, Dropped::GoesOn, |_| async move {
            check_name(&container)?;
            let id = scope.container_id(&container).await?;
            let done = match deed {
                Deed::Start => starting::start(&scope, &id).await,
                Deed::Stop(timeout_s) => scope.engine.stop(&id, timeout_s).await.map_err(Error::from),
                // One that was stopped for it must not be left so.
                Deed::Restart(timeout_s) => finishing.run(async move { starting::restart(&scope, &id, timeout_s).await }).await,
                Deed::Signal(signal) => {
                    check_signal(&signal)?;
                    scope.engine.signal(&id, signal).await.map_err(Error::from)
                }
            };
            match done {
                Ok(()) => Ok(String::new()),
                Err(error) if starting::is_gone(&error) => Err(no_such("container", &container)),
                Err(error) => Err(error),
            }
        })
    }
}

impl Host for DockerView<'_> {
    async fn start(&mut self, container: String) -> Trap<Result<Resource<Job>, Error>> {
        self.do_to("start-stop.start", container, Deed::Start)
    }

    async fn stop(&mut self, container: String, timeout_s: Option<u32>) -> Trap<Result<Resource<Job>, Error>> {
        self.do_to("start-stop.stop", container, Deed::Stop(timeout_s))
    }

    async fn restart(&mut self, container: String, timeout_s: Option<u32>) -> Trap<Result<Resource<Job>, Error>> {
        self.do_to("start-stop.restart", container, Deed::Restart(timeout_s))
    }

    async fn signal(&mut self, container: String, signal: String) -> Trap<Result<Resource<Job>, Error>> {
        self.do_to("start-stop.signal", container, Deed::Signal(signal))
    }
}

/// `SIGTERM`, `HUP`, `15`
fn check_signal(signal: &str) -> Result<(), Error> {
    let usable =
        !signal.is_empty() && signal.len() <= 16 && signal.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'-');
    if usable { Ok(()) } else { Err(invalid(format!("`{}` is no signal", signal.chars().take(40).collect::<String>().escape_debug()))) }
}
