//! Networks and volumes of a plan.

use std::collections::{BTreeMap, BTreeSet};

use host_sdk::docker::inspect::Container;
use host_sdk::docker::{label, network, volume};
use host_sdk::{Ending, Error, Result};
use serde_json::{Map, Value};

use super::{Action, At, Cause, Kind, Plan, Verb};
use crate::labels;
use crate::observed::{self, Observed};
use crate::spec::{Wanted, WantedNetwork, WantedVolume};

/// What the containers wait for.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// By the network's name: what makes it.
    pub(super) networks: BTreeMap<String, At>,
    pub(super) volumes: BTreeMap<String, At>,
    /// By a container's id: what took it off a network that is made anew. It is stopped before.
    pub(super) stopped: BTreeMap<String, At>,
    /// Networks that are made anew.
    pub(super) anew: BTreeSet<String>,
}

pub(super) fn ground(wanted: &Wanted, observed: &Observed, plan: &mut Plan) -> Result<Ground> {
    let mut ground = Ground::default();
    for wish in wanted.networks.values() {
        let found = observed.network(wish.name());
        match (wish, found) {
            (WantedNetwork::External(_), Some(_)) => {}
            (WantedNetwork::External(external), None) => return Err(no_external("network", &external.name)),
            (WantedNetwork::Own(spec), None) => {
                let change = plan.line(Verb::Create, Kind::Network, &spec.name, "", Cause::NotThere);
                let made = plan.add(change, Action::CreateNetwork(Box::new(spec.clone())), []);
                ground.networks.insert(spec.name.clone(), made);
            }
            (WantedNetwork::Own(spec), Some(network)) => {
                let changed = changed_keys(spec, network);
                if !changed.is_empty() {
                    let strangers = observed.strangers.get(&spec.name).copied().unwrap_or_default();
                    if strangers > 0 {
                        return Err(in_use(&spec.name, &changed, strangers));
                    }
                    anew(spec, changed, observed, plan, &mut ground);
                }
            }
        }
    }
    for wish in wanted.volumes.values() {
        match (wish, observed.volumes.get(wish.name())) {
            (WantedVolume::Own(spec), Some(keys)) => keep_as_it_is(spec, keys, plan),
            (WantedVolume::External(_), Some(_)) => {}
            (WantedVolume::External(external), None) => return Err(no_external("volume", &external.name)),
            (WantedVolume::Own(spec), None) => {
                let change = plan.line(Verb::Create, Kind::Volume, &spec.name, "", Cause::NotThere);
                let made = plan.add(change, Action::CreateVolume(Box::new(spec.clone())), []);
                ground.volumes.insert(spec.name.clone(), made);
            }
        }
    }
    Ok(ground)
}

/// What is in a volume is worth more than what the compose file says of it: nothing but an order by name removes one.
fn keep_as_it_is(spec: &volume::Spec, keys: &[String], plan: &mut Plan) {
    if keys.is_empty() {
        return;
    }
    let name = &spec.name;
    let keys = keys.iter().map(|key| format!("volumes.{}.{key}", spec.key)).collect::<Vec<_>>().join(", ");
    plan.notes.push(format!("the volume {name} was made differently from what the compose file says now ({keys}), and is left as it is"));
    plan.hints
        .push(format!("`host run down`, `docker volume rm {name}` and `host run up` make {name} anew; what is in it is lost by that"));
}

/// Before anything is stopped: the engine would refuse to remove it then.
fn in_use(name: &str, changed: &[String], strangers: u32) -> Error {
    let who = match strangers {
        1 => "a container that is not the project's is on it".to_owned(),
        count => format!("{count} containers that are not the project's are on it"),
    };
    Error::failed(format!("the network `{name}` must be made anew ({} changed), and {who}", changed.join(", ")))
        .hint(format!("`docker network inspect {name}` shows who, `docker network disconnect {name} CONTAINER` takes them off"))
}

fn no_external(kind: &str, name: &str) -> Error {
    let error = Error::new(Ending::Failed, format!("the {kind} `{name}` is external, and it is not there"));
    match (kind, name) {
        ("network", "reverse-proxy") => error.hint("host run start_reverse_proxy"),
        _ => error.hint(format!("docker {kind} create {name}")),
    }
}

/// Takes the project's containers off it, removes it, makes it again.
fn anew(spec: &network::Spec, changed: Vec<String>, observed: &Observed, plan: &mut Plan, ground: &mut Ground) {
    let change = plan.line(Verb::Recreate, Kind::Network, &spec.name, "", Cause::NetworkKeys(changed));
    let mut off = Vec::new();
    for container in observed.containers.iter().filter(|container| is_on(container, &spec.name)) {
        let stopped = match ground.stopped.get(&container.id) {
            Some(stopped) => vec![*stopped],
            None if observed::is_up(container) => vec![plan.add(change, Action::Stop(container.id.clone()), [])],
            None => Vec::new(),
        };
        let action = Action::Disconnect { container: container.id.clone(), network: spec.name.clone() };
        let disconnected = plan.add(change, action, stopped);
        ground.stopped.insert(container.id.clone(), disconnected);
        off.push(disconnected);
    }
    let removed = plan.add(change, Action::RemoveNetwork(spec.name.clone()), off);
    let made = plan.add(change, Action::CreateNetwork(Box::new(spec.clone())), [removed]);
    ground.networks.insert(spec.name.clone(), made);
    ground.anew.insert(spec.name.clone());
}

fn is_on(container: &Container, network: &str) -> bool {
    container.endpoints.iter().any(|endpoint| endpoint.network == network)
}

/// Of one that we made, what differs from its label; of another what the engine's list tells.
pub(crate) fn changed_keys(spec: &network::Spec, network: &host_sdk::docker::inspect::Network) -> Vec<String> {
    let keys = |labels| label(labels, labels::KEYS).and_then(|keys| serde_json::from_str::<Map<String, Value>>(keys).ok());
    if let (Some(was), Some(is)) = (keys(&network.labels), keys(&spec.labels)) {
        return is
            .iter()
            .filter(|(key, value)| was.get(*key) != Some(*value))
            .map(|(key, _)| format!("networks.{}.{key} changed", spec.key))
            .collect();
    }
    let driver = !spec.driver.is_empty() && spec.driver != network.driver;
    let differ = [("driver", driver), ("internal", spec.internal != network.internal)];
    differ.iter().filter(|(_, differs)| *differs).map(|(key, _)| format!("networks.{}.{key} changed", spec.key)).collect()
}
