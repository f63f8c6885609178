//! Calls of the engine, by power: each command's hands are made of these.

use std::time::Duration;

use host_sdk::docker::inspect::{self, Health, Status};
use host_sdk::docker::{Job, build, create, network, pull, remove, start_stop, volume};
use host_sdk::{Error, Result};

use crate::execute::{Begun, Hands, Made};
use crate::plan::{Action, Until};
use crate::{late, one_network};

/// `up`.
#[derive(Debug, Default)]
pub struct UpHands {
    /// How long a container may take to stop; its own time when none is said.
    pub timeout: Option<Duration>,
}

/// `down`.
#[derive(Debug, Default)]
pub struct DownHands {
    pub timeout: Option<Duration>,
}

/// `build`.
#[derive(Debug, Default)]
pub struct BuildHands;

impl Hands for UpHands {
    fn begin(&mut self, action: &Action, made: &Made) -> Result<Begun> {
        let job = match action {
            Action::Build(spec) => build::build(spec)?,
            Action::Pull { reference, platform } => pull::pull(reference, platform)?,
            Action::CreateNetwork(spec) => network::create(spec)?,
            Action::RemoveNetwork(name) => network::remove(name)?,
            Action::Disconnect { container, network } => {
                network::disconnect(container, network, true)?;
                return Ok(Begun::Done(String::new()));
            }
            Action::CreateVolume(spec) => volume::create(spec)?,
            Action::Create(spec) => create::create(spec)?,
            Action::Start(who) => start_stop::start(made.id(who))?,
            Action::Stop(container) => start_stop::stop(container, self.timeout)?,
            Action::Remove { container, volumes } => remove::container(container, true, *volumes)?,
            Action::Rename { container, name } => {
                create::rename(made.id(container), name)?;
                return Ok(Begun::Done(String::new()));
            }
            Action::Wait { container, until, .. } => wait(made.id(container), *until)?,
            Action::RemoveVolume(_) | Action::RemoveImage(_) => return Err(not_of("up")),
        };
        Ok(Begun::Job(job))
    }

    fn then(&mut self, action: &Action, id: &str, made: &Made) -> Result<Option<Job>> {
        match action {
            Action::Wait { container, until, service } => look(made.id(container), *until, service),
            Action::CreateNetwork(spec) => one_network::settle(spec, id).map(|()| None),
            _ => Ok(None),
        }
    }

    fn rescue(&mut self, action: &Action, made: &Made, error: Error) -> Result<String> {
        late::rescue(action, made, error)
    }
}

impl Hands for DownHands {
    fn begin(&mut self, action: &Action, _made: &Made) -> Result<Begun> {
        Ok(Begun::Job(match action {
            Action::Stop(container) => start_stop::stop(container, self.timeout)?,
            Action::Remove { container, volumes } => remove::container(container, true, *volumes)?,
            Action::RemoveNetwork(name) => network::remove(name)?,
            Action::RemoveVolume(name) => volume::remove(name)?,
            Action::RemoveImage(reference) => remove::image(reference)?,
            _ => return Err(not_of("down")),
        }))
    }

    fn rescue(&mut self, action: &Action, _made: &Made, error: Error) -> Result<String> {
        late::let_go(action, error)
    }
}

impl Hands for BuildHands {
    fn begin(&mut self, action: &Action, _made: &Made) -> Result<Begun> {
        match action {
            Action::Build(spec) => Ok(Begun::Job(build::build(spec)?)),
            _ => Err(not_of("build")),
        }
    }
}

fn not_of(command: &str) -> Error {
    Error::failed(format!("a plan of `{command}` holds what it does not do"))
}

fn wait(container: &str, until: Until) -> Result<Job> {
    inspect::watch(
        container,
        match until {
            Until::Running => inspect::Until::Running,
            Until::Healthy => inspect::Until::Healthy,
            Until::Completed => inspect::Until::Exited,
        },
    )
}

/// Whether it is as far as it must be; a job more when it has a check that decides.
fn look(container: &str, until: Until, service: &str) -> Result<Option<Job>> {
    let details = inspect::container_details(container)?;
    let found = &details.container;
    let name = &found.name;
    let code = details.exit_code;
    match (until, found.status, found.health) {
        (Until::Completed, Status::Exited, _) if code == 0 => Ok(None),
        (Until::Completed, Status::Exited | Status::Dead, _) => Err(Error::failed(format!("{name} ended with {code}"))),
        (Until::Completed, _, _) => Err(Error::failed(format!("{name} did not end"))),
        (_, _, Health::Unhealthy) => Err(Error::failed(format!("{name} is unhealthy"))),
        (_, Status::Running, Health::Healthy) => Ok(None),
        (Until::Running, Status::Running, Health::None) if details.restart_count > 0 => {
            Err(Error::failed(format!("{name} ends again and again, {} times so far, last with {code}", details.restart_count)))
        }
        (Until::Running, Status::Running, Health::None) => Ok(None),
        // A check that only the image has.
        (_, Status::Running, Health::Starting) => Ok(Some(wait(container, Until::Healthy)?)),
        (Until::Healthy, Status::Running, Health::None) => {
            Err(Error::failed(format!("`{service}` has no health check, and another service waits until it is healthy"))
                .hint(format!("give `{service}` a `healthcheck`, or wait for `service_started`")))
        }
        (Until::Running, Status::Exited, _) if code == 0 => Ok(None),
        (_, Status::Restarting, _) => Err(Error::failed(format!("{name} ends again and again, last with {code}"))),
        (_, Status::Exited | Status::Dead, _) => Err(Error::failed(format!("{name} ended with {code}"))),
        (_, status, _) => Err(Error::failed(format!("{name} is {}", crate::words::status(status)))),
    }
}
