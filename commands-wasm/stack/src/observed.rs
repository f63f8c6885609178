//! What is on the engine: data, in at most four calls.

use std::collections::BTreeMap;

use host_sdk::Result;
use host_sdk::docker::inspect::{self, Container, Image, Network, Status};
use host_sdk::docker::{label, volume};

use crate::labels;
use crate::plan::changed_keys;
use crate::spec::{Wanted, WantedNetwork, WantedVolume};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    pub containers: Vec<Container>,
    pub networks: Vec<Network>,
    /// By name, of those that must be made anew: how many containers of others are on it.
    pub strangers: BTreeMap<String, u32>,
    /// By name: in which keys those that are there differ from what is wanted.
    pub volumes: BTreeMap<String, Vec<String>>,
    /// By reference: those that are there.
    pub images: BTreeMap<String, Image>,
}

impl Observed {
    /// What matters for these services, beside their images: no call for what they do not use.
    pub fn beside(images: BTreeMap<String, Image>, wanted: &Wanted) -> Result<Self> {
        let networks = if wanted.networks.is_empty() { Vec::new() } else { inspect::networks()? };
        Ok(Self {
            images,
            containers: inspect::containers()?,
            strangers: strangers(&networks, wanted)?,
            networks,
            volumes: if wanted.volumes.is_empty() { BTreeMap::new() } else { volumes(wanted)? },
        })
    }

    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.iter().find(|network| network.name == name)
    }
}

/// Those of the references that the engine has.
pub fn images(references: &[String]) -> Result<BTreeMap<String, Image>> {
    if references.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = inspect::images(references)?;
    Ok(references.iter().cloned().zip(found).filter_map(|(reference, image)| Some((reference, image?))).collect())
}

fn strangers(networks: &[Network], wanted: &Wanted) -> Result<BTreeMap<String, u32>> {
    let mut found = BTreeMap::new();
    for wish in wanted.networks.values() {
        let WantedNetwork::Own(spec) = wish else { continue };
        let is_changed = networks.iter().any(|network| network.name == spec.name && !changed_keys(spec, network).is_empty());
        if is_changed {
            found.insert(spec.name.clone(), inspect::strangers(&spec.name)?);
        }
    }
    Ok(found)
}

fn volumes(wanted: &Wanted) -> Result<BTreeMap<String, Vec<String>>> {
    let specs: Vec<volume::Spec> = wanted.volumes.values().map(WantedVolume::spec).collect();
    let found = volume::compare(&specs)?;
    Ok(specs.into_iter().zip(found).filter_map(|(spec, keys)| Some((spec.name, keys?))).collect())
}

/// The compose service of a container.
pub fn service(container: &Container) -> &str {
    label(&container.labels, labels::SERVICE).unwrap_or_default()
}

/// Made for one command, not for a service.
pub fn is_one_off(container: &Container) -> bool {
    label(&container.labels, labels::ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

pub fn number(container: &Container) -> u32 {
    label(&container.labels, labels::NUMBER).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// It runs, or the engine is about to start it again.
pub fn is_up(container: &Container) -> bool {
    matches!(container.status, Status::Running | Status::Restarting | Status::Paused)
}

/// Of one that ended: the list tells it in words, `Exited (137) 5 seconds ago`.
pub fn exit_code(container: &Container) -> Option<i32> {
    let (_, rest) = container.status_text.split_once("Exited (")?;
    rest.split(')').next()?.parse().ok()
}
