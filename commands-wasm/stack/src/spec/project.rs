//! The whole project as it is wanted on the engine: what reconciliation compares with what is there.

use std::collections::{BTreeMap, BTreeSet};

use compose::hash::{self, Form};
use compose::{Dependency, Error, Fingerprint, Network, Project, PullPolicy, Service, Volume};
use host_sdk::docker::{build, create, network, pair, volume};
use serde_json::json;

use super::{build as build_spec, container, pairs};
use crate::labels;
use crate::values::Values;

/// What is written first.
const FORMS: [Form; 2] = [Form::Compose2, Form::Compose5];

/// What of a project is meant: all of it, or some services and what they need.
#[derive(Clone, Debug, Default)]
pub struct Selection<'a> {
    /// Empty: all.
    pub services: &'a [String],
    pub scale: BTreeMap<String, u32>,
    /// Without what they depend on.
    pub alone: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub project: String,
    pub services: BTreeMap<String, WantedService>,
    /// By key: those that the services use.
    pub networks: BTreeMap<String, WantedNetwork>,
    pub volumes: BTreeMap<String, WantedVolume>,
    /// Every service the files know, active or not: whoever is not one of them is an orphan.
    pub known: BTreeSet<String>,
    /// The files, as paths of the project.
    pub files: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WantedService {
    pub name: String,
    /// Without name, number and the labels of one container.
    pub spec: create::Spec,
    pub build: Option<build::Spec>,
    pub pull_policy: Option<PullPolicy>,
    pub replicas: u32,
    pub container_name: Option<String>,
    /// What each of its keys says, hashed.
    pub keys: Fingerprint,
    /// What its secrets and configs hold, as far as it was looked at.
    pub values: Values,
    /// As Compose counts it, versions 2 and 5; see [`Wanted::hash`]. The first is what a container gets.
    pub config_hashes: [String; 2],
    /// What these are counted of, in pieces where that holds paths of the project.
    configs: [Vec<String>; 2],
    pub depends_on: BTreeMap<String, Dependency>,
    /// It has a check of its own; the image may have one when it says nothing.
    pub has_check: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WantedNetwork {
    Own(network::Spec),
    /// It must be there.
    External(create::External),
}

#[derive(Clone, Debug, PartialEq)]
pub enum WantedVolume {
    Own(volume::Spec),
    External(create::External),
}

impl Wanted {
    /// # Errors
    /// What a file says and the engine has no place for; names of services that are not there.
    pub fn of(project: &Project, selection: &Selection<'_>) -> Result<Self, Error> {
        let names = selected(project, selection)?;
        let mut services = BTreeMap::new();
        for name in &names {
            let service = project.service(name)?;
            services.insert(name.clone(), wanted_service(project, service, selection.scale.get(name).copied())?);
        }
        let used_networks: BTreeSet<&String> =
            names.iter().filter_map(|name| project.services.get(name)).flat_map(|service| service.networks.keys()).collect();
        let networks = project.networks.iter().filter(|(key, _)| used_networks.contains(key));
        let volumes = project.volumes.iter().filter(|(_, volume)| services.values().any(|service| service.mounts(&volume.name)));
        Ok(Self {
            project: project.name.clone(),
            networks: networks.map(|(key, network)| (key.clone(), wanted_network(network))).collect(),
            volumes: volumes.map(|(key, volume)| (key.clone(), wanted_volume(volume))).collect(),
            known: project.services.keys().chain(project.inactive.keys()).cloned().collect(),
            files: project.files.clone(),
            services,
        })
    }

    /// Counts hashes again that the project's folder is part of, which only the host knows: `hashes` asks it.
    ///
    /// # Errors
    /// Those of `hashes`.
    pub fn hash<E>(&mut self, hashes: impl FnOnce(&[Vec<String>]) -> Result<Vec<String>, E>) -> Result<(), E> {
        let has_paths = |service: &&mut WantedService| service.configs.iter().any(|pieces| pieces.len() > 1);
        let mut services: Vec<&mut WantedService> = self.services.values_mut().filter(has_paths).collect();
        let texts: Vec<Vec<String>> = services.iter().flat_map(|service| service.configs.clone()).collect();
        if !texts.is_empty() {
            services
                .iter_mut()
                .flat_map(|service| &mut service.config_hashes)
                .zip(hashes(&texts)?)
                .for_each(|(hash, counted)| *hash = counted);
        }
        Ok(())
    }

    /// The images that containers are made of, each once.
    pub fn images(&self) -> Vec<String> {
        self.services.values().map(|service| service.spec.image.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the containers stand on, for a comparison with the grant.
    pub fn ground(&self) -> create::Ground {
        let mut ground = create::Ground::default();
        for network in self.networks.values() {
            match network {
                WantedNetwork::Own(spec) => ground.networks.push(spec.clone()),
                WantedNetwork::External(external) => ground.external_networks.push(external.clone()),
            }
        }
        for volume in self.volumes.values() {
            match volume {
                WantedVolume::Own(spec) => ground.volumes.push(spec.clone()),
                WantedVolume::External(external) => ground.external_volumes.push(external.clone()),
            }
        }
        ground
    }

    /// Without what is not granted: whether that is there nobody may know.
    pub fn without_refused_externals(&self, verdict: &create::Verdict) -> Self {
        let is_refused = |subject: String| verdict.denials.iter().any(|denial| denial.subject == subject);
        let mut wanted = self.clone();
        wanted.networks.retain(|key, network| !(matches!(network, WantedNetwork::External(_)) && is_refused(format!("networks.{key}"))));
        wanted.volumes.retain(|key, volume| !(matches!(volume, WantedVolume::External(_)) && is_refused(format!("volumes.{key}"))));
        wanted
    }

    /// One spec of each service, as `create` would get it.
    pub fn specs(&self) -> Vec<create::Spec> {
        self.services.values().map(|service| service.instance(&self.project, 1)).collect()
    }
}

impl WantedService {
    /// The one that a container gets.
    pub fn config_hash(&self) -> &str {
        let [written, _] = &self.config_hashes;
        written
    }

    /// The name of the container of this number.
    pub fn name_of(&self, project: &str, number: u32) -> String {
        self.container_name.clone().unwrap_or_else(|| format!("{project}-{}-{number}", self.name))
    }

    /// The spec of one container.
    pub fn instance(&self, project: &str, number: u32) -> create::Spec {
        let mut spec = self.spec.clone();
        spec.name = self.name_of(project, number);
        spec.number = number;
        for attachment in &mut spec.attachments {
            if !attachment.aliases.contains(&spec.name) {
                attachment.aliases.insert(0, spec.name.clone());
            }
        }
        spec.labels.push(pair(labels::CONFIG_HASH, self.config_hash()));
        spec.labels.push(pair(labels::KEYS, self.keys.to_label()));
        spec
    }

    /// Services whose container it shares something with: when that is another one, so must it be.
    pub fn shares_with(&self) -> BTreeSet<&str> {
        let namespaces = &self.spec.namespaces;
        let modes = [&self.spec.network_mode, &namespaces.pid, &namespaces.ipc, &namespaces.uts, &namespaces.cgroup];
        let of_modes = modes.into_iter().filter_map(|mode| mode.strip_prefix("service:"));
        let of_volumes = self.spec.volumes_from.iter().filter(|from| !from.starts_with("container:"));
        of_modes.chain(of_volumes.map(|from| from.split(':').next().unwrap_or_default())).collect()
    }

    fn mounts(&self, volume: &str) -> bool {
        self.spec.mounts.iter().any(|mount| mount.kind == create::MountKind::Volume && mount.source == volume)
    }
}

impl WantedNetwork {
    pub fn name(&self) -> &str {
        match self {
            Self::Own(spec) => &spec.name,
            Self::External(external) => &external.name,
        }
    }
}

impl WantedVolume {
    /// For a comparison with what is there; of an external one only the name counts.
    pub fn spec(&self) -> volume::Spec {
        match self {
            Self::Own(spec) => spec.clone(),
            Self::External(external) => volume::Spec { name: external.name.clone(), ..Default::default() },
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Own(spec) => &spec.name,
            Self::External(external) => &external.name,
        }
    }
}

/// The name of the image a service's containers are made of.
pub(crate) fn image_of(project: &str, service: &Service) -> String {
    service.image.clone().unwrap_or_else(|| format!("{project}-{}", service.name))
}

fn selected(project: &Project, selection: &Selection<'_>) -> Result<BTreeSet<String>, Error> {
    for name in selection.scale.keys() {
        project.service(name)?;
    }
    if selection.services.is_empty() {
        return Ok(project.services.keys().cloned().collect());
    }
    let mut names = BTreeSet::new();
    let mut waiting: Vec<String> = selection.services.to_vec();
    while let Some(name) = waiting.pop() {
        let service = project.service(&name)?;
        if names.insert(name) && !selection.alone {
            let needed = service.depends_on.iter().filter(|(name, dependency)| dependency.required || project.services.contains_key(*name));
            waiting.extend(needed.map(|(name, _)| name.clone()));
        }
    }
    Ok(names)
}

fn wanted_service(project: &Project, service: &Service, scale: Option<u32>) -> Result<WantedService, Error> {
    let image = image_of(&project.name, service);
    let replicas = scale.unwrap_or_else(|| service.replicas());
    if service.container_name.is_some() && replicas > 1 {
        let text = format!("{replicas} containers cannot have the one name that `container_name` says");
        return Err(Error::new(text).at(service.place_of("container_name")).key(format!("services.{}.container_name", service.name)));
    }
    Ok(WantedService {
        name: service.name.clone(),
        spec: container::container(project, service, &image)?,
        build: build_spec(project, service, &image)?,
        pull_policy: service.pull_policy.clone(),
        replicas,
        container_name: service.container_name.clone(),
        keys: Fingerprint::of(project, service),
        values: Values::new(),
        config_hashes: FORMS.map(|form| hash::service(service, None, form)),
        configs: FORMS.map(|form| hash::pieces(service, form)),
        depends_on: service.depends_on.clone(),
        has_check: service.healthcheck.as_ref().is_some_and(|check| !check.disabled),
    })
}

fn wanted_network(network: &Network) -> WantedNetwork {
    if network.external {
        return WantedNetwork::External(create::External { key: network.key.clone(), name: network.name.clone() });
    }
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let pools = network.ipam.config.iter().map(|pool| network::Pool {
        subnet: said(&pool.subnet),
        gateway: said(&pool.gateway),
        ip_range: said(&pool.ip_range),
        auxiliary: pairs(&pool.aux_addresses),
    });
    let mut spec = network::Spec {
        name: network.name.clone(),
        key: network.key.clone(),
        driver: said(&network.driver),
        options: pairs(&network.driver_opts),
        labels: pairs(&network.labels),
        internal: network.internal,
        attachable: network.attachable,
        ipv6: network.enable_ipv6.unwrap_or_default(),
        ipam_driver: said(&network.ipam.driver),
        ipam_options: pairs(&network.ipam.options),
        pools: pools.collect(),
        shared: false,
    };
    spec.labels.push(pair(labels::KEYS, network_keys(&spec)));
    WantedNetwork::Own(spec)
}

/// What makes another network of it, in words: short enough to be kept as it is.
fn network_keys(spec: &network::Spec) -> String {
    let pairs = |list: &[host_sdk::docker::Pair]| list.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect::<Vec<_>>();
    let pools: Vec<_> = spec.pools.iter().map(|pool| json!([pool.subnet, pool.gateway, pool.ip_range, pairs(&pool.auxiliary)])).collect();
    let ipam = json!([spec.ipam_driver, pairs(&spec.ipam_options), pools]);
    let keys = json!({
        "driver": spec.driver, "driver_opts": pairs(&spec.options), "internal": spec.internal, "attachable": spec.attachable,
        "enable_ipv6": spec.ipv6, "ipam": ipam, "labels": pairs(&spec.labels),
    });
    keys.to_string()
}

fn wanted_volume(volume: &Volume) -> WantedVolume {
    if volume.external {
        return WantedVolume::External(create::External { key: volume.key.clone(), name: volume.name.clone() });
    }
    WantedVolume::Own(volume::Spec {
        name: volume.name.clone(),
        key: volume.key.clone(),
        driver: volume.driver.clone().unwrap_or_default(),
        options: pairs(&volume.driver_opts),
        labels: pairs(&volume.labels),
    })
}
