//! From a spec to what the engine is asked for. What a guest named is resolved before: nothing is looked up here.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest as Requested, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, Mount as Mounted, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions, MountType,
    MountVolumeOptions, NetworkingConfig, PortBinding, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, UploadToContainerOptions};

use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use url::form_urlencoded;

use super::networks::endpoint;
use super::raw::{json_of, unaskable};
use super::{Engine, Failure, given, map};
use crate::capabilities::docker::create::{
    Device, DeviceRequest, Healthcheck, LogDriver, Mount, MountKind, Namespaces, Published, Resources, RestartMode, Security, Spec,
    Variable,
};
use crate::capabilities::docker::limits;
use crate::capabilities::docker::types::{Attachment, Limit, Pair};

/// What stands in a spec by names, as the engine is told it.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) labels: Vec<Pair>,
    /// For each mount where its source leads.
    pub(crate) sources: Vec<Option<PathBuf>>,
    /// Volumes beside those of the spec's mounts, and where they are mounted.
    pub(crate) volumes: Vec<(String, String)>,
    /// Ids, with `:ro`.
    pub(crate) volumes_from: Vec<String>,
    /// `none`, `host`, `bridge`, `container:ID`, or the first network's name.
    pub(crate) network_mode: String,
    /// Those that are joined from the first; networks by name.
    pub(crate) endpoints: Vec<Attachment>,
    /// The container's, where endpoints have none of their own.
    pub(crate) mac_address: String,
    /// `NAME:ALIAS` on networks, else `ID:ALIAS`
    pub(crate) links: Vec<String>,
    pub(crate) pid: String,
    pub(crate) ipc: String,
}

impl Engine {
    /// The answer is its id.
    pub(crate) async fn create_container(&self, spec: Spec, resolved: Resolved) -> Result<String, Failure> {
        let options = CreateContainerOptions { name: Some(resolved.name.clone()), platform: spec.platform.clone() };
        let mac_address = resolved.mac_address.clone();
        let body = body(spec, resolved)?;
        if !mac_address.is_empty() {
            return self.create_with_address(&options, &body, mac_address).await;
        }
        self.work(|docker| async move { docker.create_container(Some(options), body).await }).await.map(|answer| answer.id)
    }

    /// The same with a field that the crate beneath has forgotten.
    async fn create_with_address(
        &self,
        options: &CreateContainerOptions,
        body: &ContainerCreateBody,
        address: String,
    ) -> Result<String, Failure> {
        let mut body = serde_json::to_value(body).map_err(|_| unaskable())?;
        if let Some(fields) = body.as_object_mut() {
            fields.insert("MacAddress".to_owned(), address.into());
        }
        let request = Request::builder().method(Method::POST).uri(path(options));
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_string()).map_err(|_| unaskable())?;
        let made = async {
            let answer = json_of(&mut self.raw(request).await?.into_body(), limits::TOLD_BYTES).await;
            answer.as_ref().and_then(|answer| answer.get("Id")?.as_str()).map(str::to_owned).ok_or_else(unaskable)
        };
        self.patiently(made).await
    }

    /// Puts the files of an archive into a container, from its root.
    pub(crate) async fn put(&self, id: &str, archive: Vec<u8>) -> Result<(), Failure> {
        let options = UploadToContainerOptions { path: "/".to_owned(), ..UploadToContainerOptions::default() };
        let body = bollard::body_full(archive.into());
        self.work(|docker| async move { docker.upload_to_container(id, Some(options), body).await }).await
    }
}

fn path(options: &CreateContainerOptions) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("name", options.name.as_deref().unwrap_or_default());
    if !options.platform.is_empty() {
        query.append_pair("platform", &options.platform);
    }
    format!("/containers/create?{}", query.finish())
}

fn body(spec: Spec, resolved: Resolved) -> Result<ContainerCreateBody, Failure> {
    let Resolved { name: _, image, labels, sources, volumes, volumes_from, network_mode, endpoints, mac_address: _, links, pid, ipc } =
        resolved;
    let mounts = mounts(&spec.mounts, sources, volumes)?;
    let on_networks = !endpoints.is_empty();
    let exposed = spec.exposed.iter().map(|exposed| format!("{}/{}", exposed.port, exposed.protocol));
    let exposed = exposed.chain(spec.published.iter().map(port_key)).collect();
    let attached = spec.one_off.then_some(true);
    let resources = HostConfig {
        binds: given(mounts.binds),
        mounts: given(mounts.mounts),
        tmpfs: (!mounts.tmpfs.is_empty()).then_some(mounts.tmpfs),
        volumes_from: given(volumes_from),
        network_mode: Some(network_mode),
        port_bindings: port_bindings(&spec.published),
        restart_policy: Some(RestartPolicy {
            name: Some(match spec.restart.mode {
                RestartMode::No => RestartPolicyNameEnum::NO,
                RestartMode::Always => RestartPolicyNameEnum::ALWAYS,
                RestartMode::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
                RestartMode::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
            }),
            maximum_retry_count: given(i64::from(spec.restart.most)),
        }),
        auto_remove: Some(spec.auto_remove),
        annotations: map(spec.annotations),
        dns: given(spec.dns),
        dns_options: given(spec.dns_options),
        dns_search: given(spec.dns_search),
        extra_hosts: given(spec.extra_hosts),
        group_add: given(spec.groups),
        // On networks of a project links belong to the endpoint.
        links: if on_networks { None } else { given(links.clone()) },
        log_config: spec.logging.map(log_config),
        readonly_rootfs: Some(spec.read_only),
        init: spec.init,
        ..HostConfig::default()
    };
    let host_config = with_namespaces(with_security(with_resources(resources, spec.resources), spec.security), spec.namespaces, pid, ipc);
    let endpoints: HashMap<_, _> = endpoints
        .into_iter()
        .map(|attachment| {
            let name = attachment.network.clone();
            let mut endpoint = endpoint(attachment);
            endpoint.links = given(links.clone());
            (name, endpoint)
        })
        .collect();
    Ok(ContainerCreateBody {
        hostname: given(spec.hostname),
        domainname: given(spec.domain_name),
        user: given(spec.user),
        attach_stdin: attached.filter(|_| spec.stdin_open),
        attach_stdout: attached,
        attach_stderr: attached,
        exposed_ports: given(exposed),
        tty: Some(spec.tty),
        open_stdin: Some(spec.stdin_open),
        // What is piped into a one-off container ends when the pipe does.
        stdin_once: Some(spec.one_off && spec.stdin_open),
        env: given(spec.environment.into_iter().map(variable).collect()),
        cmd: spec.command,
        entrypoint: spec.entrypoint,
        healthcheck: spec.healthcheck.map(healthcheck),
        image: Some(image),
        working_dir: given(spec.working_dir),
        labels: map(labels),
        stop_signal: given(spec.stop_signal),
        stop_timeout: spec.stop_timeout_s.map(i64::from),
        host_config: Some(host_config),
        networking_config: on_networks.then_some(NetworkingConfig { endpoints_config: Some(endpoints) }),
        ..ContainerCreateBody::default()
    })
}

/// A name alone takes the variable out of those of the image.
fn variable(variable: Variable) -> String {
    match variable.value {
        Some(value) => format!("{}={value}", variable.name),
        None => variable.name,
    }
}

fn with_resources(config: HostConfig, resources: Resources) -> HostConfig {
    let Resources {
        nano_cpus,
        cpu_shares,
        cpu_quota,
        cpu_period,
        cpuset,
        memory,
        memory_reservation,
        memory_swap,
        memory_swappiness,
        pids,
        oom_kill_disable,
        oom_score_adjust,
        block_io_weight,
        shm_size,
        ulimits,
        storage_options,
    } = resources;
    HostConfig {
        nano_cpus: given(nano_cpus),
        cpu_shares: given(cpu_shares),
        cpu_quota: given(cpu_quota),
        cpu_period: given(cpu_period),
        cpuset_cpus: given(cpuset),
        memory: given(memory),
        memory_reservation: given(memory_reservation),
        memory_swap: given(memory_swap),
        memory_swappiness,
        pids_limit: given(pids),
        oom_kill_disable: given(oom_kill_disable),
        oom_score_adj: given(i64::from(oom_score_adjust)),
        blkio_weight: (block_io_weight > 0).then_some(block_io_weight),
        shm_size: given(shm_size),
        ulimits: given(ulimits.into_iter().map(ulimit).collect()),
        storage_opt: map(storage_options),
        ..config
    }
}

fn with_security(config: HostConfig, security: Security) -> HostConfig {
    let Security { privileged, cap_add, cap_drop, options, devices, device_requests, device_cgroup_rules, cgroup_parent, runtime, sysctls } =
        security;
    HostConfig {
        privileged: Some(privileged),
        cap_add: given(cap_add),
        cap_drop: given(cap_drop),
        security_opt: given(options),
        devices: given(devices.into_iter().map(device).collect()),
        device_requests: given(device_requests.into_iter().map(device_request).collect()),
        device_cgroup_rules: given(device_cgroup_rules),
        cgroup_parent: given(cgroup_parent),
        runtime: given(runtime),
        sysctls: map(sysctls),
        ..config
    }
}

fn with_namespaces(config: HostConfig, namespaces: Namespaces, pid: String, ipc: String) -> HostConfig {
    let Namespaces { pid: _, ipc: _, uts, user, cgroup } = namespaces;
    HostConfig {
        pid_mode: given(pid),
        ipc_mode: given(ipc),
        uts_mode: given(uts),
        userns_mode: given(user),
        cgroupns_mode: match cgroup.as_str() {
            "host" => Some(HostConfigCgroupnsModeEnum::HOST),
            "private" => Some(HostConfigCgroupnsModeEnum::PRIVATE),
            _ => None,
        },
        ..config
    }
}

struct Mounts {
    /// `source:target:options`: the only form that makes a missing folder on old engines, and that knows SELinux.
    binds: Vec<String>,
    mounts: Vec<Mounted>,
    /// Options by target.
    tmpfs: HashMap<String, String>,
}

fn mounts(asked: &[Mount], sources: Vec<Option<PathBuf>>, volumes: Vec<(String, String)>) -> Result<Mounts, Failure> {
    let mut all = Mounts { binds: Vec::new(), mounts: Vec::new(), tmpfs: HashMap::new() };
    for (mount, source) in asked.iter().zip(sources) {
        match (mount.kind, source) {
            (MountKind::Bind, Some(source)) => {
                let source = source.to_string_lossy().into_owned();
                let as_text = mount.create_source || !mount.selinux.is_empty();
                match as_text && !source.contains(':') && !mount.target.contains(':') {
                    true => all.binds.push(bind(mount, &source)),
                    false if !mount.selinux.is_empty() => {
                        let text = "a path with a colon cannot have a label for SELinux".to_owned();
                        return Err(Failure::Answered { status: 400, message: text });
                    }
                    false => all.mounts.push(bind_mount(mount, source)),
                }
            }
            // A source that was not resolved was not compared with the grant.
            (MountKind::Bind, None) => return Err(Failure::Other("a mount without a source".to_owned())),
            (MountKind::Volume, _) => all.mounts.push(volume_mount(mount)),
            (MountKind::Tmpfs, _) if mount.source.is_empty() => all.mounts.push(tmpfs_mount(mount)),
            (MountKind::Tmpfs, _) => {
                // The engine's word for none is an empty one.
                let options = if mount.source == "rw" { String::new() } else { mount.source.clone() };
                all.tmpfs.insert(mount.target.clone(), options);
            }
        }
    }
    all.mounts.extend(volumes.into_iter().map(|(name, target)| Mounted {
        typ: Some(MountType::VOLUME),
        source: Some(name),
        target: Some(target),
        ..Mounted::default()
    }));
    Ok(all)
}

fn bind(mount: &Mount, source: &str) -> String {
    let words = [if mount.read_only { "ro" } else { "rw" }, mount.selinux.as_str(), mount.propagation.as_str()];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    format!("{source}:{}:{}", mount.target, words.join(","))
}

fn bind_mount(mount: &Mount, source: String) -> Mounted {
    let propagation = match mount.propagation.as_str() {
        "private" => Some(MountBindOptionsPropagationEnum::PRIVATE),
        "rprivate" => Some(MountBindOptionsPropagationEnum::RPRIVATE),
        "slave" => Some(MountBindOptionsPropagationEnum::SLAVE),
        "rslave" => Some(MountBindOptionsPropagationEnum::RSLAVE),
        "shared" => Some(MountBindOptionsPropagationEnum::SHARED),
        "rshared" => Some(MountBindOptionsPropagationEnum::RSHARED),
        _ => None,
    };
    Mounted {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(mount.target.clone()),
        read_only: given(mount.read_only),
        bind_options: propagation.map(|propagation| MountBindOptions { propagation: Some(propagation), ..MountBindOptions::default() }),
        ..Mounted::default()
    }
}

fn volume_mount(mount: &Mount) -> Mounted {
    let options =
        MountVolumeOptions { no_copy: given(mount.no_copy), subpath: given(mount.subpath.clone()), ..MountVolumeOptions::default() };
    Mounted {
        typ: Some(MountType::VOLUME),
        source: given(mount.source.clone()),
        target: Some(mount.target.clone()),
        read_only: given(mount.read_only),
        volume_options: (mount.no_copy || !mount.subpath.is_empty()).then_some(options),
        ..Mounted::default()
    }
}

fn tmpfs_mount(mount: &Mount) -> Mounted {
    let options = MountTmpfsOptions {
        size_bytes: given(i64::try_from(mount.tmpfs_size).unwrap_or(i64::MAX)),
        mode: given(i64::from(mount.tmpfs_mode)),
        ..MountTmpfsOptions::default()
    };
    Mounted {
        typ: Some(MountType::TMPFS),
        target: Some(mount.target.clone()),
        read_only: given(mount.read_only),
        tmpfs_options: (mount.tmpfs_size > 0 || mount.tmpfs_mode > 0).then_some(options),
        ..Mounted::default()
    }
}

fn port_key(published: &Published) -> String {
    format!("{}/{}", published.container_port, published.protocol)
}

fn port_bindings(published: &[Published]) -> Option<HashMap<String, Option<Vec<PortBinding>>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for published in published {
        let (first, last) = (published.host_port, published.host_port_last);
        // The engine's word for a port of its choice is none.
        let host_port = match (first, last) {
            (0, _) => String::new(),
            (first, last) if last > first => format!("{first}-{last}"),
            (first, _) => first.to_string(),
        };
        let binding = PortBinding { host_ip: given(published.host_ip.clone()), host_port: Some(host_port) };
        bindings.entry(port_key(published)).or_default().get_or_insert_default().push(binding);
    }
    (!bindings.is_empty()).then_some(bindings)
}

fn healthcheck(check: Healthcheck) -> HealthConfig {
    let Healthcheck { test, interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries } = check;
    let span = |nanoseconds: u64| given(i64::try_from(nanoseconds).unwrap_or(i64::MAX));
    HealthConfig {
        test: given(test),
        interval: span(interval_ns),
        timeout: span(timeout_ns),
        retries: given(i64::from(retries)),
        start_period: span(start_period_ns),
        start_interval: span(start_interval_ns),
    }
}

fn log_config(logging: LogDriver) -> HostConfigLogConfig {
    HostConfigLogConfig { typ: given(logging.driver), config: map(logging.options) }
}

fn ulimit(limit: Limit) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(limit.name), soft: Some(limit.soft), hard: Some(limit.hard) }
}

fn device(device: Device) -> DeviceMapping {
    let target = if device.target.is_empty() { device.source.clone() } else { device.target };
    let permissions = given(device.permissions).unwrap_or_else(|| "rwm".to_owned());
    DeviceMapping { path_on_host: Some(device.source), path_in_container: Some(target), cgroup_permissions: Some(permissions) }
}

fn device_request(request: DeviceRequest) -> Requested {
    let DeviceRequest { driver, count, ids, capabilities, options } = request;
    Requested {
        driver: given(driver),
        count: given(i64::from(count)),
        device_ids: given(ids),
        capabilities: given(capabilities),
        options: map(options),
    }
}
