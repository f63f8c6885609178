//! From what is wanted and what is there to a plan.

use std::collections::{BTreeMap, BTreeSet};

use compose::{Condition, Dependency};
use host_sdk::docker::inspect::{Container, Health};
use host_sdk::docker::label;
use host_sdk::{Error, Result};

use super::networks::{Ground, ground};
use super::{Action, At, Cause, Kind, Plan, Until, Verb, Who};
use crate::labels;
use crate::observed::{self, Observed};
use crate::spec::{Wanted, WantedService};

/// How the person who runs it wants it.
#[derive(Clone, Debug, Default)]
pub struct Wishes<'a> {
    /// `--force-recreate`, of these services; of all when none is named.
    pub force_recreate: bool,
    pub named: &'a [String],
    pub remove_orphans: bool,
    /// Until everything is healthy, running or done.
    pub wait: bool,
}

/// # Errors
/// When services wait for each other in a circle, or something external is not there.
pub fn reconcile(wanted: &Wanted, observed: &Observed, wishes: &Wishes<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    let ground = ground(wanted, observed, &mut plan)?;
    let completed = wanted.services.values().flat_map(|service| &service.depends_on);
    let one_shots = completed
        .filter(|(_, dependency)| dependency.condition == Condition::CompletedSuccessfully)
        .map(|(name, _)| name.clone())
        .collect();
    let mut builder = Builder {
        wanted,
        observed,
        wishes,
        ground,
        plan,
        one_shots,
        running: BTreeMap::new(),
        recreated: BTreeSet::new(),
        stops: BTreeMap::new(),
        waits: BTreeMap::new(),
        orphans_gone: Vec::new(),
    };
    builder.orphans();
    for name in in_order(wanted)? {
        if let Some(service) = wanted.services.get(name) {
            builder.service(service);
        }
    }
    if wishes.wait {
        builder.wait_for_all();
    }
    Ok(builder.plan)
}

/// Dependencies first.
fn in_order(wanted: &Wanted) -> Result<Vec<&String>> {
    let mut order: Vec<&String> = Vec::new();
    let mut left: BTreeSet<&String> = wanted.services.keys().collect();
    while !left.is_empty() {
        let is_free = |name: &&&String| {
            wanted.services.get(**name).is_some_and(|service| !service.depends_on.keys().any(|needed| left.contains(needed)))
        };
        let free: Vec<&String> = left.iter().filter(is_free).copied().collect();
        if free.is_empty() {
            let names = left.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!("services wait for each other in a circle, among them {names}")));
        }
        left.retain(|name| !free.contains(name));
        order.extend(free);
    }
    Ok(order)
}

/// A plan as it grows, service by service.
pub(super) struct Builder<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) observed: &'a Observed,
    pub(super) wishes: &'a Wishes<'a>,
    pub(super) ground: Ground,
    pub(super) plan: Plan,
    /// Services that others want to have ended well.
    pub(super) one_shots: BTreeSet<String>,
    /// By service, its containers as they will be.
    pub(super) running: BTreeMap<String, Vec<Instance<'a>>>,
    pub(super) recreated: BTreeSet<String>,
    /// What ends containers of a service that will be started again.
    pub(super) stops: BTreeMap<String, Vec<At>>,
    waits: BTreeMap<(String, &'static str), Vec<At>>,
    /// What removes orphans: they may have the ports of those that start.
    orphans_gone: Vec<At>,
}

/// A container as it will be.
#[derive(Clone, Debug)]
pub(super) struct Instance<'a> {
    pub(super) who: Who,
    pub(super) name: String,
    /// What is there already and stays.
    pub(super) kept: Option<&'a Container>,
    /// It has its name.
    pub(super) settled: Option<At>,
    pub(super) started: Option<At>,
}

impl Builder<'_> {
    /// What has to be done before a container of this service may start.
    pub(super) fn gates(&mut self, service: &WantedService) -> Vec<At> {
        let mut gates = self.orphans_gone.clone();
        for (name, dependency) in &service.depends_on {
            match dependency.condition {
                Condition::Started => {
                    gates.extend(self.running.get(name).into_iter().flatten().filter_map(|instance| instance.started));
                }
                Condition::Healthy => gates.extend(self.wait(name, Until::Healthy, dependency)),
                Condition::CompletedSuccessfully => gates.extend(self.wait(name, Until::Completed, dependency)),
            }
        }
        gates
    }

    fn wait(&mut self, service: &str, until: Until, dependency: &Dependency) -> Vec<At> {
        let waits = self.waits_for(service, until);
        for at in &waits {
            if let Some(operation) = self.plan.operations.get_mut(*at) {
                operation.optional &= !dependency.required;
            }
        }
        waits
    }

    /// One operation for each container that is not as far; the same ones for whoever asks again.
    fn waits_for(&mut self, service: &str, until: Until) -> Vec<At> {
        let key = (service.to_owned(), until.word());
        if let Some(waits) = self.waits.get(&key) {
            return waits.clone();
        }
        let mut waits = Vec::new();
        for instance in self.running.get(service).cloned().unwrap_or_default() {
            if instance.started.is_none() && instance.kept.is_some_and(|container| is_as_far(container, until)) {
                continue;
            }
            let change = self.plan.line(Verb::Wait, Kind::Container, &instance.name, service, Cause::Until(until));
            let action = Action::Wait { container: instance.who, until, service: service.to_owned() };
            let at = self.plan.add(change, action, instance.started);
            if let Some(operation) = self.plan.operations.get_mut(at) {
                operation.optional = true;
            }
            waits.push(at);
        }
        self.waits.insert(key, waits.clone());
        waits
    }

    fn wait_for_all(&mut self) {
        let services: Vec<&WantedService> = self.wanted.services.values().collect();
        for service in services {
            let until = match () {
                () if self.one_shots.contains(&service.name) => Until::Completed,
                () if service.has_check => Until::Healthy,
                () => Until::Running,
            };
            for at in self.waits_for(&service.name, until) {
                if let Some(operation) = self.plan.operations.get_mut(at) {
                    operation.optional = false;
                }
            }
        }
    }

    /// Containers of services that no file knows; those of other files with the same project name are none.
    fn orphans(&mut self) {
        let orphans: Vec<&Container> = self
            .observed
            .containers
            .iter()
            .filter(|container| !observed::is_one_off(container) && !self.wanted.known.contains(observed::service(container)))
            .filter(|container| is_of_files(container, &self.wanted.files))
            .collect();
        for container in orphans {
            if self.wishes.remove_orphans {
                let gone = self.remove(container, Cause::Orphan, &[]);
                self.orphans_gone.push(gone);
            } else {
                self.plan.orphans.push(container.name.clone());
            }
        }
    }

    /// Stops and removes a container, with what comes before; answers what removes it.
    pub(super) fn remove(&mut self, container: &Container, cause: Cause, before: &[At]) -> At {
        let change = self.plan.line(Verb::Remove, Kind::Container, &container.name, observed::service(container), cause);
        let mut after = before.to_vec();
        after.extend(self.ground.stopped.get(&container.id));
        if observed::is_up(container) && !self.ground.stopped.contains_key(&container.id) {
            after = vec![self.plan.add(change, Action::Stop(container.id.clone()), after)];
        }
        self.plan.add(change, Action::Remove { container: container.id.clone(), volumes: false }, after)
    }
}

fn is_as_far(container: &Container, until: Until) -> bool {
    match until {
        Until::Running => observed::is_up(container) && !matches!(container.health, Health::Starting | Health::Unhealthy),
        Until::Healthy => observed::is_up(container) && container.health == Health::Healthy,
        Until::Completed => observed::exit_code(container) == Some(0),
    }
}

/// Whether these are the files it was made of: the host tells paths of the project's folder as such, other ones stay
/// absolute. One that says nothing is taken as ours.
pub(crate) fn is_of_files(container: &Container, files: &[String]) -> bool {
    let Some(said) = label(&container.labels, labels::CONFIG_FILES).filter(|said| !said.is_empty()) else { return true };
    // docker-compose 1.29 writes them as they were given: relative to a folder that may be another project's.
    if label(&container.labels, labels::WORKING_DIR).is_some_and(|folder| folder.starts_with('/')) {
        return false;
    }
    said.split(',').map(|file| file.trim_start_matches("./")).eq(files.iter().map(|file| file.trim_start_matches("./")))
}
