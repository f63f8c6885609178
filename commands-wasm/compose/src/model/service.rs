//! A service: what its containers are made of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Build, Deploy, DeviceRequest, Mount, Port, ServiceNetwork};
use crate::error::Place;

/// Texts are none when the file does not say them; sizes are bytes, durations nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub name: String,
    /// Of the service's key.
    pub place: Place,
    /// Where each of its keys stands.
    pub keys: BTreeMap<String, Place>,

    pub image: Option<String>,
    pub build: Option<Build>,
    pub pull_policy: Option<PullPolicy>,
    pub platform: Option<String>,

    /// None: the image's. Empty: none at all.
    pub command: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    pub working_dir: Option<String>,
    pub user: Option<String>,
    pub group_add: Vec<String>,
    /// With what `env_file` says. None: a name without a value anywhere, which the engine takes out of the image's.
    pub environment: BTreeMap<String, Option<String>>,
    /// Names without a value in an env file: taken out of the image's too. Not above, where they would be in Compose's hash,
    /// which does not know them.
    pub removed: BTreeSet<String>,
    pub env_files: Vec<EnvFile>,
    /// With what `label_file` says.
    pub labels: BTreeMap<String, String>,
    pub label_files: Vec<String>,
    pub annotations: BTreeMap<String, String>,

    pub container_name: Option<String>,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub mac_address: Option<String>,
    pub network_mode: Option<String>,
    /// By the network's key. Empty with `network_mode`; the key `default` when the file names none.
    pub networks: BTreeMap<String, ServiceNetwork>,
    pub ports: Vec<Port>,
    /// `80`, `80/udp` or `3000-3005`.
    pub expose: Vec<String>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_opt: Vec<String>,
    /// `name=address`.
    pub extra_hosts: Vec<String>,
    /// `service` or `service:alias`.
    pub links: Vec<String>,
    /// `container` or `container:alias`.
    pub external_links: Vec<String>,

    pub volumes: Vec<Mount>,
    /// `service[:ro]` or `container:name[:ro]`.
    pub volumes_from: Vec<String>,
    /// `/path` or `/path:options`.
    pub tmpfs: Vec<String>,
    pub secrets: Vec<Reference>,
    pub configs: Vec<Reference>,
    pub read_only: bool,
    pub storage_opt: BTreeMap<String, String>,

    pub depends_on: BTreeMap<String, Dependency>,
    pub profiles: BTreeSet<String>,
    pub healthcheck: Option<Healthcheck>,
    pub restart: Option<Restart>,
    pub scale: Option<u32>,
    pub deploy: Option<Deploy>,
    pub attach: Option<bool>,
    pub logging: Option<Logging>,
    pub stop_grace_period: Option<i64>,
    pub stop_signal: Option<String>,
    pub init: Option<bool>,
    pub tty: bool,
    pub stdin_open: bool,

    pub privileged: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
    pub ulimits: BTreeMap<String, Ulimit>,
    pub devices: Vec<Device>,
    pub device_cgroup_rules: Vec<String>,
    pub gpus: Vec<DeviceRequest>,
    pub ipc: Option<String>,
    pub pid: Option<String>,
    pub uts: Option<String>,
    pub userns_mode: Option<String>,
    pub cgroup: Option<String>,
    pub cgroup_parent: Option<String>,
    pub runtime: Option<String>,
    pub isolation: Option<String>,

    pub shm_size: Option<i64>,
    /// As written; [`Service::limits`] has them together with `deploy.resources`.
    pub cpus: Option<f64>,
    pub cpu_count: Option<i64>,
    pub cpu_percent: Option<f64>,
    pub cpu_period: Option<i64>,
    pub cpu_quota: Option<i64>,
    pub cpu_rt_period: Option<i64>,
    pub cpu_rt_runtime: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub cpuset: Option<String>,
    pub mem_limit: Option<i64>,
    pub mem_reservation: Option<i64>,
    /// -1: without limit.
    pub memswap_limit: Option<i64>,
    pub mem_swappiness: Option<i64>,
    pub pids_limit: Option<i64>,
    pub oom_kill_disable: bool,
    pub oom_score_adj: Option<i64>,
    pub blkio_config: Option<BlkioConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub condition: Condition,
    /// Restarted, when the other one is.
    pub restart: bool,
    /// Otherwise the other one may be absent.
    pub required: bool,
    /// Of `links`, `volumes_from`, `network_mode: service:` and the like, not of `depends_on`.
    pub implicit: bool,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Started,
    Healthy,
    CompletedSuccessfully,
}

/// `test` is the engine's form, its first word `CMD`, `CMD-SHELL` or `NONE`; none: the image's. Durations in
/// nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    pub test: Option<Vec<String>>,
    pub interval: Option<i64>,
    pub timeout: Option<i64>,
    pub retries: Option<u64>,
    pub start_period: Option<i64>,
    pub start_interval: Option<i64>,
    /// `disable: true`, or a `test` of `NONE`.
    pub disabled: bool,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    No,
    Always,
    UnlessStopped,
    /// With the most tries, 0 for no bound.
    OnFailure(u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullPolicy {
    Always,
    Never,
    Missing,
    Build,
    /// When the image is older than this, in nanoseconds: `daily`, `weekly`, `every_12h`.
    Refresh(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    pub driver: Option<String>,
    pub options: BTreeMap<String, String>,
    pub place: Place,
}

/// -1: without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ulimit {
    pub soft: i64,
    pub hard: i64,
    /// Written as one number.
    pub single: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// As a mount's source.
    pub path: String,
    pub required: bool,
    /// `raw`: lines taken as they are.
    pub raw: bool,
    pub place: Place,
}

/// A secret or config that a service mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its key at the top level.
    pub source: String,
    /// A path, or for secrets a name below `/run/secrets`; [`Reference::secret_target`] and
    /// [`Reference::config_target`] are always a path.
    pub target: Option<String>,
    pub uid: Option<String>,
    pub gid: Option<String>,
    pub mode: Option<u32>,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub source: String,
    pub target: String,
    /// `rwm` when nothing is said.
    pub permissions: String,
    pub place: Place,
}

/// Limits as the engine takes them: `deploy.resources` over the service's own keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    pub nano_cpus: Option<i64>,
    pub memory: Option<i64>,
    pub memory_reservation: Option<i64>,
    pub pids: Option<i64>,
    /// `gpus` and `deploy.resources.reservations.devices`.
    pub devices: Vec<DeviceRequest>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlkioConfig {
    pub weight: Option<u16>,
    pub weight_device: Vec<Weight>,
    pub device_read_bps: Vec<Rate>,
    pub device_read_iops: Vec<Rate>,
    pub device_write_bps: Vec<Rate>,
    pub device_write_iops: Vec<Rate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    pub path: String,
    pub weight: u16,
}

/// In bytes or operations a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    pub path: String,
    pub rate: i64,
}

impl Condition {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "service_started",
            Self::Healthy => "service_healthy",
            Self::CompletedSuccessfully => "service_completed_successfully",
        }
    }
}

impl Restart {
    /// The engine's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
            Self::OnFailure(_) => "on-failure",
        }
    }
}

impl Reference {
    /// Where a secret appears in the container.
    pub fn secret_target(&self) -> String {
        match &self.target {
            Some(target) if target.starts_with('/') => target.clone(),
            Some(target) => format!("/run/secrets/{target}"),
            None => format!("/run/secrets/{}", self.source),
        }
    }

    /// Where a config appears in the container.
    pub fn config_target(&self) -> String {
        self.target.clone().unwrap_or_else(|| format!("/{}", self.source))
    }
}

impl Service {
    /// How many containers it has, unless `--scale` says otherwise.
    pub fn replicas(&self) -> u32 {
        self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1)
    }

    /// Where a key stands, or the service itself.
    pub fn place_of(&self, key: &str) -> &Place {
        self.keys.get(key).unwrap_or(&self.place)
    }

    /// What the engine is to do when a container ends: `deploy.restart_policy` over `restart`.
    pub fn restart_policy(&self) -> Restart {
        let Some(policy) = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref()) else {
            return self.restart.unwrap_or(Restart::No);
        };
        let most = policy.max_attempts.and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or(0);
        match policy.condition.as_deref() {
            Some("none" | "no") => Restart::No,
            Some("on-failure") => Restart::OnFailure(most),
            Some("unless-stopped") => Restart::UnlessStopped,
            _ => Restart::Always,
        }
    }

    pub fn limits(&self) -> Limits {
        let limit = self.deploy.as_ref().and_then(|deploy| deploy.limits.as_ref());
        let reserved = self.deploy.as_ref().and_then(|deploy| deploy.reservations.as_ref());
        let mut devices = self.gpus.clone();
        devices.extend(reserved.iter().flat_map(|reserved| reserved.devices.iter().cloned()));
        #[expect(clippy::cast_possible_truncation, reason = "a number of processors times 1e9 fits, and saturates")]
        let nano = |cpus: f64| (cpus * 1e9).round() as i64;
        Limits {
            nano_cpus: limit.and_then(|limit| limit.cpus).or(self.cpus).map(nano),
            memory: limit.and_then(|limit| limit.memory).or(self.mem_limit),
            memory_reservation: reserved.and_then(|reserved| reserved.memory).or(self.mem_reservation),
            pids: limit.and_then(|limit| limit.pids).or(self.pids_limit),
            devices,
        }
    }

    /// Networks in the order they are connected: by priority, then by name.
    pub fn networks_by_priority(&self) -> Vec<(&str, &ServiceNetwork)> {
        let mut networks: Vec<_> = self.networks.iter().map(|(key, network)| (key.as_str(), network)).collect();
        networks.sort_by(|left, right| right.1.priority.cmp(&left.1.priority).then(left.0.cmp(right.0)));
        networks
    }
}
