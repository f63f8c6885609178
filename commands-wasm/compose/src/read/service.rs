//! A service's keys.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Keys};
use crate::error::Error;
use crate::model::{Condition, Dependency, EnvFile, Healthcheck, Logging, PullPolicy, Reference, Restart, Service, ServiceNetwork};
use crate::node::Entry;
use crate::units;

/// What Compose knows and this does not, with what to do instead.
const UNSUPPORTED: [(&str, &str); 16] = [
    ("credential_spec", "Windows credentials are not supported"),
    ("models", "a model is a service of its own: give it an image"),
    ("provider", "a provider is a program that Compose would run: start it yourself"),
    ("use_api_socket", "mount the engine's socket, where that is granted"),
    ("pre_start", "run it in the `command`, or as a service of its own with `service_completed_successfully`"),
    ("post_start", "run it in the `command`, or as a service of its own"),
    ("pre_stop", "handle the `stop_signal` instead"),
    ("pull_refresh_after", "write pull_policy: every_12h"),
    ("net", "it is called `network_mode`"),
    ("log_driver", "write logging: {driver: ...}"),
    ("log_opt", "write logging: {options: ...}"),
    ("volume_driver", "give the volume a `driver` below the file's `volumes:`"),
    ("dockerfile", "write build: {dockerfile: ...}"),
    ("depends-on", "it is called `depends_on`"),
    ("cpu_set", "it is called `cpuset`"),
    ("memswap_reservation", ""),
];

pub(super) fn service(name: &str, entry: &Entry, context: Context<'_>) -> Result<Service, Error> {
    let keys = Keys::of(&entry.node, format!("services.{name}"), context)?;
    keys.unsupported(&UNSUPPORTED)?;
    keys.without_effect(&["develop"], "it is for `docker compose watch`");
    let service = Service {
        name: name.to_owned(),
        place: entry.place.clone(),
        keys: keys.places(),
        image: keys.text("image")?,
        build: keys.sub("build")?.map(super::build::build).transpose()?,
        pull_policy: pull_policy(&keys)?,
        platform: keys.text("platform")?,
        command: keys.command("command")?,
        entrypoint: keys.command("entrypoint")?,
        working_dir: keys.text("working_dir")?,
        user: keys.text("user")?,
        group_add: keys.texts("group_add")?,
        environment: keys.pairs("environment")?,
        removed: BTreeSet::new(),
        env_files: env_files(&keys)?,
        labels: keys.options("labels")?,
        label_files: keys.texts("label_file")?,
        annotations: keys.options("annotations")?,
        container_name: keys.text("container_name")?,
        hostname: keys.text("hostname")?,
        domainname: keys.text("domainname")?,
        mac_address: keys.text("mac_address")?,
        network_mode: keys.text("network_mode")?,
        networks: networks(&keys)?,
        ports: super::ports::ports(&keys)?,
        expose: expose(&keys)?,
        dns: keys.texts("dns")?,
        dns_search: keys.texts("dns_search")?,
        dns_opt: keys.texts("dns_opt")?,
        extra_hosts: keys.texts("extra_hosts")?,
        links: keys.texts("links")?,
        external_links: keys.texts("external_links")?,
        volumes: super::volumes::volumes(&keys)?,
        volumes_from: keys.texts("volumes_from")?,
        tmpfs: keys.texts("tmpfs")?,
        secrets: references(&keys, "secrets")?,
        configs: references(&keys, "configs")?,
        read_only: keys.flag("read_only")?,
        storage_opt: keys.options("storage_opt")?,
        depends_on: depends_on(&keys)?,
        profiles: keys.texts("profiles")?.into_iter().collect(),
        healthcheck: keys.sub("healthcheck")?.map(healthcheck).transpose()?,
        restart: restart(&keys)?,
        scale: keys.number("scale", "zero or more")?,
        deploy: keys.sub("deploy")?.map(super::deploy::deploy).transpose()?,
        attach: keys.bool("attach")?,
        logging: keys.sub("logging")?.map(logging).transpose()?,
        stop_grace_period: keys.duration("stop_grace_period")?,
        stop_signal: keys.text("stop_signal")?,
        init: keys.bool("init")?,
        tty: keys.flag("tty")?,
        stdin_open: keys.flag("stdin_open")?,
        privileged: keys.flag("privileged")?,
        cap_add: keys.texts("cap_add")?,
        cap_drop: keys.texts("cap_drop")?,
        security_opt: keys.texts("security_opt")?,
        sysctls: keys.options("sysctls")?,
        ulimits: super::resources::ulimits(&keys)?,
        devices: super::resources::devices(&keys)?,
        device_cgroup_rules: keys.texts("device_cgroup_rules")?,
        gpus: super::resources::device_requests(&keys, "gpus")?,
        ipc: keys.text("ipc")?,
        pid: keys.text("pid")?,
        uts: keys.text("uts")?,
        userns_mode: keys.text("userns_mode")?,
        cgroup: keys.choice("cgroup", &[("host", "host"), ("private", "private")])?.map(str::to_owned),
        cgroup_parent: keys.text("cgroup_parent")?,
        runtime: keys.text("runtime")?,
        isolation: keys.text("isolation")?,
        shm_size: keys.bytes("shm_size")?,
        cpus: keys.float("cpus")?,
        cpu_count: keys.int("cpu_count")?,
        cpu_percent: keys.float("cpu_percent")?,
        cpu_period: super::resources::microseconds(&keys, "cpu_period")?,
        cpu_quota: super::resources::microseconds(&keys, "cpu_quota")?,
        cpu_rt_period: super::resources::microseconds(&keys, "cpu_rt_period")?,
        cpu_rt_runtime: super::resources::microseconds(&keys, "cpu_rt_runtime")?,
        cpu_shares: keys.int("cpu_shares")?,
        cpuset: keys.text("cpuset")?,
        mem_limit: keys.bytes("mem_limit")?,
        mem_reservation: keys.bytes("mem_reservation")?,
        memswap_limit: keys.bytes("memswap_limit")?,
        mem_swappiness: keys.bytes("mem_swappiness")?,
        pids_limit: keys.int("pids_limit")?,
        oom_kill_disable: keys.flag("oom_kill_disable")?,
        oom_score_adj: keys.int("oom_score_adj")?,
        blkio_config: keys.sub("blkio_config")?.map(super::resources::blkio).transpose()?,
    };
    // Applied before, to the trees.
    let _ = keys.node("extends");
    keys.finish()?;
    Ok(service)
}

fn pull_policy(keys: &Keys<'_>) -> Result<Option<PullPolicy>, Error> {
    let Some(text) = keys.text("pull_policy")? else { return Ok(None) };
    let day = 86_400_000_000_000;
    Ok(Some(match text.as_str() {
        "always" => PullPolicy::Always,
        "never" => PullPolicy::Never,
        "missing" | "if_not_present" => PullPolicy::Missing,
        "build" => PullPolicy::Build,
        "daily" => PullPolicy::Refresh(day),
        "weekly" => PullPolicy::Refresh(7 * day),
        other => match other.strip_prefix("every_").and_then(units::duration) {
            Some(age) => PullPolicy::Refresh(age),
            None => {
                return Err(
                    keys.wrong("pull_policy", format!("`{other}` is not one of always, never, missing, build, daily, weekly, every_12h"))
                );
            }
        },
    }))
}

fn restart(keys: &Keys<'_>) -> Result<Option<Restart>, Error> {
    let Some(node) = keys.node("restart") else { return Ok(None) };
    if node.as_text().is_none() && node.printed().as_deref() == Some("false") {
        return Err(node.expected("a string", &keys.below("restart")).hint("write restart: \"no\""));
    }
    let Some(text) = keys.text("restart")? else { return Ok(None) };
    let (policy, most) = text.split_once(':').map_or((text.as_str(), None), |(policy, most)| (policy, Some(most)));
    let fail = || keys.wrong("restart", format!("`{text}` is not one of no, always, unless-stopped, on-failure, on-failure:5"));
    match (policy, most) {
        ("no", None) => Ok(Some(Restart::No)),
        ("always", None) => Ok(Some(Restart::Always)),
        ("unless-stopped", None) => Ok(Some(Restart::UnlessStopped)),
        ("on-failure", None) => Ok(Some(Restart::OnFailure(0))),
        ("on-failure", Some(most)) => most.parse().map(|most| Some(Restart::OnFailure(most))).map_err(|_| fail()),
        _ => Err(match crate::suggest::closest(policy, ["always", "unless-stopped", "on-failure"]) {
            Some(close) => fail().hint(format!("did you mean `{close}`?")),
            None => fail(),
        }),
    }
}

fn depends_on(keys: &Keys<'_>) -> Result<BTreeMap<String, Dependency>, Error> {
    let Some(node) = keys.node("depends_on") else { return Ok(BTreeMap::new()) };
    let conditions = [
        ("service_started", Condition::Started),
        ("service_healthy", Condition::Healthy),
        ("service_completed_successfully", Condition::CompletedSuccessfully),
    ];
    super::each(node, &keys.below("depends_on"), |name, entry| {
        let keys = Keys::of(&entry.node, format!("{}.{name}", keys.below("depends_on")), keys.context)?;
        let Some(condition) = keys.choice("condition", &conditions)? else {
            return Err(Error::new("`condition` is missing").at(&entry.place).key(&keys.path).hint("write condition: service_started"));
        };
        let required = keys.bool("required")?.unwrap_or(true);
        let dependency = Dependency { condition, required, restart: keys.flag("restart")?, implicit: false, place: entry.place.clone() };
        keys.finish()?;
        Ok(dependency)
    })
}

fn healthcheck(keys: Keys<'_>) -> Result<Healthcheck, Error> {
    let test = match keys.node("test") {
        None => None,
        Some(node) => match node.as_text() {
            Some("") => None,
            Some(line) => Some(vec!["CMD-SHELL".to_owned(), line.to_owned()]),
            None => Some(keys.texts("test")?),
        },
    };
    if let Some([first, rest @ ..]) = test.as_deref() {
        let fits = match first.as_str() {
            "NONE" => rest.is_empty(),
            "CMD-SHELL" => rest.len() == 1,
            "CMD" => !rest.is_empty(),
            _ => {
                return Err(keys
                    .wrong("test", format!("begins with `{first}`, not with CMD, CMD-SHELL or NONE"))
                    .hint("write a string, or [CMD, program, argument]"));
            }
        };
        if !fits {
            let hint = "CMD-SHELL takes one string, CMD a program and its arguments, NONE nothing";
            // The engine takes what is too many after CMD-SHELL as arguments of the shell, which nobody means.
            if first == "CMD-SHELL" && rest.len() > 1 {
                keys.context
                    .notes
                    .warn(keys.node("test").map(|node| &node.place), format!("`{}`: {hint}; the rest is lost", keys.below("test")));
            } else {
                return Err(keys.wrong("test", format!("`{first}` with {} words after it", rest.len())).hint(hint));
            }
        }
    }
    let off = keys.flag("disable")? || test.as_ref().is_some_and(|test| test.first().is_some_and(|first| first == "NONE"));
    let healthcheck = Healthcheck {
        interval: keys.duration("interval")?,
        timeout: keys.duration("timeout")?,
        retries: keys.number("retries", "zero or more")?,
        start_period: keys.duration("start_period")?,
        start_interval: keys.duration("start_interval")?,
        disabled: off,
        place: keys.place.clone(),
        test: test.filter(|test| !test.is_empty()),
    };
    keys.finish()?;
    Ok(healthcheck)
}

fn logging(keys: Keys<'_>) -> Result<Logging, Error> {
    let logging = Logging { driver: keys.text("driver")?, options: keys.options("options")?, place: keys.place.clone() };
    keys.finish()?;
    Ok(logging)
}

fn networks(keys: &Keys<'_>) -> Result<BTreeMap<String, ServiceNetwork>, Error> {
    let Some(node) = keys.node("networks") else { return Ok(BTreeMap::new()) };
    let path = keys.below("networks");
    super::each(node, &path, |name, entry| {
        let empty = crate::node::Node::map(&entry.place, []);
        let written = !entry.node.is_null();
        // The map that stands for nothing lives as long as this closure.
        let read = |node: &crate::node::Node| network(node, written, format!("{path}.{name}"), entry, keys.context);
        if written { read(&entry.node) } else { read(&empty) }
    })
}

fn network(node: &crate::node::Node, written: bool, path: String, entry: &Entry, context: Context<'_>) -> Result<ServiceNetwork, Error> {
    let keys = Keys::of(node, path, context)?;
    let network = ServiceNetwork {
        aliases: keys.texts("aliases")?,
        ipv4_address: keys.text("ipv4_address")?,
        ipv6_address: keys.text("ipv6_address")?,
        link_local_ips: keys.texts("link_local_ips")?,
        mac_address: keys.text("mac_address")?,
        driver_opts: keys.options("driver_opts")?,
        interface_name: keys.text("interface_name")?,
        priority: keys.int("priority")?.unwrap_or(0),
        gw_priority: keys.int("gw_priority")?.unwrap_or(0),
        written,
        place: entry.place.clone(),
    };
    keys.finish()?;
    Ok(network)
}

fn env_files(keys: &Keys<'_>) -> Result<Vec<EnvFile>, Error> {
    let path = keys.below("env_file");
    keys.list("env_file")?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let raw = keys.choice("format", &[("raw", true), (".env", false)])?.unwrap_or(false);
            let required = keys.bool("required")?.unwrap_or(true);
            let file = EnvFile { path: keys.required("path")?, required, raw, place: item.place.clone() };
            keys.finish()?;
            Ok(file)
        })
        .collect()
}

pub(super) fn references(keys: &Keys<'_>, key: &'static str) -> Result<Vec<Reference>, Error> {
    let path = keys.below(key);
    keys.list(key)?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let reference = Reference {
                source: keys.required("source")?,
                target: keys.text("target")?,
                uid: keys.text("uid")?,
                gid: keys.text("gid")?,
                mode: super::resources::mode(&keys, "mode")?,
                place: item.place.clone(),
            };
            keys.finish()?;
            Ok(reference)
        })
        .collect()
}

fn expose(keys: &Keys<'_>) -> Result<Vec<String>, Error> {
    let ports = keys.texts("expose")?;
    for port in &ports {
        let (range, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        if crate::canon::port_range(range).is_none() || !["tcp", "udp", "sctp"].contains(&protocol) {
            return Err(keys.wrong("expose", format!("`{port}` is not a port")).hint("write 80, 80/udp or 3000-3005"));
        }
    }
    Ok(ports)
}
