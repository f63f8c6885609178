//! Podman behind Docker's interface: `podman system service`, in the same kind of namespaces as an engine of Docker's.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::{Docker, Kind};

/// cgroups of all kinds work with runc alone; without systemd its events are kept in a file.
const CONFIGURATION: &str = r#"[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"#;
/// No registry is asked for a name without one.
const REGISTRIES: &str = "unqualified-search-registries = []\n";

/// The Podman that tests share.
pub(crate) fn shared_podman() -> &'static Docker {
    static ENGINE: OnceLock<Docker> = OnceLock::new();
    ENGINE.get_or_init(|| Docker::start_as(Kind::Podman, "{}"))
}

impl Docker {
    /// Runs a container's health check, as Podman has systemd's timers do it: there is no systemd here.
    #[track_caller]
    pub(crate) fn checks_health(&self, container: &str) {
        self.api("GET", &format!("/v4.0.0/libpod/containers/{container}/healthcheck"));
    }
}

/// The service, whose files are all below `folder` and `/run`, which is its own.
pub(super) fn service(command: &mut Command, folder: &Path, host: &str) {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    command.env("CONTAINERS_CONF", file("containers.conf", CONFIGURATION)).env("HOME", folder);
    command.env("CONTAINERS_REGISTRIES_CONF", file("registries.conf", REGISTRIES));
    command.args(["podman", "--storage-driver", "overlay", "--runroot", "/run/podman", "--tmpdir", "/run/libpod"]);
    command.arg("--root").arg(folder.join("data")).arg("--network-config-dir").arg(folder.join("networks"));
    command.args(["system", "service", "--time", "0", host]);
}
