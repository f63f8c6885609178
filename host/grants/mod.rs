//! What a command asked for, what the operator granted, and what is therefore permitted. Pure: no file,
//! no network, no clock.

mod lines;
pub mod manifest;
mod meeting;
mod patterns;
mod permitted;
mod power;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::lines::{Setting, SettingValue, host_toml_lines, settings};
pub(crate) use self::lines::{toml_key, toml_list, toml_text};
pub use self::manifest::{Ask, Manifest, Wants};
pub(crate) use self::patterns::{escaped, file_common, is_secret, literal};
pub use self::permitted::{Missing, Permitted, permit};
pub use self::power::{BroadcastPower, DockerPower, Power, Powers, RedisPower, SqlPower};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileAccess {
    Read,
    /// Read, create, change and delete.
    Write,
}

impl FileAccess {
    /// The word in host.toml and in manifests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|access| access.word() == word)
    }
}

/// A path or glob relative to the project's folder (`migrations/**`), or absolute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileGrant {
    pub pattern: String,
    pub access: FileAccess,
}

/// What is granted on one Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisGrant {
    pub powers: BTreeSet<RedisPower>,
    /// Redis' globs over the keys as the server has them, the prefix included. None is granted without one.
    pub keys: Vec<String>,
    /// What the host puts before every key of the guest and takes off every key it shows to it.
    pub prefix: Option<String>,
    /// Redis' globs over the channels that may be published on.
    pub channels: Vec<String>,
    /// What the manifest asked for; empty means whatever is granted, else a key, as the server has it or as the guest
    /// names it, must match one of these as well.
    pub asked_keys: Vec<String>,
}

/// What is granted on the application's websocket connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BroadcastGrant {
    pub powers: BTreeSet<BroadcastPower>,
    /// Python's fnmatch patterns over labels.
    pub labels: Vec<String>,
}

/// What is granted on the Docker engine, inside of one compose project. Every list is empty unless the operator wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerGrant {
    pub powers: BTreeSet<DockerPower>,
    /// The compose project, in lower case; never empty once it is resolved.
    pub project: String,
    /// Globs over references as a person writes them (`postgres:16`, `ghcr.io/shop/*`); images that were built for the
    /// project need none.
    pub images: Vec<String>,
    /// The same for what images that are built may be called, and be used by that name; names of the project need none.
    pub tags: Vec<String>,
    /// Globs of folders and files that containers may mount: relative ones are the project's (`.` is all of it), absolute
    /// ones the machine's; `:ro` at the end grants reading only.
    pub mounts: Vec<String>,
    /// Ports of this machine that may be published: `8000`, `8000-8099`, `127.0.0.1:5432`, `53/udp`.
    pub ports: Vec<String>,
    /// Names of networks of the machine that belong to no project, or to another one.
    pub networks: Vec<String>,
    /// The same for volumes.
    pub volumes: Vec<String>,
    /// Folders of the project whose contents may go into images, with all beneath them (`.` is all of it).
    pub contexts: Vec<String>,
    pub privileged: bool,
    /// `network`, `pid`, `ipc`, `uts`, `user`, `cgroup`
    pub host_namespaces: Vec<String>,
    /// Globs over the machine's devices (`/dev/fuse`); `gpu` for device requests.
    pub devices: Vec<String>,
    /// Kernel capabilities beyond the engine's default ones, without `CAP_` (`NET_ADMIN`).
    pub capabilities: Vec<String>,
    /// `seccomp=unconfined`, `runtime=nvidia`, `cgroup-parent=x`, `network-driver=macvlan`, `sysctl=net.core.somaxconn`
    pub security_options: Vec<String>,
    /// A container may have the engine's own socket, and with it the machine.
    pub engine_socket: bool,
}

impl DockerGrant {
    /// The lists, by their keys in host.toml.
    pub fn lists(&self) -> [(&'static str, &Vec<String>); 11] {
        [
            ("images", &self.images),
            ("tags", &self.tags),
            ("mounts", &self.mounts),
            ("ports", &self.ports),
            ("networks", &self.networks),
            ("volumes", &self.volumes),
            ("contexts", &self.contexts),
            ("host-namespaces", &self.host_namespaces),
            ("devices", &self.devices),
            ("capabilities", &self.capabilities),
            ("security-options", &self.security_options),
        ]
    }

    /// The list with this key; none when there is no such list.
    pub fn list_mut(&mut self, key: &str) -> Option<&mut Vec<String>> {
        Some(match key {
            "images" => &mut self.images,
            "tags" => &mut self.tags,
            "mounts" => &mut self.mounts,
            "ports" => &mut self.ports,
            "networks" => &mut self.networks,
            "volumes" => &mut self.volumes,
            "contexts" => &mut self.contexts,
            "host-namespaces" => &mut self.host_namespaces,
            "devices" => &mut self.devices,
            "capabilities" => &mut self.capabilities,
            "security-options" => &mut self.security_options,
            _ => return None,
        })
    }
}

/// How much one run may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetGrants {
    pub rows_changed: Option<u64>,
    /// Redis keys.
    pub keys_deleted: Option<u64>,
    pub connections_dropped: Option<u64>,
    /// Connections dropped a second.
    pub connections_dropped_rate: Option<u64>,
}

/// Bounds an operator set for one command; none means the host's default (`component/limits.rs`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitGrants {
    pub time: Option<Duration>,
    /// Bytes of linear memory, all memories of the command together.
    pub memory: Option<u64>,
    /// Bytes on stdout and stderr together.
    pub output: Option<u64>,
}

/// What `[commands.NAME]` of host.toml grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// By the database's configured name.
    pub sql: BTreeMap<String, BTreeSet<SqlPower>>,
    /// By the configured name of the Redis.
    pub redis: BTreeMap<String, RedisGrant>,
    pub broadcast: Option<BroadcastGrant>,
    pub docker: Option<DockerGrant>,
    pub files: Vec<FileGrant>,
    /// Names of environment variables, `*` at the end allowed.
    pub env: Vec<String>,
    /// `config.KEY = "value"`: what `wasi:config/store` answers.
    pub config: BTreeMap<String, String>,
    pub limits: LimitGrants,
    pub budgets: BudgetGrants,
}
