//! What a project is, once its files are read: everything normalised, nothing left to be looked up.

mod build;
mod deploy;
mod mount;
mod network;
mod port;
mod service;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Warning};
use crate::graph::Graph;

pub use build::Build;
pub use deploy::{Deploy, DeviceRequest, Resource, RestartPolicy, UpdateConfig};
pub use mount::{Mount, MountKind, Propagation};
pub use network::{Ipam, IpamPool, Network, ServiceNetwork};
pub use port::{Port, Protocol, Published};
pub use service::{
    BlkioConfig, Condition, Dependency, Device, EnvFile, Healthcheck, Limits, Logging, PullPolicy, Rate, Reference, Restart, Service,
    Ulimit, Weight,
};
pub use store::{SecretOrConfig, Volume};

/// A project: services and what they use.
#[derive(Debug, Clone)]
pub struct Project {
    /// Lower case, as it stands in labels and names.
    pub name: String,
    pub named_by: NamedBy,
    /// The folder that relative paths of the main files start from, relative to the folder of [`Files`](crate::Files):
    /// `.` unless the first file is somewhere else. All relative paths of the model are already joined with it.
    pub folder: String,
    /// The services that run with these profiles.
    pub services: BTreeMap<String, Service>,
    /// The services whose profile is not active.
    pub inactive: BTreeMap<String, Service>,
    pub networks: BTreeMap<String, Network>,
    pub volumes: BTreeMap<String, Volume>,
    pub secrets: BTreeMap<String, SecretOrConfig>,
    pub configs: BTreeMap<String, SecretOrConfig>,
    /// The main files, in the order they were merged: what `com.docker.compose.project.config_files` lists.
    pub files: Vec<String>,
    /// All files that had a say, included, extended and env files, too.
    pub read: BTreeSet<String>,
    /// What variables were filled in from: the caller's environment, then `.env`.
    pub environment: BTreeMap<String, String>,
    /// The active profiles.
    pub profiles: BTreeSet<String>,
    pub warnings: Vec<Warning>,
}

/// What gave a project its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// [`Options::name`](crate::Options).
    Caller,
    /// `PROJECT_NAME` or `COMPOSE_PROJECT_NAME`, in the environment or `.env`.
    Variable,
    /// `name:` in a file.
    File,
    Folder,
}

impl Project {
    /// The graph of the active services.
    pub fn graph(&self) -> Graph<'_> {
        Graph::of(&self.services)
    }

    /// An active service.
    ///
    /// # Errors
    /// When there is none of that name, or its profile is not active.
    pub fn service(&self, name: &str) -> Result<&Service, Error> {
        if let Some(service) = self.services.get(name) {
            return Ok(service);
        }
        if let Some(service) = self.inactive.get(name) {
            let profile = service.profiles.iter().next().cloned().unwrap_or_default();
            return Err(Error::new(format!("the service `{name}` belongs to a profile that is not active"))
                .at(&service.place)
                .hint(format!("--profile {profile}")));
        }
        let error = Error::new(format!("there is no service `{name}`"));
        Err(match crate::suggest::closest(name, self.services.keys().map(String::as_str)) {
            Some(close) => error.hint(format!("did you mean `{close}`?")),
            None => error.hint(format!("there are: {}", self.services.keys().cloned().collect::<Vec<_>>().join(", "))),
        })
    }
}
