//! Imports every power of `host:docker`. What was not granted must be refused, and what was must work: each function is
//! called by its name, `interface.function`, with arguments in JSON; a word that is no JSON is a text.
//!
//! The answer is printed as Rust shows it; a job is waited for, its events one a line before its outcome. A refusal is an
//! error, and ends with the exit code of its case.

mod json;
mod specs;

use std::time::Duration;

use host_sdk::docker::{self, Job, build, create, exec, inspect, logs, network, pull, remove, shared, start_stop, volume};
use host_sdk::{Error, Host, Result, clap, out};
use serde_json::Value;

use self::json::Arguments;

#[derive(clap::Args)]
struct Args {
    /// `interface.function`
    function: String,
    /// Its arguments
    #[arg(allow_hyphen_values = true)]
    arguments: Vec<String>,
}

host_sdk::command!(dockerprobe);

fn dockerprobe(args: Args, _host: &Host) -> Result<()> {
    let mut given = Arguments::new(&args.arguments);
    let (interface, function) = args.function.split_once('.').unwrap_or((&args.function, ""));
    match interface {
        "types" => types(function, &mut given),
        "inspect" => inspect(function, &mut given),
        "logs" => logs(function, &mut given),
        "shared" => shown(shared::neighbours(&given.text())?),
        "start-stop" => start_stop(function, &mut given),
        "create" => create(function, &mut given),
        "remove" => match function {
            "container" => done(remove::container(&given.text(), given.flag(), given.flag())?),
            _ => done(remove::image(&given.text())?),
        },
        "network" => network(function, &mut given),
        "volume" => match function {
            "create" => done(volume::create(&specs::volume(&given.value()))?),
            "compare" => each(volume::compare(&json::list(&given.value(), specs::volume))?),
            _ => done(volume::remove(&given.text())?),
        },
        "pull" => done(pull::pull(&given.text(), &given.text())?),
        "build" => done(build::build(&specs::build(&given.value()))?),
        "exec" => exec(function, &mut given),
        other => Err(Error::usage(format!("`{other}` is no interface"))),
    }
}

fn types(function: &str, given: &mut Arguments) -> Result<()> {
    match function {
        "project" => shown(docker::project()),
        // Holds the lock so many milliseconds.
        "lock-project" => {
            let lock = docker::lock(Duration::from_millis(given.number()))?;
            out!("locked");
            host_sdk::output::flush();
            std::thread::sleep(Duration::from_millis(given.number()));
            drop(lock);
            Ok(())
        }
        other => Err(Error::usage(format!("`types.{other}` is no function"))),
    }
}

fn inspect(function: &str, given: &mut Arguments) -> Result<()> {
    match function {
        "engine-version" => shown(inspect::engine_version()?),
        "containers" => each(inspect::containers()?),
        "container-details" => shown(inspect::container_details(&given.text())?),
        "networks" => each(inspect::networks()?),
        "strangers" => shown(inspect::strangers(&given.text())?),
        "volumes" => each(inspect::volumes()?),
        "images" => each(inspect::images(&json::texts(&given.value()))?),
        "own-images" => each(inspect::own_images()?),
        "watch" => {
            let (name, until) = (given.text(), given.text());
            let until = match until.as_str() {
                "running" => inspect::Until::Running,
                "healthy" => inspect::Until::Healthy,
                _ => inspect::Until::Exited,
            };
            done(inspect::watch(&name, until)?)
        }
        "port-holders" => {
            let ports: Vec<u16> = json::list(&given.value(), |port| port.as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0));
            each(inspect::port_holders(&ports)?)
        }
        other => Err(Error::usage(format!("`inspect.{other}` is no function"))),
    }
}

fn logs(function: &str, given: &mut Arguments) -> Result<()> {
    let (name, tail) = (given.text(), given.number());
    let options = logs::Options::tail(u32::try_from(tail).unwrap_or(u32::MAX));
    match function {
        "read" => each(logs::read(&name, &options)?),
        _ => done(logs::follow(&name, &options)?),
    }
}

fn start_stop(function: &str, given: &mut Arguments) -> Result<()> {
    let name = given.text();
    done(match function {
        "start" => start_stop::start(&name)?,
        "stop" => start_stop::stop(&name, given.seconds())?,
        "restart" => start_stop::restart(&name, given.seconds())?,
        _ => start_stop::signal(&name, &given.text())?,
    })
}

fn create(function: &str, given: &mut Arguments) -> Result<()> {
    match function {
        "check" => {
            let verdict = create::check(&json::list(&given.value(), specs::container), &specs::ground(&given.value()))?;
            verdict.denials.iter().for_each(|denial| out!("{} {} {}", denial.subject, denial.field, denial.thing));
            verdict.lines.iter().for_each(|line| out!("{line}"));
            Ok(())
        }
        "create" => done(create::create(&specs::container(&given.value()))?),
        "digest" => shown(create::digest(&given.text(), given.text().as_bytes())?),
        _ => shown(create::rename(&given.text(), &given.text())?),
    }
}

fn network(function: &str, given: &mut Arguments) -> Result<()> {
    match function {
        "create" => done(network::create(&specs::network(&given.value()))?),
        "connect" => {
            let name = given.text();
            shown(network::connect(&name, &specs::attachment(&given.value()))?)
        }
        "disconnect" => {
            let (container, name) = (given.text(), given.text());
            shown(network::disconnect(&container, &name, given.flag())?)
        }
        _ => done(network::remove(&given.text())?),
    }
}

fn exec(function: &str, given: &mut Arguments) -> Result<()> {
    let name = given.text();
    let bounds = exec::Bounds { output: 1 << 20, time_ms: 0 };
    match function {
        "attach" => shown(exec::attach(&name, &specs::process(&given.value()))?),
        "capture" => {
            let process = specs::process(&given.value());
            shown(exec::capture(&name, &process, given.text().as_bytes(), bounds)?)
        }
        "attach-start" => shown(exec::attach_start(&name)?),
        _ => shown(exec::capture_start(&name, given.text().as_bytes(), bounds)?),
    }
}

fn done(job: Job) -> Result<()> {
    let outcome = job.wait_with(|event| out!("{} {} {}/{}", event.id, event.text, event.current, event.total))?;
    shown(outcome)
}

fn shown(answer: impl std::fmt::Debug) -> Result<()> {
    out!("{answer:?}");
    Ok(())
}

fn each<T: std::fmt::Debug>(answers: Vec<T>) -> Result<()> {
    answers.iter().for_each(|answer| out!("{answer:?}"));
    Ok(())
}

/// Absent fields are those of a spec that says nothing.
pub(crate) fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}
