//! `deploy:`. An engine that is no swarm heeds replicas, resources and the restart policy; the rest is accepted,
//! and named in a warning.

use std::collections::BTreeMap;

use crate::error::Place;

#[derive(Debug, Clone, PartialEq)]
pub struct Deploy {
    /// `replicated`, `global` or one of the two for jobs.
    pub mode: Option<String>,
    pub replicas: Option<u32>,
    /// Of a swarm's service: not put on containers.
    pub labels: BTreeMap<String, String>,
    pub limits: Option<Resource>,
    pub reservations: Option<Resource>,
    pub restart_policy: Option<RestartPolicy>,
    pub update_config: Option<UpdateConfig>,
    pub rollback_config: Option<UpdateConfig>,
    pub constraints: Vec<String>,
    /// What copies are spread over, `node.labels.zone`.
    pub spread: Vec<String>,
    pub max_replicas_per_node: Option<u64>,
    pub endpoint_mode: Option<String>,
    pub place: Place,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource {
    pub cpus: Option<f64>,
    /// In bytes.
    pub memory: Option<i64>,
    pub pids: Option<i64>,
    pub devices: Vec<DeviceRequest>,
    /// Kind and number, for a swarm.
    pub generic_resources: Vec<(String, i64)>,
}

/// GPUs and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    pub capabilities: Vec<String>,
    pub driver: Option<String>,
    /// -1: all.
    pub count: Option<i64>,
    pub device_ids: Vec<String>,
    pub options: BTreeMap<String, String>,
    pub place: Place,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestartPolicy {
    pub condition: Option<String>,
    /// In nanoseconds.
    pub delay: Option<i64>,
    pub max_attempts: Option<u64>,
    /// In nanoseconds.
    pub window: Option<i64>,
}

/// How a swarm updates. Durations in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UpdateConfig {
    pub parallelism: Option<u64>,
    pub delay: Option<i64>,
    pub failure_action: Option<String>,
    pub monitor: Option<i64>,
    pub max_failure_ratio: Option<f64>,
    pub order: Option<String>,
}
