//! `down`: whatever runs under the project's name, whoever started it, with or without its compose files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use compose::Project;
use host_sdk::docker::inspect::{self, Container, Network, Volume};
use host_sdk::docker::{self, Pair, label};
use host_sdk::{Ending, Host, Result, detail, out, talk, warning};
use serde_json::json;

use crate::execute::{OnFailure, execute};
use crate::hands::DownHands;
use crate::labels;
use crate::observed;
use crate::plan::{Action, At, Cause, Kind, Plan, Verb, is_of_files};
use crate::progress::{Progress, change_json};
use crate::project::{ProjectArgs, lock, told};
use crate::{blame, routing, words};

/// What `down` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Down {
    pub project: ProjectArgs,
    pub volumes: bool,
    /// Images that were built for the project and have no name of their own.
    pub images: bool,
    pub remove_orphans: bool,
    pub timeout: Option<Duration>,
    pub lock_timeout: Duration,
}

/// What is there under the project's name.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    pub containers: Vec<Container>,
    pub networks: Vec<Network>,
    /// Only with `-v`.
    pub volumes: Vec<Volume>,
    /// Only with `--rmi local`.
    pub images: Vec<String>,
}

pub fn down(down: &Down, host: &Host) -> Result<Ending> {
    let project = match down.project.read(&[]) {
        Ok(project) => Some(project),
        // Who names files means their services, and not whatever has the project's name.
        Err(error) if !down.project.files.is_empty() => return Err(told(error)),
        Err(error) if error.denied => {
            detail!("by labels only: {error}");
            None
        }
        Err(error) => {
            talk!("without compose files, by labels only: {error}");
            None
        }
    };
    let _lock = lock(down.lock_timeout)?;
    let mut remains = remains(down)?;
    let kept = if down.remove_orphans { Vec::new() } else { take_foreign(&mut remains, project.as_ref()) };
    if !kept.is_empty() {
        let names: Vec<&str> = kept.iter().map(|container| container.name.as_str()).collect();
        warning!("of other compose files with the same project name, left alone: {}; `--remove-orphans` removes them", names.join(", "));
        remains.networks.retain(|network| !kept.iter().any(|container| container.endpoints.iter().any(|end| end.network == network.name)));
    }
    let plan = plan(&remains, project.as_ref(), down.volumes);
    if down.volumes && (!remains.volumes.is_empty() || !remains.containers.is_empty()) {
        talk!("these volumes, and all that is in them, will be lost:");
        remains.volumes.iter().for_each(|volume| talk!("  {}", volume.name));
        if !remains.containers.is_empty() {
            // Nobody gave them a name; most images of databases have one.
            let names: Vec<&str> = remains.containers.iter().map(|container| container.name.as_str()).collect();
            talk!("  anonymous ones of {}, where they have any", names.join(", "));
        }
        host.require_yes("remove them?")?;
    }
    if host.wants_json() {
        host.json(&json!({ "event": "plan", "changes": plan.changes.iter().map(change_json).collect::<Vec<_>>() }))?;
    }
    let mut progress = Progress::new(host, &plan);
    if let Err(stopped) = execute(&plan, &mut DownHands { timeout: down.timeout }, &mut progress, None, OnFailure::GoOn) {
        return Err(blame::plainly(&plan, stopped, host));
    }
    drop(progress);
    let hint = routing::hint_of_removed(&remains.containers);
    if host.wants_json() {
        let hints: Vec<String> = hint.into_iter().collect();
        host.json(&json!({ "event": "end", "changes": plan.changes.len(), "hints": hints }))?;
        return Ok(Ending::Ok);
    }
    if plan.is_empty() {
        out!("nothing to be done: nothing is there of the project {}", docker::project());
    } else {
        out!("down: {}", words::count(remains.containers.len(), "container"));
    }
    hint.iter().for_each(|hint| talk!("hint: {hint}"));
    Ok(Ending::Ok)
}

fn remains(down: &Down) -> Result<Remains> {
    let project = docker::project();
    let is_own = |labels: &[Pair]| label(labels, labels::PROJECT) == Some(project.as_str());
    let mut remains = Remains { containers: inspect::containers()?, networks: inspect::networks()?, ..Remains::default() };
    // Granted ones are listed too: they are others'.
    remains.networks.retain(|network| is_own(&network.labels));
    if down.volumes {
        remains.volumes = inspect::volumes()?;
        remains.volumes.retain(|volume| is_own(&volume.labels));
    }
    if down.images {
        let own = [format!("{project}-"), format!("{project}_")];
        let tags = inspect::own_images()?.into_iter().flat_map(|image| image.tags);
        remains.images = tags.filter(|tag| own.iter().any(|prefix| tag.starts_with(prefix))).collect();
    }
    Ok(remains)
}

/// Takes out what other files brought up under the same name: their services are not ours.
fn take_foreign(remains: &mut Remains, project: Option<&Project>) -> Vec<Container> {
    let Some(project) = project else { return Vec::new() };
    let is_known = |service: &str| project.services.contains_key(service) || project.inactive.contains_key(service);
    let is_ours = |container: &Container| is_known(observed::service(container)) || is_of_files(container, &project.files);
    let (ours, foreign) = std::mem::take(&mut remains.containers).into_iter().partition(is_ours);
    remains.containers = ours;
    foreign
}

/// Who depends on others stops before them; networks, volumes and images go when no container is left.
pub fn plan(remains: &Remains, project: Option<&Project>, anonymous_volumes: bool) -> Plan {
    let mut plan = Plan::default();
    let needed = dependencies(&remains.containers, project);
    let mut stops: BTreeMap<&str, Vec<At>> = BTreeMap::new();
    let mut removed: Vec<At> = Vec::new();
    for service in in_order(&remains.containers, &needed) {
        let dependents = needed.iter().filter(|(_, needs)| needs.contains(service)).map(|(name, _)| name.as_str());
        let after: Vec<At> = dependents.filter_map(|name| stops.get(name)).flatten().copied().collect();
        for container in remains.containers.iter().filter(|container| observed::service(container) == service) {
            let change = plan.line(Verb::Remove, Kind::Container, &container.name, service, Cause::Asked);
            let mut before = after.clone();
            if observed::is_up(container) {
                before = vec![plan.add(change, Action::Stop(container.id.clone()), before)];
                stops.entry(service).or_default().extend(&before);
            }
            removed.push(plan.add(change, Action::Remove { container: container.id.clone(), volumes: anonymous_volumes }, before));
        }
    }
    let mut last = |kind, name: &String, action| {
        let change = plan.line(Verb::Remove, kind, name, "", Cause::Asked);
        plan.add(change, action, removed.iter().copied());
    };
    remains.networks.iter().for_each(|network| last(Kind::Network, &network.name, Action::RemoveNetwork(network.name.clone())));
    remains.volumes.iter().for_each(|volume| last(Kind::Volume, &volume.name, Action::RemoveVolume(volume.name.clone())));
    remains.images.iter().for_each(|image| last(Kind::Image, image, Action::RemoveImage(image.clone())));
    plan
}

/// By service, whom it needs: as the labels of its containers say, and the files.
fn dependencies(containers: &[Container], project: Option<&Project>) -> BTreeMap<String, BTreeSet<String>> {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for container in containers {
        let said = label(&container.labels, labels::DEPENDS_ON).unwrap_or_default();
        let names = said.split(',').filter_map(|one| one.split(':').next()).filter(|name| !name.is_empty());
        needed.entry(observed::service(container).to_owned()).or_default().extend(names.map(str::to_owned));
    }
    for (name, service) in project.into_iter().flat_map(|project| &project.services) {
        needed.entry(name.clone()).or_default().extend(service.depends_on.keys().cloned());
    }
    needed
}

/// Services that nobody needs any more come first; those in a circle, which labels may say, at the end.
fn in_order<'a>(containers: &'a [Container], needed: &BTreeMap<String, BTreeSet<String>>) -> Vec<&'a str> {
    let mut left: BTreeSet<&str> = containers.iter().map(observed::service).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let is_needed =
            |name: &str| left.iter().any(|other| *other != name && needed.get(*other).is_some_and(|needs| needs.contains(name)));
        let mut free: Vec<&str> = left.iter().copied().filter(|name| !is_needed(name)).collect();
        if free.is_empty() {
            free = left.iter().copied().collect();
        }
        left.retain(|name| !free.contains(name));
        order.extend(free);
    }
    order
}
