//! Containers: listed, looked at, started, stopped, removed.

use std::collections::HashMap;

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerSummaryHealthStatusEnum, ContainerSummaryStateEnum, EndpointSettings,
    HealthStatusEnum, HealthcheckResult, MountPoint, PortSummary, PortSummaryTypeEnum,
};
use bollard::query_parameters::{
    KillContainerOptions, RemoveContainerOptions, RenameContainerOptions, RestartContainerOptions, StopContainerOptions,
};

use super::{Engine, Failure, filters, of_project, pairs};
use crate::capabilities::docker::inspect::{Binding, Container, Endpoint, Probe};
use crate::capabilities::docker::jobs::truncate;
use crate::capabilities::docker::limits;
use crate::capabilities::docker::types::{Health, Pair, Status};

/// What only a look at one container tells. Variables are left out: they hold secrets.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) status: Status,
    pub(crate) health: Health,
    pub(crate) exit_code: i32,
    pub(crate) error: String,
    pub(crate) out_of_memory: bool,
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) restart_count: u32,
    pub(crate) failing_streak: u32,
    pub(crate) probes: Vec<Probe>,
    pub(crate) tty: bool,
    pub(crate) stop_signal: String,
    pub(crate) stop_timeout_s: Option<u32>,
}

/// What a container has of the machine, and another one may be given a part of.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    pub(crate) name: String,
    pub(crate) labels: Vec<Pair>,
    /// The engine removes it when it ends.
    pub(crate) auto_remove: bool,
    /// `host`, `container:ID`, or what is its own.
    pub(crate) network_mode: String,
    pub(crate) pid_mode: String,
    pub(crate) ipc_mode: String,
    pub(crate) mounts: Vec<Held>,
}

/// A mount of a container that is there.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// `bind`, `volume`, `tmpfs`, ...
    pub(crate) kind: String,
    /// Of a volume.
    pub(crate) name: String,
    pub(crate) driver: String,
    /// The path on the machine.
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) read_only: bool,
}

impl Engine {
    /// All of one project, running or not.
    pub(crate) async fn containers_of(&self, project: &str) -> Result<Vec<Container>, Failure> {
        self.list(&[("label", &of_project(project))], true).await
    }

    /// All of the machine that run.
    pub(crate) async fn running_containers(&self) -> Result<Vec<Container>, Failure> {
        self.list(&[], false).await
    }

    /// All that are attached to a network, whoever they belong to.
    pub(crate) async fn attached_containers(&self, network: &str) -> Result<Vec<Container>, Failure> {
        self.list(&[("network", network)], true).await
    }

    async fn list(&self, by: &[(&str, &str)], all: bool) -> Result<Vec<Container>, Failure> {
        let filters = serde_json::json!(filters(by)).to_string();
        let query: String = url::form_urlencoded::Serializer::new(format!("all={all}&")).append_pair("filters", &filters).finish();
        let (list, is_podman): (Vec<ContainerSummary>, _) = self.told_by(&format!("/containers/json?{query}")).await?;
        let mut containers: Vec<Container> = list.into_iter().map(container).collect();
        if is_podman {
            self.add_health(&mut containers, &query).await?;
        }
        Ok(containers)
    }

    pub(crate) async fn state(&self, id: &str) -> Result<State, Failure> {
        self.inspected(id).await.map(state)
    }

    pub(crate) async fn shares(&self, id: &str) -> Result<Shares, Failure> {
        self.inspected(id).await.map(shares)
    }

    pub(crate) async fn inspected(&self, id: &str) -> Result<ContainerInspectResponse, Failure> {
        self.told(&format!("/containers/{id}/json")).await
    }

    pub(crate) async fn start(&self, id: &str) -> Result<(), Failure> {
        self.work(|docker| async move { docker.start_container(id, None).await }).await
    }

    pub(crate) async fn stop(&self, id: &str, timeout_s: Option<u32>) -> Result<(), Failure> {
        let options = StopContainerOptions { signal: None, t: timeout_s.map(seconds) };
        self.work(|docker| async move { docker.stop_container(id, Some(options)).await }).await
    }

    pub(crate) async fn restart(&self, id: &str, timeout_s: Option<u32>) -> Result<(), Failure> {
        let options = RestartContainerOptions { signal: None, t: timeout_s.map(seconds) };
        self.work(|docker| async move { docker.restart_container(id, Some(options)).await }).await
    }

    pub(crate) async fn signal(&self, id: &str, signal: String) -> Result<(), Failure> {
        self.ask(|docker| async move { docker.kill_container(id, Some(KillContainerOptions { signal })).await }).await
    }

    pub(crate) async fn rename(&self, id: &str, name: String) -> Result<(), Failure> {
        self.ask(|docker| async move { docker.rename_container(id, RenameContainerOptions { name }).await }).await
    }

    pub(crate) async fn remove_container(&self, id: &str, force: bool, volumes: bool) -> Result<(), Failure> {
        let options = RemoveContainerOptions { v: volumes, force, link: false };
        gone_is_fine(self.work(|docker| async move { docker.remove_container(id, Some(options)).await }).await)
    }
}

/// What is not there any more need not be removed.
pub(super) fn gone_is_fine(removed: Result<(), Failure>) -> Result<(), Failure> {
    match removed {
        Err(Failure::Answered { status: 404, .. }) => Ok(()),
        // Somebody else removes it at this moment.
        Err(Failure::Answered { status: 409, message }) if message.contains("is already in progress") => Ok(()),
        removed => removed,
    }
}

fn seconds(timeout_s: u32) -> i32 {
    i32::try_from(timeout_s).unwrap_or(i32::MAX)
}

fn container(summary: ContainerSummary) -> Container {
    let status_text = summary.status.unwrap_or_default();
    let health = match summary.health.and_then(|health| health.status) {
        Some(ContainerSummaryHealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(ContainerSummaryHealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
        Some(ContainerSummaryHealthStatusEnum::STARTING) => Health::Starting,
        Some(ContainerSummaryHealthStatusEnum::NONE) => Health::None,
        _ => health_of_text(&status_text),
    };
    // With links a container has names like `/other/alias` as well; its own is the one without a second slash.
    let names = summary.names.unwrap_or_default();
    let own = names.iter().find(|name| !name.trim_start_matches('/').contains('/')).or(names.first());
    Container {
        id: summary.id.unwrap_or_default(),
        name: own.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default(),
        image: summary.image.unwrap_or_default(),
        image_id: summary.image_id.unwrap_or_default(),
        labels: pairs(summary.labels),
        created: summary.created.unwrap_or(0),
        status: status_of_list(summary.state),
        health,
        status_text,
        ports: summary.ports.unwrap_or_default().into_iter().map(binding).collect(),
        endpoints: endpoints(summary.network_settings.and_then(|settings| settings.networks)),
    }
}

/// Engines before API 1.52 tell health only in their words for people.
fn health_of_text(text: &str) -> Health {
    match text {
        text if text.ends_with("(healthy)") => Health::Healthy,
        text if text.ends_with("(unhealthy)") => Health::Unhealthy,
        text if text.ends_with("(health: starting)") => Health::Starting,
        _ => Health::None,
    }
}

fn status_of_list(state: Option<ContainerSummaryStateEnum>) -> Status {
    match state {
        Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::STOPPING) => Status::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => Status::Paused,
        Some(ContainerSummaryStateEnum::RESTARTING) => Status::Restarting,
        Some(ContainerSummaryStateEnum::EXITED) => Status::Exited,
        Some(ContainerSummaryStateEnum::REMOVING) => Status::Removing,
        Some(ContainerSummaryStateEnum::DEAD) => Status::Dead,
        Some(ContainerSummaryStateEnum::CREATED | ContainerSummaryStateEnum::EMPTY) | None => Status::Created,
    }
}

fn binding(port: PortSummary) -> Binding {
    let protocol = match port.typ {
        Some(PortSummaryTypeEnum::UDP) => "udp",
        Some(PortSummaryTypeEnum::SCTP) => "sctp",
        _ => "tcp",
    };
    Binding {
        container_port: port.private_port,
        protocol: protocol.to_owned(),
        host_ip: port.ip.unwrap_or_default(),
        host_port: port.public_port.unwrap_or(0),
    }
}

fn endpoints(networks: Option<HashMap<String, EndpointSettings>>) -> Vec<Endpoint> {
    let endpoint = |(network, settings): (String, EndpointSettings)| Endpoint {
        // Podman knows networks by name only, and says it for the id.
        network_id: settings.network_id.filter(|id| *id != network).unwrap_or_default(),
        network,
        ip_address: settings.ip_address.or(settings.global_ipv6_address).unwrap_or_default(),
    };
    let mut endpoints: Vec<Endpoint> = networks.into_iter().flatten().map(endpoint).collect();
    endpoints.sort_unstable_by(|a, b| a.network.cmp(&b.network));
    endpoints
}

fn state(answer: ContainerInspectResponse) -> State {
    let state = answer.state.unwrap_or_default();
    let config = answer.config.unwrap_or_default();
    let health = state.health.clone().unwrap_or_default();
    let started_at = time(state.started_at.clone());
    let probes = health.log.unwrap_or_default().into_iter().map(probe).filter(|probe| is_after(probe, &started_at)).collect();
    let status = state.status.map(|status| status.to_string()).unwrap_or_default();
    State {
        status: status_of_word(&status),
        health: match health.status {
            Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
            Some(HealthStatusEnum::STARTING) => Health::Starting,
            Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => Health::None,
        },
        exit_code: state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
        error: state.error.unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or(false),
        started_at,
        finished_at: time(state.finished_at),
        restart_count: count(answer.restart_count),
        failing_streak: count(health.failing_streak),
        probes,
        tty: config.tty.unwrap_or(false),
        stop_signal: config.stop_signal.unwrap_or_default(),
        stop_timeout_s: config.stop_timeout.and_then(|seconds| u32::try_from(seconds).ok()),
    }
}

pub(crate) fn shares(answer: ContainerInspectResponse) -> Shares {
    let config = answer.host_config.unwrap_or_default();
    let held = |mount: MountPoint| Held {
        kind: mount.typ.unwrap_or_default(),
        name: mount.name.unwrap_or_default(),
        driver: mount.driver.unwrap_or_default(),
        source: mount.source.unwrap_or_default(),
        target: mount.destination.unwrap_or_default(),
        read_only: mount.rw == Some(false),
    };
    Shares {
        name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        labels: pairs(answer.config.and_then(|config| config.labels)),
        auto_remove: config.auto_remove.unwrap_or(false),
        network_mode: config.network_mode.unwrap_or_default(),
        pid_mode: config.pid_mode.unwrap_or_default(),
        ipc_mode: config.ipc_mode.unwrap_or_default(),
        mounts: answer.mounts.unwrap_or_default().into_iter().map(held).collect(),
    }
}

fn status_of_word(word: &str) -> Status {
    match word {
        "running" | "stopping" => Status::Running,
        "paused" => Status::Paused,
        "restarting" => Status::Restarting,
        "removing" => Status::Removing,
        "exited" => Status::Exited,
        "dead" => Status::Dead,
        _ => Status::Created,
    }
}

fn probe(result: HealthcheckResult) -> Probe {
    let mut output = result.output.unwrap_or_default();
    truncate(&mut output, limits::PROBE_BYTES);
    Probe {
        start: result.start.map(|at| at.to_rfc3339()).unwrap_or_default(),
        end: result.end.map(|at| at.to_rfc3339()).unwrap_or_default(),
        exit_code: result.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
        output,
    }
}

/// A check that began before the container did was of its life before.
fn is_after(probe: &Probe, started_at: &str) -> bool {
    match (probe.start.parse::<jiff::Timestamp>(), started_at.parse::<jiff::Timestamp>()) {
        (Ok(probe), Ok(started)) => probe >= started,
        _ => true,
    }
}

/// The engine's year 1 means never.
fn time(text: Option<String>) -> String {
    text.filter(|text| !text.starts_with("0001-01-01")).unwrap_or_default()
}

fn count(number: Option<i64>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checks_output_is_cut_at_its_bound() {
        for more in [0, 1] {
            let output = Some("x".repeat(limits::PROBE_BYTES + more));
            assert_eq!(probe(HealthcheckResult { output, ..HealthcheckResult::default() }).output.len(), limits::PROBE_BYTES);
        }
    }

    #[test]
    fn a_networks_name_is_not_taken_for_its_id() {
        let named = |id: &str| EndpointSettings { network_id: Some(id.to_owned()), ..EndpointSettings::default() };
        let networks = HashMap::from([("back".to_owned(), named("back")), ("front".to_owned(), named("a8d6ca8d93d2"))]);
        let ids: Vec<String> = endpoints(Some(networks)).into_iter().map(|endpoint| endpoint.network_id).collect();
        assert_eq!(ids, ["", "a8d6ca8d93d2"]);
    }
}
