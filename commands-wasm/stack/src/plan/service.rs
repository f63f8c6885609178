//! One service of a plan: which of its containers stay, which are made anew, and why.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use compose::Fingerprint;
use host_sdk::docker::inspect::{Container, Status};
use host_sdk::docker::{create, label, pair};

use super::reconcile::{Builder, Instance};
use super::{Action, At, Cause, Kind, Verb, Who};
use crate::labels;
use crate::observed;
use crate::spec::WantedService;
use crate::values;

/// Digits of the old container's id before a temporary name.
const ID_DIGITS: usize = 12;

impl<'a> Builder<'a> {
    pub(super) fn service(&mut self, wish: &'a WantedService) {
        let mut by_number: BTreeMap<u32, Vec<(&'a Container, Option<Cause>)>> = BTreeMap::new();
        for container in &self.observed.containers {
            if observed::service(container) == wish.name && !observed::is_one_off(container) {
                by_number.entry(observed::number(container)).or_default().push((container, self.divergence(wish, container)));
            }
        }
        let mut instances = Vec::new();
        for number in 1..=wish.replicas {
            let mut found = by_number.remove(&number).unwrap_or_default();
            found.sort_by_key(|(container, cause)| (cause.is_some(), !observed::is_up(container), Reverse(container.created)));
            let mut found = found.into_iter();
            let kept = found.next();
            let mut removed: Vec<At> = Vec::new();
            for (extra, _) in found {
                let cause = if label(&extra.labels, labels::REPLACE).is_some() || kept.as_ref().is_some_and(|(kept, _)| is_temporary(kept))
                {
                    Cause::Unfinished
                } else {
                    Cause::Duplicate
                };
                removed.push(self.remove(extra, cause, &[]));
            }
            instances.push(match kept {
                None => self.fresh(wish, number, removed),
                Some((container, None)) => self.keep(wish, number, container, removed),
                Some((container, Some(cause))) => self.recreate(wish, number, container, cause, removed),
            });
        }
        for (container, _) in by_number.into_values().flatten() {
            self.remove(container, Cause::ScaledDown(wish.replicas), &[]);
        }
        self.running.insert(wish.name.clone(), instances);
    }

    fn fresh(&mut self, wish: &WantedService, number: u32, removed: Vec<At>) -> Instance<'a> {
        let spec = self.spec(wish, number);
        let name = spec.name.clone();
        let change = self.plan.line(Verb::Create, Kind::Container, &name, &wish.name, Cause::NotThere);
        let before = self.before_create(wish, removed);
        let created = self.plan.add(change, Action::Create(Box::new(spec)), before);
        let gates = self.gates(wish);
        let started = self.plan.add(change, Action::Start(Who::Made(created)), gates.into_iter().chain([created]));
        Instance { who: Who::Made(created), name, kept: None, settled: Some(created), started: Some(started) }
    }

    fn keep(&mut self, wish: &WantedService, number: u32, container: &'a Container, removed: Vec<At>) -> Instance<'a> {
        let who = Who::Id(container.id.clone());
        self.note_unknown(wish, container);
        let mut instance = Instance { who: who.clone(), name: container.name.clone(), kept: Some(container), settled: None, started: None };
        if is_temporary(container) {
            instance.name = wish.name_of(&self.wanted.project, number);
            let change = self.plan.line(Verb::Rename, Kind::Container, &instance.name, &wish.name, Cause::Unfinished);
            let action = Action::Rename { container: who.clone(), name: instance.name.clone() };
            instance.settled = Some(self.plan.add(change, action, removed));
        }
        if let Some(by) = self.restarts_with(wish).filter(|_| observed::is_up(container)) {
            let change = self.plan.line(Verb::Restart, Kind::Container, &instance.name, &wish.name, Cause::RestartsWith(by.clone()));
            let stopped = self.plan.add(change, Action::Stop(container.id.clone()), []);
            // It must not see the other one end.
            for at in self.stops.get(&by).cloned().unwrap_or_default() {
                if let Some(operation) = self.plan.operations.get_mut(at) {
                    operation.after.push(stopped);
                }
            }
            self.stops.entry(wish.name.clone()).or_default().push(stopped);
            let gates = self.gates(wish);
            instance.started = Some(self.plan.add(change, Action::Start(who), gates.into_iter().chain([stopped])));
            return instance;
        }
        match container.status {
            Status::Paused => self.plan.notes.push(format!("{} is paused, and is left so", container.name)),
            Status::Created | Status::Exited if !self.is_done(wish, container) => {
                let how = if container.status == Status::Created { String::new() } else { container.status_text.clone() };
                let change = self.plan.line(Verb::Start, Kind::Container, &instance.name, &wish.name, Cause::NotRunning(how));
                let gates = self.gates(wish);
                instance.started = Some(self.plan.add(change, Action::Start(who), gates.into_iter().chain(instance.settled)));
            }
            _ => {}
        }
        instance
    }

    fn note_unknown(&mut self, wish: &WantedService, container: &Container) {
        let (_, unknown) = values::compare(container, &wish.values);
        if unknown.is_empty() {
            return;
        }
        let keys = unknown.join(", ");
        self.plan.notes.push(format!(
            "{} was made by another user or on another machine: nobody can tell whether the value of {keys} changed",
            container.name
        ));
        self.plan.hints.push(format!("`host run up {} --force-recreate` gives {} what it is now", wish.name, container.name));
    }

    fn recreate(&mut self, wish: &WantedService, number: u32, old: &'a Container, cause: Cause, removed: Vec<At>) -> Instance<'a> {
        let mut spec = self.spec(wish, number);
        let name = spec.name.clone();
        spec.labels.push(pair(labels::REPLACE, &old.name));
        spec.anonymous_volumes_of = old.id.clone();
        let is_in_the_way = old.name == name;
        if is_in_the_way {
            spec.name = format!("{}_{name}", old.id.get(..ID_DIGITS).unwrap_or(&old.id));
        }
        let change = self.plan.line(Verb::Recreate, Kind::Container, &name, &wish.name, cause);
        let before = self.before_create(wish, removed);
        let before: Vec<At> = before.into_iter().chain(self.ground.stopped.get(&old.id).copied()).collect();
        let created = self.plan.add(change, Action::Create(Box::new(spec)), before);
        let gates = self.gates(wish);
        // Only then: when the new one cannot be made or what it needs does not come up, the old one goes on.
        let mut ready: Vec<At> = gates.into_iter().chain([created]).collect();
        if observed::is_up(old) && !self.ground.stopped.contains_key(&old.id) {
            let stopped = self.plan.add(change, Action::Stop(old.id.clone()), ready);
            self.stops.entry(wish.name.clone()).or_default().push(stopped);
            ready = vec![stopped];
        }
        let gone = self.plan.add(change, Action::Remove { container: old.id.clone(), volumes: false }, ready);
        let who = Who::Made(created);
        let settled =
            if is_in_the_way { self.plan.add(change, Action::Rename { container: who.clone(), name: name.clone() }, [gone]) } else { gone };
        let started = self.plan.add(change, Action::Start(who.clone()), [settled]);
        self.recreated.insert(wish.name.clone());
        Instance { who, name, kept: None, settled: Some(settled), started: Some(started) }
    }

    /// As the engine gets it: names of services become names of containers.
    fn spec(&self, wish: &WantedService, number: u32) -> create::Spec {
        let mut spec = wish.instance(&self.wanted.project, number);
        if let Some(image) = self.observed.images.get(&spec.image) {
            spec.labels.push(pair(labels::IMAGE, &image.id));
        }
        let name_of =
            |service: &str| self.running.get(service).and_then(|instances| instances.first()).map(|instance| instance.name.clone());
        for link in &mut spec.links {
            let (service, alias) = link.split_once(':').unwrap_or((link, link));
            if let Some(name) = name_of(service) {
                *link = format!("{name}:{alias}");
            }
        }
        for from in &mut spec.volumes_from {
            if let Some(container) = from.strip_prefix("container:") {
                *from = container.to_owned();
            } else {
                let (service, mode) = from.split_once(':').map_or((from.as_str(), ""), |(service, mode)| (service, mode));
                if let Some(name) = name_of(service) {
                    *from = if mode.is_empty() { name } else { format!("{name}:{mode}") };
                }
            }
        }
        spec
    }

    fn before_create(&self, wish: &WantedService, removed: Vec<At>) -> Vec<At> {
        let mut before = removed;
        before.extend(wish.spec.attachments.iter().filter_map(|attachment| self.ground.networks.get(&attachment.network)));
        before.extend(wish.spec.mounts.iter().filter_map(|mount| self.ground.volumes.get(&mount.source)));
        let implicit = wish.depends_on.iter().filter(|(_, dependency)| dependency.implicit).map(|(name, _)| name.as_str());
        for service in implicit.chain(wish.shares_with()) {
            before.extend(self.running.get(service).into_iter().flatten().filter_map(|instance| instance.settled));
        }
        before
    }

    /// The service with which it restarts, when that one is stopped here.
    fn restarts_with(&self, wish: &WantedService) -> Option<String> {
        let restarting = wish.depends_on.iter().filter(|(_, dependency)| dependency.restart);
        restarting.map(|(name, _)| name.clone()).find(|name| self.stops.contains_key(name) || self.recreated.contains(name))
    }

    /// It ended well, and was meant to end.
    fn is_done(&self, wish: &WantedService, container: &Container) -> bool {
        self.one_shots.contains(&wish.name) && container.status == Status::Exited && observed::exit_code(container) == Some(0)
    }

    /// Why a container is not what the file says; none when it is.
    fn divergence(&self, wish: &WantedService, container: &Container) -> Option<Cause> {
        let is_named = self.wishes.named.is_empty() || self.wishes.named.contains(&wish.name);
        if self.wishes.force_recreate && is_named {
            return Some(Cause::Forced);
        }
        if matches!(container.status, Status::Dead | Status::Removing) {
            return Some(Cause::Broken);
        }
        changed(wish, container)
            .or_else(|| self.observed.images.get(&wish.spec.image).filter(|image| image.id != container.image_id).map(|_| Cause::Image))
            .or_else(|| self.network_cause(wish, container))
            .or_else(|| {
                wish.shares_with().into_iter().find(|name| self.recreated.contains(*name)).map(|name| Cause::SharesWith(name.to_owned()))
            })
    }

    fn network_cause(&self, wish: &WantedService, container: &Container) -> Option<Cause> {
        for attachment in &wish.spec.attachments {
            let name = &attachment.network;
            let Some(endpoint) = container.endpoints.iter().find(|endpoint| endpoint.network == *name) else {
                return Some(Cause::NotAttached(name.clone()));
            };
            // One that was never started has no id of its network yet.
            let is_other =
                self.observed.network(name).is_some_and(|network| network.id != endpoint.network_id) && !endpoint.network_id.is_empty();
            if is_other || self.ground.networks.contains_key(name) {
                return Some(Cause::Network(name.clone()));
            }
        }
        None
    }
}

/// By our own label; of a container that Compose v2 made, by its hash.
fn changed(wish: &WantedService, container: &Container) -> Option<Cause> {
    let said = |name| label(&container.labels, name);
    if let Some(keys) = said(labels::KEYS).and_then(Fingerprint::from_label) {
        let (values, _) = values::compare(container, &wish.values);
        let values = values.iter().map(|key| format!("value of {key} changed"));
        let changed: Vec<String> = keys.changes_to(&wish.keys).iter().map(ToString::to_string).chain(values).collect();
        return (!changed.is_empty()).then_some(Cause::Keys(changed));
    }
    let version = said(labels::VERSION).unwrap_or_default();
    let is_same = said(labels::CONFIG_HASH).is_some_and(|hash| wish.config_hashes.iter().any(|known| known == hash));
    if is_same && !version.is_empty() && !version.starts_with("1.") {
        return None;
    }
    Some(Cause::MadeElsewhere(if version.is_empty() { "another program".to_owned() } else { format!("docker-compose {version}") }))
}

/// Made to stand in for another, whose name it does not have yet.
fn is_temporary(container: &Container) -> bool {
    let replaced = label(&container.labels, labels::REPLACE);
    let prefix = container.name.split_once('_').map(|(prefix, _)| prefix).unwrap_or_default();
    replaced.is_some() && prefix.len() == ID_DIGITS && prefix.bytes().all(|byte| byte.is_ascii_hexdigit())
}
