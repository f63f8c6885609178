//! What exists for the guest: the objects of one project, and networks and volumes that were granted by name.
//!
//! Names are looked up anew in each call, because they can be given to something else meanwhile. Only ids are
//! remembered: the engine never gives one twice, and the labels of a container never change.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::HALF;
use super::client::Engine;
use super::error::{invalid, no_such};
use super::inspect::{Container, Endpoint, Network, Volume};
use super::policy::lack::Lack;
use super::policy::{Permit, labels};
use super::types::{Error, Pair, Status};

/// One project on one engine.
pub(super) struct Scope {
    pub(super) engine: Engine,
    pub(super) permit: Permit,
    /// The project's folder.
    pub(super) root: PathBuf,
    pub(super) run_id: String,
    /// Ids of containers that were seen with the project's label.
    own: Mutex<HashSet<String>>,
    /// The same of networks, and their names where they have no ids: Podman gives no two the same.
    own_networks: Mutex<HashSet<String>>,
}

/// Ids that are remembered; beyond this they are looked up again.
const REMEMBERED: usize = 10_000;
/// The shortest piece of an id that stands for it, which is what engines show to people.
const SHORT_ID: usize = 12;
/// Networks that each engine has: no project's.
const NOBODYS: [&str; 3] = ["bridge", "host", "none"];

impl Scope {
    pub(super) fn new(engine: Engine, permit: Permit, root: PathBuf, run_id: String) -> Self {
        Self { engine, permit, root, run_id, own: Mutex::default(), own_networks: Mutex::default() }
    }

    pub(super) fn project(&self) -> &str {
        self.permit.project()
    }

    /// All containers of the project, in one call of the engine.
    pub(super) async fn containers(&self) -> Result<Vec<Container>, Error> {
        let mut containers = self.engine.containers_of(self.project()).await?;
        // An engine that does not know the filter must not open anything.
        containers.retain(|container| self.is_own(&container.labels));
        self.remember(containers.iter().map(|container| &container.id));
        let root = self.root.to_string_lossy();
        containers.iter_mut().flat_map(|container| &mut container.labels).for_each(|label| labels::tell_by_project(label, &root));
        for container in containers.iter_mut().filter(|container| container.name.contains(HALF)) {
            // Whoever made it was killed: it was never started, and never will be what it should be.
            container.status = Status::Dead;
            container.status_text = "Dead (it was not finished when it was made)".to_owned();
        }
        Ok(containers)
    }

    /// Takes out how they are attached to networks that are neither the project's nor granted: the operator may have
    /// attached one of ours to another project's.
    pub(super) async fn hide_strange_networks(&self, containers: &mut [Container]) -> Result<(), Error> {
        let is_granted = |endpoint: &Endpoint| self.permit.sees_network(&endpoint.network);
        let is_nobodys = |endpoint: &Endpoint| NOBODYS.contains(&endpoint.network.as_str());
        let is_known = |endpoint: &Endpoint| is_granted(endpoint) || is_nobodys(endpoint) || self.is_own_network(endpoint);
        if !containers.iter().flat_map(|container| &container.endpoints).all(is_known) {
            let own = self.engine.networks_of(Some(self.project())).await?;
            self.remember_networks(own.iter().filter(|network| self.is_own(&network.labels)));
        }
        for container in containers {
            container.endpoints.retain(|endpoint| is_granted(endpoint) || self.is_own_network(endpoint));
        }
        Ok(())
    }

    fn is_own_network(&self, endpoint: &Endpoint) -> bool {
        let key = if endpoint.network_id.is_empty() { &endpoint.network } else { &endpoint.network_id };
        self.own_networks.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn remember_networks<'n>(&self, networks: impl Iterator<Item = &'n Network>) {
        let mut own = self.own_networks.lock().unwrap_or_else(PoisonError::into_inner);
        for network in networks {
            if own.len() >= REMEMBERED {
                own.clear();
            }
            own.extend([network.id.clone(), network.name.clone()]);
        }
    }

    /// One of them by name, id, or the beginning of its id.
    pub(super) async fn container(&self, name: &str) -> Result<Container, Error> {
        let containers = self.containers().await?;
        pick(&containers, name).cloned().ok_or_else(|| no_such("container", name))
    }

    /// The whole id of one of them. An id that was seen before is not looked up again.
    pub(super) async fn container_id(&self, name: &str) -> Result<String, Error> {
        if self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return Ok(name.to_owned());
        }
        Ok(self.container(name).await?.id)
    }

    pub(super) fn remember<'i>(&self, ids: impl IntoIterator<Item = &'i String>) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if own.len() >= REMEMBERED {
                own.clear();
            }
            own.insert(id.clone());
        }
    }

    /// The project's networks and the granted ones, in one call of the engine.
    pub(super) async fn networks(&self) -> Result<Vec<Network>, Error> {
        // The engine's filters cannot say "of the project, or of that name".
        let project = self.permit.networks().is_empty().then(|| self.project());
        let mut networks = self.engine.networks_of(project).await?;
        networks.retain(|network| self.is_own(&network.labels) || self.permit.sees_network(&network.name));
        self.remember_networks(networks.iter().filter(|network| self.is_own(&network.labels)));
        Ok(networks)
    }

    /// One of them by name or id; the project's own come first.
    pub(super) async fn network(&self, name: &str) -> Result<Network, Error> {
        let networks = self.networks().await?;
        self.pick_network(&networks, name).cloned().ok_or_else(|| no_such("network", name))
    }

    /// Whether a container may be attached to it.
    pub(super) fn may_join(&self, field: &'static str, network: &Network) -> Result<(), Error> {
        if is_whole_id(&network.name) {
            // An engine asks for it by name at each start, and looks for an id first.
            return Err(invalid(format!("the network `{}` may be taken for another one: its name is like an id", network.name)));
        }
        match network.driver.as_str() {
            "host" => self.granted(self.permit.host_namespace(field, "network")),
            _ => Ok(()),
        }
    }

    /// The project's own come first, of several of one name that which this run made.
    pub(super) fn pick_network<'n>(&self, networks: &'n [Network], name: &str) -> Option<&'n Network> {
        let is_ours = |network: &Network| network.labels.iter().any(|label| label.name == labels::RUN && label.value == self.run_id);
        let rank = |network: &&Network| (!self.is_own(&network.labels), !is_ours(network), network.created_ns, network.id.clone());
        networks.iter().filter(|network| network.name == name || network.id == name).min_by_key(rank)
    }

    /// The project's volumes and the granted ones, in one call of the engine.
    pub(super) async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        Ok(self.volumes_with_options().await?.into_iter().map(|(volume, _)| volume).collect())
    }

    /// The same, with what their drivers were told, which may hold passwords: not for guests.
    pub(super) async fn volumes_with_options(&self) -> Result<Vec<(Volume, Vec<Pair>)>, Error> {
        let project = self.permit.volumes().is_empty().then(|| self.project());
        let mut volumes = self.engine.volumes_of(project).await?;
        volumes.retain(|(volume, _)| self.is_own(&volume.labels) || self.permit.sees_volume(&volume.name));
        Ok(volumes)
    }

    /// Refuses what lacks something.
    pub(super) fn granted(&self, lacks: impl IntoIterator<Item = Lack>) -> Result<(), Error> {
        let lacks: Vec<Lack> = lacks.into_iter().collect();
        if lacks.is_empty() { Ok(()) } else { Err(Error::AccessDenied(self.permit.denial(&lacks))) }
    }

    /// Whether an image with a name of ours is another project's. Older tools than Compose 2 write no labels.
    pub(super) fn may_see(&self, labels: &[Pair]) -> bool {
        self.is_own(labels) || !labels.iter().any(|label| label.name == labels::PROJECT)
    }

    /// Whether something carries the project's label.
    pub(super) fn is_own(&self, labels: &[Pair]) -> bool {
        labels.iter().any(|label| label.name == labels::PROJECT && label.value == self.project())
    }
}

/// What an engine takes for an id before it looks for a name.
pub(super) fn is_whole_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One of these by name, id, or the beginning of its id.
pub(super) fn pick<'c>(containers: &'c [Container], name: &str) -> Option<&'c Container> {
    let exact = containers.iter().find(|container| container.name == name).or_else(|| containers.iter().find(|c| c.id == name));
    exact.or_else(|| {
        let begins = |container: &&Container| name.len() >= SHORT_ID && container.id.starts_with(name);
        let mut found = containers.iter().filter(begins);
        found.next().filter(|_| found.next().is_none())
    })
}
