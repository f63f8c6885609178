//! `start_reverse_proxy`: the machine's one Traefik, with the routes of all running stacks.
//!
//! It may be run as often as one likes: the routes are written anew, and the container is left alone as long as it is
//! the one that follows from the configuration.

mod machine;
mod report;

use std::time::Duration;

use host_sdk::docker::{self, DockerError, shared};
use host_sdk::{Ending, Error, Host, Result, clap};
use proxy::folder;
use proxy::routes::{Routes, routes};
use proxy::settings::{Provider, Settings};
use proxy::spec::{Mode, spec};

use crate::machine::{Machine, State};
use crate::report::{Done, Report};

/// Longest wait for another run that works on the proxy.
const LOCK: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
struct Args {
    /// Stay in the foreground with its log; Ctrl-C stops it
    #[arg(long, short)]
    terminal: bool,
    /// Only write the routes anew
    #[arg(long, conflicts_with = "terminal")]
    refresh: bool,
}

host_sdk::command!(start_reverse_proxy);

fn start_reverse_proxy(args: Args, host: &Host) -> Result<Ending> {
    let settings = Settings::read(host)?;
    let lock = docker::lock(LOCK)?;
    let machine = Machine::look(&settings)?;
    if args.refresh {
        return refresh(&settings, &machine, host);
    }
    machine.make_network()?;
    let (routes, folder_id) = write_routes(&settings)?;
    let mode = if args.terminal { Mode::Terminal } else { Mode::Service };
    let spec = spec(&settings, &docker::project(), &folder_id, mode);
    let mut report = Report { settings: &settings, routes: &routes, done: Done::Running, host };
    if !args.terminal {
        report.done = machine.converge(&spec, routes.routers.len(), host)?;
        report.tell()?;
        return Ok(Ending::Ok);
    }
    let container = machine.prepare(&spec, routes.routers.len(), host)?;
    report.done = Done::Started;
    report.tell()?;
    // Whoever wants to stop or refresh it meanwhile need not wait for us.
    drop(lock);
    machine::attach(&container)
}

fn refresh(settings: &Settings, machine: &Machine<'_>, host: &Host) -> Result<Ending> {
    if settings.provider == Provider::Docker {
        return Err(Error::usage("with `config.provider = \"docker\"` Traefik reads the labels itself: there is nothing to write"));
    }
    let (routes, _) = write_routes(settings)?;
    let running = machine.state() == State::Running;
    let done = if running { Done::Running } else { Done::Stopped };
    Report { settings, routes: &routes, done, host }.tell()?;
    Ok(if running { Ending::Ok } else { Ending::NotMet })
}

/// What the stacks' labels say, where Traefik finds it. With the Docker provider there is only the check of the labels.
fn write_routes(settings: &Settings) -> Result<(Routes, String)> {
    let neighbours = match shared::neighbours(&settings.network) {
        Ok(neighbours) => neighbours,
        // It was only just made, or is not there yet.
        Err(error) if matches!(error.docker(), Some(DockerError::NoSuchObject(_))) => Vec::new(),
        Err(error) => return Err(error),
    };
    let routes = routes(&neighbours, &settings.offer());
    if settings.provider == Provider::Docker {
        return Ok((routes, String::new()));
    }
    folder::write_routes(&settings.folder, &routes.text)?;
    Ok((routes, folder::id(&settings.folder)?))
}
