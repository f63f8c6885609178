//! `host:docker`: one compose project on a Docker engine, with the powers that were granted.
//!
//! A guest never learns the engine's address nor a path outside of the project. Whatever it names is looked up in the
//! engine's own list, filtered by the project's label, and only ids from that list are ever sent on: an object of another
//! project is answered like one that was never made. What is absent on purpose: commit, export, copying files out of
//! containers, swarm, plugins, changing the engine itself.

mod archive;
mod build;
mod client;
mod digest;
mod error;
mod exec;
mod hash;
mod host;
#[expect(unreachable_pub, reason = "bindgen re-exports the resource, which must be `pub` for that")]
mod jobs;
mod limits;
#[expect(unreachable_pub, reason = "bindgen re-exports the resource, which must be `pub` for that")]
mod lock;
mod logins;
mod making;
mod paths;
pub mod policy;
mod ports;
mod scope;
mod starting;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::gate::Gate;
use crate::grants::{DockerGrant, DockerPower};

use self::client::Engine;
use self::jobs::Jobs;
pub use self::lock::Places;
pub use self::logins::LoginFile;
use self::policy::Permit;
use self::scope::Scope;

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/docker",
        world: "host:docker/imports",
        imports: { default: async | trappable },
        additional_derives: [PartialEq],
        with: {
            "host:docker/types.job": crate::capabilities::docker::jobs::Job,
            "host:docker/types.lock": crate::capabilities::docker::lock::Lock,
        },
    });
}
use self::bindings::host::docker as wit;
use self::wit::{create, inspect, logs, network, pull, remove, shared, start_stop, types, volume};

/// In the name of a container that is not complete yet; at random what follows.
const HALF: &str = ".half-";

/// Where the engine is, as the operator wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://build:2376`
    pub address: String,
    /// A folder with `ca.pem`, `cert.pem` and `key.pem`: TLS, with the engine's name checked.
    pub certificates: Option<PathBuf>,
    /// What is shown at registries.
    pub logins: Option<LoginFile>,
}

/// What one run may reach, and what it has under way.
pub struct DockerCtx {
    gate: Gate,
    scope: Arc<Scope>,
    endpoint: Endpoint,
    places: Places,
    jobs: Jobs,
}

impl DockerCtx {
    /// `root` is the project's folder, `places` where locks lie, `run_id` this run's own.
    pub fn new(gate: Gate, endpoint: Endpoint, grant: Option<DockerGrant>, root: PathBuf, places: Places, run_id: String) -> Self {
        let permit = Permit::new(gate.command(), grant.unwrap_or_default());
        let scope = Arc::new(Scope::new(Engine::new(endpoint.clone(), root.clone()), permit, root, run_id));
        Self { gate, scope, endpoint, places, jobs: Jobs::default() }
    }

    /// Waits for what must not be left half done: a container that is being made is finished, or removed again.
    pub async fn shutdown(&mut self) {
        self.jobs.settle().await;
    }
}

/// The context and the store's table, borrowed for one call.
pub struct DockerView<'a> {
    pub ctx: &'a mut DockerCtx,
    pub table: &'a mut ResourceTable,
}

struct HasDocker;

impl HasData for HasDocker {
    type Data<'a> = DockerView<'a>;
}

/// Links what all powers share and the interface of each power; the others do not exist for the guest.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    powers: &BTreeSet<DockerPower>,
    view: fn(&mut T) -> DockerView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, HasDocker>(linker, view)?;
    for power in powers {
        match power {
            DockerPower::Inspect => inspect::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Logs => logs::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::StartStop => start_stop::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Create => create::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Remove => remove::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Exec => wit::exec::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Build => wit::build::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Pull => pull::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Network => network::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Volume => volume::add_to_linker::<T, HasDocker>(linker, view)?,
            DockerPower::Shared => shared::add_to_linker::<T, HasDocker>(linker, view)?,
        }
    }
    Ok(())
}
