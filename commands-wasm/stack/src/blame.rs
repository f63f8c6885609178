//! What is known of a container that failed: its last check, its last lines, and what to do next.

use std::collections::BTreeSet;

use host_sdk::docker::inspect::{self, Details, Health};
use host_sdk::docker::{DockerError, logs};
use host_sdk::{Error, Host, detail, talk};
use serde_json::json;

use crate::execute::{Made, Stopped};
use crate::plan::{Action, At, Change, Kind, Operation, Plan, Verb};
use crate::progress::Progress;

/// Lines of its log that are shown.
const LOG_LINES: u32 = 10;

/// The error of a plan that was not carried out: the first failure, with what the others were.
pub fn explain(plan: &Plan, stopped: Stopped, progress: &Progress<'_>, host: &Host) -> Error {
    let made = stopped.made.clone();
    let (at, error) = first(plan, stopped);
    let Some((operation, change)) = line(plan, at) else { return error };
    if change.verb == Verb::Build {
        return of_build(error, operation, change, progress);
    }
    let error = match way(operation, &error) {
        Some(way) => error.hint(way),
        None => error,
    };
    let error = match container(operation, &made) {
        Some(container) => of_container(error, &container, host),
        None => error,
    };
    match operation.action {
        Action::Wait { .. } => error.hint(format!("host run check_services, or host run {} again once it is mended", host.name())),
        _ => error.context(format!("failed to {}", subject(change))).hint(format!("host run {} goes on where it ended", host.name())),
    }
}

/// The same of builds alone.
pub fn of_builds(plan: &Plan, stopped: Stopped, progress: &Progress<'_>) -> Error {
    let (at, error) = first(plan, stopped);
    match line(plan, at) {
        Some((operation, change)) => of_build(error, operation, change, progress),
        None => error,
    }
}

/// The same where nothing is known but what the engine said.
pub fn plainly(plan: &Plan, stopped: Stopped, host: &Host) -> Error {
    let (at, error) = first(plan, stopped);
    match line(plan, at) {
        Some((_, change)) => {
            error.context(format!("failed to {}", subject(change))).hint(format!("host run {} goes on where it ended", host.name()))
        }
        None => error,
    }
}

/// The first failure; the others are told.
fn first(plan: &Plan, stopped: Stopped) -> (At, Error) {
    let mut failed = stopped.failed.into_iter();
    let first = failed.next().unwrap_or_else(|| (At::MAX, Error::failed("it was not carried out")));
    for (at, error) in failed {
        if let Some((_, change)) = line(plan, at) {
            talk!("also failed to {}: {error}", subject(change));
        }
    }
    first
}

fn line(plan: &Plan, at: At) -> Option<(&Operation, &Change)> {
    plan.operations.get(at).and_then(|operation| Some((operation, plan.changes.get(operation.change)?)))
}

/// What mends it, where that is known.
fn way(operation: &Operation, error: &Error) -> Option<String> {
    match (error.docker()?, &operation.action) {
        (DockerError::Conflict(_), action) => holder(action),
        (DockerError::NoSuchObject(_), Action::Create(spec)) if !spec.platform.is_empty() => {
            Some(format!("`--pull always` fetches the image for `{}`", spec.platform))
        }
        _ => None,
    }
}

/// Whose the name is that was taken no guest is told: how the operator sees it.
fn holder(action: &Action) -> Option<String> {
    let (kind, list, name) = match action {
        Action::Create(spec) => ("container", "ps -a", &spec.name),
        Action::Rename { name, .. } => ("container", "ps -a", name),
        Action::CreateNetwork(spec) => ("network", "network ls", &spec.name),
        Action::CreateVolume(spec) => ("volume", "volume ls", &spec.name),
        _ => return None,
    };
    Some(format!("`docker {list} --filter name=^{name}$` shows the {kind} that has the name"))
}

/// With what its failing step said.
fn of_build(error: Error, operation: &Operation, change: &Change, progress: &Progress<'_>) -> Error {
    let words = progress.last_words(operation.change);
    words.iter().for_each(|line| talk!("  {line}"));
    error.context(format!("failed to {}", subject(change))).detail("output", words)
}

/// `recreate shop-web-1`, `create network shop_default`
fn subject(change: &Change) -> String {
    match change.kind {
        Kind::Container => format!("{} {}", change.verb.word(), change.name),
        kind => format!("{} {} {}", change.verb.word(), kind.word(), change.name),
    }
}

fn container(operation: &Operation, made: &Made) -> Option<String> {
    let id = match &operation.action {
        Action::Start(who) | Action::Wait { container: who, .. } => made.id(who),
        _ => return None,
    };
    (!id.is_empty()).then(|| id.to_owned())
}

/// Adds what the engine knows of it; what cannot be asked is left out.
pub fn of_container(error: Error, container: &str, host: &Host) -> Error {
    let details = match inspect::container_details(container) {
        Ok(details) => details,
        Err(unknown) => {
            detail!("nothing is known of the container: {unknown}");
            return error;
        }
    };
    let check = last_check(&details);
    let lines = last_lines(container);
    let name = &details.container.name;
    if !host.wants_json() {
        if let Some((code, output)) = &check {
            talk!("{name}: its last check ended with {code}: {}", indented(output));
        }
        if details.out_of_memory {
            talk!("{name}: it used more memory than it may");
        }
        if !lines.is_empty() {
            talk!("{name}: its last lines:");
            lines.iter().for_each(|line| talk!("  {line}"));
        }
    }
    let mut error = error
        .detail("container", name.clone())
        .detail("exit_code_of_container", details.exit_code)
        .detail("log", lines)
        .detail("check", check.map(|(code, output)| json!({ "exit_code": code, "output": output })).unwrap_or_default());
    for holder in taken_ports(&details, &error) {
        error = error.hint(holder);
    }
    error
}

/// Of one that is not healthy: exit code and output of its last check.
pub fn last_check(details: &Details) -> Option<(i32, String)> {
    let probe = details.probes.last().filter(|_| details.container.health != Health::Healthy)?;
    Some((probe.exit_code, probe.output.trim().to_owned()))
}

pub fn last_lines(container: &str) -> Vec<String> {
    let lines = logs::read(container, &logs::Options::tail(LOG_LINES)).unwrap_or_default();
    lines.into_iter().map(|line| line.text.trim_end().to_owned()).collect()
}

/// The engine says only that a port is taken: who has it.
fn taken_ports(details: &Details, error: &Error) -> Vec<String> {
    let text = format!("{error} {}", details.error);
    if !["address already in use", "port is already allocated"].iter().any(|words| text.contains(words)) {
        return Vec::new();
    }
    let digits = |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u16>().ok());
    // `0.0.0.0:8000`; of an address in IPv6 there are others, which are not granted.
    let ports: BTreeSet<u16> = text.split(':').skip(1).filter_map(digits).collect();
    let holders = ports.into_iter().flat_map(|port| inspect::port_holders(&[port]).unwrap_or_default());
    holders.map(|holder| format!("port {}/{} is taken by {}", holder.port, holder.protocol, holder.who)).collect()
}

fn indented(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("\n  ")
}
