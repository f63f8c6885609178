//! A service as the fields that Compose hashes, in the order of its own structure.

use crate::go_json::{Object, object, string, strings};
use crate::model::{
    BlkioConfig, Deploy, DeviceRequest, Healthcheck, Mount, MountKind, Port, Propagation, Rate, Reference, Resource, Service,
    ServiceNetwork, UpdateConfig,
};
use crate::model::{Network, Restart, Ulimit, Volume};

/// Whose JSON it is: they differ in how mounts of folders are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Compose2,
    Compose5,
}

/// Where the project's folder is, which Compose makes relative paths absolute with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Folder<'a> {
    /// Paths stay as they are.
    Unknown,
    Known(&'a str),
    /// Paths stand between two of [`MARK`].
    Marked,
}

/// Stands in no file: it is no character of any alphabet.
pub(crate) const MARK: char = '\u{10ffff}';

impl Folder<'_> {
    fn path(self, path: &str) -> String {
        match self {
            _ if crate::files::is_anchored(path) => path.to_owned(),
            Self::Unknown => path.to_owned(),
            Self::Known(folder) => crate::files::join(folder, path),
            Self::Marked => format!("{MARK}{path}{MARK}"),
        }
    }
}

/// The fields that decide whether a container is still the one that is wanted: all but those that say how an image is
/// made or found, how many there are and in which order they start.
pub(crate) fn service(service: &Service, folder: Folder<'_>, form: Form) -> Object {
    let mut out = Object::default();
    out.map("annotations", &service.annotations);
    out.some("attach", service.attach.map(|attach| attach.to_string()));
    out.some("blkio_config", service.blkio_config.as_ref().map(blkio));
    out.texts("cap_add", &service.cap_add);
    out.texts("cap_drop", &service.cap_drop);
    out.text("cgroup_parent", service.cgroup_parent.as_ref());
    out.text("cgroup", service.cgroup.as_ref());
    out.number("cpu_count", service.cpu_count);
    out.float("cpu_percent", service.cpu_percent);
    out.number("cpu_period", service.cpu_period);
    out.number("cpu_quota", service.cpu_quota);
    out.number("cpu_rt_period", service.cpu_rt_period);
    out.number("cpu_rt_runtime", service.cpu_rt_runtime);
    out.float("cpus", service.cpus);
    out.text("cpuset", service.cpuset.as_ref());
    out.number("cpu_shares", service.cpu_shares);
    out.raw("command", command(service.command.as_ref()));
    out.list("configs", service.configs.iter().map(|config| reference(config, config.target.clone())));
    out.text("container_name", service.container_name.as_ref());
    out.some("deploy", service.deploy.as_ref().map(deploy));
    out.texts("device_cgroup_rules", &service.device_cgroup_rules);
    out.list(
        "devices",
        service.devices.iter().map(|device| {
            let fields = [("source", &device.source), ("target", &device.target), ("permissions", &device.permissions)];
            object(fields.map(|(name, text)| (name, string(text))))
        }),
    );
    out.texts("dns", &service.dns);
    out.texts("dns_opt", &service.dns_opt);
    out.texts("dns_search", &service.dns_search);
    out.text("domainname", service.domainname.as_ref());
    out.raw("entrypoint", command(service.entrypoint.as_ref()));
    if !service.environment.is_empty() {
        let value = |value: &Option<String>| value.as_ref().map_or_else(|| "null".to_owned(), |value| string(value));
        out.raw("environment", object(service.environment.iter().map(|(name, text)| (name.as_str(), value(text)))));
    }
    out.texts("expose", &service.expose);
    out.texts("external_links", &service.external_links);
    let mut hosts = service.extra_hosts.clone();
    hosts.sort();
    out.texts("extra_hosts", &hosts);
    out.texts("group_add", &service.group_add);
    out.list("gpus", service.gpus.iter().map(device_request));
    out.text("hostname", service.hostname.as_ref());
    out.some("healthcheck", service.healthcheck.as_ref().map(healthcheck));
    out.text("image", service.image.as_ref());
    out.some("init", service.init.map(|init| init.to_string()));
    out.text("ipc", service.ipc.as_ref());
    out.text("isolation", service.isolation.as_ref());
    out.map("labels", &service.labels);
    let files: Vec<String> = service.label_files.iter().map(|path| folder.path(path)).collect();
    out.texts("label_file", &files);
    out.texts("links", &service.links);
    out.some(
        "logging",
        service.logging.as_ref().map(|logging| {
            let mut out = Object::default();
            out.text("driver", logging.driver.as_ref());
            out.map("options", &logging.options);
            out.done()
        }),
    );
    second_half(service, folder, form, &mut out);
    out
}

fn second_half(service: &Service, folder: Folder<'_>, form: Form, out: &mut Object) {
    out.bytes("mem_limit", service.mem_limit);
    out.bytes("mem_reservation", service.mem_reservation);
    out.bytes("memswap_limit", service.memswap_limit);
    out.bytes("mem_swappiness", service.mem_swappiness);
    out.text("mac_address", service.mac_address.as_ref());
    out.text("network_mode", service.network_mode.as_ref());
    if !service.networks.is_empty() {
        out.raw("networks", object(service.networks.iter().map(|(name, end)| (name.as_str(), end_of(end)))));
    }
    out.flag("oom_kill_disable", service.oom_kill_disable);
    out.number("oom_score_adj", service.oom_score_adj);
    out.text("pid", service.pid.as_ref());
    out.number("pids_limit", service.pids_limit);
    out.text("platform", service.platform.as_ref());
    out.list("ports", service.ports.iter().map(port));
    out.flag("privileged", service.privileged);
    out.flag("read_only", service.read_only);
    out.text("restart", service.restart.map(restart).as_ref());
    out.text("runtime", service.runtime.as_ref());
    let secret_target = |secret: &Reference| secret.target.clone().or_else(|| Some(secret.secret_target()));
    out.list("secrets", service.secrets.iter().map(|secret| reference(secret, secret_target(secret))));
    out.texts("security_opt", &service.security_opt);
    out.bytes("shm_size", service.shm_size);
    out.flag("stdin_open", service.stdin_open);
    out.duration("stop_grace_period", service.stop_grace_period);
    out.text("stop_signal", service.stop_signal.as_ref());
    out.map("storage_opt", &service.storage_opt);
    out.map("sysctls", &service.sysctls);
    out.texts("tmpfs", &service.tmpfs);
    out.flag("tty", service.tty);
    if !service.ulimits.is_empty() {
        out.raw("ulimits", object(service.ulimits.iter().map(|(name, limit)| (name.as_str(), ulimit(limit)))));
    }
    out.text("user", service.user.as_ref());
    out.text("userns_mode", service.userns_mode.as_ref());
    out.text("uts", service.uts.as_ref());
    out.list("volumes", service.volumes.iter().map(|volume| mount(volume, folder, form)));
    out.texts("volumes_from", &service.volumes_from);
    out.text("working_dir", service.working_dir.as_ref());
}

/// A network, as Compose hashes it.
pub(crate) fn network(network: &Network) -> String {
    let mut out = Object::default();
    out.text("name", Some(&network.name));
    out.text("driver", network.driver.as_ref());
    out.map("driver_opts", &network.driver_opts);
    let mut ipam = Object::default();
    ipam.text("driver", network.ipam.driver.as_ref());
    ipam.list(
        "config",
        network.ipam.config.iter().map(|pool| {
            let mut out = Object::default();
            out.text("subnet", pool.subnet.as_ref());
            out.text("gateway", pool.gateway.as_ref());
            out.text("ip_range", pool.ip_range.as_ref());
            out.map("aux_addresses", &pool.aux_addresses);
            out.done()
        }),
    );
    ipam.map("options", &network.ipam.options);
    out.raw("ipam", ipam.done());
    out.flag("external", network.external);
    out.flag("internal", network.internal);
    out.flag("attachable", network.attachable);
    out.map("labels", &network.labels);
    out.some("enable_ipv4", network.enable_ipv4.map(|enabled| enabled.to_string()));
    out.some("enable_ipv6", network.enable_ipv6.map(|enabled| enabled.to_string()));
    out.done()
}

/// A volume, as Compose hashes it.
pub(crate) fn volume(volume: &Volume) -> String {
    let mut out = Object::default();
    out.text("name", Some(&volume.name));
    out.text("driver", Some(&volume.driver.clone().unwrap_or_else(|| "local".to_owned())));
    out.map("driver_opts", &volume.driver_opts);
    out.flag("external", volume.external);
    out.map("labels", &volume.labels);
    out.done()
}

fn command(words: Option<&Vec<String>>) -> String {
    words.map_or_else(|| "null".to_owned(), |words| strings(words))
}

fn restart(restart: Restart) -> String {
    match restart {
        Restart::OnFailure(most) if most > 0 => format!("on-failure:{most}"),
        other => other.as_str().to_owned(),
    }
}

pub(crate) fn reference(reference: &Reference, target: Option<String>) -> String {
    let mut out = Object::default();
    out.text("source", Some(&reference.source));
    out.text("target", target.as_ref());
    out.text("uid", reference.uid.as_ref());
    out.text("gid", reference.gid.as_ref());
    out.some("mode", reference.mode.map(|mode| format!("\"0{mode:o}\"")));
    out.done()
}

fn healthcheck(check: &Healthcheck) -> String {
    let mut out = Object::default();
    let none = check.test.as_ref().is_some_and(|test| test.first().is_some_and(|first| first == "NONE"));
    out.texts("test", check.test.as_deref().unwrap_or_default());
    out.duration("timeout", check.timeout);
    out.duration("interval", check.interval);
    out.some("retries", check.retries.map(|retries| retries.to_string()));
    out.duration("start_period", check.start_period);
    out.duration("start_interval", check.start_interval);
    out.flag("disable", check.disabled && !none);
    out.done()
}

pub(crate) fn end_of(end: &ServiceNetwork) -> String {
    if !end.written {
        return "null".to_owned();
    }
    let mut out = Object::default();
    out.texts("aliases", &end.aliases);
    out.map("driver_opts", &end.driver_opts);
    out.number("gw_priority", Some(end.gw_priority));
    out.text("interface_name", end.interface_name.as_ref());
    out.text("ipv4_address", end.ipv4_address.as_ref());
    out.text("ipv6_address", end.ipv6_address.as_ref());
    out.texts("link_local_ips", &end.link_local_ips);
    out.text("mac_address", end.mac_address.as_ref());
    out.number("priority", Some(end.priority));
    out.done()
}

fn port(port: &Port) -> String {
    let mut out = Object::default();
    out.text("name", port.name.as_ref());
    out.text("mode", Some(&port.mode));
    out.text("host_ip", port.host_ip.as_ref());
    out.number("target", Some(port.target.into()));
    out.text("published", port.published.map(|published| published.to_string()).as_ref());
    out.text("protocol", Some(&port.protocol.to_string()));
    out.text("app_protocol", port.app_protocol.as_ref());
    out.done()
}

pub(crate) fn ulimit(limit: &Ulimit) -> String {
    if limit.single && limit.soft != 0 {
        return limit.soft.to_string();
    }
    let mut out = Object::default();
    out.number("soft", Some(limit.soft));
    out.number("hard", Some(limit.hard));
    out.done()
}

pub(crate) fn mount(mount: &Mount, folder: Folder<'_>, form: Form) -> String {
    let mut out = Object::default();
    out.text("type", Some(&mount.kind.as_str().to_owned()));
    let source = mount.source.as_ref().map(|source| if mount.kind == MountKind::Bind { folder.path(source) } else { source.clone() });
    out.text("source", source.as_ref());
    out.text("target", Some(&mount.target));
    out.flag("read_only", mount.read_only);
    out.text("consistency", mount.consistency.as_ref());
    if mount.section {
        out.raw(mount.kind.as_str(), section(mount, form));
    }
    out.done()
}

fn section(mount: &Mount, form: Form) -> String {
    let mut out = Object::default();
    match mount.kind {
        MountKind::Bind => {
            out.text("selinux", mount.selinux.map(String::from).as_ref());
            out.text("propagation", mount.propagation.map(Propagation::as_str).map(str::to_owned).as_ref());
            match form {
                Form::Compose2 => out.flag("create_host_path", mount.create_host_path),
                Form::Compose5 => out.some("create_host_path", (!mount.create_host_path).then(|| "false".to_owned())),
            }
            out.text("recursive", mount.recursive.as_ref());
        }
        MountKind::Volume => {
            out.map("labels", &mount.labels);
            out.flag("nocopy", mount.nocopy);
            out.text("subpath", mount.subpath.as_ref());
        }
        MountKind::Tmpfs => {
            out.bytes("size", mount.tmpfs_size);
            out.number("mode", mount.tmpfs_mode.map(i64::from));
        }
        _ => out.text("subpath", mount.subpath.as_ref()),
    }
    out.done()
}

fn deploy(deploy: &Deploy) -> String {
    let mut out = Object::default();
    out.text("mode", deploy.mode.as_ref());
    out.map("labels", &deploy.labels);
    out.some("update_config", deploy.update_config.as_ref().map(update));
    out.some("rollback_config", deploy.rollback_config.as_ref().map(update));
    let mut resources = Object::default();
    resources.some("limits", deploy.limits.as_ref().map(resource));
    resources.some("reservations", deploy.reservations.as_ref().map(resource));
    out.raw("resources", resources.done());
    out.some(
        "restart_policy",
        deploy.restart_policy.as_ref().map(|policy| {
            let mut out = Object::default();
            out.text("condition", policy.condition.as_ref());
            out.duration("delay", policy.delay);
            out.some("max_attempts", policy.max_attempts.map(|attempts| attempts.to_string()));
            out.duration("window", policy.window);
            out.done()
        }),
    );
    let mut placement = Object::default();
    placement.texts("constraints", &deploy.constraints);
    placement.list("preferences", deploy.spread.iter().map(|spread| object([("spread", string(spread))])));
    placement.some("max_replicas_per_node", deploy.max_replicas_per_node.filter(|most| *most != 0).map(|most| most.to_string()));
    out.raw("placement", placement.done());
    out.text("endpoint_mode", deploy.endpoint_mode.as_ref());
    out.done()
}

fn update(config: &UpdateConfig) -> String {
    let set = |duration: Option<i64>| duration.filter(|duration| *duration != 0);
    let mut out = Object::default();
    out.some("parallelism", config.parallelism.map(|parallelism| parallelism.to_string()));
    out.duration("delay", set(config.delay));
    out.text("failure_action", config.failure_action.as_ref());
    out.duration("monitor", set(config.monitor));
    out.float("max_failure_ratio", config.max_failure_ratio);
    out.text("order", config.order.as_ref());
    out.done()
}

fn resource(resource: &Resource) -> String {
    let mut out = Object::default();
    out.float("cpus", resource.cpus);
    out.bytes("memory", resource.memory);
    out.number("pids", resource.pids);
    out.list("devices", resource.devices.iter().map(device_request));
    out.list(
        "generic_resources",
        resource
            .generic_resources
            .iter()
            .map(|(kind, value)| object([("discrete_resource_spec", object([("kind", string(kind)), ("value", value.to_string())]))])),
    );
    out.done()
}

fn device_request(request: &DeviceRequest) -> String {
    let mut out = Object::default();
    out.texts("capabilities", &request.capabilities);
    out.text("driver", request.driver.as_ref());
    out.number("count", request.count);
    out.texts("device_ids", &request.device_ids);
    out.map("options", &request.options);
    out.done()
}

fn blkio(config: &BlkioConfig) -> String {
    let mut out = Object::default();
    // Compose gives these two structures no JSON names.
    let rate = |rate: &Rate| object([("Path", string(&rate.path)), ("Rate", format!("\"{}\"", rate.rate))]);
    out.number("weight", config.weight.map(i64::from));
    out.list(
        "weight_device",
        config.weight_device.iter().map(|weight| object([("Path", string(&weight.path)), ("Weight", weight.weight.to_string())])),
    );
    out.list("device_read_bps", config.device_read_bps.iter().map(rate));
    out.list("device_read_iops", config.device_read_iops.iter().map(rate));
    out.list("device_write_bps", config.device_write_bps.iter().map(rate));
    out.list("device_write_iops", config.device_write_iops.iter().map(rate));
    out.done()
}
